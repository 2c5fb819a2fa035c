//! How long something takes, whatever else the machine has to do.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a document may take, without optimisation, on a machine that is left alone.
const LIMIT: Duration = Duration::from_secs(1);

/// Held by what is timed: what shares a core's caches and units takes up to twice as long.
static ALONE: Mutex<()> = Mutex::new(());

/// What comes of it and how long it takes, without the time that the machine spends on other things.
///
/// # Panics
///
/// If that is more than a second three times, of which the least counts: nobody can make anything faster
/// than it is. Where others keep a core busy meanwhile, it may be two.
#[track_caller]
pub(crate) fn timed<T>(what: &str, run: impl Fn() -> T) -> (T, Duration) {
    for _ in 0..2 {
        let (result, took, limit) = once(&run);
        if took < limit {
            return (result, took);
        }
    }
    let (result, took, limit) = once(&run);
    assert!(took < limit, "took {took:?}:\n{what}");
    (result, took)
}

/// With what it may take.
fn once<T>(run: impl Fn() -> T) -> (T, Duration, Duration) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (started, all) = (Instant::now(), time_of_all());
    let begin = time_of_thread();
    let result = run();
    let elapsed = started.elapsed();
    let took = begin.zip(time_of_thread());
    let took = took.map_or(elapsed, |(begin, end)| end.saturating_sub(begin));
    let all = all.zip(time_of_all());
    let others = all.map(|(begin, end)| end.saturating_sub(begin).saturating_sub(took));
    let is_shared = others.is_some_and(|others| others > elapsed / 5);
    let limit = if is_shared { 2 * LIMIT } else { LIMIT };
    (result, took, limit)
}

/// How long this thread has run, where the system tells.
fn time_of_thread() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    stat.split(' ')
        .next()?
        .parse()
        .ok()
        .map(Duration::from_nanos)
}

/// How long all processors together have been busy, where the system tells.
fn time_of_all() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    let ticks: Vec<u64> = stat
        .lines()
        .next()?
        .split_whitespace()
        .skip(1)
        .filter_map(|ticks| ticks.parse().ok())
        .collect();
    // User, nice, system; then idle and waiting; then interrupts. A tick is a hundredth of a second.
    let busy = ticks.iter().take(3).chain(ticks.iter().skip(5).take(2));
    Some(Duration::from_millis(10 * busy.sum::<u64>()))
}

//! How long something takes, whatever else the machine has to do.

use std::collections::BTreeMap;
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
/// than it is. While others slow the machine down, be it that they share its core with all of it, it may
/// be as much longer as [something else](reference) takes then, up to two seconds.
#[track_caller]
pub(crate) fn timed<T>(what: &str, run: impl Fn() -> T) -> (T, Duration) {
    for _ in 0..2 {
        let (result, took, limit) = once(&run);
        if took < limit {
            return (result, took);
        }
    }
    let (result, took, limit) = once(&run);
    assert!(
        took < limit,
        "took {took:?} where {limit:?} were allowed:\n{what}"
    );
    (result, took)
}

/// With what it may take.
fn once<T>(run: impl Fn() -> T) -> (T, Duration, Duration) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (result, took) = taken(run);
    let limit = match took < LIMIT {
        true => LIMIT,
        false => {
            let slower = reference().as_secs_f64() / REFERENCE.as_secs_f64();
            LIMIT.mul_f64(slower.clamp(1.0, 2.0))
        }
    };
    (result, took, limit)
}

fn taken<T>(run: impl Fn() -> T) -> (T, Duration) {
    let (started, begin) = (Instant::now(), time_of_thread());
    let result = run();
    let elapsed = started.elapsed();
    let took = begin.zip(time_of_thread());
    let took = took.map_or(elapsed, |(begin, end)| end.saturating_sub(begin));
    (result, took)
}

/// What [`reference`] takes on a machine that is left alone.
const REFERENCE: Duration = Duration::from_millis(200);

/// How long something takes now that has nothing to do with what is tested: text and trees, without
/// optimisation.
fn reference() -> Duration {
    let words = || {
        let mut words: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for number in 0..40_000_u32 {
            let key = format!("{:x}", number.wrapping_mul(2_654_435_761) % 4099);
            words.entry(key).or_default().push(number.to_string());
        }
        words.values().map(Vec::len).sum::<usize>()
    };
    let (count, took) = taken(|| (0..10).map(|_| words()).sum::<usize>());
    assert_eq!(count, 400_000);
    took
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

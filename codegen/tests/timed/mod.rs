//! How long something takes, whatever else the machine has to do.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Held by what is timed: what shares a core's caches and units takes up to twice as long.
static ALONE: Mutex<()> = Mutex::new(());

/// What comes of it and how long it takes, without the time that the machine spends on other things.
pub(crate) fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let started = Instant::now();
    let begin = time_of_thread();
    let result = run();
    let took = begin.zip(time_of_thread());
    let took = took.map_or(started.elapsed(), |(begin, end)| end.saturating_sub(begin));
    (result, took)
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

//! What is measured.

use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};

/// Held by whoever measures.
pub(crate) async fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::const_new(());
    ONE.lock().await
}

/// Memory of this process that is in use, in bytes.
pub(crate) fn memory() -> usize {
    status("VmRSS:")
}

/// The most memory that this process has ever asked for, used or not, in bytes.
pub(crate) fn asked_for() -> usize {
    status("VmPeak:")
}

fn status(name: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    kilobytes.unwrap().parse::<usize>().unwrap() << 10
}

/// The time that this thread has spent computing.
pub(crate) fn computed() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanoseconds = stat.split(' ').next().unwrap().parse().unwrap();
    Duration::from_nanos(nanoseconds)
}

/// The most of what is seen while `work` goes on.
pub(crate) async fn peak<T>(work: impl Future<Output = T>) -> (usize, T) {
    tokio::pin!(work);
    let mut most = memory();
    let mut look = tokio::time::interval(Duration::from_millis(20));
    loop {
        tokio::select! {
            done = &mut work => return (most.max(memory()), done),
            _ = look.tick() => most = most.max(memory()),
        }
    }
}

/// The time below which so many of a hundred are.
pub(crate) fn percentile(times: &mut [Duration], of_a_hundred: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() * of_a_hundred / 100).min(times.len() - 1)]
}

//! What a process has used, as the operating system counts it.

use std::fs;

/// Time of processors.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// In nanoseconds, of all threads.
    pub(crate) total: u64,
    /// In clock ticks.
    user: u64,
    kernel: u64,
}

impl Usage {
    pub(crate) fn of(process: &str) -> Self {
        let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter();
        let total = tasks
            .flatten()
            .flatten()
            .filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok())
            .filter_map(|text| text.split(' ').next()?.parse::<u64>().ok())
            .sum();
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // The name is in brackets, and may be anything.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let mut ticks = fields
            .split_whitespace()
            .skip(11)
            .map(|field| field.parse().unwrap_or(0));
        Self {
            total,
            user: ticks.next().unwrap_or(0),
            kernel: ticks.next().unwrap_or(0),
        }
    }

    /// Seconds of processors that processes have used which this one has started and seen end, and those
    /// that they have.
    pub(crate) fn of_children() -> f64 {
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let ticks = fields.split_whitespace().skip(13).take(2);
        // Of a hundredth of a second, on every Linux.
        ticks
            .filter_map(|field| field.parse::<f64>().ok())
            .sum::<f64>()
            / 100.0
    }

    /// What was used since an earlier moment, and the kernel's part of it.
    pub(crate) fn since(self, earlier: Self) -> (u64, f64) {
        let kernel = self.kernel.saturating_sub(earlier.kernel) as f64;
        let user = self.user.saturating_sub(earlier.user) as f64;
        let ticks = kernel + user;
        let share = if ticks > 0.0 { kernel / ticks } else { 0.0 };
        (self.total.saturating_sub(earlier.total), share)
    }
}

/// Bytes of memory that a process has.
pub(crate) fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let mut lines = status.lines();
    let kib = lines.find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next());
    kib.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) << 10
}

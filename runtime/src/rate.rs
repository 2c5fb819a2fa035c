//! How often something happens, and how often it may.

use std::time::Duration;

use tokio::time::Instant;

/// Counts what happens within a time that begins with the first of it.
#[derive(Debug, Default)]
pub(crate) struct Window {
    since: Option<Instant>,
    count: u32,
}

impl Window {
    /// Counts one more, and says how many that makes in a window of this length.
    pub(crate) fn count(&mut self, length: Duration) -> u32 {
        let now = Instant::now();
        if self
            .since
            .is_none_or(|since| now.duration_since(since) >= length)
        {
            self.since = Some(now);
            self.count = 0;
        }
        self.count = self.count.saturating_add(1);
        self.count
    }
}

/// So many a second, evenly or in bursts of a second's worth: a token bucket, as one moment.
#[derive(Debug)]
pub(crate) struct Allowance {
    each: Duration,
    /// When all that was taken would have been, had it come evenly.
    taken_until: Instant,
}

const SECOND: Duration = Duration::from_secs(1);

impl Allowance {
    pub(crate) fn new(a_second: u32) -> Self {
        Self {
            each: SECOND / a_second.max(1),
            taken_until: Instant::now(),
        }
    }

    /// Takes one, whether or not one is left.
    pub(crate) fn take(&mut self, now: Instant) {
        self.taken_until = self.taken_until.max(now) + self.each;
    }

    /// When there will be another, if there is none now.
    pub(crate) fn used_up_until(&self, now: Instant) -> Option<Instant> {
        let ahead = SECOND.saturating_sub(self.each);
        let is_used_up = self.taken_until > now + ahead;
        is_used_up.then(|| self.taken_until.checked_sub(ahead).unwrap_or(now))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_window_begins_with_the_first_in_it() {
        let mut window = Window::default();
        let mut count = || window.count(Duration::from_secs(10));
        advance(Duration::from_secs(9)).await;
        assert_eq!([count(), count()], [1, 2]);
        advance(Duration::from_secs(9)).await;
        assert_eq!(count(), 3);
        advance(Duration::from_secs(1)).await;
        assert_eq!(count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_allowance_is_a_second_s_worth_at_once_and_then_comes_evenly() {
        let start = Instant::now();
        let mut allowance = Allowance::new(100);
        for _ in 0..100 {
            assert_eq!(allowance.used_up_until(Instant::now()), None);
            allowance.take(Instant::now());
        }
        let mut taken = 0;
        while start.elapsed() < SECOND {
            let until = allowance.used_up_until(Instant::now()).unwrap();
            tokio::time::sleep_until(until).await;
            assert_eq!(allowance.used_up_until(Instant::now()), None);
            allowance.take(Instant::now());
            taken += 1;
        }
        assert_eq!(taken, 100);
        // What was not used is there again, and no more than that.
        advance(Duration::from_secs(60)).await;
        for _ in 0..100 {
            assert_eq!(allowance.used_up_until(Instant::now()), None);
            allowance.take(Instant::now());
        }
        assert!(allowance.used_up_until(Instant::now()).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn an_allowance_may_be_without_end() {
        let mut allowance = Allowance::new(u32::MAX);
        for _ in 0..10_000 {
            allowance.take(Instant::now());
        }
        assert_eq!(allowance.used_up_until(Instant::now()), None);
    }
}

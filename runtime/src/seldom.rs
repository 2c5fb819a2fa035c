//! Log lines that could otherwise be written as often as a peer likes.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tracing::{Dispatch, Span, dispatcher};

/// Logs as `tracing::error!` and the like do, but once a second at most for each place that it stands
/// in; with how often it kept back since the last time.
///
/// With `apart:` before it, what is logged is [logged apart](Seldom::apart): where one of our locks may
/// be held.
macro_rules! seldom {
    (apart: $level:ident, $($what:tt)+) => {{
        static SELDOM: $crate::seldom::Seldom = $crate::seldom::Seldom::new();
        SELDOM.apart(move |kept_back| ::tracing::$level!(kept_back, $($what)+));
    }};
    ($level:ident, $($what:tt)+) => {{
        static SELDOM: $crate::seldom::Seldom = $crate::seldom::Seldom::new();
        if let Some(kept_back) = SELDOM.now() {
            ::tracing::$level!(kept_back, $($what)+);
        }
    }};
}
pub(crate) use seldom;

/// Lets one line through in so long a time.
const PAUSE: Duration = Duration::from_secs(1);

/// One place that logs.
#[derive(Debug)]
pub(crate) struct Seldom {
    /// Milliseconds from the first use of any of these until it may be logged again.
    quiet_until: AtomicU64,
    kept_back: AtomicU64,
    /// It is being logged apart, and that has not ended.
    is_apart: AtomicBool,
}

/// The end of that.
struct Apart(&'static Seldom);

impl Drop for Apart {
    fn drop(&mut self) {
        self.0.is_apart.store(false, Ordering::Release);
    }
}

impl Seldom {
    pub(crate) const fn new() -> Self {
        Self {
            quiet_until: AtomicU64::new(0),
            kept_back: AtomicU64::new(0),
            is_apart: AtomicBool::new(false),
        }
    }

    /// Logs on a thread of its own, in the span that this is called in, if it is to be logged now and
    /// that of last time has ended. Whoever takes what is logged may be anybody, and may publish: under a
    /// lock that publishing takes he would wait for himself.
    pub(crate) fn apart(&'static self, log: impl FnOnce(u64) + Send + 'static) {
        if self.is_apart.swap(true, Ordering::Acquire) {
            self.kept_back.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let apart = Apart(self);
        let Some(kept_back) = self.now() else { return };
        let (to, span) = (dispatcher::get_default(Dispatch::clone), Span::current());
        let log = move || {
            let _apart = apart;
            dispatcher::with_default(&to, || span.in_scope(|| log(kept_back)));
        };
        let thread = thread::Builder::new().name("specwire-log".into());
        if thread.spawn(log).is_err() {
            // As if it had been kept back.
            let count = kept_back.saturating_add(1);
            self.kept_back.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// Whether to log now; and if so, how often that was kept back since the last time.
    pub(crate) fn now(&self) -> Option<u64> {
        static START: OnceLock<Instant> = OnceLock::new();
        self.at(START.get_or_init(Instant::now).elapsed())
    }

    fn at(&self, now: Duration) -> Option<u64> {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let quiet_until = self.quiet_until.load(Ordering::Relaxed);
        let next = milliseconds(now.saturating_add(PAUSE));
        let is_mine = milliseconds(now) >= quiet_until
            && self
                .quiet_until
                .compare_exchange(quiet_until, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if is_mine {
            return Some(self.kept_back.swap(0, Ordering::Relaxed));
        }
        self.kept_back.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Barrier, Mutex};

    use super::*;

    #[test]
    fn one_in_a_second_is_logged_and_the_others_are_counted() {
        let seldom = Seldom::new();
        let at = |milliseconds| seldom.at(Duration::from_millis(milliseconds));
        assert_eq!(at(5), Some(0));
        assert_eq!(at(5), None);
        assert_eq!(at(1004), None);
        assert_eq!(at(1005), Some(2));
        assert_eq!(at(9000), Some(0));
    }

    #[test]
    fn what_is_logged_apart_is_while_nothing_else_is_there() {
        static SELDOM: Seldom = Seldom::new();
        let (logged, held) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Barrier::new(2)));
        let log = |is_held: bool| {
            let (logged, held) = (Arc::clone(&logged), Arc::clone(&held));
            // Its time has come, each time.
            SELDOM.quiet_until.store(0, Ordering::Relaxed);
            SELDOM.apart(move |kept_back| {
                logged.lock().unwrap().push(kept_back);
                if is_held {
                    held.wait();
                    held.wait();
                }
            });
        };
        let ended = || {
            while SELDOM.is_apart.load(Ordering::Acquire) {
                thread::yield_now();
            }
        };
        log(true);
        held.wait();
        // Whoever takes it has not come back yet.
        log(false);
        log(false);
        held.wait();
        ended();
        assert_eq!(*logged.lock().unwrap(), [0]);
        log(false);
        ended();
        assert_eq!(*logged.lock().unwrap(), [0, 2]);
    }
}

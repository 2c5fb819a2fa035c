//! A time that is waited for among other things.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

/// Wakes whoever waits at a time that may change.
///
/// As a [`Sleep`], but next to nothing for those who are woken for other reasons, and look whether it
/// is time on each such occasion. Nothing is held before it is first waited for.
#[derive(Debug, Default)]
pub(crate) struct Alarm(Option<Set>);

#[derive(Debug)]
struct Set {
    sleep: Pin<Box<Sleep>>,
    waiting: Waker,
}

impl Alarm {
    /// Waits until then.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, at: Instant) -> Poll<()> {
        let set = match &mut self.0 {
            Some(set) => {
                let is_same = set.sleep.deadline() == at;
                if !is_same {
                    set.sleep.as_mut().reset(at);
                }
                // Whoever has asked once will be woken.
                if is_same && !set.sleep.is_elapsed() && set.waiting.will_wake(cx.waker()) {
                    return Poll::Pending;
                }
                set.waiting.clone_from(cx.waker());
                set
            }
            none => none.insert(Set {
                sleep: Box::pin(sleep_until(at)),
                waiting: cx.waker().clone(),
            }),
        };
        // Whoever has used up his turn must not be told to ask again, as he would not.
        pin!(unconstrained(set.sleep.as_mut())).poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_time_may_change_while_it_is_waited_for() {
        let start = Instant::now();
        let mut alarm = Alarm::default();
        for seconds in [5, 3, 7, 7] {
            let at = start + Duration::from_secs(seconds);
            let polled = poll_fn(|cx| alarm.poll(cx, at)).now_or_never();
            assert_eq!(polled.is_some(), start.elapsed() >= at - start);
            poll_fn(|cx| alarm.poll(cx, at)).await;
            assert!(start.elapsed() >= at - start);
        }
        assert_eq!(start.elapsed().as_secs(), 7);
    }
}

//! A word that is given once, to many who look for it often.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Waker};

use tokio::task::unconstrained;
use tokio_util::sync::CancellationToken;

/// What is given once. Clones are the same.
///
/// As a [`CancellationToken`], but without a lock for those who are woken for other reasons, and look
/// whether this is one each time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cue(Arc<Given>);

#[derive(Debug, Default)]
struct Given {
    is_given: AtomicBool,
    token: CancellationToken,
}

impl Cue {
    /// Gives it, which wakes all who wait.
    pub(crate) fn give(&self) {
        self.0.is_given.store(true, Ordering::Release);
        self.0.token.cancel();
    }

    pub(crate) fn is_given(&self) -> bool {
        self.0.is_given.load(Ordering::Acquire)
    }

    /// The same, to be handed on.
    pub(crate) fn token(&self) -> CancellationToken {
        self.0.token.clone()
    }

    /// Waits until it is given. Cancelling it loses nothing.
    pub(crate) async fn given(&self) {
        // Whoever has used up his turn must not be told to ask again, as he would not.
        let mut given = pin!(unconstrained(self.0.token.cancelled()));
        let mut known: Option<Waker> = None;
        poll_fn(|cx| {
            if self.is_given() {
                return Poll::Ready(());
            }
            // Whoever has asked once will be woken.
            match &mut known {
                Some(known) if known.will_wake(cx.waker()) => return Poll::Pending,
                Some(known) => known.clone_from(cx.waker()),
                None => known = Some(cx.waker().clone()),
            }
            given.as_mut().poll(cx)
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn all_who_wait_are_told_and_all_who_come_later() {
        let cue = Cue::default();
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let cue = cue.clone();
                tokio::spawn(async move { cue.given().await })
            })
            .collect();
        tokio::task::yield_now().await;
        assert!(cue.given().now_or_never().is_none());
        cue.give();
        for waiting in waiting {
            waiting.await.unwrap();
        }
        assert!(cue.given().now_or_never().is_some());
        assert!(cue.is_given());
    }

    #[tokio::test]
    async fn whoever_waits_elsewhere_from_now_on_is_told_there() {
        let cue = Cue::default();
        let mut waiting = Box::pin({
            let cue = cue.clone();
            async move { cue.given().await }
        });
        // By a waker that wakes nobody.
        assert!(waiting.as_mut().now_or_never().is_none());
        let waiting = tokio::spawn(waiting);
        tokio::task::yield_now().await;
        cue.give();
        waiting.await.unwrap();
    }
}

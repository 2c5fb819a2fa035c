//! The word to leave, for the many connections of a server, who look for it often.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use tokio_util::sync::CancellationToken;

/// What tells connections to end. Clones are the same.
///
/// Whoever [listens](Ear) is woken when there is more to be known; whoever is polled with him just
/// looks, which is no more than that.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leave(Arc<Word>);

#[derive(Debug, Default)]
struct Word {
    stage: AtomicU8,
    token: CancellationToken,
    listening: Mutex<Listening>,
}

#[derive(Debug, Default)]
struct Listening {
    next_place: u64,
    wakers: BTreeMap<u64, Waker>,
}

/// How urgent it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stage {
    /// Nothing more is to be read, and what is in flight to be answered.
    Told = 1,
    /// That has taken too long.
    Late = 2,
    /// All is to be dropped.
    Aborted = 3,
}

impl Leave {
    /// Gives the word, which wakes all who listen.
    pub(crate) fn give(&self, stage: Stage) {
        self.0.stage.fetch_max(stage as u8, Ordering::Release);
        self.0.token.cancel();
        let wakers: Vec<_> = self.listening().wakers.values().cloned().collect();
        for waker in wakers {
            waker.wake();
        }
    }

    fn is(&self, stage: Stage) -> bool {
        self.0.stage.load(Ordering::Acquire) >= stage as u8
    }

    pub(crate) fn is_told(&self) -> bool {
        self.is(Stage::Told)
    }

    pub(crate) fn is_late(&self) -> bool {
        self.is(Stage::Late)
    }

    pub(crate) fn is_aborted(&self) -> bool {
        self.is(Stage::Aborted)
    }

    /// Cancelled with the first word, to be handed on.
    pub(crate) fn token(&self) -> CancellationToken {
        self.0.token.clone()
    }

    // Nothing that can panic runs under the lock, so a poisoned one holds whole data.
    fn listening(&self) -> MutexGuard<'_, Listening> {
        let listening = self.0.listening.lock();
        listening.unwrap_or_else(PoisonError::into_inner)
    }
}

/// One that is woken by the word, until this is dropped.
#[derive(Debug)]
pub(crate) struct Ear {
    leave: Leave,
    known: Option<(u64, Waker)>,
}

impl Ear {
    pub(crate) fn new(leave: Leave) -> Self {
        Self { leave, known: None }
    }

    /// From now on, who polls this is woken. A word that was given before is there to look at.
    pub(crate) fn listen(&mut self, cx: &Context<'_>) -> &Leave {
        match &self.known {
            Some((_, waker)) if waker.will_wake(cx.waker()) => {}
            known => {
                let waker = cx.waker().clone();
                let mut listening = self.leave.listening();
                let place = known.as_ref().map_or(listening.next_place, |known| known.0);
                listening.next_place = listening.next_place.max(place.wrapping_add(1));
                let earlier = listening.wakers.insert(place, waker.clone());
                drop(listening);
                drop(earlier);
                self.known = Some((place, waker));
            }
        }
        &self.leave
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        if let Some((place, _)) = &self.known {
            let waker = self.leave.listening().wakers.remove(place);
            drop(waker);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use futures_util::FutureExt;

    use super::*;

    async fn aborted(mut ear: Ear) {
        poll_fn(|cx| match ear.listen(cx).is_aborted() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    }

    #[tokio::test]
    async fn all_who_listen_are_woken_by_each_word_and_nothing_is_kept_of_them() {
        let leave = Leave::default();
        let ear = || Ear::new(leave.clone());
        let listening: Vec<_> = (0..3).map(|_| tokio::spawn(aborted(ear()))).collect();
        tokio::task::yield_now().await;
        assert_eq!(leave.listening().wakers.len(), 3);
        for stage in [Stage::Told, Stage::Late] {
            leave.give(stage);
            tokio::task::yield_now().await;
            assert!(listening.iter().all(|listening| !listening.is_finished()));
        }
        assert!(leave.is_told() && leave.is_late() && leave.token().is_cancelled());
        leave.give(Stage::Aborted);
        for listening in listening {
            listening.await.unwrap();
        }
        assert!(aborted(ear()).now_or_never().is_some());
        assert!(leave.listening().wakers.is_empty());
    }

    #[tokio::test]
    async fn whoever_listens_elsewhere_from_now_on_is_woken_there() {
        let leave = Leave::default();
        let mut listening = Box::pin(aborted(Ear::new(leave.clone())));
        // By a waker that wakes nobody.
        assert!(listening.as_mut().now_or_never().is_none());
        let listening = tokio::spawn(listening);
        tokio::task::yield_now().await;
        assert_eq!(leave.listening().wakers.len(), 1);
        leave.give(Stage::Aborted);
        listening.await.unwrap();
    }
}

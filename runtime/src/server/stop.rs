//! How the connections of a server are told to end.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connected::{Begin, Connected};
use crate::leave::{Leave, Stage};
use crate::limits::after;

/// Connections are told in so many batches, one after the other.
const BATCHES: usize = 64;

/// The connections of a server, and what tells them to end.
#[derive(Debug)]
pub(super) struct Stop {
    /// Cancelled first: no more connections are accepted.
    begun: CancellationToken,
    /// Told one after the other.
    batches: Arc<[Leave; BATCHES]>,
    next_batch: AtomicUsize,
    connections: TaskTracker,
}

/// How a server stops.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// From the first word to the abortion of what is left.
    pub(super) grace: Duration,
    /// What of it is kept for the closing of connections.
    pub(super) closing: Duration,
    /// Connections that are told to end in a second.
    pub(super) rate: u32,
}

impl Pace {
    fn drain(&self) -> Duration {
        self.grace.saturating_sub(self.closing)
    }

    /// From the first batch to the last. Half of the time is left for what is in flight.
    fn spread(&self, connections: usize) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "it is a time, to be slept")]
        let seconds = connections as f64 / f64::from(self.rate.max(1));
        Duration::try_from_secs_f64(seconds)
            .unwrap_or(Duration::MAX)
            .min(self.drain() / 2)
    }
}

impl Stop {
    pub(super) fn new() -> Self {
        Self {
            begun: CancellationToken::new(),
            batches: Arc::new(std::array::from_fn(|_| Leave::default())),
            next_batch: AtomicUsize::new(0),
            connections: TaskTracker::new(),
        }
    }

    pub(super) fn has_begun(&self) -> bool {
        self.begun.is_cancelled()
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.len()
    }

    pub(super) async fn begins(&self) {
        self.begun.cancelled().await;
    }

    /// What tells one more connection to end.
    pub(super) fn leave(&self) -> Leave {
        let batch = self.next_batch.fetch_add(1, Ordering::Relaxed) % BATCHES;
        let [first, ..] = &*self.batches;
        self.batches.get(batch).unwrap_or(first).clone()
    }

    /// Aborts what is left when this is dropped.
    pub(super) fn abort_on_drop(&self) -> impl Drop + use<> {
        struct Guard(Arc<[Leave; BATCHES]>);
        impl Drop for Guard {
            fn drop(&mut self) {
                give(&*self.0, Stage::Aborted);
            }
        }
        Guard(Arc::clone(&self.batches))
    }

    /// A connection's work, which is waited for, and aborted if it takes too long: what begins it, and
    /// what this has become then.
    pub(super) fn connection(
        &self,
        leave: Leave,
        begin: Begin,
    ) -> impl Future<Output = ()> + Send + use<> {
        self.connections.track_future(Connected::new(leave, begin))
    }

    /// Ends all connections, and waits for `rest` after that.
    pub(super) async fn stop(&self, pace: Pace, rest: impl Future<Output = ()>) {
        let (drained, ended_by) = (after(pace.drain()), after(pace.grace));
        let connections = self.connections.len();
        tracing::info!(connections, grace = ?pace.grace, "stopping");
        self.begun.cancel();
        self.connections.close();
        let ended = async {
            self.connections.wait().await;
            rest.await;
        };
        let told = async {
            let pause = pace.spread(connections) / BATCHES as u32;
            for batch in &*self.batches {
                batch.give(Stage::Told);
                sleep(pause).await;
            }
            sleep_until(drained).await;
            give(&*self.batches, Stage::Late);
            sleep_until(ended_by).await;
        };
        tokio::select! {
            biased;
            () = ended => {
                // Whoever has been accepted in this moment is told as well.
                return give(&*self.batches, Stage::Late);
            }
            () = told => {}
        }
        let connections = self.connections.len();
        tracing::warn!(connections, "aborting what has not ended");
        give(&*self.batches, Stage::Aborted);
        // All but what never awaits anything has ended then.
        let _ = tokio::time::timeout(pace.closing, self.connections.wait()).await;
    }
}

fn give(batches: &[Leave], stage: Stage) {
    for batch in batches {
        batch.give(stage);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::future::poll_fn;
    use std::sync::{Arc, Mutex};
    use std::task::Poll;

    use tokio::time::Instant;

    use super::super::connected::Open;
    use super::*;

    const PACE: Pace = Pace {
        grace: Duration::from_secs(10),
        closing: Duration::from_secs(1),
        rate: 2000,
    };

    #[test]
    fn few_connections_are_told_at_once_and_many_within_half_of_the_time() {
        let spread = |connections| PACE.spread(connections).as_secs_f64();
        assert_eq!(spread(0), 0.0);
        assert_eq!(spread(1), 0.0005);
        assert_eq!(spread(8_000), 4.0);
        assert_eq!(spread(10_000_000), 4.5);
    }

    #[tokio::test(start_paused = true)]
    async fn connections_are_told_in_batches() {
        let stop = Stop::new();
        let begun = Instant::now();
        let told = Arc::new(Mutex::new(BTreeMap::<Duration, usize>::new()));
        for _ in 0..8_000 {
            let (leave, told) = (stop.leave(), Arc::clone(&told));
            let token = leave.token();
            let open = Open::of(async move {
                token.cancelled().await;
                *told.lock().unwrap().entry(begun.elapsed()).or_default() += 1;
            });
            tokio::spawn(stop.connection(leave, Box::pin(async { Some(open) })));
        }
        stop.stop(PACE, async {}).await;
        let told = told.lock().unwrap();
        assert_eq!(told.values().copied().collect::<Vec<_>>(), [125; BATCHES]);
        let last = told.last_key_value().unwrap().0.as_secs_f64();
        assert!((3.9..4.0).contains(&last), "{last} s");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_accepted_when_all_others_have_gone_is_told() {
        let stop = Stop::new();
        stop.stop(PACE, async {}).await;
        assert!(stop.leave().is_late());
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_end_is_aborted_after_the_grace() {
        let stop = Stop::new();
        let begun = Instant::now();
        let leave = stop.leave();
        let late = leave.clone();
        let open = Open::of(async move {
            poll_fn(|_| match late.is_late() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            })
            .await;
            assert_eq!(begun.elapsed().as_secs(), 9);
            std::future::pending().await
        });
        let endless = tokio::spawn(stop.connection(leave, Box::pin(async { Some(open) })));
        stop.stop(PACE, async {}).await;
        assert_eq!(begun.elapsed().as_secs(), 10);
        endless.await.unwrap();
    }
}

//! When to ask a peer for a sign of life, and when to take it for gone.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use crate::alarm::Alarm;
use crate::limits::{after, after_from};

/// When to ping a peer, and when to give it up.
#[derive(Debug)]
pub(crate) struct Liveness {
    interval: Duration,
    patience: Duration,
    next_ping: Instant,
    /// A ping was sent, and nothing has been heard since; until when that may last.
    silent_until: Option<Instant>,
    alarm: Alarm,
}

/// What is to be done about a peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Due {
    Ping,
    GiveUp,
}

impl Liveness {
    pub(crate) fn new(interval: Duration, patience: Duration) -> Self {
        let next_ping = after(interval);
        Self {
            interval,
            patience,
            next_ping,
            silent_until: None,
            alarm: Alarm::default(),
        }
    }

    /// The peer sent something.
    pub(crate) fn heard(&mut self) {
        self.silent_until = None;
    }

    /// Waits until something is to be done. Cancelling it loses nothing.
    pub(crate) async fn due(&mut self) -> Due {
        poll_fn(|cx| self.poll_due(cx, Instant::now())).await
    }

    /// The same, at this time.
    pub(crate) fn poll_due(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Due> {
        loop {
            if self.silent_until.is_some_and(|deadline| deadline <= now) {
                return Poll::Ready(Due::GiveUp);
            }
            if self.next_ping <= now {
                self.next_ping = after_from(now, self.interval);
                self.silent_until
                    .get_or_insert(after_from(now, self.patience));
                return Poll::Ready(Due::Ping);
            }
            let next = self
                .silent_until
                .map_or(self.next_ping, |deadline| deadline.min(self.next_ping));
            match self.alarm.poll(cx, next) {
                // The clock that tells is later than `now`.
                Poll::Ready(()) if next > now => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(()) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(25);
    const PATIENCE: Duration = Duration::from_secs(8);

    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_is_given_up_after_ping_and_patience() {
        let start = Instant::now();
        let mut liveness = Liveness::new(INTERVAL, PATIENCE);
        assert_eq!(liveness.due().await, Due::Ping);
        assert_eq!(start.elapsed(), INTERVAL);
        assert_eq!(liveness.due().await, Due::GiveUp);
        assert_eq!(start.elapsed(), INTERVAL + PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_is_heard_is_pinged_again() {
        let start = Instant::now();
        let mut liveness = Liveness::new(INTERVAL, PATIENCE);
        for round in 1..4 {
            assert_eq!(liveness.due().await, Due::Ping);
            assert_eq!(start.elapsed(), INTERVAL * round);
            liveness.heard();
        }
    }
}

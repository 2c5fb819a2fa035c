//! When to ask a peer for a sign of life, and when to take it for gone.

use std::future::poll_fn;

use tokio::time::Instant;

use crate::alarm::Alarm;
use crate::limits::{Limits, after, after_from};

/// When to ping a peer, and when to give it up.
#[derive(Debug)]
pub(crate) struct Liveness {
    next_ping: Instant,
    /// A ping was sent, and nothing has been heard since; until when that may last.
    silent_until: Option<Instant>,
}

/// What is to be done about a peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Due {
    Ping,
    GiveUp,
}

impl Liveness {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            next_ping: after(limits.ping_interval),
            silent_until: None,
        }
    }

    /// The peer sent something.
    pub(crate) fn heard(&mut self) {
        self.silent_until = None;
    }

    /// When the peer was pinged last, of one that has been pinged.
    pub(crate) fn last_ping(&self, limits: &Limits) -> Option<Instant> {
        self.next_ping.checked_sub(limits.ping_interval)
    }

    /// What is to be done at this time, or when there will be something.
    pub(crate) fn due(&mut self, now: Instant, limits: &Limits) -> Result<Due, Instant> {
        if self.silent_until.is_some_and(|deadline| deadline <= now) {
            return Ok(Due::GiveUp);
        }
        if self.next_ping <= now {
            self.next_ping = after_from(now, limits.ping_interval);
            self.silent_until
                .get_or_insert(after_from(now, limits.pong_timeout));
            return Ok(Due::Ping);
        }
        Err(self
            .silent_until
            .map_or(self.next_ping, |deadline| deadline.min(self.next_ping)))
    }

    /// Waits until something is to be done. Cancelling it loses nothing.
    pub(crate) async fn wait(&mut self, limits: &Limits, alarm: &mut Alarm) -> Due {
        loop {
            match self.due(Instant::now(), limits) {
                Ok(due) => return due,
                Err(at) => poll_fn(|cx| alarm.poll(cx, at)).await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(25);
    const PATIENCE: Duration = Duration::from_secs(8);

    fn limits() -> Limits {
        Limits {
            ping_interval: INTERVAL,
            pong_timeout: PATIENCE,
            ..Limits::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_is_given_up_after_ping_and_patience() {
        let start = Instant::now();
        let (limits, mut alarm) = (limits(), Alarm::default());
        let mut liveness = Liveness::new(&limits);
        assert_eq!(liveness.wait(&limits, &mut alarm).await, Due::Ping);
        assert_eq!(start.elapsed(), INTERVAL);
        assert_eq!(liveness.wait(&limits, &mut alarm).await, Due::GiveUp);
        assert_eq!(start.elapsed(), INTERVAL + PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_is_heard_is_pinged_again() {
        let start = Instant::now();
        let (limits, mut alarm) = (limits(), Alarm::default());
        let mut liveness = Liveness::new(&limits);
        for round in 1..4 {
            assert_eq!(liveness.wait(&limits, &mut alarm).await, Due::Ping);
            assert_eq!(start.elapsed(), INTERVAL * round);
            liveness.heard();
        }
    }
}

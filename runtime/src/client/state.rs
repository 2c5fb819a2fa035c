//! What a client tells its user about its connection.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use tokio::sync::{broadcast, watch};
use uuid::Uuid;

use crate::error::Error;
use crate::fault::Fault;

/// Changes that wait for one who asked for them; of more, the oldest are dropped.
const WAITING_CHANGES: usize = 64;
/// The close code of a server whose publications this client did not take in time.
const SLOW_CONSUMER: u16 = 3008;

/// What a client's connection is doing: see [`Client::states`](crate::Client::states).
///
/// Its `Display` output is a line for people.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum State {
    /// A connection is being made.
    Connecting {
        /// The how-manieth attempt in a row this is, from 1.
        attempt: u32,
    },
    /// Calls and subscriptions work.
    Connected {
        /// The server's name for the connection.
        connection: Uuid,
        /// How many attempts it took.
        attempt: u32,
    },
    /// There is no connection, and another will be made.
    Disconnected {
        /// Why there is none.
        reason: Disconnect,
        /// When the next attempt begins, from now.
        retry_in: Duration,
    },
    /// There is no connection, and none will be made: the last state of every client.
    Closed {
        /// Why there is none.
        reason: Disconnect,
    },
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting { attempt: 1 } => write!(f, "connecting"),
            Self::Connecting { attempt } => write!(f, "connecting, attempt {attempt}"),
            Self::Connected { connection, .. } => write!(f, "connected as {connection}"),
            Self::Disconnected { reason, retry_in } => {
                write!(f, "disconnected: {reason}; next attempt in {retry_in:.1?}")
            }
            Self::Closed { reason } => write!(f, "closed: {reason}"),
        }
    }
}

/// Why a connection ended, or could not be made. Its `Display` output is a line for people.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Disconnect {
    code: &'static str,
    message: String,
    close_code: Option<u16>,
    comes_back: bool,
    retry_after: Duration,
}

impl Disconnect {
    /// The code of the server's close frame (RFC 6455, 7.4), if it sent one.
    #[must_use]
    pub fn close_code(&self) -> Option<u16> {
        self.close_code
    }

    /// Another connection may do better. Where it would not, the client does not try.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        self.comes_back
    }

    /// The connection was lost in a way that says nothing about the next.
    pub(super) fn lost(message: impl Into<String>) -> Self {
        Self {
            code: Fault::UNAVAILABLE,
            message: message.into(),
            close_code: None,
            comes_back: true,
            retry_after: Duration::ZERO,
        }
    }

    /// There is a reason that another connection would meet as well.
    pub(super) fn finally(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            close_code: None,
            comes_back: false,
            retry_after: Duration::ZERO,
        }
    }

    /// The user of this client wanted it.
    pub(super) fn by_the_client() -> Self {
        Self::finally(Fault::UNAVAILABLE, "the client was closed")
    }

    /// The server closed, and said why.
    pub(super) fn by_the_server(close_code: u16, reason: &str) -> Self {
        let separator = if reason.is_empty() { "" } else { ": " };
        Self {
            code: match close_code {
                SLOW_CONSUMER => Fault::SLOW_CONSUMER,
                _ => Fault::UNAVAILABLE,
            },
            message: format!(
                "the server closed the connection with {close_code}{separator}{reason}"
            ),
            close_code: Some(close_code),
            comes_back: may_come_back(close_code),
            retry_after: Duration::ZERO,
        }
    }

    /// No connection could be made.
    pub(super) fn failed(error: &Error) -> Self {
        let comes_back = match error {
            Error::Url { .. } | Error::Header { .. } => false,
            // Besides those of the server itself, only these are about the moment (RFC 9110, 15).
            Error::Refused { status, .. } => *status >= 500 || matches!(status, 408 | 425 | 429),
            _ => true,
        };
        Self {
            code: Fault::UNAVAILABLE,
            message: format!("{error:?}"),
            close_code: None,
            comes_back,
            retry_after: match error {
                Error::Refused { retry_after, .. } => retry_after.unwrap_or_default(),
                _ => Duration::ZERO,
            },
        }
    }

    /// The same, of a client that does not try again.
    pub(super) fn and_no_more(mut self) -> Self {
        self.comes_back = false;
        self
    }

    pub(super) fn comes_back(&self) -> bool {
        self.comes_back
    }

    /// How long the server asks to wait.
    pub(super) fn retry_after(&self) -> Duration {
        self.retry_after
    }

    /// What callers and subscribers are told.
    pub(super) fn fault(&self) -> Fault {
        Fault::new(self.code, self.message.clone())
    }
}

impl fmt::Display for Disconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Whether a close code invites to come back: `docs/protocol.md`, Close codes.
fn may_come_back(close_code: u16) -> bool {
    !matches!(close_code, 1000 | 1002..=1003 | 1007..=1010 | 3500..=3999 | 4400..=4499)
}

/// The changes of a client's [`State`], from the one that it is in: a [`Stream`].
///
/// It ends after [`State::Closed`]. The last 64 changes wait here until they are taken.
///
/// ```
/// # async fn watch(client: specwire::Client) {
/// let mut states = client.states();
/// tokio::spawn(async move {
///     while let Some(state) = states.next().await {
///         eprintln!("{state}");
///     }
/// });
/// # }
/// ```
pub struct States {
    changes: Pin<Box<dyn Stream<Item = State> + Send>>,
}

impl States {
    /// The state that the client is in, and then each that it comes to; `None` after the last.
    ///
    /// Cancelling it loses nothing.
    pub async fn next(&mut self) -> Option<State> {
        self.changes.next().await
    }
}

impl Stream for States {
    type Item = State;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<State>> {
        self.changes.as_mut().poll_next(cx)
    }
}

impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("States").finish_non_exhaustive()
    }
}

/// The state, and who is told of its changes.
#[derive(Debug)]
pub(super) struct Status {
    state: watch::Sender<State>,
    changes: broadcast::Sender<State>,
}

impl Status {
    pub(super) fn new(state: State) -> Self {
        Self {
            state: watch::Sender::new(state),
            changes: broadcast::Sender::new(WAITING_CHANGES),
        }
    }

    pub(super) fn current(&self) -> State {
        self.state.borrow().clone()
    }

    pub(super) fn is_connected(&self) -> bool {
        matches!(*self.state.borrow(), State::Connected { .. })
    }

    /// Waits until calls can be made.
    ///
    /// # Errors
    ///
    /// They never can be again.
    pub(super) async fn connected(&self) -> Result<(), Fault> {
        let mut state = self.state.subscribe();
        let settled =
            state.wait_for(|state| matches!(state, State::Connected { .. } | State::Closed { .. }));
        match settled.await.as_deref() {
            Ok(State::Closed { reason }) => Err(reason.fault()),
            _ => Ok(()),
        }
    }

    /// Waits for the end.
    pub(super) async fn closed(&self) {
        let mut state = self.state.subscribe();
        let closed = state.wait_for(|state| matches!(state, State::Closed { .. }));
        drop(closed.await);
    }

    pub(super) fn set(&self, state: State) {
        tracing::debug!(%state, "the client's state");
        // Both at once, so that one who begins to watch misses none and sees none twice.
        self.state.send_modify(|current| {
            *current = state.clone();
            // It fails where nobody watches.
            let _ = self.changes.send(state);
        });
    }

    pub(super) fn changes(&self) -> States {
        let current = self.state.borrow();
        let changes = self.changes.subscribe();
        let first = current.clone();
        drop(current);
        let watch = Watch {
            first: Some(first),
            changes,
            has_ended: false,
        };
        let changes = stream::unfold(watch, |mut watch| async {
            let state = watch.next().await?;
            Some((state, watch))
        });
        States {
            changes: Box::pin(changes),
        }
    }
}

struct Watch {
    first: Option<State>,
    changes: broadcast::Receiver<State>,
    has_ended: bool,
}

impl Watch {
    async fn next(&mut self) -> Option<State> {
        use broadcast::error::RecvError;
        if self.has_ended {
            return None;
        }
        let next = match self.first.take() {
            Some(first) => first,
            None => loop {
                match self.changes.recv().await {
                    Ok(state) => break state,
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                }
            },
        };
        self.has_ended = matches!(next, State::Closed { .. });
        Some(next)
    }
}

/// How long a sign of life takes to the server and back: see
/// [`Client::latency`](crate::Client::latency).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Latency {
    /// The last that was measured.
    pub last: Duration,
    /// An average in which the last counts an eighth, and what came before the rest (as in RFC
    /// 6298, 2.3).
    pub smoothed: Duration,
}

impl Latency {
    pub(super) fn after(before: Option<Self>, last: Duration) -> Self {
        let smoothed = before.map_or(last, |before| {
            before.smoothed.saturating_mul(7).saturating_add(last) / 8
        });
        Self { last, smoothed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_codes_say_whether_to_come_back() {
        for (codes, comes_back) in [
            (vec![1000], false),
            (vec![1001, 1004, 1006, 1011, 1012, 1013, 1014], true),
            (vec![1002, 1003, 1007, 1008, 1009, 1010], false),
            (vec![3000, 3008, 3499], true),
            (vec![3500, 3501, 3999], false),
            (vec![4000, 4399, 4500, 4999], true),
            (vec![4400, 4401, 4408, 4429, 4499], false),
        ] {
            for code in codes {
                let reason = Disconnect::by_the_server(code, "");
                assert_eq!(reason.is_temporary(), comes_back, "{code}");
                assert_eq!(reason.close_code(), Some(code));
            }
        }
    }

    #[test]
    fn refusals_say_whether_to_come_back() {
        for (status, comes_back) in [
            (301, false),
            (400, false),
            (401, false),
            (403, false),
            (404, false),
            (408, true),
            (426, false),
            (429, true),
            (500, true),
            (502, true),
            (503, true),
        ] {
            let error = Error::Refused {
                url: "ws://localhost/ws".to_owned(),
                status,
                reason: String::new(),
                retry_after: None,
            };
            assert_eq!(
                Disconnect::failed(&error).is_temporary(),
                comes_back,
                "{status}"
            );
        }
    }

    #[tokio::test]
    async fn who_watches_is_told_the_current_state_and_each_change_once() {
        let status = Status::new(State::Connecting { attempt: 1 });
        status.set(State::Connecting { attempt: 2 });
        let mut states = status.changes();
        status.set(State::Connecting { attempt: 3 });
        status.set(State::Connecting { attempt: 4 });
        drop(status);
        for attempt in 2..=4 {
            assert_eq!(states.next().await, Some(State::Connecting { attempt }));
        }
        assert_eq!(states.next().await, None);
    }

    #[test]
    fn latency_is_smoothed() {
        let millis = Duration::from_millis;
        let first = Latency::after(None, millis(80));
        assert_eq!((first.last, first.smoothed), (millis(80), millis(80)));
        let second = Latency::after(Some(first), millis(160));
        assert_eq!((second.last, second.smoothed), (millis(160), millis(90)));
    }
}

//! One WebSocket (RFC 6455), from either side: frames, closing and signs of life.
//!
//! The only place that knows tungstenite.

mod meter;

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};

use self::meter::{Metered, TooManyFragments};
use crate::framing::{Frame, Refusal};
use crate::limits::{Limits, after};

/// A WebSocket within its limits.
pub(crate) struct Socket<S> {
    stream: WebSocketStream<Metered<S>>,
    /// Something has been handed to tungstenite that the network has not taken yet.
    is_writing: bool,
    stall: Watch,
    write_timeout: Duration,
    unfinished: Watch,
    message_timeout: Duration,
    close_timeout: Duration,
}

/// What happened to a WebSocket.
#[derive(Debug)]
pub(crate) enum Moved {
    /// All that was to be written has been.
    Written,
    /// Something has come.
    Read(Incoming),
}

/// What was read from the peer.
#[derive(Debug)]
pub(crate) enum Incoming {
    Text(Utf8Bytes),
    Binary(bytes::Bytes),
    /// A ping, which has been answered.
    Control,
    /// A pong, with what the ping carried.
    Pong(bytes::Bytes),
    /// The peer closed, with this code and reason, or just went away.
    Closed(Option<(u16, String)>),
    /// The peer broke the protocol or a limit: the code to close with, and why.
    Failed(Refusal),
}

/// The peer does not take what is written to it, or is gone.
#[derive(Debug)]
pub(crate) struct Stuck;

impl<S> fmt::Debug for Socket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").finish_non_exhaustive()
    }
}

/// The limits that tungstenite itself keeps.
pub(crate) fn config(limits: &Limits) -> WebSocketConfig {
    // A message of the largest size must fit beside what is being gathered, and pongs beside it.
    const SLACK: usize = 64 << 10;
    WebSocketConfig::default()
        .read_buffer_size(limits.read_buffer)
        .write_buffer_size(limits.write_buffer)
        .max_write_buffer_size(
            limits
                .queue_bytes
                .saturating_add(limits.write_buffer)
                .saturating_add(SLACK),
        )
        .max_message_size(Some(limits.message_size))
        .max_frame_size(Some(limits.frame_size))
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// The server's end of a connection that has been upgraded, with what was read beyond that.
    pub(crate) async fn accepted(stream: S, read: Vec<u8>, limits: &Limits) -> Self {
        Self::new(stream, read, Role::Server, limits).await
    }

    /// The client's end of a connection, with what was read beyond the handshake.
    pub(crate) async fn opened(stream: S, read: Vec<u8>, limits: &Limits) -> Self {
        Self::new(stream, read, Role::Client, limits).await
    }

    async fn new(stream: S, read: Vec<u8>, role: Role, limits: &Limits) -> Self {
        let config = Some(config(limits));
        let stream = Metered::new(stream, &read, limits.fragments);
        Self {
            stream: WebSocketStream::from_partially_read(stream, read, role, config).await,
            is_writing: false,
            stall: Watch::default(),
            write_timeout: limits.write_timeout,
            unfinished: Watch::default(),
            message_timeout: limits.message_timeout,
            close_timeout: limits.close_timeout,
        }
    }

    /// Waits for the next frame, and writes meanwhile what is to be written. Cancelling it loses
    /// nothing.
    pub(crate) async fn read(&mut self) -> Incoming {
        loop {
            match self.moved(true).await {
                Ok(Moved::Read(incoming)) => return incoming,
                Ok(Moved::Written) => {}
                Err(Stuck) => return Incoming::Closed(None),
            }
        }
    }

    /// Writes the frames as one batch, and waits until they are.
    pub(crate) async fn write(
        &mut self,
        frames: impl Iterator<Item = Frame<'static>>,
    ) -> Result<(), Stuck> {
        // What tungstenite takes at once has a limit.
        const AT_ONCE: usize = 64 << 10;
        let mut taken = 0_usize;
        for frame in frames {
            let message = message(frame);
            taken = taken.saturating_add(message.len());
            self.hand_over(message)?;
            if taken > AT_ONCE {
                self.finish().await?;
                taken = 0;
            }
        }
        self.finish().await
    }

    /// Asks the peer for a sign of life, which repeats the payload.
    pub(crate) async fn ping(&mut self, payload: &[u8]) -> Result<(), Stuck> {
        self.start_ping(payload)?;
        self.finish().await
    }

    /// Waits until nothing is to be written any more.
    pub(crate) async fn finish(&mut self) -> Result<(), Stuck> {
        while self.is_writing {
            self.moved(false).await?;
        }
        Ok(())
    }

    /// Hands over frames as one batch, which is written while [`moved`](Self::moved) is awaited.
    pub(crate) fn start(
        &mut self,
        frames: impl Iterator<Item = Frame<'static>>,
    ) -> Result<(), Stuck> {
        for frame in frames {
            self.hand_over(message(frame))?;
        }
        Ok(())
    }

    /// The same for a ping.
    pub(crate) fn start_ping(&mut self, payload: &[u8]) -> Result<(), Stuck> {
        self.hand_over(Message::Ping(bytes::Bytes::copy_from_slice(payload)))
    }

    /// tungstenite takes a message whole, up to `max_write_buffer_size`, and writes as much of it as
    /// the network takes now; that it would like to be asked whether it is ready is for those who
    /// cannot do something else meanwhile.
    fn hand_over(&mut self, message: Message) -> Result<(), Stuck> {
        self.is_writing = true;
        Pin::new(&mut self.stream)
            .start_send(message)
            .map_err(|error| {
                tracing::debug!(%error, "cannot write to the peer");
                Stuck
            })
    }

    /// Something that was handed over has not been written yet.
    pub(crate) fn is_writing(&self) -> bool {
        self.is_writing
    }

    /// Waits until something happens: what was handed over has been written, or a frame has come, if
    /// one may. Cancelling it loses nothing, and stops the time of neither end.
    pub(crate) async fn moved(&mut self, may_read: bool) -> Result<Moved, Stuck> {
        poll_fn(|cx| self.poll_moved(cx, may_read)).await
    }

    fn poll_moved(&mut self, cx: &mut Context<'_>, may_read: bool) -> Poll<Result<Moved, Stuck>> {
        let mut is_broken = false;
        if self.is_writing {
            match Pin::new(&mut self.stream).poll_flush(cx) {
                Poll::Ready(Ok(())) => {
                    self.is_writing = false;
                    self.stall.end();
                    return Poll::Ready(Ok(Moved::Written));
                }
                Poll::Ready(Err(error)) => {
                    tracing::debug!(%error, "cannot write to the peer");
                    is_broken = true;
                }
                Poll::Pending => {
                    // As long as the peer takes something it is slow, and not stuck.
                    let written = self.stream.get_ref().written();
                    if self.stall.is_over(cx, written, self.write_timeout) {
                        tracing::debug!("the peer did not take what was written in time");
                        return Poll::Ready(Err(Stuck));
                    }
                }
            }
        }
        if !may_read {
            if is_broken {
                return Poll::Ready(Err(Stuck));
            }
            // What does not come meanwhile is not the peer's fault.
            self.unfinished.end();
            return Poll::Pending;
        }
        // Whoever has hung up may have said why.
        match Pin::new(&mut self.stream).poll_next(cx) {
            Poll::Ready(next) => {
                let incoming = incoming(next);
                // A ping is answered by tungstenite, which has to be written like all else.
                self.is_writing |= matches!(incoming, Incoming::Control);
                Poll::Ready(Ok(Moved::Read(incoming)))
            }
            Poll::Pending if is_broken => Poll::Ready(Err(Stuck)),
            Poll::Pending => {
                let Some(finished) = self.stream.get_ref().unfinished() else {
                    self.unfinished.end();
                    return Poll::Pending;
                };
                if self.unfinished.is_over(cx, finished, self.message_timeout) {
                    return Poll::Ready(Ok(Moved::Read(Incoming::Failed(UNFINISHED))));
                }
                Poll::Pending
            }
        }
    }

    /// Says why this end closes, and waits a moment for the peer to agree.
    pub(crate) async fn close(mut self, code: u16, reason: &str) {
        let frame = CloseFrame {
            code: code.into(),
            reason: shortened(reason).into(),
        };
        let deadline = after(self.close_timeout);
        let close = async {
            if self.stream.close(Some(frame)).await.is_ok() {
                while let Some(Ok(_)) = self.stream.next().await {}
                linger(self.stream.get_mut().io_mut()).await;
            }
        };
        // A peer that does not agree in time is left without a word, as RFC 6455, 7.1.1 allows.
        let _ = tokio::time::timeout_at(deadline, close).await;
    }

    /// Answers a close frame of the peer.
    pub(crate) async fn closed(mut self) {
        let _ = timeout(self.close_timeout, self.stream.flush()).await;
    }
}

/// Reads to the end what can no longer be understood. A connection that is closed with bytes unread
/// is reset, and the peer may lose the close frame with it.
async fn linger<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) {
    let mut unread = vec![0; 4 << 10];
    if stream.shutdown().await.is_ok() {
        while let Ok(1..) = stream.read(&mut unread).await {}
    }
}

/// A close reason is at most 123 bytes (RFC 6455, 5.5).
fn shortened(reason: &str) -> &str {
    let mut end = reason.len().min(123);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason.get(..end).unwrap_or_default()
}

/// A time within which something has to change.
#[derive(Debug, Default)]
struct Watch {
    /// What it was when the time began.
    running: Option<(u64, Pin<Box<Sleep>>)>,
}

impl Watch {
    /// `mark` has been the same for so long, in all calls since the last [`end`](Self::end).
    fn is_over(&mut self, cx: &mut Context<'_>, mark: u64, patience: Duration) -> bool {
        let sleep = match &mut self.running {
            Some((since, sleep)) if *since == mark => sleep,
            running => {
                let sleep = Box::pin(sleep_until(after(patience)));
                &mut running.insert((mark, sleep)).1
            }
        };
        sleep.as_mut().poll(cx).is_ready()
    }

    fn end(&mut self) {
        self.running = None;
    }
}

fn message(frame: Frame<'static>) -> Message {
    match frame {
        Frame::Text(text) => Message::Text(text.into_owned().into()),
        Frame::Binary(bytes) => Message::Binary(bytes.into_owned().into()),
    }
}

const UNFINISHED: Refusal = Refusal::constant(1008, "the rest of a message did not come in time");

fn incoming(next: Option<tungstenite::Result<Message>>) -> Incoming {
    match next {
        Some(Ok(message)) => match message {
            Message::Text(text) => Incoming::Text(text),
            Message::Binary(bytes) => Incoming::Binary(bytes),
            Message::Pong(payload) => Incoming::Pong(payload),
            Message::Ping(_) | Message::Frame(_) => Incoming::Control,
            Message::Close(frame) => Incoming::Closed(
                frame.map(|frame| (frame.code.into(), frame.reason.as_str().to_owned())),
            ),
        },
        Some(Err(error)) => failure(&error),
        None => Incoming::Closed(None),
    }
}

/// What RFC 6455, 7.4.1 calls the failure.
fn failure(error: &tungstenite::Error) -> Incoming {
    use tungstenite::Error;
    use tungstenite::error::ProtocolError;
    let (code, reason) = match error {
        Error::Capacity(_) => (1009, "the message is larger than the limit"),
        Error::Utf8(_) => (1007, "the text is not UTF-8"),
        Error::Io(error)
            if error
                .get_ref()
                .is_some_and(|source| source.is::<TooManyFragments>()) =>
        {
            (1008, "the message is in more fragments than the limit")
        }
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
        | Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Io(_) => return Incoming::Closed(None),
        Error::Protocol(_) => (1002, "the frame is not one of RFC 6455"),
        _ => (1002, "the connection cannot be read"),
    };
    tracing::debug!(%error, "cannot read from the peer");
    Incoming::Failed(Refusal::constant(code, reason))
}

/// When to ping a peer, and when to give it up.
#[derive(Debug)]
pub(crate) struct Liveness {
    interval: Duration,
    patience: Duration,
    next_ping: Instant,
    /// A ping was sent, and nothing has been heard since; until when that may last.
    silent_until: Option<Instant>,
    sleep: Pin<Box<Sleep>>,
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
            sleep: Box::pin(sleep_until(next_ping)),
        }
    }

    /// The peer sent something.
    pub(crate) fn heard(&mut self) {
        self.silent_until = None;
    }

    /// Waits until something is to be done. Cancelling it loses nothing.
    pub(crate) async fn due(&mut self) -> Due {
        loop {
            let now = Instant::now();
            if self.silent_until.is_some_and(|deadline| deadline <= now) {
                return Due::GiveUp;
            }
            if self.next_ping <= now {
                self.next_ping = after(self.interval);
                self.silent_until.get_or_insert(after(self.patience));
                return Due::Ping;
            }
            let next = self
                .silent_until
                .map_or(self.next_ping, |deadline| deadline.min(self.next_ping));
            if self.sleep.deadline() != next || self.sleep.is_elapsed() {
                self.sleep.as_mut().reset(next);
            }
            self.sleep.as_mut().await;
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

    #[test]
    fn a_reason_is_cut_between_characters() {
        let reason = "é".repeat(100);
        assert_eq!(shortened(&reason).len(), 122);
        assert_eq!(shortened("short"), "short");
    }
}

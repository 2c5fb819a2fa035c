//! One WebSocket (RFC 6455), from either side: frames, closing and signs of life.
//!
//! The only place that knows tungstenite.

mod inbound;
mod liveness;
mod outbound;
mod tcp;

use std::cell::Cell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::protocol::{
    CloseFrame, Role, WebSocketConfig, WebSocketContext,
};
use tokio_tungstenite::tungstenite::{self, Message};

use self::inbound::{Inbound, Piece};
pub(crate) use self::liveness::{Due, Liveness};
pub(crate) use self::outbound::add_frame;
use self::outbound::{Outbound, PING};
pub(crate) use self::tcp::{Lend, Lent, Tcp, WriteNow};
use crate::framing::{Frame, Refusal};
use crate::limits::{Limits, after};

/// A WebSocket within its limits.
///
/// tungstenite is what speaks RFC 6455, without touching the network: what has come in is handed to
/// it, and what it says is gathered here. Data frames that need no decision of the protocol do not
/// pass through it. While nothing happens, a connection holds next to no memory for either.
pub(crate) struct Socket<S> {
    io: S,
    /// What speaks for this end, while there is something to decide.
    protocol: Option<Box<WebSocketContext>>,
    role: Role,
    inbound: Inbound,
    outbound: Outbound,
    /// Something has been handed over that the network has not taken yet.
    is_writing: bool,
    /// Nothing more can be understood.
    has_ended: bool,
    stall: Watch,
    unfinished: Watch,
    limits: Arc<Limits>,
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
    Text(String),
    Binary(Vec<u8>),
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

/// Bytes that are read at once, into memory that the connections of a thread share.
const READ: usize = 32 << 10;
/// Bytes of answers to pings that may wait behind what the peer does not take: of pings that come
/// meanwhile the last is answered (RFC 6455, 5.5.3).
const PONGS: usize = 64 << 10;
/// Bytes that tungstenite reads at once, of what needs it.
const DECIDED: usize = 256;

thread_local! {
    static SHARED: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl<S> fmt::Debug for Socket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").finish_non_exhaustive()
    }
}

/// The limits that tungstenite itself keeps.
fn config(limits: &Limits) -> WebSocketConfig {
    WebSocketConfig::default()
        // Most of that is a few bytes.
        .read_buffer_size(DECIDED)
        .write_buffer_size(0)
        .max_write_buffer_size(limits.queue_bytes.saturating_add(PONGS))
        .max_message_size(Some(limits.message_size))
        .max_frame_size(Some(limits.frame_size))
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// The server's end of a connection that has been upgraded, with what was read beyond that.
    pub(crate) fn accepted(stream: S, read: Vec<u8>, limits: &Arc<Limits>) -> Self {
        Self::new(stream, read, Role::Server, limits)
    }

    /// The client's end of a connection, with what was read beyond the handshake.
    pub(crate) fn opened(stream: S, read: Vec<u8>, limits: &Arc<Limits>) -> Self {
        Self::new(stream, read, Role::Client, limits)
    }

    fn new(io: S, read: Vec<u8>, role: Role, limits: &Arc<Limits>) -> Self {
        let max_size = limits.frame_size.min(limits.message_size);
        Self {
            io,
            protocol: None,
            role,
            inbound: Inbound::new(read, role == Role::Server, max_size, limits.fragments),
            outbound: Outbound::default(),
            is_writing: false,
            has_ended: false,
            stall: Watch::default(),
            unfinished: Watch::default(),
            limits: Arc::clone(limits),
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
        // What is gathered at once has a limit.
        const AT_ONCE: usize = 64 << 10;
        for frame in frames {
            self.put(&frame)?;
            if self.outbound.unwritten() > AT_ONCE {
                self.finish().await?;
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

    /// Hands over a frame, which is written while [`moved`](Self::moved) is awaited.
    pub(crate) fn put(&mut self, frame: &Frame<'_>) -> Result<(), Stuck> {
        if self.role == Role::Client {
            return self.hand_over(message(frame));
        }
        if self.is_closing() {
            return Err(Stuck);
        }
        self.is_writing = true;
        self.outbound.put(frame);
        Ok(())
    }

    /// The same for a ping.
    pub(crate) fn start_ping(&mut self, payload: &[u8]) -> Result<(), Stuck> {
        if self.role == Role::Server && !self.is_closing() {
            self.is_writing = true;
            self.outbound.frame(PING, payload);
            return Ok(());
        }
        self.hand_over(Message::Ping(bytes::Bytes::copy_from_slice(payload)))
    }

    fn hand_over(&mut self, message: Message) -> Result<(), Stuck> {
        self.is_writing = true;
        let protocol = protocol(&mut self.protocol, self.role, &self.limits);
        let mut ends = Ends::writing(&mut self.outbound, usize::MAX);
        protocol.write(&mut ends, message).map_err(|error| {
            tracing::debug!(%error, "cannot write to the peer");
            Stuck
        })
    }

    /// A close frame has been sent or received.
    fn is_closing(&self) -> bool {
        let protocol = self.protocol.as_ref();
        protocol.is_some_and(|protocol| !protocol.can_write())
    }

    /// A server, most of whose frames need no decision, forgets what decides while it has nothing in
    /// mind: most connections are idle.
    fn tidy(&mut self) {
        if self.role == Role::Server && !self.is_closing() && !self.inbound.is_within_message() {
            self.protocol = None;
        }
    }

    /// The writing end, for somebody else to write with: where it can be apart from the rest, and
    /// nothing is being written.
    pub(crate) fn lend(&mut self) -> Option<Lent<S::End>>
    where
        S: Lend,
    {
        if self.is_writing || self.role == Role::Client || self.is_closing() {
            return None;
        }
        Some(Lent {
            write: self.io.lend()?,
            outbound: std::mem::take(&mut self.outbound),
        })
    }

    /// Takes it back, with what has not been written.
    pub(crate) fn take_back(&mut self, lent: Lent<S::End>)
    where
        S: Lend,
    {
        self.io.take_back(lent.write);
        self.outbound = lent.outbound;
        self.is_writing = self.outbound.unwritten() > 0;
    }

    /// Something that was handed over has not been written yet.
    pub(crate) fn is_writing(&self) -> bool {
        self.is_writing
    }

    /// Bytes that were handed over, and that the network has not taken.
    pub(crate) fn unwritten(&self) -> usize {
        self.outbound.unwritten()
    }

    /// Writes what was handed over as far as the network takes it now, and says whether that is all.
    /// The rest, or what is wrong, is left to [`moved`](Self::moved).
    pub(crate) fn write_now(&mut self, cx: &mut Context<'_>) -> bool {
        let is_written = self.is_writing && matches!(self.poll_write(cx), Poll::Ready(Ok(())));
        if is_written {
            self.is_writing = false;
            self.stall.end();
        }
        is_written
    }

    /// Waits until something happens: what was handed over has been written, or a frame has come, if
    /// one may. Cancelling it loses nothing, and stops the time of neither end.
    pub(crate) async fn moved(&mut self, may_read: bool) -> Result<Moved, Stuck> {
        poll_fn(|cx| self.poll_moved(cx, may_read)).await
    }

    /// The same, for who waits for other things as well.
    pub(crate) fn poll_moved(
        &mut self,
        cx: &mut Context<'_>,
        may_read: bool,
    ) -> Poll<Result<Moved, Stuck>> {
        let mut is_broken = false;
        if self.is_writing {
            match self.poll_write(cx) {
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
                    let written = self.outbound.written();
                    if self.stall.is_over(cx, written, self.limits.write_timeout) {
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
        match self.poll_incoming(cx) {
            Poll::Ready(incoming) => Poll::Ready(Ok(Moved::Read(incoming))),
            Poll::Pending if is_broken => Poll::Ready(Err(Stuck)),
            Poll::Pending => {
                let Some(finished) = self.inbound.unfinished() else {
                    self.unfinished.end();
                    return Poll::Pending;
                };
                if self
                    .unfinished
                    .is_over(cx, finished, self.limits.message_timeout)
                {
                    return Poll::Ready(Ok(Moved::Read(Incoming::Failed(UNFINISHED))));
                }
                Poll::Pending
            }
        }
    }

    /// Writes all that there is, and what tungstenite has still to say.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.outbound.poll_write(Pin::new(&mut self.io), cx))?;
            if let Some(protocol) = &mut self.protocol {
                let mut ends = Ends::writing(&mut self.outbound, usize::MAX);
                // That the connection is closed with this is no error.
                let _ = protocol.flush(&mut ends);
            }
            if self.outbound.unwritten() == 0 {
                self.tidy();
                return Pin::new(&mut self.io).poll_flush(cx);
            }
        }
    }

    fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Incoming> {
        if self.has_ended {
            return Poll::Ready(Incoming::Closed(None));
        }
        let incoming = match self.understand_kept() {
            Some(incoming) => incoming,
            None => {
                let mut shared = SHARED.take();
                shared.resize(READ, 0);
                let incoming = self.poll_network(cx, &mut shared);
                SHARED.set(shared);
                ready!(incoming)
            }
        };
        self.has_ended = matches!(incoming, Incoming::Closed(_) | Incoming::Failed(_));
        Poll::Ready(incoming)
    }

    fn poll_network(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Incoming> {
        loop {
            let mut buffer = ReadBuf::new(buffer);
            if let Err(error) = ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer)) {
                tracing::debug!(%error, "cannot read from the peer");
                return Poll::Ready(Incoming::Closed(None));
            }
            let mut read = buffer.filled();
            if read.is_empty() {
                return Poll::Ready(Incoming::Closed(None));
            }
            let incoming = if self.inbound.is_empty() {
                let incoming = self.understand(&mut read);
                self.inbound.keep(read);
                incoming
            } else {
                self.inbound.keep(read);
                self.understand_kept()
            };
            if let Some(incoming) = incoming {
                return Poll::Ready(incoming);
            }
        }
    }

    fn understand_kept(&mut self) -> Option<Incoming> {
        if self.inbound.is_empty() {
            return None;
        }
        let kept = self.inbound.take();
        let mut rest = kept.bytes();
        let incoming = self.understand(&mut rest);
        let unused = rest.len();
        self.inbound.put_back(kept, unused);
        incoming
    }

    /// The first thing that the bytes say, which are taken off as far as that goes.
    fn understand(&mut self, bytes: &mut &[u8]) -> Option<Incoming> {
        while !bytes.is_empty() {
            let found = match self.inbound.next(bytes) {
                Piece::Part => return None,
                Piece::Flood => Some(Incoming::Failed(FLOOD)),
                Piece::Passed(passed) => self.pass(passed),
                Piece::Message { is_text, payload } if is_text => {
                    Some(match String::from_utf8(payload) {
                        Ok(text) => Incoming::Text(text),
                        Err(_) => Incoming::Failed(NOT_UTF8),
                    })
                }
                Piece::Message { payload, .. } => Some(Incoming::Binary(payload)),
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// What tungstenite says to bytes of one frame.
    fn pass(&mut self, bytes: &[u8]) -> Option<Incoming> {
        let mut ends = Ends {
            inbound: bytes,
            outbound: &mut self.outbound,
            room: PONGS,
        };
        let protocol = protocol(&mut self.protocol, self.role, &self.limits);
        let incoming = match protocol.read(&mut ends) {
            Ok(message) => incoming(message),
            Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                return None;
            }
            Err(error) => failure(&error),
        };
        // A ping or a close frame is answered by tungstenite, which has to be written like all else.
        self.is_writing |= matches!(incoming, Incoming::Control | Incoming::Closed(_));
        if !self.is_writing {
            self.tidy();
        }
        Some(incoming)
    }

    /// Says why this end closes, and waits a moment for the peer to agree.
    pub(crate) async fn close(&mut self, code: u16, reason: &str) {
        let frame = CloseFrame {
            code: code.into(),
            reason: shortened(reason).into(),
        };
        let deadline = after(self.limits.close_timeout);
        let close = async {
            if self.hand_over(Message::Close(Some(frame))).is_err() {
                return;
            }
            if self.finish().await.is_err() {
                return;
            }
            while !matches!(self.read().await, Incoming::Closed(_) | Incoming::Failed(_)) {}
            linger(&mut self.io).await;
        };
        // A peer that does not agree in time is left without a word, as RFC 6455, 7.1.1 allows.
        let _ = tokio::time::timeout_at(deadline, close).await;
    }

    /// Answers a close frame of the peer.
    pub(crate) async fn closed(&mut self) {
        let _ = timeout(self.limits.close_timeout, self.finish()).await;
    }
}

fn protocol<'p>(
    protocol: &'p mut Option<Box<WebSocketContext>>,
    role: Role,
    limits: &Limits,
) -> &'p mut WebSocketContext {
    protocol.get_or_insert_with(|| Box::new(WebSocketContext::new(role, Some(config(limits)))))
}

/// What tungstenite takes for the network.
struct Ends<'a> {
    inbound: &'a [u8],
    outbound: &'a mut Outbound,
    /// Up to how many bytes may wait.
    room: usize,
}

impl<'a> Ends<'a> {
    fn writing(outbound: &'a mut Outbound, room: usize) -> Self {
        Self {
            inbound: &[],
            outbound,
            room,
        }
    }
}

impl io::Read for Ends<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inbound {
            // More will come.
            [] => Err(io::ErrorKind::WouldBlock.into()),
            _ => io::Read::read(&mut self.inbound, buffer),
        }
    }
}

impl io::Write for Ends<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.outbound.unwritten().saturating_add(bytes.len()) > self.room {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.outbound.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Has a socket tell when it can take more as soon as that is so, and leaves what a peer is slow to take
/// in the queue here, where the policy for slow readers can choose among it: Linux would take 4 MB more
/// into its own, and ask for more when a third of that is gone.
#[cfg(target_os = "linux")]
pub(crate) fn hold_back(stream: &TcpStream) {
    const UNSENT: u32 = 64 << 10;
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT) {
        tracing::debug!(%error, "cannot set TCP_NOTSENT_LOWAT");
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn hold_back(_: &TcpStream) {}

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

fn message(frame: &Frame<'_>) -> Message {
    match frame {
        Frame::Text(text) => Message::text(text.as_ref()),
        Frame::Binary(bytes) => Message::binary(bytes.to_vec()),
    }
}

const UNFINISHED: Refusal = Refusal::constant(1008, "the rest of a message did not come in time");
const FLOOD: Refusal = Refusal::constant(1008, "the message is in more fragments than the limit");
const NOT_UTF8: Refusal = Refusal::constant(1007, "the text is not UTF-8");

fn incoming(message: Message) -> Incoming {
    match message {
        Message::Text(text) => Incoming::Text(text.as_str().to_owned()),
        Message::Binary(bytes) => Incoming::Binary(bytes.into()),
        Message::Pong(payload) => Incoming::Pong(payload),
        Message::Ping(_) | Message::Frame(_) => Incoming::Control,
        Message::Close(frame) => Incoming::Closed(
            frame.map(|frame| (frame.code.into(), frame.reason.as_str().to_owned())),
        ),
    }
}

/// What RFC 6455, 7.4.1 calls the failure.
fn failure(error: &tungstenite::Error) -> Incoming {
    use tungstenite::Error;
    let (code, reason) = match error {
        Error::Capacity(_) => (1009, "the message is larger than the limit"),
        Error::Utf8(_) => return Incoming::Failed(NOT_UTF8),
        Error::ConnectionClosed | Error::AlreadyClosed | Error::Io(_) => {
            return Incoming::Closed(None);
        }
        Error::Protocol(_) => (1002, "the frame is not one of RFC 6455"),
        _ => (1002, "the connection cannot be read"),
    };
    tracing::debug!(%error, "cannot read from the peer");
    Incoming::Failed(Refusal::constant(code, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_cut_between_characters() {
        let reason = "é".repeat(100);
        assert_eq!(shortened(&reason).len(), 122);
        assert_eq!(shortened("short"), "short");
    }
}

//! One peer of a server: reads its frames, writes its events, and holds the handlers it started.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::framing::{Accepted, Frame, Framing, Input, Refusal, Written};
use crate::limits::{Limits, after};
use crate::metrics::{Metrics, Present};
use crate::outbox::{Pending, Queued, outbox};
use crate::peer::Peer;
use crate::routes::Scope;
use crate::seldom::seldom;
use crate::session::Session;
use crate::socket::{Due, Incoming, Liveness, Socket, Stuck};

/// Frames that are read before other things have their turn.
const READ_AT_ONCE: usize = 64;

/// One connection of a server, after its handshake.
#[derive(Debug)]
pub(crate) struct Connection<S> {
    socket: Socket<S>,
    framing: Box<dyn Framing>,
    scope: Scope,
    session: Session,
    pending: Pending,
    roominess: crate::outbox::Outbox,
    liveness: Liveness,
    control: Controls,
    init_deadline: Instant,
    accepted: Accepted,
    metrics: Metrics,
    _present: Present,
}

/// What tells a connection of a server to end.
#[derive(Clone, Debug)]
pub(crate) struct Leave {
    /// Cancelled when nothing more is to be read, and what is in flight to be answered.
    pub(crate) told: CancellationToken,
    /// Cancelled when that has taken too long.
    pub(crate) deadline: CancellationToken,
}

/// How a connection ends.
#[derive(Debug)]
enum End {
    /// This end closes, with this code and reason.
    Close(Refusal),
    /// The peer has closed, or is gone.
    Closed,
    /// This end has failed.
    Panicked,
    /// The peer cannot even be told.
    Drop(&'static str),
}

impl From<Stuck> for End {
    fn from(_: Stuck) -> Self {
        Self::Drop("the peer does not take what is written to it")
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    pub(crate) fn new(
        socket: Socket<S>,
        peer: Arc<Peer>,
        framing: Box<dyn Framing>,
        scope: Scope,
        limits: &Limits,
        metrics: &Metrics,
    ) -> Self {
        let (outbox, pending) = outbox(limits, metrics);
        let message_size = limits.message_size.min(limits.frame_size);
        let accepted = Accepted::new(peer.connection, message_size);
        Self {
            socket,
            framing,
            scope,
            session: Session::new(peer, outbox.clone(), limits),
            pending,
            roominess: outbox,
            liveness: Liveness::new(limits.ping_interval, limits.pong_timeout),
            control: Controls::new(limits.control_frames),
            init_deadline: after(limits.init_timeout),
            accepted,
            metrics: metrics.clone(),
            _present: metrics.connection(),
        }
    }

    /// Serves the peer until either end closes. When it is told to leave, requests in flight have
    /// until the deadline to be answered before the connection closes with 1001. Dropping the future
    /// drops the connection and every handler that it started.
    pub(crate) async fn run(mut self, leave: Leave) {
        // A framing may be anybody's. Handlers are tasks of their own, and do not panic here.
        let end = AssertUnwindSafe(self.talk(&leave)).catch_unwind().await;
        let end = end.unwrap_or(End::Panicked);
        // Handlers stop before the close handshake, not after it.
        self.session.end_all();
        let (delivered, dropped) = self.pending.counts();
        match end {
            End::Close(Refusal { code, reason }) => {
                tracing::debug!(code, %reason, delivered, dropped, "closing");
                self.metrics.closed(code);
                // What had room in the queue still goes out.
                if self.flush().await.is_ok() {
                    self.socket.close(code, &reason).await;
                }
            }
            End::Closed => {
                tracing::debug!(delivered, dropped, "closed by the peer");
                self.metrics.left();
                self.socket.closed().await;
            }
            End::Panicked => {
                seldom!(error, "the framing of a connection panicked");
                self.metrics.panic();
                self.metrics.closed(FAILED.code);
                self.socket.close(FAILED.code, &FAILED.reason).await;
            }
            End::Drop(reason) => {
                tracing::debug!(reason, delivered, dropped, "given up");
                self.metrics.lost();
            }
        }
    }

    /// From the first word to the last but the close frame.
    async fn talk(&mut self, leave: &Leave) -> End {
        self.framing.opened(self.accepted);
        if self.framing.subscribes_by_url() {
            self.session.open_url(&self.scope);
        }
        match self.serve(&leave.told).await {
            Ok(()) => self.drain(&leave.deadline).await,
            Err(end) => end,
        }
    }

    /// Until `stop`.
    async fn serve(&mut self, stop: &CancellationToken) -> Result<(), End> {
        let overflow = self.pending.overflow();
        let mut batch = Vec::new();
        loop {
            // What was read is answered before more is read: a peer that sends without reading
            // fills its own connection, and nothing here.
            let may_read = self.roominess.is_roomy() && self.session.takes_more();
            // Fair: neither a peer that sends without end nor a handler that does keeps the others
            // waiting.
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = overflow.cancelled() => return Err(End::Close(SLOW_CONSUMER)),
                () = sleep_until(self.init_deadline), if self.framing.is_waiting() => {
                    return Err(End::Close(NO_INIT));
                }
                due = self.liveness.due() => match due {
                    Due::Ping => self.socket.ping(&[]).await?,
                    Due::GiveUp => return Err(End::Drop("the peer shows no sign of life")),
                },
                () = self.pending.take(&mut batch) => self.write(&mut batch).await?,
                () = self.session.reap() => {}
                incoming = self.socket.read(), if may_read => {
                    let mut read = Some(incoming);
                    let mut left = READ_AT_ONCE;
                    while let Some(incoming) = read.take() {
                        if let Some(frame) = self.receive(&incoming)? {
                            // What was queued before it goes out before it.
                            self.pending.take_now(&mut batch);
                            self.write(&mut batch).await?;
                            self.socket.write(std::iter::once(frame)).await?;
                        }
                        left -= 1;
                        // What is there already is read before any of it is answered, so that the
                        // answers are written at once.
                        if left > 0 && self.roominess.is_roomy() && self.session.takes_more() {
                            read = self.socket.read().now_or_never();
                        }
                    }
                }
            }
        }
    }

    /// The server stops: what is being answered is, and then the connection closes.
    async fn drain(&mut self, deadline: &CancellationToken) -> End {
        let mut batch = Vec::new();
        let drained: Result<(), End> = async {
            while self.session.is_busy() {
                tokio::select! {
                    biased;
                    () = deadline.cancelled() => break,
                    () = self.pending.take(&mut batch) => self.write(&mut batch).await?,
                    () = self.session.reap() => {}
                }
            }
            Ok(())
        }
        .await;
        drained.err().unwrap_or(End::Close(GOING_AWAY))
    }

    /// Writes all that is queued.
    async fn flush(&mut self) -> Result<(), Stuck> {
        let mut batch = Vec::new();
        loop {
            self.pending.take_now(&mut batch);
            if batch.is_empty() {
                return Ok(());
            }
            // The connection ends in any case.
            let _ = self.write_batch(&mut batch).await?;
        }
    }

    /// Acts on what was read; gives a frame that is to be sent after what is queued.
    fn receive(&mut self, incoming: &Incoming) -> Result<Option<Frame<'static>>, End> {
        self.liveness.heard();
        let frame = match incoming {
            Incoming::Text(text) => Frame::from(text.as_str()),
            Incoming::Binary(bytes) => Frame::from(bytes.as_ref()),
            Incoming::Control | Incoming::Pong(_) if self.control.is_flood() => {
                return Err(End::Close(CONTROL_FLOOD));
            }
            Incoming::Control | Incoming::Pong(_) => return Ok(None),
            Incoming::Closed(_) => return Err(End::Closed),
            Incoming::Failed(refusal) => return Err(End::Close(refusal.clone())),
        };
        match self.framing.read(frame).map_err(End::Close)? {
            Input::Open(open) => self.session.open(&open, &self.scope),
            Input::Close(id) => self.session.close(id),
            Input::Fault { id, fault } => self.session.refuse(id, fault),
            Input::Answer(frame) => return Ok(Some(frame)),
            Input::Nothing => {}
        }
        Ok(None)
    }

    async fn write(&mut self, batch: &mut Vec<Queued>) -> Result<(), End> {
        match self.write_batch(batch).await? {
            Some(refusal) => Err(End::Close(refusal)),
            None => Ok(()),
        }
    }

    /// Writes the frames of a batch, up to one that the framing closes the connection at.
    async fn write_batch(&mut self, batch: &mut Vec<Queued>) -> Result<Option<Refusal>, Stuck> {
        let mut frames = Vec::with_capacity(batch.len());
        let mut publications = 0_u64;
        let mut refusal = None;
        for queued in batch.iter() {
            match self.framing.write(&queued.event) {
                Written::Frame(frame) => {
                    publications = publications.saturating_add(u64::from(queued.is_publication));
                    frames.push(frame);
                }
                Written::Nothing => {}
                Written::Close(close) => {
                    refusal = Some(close);
                    break;
                }
            }
        }
        let written = self.socket.write(frames.into_iter()).await;
        batch.clear();
        written?;
        self.pending.delivered(publications);
        Ok(refusal)
    }
}

/// Counts control frames, second by second.
#[derive(Debug)]
struct Controls {
    limit: u32,
    count: u32,
    since: Instant,
}

impl Controls {
    fn new(limit: u32) -> Self {
        Self {
            limit,
            count: 0,
            since: Instant::now(),
        }
    }

    fn is_flood(&mut self) -> bool {
        let now = Instant::now();
        if now.duration_since(self.since) >= Duration::from_secs(1) {
            self.since = now;
            self.count = 0;
        }
        self.count = self.count.saturating_add(1);
        self.count > self.limit
    }
}

const GOING_AWAY: Refusal = Refusal::constant(1001, "the server is stopping");
const FAILED: Refusal = Refusal::constant(1011, "the server failed on this connection");
const SLOW_CONSUMER: Refusal = Refusal::constant(
    3008,
    "the connection does not keep up with what it subscribed to",
);
const NO_INIT: Refusal = Refusal::constant(4408, "`init` did not come in time");
const CONTROL_FLOOD: Refusal = Refusal::constant(1008, "more pings and pongs than the limit");

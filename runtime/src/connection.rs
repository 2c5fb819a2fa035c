//! One peer of a server: reads its frames, writes its events, and holds the handlers it started.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::framing::{Framing, Refusal};
use crate::limits::{Limits, after};
use crate::outbox::{Pending, Queued, outbox};
use crate::peer::Peer;
use crate::routes::Scope;
use crate::session::Session;
use crate::socket::{Due, Incoming, Liveness, Socket, Stuck};

/// Events that are written as one batch.
const BATCH: usize = 64;

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
    ) -> Self {
        let (outbox, pending) = outbox(limits.queue_messages, limits.queue_bytes);
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
        }
    }

    /// Serves the peer until either end closes. When it is told to leave, requests in flight have
    /// until the deadline to be answered before the connection closes with 1001. Dropping the future
    /// drops the connection and every handler that it started.
    pub(crate) async fn run(mut self, leave: Leave) {
        self.framing.opened(&mut self.session, &self.scope);
        let end = match self.serve(&leave.told).await {
            Ok(()) => self.drain(&leave.deadline).await,
            Err(end) => end,
        };
        // Handlers stop before the close handshake, not after it.
        self.session.end_all();
        match end {
            End::Close(Refusal { code, reason }) => {
                tracing::debug!(code, reason, "closing");
                // What had room in the queue still goes out.
                if self.flush().await.is_ok() {
                    self.socket.close(code, reason).await;
                }
            }
            End::Closed => {
                tracing::debug!("closed by the peer");
                self.socket.closed().await;
            }
            End::Drop(reason) => tracing::debug!(reason, "dropped"),
        }
    }

    /// Until `stop`.
    async fn serve(&mut self, stop: &CancellationToken) -> Result<(), End> {
        let overflow = self.pending.overflow();
        let mut batch = Vec::with_capacity(BATCH);
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
                    Due::Ping => self.socket.ping().await?,
                    Due::GiveUp => return Err(End::Drop("the peer shows no sign of life")),
                },
                _ = self.pending.take(&mut batch, BATCH) => self.write(&mut batch).await?,
                () = self.session.reap() => {}
                incoming = self.socket.read(), if may_read => {
                    self.receive(incoming)?;
                    if let Some(frame) = self.framing.take_frame() {
                        // What was queued before it goes out before it.
                        self.pending.take_now(&mut batch, BATCH);
                        self.write(&mut batch).await?;
                        self.socket.write(std::iter::once(frame)).await?;
                    }
                }
            }
        }
    }

    /// The server stops: what is being answered is, and then the connection closes.
    async fn drain(&mut self, deadline: &CancellationToken) -> End {
        let mut batch = Vec::with_capacity(BATCH);
        let drained: Result<(), End> = async {
            while self.session.is_busy() {
                tokio::select! {
                    biased;
                    () = deadline.cancelled() => break,
                    _ = self.pending.take(&mut batch, BATCH) => self.write(&mut batch).await?,
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
            self.pending.take_now(&mut batch, BATCH);
            if batch.is_empty() {
                return Ok(());
            }
            self.write(&mut batch).await?;
        }
    }

    fn receive(&mut self, incoming: Incoming) -> Result<(), End> {
        self.liveness.heard();
        match incoming {
            Incoming::Text(text) => self
                .framing
                .receive(text.as_str(), &mut self.session, &self.scope)
                .map_err(End::Close),
            Incoming::Binary(_) if self.framing.is_waiting() => Err(End::Close(NOT_TEXT)),
            Incoming::Binary(bytes) => {
                self.framing
                    .receive_binary(&bytes, &mut self.session, &self.scope);
                Ok(())
            }
            Incoming::Control if self.control.is_flood() => Err(End::Close(CONTROL_FLOOD)),
            Incoming::Control => Ok(()),
            Incoming::Closed(_) => Err(End::Closed),
            Incoming::Failed(refusal) => Err(End::Close(refusal)),
        }
    }

    async fn write(&mut self, batch: &mut Vec<Queued>) -> Result<(), Stuck> {
        let framing = &self.framing;
        let frames = batch
            .iter()
            .filter_map(|queued| framing.write(&queued.event));
        let written = self.socket.write(frames).await;
        // The room that the events took is given back once they are written.
        batch.clear();
        written
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

const GOING_AWAY: Refusal = Refusal {
    code: 1001,
    reason: "the server is stopping",
};
const SLOW_CONSUMER: Refusal = Refusal {
    code: 3008,
    reason: "the connection does not keep up with what it subscribed to",
};
const NO_INIT: Refusal = Refusal {
    code: 4408,
    reason: "`init` did not come in time",
};
const NOT_TEXT: Refusal = Refusal {
    code: 4400,
    reason: "the first frame is not text",
};
const CONTROL_FLOOD: Refusal = Refusal {
    code: 1008,
    reason: "more pings and pongs than the limit",
};

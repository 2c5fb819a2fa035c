//! One peer of a server: reads its frames, writes its events, and holds the handlers it started.

use std::future::ready;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::framing::{Accepted, Frame, Framing, Input, Refusal, Written};
use crate::limits::{Limits, after, after_from};
use crate::metrics::{Metrics, Present};
use crate::outbox::{Outbox, Pending, Queued, outbox};
use crate::peer::Peer;
use crate::rate::{Allowance, Window};
use crate::routes::Scope;
use crate::seldom::seldom;
use crate::session::Session;
use crate::socket::{Due, Incoming, Liveness, Moved, Socket, Stuck};

/// Frames that are read before other things have their turn.
const READ_AT_ONCE: usize = 64;

/// One connection of a server, after its handshake.
#[derive(Debug)]
pub(crate) struct Connection<S> {
    socket: Socket<S>,
    framing: Box<dyn Framing>,
    scope: Scope,
    session: Session,
    outbox: Outbox,
    pending: Pending,
    peer: Arc<Peer>,
    liveness: Liveness,
    /// The number of the last ping, and when it was sent.
    pinged: (u64, Instant),
    allowance: Allowance,
    controls: Window,
    max_controls: u32,
    /// What the framing itself answers, once what was queued before is on its way.
    answer: Option<Frame<'static>>,
    /// Publications that were handed to the socket, and may not have been written yet.
    on_their_way: u64,
    init_deadline: Instant,
    idle_timeout: Duration,
    last_message: Instant,
    write_timeout: Duration,
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
            session: Session::new(Arc::clone(&peer), outbox.clone(), limits),
            outbox,
            pending,
            peer,
            liveness: Liveness::new(limits.ping_interval, limits.pong_timeout),
            pinged: (0, Instant::now()),
            allowance: Allowance::new(limits.messages),
            controls: Window::new(Duration::from_secs(1)),
            max_controls: limits.control_frames,
            answer: None,
            on_their_way: 0,
            init_deadline: after(limits.init_timeout),
            idle_timeout: limits.idle_timeout,
            last_message: Instant::now(),
            write_timeout: limits.write_timeout,
            accepted,
            metrics: metrics.clone(),
            _present: metrics.connection(),
        }
    }

    /// Serves the peer until either end closes. When it is told to leave, requests in flight have
    /// until the deadline to be answered before the connection closes with 1001. Dropping the future
    /// drops the connection and every handler that it started.
    #[expect(
        clippy::manual_async_fn,
        reason = "a future that moves its arguments holds them twice, and this one is what a connection costs"
    )]
    pub(crate) fn run(mut self, leave: Leave) -> impl Future<Output = ()> + Send {
        async move {
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
        // What stays the same is waited for once, and not anew whenever something else happens.
        let overflow = self.pending.overflow();
        let mut overflowed = pin!(overflow.cancelled());
        let mut stopped = pin!(stop.cancelled());
        let signal = self.pending.signal();
        let mut filled = pin!(signal.filled());
        let mut batch = Vec::new();
        loop {
            self.start_answer(&mut batch)?;
            let is_more = self.write_queued(&mut batch)?;
            // In this order: whoever may not read yet must be woken when he may.
            let due = self.due();
            let may_read = self.may_read();
            let wake = due.as_ref().map_or(self.last_message, |(at, _)| *at);
            // Fair: neither a peer that sends without end nor a handler that does keeps the others
            // waiting.
            tokio::select! {
                () = &mut stopped => return Ok(()),
                () = &mut overflowed => return Err(End::Close(SLOW_CONSUMER)),
                () = async { sleep_until(wake).await }, if due.is_some() => {
                    if let Some((_, Some(refusal))) = due {
                        self.end_unless_late(may_read, End::Close(refusal)).await?;
                    }
                }
                due = self.liveness.due() => match due {
                    Due::Ping => self.ping()?,
                    // A sign of life that was not read is not missing.
                    Due::GiveUp if !may_read => self.liveness.heard(),
                    Due::GiveUp => {
                        let end = End::Drop("the peer shows no sign of life");
                        self.end_unless_late(may_read, end).await?;
                    }
                },
                () = &mut filled, if !self.socket.is_writing() => filled.set(signal.filled()),
                () = ready(()), if is_more => {}
                () = self.session.reap() => {}
                moved = self.socket.moved(may_read) => {
                    let mut next = Some(moved);
                    let mut left = READ_AT_ONCE;
                    while let Some(moved) = next.take() {
                        self.act(moved)?;
                        left -= 1;
                        // What is there already is read before any of it is answered, so that the
                        // answers are written at once.
                        if left > 0 && self.may_read() {
                            next = self.socket.moved(true).now_or_never();
                        }
                    }
                }
            }
        }
    }

    /// Writes as much of what is queued as makes a batch and the network takes now, and says whether
    /// there is more for another.
    fn write_queued(&mut self, batch: &mut Vec<Queued>) -> Result<bool, End> {
        if self.socket.is_writing() || self.answer.is_some() {
            return Ok(false);
        }
        let is_more = self.pending.take_now(batch);
        if batch.is_empty() {
            return Ok(false);
        }
        self.start(batch)?;
        if self.socket.write_now() {
            self.written();
        }
        Ok(is_more && !self.socket.is_writing())
    }

    fn act(&mut self, moved: Result<Moved, Stuck>) -> Result<(), End> {
        match moved? {
            Moved::Written => self.written(),
            Moved::Read(incoming) => self.receive(&incoming)?,
        }
        Ok(())
    }

    /// The peer's time is over. It ends unless something has come that this end had no time to read:
    /// on a machine that is busy, or was stopped, it is this end that is late.
    async fn end_unless_late(&mut self, may_read: bool, end: End) -> Result<(), End> {
        // Until the runtime has looked at what came meanwhile.
        tokio::task::yield_now().await;
        while may_read && let Some(moved) = self.socket.moved(true).now_or_never() {
            let is_read = matches!(moved, Ok(Moved::Read(_)));
            self.act(moved)?;
            if is_read {
                return Ok(());
            }
        }
        Err(end)
    }

    /// What happens if nothing else does: the connection is closed, or more may be read.
    fn due(&self) -> Option<(Instant, Option<Refusal>)> {
        let init = self.framing.is_waiting();
        let init = init.then_some((self.init_deadline, Some(NO_INIT)));
        let idle = self.idle_timeout < Duration::MAX;
        let idle = idle.then(|| (after_from(self.last_message, self.idle_timeout), Some(IDLE)));
        let used_up = self.allowance.used_up_until().map(|until| (until, None));
        let all = [init, idle, used_up];
        all.into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// What was read is answered before more is read: a peer that sends without reading fills its own
    /// connection, and nothing here. One that sends too fast waits as well.
    fn may_read(&self) -> bool {
        self.allowance.used_up_until().is_none()
            && self.answer.is_none()
            && self.outbox.is_roomy()
            && self.session.takes_more()
    }

    /// The server stops: what is being answered is, and then the connection closes.
    async fn drain(&mut self, deadline: &CancellationToken) -> End {
        let mut batch = Vec::new();
        let drained: Result<(), End> = async {
            while self.session.is_busy() {
                tokio::select! {
                    biased;
                    () = deadline.cancelled() => break,
                    () = self.pending.take(&mut batch), if !self.socket.is_writing() => {
                        self.start(&mut batch)?;
                    }
                    () = self.session.reap() => {}
                    moved = self.socket.moved(false) => {
                        moved?;
                        self.written();
                    }
                }
            }
            Ok(())
        }
        .await;
        drained.err().unwrap_or(End::Close(GOING_AWAY))
    }

    /// Writes all that is queued, in the time that the peer has to take any of it.
    async fn flush(&mut self) -> Result<(), Stuck> {
        let deadline = after(self.write_timeout);
        let flush = async {
            let mut batch = Vec::new();
            loop {
                self.socket.finish().await?;
                self.written();
                let _ = self.pending.take_now(&mut batch);
                if batch.is_empty() {
                    return Ok(());
                }
                // The connection ends in any case.
                let _ = self.start_batch(&mut batch)?;
            }
        };
        timeout_at(deadline, flush).await.unwrap_or(Err(Stuck))
    }

    /// Acts on what was read.
    fn receive(&mut self, incoming: &Incoming) -> Result<(), End> {
        self.liveness.heard();
        let frame = match incoming {
            Incoming::Text(text) => Frame::from(text.as_str()),
            Incoming::Binary(bytes) => Frame::from(bytes.as_ref()),
            Incoming::Control => return self.control(),
            Incoming::Pong(payload) => {
                let (number, sent) = self.pinged;
                if payload[..] == number.to_be_bytes() {
                    self.peer.answered_after(sent.elapsed());
                }
                return self.control();
            }
            Incoming::Closed(_) => return Err(End::Closed),
            Incoming::Failed(refusal) => return Err(End::Close(refusal.clone())),
        };
        self.allowance.take();
        let input = self.framing.read(frame).map_err(End::Close)?;
        if !matches!(input, Input::Answer(_) | Input::Nothing) {
            self.last_message = Instant::now();
        }
        match input {
            Input::Open(open) => self.session.open(&open, &self.scope),
            Input::Close(id) => self.session.close(id),
            Input::Fault { id, fault } => self.session.refuse(id, fault),
            Input::Answer(frame) => self.answer = Some(frame),
            Input::Nothing => {}
        }
        if self.session.errs() {
            return Err(End::Close(TOO_MANY_ERRORS));
        }
        Ok(())
    }

    fn control(&mut self) -> Result<(), End> {
        if self.controls.count() > self.max_controls {
            return Err(End::Close(CONTROL_FLOOD));
        }
        Ok(())
    }

    fn ping(&mut self) -> Result<(), Stuck> {
        let number = self.pinged.0.wrapping_add(1);
        self.pinged = (number, Instant::now());
        self.socket.start_ping(&number.to_be_bytes())
    }

    /// Starts to write what was queued before an answer of the framing itself, and then that.
    fn start_answer(&mut self, batch: &mut Vec<Queued>) -> Result<(), End> {
        if self.answer.is_none() || self.socket.is_writing() {
            return Ok(());
        }
        let _ = self.pending.take_now(batch);
        if batch.is_empty() {
            return match self.answer.take() {
                Some(answer) => Ok(self.socket.put(&answer)?),
                None => Ok(()),
            };
        }
        self.start(batch)
    }

    fn start(&mut self, batch: &mut Vec<Queued>) -> Result<(), End> {
        self.last_message = Instant::now();
        match self.start_batch(batch)? {
            Some(refusal) => Err(End::Close(refusal)),
            None => Ok(()),
        }
    }

    /// Starts to write the frames of a batch, up to one that the framing closes the connection at.
    fn start_batch(&mut self, batch: &mut Vec<Queued>) -> Result<Option<Refusal>, Stuck> {
        for queued in batch.drain(..) {
            match self.framing.write(&queued.event) {
                Written::Frame(frame) => {
                    let count = u64::from(queued.is_publication);
                    self.on_their_way = self.on_their_way.saturating_add(count);
                    self.socket.put(&frame)?;
                }
                Written::Nothing => {}
                Written::Close(refusal) => return Ok(Some(refusal)),
            }
        }
        // An idle connection holds no memory for it.
        *batch = Vec::new();
        Ok(None)
    }

    fn written(&mut self) {
        self.pending
            .delivered(std::mem::take(&mut self.on_their_way));
    }
}

const GOING_AWAY: Refusal = Refusal::constant(1001, "the server is stopping");
const FAILED: Refusal = Refusal::constant(1011, "the server failed on this connection");
const SLOW_CONSUMER: Refusal = Refusal::constant(
    3008,
    "the connection does not keep up with what it subscribed to",
);
const NO_INIT: Refusal = Refusal::constant(4408, "`init` did not come in time");
const IDLE: Refusal = Refusal::constant(3002, "no message in either direction for too long");
const TOO_MANY_ERRORS: Refusal = Refusal::constant(3509, "too many messages with something wrong");
const CONTROL_FLOOD: Refusal = Refusal::constant(1008, "more pings and pongs than the limit");

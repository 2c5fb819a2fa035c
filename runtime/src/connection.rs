//! One peer of a server: reads its frames, writes its events, and holds the handlers it started.

mod desk;
#[cfg(shuttle)]
#[cfg(test)]
mod model;

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};

use self::desk::{Desk, Pen};
use crate::alarm::Alarm;
use crate::flusher::Flushers;
use crate::framing::{Accepted, Frame, Framing, Input, Raw, Refusal, Written};
use crate::leave::Leave;
use crate::limits::{Limits, after, after_from};
use crate::metrics::{Metrics, Present};
use crate::outbox::{Outbox, Overflow, Pending, Queued, outbox};
use crate::peer::Peer;
use crate::rate::{Allowance, Window};
use crate::routes::Scope;
use crate::seldom::seldom;
use crate::session::Session;
use crate::socket::{Due, Incoming, Lend, Liveness, Moved, Socket, Stuck};

/// What is done before other connections have their turn: frames that are read, and batches that are
/// written.
const AT_ONCE: usize = 64;

/// How long a connection goes on at most, but for the one message that it is at: handlers that need
/// not wait run in its own time.
const TURN: Duration = Duration::from_millis(1);

/// Events that are written as one batch, and the bytes beyond which it takes no more.
const BATCH: usize = 64;
const BATCH_BYTES: usize = 16 << 10;

/// One connection of a server, after its handshake.
#[derive(Debug)]
pub(crate) struct Connection<S: Lend> {
    socket: Socket<S>,
    framing: Box<dyn Framing>,
    scope: Scope,
    session: Session,
    outbox: Outbox,
    pending: Pending,
    peer: Arc<Peer>,
    liveness: Liveness,
    alarm: Alarm,
    /// The number of the last ping.
    pinged: u64,
    allowance: Allowance,
    controls: Window,
    /// What the framing itself answers, once what was queued before is on its way.
    answer: Option<Box<Frame<'static>>>,
    /// Publications that were handed to the socket, and may not have been written yet.
    on_their_way: u64,
    init_deadline: Instant,
    last_message: Instant,
    limits: Arc<Limits>,
    /// What writes in its place while it waits, and where it leaves what is needed for that.
    flushers: Arc<Flushers>,
    desk: Option<Arc<Desk<S::End>>>,
    is_lent: bool,
    metrics: Metrics,
    _present: Present,
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

/// Why a connection is not just served on.
enum Halt {
    /// It is told to leave.
    Told,
    /// It ends.
    End(End),
    /// It ends if the peer's time is really over.
    IfLate(End),
}

impl<E: Into<End>> From<E> for Halt {
    fn from(end: E) -> Self {
        Self::End(end.into())
    }
}

impl<S: AsyncRead + AsyncWrite + Lend + Unpin + Send> Connection<S> {
    pub(crate) fn new(
        socket: Socket<S>,
        peer: Arc<Peer>,
        framing: Box<dyn Framing>,
        scope: Scope,
        limits: &Arc<Limits>,
        metrics: &Metrics,
        flushers: &Arc<Flushers>,
    ) -> Self {
        let (outbox, pending) = outbox(limits, metrics);
        Self {
            socket,
            framing,
            scope,
            session: Session::new(Arc::clone(&peer), outbox.clone(), limits),
            outbox,
            pending,
            peer,
            liveness: Liveness::new(limits),
            alarm: Alarm::default(),
            pinged: 0,
            allowance: Allowance::new(limits.messages),
            controls: Window::default(),
            answer: None,
            on_their_way: 0,
            init_deadline: after(limits.init_timeout),
            last_message: Instant::now(),
            limits: Arc::clone(limits),
            flushers: Arc::clone(flushers),
            desk: None,
            is_lent: false,
            metrics: metrics.clone(),
            _present: metrics.connection(),
        }
    }

    /// Serves the peer until either end closes. When it is told to leave, requests in flight have
    /// until the deadline to be answered before the connection closes with 1001. Dropping the future
    /// drops the connection and every handler that it started.
    ///
    /// Whoever polls it does so when the word to leave changes. What is done once has a future of its own
    /// on the heap, of which an idle connection need not have any.
    #[expect(
        clippy::manual_async_fn,
        reason = "a future that moves its arguments holds them twice, and this one is what a connection costs"
    )]
    pub(crate) fn run(mut self, leave: Leave) -> impl Future<Output = ()> + Send {
        async move {
            // A framing may be anybody's.
            if catch_unwind(AssertUnwindSafe(|| self.open())).is_err() {
                return Box::pin(self.end(End::Panicked)).await;
            }
            loop {
                let halt = poll_fn(|cx| self.poll_serve(cx, &leave)).await;
                if Box::pin(self.halt(halt, &leave)).await {
                    return;
                }
            }
        }
    }

    /// Before the first word.
    fn open(&mut self) {
        let message_size = self.limits.message_size.min(self.limits.frame_size);
        self.framing
            .opened(Accepted::new(self.peer.connection, message_size));
        if self.framing.subscribes_by_url() {
            self.session.open_url(&self.scope);
        }
    }

    /// Ends, unless there is more to serve, and says which.
    async fn halt(&mut self, halt: Halt, leave: &Leave) -> bool {
        let end = match halt {
            Halt::End(end) => Err(end),
            Halt::Told => {
                let drain = AssertUnwindSafe(self.drain(leave)).catch_unwind();
                Err(drain.await.unwrap_or(End::Panicked))
            }
            Halt::IfLate(end) => {
                let late = AssertUnwindSafe(self.end_unless_late(end)).catch_unwind();
                late.await.unwrap_or(Err(End::Panicked))
            }
        };
        match end {
            Ok(()) => false,
            Err(end) => {
                self.end(end).await;
                true
            }
        }
    }

    /// The last word, and the close frame.
    async fn end(&mut self, end: End) {
        // Handlers stop before the close handshake, not after it.
        self.session.end_all();
        let (delivered, dropped) = self.pending.counts();
        match end {
            End::Close(Refusal { code, reason }) => {
                tracing::debug!(code, %reason, delivered, dropped, "closing");
                self.metrics.closed(code);
                // What had room in the queue still goes out.
                match AssertUnwindSafe(self.flush()).catch_unwind().await {
                    Ok(Ok(())) => self.socket.close(code, &reason).await,
                    Ok(Err(Stuck)) => {}
                    Err(_) => self.panicked().await,
                }
            }
            End::Closed => {
                tracing::debug!(delivered, dropped, "closed by the peer");
                self.metrics.left();
                self.socket.closed().await;
            }
            End::Panicked => {
                self.metrics.closed(FAILED.code);
                self.panicked().await;
            }
            End::Drop(reason) => {
                tracing::debug!(reason, delivered, dropped, "given up");
                self.metrics.lost();
            }
        }
    }

    async fn panicked(&mut self) {
        seldom!(error, "the framing of a connection panicked");
        self.metrics.panic();
        self.socket.close(FAILED.code, &FAILED.reason).await;
    }

    /// Until it is told to leave.
    fn poll_serve(&mut self, cx: &mut Context<'_>, leave: &Leave) -> Poll<Halt> {
        // Handlers are tasks of their own, and do not panic here.
        let serve = AssertUnwindSafe(|| self.poll_serve_on(cx, leave));
        catch_unwind(serve).unwrap_or(Poll::Ready(Halt::End(End::Panicked)))
    }

    /// Goes on as far as that goes now.
    ///
    /// A connection is woken for one of many reasons, and most often for a message: so what is looked
    /// at each time is what can be looked at for next to nothing.
    fn poll_serve_on(&mut self, cx: &mut Context<'_>, leave: &Leave) -> Poll<Halt> {
        if let Err(end) = self.recall() {
            return Poll::Ready(end.into());
        }
        if leave.is_told() {
            return Poll::Ready(Halt::Told);
        }
        match self.go_on(cx) {
            Ok(()) => Poll::Pending,
            Err(halt) => Poll::Ready(halt),
        }
    }

    fn go_on(&mut self, cx: &mut Context<'_>) -> Result<(), Halt> {
        let now = Instant::now();
        self.pending.is_at_work();
        // Fair: neither a peer that sends without end nor a handler that does keeps the others
        // waiting.
        for _ in 0..AT_ONCE {
            // What is there already is read before any of it is answered, so that the answers are
            // written at once.
            let (is_all, may_read) = self.read(cx, now)?;
            let has_written = self.write(cx, now)?;
            let has_reaped = self.session.poll_reap(cx).is_ready();
            if !is_all {
                break;
            }
            // Asked again once whoever makes room would wake this.
            if has_written || has_reaped || !may_read && self.may_read(now) {
                continue;
            }
            self.wait(cx, now, may_read)?;
            if may_read {
                self.lend();
            }
            return Ok(());
        }
        // After the others, and after a look at what has come for them.
        let _ = pin!(tokio::task::yield_now()).poll(cx);
        self.wait(cx, now, self.may_read(now))
    }

    /// Has somebody else write while it waits, where most that happens is that it writes.
    fn lend(&mut self) {
        if self.answer.is_some() || !self.session.is_subscribed() {
            return;
        }
        // A framing may be anybody's, and what is lent would be lost with it.
        let alike = self.framing.alike();
        let Some(socket) = self.socket.lend() else {
            return;
        };
        if self.desk.is_none() {
            let claim = self.flushers.claim();
            let desk = claim.map(|claim| Desk::new(self.pending.source(), claim));
            self.desk = desk.map(Arc::new);
        }
        let Some(desk) = &self.desk else {
            return self.socket.take_back(socket);
        };
        desk.leave(Pen {
            framing: std::mem::replace(&mut self.framing, Box::new(Raw)),
            socket,
            on_their_way: std::mem::take(&mut self.on_their_way),
            wrote: None,
            end: None,
            is_left: false,
        });
        let desk = Arc::clone(desk);
        self.is_lent = true;
        self.pending.lend(desk, alike);
    }

    /// From now on it writes itself.
    fn recall(&mut self) -> Result<(), End> {
        if !std::mem::take(&mut self.is_lent) {
            return Ok(());
        }
        let next = self.pending.recall();
        let Some(mut pen) = self.desk.as_ref().and_then(|desk| desk.take()) else {
            return Ok(());
        };
        self.framing = pen.framing;
        pen.socket.add(next.frames);
        self.socket.take_back(pen.socket);
        self.on_their_way = pen.on_their_way.saturating_add(next.publications);
        self.last_message = pen.wrote.unwrap_or(self.last_message);
        if self.on_their_way > 0 {
            self.last_message = Instant::now();
        }
        match pen.end {
            None => Ok(()),
            Some(desk::End::Refused(refusal)) => Err(End::Close(refusal)),
            Some(desk::End::Panicked) => Err(End::Panicked),
        }
    }

    /// Reads what has come, as much as may be read, and writes on meanwhile. Says whether that was all
    /// for now, and whether more is read when it comes.
    fn read(&mut self, cx: &mut Context<'_>, now: Instant) -> Result<(bool, bool), End> {
        for _ in 0..AT_ONCE {
            let may_read = self.may_read(now);
            match self.socket.poll_moved(cx, may_read) {
                Poll::Ready(moved) => self.act(moved, now)?,
                Poll::Pending => return Ok((true, may_read)),
            }
            if now.elapsed() >= TURN {
                break;
            }
        }
        Ok((false, self.may_read(now)))
    }

    /// Writes a batch of what is queued, and after that an answer of the framing itself, as far as the
    /// network takes it now. Says whether there may be more to do, or to wait for, at once.
    fn write(&mut self, cx: &mut Context<'_>, now: Instant) -> Result<bool, End> {
        let mut events = 0;
        let mut is_all = false;
        loop {
            let can_write = !self.socket.is_writing() || events > 0;
            match self.pending.poll_next(cx, can_write) {
                Poll::Ready(Ok(queued)) => {
                    self.start(&queued, now)?;
                    events += 1;
                    if events == BATCH || self.socket.unwritten() >= BATCH_BYTES {
                        break;
                    }
                }
                Poll::Ready(Err(Overflow)) => return Err(End::Close(SLOW_CONSUMER)),
                Poll::Pending => {
                    if can_write && let Some(answer) = self.answer.take() {
                        self.socket.put(&answer)?;
                        events += 1;
                    }
                    is_all = true;
                    break;
                }
            }
        }
        if events == 0 {
            return Ok(false);
        }
        if !self.socket.write_now(cx) {
            return Ok(true);
        }
        self.written();
        Ok(!is_all)
    }

    /// What happens when nothing else does.
    fn wait(&mut self, cx: &mut Context<'_>, now: Instant, may_read: bool) -> Result<(), Halt> {
        let sign = loop {
            match self.liveness.due(now, &self.limits) {
                Err(at) => break at,
                Ok(Due::Ping) => {
                    self.ping()?;
                    cx.waker().wake_by_ref();
                }
                // A sign of life that was not read is not missing.
                Ok(Due::GiveUp) if !may_read => self.liveness.heard(),
                Ok(Due::GiveUp) => {
                    let end = End::Drop("the peer shows no sign of life");
                    return Err(Halt::IfLate(end));
                }
            }
        };
        let due = self.due(now).filter(|(at, _)| *at <= sign);
        let at = due.as_ref().map_or(sign, |(at, _)| *at);
        if self.alarm.poll(cx, at).is_pending() {
            return Ok(());
        }
        if let Some((_, Some(refusal))) = due {
            return Err(Halt::IfLate(End::Close(refusal)));
        }
        // Again, to read on or to look at the clock, which is later than `now`.
        cx.waker().wake_by_ref();
        Ok(())
    }

    fn act(&mut self, moved: Result<Moved, Stuck>, now: Instant) -> Result<(), End> {
        match moved? {
            Moved::Written => self.written(),
            Moved::Read(incoming) => self.receive(&incoming, now)?,
        }
        Ok(())
    }

    /// The peer's time is over. It ends unless something has come that this end had no time to read:
    /// on a machine that is busy, or was stopped, it is this end that is late.
    async fn end_unless_late(&mut self, end: End) -> Result<(), End> {
        // Until the runtime has looked at what came meanwhile.
        tokio::task::yield_now().await;
        while self.may_read(Instant::now())
            && let Some(moved) = self.socket.moved(true).now_or_never()
        {
            let is_read = matches!(moved, Ok(Moved::Read(_)));
            self.act(moved, Instant::now())?;
            if is_read {
                return Ok(());
            }
        }
        Err(end)
    }

    /// What happens if nothing else does: the connection is closed, or more may be read.
    fn due(&self, now: Instant) -> Option<(Instant, Option<Refusal>)> {
        let init = self.framing.is_waiting();
        let init = init.then_some((self.init_deadline, Some(NO_INIT)));
        let idle = self.limits.idle_timeout;
        let idle =
            (idle < Duration::MAX).then(|| (after_from(self.last_message, idle), Some(IDLE)));
        let used_up = self.allowance.used_up_until(now).map(|until| (until, None));
        let all = [init, idle, used_up];
        all.into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// What was read is answered before more is read: a peer that sends without reading fills its own
    /// connection, and nothing here. One that sends too fast waits as well.
    fn may_read(&self, now: Instant) -> bool {
        self.allowance.used_up_until(now).is_none()
            && self.answer.is_none()
            && self.outbox.is_roomy()
            && self.session.takes_more()
    }

    /// The server stops: what is being answered is, and then the connection closes.
    async fn drain(&mut self, leave: &Leave) -> End {
        let drained = poll_fn(|cx| {
            if leave.is_late() {
                return Poll::Ready(Ok(()));
            }
            self.poll_drain(cx)
        });
        let drained: Result<(), End> = drained.await;
        drained.err().unwrap_or(End::Close(GOING_AWAY))
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        for _ in 0..AT_ONCE {
            if !self.session.is_busy() {
                return Poll::Ready(Ok(()));
            }
            while let Poll::Ready(moved) = self.socket.poll_moved(cx, false) {
                self.act(moved, Instant::now())?;
            }
            let has_written = self.write(cx, Instant::now())?;
            let has_reaped = self.session.poll_reap(cx).is_ready();
            if !has_written && !has_reaped {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes all that is queued, in the time that the peer has to take any of it.
    async fn flush(&mut self) -> Result<(), Stuck> {
        let deadline = after(self.limits.write_timeout);
        let flush = async {
            loop {
                self.socket.finish().await?;
                self.written();
                while self.socket.unwritten() < BATCH_BYTES {
                    let Some(queued) = self.pending.next_now() else {
                        break;
                    };
                    // The connection ends in any case.
                    let _ = self.start_event(&queued)?;
                }
                if !self.socket.is_writing() {
                    return Ok(());
                }
            }
        };
        timeout_at(deadline, flush).await.unwrap_or(Err(Stuck))
    }

    /// Acts on what was read.
    fn receive(&mut self, incoming: &Incoming, now: Instant) -> Result<(), End> {
        self.liveness.heard();
        let frame = match incoming {
            Incoming::Text(text) => Frame::from(text.as_str()),
            Incoming::Binary(bytes) => Frame::from(bytes.as_slice()),
            Incoming::Control => return self.control(),
            Incoming::Pong(payload) => {
                if self.pinged > 0
                    && payload[..] == self.pinged.to_be_bytes()
                    && let Some(sent) = self.liveness.last_ping(&self.limits)
                {
                    self.peer
                        .answered_after(now.saturating_duration_since(sent));
                }
                return self.control();
            }
            Incoming::Closed(_) => return Err(End::Closed),
            Incoming::Failed(refusal) => return Err(End::Close(refusal.clone())),
        };
        self.allowance.take(now);
        let input = self.framing.read(frame).map_err(End::Close)?;
        if !matches!(input, Input::Answer(_) | Input::Nothing) {
            self.last_message = now;
        }
        match input {
            Input::Open(open) => self.session.open(&open, &self.scope),
            Input::Close(id) => self.session.close(id),
            Input::Fault { id, fault } => self.session.refuse(id, fault),
            Input::Answer(frame) => self.answer = Some(Box::new(frame)),
            Input::Nothing => {}
        }
        if self.session.errs() {
            return Err(End::Close(TOO_MANY_ERRORS));
        }
        Ok(())
    }

    fn control(&mut self) -> Result<(), End> {
        if self.controls.count(Duration::from_secs(1)) > self.limits.control_frames {
            return Err(End::Close(CONTROL_FLOOD));
        }
        Ok(())
    }

    fn ping(&mut self) -> Result<(), Stuck> {
        self.pinged = self.pinged.wrapping_add(1);
        self.socket.start_ping(&self.pinged.to_be_bytes())
    }

    fn start(&mut self, queued: &Queued, now: Instant) -> Result<(), End> {
        self.last_message = now;
        match self.start_event(queued)? {
            Some(refusal) => Err(End::Close(refusal)),
            None => Ok(()),
        }
    }

    /// Starts to write the frame of an event, unless the framing closes the connection at it.
    fn start_event(&mut self, queued: &Queued) -> Result<Option<Refusal>, Stuck> {
        match self.framing.write(&queued.event) {
            Written::Frame(frame) => {
                let count = u64::from(queued.is_publication);
                self.on_their_way = self.on_their_way.saturating_add(count);
                self.socket.put(&frame)?;
            }
            Written::Nothing => {}
            Written::Close(refusal) => return Ok(Some(refusal)),
        }
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

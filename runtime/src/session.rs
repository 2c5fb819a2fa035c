//! The exchanges that one peer has going, and their limits.

mod exchanges;

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{Id as TaskId, JoinError, JoinSet, unconstrained};
use tokio::time::timeout_at;

use self::exchanges::{Exchange, Exchanges, Key};
use crate::fault::Fault;
use crate::frame::{Body, Event, Id, Op, Open, Origin, Since};
use crate::limits::{Limits, after};
use crate::outbox::Outbox;
use crate::peer::Peer;
use crate::provider::{Asker, Handler, Prepared, Work};
use crate::rate::Window;
use crate::routes::{Matched, Scope};
use crate::seldom::seldom;

/// Starts and ends the exchanges of one peer. Dropping it ends them all.
///
/// Nothing here waits: what cannot be done is told to the peer as a fault.
#[derive(Debug)]
pub(crate) struct Session {
    peer: Arc<Peer>,
    outbox: Outbox,
    exchanges: Exchanges,
    tasks: Option<Box<Tasks>>,
    next_key: u64,
    /// Messages that have no answer are handled one after another, in their order.
    line: Line,
    /// Handlers at work on messages that have no answer, and so are no exchanges.
    unanswered: usize,
    limits: Arc<Limits>,
    /// Messages of the peer with something wrong.
    errors: Window,
    has_erred: bool,
    /// Room for the messages that exchanges were started with, in bytes.
    room: Arc<Semaphore>,
    /// The same for messages that have no answer.
    unanswered_room: Option<Arc<Semaphore>>,
}

/// The work that is done in tasks, once there has been some.
#[derive(Debug, Default)]
struct Tasks {
    set: JoinSet<()>,
    keys: HashMap<TaskId, (Option<Key>, Origin)>,
    cancelled: HashSet<TaskId>,
}

impl Session {
    pub(crate) fn new(peer: Arc<Peer>, outbox: Outbox, limits: &Arc<Limits>) -> Self {
        Self {
            peer,
            outbox,
            exchanges: Exchanges::default(),
            tasks: None,
            next_key: 0,
            line: Line::default(),
            unanswered: 0,
            limits: Arc::clone(limits),
            errors: Window::default(),
            has_erred: false,
            room: Arc::new(Semaphore::new(room(limits))),
            unanswered_room: None,
        }
    }

    /// Starts an exchange.
    pub(crate) fn open(&mut self, open: &Open<'_>, scope: &Scope) {
        let id = open.id;
        // Before all else: any other fault would say that the exchange of this id has failed.
        if id.is_some_and(|id| self.is_going(id)) {
            let message = "an exchange with this `id` is going on this connection: choose another";
            return self.fault(id, Fault::new(Fault::DUPLICATE_ID, message));
        }
        match scope.resolve(open, self.asker(id)) {
            Ok(Matched { handler, prepared }) => {
                self.start(&*handler, prepared, open.weight(), open.since.clone());
            }
            Err(fault) => self.fault(id, fault),
        }
    }

    fn asker(&self, id: Id) -> Asker<'_> {
        Asker {
            peer: &self.peer,
            outbox: &self.outbox,
            id,
        }
    }

    /// Starts what opening the URL starts.
    pub(crate) fn open_url(&mut self, scope: &Scope) {
        let opened: Vec<_> = scope.opened_by_url(self.asker(None)).collect();
        for (handler, prepared) in opened {
            match prepared {
                Ok(prepared) => self.start(&**handler, prepared, 0, None),
                Err(fault) => self.fault(None, fault),
            }
        }
    }

    fn is_going(&self, id: u64) -> bool {
        let exchange = self.exchanges.get(Key::Peer(id));
        exchange.is_some_and(|exchange| !exchange.has_ended())
    }

    /// Starts an exchange, whose id is free, with a message of so many bytes.
    fn start(
        &mut self,
        handler: &dyn Handler,
        prepared: Prepared,
        weight: usize,
        since: Option<Since>,
    ) {
        let Prepared {
            origin,
            going_on,
            work,
        } = prepared;
        let id = origin.id;
        let is_exchange = id.is_some() || handler.is_answered();
        if is_exchange && let Some(message) = self.fullness(&work) {
            return self.fault(origin, Fault::new(Fault::LIMIT_EXCEEDED, message));
        }
        if self.room(is_exchange).available_permits() < weight {
            self.forget_ended();
        }
        if self.room(is_exchange).available_permits() < weight {
            let message = "the messages that are being worked on hold all the bytes that they may: \
                           wait for an answer";
            return self.fault(origin, Fault::new(Fault::LIMIT_EXCEEDED, message));
        }
        let key = match id {
            Some(id) => Some(Key::Peer(id)),
            None if is_exchange => {
                self.next_key = self.next_key.wrapping_add(1);
                Some(Key::Own(self.next_key))
            }
            None => None,
        };
        // Only here is any of it taken.
        let held = |session: &mut Self| {
            let bytes = u32::try_from(weight).unwrap_or(u32::MAX);
            let room = Arc::clone(session.room(is_exchange));
            room.try_acquire_many_owned(bytes).ok()
        };
        let is_in_line = !handler.is_answered();
        let op = handler.op();
        let exchange = match work {
            Work::Task(work) => {
                let mut work = AssertUnwindSafe(work).catch_unwind();
                let turn = is_in_line.then(|| self.line.come());
                // What need not wait for anything is done before the next message is read: so
                // answers come in the order of what they answer, even where nothing ties them to it.
                if !matches!(turn, Some(Turn::Later(_))) {
                    match (&mut work).now_or_never() {
                        Some(Ok(())) => return,
                        Some(Err(_)) => return self.panicked(origin),
                        None => {}
                    }
                }
                let (timed, held) = (self.timed(work, op, &origin), held(self));
                let tasks = self.tasks.get_or_insert_default();
                let task = tasks.set.spawn(async move {
                    let turn = match turn {
                        Some(Turn::Now(turn)) => turn,
                        Some(Turn::Later(turn)) => turn.await,
                        None => None,
                    };
                    let ended = timed.await;
                    drop((turn, held, going_on));
                    if let Err(panic) = ended {
                        resume_unwind(panic);
                    }
                });
                tasks.keys.insert(task.id(), (key, origin));
                Exchange::Task(task)
            }
            Work::Membership(subscribe) => {
                let present = self.outbox.metrics().subscription();
                let membership = subscribe(since);
                membership.hold(Box::new((going_on, present)));
                Exchange::Membership(membership, held(self))
            }
        };
        match key {
            Some(key) => self.exchanges.insert(key, exchange),
            None => self.unanswered = self.unanswered.saturating_add(1),
        }
    }

    /// What messages hold while they are worked on: those of exchanges, and others.
    fn room(&mut self, is_exchange: bool) -> &Arc<Semaphore> {
        if is_exchange {
            &self.room
        } else {
            let room = || Arc::new(Semaphore::new(room(&self.limits)));
            self.unanswered_room.get_or_insert_with(room)
        }
    }

    /// Says so if as much of the kind goes on as may.
    fn fullness(&mut self, work: &Work) -> Option<String> {
        match work {
            Work::Task(_) => {
                let max = self.limits.handlers;
                if self.answering() >= max {
                    self.reap_now();
                }
                (self.answering() >= max).then(|| {
                    format!(
                        "{max} messages of this connection are being worked on, and no more may"
                    )
                })
            }
            Work::Membership(_) => {
                let max = self.limits.subscriptions;
                if self.exchanges.len() >= max {
                    self.forget_ended();
                }
                let exchanges = self.exchanges.iter();
                let going = exchanges
                    .filter(|exchange| exchange.is_membership())
                    .count();
                (going >= max).then(|| {
                    format!("{max} subscriptions are going on this connection, and no more may")
                })
            }
        }
    }

    /// Forgets subscriptions that the service has ended, and the messages that started them.
    fn forget_ended(&mut self) {
        self.exchanges.forget_ended();
    }

    /// Handlers at work on messages that are answered, among them those that were given up and have
    /// not ended yet.
    fn answering(&self) -> usize {
        let tasks = self.tasks.as_ref().map_or(0, |tasks| tasks.set.len());
        tasks.saturating_sub(self.unanswered)
    }

    /// The work of a handler, within the time that it has from its turn on.
    fn timed<W: Future<Output = std::thread::Result<()>> + Send>(
        &self,
        work: W,
        op: Op,
        origin: &Origin,
    ) -> impl Future<Output = std::thread::Result<()>> + Send + use<W> {
        // What has many answers may take its time.
        let limit = (op != Op::Subscribe && self.limits.handler_timeout < Duration::MAX)
            .then_some(self.limits.handler_timeout);
        let outbox = self.outbox.clone();
        let origin = origin.clone();
        async move {
            let Some(limit) = limit else {
                return work.await;
            };
            if let Ok(ended) = timeout_at(after(limit), work).await {
                return ended;
            }
            let message = format!("the handler has not answered within {limit:?}");
            let fault = Body::Fault(Fault::new(Fault::TIMEOUT, message));
            let _ = outbox.send(Event::new(origin, fault)).await;
            Ok(())
        }
    }

    /// Another message can be taken. Where one has no answer its sender cannot be told to wait, and
    /// so it waits where it is until a handler has ended.
    pub(crate) fn takes_more(&self) -> bool {
        self.unanswered == 0
            || self.unanswered < self.limits.handlers
                && self
                    .unanswered_room
                    .as_ref()
                    .is_none_or(|room| room.available_permits() >= self.limits.message_size)
    }

    /// Ends an exchange at the peer's wish, and confirms it. One that has ended already, or never
    /// was, is confirmed as well: the peer may not have heard of the end yet.
    pub(crate) fn close(&mut self, id: u64) {
        match self.exchanges.remove(Key::Peer(id)) {
            Some(Exchange::Task(task)) => {
                task.abort();
                // It may be about to answer: the end is confirmed when it is certain not to.
                let tasks = self.tasks.get_or_insert_default();
                tasks.cancelled.insert(task.id());
                return;
            }
            Some(Exchange::Membership(membership, held)) => {
                drop((membership, held));
            }
            None => {}
        }
        self.push(Some(id).into(), Body::End);
    }

    /// Ends all exchanges, with no word to the peer.
    pub(crate) fn end_all(&mut self) {
        self.exchanges.clear();
        if let Some(tasks) = &mut self.tasks {
            tasks.set.abort_all();
        }
    }

    /// Tells the peer what was wrong with something that it sent.
    pub(crate) fn fault(&mut self, origin: impl Into<Origin>, fault: Fault) {
        let fault = fault.shortened();
        // Not what it says: that may be of the message.
        tracing::trace!(code = fault.code(), "refused a message");
        self.outbox.metrics().fault();
        if fault.code() != Fault::INTERNAL {
            self.has_erred |= self.errors.count(ERRORS) >= self.limits.errors;
        }
        self.push(origin.into(), Body::Fault(fault));
    }

    /// Tells the peer what was wrong with a frame that cannot be acted upon, unless it has the
    /// number of another exchange: of that, the fault would say that it has failed.
    pub(crate) fn refuse(&mut self, id: Id, fault: Fault) {
        self.fault(id.filter(|id| !self.is_going(*id)), fault);
    }

    /// The peer sends too much that is wrong.
    pub(crate) fn errs(&self) -> bool {
        self.has_erred
    }

    /// Some subscription is going.
    pub(crate) fn is_subscribed(&self) -> bool {
        self.exchanges.iter().any(Exchange::is_membership)
    }

    /// Some handler is at work that will answer by itself.
    pub(crate) fn is_busy(&self) -> bool {
        let tasks = self.tasks.as_ref();
        tasks.is_some_and(|tasks| !tasks.set.is_empty())
    }

    /// Waits for the next handler to end, and clears up after it. Waits for ever when there is none.
    pub(crate) fn poll_reap(&mut self, cx: &mut task::Context<'_>) -> Poll<()> {
        let Some(tasks) = &mut self.tasks else {
            return Poll::Pending;
        };
        if tasks.set.is_empty() {
            return Poll::Pending;
        }
        match tasks.set.poll_join_next_with_id(cx) {
            Poll::Ready(Some(ended)) => {
                self.reaped(ended);
                Poll::Ready(())
            }
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    /// Clears up after those that have ended by now.
    fn reap_now(&mut self) {
        while let Some(ended) = self
            .tasks
            .as_mut()
            .and_then(|tasks| tasks.set.try_join_next_with_id())
        {
            self.reaped(ended);
        }
    }

    fn reaped(&mut self, ended: Result<(TaskId, ()), JoinError>) {
        let (task, panicked) = match ended {
            Ok((task, ())) => (task, false),
            Err(error) => (error.id(), error.is_panic()),
        };
        let Some(tasks) = &mut self.tasks else {
            return;
        };
        let Some((key, origin)) = tasks.keys.remove(&task) else {
            return;
        };
        let is_cancelled = tasks.cancelled.remove(&task);
        match key {
            None => self.unanswered = self.unanswered.saturating_sub(1),
            // The peer may have started another exchange under the number of one that has ended.
            Some(key) => {
                if let Some(Exchange::Task(current)) = self.exchanges.get(key)
                    && current.id() == task
                {
                    self.exchanges.remove(key);
                }
            }
        }
        if is_cancelled {
            if panicked {
                self.outbox.metrics().panic();
            }
            self.push(origin, Body::End);
        } else if panicked {
            self.panicked(origin);
        }
    }

    fn panicked(&mut self, origin: Origin) {
        self.outbox.metrics().panic();
        seldom!(error, "a handler panicked");
        self.fault(origin, Fault::new(Fault::INTERNAL, "the handler failed"));
    }

    fn push(&self, origin: Origin, body: Body) {
        // Without room the connection is given up, which is all that can be done.
        let _ = self.outbox.push(Event::new(origin, body));
    }
}

/// Those that are to follow one another: whoever comes first has its turn first, and one that leaves
/// before its turn lets nobody overtake those in front.
#[derive(Debug, Default)]
struct Line(Option<Arc<Semaphore>>);

/// A place in the line, which is given up when this is dropped.
enum Turn {
    Now(Option<OwnedSemaphorePermit>),
    Later(Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send>>),
}

impl Line {
    /// The last place. It is taken already, wherever its turn is waited for.
    fn come(&mut self) -> Turn {
        let line = self.0.get_or_insert_with(|| Arc::new(Semaphore::new(1)));
        if let Ok(turn) = Arc::clone(line).try_acquire_owned() {
            return Turn::Now(Some(turn));
        }
        let turn = Arc::clone(line).acquire_owned();
        // The semaphore lines up who asks, and is asked at once: by then, a task that has used up
        // its budget must not be told to ask later.
        let mut turn = Box::pin(unconstrained(async { turn.await.ok() }));
        match turn.as_mut().now_or_never() {
            Some(turn) => Turn::Now(turn),
            None => Turn::Later(turn),
        }
    }
}

/// The time in which [`Limits::errors`] counts.
const ERRORS: Duration = Duration::from_secs(10);

/// One message fits in any case.
fn room(limits: &Limits) -> usize {
    const FRAME: usize = 1024;
    limits
        .exchange_bytes
        .max(limits.message_size.saturating_add(FRAME))
        .min(Semaphore::MAX_PERMITS)
}

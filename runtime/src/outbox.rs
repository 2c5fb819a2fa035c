//! The bounded queue between what a peer is told and the connection that writes it.

mod ahead;
mod pending;
#[cfg(test)]
mod tests;
mod waiting;

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock, PoisonError};
use std::task::Waker;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use self::ahead::Lending;
pub(crate) use self::ahead::Notice;
pub(crate) use self::pending::{Flush, Overflow, Pending, Source};
pub(crate) use self::waiting::Lane;
use self::waiting::{Admitted, Bounds, Waiting};
use crate::fault::Fault;
use crate::frame::{Body, Event};
use crate::limits::{Limits, SlowConsumer, after_from};
use crate::metrics::Metrics;
use crate::seldom::seldom;
use crate::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard};

/// The sending end: what exchanges put their events into.
///
/// Bounded in events and in bytes. Each kind of events has room of its own. A reply waits for its
/// room. A publication that finds none is dealt with as the policy says. Anything else neither waits
/// nor is dropped: where it finds none the whole connection is given up; the connection reads less
/// as that room becomes scarce, so that this is a last resort.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    queue: Arc<Queue>,
}

/// An event that is to be written.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) event: Event,
    pub(crate) is_publication: bool,
}

/// The event was not queued: the connection is gone or given up, or has no room for it.
#[derive(Debug)]
pub(crate) struct Closed;

/// In this order, as a publication costs as many lines of memory as are looked at for it.
#[derive(Debug)]
#[repr(C)]
struct Queue {
    metrics: Metrics,
    /// Who is told when something is queued: one of those below. Changed with the lock, but for
    /// [`NOBODY`]: who has not seen that yet wakes a connection once too often.
    told: AtomicU8,
    /// What is read now can be answered. Changed with the lock, looked at without.
    is_roomy: AtomicBool,
    state: Mutex<State>,
    /// Of each kind of events.
    bounds: Bounds,
    delivered: AtomicU64,
    dropped: AtomicU64,
    /// Those who wait for room, of which most connections never have one.
    patience: OnceLock<Box<Patience>>,
}

#[derive(Debug, Default)]
struct Patience {
    /// Held by the first of those who wait for room for a reply.
    turn: tokio::sync::Mutex<()>,
    /// Wakes him.
    answered: Notify,
    /// Wakes publishers that wait for room.
    freed: Notify,
}

/// The connection is at work, and looks at the queue before it waits again; or somebody is on the way.
const NOBODY: u8 = 0;
/// The connection, which waits.
const CONNECTION: u8 = 1;
/// What writes in its place.
const LENT: u8 = 2;

/// In this order for the same reason.
#[derive(Debug, Default)]
#[repr(C)]
struct State {
    is_closed: bool,
    has_overflowed: bool,
    /// What writes in the connection's place, while it lets it.
    lent: Option<Lending>,
    /// In their order, as publications are; the places tell which of the two comes first.
    others: VecDeque<Other>,
    publications: Waiting,
    next_place: u64,
    /// What replies take, which wait for room.
    replies: Taken,
    /// What those would take who wait, or are about to.
    in_line: Taken,
    /// What answers that do not wait take.
    answers: Taken,
    /// The connection, while it waits.
    waiting: Option<Waker>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    events: usize,
    bytes: usize,
}

impl Taken {
    fn and(self, weight: usize) -> Self {
        Self {
            events: self.events.saturating_add(1),
            bytes: self.bytes.saturating_add(weight),
        }
    }

    fn give_back(&mut self, weight: usize) {
        self.events = self.events.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(weight);
    }

    fn fits(self, bounds: &Bounds) -> bool {
        self.events <= bounds.events && self.bytes <= bounds.bytes
    }
}

#[derive(Debug)]
struct Other {
    place: u64,
    event: Event,
    weight: usize,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Has waited for its room.
    Reply,
    /// Does not wait.
    Answer,
    /// The same, and ends the subscription whose this is.
    Last(Lane),
}

/// A queue within the limits.
pub(crate) fn outbox(limits: &Limits, metrics: &Metrics) -> (Outbox, Pending) {
    let queue = Arc::new(Queue {
        bounds: Bounds {
            events: limits.queue_messages.max(1),
            bytes: limits.queue_bytes.max(1),
            policy: limits.slow_consumer,
        },
        metrics: metrics.clone(),
        delivered: AtomicU64::new(0),
        dropped: AtomicU64::new(0),
        state: Mutex::default(),
        told: AtomicU8::new(NOBODY),
        is_roomy: AtomicBool::new(true),
        patience: OnceLock::new(),
    });
    let pending = Pending::new(Arc::clone(&queue));
    (Outbox { queue }, pending)
}

impl Outbox {
    /// Queues a reply, waiting for room. Cancelling it queues nothing.
    pub(crate) async fn send(&self, event: Event) -> Result<(), Closed> {
        self.reserve(event).await?.queue()
    }

    /// Queues a reply if there is room for it now, and gives it back if there is none.
    pub(crate) fn send_now(&self, event: Event) -> Option<Event> {
        let event = self.queue.fitting(event);
        let weight = self.queue.weight(&event);
        let mut state = self.queue.state();
        // Those who wait already come first.
        if state.is_closed || state.in_line.events > 0 || !self.queue.takes(&mut state, weight) {
            return Some(event);
        }
        state.queue(event, weight, Kind::Reply);
        self.queue.wake(state);
        None
    }

    /// Waits for room for a reply, which is queued when it is used. Who waits first has it first.
    pub(crate) async fn reserve(&self, event: Event) -> Result<Reserved<'_>, Closed> {
        let queue = &*self.queue;
        let event = queue.fitting(event);
        let weight = queue.weight(&event);
        let _in_line = InLine::new(queue, weight);
        let patience = queue.patience();
        let _turn = patience.turn.lock().await;
        loop {
            let freed = patience.answered.notified();
            if queue.reserve(weight)? {
                return Ok(Reserved {
                    queue,
                    event: Some(event),
                    weight,
                });
            }
            freed.await;
        }
    }

    /// Queues what neither waits nor is dropped. Where there is no room the connection is given up.
    pub(crate) fn push(&self, event: Event) -> Result<(), Closed> {
        self.push_if(event, Kind::Answer, || true)
    }

    /// The same of what ends a subscription. Its subscriber is told of what he has lost before that.
    pub(crate) fn push_last(&self, event: Event, lane: &Lane) -> Result<(), Closed> {
        self.push_if(event, Kind::Last(lane.clone()), || true)
    }

    fn push_if(&self, event: Event, kind: Kind, may: impl FnOnce() -> bool) -> Result<(), Closed> {
        let event = self.queue.fitting(event);
        let weight = self.queue.weight(&event);
        let mut state = self.queue.state();
        let taken = state.answers.and(weight);
        if state.is_closed || !may() {
            return Err(Closed);
        }
        if !taken.fits(&self.queue.bounds) {
            self.queue.give_up(&mut state);
            return Err(Closed);
        }
        state.answers = taken;
        self.queue.look_at_room(&state);
        state.queue(event, weight, kind);
        self.queue.wake(state);
        Ok(())
    }

    /// Queues a publication, or deals with it as the policy says, unless `may` says no. Nothing else is
    /// queued while it is asked.
    pub(crate) fn publish_if(
        &self,
        notice: &mut Notice,
        lane: &Lane,
        may: impl Fn() -> bool,
    ) -> Result<(), Closed> {
        let mut state = self.queue.state();
        if state.is_closed || !may() {
            return Err(Closed);
        }
        let lent = state.lent.as_mut();
        if lent.is_some_and(|lent| lent.put(notice, lane)) {
            self.queue.wake(state);
            return Ok(());
        }
        let (weight, bounds) = (notice.weight(), &self.queue.bounds);
        if weight > bounds.bytes {
            drop(state);
            return self.push_if(notice.to(lane).clone(), Kind::Answer, may);
        }
        self.queue.metrics.published(1);
        state.set_behind(true);
        let (content, place) = (notice.content().clone(), state.place());
        let admitted = state
            .publications
            .admit(content, weight, lane, place, bounds);
        match admitted {
            Admitted::Queued { dropped } => self.queue.count_dropped(dropped),
            Admitted::Dropped => {
                self.queue.count_dropped(1);
                return Err(Closed);
            }
            Admitted::NoRoom => {
                self.queue.give_up(&mut state);
                return Err(Closed);
            }
        }
        self.queue.wake(state);
        Ok(())
    }

    /// Where the policy is to hold publishers, waits until no more than half of the room for
    /// publications is taken, or the connection is given up: at the latest when the policy's time
    /// from `start` on is over.
    pub(crate) async fn ready(&self, start: Instant) {
        let SlowConsumer::Block(patience) = self.queue.bounds.policy else {
            return;
        };
        let room = async {
            loop {
                let freed = self.queue.patience().freed.notified();
                tokio::pin!(freed);
                freed.as_mut().enable();
                if self.queue.is_half_free() {
                    return;
                }
                freed.await;
            }
        };
        if timeout_at(after_from(start, patience), room).await.is_err() {
            self.queue.give_up(&mut self.queue.state());
        }
    }

    /// Less than half of the room of what cannot wait is taken, and those who wait for room would not
    /// fill all of it: what is read now can be answered.
    ///
    /// Whoever is told otherwise, and then asks for what is queued, is woken when it is so again.
    pub(crate) fn is_roomy(&self) -> bool {
        self.queue.is_roomy.load(Ordering::Acquire)
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.queue.metrics
    }
}

/// Somebody who waits for room, or is about to look for it.
struct InLine<'a> {
    queue: &'a Queue,
    weight: usize,
}

impl<'a> InLine<'a> {
    fn new(queue: &'a Queue, weight: usize) -> Self {
        let mut state = queue.state();
        state.in_line = state.in_line.and(weight);
        queue.look_at_room(&state);
        drop(state);
        Self { queue, weight }
    }
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        let mut state = self.queue.state();
        let was_roomy = self.queue.is_roomy.load(Ordering::Relaxed);
        state.in_line.give_back(self.weight);
        // The connection may read again.
        let waiting = match !was_roomy && self.queue.look_at_room(&state) {
            true => state.waiting.take(),
            false => None,
        };
        drop(state);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }
}

/// Room for one reply; what it was reserved for is sent only if it is [queued](Self::queue).
#[derive(Debug)]
pub(crate) struct Reserved<'a> {
    queue: &'a Queue,
    event: Option<Event>,
    weight: usize,
}

impl Reserved<'_> {
    /// Queues the reply.
    pub(crate) fn queue(self) -> Result<(), Closed> {
        self.queue_if(|| true)
    }

    /// The same, unless `may` says no. Nothing else is queued while it is asked.
    pub(crate) fn queue_if(mut self, may: impl FnOnce() -> bool) -> Result<(), Closed> {
        let mut state = self.queue.state();
        if state.is_closed || !may() {
            // Not within the lock, which giving back takes.
            drop(state);
            return Err(Closed);
        }
        if let Some(event) = self.event.take() {
            state.queue(event, self.weight, Kind::Reply);
        }
        self.queue.wake(state);
        Ok(())
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        if self.event.is_some() {
            let mut state = self.queue.state();
            state.replies.give_back(self.weight);
            drop(state);
            self.queue.tell_next();
        }
    }
}

/// An idle connection holds no memory for what waits, but for one.
fn free_if_empty<T>(waiting: &mut VecDeque<T>) {
    if waiting.is_empty() && waiting.capacity() > 1 {
        *waiting = VecDeque::new();
    }
}

/// Adds the first where there is room for one, as most often it stays the only one.
fn push_back<T>(waiting: &mut VecDeque<T>, one: T) {
    if waiting.capacity() == 0 {
        waiting.reserve_exact(1);
    }
    waiting.push_back(one);
}

impl Queue {
    // Nothing that can panic runs under the lock, or it is caught, so a poisoned one holds whole data.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whoever is to write of what has been queued, without the lock.
    fn wake(&self, mut state: MutexGuard<'_, State>) {
        match self.told.load(Ordering::Relaxed) {
            CONNECTION => {
                let waiting = state.waiting.take();
                drop(state);
                if let Some(waiting) = waiting {
                    waiting.wake();
                }
            }
            LENT => {
                self.told.store(NOBODY, Ordering::Relaxed);
                let lent = state.lent.as_ref().map(|lent| Arc::clone(lent.to()));
                drop(state);
                if let Some(lent) = lent {
                    lent.soon();
                }
            }
            _ => {}
        }
    }

    /// Says whether there is room for answers to what is read now, as is known without the lock from
    /// then on.
    fn look_at_room(&self, state: &State) -> bool {
        let taken = state.answers;
        let is_roomy = !state.holds_back(&self.bounds)
            && taken.events < self.bounds.events.div_ceil(2)
            && taken.bytes < self.bounds.bytes.div_ceil(2);
        self.is_roomy.store(is_roomy, Ordering::Release);
        is_roomy
    }

    /// Nothing more is queued; what is, still goes out.
    fn give_up(&self, state: &mut State) {
        state.is_closed = true;
        state.has_overflowed = true;
        if let Some(waiting) = state.waiting.take() {
            waiting.wake();
        }
        self.tell_all();
    }

    /// Nobody need wait any longer.
    fn tell_all(&self) {
        self.tell_next();
        self.tell_publishers();
    }

    fn patience(&self) -> &Patience {
        self.patience.get_or_init(Box::default)
    }

    /// Whoever waits first for room for a reply looks for it again.
    fn tell_next(&self) {
        if let Some(patience) = self.patience.get() {
            patience.answered.notify_one();
        }
    }

    /// So do publishers that wait.
    fn tell_publishers(&self) {
        if let Some(patience) = self.patience.get() {
            patience.freed.notify_waiters();
        }
    }

    /// Takes room for a reply, if there is some; none ever will be in one that is closed.
    fn reserve(&self, weight: usize) -> Result<bool, Closed> {
        let mut state = self.state();
        if state.is_closed {
            return Err(Closed);
        }
        Ok(self.takes(&mut state, weight))
    }

    /// The same of one that is not.
    fn takes(&self, state: &mut State, weight: usize) -> bool {
        let taken = state.replies.and(weight);
        let fits = taken.fits(&self.bounds);
        if fits {
            state.replies = taken;
        }
        fits
    }

    fn count_dropped(&self, count: u64) {
        if count > 0 {
            self.dropped.fetch_add(count, Ordering::Relaxed);
            self.metrics.dropped(count);
        }
    }

    fn is_half_free(&self) -> bool {
        let state = self.state();
        state.is_closed || state.publications.leave_half_of(&self.bounds)
    }

    fn pop(&self, state: &mut State) -> Option<Queued> {
        let queued = if state.is_publication_next() {
            let event = state.publications.pop(&self.bounds)?;
            Queued {
                is_publication: !matches!(event.body, Body::Gap),
                event,
            }
        } else {
            if let Kind::Last(lane) = &state.others.front()?.kind
                && let Some(gap) = lane.gap()
            {
                return Some(Queued {
                    event: gap,
                    is_publication: false,
                });
            }
            let next = state.others.pop_front()?;
            match next.kind {
                Kind::Reply => {
                    state.replies.give_back(next.weight);
                    if state.in_line.events > 0 {
                        self.tell_next();
                    }
                }
                Kind::Answer | Kind::Last(_) => {
                    state.answers.give_back(next.weight);
                    self.look_at_room(state);
                }
            }
            free_if_empty(&mut state.others);
            Queued {
                event: next.event,
                is_publication: false,
            }
        };
        Some(queued)
    }

    /// There is room again.
    fn tell_of(&self, taken: &Queued) {
        if taken.is_publication && matches!(self.bounds.policy, SlowConsumer::Block(_)) {
            self.tell_publishers();
        }
    }

    /// The event, or a fault in place of one that is larger than the whole queue.
    fn fitting(&self, event: Event) -> Event {
        let weight = event.weight();
        if weight <= self.bounds.bytes {
            return event;
        }
        let limit = self.bounds.bytes;
        // A subscription may be locked.
        seldom!(
            apart: error,
            bytes = weight,
            limit,
            "a message of ours is too large to send"
        );
        let message = format!("the service's message is larger than {limit} bytes");
        Event {
            body: Body::Fault(Fault::new(Fault::INTERNAL, message)),
            ..event
        }
    }

    fn weight(&self, event: &Event) -> usize {
        event.weight().min(self.bounds.bytes)
    }
}

impl State {
    fn place(&mut self) -> u64 {
        let place = self.next_place;
        self.next_place = place.wrapping_add(1);
        place
    }

    fn queue(&mut self, event: Event, weight: usize, kind: Kind) {
        let place = self.place();
        let other = Other {
            place,
            event,
            weight,
            kind,
        };
        push_back(&mut self.others, other);
        self.set_behind(true);
    }

    /// What is published is queued as well from now on, or need not be any more.
    fn set_behind(&mut self, is_behind: bool) {
        if let Some(lent) = &mut self.lent {
            lent.set_behind(is_behind);
        }
    }

    /// Neither is anything queued, nor has anything been lost that is to be told of.
    fn has_nothing_to_tell(&self) -> bool {
        self.others.is_empty() && self.publications.have_nothing_to_tell()
    }

    /// Those who wait for room hold as much as all that has room.
    fn holds_back(&self, bounds: &Bounds) -> bool {
        self.in_line.bytes > bounds.bytes
    }

    /// The next in order is a publication.
    fn is_publication_next(&self) -> bool {
        match (self.others.front(), self.publications.first_place()) {
            (Some(other), Some(place)) => place < other.place,
            (other, _) => other.is_none(),
        }
    }
}

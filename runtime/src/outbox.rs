//! The bounded queue between what a peer is told and the connection that writes it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::fault::Fault;
use crate::frame::{Body, Event};
use crate::limits::{Limits, SlowConsumer, after_from};
use crate::metrics::Metrics;
use crate::seldom::seldom;

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

/// The receiving end: what the connection writes from. Dropping it closes the queue.
#[derive(Debug)]
pub(crate) struct Pending {
    queue: Arc<Queue>,
}

/// What one subscription's publications have in common, and how many of them were lost since the
/// last one that its subscriber was told of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lane {
    lost: Arc<AtomicU64>,
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

#[derive(Debug)]
struct Queue {
    max_events: usize,
    max_bytes: usize,
    policy: SlowConsumer,
    metrics: Metrics,
    delivered: AtomicU64,
    dropped: AtomicU64,
    replies: Room,
    state: Mutex<State>,
    /// Wakes the connection.
    filled: Notify,
    /// Wakes publishers that wait for room.
    freed: Notify,
    overflow: CancellationToken,
}

/// What is left for those that wait for room.
#[derive(Debug)]
struct Room {
    events: Semaphore,
    bytes: Semaphore,
}

#[derive(Debug, Default)]
struct State {
    /// In their order, as publications are; the places tell which of the two comes first.
    others: VecDeque<Other>,
    publications: VecDeque<Publication>,
    next_place: u64,
    /// What answers that do not wait take.
    answers: Taken,
    published_bytes: usize,
    is_closed: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    events: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Other {
    place: u64,
    event: Event,
    weight: usize,
    is_reply: bool,
}

#[derive(Debug)]
struct Publication {
    place: u64,
    event: Event,
    weight: usize,
    lane: Lane,
    /// Those of its subscription that were lost directly before it.
    missed: u64,
}

/// Events for which an empty queue keeps its memory.
const IDLE: usize = 4;
/// Events that are written as one batch, and the bytes beyond which it takes no more.
const BATCH: usize = 64;
const BATCH_BYTES: usize = 16 << 10;

/// A queue within the limits.
pub(crate) fn outbox(limits: &Limits, metrics: &Metrics) -> (Outbox, Pending) {
    let max_events = limits.queue_messages.clamp(1, Semaphore::MAX_PERMITS);
    let max_bytes = limits.queue_bytes.clamp(
        1,
        usize::try_from(u32::MAX).map_or(usize::MAX, |max| max.min(Semaphore::MAX_PERMITS)),
    );
    let queue = Arc::new(Queue {
        max_events,
        max_bytes,
        policy: limits.slow_consumer,
        metrics: metrics.clone(),
        delivered: AtomicU64::new(0),
        dropped: AtomicU64::new(0),
        replies: Room {
            events: Semaphore::new(max_events),
            bytes: Semaphore::new(max_bytes),
        },
        state: Mutex::default(),
        filled: Notify::new(),
        freed: Notify::new(),
        overflow: CancellationToken::new(),
    });
    let pending = Pending {
        queue: Arc::clone(&queue),
    };
    (Outbox { queue }, pending)
}

impl Outbox {
    /// Queues a reply, waiting for room. Cancelling it queues nothing.
    pub(crate) async fn send(&self, event: Event) -> Result<(), Closed> {
        self.reserve(event).await?.queue()
    }

    /// Waits for room for a reply, which is queued when it is used.
    pub(crate) async fn reserve(&self, event: Event) -> Result<Reserved<'_>, Closed> {
        let event = self.queue.fitting(event);
        let weight = self.queue.weight(&event);
        let room = &self.queue.replies;
        let bytes = u32::try_from(weight).unwrap_or(u32::MAX);
        let one = room.events.acquire().await.map_err(|_| Closed)?;
        let bytes = room.bytes.acquire_many(bytes).await.map_err(|_| Closed)?;
        Ok(Reserved {
            queue: &self.queue,
            event,
            weight,
            room: [one, bytes],
        })
    }

    /// Queues what neither waits nor is dropped. Where there is no room the connection is given up.
    pub(crate) fn push(&self, event: Event) -> Result<(), Closed> {
        let event = self.queue.fitting(event);
        let weight = self.queue.weight(&event);
        let mut state = self.queue.state();
        let taken = Taken {
            events: state.answers.events.saturating_add(1),
            bytes: state.answers.bytes.saturating_add(weight),
        };
        if state.is_closed {
            return Err(Closed);
        }
        if taken.events > self.queue.max_events || taken.bytes > self.queue.max_bytes {
            self.queue.give_up(&mut state);
            return Err(Closed);
        }
        state.answers = taken;
        state.queue(event, weight, false);
        drop(state);
        self.queue.filled.notify_one();
        Ok(())
    }

    /// Queues a publication, or deals with it as the policy says.
    pub(crate) fn publish(&self, event: Event, lane: &Lane) -> Result<(), Closed> {
        let event = self.queue.fitting(event);
        if !matches!(event.body, Body::Message(_)) {
            return self.push(event);
        }
        let weight = self.queue.weight(&event);
        let mut state = self.queue.state();
        if state.is_closed {
            return Err(Closed);
        }
        self.queue.metrics.published();
        self.queue.admit(&mut state, event, weight, lane)?;
        drop(state);
        self.queue.filled.notify_one();
        Ok(())
    }

    /// Where the policy is to hold publishers, waits until no more than half of the room for
    /// publications is taken, or the connection is given up: at the latest when the policy's time
    /// from `start` on is over.
    pub(crate) async fn ready(&self, start: Instant) {
        let SlowConsumer::Block(patience) = self.queue.policy else {
            return;
        };
        let room = async {
            loop {
                let freed = self.queue.freed.notified();
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

    /// Less than half of the room of what cannot wait is taken: what is read now can be answered.
    pub(crate) fn is_roomy(&self) -> bool {
        let taken = self.queue.state().answers;
        taken.events < self.queue.max_events.div_ceil(2)
            && taken.bytes < self.queue.max_bytes.div_ceil(2)
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.queue.metrics
    }
}

/// Room for one reply; what it was reserved for is sent only if it is [queued](Self::queue).
#[derive(Debug)]
pub(crate) struct Reserved<'a> {
    queue: &'a Queue,
    event: Event,
    weight: usize,
    room: [SemaphorePermit<'a>; 2],
}

impl Reserved<'_> {
    /// Queues the reply.
    pub(crate) fn queue(self) -> Result<(), Closed> {
        self.queue_if(|| true)
    }

    /// The same, unless `may` says no. Nothing else is queued while it is asked.
    pub(crate) fn queue_if(self, may: impl FnOnce() -> bool) -> Result<(), Closed> {
        let mut state = self.queue.state();
        if state.is_closed || !may() {
            return Err(Closed);
        }
        self.room.into_iter().for_each(SemaphorePermit::forget);
        state.queue(self.event, self.weight, true);
        drop(state);
        self.queue.filled.notify_one();
        Ok(())
    }
}

impl Queue {
    // Nothing that can panic runs under the lock, so a poisoned one holds whole data.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing more is queued; what is, still goes out.
    fn give_up(&self, state: &mut State) {
        state.is_closed = true;
        self.overflow.cancel();
        self.close_rooms();
    }

    fn close_rooms(&self) {
        self.replies.events.close();
        self.replies.bytes.close();
        self.freed.notify_waiters();
    }

    /// Queues a publication, in the room that the policy finds for it.
    fn admit(
        &self,
        state: &mut State,
        event: Event,
        weight: usize,
        lane: &Lane,
    ) -> Result<(), Closed> {
        let fits = |state: &State| {
            state.publications.len() < self.max_events
                && state.published_bytes.saturating_add(weight) <= self.max_bytes
        };
        match self.policy {
            SlowConsumer::Latest => {
                let mut waiting = state.publications.iter_mut();
                if let Some(earlier) = waiting.find(|waiting| waiting.lane.is(lane)) {
                    // In its place, so that a subscription with many changes still has its turn.
                    earlier.event = event;
                    let bytes = state.published_bytes.saturating_sub(earlier.weight);
                    earlier.weight = weight;
                    state.published_bytes = bytes.saturating_add(weight);
                    self.count_dropped(lane);
                    while state.published_bytes > self.max_bytes
                        && self.drop_first(state, |waiting| !waiting.lane.is(lane))
                    {
                    }
                    return Ok(());
                }
                while !fits(state) && self.drop_first(state, |_| true) {}
            }
            SlowConsumer::DropOldest => while !fits(state) && self.drop_first(state, |_| true) {},
            SlowConsumer::DropNewest => {
                if !fits(state) {
                    self.count_dropped(lane);
                    return Err(Closed);
                }
            }
            SlowConsumer::Disconnect | SlowConsumer::Block(_) => {
                if !fits(state) {
                    self.give_up(state);
                    return Err(Closed);
                }
            }
        }
        // With every other policy what was lost is older than all that waits, and its subscriber is
        // told of it with the next that is written.
        let missed = match self.policy {
            SlowConsumer::DropNewest => lane.take(),
            _ => 0,
        };
        let place = state.place();
        state.published_bytes = state.published_bytes.saturating_add(weight);
        state.publications.push_back(Publication {
            place,
            event,
            weight,
            missed,
            lane: lane.clone(),
        });
        Ok(())
    }

    /// Drops the first publication that may be; `false` if there is none.
    fn drop_first(&self, state: &mut State, may_be: impl Fn(&Publication) -> bool) -> bool {
        let index = state.publications.iter().position(may_be);
        let Some(dropped) = index.and_then(|index| state.publications.remove(index)) else {
            return false;
        };
        state.published_bytes = state.published_bytes.saturating_sub(dropped.weight);
        self.count_dropped(&dropped.lane);
        true
    }

    fn count_dropped(&self, lane: &Lane) {
        lane.lost.fetch_add(1, Ordering::Relaxed);
        self.dropped.fetch_add(1, Ordering::Relaxed);
        self.metrics.dropped(1);
    }

    fn is_half_free(&self) -> bool {
        let state = self.state();
        state.is_closed
            || state.publications.len() <= self.max_events / 2
                && state.published_bytes <= self.max_bytes / 2
    }

    /// The event, or a fault in place of one that is larger than the whole queue.
    fn fitting(&self, event: Event) -> Event {
        let weight = event.weight();
        if weight <= self.max_bytes {
            return event;
        }
        let limit = self.max_bytes;
        seldom!(
            error,
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
        event.weight().min(self.max_bytes)
    }
}

impl State {
    fn place(&mut self) -> u64 {
        let place = self.next_place;
        self.next_place = place.wrapping_add(1);
        place
    }

    fn queue(&mut self, event: Event, weight: usize, is_reply: bool) {
        let place = self.place();
        self.others.push_back(Other {
            place,
            event,
            weight,
            is_reply,
        });
    }

    /// The next in order is a publication.
    fn is_publication_next(&self) -> bool {
        match (self.others.front(), self.publications.front()) {
            (Some(other), Some(publication)) => publication.place < other.place,
            (other, _) => other.is_none(),
        }
    }
}

impl Lane {
    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.lost, &other.lost)
    }

    /// How many were lost, of which the subscriber will now be told.
    fn take(&self) -> u64 {
        // Most often none, and then nothing is written.
        match self.lost.load(Ordering::Relaxed) {
            0 => 0,
            _ => self.lost.swap(0, Ordering::Relaxed),
        }
    }
}

impl Pending {
    /// Waits for events, and takes as many of them as make a batch. Cancelling it loses nothing.
    pub(crate) async fn take(&self, into: &mut Vec<Queued>) {
        loop {
            // What is queued from here on leaves its word.
            let filled = self.queue.filled.notified();
            self.take_now(into);
            if !into.is_empty() {
                return;
            }
            filled.await;
        }
    }

    /// Takes what is queued now, as far as it makes a batch.
    pub(crate) fn take_now(&self, into: &mut Vec<Queued>) {
        let mut state = self.queue.state();
        let mut bytes = 0_usize;
        let mut freed = false;
        while into.len() < BATCH && bytes < BATCH_BYTES {
            let (queued, weight) = if state.is_publication_next() {
                let Some(next) = state.publications.pop_front() else {
                    break;
                };
                freed = true;
                state.published_bytes = state.published_bytes.saturating_sub(next.weight);
                (
                    self.publication(next.event, next.missed, &next.lane),
                    next.weight,
                )
            } else {
                let Some(next) = state.others.pop_front() else {
                    break;
                };
                if next.is_reply {
                    self.queue.replies.events.add_permits(1);
                    self.queue.replies.bytes.add_permits(next.weight);
                } else {
                    let answers = &mut state.answers;
                    answers.events = answers.events.saturating_sub(1);
                    answers.bytes = answers.bytes.saturating_sub(next.weight);
                }
                (Queued::other(next.event), next.weight)
            };
            bytes = bytes.saturating_add(weight);
            into.push(queued);
        }
        // An idle connection does not keep what a burst needed.
        if state.publications.is_empty() {
            state.publications.shrink_to(IDLE);
        }
        if state.others.is_empty() {
            state.others.shrink_to(IDLE);
        }
        drop(state);
        if freed {
            self.queue.freed.notify_waiters();
        }
    }

    fn publication(&self, mut event: Event, missed: u64, lane: &Lane) -> Queued {
        event.dropped = match self.queue.policy {
            SlowConsumer::DropNewest => missed,
            _ => lane.take(),
        };
        Queued {
            event,
            is_publication: true,
        }
    }

    /// So many publications have been written.
    pub(crate) fn delivered(&self, count: u64) {
        if count > 0 {
            self.queue.delivered.fetch_add(count, Ordering::Relaxed);
            self.queue.metrics.delivered(count);
        }
    }

    /// How many publications have been written to this connection, and how many were dropped.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (
            self.queue.delivered.load(Ordering::Relaxed),
            self.queue.dropped.load(Ordering::Relaxed),
        )
    }

    /// Resolves when the connection is given up because something found no room.
    pub(crate) fn overflow(&self) -> CancellationToken {
        self.queue.overflow.clone()
    }
}

impl Queued {
    fn other(event: Event) -> Self {
        Self {
            event,
            is_publication: false,
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let mut state = self.queue.state();
        state.is_closed = true;
        state.others = VecDeque::new();
        state.publications = VecDeque::new();
        self.queue.close_rooms();
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::time::Duration;

    use serde_json::value::RawValue;

    use super::*;
    use crate::frame::{Content, Origin};
    use crate::payload;

    /// A queue for publications of 1000 bytes and what surrounds them.
    fn queue(policy: SlowConsumer, events: usize) -> (Outbox, Pending) {
        let limits = Limits {
            queue_messages: events,
            queue_bytes: 1 << 20,
            slow_consumer: policy,
            ..Limits::default()
        };
        outbox(&limits, &Metrics::default())
    }

    fn small(bytes: usize) -> (Outbox, Pending) {
        let limits = Limits {
            queue_bytes: bytes,
            ..Limits::default()
        };
        outbox(&limits, &Metrics::default())
    }

    fn fault(size: usize) -> Event {
        Event::new(
            Origin::default(),
            Body::Fault(Fault::new("x", "y".repeat(size))),
        )
    }

    fn publication(payload: &str) -> Event {
        let content = Content {
            channel: Cow::Borrowed("c"),
            message: Cow::Borrowed("m"),
            headers: None,
            payload: RawValue::from_string(payload.to_owned()).unwrap().into(),
            carried_as: payload::Content::Json,
            offset: None,
        };
        Event::new(Origin::default(), Body::Message(content))
    }

    fn of_size(size: usize) -> Event {
        publication(&format!("\"{}\"", "x".repeat(size)))
    }

    /// What is written now: payloads, each with how many were dropped before it.
    fn written(pending: &Pending) -> Vec<(String, u64)> {
        let mut batch = Vec::new();
        pending.take_now(&mut batch);
        let each = batch.into_iter().map(|queued| match queued.event.body {
            Body::Message(content) => (content.payload.get().to_owned(), queued.event.dropped),
            other => (format!("{other:?}"), 0),
        });
        each.collect()
    }

    fn publish(outbox: &Outbox, lane: &Lane, numbers: std::ops::Range<u32>) -> usize {
        numbers
            .filter(|number| {
                outbox
                    .publish(publication(&number.to_string()), lane)
                    .is_ok()
            })
            .count()
    }

    fn numbers(numbers: impl IntoIterator<Item = (u32, u64)>) -> Vec<(String, u64)> {
        let numbers = numbers.into_iter();
        numbers
            .map(|(number, dropped)| (number.to_string(), dropped))
            .collect()
    }

    #[tokio::test]
    async fn a_publication_without_room_gives_the_connection_up_and_what_waits_goes_out() {
        let (outbox, pending) = queue(SlowConsumer::Disconnect, 2);
        let lane = Lane::default();
        assert_eq!(publish(&outbox, &lane, 0..2), 2);
        assert!(!pending.overflow().is_cancelled());
        assert_eq!(publish(&outbox, &lane, 2..3), 0);
        assert!(pending.overflow().is_cancelled());
        assert_eq!(written(&pending), numbers([(0, 0), (1, 0)]));
        // Nothing follows a gap.
        assert_eq!(publish(&outbox, &lane, 3..4), 0);
        assert_eq!(pending.counts().1, 0);
    }

    #[tokio::test]
    async fn the_oldest_make_room_and_are_counted_before_the_next() {
        let (outbox, pending) = queue(SlowConsumer::DropOldest, 3);
        let lane = Lane::default();
        assert_eq!(publish(&outbox, &lane, 0..10), 10);
        assert_eq!(written(&pending), numbers([(7, 7), (8, 0), (9, 0)]));
        assert_eq!(publish(&outbox, &lane, 10..11), 1);
        assert_eq!(written(&pending), numbers([(10, 0)]));
        assert_eq!(outbox.metrics().counters().published, 11);
        assert_eq!(outbox.metrics().counters().dropped, 7);
        assert_eq!(pending.counts(), (0, 7));
    }

    #[tokio::test]
    async fn the_newest_are_dropped_and_counted_before_the_next_that_is_not() {
        let (outbox, pending) = queue(SlowConsumer::DropNewest, 3);
        let lane = Lane::default();
        assert_eq!(publish(&outbox, &lane, 0..10), 3);
        assert_eq!(written(&pending), numbers([(0, 0), (1, 0), (2, 0)]));
        assert_eq!(publish(&outbox, &lane, 10..12), 2);
        assert_eq!(written(&pending), numbers([(10, 7), (11, 0)]));
        assert_eq!(outbox.metrics().counters().dropped, 7);
        assert!(!pending.overflow().is_cancelled());
    }

    #[tokio::test]
    async fn the_latest_of_each_subscription_takes_the_place_of_the_one_before() {
        let (outbox, pending) = queue(SlowConsumer::Latest, 100);
        let (one, other) = (Lane::default(), Lane::default());
        assert_eq!(publish(&outbox, &one, 0..5), 5);
        assert_eq!(publish(&outbox, &other, 100..103), 3);
        assert_eq!(publish(&outbox, &one, 5..7), 2);
        assert_eq!(written(&pending), numbers([(6, 6), (102, 2)]));
        assert_eq!(publish(&outbox, &one, 7..8), 1);
        assert_eq!(written(&pending), numbers([(7, 0)]));
        assert_eq!(outbox.metrics().counters().dropped, 8);
    }

    #[tokio::test]
    async fn the_latest_of_all_keep_within_the_bytes_of_the_queue() {
        let limits = Limits {
            queue_bytes: 2000,
            slow_consumer: SlowConsumer::Latest,
            ..Limits::default()
        };
        let (outbox, pending) = outbox(&limits, &Metrics::default());
        let lanes = [Lane::default(), Lane::default(), Lane::default()];
        for lane in &lanes {
            outbox.publish(of_size(400), lane).unwrap();
        }
        // Three fit, and with the last of them larger two do not.
        outbox.publish(of_size(1500), &lanes[2]).unwrap();
        assert_eq!(outbox.metrics().counters().dropped, 3);
        assert_eq!(written(&pending).len(), 1);
    }

    #[tokio::test]
    async fn a_gap_is_told_where_it_is_also_when_word_of_it_was_dropped() {
        let (outbox, pending) = queue(SlowConsumer::DropOldest, 2);
        let (one, other) = (Lane::default(), Lane::default());
        publish(&outbox, &one, 0..3);
        publish(&outbox, &other, 100..102);
        assert_eq!(written(&pending), numbers([(100, 0), (101, 0)]));
        publish(&outbox, &one, 3..4);
        assert_eq!(written(&pending), numbers([(3, 3)]));
    }

    #[tokio::test]
    async fn what_is_no_publication_is_not_dropped() {
        let (outbox, pending) = queue(SlowConsumer::DropOldest, 2);
        let lane = Lane::default();
        outbox
            .push(Event::new(Origin::default(), Body::Ack(None)))
            .unwrap();
        outbox.send(fault(1)).await.unwrap();
        publish(&outbox, &lane, 0..9);
        outbox
            .push(Event::new(Origin::default(), Body::End))
            .unwrap();
        let written: Vec<_> = written(&pending)
            .into_iter()
            .map(|(text, _)| text)
            .collect();
        assert_eq!(written.len(), 5);
        assert_eq!((&*written[0], &*written[4]), ("Ack(None)", "End"));
        assert_eq!(written[2..4], ["7", "8"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_publisher_is_held_until_half_of_the_queue_is_free() {
        let (outbox, pending) = queue(SlowConsumer::Block(Duration::from_secs(3)), 4);
        let lane = Lane::default();
        publish(&outbox, &lane, 0..2);
        let start = Instant::now();
        outbox.ready(start).await;
        publish(&outbox, &lane, 2..4);
        let held = tokio::spawn({
            let outbox = outbox.clone();
            async move { outbox.ready(start).await }
        });
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(!held.is_finished());
        assert_eq!(written(&pending).len(), 4);
        held.await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_secs(2));
        assert!(!pending.overflow().is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn a_publisher_is_held_for_so_long_and_then_the_connection_is_given_up() {
        let (outbox, pending) = queue(SlowConsumer::Block(Duration::from_secs(3)), 4);
        publish(&outbox, &Lane::default(), 0..4);
        let start = Instant::now();
        outbox.ready(start).await;
        assert_eq!(start.elapsed(), Duration::from_secs(3));
        assert!(pending.overflow().is_cancelled());
        // Nobody is held by one that is given up.
        outbox.ready(Instant::now()).await;
        assert_eq!(start.elapsed(), Duration::from_secs(3));
    }

    #[tokio::test]
    async fn bytes_count_as_events_do() {
        let (outbox, pending) = small(1000);
        let lane = Lane::default();
        outbox.publish(of_size(700), &lane).unwrap();
        assert!(outbox.publish(of_size(700), &lane).is_err());
        assert!(pending.overflow().is_cancelled());
    }

    #[tokio::test]
    async fn what_cannot_wait_says_when_its_room_becomes_scarce() {
        let (outbox, pending) = small(1000);
        outbox.publish(of_size(700), &Lane::default()).unwrap();
        assert!(outbox.is_roomy(), "publications have room of their own");
        outbox.push(fault(700)).unwrap();
        assert!(!outbox.is_roomy());
        assert!(outbox.push(fault(700)).is_err());
        assert!(pending.overflow().is_cancelled());
    }

    #[tokio::test]
    async fn a_reply_waits_for_room() {
        let (outbox, pending) = small(1000);
        outbox.send(fault(700)).await.unwrap();
        let waiting = tokio::spawn({
            let outbox = outbox.clone();
            async move { outbox.send(fault(700)).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        assert_eq!(written(&pending).len(), 1);
        waiting.await.unwrap().unwrap();
        assert!(!pending.overflow().is_cancelled());
    }

    #[tokio::test]
    async fn a_reply_that_waits_learns_that_the_connection_is_gone() {
        let (outbox, pending) = small(1000);
        outbox.send(fault(700)).await.unwrap();
        let waiting = tokio::spawn({
            let outbox = outbox.clone();
            async move { outbox.send(fault(700)).await }
        });
        tokio::task::yield_now().await;
        drop(pending);
        assert!(waiting.await.unwrap().is_err());
        assert!(outbox.push(fault(1)).is_err());
    }

    #[tokio::test]
    async fn what_cannot_wait_finds_room_beside_replies_that_do() {
        let (outbox, pending) = small(1000);
        for _ in 0..2 {
            let outbox = outbox.clone();
            tokio::spawn(async move { outbox.send(fault(700)).await });
        }
        tokio::task::yield_now().await;
        outbox.push(fault(700)).unwrap();
        assert_eq!(written(&pending).len(), 2);
        assert!(!pending.overflow().is_cancelled());
    }

    #[tokio::test]
    async fn a_batch_waits_for_its_first_event_and_is_no_larger_than_needed() {
        let (outbox, pending) = queue(SlowConsumer::Disconnect, 256);
        let taking = tokio::spawn(async move {
            let mut batch = Vec::new();
            pending.take(&mut batch).await;
            (batch, pending)
        });
        tokio::task::yield_now().await;
        let lane = Lane::default();
        for _ in 0..200 {
            outbox.publish(of_size(1000), &lane).unwrap();
        }
        let (mut batch, pending) = taking.await.unwrap();
        assert_eq!(batch.len(), 15, "16 KiB of them");
        publish(&outbox, &lane, 0..56);
        let mut sizes = Vec::new();
        while sizes.iter().sum::<usize>() < 256 - 15 {
            batch.clear();
            pending.take(&mut batch).await;
            sizes.push(batch.len());
        }
        assert!(sizes.iter().all(|size| *size <= BATCH), "{sizes:?}");
    }

    #[tokio::test]
    async fn a_fault_stands_for_a_message_larger_than_the_queue() {
        let (outbox, pending) = small(1000);
        outbox.send(fault(5000)).await.unwrap();
        outbox.publish(of_size(5000), &Lane::default()).unwrap();
        for (text, _) in written(&pending) {
            let expected = "the service's message is larger than 1000 bytes";
            assert!(text.contains(expected), "{text}");
        }
    }
}

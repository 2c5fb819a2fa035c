//! The bus within one process.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, PoisonError};

use tokio::time::Instant;
use uuid::Uuid;

use super::{
    BusError, BusFuture, History, Kept, MessageBus, Page, Publication, Sink, SubscriptionId,
    TopicName,
};
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Mutex, MutexGuard, RwLock, thread_local};

/// Parts of the table of topics, so that those who use different topics seldom meet.
const SHARDS: usize = 16;
/// Publications that one thread's sinks may make during one delivery.
const NESTED: usize = 1024;
/// Histories that are looked at, for being too old, whenever one is begun or left.
const LOOKED_AT: usize = 4;
/// And at most, as long as the bus keeps too much.
const MOST_LOOKED_AT: usize = 64;

/// A bus within one process: the default of every [`Server`](crate::Server).
///
/// It delivers within the call that publishes, without a task in between. What is published on one
/// topic from several threads at once is delivered one after the other. A publication that a sink
/// makes is delivered when the delivery that it is made in has ended.
///
/// Histories are kept in memory: those of at most 10,000 topics, and 64 MiB in all. Beyond that those
/// are given up that have not been used for longest.
#[derive(Debug)]
pub struct MemoryBus {
    shards: [RwLock<Table>; SHARDS],
    hasher: RandomState,
    next_id: AtomicU64,
    used: Arc<Used>,
    max_histories: usize,
    max_bytes: usize,
}

/// What all histories take.
#[derive(Debug, Default)]
struct Used {
    histories: AtomicUsize,
    bytes: AtomicUsize,
}

#[derive(Debug, Default)]
struct Table {
    topics: HashMap<TopicName, Arc<Topic>>,
    /// Topics with a history, and when each was last seen to have been used.
    kept: VecDeque<(TopicName, Instant)>,
}

#[derive(Debug, Default)]
struct Topic {
    /// Held during a delivery, so that all sinks see one order.
    order: Mutex<()>,
    sinks: Mutex<Sinks>,
    ring: Mutex<Option<Ring>>,
}

type Snapshot = Arc<[Arc<dyn Sink>]>;

#[derive(Default)]
struct Sinks {
    by_id: BTreeMap<SubscriptionId, Arc<dyn Sink>>,
    snapshot: Option<Snapshot>,
}

impl fmt::Debug for Sinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_id.keys()).finish()
    }
}

/// A topic's history.
#[derive(Debug)]
struct Ring {
    epoch: String,
    top: u64,
    kept: VecDeque<(Instant, Kept)>,
    bytes: usize,
    history: History,
    used_at: Instant,
    used: Arc<Used>,
}

impl Default for MemoryBus {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryBus {
    /// A bus without topics.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| RwLock::default()),
            hasher: RandomState::new(),
            next_id: AtomicU64::new(1),
            used: Arc::default(),
            max_histories: 10_000,
            max_bytes: 64 << 20,
        }
    }

    /// Keeps the histories of this many topics at most, and so many bytes of them in all.
    #[must_use]
    pub fn histories(mut self, topics: usize, bytes: usize) -> Self {
        self.max_histories = topics;
        self.max_bytes = bytes;
        self
    }

    /// How many topics it knows: those that somebody is subscribed to, and those that have a
    /// history.
    #[must_use]
    pub fn topics(&self) -> usize {
        let shards = self.shards.iter();
        shards.map(|shard| read(shard).topics.len()).sum()
    }

    fn shard(&self, topic: &TopicName) -> &RwLock<Table> {
        let hash = self.hasher.hash_one(topic);
        let index = usize::try_from(hash % SHARDS as u64).unwrap_or_default();
        // The remainder is always one of them.
        self.shards.get(index).unwrap_or(&self.shards[0])
    }

    fn find(&self, name: &TopicName) -> Option<Arc<Topic>> {
        read(self.shard(name)).topics.get(name).cloned()
    }

    /// The topic, with a history that was begun at the latest now.
    fn keeping(&self, name: &TopicName, history: &History) -> Arc<Topic> {
        if let Some(topic) = self.find(name)
            && let Some(ring) = &mut *lock(&topic.ring)
        {
            ring.history = *history;
            ring.used_at = Instant::now();
            return Arc::clone(&topic);
        }
        let mut table = write(self.shard(name));
        let topic = Arc::clone(table.topics.entry(name.clone()).or_default());
        let mut ring = lock(&topic.ring);
        if ring.is_none() {
            let begun = Ring::new(*history, &self.used);
            table.kept.push_back((name.clone(), begun.used_at));
            *ring = Some(begun);
        }
        drop(ring);
        self.reap(&mut table, Some(name));
        topic
    }

    fn has_too_many(&self) -> bool {
        self.used.histories.load(Ordering::Relaxed) > self.max_histories
    }

    fn has_too_much(&self) -> bool {
        self.used.bytes.load(Ordering::Relaxed) > self.max_bytes
    }

    /// Gives up a few histories that are too old; and, of a bus that keeps too much, those that
    /// have not been used since they were looked at last. Where somebody is subscribed, only the
    /// messages are given up. One topic is spared.
    fn reap(&self, table: &mut Table, spared: Option<&TopicName>) {
        let now = Instant::now();
        for looked_at in 0..MOST_LOOKED_AT.min(table.kept.len()) {
            let (too_many, too_much) = (self.has_too_many(), self.has_too_much());
            if looked_at >= LOOKED_AT && !too_many && !too_much {
                break;
            }
            let Some((name, seen)) = table.kept.pop_front() else {
                break;
            };
            let Some(topic) = table.topics.get(&name) else {
                continue;
            };
            let is_idle = lock(&topic.sinks).by_id.is_empty();
            let mut ring = lock(&topic.ring);
            let Some(kept) = &mut *ring else {
                continue;
            };
            let is_unused = kept.used_at == seen && spared != Some(&name);
            let is_old = now.duration_since(kept.used_at) >= kept.history.age;
            if is_idle && (is_old || is_unused && (too_many || too_much)) {
                drop(ring);
                table.topics.remove(&name);
                continue;
            }
            if is_unused && too_much {
                kept.clear();
            }
            let used_at = kept.used_at;
            drop(ring);
            table.kept.push_back((name, used_at));
        }
        // What a crowd of topics took is given back when they are gone.
        if table.topics.len() < table.topics.capacity() / 8 {
            table.topics.shrink_to_fit();
        }
        if table.kept.len() < table.kept.capacity() / 8 {
            table.kept.shrink_to_fit();
        }
    }
}

impl MessageBus for MemoryBus {
    fn publish(
        &self,
        topic: &TopicName,
        publication: &Publication,
        keep: Option<&History>,
    ) -> Result<(), BusError> {
        let found = match keep {
            Some(history) => self.keeping(topic, history),
            None => match self.find(topic) {
                Some(found) => found,
                None => return Ok(()),
            },
        };
        deliver(Delivery {
            topic: found,
            publication: publication.clone(),
            keep: keep.is_some(),
        })?;
        if keep.is_some() && self.has_too_much() {
            self.reap(&mut write(self.shard(topic)), Some(topic));
        }
        Ok(())
    }

    fn subscribe<'a>(
        &'a self,
        topic: &'a TopicName,
        sink: Arc<dyn Sink>,
    ) -> BusFuture<'a, SubscriptionId> {
        Box::pin(async move {
            let id = SubscriptionId::new(self.next_id.fetch_add(1, Ordering::Relaxed));
            // Under the table's lock, so that the topic is not removed meanwhile.
            let mut table = write(self.shard(topic));
            let found = table.topics.entry(topic.clone()).or_default();
            let mut sinks = lock(&found.sinks);
            sinks.by_id.insert(id, sink);
            sinks.snapshot = None;
            Ok(id)
        })
    }

    fn unsubscribe(&self, topic: &TopicName, id: SubscriptionId) {
        let mut table = write(self.shard(topic));
        let Some(found) = table.topics.get(topic) else {
            return;
        };
        let (removed, is_empty) = {
            let mut sinks = lock(&found.sinks);
            sinks.snapshot = None;
            (sinks.by_id.remove(&id), sinks.by_id.is_empty())
        };
        let keeps = lock(&found.ring).as_mut().is_some_and(|ring| {
            ring.used_at = Instant::now();
            true
        });
        if is_empty && !keeps {
            table.topics.remove(topic);
        }
        self.reap(&mut table, None);
        drop(table);
        // Without the lock: what a sink does when it is dropped is its own affair.
        drop(removed);
    }

    fn history<'a>(
        &'a self,
        topic: &'a TopicName,
        keep: &'a History,
        after: u64,
        limit: usize,
    ) -> BusFuture<'a, Page> {
        Box::pin(async move {
            let found = self.keeping(topic, keep);
            let mut ring = lock(&found.ring);
            // It was begun, and is never taken away.
            let ring = ring.get_or_insert_with(|| Ring::new(*keep, &self.used));
            Ok(ring.page(after, limit))
        })
    }
}

impl Ring {
    fn new(history: History, used: &Arc<Used>) -> Self {
        used.histories.fetch_add(1, Ordering::Relaxed);
        Self {
            epoch: Uuid::new_v4().simple().to_string(),
            top: 0,
            kept: VecDeque::new(),
            bytes: 0,
            history,
            used_at: Instant::now(),
            used: Arc::clone(used),
        }
    }

    /// Keeps a publication, and returns its offset.
    fn push(&mut self, publication: &Publication) -> u64 {
        self.top = self.top.saturating_add(1);
        self.bytes = self.bytes.saturating_add(publication.size());
        self.used
            .bytes
            .fetch_add(publication.size(), Ordering::Relaxed);
        let kept = Kept {
            offset: self.top,
            publication: publication.clone(),
        };
        self.kept.push_back((Instant::now(), kept));
        self.trim();
        self.top
    }

    fn trim(&mut self) {
        let now = Instant::now();
        while let Some((at, _)) = self.kept.front() {
            let is_old = now.duration_since(*at) >= self.history.age;
            if !is_old
                && self.kept.len() <= self.history.messages
                && self.bytes <= self.history.bytes
            {
                break;
            }
            self.pop();
        }
    }

    fn pop(&mut self) {
        if let Some((_, kept)) = self.kept.pop_front() {
            let size = kept.publication.size();
            self.bytes = self.bytes.saturating_sub(size);
            self.used.bytes.fetch_sub(size, Ordering::Relaxed);
        }
    }

    fn clear(&mut self) {
        while !self.kept.is_empty() {
            self.pop();
        }
        self.kept.shrink_to_fit();
    }

    fn page(&mut self, after: u64, limit: usize) -> Page {
        self.trim();
        let oldest = match self.kept.front() {
            Some((_, kept)) => kept.offset,
            None => self.top.saturating_add(1),
        };
        let first = after.saturating_add(1).saturating_sub(oldest);
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        let kept = self.kept.iter().skip(first).take(limit);
        Page {
            epoch: self.epoch.clone(),
            top: self.top,
            oldest,
            kept: kept.map(|(_, kept)| kept.clone()).collect(),
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.clear();
        self.used.histories.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One message that is to be delivered to all sinks of one topic.
struct Delivery {
    topic: Arc<Topic>,
    publication: Publication,
    keep: bool,
}

thread_local! {
    /// What the sinks of the delivery that this thread is at have published; `None` between
    /// deliveries. So a thread never holds two topics' order, whatever sinks do.
    static NESTED_DELIVERIES: RefCell<Option<VecDeque<Delivery>>> = const { RefCell::new(None) };
}

fn deliver(delivery: Delivery) -> Result<(), BusError> {
    let first = NESTED_DELIVERIES.with(|nested| match &mut *nested.borrow_mut() {
        nested @ None => {
            *nested = Some(VecDeque::new());
            Ok(Some(delivery))
        }
        Some(nested) if nested.len() >= NESTED => Err(BusError::Full),
        Some(nested) => {
            nested.push_back(delivery);
            Ok(None)
        }
    })?;
    let Some(first) = first else {
        return Ok(());
    };
    // Also when a sink panics.
    let _done = Done;
    let mut next = Some(first);
    while let Some(delivery) = next {
        delivery.run();
        next = NESTED_DELIVERIES.with(|nested| nested.borrow_mut().as_mut()?.pop_front());
    }
    Ok(())
}

struct Done;

impl Drop for Done {
    fn drop(&mut self) {
        // Taken out first: what is dropped with them may look here.
        drop(NESTED_DELIVERIES.with(RefCell::take));
    }
}

impl Delivery {
    fn run(self) {
        let _order = lock(&self.topic.order);
        let offset = match &mut *lock(&self.topic.ring) {
            Some(ring) if self.keep => Some(ring.push(&self.publication)),
            _ => None,
        };
        let sinks = lock(&self.topic.sinks).snapshot();
        for sink in sinks.iter() {
            sink.deliver(&self.publication, offset);
        }
    }
}

impl Sinks {
    fn snapshot(&mut self) -> Snapshot {
        let sinks = &self.by_id;
        let snapshot = self
            .snapshot
            .get_or_insert_with(|| sinks.values().cloned().collect());
        Arc::clone(snapshot)
    }
}

// Nothing that can panic runs under these locks but sinks, under that of the order, which holds no
// data: a poisoned one holds whole data.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read(table: &RwLock<Table>) -> impl std::ops::Deref<Target = Table> + '_ {
    table.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(table: &RwLock<Table>) -> impl std::ops::DerefMut<Target = Table> + '_ {
    table.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bus::conformance;

    fn topic(name: &str) -> TopicName {
        TopicName::new(name).unwrap()
    }

    fn publication(payload: &impl ToString) -> Publication {
        Publication::new("m", None, &payload.to_string()).unwrap()
    }

    fn ignored() -> Arc<dyn Sink> {
        Arc::new(|_: &Publication, _| {})
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn it_does_what_every_bus_does() {
        conformance::check(async || Arc::new(MemoryBus::new())).await;
    }

    #[tokio::test]
    async fn a_million_topics_that_come_and_go_leave_nothing() {
        // A tenth of them without optimisation, which takes as long.
        let count = if cfg!(debug_assertions) {
            100_000
        } else {
            1_000_000
        };
        let bus = MemoryBus::new();
        for number in 0..count {
            let name = topic(&format!("room?id={number}"));
            let id = bus.subscribe(&name, ignored()).await.unwrap();
            bus.publish(&name, &publication(&1), None).unwrap();
            bus.unsubscribe(&name, id);
        }
        assert_eq!(bus.topics(), 0);
        assert!(
            bus.shards
                .iter()
                .all(|shard| read(shard).topics.capacity() < 100)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn histories_are_bounded_in_number_bytes_and_time() {
        let bus = MemoryBus::new().histories(100, 10_000);
        let history = History {
            age: Duration::from_secs(60),
            ..History::default()
        };
        let text = format!("\"{}\"", "x".repeat(1000));
        for number in 0..1000 {
            let name = topic(&format!("room?id={number}"));
            bus.publish(&name, &publication(&text), Some(&history))
                .unwrap();
        }
        // Each part of the table spares the topic that is used.
        assert!(bus.topics() <= 100 + SHARDS, "{} topics", bus.topics());
        let bytes = bus.used.bytes.load(Ordering::Relaxed);
        assert!(bytes <= 10_000 + SHARDS * 1100, "{bytes} bytes");
        tokio::time::advance(Duration::from_secs(61)).await;
        for number in 0..1000 {
            // Looks at some of the others as well.
            let name = topic(&format!("passing?id={number}"));
            let id = bus.subscribe(&name, ignored()).await.unwrap();
            bus.unsubscribe(&name, id);
        }
        assert_eq!(bus.topics(), 0);
        assert_eq!(bus.used.histories.load(Ordering::Relaxed), 0);
        assert_eq!(bus.used.bytes.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_too_old_is_not_read() {
        let bus = MemoryBus::new();
        let name = topic("t");
        let history = History {
            age: Duration::from_secs(60),
            ..History::default()
        };
        bus.publish(&name, &publication(&1), Some(&history))
            .unwrap();
        tokio::time::advance(Duration::from_secs(40)).await;
        bus.publish(&name, &publication(&2), Some(&history))
            .unwrap();
        tokio::time::advance(Duration::from_secs(40)).await;
        let page = bus.history(&name, &history, 0, 10).await.unwrap();
        assert_eq!((page.oldest, page.top, page.kept.len()), (2, 2, 1));
    }

    #[tokio::test]
    async fn a_topic_that_somebody_is_subscribed_to_keeps_its_place() {
        let bus = MemoryBus::new().histories(1, 100);
        let history = History::default();
        let name = topic("t");
        bus.subscribe(&name, ignored()).await.unwrap();
        bus.publish(&name, &publication(&1), Some(&history))
            .unwrap();
        let before = bus.history(&name, &history, 0, 10).await.unwrap();
        for number in 0..100 {
            let name = topic(&format!("room?id={number}"));
            bus.publish(&name, &publication(&2), Some(&history))
                .unwrap();
        }
        bus.publish(&name, &publication(&3), Some(&history))
            .unwrap();
        let after = bus.history(&name, &history, 0, 10).await.unwrap();
        assert_eq!((&after.epoch, after.top), (&before.epoch, 2));
    }

    #[tokio::test]
    async fn too_many_topics_that_are_in_use_lose_nothing() {
        let bus = MemoryBus::new().histories(10, 1 << 20);
        let history = History::default();
        let names: Vec<_> = (0..200).map(|id| topic(&format!("room?id={id}"))).collect();
        for name in &names {
            bus.subscribe(name, ignored()).await.unwrap();
        }
        for round in 0..3 {
            for name in &names {
                let round = publication(&round);
                bus.publish(name, &round, Some(&history)).unwrap();
            }
        }
        for name in &names {
            let page = bus.history(name, &history, 0, 10).await.unwrap();
            assert_eq!((page.oldest, page.top), (1, 3));
        }
    }

    #[tokio::test]
    async fn sinks_may_publish_so_much_and_no_more() {
        let bus = Arc::new(MemoryBus::new());
        let refused = Arc::new(AtomicUsize::new(0));
        let sink = {
            let (bus, refused) = (Arc::clone(&bus), Arc::clone(&refused));
            move |_: &Publication, _: Option<u64>| {
                for number in 0..NESTED + 5 {
                    if bus.publish(&topic("other"), &publication(&number), None)
                        == Err(BusError::Full)
                    {
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        };
        bus.subscribe(&topic("t"), Arc::new(sink)).await.unwrap();
        bus.subscribe(&topic("other"), ignored()).await.unwrap();
        bus.publish(&topic("t"), &publication(&0), None).unwrap();
        assert_eq!(refused.load(Ordering::Relaxed), 5);
    }
}

//! Who is subscribed to one interaction: all together, and by topic.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};

use tokio::sync::{Notify, OnceCell};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::bus::{BusError, Publication, Sink, SubscriptionId, TopicName};
use crate::fault::Fault;
use crate::frame::{Body, Subscribed};
use crate::interaction::Interaction;
use crate::outbox::{Notice, Reserved};
use crate::parameters::Parameters;
use crate::payload::Payload;
use crate::reply::{Encoded, Replies, Telling};
use crate::request::Request;
use crate::sync::atomic::{AtomicBool, Ordering, fence};
use crate::sync::{Mutex, MutexGuard};
use crate::topics::{self, Audience, Bus, Home};

pub(super) type Snapshot<S, A> = Arc<[Arc<Subscriber<S, A>>]>;
pub(super) type Came<S, P, A> = (Arc<Subscriber<S, A>>, Arc<Group<S, P, A>>);

/// The subscribers of one interaction.
///
/// Those who have come are present once they have been told so. A generation is one run of the
/// handler, which is over at the latest when nobody is present any more.
pub(super) struct Roster<S: Payload, P: Payload, A: Parameters> {
    interaction: Interaction,
    home: Arc<Home>,
    state: Mutex<State<S, P, A>>,
    /// Notified when there is one more newcomer.
    came: Notify,
}

struct State<S: Payload, P: Payload, A: Parameters> {
    /// Who has come and has not left, present or not.
    subscribers: HashMap<u64, Arc<Subscriber<S, A>>>,
    groups: HashMap<TopicName, Arc<Group<S, P, A>>>,
    present: usize,
    snapshot: Option<Snapshot<S, A>>,
    next_key: u64,
    generation: u64,
    /// Cancelled when the last subscriber of this generation leaves.
    deserted: CancellationToken,
    is_served: bool,
    /// The latest subscription of each connection, where it may have one only.
    latest: Option<HashMap<Uuid, u64>>,
    /// Whom the handler has not asked for yet, if it asks for them.
    newcomers: Option<VecDeque<Arc<Subscriber<S, A>>>>,
}

impl<S: Payload, P: Payload, A: Parameters> Roster<S, P, A> {
    pub(super) fn new(interaction: Interaction, home: Arc<Home>) -> Self {
        Self {
            interaction,
            home,
            state: Mutex::new(State {
                subscribers: HashMap::new(),
                groups: HashMap::new(),
                present: 0,
                snapshot: None,
                next_key: 0,
                generation: 0,
                deserted: CancellationToken::new(),
                is_served: false,
                latest: None,
                newcomers: None,
            }),
            came: Notify::new(),
        }
    }

    pub(super) fn interaction(&self) -> &Interaction {
        &self.interaction
    }

    pub(super) fn bus(&self) -> &Bus {
        self.home.bus()
    }

    // Nothing that can panic runs under the lock, so a poisoned one holds whole data.
    fn state(&self) -> MutexGuard<'_, State<S, P, A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn len(&self) -> usize {
        self.state().present
    }

    /// Who is present, for the handler of this generation.
    pub(super) fn snapshot(&self, generation: u64) -> Snapshot<S, A> {
        let mut state = self.state();
        if state.generation != generation {
            return Arc::from([]);
        }
        if let Some(snapshot) = &state.snapshot {
            return Arc::clone(snapshot);
        }
        let present = state.subscribers.values();
        let present = present.filter(|subscriber| subscriber.is_present());
        let snapshot: Snapshot<S, A> = present.cloned().collect();
        state.snapshot = Some(Arc::clone(&snapshot));
        snapshot
    }

    /// The topics that somebody is subscribed on, for the handler of this generation.
    pub(super) fn topics(&self, generation: u64) -> Vec<TopicName> {
        let state = self.state();
        if state.generation != generation {
            return Vec::new();
        }
        state.groups.keys().cloned().collect()
    }

    /// Who is subscribed on one topic, for the handler of this generation.
    pub(super) fn group(&self, generation: u64, topic: &TopicName) -> Option<Arc<Group<S, P, A>>> {
        let state = self.state();
        let group = state.groups.get(topic);
        group.filter(|_| state.generation == generation).cloned()
    }

    /// Somebody comes, and is not present yet.
    pub(super) fn come(
        &self,
        request: Request<S, A>,
        replies: Replies,
        topic: TopicName,
    ) -> Came<S, P, A> {
        let mut state = self.state();
        let key = state.next_key;
        state.next_key = key.wrapping_add(1);
        let group = state.groups.entry(topic.clone()).or_insert_with(|| {
            Arc::new(Group {
                topic,
                interaction: self.interaction,
                bus: self.bus().clone(),
                members: Mutex::default(),
                attached: OnceCell::new(),
                is_over: AtomicBool::new(false),
                publication: PhantomData,
            })
        });
        let group = Arc::clone(group);
        let subscriber = Arc::new(Subscriber {
            key,
            connection: request.connection(),
            request,
            replies,
            topic: group.topic.clone(),
            is_present: AtomicBool::new(false),
            is_live: AtomicBool::new(false),
            phase: Mutex::new(Phase::Coming { seen: 0 }),
            held: Mutex::default(),
        });
        state.subscribers.insert(key, Arc::clone(&subscriber));
        group.members().add(&subscriber);
        (subscriber, group)
    }

    /// Tells somebody that he is subscribed, and says whether a handler has to be started for him; `None`
    /// if it is over already. What is published from now on comes at once, unless he has to catch up
    /// first.
    ///
    /// He has to if the topic keeps a history, of which this is the latest offset.
    pub(super) fn acknowledge(
        &self,
        subscriber: &Subscriber<S, A>,
        joined: Option<Subscribed>,
        top: Option<u64>,
    ) -> Option<bool> {
        let mut phase = subscriber.phase();
        let Phase::Coming { seen } = *phase else {
            return None;
        };
        // Not after he has been told: somebody else could publish, or leave as the last, before that.
        let (starts, earlier) = self.is_present(subscriber);
        let body = joined.map_or(Body::Ack(None), Body::Subscribed);
        let _ = subscriber.replies.push(body);
        *phase = match top {
            Some(top) => Phase::CatchingUp {
                seen: seen.max(top),
            },
            None => Phase::UpToDate { after: 0 },
        };
        subscriber.is_live.store(top.is_none(), Ordering::Release);
        drop(phase);
        // The bus may be somebody's who delivers meanwhile, and waits for the phase.
        let earlier = earlier.and_then(|key| self.state().remove(key));
        if let Some(earlier) = earlier {
            earlier.end(Body::End);
        }
        Some(starts)
    }

    /// Somebody is there. Says whether a handler has to be started for him, and who has to leave for him.
    fn is_present(&self, subscriber: &Subscriber<S, A>) -> (bool, Option<u64>) {
        let mut state = self.state();
        subscriber.is_present.store(true, Ordering::Relaxed);
        state.present = state.present.saturating_add(1);
        state.snapshot = None;
        if state.is_newcomer(subscriber.key) {
            self.came.notify_one();
        }
        let latest = state.latest.as_mut();
        let earlier =
            latest.and_then(|latest| latest.insert(subscriber.connection, subscriber.key));
        let starts = !std::mem::replace(&mut state.is_served, true);
        (starts, earlier)
    }

    /// Somebody leaves; who has left already, has.
    pub(super) fn leave(&self, subscriber: &Subscriber<S, A>) {
        let removed = self.state().remove(subscriber.key);
        drop(removed);
    }

    pub(super) fn one_per_connection(&self) {
        let mut state = self.state();
        if state.latest.is_some() {
            return;
        }
        let mut latest: HashMap<Uuid, u64> = HashMap::new();
        let mut earlier = Vec::new();
        for (key, subscriber) in &state.subscribers {
            if !subscriber.is_present() {
                continue;
            }
            let of_connection = latest.entry(subscriber.connection).or_insert(*key);
            if key != of_connection {
                earlier.push((*key).min(*of_connection));
                *of_connection = (*key).max(*of_connection);
            }
        }
        state.latest = Some(latest);
        let earlier: Vec<_> = earlier
            .into_iter()
            .filter_map(|key| state.remove(key))
            .collect();
        drop(state);
        for subscriber in earlier {
            subscriber.end(Body::End);
        }
    }

    /// The next who is present and has not been taken, for the handler of this generation.
    pub(super) async fn newcomer(&self, generation: u64) -> Arc<Subscriber<S, A>> {
        loop {
            let came = self.came.notified();
            if let Some(subscriber) = self.state().next_newcomer(generation) {
                return subscriber;
            }
            came.await;
        }
    }

    /// Begins another run of the handler, unless nobody is there to serve; with what is cancelled
    /// when nobody is left.
    pub(super) fn next_generation(&self) -> Option<(u64, CancellationToken)> {
        let mut state = self.state();
        if state.present == 0 {
            state.is_served = false;
            return None;
        }
        // What an earlier run has left behind reaches nobody.
        state.generation = state.generation.wrapping_add(1);
        state.newcomers = None;
        Some((state.generation, state.deserted.clone()))
    }

    /// Ends the subscriptions of all who are present, if it is still this generation.
    pub(super) fn dismiss(&self, generation: u64, how: impl Fn(&Replies) -> Body) {
        let mut state = self.state();
        if state.generation != generation {
            return;
        }
        let subscribers = state.subscribers.values();
        let keys: Vec<u64> = subscribers
            .filter(|subscriber| subscriber.is_present())
            .map(|subscriber| subscriber.key)
            .collect();
        let dismissed: Vec<_> = keys
            .into_iter()
            .filter_map(|key| state.remove(key))
            .collect();
        drop(state);
        for subscriber in dismissed {
            subscriber.end(how(&subscriber.replies));
        }
    }
}

impl<S: Payload, P: Payload, A: Parameters> State<S, P, A> {
    /// Notes one who has come, if anybody asks for that.
    fn is_newcomer(&mut self, key: u64) -> bool {
        let (Some(newcomers), Some(subscriber)) = (&mut self.newcomers, self.subscribers.get(&key))
        else {
            return false;
        };
        newcomers.push_back(Arc::clone(subscriber));
        // Whoever leaves before he is asked for is forgotten, at the latest when they are the most.
        if newcomers.len() > 16 && newcomers.len() / 2 > self.subscribers.len() {
            newcomers.retain(|subscriber| self.subscribers.contains_key(&subscriber.key));
        }
        true
    }

    fn next_newcomer(&mut self, generation: u64) -> Option<Arc<Subscriber<S, A>>> {
        if self.generation != generation {
            return None;
        }
        let newcomers = self.newcomers.get_or_insert_with(|| {
            let subscribers = self.subscribers.values();
            let mut present: Vec<_> = subscribers
                .filter(|subscriber| subscriber.is_present())
                .cloned()
                .collect();
            present.sort_by_key(|subscriber| subscriber.key);
            present.into()
        });
        while let Some(subscriber) = newcomers.pop_front() {
            if self.subscribers.contains_key(&subscriber.key) {
                return Some(subscriber);
            }
        }
        None
    }

    fn remove(&mut self, key: u64) -> Option<Arc<Subscriber<S, A>>> {
        let subscriber = self.subscribers.remove(&key)?;
        if let Some(group) = self.groups.get(&subscriber.topic)
            && group.members().remove(key)
        {
            group.detach();
            self.groups.remove(&subscriber.topic);
        }
        if let Some(latest) = &mut self.latest
            && latest.get(&subscriber.connection) == Some(&key)
        {
            latest.remove(&subscriber.connection);
        }
        if subscriber.is_present() {
            self.present = self.present.saturating_sub(1);
            self.snapshot = None;
            if self.present == 0 {
                self.generation = self.generation.wrapping_add(1);
                std::mem::take(&mut self.deserted).cancel();
            }
        }
        Some(subscriber)
    }
}

/// One who is subscribed, with the request that it did so with. What is looked at for each publication
/// comes first, in as few lines of memory as may be.
#[repr(C)]
pub(super) struct Subscriber<S: Payload, A: Parameters> {
    replies: Replies,
    /// Whatever has no offset comes to him, and nothing else need be known of his phase. Not so any more
    /// before the end is queued: looked at while a message is queued, so that none follows it.
    is_live: AtomicBool,
    is_present: AtomicBool,
    key: u64,
    connection: Uuid,
    request: Request<S, A>,
    topic: TopicName,
    /// Held while a message with an offset is queued, for the same end. The roster may be looked at
    /// meanwhile, and not the other way round.
    phase: Mutex<Phase>,
    /// What is let go of at the end.
    held: Mutex<Option<Box<dyn Send>>>,
}

/// How far a subscriber is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// Has not been told that he is subscribed.
    Coming {
        seen: u64,
    },
    /// What has an offset comes to him from the history; meanwhile this is the latest that has been
    /// published.
    CatchingUp {
        seen: u64,
    },
    /// Has had what has an offset up to this one.
    UpToDate {
        after: u64,
    },
    Ended,
}

impl<S: Payload, A: Parameters> Subscriber<S, A> {
    pub(super) fn topic(&self) -> &TopicName {
        &self.topic
    }

    pub(super) fn request(&self) -> &Request<S, A> {
        &self.request
    }

    pub(super) fn replies(&self) -> &Replies {
        &self.replies
    }

    fn is_present(&self) -> bool {
        self.is_present.load(Ordering::Relaxed)
    }

    fn is_live(&self) -> bool {
        self.is_live.load(Ordering::Acquire)
    }

    pub(super) fn has_ended(&self) -> bool {
        !self.is_live() && *self.phase() == Phase::Ended
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// He has had everything up to this offset. `false` if more has been published meanwhile, or it
    /// is over.
    pub(super) fn is_up_to_date(&self, after: u64) -> bool {
        let mut phase = self.phase();
        match *phase {
            Phase::CatchingUp { seen } if seen <= after => {
                *phase = Phase::UpToDate { after };
                self.is_live.store(true, Ordering::Release);
                true
            }
            _ => false,
        }
    }

    /// Sends a message out of the history.
    pub(super) fn deliver_late(&self, message: Reserved<'_>) -> bool {
        let phase = self.phase();
        matches!(*phase, Phase::CatchingUp { .. }) && message.queue().is_ok()
    }

    /// Sends a message that has just been published.
    pub(super) fn deliver(&self, notice: &mut Notice) -> bool {
        let offset = notice.content().offset();
        if self.is_live() && offset.is_none() {
            return self.replies.publish_if(notice, || self.is_live()).is_ok();
        }
        let mut phase = self.phase();
        match (&mut *phase, offset) {
            (Phase::Ended, _) | (Phase::Coming { .. }, None) => return false,
            (Phase::Coming { seen } | Phase::CatchingUp { seen }, Some(offset)) => {
                *seen = offset.max(*seen);
                return true;
            }
            (Phase::UpToDate { after }, Some(offset)) if offset <= *after => return false,
            (Phase::CatchingUp { .. } | Phase::UpToDate { .. }, _) => {}
        }
        self.replies.publish_if(notice, || true).is_ok()
    }

    /// The same to this one alone.
    pub(super) fn tell(&self, encoded: &Encoded) -> bool {
        self.deliver(&mut encoded.for_peer(&self.replies).into())
    }

    /// Ends the subscription with this word, unless it has ended.
    pub(super) fn end(&self, body: Body) {
        let mut phase = self.phase();
        match *phase {
            Phase::Ended => return,
            // A fault is an answer by itself.
            Phase::Coming { .. } if matches!(body, Body::End) => {
                let _ = self.replies.push(Body::Ack(None));
            }
            _ => {}
        }
        *phase = Phase::Ended;
        self.is_live.store(false, Ordering::Release);
        self.is_over();
        self.request.ends();
        // A connection without room is given up, and so learns of the end all the same.
        let _ = self.replies.push_last(body);
    }

    /// The peer has ended it, and is told nothing more.
    pub(super) fn is_gone(&self) {
        let mut phase = self.phase();
        *phase = Phase::Ended;
        self.is_live.store(false, Ordering::Release);
        drop(phase);
        self.is_over();
    }

    /// Holds this until the end.
    pub(super) fn hold(&self, held: Box<dyn Send>) {
        let phase = self.phase();
        if *phase != Phase::Ended {
            *self.held() = Some(held);
        }
    }

    fn is_over(&self) {
        if let Some(lane) = &self.replies.lane {
            lane.end();
        }
        let held = self.held().take();
        drop(held);
    }

    fn held(&self) -> MutexGuard<'_, Option<Box<dyn Send>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The subscribers on one topic, and the one subscription on the bus that they share.
pub(super) struct Group<S: Payload, P: Payload, A: Parameters> {
    topic: TopicName,
    interaction: Interaction,
    bus: Bus,
    members: Mutex<Members<S, A>>,
    attached: OnceCell<SubscriptionId>,
    is_over: AtomicBool,
    publication: PhantomData<fn(P)>,
}

pub(super) struct Members<S: Payload, A: Parameters> {
    by_key: HashMap<u64, Arc<Subscriber<S, A>>>,
    snapshot: Option<Snapshot<S, A>>,
}

impl<S: Payload, A: Parameters> Default for Members<S, A> {
    fn default() -> Self {
        Self {
            by_key: HashMap::new(),
            snapshot: None,
        }
    }
}

impl<S: Payload, A: Parameters> Members<S, A> {
    fn add(&mut self, subscriber: &Arc<Subscriber<S, A>>) {
        self.by_key.insert(subscriber.key, Arc::clone(subscriber));
        self.snapshot = None;
    }

    /// `true` if that was the last.
    fn remove(&mut self, key: u64) -> bool {
        self.by_key.remove(&key);
        self.snapshot = None;
        self.by_key.is_empty()
    }
}

impl<S: Payload, P: Payload, A: Parameters> Group<S, P, A> {
    pub(super) fn topic(&self) -> &TopicName {
        &self.topic
    }

    pub(super) fn interaction(&self) -> &Interaction {
        &self.interaction
    }

    pub(super) fn bus(&self) -> &Bus {
        &self.bus
    }

    fn members(&self) -> MutexGuard<'_, Members<S, A>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whoever has come, present or not.
    pub(super) fn snapshot(&self) -> Snapshot<S, A> {
        let members = &mut *self.members();
        let by_key = &members.by_key;
        let snapshot = members
            .snapshot
            .get_or_insert_with(|| by_key.values().cloned().collect());
        Arc::clone(snapshot)
    }

    /// Subscribes on the bus, once for all. Cancelling it leaves no subscription, or that of others.
    pub(super) async fn attach(self: &Arc<Self>) -> Result<(), BusError> {
        let subscribe = || {
            let sink: Arc<dyn Sink> = Arc::<Self>::clone(self);
            self.bus.carrier().subscribe(&self.topic, sink)
        };
        self.attached.get_or_try_init(subscribe).await?;
        fence(Ordering::SeqCst);
        if self.is_over.load(Ordering::SeqCst) {
            self.unsubscribe();
        }
        Ok(())
    }

    /// The last has left.
    fn detach(&self) {
        // First the word, then the look; whoever attaches does it the other way round. The fences have
        // at least one of the two see the other's word, which a cell does not see to by itself.
        self.is_over.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        self.unsubscribe();
    }

    fn unsubscribe(&self) {
        if let Some(id) = self.attached.get() {
            self.bus.carrier().unsubscribe(&self.topic, *id);
        }
    }

    /// What the bus has carried, unless it belongs to another interaction on the same topic.
    pub(super) fn read(&self, publication: &Publication, offset: Option<u64>) -> Option<Encoded> {
        (publication.message() == P::SPEC.name())
            .then(|| Encoded::carried::<P>(self.interaction.reply_channel(), publication, offset))
    }
}

impl<S: Payload, P: Payload, A: Parameters> Sink for Group<S, P, A> {
    fn deliver(&self, publication: &Publication, offset: Option<u64>) {
        let Some(encoded) = self.read(publication, offset) else {
            return;
        };
        let mut telling = Telling::new(&encoded);
        for subscriber in self.snapshot().iter() {
            subscriber.deliver(telling.to(&subscriber.replies));
        }
    }

    fn interrupted(&self) {
        if self.bus.history(&self.interaction).is_none() {
            return;
        }
        for subscriber in self.snapshot().iter() {
            let message = "messages may have been lost: subscribe again";
            subscriber.end(Body::Fault(Fault::new(Fault::UNAVAILABLE, message)));
        }
    }
}

impl<S: Payload, P: Payload, A: Parameters> Audience for Roster<S, P, A> {
    fn ready(&self, topic: &TopicName, start: Instant) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let group = self.state().groups.get(topic).cloned();
        Box::pin(async move {
            let Some(group) = group else { return };
            for subscriber in group.snapshot().iter() {
                subscriber.replies.ready(start).await;
            }
        })
    }
}

/// The topic that a request subscribes to.
pub(super) fn topic_of<S: Payload, A: Parameters>(
    interaction: &Interaction,
    request: &Request<S, A>,
) -> Result<TopicName, Fault> {
    let name = if A::ADDRESS.is_empty() {
        topics::name(
            interaction,
            S::SPEC.parameters().template,
            request.payload(),
        )
    } else {
        topics::name(interaction, A::ADDRESS, request.parameters())
    };
    name.map_err(|error| Fault::new(Fault::INVALID_MESSAGE, error.to_string()))
}

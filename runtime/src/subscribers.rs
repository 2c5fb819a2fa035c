//! The publishing end that a pub/sub handler holds.

mod join;
#[cfg(shuttle)]
#[cfg(test)]
mod model;
mod roster;
mod source;

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use tokio::time::Instant;

use self::roster::{Roster, Snapshot, Subscriber};
pub(crate) use self::source::{Membership, Source};
use crate::bus::{Publication, TopicName};
use crate::interaction::Interaction;
use crate::parameters::Parameters;
use crate::payload::{IntoMessage, Payload};
use crate::reply::{Encoded, Telling};
use crate::request::Request;
use crate::seldom::seldom;
use crate::topics::{self, Bus};

/// Everyone who is subscribed to one interaction on this server, over all its connections.
///
/// A pub/sub handler is given this when its first subscriber comes, and is dropped, at its next
/// `.await`, when its last one has left. Those who come in between are included from then on.
///
/// A handler that returns `Ok(())` ends all subscriptions, and one that returns the document's error
/// message tells it to the subscribers by that. Any other fault, and a panic, is logged; the
/// subscribers stay and hear nothing of it, and the handler is started again, first after 100 ms and
/// then after twice as long each time, up to 30 s, until it has run for as long as that.
///
/// Publishing waits for nobody: each connection has a bounded queue (see
/// [`Limits::queue_messages`](crate::Limits::queue_messages)), and
/// [`Limits::slow_consumer`](crate::Limits::slow_consumer) says what becomes of one that is full: by
/// default its connection is closed, so that a slow subscriber neither delays the others nor loses
/// messages unseen. A handler that publishes more than a queue holds has to `.await` something in
/// between, such as [`ready`](Subscribers::ready), for the queues to be written out.
///
/// Who is subscribed on other servers of the same bus has a handler of its own there. What all of
/// them should have, [`Bus::publish`] reaches them with.
///
/// Where the interaction [keeps a history](crate::Provider::history), what is published to all, or
/// at one topic, goes by way of the bus and so to other servers as well.
pub struct Subscribers<S: Payload, P: Payload, A: Parameters = ()> {
    roster: Arc<Roster<S, P, A>>,
    generation: u64,
}

impl<S: Payload, P: Payload, A: Parameters> Subscribers<S, P, A> {
    /// Sends each subscriber a message made for it, and returns how many there were. It becomes
    /// part of no history.
    ///
    /// ```
    /// # use specwire::{Payload, Subscribers};
    /// # fn publish<S: Payload, P: Payload>(subscribers: &Subscribers<S, P>, tick: P)
    /// # where P::Headers: Default {
    /// subscribers.publish_each(|_subscription| tick.clone());
    /// # }
    /// ```
    pub fn publish_each<M>(&self, mut message: impl FnMut(&Request<S, A>) -> M) -> usize
    where
        M: IntoMessage<Payload = P>,
    {
        let channel = self.interaction().reply_channel();
        self.deliver(
            &self.snapshot(),
            |_| true,
            |subscriber| {
                let message = message(subscriber.request()).into_message();
                let encoded = Encoded::new(channel, &message);
                encoded.is_ok_and(|encoded| subscriber.tell(&encoded))
            },
        )
    }

    /// Sends all subscribers the same message, serialised once, and returns how many there were.
    ///
    /// ```
    /// # use specwire::{Payload, Subscribers};
    /// # fn publish<S: Payload, P: Payload>(subscribers: &Subscribers<S, P>, tick: P)
    /// # where P::Headers: Default {
    /// let reached = subscribers.publish(tick);
    /// println!("{reached} of {} have room for it", subscribers.len());
    /// # }
    /// ```
    pub fn publish(&self, message: impl IntoMessage<Payload = P>) -> usize {
        let Some(encoded) = self.encode(message) else {
            return 0;
        };
        if self.bus().history(self.interaction()).is_none() {
            return self.send(&self.snapshot(), &encoded, |_| true);
        }
        let topics = self.roster.topics(self.generation).into_iter();
        let publication = encoded.into_publication();
        topics.map(|topic| self.carry(&topic, &publication)).sum()
    }

    /// Sends those the same message, serialised once, who gave these parameters of the channel's
    /// address, and returns how many there were. How many subscribers there are elsewhere makes no
    /// difference.
    ///
    /// ```
    /// # use specwire::{Parameters, Payload, Subscribers};
    /// # fn publish<S: Payload, P: Payload, A: Parameters>(
    /// #     listeners: &Subscribers<S, P, A>, room: A, said: P,
    /// # ) where P::Headers: Default {
    /// // Parameters of another channel do not compile.
    /// listeners.publish_at(&room, said);
    /// # }
    /// ```
    pub fn publish_at<B: Parameters>(
        &self,
        parameters: &B,
        message: impl IntoMessage<Payload = P>,
    ) -> usize {
        const {
            assert!(
                is_same(B::ADDRESS, address::<S, A>()),
                "these are not the parameters of the channel that subscribers name"
            );
        }
        let Ok(topic) = topics::name(self.interaction(), B::ADDRESS, parameters) else {
            // Who gave parameters that are too long was refused.
            return 0;
        };
        let Some(encoded) = self.encode(message) else {
            return 0;
        };
        if self.bus().history(self.interaction()).is_some() {
            return self.carry(&topic, &encoded.into_publication());
        }
        match self.roster.group(self.generation, &topic) {
            Some(group) => self.send(&group.snapshot(), &encoded, |_| true),
            None => 0,
        }
    }

    /// Sends the same message, serialised once, to those subscribers whom `wanted` picks, and
    /// returns how many there were. It becomes part of no history.
    ///
    /// ```
    /// # use specwire::{Payload, Subscribers, Uuid};
    /// # fn publish<S: Payload, P: Payload>(subscribers: &Subscribers<S, P>, tick: P, sender: Uuid)
    /// # where P::Headers: Default {
    /// subscribers.publish_to(tick, |subscription| subscription.connection() != sender);
    /// # }
    /// ```
    pub fn publish_to(
        &self,
        message: impl IntoMessage<Payload = P>,
        wanted: impl FnMut(&Request<S, A>) -> bool,
    ) -> usize {
        match self.encode(message) {
            Some(encoded) => self.send(&self.snapshot(), &encoded, wanted),
            None => 0,
        }
    }

    /// Shows each subscription that there is now.
    ///
    /// ```
    /// # use specwire::{Payload, Subscribers, Uuid};
    /// # fn connections<S: Payload, P: Payload>(subscribers: &Subscribers<S, P>) -> Vec<Uuid> {
    /// let mut connections = Vec::new();
    /// subscribers.for_each(|subscription| connections.push(subscription.connection()));
    /// # connections }
    /// ```
    pub fn for_each(&self, mut look: impl FnMut(&Request<S, A>)) {
        for subscriber in self.snapshot().iter().filter(|one| !one.has_ended()) {
            look(subscriber.request());
        }
    }

    /// Waits for a subscriber whom this has not returned yet, those included who were there before
    /// it was asked: for what a newcomer is told first. Each is returned once in a run of the
    /// handler, unless he has left meanwhile. Cancelling it loses nobody.
    ///
    /// ```
    /// # use specwire::{Fault, Payload, Subscribers};
    /// # async fn handler<S: Payload, P: Payload>(
    /// #     subscribers: Subscribers<S, P>, welcome: P, tick: P,
    /// # ) -> Result<(), Fault> where P::Headers: Default {
    /// let mut ticks = tokio::time::interval(std::time::Duration::from_secs(1));
    /// loop {
    ///     tokio::select! {
    ///         newcomer = subscribers.joined() => {
    ///             newcomer.publish(welcome.clone());
    ///         }
    ///         _ = ticks.tick() => {
    ///             subscribers.publish(tick.clone());
    ///         }
    ///     }
    /// }
    /// # }
    /// ```
    pub async fn joined(&self) -> Newcomer<S, P, A> {
        Newcomer {
            channel: self.interaction().reply_channel(),
            subscriber: self.roster.newcomer(self.generation).await,
            publication: PhantomData,
        }
    }

    /// From now on, a connection's subscription to this interaction ends its earlier one. Of those
    /// that it has already, the latest stays.
    ///
    /// ```
    /// # use specwire::{Fault, Payload, Subscribers};
    /// # async fn handler<S: Payload, P: Payload>(subscribers: Subscribers<S, P>) -> Result<(), Fault> {
    /// subscribers.one_per_connection();
    /// // And so on, for ever.
    /// # Ok(()) }
    /// ```
    pub fn one_per_connection(&self) {
        self.roster.one_per_connection();
    }

    /// Waits, where [`SlowConsumer::Block`](crate::SlowConsumer::Block) is set, until the queues of
    /// all subscribers are half free, so that what is published next finds room in them: a message of
    /// up to half of [`Limits::queue_bytes`](crate::Limits::queue_bytes). Whoever has not made room
    /// when the time is over is closed with 3008. With every other policy there is nothing to wait
    /// for. Cancelling it changes nothing.
    ///
    /// ```
    /// # use specwire::{Payload, Subscribers};
    /// # async fn publish<S: Payload, P: Payload>(subscribers: &Subscribers<S, P>, lines: Vec<P>)
    /// # where P::Headers: Default {
    /// for line in lines {
    ///     subscribers.ready().await;
    ///     subscribers.publish(line);
    /// }
    /// # }
    /// ```
    pub async fn ready(&self) {
        let start = Instant::now();
        for subscriber in self.snapshot().iter() {
            subscriber.replies().ready(start).await;
        }
    }

    /// How many subscribers there are now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.roster.len()
    }

    /// No subscriber is left; the handler is about to be dropped.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The server's bus, for publishing on other topics.
    #[must_use]
    pub fn bus(&self) -> &Bus {
        self.roster.bus()
    }

    fn interaction(&self) -> &Interaction {
        self.roster.interaction()
    }

    fn snapshot(&self) -> Snapshot<S, A> {
        self.roster.snapshot(self.generation)
    }

    /// Nothing, for a message that JSON cannot carry: the failure has been logged.
    fn encode(&self, message: impl IntoMessage<Payload = P>) -> Option<Encoded> {
        Encoded::new(self.interaction().reply_channel(), &message.into_message()).ok()
    }

    /// Publishes on a topic that keeps a history, and returns who is subscribed there.
    fn carry(&self, topic: &TopicName, publication: &Publication) -> usize {
        let (bus, interaction) = (self.bus(), self.interaction());
        if let Err(error) = bus.carry(interaction, topic, publication) {
            seldom!(error, %topic, %error, "a message was not published");
            return 0;
        }
        let group = self.roster.group(self.generation, topic);
        group.map_or(0, |group| group.snapshot().len())
    }

    fn send(
        &self,
        to: &Snapshot<S, A>,
        encoded: &Encoded,
        wanted: impl FnMut(&Request<S, A>) -> bool,
    ) -> usize {
        let mut telling = Telling::new(encoded);
        self.deliver(to, wanted, |subscriber| {
            subscriber.deliver(telling.to(subscriber.replies()))
        })
    }

    /// The handler's closures run on a snapshot: they may take their time, and may publish.
    fn deliver(
        &self,
        to: &Snapshot<S, A>,
        mut wanted: impl FnMut(&Request<S, A>) -> bool,
        mut tell: impl FnMut(&Subscriber<S, A>) -> bool,
    ) -> usize {
        to.iter()
            .filter(|subscriber| !subscriber.has_ended())
            .filter(|subscriber| wanted(subscriber.request()) && tell(subscriber))
            .count()
    }
}

impl<S: Payload, P: Payload, A: Parameters> fmt::Debug for Subscribers<S, P, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscribers")
            .field("channel", &self.interaction().reply_channel())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// One subscriber, who has just come: see [`Subscribers::joined`]. It is the request that he
/// subscribed with.
pub struct Newcomer<S: Payload, P: Payload, A: Parameters = ()> {
    channel: &'static str,
    subscriber: Arc<Subscriber<S, A>>,
    publication: PhantomData<fn(P)>,
}

impl<S: Payload, P: Payload, A: Parameters> Newcomer<S, P, A> {
    /// Sends this subscriber alone a message, and tells whether he has not left. It becomes part of
    /// no history.
    pub fn publish(&self, message: impl IntoMessage<Payload = P>) -> bool {
        let encoded = Encoded::new(self.channel, &message.into_message());
        encoded.is_ok_and(|encoded| self.subscriber.tell(&encoded))
    }
}

impl<S: Payload, P: Payload, A: Parameters> Deref for Newcomer<S, P, A> {
    type Target = Request<S, A>;

    fn deref(&self) -> &Self::Target {
        self.subscriber.request()
    }
}

impl<S: Payload, P: Payload, A: Parameters> fmt::Debug for Newcomer<S, P, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Newcomer")
            .field("connection", &self.connection())
            .finish_non_exhaustive()
    }
}

/// The address whose parameters tell an interaction's topics apart: those beside the message that
/// subscribes, or those that stand for it.
const fn address<S: Payload, A: Parameters>() -> &'static str {
    if A::ADDRESS.is_empty() {
        S::SPEC.parameters().template
    } else {
        A::ADDRESS
    }
}

const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut rest = (one, other);
    loop {
        match rest {
            ([], []) => return true,
            ([a, one @ ..], [b, other @ ..]) if *a == *b => rest = (one, other),
            _ => return false,
        }
    }
}

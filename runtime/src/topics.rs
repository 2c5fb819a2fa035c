//! The topics that a document's subscribers listen on, and publishing there from anywhere.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use tokio::time::Instant;

use crate::bus::{
    BusError, History, InvalidTopic, MemoryBus, MessageBus, Publication, TopicName, write_name,
};
use crate::fault::Fault;
use crate::interaction::Interaction;
use crate::names::Names;
use crate::parameters::{self, Parameters};
use crate::payload::{IntoMessage, Message, Payload};
use crate::reply::Encoded;

/// Where the subscribers of one pub/sub interaction listen, as the generated module `topics` has it:
/// for [publishing](Bus::publish) without holding [`Subscribers`](crate::Subscribers).
///
/// Where the channel that they name has parameters in its address there is one topic for each set
/// of values: [`at`](Topic::at) says which.
///
/// ```
/// # use specwire::{Parameters, Payload, Request, Topic, bus::BusError};
/// # fn tell<M: Payload, P: Payload, A: Parameters>(
/// #     request: &Request<M, A>, said: P, topic: Topic<P, A>,
/// # ) -> Result<(), BusError> where P::Headers: Default {
/// // `topic` is `chat::topics::ROOM`, say.
/// request.bus().publish(topic.at(request.parameters()), said)?;
/// # Ok(()) }
/// ```
pub struct Topic<P: Payload, A: Parameters = ()> {
    interaction: Interaction,
    types: PhantomData<fn(P, A)>,
}

/// One topic of a pub/sub interaction: that of these parameters, where it has any.
pub struct TopicAt<P: Payload> {
    interaction: Interaction,
    name: Result<TopicName, InvalidTopic>,
    publication: PhantomData<fn(P)>,
}

impl<P: Payload, A: Parameters> Topic<P, A> {
    /// For generated code.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(interaction: Interaction) -> Self {
        Self {
            interaction,
            types: PhantomData,
        }
    }

    /// The topic of the subscribers that gave these parameters.
    #[must_use]
    pub fn at(&self, parameters: &A) -> TopicAt<P> {
        TopicAt {
            interaction: self.interaction,
            name: name(&self.interaction, A::ADDRESS, parameters),
            publication: PhantomData,
        }
    }

    pub(crate) fn interaction(&self) -> &Interaction {
        &self.interaction
    }
}

impl<P: Payload> TopicAt<P> {
    /// Its name on the bus.
    ///
    /// # Errors
    ///
    /// [`InvalidTopic`] if a parameter is too long for there to be such a topic.
    pub fn name(&self) -> Result<&TopicName, InvalidTopic> {
        self.name.as_ref().map_err(Clone::clone)
    }

    pub(crate) fn interaction(&self) -> &Interaction {
        &self.interaction
    }
}

impl<P: Payload> From<Topic<P>> for TopicAt<P> {
    fn from(topic: Topic<P>) -> Self {
        topic.at(&())
    }
}

impl<P: Payload, A: Parameters> Clone for Topic<P, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P: Payload, A: Parameters> Copy for Topic<P, A> {}

impl<P: Payload> Clone for TopicAt<P> {
    fn clone(&self) -> Self {
        Self {
            interaction: self.interaction,
            name: self.name.clone(),
            publication: PhantomData,
        }
    }
}

impl<P: Payload, A: Parameters> fmt::Debug for Topic<P, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Topic").field(&self.interaction).finish()
    }
}

impl<P: Payload> fmt::Debug for TopicAt<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TopicAt").field(&self.name).finish()
    }
}

/// The name of an interaction's topic, with the parameters of an address in the address's order.
pub(crate) fn name(
    interaction: &Interaction,
    address: &str,
    parameters: &impl serde::Serialize,
) -> Result<TopicName, InvalidTopic> {
    let mut name = String::new();
    write_name(interaction.document(), &mut name);
    name.push('/');
    write_name(interaction.start_channel(), &mut name);
    let mut separator = '?';
    for (parameter, value) in parameters::values(address, parameters) {
        if value.len() > TopicName::MAX_VALUE {
            let bytes = value.len();
            return Err(InvalidTopic::LongValue { parameter, bytes });
        }
        name.push(separator);
        write_name(&parameter, &mut name);
        name.push('=');
        write_name(&value, &mut name);
        separator = '&';
    }
    TopicName::new(&name)
}

/// A server's [`MessageBus`], as its handlers use it: with messages as the document has them.
///
/// A handler has it from [`Request::bus`](crate::Request::bus) and
/// [`Subscribers::bus`](crate::Subscribers::bus), and may keep a clone, which is the same bus.
#[derive(Clone, Debug)]
pub struct Bus(Arc<Shared>);

#[derive(Clone, Debug)]
struct Shared {
    carrier: Arc<dyn MessageBus>,
    histories: Arc<Histories>,
    listeners: Arc<Listeners>,
}

/// The subscribers of one interaction on this server, as publishers of other interactions see them.
pub(crate) trait Audience: Send + Sync {
    /// Waits until those on a topic have room: see [`Bus::ready`].
    fn ready(&self, topic: &TopicName, start: Instant) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// The subscribers of each interaction of a server's documents.
#[derive(Default)]
struct Listeners(Mutex<Vec<(Interaction, Weak<dyn Audience>)>>);

impl Listeners {
    // Nothing that can panic runs under the lock, so a poisoned one holds whole data.
    fn list(&self) -> MutexGuard<'_, Vec<(Interaction, Weak<dyn Audience>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those whose topics these are.
    fn of(&self, interaction: &Interaction) -> Vec<Arc<dyn Audience>> {
        let list = self.list();
        let of_place = list
            .iter()
            .filter(|(of, _)| place(of) == place(interaction));
        of_place
            .filter_map(|(_, audience)| audience.upgrade())
            .collect()
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = self.list();
        f.debug_list()
            .entries(list.iter().map(|(of, _)| of))
            .finish()
    }
}

/// What the topics of interactions keep, by document and channel.
pub(crate) type Histories = HashMap<(&'static str, &'static str), History>;

impl Bus {
    pub(crate) fn new(carrier: Arc<dyn MessageBus>, histories: Arc<Histories>) -> Self {
        Self(Arc::new(Shared {
            carrier,
            histories,
            listeners: Arc::default(),
        }))
    }

    /// Publishes a message to all who are subscribed on a topic, whichever server of the same bus
    /// they are connected to. It waits for nobody: who is subscribed here has the message queued when
    /// it returns.
    ///
    /// ```
    /// # use specwire::{Payload, Request, Topic, bus::BusError};
    /// # fn tell<M: Payload, P: Payload>(
    /// #     request: &Request<M>, alarm: P, topic: Topic<P>,
    /// # ) -> Result<(), BusError> where P::Headers: Default {
    /// request.bus().publish(topic, alarm)?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`BusError`]; the message then reaches nobody. [`MemoryBus`], the default, refuses only
    /// messages that JSON cannot carry, and parameters that are too long.
    pub fn publish<P: Payload>(
        &self,
        topic: impl Into<TopicAt<P>>,
        message: impl IntoMessage<Payload = P>,
    ) -> Result<(), BusError> {
        let topic = topic.into();
        let name = topic.name()?;
        let publication = publication(&topic.interaction, &message.into_message())?;
        self.carry(&topic.interaction, name, &publication)
    }

    /// Waits, where [`SlowConsumer::Block`](crate::SlowConsumer::Block) is set, until all who are
    /// subscribed on a topic on this server have room for what is published next, as
    /// [`Subscribers::ready`](crate::Subscribers::ready) does for those of one handler: for handlers
    /// that publish much at once. Those on other servers of the same bus are not waited for. With every
    /// other policy, and on a topic that nobody is subscribed on, there is nothing to wait for.
    /// Cancelling it changes nothing.
    ///
    /// ```
    /// # use specwire::{Payload, Request, Topic, bus::BusError};
    /// # async fn tell<M: Payload, P: Payload>(
    /// #     request: &Request<M>, lines: Vec<P>, topic: Topic<P>,
    /// # ) -> Result<(), BusError> where P::Headers: Default {
    /// for line in lines {
    ///     request.bus().ready(topic).await;
    ///     request.bus().publish(topic, line)?;
    /// }
    /// # Ok(()) }
    /// ```
    pub async fn ready<P: Payload>(&self, topic: impl Into<TopicAt<P>>) {
        let topic = topic.into();
        // Nobody is subscribed on a topic that cannot be.
        let Ok(name) = topic.name() else { return };
        let start = Instant::now();
        for audience in self.0.listeners.of(&topic.interaction) {
            audience.ready(name, start).await;
        }
    }

    /// The bus itself, for what is not a document's.
    #[must_use]
    pub fn carrier(&self) -> &Arc<dyn MessageBus> {
        &self.0.carrier
    }

    /// The same, with the subscribers of the providers that are on the other one.
    pub(crate) fn heard_where(self, other: &Self) -> Self {
        Self(Arc::new(Shared {
            listeners: Arc::clone(&other.0.listeners),
            ..Shared::clone(&self.0)
        }))
    }

    pub(crate) fn carry(
        &self,
        interaction: &Interaction,
        topic: &TopicName,
        publication: &Publication,
    ) -> Result<(), BusError> {
        self.0
            .carrier
            .publish(topic, publication, self.history(interaction))
    }

    /// A topic that keeps a history keeps the same one for those who publish here.
    pub(crate) fn keeps(&self, histories: &Histories) -> bool {
        let mut kept = histories.iter();
        kept.all(|(place, history)| self.0.histories.get(place) == Some(history))
    }

    /// What the topics of this interaction keep, if they keep anything.
    pub(crate) fn history(&self, interaction: &Interaction) -> Option<&History> {
        self.0.histories.get(&place(interaction))
    }
}

/// Whose topics they are.
pub(crate) fn place(interaction: &Interaction) -> (&'static str, &'static str) {
    (interaction.document(), interaction.start_channel())
}

fn publication<P: Payload>(
    interaction: &Interaction,
    message: &Message<P>,
) -> Result<Publication, BusError> {
    let encoded = Encoded::new(interaction.reply_channel(), message)
        .map_err(|fault| BusError::InvalidMessage(fault.message().to_owned()))?;
    Ok(encoded.into_publication())
}

/// [`Fault::UNAVAILABLE`] where the same may succeed later, and otherwise [`Fault::INTERNAL`]. The
/// reason is logged, and kept from the peer.
impl<E: Payload> From<BusError> for Fault<E> {
    fn from(error: BusError) -> Self {
        tracing::warn!(%error, "a message was not published");
        match error {
            BusError::Unavailable(_) | BusError::Full => {
                Self::new(Fault::UNAVAILABLE, "the message cannot be passed on now")
            }
            _ => Self::new(Fault::INTERNAL, "the message cannot be passed on"),
        }
    }
}

/// What a provider's handlers share: its bus, which is the server's from when a server has it.
#[derive(Debug, Default)]
pub(crate) struct Home {
    bus: OnceLock<Bus>,
    /// The provider's own, before it has a bus.
    listeners: Listeners,
    takes_any_text: AtomicBool,
}

impl Home {
    /// Has the provider use this bus, unless it uses one already.
    pub(crate) fn settle(&self, bus: Bus) {
        self.bus.get_or_init(|| self.heard_on(bus));
    }

    /// The bus that the provider uses already.
    pub(crate) fn settled(&self) -> Option<&Bus> {
        self.bus.get()
    }

    /// The provider's bus.
    pub(crate) fn bus(&self) -> &Bus {
        self.bus.get_or_init(|| {
            let bus = Bus::new(Arc::new(MemoryBus::new()), Arc::default());
            self.heard_on(bus)
        })
    }

    /// The provider takes any text as a part of an address.
    pub(crate) fn take_any_text(&self) {
        self.takes_any_text.store(true, Ordering::Relaxed);
    }

    /// What the provider takes as parts of addresses.
    pub(crate) fn names(&self) -> Names {
        match self.takes_any_text.load(Ordering::Relaxed) {
            true => Names::Text,
            false => Names::Plain,
        }
    }

    /// The provider has these subscribers, from before it has a bus.
    pub(crate) fn seats(&self, interaction: Interaction, audience: Weak<impl Audience + 'static>) {
        self.listeners.list().push((interaction, audience));
    }

    fn heard_on(&self, bus: Bus) -> Bus {
        let mut listeners = bus.0.listeners.list();
        // Those of providers that are gone.
        listeners.retain(|(_, audience)| audience.strong_count() > 0);
        listeners.append(&mut self.listeners.list());
        drop(listeners);
        bus
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(channel: &'static str, address: &str, values: &serde_json::Value, expected: &str) {
        let interaction = Interaction::new("chat", "said").reply(channel);
        let found = name(&interaction, address, values).unwrap();
        assert_eq!(found.as_str(), expected);
    }

    /// S32: what a peer gives as a parameter names no other topic.
    #[test]
    fn each_set_of_parameters_has_a_topic_of_its_own() {
        check("room", "", &json!(null), "chat/room");
        check("a.b/{c}", "", &json!(null), "chat/a%2Eb%2F%7Bc%7D");
        let rooms = "rooms/{roomId}/{kind}";
        for (id, kind, expected) in [
            ("42", "x", "chat/room?roomId=42&kind=x"),
            ("42&kind=x", "", "chat/room?roomId=42%26kind%3Dx&kind="),
            ("../x", "a/b", "chat/room?roomId=%2E%2E%2Fx&kind=a%2Fb"),
            ("%2e", "+#", "chat/room?roomId=%252e&kind=%2B%23"),
            ("*.>", "\0\r\n", "chat/room?roomId=%2A%2E%3E&kind=%00%0D%0A"),
        ] {
            check(
                "room",
                rooms,
                &json!({"kind": kind, "roomId": id}),
                expected,
            );
        }
    }

    #[test]
    fn what_is_too_long_has_no_topic() {
        let interaction = Interaction::new("chat", "said").reply("room");
        let of = |length: usize| {
            let value = json!({"a": "x".repeat(length)});
            name(&interaction, "{a}", &value)
        };
        assert!(of(255).is_ok());
        assert_eq!(
            of(256).unwrap_err().to_string(),
            "the parameter `a` has 256 bytes, expected at most 255"
        );
    }
}

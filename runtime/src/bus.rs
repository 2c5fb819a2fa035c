//! What carries messages from whoever publishes to whoever is subscribed.
//!
//! Handlers and connections know topics and never each other. A [`Server`](crate::Server) has one
//! bus, [`MemoryBus`] unless it is given [another](crate::Server::bus); a handler publishes through
//! [`Request::bus`](crate::Request::bus).
//!
//! # Another bus
//!
//! What implements [`MessageBus`] may connect several servers: NATS, Redis. A [`Publication`] is
//! bytes to it ([`Publication::encode`]). Nothing here waits: publishing hands a message over, and
//! a [`Sink`] takes what is delivered without waiting for anybody. `bus::conformance`, behind the
//! feature `testing`, holds what every bus has to do.

#[cfg(any(test, feature = "testing"))]
pub mod conformance;
mod history;
mod memory;
#[cfg(shuttle)]
#[cfg(test)]
mod model;
mod publication;
mod topic_name;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

pub use self::history::{History, Kept, Page};
pub use self::memory::MemoryBus;
pub use self::publication::{InvalidPublication, Publication};
pub(crate) use self::topic_name::write_name;
pub use self::topic_name::{InvalidTopic, TopicName};

/// A future of a [`MessageBus`].
pub type BusFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, BusError>> + Send + 'a>>;

/// Carries messages on topics to all who are subscribed there, each at most once.
///
/// Publications on one topic reach all its subscribers in one order, whoever publishes; what one
/// thread publishes keeps its order. A topic is there as soon as somebody subscribes or publishes,
/// and costs nothing when nobody is subscribed and no history is kept.
///
/// ```
/// use std::sync::Arc;
/// use specwire::bus::{MemoryBus, MessageBus, Publication, TopicName};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let bus: Arc<dyn MessageBus> = Arc::new(MemoryBus::new());
/// let topic = TopicName::new("news/sports")?;
/// let id = bus
///     .subscribe(&topic, Arc::new(|publication: &Publication, _| println!("{publication:?}")))
///     .await?;
/// bus.publish(&topic, &Publication::new("score", None, "[2, 1]")?, None)?;
/// bus.unsubscribe(&topic, id);
/// # Ok(()) }
/// ```
pub trait MessageBus: fmt::Debug + Send + Sync + 'static {
    /// Hands a message over. It never waits, neither for subscribers nor for a network: a bus that
    /// sends later keeps what waits in a bounded queue.
    ///
    /// With `keep` the message becomes part of the topic's history, under the next offset, before
    /// it is delivered. The first message that is kept on a topic, or the first call of
    /// [`history`](Self::history), begins the history.
    ///
    /// It may be called while a message is delivered, by the sink as well.
    ///
    /// # Errors
    ///
    /// The message has not been taken, and reaches nobody.
    fn publish(
        &self,
        topic: &TopicName,
        publication: &Publication,
        keep: Option<&History>,
    ) -> Result<(), BusError>;

    /// Has what is published on a topic delivered to `sink`, from when the future is ready at the
    /// latest. Dropping the future before that leaves no subscription.
    ///
    /// # Errors
    ///
    /// There is no subscription.
    fn subscribe<'a>(
        &'a self,
        topic: &'a TopicName,
        sink: Arc<dyn Sink>,
    ) -> BusFuture<'a, SubscriptionId>;

    /// Ends a subscription; one that has ended already is left as it is. What is published after it
    /// returns is not delivered; a delivery that has begun may still be going on.
    ///
    /// It may be called while a message is delivered, by the sink as well.
    fn unsubscribe(&self, topic: &TopicName, id: SubscriptionId);

    /// Reads what is kept of a topic: at most `limit` messages of those after the offset `after`,
    /// the earliest first. What has an offset of at most [`Page::top`] has been published before, and
    /// may not have been delivered to all sinks yet; what has a greater one is delivered after it.
    ///
    /// # Errors
    ///
    /// The history cannot be read now.
    fn history<'a>(
        &'a self,
        topic: &'a TopicName,
        keep: &'a History,
        after: u64,
        limit: usize,
    ) -> BusFuture<'a, Page>;
}

/// Takes what is delivered on a topic. Functions are sinks.
pub trait Sink: Send + Sync {
    /// Takes one message, with its offset where the topic keeps a history.
    ///
    /// Waits for nothing, and takes no longer than it takes to put the message into queues: whoever
    /// publishes on the topic next may be waiting. Must not panic.
    fn deliver(&self, publication: &Publication, offset: Option<u64>);

    /// Messages may have been lost: the bus was disconnected for a while, or has lost its history.
    fn interrupted(&self) {}
}

impl<F: Fn(&Publication, Option<u64>) + Send + Sync> Sink for F {
    fn deliver(&self, publication: &Publication, offset: Option<u64>) {
        self(publication, offset);
    }
}

/// A bus's number for one subscription.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SubscriptionId(u64);

impl SubscriptionId {
    /// A number that the bus has given to no other subscription.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// Why a bus did not do what it was asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum BusError {
    /// The bus cannot be reached for a while. The same may succeed later.
    Unavailable(String),
    /// What waits to be sent fills the bus's queue. The same may succeed later.
    Full,
    /// The message is larger than the bus can carry.
    TooLarge {
        /// Bytes of the message.
        bytes: usize,
        /// Bytes that it may have.
        limit: usize,
    },
    /// The message is not what the document says, and cannot be written.
    InvalidMessage(String),
    /// There can be no such topic.
    InvalidTopic(InvalidTopic),
    /// The bus refuses it, as it will later.
    Refused(String),
}

impl fmt::Display for BusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(reason) => write!(f, "the bus cannot be reached: {reason}"),
            Self::Full => f.write_str("the bus has as much waiting as it may"),
            Self::TooLarge { bytes, limit } => write!(
                f,
                "the message has {bytes} bytes, and the bus carries {limit} at most"
            ),
            Self::InvalidMessage(reason) => {
                write!(f, "the message is not what the document says: {reason}")
            }
            Self::InvalidTopic(_) => f.write_str("there can be no such topic"),
            Self::Refused(reason) => write!(f, "the bus refuses it: {reason}"),
        }
    }
}

impl std::error::Error for BusError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::InvalidTopic(source) => Some(source),
            _ => None,
        }
    }
}

impl From<InvalidTopic> for BusError {
    fn from(error: InvalidTopic) -> Self {
        Self::InvalidTopic(error)
    }
}

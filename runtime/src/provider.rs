//! A document's interactions and the handlers of them, whatever their types.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::de::value::BorrowedStrDeserializer;
use tokio_util::task::TaskTracker;

use crate::bus::History;
use crate::fault::Fault;
use crate::frame::{Correlation, Id, Op, Origin, Since};
use crate::framing::{Framing, Raw, Template};
use crate::interaction::Interaction;
use crate::json;
use crate::names::Names;
use crate::outbox::{Lane, Outbox};
use crate::parameters::{Parameters, Parts};
use crate::payload::{Address, MessageSpec, Payload, Place};
use crate::peer::{Context, GoingOn, Peer};
use crate::reply::Replies;
use crate::strict;
use crate::subscribers::Membership;
use crate::topics::{Bus, Histories, Home, Topic, place};
use crate::validate::Validate;

/// An implementation of one document's service, wired to the document's interactions.
///
/// Generated code makes one out of whatever implements its `Service` trait. A
/// [`Server`](crate::Server) serves it over sockets; a [`Client`](crate::Client) can call it
/// [in memory](crate::Client::in_memory). Clones share the implementation and its subscribers.
#[derive(Clone)]
pub struct Provider {
    document: &'static str,
    handlers: Arc<[Arc<dyn Handler>]>,
    tasks: TaskTracker,
    framing: Template,
    home: Arc<Home>,
    histories: Histories,
}

impl Provider {
    pub(crate) fn new(
        document: &'static str,
        handlers: Vec<Arc<dyn Handler>>,
        tasks: TaskTracker,
        home: Arc<Home>,
    ) -> Self {
        Self {
            document,
            handlers: handlers.into(),
            tasks,
            framing: Template::new(Raw),
            home,
            histories: Histories::new(),
        }
    }

    /// Sets what is spoken on connections to this document's own URLs that ask for no subprotocol:
    /// [`Raw`] unless something else is set here.
    ///
    /// ```
    /// # fn tagged(provider: specwire::Provider) -> specwire::Provider {
    /// // `Ping:{"Sequence":0}` in place of `{"Sequence":0}`.
    /// provider.framing(specwire::framing::Tagged)
    /// # }
    /// ```
    #[must_use]
    pub fn framing(mut self, framing: impl Framing + Clone) -> Self {
        self.framing = Template::new(framing);
        self
    }

    /// Takes any text from peers where an address is made of it: as the value of a parameter of a
    /// channel's address, and as an address for replies (`replyTo`). It is for documents whose parameters
    /// are pairs such as `BTC/USD`, or e-mail addresses, and concerns all clones of the provider.
    ///
    /// Unless this is said a value is 1 to 64 letters, digits, `-` and `_` (all of ASCII), and an address
    /// for replies at most 255 of them with single dots in between and no `_` in front; what is not is
    /// refused with [`Fault::INVALID_ADDRESS`], and in a URL's query with status 400. So it is no
    /// wildcard, no path and no command to whatever an address is handed on to. Values that the document
    /// lists (`enum`, `default`) are taken in any case.
    ///
    /// When it is said both are 1 to 255 bytes without control characters, those for the direction of
    /// text among them. What goes to the [bus](crate::bus) is percent-encoded then as otherwise; a handler
    /// that makes paths, queries or topics of its own from parameters has to look at them itself.
    ///
    /// ```
    /// # fn market(provider: specwire::Provider) -> specwire::Provider {
    /// // `prices/{pair}` with `BTC/USD`.
    /// provider.lenient_addresses()
    /// # }
    /// ```
    #[must_use]
    pub fn lenient_addresses(self) -> Self {
        self.home.take_any_text();
        self
    }

    /// Has the topics of an interaction keep a history, so that subscribers who come back, or come
    /// late, can have what they missed: see `docs/protocol.md`, Recovery. None is kept by default, and
    /// none that is set when the provider, or a clone of it, has been served or called already.
    ///
    /// ```
    /// # use specwire::{Payload, Parameters, Provider, Topic, bus::History};
    /// # fn keep<P: Payload, A: Parameters>(provider: Provider, topic: Topic<P, A>) -> Provider {
    /// // `topic` is `chat::topics::ROOM`, say.
    /// provider.history(topic, History { messages: 1000, ..History::default() })
    /// # }
    /// ```
    #[must_use]
    pub fn history<P: Payload, A: Parameters>(
        mut self,
        topic: Topic<P, A>,
        history: History,
    ) -> Self {
        self.histories.insert(place(topic.interaction()), history);
        self
    }

    pub(crate) fn histories(&self) -> &Histories {
        &self.histories
    }

    /// The bus that the handlers use already, since the provider has been served or called.
    pub(crate) fn settled(&self) -> Option<&Bus> {
        self.home.settled()
    }

    /// Has the handlers use this bus, unless they use one already.
    pub(crate) fn settle(&self, bus: Bus) {
        self.home.settle(bus);
    }

    pub(crate) fn template(&self) -> &Template {
        &self.framing
    }

    /// The document's name, as in `/ws/heartbeat`.
    #[must_use]
    pub fn document(&self) -> &'static str {
        self.document
    }

    /// The channels that a client can start an interaction on, in document order.
    ///
    /// ```
    /// # fn list(provider: &specwire::Provider) {
    /// for channel in provider.channels() {
    ///     println!("/ws/{}/{channel}", provider.document());
    /// }
    /// # }
    /// ```
    pub fn channels(&self) -> impl Iterator<Item = &'static str> + '_ {
        let mut seen = std::collections::HashSet::new();
        self.handlers
            .iter()
            .map(|handler| handler.interaction().start_channel())
            .filter(move |channel| seen.insert(*channel))
    }

    pub(crate) fn handlers(&self) -> &[Arc<dyn Handler>] {
        &self.handlers
    }

    /// The tasks of the pub/sub handlers, which outlive the connection that started them.
    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider")
            .field("document", &self.document)
            .field("channels", &self.channels().collect::<Vec<_>>())
            .finish()
    }
}

/// One interaction of a provider, whatever its types.
pub(crate) trait Handler: Send + Sync {
    fn interaction(&self) -> &Interaction;

    /// The message that starts it; none where opening the channel does.
    fn starter(&self) -> &'static MessageSpec;

    /// The name of the message that tells it from others on its channel: the one that starts it, or
    /// else the one that it sends.
    fn message(&self) -> &'static str;

    /// What its handler publishes through.
    fn bus(&self) -> &Bus;

    /// How it is started.
    fn op(&self) -> Op;

    /// Something follows that needs an id to belong to.
    fn is_answered(&self) -> bool;

    /// The address whose parameters belong to the starting message.
    fn address(&self) -> Address;

    /// What it takes from peers as parts of addresses.
    fn names(&self) -> Names;

    /// Checks the starting message, apart from the parameters.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    fn check(&self, parts: Parts<'_>) -> Result<(), Fault>;

    /// Reads the starting message.
    ///
    /// # Errors
    ///
    /// [`Fault::INVALID_MESSAGE`], saying which member is wrong and how; [`Fault::INVALID_ADDRESS`] if
    /// nothing is wrong but what an address is made of.
    fn read(self: Arc<Self>, parts: Parts<'_>, asker: Asker<'_>) -> Result<Prepared, Fault>;
}

/// Whose message it is, and where its answers go.
#[derive(Clone, Copy)]
pub(crate) struct Asker<'a> {
    pub(crate) peer: &'a Arc<Peer>,
    pub(crate) outbox: &'a Outbox,
    /// The number that the peer gave the message.
    pub(crate) id: Id,
}

/// An exchange whose starting message has been read. Nothing of it has begun yet.
pub(crate) struct Prepared {
    pub(crate) origin: Origin,
    pub(crate) going_on: GoingOn,
    pub(crate) work: Work,
}

impl Asker<'_> {
    /// Prepares an exchange with the handler.
    pub(crate) fn prepare<H: Handler + ?Sized>(
        &self,
        handler: Arc<H>,
        parts: Parts<'_>,
        work: impl FnOnce(Arc<H>, Arc<Context>, Replies) -> Work,
    ) -> Prepared {
        let correlation = correlation(handler.starter(), parts);
        let origin = Origin {
            id: self.id,
            correlation,
        };
        let replies = Replies {
            outbox: self.outbox.clone(),
            origin: origin.clone(),
            lane: (handler.op() == Op::Subscribe).then(|| Lane::new(origin.clone())),
        };
        let document = handler.interaction().document();
        let context = Context::new(Arc::clone(self.peer), document, handler.bus());
        let context = Arc::new(context);
        Prepared {
            origin,
            going_on: GoingOn::new(&context),
            work: work(handler, context, replies),
        }
    }
}

/// The work of a handler. Dropping it cancels the handler.
pub(crate) type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What a started exchange is.
pub(crate) enum Work {
    /// Runs until it has answered. Dropping it cancels the handler.
    Task(Running),
    /// Lasts until it is dropped, or has ended. Acknowledges by itself.
    Membership(Box<dyn FnOnce(Option<Since>) -> Membership + Send>),
}

/// Reads one half of a message that came from a peer, and checks it.
pub(crate) fn parse<T: serde::de::DeserializeOwned + Validate>(
    text: &str,
    half: &str,
    message: &str,
) -> Result<T, Fault> {
    let invalid = |what: &dyn fmt::Display| {
        let text = format!("the {half} of `{message}`: {what}");
        Fault::new(Fault::INVALID_MESSAGE, text)
    };
    let value: T =
        strict::from_str(text).map_err(|error| invalid(&strict::explain(&error, text)))?;
    value.validate().map_err(|violation| invalid(&violation))?;
    Ok(value)
}

/// The same of text that is no JSON, and is read as a string.
pub(crate) fn parse_text<T: serde::de::DeserializeOwned + Validate>(
    text: &str,
    half: &str,
    message: &str,
) -> Result<T, Fault> {
    let string: BorrowedStrDeserializer<'_, serde::de::value::Error> =
        BorrowedStrDeserializer::new(text);
    if let Ok(value) = strict::deserialize::<T, _>(string)
        && value.validate().is_ok()
    {
        return Ok(value);
    }
    // What is wrong is said as of any other message.
    let mut string = String::new();
    json::push_string(&mut string, text);
    parse(&string, half, message)
}

/// What replies repeat of a message, if it has a value.
pub(crate) fn correlation(spec: &MessageSpec, parts: Parts<'_>) -> Option<Arc<Correlation>> {
    let place = spec.correlation()?;
    let half = match place {
        Place::Header(_) => parts.headers,
        Place::Member(_) => parts.payload,
    };
    let name = place.name();
    let value = json::member(half?.get(), name)?.to_owned();
    (value.get() != "null").then(|| Arc::new(Correlation { name, value }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{At, Violation};

    #[derive(Debug, serde::Deserialize)]
    struct Order {
        price: i64,
    }

    impl Validate for Order {
        fn check(&self, at: &At<'_>) -> Result<(), Violation> {
            specwire_rules::minimum(&at.member("price"), self.price, 1)
        }
    }

    #[test]
    fn what_is_read_is_checked() {
        let read = |text| parse::<Vec<Order>>(text, "payload", "orders");
        assert_eq!(read(r#"[{"price":1}]"#).unwrap().len(), 1);
        let fault = read(r#"[{"price":1},{"price":0}]"#).unwrap_err();
        assert_eq!(fault.code(), Fault::INVALID_MESSAGE);
        assert_eq!(
            fault.message(),
            "the payload of `orders`: /1/price: found 0, expected at least 1 (minimum)"
        );
    }
}

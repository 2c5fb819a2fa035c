//! What a handler is given: a message and who sent it, and the means to answer more than once.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::fault::Fault;
use crate::frame::Body;
use crate::opening::{self, Opening};
use crate::parameters::Parameters;
use crate::payload::{IntoMessage, Message, NoError, Payload};
use crate::peer::{Context, Peer};
use crate::reply::{Encoded, Replies, Stage};
use crate::topics::{Bus, TopicAt};

/// A message from a peer, and which peer sent it.
///
/// The payload's members are at hand directly; the headers and the connection are beside them.
///
/// ```
/// # use specwire::{Payload, Request};
/// # fn handler<P: Payload>(request: Request<P>) {
/// let (connection, headers) = (request.connection(), request.headers());
/// println!("{connection} sent {:?} with {headers:?}", request.payload());
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Request<P: Payload, A: Parameters = ()> {
    message: Message<P>,
    parameters: A,
    context: Arc<Context>,
}

impl<P: Payload, A: Parameters> Request<P, A> {
    pub(crate) fn new(message: Message<P>, parameters: A, context: Arc<Context>) -> Self {
        Self {
            message,
            parameters,
            context,
        }
    }

    /// The parameters of the channel's address, where it has any.
    #[must_use]
    pub fn parameters(&self) -> &A {
        &self.parameters
    }

    /// What the message says.
    #[must_use]
    pub fn payload(&self) -> &P {
        &self.message.payload
    }

    /// What the message says about itself. A reply address among them is the peer's own word:
    /// replies go to the connection that sent the message, whatever it says.
    #[must_use]
    pub fn headers(&self) -> &P::Headers {
        &self.message.headers
    }

    /// What the message says, without the rest.
    #[must_use]
    pub fn into_payload(self) -> P {
        self.message.payload
    }

    /// The message itself.
    #[must_use]
    pub fn into_message(self) -> Message<P> {
        self.message
    }

    /// The connection that the message came over: a random identifier that the server gave it.
    #[must_use]
    pub fn connection(&self) -> Uuid {
        self.context.peer.connection
    }

    /// The address of the connection's other end; `None` for a call within the process, and where
    /// the program that a server is [mounted](crate::Mount) in does not say.
    #[must_use]
    pub fn peer_address(&self) -> Option<SocketAddr> {
        self.context.peer.address
    }

    /// The server's bus, for publishing to whoever is subscribed, on topics of any document.
    ///
    /// ```
    /// # use specwire::{Payload, Request, Topic, bus::BusError};
    /// # fn tell<M: Payload, P: Payload>(
    /// #     request: &Request<M>, alarm: P, topic: Topic<P>,
    /// # ) -> Result<(), BusError> where P::Headers: Default {
    /// request.bus().publish(topic, alarm)?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn bus(&self) -> &Bus {
        &self.context.bus
    }

    /// Ends the subscriptions that this connection has on a topic, and returns how many there were:
    /// for protocols in which a message asks for it. Each subscription is told that it has ended.
    ///
    /// ```
    /// # use specwire::{Fault, Parameters, Payload, Request, Topic};
    /// # async fn unsubscribe<M: Payload, P: Payload, A: Parameters>(
    /// #     request: Request<M, A>, topic: Topic<P, A>,
    /// # ) -> Result<(), Fault> {
    /// // `topic` is `news::topics::TOPIC`, say.
    /// if request.unsubscribe(topic.at(request.parameters())) == 0 {
    ///     return Err(Fault::new("not_subscribed", "there is no such subscription"));
    /// }
    /// # Ok(()) }
    /// ```
    pub fn unsubscribe<Q: Payload>(&self, topic: impl Into<TopicAt<Q>>) -> usize {
        let topic = topic.into();
        match topic.name() {
            Ok(name) => self
                .context
                .peer
                .end_subscriptions(name, topic.interaction()),
            // What is no topic has no subscribers.
            Err(_) => 0,
        }
    }

    pub(crate) fn peer(&self) -> &Arc<Peer> {
        &self.context.peer
    }

    /// The document that the message was sent to a channel of, as in `/ws/heartbeat`.
    #[must_use]
    pub fn document(&self) -> &'static str {
        self.context.document
    }

    /// The path of the URL that the connection was opened at, as it was sent, such as
    /// `/ws/heartbeat`; empty for a call within the process.
    #[must_use]
    pub fn path(&self) -> &str {
        self.context.peer.head.path()
    }

    /// A value in the query of the URL that the connection was opened at, decoded: the first of this
    /// name. Names and values that are not UTF-8 are left out.
    ///
    /// ```
    /// # use specwire::{Fault, Payload, Request};
    /// # fn handler<P: Payload>(request: Request<P>) -> Result<(), Fault> {
    /// if request.query("token").as_deref() != Some("let me in") {
    ///     return Err(Fault::new("unauthorized", "there is no such token"));
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        self.context.peer.head.query(name)
    }

    /// A header of the HTTP request that opened the connection: the first of this name, in whatever
    /// case. Values that are not UTF-8 are left out, and those that only the handshake itself is
    /// about, such as `Upgrade` and `Sec-WebSocket-Key`.
    ///
    /// What a document's WebSocket binding declares is found here and in [`query`](Self::query).
    /// These are not the message's headers, which are [`headers`](Self::headers).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.context.peer.head.header(name)
    }

    /// The query of the URL that the connection was opened at, as the type that is generated of what
    /// the document's WebSocket binding declares of it.
    ///
    /// # Errors
    ///
    /// [`Fault::INVALID_MESSAGE`] where the query is not what the document says.
    ///
    /// ```
    /// # use specwire::{Fault, Opening, Payload, Request};
    /// # fn handler<P: Payload, MarketDataQuery: Opening>(request: Request<P>) -> Result<(), Fault> {
    /// let query: MarketDataQuery = request.query_as()?;
    /// # Ok(()) }
    /// ```
    pub fn query_as<Q: Opening>(&self) -> Result<Q, Fault> {
        opening::read("query", |name| self.query(name))
    }

    /// The headers of the HTTP request that opened the connection, as the type that is generated of
    /// what the document's WebSocket binding declares of them. For [`header`](Self::header)'s values.
    ///
    /// # Errors
    ///
    /// [`Fault::INVALID_MESSAGE`] where they are not what the document says.
    pub fn headers_as<H: Opening>(&self) -> Result<H, Fault> {
        opening::read("headers", |name| self.header(name).map(str::to_owned))
    }

    /// The subprotocol that the connection speaks, such as `specwire.v1.json`; `None` if the client
    /// asked for none, and for a call within the process.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.context.peer.head.subprotocol()
    }

    /// How long the peer took to answer the latest ping (RFC 6455, 5.5.2), there and back; `None` before
    /// the first answer, and for a call within the process.
    #[must_use]
    pub fn latency(&self) -> Option<Duration> {
        self.context.peer.latency()
    }

    /// Resolves when nobody waits for this exchange any more: it has been answered or has ended, the
    /// client has given it up, the connection is gone, or the server is stopping.
    ///
    /// A handler is dropped at the first three of these anyway, and when the server stops it has
    /// until the [grace](crate::Server::grace) to answer. So this is for handlers that would rather
    /// answer early then, and for what a handler has spawned.
    ///
    /// ```
    /// # use specwire::{Payload, Request};
    /// # async fn measure() {}
    /// # async fn handler<P: Payload>(request: Request<P>) {
    /// let cancelled = request.cancelled();
    /// tokio::spawn(async {
    ///     tokio::select! {
    ///         () = cancelled => {}
    ///         () = measure() => {}
    ///     }
    /// });
    /// # }
    /// ```
    pub fn cancelled(&self) -> impl Future<Output = ()> + Send + use<P, A> {
        self.context.cancellation().cancelled_owned()
    }

    /// Nobody waits for the exchange any more.
    pub(crate) fn ends(&self) {
        self.context.end();
    }

    /// [`cancelled`](Self::cancelled) has resolved: for work that awaits nothing.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.context.is_cancelled()
    }
}

impl<P: Payload, A: Parameters> Deref for Request<P, A> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.message.payload
    }
}

/// Sends the updates of a progress interaction, before its response. `E` is the error message that
/// the document declares for the interaction.
///
/// ```
/// # use specwire::{Fault, Payload, Updates};
/// # async fn handler<U: Payload>(updates: Updates<U>, found: Vec<U>) -> Result<(), Fault>
/// # where U::Headers: Default {
/// for update in found {
///     updates.send(update).await?;
/// }
/// # Ok(()) }
/// ```
pub struct Updates<U: Payload, E: Payload = NoError> {
    channel: &'static str,
    replies: Replies,
    stage: Arc<Stage>,
    types: PhantomData<fn(U) -> E>,
}

impl<U: Payload, E: Payload> Updates<U, E> {
    pub(crate) fn new(channel: &'static str, replies: Replies, stage: Arc<Stage>) -> Self {
        Self {
            channel,
            replies,
            stage,
            types: PhantomData,
        }
    }

    /// Sends one update, waiting until the peer's queue has room for it.
    ///
    /// # Errors
    ///
    /// [`Fault::UNAVAILABLE`] when the peer is gone, upon which the handler is dropped as well,
    /// [`Fault::INTERNAL`] for an update that JSON cannot carry, and [`Fault::OUT_OF_TURN`] once the
    /// handler has returned or was dropped: no update follows the response, or the end.
    pub async fn send(&self, update: impl IntoMessage<Payload = U>) -> Result<(), Fault<E>> {
        let update = Encoded::new(self.channel, &update.into_message()).map_err(Fault::widen)?;
        let body = Body::Message(update.for_peer(&self.replies));
        self.replies.send_in_turn(body, &self.stage).await
    }
}

impl<U: Payload, E: Payload> fmt::Debug for Updates<U, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Updates")
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}

/// Sends the acknowledgement of an invoke interaction, before its response. `E` is the error message
/// that the document declares for the interaction.
///
/// A handler that answers without having used it acknowledges by that.
///
/// ```
/// # use specwire::{Ack, Fault, Payload};
/// # async fn handler<A: Payload>(ack: Ack<A>, accepted: A) -> Result<(), Fault>
/// # where A::Headers: Default {
/// ack.send(accepted).await?;
/// // What takes its time comes now, and then the response.
/// # Ok(()) }
/// ```
pub struct Ack<A: Payload, E: Payload = NoError> {
    channel: &'static str,
    replies: Replies,
    stage: Arc<Stage>,
    types: PhantomData<fn(A) -> E>,
}

impl<A: Payload, E: Payload> Ack<A, E> {
    pub(crate) fn new(channel: &'static str, replies: Replies, stage: Arc<Stage>) -> Self {
        Self {
            channel,
            replies,
            stage,
            types: PhantomData,
        }
    }

    /// Acknowledges the message, waiting until the peer's queue has room for it.
    ///
    /// # Errors
    ///
    /// [`Fault::UNAVAILABLE`] when the peer is gone, upon which the handler is dropped as well,
    /// [`Fault::INTERNAL`] for an acknowledgement that JSON cannot carry, and [`Fault::OUT_OF_TURN`]
    /// once the handler has returned or was dropped.
    pub async fn send(self, ack: impl IntoMessage<Payload = A>) -> Result<(), Fault<E>> {
        let content = if A::SPEC.is_none() {
            None
        } else {
            let ack = Encoded::new(self.channel, &ack.into_message()).map_err(Fault::widen)?;
            Some(ack.for_peer(&self.replies))
        };
        let body = Body::Ack(content);
        self.replies.send_in_turn(body, &self.stage).await
    }
}

impl<A: Payload, E: Payload> fmt::Debug for Ack<A, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ack")
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}

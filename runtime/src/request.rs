//! What a handler is given: a message and who sent it, and the means to answer more than once.

use std::fmt;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use uuid::Uuid;

use crate::fault::Fault;
use crate::frame::Body;
use crate::parameters::Parameters;
use crate::payload::{IntoMessage, Message, NoError, Payload};
use crate::reply::{Encoded, Replies};

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
    peer: Arc<Peer>,
}

/// One connection, as its handlers see it.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) connection: Uuid,
    pub(crate) address: Option<SocketAddr>,
}

impl Peer {
    pub(crate) fn new(address: Option<SocketAddr>) -> Self {
        Self {
            connection: Uuid::new_v4(),
            address,
        }
    }
}

impl<P: Payload, A: Parameters> Request<P, A> {
    pub(crate) fn new(message: Message<P>, parameters: A, peer: Arc<Peer>) -> Self {
        Self {
            message,
            parameters,
            peer,
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
        self.peer.connection
    }

    /// The address of the connection's other end; `None` for a call within the process.
    #[must_use]
    pub fn peer_address(&self) -> Option<SocketAddr> {
        self.peer.address
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
    types: PhantomData<fn(U) -> E>,
}

impl<U: Payload, E: Payload> Updates<U, E> {
    pub(crate) fn new(channel: &'static str, replies: Replies) -> Self {
        Self {
            channel,
            replies,
            types: PhantomData,
        }
    }

    /// Sends one update, waiting until the peer's queue has room for it.
    ///
    /// # Errors
    ///
    /// [`Fault::UNAVAILABLE`] when the peer is gone, upon which the handler is dropped as well, and
    /// [`Fault::INTERNAL`] for an update that JSON cannot carry.
    pub async fn send(&self, update: impl IntoMessage<Payload = U>) -> Result<(), Fault<E>> {
        let update = Encoded::new(self.channel, &update.into_message()).map_err(Fault::widen)?;
        let body = Body::Message(update.for_peer(&self.replies));
        self.replies.send(body).await.map_err(|_| peer_is_gone())
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
    sent: Arc<std::sync::atomic::AtomicBool>,
    types: PhantomData<fn(A) -> E>,
}

impl<A: Payload, E: Payload> Ack<A, E> {
    pub(crate) fn new(channel: &'static str, replies: Replies) -> Self {
        Self {
            channel,
            replies,
            sent: Arc::default(),
            types: PhantomData,
        }
    }

    /// Tells, after this was handed to a handler, whether it acknowledged.
    pub(crate) fn sent(&self) -> Arc<std::sync::atomic::AtomicBool> {
        Arc::clone(&self.sent)
    }

    /// Acknowledges the message, waiting until the peer's queue has room for it.
    ///
    /// # Errors
    ///
    /// [`Fault::UNAVAILABLE`] when the peer is gone, upon which the handler is dropped as well, and
    /// [`Fault::INTERNAL`] for an acknowledgement that JSON cannot carry.
    pub async fn send(self, ack: impl IntoMessage<Payload = A>) -> Result<(), Fault<E>> {
        let content = if A::SPEC.is_none() {
            None
        } else {
            let ack = Encoded::new(self.channel, &ack.into_message()).map_err(Fault::widen)?;
            Some(ack.for_peer(&self.replies))
        };
        self.sent.store(true, std::sync::atomic::Ordering::Release);
        self.replies
            .send(Body::Ack(content))
            .await
            .map_err(|_| peer_is_gone())
    }
}

impl<A: Payload, E: Payload> fmt::Debug for Ack<A, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ack")
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}

fn peer_is_gone<E: Payload>() -> Fault<E> {
    Fault::new(Fault::UNAVAILABLE, "the peer is gone")
}

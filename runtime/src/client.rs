//! Calls a service: over a WebSocket, or within the process.

mod connect;
mod driver;
mod exchange;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use self::driver::{Calls, Driver, Memory, Remote};
use self::exchange::Exchange;
pub use self::exchange::{Invocation, Progress, Subscription};
use crate::error::Error;
use crate::fault::Fault;
use crate::frame::{Halves, Op, Open};
use crate::interaction::Interaction;
use crate::limits::Limits;
use crate::parameters::{self, Parameters};
use crate::payload::{Message, Payload};
use crate::provider::Provider;
use crate::response::Response;
use crate::strict;

/// For the TCP connection and the handshake together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection to a server, which speaks the subprotocol `specwire.v1.json`.
///
/// Generated clients are typed faces of this. Clones share the connection, and any number of calls
/// may be under way on it at once. It is closed (1000) when the last clone and the last
/// [`Subscription`], [`Progress`] and [`Invocation`] are dropped.
///
/// A call whose future is dropped is given up, and the server is told so.
#[derive(Clone)]
pub struct Client {
    calls: Arc<Calls>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// Connects to a server, such as `ws://127.0.0.1:8080/ws`.
    ///
    /// ```no_run
    /// # async fn connect() -> specwire::Result<()> {
    /// let client = specwire::Client::connect("ws://127.0.0.1:8080/ws").await?;
    /// // One connection serves the clients of several documents: `heartbeat::Client::new(client)`.
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Url`], [`Error::Connect`], [`Error::Refused`], or, after 10 s,
    /// [`Error::ConnectTimeout`]. A connection that is lost later fails every call and stream on it
    /// with [`Fault::UNAVAILABLE`].
    pub async fn connect(url: &str) -> Result<Self, Error> {
        let limits = limits();
        let (socket, welcome) = connect::connect(url, &limits, CONNECT_TIMEOUT).await?;
        let remote = Remote::new(socket, &limits);
        Ok(Self::drive(remote, welcome.message_size))
    }

    /// Calls `provider` within this process, with no socket: for tests.
    ///
    /// Messages are written and read as over a socket. Must be called within a tokio runtime.
    ///
    /// ```
    /// # use specwire::{Client, Provider};
    /// # fn two_clients(provider: Provider) -> (Client, Client) {
    /// (Client::in_memory(provider.clone()), Client::in_memory(provider))
    /// # }
    /// ```
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a client is all that a test keeps"
    )]
    pub fn in_memory(provider: Provider) -> Self {
        Self::drive(Memory::new(&provider, &Limits::default()), usize::MAX)
    }

    fn drive(link: impl driver::Link, message_size: usize) -> Self {
        let (calls, driver) = Driver::new(link, message_size);
        tokio::spawn(driver.run());
        Self { calls }
    }

    /// Sends one message, with no answer. It has then been handed to the connection, and no more
    /// is known of it.
    #[doc(hidden)]
    pub async fn send<M: Payload>(
        &self,
        call: impl Into<Call>,
        message: Message<M>,
    ) -> Result<(), Fault> {
        let open = open(call.into(), Op::Message, &message)?;
        self.calls.send(open).await
    }

    /// Sends a message and waits for the acknowledgement.
    #[doc(hidden)]
    pub async fn submit<M: Payload, E: Payload>(
        &self,
        call: impl Into<Call>,
        message: Message<M>,
    ) -> Result<(), Fault<E>> {
        let mut exchange = self
            .start(call.into(), Op::Message, &message)
            .await
            .map_err(Fault::widen)?;
        exchange.acknowledged().await?;
        exchange.has_been_answered();
        Ok(())
    }

    /// Sends a message and waits for the response.
    #[doc(hidden)]
    pub async fn request<M: Payload, R: Response, E: Payload>(
        &self,
        call: impl Into<Call>,
        message: Message<M>,
    ) -> Result<R, Fault<E>> {
        let mut exchange = self
            .start(call.into(), Op::Message, &message)
            .await
            .map_err(Fault::widen)?;
        exchange.response().await
    }

    /// Sends a message and waits for the acknowledgement; the response comes later.
    #[doc(hidden)]
    pub async fn invoke<M: Payload, A: Payload, R: Payload, E: Payload>(
        &self,
        call: impl Into<Call>,
        message: Message<M>,
    ) -> Result<Invocation<A, R, E>, Fault<E>> {
        let exchange = self
            .start(call.into(), Op::Message, &message)
            .await
            .map_err(Fault::widen)?;
        Invocation::acknowledged(exchange).await
    }

    /// Sends a message and waits for the acknowledgement; updates and the response come later.
    #[doc(hidden)]
    pub async fn progress<M: Payload, U: Payload, R: Payload, E: Payload>(
        &self,
        call: impl Into<Call>,
        message: Message<M>,
    ) -> Result<Progress<U, R, E>, Fault<E>> {
        let mut exchange = self
            .start(call.into(), Op::Subscribe, &message)
            .await
            .map_err(Fault::widen)?;
        exchange.acknowledged().await?;
        Ok(Progress::new(exchange))
    }

    /// Subscribes and waits for the acknowledgement; publications come later.
    #[doc(hidden)]
    pub async fn subscribe<S: Payload, P: Payload, E: Payload>(
        &self,
        call: impl Into<Call>,
        message: Message<S>,
    ) -> Result<Subscription<P, E>, Fault<E>> {
        let mut open = open(call.into(), Op::Subscribe, &message).map_err(Fault::widen)?;
        // Where nothing is sent to start it, the publication tells it from others on its channel.
        open.message
            .get_or_insert_with(|| Cow::Borrowed(P::SPEC.name()));
        let exchange = Exchange::start(&self.calls, open).await;
        let mut exchange = exchange.map_err(Fault::widen)?;
        exchange.acknowledged().await?;
        Ok(Subscription::new(exchange))
    }

    async fn start<M: Payload>(
        &self,
        call: Call,
        op: Op,
        message: &Message<M>,
    ) -> Result<Exchange, Fault> {
        let open = open(call, op, message)?;
        Exchange::start(&self.calls, open).await
    }
}

/// An interaction that is to be started, with the parameters of its channel's address.
#[derive(Clone, Debug)]
pub struct Call {
    interaction: Interaction,
    parameters: Option<Box<RawValue>>,
}

impl From<Interaction> for Call {
    fn from(interaction: Interaction) -> Self {
        Self {
            interaction,
            parameters: None,
        }
    }
}

impl Interaction {
    /// On the channel that has these parameters in its address.
    #[must_use]
    pub fn at<A: Parameters>(self, parameters: &A) -> Call {
        Call {
            interaction: self,
            parameters: parameters::raw(parameters),
        }
    }
}

/// A server may send larger messages than it takes: all that its queue holds.
fn limits() -> Limits {
    let limits = Limits::default();
    let size = limits.queue_bytes.saturating_add(limits.message_size);
    Limits {
        frame_size: size,
        message_size: size,
        ..limits
    }
}

fn open<M: Payload>(call: Call, op: Op, message: &Message<M>) -> Result<Open<'static>, Fault> {
    let interaction = call.interaction;
    let is_none = M::SPEC.is_none();
    let headers = raw(&message.headers)?;
    let payload = if is_none {
        None
    } else {
        Some(raw(&message.payload)?)
    };
    let channel = format!("{}/{}", interaction.document(), interaction.start_channel());
    let halves = Halves::Apart {
        headers: (headers.get() != "{}").then_some(Cow::Owned(headers)),
        payload: payload.map(Cow::Owned),
    };
    Ok(Open {
        op: Some(op),
        channel: Some(Cow::Owned(channel)),
        message: (!is_none).then(|| Cow::Borrowed(M::SPEC.name())),
        parameters: call.parameters.map(Cow::Owned),
        ..Open::new(halves)
    })
}

fn raw(value: &(impl Serialize + DeserializeOwned)) -> Result<Box<RawValue>, Fault> {
    strict::to_raw(value).map_err(|error| {
        let message = format!("the message is not what the document says: {error}");
        Fault::new(Fault::INVALID_MESSAGE, message)
    })
}

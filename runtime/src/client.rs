//! Calls a service: over a WebSocket, or within the process.

mod bare;
mod builder;
mod codec;
mod connect;
mod driver;
mod exchange;
mod link;
mod reconnect;
mod state;
mod supervisor;
#[cfg_attr(not(feature = "tls"), path = "client/tls/absent.rs")]
mod tls;

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

pub use self::builder::ClientBuilder;
pub use self::driver::InFlight;
use self::driver::{Calls, Driver, Kind, Policy, lock};
use self::exchange::Exchange;
pub use self::exchange::{Invocation, Progress, Publication, Subscription};
use self::link::Memory;
pub use self::reconnect::Reconnect;
pub use self::state::{Disconnect, Latency, State, States};
use crate::error::Error;
use crate::fault::Fault;
use crate::frame::{Expected, Halves, Op, Open, Part, Since};
use crate::framing::envelope::Welcome;
use crate::interaction::Interaction;
use crate::limits::Limits;
use crate::names::Names;
use crate::parameters::{self, Parameters};
use crate::payload::{Address, Message, Payload};
use crate::provider::Provider;
use crate::response::Response;
use crate::strict;

/// A connection to a server, which speaks the envelope in JSON (`specwire.v1.json`) unless the
/// [builder](Client::builder) is told otherwise.
///
/// Generated clients are typed faces of this. Clones share the connection, and any number of calls
/// may be under way on it at once. It is closed (1000) when the last clone and the last
/// [`Subscription`], [`Progress`] and [`Invocation`] are dropped.
///
/// A connection that is lost is made again, with exponential back-off ([`Reconnect`]), unless the
/// server says not to come back. Subscriptions are made again with it; requests that are under way
/// fail with [`Fault::UNAVAILABLE`], unless they are to be repeated ([`InFlight`]); calls that are
/// made meanwhile wait. [`states`](Self::states) tells of every change.
///
/// A call whose future is dropped is given up, and the server is told so where the framing has a word
/// for it. One that is not answered
/// in time ([`with_timeout`](Self::with_timeout)) is given up too, with [`Fault::TIMEOUT`].
#[derive(Clone)]
pub struct Client {
    calls: Arc<Calls>,
    request_timeout: Option<Duration>,
    since: Option<Since>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Connects to a server, such as `ws://127.0.0.1:8080/ws`, with the defaults of
    /// [`builder`](Self::builder).
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
    /// [`Error::ConnectTimeout`].
    pub async fn connect(url: &str) -> Result<Self, Error> {
        Self::builder(url).connect().await
    }

    /// Settings for a client of the server at `url`, and then `connect`.
    pub fn builder(url: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(url)
    }

    /// Calls `provider` within this process, with no socket: for tests.
    ///
    /// Messages are written and read as over a socket. Must be called within a tokio runtime. Calls
    /// take as long as they take, unless [`with_timeout`](Self::with_timeout) says otherwise.
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
        let link = Memory::new(&provider, &Limits::default());
        let (calls, mut driver) = Driver::new(Policy {
            in_flight: InFlight::Fail,
            waiting_calls: 0,
            idle_timeout: None,
        });
        let welcome = Welcome {
            connection: link.connection,
            message_size: usize::MAX,
        };
        driver.connected(&welcome, 1);
        tokio::spawn(async move {
            let reason = driver.serve(link).await;
            driver.end(reason.and_no_more());
        });
        Self {
            calls,
            request_timeout: None,
            since: None,
        }
    }

    /// The same client with another time for the first answer to a call, be it a response or an
    /// acknowledgement; what comes after an acknowledgement may take as long as it likes. The time
    /// in which a call waits for a connection counts.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # fn hurried(client: specwire::Client) -> specwire::Client {
    /// client.with_timeout(Duration::from_millis(200))
    /// # }
    /// ```
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self {
            request_timeout: Some(timeout),
            ..self.clone()
        }
    }

    /// The same client, whose subscriptions begin with what the topic has kept: the last
    /// publications, or those after a [position](Subscription::position). Where nothing is kept they
    /// begin with the next, and if a position was given, with a [gap](Publication::Gap).
    ///
    /// ```
    /// # use specwire::{Client, Since};
    /// # fn late(client: Client) -> Client {
    /// client.with_since(Since::Last(1))
    /// # }
    /// ```
    #[must_use]
    pub fn with_since(&self, since: Since) -> Self {
        Self {
            since: Some(since),
            ..self.clone()
        }
    }

    /// What the connection is doing.
    #[must_use]
    pub fn state(&self) -> State {
        self.calls.shared().status.current()
    }

    /// What the connection is doing, and every change of it from now on.
    #[must_use]
    pub fn states(&self) -> States {
        self.calls.shared().status.changes()
    }

    /// How long a sign of life takes to the server and back, measured when connecting and with
    /// every ping; `None` before the first connection, and within the process.
    #[must_use]
    pub fn latency(&self) -> Option<Latency> {
        *lock(&self.calls.shared().latency)
    }

    /// Closes the connection (1000), and returns when that is done: a second later if the server does
    /// not answer, and 5 s more if it does not even take what is written to it.
    ///
    /// What has been sent before is still written. Calls and subscriptions under way, those of
    /// clones among them, end with [`Fault::UNAVAILABLE`], as do later ones.
    pub async fn close(&self) {
        self.calls.shared().close().await;
    }

    /// Sends one message, with no answer. It has then been handed to the connection, and no more
    /// is known of it.
    #[doc(hidden)]
    pub async fn send<M: Payload>(
        &self,
        call: impl Into<Call>,
        message: Message<M>,
    ) -> Result<(), Fault> {
        let open = open(call.into(), Op::Message, &message, Expected::of::<M>)?;
        self.in_time(async {
            let place = self.calls.place(&open).await?;
            place.send(driver::Call {
                open,
                answers: None,
            });
            Ok(())
        })
        .await
    }

    /// Sends a message and waits for the acknowledgement.
    #[doc(hidden)]
    pub async fn submit<M: Payload, E: Payload>(
        &self,
        call: impl Into<Call>,
        message: Message<M>,
    ) -> Result<(), Fault<E>> {
        let expected = || {
            let expected = Expected::of::<M>().acknowledged();
            expected.message::<E>(Part::Error)
        };
        self.in_time(async {
            let call = call.into();
            let mut exchange = self.start(call, Op::Message, &message, expected).await?;
            exchange.acknowledged().await?;
            exchange.has_been_answered();
            Ok(())
        })
        .await
    }

    /// Sends a message and waits for the response.
    #[doc(hidden)]
    pub async fn request<M: Payload, R: Response, E: Payload>(
        &self,
        call: impl Into<Call>,
        message: Message<M>,
    ) -> Result<R, Fault<E>> {
        let expected = || {
            let expected = Expected::of::<M>().response::<R>();
            expected.message::<E>(Part::Error)
        };
        self.in_time(async {
            let call = call.into();
            let mut exchange = self.start(call, Op::Message, &message, expected).await?;
            exchange.response().await
        })
        .await
    }

    /// Sends a message and waits for the acknowledgement; the response comes later.
    #[doc(hidden)]
    pub async fn invoke<M: Payload, A: Payload, R: Payload, E: Payload>(
        &self,
        call: impl Into<Call>,
        message: Message<M>,
    ) -> Result<Invocation<A, R, E>, Fault<E>> {
        let expected = || {
            let expected = Expected::of::<M>().acknowledged();
            let expected = expected.message::<A>(Part::Ack);
            let expected = expected.message::<R>(Part::Response);
            expected.message::<E>(Part::Error)
        };
        self.in_time(async {
            let call = call.into();
            let exchange = self.start(call, Op::Message, &message, expected).await?;
            Invocation::acknowledged(exchange).await
        })
        .await
    }

    /// Sends a message and waits for the acknowledgement; updates and the response come later.
    #[doc(hidden)]
    pub async fn progress<M: Payload, U: Payload, R: Payload, E: Payload>(
        &self,
        call: impl Into<Call>,
        message: Message<M>,
    ) -> Result<Progress<U, R, E>, Fault<E>> {
        let expected = || {
            let expected = Expected::of::<M>().acknowledged();
            let expected = expected.message::<U>(Part::Update);
            let expected = expected.message::<R>(Part::Response);
            expected.message::<E>(Part::Error)
        };
        self.in_time(async {
            let call = call.into();
            let mut exchange = self.start(call, Op::Subscribe, &message, expected).await?;
            exchange.acknowledged().await?;
            Ok(Progress::new(exchange))
        })
        .await
    }

    /// Subscribes and waits for the acknowledgement; publications come later.
    #[doc(hidden)]
    pub async fn subscribe<S: Payload, P: Payload, E: Payload>(
        &self,
        call: impl Into<Call>,
        message: Message<S>,
    ) -> Result<Subscription<P, E>, Fault<E>> {
        let expected = || {
            let expected = Expected::of::<S>().acknowledged();
            let expected = expected.message::<P>(Part::Publication);
            expected.message::<E>(Part::Error)
        };
        let open = open(call.into(), Op::Subscribe, &message, expected);
        let mut open = open.map_err(Fault::widen)?;
        // Where nothing is sent to start it, the publication tells it from others on its channel.
        open.message
            .get_or_insert_with(|| Cow::Borrowed(P::SPEC.name()));
        open.since = self.since.clone();
        self.in_time(async {
            let exchange = Exchange::start(&self.calls, open, Kind::Subscription).await;
            Subscription::begun(exchange.map_err(Fault::widen)?).await
        })
        .await
    }

    async fn start<M: Payload, E: Payload>(
        &self,
        call: Call,
        op: Op,
        message: &Message<M>,
        expected: fn() -> Expected,
    ) -> Result<Exchange, Fault<E>> {
        let open = open(call, op, message, expected).map_err(Fault::widen)?;
        let exchange = Exchange::start(&self.calls, open, Kind::Request).await;
        exchange.map_err(Fault::widen)
    }

    /// Gives up what is not answered in time: dropping it tells the server.
    async fn in_time<T, E: Payload>(
        &self,
        call: impl Future<Output = Result<T, Fault<E>>>,
    ) -> Result<T, Fault<E>> {
        let Some(limit) = self.request_timeout else {
            return call.await;
        };
        tokio::time::timeout(limit, call).await.unwrap_or_else(|_| {
            let message = format!("there was no answer within {limit:?}");
            Err(Fault::new(Fault::TIMEOUT, message))
        })
    }
}

/// An interaction that is to be started, with the parameters of its channel's address.
#[derive(Clone, Debug)]
pub struct Call {
    interaction: Interaction,
    parameters: Option<Box<RawValue>>,
    address: Address,
}

impl From<Interaction> for Call {
    fn from(interaction: Interaction) -> Self {
        Self {
            interaction,
            parameters: None,
            address: <() as Payload>::SPEC.parameters(),
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
            address: <A as Payload>::SPEC.parameters(),
        }
    }
}

fn open<M: Payload>(
    call: Call,
    op: Op,
    message: &Message<M>,
    expected: fn() -> Expected,
) -> Result<Open<'static>, Fault> {
    let interaction = call.interaction;
    let is_none = M::SPEC.is_none();
    let headers = raw(&message.headers)?;
    let payload = if is_none {
        None
    } else {
        Some(raw(&message.payload)?)
    };
    // What no service takes; of the rest it is for the service to say.
    if let Some(parameters) = &call.parameters {
        parameters::check_given(&call.address, parameters, Names::Text)?;
    }
    if let Some(place) = const { M::SPEC.replies_to() } {
        Names::Text.reply_address(place, Some(&headers), payload.as_deref())?;
    }
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
        expected: Some(expected),
        ..Open::new(halves)
    })
}

fn raw(value: &(impl Serialize + DeserializeOwned)) -> Result<Box<RawValue>, Fault> {
    strict::to_raw(value).map_err(|error| {
        let message = format!("the message is not what the document says: {error}");
        Fault::new(Fault::INVALID_MESSAGE, message)
    })
}

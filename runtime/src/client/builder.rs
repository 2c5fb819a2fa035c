//! How a client is to connect, and what it does when it cannot.

use std::fmt;
use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderName, HeaderValue};

use super::Client;
use super::codec::Speaks;
use super::connect::{self, Connector, Dialer, Handshake, Stream};
use super::driver::{Driver, InFlight, Policy};
use super::reconnect::Reconnect;
use super::supervisor;
use super::tls::Tls;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::opening::{self, Opening};

/// Headers of the opening handshake, at most.
const HEADERS: usize = 64;

/// Settings of a client: made by [`Client::builder`], and by the `builder` of generated clients,
/// which are then its `C`.
///
/// ```no_run
/// use std::time::Duration;
/// use specwire::{Client, InFlight, Reconnect};
///
/// # async fn connect(token: &str) -> specwire::Result<()> {
/// let client = Client::builder("ws://127.0.0.1:8080/ws")
///     .bearer_token(token)
///     .request_timeout(Duration::from_secs(5))
///     .reconnect(Reconnect { cap: Duration::from_secs(60), ..Reconnect::default() })
///     .in_flight(InFlight::Repeat)
///     .connect()
///     .await?;
/// # drop(client); Ok(()) }
/// ```
#[must_use = "it connects nowhere until it is told to"]
pub struct ClientBuilder<C = Client> {
    url: String,
    speaks: Speaks,
    query: Vec<(String, String)>,
    headers: Result<HeaderMap>,
    tls: Tls,
    connector: Connector,
    connect_timeout: Duration,
    request_timeout: Duration,
    limits: Limits,
    reconnect: Reconnect,
    policy: Policy,
    client: PhantomData<fn() -> C>,
}

impl<C: From<Client>> ClientBuilder<C> {
    /// A client of the server at `url`, such as `ws://127.0.0.1:8080/ws`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            speaks: Speaks::default(),
            query: Vec::new(),
            headers: Ok(HeaderMap::new()),
            tls: Tls::default(),
            connector: connect::tcp(),
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            limits: limits(),
            reconnect: Reconnect::default(),
            policy: Policy {
                in_flight: InFlight::default(),
                waiting_calls: 64,
                idle_timeout: None,
            },
            client: PhantomData,
        }
    }

    /// Connects.
    ///
    /// The first attempt is the only one: where it fails, that is told. From then on the client
    /// connects again by itself.
    ///
    /// # Errors
    ///
    /// [`Error::Url`], [`Error::Header`], [`Error::Connect`], [`Error::Refused`] or
    /// [`Error::ConnectTimeout`].
    pub async fn connect(self) -> Result<C> {
        let (client, driver, dialer, reconnect) = self.prepare()?;
        let (first, welcome) = dialer.dial().await.map_err(|failed| failed.error)?;
        driver.connected(&welcome, 1);
        let driven = supervisor::stay_connected(driver, dialer, reconnect, Some(first));
        tokio::spawn(driven);
        Ok(client.into())
    }

    /// Connects in the background, for as long as it takes: calls and subscriptions wait until then,
    /// each within its time.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`Error::Url`] or [`Error::Header`].
    pub fn connect_lazy(self) -> Result<C> {
        let (client, driver, dialer, reconnect) = self.prepare()?;
        tokio::spawn(supervisor::stay_connected(driver, dialer, reconnect, None));
        Ok(client.into())
    }

    fn prepare(self) -> Result<(Client, Driver, Dialer, Reconnect)> {
        let (calls, driver) = Driver::new(self.policy);
        let handshake = Handshake {
            url: &self.url,
            query: &self.query,
            headers: &self.headers?,
            speaks: self.speaks,
        };
        let dialer = Dialer::new(
            &handshake,
            self.tls,
            self.connector,
            self.connect_timeout,
            Arc::new(self.limits),
            Arc::clone(&driver.shared().latency),
        )?;
        let client = Client {
            calls,
            request_timeout: Some(self.request_timeout),
            since: None,
        };
        Ok((client, driver, dialer, self.reconnect))
    }
}

impl<C> ClientBuilder<C> {
    /// Speaks the envelope in CBOR (`specwire.v1.cbor`), and not in JSON.
    pub fn cbor(mut self) -> Self {
        self.speaks = Speaks::Cbor;
        self
    }

    /// Speaks raw frames, each of which is one message's payload: what any server understands that
    /// an AsyncAPI document describes, whatever it was made with. The URL is that of the channel.
    ///
    /// Frames do not say what they answer, so the client finds out: among the messages that may come
    /// for its calls and subscriptions, by their shapes, and as the schemas tell where shapes do not.
    /// An answer that repeats the document's correlation id is the answer to whoever gave that;
    /// otherwise the first call that waits for such a message gets it. A publication is for all
    /// subscriptions that it may be for. What nobody takes is logged at `debug`; up to 64 frames that
    /// come before the first call wait for the subscriptions that they are for.
    ///
    /// There are no acknowledgements but those that are messages of the document: a `submit` has
    /// succeeded when it is sent, and a subscription begins with its message being sent. Dropping a
    /// subscription or a call tells the server nothing. The parameters of an address are in the URL.
    ///
    /// ```no_run
    /// # async fn connect() -> specwire::Result<()> {
    /// let client = specwire::Client::builder("ws://127.0.0.1:9000/market/btcusd")
    ///     .raw()
    ///     .connect()
    ///     .await?;
    /// # drop(client); Ok(()) }
    /// ```
    pub fn raw(mut self) -> Self {
        self.speaks = Speaks::Raw;
        self
    }

    /// Speaks tagged frames, `Name:{…}`, to a server that may be any. In all else as
    /// [`raw`](Self::raw), but that a message is told by its name.
    pub fn tagged(mut self) -> Self {
        self.speaks = Speaks::Tagged;
        self
    }

    /// For the connection, the handshake and the first exchange together. Default 10 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// For the first answer to a call, be it a response or an acknowledgement: see
    /// [`Client::with_timeout`]. Default 30 s.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// How long a server that owes something, be it an answer or publications, may send nothing
    /// before the connection is made anew. For services that are known to send often: a proxy may
    /// keep a connection alive whose server has long gone. By default there is no such time.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.policy.idle_timeout = Some(timeout);
        self
    }

    /// Between two pings (RFC 6455, 5.5.2) to the server, which also measure the
    /// [latency](Client::latency). Default 25 s.
    pub fn ping_interval(mut self, interval: Duration) -> Self {
        // Servers close connections with too many.
        const LEAST: Duration = Duration::from_millis(100);
        self.limits.ping_interval = interval.max(LEAST);
        self
    }

    /// For the server to show a sign of life after a ping; then the connection is lost. Default 8 s.
    pub fn pong_timeout(mut self, timeout: Duration) -> Self {
        self.limits.pong_timeout = timeout;
        self
    }

    /// Sends a header with the opening handshake: for proxies and gateways. Those that make the
    /// handshake cannot be given; `Host` can, and is otherwise the URL's.
    ///
    /// What is wrong with one is told when connecting. Values never appear in `Debug` output.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers = self.headers.and_then(|headers| add(headers, name, value));
        self
    }

    /// Trusts the certificates in this text (PEM), besides those of the public authorities, where
    /// the URL is `wss://`. What is wrong with it is told when connecting.
    #[cfg(feature = "tls")]
    pub fn root_certificates(mut self, pem: &str) -> Self {
        self.tls = self.tls.trust(pem);
        self
    }

    /// Adds to the URL's query what the document's WebSocket binding declares of it. What is wrong
    /// with it is told when connecting; it never appears in `Debug` output.
    ///
    /// ```
    /// # use specwire::{Client, ClientBuilder, Opening};
    /// # fn connect(query: &impl Opening) -> ClientBuilder {
    /// // `query` is a `MarketDataQuery { heartbeat: Some(true), ..Default::default() }`, say.
    /// Client::builder("ws://127.0.0.1:8080/ws").query(query)
    /// # }
    /// ```
    pub fn query(mut self, query: &impl Opening) -> Self {
        match opening::texts(query) {
            Ok(members) => self.query.extend(members),
            Err(name) => {
                self.headers = self.headers.and(Err(Error::Url {
                    url: self.url.clone(),
                    reason: format!("the member `{name}` of its query is an object"),
                }));
            }
        }
        self
    }

    /// Sends headers that the document's WebSocket binding declares with the opening handshake, as
    /// [`header`](Self::header) does.
    pub fn headers(mut self, headers: &impl Opening) -> Self {
        match opening::texts(headers) {
            Ok(members) => members
                .iter()
                .fold(self, |this, (name, value)| this.header(name, value)),
            Err(name) => {
                let reason = "it is an object";
                self.headers = self.headers.and(Err(Error::Header { name, reason }));
                self
            }
        }
    }

    /// Sends `Authorization: Bearer …` (RFC 6750, 2.1) with the opening handshake. The token is
    /// never logged, and never in `Debug` output.
    pub fn bearer_token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// When to connect again. [`Reconnect::never`] for a client of one connection.
    pub fn reconnect(mut self, reconnect: Reconnect) -> Self {
        self.reconnect = reconnect;
        self
    }

    /// What becomes of requests that are under way when the connection is lost. They fail by default.
    pub fn in_flight(mut self, in_flight: InFlight) -> Self {
        self.policy.in_flight = in_flight;
        self
    }

    /// Calls that may wait for a connection while there is none, each within its time; more fail at
    /// once with [`Fault::UNAVAILABLE`](crate::Fault::UNAVAILABLE). Default 64.
    pub fn waiting_calls(mut self, calls: usize) -> Self {
        self.policy.waiting_calls = calls;
        self
    }

    /// Connects by something else than TCP to the URL's host and port, which it is given: through a
    /// proxy, TLS of one's own, a Unix socket, or within the process. Where the URL is `wss://`, TLS
    /// is spoken over it.
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # fn local() -> specwire::ClientBuilder {
    /// specwire::Client::builder("ws://localhost/ws")
    ///     .connector(|_host, _port| tokio::net::UnixStream::connect("/run/heartbeat.sock"))
    /// # }
    /// ```
    pub fn connector<F, S>(
        mut self,
        connect: impl Fn(String, u16) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        self.connector = Arc::new(move |host, port| {
            let stream = connect(host, port);
            Box::pin(async { Ok(Box::new(stream.await?) as Stream) })
        });
        self
    }
}

impl<C> fmt::Debug for ClientBuilder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = match &self.headers {
            Ok(headers) => headers.keys().map(HeaderName::as_str).collect(),
            Err(_) => Vec::new(),
        };
        f.debug_struct("ClientBuilder")
            .field("url", &self.url)
            .field("speaks", &self.speaks)
            .field("headers", &names)
            .field("connect_timeout", &self.connect_timeout)
            .field("request_timeout", &self.request_timeout)
            .field("idle_timeout", &self.policy.idle_timeout)
            .field("ping_interval", &self.limits.ping_interval)
            .field("pong_timeout", &self.limits.pong_timeout)
            .field("reconnect", &self.reconnect)
            .field("in_flight", &self.policy.in_flight)
            .field("waiting_calls", &self.policy.waiting_calls)
            .finish_non_exhaustive()
    }
}

fn add(mut headers: HeaderMap, name: &str, value: &str) -> Result<HeaderMap> {
    let wrong = |reason| Error::Header {
        name: name.to_owned(),
        reason,
    };
    let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong("it is no name"))?;
    let value = HeaderValue::from_str(value)
        .ok()
        .filter(|value| value.to_str().is_ok())
        .ok_or_else(|| wrong("its value has characters that a header cannot have"))?;
    let is_handshake = matches!(key.as_str(), "connection" | "upgrade" | "content-length")
        || matches!(key.as_str(), "transfer-encoding")
        || key.as_str().starts_with("sec-websocket-");
    if is_handshake {
        return Err(wrong("it belongs to the handshake itself"));
    }
    if headers.len() >= HEADERS {
        return Err(wrong("there are too many"));
    }
    headers.insert(key, value);
    Ok(headers)
}

/// A server may send larger messages than it takes: all that its queue holds.
fn limits() -> Limits {
    let limits = Limits::default();
    let size = limits.queue_bytes.saturating_add(limits.message_size);
    Limits {
        frame_size: size,
        message_size: size,
        // A slow network may take its time over a large one; pings tell whether it is there at all.
        message_timeout: Duration::MAX,
        ..limits
    }
}

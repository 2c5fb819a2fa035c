//! Listens, and stops: the builder of servers.

mod connected;
mod mount;
mod page;
mod signal;
mod stop;

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

pub use self::mount::Mount;
pub use self::signal::{second_stop_signal, stop_signal};
use self::stop::Pace;
use crate::address::Proxies;
use crate::bus::{MemoryBus, MessageBus};
use crate::error::{Error, Result};
use crate::handshake::Origins;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::provider::Provider;
use crate::seldom::seldom;
use crate::topics::{Bus, Histories};

/// Serves providers over WebSockets.
///
/// `/ws` reaches the channels of all documents, `/ws/heartbeat` those of one, and
/// `/ws/heartbeat/beat_sub` one channel. A client that asks for the subprotocol `specwire.v1.json`
/// speaks the envelope, one that asks for none speaks raw frames, or what the document's provider
/// was [given](Provider::framing): see `docs/protocol.md`.
///
/// ```no_run
/// # async fn serve(provider: specwire::Provider) -> specwire::Result<()> {
/// specwire::Server::new().serve(provider).listen("127.0.0.1:8080").await
/// # }
/// ```
#[derive(Debug)]
pub struct Server {
    providers: Vec<Provider>,
    limits: Limits,
    origins: Origins,
    grace: Duration,
    stop_rate: u32,
    bus: Option<Arc<dyn MessageBus>>,
    fallback: Option<String>,
    metrics: Metrics,
    proxies: Proxies,
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

impl Server {
    /// A server of nothing yet, with the default [`Limits`] and a grace of 10 s.
    #[must_use]
    pub fn new() -> Self {
        Self {
            providers: Vec::new(),
            limits: Limits::default(),
            origins: Origins::default(),
            grace: Duration::from_secs(10),
            stop_rate: 2000,
            bus: None,
            fallback: None,
            metrics: Metrics::default(),
            proxies: Proxies::default(),
        }
    }

    /// Serves one more document.
    #[must_use]
    pub fn serve(mut self, provider: Provider) -> Self {
        self.providers.push(provider);
        self
    }

    /// Has every path that nothing else answers reach this document, for those who ask for a
    /// WebSocket: clients that know nothing of `/ws`, and open `/` or any other.
    ///
    /// ```
    /// # fn serve(ticker: specwire::Provider) -> specwire::Server {
    /// specwire::Server::new().serve(ticker).fallback("ticker")
    /// # }
    /// ```
    ///
    /// A document that is not served is found out by [`Server::run`].
    #[must_use]
    pub fn fallback(mut self, document: &str) -> Self {
        self.fallback = Some(document.to_owned());
        self
    }

    /// Keeps other limits.
    ///
    /// ```
    /// use specwire::{Limits, Server};
    ///
    /// let limits = Limits { connections: 100, ..Limits::default() };
    /// let server = Server::new().limits(limits);
    /// ```
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Lets the pages of one more origin connect, such as `https://console.example.org`.
    ///
    /// A browser's request is refused with status 403 unless its page came from this server itself
    /// or from an allowed origin. Behind a proxy that speaks TLS, allow the proxy's origin. Where this
    /// server is reached at a loopback address, its own are only `localhost` and IP addresses: any
    /// other name may be that of a page that means harm (DNS rebinding).
    ///
    /// ```
    /// let server = specwire::Server::new().allow_origin("https://console.example.org");
    /// ```
    #[must_use]
    pub fn allow_origin(mut self, origin: &str) -> Self {
        self.origins.allow_origin(origin);
        self
    }

    /// Takes a proxy's word, in `X-Forwarded-For`, on where a connection comes from: for
    /// [`Limits::connections_per_address`], and for what handlers are told
    /// ([`Request::peer_address`](crate::Request::peer_address), whose port is 0 then). The word of
    /// everybody else is ignored. Where proxies follow one another, each of them is to be named.
    ///
    /// ```
    /// let server = specwire::Server::new().trust_proxy([10, 0, 0, 1].into());
    /// ```
    #[must_use]
    pub fn trust_proxy(mut self, proxy: IpAddr) -> Self {
        self.proxies.trust(proxy);
        self
    }

    /// A view of what the server does, to keep while it [runs](Server::run).
    ///
    /// ```
    /// let server = specwire::Server::new();
    /// let metrics = server.metrics();
    /// // Somewhere else, while the server runs:
    /// println!("{} publications dropped", metrics.counters().dropped);
    /// ```
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// How long connections have to end when the server stops. Default 10 s.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let server = specwire::Server::new().grace(Duration::from_secs(30));
    /// ```
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How many connections are told in a second, in batches, that the server stops; so that their
    /// clients do not all come back in the same instant. Default 2000.
    ///
    /// A few are told at once. If there are so many that it would take more than half of the
    /// [grace](Self::grace), they are told faster.
    ///
    /// ```
    /// let server = specwire::Server::new().stop_rate(500);
    /// ```
    #[must_use]
    pub fn stop_rate(mut self, connections: u32) -> Self {
        self.stop_rate = connections;
        self
    }

    /// Has messages carried by another bus, such as one that connects several servers. Default a
    /// [`MemoryBus`] of its own.
    ///
    /// The providers of a server share its bus, as a handler may publish on the topics of another
    /// document. One that has been served or called before stays with the bus that it had then: the
    /// server takes that one if it is given none, and refuses to start with another
    /// ([`Error::AlreadyServed`]).
    ///
    /// ```
    /// use std::sync::Arc;
    /// use specwire::bus::MemoryBus;
    ///
    /// // Two servers in one process whose subscribers hear the same.
    /// let bus = Arc::new(MemoryBus::new());
    /// let inner = specwire::Server::new().bus(bus.clone());
    /// let outer = specwire::Server::new().bus(bus);
    /// ```
    #[must_use]
    pub fn bus(mut self, bus: Arc<dyn MessageBus>) -> Self {
        self.bus = Some(bus);
        self
    }

    /// Listens on `address` and serves until the process is told to stop: by Ctrl-C, or by SIGTERM
    /// on Unix. Port 0 takes any free port; use [`Server::run`] to learn which.
    ///
    /// ```no_run
    /// # async fn serve(provider: specwire::Provider) -> specwire::Result<()> {
    /// specwire::Server::new().serve(provider).listen("127.0.0.1:8080").await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`bind`] and [`Server::run`], and [`Error::Interrupted`] when the process was told to stop
    /// for the second time: what had not ended then is aborted.
    pub async fn listen(self, address: &str) -> Result<()> {
        let (stop, abort) = (stop_signal(), second_stop_signal());
        let listener = bind(address).await?;
        tokio::select! {
            biased;
            () = abort => Err(Error::Interrupted),
            served = self.run(listener, stop) => served,
        }
    }

    /// Serves the connections of `listener` until `stop` resolves.
    ///
    /// Then no more are accepted, requests in flight are answered, and clients are told that the
    /// server goes away (close code 1001), [not all in the same instant](Server::stop_rate). Pub/sub
    /// handlers end with their last subscriber, and are waited for. What has not ended after the
    /// [grace](Server::grace) is aborted. Dropping the future aborts everything at once.
    ///
    /// A handler that blocks its thread, with `std::thread::sleep` or a long computation, can be stopped
    /// by neither: it holds up whatever else is on that thread, connections, timers and so the grace
    /// among it, and keeps a `#[tokio::main]` from returning. `tokio::task::spawn_blocking` is for such
    /// work. `src/process.rs` in the repository ends its process whatever handlers do.
    ///
    /// ```no_run
    /// # async fn serve(provider: specwire::Provider) -> specwire::Result<()> {
    /// let stop = specwire::stop_signal();
    /// let listener = specwire::bind("127.0.0.1:0").await?;
    /// println!("{:?}", listener.local_addr());
    /// specwire::Server::new().serve(provider).run(listener, stop).await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::DuplicateDocument`], [`Error::UnknownDocument`], [`Error::AlreadyServed`] or
    /// [`Error::Limit`], before anything is accepted. What one connection does never ends the server.
    pub async fn run(self, listener: TcpListener, stop: impl Future<Output = ()>) -> Result<()> {
        let mount = self.mount()?;
        let _abort = mount.abort_on_drop();
        tokio::pin!(stop);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                (stream, address) = accept(&listener) => {
                    tokio::spawn(mount.serve_tcp(stream, address));
                }
            }
        }
        drop(listener);
        mount.stop().await;
        Ok(())
    }

    /// The same server without a listener: another program hands it requests, as a route of an axum
    /// application for one, or connections.
    ///
    /// # Errors
    ///
    /// [`Error::DuplicateDocument`], [`Error::UnknownDocument`], [`Error::AlreadyServed`], or
    /// [`Error::Limit`].
    pub fn mount(self) -> Result<Mount> {
        self.limits.check()?;
        for (index, provider) in self.providers.iter().enumerate() {
            let document = provider.document();
            let earlier = self.providers.iter().take(index);
            if earlier.map(Provider::document).any(|name| name == document) {
                return Err(Error::DuplicateDocument { document });
            }
        }
        let bus = self.common_bus()?;
        for provider in &self.providers {
            provider.settle(bus.clone());
        }
        let pace = Pace {
            grace: self.grace,
            closing: self.limits.close_timeout,
            rate: self.stop_rate,
        };
        Mount::new(self, pace)
    }

    /// What the handlers of all documents publish through, be it that of earlier servers.
    fn common_bus(&self) -> Result<Bus> {
        let settled = || {
            let buses = self.providers.iter().filter_map(Provider::settled);
            buses.map(|bus| Arc::clone(bus.carrier())).next()
        };
        let carrier = self.bus.clone().or_else(settled);
        let carrier = carrier.unwrap_or_else(|| Arc::new(MemoryBus::new()));
        let histories = self.providers.iter().flat_map(Provider::histories);
        let histories: Histories = histories
            .map(|(place, history)| (*place, *history))
            .collect();
        for provider in &self.providers {
            let what = match provider.settled() {
                Some(bus) if !Arc::ptr_eq(bus.carrier(), &carrier) => "bus",
                Some(bus) if !bus.keeps(&histories) => "history",
                _ => continue,
            };
            let document = provider.document();
            return Err(Error::AlreadyServed { document, what });
        }
        let bus = Bus::new(carrier, Arc::new(histories));
        let settled = self.providers.iter().find_map(Provider::settled);
        Ok(match settled {
            Some(settled) => bus.heard_where(settled),
            None => bus,
        })
    }
}

/// Listens on `address`, such as `127.0.0.1:8080` or `localhost:0`.
///
/// # Errors
///
/// [`Error::Bind`] with the address and the reason.
pub async fn bind(address: &str) -> Result<TcpListener> {
    // As many may come at once, where the system lets them: the clients of a server that was away.
    const BACKLOG: i32 = 4096;
    let listener = TcpListener::bind(address).await;
    let listener = listener.and_then(|listener| {
        socket2::SockRef::from(&listener).listen(BACKLOG)?;
        Ok(listener)
    });
    listener.map_err(|source| Error::Bind {
        address: address.to_owned(),
        source,
    })
}

/// Waits for the next connection. What goes wrong with one does not concern the others, and a
/// process without free file descriptors has some again when connections end.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => match error.kind() {
                io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionRefused
                | io::ErrorKind::Interrupted => {}
                _ => {
                    seldom!(warn, %error, "cannot accept connections for a moment");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
}

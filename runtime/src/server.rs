//! Listens, upgrades, routes by path, and stops.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::connection::Connection;
use crate::error::{Error, Result};
use crate::framing::envelope::Envelope;
use crate::framing::{Framing, Raw};
use crate::handshake::{self, Answer, Origins, Subprotocol};
use crate::limits::Limits;
use crate::parameters::decoded;
use crate::provider::Provider;
use crate::request::Peer;
use crate::routes::Scope;
use crate::socket::Socket;

/// The path under which everything is served.
const ROOT: &str = "/ws";

/// Serves providers over WebSockets.
///
/// `/ws` reaches the channels of all documents, `/ws/heartbeat` those of one, and
/// `/ws/heartbeat/beat_sub` one channel. A client that asks for the subprotocol `specwire.v1.json`
/// speaks the envelope, one that asks for none speaks raw frames: see `docs/protocol.md`.
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
        }
    }

    /// Serves one more document.
    #[must_use]
    pub fn serve(mut self, provider: Provider) -> Self {
        self.providers.push(provider);
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

    /// How long connections have to end when the server stops. Default 10 s.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Listens on `address` and serves until the process is told to stop: by Ctrl-C, or by SIGTERM
    /// on Unix. Port 0 takes any free port; use [`Server::run`] to learn which.
    ///
    /// # Errors
    ///
    /// As [`bind`] and [`Server::run`].
    pub async fn listen(self, address: &str) -> Result<()> {
        let stop = stop_signal();
        let listener = bind(address).await?;
        self.run(listener, stop).await
    }

    /// Serves the connections of `listener` until `stop` resolves.
    ///
    /// Then no more are accepted, requests in flight are answered, and clients are told that the
    /// server goes away (close code 1001). What has not ended after the [grace](Server::grace) is
    /// aborted. Dropping the future aborts everything at once. A handler that never awaits anything can
    /// be stopped by neither, and keeps a `#[tokio::main]` from returning.
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
    /// [`Error::DuplicateDocument`], before anything is accepted. What one connection does never
    /// ends the server.
    pub async fn run(self, listener: TcpListener, stop: impl Future<Output = ()>) -> Result<()> {
        let grace = self.grace;
        let shared = Arc::new(self.into_shared()?);
        let mut connections = JoinSet::new();
        tokio::pin!(stop);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                _ = connections.join_next(), if !connections.is_empty() => {}
                (stream, address) = accept(&listener) => {
                    let connection = Arc::clone(&shared).connect(stream, address);
                    connections.spawn(connection);
                }
            }
        }
        drop(listener);
        tracing::info!(connections = connections.len(), ?grace, "stopping");
        shared.stop.cancel();
        let ended = timeout(grace, async {
            while connections.join_next().await.is_some() {}
            for provider in &shared.providers {
                provider.tasks().close();
                provider.tasks().wait().await;
            }
        });
        if ended.await.is_err() {
            tracing::warn!(
                connections = connections.len(),
                "aborting what has not ended"
            );
            connections.abort_all();
            // All but what never awaits anything has ended then.
            let ended = async { while connections.join_next().await.is_some() {} };
            let _ = timeout(shared.limits.close_timeout, ended).await;
        }
        Ok(())
    }

    fn into_shared(self) -> Result<Shared> {
        for (index, provider) in self.providers.iter().enumerate() {
            let document = provider.document();
            let earlier = self.providers.iter().take(index);
            if earlier.map(Provider::document).any(|name| name == document) {
                return Err(Error::DuplicateDocument { document });
            }
        }
        Ok(Shared {
            scope: Scope::all(ROOT, &self.providers),
            slots: Arc::new(Semaphore::new(
                self.limits.connections.min(Semaphore::MAX_PERMITS),
            )),
            drain: self.grace.saturating_sub(self.limits.close_timeout),
            providers: self.providers,
            limits: self.limits,
            origins: self.origins,
            stop: CancellationToken::new(),
        })
    }
}

/// Listens on `address`, such as `127.0.0.1:8080` or `localhost:0`.
///
/// # Errors
///
/// [`Error::Bind`] with the address and the reason.
pub async fn bind(address: &str) -> Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .map_err(|source| Error::Bind {
            address: address.to_owned(),
            source,
        })
}

/// Resolves when the process is told to stop: by Ctrl-C, or by SIGTERM on Unix.
///
/// From the call on, not from the first poll, the process no longer ends by these by itself. Must be
/// called within a tokio runtime.
#[cfg(unix)]
pub fn stop_signal() -> impl Future<Output = ()> + Send {
    use tokio::signal::unix::{Signal, SignalKind, signal};

    // Where a signal cannot be caught it ends the process, which stops as well.
    async fn wait(signal: Option<Signal>) {
        match signal {
            Some(mut signal) => {
                signal.recv().await;
            }
            None => std::future::pending().await,
        }
    }
    let interrupt = signal(SignalKind::interrupt()).ok();
    let terminate = signal(SignalKind::terminate()).ok();
    async {
        tokio::select! {
            () = wait(interrupt) => {}
            () = wait(terminate) => {}
        }
    }
}

/// Resolves when the process is told to stop, by Ctrl-C.
#[cfg(not(unix))]
pub fn stop_signal() -> impl Future<Output = ()> + Send {
    async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
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
                    tracing::warn!(%error, "cannot accept connections for a moment");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
}

/// What all connections of one server share.
#[derive(Debug)]
struct Shared {
    providers: Vec<Provider>,
    scope: Scope,
    limits: Limits,
    origins: Origins,
    slots: Arc<Semaphore>,
    stop: CancellationToken,
    drain: Duration,
}

/// A request that is about to become a WebSocket.
struct Upgrade {
    upgraded: OnUpgrade,
    subprotocol: Subprotocol,
    scope: Scope,
    path: String,
}

impl Shared {
    /// One TCP connection, from its first byte to its last.
    async fn connect(self: Arc<Self>, stream: TcpStream, address: SocketAddr) {
        // Small frames should not wait for one another (Nagle).
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let local = stream.local_addr().ok().map(|local| local.ip());
        let slot = Arc::clone(&self.slots).try_acquire_owned();
        let upgrade = Mutex::new(None);
        let service = service_fn(|request| {
            let answer = self.answer(request, local, slot.is_ok(), &upgrade);
            async { Ok::<_, Infallible>(answer) }
        });
        let http = http1::Builder::new()
            .max_buf_size(MAX_HEAD)
            .max_headers(MAX_HEADERS)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        // Of all of it, and so of a head that never ends as well.
        let http = timeout(self.limits.handshake_timeout, http);
        tokio::select! {
            biased;
            () = self.stop.cancelled() => return,
            result = http => match result {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return tracing::debug!(%address, %error, "not HTTP"),
                Err(_) => return tracing::debug!(%address, "no handshake in time"),
            }
        }
        let upgrade = upgrade.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(upgrade) = upgrade {
            self.serve(upgrade, address).await;
        }
    }

    /// Answers one HTTP request, and notes if it is to become a WebSocket.
    fn answer(
        &self,
        mut request: Request<Incoming>,
        local: Option<IpAddr>,
        has_slot: bool,
        upgrade: &Mutex<Option<Upgrade>>,
    ) -> Answer {
        let path = request.uri().path().to_owned();
        if path == "/" && matches!(*request.method(), Method::GET | Method::HEAD) {
            return handshake::refusal(StatusCode::OK, &self.index());
        }
        let scope = self.route(&path);
        let Some(scope) = scope.map(|scope| scope.with_query(request.uri().query())) else {
            return handshake::refusal(
                StatusCode::NOT_FOUND,
                &format!("nothing is served here\n{}", self.index()),
            );
        };
        let (subprotocol, answer) = match handshake::accept(&request, &self.origins, local) {
            Ok(accepted) => accepted,
            Err(answer) => return *answer,
        };
        if !has_slot {
            tracing::warn!(limit = self.limits.connections, "too many connections");
            let mut answer = handshake::refusal(
                StatusCode::SERVICE_UNAVAILABLE,
                "the server has all the connections that it may have",
            );
            answer.headers_mut().insert(
                hyper::header::RETRY_AFTER,
                hyper::header::HeaderValue::from_static("5"),
            );
            return answer;
        }
        let upgraded = hyper::upgrade::on(&mut request);
        *upgrade.lock().unwrap_or_else(PoisonError::into_inner) = Some(Upgrade {
            upgraded,
            subprotocol,
            scope,
            path,
        });
        answer
    }

    fn route(&self, path: &str) -> Option<Scope> {
        let below = path.strip_prefix(ROOT)?;
        match below.strip_prefix('/') {
            None if below.is_empty() => Some(self.scope.clone()),
            Some("") => Some(self.scope.clone()),
            Some(below) => {
                let below = below.strip_suffix('/').unwrap_or(below);
                self.scope.narrow(&decoded(below)?)
            }
            None => None,
        }
    }

    async fn serve(&self, upgrade: Upgrade, address: SocketAddr) {
        let Upgrade {
            upgraded,
            subprotocol,
            scope,
            path,
        } = upgrade;
        let upgraded = match upgraded.await {
            Ok(upgraded) => upgraded,
            Err(error) => return tracing::debug!(%address, %error, "not upgraded"),
        };
        // The socket itself again, without what hyper needed around it.
        let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else {
            return tracing::error!("the upgraded connection is not the one that was accepted");
        };
        let socket =
            Socket::accepted(parts.io.into_inner(), parts.read_buf.to_vec(), &self.limits).await;
        // It is empty, and would keep hyper's buffer for as long as the connection lasts.
        drop(parts.read_buf);
        let peer = Arc::new(Peer::new(Some(address)));
        let span = tracing::info_span!("connection", id = %peer.connection, peer = %address, path);
        let framing: Box<dyn Framing> = match subprotocol {
            Subprotocol::None => Box::new(Raw),
            Subprotocol::Envelope => Box::new(Envelope::new(peer.connection, &self.limits)),
        };
        Connection::new(socket, peer, framing, scope, &self.limits)
            .run(self.stop.clone(), self.drain)
            .instrument(span)
            .await;
    }

    /// What is served, for a person who opens the server in a browser.
    fn index(&self) -> String {
        let mut index = String::from("specwire serves these WebSocket URLs:\n\n  /ws\n");
        for provider in &self.providers {
            index.push_str(&format!("  /ws/{}\n", provider.document()));
            for channel in provider.channels() {
                index.push_str(&format!("  /ws/{}/{channel}\n", provider.document()));
            }
        }
        index
    }
}

/// Bytes of one request's head: hyper's least.
const MAX_HEAD: usize = 8 << 10;
const MAX_HEADERS: usize = 64;

//! HTTP requests and their upgrades, whoever hands them over: answers, routes by path, and serves.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::Span;

use super::connected::{Open, Slot};
use super::stop::{Pace, Stop};
use super::{Server, page};
use crate::address::{Places, Proxies};
use crate::connection::Connection;
use crate::error::{Error, Result};
use crate::flusher::Flushers;
use crate::framing::Framing;
use crate::handshake::{self, Answer, Origins};
use crate::leave::Leave;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::parameters::decoded;
use crate::peer::{Head, Peer};
use crate::provider::Provider;
use crate::routes::Scope;
use crate::seldom::seldom;
use crate::socket::{Lend, Socket, Tcp, hold_back};

/// The path under which everything is served.
pub(super) const ROOT: &str = "/ws";

/// A server within another program: that program listens, and hands over requests or connections.
///
/// It is a `tower` service of HTTP requests, whatever their bodies, and so can be a route of an
/// [axum](https://docs.rs/axum) application: `examples/axum.rs` is one, whole. The server keeps its
/// [`Limits`] on connections and handshakes, its check of origins and its way to stop; the time that a
/// request may take is the other program's matter until it has become a WebSocket.
///
/// * Paths are those of a server that listens itself, after what the program has taken off them:
///   `/ws`, and below that.
/// * Handlers learn the address of a peer from the request's extension of type
///   [`std::net::SocketAddr`], where the program puts one there.
/// * Which names are the program's own is not known here, so that of origins only `localhost` and IP
///   addresses are allowed unless [`Server::allow_origin`](crate::Server::allow_origin) names others.
///
/// Clones are the same server. Dropping them all ends nothing: use [`stop`](Self::stop).
///
/// ```no_run
/// # async fn serve(provider: specwire::Provider, io: tokio::io::DuplexStream) -> specwire::Result<()> {
/// let mount = specwire::Server::new().serve(provider).mount()?;
/// // A router takes it as a service, as in `Router::new().nest_service("/api", mount.clone())`; and
/// // a connection, of whatever kind, is served by
/// tokio::spawn(mount.serve_connection(io, None));
/// mount.stop().await;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Mount {
    shared: Arc<Shared>,
}

/// What all connections of one server share.
#[derive(Debug)]
struct Shared {
    providers: Vec<Provider>,
    scope: Scope,
    /// What paths reach that nothing else answers.
    fallback: Option<Scope>,
    limits: Arc<Limits>,
    metrics: Metrics,
    origins: Origins,
    slots: Arc<Semaphore>,
    /// Room for connections that have not become WebSockets.
    handshakes: Semaphore,
    proxies: Proxies,
    places: Places,
    pace: Pace,
    stop: Stop,
    flushers: Arc<Flushers>,
}

/// The two ends of a connection, as far as they are known.
#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    peer: Option<SocketAddr>,
    local: Option<IpAddr>,
}

/// A request that is about to become a WebSocket.
struct Upgrade {
    upgraded: OnUpgrade,
    ends: Ends,
    framing: Box<dyn Framing>,
    scope: Scope,
    head: Head,
    slot: Slot,
}

impl Mount {
    pub(super) fn new(server: Server, pace: Pace) -> Result<Self> {
        let scope = Scope::all(ROOT, &server.providers);
        let fallback = match server.fallback {
            None => None,
            Some(document) => match scope.of_document(&document) {
                Some(scope) => Some(scope),
                None => return Err(Error::UnknownDocument { document }),
            },
        };
        let slots = server.limits.connections.min(Semaphore::MAX_PERMITS);
        Ok(Self {
            shared: Arc::new(Shared {
                scope,
                fallback,
                slots: Arc::new(Semaphore::new(slots)),
                handshakes: Semaphore::new(slots),
                proxies: server.proxies,
                places: Places::new(server.limits.connections_per_address),
                providers: server.providers,
                limits: Arc::new(server.limits),
                metrics: server.metrics,
                origins: server.origins,
                pace,
                stop: Stop::new(),
                flushers: Arc::default(),
            }),
        })
    }

    /// Serves one connection, from its first byte to its last: HTTP with its limits, and then, on the
    /// same bytes, the WebSocket. `peer` is what handlers are told of the other end's address.
    ///
    /// The future resolves when the connection has ended, and dropping it drops the connection. After
    /// [`stop`](Self::stop) it resolves at once.
    ///
    /// ```no_run
    /// # async fn serve(mount: specwire::Mount) -> std::io::Result<()> {
    /// # #[cfg(unix)] {
    /// let listener = tokio::net::UnixListener::bind("/run/heartbeat")?;
    /// loop {
    ///     let (stream, _) = listener.accept().await?;
    ///     tokio::spawn(mount.serve_connection(stream, None));
    /// }
    /// # }
    /// # Ok(())
    /// # }
    /// ```
    pub fn serve_connection<S>(
        &self,
        io: S,
        peer: Option<SocketAddr>,
    ) -> impl Future<Output = ()> + Send + use<S>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.connect(io, Ends { peer, local: None })
    }

    /// The same for one that a listener of ours has accepted.
    pub(super) fn serve_tcp(
        &self,
        stream: TcpStream,
        address: SocketAddr,
    ) -> impl Future<Output = ()> + Send + use<> {
        // Small frames should not wait for one another (Nagle).
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        hold_back(&stream);
        let ends = Ends {
            peer: Some(address),
            local: stream.local_addr().ok().map(|local| local.ip()),
        };
        self.connect(stream, ends)
    }

    fn connect<S>(&self, io: S, ends: Ends) -> impl Future<Output = ()> + Send + use<S>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (shared, leave) = (Arc::clone(&self.shared), self.shared.stop.leave());
        let word = leave.clone();
        let begin = Box::pin(async move {
            let upgrade = Box::pin(shared.http(io, ends)).await?;
            shared.open(upgrade, word).await
        });
        self.shared.stop.connection(leave, begin)
    }

    /// Stops: accepts no more, answers what is in flight, closes every connection with 1001, and
    /// aborts what has not ended after the grace, all as [`Server::run`](crate::Server::run) does when
    /// it is told to. Resolves when everything has ended.
    ///
    /// A program that stops its own listener calls this as well: HTTP servers know nothing more of a
    /// connection that has been upgraded, and do not wait for it.
    pub async fn stop(&self) {
        let sources = async {
            for provider in &self.shared.providers {
                provider.tasks().close();
                provider.tasks().wait().await;
            }
        };
        self.shared.stop.stop(self.shared.pace, sources).await;
    }

    /// How many connections there are now, handshakes among them.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.stop.connections()
    }

    pub(super) fn abort_on_drop(&self) -> impl Drop + use<> {
        self.shared.stop.abort_on_drop()
    }
}

impl<B> tower_service::Service<Request<B>> for Mount {
    type Response = Answer;
    type Error = Infallible;
    type Future = Ready<Result<Answer, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    /// Answers the request, and serves what becomes of it in a task of its own. Must be called within
    /// a tokio runtime.
    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let ends = Ends {
            peer: request.extensions().get().copied(),
            local: None,
        };
        let (answer, upgrade) = self.shared.answer(&mut request, ends);
        if let Some(upgrade) = upgrade {
            let (shared, leave) = (Arc::clone(&self.shared), self.shared.stop.leave());
            let word = leave.clone();
            let begin = Box::pin(async move { shared.open(upgrade, word).await });
            tokio::spawn(self.shared.stop.connection(leave, begin));
        }
        ready(Ok(answer))
    }
}

impl Shared {
    /// The part of a connection that is HTTP.
    async fn http<S>(&self, io: S, ends: Ends) -> Option<Upgrade>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Ok(_handshake) = self.handshakes.try_acquire() else {
            self.refused(self.limits.connections, "too many handshakes");
            return None;
        };
        let upgrade = Mutex::new(None);
        let service = service_fn(|mut request| {
            let (answer, accepted) = self.answer(&mut request, ends);
            if accepted.is_some() {
                *upgrade.lock().unwrap_or_else(PoisonError::into_inner) = accepted;
            }
            ready(Ok::<_, Infallible>(answer))
        });
        let http = http1::Builder::new()
            .max_buf_size(handshake::MAX_HEAD)
            .max_headers(handshake::MAX_HEADERS)
            .serve_connection(TokioIo::new(io), service)
            .with_upgrades();
        // Of all of it, and so of a head that never ends as well.
        let http = timeout(self.limits.handshake_timeout, http);
        let address = ends.peer;
        tokio::select! {
            biased;
            () = self.stop.begins() => return None,
            result = http => match result {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::debug!(?address, %error, "not HTTP");
                    return None;
                }
                Err(_) => {
                    tracing::debug!(?address, "no handshake in time");
                    return None;
                }
            }
        }
        upgrade.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers one HTTP request, and says if it is to become a WebSocket.
    fn answer<B>(&self, request: &mut Request<B>, ends: Ends) -> (Answer, Option<Upgrade>) {
        match self.accept(request, ends) {
            Ok((answer, upgrade)) => (answer, Some(upgrade)),
            Err(answer) => (*answer, None),
        }
    }

    fn accept<B>(
        &self,
        request: &mut Request<B>,
        ends: Ends,
    ) -> Result<(Answer, Upgrade), Box<Answer>> {
        let path = request.uri().path();
        let fallback = self.fallback.as_ref();
        let fallback = fallback.filter(|_| handshake::is_upgrade(request.headers()));
        let is_page = path == "/" && matches!(*request.method(), Method::GET | Method::HEAD);
        if is_page && fallback.is_none() {
            return Err(Box::new(page::answer(request, &self.providers)));
        }
        let Some(scope) = self.route(path).or_else(|| fallback.cloned()) else {
            let text = "nothing is served here; GET / tells what is served";
            return Err(Box::new(handshake::refusal(StatusCode::NOT_FOUND, text)));
        };
        let scope = scope.with_query(request.uri().query());
        let (subprotocol, answer) = handshake::accept(request, &self.origins, ends.local)?;
        scope.check_query().map_err(|fault| {
            Box::new(handshake::refusal(StatusCode::BAD_REQUEST, fault.message()))
        })?;
        if self.stop.has_begun() {
            return Err(Box::new(handshake::unavailable("the server is stopping")));
        }
        let headers = request.headers();
        let peer = ends.peer.map(|peer| self.proxies.client(peer, headers));
        let ends = Ends { peer, ..ends };
        let place = match peer.map(|peer| self.places.enter(peer.ip())) {
            Some(None) => {
                let limit = self.limits.connections_per_address;
                self.refused(limit, "too many connections from one address");
                let reason = "there are all the connections from this address that may be";
                return Err(Box::new(handshake::too_many(reason)));
            }
            place => place.flatten(),
        };
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
            self.refused(self.limits.connections, "too many connections");
            return Err(Box::new(handshake::unavailable(
                "the server has all the connections that it may have",
            )));
        };
        let upgrade = Upgrade {
            head: handshake::head(request, &answer),
            upgraded: hyper::upgrade::on(request),
            ends,
            framing: subprotocol.map_or_else(|| scope.framing(), |known| (known.make)()),
            scope,
            slot: (slot, place),
        };
        Ok((answer, upgrade))
    }

    fn refused(&self, limit: usize, reason: &'static str) {
        self.metrics.refused();
        seldom!(warn, limit, reason, "refused a connection");
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

    /// The WebSocket that a request becomes, which lasts until its future resolves or is dropped.
    async fn open(&self, upgrade: Upgrade, leave: Leave) -> Option<Open> {
        let Upgrade {
            upgraded,
            ends,
            framing,
            scope,
            head,
            slot,
        } = upgrade;
        let address = ends.peer;
        let upgraded = match timeout(self.limits.handshake_timeout, upgraded).await {
            Ok(Ok(upgraded)) => upgraded,
            Ok(Err(error)) => {
                tracing::debug!(?address, %error, "not upgraded");
                return None;
            }
            Err(_) => {
                tracing::debug!(?address, "not upgraded in time");
                return None;
            }
        };
        let peer = Arc::new(Peer::new(address, head, leave.token()));
        let span = tracing::info_span!(
            "connection",
            id = %peer.connection,
            peer = address.map(tracing::field::display),
            document = scope.document(),
            framing = framing.name(),
        );
        let speaking = Speaking {
            peer,
            framing,
            scope,
            leave,
            span,
            slot,
        };
        Some(match upgraded.downcast::<TokioIo<TcpStream>>() {
            // The socket itself again, without what hyper needed around it. Its buffer is empty, and
            // would be kept for as long as the connection lasts.
            Ok(parts) => {
                let read = parts.read_buf.to_vec();
                drop(parts.read_buf);
                let tcp = Tcp::from(parts.io.into_inner());
                let socket = Socket::accepted(tcp, read, &self.limits);
                self.speak(socket, speaking)
            }
            Err(upgraded) => {
                let io = TokioIo::new(upgraded);
                let socket = Socket::accepted(io, Vec::new(), &self.limits);
                self.speak(socket, speaking)
            }
        })
    }

    fn speak<S>(&self, socket: Socket<S>, speaking: Speaking) -> Open
    where
        S: AsyncRead + AsyncWrite + Lend + Unpin + Send + 'static,
    {
        let Speaking {
            peer,
            framing,
            scope,
            leave,
            span,
            slot,
        } = speaking;
        let (limits, metrics) = (&self.limits, &self.metrics);
        let flushers = &self.flushers;
        let connection = Connection::new(socket, peer, framing, scope, limits, metrics, flushers);
        Open {
            connection: Box::pin(connection.run(leave)),
            span,
            _slot: Some(slot),
        }
    }
}

/// What a WebSocket carries, whatever carries the WebSocket.
struct Speaking {
    peer: Arc<Peer>,
    framing: Box<dyn Framing>,
    scope: Scope,
    leave: Leave,
    span: Span,
    slot: Slot,
}

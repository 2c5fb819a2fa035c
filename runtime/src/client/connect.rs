//! Makes one connection: a stream of bytes, the client's side of the opening handshake (RFC 6455,
//! 4.1), and the first exchange.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use uuid::Uuid;

use super::codec::Speaks;
use super::link::{Remote, measured};
use super::state::{Disconnect, Latency};
use super::tls::{Secure, Tls};
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::framing::envelope::{self, Welcome};
use crate::limits::Limits;
use crate::opening::with_query;
use crate::socket::{Incoming, Socket, hold_back};

/// Bytes of the head of a server's answer, at most.
const HEAD: usize = 16 << 10;
/// Headers in it, at most.
const HEADERS: usize = 64;

/// What a connection's bytes travel on.
pub(super) type Stream = Box<dyn Bytes>;

/// Bytes in both directions.
pub(super) trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Bytes for S {}

/// Connects to a host and a port.
pub(super) type Connector = Arc<
    dyn Fn(String, u16) -> Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>> + Send + Sync,
>;

/// TCP, which is what a client connects by unless it is told otherwise.
pub(super) fn tcp() -> Connector {
    Arc::new(|host, port| {
        Box::pin(async move {
            let stream = TcpStream::connect((host, port)).await?;
            // Without it small messages wait for each other.
            let _ = stream.set_nodelay(true);
            hold_back(&stream);
            Ok(Box::new(stream) as Stream)
        })
    })
}

/// What is asked for by an opening handshake.
pub(super) struct Handshake<'a> {
    pub(super) url: &'a str,
    /// What is added to the URL's query, and never shown.
    pub(super) query: &'a [(String, String)],
    pub(super) headers: &'a HeaderMap,
    pub(super) speaks: Speaks,
}

/// Makes connections to one URL.
pub(super) struct Dialer {
    url: String,
    host: String,
    port: u16,
    /// The request, up to its key.
    request: String,
    speaks: Speaks,
    connector: Connector,
    /// What secures the connection, if the URL asks for that.
    secure: Option<Secure>,
    patience: Duration,
    limits: Arc<Limits>,
    latency: Arc<Mutex<Option<Latency>>>,
}

/// Why there is no connection: for the caller of `connect`, and for everybody else.
pub(super) struct Failed {
    pub(super) error: Error,
    pub(super) reason: Disconnect,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        let reason = Disconnect::failed(&error);
        Self { error, reason }
    }
}

impl Dialer {
    /// # Errors
    ///
    /// [`Error::Url`].
    pub(super) fn new(
        handshake: &Handshake<'_>,
        tls: Tls,
        connector: Connector,
        patience: Duration,
        limits: Arc<Limits>,
        latency: Arc<Mutex<Option<Latency>>>,
    ) -> Result<Self> {
        let Handshake {
            url,
            query,
            headers,
            speaks,
        } = *handshake;
        let wrong = |reason| Error::Url {
            url: url.to_owned(),
            reason,
        };
        let target = target(&with_query(url, query)).map_err(wrong)?;
        let secure = target.is_secure.then(|| tls.connector());
        Ok(Self {
            url: url.to_owned(),
            request: request(&target, speaks.subprotocol(), headers),
            speaks,
            host: target.host,
            port: target.port,
            connector,
            secure: secure.transpose().map_err(wrong)?,
            patience,
            limits,
            latency,
        })
    }

    /// Connects, and agrees on what to speak.
    pub(super) async fn dial(&self) -> std::result::Result<(Remote, Welcome), Failed> {
        let connected = timeout(self.patience, async {
            let stream = (self.connector)(self.host.clone(), self.port);
            let mut stream = stream.await.map_err(|error| self.failed(error))?;
            if let Some(secure) = &self.secure {
                let secured = secure.secure(&self.host, stream).await;
                stream = secured.map_err(|error| self.failed(error))?;
            }
            let read = self.shake_hands(&mut stream).await?;
            let socket = Socket::opened(stream, read, &self.limits);
            self.initialise(socket).await
        });
        connected.await.map_err(|_| Error::ConnectTimeout {
            url: self.url.clone(),
            after: self.patience,
        })?
    }

    fn failed(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::Connect {
            url: self.url.clone(),
            source: source.into(),
        }
    }

    /// Written out here, and not left to tungstenite, which logs requests whole: there may be a
    /// secret among the headers.
    async fn shake_hands(&self, stream: &mut Stream) -> Result<Vec<u8>> {
        let key = generate_key();
        let request = format!("{}Sec-WebSocket-Key: {key}\r\n\r\n", self.request);
        let written = stream.write_all(request.as_bytes()).await;
        written.map_err(|error| self.failed(error))?;
        stream.flush().await.map_err(|error| self.failed(error))?;
        let mut read = Vec::new();
        let (answer, length) = loop {
            let count = stream.read_buf(&mut read).await;
            if count.map_err(|error| self.failed(error))? == 0 {
                return Err(self.failed("the server hung up during the handshake"));
            }
            match head(&read).map_err(|error| self.failed(error))? {
                Some(head) => break head,
                None if read.len() >= HEAD => {
                    let reason =
                        format!("the head of the server's answer has more than {HEAD} bytes");
                    return Err(self.failed(reason));
                }
                None => {}
            }
        };
        let rest = read.split_off(length);
        if answer.status != StatusCode::SWITCHING_PROTOCOLS {
            return Err(Error::Refused {
                url: self.url.clone(),
                status: answer.status.as_u16(),
                reason: first_line(stream, rest).await,
                retry_after: retry_after(&answer.headers),
            });
        }
        // Proxies add to the lists that these are (RFC 9110, 5.6.1).
        let says = |name: &str, expected: &str| {
            let values = answer.headers.get_all(name).into_iter();
            let mut words = values
                .filter_map(|value| value.to_str().ok())
                .flat_map(|value| value.split(','));
            words.any(|word| word.trim().eq_ignore_ascii_case(expected))
        };
        let accept = answer.headers.get("sec-websocket-accept");
        if !says("upgrade", "websocket")
            || !says("connection", "upgrade")
            || accept.map(HeaderValue::as_bytes)
                != Some(derive_accept_key(key.as_bytes()).as_bytes())
        {
            return Err(self.failed("the server's answer is no WebSocket handshake"));
        }
        let selected = answer.headers.get("sec-websocket-protocol");
        let checked = self.speaks.check(selected.map(HeaderValue::as_bytes));
        checked.map_err(|reason| self.failed(reason))?;
        if answer.headers.contains_key("sec-websocket-extensions") {
            return Err(self.failed("the server uses an extension that was not asked for"));
        }
        Ok(rest)
    }

    /// The first exchange on every connection.
    async fn initialise(
        &self,
        mut socket: Socket<Stream>,
    ) -> std::result::Result<(Remote, Welcome), Failed> {
        let remote = |socket| {
            let latency = Arc::clone(&self.latency);
            Remote::new(socket, self.speaks.codec(), &self.limits, latency)
        };
        let Some(encoding) = self.speaks.envelope() else {
            // Nothing is agreed on, and nothing is known of the server.
            let unknown = Welcome {
                connection: Uuid::nil(),
                message_size: usize::MAX,
            };
            return Ok((remote(socket), unknown));
        };
        let sent = Instant::now();
        let init = envelope::write_init(0, encoding);
        socket
            .write(init.into_iter())
            .await
            .map_err(|_| self.failed("the connection was lost during its first exchange"))?;
        loop {
            let incoming = socket.read().await;
            let frame = match &incoming {
                Incoming::Text(text) => Some(Frame::from(text.as_str())),
                Incoming::Binary(bytes) => Some(Frame::from(bytes.as_slice())),
                _ => None,
            };
            // Nothing but the answer to `init` comes first.
            if let Some(frame) = frame {
                measured(&self.latency, sent.elapsed());
                let welcome = encoding
                    .text(frame)
                    .and_then(|text| envelope::read_welcome(&text))
                    .map_err(|fault| self.failed(fault.message()))?;
                return Ok((remote(socket), welcome));
            }
            match incoming {
                Incoming::Text(_) | Incoming::Binary(_) | Incoming::Control | Incoming::Pong(_) => {
                }
                Incoming::Closed(Some((code, text))) => {
                    let reason = Disconnect::by_the_server(code, &text);
                    return Err(Failed {
                        error: self.failed(reason.to_string()),
                        reason,
                    });
                }
                Incoming::Closed(None) => {
                    return Err(self.failed("the server closed the connection").into());
                }
                Incoming::Failed(refusal) => {
                    return Err(self.failed(refusal.reason.as_ref()).into());
                }
            }
        }
    }
}

/// The head of an HTTP answer.
struct Head {
    status: StatusCode,
    headers: HeaderMap,
}

/// The head of an answer and its length in bytes, once it is whole.
fn head(read: &[u8]) -> std::result::Result<Option<(Head, usize)>, httparse::Error> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = response.parse(read)? else {
        return Ok(None);
    };
    let status = StatusCode::from_u16(response.code.unwrap_or_default())
        .map_err(|_| httparse::Error::Status)?;
    let mut map = HeaderMap::new();
    for header in response.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        let value = HeaderValue::from_bytes(header.value);
        if let (Ok(name), Ok(value)) = (name, value) {
            map.append(name, value);
        }
    }
    Ok(Some((
        Head {
            status,
            headers: map,
        },
        length,
    )))
}

/// How long a server asks to wait (RFC 9110, 10.2.3). A date is passed over: it would mean something
/// only if both clocks agreed.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get("retry-after")?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}

/// What a server that refuses says about it, as far as it has come.
async fn first_line(stream: &mut Stream, mut body: Vec<u8>) -> String {
    const SHOWN: usize = 200;
    const PATIENCE: Duration = Duration::from_secs(1);
    while body.len() < SHOWN && !body.contains(&b'\n') {
        match timeout(PATIENCE, stream.read_buf(&mut body)).await {
            Ok(Ok(1..)) => {}
            _ => break,
        }
    }
    let body = String::from_utf8_lossy(&body);
    let line = body.lines().next().unwrap_or_default();
    line.chars()
        .filter(|char| !char.is_control())
        .take(SHOWN)
        .collect()
}

/// What a URL names.
struct Target {
    host: String,
    port: u16,
    is_secure: bool,
    /// Host and port as the URL has them.
    authority: String,
    path: String,
}

fn target(url: &str) -> std::result::Result<Target, String> {
    let uri: Uri = url.parse().map_err(|_| "it is not a URL".to_owned())?;
    let is_secure = match uri.scheme_str() {
        Some("ws") => false,
        Some("wss") => true,
        _ => return Err("the scheme is not ws:// or wss://".to_owned()),
    };
    let authority = uri.authority().ok_or("there is no host")?.as_str();
    if authority.contains('@') {
        return Err("it has a user in it, who belongs into a header".to_owned());
    }
    let host = uri
        .host()
        .filter(|host| !host.is_empty())
        .ok_or("there is no host")?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    Ok(Target {
        // An IPv6 address is in brackets in a URL, and in none elsewhere.
        host: host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned(),
        port: uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 }),
        is_secure,
        authority: authority.to_owned(),
        path: if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        },
    })
}

fn request(target: &Target, subprotocol: Option<&str>, headers: &HeaderMap) -> String {
    let mut request = format!(
        "GET {} HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\n",
        target.path
    );
    let mut add = |name: &str, value: &str| {
        request.push_str(name);
        request.push_str(": ");
        request.push_str(value);
        request.push_str("\r\n");
    };
    if let Some(subprotocol) = subprotocol {
        add("Sec-WebSocket-Protocol", subprotocol);
    }
    // A proxy or a Unix socket may want another name than the URL's.
    if !headers.contains_key("host") {
        add("Host", &target.authority);
    }
    for (name, value) in headers {
        // The builder takes visible characters only.
        add(name.as_str(), value.to_str().unwrap_or_default());
    }
    request
}

//! The client's side of the opening handshake (RFC 6455, 4.1).

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::Error as WebSocketError;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Request, Response};

use crate::error::{Error, Result};
use crate::framing::envelope::{self, Welcome};
use crate::limits::Limits;
use crate::socket::{self, Incoming, Socket};

/// Connects to `url` and agrees on the envelope.
pub(super) async fn connect(
    url: &str,
    limits: &Limits,
    patience: Duration,
) -> Result<(Socket<TcpStream>, Welcome)> {
    let request = request(url)?;
    let address = address(&request).map_err(|reason| Error::Url {
        url: url.to_owned(),
        reason,
    })?;
    let connected = timeout(patience, async {
        let stream = TcpStream::connect(address)
            .await
            .map_err(|source| Error::Connect {
                url: url.to_owned(),
                source: source.into(),
            })?;
        let _ = stream.set_nodelay(true);
        let config = socket::config(limits);
        let (stream, _) = client_async_with_config(request, stream, Some(config))
            .await
            .map_err(|error| refused(url, error))?;
        initialise(url, Socket::new(stream, limits)).await
    });
    connected.await.map_err(|_| Error::ConnectTimeout {
        url: url.to_owned(),
        after: patience,
    })?
}

/// The first exchange on every connection.
async fn initialise(
    url: &str,
    mut socket: Socket<TcpStream>,
) -> Result<(Socket<TcpStream>, Welcome)> {
    let lost = |reason: &str| Error::Connect {
        url: url.to_owned(),
        source: reason.into(),
    };
    let init = std::iter::once(envelope::write_init(0).into());
    socket
        .write(init)
        .await
        .map_err(|_| lost("the connection was lost during its first exchange"))?;
    loop {
        match socket.read().await {
            // Nothing but the answer to `init` comes first.
            Incoming::Text(text) => {
                let welcome = envelope::read_welcome(text.as_str());
                return welcome
                    .map(|welcome| (socket, welcome))
                    .map_err(|fault| lost(fault.message()));
            }
            Incoming::Binary(_) | Incoming::Control => {}
            Incoming::Closed(Some((code, reason))) => {
                return Err(lost(&format!(
                    "the server closed the connection with {code}: {reason}"
                )));
            }
            Incoming::Closed(None) => return Err(lost("the server closed the connection")),
            Incoming::Failed(refusal) => return Err(lost(&refusal.reason)),
        }
    }
}

fn request(url: &str) -> Result<Request<()>> {
    let mut request = url.into_client_request().map_err(|error| Error::Url {
        url: url.to_owned(),
        reason: error.to_string(),
    })?;
    request.headers_mut().insert(
        SEC_WEBSOCKET_PROTOCOL,
        HeaderValue::from_static(envelope::JSON),
    );
    Ok(request)
}

/// Host and port, as the URL gives them.
fn address(request: &Request<()>) -> std::result::Result<(String, u16), String> {
    let uri = request.uri();
    match uri.scheme_str() {
        Some("ws") => {}
        Some("wss") => return Err("TLS (wss://) is not supported yet".to_owned()),
        _ => return Err("the scheme is not ws://".to_owned()),
    }
    let host = uri
        .host()
        .filter(|host| !host.is_empty())
        .ok_or("there is no host")?;
    // An IPv6 address is in brackets in a URL, and in none elsewhere.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Ok((host.to_owned(), uri.port_u16().unwrap_or(80)))
}

fn refused(url: &str, error: WebSocketError) -> Error {
    let url = url.to_owned();
    match error {
        WebSocketError::Http(response) => Error::Refused {
            url,
            status: response.status().as_u16(),
            reason: first_line(&response),
        },
        error => Error::Connect {
            url,
            source: error.into(),
        },
    }
}

fn first_line(response: &Response<Option<Vec<u8>>>) -> String {
    const SHOWN: usize = 200;
    let body = response.body().as_deref().unwrap_or_default();
    let body = String::from_utf8_lossy(body);
    let line = body.lines().next().unwrap_or_default();
    line.chars()
        .filter(|char| !char.is_control())
        .take(SHOWN)
        .collect()
}

//! The server's side of the opening handshake (RFC 6455, 4.2): which requests become WebSockets.

use std::net::IpAddr;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ALLOW, CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, RETRY_AFTER,
    SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::{Method, Request, Response, StatusCode, Version};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::framing::{Subprotocol, envelope};
use crate::peer::Head;

/// Bytes of a request's head: the least that hyper can be told. A connection keeps most of it.
pub(crate) const MAX_HEAD: usize = 8 << 10;
/// Header lines in it.
pub(crate) const MAX_HEADERS: usize = 64;

pub(crate) type Answer = Response<Full<Bytes>>;

/// A request that is accepted: the subprotocol that it asked for, if any, and the answer.
pub(crate) type Accepted = (Option<&'static Subprotocol>, Answer);

/// A request that may become a WebSocket: what to speak then, and its answer.
///
/// # Errors
///
/// The answer to a request that may not, which says why.
pub(crate) fn accept<B>(
    request: &Request<B>,
    origins: &Origins,
    local: Option<IpAddr>,
) -> Result<Accepted, Box<Answer>> {
    let headers = request.headers();
    // Another program's server may have taken more.
    if headers.len() > MAX_HEADERS || size(request) > MAX_HEAD {
        return Err(Box::new(refusal(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "the head of the request is larger than the limit",
        )));
    }
    if request.method() != Method::GET {
        let mut answer = refusal(
            StatusCode::METHOD_NOT_ALLOWED,
            "a WebSocket is opened with GET",
        );
        answer
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET"));
        return Err(Box::new(answer));
    }
    if !is_upgrade(headers) {
        let mut answer = refusal(
            StatusCode::UPGRADE_REQUIRED,
            "this is the URL of a WebSocket: open it with ws://",
        );
        answer
            .headers_mut()
            .insert(UPGRADE, HeaderValue::from_static("websocket"));
        answer
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("upgrade, close"));
        return Err(Box::new(answer));
    }
    if request.version() != Version::HTTP_11 {
        return Err(Box::new(refusal(
            StatusCode::BAD_REQUEST,
            "a WebSocket is opened over HTTP/1.1",
        )));
    }
    if only(headers, &SEC_WEBSOCKET_VERSION) != Some("13") {
        let mut answer = refusal(
            StatusCode::UPGRADE_REQUIRED,
            "this server speaks version 13 of the WebSocket protocol",
        );
        answer
            .headers_mut()
            .insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return Err(Box::new(answer));
    }
    let Some(key) = only(headers, &SEC_WEBSOCKET_KEY).filter(|key| is_key(key)) else {
        return Err(Box::new(refusal(
            StatusCode::BAD_REQUEST,
            "`Sec-WebSocket-Key` is not 16 bytes in base64",
        )));
    };
    if only(headers, &HOST).is_none() {
        let reason = "an HTTP/1.1 request has one `Host`";
        return Err(Box::new(refusal(StatusCode::BAD_REQUEST, reason)));
    }
    if !origins.allow(headers, local) {
        return Err(Box::new(refusal(
            StatusCode::FORBIDDEN,
            "this `Origin` is not the server's own, and is not among those that it allows",
        )));
    }
    let subprotocol = subprotocol(headers)?;
    Ok((subprotocol, switching(key, subprotocol)))
}

/// Bytes of the request's head, more or less.
fn size<B>(request: &Request<B>) -> usize {
    let url = request.uri().path_and_query();
    let headers = request.headers().iter();
    headers
        .map(|(name, value)| name.as_str().len().saturating_add(value.len()))
        .fold(
            url.map_or(0, |url| url.as_str().len()),
            usize::saturating_add,
        )
}

/// The request asks for a WebSocket.
pub(crate) fn is_upgrade(headers: &HeaderMap) -> bool {
    lists(headers, &CONNECTION, "upgrade") && lists(headers, &UPGRADE, "websocket")
}

fn switching(key: &str, subprotocol: Option<&'static Subprotocol>) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    // Base64 is always a header value.
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    if let Some(subprotocol) = subprotocol {
        let name = HeaderValue::from_static(subprotocol.name);
        headers.insert(SEC_WEBSOCKET_PROTOCOL, name);
    }
    answer
}

/// An answer that is not a WebSocket, and after which the connection is closed.
pub(crate) fn refusal(status: StatusCode, reason: &str) -> Answer {
    let mut answer = Response::new(Full::from(format!("{reason}\n")));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    answer
}

/// An answer to a client that should come back later.
pub(crate) fn unavailable(reason: &str) -> Answer {
    let mut answer = refusal(StatusCode::SERVICE_UNAVAILABLE, reason);
    let headers = answer.headers_mut();
    headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
    answer
}

/// An answer to a client of which there are enough.
pub(crate) fn too_many(reason: &str) -> Answer {
    let mut answer = unavailable(reason);
    *answer.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    answer
}

/// What handlers may ask about a request that becomes a WebSocket, and its answer.
pub(crate) fn head<B>(request: &Request<B>, answer: &Answer) -> Head {
    let uri = request.uri();
    let url = uri.path_and_query().map_or(uri.path(), |url| url.as_str());
    let headers = request.headers().iter().filter_map(|(name, value)| {
        let value = std::str::from_utf8(value.as_bytes()).ok()?;
        (!MECHANICS.contains(name)).then_some((name.as_str(), value))
    });
    Head::new(
        only(answer.headers(), &SEC_WEBSOCKET_PROTOCOL),
        url,
        headers,
    )
}

/// Headers that say nothing once the handshake is over.
const MECHANICS: [HeaderName; 5] = [
    CONNECTION,
    UPGRADE,
    SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION,
    SEC_WEBSOCKET_EXTENSIONS,
];

/// The subprotocol to speak: of those offered the first that is known. Offering only unknown ones
/// is refused: a client that expects one would not understand what it did not ask for.
fn subprotocol(headers: &HeaderMap) -> Result<Option<&'static Subprotocol>, Box<Answer>> {
    if !headers.contains_key(SEC_WEBSOCKET_PROTOCOL) {
        return Ok(None);
    }
    let mut offered = tokens(headers, &SEC_WEBSOCKET_PROTOCOL);
    if let Some(known) = offered.find_map(Subprotocol::find) {
        return Ok(Some(known));
    }
    let reason = format!(
        "none of the subprotocols offered is spoken here: offer `{}`, or none for frames without envelopes",
        envelope::JSON
    );
    Err(Box::new(refusal(StatusCode::BAD_REQUEST, &reason)))
}

/// 16 bytes in base64 are 22 digits and two signs of padding.
fn is_key(key: &str) -> bool {
    key.len() == 24
        && key.strip_suffix("==").is_some_and(|digits| {
            digits
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
        })
}

fn lists(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    tokens(headers, name).any(|token| token.eq_ignore_ascii_case(wanted))
}

fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

/// The header's value, if it is there exactly once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok().map(str::trim),
        _ => None,
    }
}

/// Which web pages may open a WebSocket here.
///
/// Browsers send the `Origin` of the page (RFC 6455, 10.2), and a page's script acts with the
/// rights of whoever looks at it. Other programs send none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    allowed: Vec<String>,
}

impl Origins {
    pub(crate) fn allow_origin(&mut self, origin: &str) {
        self.allowed
            .push(origin.trim_end_matches('/').to_ascii_lowercase());
    }

    /// `local` is this end's address of the connection.
    fn allow(&self, headers: &HeaderMap, local: Option<IpAddr>) -> bool {
        if !headers.contains_key(ORIGIN) {
            return true;
        }
        let Some(origin) = only(headers, &ORIGIN).map(str::to_ascii_lowercase) else {
            return false;
        };
        self.allowed.contains(&origin)
            || only(headers, &HOST)
                .is_some_and(|host| is_own(&origin, host) && is_plausible(host, local))
    }
}

/// The page came from this server: the same host and port, over plain HTTP as this server speaks.
fn is_own(origin: &str, host: &str) -> bool {
    const DEFAULT_PORT: &str = ":80";
    let host = host.to_ascii_lowercase();
    origin.strip_prefix("http://").is_some_and(|origin| {
        origin.trim_end_matches(DEFAULT_PORT) == host.trim_end_matches(DEFAULT_PORT)
    })
}

/// The `Host` may be that of this server. Under any name that its author lets resolve to a loopback
/// address, a page would be this machine's own (DNS rebinding); so there only names that are not
/// looked up will do.
fn is_plausible(host: &str, local: Option<IpAddr>) -> bool {
    if local.is_some_and(|local| !local.is_loopback()) {
        return true;
    }
    let name = host.rsplit_once(':').map_or(host, |(name, port)| {
        // The last group of an IPv6 address is no port.
        if port.ends_with(']') { host } else { name }
    });
    let name = name.to_ascii_lowercase();
    let address = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
        .unwrap_or(&name);
    name == "localhost" || name.ends_with(".localhost") || address.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const PUBLIC: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));

    fn request(extra: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::builder().uri("/ws");
        for (name, value) in [
            ("host", "example.com:8080"),
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ] {
            if !extra.iter().any(|(extra, _)| extra == &name) {
                request = request.header(name, value);
            }
        }
        for (name, value) in extra.iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    fn status(extra: &[(&str, &str)]) -> u16 {
        let mut origins = Origins::default();
        origins.allow_origin("https://console.example.org/");
        match accept(&request(extra), &origins, PUBLIC) {
            Ok((_, answer)) => answer.status().as_u16(),
            Err(answer) => answer.status().as_u16(),
        }
    }

    #[test]
    fn the_key_of_rfc_6455_is_accepted_as_it_says() {
        let (subprotocol, answer) = accept(&request(&[]), &Origins::default(), PUBLIC).unwrap();
        assert!(subprotocol.is_none());
        assert_eq!(
            answer.headers()[SEC_WEBSOCKET_ACCEPT],
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
        assert!(!answer.headers().contains_key(SEC_WEBSOCKET_PROTOCOL));
    }

    #[test]
    fn what_is_not_a_handshake_is_refused() {
        for (extra, expected) in [
            (&[("upgrade", "")][..], 426),
            (&[("connection", "close")], 426),
            (&[("sec-websocket-version", "8")], 426),
            (&[("sec-websocket-version", "")], 426),
            (&[("host", "")], 400),
            (&[("sec-websocket-key", "")], 400),
            (&[("sec-websocket-key", "short")], 400),
            (&[("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZ===")], 400),
        ] {
            assert_eq!(status(extra), expected, "{extra:?}");
        }
    }

    #[test]
    fn only_the_own_origin_and_allowed_ones_may_open() {
        for (origin, expected) in [
            ("", 101),
            ("http://example.com:8080", 101),
            ("HTTP://EXAMPLE.com:8080", 101),
            ("https://console.example.org", 101),
            ("http://console.example.org", 403),
            ("https://console.example.org:444", 403),
            ("https://example.com:8080", 403),
            ("http://example.com", 403),
            ("http://example.com:8081", 403),
            ("http://example.com:8080.evil", 403),
            ("http://evil", 403),
            ("https://evil", 403),
            ("null", 403),
        ] {
            assert_eq!(status(&[("origin", origin)]), expected, "{origin}");
        }
        assert_eq!(
            status(&[
                ("origin", "http://example.com:8080"),
                ("origin", "http://evil")
            ]),
            403
        );
    }

    #[test]
    fn a_subprotocol_is_chosen_or_refused_and_never_ignored() {
        for (offered, expected) in [
            ("specwire.v1.json", Ok("specwire.v1.json")),
            ("other, specwire.v1.json", Ok("specwire.v1.json")),
            (
                "other,specwire.v1.tagged , specwire.v1.json",
                Ok("specwire.v1.tagged"),
            ),
            ("", Ok("")),
            ("other", Err(400)),
            ("specwire.v2.json", Err(400)),
            (",", Err(400)),
        ] {
            let accepted = accept(
                &request(&[("sec-websocket-protocol", offered)]),
                &Origins::default(),
                PUBLIC,
            );
            let accepted = accepted
                .map(|(subprotocol, answer)| {
                    let name = subprotocol.map_or("", |subprotocol| subprotocol.name);
                    let selected = answer.headers().get(SEC_WEBSOCKET_PROTOCOL);
                    assert_eq!(selected.map_or("", |name| name.to_str().unwrap()), name);
                    name
                })
                .map_err(|answer| answer.status().as_u16());
            assert_eq!(accepted, expected, "{offered}");
        }
    }

    #[test]
    fn on_a_loopback_address_no_name_of_others_is_the_own() {
        for (host, expected) in [
            ("localhost:8080", 101),
            ("LOCALHOST", 101),
            ("app.localhost:8080", 101),
            ("127.0.0.1:8080", 101),
            ("[::1]:8080", 101),
            ("evil.example:8080", 403),
            ("localhost.evil.example", 403),
            ("127.0.0.1.evil.example", 403),
            ("[::1].evil.example", 403),
        ] {
            let origin = format!("http://{host}");
            let extra = [("host", host), ("origin", origin.as_str())];
            let local = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
            let accepted = accept(&request(&extra), &Origins::default(), local);
            let status = match accepted {
                Ok((_, answer)) => answer.status(),
                Err(answer) => answer.status(),
            };
            assert_eq!(status.as_u16(), expected, "{host}");
        }
    }
}

//! Which framing a connection speaks, and one that is not the runtime's own.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::json;
use specwire::framing::{Accepted, Body, Event, Frame, Input, Open, Refusal, Tagged, Written};
use specwire::{Error, Fault, Framing, Provider, Request, Server, Subscribers};
use specwire_server::heartbeat;
use specwire_server::services::heartbeat::Pulse;

use self::files::{Book, Returned};
use crate::client::{Peer, handshake, http, status};
use crate::service::{Running, provider};

/// A document with one channel, on which its service sends by itself.
#[allow(
    unreachable_pub,
    reason = "generated modules are public where they are"
)]
mod files {
    include!("../../codegen/tests/golden/Files.rs");
}

struct Library;

impl files::Service for Library {
    async fn lend(&self, _: Request<Book>) -> Result<(), Fault> {
        Ok(())
    }

    async fn returned(&self, readers: Subscribers<(), Returned>) -> Result<(), Fault> {
        readers.publish(Returned::default());
        std::future::pending().await
    }
}

fn pulse() -> Provider {
    heartbeat::provider(Pulse {
        period: Duration::from_secs(3600),
    })
}

async fn start(server: Server) -> Running {
    Running::start(server).await
}

const RETURNED: &str = r#"{"book":{"title":""}}"#;

#[tokio::test]
async fn a_subprotocol_comes_before_what_the_document_speaks() {
    let server = start(Server::new().serve(pulse().framing(Tagged))).await;
    for (offered, says) in [
        ("specwire.v1.json", r#"{"op":"init","id":0}"#),
        (
            "specwire.v1.tagged, specwire.v1.json",
            "getPeriod_request:{}",
        ),
        (
            "mqtt, specwire.v1.json, specwire.v1.tagged",
            r#"{"op":"init","id":0}"#,
        ),
    ] {
        let headers = [("sec-websocket-protocol", offered)];
        let mut peer = Peer::open(&server, "/ws/heartbeat", &headers)
            .await
            .unwrap();
        peer.send_text(says).await;
        let answer = peer.next_text().await;
        let expected = if says.starts_with('{') {
            r#"{"op":"ack""#
        } else {
            "getPeriod_response:"
        };
        assert!(answer.starts_with(expected), "{offered}: {answer}");
    }
}

#[tokio::test]
async fn a_documents_framing_is_spoken_at_its_own_urls() {
    let (patterns, _dome) = provider();
    let server = start(Server::new().serve(pulse().framing(Tagged)).serve(patterns)).await;
    for path in ["/ws/heartbeat", "/ws/heartbeat/getPeriod_request"] {
        let mut peer = Peer::raw(&server, path).await;
        peer.send_text("getPeriod_request:{}").await;
        assert!(peer.next_text().await.starts_with("getPeriod_response:"));
    }
    let mut peer = Peer::raw(&server, "/ws/patterns/status_request").await;
    peer.send_text("{}").await;
    assert_eq!(peer.next().await["parked"], true);
    // What reaches several documents cannot be one's.
    let mut peer = Peer::raw(&server, "/ws").await;
    peer.send_text(r#"{"interactionId":"7"}"#).await;
    assert_eq!(peer.next().await["period"], 3600);

    // With one document only, `/ws` is that document's.
    let server = start(Server::new().serve(pulse().framing(Tagged))).await;
    let mut peer = Peer::raw(&server, "/ws").await;
    peer.send_text("getPeriod_request:{}").await;
    assert!(peer.next_text().await.starts_with("getPeriod_response:"));
}

#[tokio::test]
async fn other_paths_reach_the_document_that_was_named_for_them() {
    let server = Server::new()
        .serve(pulse().framing(Tagged))
        .serve(files::provider(Library))
        .fallback("heartbeat");
    let server = start(server).await;
    for path in ["/", "/chat", "/wsx", "/ws/files/none", "/a/b?c=d"] {
        let mut peer = Peer::raw(&server, path).await;
        peer.send_text("getPeriod_request:{}").await;
        let answer = peer.next_text().await;
        assert_eq!(answer, r#"getPeriod_response:{"period":3600}"#, "{path}");
    }
    // What is served there is.
    let mut peer = Peer::raw(&server, "/ws/files").await;
    assert_eq!(peer.next_text().await, RETURNED);
    // Who asks for no WebSocket gets the page, and nothing elsewhere.
    let page = http(&server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(status(&page), "200");
    let other = http(&server, b"GET /chat HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(status(&other), "404");
}

#[tokio::test]
async fn without_a_document_for_them_other_paths_are_not_found() {
    let server = start(Server::new().serve(pulse())).await;
    let page = http(&server, handshake("/", "").as_bytes()).await;
    assert_eq!(status(&page), "200");
    let other = http(&server, handshake("/chat", "").as_bytes()).await;
    assert_eq!(status(&other), "404");
}

#[tokio::test]
async fn a_document_that_is_not_served_answers_nothing() {
    let listener = specwire::bind("127.0.0.1:0").await.unwrap();
    let server = Server::new().serve(pulse()).fallback("ticker");
    let error = server
        .run(listener, std::future::pending())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::UnknownDocument { .. }));
    assert_eq!(
        error.to_string(),
        "the document `ticker` is not among those that are served"
    );
}

#[tokio::test]
async fn opening_a_url_that_reaches_one_channel_opens_it() {
    let alone = start(Server::new().serve(files::provider(Library))).await;
    for path in ["/ws", "/ws/files", "/ws/files/library"] {
        let mut peer = Peer::raw(&alone, path).await;
        assert_eq!(peer.next_text().await, RETURNED, "{path}");
    }
    let tagged = [("sec-websocket-protocol", "specwire.v1.tagged")];
    let mut peer = Peer::open(&alone, "/ws", &tagged).await.unwrap();
    assert_eq!(peer.next_text().await, format!("returned:{RETURNED}"));
    // In the envelope a client asks for it.
    let mut peer = Peer::envelope(&alone).await;
    peer.expect_nothing().await;

    // A URL that reaches more than one opens none.
    let server = Server::new().serve(files::provider(Library)).serve(pulse());
    let server = start(server).await;
    let mut peer = Peer::raw(&server, "/ws").await;
    peer.send(&json!({"interactionId": "7"})).await;
    assert_eq!(peer.next().await["period"], 3600);
}

/// Lines: `number channel`, and the payload below. A number with a sign before it ends what it began.
#[derive(Clone, Debug, Default)]
struct Lines {
    greeted: bool,
    room: usize,
}

impl Framing for Lines {
    fn opened(&mut self, connection: Accepted) {
        self.room = connection.message_size;
    }

    fn is_waiting(&self) -> bool {
        !self.greeted
    }

    fn subscribes_by_url(&self) -> bool {
        false
    }

    fn read<'a>(&mut self, frame: Frame<'a>) -> Result<Input<'a>, Refusal> {
        let Frame::Text(Cow::Borrowed(text)) = frame else {
            return Err(Refusal::new(1003, "only text is understood here"));
        };
        if text == "hello" {
            self.greeted = true;
            return Ok(Input::Answer(format!("up to {}", self.room).into()));
        }
        if let Some(id) = text.strip_prefix('-').and_then(|id| id.parse().ok()) {
            return Ok(Input::Close(id));
        }
        let Some((head, payload)) = text.split_once('\n') else {
            return Ok(Input::fault("there is no second line"));
        };
        let Some((id, channel)) = head.split_once(' ') else {
            return Ok(Input::fault("the first line has no channel"));
        };
        let Ok(id) = id.parse() else {
            return Ok(Input::fault("the first line has no number"));
        };
        Ok(match Open::apart(None, Some(payload)) {
            Ok(open) => Input::Open(open.channel(channel).id(id)),
            Err(fault) => Input::Fault {
                id: Some(id),
                fault,
            },
        })
    }

    fn write<'a>(&self, event: &'a Event) -> Written<'a> {
        let id = event
            .id()
            .map_or_else(|| "?".to_owned(), |id| id.to_string());
        match event.body() {
            Body::Ack(_) => format!("{id} ack").into(),
            Body::Message(content) => format!(
                "{id} {}/{}\n{}",
                content.channel(),
                content.message(),
                content.payload()
            )
            .into(),
            Body::Fault(fault) if fault.code() == Fault::UNKNOWN_CHANNEL => {
                Written::Close(Refusal::new(4404, fault.message().to_owned()))
            }
            Body::Fault(fault) => format!("{id} {}", fault.code()).into(),
            Body::End => format!("{id} end").into(),
            _ => Written::Nothing,
        }
    }
}

#[tokio::test]
async fn a_framing_may_be_ones_own() {
    let (patterns, mut dome) = provider();
    let server = start(Server::new().serve(patterns.framing(Lines::default()))).await;
    let mut peer = Peer::raw(&server, "/ws/patterns").await;
    peer.send_text("hello").await;
    assert_eq!(peer.next_text().await, "up to 65536");
    for (frame, answer) in [
        (
            "1 status_request\n{}",
            "1 status_response/status_response\n{\"parked\":true}",
        ),
        (
            "2 pointAt_submit\n{\"rightAscension\":1,\"declination\":1}",
            "2 ack",
        ),
        (
            "3 pointAt_submit\n{\"rightAscension\":1}",
            "3 invalid_message",
        ),
        ("4 pointAt_submit\n{", "4 invalid_frame"),
        ("5", "? invalid_frame"),
        ("6 weather_sub\n{\"subscriptionId\":\"a\"}", "6 ack"),
        ("6 status_request\n{}", "6 duplicate_id"),
        // Which would say that the subscription has failed.
        ("6 status_request\n{", "? invalid_frame"),
    ] {
        peer.send_text(frame).await;
        assert_eq!(peer.next_text().await, answer, "{frame}");
    }
    dome.runs(1, 0).await;
    assert_eq!(dome.wind(3.0).await, 1);
    assert_eq!(
        peer.next_text().await,
        "6 weather_pub/weather_pub\n{\"subscriptionId\":\"a\",\"wind\":3}"
    );
    peer.send_text("-6").await;
    assert_eq!(peer.next_text().await, "6 end");
    dome.runs(1, 1).await;
    peer.send_text("7 nowhere\n{}").await;
    assert_eq!(peer.close_code().await, 4404);
}

#[tokio::test]
async fn a_framing_may_wait_for_a_first_frame() {
    let limits = specwire::Limits {
        init_timeout: Duration::from_millis(20),
        ..specwire::Limits::default()
    };
    let server = Server::new()
        .limits(limits)
        .serve(pulse().framing(Lines::default()));
    let server = start(server).await;
    let mut silent = Peer::raw(&server, "/ws").await;
    assert_eq!(silent.close_code().await, 4408);
}

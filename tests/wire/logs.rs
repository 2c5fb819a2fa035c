//! What is logged: of each connection something, of each message nothing, and of secrets not a word.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::json;
use specwire::Server;
use specwire::bus::{Publication, Sink};
use specwire::framing::{Event, Frame, Framing, Input, Refusal, Written};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Metadata, Subscriber};

use crate::client::{Peer, http, soon};
use crate::distant::Distant;
use crate::service::{Running, provider, telescope};
use crate::topics::{house, listen};
use crate::{cbor, distant};

/// Everything that is logged on this thread, and so by a server and a client of one test.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<Line>>>);

#[derive(Clone, Debug)]
struct Line {
    level: Level,
    is_span: bool,
    /// The name and all fields.
    text: String,
}

impl Log {
    /// Collects until the guard is dropped.
    fn start() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let guard = tracing::subscriber::set_default(log.clone());
        (log, guard)
    }

    fn lines(&self) -> Vec<Line> {
        self.0.lock().unwrap().clone()
    }

    /// Spans and events above `trace`.
    fn above_trace(&self) -> Vec<Line> {
        let lines = self.lines().into_iter();
        lines.filter(|line| line.level < Level::TRACE).collect()
    }

    fn push(&self, metadata: &Metadata<'_>, record: impl FnOnce(&mut Text)) {
        let mut text = Text(metadata.name().to_owned());
        record(&mut text);
        self.0.lock().unwrap().push(Line {
            level: *metadata.level(),
            is_span: metadata.is_span(),
            text: text.0,
        });
    }
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push_str(&format!(" {field}={value:?}"));
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("specwire")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.push(span.metadata(), |text| span.record(text));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut text = Text(String::new());
        values.record(&mut text);
        self.0.lock().unwrap().push(Line {
            level: Level::INFO,
            is_span: true,
            text: text.0,
        });
    }

    fn event(&self, event: &tracing::Event<'_>) {
        self.push(event.metadata(), |text| event.record(text));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn each_connection_has_a_span_and_no_message_has_a_line() {
    let (log, _guard) = Log::start();
    let (server, mut dome) = telescope().await;
    let mut envelope = Peer::envelope(&server).await;
    let mut raw = Peer::raw(&server, "/ws/patterns/weather_sub").await;
    let spans: Vec<_> = log
        .lines()
        .into_iter()
        .filter(|line| line.is_span)
        .collect();
    let [first, second] = spans.as_slice() else {
        panic!("{spans:?}")
    };
    for (span, framing) in [(first, "envelope"), (second, "raw")] {
        assert_eq!(span.level, Level::INFO);
        for field in [" id=", " peer=127.0.0.1:", " document=\"patterns\""] {
            assert!(span.text.contains(field), "{field}: {span:?}");
        }
        assert!(span.text.to_lowercase().contains(framing), "{span:?}");
    }

    raw.send(&json!({"subscriptionId": "1"})).await;
    dome.runs(1, 0).await;
    let before = log.above_trace().len();
    for id in 1..50 {
        for frame in [
            // A request, one that is refused, one that is none, and a subscription.
            json!({"op": "msg", "id": id, "channel": "status_request", "payload": {}}),
            json!({"op": "msg", "id": id + 1000, "channel": "status_request", "payload": {"x": 1}}),
            json!({"op": "nonsense", "id": id + 2000}),
            json!({"op": "sub", "id": id + 3000, "channel": "weather_sub", "payload": {}}),
            json!({"op": "unsub", "id": id + 3000}),
        ] {
            envelope.send(&frame).await;
            envelope.next().await;
        }
        raw.send(&json!({"nonsense": id})).await;
        raw.next_fault().await;
        assert_eq!(dome.wind(1.0).await, 1);
        raw.next().await;
    }
    let lines = log.above_trace();
    assert_eq!(lines.len(), before, "{:?}", &lines[before..]);

    // Nor do subscriptions, each of which starts and ends a handler.
    raw.close().await;
    dome.runs(1, 1).await;
    let before = log.above_trace().len();
    for id in 1..20 {
        envelope
            .send(&json!({"op": "sub", "id": id, "channel": "weather_sub", "payload": {}}))
            .await;
        envelope.next().await;
        dome.runs(1 + id, id).await;
        envelope.send(&json!({"op": "unsub", "id": id})).await;
        envelope.next().await;
        dome.runs(1 + id, 1 + id).await;
    }
    let lines = log.above_trace();
    assert_eq!(lines.len(), before, "{:?}", &lines[before..]);
}

#[tokio::test]
async fn a_handler_that_always_panics_does_not_fill_the_log() {
    let (log, _guard) = Log::start();
    let (server, _dome) = telescope().await;
    let mut peer = Peer::envelope(&server).await;
    let begun = std::time::Instant::now();
    for id in 1..50 {
        peer.send(&json!({"op": "msg", "id": id, "channel": "pointAt_submit",
                          "payload": {"rightAscension": crate::service::PANIC, "declination": 1}}))
            .await;
        assert_eq!(peer.next_fault().await, "internal");
    }
    let lines = log.lines();
    let lines = lines.iter().filter(|line| line.text.contains("panicked"));
    // Others may have panicked in the same second, in tests beside this.
    let most = usize::try_from(begun.elapsed().as_secs()).unwrap() + 1;
    assert!(lines.count() <= most);
}

#[tokio::test]
async fn s06_secrets_are_never_logged_nor_sent_back() {
    const SECRET: &str = "s3cr3t";
    let (log, _guard) = Log::start();
    let (server, _dome) = telescope().await;
    let subprotocols = format!("base64url.bearer.phx.{SECRET}, specwire.v1.json");
    let bearer = format!("Bearer {SECRET}");
    let cookie = format!("session={SECRET}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("cookie", cookie.as_str()),
        ("sec-websocket-protocol", subprotocols.as_str()),
    ];
    let query = format!("?token={SECRET}");
    for (path, origin) in [
        ("/ws", None),
        ("/ws", Some("https://evil")),
        ("/ws/nowhere", None),
    ] {
        let mut headers = headers.to_vec();
        headers.extend(origin.map(|origin| ("origin", origin)));
        let Ok(mut peer) = Peer::open(&server, &format!("{path}{query}"), &headers).await else {
            continue;
        };
        peer.send(&json!({"op": "init", "id": 0, "token": SECRET}))
            .await;
        peer.next().await;
        for payload in [
            json!({"token": SECRET}),
            json!({"rightAscension": SECRET}),
            json!(SECRET),
        ] {
            peer.send(
                &json!({"op": "msg", "id": 1, "channel": "pointAt_submit", "payload": payload,
                              "headers": {"requestId": SECRET}}),
            )
            .await;
            peer.next_fault().await;
        }
        peer.send_text(SECRET).await;
        peer.next_fault().await;
        peer.close().await;
    }
    // Handshakes that are none, and such as fail.
    for request in [
        format!("GET /ws{query} HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\n\r\n"),
        format!("GET /ws{query}\r\nAuthorization {bearer}\r\n\r\n"),
        format!("{SECRET}\r\n\r\n"),
    ] {
        let answer = http(&server, request.as_bytes()).await;
        assert!(!answer.contains(SECRET), "{answer}");
    }
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    let request = format!(
        "{}Sec-WebSocket-Protocol: {subprotocols}\r\n\r\n",
        crate::client::handshake("/ws", "")
            .trim_end_matches("\r\n\r\n")
            .to_owned()
            + "\r\n"
    );
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(soon(tcp.read_u8()).await.unwrap());
    }
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.contains("specwire.v1.json"), "{answer}");
    assert!(!answer.contains(SECRET), "{answer}");
    drop(server);

    let lines = log.lines();
    assert!(lines.iter().any(|line| line.level == Level::TRACE));
    for line in lines {
        assert!(!line.text.contains(SECRET), "{line:?}");
    }
}

/// Panics where it is told to.
#[derive(Clone, Debug)]
struct Fragile;

impl Framing for Fragile {
    fn read<'a>(&mut self, frame: Frame<'a>) -> Result<Input<'a>, Refusal> {
        let Frame::Text(text) = frame else {
            return Ok(Input::Nothing);
        };
        assert!(text != "panic", "told to panic");
        Ok(Input::Answer(Frame::from(text.as_ref()).into_owned()))
    }

    fn write<'a>(&self, _: &'a Event) -> Written<'a> {
        Written::Nothing
    }
}

#[tokio::test]
async fn r20_a_framing_that_panics_closes_its_connection_and_no_other() {
    let (log, _guard) = Log::start();
    let (provider, _dome) = provider();
    let server = Server::new().serve(provider.framing(Fragile));
    let metrics = server.metrics();
    let server = Running::start(server).await;
    let mut two = Peer::raw(&server, "/ws/patterns").await;
    let mut panics = 0;
    // Not each is logged, and others may have just been.
    let is_logged = || {
        log.lines()
            .iter()
            .any(|line| line.text.contains("panicked"))
    };
    while !is_logged() {
        let mut one = Peer::raw(&server, "/ws/patterns").await;
        one.send_text("panic").await;
        assert_eq!(one.close_code().await, 1011);
        panics += 1;
        assert_eq!(metrics.counters().panics, panics);
    }
    two.send_text("hello").await;
    assert_eq!(two.next_text().await, "hello");
    Peer::raw(&server, "/ws/patterns").await;
}

/// Publishes whatever is logged as an error.
struct Publisher(Arc<distant::Delaying>);

impl Subscriber for Publisher {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("specwire") && *metadata.level() == Level::ERROR
    }

    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        let said = json!({"text": text.0}).to_string();
        self.0
            .deliver(&Publication::new("said", None, &said).unwrap(), None);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn a_logger_may_publish_what_is_logged() {
    let bus = Arc::new(Distant::default());
    let carrier = Arc::<Distant>::clone(&bus);
    let (provider, _orders) = house();
    let server = Running::start(Server::new().bus(carrier).serve(provider)).await;
    let mut peer = cbor::open(&server).await;
    cbor::send(&mut peer, &listen(1, "a")).await;
    assert_eq!(cbor::next(&mut peer).await["op"], "ack");
    let sink = Arc::clone(&bus.sinks.lock().unwrap()[0]);
    let text = format!("{}{}", "[".repeat(130), "]".repeat(130));
    let deep = Publication::new("said", None, &format!(r#"{{"text":{text}}}"#)).unwrap();
    let log = Arc::new(Publisher(Arc::clone(&sink)));
    let is_told = async {
        loop {
            // Whoever publishes writes for those who wait. The connection itself, if it does not wait
            // yet, may have logged the same, on this thread, less than a second ago.
            let (log, sink, deep) = (Arc::clone(&log), Arc::clone(&sink), deep.clone());
            let publisher = thread::spawn(move || {
                tracing::subscriber::with_default(log, || sink.deliver(&deep, None));
            });
            let frame = cbor::next(&mut peer).await;
            if frame["op"] == "msg" {
                return frame["payload"]["text"].to_string();
            }
            assert_eq!(frame["payload"]["code"], "internal", "{frame}");
            publisher.join().unwrap();
        }
    };
    let text = soon(is_told).await;
    assert!(text.contains("cannot be written in CBOR"), "{text}");
}

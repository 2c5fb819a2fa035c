//! What a handler is told of the connection and of its exchange.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use serde_json::json;
use specwire::{ClientBuilder, Fault, Limits, Opening, Request, Server, Subscribers, Validate};
use specwire_server::heartbeat::{
    self, BeatPub, BeatSub, GetPeriodRequest, GetPeriodResponse, Service,
};
use tokio::sync::{Notify, mpsc};

use crate::client::{Peer, soon};
use crate::service::Running;

pub(crate) type Seen = Request<GetPeriodRequest>;

type Builder = ClientBuilder<heartbeat::Client>;
type Set = fn(Builder) -> Builder;

/// What has a client of ours speak each framing.
pub(crate) const FRAMINGS: [(&str, Set); 4] = [
    ("json", |builder| builder),
    ("cbor", ClientBuilder::cbor),
    ("raw", ClientBuilder::raw),
    ("tagged", ClientBuilder::tagged),
];

/// Hands every request to the test, and does as its id says.
pub(crate) struct Curious(pub(crate) mpsc::UnboundedSender<Seen>);

impl Service for Curious {
    async fn beat(&self, _: Subscribers<BeatSub, BeatPub>) -> Result<(), Fault> {
        std::future::pending().await
    }

    fn get_period(
        &self,
        request: Seen,
    ) -> impl Future<Output = Result<GetPeriodResponse, Fault>> + Send {
        let id = request.interaction_id.clone().unwrap_or_default();
        self.0.send(request).unwrap();
        assert!(id != "panic at once", "told to panic");
        async move {
            tokio::task::yield_now().await;
            assert!(id != "panic", "told to panic");
            if id == "wait" {
                std::future::pending::<()>().await;
            }
            Ok(GetPeriodResponse::default())
        }
    }
}

async fn curious() -> (Running, mpsc::UnboundedReceiver<Seen>) {
    let (sender, seen) = mpsc::unbounded_channel();
    let server = Server::new().serve(heartbeat::provider(Curious(sender)));
    (Running::start(server).await, seen)
}

fn ask(id: u64, what: &str) -> serde_json::Value {
    json!({"op": "msg", "id": id, "channel": "getPeriod_request", "payload": {"interactionId": what}})
}

/// Pings are RFC 6455's, beneath whatever is spoken. That of the envelope is for who cannot send them:
/// it is answered, and whoever sends it measures.
#[tokio::test]
async fn pings_tell_both_ends_how_long_the_way_is_in_every_framing() {
    let often = Duration::from_millis(10);
    let (sender, mut seen) = mpsc::unbounded_channel();
    let limits = Limits {
        ping_interval: often,
        ..Limits::default()
    };
    let provider = heartbeat::provider(Curious(sender));
    let server = Server::new().limits(limits).serve(provider);
    let server = Running::start(server).await;
    let url = format!("ws://{}/ws/heartbeat/getPeriod_request", server.address);
    for (speaks, set) in FRAMINGS {
        let client = set(heartbeat::Client::builder(&url)).ping_interval(often);
        let client = soon(client.connect()).await.unwrap();
        // That of the envelope's first exchange, where there is one.
        let before = client.latency();
        let both = async {
            let mut told = None;
            while told.is_none() || client.latency() == before {
                let request = GetPeriodRequest::default();
                client.get_period(request).await.unwrap();
                told = seen.recv().await.unwrap().latency();
            }
            (told, client.latency())
        };
        let (told, measured) = soon(both).await;
        assert!(told.unwrap() < Duration::from_secs(10), "{speaks}");
        assert!(measured.unwrap().last < Duration::from_secs(10), "{speaks}");
    }
}

#[tokio::test]
async fn before_the_first_ping_nobody_knows_how_long_the_way_is() {
    let (server, mut seen) = curious().await;
    let mut peer = Peer::envelope(&server).await;
    peer.send(&ask(1, "before")).await;
    assert_eq!(soon(seen.recv()).await.unwrap().latency(), None);
}

#[tokio::test]
async fn a_handler_is_told_what_the_connection_was_opened_with() {
    let (server, mut seen) = curious().await;
    let headers = [
        ("authorization", "Bearer let-me-in"),
        ("x-lower", "1"),
        // Whoever comes over no proxy may say what they like (S08).
        ("x-forwarded-for", "192.0.2.1"),
        ("forwarded", "for=192.0.2.1"),
        ("cookie", "a=b; c=d"),
        ("sec-websocket-protocol", "specwire.v1.json"),
    ];
    let path = "/ws/heartbeat/getPeriod%5Frequest?token=a%2Fb+c&token=2";
    let mut peer = Peer::open(&server, path, &headers).await.unwrap();
    peer.send(&json!({"op": "init", "id": 0})).await;
    let connection = peer.next().await["payload"]["connection"].clone();
    peer.send(&ask(1, "1")).await;
    let request = soon(seen.recv()).await.unwrap();
    assert_eq!(
        request.connection().to_string(),
        connection.as_str().unwrap()
    );
    assert_eq!(request.document(), "heartbeat");
    assert_eq!(request.path(), "/ws/heartbeat/getPeriod%5Frequest");
    assert_eq!(request.query("token").as_deref(), Some("a/b c"));
    assert_eq!(request.query("other"), None);
    assert_eq!(request.header("Authorization"), Some("Bearer let-me-in"));
    assert_eq!(request.header("X-LOWER"), Some("1"));
    assert_eq!(request.header("cookie"), Some("a=b; c=d"));
    assert_eq!(
        request.header("host"),
        Some(server.address.to_string().as_str())
    );
    assert_eq!(request.header("sec-websocket-key"), None);
    assert_eq!(request.subprotocol(), Some("specwire.v1.json"));
    let address = request.peer_address().unwrap();
    assert!(address.ip().is_loopback() && address != server.address);
    let shown = format!("{request:?}");
    assert!(
        !shown.contains("let-me-in") && !shown.contains("a%2Fb"),
        "{shown}"
    );

    let mut raw = Peer::raw(&server, "/ws").await;
    raw.send(&json!({"interactionId": "1"})).await;
    let request = soon(seen.recv()).await.unwrap();
    assert_eq!((request.path(), request.subprotocol()), ("/ws", None));
    assert_eq!(request.query("token"), None);
}

/// Whoever a peer says that it is, and wherever it says that it is from.
#[tokio::test]
async fn s37_who_asks_is_not_what_the_asker_says() {
    let (server, mut seen) = curious().await;
    let claims = [
        ("x-forwarded-for", "203.0.113.7"),
        ("forwarded", "for=203.0.113.7"),
        ("x-real-ip", ""),
    ];
    let mut victim = Peer::raw(&server, "/ws").await;
    victim.send(&json!({"interactionId": "1"})).await;
    let victim = soon(seen.recv()).await.unwrap();
    let mut other = Peer::open(&server, "/ws", &claims).await.unwrap();
    other
        .send(&json!({"interactionId": victim.connection(), "replyTo": victim.connection()}))
        .await;
    let request = soon(seen.recv()).await.unwrap();
    assert_ne!(request.connection(), victim.connection());
    let address = request.peer_address().unwrap();
    assert!(address.ip().is_loopback(), "{address}");
}

#[tokio::test]
async fn s35_identifiers_of_connections_are_random() {
    let (server, mut seen) = curious().await;
    let mut identifiers = std::collections::HashSet::new();
    let mut common = (u128::MAX, u128::MAX);
    for _ in 0..64 {
        let mut peer = Peer::raw(&server, "/ws").await;
        peer.send(&json!({"interactionId": "1"})).await;
        let id = soon(seen.recv()).await.unwrap().connection();
        assert_eq!(id.get_version_num(), 4);
        assert!(identifiers.insert(id), "{id} was given twice");
        common = (common.0 & id.as_u128(), common.1 & !id.as_u128());
    }
    // No bit is the same in all of them but the six that say which kind of UUID it is.
    assert_eq!((common.0 | common.1).count_ones(), 6);
}

/// As it is generated of a WebSocket binding.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize, serde::Serialize)]
struct Wanted {
    depth: Option<u8>,
    symbols: Vec<String>,
}

impl Validate for Wanted {}

impl Opening for Wanted {
    const NAMES: &'static [&'static str] = &["depth", "symbols"];
}

/// The same of headers.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
struct Trace {
    #[serde(rename = "X-Trace")]
    trace: u64,
}

impl Validate for Trace {}

impl Opening for Trace {
    const NAMES: &'static [&'static str] = &["X-Trace"];
}

#[tokio::test]
async fn a_handler_and_a_client_have_types_of_what_a_connection_is_opened_with() {
    let (server, mut seen) = curious().await;
    let wanted = Wanted {
        depth: Some(7),
        symbols: vec!["a&b".to_owned(), "c".to_owned()],
    };
    let trace = Trace { trace: 12 };
    let url = format!("ws://{}/ws/heartbeat", server.address);
    let builder = heartbeat::Client::builder(&url)
        .query(&wanted)
        .headers(&trace);
    let shown = format!("{builder:?}");
    assert!(!shown.contains("depth"), "{shown}");
    let client = builder.connect().await.unwrap();
    client
        .get_period(GetPeriodRequest::default())
        .await
        .unwrap();
    let request = soon(seen.recv()).await.unwrap();
    assert_eq!(request.query_as::<Wanted>().unwrap(), wanted);
    assert_eq!(request.headers_as::<Trace>().unwrap(), trace);

    let mut raw = Peer::raw(&server, "/ws?depth=many&symbols=").await;
    raw.send(&json!({"interactionId": "1"})).await;
    let request = soon(seen.recv()).await.unwrap();
    let fault = request.query_as::<Wanted>().unwrap_err();
    assert_eq!(
        (fault.code(), fault.message()),
        (
            Fault::INVALID_MESSAGE,
            "the query of the connection: /depth: invalid type: string \"many\", expected u8"
        )
    );
    let fault = request.headers_as::<Trace>().unwrap_err();
    let expected = "the headers of the connection: missing field `X-Trace`";
    assert_eq!(fault.message(), expected);
}

#[tokio::test]
async fn a_call_within_the_process_has_no_connection_to_tell_of() {
    let (sender, mut seen) = mpsc::unbounded_channel();
    let client = heartbeat::Client::in_memory(Curious(sender));
    client
        .get_period(GetPeriodRequest::default())
        .await
        .unwrap();
    let request = soon(seen.recv()).await.unwrap();
    assert_eq!((request.path(), request.header("host")), ("", None));
    assert_eq!((request.peer_address(), request.latency()), (None, None));
    assert_eq!(request.document(), "heartbeat");
}

#[tokio::test]
async fn whoever_waits_for_the_end_of_an_exchange_is_told() {
    let (mut server, mut seen) = curious().await;
    let mut peer = Peer::envelope(&server).await;

    peer.send(&ask(1, "answered")).await;
    let answered = soon(seen.recv()).await.unwrap();
    let cancelled = answered.cancelled();
    assert_eq!(peer.next().await["op"], "msg");
    soon(cancelled).await;
    assert!(answered.is_cancelled());

    peer.send(&ask(2, "wait")).await;
    let given_up = soon(seen.recv()).await.unwrap();
    assert!(!given_up.is_cancelled());
    let cancelled = given_up.cancelled();
    peer.send(&json!({"op": "unsub", "id": 2})).await;
    soon(cancelled).await;
    assert_eq!(peer.next().await, json!({"op": "unsub", "id": 2}));

    let mut other = Peer::envelope(&server).await;
    other.send(&ask(1, "wait")).await;
    let disconnected = soon(seen.recv()).await.unwrap();
    let cancelled = disconnected.cancelled();
    other.close().await;
    soon(cancelled).await;

    // The others go on until the server stops; and then before they are aborted.
    peer.send(&ask(3, "wait")).await;
    let stopped = soon(seen.recv()).await.unwrap();
    assert!(!stopped.is_cancelled());
    server.stop();
    let told = tokio::time::timeout(Duration::from_secs(5), stopped.cancelled());
    told.await.expect("the grace is not waited for");
}

/// A handler that panics before it first awaits, and the second time ends when it is told to.
struct Brief {
    runs: AtomicUsize,
    end: Arc<Notify>,
    seen: mpsc::UnboundedSender<Request<BeatSub>>,
}

impl Service for Brief {
    fn beat(
        &self,
        subscribers: Subscribers<BeatSub, BeatPub>,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        assert!(self.runs.fetch_add(1, Relaxed) > 0, "told to panic");
        async move {
            subscribers.publish_each(|subscription| {
                self.seen.send(subscription.clone()).unwrap();
                BeatPub::default()
            });
            self.end.notified().await;
            Ok(())
        }
    }

    async fn get_period(&self, _: Seen) -> Result<GetPeriodResponse, Fault> {
        Ok(GetPeriodResponse::default())
    }
}

#[tokio::test]
async fn r20_a_subscription_survives_its_handlers_panic_and_ends_when_the_handler_does() {
    let (seen, mut subscriptions) = mpsc::unbounded_channel();
    let end = Arc::new(Notify::new());
    let brief = Brief {
        runs: AtomicUsize::new(0),
        end: Arc::clone(&end),
        seen,
    };
    let server = Server::new().serve(heartbeat::provider(brief));
    let server = Running::start(server).await;
    let mut peer = Peer::envelope(&server).await;
    peer.send(&json!({"op": "sub", "id": 1, "channel": "beat_sub", "payload": {}}))
        .await;
    assert_eq!(peer.next().await, json!({"op": "ack", "id": 1}));
    let subscription = soon(subscriptions.recv()).await.unwrap();
    assert_eq!(peer.next().await["op"], "msg");
    let cancelled = subscription.cancelled();
    assert!(!subscription.is_cancelled());
    end.notify_one();
    assert_eq!(peer.next().await, json!({"op": "unsub", "id": 1}));
    soon(cancelled).await;
    assert!(subscription.is_cancelled());
}

#[tokio::test]
async fn r20_a_handler_that_panics_ends_its_exchange_and_nothing_else() {
    let (sender, mut seen) = mpsc::unbounded_channel();
    let server = Server::new().serve(heartbeat::provider(Curious(sender)));
    let metrics = server.metrics();
    let server = Running::start(server).await;
    let mut peer = Peer::envelope(&server).await;
    let mut raw = Peer::raw(&server, "/ws").await;
    let mut other = Peer::envelope(&server).await;
    other.send(&ask(1, "wait")).await;
    let going_on = soon(seen.recv()).await.unwrap();
    for panic in ["panic", "panic at once"] {
        peer.send(&ask(1, panic)).await;
        let failed = json!({"code": "internal", "message": "the handler failed"});
        assert_eq!(
            peer.next().await,
            json!({"op": "err", "id": 1, "payload": failed})
        );
        raw.send(&json!({"interactionId": panic})).await;
        assert_eq!(raw.next_fault().await, "internal");
    }
    assert_eq!(metrics.counters().panics, 4);
    // The same connections go on, and so does what others have going.
    peer.send(&ask(1, "fine")).await;
    assert_eq!(peer.next().await["op"], "msg");
    raw.send(&json!({"interactionId": "fine"})).await;
    assert_eq!(raw.next().await, json!({}));
    assert!(!going_on.is_cancelled());
    other.expect_nothing().await;
}

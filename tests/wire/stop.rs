//! `docs/protocol.md`: when a server stops.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use specwire::{Limits, Server};
use tokio::io::DuplexStream;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::client::{Peer, soon};
use crate::service::{Dome, Running, beating, provider, telescope};

fn to_the_zenith(id: u64) -> Value {
    json!({"op": "msg", "id": id, "channel": "pointAt_submit",
           "payload": {"rightAscension": 0, "declination": 90}})
}

/// Waits until the server accepts no more, as it does when it has begun to stop.
async fn deaf(server: &Running) {
    soon(async {
        while TcpStream::connect(server.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn clients_are_told_that_the_server_goes_away() {
    let mut server = beating(Duration::from_millis(5)).await;
    let mut idle = Peer::raw(&server, "/ws").await;
    let mut new = Peer::uninitialised(&server).await;
    let mut subscribed = Peer::raw(&server, "/ws").await;
    subscribed.send(&json!({"subscriptionId": "1"})).await;
    subscribed.next().await;
    server.stop();
    for peer in [&mut idle, &mut new, &mut subscribed] {
        assert_eq!(peer.close_code().await, 1001);
        peer.dropped().await;
    }
    server.stopped().await;
}

#[tokio::test]
async fn what_is_in_flight_is_answered_before() {
    let (mut server, dome) = telescope().await;
    let mut peer = Peer::envelope(&server).await;
    peer.send(&to_the_zenith(1)).await;
    peer.expect_nothing().await;
    server.stop();
    deaf(&server).await;
    dome.gate.add_permits(1);
    assert_eq!(peer.next().await, json!({"op": "ack", "id": 1}));
    assert_eq!(peer.close_code().await, 1001);
    peer.dropped().await;
    server.stopped().await;
}

async fn impatient(grace: Duration) -> (Running, Dome) {
    let (provider, dome) = provider();
    let server = Server::new().serve(provider).grace(grace);
    (Running::start(server).await, dome)
}

#[tokio::test]
async fn what_does_not_end_is_aborted_after_the_grace() {
    let (mut server, dome) = impatient(Duration::from_millis(1100)).await;
    let mut peer = Peer::envelope(&server).await;
    peer.send(&to_the_zenith(1)).await;
    peer.expect_nothing().await;
    server.stop();
    assert_eq!(peer.close_code().await, 1001);
    peer.dropped().await;
    server.stopped().await;
    dome.gate.add_permits(1);
    assert_eq!(dome.gate.available_permits(), 1, "the handler goes on");
}

#[tokio::test]
async fn subscription_handlers_end_before_the_server_does() {
    let (mut server, mut dome) = telescope().await;
    let mut peer = Peer::raw(&server, "/ws").await;
    peer.send(&json!({"subscriptionId": "1"})).await;
    dome.runs(1, 0).await;
    server.stop();
    peer.dropped().await;
    server.stopped().await;
    assert_eq!(*dome.runs.borrow(), (1, 1));
}

#[tokio::test]
async fn a_client_that_reads_nothing_does_not_keep_the_server() {
    let (mut server, mut dome) = impatient(Duration::from_millis(500)).await;
    let mut peer = Peer::raw(&server, "/ws").await;
    peer.send(&json!({"subscriptionId": "1"})).await;
    dome.runs(1, 0).await;
    dome.weather(crate::service::Weather::Storm);
    server.stop();
    server.stopped().await;
    peer.dropped().await;
}

/// The frames that a client still gets, the code that it is closed with, and when.
async fn rest(mut socket: WebSocketStream<DuplexStream>) -> (Vec<String>, u16, Instant) {
    let mut frames = Vec::new();
    let code = loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => frames.push(text.as_str().to_owned()),
            Message::Close(close) => break close.unwrap().code.into(),
            other => panic!("{other:?}"),
        }
    };
    let closed = Instant::now();
    while socket.next().await.is_some() {}
    (frames, code, closed)
}

/// On streams within the process, which need no file descriptors, and by a clock that only goes on
/// when nobody has anything to do.
#[tokio::test(start_paused = true)]
async fn r11_ten_thousand_clients_are_sent_away_in_batches_and_waited_for() {
    const CLIENTS: usize = 10_000;
    const IN_FLIGHT: usize = 1_000;
    let (provider, mut dome) = provider();
    let limits = Limits {
        connections: CLIENTS,
        // Not what is looked at here.
        ping_interval: Duration::from_secs(3600),
        ..Limits::default()
    };
    let server = Server::new().serve(provider).limits(limits);
    let metrics = server.metrics();
    let mount = server.mount().unwrap();
    let mut clients = Vec::new();
    for client in 0..CLIENTS {
        let (ours, theirs) = tokio::io::duplex(512);
        tokio::spawn(mount.serve_connection(theirs, None));
        let mut request = "ws://localhost/ws".into_client_request().unwrap();
        let mut frames = vec![json!({"subscriptionId": client.to_string()})];
        if client < IN_FLIGHT {
            let subprotocol = HeaderValue::from_static("specwire.v1.json");
            let headers = request.headers_mut();
            headers.insert("sec-websocket-protocol", subprotocol);
            frames = vec![json!({"op": "init", "id": 0}), to_the_zenith(1)];
        }
        let (mut socket, _) = client_async(request, ours).await.unwrap();
        for frame in frames {
            let frame = Message::text(frame.to_string());
            socket.send(frame).await.unwrap();
        }
        clients.push(tokio::spawn(rest(socket)));
    }
    dome.runs(1, 0).await;
    let subscribers = u64::try_from(CLIENTS - IN_FLIGHT).unwrap();
    while metrics.counters().subscriptions < subscribers {
        tokio::task::yield_now().await;
    }
    assert_eq!(dome.wind(1.0).await, CLIENTS - IN_FLIGHT);
    assert_eq!(mount.connections(), CLIENTS);

    let begun = Instant::now();
    let stopping = mount.clone();
    let stopped = tokio::spawn(async move { stopping.stop().await });
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(!stopped.is_finished(), "what is in flight is waited for");
    dome.gate.add_permits(IN_FLIGHT);
    stopped.await.unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(7),
        "nothing is aborted"
    );
    assert_eq!(mount.connections(), 0);
    assert_eq!(*dome.runs.borrow(), (1, 1));

    let mut told = BTreeMap::<Duration, usize>::new();
    for (client, rest) in join_all(clients).await.into_iter().enumerate() {
        let (frames, code, closed) = rest.unwrap();
        assert_eq!(code, 1001);
        if client < IN_FLIGHT {
            assert_eq!(frames.len(), 2);
            assert_eq!(frames[1], r#"{"op":"ack","id":1}"#);
        } else {
            assert_eq!(frames.len(), 1);
            *told.entry(closed - begun).or_default() += 1;
        }
    }
    // The subscribers left in 64 batches, which came over half of the time that there is.
    assert_eq!(told.len(), 64);
    assert!(
        told.values().all(|batch| *batch <= CLIENTS / 64 + 1),
        "{told:?}"
    );
    let last = told.last_key_value().unwrap().0;
    assert!((4.0..4.5).contains(&last.as_secs_f64()), "{last:?}");
}

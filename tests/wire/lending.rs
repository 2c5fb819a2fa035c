//! Connections that wait have others write for them, and nobody can tell.

use std::thread;

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use specwire::framing::{Body, Event, Frame, Input, Raw, Refusal, Written};
use specwire::{Framing, Server};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::oneshot;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Peer, soon};
use crate::service::{Dome, Running, provider, telescope};

#[tokio::test]
async fn what_is_published_and_what_is_answered_come_in_their_order() {
    const WINDS: u32 = 300;
    let (server, dome) = telescope().await;
    let mut peer = Peer::envelope(&server).await;
    peer.send(&json!({"op": "sub", "id": 1, "channel": "weather_sub", "payload": {}}))
        .await;
    assert_eq!(peer.next().await, json!({"op": "ack", "id": 1}));
    for wind in 0..WINDS {
        if wind % 7 == 0 {
            // While it is at work, it writes itself.
            peer.send(&json!({"op": "ping", "id": wind})).await;
        }
        assert_eq!(dome.wind(wind.into()).await, 1);
    }
    let (mut winds, mut pongs) = (Vec::new(), Vec::new());
    while winds.len() + pongs.len() < 343 {
        let frame = peer.next().await;
        match frame["op"].as_str() {
            Some("msg") => winds.push(frame["payload"]["wind"].as_f64().unwrap()),
            _ => pongs.push(frame["id"].as_u64().unwrap()),
        }
    }
    assert!(
        winds.iter().copied().eq((0..WINDS).map(f64::from)),
        "{winds:?}"
    );
    assert!(
        pongs.iter().copied().eq((0..WINDS.into()).step_by(7)),
        "{pongs:?}"
    );
}

/// Raw, as long as the wind is within reason.
#[derive(Clone, Debug)]
struct Cautious;

impl Framing for Cautious {
    fn read<'a>(&mut self, frame: Frame<'a>) -> Result<Input<'a>, Refusal> {
        Raw.read(frame)
    }

    fn write<'a>(&self, event: &'a Event) -> Written<'a> {
        if let Body::Message(content) = event.body() {
            assert!(!content.payload().contains("100"), "told to panic");
            if content.payload().contains("50") {
                return Written::Close(Refusal::new(4050, "that is a storm"));
            }
        }
        // As of a message that needs no more than its payload.
        match event.body() {
            Body::Message(content) => Written::from(content.payload()),
            _ => Written::Nothing,
        }
    }
}

async fn cautious() -> (Running, specwire::Metrics, Dome) {
    let (provider, dome) = provider();
    let server = Server::new().serve(provider.framing(Cautious));
    let metrics = server.metrics();
    (Running::start(server).await, metrics, dome)
}

async fn subscribed(server: &Running, dome: &Dome, count: usize) -> Peer {
    let mut peer = Peer::raw(server, "/ws/patterns/weather_sub").await;
    peer.send_text("{}").await;
    // It is not told that it is subscribed.
    while dome.wind(1.0).await < count {}
    assert_eq!(peer.next_text().await, r#"{"wind":1}"#);
    peer
}

#[tokio::test]
async fn a_framing_may_close_the_connection_at_a_publication() {
    let (server, metrics, dome) = cautious().await;
    let mut peer = subscribed(&server, &dome, 1).await;
    dome.wind(50.0).await;
    assert_eq!(
        peer.close_frame().await,
        (4050, "that is a storm".to_owned())
    );
    assert_eq!(metrics.counters().closed[&4050], 1);
}

#[tokio::test]
async fn r20_a_framing_that_panics_at_a_publication_closes_its_connection_and_no_more() {
    let (server, metrics, dome) = cautious().await;
    let mut peer = subscribed(&server, &dome, 1).await;
    dome.wind(100.0).await;
    assert_eq!(peer.close_code().await, 1011);
    assert_eq!(metrics.counters().panics, 1);
    let mut other = subscribed(&server, &dome, 1).await;
    dome.wind(2.0).await;
    assert_eq!(other.next_text().await, r#"{"wind":2}"#);
}

/// Whoever writes for others may be on a runtime that ends before theirs.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_outlives_the_runtime_of_another() {
    let (provider, dome) = provider();
    let mount = Server::new().serve(provider).mount().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let threads = thread::available_parallelism().unwrap().get();
    let connect = async |runtime: &Handle| {
        let stream = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (accepted, address) = listener.accept().await.unwrap();
        let accepted = accepted.into_std().unwrap();
        let mount = mount.clone();
        runtime.spawn(async move {
            let accepted = TcpStream::from_std(accepted).unwrap();
            mount.serve_connection(accepted, Some(address)).await;
        });
        let url = "ws://localhost/ws/patterns/weather_sub";
        let (mut socket, _) = soon(client_async(url, stream)).await.unwrap();
        // Whoever answers has somebody who writes.
        socket.send(Message::text("nonsense")).await.unwrap();
        soon(socket.next()).await.unwrap().unwrap();
        socket
    };
    // Those who write begin with the first connections.
    let first = Runtime::new().unwrap();
    for _ in 0..threads {
        connect(first.handle()).await;
    }
    let mut later = Vec::new();
    for _ in 0..threads {
        let mut socket = connect(&Handle::current()).await;
        socket.send(Message::text("{}")).await.unwrap();
        later.push(socket);
    }
    while dome.wind(1.0).await < threads {}
    let (ended, has_ended) = oneshot::channel();
    thread::spawn(move || {
        drop(first);
        ended.send(()).unwrap();
    });
    soon(has_ended).await.unwrap();
    for wind in [2.0, 3.0] {
        dome.wind(wind).await;
    }
    for socket in &mut later {
        loop {
            let frame = soon(socket.next()).await;
            if frame.unwrap().unwrap() == Message::text(r#"{"wind":3}"#) {
                break;
            }
        }
    }
}

//! Connections that wait have others write for them, and nobody can tell.

use std::any::TypeId;

use serde_json::json;
use specwire::framing::{Body, Event, Frame, Input, Raw, Refusal, Written};
use specwire::{Framing, Server};

use crate::client::Peer;
use crate::service::{Dome, Running, Weather, provider, telescope};

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

#[tokio::test]
async fn each_is_told_in_its_own_framing_what_all_are_told() {
    let (server, dome) = telescope().await;
    let tagged = [("sec-websocket-protocol", "specwire.v1.tagged")];
    let mut peers = Vec::new();
    for number in 0..3 {
        let mut peer = Peer::raw(&server, "/ws/patterns/weather_sub").await;
        peer.send_text("{}").await;
        peers.push((peer, String::new(), ""));
        let mut peer = Peer::open(&server, "/ws/patterns", &tagged).await.unwrap();
        peer.send_text("weather_sub:{}").await;
        peers.push((peer, "weather_pub:".to_owned(), ""));
        let mut peer = Peer::envelope(&server).await;
        let subscribe = json!({"op": "sub", "id": number, "channel": "weather_sub", "payload": {}});
        peer.send(&subscribe).await;
        assert_eq!(peer.next().await, json!({"op": "ack", "id": number}));
        let names = r#""channel":"weather_pub","message":"weather_pub""#;
        let before = format!(r#"{{"op":"msg","id":{number},{names},"payload":"#);
        peers.push((peer, before, "}"));
    }
    // Not all are told that they are subscribed.
    while dome.wind(1.0).await < peers.len() {}
    for size in 1..40 {
        dome.weather(Weather::Front(size));
        let payload = format!(r#"{{"subscriptionId":"{}"}}"#, "x".repeat(size));
        // When all have it all wait, and others write for them next time.
        for (peer, before, after) in &mut peers {
            let mut frame = peer.next_text().await;
            while frame.contains("wind") {
                frame = peer.next_text().await;
            }
            assert_eq!(frame, format!("{before}{payload}{after}"));
        }
    }
}

/// Raw, but for what it says of itself.
#[derive(Clone, Debug)]
struct Unlike;

impl Framing for Unlike {
    fn alike(&self) -> Option<TypeId> {
        panic!("told to panic");
    }

    fn read<'a>(&mut self, frame: Frame<'a>) -> Result<Input<'a>, Refusal> {
        Raw.read(frame)
    }

    fn write<'a>(&self, event: &'a Event) -> Written<'a> {
        Raw.write(event)
    }
}

#[tokio::test]
async fn r20_a_framing_that_panics_before_others_write_for_it_is_closed_with_a_word() {
    let (provider, _dome) = provider();
    let server = Server::new().serve(provider.framing(Unlike));
    let metrics = server.metrics();
    let server = Running::start(server).await;
    let mut peer = Peer::raw(&server, "/ws/patterns/weather_sub").await;
    peer.send_text("{}").await;
    assert_eq!(peer.close_code().await, 1011);
    assert_eq!(metrics.counters().panics, 1);
}

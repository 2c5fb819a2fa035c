//! `docs/protocol.md`: when a server stops.

use std::time::Duration;

use serde_json::{Value, json};
use specwire::Server;
use tokio::net::TcpStream;

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

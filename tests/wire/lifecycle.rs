//! When pub/sub handlers start and stop, as seen from outside.

use std::sync::Arc;

use serde_json::{Value, json};
use specwire::{Limits, Server};
use tokio::sync::Semaphore;

use crate::client::{Peer, soon};
use crate::distant::Distant;
use crate::service::{PANIC, Running, Weather, telescope, telescope_within};
use crate::speaker::{ALL, Speaker};
use crate::topics::{house, listen};

fn subscribe(id: u64) -> Value {
    json!({"op": "sub", "id": id, "channel": "weather_sub", "payload": {}})
}

async fn subscribed(peer: &mut Peer, id: u64) {
    peer.send(&subscribe(id)).await;
    assert_eq!(peer.next().await, json!({"op": "ack", "id": id}));
}

async fn unsubscribed(peer: &mut Peer, id: u64) {
    peer.send(&json!({"op": "unsub", "id": id})).await;
    assert_eq!(peer.next().await, json!({"op": "unsub", "id": id}));
}

#[tokio::test]
async fn the_handler_runs_from_the_first_subscriber_to_the_last() {
    let (server, mut dome) = telescope().await;
    let mut one = Peer::envelope(&server).await;
    let mut two = Peer::envelope(&server).await;
    assert_eq!(*dome.runs.borrow(), (0, 0));

    subscribed(&mut one, 1).await;
    dome.runs(1, 0).await;
    subscribed(&mut two, 1).await;
    unsubscribed(&mut one, 1).await;
    assert_eq!(dome.wind(1.0).await, 1);
    assert_eq!(*dome.runs.borrow(), (1, 0), "one handler serves both");
    two.close().await;
    dome.runs(1, 1).await;

    subscribed(&mut one, 2).await;
    dome.runs(2, 1).await;
    assert_eq!(dome.wind(2.0).await, 1);
    assert_eq!(one.next().await["payload"]["wind"], 2.0);
}

#[tokio::test]
async fn a_handler_that_ends_tells_its_subscribers() {
    let (server, mut dome) = telescope().await;
    let mut one = Peer::envelope(&server).await;
    let mut two = Peer::envelope(&server).await;
    subscribed(&mut one, 1).await;
    subscribed(&mut two, 1).await;
    dome.weather(Weather::End);
    dome.runs(1, 1).await;
    for peer in [&mut one, &mut two] {
        assert_eq!(peer.next().await, json!({"op": "unsub", "id": 1}));
        peer.expect_nothing().await;
    }
}

#[tokio::test]
async fn a_handler_that_fails_is_started_again_and_its_subscribers_hear_nothing_of_it() {
    let (server, mut dome) = telescope().await;
    let mut peer = Peer::envelope(&server).await;
    let mut raw = Peer::raw(&server, "/ws/patterns/weather_sub").await;
    subscribed(&mut peer, 1).await;
    raw.send(&json!({})).await;
    for (failures, order) in [(1, Weather::Fail), (2, Weather::Panic)] {
        while dome.wind(1.0).await < 2 {}
        dome.weather(order);
        dome.runs(failures + 1, failures).await;
    }
    assert_eq!(dome.wind(2.0).await, 2);
    let mut wind = json!(null);
    while wind != 2.0 {
        let frame = peer.next().await;
        assert_eq!(frame["op"], "msg", "{frame}");
        wind = frame["payload"]["wind"].clone();
    }
    let mut wind = json!(null);
    while wind != 2.0 {
        let frame = raw.next().await;
        assert_eq!(frame.get("error"), None, "{frame}");
        wind = frame["wind"].clone();
    }
    assert_eq!(server.metrics.counters().panics, 1);
}

/// Whatever kind of handler it is, and however its peer is told.
#[tokio::test]
async fn r20_panics_of_handlers_are_counted_in_every_framing() {
    for speaks in ALL {
        let (server, mut dome) = telescope().await;
        let panics = || server.metrics.counters().panics;
        let mut peer = Speaker::open(&server, "patterns", speaks).await;
        let subscription = json!({"subscriptionId": "a"});
        peer.start("sub", "weather_sub", json!({}), subscription)
            .await;
        dome.runs(1, 0).await;
        dome.weather(Weather::Panic);
        dome.runs(2, 1).await;
        assert_eq!(panics(), 1, "{speaks:?}");
        // Nobody has to be told: the subscription goes on.
        assert_eq!(dome.wind(2.0).await, 1);
        assert_eq!(peer.next().await["wind"], 2.0);
        let fatal = json!({"rightAscension": PANIC, "declination": 0});
        peer.start("msg", "pointAt_submit", json!({}), fatal).await;
        assert_eq!(peer.next_fault().await.0, "internal", "{speaks:?}");
        assert_eq!(panics(), 2, "{speaks:?}");
    }
}

/// A bus may be anybody's, and late.
#[tokio::test]
async fn r20_a_bus_that_panics_costs_a_subscription_and_is_counted() {
    for is_at_once in [false, true] {
        let bus = Arc::new(Distant {
            answers: Some(Semaphore::new(0)),
            ..Distant::default()
        });
        let answers = bus.answers.as_ref().unwrap();
        let (provider, _orders) = house();
        let carrier = Arc::<Distant>::clone(&bus);
        let server = Running::start(Server::new().bus(carrier).serve(provider)).await;
        let mut peer = Peer::envelope(&server).await;
        if is_at_once {
            answers.close();
        }
        peer.send(&listen(1, "a")).await;
        if !is_at_once {
            peer.expect_nothing().await;
            // What waits for it panics.
            answers.close();
        }
        assert_eq!(peer.next_fault().await, "internal");
        assert_eq!(server.metrics.counters().panics, 1);
        assert_eq!(server.metrics.counters().subscriptions, 0);
        peer.expect_nothing().await;
    }
}

#[tokio::test]
async fn a_subscription_that_the_handler_ended_takes_no_room() {
    let (server, mut dome) = telescope_within(Limits {
        subscriptions: 1,
        ..Limits::default()
    })
    .await;
    let mut peer = Peer::envelope(&server).await;
    for id in 1..4 {
        subscribed(&mut peer, id).await;
        dome.weather(Weather::End);
        let ended = usize::try_from(id).unwrap();
        dome.runs(ended, ended).await;
        assert_eq!(peer.next().await, json!({"op": "unsub", "id": id}));
    }
}

#[tokio::test]
async fn subscriptions_that_the_handler_ended_are_not_counted_nor_their_bytes() {
    let (server, mut dome) = telescope().await;
    let mut peer = Peer::envelope(&server).await;
    let large = "x".repeat(60_000);
    // Together they are of more bytes than may go on at one time.
    for id in 1..=40 {
        peer.send(
            &json!({"op": "sub", "id": id, "channel": "weather_sub", "payload": {},
                          "headers": {"large": large}}),
        )
        .await;
        assert_eq!(peer.next().await, json!({"op": "ack", "id": id}));
        assert_eq!(server.metrics.counters().subscriptions, 1);
        dome.weather(Weather::End);
        assert_eq!(peer.next().await, json!({"op": "unsub", "id": id}));
        assert_eq!(server.metrics.counters().subscriptions, 0);
    }
    dome.runs(40, 40).await;
}

/// Comes and goes, many times.
async fn churn(server: &Running, rounds: u64) {
    let mut peer = Peer::envelope(server).await;
    for id in 0..rounds {
        peer.send(&subscribe(id)).await;
        peer.send(&json!({"op": "unsub", "id": id})).await;
        while peer.next().await != json!({"op": "unsub", "id": id}) {}
        peer.expect_nothing().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn however_clients_come_and_go_begins_and_ends_agree() {
    let (server, mut dome) = telescope().await;
    let churns = (0..8).map(|_| churn(&server, 50));
    soon(futures_util::future::join_all(churns)).await;
    // A handler that nobody needs any more may still be ending.
    let mut peer = Peer::envelope(&server).await;
    subscribed(&mut peer, 1).await;
    while dome.wind(4.0).await == 0 {}
    assert_eq!(peer.next().await["payload"]["wind"], 4.0);
    let (begun, ended) = *dome.runs.borrow();
    assert_eq!(begun, ended + 1, "one handler runs at a time");
    peer.close().await;
    dome.runs(begun, begun).await;
}

#[tokio::test]
async fn a_subscriber_that_leaves_at_once_leaves_no_handler_running() {
    let (server, dome) = telescope().await;
    let mut peer = Peer::envelope(&server).await;
    // On one thread the server reads both before the handler has its turn.
    peer.send(&subscribe(1)).await;
    peer.send(&json!({"op": "unsub", "id": 1})).await;
    assert_eq!(peer.next().await, json!({"op": "ack", "id": 1}));
    assert_eq!(peer.next().await, json!({"op": "unsub", "id": 1}));
    peer.expect_nothing().await;
    let (begun, ended) = *dome.runs.borrow();
    assert_eq!(begun, ended, "it runs for nobody");
}

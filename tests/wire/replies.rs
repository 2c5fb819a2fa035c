//! `docs/protocol.md`: Replies. A reply address decides nothing.

use std::time::Duration;

use serde_json::json;

use crate::client::{Peer, soon};
use crate::service::{ZENITH, beating, telescope};

const OFTEN: Duration = Duration::from_millis(5);

#[tokio::test]
async fn s24_s26_two_clients_that_name_the_same_address_get_their_own_beats() {
    let server = beating(OFTEN).await;
    let mut one = Peer::raw(&server, "/ws").await;
    let mut two = Peer::raw(&server, "/ws").await;
    one.send_text(r#"{"subscriptionId":"one","replyTo":"beat_pub_1"}"#)
        .await;
    assert_eq!(one.next_text().await, r#"{"subscriptionId":"one"}"#);
    two.send_text(r#"{"subscriptionId":"two","replyTo":"beat_pub_1"}"#)
        .await;
    for _ in 0..5 {
        assert_eq!(two.next_text().await, r#"{"subscriptionId":"two"}"#);
        assert_eq!(one.next_text().await, r#"{"subscriptionId":"one"}"#);
    }

    // One leaves, and then one is gone without a word, which takes nothing from the other.
    two.close().await;
    let mut three = Peer::raw(&server, "/ws").await;
    three
        .send_text(r#"{"subscriptionId":"three","replyTo":"beat_pub_1"}"#)
        .await;
    assert_eq!(three.next_text().await, r#"{"subscriptionId":"three"}"#);
    drop(three);
    for _ in 0..5 {
        assert_eq!(one.next_text().await, r#"{"subscriptionId":"one"}"#);
    }
}

/// What answers are sent on is no channel that a client reaches, by whatever name and in whatever frame.
#[tokio::test]
async fn s33_nobody_subscribes_to_replies() {
    let (server, mut dome) = telescope().await;
    let mut victim = Peer::envelope(&server).await;
    victim
        .send(&json!({"op": "sub", "id": 1, "channel": "weather_sub",
                      "headers": {"replyTo": "inbox"}, "payload": {}}))
        .await;
    assert_eq!(victim.next().await["op"], "ack");
    dome.runs(1, 0).await;

    let mut peer = Peer::envelope(&server).await;
    for channel in [
        "weather_pub",
        "patterns/weather_pub",
        "status_response",
        "pointAt_error",
        "inbox",
        "_INBOX.>",
        "*",
        ">",
        "patterns/*",
        "",
    ] {
        for op in ["sub", "msg"] {
            peer.send(&json!({"op": op, "id": 1, "channel": channel, "payload": {}}))
                .await;
            assert_eq!(peer.next_fault().await, "unknown_channel", "{op} {channel}");
        }
    }
    for path in [
        "/ws/patterns/weather_pub",
        "/ws/patterns/status_response",
        "/ws/patterns/*",
        "/ws/patterns/%3E",
    ] {
        let refused = Peer::open(&server, path, &[]).await;
        assert_eq!(refused.err(), Some(404), "{path}");
    }
    let mut raw = Peer::raw(&server, "/ws").await;
    raw.send(&json!({"subscriptionId": "1", "wind": 1})).await;
    assert_eq!(raw.next_fault().await, "unmatched_message");

    // What is published goes to one subscriber, and there is no other.
    assert_eq!(dome.wind(1.0).await, 1);
    assert_eq!(victim.next().await["payload"]["wind"], 1.0);
    peer.expect_nothing().await;
}

#[tokio::test]
async fn s34_an_answer_ends_with_the_connection_that_asked() {
    let (server, dome) = telescope().await;
    let place = json!({"rightAscension": 1, "declination": ZENITH});
    for leave in [true, false] {
        let mut peer = Peer::envelope(&server).await;
        peer.send(&json!({"op": "msg", "id": 1, "channel": "pointAt_submit", "payload": place}))
            .await;
        peer.send(&json!({"op": "ping", "id": 2})).await;
        assert_eq!(peer.next().await["op"], "pong");
        // It is being worked on, and its owner is gone.
        if leave {
            peer.close().await;
        } else {
            drop(peer);
        }
        soon(async {
            while server.metrics.counters().connections > 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        dome.gate.add_permits(1);

        // Who comes next gets no answer but its own, under the same number: the handler that waited
        // for the gate has ended, and left it to the next.
        let mut next = Peer::envelope(&server).await;
        next.expect_nothing().await;
        next.send(&json!({"op": "msg", "id": 1, "channel": "pointAt_submit", "payload": place}))
            .await;
        assert_eq!(next.next().await, json!({"op": "ack", "id": 1}));
        next.expect_nothing().await;
        next.close().await;
    }
}

#[tokio::test]
async fn s25_a_request_that_names_anothers_address_gives_the_other_nothing() {
    let (server, dome) = telescope().await;
    let mut victim = Peer::envelope(&server).await;
    victim
        .send(&json!({"op": "sub", "id": 1, "channel": "weather_sub",
                      "headers": {"replyTo": "weather_pub_1"}, "payload": {}}))
        .await;
    assert_eq!(victim.next().await["op"], "ack");
    let mut attacker = Peer::raw(&server, "/ws/patterns/status_request").await;
    for address in [
        "weather_pub_1",
        "weather_pub",
        "patterns",
        "status_response",
    ] {
        attacker.send(&json!({"replyTo": address})).await;
        assert_eq!(
            attacker.next().await,
            json!({"station": "La Silla", "parked": true})
        );
    }
    victim.expect_nothing().await;
    assert_eq!(dome.wind(1.0).await, 1);
    assert_eq!(victim.next().await["payload"]["wind"], 1.0);
}

#[tokio::test]
async fn s24_subscriptions_of_one_connection_are_told_apart_by_id() {
    let (server, dome) = telescope().await;
    let mut peer = Peer::envelope(&server).await;
    for id in [1, 2] {
        peer.send(&json!({"op": "sub", "id": id, "channel": "weather_sub",
                          "headers": {"replyTo": "same"},
                          "payload": {"subscriptionId": "same"}}))
            .await;
        assert_eq!(peer.next().await, json!({"op": "ack", "id": id}));
    }
    assert_eq!(dome.wind(1.0).await, 2);
    let mut ids = [
        peer.next().await["id"].as_u64(),
        peer.next().await["id"].as_u64(),
    ];
    ids.sort_unstable();
    assert_eq!(ids, [Some(1), Some(2)]);
    peer.send(&json!({"op": "unsub", "id": 1})).await;
    assert_eq!(peer.next().await, json!({"op": "unsub", "id": 1}));
    assert_eq!(dome.wind(2.0).await, 1);
    assert_eq!(peer.next().await["id"], 2);
}

//! `docs/protocol.md`: Replies. A reply address decides nothing.

use std::time::Duration;

use serde_json::json;

use crate::client::Peer;
use crate::service::{beating, telescope};

const OFTEN: Duration = Duration::from_millis(5);

#[tokio::test]
async fn two_clients_that_name_the_same_address_get_their_own_beats() {
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

    // One leaves, which takes nothing from the other.
    two.close().await;
    for _ in 0..5 {
        assert_eq!(one.next_text().await, r#"{"subscriptionId":"one"}"#);
    }
}

#[tokio::test]
async fn a_request_that_names_anothers_address_gives_the_other_nothing() {
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
        "*",
        ">",
        "a.>",
        "$SYS.>",
        "a\r\nPUB b 1",
        "\u{2028}",
        "",
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
async fn subscriptions_of_one_connection_are_told_apart_by_id() {
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

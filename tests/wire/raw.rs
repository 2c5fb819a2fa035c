//! `docs/protocol.md`: Raw.

use std::time::Duration;

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::client::Peer;
use crate::service::{PANIC, beating, telescope};

const SELDOM: Duration = Duration::from_secs(3600);
const OFTEN: Duration = Duration::from_millis(5);

#[tokio::test]
async fn the_published_demos_client_gets_exactly_its_beats() {
    let server = beating(OFTEN).await;
    let mut peer = Peer::raw(&server, "/ws").await;
    peer.send_text(r#"{"subscriptionId":"a b","replyTo":"beat_pub_1"}"#)
        .await;
    for _ in 0..3 {
        assert_eq!(peer.next_text().await, r#"{"subscriptionId":"a b"}"#);
    }
}

#[tokio::test]
async fn the_correlation_header_is_repeated_as_it_was_written() {
    let server = beating(OFTEN).await;
    let mut peer = Peer::raw(&server, "/ws/heartbeat").await;
    let id = r#""7D444840-9dc0-11d1-b245-5ffdce74FAD2""#;
    peer.send_text(&format!(
        r#"{{ "requestId" : {id}, "subscriptionId":"a" }}"#
    ))
    .await;
    let expected = format!(r#"{{"requestId":{id},"subscriptionId":"a"}}"#);
    assert_eq!(peer.next_text().await, expected);
    assert_eq!(peer.next_text().await, expected);
}

#[tokio::test]
async fn a_message_that_fits_several_is_answered_with_their_names() {
    let server = beating(SELDOM).await;
    let mut peer = Peer::raw(&server, "/ws").await;
    peer.send_text("{}").await;
    let fault = peer.next().await;
    assert_eq!(fault["error"]["code"], "ambiguous_message");
    let message = fault["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("`beat_sub`") && message.contains("`getPeriod_request`"),
        "{message}"
    );

    // A URL that reaches fewer leaves less to guess, and the first connection lives on.
    let mut narrow = Peer::raw(&server, "/ws/heartbeat/getPeriod_request").await;
    narrow.send_text("{}").await;
    assert_eq!(narrow.next_text().await, r#"{"period":3600}"#);
    peer.send_text(r#"{"interactionId":"7"}"#).await;
    assert_eq!(
        peer.next_text().await,
        r#"{"interactionId":"7","period":3600}"#
    );
}

#[tokio::test]
async fn a_message_that_fits_none_is_a_fault_and_the_connection_lives_on() {
    let server = beating(SELDOM).await;
    let mut peer = Peer::raw(&server, "/ws").await;
    for (frame, code) in [
        (r#"{"subscriptionID":"1"}"#, "unmatched_message"),
        (
            r#"{"subscriptionId":"1","interactionId":"2"}"#,
            "unmatched_message",
        ),
        (r#"{"subscriptionId":1}"#, "invalid_message"),
        (r#"{"subscriptionId":"1","replyTo":2}"#, "invalid_message"),
        (
            r#"{"subscriptionId":"1","requestId":"no uuid"}"#,
            "invalid_message",
        ),
        (r#"["1"]"#, "unmatched_message"),
        ("null", "unmatched_message"),
        (r#"{"subscriptionId":"1""#, "invalid_frame"),
        ("", "invalid_frame"),
        ("nonsense", "invalid_frame"),
        (
            r#"{"subscriptionId":"1"}{"subscriptionId":"2"}"#,
            "invalid_frame",
        ),
        (
            r#"{"subscriptionId":"1","subscriptionId":"2"}"#,
            "invalid_frame",
        ),
    ] {
        peer.send_text(frame).await;
        assert_eq!(peer.next_fault().await, code, "{frame}");
    }
    peer.send_frame(Message::binary(&b"{\"interactionId\":\"7\"}"[..]))
        .await;
    assert_eq!(peer.next_fault().await, "invalid_frame");
    peer.send_text(r#"{"interactionId":"7"}"#).await;
    assert_eq!(
        peer.next_text().await,
        r#"{"interactionId":"7","period":3600}"#
    );
}

#[tokio::test]
async fn a_fault_says_what_is_wrong_with_the_only_message_possible() {
    let server = beating(SELDOM).await;
    let mut peer = Peer::raw(&server, "/ws/heartbeat/beat_sub").await;
    peer.send_text(r#"{"subscriptionId":1}"#).await;
    let fault = peer.next().await;
    assert_eq!(fault["error"]["code"], "invalid_message");
    let message = fault["error"]["message"].as_str().unwrap();
    assert!(message.contains("the payload of `beat_sub`"), "{message}");
    assert!(message.contains("expected a string"), "{message}");
}

#[tokio::test]
async fn closing_the_connection_ends_its_subscriptions() {
    let (server, mut dome) = telescope().await;
    let mut peer = Peer::raw(&server, "/ws").await;
    peer.send(&json!({"subscriptionId": "1", "replyTo": "x"}))
        .await;
    dome.runs(1, 0).await;
    peer.close().await;
    dome.runs(1, 1).await;
}

#[tokio::test]
async fn a_client_that_vanishes_is_unsubscribed() {
    let (server, mut dome) = telescope().await;
    let mut peer = Peer::raw(&server, "/ws").await;
    peer.send(&json!({"subscriptionId": "1"})).await;
    dome.runs(1, 0).await;
    drop(peer);
    dome.runs(1, 1).await;
}

#[tokio::test]
async fn a_fault_repeats_the_correlation_header_of_what_has_failed() {
    let (server, _dome) = telescope().await;
    let mut raw = Peer::raw(&server, "/ws/patterns/pointAt_submit").await;
    let id = "6f1c8c1e-7d4e-4bb8-8f8e-0a4a2f2f9d11";
    for (declination, code) in [(100.0, "no_such_place"), (0.0, "internal")] {
        let right_ascension = if code == "internal" { PANIC } else { 1.0 };
        raw.send(
            &json!({"rightAscension": right_ascension, "declination": declination,
                         "requestId": id}),
        )
        .await;
        let fault = raw.next().await;
        assert_eq!(
            (&fault["requestId"], &fault["error"]["code"]),
            (&json!(id), &json!(code))
        );
        raw.send(
            &json!({"rightAscension": right_ascension, "declination": declination,
                         "requestId": null}),
        )
        .await;
        assert_eq!(raw.next().await.get("requestId"), None);
    }
}

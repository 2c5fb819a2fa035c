//! `docs/protocol.md`: Tagged.

use std::time::Duration;

use specwire::framing::Tagged;
use specwire::{Limits, Server};
use specwire_server::heartbeat;
use specwire_server::services::heartbeat::Pulse;
use tokio_tungstenite::tungstenite::Message;

use crate::client::Peer;
use crate::service::{PANIC, Running, Weather, ZENITH, provider};

const OFTEN: Duration = Duration::from_millis(5);

async fn beating() -> Running {
    let provider = heartbeat::provider(Pulse { period: OFTEN });
    Running::start(Server::new().serve(provider.framing(Tagged))).await
}

/// Opens a document's URL with the subprotocol.
async fn tagged(server: &Running, path: &str) -> Peer {
    let headers = [("sec-websocket-protocol", "specwire.v1.tagged")];
    Peer::open(server, path, &headers).await.unwrap()
}

#[tokio::test]
async fn a_frame_is_the_messages_name_a_colon_and_its_payload() {
    let server = beating().await;
    let mut peer = Peer::raw(&server, "/ws/heartbeat").await;
    peer.send_text(r#"getPeriod_request:{"interactionId":"7"}"#)
        .await;
    assert_eq!(
        peer.next_text().await,
        r#"getPeriod_response:{"interactionId":"7","period":0.005}"#
    );
    // Headers are beside the payload's members, and what is repeated is.
    let id = "6f1c8c1e-7d4e-4bb8-8f8e-0a4a2f2f9d11";
    peer.send_text(&format!(
        r#"beat_sub: {{"subscriptionId":"a","requestId":"{id}"}} "#
    ))
    .await;
    let beat = format!(r#"beat_pub:{{"requestId":"{id}","subscriptionId":"a"}}"#);
    assert_eq!(peer.next_text().await, beat);
    assert_eq!(peer.next_text().await, beat);
}

#[tokio::test]
async fn what_is_wrong_ends_the_connection_and_says_what_it_was() {
    let server = beating().await;
    for (frame, code, reason) in [
        (
            r#"Beat:{"subscriptionId":"a"}"#,
            1008,
            "unknown_message: `/ws/heartbeat` takes `beat_sub` or `getPeriod_request`, not `Beat`",
        ),
        ("beat_pub:{}", 1008, "unknown_message: "),
        (":{}", 1008, "unknown_message: "),
        (r#"{"subscriptionId":"a"}"#, 1008, "unknown_message: "),
        (
            r#"beat_sub:{"subscriptionId":1}"#,
            1007,
            "invalid_message: the payload of `beat_sub`: /subscriptionId: invalid type",
        ),
        ("beat_sub:[]", 1007, "invalid_message: "),
        ("beat_sub:{", 1007, "invalid_frame: "),
        ("beat_sub:", 1007, "invalid_frame: "),
        ("beat_sub", 1007, "a frame is a message's name, a colon"),
        ("", 1007, "a frame is a message's name, a colon"),
    ] {
        let mut peer = Peer::raw(&server, "/ws/heartbeat").await;
        peer.send_text(frame).await;
        let (found, text) = peer.close_frame().await;
        assert_eq!(found, code, "{frame}: {text}");
        assert!(text.starts_with(reason), "{frame}: {text}");
    }
    let mut peer = Peer::raw(&server, "/ws/heartbeat").await;
    peer.send_frame(Message::binary(&b"beat_sub:{}"[..])).await;
    assert_eq!(peer.close_code().await, 1003);
}

#[tokio::test]
async fn replies_that_are_queued_go_out_before_the_end() {
    let server = beating().await;
    let mut peer = Peer::raw(&server, "/ws/heartbeat").await;
    peer.send_text("getPeriod_request:{}").await;
    assert_eq!(
        peer.next_text().await,
        r#"getPeriod_response:{"period":0.005}"#
    );
    peer.send_text("nonsense:{}").await;
    assert_eq!(peer.close_code().await, 1008);
}

#[tokio::test]
async fn a_service_that_fails_ends_the_connection_too() {
    let (provider, mut dome) = provider();
    let server = Running::start(Server::new().serve(provider)).await;
    let mut peer = tagged(&server, "/ws/patterns").await;
    // The document's own error message is a message.
    peer.send_text(r#"pointAt_submit:{"rightAscension":1,"declination":-1}"#)
        .await;
    assert_eq!(
        peer.next_text().await,
        r#"pointAt_error:{"reason":"HORIZON"}"#
    );
    peer.send_text(r#"pointAt_submit:{"rightAscension":1,"declination":100}"#)
        .await;
    let end = (3001, "no_such_place: beyond the zenith".to_owned());
    assert_eq!(peer.close_frame().await, end);

    let mut peer = tagged(&server, "/ws/patterns").await;
    peer.send_text(&format!(
        r#"pointAt_submit:{{"rightAscension":{PANIC},"declination":0}}"#
    ))
    .await;
    assert_eq!(peer.close_code().await, 1011);

    let mut peer = tagged(&server, "/ws/patterns").await;
    peer.send_text(r#"weather_sub:{"subscriptionId":"a"}"#)
        .await;
    dome.runs(1, 0).await;
    assert_eq!(dome.wind(3.0).await, 1);
    assert_eq!(
        peer.next_text().await,
        r#"weather_pub:{"subscriptionId":"a","wind":3}"#
    );
    dome.weather(Weather::End);
    dome.runs(1, 1).await;
    // The end of a subscription has no frame, and the connection lives on.
    peer.send_text("status_request:{}").await;
    assert!(peer.next_text().await.starts_with("status_response:"));
}

#[tokio::test]
async fn updates_and_the_response_have_their_own_names() {
    let (provider, _dome) = provider();
    let server = Running::start(Server::new().serve(provider)).await;
    let mut peer = tagged(&server, "/ws/patterns").await;
    peer.send_text(r#"survey_progress:{"corners":[{"rightAscension":1,"declination":1}]}"#)
        .await;
    let update = r#"survey_update:{"number":1,"url":"https://example.org/1"}"#;
    assert_eq!(peer.next_text().await, update);
    assert_eq!(peer.next_text().await, r#"survey_response:{"pictures":1}"#);
}

#[tokio::test]
async fn a_limit_that_is_reached_ends_the_connection() {
    let (provider, _dome) = provider();
    let limits = Limits {
        handlers: 1,
        ..Limits::default()
    };
    let server = Running::start(Server::new().limits(limits).serve(provider)).await;
    let mut peer = tagged(&server, "/ws/patterns").await;
    let wait = format!(r#"pointAt_submit:{{"rightAscension":1,"declination":{ZENITH}}}"#);
    peer.send_text(&wait).await;
    peer.send_text(&wait).await;
    let (code, reason) = peer.close_frame().await;
    assert_eq!(code, 1008);
    assert!(reason.starts_with("limit_exceeded: "), "{reason}");
}

//! JSON that is meant to hurt: each is a fault, and the connection lives on.

use serde_json::json;
use specwire::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::{Peer, close_code, frame, soon};
use crate::service::{limited, telescope};

async fn roomy() -> crate::service::Running {
    limited(Limits {
        message_size: 1 << 20,
        frame_size: 1 << 20,
        ..Limits::default()
    })
    .await
}

fn nested(open: &str, close: &str, levels: usize) -> String {
    format!("{}{}", open.repeat(levels), close.repeat(levels))
}

#[tokio::test]
async fn s20_json_that_is_meant_to_hurt_is_a_fault_in_raw() {
    let server = roomy().await;
    let mut peer = Peer::raw(&server, "/ws").await;
    let many = (0..50_000).map(|key| format!("\"{key}\":0"));
    let many = format!("{{{}}}", many.collect::<Vec<_>>().join(","));
    for frame in [
        nested("[", "]", 100_000),
        nested("{\"a\":", "}", 100_000).replace(":}", ":0}"),
        format!(r#"{{"subscriptionId":{}}}"#, nested("[", "]", 100_000)),
        "[".repeat(100_000),
        many,
        r#"{"subscriptionId":"\ud800"}"#.to_owned(),
        r#"{"\ud800":"1"}"#.to_owned(),
        r#"{"subscriptionId":1e999999}"#.to_owned(),
        "1e999999".to_owned(),
        "9".repeat(1 << 19),
        "{\"subscriptionId\":\"\u{0}\"}".to_owned(),
        "\u{feff}{\"subscriptionId\":\"1\"}".to_owned(),
        "NaN".to_owned(),
    ] {
        let start: String = frame.chars().take(40).collect();
        peer.send_text(&frame).await;
        let fault = peer.next().await;
        assert!(fault["error"]["code"].is_string(), "{start}: {fault}");
    }
    peer.send(&json!({"interactionId": "1"})).await;
    assert_eq!(peer.next().await["interactionId"], "1");
}

#[tokio::test]
async fn s20_json_that_is_meant_to_hurt_is_a_fault_in_the_envelope() {
    let server = roomy().await;
    let mut peer = Peer::envelope(&server).await;
    for payload in [
        nested("[", "]", 100_000),
        format!(r#"{{"interactionId":{}}}"#, nested("[", "]", 129)),
        r#"{"interactionId":"\ud800"}"#.to_owned(),
        r#"{"interactionId":1e999999}"#.to_owned(),
    ] {
        let start: String = payload.chars().take(40).collect();
        let channel = r#""channel":"getPeriod_request""#;
        peer.send_text(&format!(
            r#"{{"op":"msg","id":1,{channel},"payload":{payload}}}"#
        ))
        .await;
        assert_eq!(peer.next_fault().await, "invalid_message", "{start}");
    }
    // Members that nobody asked for are skipped without being built.
    peer.send_text(&format!(
        r#"{{"op":"ping","id":1,"x":{}}}"#,
        nested("[", "]", 100_000)
    ))
    .await;
    assert_eq!(peer.next().await["op"], "pong");
    peer.expect_nothing().await;
}

#[tokio::test]
async fn s21_messages_of_no_type_or_of_the_wrong_one_are_faults() {
    let (server, _dome) = telescope().await;
    let mut raw = Peer::raw(&server, "/ws/patterns").await;
    for (message, code) in [
        // An unknown type, none, and one of several.
        (json!({"type": "nonsense"}), "unmatched_message"),
        (json!({"subscriptionId": {"$ref": "#"}}), "invalid_message"),
        (json!({}), "ambiguous_message"),
        // Members that may not be there, and values of other types.
        (json!({"quickly": true, "more": 1}), "unmatched_message"),
        (json!({"quickly": "yes"}), "invalid_message"),
        (json!({"corners": {}}), "invalid_message"),
        (json!({"corners": [[]]}), "invalid_message"),
        (
            json!({"rightAscension": "1", "declination": []}),
            "invalid_message",
        ),
        (json!({"duration": {"seconds": 1}}), "invalid_message"),
        (json!([]), "unmatched_message"),
        (json!(null), "unmatched_message"),
        (json!("text"), "unmatched_message"),
        (json!(0), "unmatched_message"),
    ] {
        raw.send(&message).await;
        assert_eq!(raw.next_fault().await, code, "{message}");
    }
    let mut envelope = Peer::envelope(&server).await;
    for payload in [
        json!({"x": 1}),
        json!([]),
        json!(null),
        json!("x"),
        json!(1e9),
    ] {
        envelope
            .send(&json!({"op": "msg", "id": 1, "channel": "status_request", "payload": payload}))
            .await;
        assert_eq!(envelope.next_fault().await, "invalid_message", "{payload}");
    }
    envelope.expect_nothing().await;
}

#[tokio::test]
async fn text_with_nul_and_beyond_the_first_plane_comes_back_as_it_was() {
    let server = roomy().await;
    let mut peer = Peer::raw(&server, "/ws").await;
    let id = "\u{0}\u{1f6f0}\u{202e}\"\\";
    peer.send(&json!({"interactionId": id})).await;
    assert_eq!(peer.next().await["interactionId"], id);
}

#[tokio::test]
async fn numbers_at_their_ends_come_through() {
    let (server, _dome) = telescope().await;
    let mut peer = Peer::raw(&server, "/ws/patterns/expose_invoke").await;
    for duration in [
        "18446744073709551615",
        "2.5",
        "-9223372036854775808",
        "1e300",
    ] {
        peer.send_text(&format!(r#"{{"duration":{duration}}}"#))
            .await;
        assert_eq!(peer.next().await["endsAt"], "soon", "{duration}");
        assert_eq!(peer.next().await["number"], 1);
    }
    peer.send_text(r#"{"duration":1e400}"#).await;
    assert_eq!(peer.next_fault().await, "invalid_message");
}

#[tokio::test]
async fn a_fault_repeats_little_of_what_it_is_about() {
    let server = limited(Limits::default()).await;
    let name = "x".repeat(60_000);
    let mut raw = Peer::raw(&server, "/ws").await;
    raw.send_text(&format!(r#"{{"{name}":1}}"#)).await;
    assert!(raw.next_text().await.len() < 2000);
    let mut peer = Peer::envelope(&server).await;
    for frame in [
        json!({"op": name, "id": 1}),
        json!({"op": "sub", "id": 1, "channel": name}),
        json!({"op": "sub", "id": 1, "channel": "beat_sub", "message": name}),
        json!({"op": "sub", "id": 1, "channel": "beat_sub", "payload": {&name: 1}}),
        json!({"op": "sub", "id": 1, "channel": "beat_sub", "payload": {"subscriptionId": {&name: 1}}}),
    ] {
        peer.send(&frame).await;
        assert!(peer.next_text().await.len() < 2000);
    }
}

/// Beside what the Autobahn test suite tries (`docs/autobahn.md`).
#[tokio::test]
async fn s18_text_that_is_not_utf8_closes_the_connection_with_1007() {
    let server = limited(Limits::default()).await;
    let id = |bytes: &[u8]| [br#"{"interactionId":""#, bytes, br#""}"#].concat();
    // Too long, surrogates, beyond the last character, half a character, and what begins none.
    for bad in [
        &b"\xc0\xaf"[..],
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xe2\x82",
        b"\x80",
        b"\xff",
    ] {
        let mut tcp = Peer::raw(&server, "/ws").await.into_tcp();
        tcp.write_all(&frame(0x81, &id(bad))).await.unwrap();
        assert_eq!(close_code(&mut tcp).await, 1007, "{bad:?}");
    }
    // In the reason of a close frame as well.
    let mut tcp = Peer::raw(&server, "/ws").await.into_tcp();
    tcp.write_all(&frame(0x88, b"\x03\xe8\xff")).await.unwrap();
    assert_eq!(close_code(&mut tcp).await, 1007);
    // A character may be divided among fragments.
    let mut tcp = Peer::raw(&server, "/ws").await.into_tcp();
    let text = id("\u{1f6f0}".as_bytes());
    let (start, end) = text.split_at(21);
    assert!(std::str::from_utf8(start).is_err());
    let fragments = [frame(0x01, start), frame(0x80, end)].concat();
    tcp.write_all(&fragments).await.unwrap();
    let mut answer = vec![0; 2 + text.len()];
    soon(tcp.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer[2..text.len()], &text[..text.len() - 2]);
}

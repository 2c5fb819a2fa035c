//! `docs/protocol.md`: Envelope.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use specwire::private::{Interaction, Wiring};
use specwire::{Limits, NoError, Server, Uuid};

use crate::client::Peer;
use crate::service::patterns::{StatusRequest, StatusResponse};
use crate::service::{Running, beating, limited, provider, telescope};

const SELDOM: Duration = Duration::from_secs(3600);
const OFTEN: Duration = Duration::from_millis(5);

fn subscribe(id: u64, subscription: &str) -> Value {
    json!({"op": "sub", "id": id, "channel": "beat_sub", "message": "beat_sub",
           "payload": {"subscriptionId": subscription}})
}

fn get_period(id: u64) -> Value {
    json!({"op": "msg", "id": id, "channel": "getPeriod_request", "payload": {}})
}

#[tokio::test]
async fn the_example_of_the_specification_is_true() {
    let server = beating(OFTEN).await;
    let mut peer = Peer::uninitialised(&server).await;
    peer.send_text(r#"{"op":"init","id":0}"#).await;
    let ack = peer.next().await;
    let connection = ack["payload"]["connection"].as_str().unwrap();
    assert!(Uuid::parse_str(connection).is_ok(), "{ack}");
    assert_eq!(
        ack,
        json!({"op": "ack", "id": 0,
               "payload": {"connection": connection, "messageSize": 65536}})
    );

    peer.send_text(r#"{"op":"sub","id":1,"channel":"beat_sub","message":"beat_sub","payload":{"subscriptionId":"a"}}"#).await;
    assert_eq!(peer.next_text().await, r#"{"op":"ack","id":1}"#);
    let beat = r#"{"op":"msg","id":1,"channel":"beat_pub","message":"beat_pub","payload":{"subscriptionId":"a"}}"#;
    assert_eq!(peer.next_text().await, beat);

    peer.send_text(r#"{"op":"msg","id":2,"channel":"getPeriod_request","message":"getPeriod_request","payload":{}}"#).await;
    let mut answer = peer.next().await;
    while answer["id"] == 1 {
        answer = peer.next().await;
    }
    assert_eq!(
        answer,
        json!({"op": "msg", "id": 2, "channel": "getPeriod_response",
               "message": "getPeriod_response", "payload": {"period": 0.005}})
    );

    peer.send_text(r#"{"op":"unsub","id":1}"#).await;
    let mut end = peer.next_text().await;
    while end == beat {
        end = peer.next_text().await;
    }
    assert_eq!(end, r#"{"op":"unsub","id":1}"#);
    peer.expect_nothing().await;
}

#[tokio::test]
async fn whoever_does_not_begin_with_init_is_turned_away() {
    let server = beating(SELDOM).await;
    for (frame, code) in [
        ("nonsense", 4400),
        ("[]", 4400),
        (r#"["init",0]"#, 4400),
        (r#"{"id":0}"#, 4400),
        (r#"{"op":"init"}"#, 4400),
        (r#"{"op":"init","id":-1}"#, 4400),
        (r#"{"op":"init","id":0,"id":1}"#, 4400),
        (r#"{"op":"init","id":9007199254740992}"#, 4400),
        (r#"{"op":"ping","id":0}"#, 4401),
        (
            r#"{"op":"sub","id":1,"channel":"beat_sub","payload":{}}"#,
            4401,
        ),
        (r#"{"op":"other"}"#, 4401),
    ] {
        let mut peer = Peer::uninitialised(&server).await;
        peer.send_text(frame).await;
        assert_eq!(peer.close_code().await, code, "{frame}");
    }
}

#[tokio::test]
async fn frames_may_follow_init_at_once() {
    let server = beating(OFTEN).await;
    let mut peer = Peer::uninitialised(&server).await;
    for frame in [
        json!({"op": "init", "id": 0}),
        subscribe(1, "a"),
        get_period(2),
    ] {
        peer.send(&frame).await;
    }
    let mut answered = [false; 3];
    while answered.contains(&false) {
        let answer = peer.next().await;
        assert_ne!(answer["op"], "err", "{answer}");
        let id = usize::try_from(answer["id"].as_u64().unwrap()).unwrap();
        assert!(answered[0] || id == 0, "{answer}");
        answered[id] = true;
    }
}

#[tokio::test]
async fn init_comes_once() {
    let server = beating(SELDOM).await;
    let mut peer = Peer::envelope(&server).await;
    peer.send(&json!({"op": "init", "id": 1})).await;
    assert_eq!(peer.close_code().await, 4429);
}

#[tokio::test]
async fn init_comes_in_time() {
    let server = limited(Limits {
        init_timeout: Duration::from_millis(50),
        ..Limits::default()
    })
    .await;
    let mut peer = Peer::uninitialised(&server).await;
    assert_eq!(peer.close_code().await, 4408);

    // Whoever is initialised, or speaks raw, has all the time there is.
    let mut patient = Peer::envelope(&server).await;
    let mut raw = Peer::raw(&server, "/ws").await;
    let mut late = Peer::uninitialised(&server).await;
    assert_eq!(late.close_code().await, 4408);
    patient.expect_nothing().await;
    raw.send(&json!({"interactionId": "1"})).await;
    assert_eq!(raw.next().await["interactionId"], "1");
}

/// By the limits that are the default.
#[tokio::test]
async fn s05_who_says_nothing_has_5_s() {
    let server = beating(SELDOM).await;
    let connected = Instant::now();
    let mut silent = Peer::uninitialised(&server).await;
    let mut hasty = Peer::uninitialised(&server).await;
    hasty.send(&get_period(1)).await;
    assert_eq!(hasty.close_code().await, 4401);
    let mut eager = Peer::envelope(&server).await;
    eager.send(&json!({"op": "init", "id": 1})).await;
    assert_eq!(eager.close_code().await, 4429);
    assert_eq!(silent.close_code().await, 4408);
    let waited = connected.elapsed();
    assert!((5..8).contains(&waited.as_secs()), "{waited:?}");
}

#[tokio::test]
async fn what_is_wrong_with_a_frame_is_told_under_its_id() {
    let server = beating(SELDOM).await;
    let mut peer = Peer::envelope(&server).await;
    for (frame, id, code) in [
        (
            r#"{"op":"sub","id":1,"channel":"beat","payload":{}}"#,
            Some(1),
            "unknown_channel",
        ),
        (
            r#"{"op":"sub","id":2,"channel":"beat_pub","payload":{}}"#,
            Some(2),
            "unknown_channel",
        ),
        (
            r#"{"op":"sub","id":3,"channel":"other/beat_sub","payload":{}}"#,
            Some(3),
            "unknown_channel",
        ),
        (
            r#"{"op":"sub","id":4,"channel":"beat_sub","message":"beat_pub","payload":{}}"#,
            Some(4),
            "unknown_message",
        ),
        (
            r#"{"op":"msg","id":5,"channel":"beat_sub","payload":{}}"#,
            Some(5),
            "wrong_op",
        ),
        (
            r#"{"op":"sub","id":6,"channel":"getPeriod_request","payload":{}}"#,
            Some(6),
            "wrong_op",
        ),
        (
            r#"{"op":"sub","channel":"beat_sub","payload":{}}"#,
            None,
            "missing_id",
        ),
        (
            r#"{"op":"msg","channel":"getPeriod_request","payload":{}}"#,
            None,
            "missing_id",
        ),
        (r#"{"op":"unsub"}"#, None, "missing_id"),
        (r#"{"op":"ping"}"#, None, "missing_id"),
        (
            r#"{"op":"sub","id":7,"channel":"beat_sub"}"#,
            Some(7),
            "invalid_message",
        ),
        (
            r#"{"op":"sub","id":8,"channel":"beat_sub","payload":{"subscriptionId":8}}"#,
            Some(8),
            "invalid_message",
        ),
        (
            r#"{"op":"sub","id":9,"channel":"beat_sub","payload":{},"headers":{"replyTo":9}}"#,
            Some(9),
            "invalid_message",
        ),
        (
            r#"{"op":"sub","id":10,"channel":"beat_sub","payload":["a"]}"#,
            Some(10),
            "invalid_message",
        ),
        (
            r#"{"op":"sub","id":11,"channel":"beat_sub","payload":{},"headers":[]}"#,
            Some(11),
            "invalid_message",
        ),
        (
            r#"{"op":"sub","id":12,"channel":"beat_sub","payload":{"subscriptionId":"a","subscriptionId":"b"}}"#,
            Some(12),
            "invalid_message",
        ),
        (
            r#"{"op":"sub","id":13,"payload":{}}"#,
            Some(13),
            "invalid_frame",
        ),
        (r#"{"op":"publish","id":14}"#, Some(14), "invalid_frame"),
        (
            r#"{"op":"ping","id":9007199254740992}"#,
            None,
            "invalid_frame",
        ),
        (
            r#"{"op":"msg","id":20,"channel":5,"payload":{}}"#,
            Some(20),
            "invalid_frame",
        ),
        (r#"{"id":21}"#, Some(21), "invalid_frame"),
        (r#"{"op":"ping","id":"1"}"#, None, "invalid_frame"),
        (r#"{"op":"ping","id":1.0}"#, None, "invalid_frame"),
        (r#"{"op":"ping","op":"ping","id":1}"#, None, "invalid_frame"),
        (r#"["ping",1]"#, None, "invalid_frame"),
        ("nonsense", None, "invalid_frame"),
    ] {
        peer.send_text(frame).await;
        let fault = peer.next().await;
        assert_eq!(fault["op"], "err", "{frame}");
        assert_eq!(
            fault.get("id").and_then(Value::as_u64),
            id,
            "{frame}: {fault}"
        );
        assert_eq!(fault["payload"]["code"], code, "{frame}: {fault}");
        assert!(fault["payload"]["message"].is_string(), "{frame}: {fault}");
        assert!(fault.get("message").is_none(), "{frame}: {fault}");
    }
    peer.expect_nothing().await;
}

#[tokio::test]
async fn unknown_members_are_ignored_and_names_may_be_escaped() {
    let server = beating(SELDOM).await;
    let mut peer = Peer::envelope(&server).await;
    peer.send_text(r#" {"\u006fp":"pi\u006eg","id":9007199254740991,"later":[1]} "#)
        .await;
    assert_eq!(
        peer.next().await,
        json!({"op": "pong", "id": 9_007_199_254_740_991_u64})
    );
    peer.send(&json!({"op": "pong", "id": 1})).await;
    peer.expect_nothing().await;
}

#[tokio::test]
async fn an_id_in_use_is_refused_and_the_exchange_goes_on() {
    let (server, mut dome) = telescope().await;
    let mut peer = Peer::envelope(&server).await;
    let weather = json!({"op": "sub", "id": 1, "channel": "weather_sub", "payload": {}});
    peer.send(&weather).await;
    assert_eq!(peer.next().await, json!({"op": "ack", "id": 1}));
    for other in [
        weather.clone(),
        json!({"op": "msg", "id": 1, "channel": "status_request", "payload": {}}),
        // Whatever else is wrong with it, this must not look like the end of the exchange.
        json!({"op": "sub", "id": 1, "channel": "nowhere", "payload": {}}),
    ] {
        peer.send(&other).await;
        let fault = peer.next().await;
        assert_eq!(
            (&fault["id"], &fault["payload"]["code"]),
            (&json!(1), &json!("duplicate_id"))
        );
    }
    dome.runs(1, 0).await;
    assert_eq!(dome.wind(3.0).await, 1);
    assert_eq!(peer.next().await["payload"]["wind"], 3.0);

    // An id that is free again may be used again.
    peer.send(&json!({"op": "unsub", "id": 1})).await;
    assert_eq!(peer.next().await, json!({"op": "unsub", "id": 1}));
    peer.send(&weather).await;
    assert_eq!(peer.next().await, json!({"op": "ack", "id": 1}));
}

#[tokio::test]
async fn nothing_follows_the_confirmation_of_an_unsub() {
    let (server, dome) = telescope().await;
    let mut peer = Peer::envelope(&server).await;
    let mut other = Peer::envelope(&server).await;
    for peer in [&mut peer, &mut other] {
        peer.send(&json!({"op": "sub", "id": 1, "channel": "weather_sub", "payload": {}}))
            .await;
        assert_eq!(peer.next().await["op"], "ack");
    }
    assert_eq!(dome.wind(1.0).await, 2);
    assert_eq!(peer.next().await["payload"]["wind"], 1.0);
    peer.send(&json!({"op": "unsub", "id": 1})).await;
    assert_eq!(peer.next().await, json!({"op": "unsub", "id": 1}));
    assert_eq!(dome.wind(2.0).await, 1);
    peer.expect_nothing().await;
    assert_eq!(other.next().await["payload"]["wind"], 1.0);
    assert_eq!(other.next().await["payload"]["wind"], 2.0);

    // What has ended, or never was, is confirmed as well.
    for id in [1, 99] {
        peer.send(&json!({"op": "unsub", "id": id})).await;
        assert_eq!(peer.next().await, json!({"op": "unsub", "id": id}));
    }
}

#[tokio::test]
async fn a_request_that_is_given_up_is_not_answered() {
    let (server, dome) = telescope().await;
    let mut peer = Peer::envelope(&server).await;
    let zenith = json!({"rightAscension": 1, "declination": 90});
    peer.send(&json!({"op": "msg", "id": 1, "channel": "pointAt_submit", "payload": zenith}))
        .await;
    peer.send(&json!({"op": "unsub", "id": 1})).await;
    assert_eq!(peer.next().await, json!({"op": "unsub", "id": 1}));
    dome.gate.add_permits(1);
    peer.expect_nothing().await;
    assert_eq!(
        dome.gate.available_permits(),
        1,
        "the handler was not dropped"
    );
}

#[tokio::test]
async fn the_129th_exchange_is_refused_until_one_ends() {
    let server = beating(SELDOM).await;
    let mut peer = Peer::envelope(&server).await;
    for id in 1..=129 {
        peer.send(&subscribe(id, "a")).await;
    }
    let mut acknowledged = 0;
    let fault = loop {
        let frame = peer.next().await;
        match frame["op"].as_str() {
            Some("ack") => acknowledged += 1,
            Some("err") => break frame,
            _ => assert_eq!(frame["op"], "msg"),
        }
    };
    assert_eq!(acknowledged, 128);
    assert_eq!(
        (&fault["id"], &fault["payload"]["code"]),
        (&json!(129), &json!("limit_exceeded"))
    );
    peer.send(&json!({"op": "unsub", "id": 64})).await;
    while peer.next().await["op"] != "unsub" {}
    peer.send(&get_period(130)).await;
    while peer.next().await["payload"]["period"] != 3600 {}
}

#[tokio::test]
async fn a_channel_of_two_documents_is_named_with_its_document() {
    let status = Interaction::new("other", "status")
        .message("status_request")
        .reply("status_response");
    let other = Wiring::new("other", ())
        .request::<StatusRequest, (), _, NoError, _>(status, |_, _| async {
            Ok(StatusResponse::default())
        })
        .finish();
    let (telescope, _dome) = provider();
    let server = Running::start(Server::new().serve(telescope).serve(other)).await;
    let mut peer = Peer::envelope(&server).await;
    for (channel, parked) in [
        ("patterns/status_request", true),
        ("other/status_request", false),
    ] {
        let request = json!({"op": "msg", "id": 1, "channel": channel, "payload": {}});
        peer.send(&request).await;
        assert_eq!(peer.next().await["payload"]["parked"], parked, "{channel}");
    }
    for (channel, code) in [
        ("status_request", "ambiguous_message"),
        ("heartbeat/status_request", "unknown_channel"),
        ("other/park_send", "unknown_channel"),
    ] {
        let request = json!({"op": "msg", "id": 2, "channel": channel, "payload": {}});
        peer.send(&request).await;
        assert_eq!(peer.next_fault().await, code, "{channel}");
    }
    // A name that one document has alone is understood without it, and with it.
    for channel in ["pointAt_submit", "patterns/pointAt_submit"] {
        let place = json!({"rightAscension": 1, "declination": 2});
        let submit = json!({"op": "msg", "id": 3, "channel": channel, "payload": place});
        peer.send(&submit).await;
        assert_eq!(peer.next().await, json!({"op": "ack", "id": 3}));
    }
}

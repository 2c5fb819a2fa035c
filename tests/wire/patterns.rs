//! `docs/protocol.md`: Interactions. Each of the six patterns, in both framings.

use serde_json::{Value, json};

use crate::client::{Peer, soon};
use crate::service::{Dome, PANIC, Running, telescope};

async fn envelope() -> (Running, Dome, Peer) {
    let (server, dome) = telescope().await;
    let peer = Peer::envelope(&server).await;
    (server, dome, peer)
}

fn msg(id: u64, channel: &str, payload: &Value) -> Value {
    json!({"op": "msg", "id": id, "channel": channel, "message": channel, "payload": payload})
}

fn place(declination: f64) -> Value {
    json!({"rightAscension": 1.0, "declination": declination})
}

fn declared(id: u64, channel: &str, reason: &str) -> Value {
    json!({"op": "err", "id": id, "channel": channel, "message": channel,
           "payload": {"reason": reason}})
}

fn picture(number: u32) -> Value {
    json!({"number": number, "url": format!("https://example.org/{number}")})
}

#[tokio::test]
async fn send_is_answered_only_where_it_has_an_id_or_fails() {
    let (_server, mut dome, mut peer) = envelope().await;
    let mut park = msg(1, "park_send", &json!({}));
    peer.send(&park).await;
    assert_eq!(peer.next().await, json!({"op": "ack", "id": 1}));
    park.as_object_mut().unwrap().remove("id");
    peer.send(&park).await;
    peer.expect_nothing().await;
    for _ in 0..2 {
        assert!(soon(dome.parked.recv()).await.is_some());
    }
    park["payload"] = json!({"quickly": true});
    peer.send(&park).await;
    let fault = json!({"code": "too_fast", "message": "it would break"});
    assert_eq!(peer.next().await, json!({"op": "err", "payload": fault}));
    park["id"] = json!(2);
    peer.send(&park).await;
    assert_eq!(
        peer.next().await,
        json!({"op": "err", "id": 2, "payload": fault})
    );
}

#[tokio::test]
async fn submit_is_acknowledged_or_fails() {
    let (_server, _dome, mut peer) = envelope().await;
    peer.send(&msg(1, "pointAt_submit", &place(2.0))).await;
    assert_eq!(peer.next().await, json!({"op": "ack", "id": 1}));
    peer.send(&msg(2, "pointAt_submit", &place(-1.0))).await;
    assert_eq!(peer.next().await, declared(2, "pointAt_error", "HORIZON"));
    peer.send(&msg(3, "pointAt_submit", &place(91.0))).await;
    assert_eq!(peer.next_fault().await, "no_such_place");
    peer.expect_nothing().await;
}

#[tokio::test]
async fn a_handler_that_panics_fails_its_exchange_and_no_other() {
    let (_server, dome, mut peer) = envelope().await;
    peer.send(&msg(1, "pointAt_submit", &place(90.0))).await;
    let fatal = json!({"rightAscension": PANIC, "declination": 0});
    peer.send(&msg(2, "pointAt_submit", &fatal)).await;
    let fault = json!({"code": "internal", "message": "the handler failed"});
    assert_eq!(
        peer.next().await,
        json!({"op": "err", "id": 2, "payload": fault})
    );
    dome.gate.add_permits(1);
    assert_eq!(peer.next().await, json!({"op": "ack", "id": 1}));
}

#[tokio::test]
async fn request_is_answered_by_its_response() {
    let (_server, _dome, mut peer) = envelope().await;
    peer.send(&msg(1, "status_request", &json!({}))).await;
    assert_eq!(
        peer.next().await,
        json!({"op": "msg", "id": 1, "channel": "status_response", "message": "status_response",
               "headers": {"station": "La Silla"}, "payload": {"parked": true}})
    );
    peer.expect_nothing().await;
}

#[tokio::test]
async fn invoke_is_acknowledged_and_answered_later() {
    let (_server, _dome, mut peer) = envelope().await;
    let expose = |id, duration: u64| msg(id, "expose_invoke", &json!({"duration": duration}));
    let ack = |id| {
        json!({"op": "ack", "id": id, "channel": "expose_ack", "message": "expose_ack",
               "payload": {"endsAt": "soon"}})
    };
    let response = |id| {
        json!({"op": "msg", "id": id, "channel": "expose_response",
               "message": "expose_response", "payload": picture(1)})
    };
    peer.send(&expose(0, 0)).await;
    assert_eq!(peer.next().await, declared(0, "expose_error", "CLOUDS"));
    peer.send(&expose(1, 1)).await;
    assert_eq!(peer.next().await, ack(1));
    assert_eq!(peer.next().await, response(1));
    peer.send(&expose(2, 2)).await;
    assert_eq!(peer.next().await, json!({"op": "ack", "id": 2}));
    assert_eq!(peer.next().await, response(2));
    peer.send(&expose(3, 3)).await;
    assert_eq!(peer.next().await, ack(3));
    assert_eq!(peer.next().await, declared(3, "expose_error", "CLOUDS"));
    peer.expect_nothing().await;
}

#[tokio::test]
async fn progress_is_acknowledged_updated_answered_and_ended() {
    let (_server, _dome, mut peer) = envelope().await;
    let survey = |id: u64, corners: &[Value]| {
        json!({"op": "sub", "id": id, "channel": "survey_progress",
               "payload": {"corners": corners}})
    };
    peer.send(&survey(1, &[place(1.0), place(2.0)])).await;
    assert_eq!(peer.next().await, json!({"op": "ack", "id": 1}));
    for number in 1..=2 {
        assert_eq!(
            peer.next().await,
            json!({"op": "msg", "id": 1, "channel": "survey_update", "message": "survey_update",
                   "payload": picture(number)})
        );
    }
    assert_eq!(
        peer.next().await,
        json!({"op": "msg", "id": 1, "channel": "survey_response", "message": "survey_response",
               "payload": {"pictures": 2}})
    );
    assert_eq!(peer.next().await, json!({"op": "unsub", "id": 1}));
    peer.send(&survey(2, &[])).await;
    assert_eq!(peer.next().await, json!({"op": "ack", "id": 2}));
    assert_eq!(peer.next().await, declared(2, "survey_error", "DAYLIGHT"));
    peer.expect_nothing().await;
}

#[tokio::test]
async fn raw_answers_are_the_payloads_alone() {
    let (server, mut dome) = telescope().await;
    let mut peer = Peer::raw(&server, "/ws/patterns").await;
    let requests = [
        (place(2.0), vec![]),
        (place(-1.0), vec![json!({"reason": "HORIZON"})]),
        (
            json!({"duration": 1}),
            vec![json!({"endsAt": "soon"}), picture(1)],
        ),
        (json!({"duration": 2}), vec![picture(1)]),
        (json!({"duration": 0}), vec![json!({"reason": "CLOUDS"})]),
        (
            json!({"corners": [place(1.0)], "replyTo": "here"}),
            vec![picture(1), json!({"pictures": 1})],
        ),
        (json!({"corners": []}), vec![json!({"reason": "DAYLIGHT"})]),
    ];
    for (request, answers) in requests {
        peer.send(&request).await;
        for answer in answers {
            assert_eq!(peer.next().await, answer, "{request}");
        }
    }
    // A header rides beside the payload's own members.
    let mut status = Peer::raw(&server, "/ws/patterns/status_request").await;
    status.send(&json!({"replyTo": "here"})).await;
    assert_eq!(
        status.next_text().await,
        r#"{"station":"La Silla","parked":true}"#
    );

    peer.send(&json!({"quickly": true})).await;
    assert_eq!(peer.next_fault().await, "too_fast");
    assert_eq!(soon(dome.parked.recv()).await.unwrap().quickly, Some(true));
    let fatal = json!({"rightAscension": PANIC, "declination": 0});
    peer.send(&fatal).await;
    assert_eq!(peer.next_fault().await, "internal");
}

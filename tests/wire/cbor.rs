//! `docs/protocol.md`: Envelope, in CBOR.

use std::time::Duration;

use ciborium::Value as Cbor;
use ciborium::cbor;
use serde_json::{Value, json};
use specwire::Server;
use specwire::bus::History;
use tokio_tungstenite::tungstenite::Message;

use crate::client::Peer;
use crate::content::studio;
use crate::service::{Running, beating, telescope};
use crate::topics::generated::topics;
use crate::topics::{Task, house, listen};

/// Opens `/ws` with the envelope in CBOR, which is not initialised yet.
async fn uninitialised(server: &Running) -> Peer {
    let headers = [("sec-websocket-protocol", "specwire.v1.cbor")];
    Peer::open(server, "/ws", &headers).await.unwrap()
}

pub(crate) async fn open(server: &Running) -> Peer {
    let mut peer = uninitialised(server).await;
    send(&mut peer, &json!({"op": "init", "id": 0})).await;
    let ack = next(&mut peer).await;
    assert_eq!(ack["op"], "ack");
    assert_eq!(ack["payload"]["messageSize"], 65_536);
    peer
}

fn bytes(item: &impl serde::Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(item, &mut bytes).unwrap();
    bytes
}

pub(crate) async fn send(peer: &mut Peer, frame: &impl serde::Serialize) {
    peer.send_binary(&bytes(frame)).await;
}

pub(crate) async fn next(peer: &mut Peer) -> Value {
    ciborium::from_reader(peer.next_binary().await.as_slice()).unwrap()
}

/// The code of the fault that comes next, and the id that it answers.
async fn next_fault(peer: &mut Peer) -> (String, Value) {
    let frame = next(peer).await;
    assert_eq!(frame["op"], "err", "{frame}");
    (
        frame["payload"]["code"].as_str().unwrap().to_owned(),
        frame["id"].clone(),
    )
}

#[tokio::test]
async fn the_envelope_means_the_same_in_cbor() {
    let (server, mut dome) = telescope().await;
    let mut peer = open(&server).await;
    send(&mut peer, &json!({"op": "ping", "id": 1})).await;
    assert_eq!(next(&mut peer).await, json!({"op": "pong", "id": 1}));

    let place = json!({"rightAscension": 1.5, "declination": 1});
    let point = json!({"op": "msg", "id": 2, "channel": "pointAt_submit", "payload": place});
    send(&mut peer, &point).await;
    assert_eq!(next(&mut peer).await, json!({"op": "ack", "id": 2}));

    let status = json!({"op": "msg", "id": 3, "channel": "status_request", "payload": {}});
    send(&mut peer, &status).await;
    assert_eq!(
        next(&mut peer).await,
        json!({"op": "msg", "id": 3, "channel": "status_response", "message": "status_response",
               "headers": {"station": "La Silla"}, "payload": {"parked": true}})
    );

    let weather = json!({"op": "sub", "id": 4, "channel": "weather_sub",
                         "message": "weather_sub", "payload": {"subscriptionId": "a"}});
    send(&mut peer, &weather).await;
    assert_eq!(next(&mut peer).await, json!({"op": "ack", "id": 4}));
    dome.runs(1, 0).await;
    assert_eq!(dome.wind(3.25).await, 1);
    let publication = next(&mut peer).await;
    assert_eq!(
        publication["payload"],
        json!({"subscriptionId": "a", "wind": 3.25})
    );
    send(&mut peer, &json!({"op": "unsub", "id": 4})).await;
    assert_eq!(next(&mut peer).await, json!({"op": "unsub", "id": 4}));
    dome.runs(1, 1).await;
}

#[tokio::test]
async fn positions_are_the_same_in_cbor() {
    let (provider, orders) = house();
    let provider = provider.history(topics::LISTEN, History::default());
    let server = Running::start(Server::new().serve(provider)).await;
    let mut peer = open(&server).await;
    send(&mut peer, &listen(1, "42")).await;
    let ack = next(&mut peer).await;
    assert_eq!(ack["position"]["offset"], 0);
    orders.order(Task::Numbers(1..=2)).await;
    for offset in 1..=2 {
        assert_eq!(next(&mut peer).await["offset"], offset);
    }
    let mut again = listen(2, "42");
    again["since"] = ack["position"].clone();
    send(&mut peer, &again).await;
    let position = &ack["position"];
    assert_eq!(
        next(&mut peer).await,
        json!({"op": "ack", "id": 2, "position": position, "recovered": true})
    );
    for offset in 1..=2 {
        assert_eq!(next(&mut peer).await["offset"], offset);
    }
    again["id"] = json!(3);
    again["since"] = json!({"last": 1});
    send(&mut peer, &again).await;
    assert_eq!(next(&mut peer).await["position"]["offset"], 1);
    assert_eq!(next(&mut peer).await["offset"], 2);
}

#[tokio::test]
async fn bytes_are_bytes_and_base64_is_taken_for_them() {
    let server = studio().await;
    let mut peer = open(&server).await;
    for payload in [Cbor::Bytes(vec![0, 255]), Cbor::Text("AP8=".to_owned())] {
        let play = cbor!({"op" => "msg", "id" => 1, "channel" => "sounds", "payload" => payload});
        send(&mut peer, &play.unwrap()).await;
        let frame: Cbor = ciborium::from_reader(peer.next_binary().await.as_slice()).unwrap();
        let members = frame.as_map().unwrap();
        let payload = members
            .iter()
            .find(|(name, _)| name.as_text() == Some("payload"));
        assert_eq!(payload.unwrap().1, Cbor::Bytes(vec![0, 255]), "{members:?}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_a_fault_and_the_connection_lives_on() {
    let server = beating(Duration::from_secs(3600)).await;
    let mut peer = open(&server).await;
    let request = |payload: Cbor| {
        bytes(&cbor!({"op" => "msg", "id" => 7, "channel" => "getPeriod_request", "payload" => payload}).unwrap())
    };
    let deep = |depth| (0..depth).fold(Cbor::Null, |inner, _| Cbor::Array(vec![inner]));
    let twice = Cbor::Map(vec![
        ("interactionId".into(), "1".into()),
        ("interactionId".into(), "2".into()),
    ]);
    let number = Cbor::Map(vec![(1.into(), 2.into())]);
    let mut longer = request(Cbor::Map(Vec::new()));
    longer.push(0);
    for (frame, code, id) in [
        (request(twice), "invalid_message", json!(7)),
        (request(7.into()), "invalid_message", json!(7)),
        (request(deep(120)), "invalid_message", json!(7)),
        // What cannot be read has no number either.
        (request(number), "invalid_frame", Value::Null),
        (request(f64::NAN.into()), "invalid_frame", Value::Null),
        (vec![0x81; 20_000], "invalid_frame", Value::Null),
        (longer, "invalid_frame", Value::Null),
        (vec![], "invalid_frame", Value::Null),
        (
            vec![0x5b, 255, 255, 255, 255, 255, 255, 255, 255],
            "invalid_frame",
            Value::Null,
        ),
        (
            vec![0xbb, 0, 0, 255, 255, 255, 255, 255, 255],
            "invalid_frame",
            Value::Null,
        ),
        (bytes(&json!(["msg", 7])), "invalid_frame", Value::Null),
        (
            bytes(&json!({"op": "msg", "id": 8})),
            "invalid_frame",
            json!(8),
        ),
    ] {
        peer.send_binary(&frame).await;
        assert_eq!(
            next_fault(&mut peer).await,
            (code.to_owned(), id),
            "{frame:02x?}"
        );
    }
    peer.send_text(r#"{"op":"ping","id":1}"#).await;
    assert_eq!(next_fault(&mut peer).await.0, "invalid_frame");
    send(&mut peer, &json!({"op": "ping", "id": 1})).await;
    assert_eq!(next(&mut peer).await["op"], "pong");
}

#[tokio::test]
async fn the_first_frame_is_init() {
    let server = beating(Duration::from_secs(3600)).await;
    for (frame, code) in [
        (Message::text(r#"{"op":"init","id":0}"#), 4400),
        (Message::binary(vec![0xff]), 4400),
        (Message::binary(bytes(&json!({"op": "init"}))), 4400),
        (
            Message::binary(bytes(&json!({"op": "ping", "id": 0}))),
            4401,
        ),
    ] {
        let mut peer = uninitialised(&server).await;
        peer.send_frame(frame.clone()).await;
        assert_eq!(peer.close_code().await, code, "{frame:?}");
    }
    let server = Server::new().limits(specwire::Limits {
        init_timeout: Duration::from_millis(20),
        ..specwire::Limits::default()
    });
    let server = Running::start(server.serve(crate::service::provider().0)).await;
    assert_eq!(uninitialised(&server).await.close_code().await, 4408);
}

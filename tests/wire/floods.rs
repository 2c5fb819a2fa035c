//! Peers that send too much, too little, or too much that is wrong.

use std::time::Duration;

use serde_json::json;
use specwire::{Limits, Server};
use specwire_server::heartbeat;
use specwire_server::services::heartbeat::Pulse;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use crate::client::{Peer, close_code, frame, handshake, http, soon, status};
use crate::service::{Running, Telescope, ZENITH, limited, patterns, telescope, telescope_within};

/// A message in so many fragments, most of them empty.
fn fragments(count: usize) -> Vec<u8> {
    let mut bytes = frame(0x01, br#"{"interactionId":"1"#);
    bytes.extend(frame(0x00, b"").repeat(count - 2));
    bytes.extend(frame(0x80, br#""}"#));
    bytes
}

#[tokio::test]
async fn s14_more_than_1024_fragments_close_with_1008() {
    let server = limited(Limits::default()).await;
    let mut tcp = Peer::raw(&server, "/ws").await.into_tcp();
    for _ in 0..3 {
        tcp.write_all(&fragments(1024)).await.unwrap();
        let mut head = [0; 2];
        soon(tcp.read_exact(&mut head)).await.unwrap();
        assert_eq!(head[0], 0x81, "it is answered");
        let mut answer = vec![0; head[1].into()];
        soon(tcp.read_exact(&mut answer)).await.unwrap();
    }
    tcp.write_all(&fragments(1025)).await.unwrap();
    assert_eq!(close_code(&mut tcp).await, 1008);
}

#[tokio::test]
async fn s14_a_million_empty_fragments_are_not_read() {
    let server = limited(Limits::default()).await;
    let mut tcp = Peer::raw(&server, "/ws").await.into_tcp();
    let (mut answers, mut requests) = tcp.split();
    let flood = async {
        requests.write_all(&frame(0x01, b"")).await?;
        let empty = frame(0x00, b"").repeat(1000);
        for _ in 0..1000 {
            requests.write_all(&empty).await?;
        }
        Ok::<_, std::io::Error>(())
    };
    let mut answer = Vec::new();
    let (_, _) = soon(async { tokio::join!(flood, answers.read_to_end(&mut answer)) }).await;
    assert_eq!(answer[..4], [0x88, answer[1], 0x03, 0xf0], "1008");
}

/// Within this process, by a clock that goes on when nobody has anything to do.
#[tokio::test(start_paused = true)]
async fn s14_the_rest_of_a_message_comes_in_10_s_or_not_at_all() {
    let period = Duration::from_secs(3600);
    let server = Server::new().serve(heartbeat::provider(Pulse { period }));
    let mount = server.mount().unwrap();
    let whole = frame(0x81, br#"{"interactionId":"1"}"#);
    let first = frame(0x01, b"{");
    for (name, part) in [
        ("a byte of a head", &whole[..1]),
        ("a head", &whole[..6]),
        ("all but a byte", &whole[..whole.len() - 1]),
        ("a fragment", &first[..]),
    ] {
        let mut pipe = Peer::within(&mount).await.into_pipe();
        pipe.write_all(&whole).await.unwrap();
        let start = Instant::now();
        pipe.write_all(part).await.unwrap();
        assert_eq!(close_code(&mut pipe).await, 1008, "{name}");
        assert_eq!(start.elapsed().as_secs(), 10, "{name}");
    }
}

#[tokio::test]
async fn s14_neither_pings_nor_drops_of_it_keep_a_message_open() {
    let server = limited(Limits {
        message_timeout: Duration::from_millis(300),
        control_frames: u32::MAX,
        ..Limits::default()
    })
    .await;
    for drop in [frame(0x89, b""), frame(0x00, b" ")] {
        let mut tcp = Peer::raw(&server, "/ws").await.into_tcp();
        let (mut answers, mut requests) = tcp.split();
        requests.write_all(&frame(0x01, b"{")).await.unwrap();
        let drip = async {
            let mut pause = tokio::time::interval(Duration::from_millis(20));
            while requests.write_all(&drop).await.is_ok() {
                pause.tick().await;
            }
        };
        let mut answer = Vec::new();
        soon(async {
            tokio::select! {
                () = drip => {}
                _ = answers.read_to_end(&mut answer) => {}
            }
        })
        .await;
        let closed = answer
            .windows(4)
            .any(|bytes| bytes == [0x88, 44, 0x03, 0xf0]);
        assert!(closed, "{answer:?}");
    }
}

#[tokio::test]
async fn s22_the_hundredth_bad_message_in_10_s_closes_with_3509() {
    let (server, _dome) = telescope().await;
    let mut peer = Peer::envelope(&server).await;
    for id in 0..100_u64 {
        // Whatever is wrong counts, and what is right between does not matter.
        peer.send(&match id % 4 {
            0 => json!({"op": "msg", "id": id, "channel": "nowhere"}),
            1 => json!({"op": "nonsense", "id": id}),
            2 => json!({"op": "msg", "id": id, "channel": "pointAt_submit", "payload": {"x": 1}}),
            _ => json!([]),
        })
        .await;
        assert_eq!(peer.next().await["op"], "err");
        if id < 99 {
            peer.expect_nothing().await;
        }
    }
    assert_eq!(peer.close_code().await, 3509);
    assert_eq!(server.metrics.counters().closed[&3509], 1);
    assert_eq!(server.metrics.counters().faults, 100);

    let mut raw = Peer::raw(&server, "/ws/patterns").await;
    for _ in 0..100 {
        raw.send_text("nonsense").await;
        raw.next_fault().await;
    }
    assert_eq!(raw.close_code().await, 3509);
}

#[tokio::test]
async fn what_a_service_refuses_is_not_the_peer_s_mistake() {
    let (server, _dome) = telescope().await;
    let mut peer = Peer::envelope(&server).await;
    let below = json!({"rightAscension": 1, "declination": -1});
    for id in 0..200 {
        peer.send(&json!({"op": "msg", "id": id, "channel": "pointAt_submit", "payload": below}))
            .await;
        assert_eq!(peer.next().await["op"], "err");
    }
    peer.expect_nothing().await;
}

#[tokio::test]
async fn whoever_sends_too_fast_is_read_later_and_loses_nothing() {
    let server = limited(Limits {
        messages: 100,
        ..Limits::default()
    })
    .await;
    let mut peer = Peer::raw(&server, "/ws").await;
    let start = Instant::now();
    for id in 0..250 {
        peer.send(&json!({"interactionId": id.to_string()})).await;
    }
    for id in 0..250 {
        assert_eq!(peer.next().await["interactionId"], id.to_string());
    }
    // A hundred at once, and then one every 10 ms.
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(1490), "{took:?}");
}

#[tokio::test]
async fn a_connection_without_messages_is_closed_when_it_is_asked_for() {
    let idle = Duration::from_millis(400);
    let (server, dome) = telescope_within(Limits {
        idle_timeout: idle,
        ping_interval: Duration::from_millis(50),
        ..Limits::default()
    })
    .await;
    let mut silent = Peer::envelope(&server).await;
    let mut subscribed = Peer::envelope(&server).await;
    subscribed
        .send(&json!({"op": "sub", "id": 1, "channel": "weather_sub", "payload": {}}))
        .await;
    subscribed.next().await;
    let start = Instant::now();
    let closed = silent.close_code();
    tokio::pin!(closed);
    let code = loop {
        // Pings are answered all the while, and are no messages; publications are.
        tokio::select! {
            code = &mut closed => break code,
            () = tokio::time::sleep(idle / 8) => {
                assert_eq!(dome.wind(1.0).await, 1);
                subscribed.next().await;
            }
        }
    };
    assert_eq!(code, 3002);
    assert!(start.elapsed() >= idle / 2, "{:?}", start.elapsed());
    assert_eq!(dome.wind(1.0).await, 1);
    subscribed.next().await;
    assert_eq!(subscribed.close_code().await, 3002);
}

#[tokio::test]
async fn a_handler_has_the_time_that_it_is_given() {
    let (server, _dome) = telescope_within(Limits {
        handler_timeout: Duration::from_millis(100),
        ..Limits::default()
    })
    .await;
    let mut peer = Peer::envelope(&server).await;
    let zenith = json!({"rightAscension": 1, "declination": ZENITH});
    peer.send(&json!({"op": "msg", "id": 1, "channel": "pointAt_submit", "payload": zenith}))
        .await;
    let fault = peer.next().await;
    assert_eq!((&fault["op"], &fault["id"]), (&json!("err"), &json!(1)));
    assert_eq!(fault["payload"]["code"], "timeout");
    peer.send(&json!({"op": "msg", "id": 1, "channel": "status_request", "payload": {}}))
        .await;
    assert_eq!(peer.next().await["op"], "msg", "the id is free again");
}

#[tokio::test]
async fn s38_the_129th_subscription_is_one_too_many_and_handlers_are_counted_apart() {
    let (server, _dome) = telescope().await;
    let mut peer = Peer::envelope(&server).await;
    let subscribe = |id| json!({"op": "sub", "id": id, "channel": "weather_sub", "payload": {}});
    for id in 1..=128 {
        peer.send(&subscribe(id)).await;
        assert_eq!(peer.next().await, json!({"op": "ack", "id": id}));
    }
    peer.send(&subscribe(129)).await;
    assert_eq!(peer.next_fault().await, "limit_exceeded");
    let zenith = json!({"rightAscension": 1, "declination": ZENITH});
    for id in 201..=328 {
        peer.send(&json!({"op": "msg", "id": id, "channel": "pointAt_submit", "payload": zenith}))
            .await;
    }
    peer.expect_nothing().await;
    peer.send(&json!({"op": "msg", "id": 329, "channel": "status_request", "payload": {}}))
        .await;
    assert_eq!(peer.next_fault().await, "limit_exceeded");
    // What is given up makes room.
    for (give_up, again) in [
        (5, subscribe(129)),
        (
            205,
            json!({"op": "msg", "id": 329, "channel": "status_request", "payload": {}}),
        ),
    ] {
        peer.send(&json!({"op": "unsub", "id": give_up})).await;
        assert_eq!(peer.next().await, json!({"op": "unsub", "id": give_up}));
        peer.send(&again).await;
        assert_ne!(peer.next().await["op"], "err");
    }
}

#[tokio::test]
async fn s27_a_thousand_subscriptions_leave_nothing_behind() {
    let (server, mut dome) = telescope_within(Limits {
        subscriptions: 1000,
        ..Limits::default()
    })
    .await;
    let mut peer = Peer::envelope(&server).await;
    for id in 1..=1000 {
        peer.send(&json!({"op": "sub", "id": id, "channel": "weather_sub",
                          "payload": {}, "headers": {"replyTo": format!("mine_{id}")}}))
            .await;
        assert_eq!(peer.next().await, json!({"op": "ack", "id": id}));
    }
    dome.runs(1, 0).await;
    assert_eq!(server.metrics.counters().subscriptions, 1000);
    assert_eq!(server.metrics.counters().connections, 1);
    drop(peer);
    dome.runs(1, 1).await;
    soon(async {
        while server.metrics.counters().connections > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(server.metrics.counters().subscriptions, 0);
}

#[tokio::test]
async fn s09_connections_from_one_address_have_a_limit_of_their_own() {
    let server = limited(Limits {
        connections_per_address: 2,
        ..Limits::default()
    })
    .await;
    let first = Peer::raw(&server, "/ws").await;
    let _second = Peer::raw(&server, "/ws").await;
    let request = handshake("/ws", "X-Forwarded-For: 192.0.2.1\r\n");
    let answer = http(&server, request.as_bytes()).await;
    assert_eq!(status(&answer), "429", "{answer}");
    assert!(answer.contains("retry-after: "), "{answer}");
    assert_eq!(server.metrics.counters().refused, 1);
    drop(first);
    soon(async { while Peer::open(&server, "/ws", &[]).await.is_err() {} }).await;
}

#[tokio::test]
async fn s08_a_proxy_that_is_trusted_says_where_its_clients_are() {
    let limits = Limits {
        connections_per_address: 1,
        ..Limits::default()
    };
    let period = Duration::from_secs(3600);
    let provider = heartbeat::provider(Pulse { period });
    let server = Server::new()
        .limits(limits)
        .trust_proxy([127, 0, 0, 1].into())
        .serve(provider);
    let server = Running::start(server).await;
    let from = |address| [("x-forwarded-for", address)];
    let _first = Peer::open(&server, "/ws", &from("192.0.2.1"))
        .await
        .ok()
        .unwrap();
    let _other = Peer::open(&server, "/ws", &from("192.0.2.2"))
        .await
        .ok()
        .unwrap();
    let again = Peer::open(&server, "/ws", &from("1.1.1.1, 192.0.2.1")).await;
    assert_eq!(again.err(), Some(429));
    // Without a word the proxy stands for itself.
    let _own = Peer::open(&server, "/ws", &[]).await.ok().unwrap();
    assert_eq!(Peer::open(&server, "/ws", &from("")).await.err(), Some(429));
}

#[tokio::test]
async fn limits_that_nobody_can_keep_within_are_refused() {
    let limits = Limits {
        connections: 0,
        ..Limits::default()
    };
    let (telescope, _dome) = Telescope::new();
    let server = Server::new()
        .limits(limits)
        .serve(patterns::provider(telescope));
    let error = server.listen("127.0.0.1:0").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the limit `connections` is zero, expected more"
    );
}

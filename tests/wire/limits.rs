//! `docs/protocol.md`: sizes and times, and the codes with which they are enforced.

use std::time::Duration;

use serde_json::json;
use specwire::{Limits, Server};
use specwire_server::heartbeat;
use specwire_server::services::heartbeat::Pulse;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::client::{Peer, close_code, frame, handshake, soon, status};
use crate::service::{Weather, beating, limited, telescope, telescope_within};

const SELDOM: Duration = Duration::from_secs(3600);
const MESSAGE: usize = 64 << 10;

/// A text message of so many bytes which the heartbeat understands.
fn message(size: usize) -> String {
    let start = r#"{"interactionId":""#;
    let end = r#""}"#;
    format!("{start}{}{end}", "x".repeat(size - start.len() - end.len()))
}

#[tokio::test]
async fn a_message_may_have_64_kib_and_no_more() {
    let server = beating(SELDOM).await;
    let mut peer = Peer::raw(&server, "/ws").await;
    peer.send_text(&message(MESSAGE)).await;
    assert_eq!(peer.next().await["period"], 3600);
    peer.send_text(&message(MESSAGE + 1)).await;
    assert_eq!(peer.close_code().await, 1009);
}

#[tokio::test]
async fn s13_a_message_in_fragments_has_the_same_limit() {
    let server = beating(SELDOM).await;
    for (size, is_accepted) in [(MESSAGE, true), (MESSAGE + 1, false)] {
        let mut tcp = Peer::raw(&server, "/ws").await.into_tcp();
        let text = message(size);
        for (index, part) in text.as_bytes().chunks(1024).enumerate() {
            let opcode = u8::from(index == 0);
            let fin = if (index + 1) * 1024 >= size { 0x80 } else { 0 };
            tcp.write_all(&frame(fin | opcode, part)).await.unwrap();
        }
        if is_accepted {
            let mut first = [0];
            soon(tcp.read_exact(&mut first)).await.unwrap();
            assert_eq!(first, [0x81]);
        } else {
            assert_eq!(close_code(&mut tcp).await, 1009);
        }
    }
}

#[tokio::test]
async fn a_frame_has_a_limit_of_its_own() {
    const FRAME: usize = 1024;
    let server = limited(Limits {
        frame_size: FRAME,
        ..Limits::default()
    })
    .await;
    let text = message(3 * FRAME);
    let mut tcp = Peer::raw(&server, "/ws").await.into_tcp();
    let parts: Vec<_> = text.as_bytes().chunks(FRAME).collect();
    for (first, part) in [(0x01, parts[0]), (0x00, parts[1]), (0x80, parts[2])] {
        tcp.write_all(&frame(first, part)).await.unwrap();
    }
    let mut first = [0];
    soon(tcp.read_exact(&mut first)).await.unwrap();
    assert_eq!(first, [0x81], "the message is answered");
    let mut peer = Peer::raw(&server, "/ws").await;
    peer.send_text(&message(FRAME)).await;
    assert_eq!(peer.next().await["period"], 3600);
    peer.send_text(&message(FRAME + 1)).await;
    assert_eq!(peer.close_code().await, 1009);
}

#[tokio::test]
async fn s11_what_is_said_to_be_too_long_is_refused_before_it_comes() {
    let server = beating(SELDOM).await;
    for length in [1 << 63, (1 << 63) - 1, 1 << 32, 65_537_u64] {
        let mut tcp = Peer::raw(&server, "/ws").await.into_tcp();
        let mut head = vec![0x81, 0x80 | 127];
        head.extend(length.to_be_bytes());
        head.extend([0; 4]);
        tcp.write_all(&head).await.unwrap();
        let code = close_code(&mut tcp).await;
        assert!(
            code == 1009 || (length > 1 << 32 && code == 1002),
            "{length}: {code}"
        );
    }
}

#[tokio::test]
async fn a_refusal_reaches_a_client_that_has_sent_far_too_much() {
    let server = beating(SELDOM).await;
    let mut tcp = Peer::raw(&server, "/ws").await.into_tcp();
    let flood = frame(0x81, &vec![b'x'; 1 << 20]);
    tcp.write_all(&flood).await.unwrap();
    assert_eq!(close_code(&mut tcp).await, 1009);
    // The end of the stream, and not a reset in which the close frame could be lost.
    let mut rest = Vec::new();
    soon(tcp.read_to_end(&mut rest)).await.unwrap();
}

#[tokio::test]
async fn frames_that_are_not_of_rfc_6455_are_refused() {
    let server = beating(SELDOM).await;
    for (bytes, code) in [
        (frame(0x81, b"\xff\xfe"), 1007),
        (frame(0x81, b"\"\xed\xa0\x80\""), 1007),
        // Reserved bits and opcodes, long and fragmented control frames, a stray continuation.
        (frame(0xc1, b"{}"), 1002),
        (frame(0x83, b"{}"), 1002),
        (frame(0x8b, b""), 1002),
        (frame(0x89, &[0; 126]), 1002),
        (frame(0x09, b""), 1002),
        (frame(0x80, b"{}"), 1002),
        ([frame(0x01, b"{"), frame(0x81, b"}")].concat(), 1002),
        // Not masked.
        (vec![0x81, 2, b'{', b'}'], 1002),
        (frame(0x88, b"\x03"), 1002),
    ] {
        let mut tcp = Peer::raw(&server, "/ws").await.into_tcp();
        tcp.write_all(&bytes).await.unwrap();
        assert_eq!(close_code(&mut tcp).await, code, "{bytes:?}");
    }
}

#[tokio::test]
async fn a_close_frame_is_answered() {
    let server = beating(SELDOM).await;
    let mut tcp = Peer::raw(&server, "/ws").await.into_tcp();
    tcp.write_all(&frame(0x88, &1000_u16.to_be_bytes()))
        .await
        .unwrap();
    assert_eq!(close_code(&mut tcp).await, 1000);
    let mut rest = Vec::new();
    soon(tcp.read_to_end(&mut rest)).await.unwrap();
}

#[tokio::test]
async fn half_a_handshake_is_closed_in_time() {
    let server = limited(Limits {
        handshake_timeout: Duration::from_millis(100),
        ..Limits::default()
    })
    .await;
    let whole = handshake("/ws", "");
    for part in [0, 1, whole.len() - 2] {
        let mut tcp = TcpStream::connect(server.address).await.unwrap();
        tcp.write_all(&whole.as_bytes()[..part]).await.unwrap();
        let mut answer = Vec::new();
        let _ = soon(tcp.read_to_end(&mut answer)).await;
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.is_empty() || status(&answer) == "408", "{answer}");
    }
}

#[tokio::test]
async fn s15_more_than_20_pings_in_a_second_close_with_1008() {
    let server = beating(SELDOM).await;
    for control in [Message::Ping(Bytes::new()), Message::Pong(Bytes::new())] {
        let mut peer = Peer::raw(&server, "/ws").await;
        for _ in 0..20 {
            peer.send_frame(control.clone()).await;
        }
        peer.send(&json!({"interactionId": "1"})).await;
        assert_eq!(
            peer.next().await["period"],
            3600,
            "20 are as many as there may be"
        );
        // A second may end in between, so twice as many are certain to be too many.
        for _ in 0..41 {
            peer.send_frame(control.clone()).await;
        }
        assert_eq!(peer.close_code().await, 1008);
    }
}

#[tokio::test]
async fn a_ping_is_answered_with_its_own_payload() {
    let server = beating(SELDOM).await;
    let mut peer = Peer::raw(&server, "/ws").await;
    peer.send_frame(Message::Ping(Bytes::from_static(b"sign")))
        .await;
    let pong = peer.next_frame().await.unwrap().unwrap();
    assert_eq!(pong, Message::Pong(Bytes::from_static(b"sign")));
}

#[tokio::test]
async fn a_peer_without_a_sign_of_life_is_dropped() {
    let server = limited(Limits {
        ping_interval: Duration::from_millis(50),
        pong_timeout: Duration::from_millis(200),
        ..Limits::default()
    })
    .await;
    // One answers pings, as it reads; the other reads what comes, and says nothing.
    let mut lively = Peer::raw(&server, "/ws").await;
    let mut silent = Peer::raw(&server, "/ws").await.into_tcp();
    let mut pings = Vec::new();
    let gone = async {
        let _ = soon(silent.read_to_end(&mut pings)).await;
    };
    tokio::select! {
        () = gone => {}
        frame = async { while let Some(Ok(Message::Ping(_))) = lively.next_frame().await {} } => {
            panic!("the lively one was dropped: {frame:?}");
        }
    }
    assert_eq!(pings[..2], [0x89, 8]);
    lively.send(&json!({"interactionId": "1"})).await;
    assert_eq!(lively.next().await["interactionId"], "1");
}

/// Who has answered in time is not dropped by a server that was stopped, or had no time to look.
#[tokio::test(start_paused = true)]
async fn a_server_that_is_late_takes_nobody_for_dead() {
    let period = Duration::from_secs(24 * 3600);
    let limits = Limits {
        ping_interval: Duration::from_secs(10),
        pong_timeout: Duration::from_secs(8),
        ..Limits::default()
    };
    let provider = heartbeat::provider(Pulse { period });
    let server = Server::new().limits(limits).serve(provider);
    let metrics = server.metrics();
    let mount = server.mount().unwrap();
    let mut peers = Vec::new();
    for _ in 0..32 {
        peers.push(Peer::within(&mount).await);
    }
    for _ in 0..3 {
        for peer in &mut peers {
            let ping = peer.next_frame().await.unwrap().unwrap();
            let Message::Ping(payload) = ping else {
                panic!("{ping:?} in place of a ping");
            };
            // All are answered before the server has its turn, and by then the time is over.
            peer.send_frame(Message::Pong(payload)).await;
        }
        tokio::time::advance(Duration::from_secs(9)).await;
        for peer in &mut peers {
            peer.send(&json!({"interactionId": "1"})).await;
            assert_eq!(peer.next().await["interactionId"], "1");
        }
    }
    assert_eq!(metrics.counters().lost, 0);
}

#[tokio::test]
async fn a_subscriber_that_reads_nothing_is_closed_and_the_others_go_on() {
    let (server, mut dome) = telescope_within(Limits {
        write_timeout: Duration::from_millis(200),
        close_timeout: Duration::from_millis(100),
        ..Limits::default()
    })
    .await;
    let mut deaf = Peer::raw(&server, "/ws/patterns/weather_sub").await;
    deaf.send(&json!({"subscriptionId": "x".repeat(32 << 10)}))
        .await;
    dome.runs(1, 0).await;
    // 32 KiB each: more than the kernel takes for both ends, and then more than the queue.
    while dome.wind(1.0).await == 1 {}
    dome.runs(1, 1).await;
}

#[tokio::test]
async fn a_subscriber_that_does_not_keep_up_is_told_so() {
    let (server, mut dome) = telescope_within(Limits {
        queue_messages: 4,
        ..Limits::default()
    })
    .await;
    let mut peer = Peer::raw(&server, "/ws/patterns/weather_sub").await;
    peer.send(&json!({})).await;
    dome.runs(1, 0).await;
    // On one thread the connection cannot write while these come one after the other.
    let orders: Vec<_> = (0..16)
        .map(|_| {
            let (done, is_done) = tokio::sync::oneshot::channel();
            dome.weather(Weather::Wind(1.0, done));
            is_done
        })
        .collect();
    assert_eq!(peer.close_code().await, 3008);
    dome.runs(1, 1).await;
    drop(orders);
}

#[tokio::test]
async fn a_peer_that_asks_and_never_reads_is_not_answered_without_end() {
    let (server, _dome) = telescope_within(Limits {
        write_timeout: Duration::from_millis(200),
        ..Limits::default()
    })
    .await;
    let mut tcp = Peer::raw(&server, "/ws/patterns/status_request")
        .await
        .into_tcp();
    let requests = frame(0x81, b"{}").repeat(1000);
    let mut sent = 0_usize;
    soon(async {
        while tcp.write_all(&requests).await.is_ok() {
            sent += requests.len();
        }
    })
    .await;
    // What both ends' kernels hold, and not what a client could go on sending.
    assert!(sent < 64 << 20, "{sent}");
}

#[tokio::test]
async fn the_limit_of_messages_that_wait_is_no_limit_of_progress() {
    let (server, _dome) = telescope().await;
    let mut peer = Peer::envelope(&server).await;
    let corners = vec![json!({"rightAscension": 1, "declination": 1}); 1000];
    peer.send(&json!({"op": "sub", "id": 1, "channel": "survey_progress",
                      "payload": {"corners": corners}}))
        .await;
    let mut last = peer.next().await;
    while last["op"] != "unsub" {
        assert_ne!(last["op"], "err", "{last}");
        last = peer.next().await;
    }
}

#[tokio::test]
async fn times_may_be_without_end() {
    let mut server = limited(Limits {
        handshake_timeout: Duration::MAX,
        init_timeout: Duration::MAX,
        write_timeout: Duration::MAX,
        ping_interval: Duration::MAX,
        pong_timeout: Duration::MAX,
        close_timeout: Duration::MAX,
        ..Limits::default()
    })
    .await;
    let mut peer = Peer::envelope(&server).await;
    peer.expect_nothing().await;
    server.stop();
    assert_eq!(peer.close_code().await, 1001);
    peer.dropped().await;
    drop(peer);
    server.stopped().await;
}

#[tokio::test]
async fn what_exchanges_were_started_with_has_a_limit_in_bytes() {
    let (server, _dome) = telescope().await;
    let mut peer = Peer::envelope(&server).await;
    let large = "x".repeat(60_000);
    let mut refused = None;
    for id in 1..=32 {
        peer.send(
            &json!({"op": "sub", "id": id, "channel": "weather_sub", "payload": {},
                          "headers": {"large": large}}),
        )
        .await;
        let answer = peer.next().await;
        if answer["op"] == "err" {
            assert_eq!(answer["payload"]["code"], "limit_exceeded", "{answer}");
            refused = Some(id);
            break;
        }
        assert_eq!(answer, json!({"op": "ack", "id": id}));
    }
    // A MiB of them, whatever surrounds them.
    assert_eq!(refused, Some(18));
    // What is given up makes room.
    peer.send(&json!({"op": "unsub", "id": 1})).await;
    assert_eq!(peer.next().await, json!({"op": "unsub", "id": 1}));
    peer.send(
        &json!({"op": "sub", "id": 99, "channel": "weather_sub", "payload": {},
                      "headers": {"large": large}}),
    )
    .await;
    assert_eq!(peer.next().await, json!({"op": "ack", "id": 99}));
}

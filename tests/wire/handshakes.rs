//! Handshakes that are meant to hurt: slow ones, huge ones, those of others' pages, and too many.

use std::time::Duration;

use specwire::{Limits, Mount, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::Instant;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Error;

use crate::client::{Peer, handshake, http, status};
use crate::service::{Running, beating, limited, provider};

fn mount(connections: usize) -> Mount {
    let (provider, _dome) = provider();
    let limits = Limits {
        connections,
        ..Limits::default()
    };
    let server = Server::new().serve(provider).limits(limits);
    server.mount().unwrap()
}

/// One end of a connection, of which the other is served.
fn connect(mount: &Mount, buffer: usize) -> DuplexStream {
    let (ours, theirs) = tokio::io::duplex(buffer);
    tokio::spawn(mount.serve_connection(theirs, None));
    ours
}

#[tokio::test]
async fn s01_pages_of_others_are_turned_away_before_the_upgrade() {
    let (provider, _dome) = provider();
    let server = Server::new()
        .serve(provider)
        .allow_origin("https://example.com")
        .allow_origin("http://example.org");
    let server = Running::start(server).await;
    let own = format!("http://{}", server.address);
    let secure = format!("https://{}", server.address);
    let elsewhere = format!("http://{}:1", server.address.ip());
    for (origin, refused) in [
        (own.as_str(), None),
        ("https://example.com", None),
        ("http://example.org", None),
        ("https://evil", Some(403)),
        ("null", Some(403)),
        ("", Some(403)),
        ("https://example.com.evil", Some(403)),
        ("https://evil/https://example.com", Some(403)),
        ("https://example.com@evil", Some(403)),
        ("https://example.com https://evil", Some(403)),
        ("https://example.com:444", Some(403)),
        // Two hosts with different schemes: each with its own.
        ("http://example.com", Some(403)),
        ("https://example.org", Some(403)),
        (&secure, Some(403)),
        (&elsewhere, Some(403)),
    ] {
        let opened = Peer::open(&server, "/ws", &[("origin", origin)]).await;
        assert_eq!(opened.err(), refused, "{origin}");
    }
    // No browser: it acts in nobody's name.
    Peer::raw(&server, "/ws").await;
}

#[tokio::test(start_paused = true)]
async fn s02_a_thousand_slow_handshakes_end_after_5_s_and_keep_nobody_out() {
    let mount = mount(1001);
    let begun = Instant::now();
    let slow = (0..1000).map(|_| {
        let stream = connect(&mount, 1024);
        tokio::spawn(async move {
            let (mut answers, mut requests) = tokio::io::split(stream);
            let drip = async move {
                let _ = requests.write_all(b"GET /ws HTTP/1.1\r\n").await;
                while requests.write_all(b"X-Y: z\r\n").await.is_ok() {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                }
            };
            let drip = tokio::spawn(drip);
            let mut answer = Vec::new();
            let _ = answers.read_to_end(&mut answer).await;
            drip.abort();
            (begun.elapsed(), answer)
        })
    });
    let slow: Vec<_> = slow.collect();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(mount.connections(), 1000);
    let (_socket, _) = client_async("ws://localhost/ws", connect(&mount, 1024))
        .await
        .unwrap();
    assert_eq!(begun.elapsed().as_secs(), 3, "it did not wait for them");
    for slow in slow {
        let (ended, answer) = slow.await.unwrap();
        assert_eq!(ended.as_secs(), 5, "{ended:?}");
        assert_eq!(String::from_utf8_lossy(&answer), "");
    }
}

#[tokio::test(start_paused = true)]
async fn s02_handshakes_have_a_limit_and_take_no_room_from_connections() {
    let mount = mount(2);
    let _idle = [connect(&mount, 1024), connect(&mount, 1024)];
    tokio::task::yield_now().await;
    let mut answer = Vec::new();
    let mut third = connect(&mount, 1024);
    third.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"");
    // Both are over in time, and two connections may be there.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut sockets = Vec::new();
    for _ in 0..2 {
        let stream = connect(&mount, 1024);
        sockets.push(client_async("ws://localhost/ws", stream).await.unwrap());
    }
    let third = client_async("ws://localhost/ws", connect(&mount, 1024)).await;
    let Err(Error::Http(answer)) = third else {
        panic!("a third connection is opened");
    };
    assert_eq!(answer.status(), 503);
}

#[tokio::test]
async fn s03_a_head_too_large_is_refused() {
    let server = beating(Duration::from_secs(3600)).await;
    let header = handshake("/ws", &format!("X-Long: {}\r\n", "x".repeat(64 << 10)));
    let headers = handshake("/ws", &"X-Many: 1\r\n".repeat(200));
    let path = handshake(&format!("/ws/{}", "x".repeat(64 << 10)), "");
    let query = handshake(&format!("/ws?{}", "x".repeat(64 << 10)), "");
    for request in [header, headers, path, query] {
        let answer = http(&server, request.as_bytes()).await;
        let start: String = request.chars().take(20).collect();
        assert!(
            matches!(status(&answer), "431" | "414" | "400"),
            "{start}: {answer}"
        );
    }
}

#[tokio::test]
async fn s03_a_head_byte_by_byte_is_read_like_any_other() {
    let mount = mount(10);
    for (size, expected) in [(7 << 10, "101"), (64 << 10, "431")] {
        // Neither end ever has more than one byte of the other's.
        let (mut answers, mut requests) = tokio::io::split(connect(&mount, 1));
        let request = handshake("/ws", &format!("X-Long: {}\r\n", "x".repeat(size)));
        let write = async { drop(requests.write_all(request.as_bytes()).await) };
        let mut answer = Vec::new();
        let read = async {
            while !answer.ends_with(b"\r\n\r\n") {
                answer.push(answers.read_u8().await.unwrap());
            }
        };
        tokio::join!(write, read);
        let answer = String::from_utf8(answer).unwrap();
        assert_eq!(status(&answer), expected, "{answer}");
    }
}

#[tokio::test]
async fn s09_one_connection_too_many_is_told_to_come_back() {
    let server = limited(Limits {
        connections: 2,
        ..Limits::default()
    })
    .await;
    let mut first = Peer::raw(&server, "/ws").await;
    let _second = Peer::raw(&server, "/ws").await;
    let refused = http(&server, handshake("/ws", "").as_bytes()).await;
    assert_eq!(status(&refused), "503");
    assert!(
        refused.to_lowercase().contains("retry-after: "),
        "{refused}"
    );

    // There is room again as soon as somebody has gone.
    first.close().await;
    while let Err(status) = Peer::open(&server, "/ws", &[]).await {
        assert_eq!(status, 503);
        tokio::task::yield_now().await;
    }
}

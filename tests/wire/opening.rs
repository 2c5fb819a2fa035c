//! `docs/protocol.md`: URLs, Opening.

use std::time::Duration;

use serde_json::json;
use specwire::{Limits, Server};

use crate::client::{Peer, handshake, http, status};
use crate::service::{Running, beating, limited, provider, telescope};

const SELDOM: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn every_url_that_is_listed_opens() {
    let server = beating(SELDOM).await;
    let index = http(&server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(status(&index), "200");
    let urls: Vec<_> = index
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("/ws"))
        .collect();
    assert_eq!(
        urls,
        [
            "/ws",
            "/ws/heartbeat",
            "/ws/heartbeat/beat_sub",
            "/ws/heartbeat/getPeriod_request"
        ]
    );
    for url in urls {
        Peer::raw(&server, url).await;
    }
}

#[tokio::test]
async fn other_paths_are_not_found() {
    let server = beating(SELDOM).await;
    for path in [
        "/other",
        "/wsx",
        "/ws/Heartbeat",
        "/ws/heartbeat/beat_pub",
        "/ws/heartbeat/beat_sub/more",
        "/ws/heartbeat/%zz",
        "/ws/heartbeat/%ff",
        "/ws/heartbeat/beat_sub%00",
    ] {
        assert_eq!(
            Peer::open(&server, path, &[]).await.err(),
            Some(404),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_channel_may_be_percent_encoded() {
    let server = beating(SELDOM).await;
    let mut peer = Peer::raw(&server, "/ws/heartbeat/getPeriod%5Frequest?and=a&query").await;
    peer.send(&json!({})).await;
    assert_eq!(peer.next_text().await, r#"{"period":3600}"#);
}

#[tokio::test]
async fn what_is_no_handshake_is_told_to_upgrade() {
    let server = beating(SELDOM).await;
    let plain = http(&server, b"GET /ws HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(status(&plain), "426");
    assert!(
        plain.to_lowercase().contains("upgrade: websocket"),
        "{plain}"
    );
    let old = handshake("/ws", "").replace("Version: 13", "Version: 8");
    let old = http(&server, old.as_bytes()).await;
    assert_eq!(status(&old), "426");
    assert!(
        old.to_lowercase().contains("sec-websocket-version: 13"),
        "{old}"
    );
    let post = handshake("/ws", "").replace("GET", "POST");
    assert_eq!(status(&http(&server, post.as_bytes()).await), "405");
    let keyless = handshake("/ws", "").replace("dGhlIHNhbXBsZSBub25jZQ==", "short");
    assert_eq!(status(&http(&server, keyless.as_bytes()).await), "400");
}

#[tokio::test]
async fn an_unknown_subprotocol_is_refused_and_never_taken_for_raw() {
    let server = beating(SELDOM).await;
    for (offered, refused) in [
        ("specwire.v2.json", Some(400)),
        ("graphql-transport-ws, mqtt", Some(400)),
        ("mqtt, specwire.v1.json", None),
    ] {
        let headers = [("sec-websocket-protocol", offered)];
        assert_eq!(
            Peer::open(&server, "/ws", &headers).await.err(),
            refused,
            "{offered}"
        );
    }
}

#[tokio::test]
async fn only_pages_of_the_server_itself_and_allowed_ones_may_open() {
    let (provider, _dome) = provider();
    let server = Server::new()
        .serve(provider)
        .allow_origin("https://console.example.org");
    let server = Running::start(server).await;
    let own = format!("http://{}", server.address);
    let other_port = format!("http://{}:1", server.address.ip());
    let other_scheme = format!("https://{}", server.address);
    let longer = format!("{own}.evil");
    for (origin, refused) in [
        (own.as_str(), None),
        ("https://console.example.org", None),
        ("https://evil", Some(403)),
        ("null", Some(403)),
        (&other_port, Some(403)),
        (&other_scheme, Some(403)),
        (&longer, Some(403)),
        ("https://console.example.org.evil", Some(403)),
    ] {
        let headers = [("origin", origin)];
        assert_eq!(
            Peer::open(&server, "/ws", &headers).await.err(),
            refused,
            "{origin}"
        );
    }
}

#[tokio::test]
async fn one_connection_too_many_is_told_to_come_back() {
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

#[tokio::test]
async fn a_channel_of_one_document_is_not_reached_through_another() {
    let (server, _dome) = telescope().await;
    Peer::raw(&server, "/ws/patterns/park_send").await;
    let elsewhere = Peer::open(&server, "/ws/heartbeat/park_send", &[]).await;
    assert_eq!(elsewhere.err(), Some(404));
}

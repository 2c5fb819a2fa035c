//! `docs/protocol.md`: URLs, Opening.

use std::time::Duration;

use serde_json::json;

use crate::client::{Peer, handshake, http, status};
use crate::service::{beating, telescope};

const SELDOM: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn every_url_that_is_listed_opens() {
    let server = beating(SELDOM).await;
    let index = http(&server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(status(&index), "200");
    let urls: Vec<_> = index
        .lines()
        .filter_map(|line| line.strip_prefix("  /ws"))
        .map(|below| format!("/ws{below}"))
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
        Peer::raw(&server, &url).await;
    }
}

const PAGE: &[u8] = b"GET / HTTP/1.1\r\nHost: x:80\r\nAccept: text/html,*/*;q=0.8\r\n\r\n";

#[tokio::test]
async fn people_are_told_what_is_served_and_how_to_try_it() {
    let (server, _dome) = telescope().await;
    let text = http(
        &server,
        b"GET / HTTP/1.1\r\nHost: x:80\r\nAccept: */*\r\n\r\n",
    )
    .await;
    for part in [
        "content-type: text/plain",
        "\n  /ws/patterns/pointAt_submit\n",
        r#"send pointAt_submit, such as {"rightAscension":0,"declination":0} (answered once)"#,
        "send weather_sub, such as {} (answered until you leave or it ends)",
        "send park_send, such as {} (not answered)",
        "  websocat 'ws://x:80/ws/patterns/",
    ] {
        assert!(text.contains(part), "no `{part}` in {text}");
    }
    let page = http(&server, PAGE).await;
    for part in [
        "content-type: text/html",
        "<h2>patterns</h2>",
        "<h3>weather_sub</h3>",
        "send weather_sub, such as {} (answered until you leave or it ends)",
        "websocat '<span class=\"url\">/ws/patterns/weather_sub</span>'",
        "new WebSocket",
    ] {
        assert!(page.contains(part), "no `{part}` in {page}");
    }
}

#[tokio::test]
async fn the_page_runs_its_own_script_and_loads_nothing() {
    let server = beating(SELDOM).await;
    let page = http(&server, PAGE).await;
    let (_, policy) = page.split_once("content-security-policy: ").unwrap();
    let policy = policy.lines().next().unwrap();
    let (_, nonce) = policy.split_once("script-src 'nonce-").unwrap();
    let (nonce, _) = nonce.split_once('\'').unwrap();
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    assert!(page.contains(&format!("<script nonce=\"{nonce}\">")));
    assert!(page.contains(&format!("<style nonce=\"{nonce}\">")));
    for outside in ["http://", "https://", "src=", "unsafe", "@import"] {
        assert!(!page.contains(outside), "`{outside}` in {page}");
    }
    // Another page has another number.
    assert!(!http(&server, PAGE).await.contains(nonce));
}

#[tokio::test]
async fn head_gets_the_head_of_the_page_alone() {
    let server = beating(SELDOM).await;
    let head = [b"HEAD", &PAGE[3..]].concat();
    let head = http(&server, &head).await;
    let (fields, body) = head.split_once("\r\n\r\n").unwrap();
    assert_eq!((status(&head), body), ("200", ""));
    assert!(fields.contains("content-length: "), "{fields}");
    assert!(fields.contains("text/html"), "{fields}");
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
async fn a_channel_of_one_document_is_not_reached_through_another() {
    let (server, _dome) = telescope().await;
    Peer::raw(&server, "/ws/patterns/park_send").await;
    let elsewhere = Peer::open(&server, "/ws/heartbeat/park_send", &[]).await;
    assert_eq!(elsewhere.err(), Some(404));
}

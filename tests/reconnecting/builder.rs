//! What a client is told before it connects.

use std::time::Duration;

use specwire::{Error, Reconnect, State};
use specwire_server::heartbeat::Client;
use tokio::time::Instant;

use crate::fake::{connected, fake, next_loss, soon};

#[tokio::test(start_paused = true)]
async fn headers_and_the_token_are_sent_and_not_shown() {
    let (builder, mut fake) = fake();
    let builder = builder
        .header("X-Tenant", "observatory")
        .header("Host", "inside.example")
        .bearer_token("s3cr3t");
    let shown = format!("{builder:?}");
    assert!(shown.contains("x-tenant"), "{shown}");
    for value in ["s3cr3t", "observatory"] {
        assert!(!shown.contains(value), "{shown}");
    }
    let (client, peer) = connected(builder, &mut fake).await;
    assert_eq!(peer.headers["x-tenant"], "observatory");
    assert_eq!(peer.headers["host"], "inside.example");
    assert_eq!(peer.headers["authorization"], "Bearer s3cr3t");
    assert!(!format!("{client:?}").contains("s3cr3t"));

    // And on every other connection.
    peer.close(1001, "").await;
    let peer = fake.accept().await;
    assert_eq!(peer.headers["authorization"], "Bearer s3cr3t");
}

#[tokio::test]
async fn a_header_that_cannot_be_sent_is_told_without_its_value() {
    let many = (0..65).fold(Client::builder("ws://localhost/ws"), |builder, number| {
        builder.header(&format!("x-{number}"), "")
    });
    let header = |name, value| Client::builder("ws://localhost/ws").header(name, value);
    for (builder, words) in [
        (header("a b", "hidden"), "`a b`: it is no name"),
        (header("x-a", "hidden\r\nx-b: c"), "`x-a`: its value has"),
        (header("x-a", "h\u{e9}dden"), "`x-a`: its value has"),
        (header("Upgrade", "hidden"), "`Upgrade`: it belongs to"),
        (
            header("Sec-WebSocket-Key", "hidden"),
            "it belongs to the handshake",
        ),
        (many, "`x-64`: there are too many"),
    ] {
        let lazily = builder.connect_lazy().unwrap_err();
        assert!(matches!(lazily, Error::Header { .. }), "{lazily}");
        let text = lazily.to_string();
        assert!(text.contains(words) && !text.contains("hidden"), "{text}");
    }
}

#[tokio::test]
async fn a_url_that_is_none_is_told_at_once() {
    for (url, reason) in [
        ("nonsense", "the scheme is not ws://"),
        ("wss://localhost/ws", "the feature `tls`"),
        ("http://localhost/ws", "the scheme is not ws://"),
        ("ws:///ws", "it is not a URL"),
        ("ws://user:secret@localhost/ws", "it has a user in it"),
    ] {
        let error = Client::builder(url).connect_lazy().unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_attempt_fails_at_once_or_is_made_until_it_succeeds() {
    let (builder, mut fake) = fake();
    let (result, _) = tokio::join!(builder.connect(), async {
        drop(fake.attempt().await);
    });
    assert!(matches!(result, Err(Error::Connect { .. })), "{result:?}");
    assert!(fake.attempt().await.is_none());

    let (builder, mut fake) = crate::fake::fake();
    let client = builder.connect_lazy().unwrap();
    let mut states = client.states();
    assert_eq!(
        soon(states.next()).await,
        Some(State::Connecting { attempt: 1 })
    );
    for _ in 0..5 {
        drop(fake.attempt().await);
        assert!(matches!(
            next_loss(&mut states).await,
            State::Disconnected { .. }
        ));
    }
    fake.accept().await;
}

#[tokio::test(start_paused = true)]
async fn refusals_say_whether_the_client_comes_back() {
    for (status, comes_back) in [
        (400, false),
        (401, false),
        (403, false),
        (404, false),
        (426, false),
        (429, true),
        (500, true),
        (503, true),
    ] {
        let (builder, mut fake) = fake();
        let client = builder.connect_lazy().unwrap();
        let mut states = client.states();
        fake.refuse(status).await;
        let state = next_loss(&mut states).await;
        assert_eq!(
            matches!(state, State::Disconnected { .. }),
            comes_back,
            "{status}"
        );
        assert!(state.to_string().contains(&status.to_string()), "{state}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_time_gets_it_up_to_the_cap() {
    let second = Duration::from_secs(1);
    for (status, retry_after, delay) in [
        (503, "7", 7 * second..=8 * second),
        (429, "7", 7 * second..=8 * second),
        // No more than the client waits anyway.
        (503, "86400", 20 * second..=20 * second),
        // Of no use without the server's clock.
        (
            503,
            "Fri, 31 Dec 2100 23:59:59 GMT",
            Duration::ZERO..=second,
        ),
        (503, "soon", Duration::ZERO..=second),
    ] {
        let (builder, mut fake) = fake();
        let policy = Reconnect {
            base: second,
            ..Reconnect::default()
        };
        let client = builder.reconnect(policy).connect_lazy().unwrap();
        let mut states = client.states();
        fake.refuse_until(status, Some(retry_after)).await;
        let State::Disconnected { retry_in, .. } = next_loss(&mut states).await else {
            panic!("{retry_after}");
        };
        assert!(delay.contains(&retry_in), "{retry_after}: {retry_in:?}");
        let refused = Instant::now();
        fake.accept().await;
        assert!(
            refused.elapsed() >= retry_in.min(7 * second),
            "{retry_after}"
        );
    }
    // Who is told of a refusal at once is told of this as well.
    let (builder, mut fake) = fake();
    let refuse = fake.refuse_until(503, Some("7"));
    let (result, ()) = tokio::join!(builder.connect(), refuse);
    assert!(
        matches!(result, Err(Error::Refused { retry_after: Some(asked), .. }) if asked == 7 * second),
        "{result:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_subprotocol_is_that_which_was_asked_for_or_there_is_no_connection() {
    let (builder, mut fake) = fake();
    let (result, peer) = tokio::join!(builder.cbor().connect(), fake.uninitialised());
    assert_eq!(peer.headers["sec-websocket-protocol"], "specwire.v1.cbor");
    // The fake speaks JSON.
    let error = format!("{:?}", result.unwrap_err());
    assert!(error.contains("it selected `specwire.v1.json`"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_seed_decides_the_delays() {
    let mut delays = Vec::new();
    for seed in [1, 1, 2] {
        let (builder, mut fake) = fake();
        let base = Duration::from_secs(10);
        let policy = Reconnect {
            base,
            seed: Some(seed),
            ..Reconnect::default()
        };
        let client = builder.reconnect(policy).connect_lazy().unwrap();
        let mut states = client.states();
        drop(fake.attempt().await);
        match next_loss(&mut states).await {
            State::Disconnected { retry_in, .. } => delays.push(retry_in),
            other => panic!("{other}"),
        }
    }
    assert_eq!(delays[0], delays[1]);
    assert_ne!(delays[0], delays[2]);
}

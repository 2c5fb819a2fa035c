//! Signs of life, states, and the end.

use std::time::Duration;

use serde_json::json;
use specwire::{Fault, Reconnect, State};
use tokio::time::{Instant, sleep};

use crate::fake::{CONNECTION, connected, fake, next_loss, once, soon, subscription};

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_left_after_ping_and_pong_time() {
    let (builder, mut fake) = fake();
    let builder = builder
        .ping_interval(Duration::from_secs(10))
        .pong_timeout(Duration::from_secs(4));
    let (client, _silent) = connected(builder, &mut fake).await;
    let start = Instant::now();
    let state = next_loss(&mut client.states()).await;
    assert_eq!(start.elapsed(), Duration::from_secs(14));
    let State::Disconnected { reason, .. } = state else {
        panic!("{state}");
    };
    assert_eq!(reason.to_string(), "the server shows no sign of life");
    assert!(reason.is_temporary() && reason.close_code().is_none());
    fake.accept().await;
}

/// A process that was stopped, or had no time to look, does not take the server for dead.
#[tokio::test(start_paused = true)]
async fn a_client_that_is_late_hears_what_came_in_time() {
    let (builder, mut fake) = fake();
    let builder = builder
        .ping_interval(Duration::from_secs(10))
        .pong_timeout(Duration::from_secs(4));
    let (client, mut peer) = connected(builder, &mut fake).await;
    let beats = tokio::spawn(async move {
        let mut beats = client.beat(subscription("1")).await.unwrap();
        for _ in 0..3 {
            assert!(soon(beats.next()).await.unwrap().is_some());
            assert!(matches!(client.state(), State::Connected { .. }));
        }
    });
    let sub = peer.subscribed().await;
    sleep(Duration::from_secs(11)).await;
    for _ in 0..3 {
        // It has pinged a second ago, and has its turn when the time for the answer is over.
        peer.beat(&sub, "in time").await;
        tokio::time::advance(Duration::from_secs(5)).await;
        sleep(Duration::from_secs(5)).await;
    }
    soon(beats).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_owes_something_and_sends_nothing_is_left_after_the_idle_time() {
    let (builder, mut fake) = fake();
    // Pings, which the fake does not answer while it sleeps, are out of the way.
    let builder = builder
        .ping_interval(Duration::from_secs(3600))
        .idle_timeout(Duration::from_secs(60));
    let (client, mut peer) = connected(builder, &mut fake).await;
    let mut states = client.states();
    soon(states.next()).await;
    let idle = tokio::spawn(async move {
        peer.subscribed().await;
        sleep(Duration::from_secs(50)).await;
        let sub = json!({"id": 1});
        peer.beat(&sub, "late").await;
        let last = Instant::now();
        assert_eq!(peer.close_code().await, None);
        last.elapsed()
    });
    // Nothing is owed.
    sleep(Duration::from_secs(300)).await;
    assert!(matches!(client.state(), State::Connected { .. }));
    let mut beats = client.beat(subscription("1")).await.unwrap();
    let state = next_loss(&mut states).await;
    assert!(matches!(state, State::Disconnected { .. }), "{state}");
    assert_eq!(soon(idle).await.unwrap(), Duration::from_secs(60));
    assert!(soon(beats.next()).await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn every_change_is_told_in_order() {
    let (builder, mut fake) = fake();
    let policy = Reconnect {
        attempts: 3,
        ..Reconnect::default()
    };
    let (client, peer) = connected(builder.reconnect(policy), &mut fake).await;
    let mut states = client.states();
    peer.close(1013, "too busy").await;
    fake.refuse(503).await;
    let peer = fake.accept().await;
    drop(peer);
    for _ in 0..3 {
        drop(fake.attempt().await);
    }
    let mut seen = Vec::new();
    while let Some(state) = soon(states.next()).await {
        seen.push(match state {
            State::Connecting { attempt } => format!("connecting {attempt}"),
            State::Connected {
                connection,
                attempt,
            } => {
                assert_eq!(connection.to_string(), CONNECTION);
                format!("connected {attempt}")
            }
            State::Disconnected { reason, .. } => format!("disconnected: {reason}"),
            State::Closed { reason } => format!("closed: {reason}"),
            other => panic!("{other}"),
        });
    }
    let hung_up = "cannot connect to ws://fake.example/ws: the server hung up during the handshake";
    assert_eq!(
        seen,
        [
            "connected 1",
            "disconnected: the server closed the connection with 1013: too busy",
            "connecting 1",
            "disconnected: ws://fake.example/ws refused the connection with status 503: not today",
            "connecting 2",
            "connected 2",
            "disconnected: the connection to the server is lost",
            "connecting 1",
            &format!("disconnected: {hung_up}"),
            "connecting 2",
            &format!("disconnected: {hung_up}"),
            "connecting 3",
            &format!("closed: {hung_up}"),
        ]
    );
    assert_eq!(client.state().to_string(), format!("closed: {hung_up}"));
    assert!(fake.attempt().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn latency_is_measured_when_connecting_and_with_every_ping() {
    let (builder, mut fake) = fake();
    let delay = Duration::from_millis(80);
    let client = tokio::spawn(builder.ping_interval(Duration::from_secs(1)).connect());
    let mut peer = fake.uninitialised().await;
    peer.next().await;
    sleep(delay).await;
    let welcome = json!({"connection": CONNECTION, "messageSize": 65_536});
    peer.send(json!({"op": "ack", "id": 0, "payload": welcome}))
        .await;
    let client = client.await.unwrap().unwrap();
    let latency = client.latency().unwrap();
    assert_eq!((latency.last, latency.smoothed), (delay, delay));
    let answered = tokio::spawn(async move { peer.close_code().await });
    sleep(Duration::from_millis(1500)).await;
    let latency = client.latency().unwrap();
    assert!(latency.last < Duration::from_millis(5), "{latency:?}");
    assert!(latency.smoothed >= Duration::from_millis(70), "{latency:?}");
    drop(client);
    assert_eq!(soon(answered).await.unwrap(), Some(1000));
}

#[tokio::test(start_paused = true)]
async fn closing_ends_everything_with_a_reason() {
    let (builder, mut fake) = fake();
    let (client, mut peer) = connected(builder, &mut fake).await;
    let (beats, _) = tokio::join!(client.beat(subscription("1")), peer.subscribed());
    let mut beats = beats.unwrap();
    let closing = client.clone();
    let (code, ()) = tokio::join!(peer.close_code(), closing.close());
    assert_eq!(code, Some(1000));
    assert_eq!(client.state().to_string(), "closed: the client was closed");
    let fault = soon(beats.next()).await.unwrap_err();
    assert_eq!(fault.to_string(), "unavailable: the client was closed");
    let fault = client.beat(subscription("2")).await.unwrap_err();
    assert_eq!(fault.code(), Fault::UNAVAILABLE);
    // Once more does no harm.
    soon(client.close()).await;
    assert!(fake.attempt().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_nobody_holds_does_not_connect_again() {
    let (builder, mut fake) = fake();
    let (client, peer) = connected(builder, &mut fake).await;
    let mut states = client.states();
    peer.close(1001, "").await;
    next_loss(&mut states).await;
    drop(client);
    assert!(fake.attempt().await.is_none());
    let last = soon(states.next()).await.unwrap();
    assert_eq!(last.to_string(), "closed: the client was closed");
    assert_eq!(soon(states.next()).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_server_is_asked_to_wait_and_left_when_it_does_not_answer() {
    let (builder, mut fake) = fake();
    let patience = Duration::from_secs(5);
    let builder = builder.connect_timeout(patience).reconnect(once());
    let start = Instant::now();
    let (result, _silent) = tokio::join!(builder.connect(), fake.attempt());
    let error = result.unwrap_err();
    assert_eq!(
        error.to_string(),
        "ws://fake.example/ws did not answer within 5s"
    );
    assert_eq!(start.elapsed(), patience);
    assert!(
        fake.attempt().await.is_none(),
        "the first attempt is the only one"
    );
}

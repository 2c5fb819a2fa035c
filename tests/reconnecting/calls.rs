//! Calls when connections come and go.

use std::time::Duration;

use serde_json::json;
use specwire::{Fault, InFlight, Reconnect};
use specwire_server::heartbeat::GetPeriodRequest;
use tokio::time::Instant;

use crate::fake::{connected, fake, next_loss, soon};

fn request() -> GetPeriodRequest {
    GetPeriodRequest::default()
}

#[tokio::test(start_paused = true)]
async fn a_request_in_flight_fails_when_the_connection_is_lost() {
    let (builder, mut fake) = fake();
    let (client, mut peer) = connected(builder, &mut fake).await;
    let (answer, ()) = tokio::join!(client.get_period(request()), async {
        assert_eq!(peer.next().await["channel"], "heartbeat/getPeriod_request");
        peer.close(1011, "").await;
    });
    let fault = answer.unwrap_err();
    assert_eq!(
        fault.to_string(),
        "unavailable: the server closed the connection with 1011"
    );
    // The next one waits for the next connection.
    let (answer, ()) = tokio::join!(client.get_period(request()), async {
        let mut peer = fake.accept().await;
        let request = peer.next().await;
        peer.period(&request, 7).await;
    });
    assert_eq!(answer.unwrap().period.unwrap().to_string(), "7");
}

#[tokio::test(start_paused = true)]
async fn a_request_is_repeated_once_where_that_was_asked_for() {
    let (builder, mut fake) = fake();
    let builder = builder.in_flight(InFlight::Repeat);
    let (client, mut peer) = connected(builder, &mut fake).await;
    let (answer, ()) = tokio::join!(client.get_period(request()), async {
        let first = peer.next().await;
        drop(peer);
        let mut peer = fake.accept().await;
        assert_eq!(peer.next().await, first);
        peer.period(&first, 7).await;
        // Nothing else comes, and what was answered is not repeated again.
        peer.close(1001, "").await;
        let mut peer = fake.accept().await;
        peer.send(json!({"op": "ping", "id": 9})).await;
        assert_eq!(peer.next().await, json!({"op": "pong", "id": 9}));
    });
    assert_eq!(answer.unwrap().period.unwrap().to_string(), "7");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_not_answered_in_time_is_given_up() {
    for (patience, is_own) in [(30, false), (2, true)] {
        let patience = Duration::from_secs(patience);
        let (builder, mut fake) = fake();
        let (client, mut peer) = connected(builder, &mut fake).await;
        let client = if is_own {
            client.with_timeout(patience)
        } else {
            client
        };
        let start = Instant::now();
        let fault = client.get_period(request()).await.unwrap_err();
        assert_eq!(fault.code(), Fault::TIMEOUT);
        assert_eq!(start.elapsed(), patience);
        let request = peer.next().await;
        assert_eq!(
            peer.next().await,
            json!({"op": "unsub", "id": request["id"]})
        );
    }
}

#[tokio::test(start_paused = true)]
async fn calls_wait_for_a_connection_so_many_and_so_long() {
    let (builder, mut fake) = fake();
    let patience = Duration::from_secs(3);
    let policy = Reconnect {
        base: Duration::from_secs(3600),
        cap: Duration::from_secs(3600),
        seed: Some(3),
        ..Reconnect::default()
    };
    let builder = builder
        .waiting_calls(2)
        .request_timeout(patience)
        .reconnect(policy);
    let (client, peer) = connected(builder, &mut fake).await;
    let mut states = client.states();
    peer.close(1001, "").await;
    next_loss(&mut states).await;

    let start = Instant::now();
    let (one, two, three) = tokio::join!(
        client.get_period(request()),
        client.get_period(request()),
        async {
            let fault = client.get_period(request()).await.unwrap_err();
            (fault, start.elapsed())
        },
    );
    let (fault, elapsed) = three;
    assert_eq!(fault.code(), Fault::UNAVAILABLE);
    assert_eq!(elapsed, Duration::ZERO);
    for waited in [one, two] {
        assert_eq!(waited.unwrap_err().code(), Fault::TIMEOUT);
    }
    assert_eq!(start.elapsed(), patience);
    // Those that have given up have left their places.
    let waiting = client.get_period(request()).await;
    assert_eq!(waiting.unwrap_err().code(), Fault::TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_caller_is_gone_is_not_made_on_the_next_connection() {
    let (builder, mut fake) = fake();
    let client = builder.in_flight(InFlight::Repeat).connect_lazy().unwrap();
    {
        let call = client.get_period(request());
        let given_up = tokio::time::timeout(Duration::from_secs(1), call);
        assert!(given_up.await.is_err());
    }
    let (answer, ()) = tokio::join!(client.get_period(request()), async {
        let mut peer = fake.accept().await;
        let request = peer.next().await;
        peer.period(&request, 1).await;
    });
    assert_eq!(answer.unwrap().period.unwrap().to_string(), "1");
    soon(client.close()).await;
}

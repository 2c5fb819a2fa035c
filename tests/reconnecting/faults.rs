//! Tagged frames have no frame for faults: each ends a connection, and the client says so.

use std::time::Duration;

use futures_util::FutureExt;
use specwire::{ClientBuilder, Disconnect, Fault, Message, Server, State};
use specwire_server::heartbeat::{
    self, BeatSub, BeatSubHeaders, Client, GetPeriodRequest, GetPeriodRequestHeaders,
};
use specwire_server::services::heartbeat::Pulse;
use tokio::io::duplex;
use tokio::time::sleep;

use crate::fake::{next_loss, soon};

/// A client in tagged frames of a heartbeat within this process.
fn tagged() -> ClientBuilder<Client> {
    let period = Duration::from_secs(3600);
    let server = Server::new().serve(heartbeat::provider(Pulse { period }));
    let mount = server.mount().unwrap();
    let builder = Client::builder("ws://within.example/ws").connector(move |_, _| {
        let (near, far) = duplex(64 << 10);
        tokio::spawn(mount.serve_connection(far, None));
        std::future::ready(Ok(near))
    });
    builder.tagged()
}

#[track_caller]
fn check(reason: &Disconnect) {
    assert_eq!(reason.close_code(), Some(3001));
    assert!(reason.is_temporary());
    let text = reason.to_string();
    assert!(text.contains("invalid_address: found \"a.>\""), "{text}");
}

/// What the server does not take of a subscription it does not take the next time either.
#[tokio::test(start_paused = true)]
async fn a_subscription_that_always_fails_is_told_of_each_time_and_tried_ever_more_seldom() {
    let client = tagged().connect().await.unwrap();
    let mut states = client.states();
    assert!(matches!(
        soon(states.next()).await,
        Some(State::Connected { .. })
    ));
    let headers = BeatSubHeaders {
        reply_to: Some("a.>".to_owned()),
        ..BeatSubHeaders::default()
    };
    let subscribed = client.beat(Message::new(BeatSub::default(), headers)).await;
    let mut beats = subscribed.unwrap();
    // The bound of the delays: it doubles, up to 20 s.
    let mut bound = Duration::from_millis(500);
    for time in 1..=20 {
        let Some(State::Disconnected { reason, retry_in }) = soon(states.next()).await else {
            panic!("the {time}th failure is not told");
        };
        check(&reason);
        assert!(retry_in <= bound, "{retry_in:?} of {bound:?}");
        bound = (bound * 2).min(Duration::from_secs(20));
        let next = soon(states.next()).await;
        assert!(
            matches!(next, Some(State::Connecting { attempt: 1 })),
            "{next:?}"
        );
        let next = soon(states.next()).await;
        assert!(
            matches!(next, Some(State::Connected { attempt: 1, .. })),
            "{next:?}"
        );
    }
    assert!(beats.next().now_or_never().is_none());
    // Once nobody asks for it any more the connection stays.
    drop(beats);
    sleep(Duration::from_secs(60)).await;
    assert!(matches!(client.state(), State::Connected { .. }));
    assert!(client.get_period(GetPeriodRequest::default()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_always_fails_is_told_of_each_time() {
    let client = tagged().connect().await.unwrap();
    let mut states = client.states();
    for _ in 0..5 {
        let headers = GetPeriodRequestHeaders {
            reply_to: Some("a.>".to_owned()),
            ..GetPeriodRequestHeaders::default()
        };
        let request = Message::new(GetPeriodRequest::default(), headers);
        let fault = soon(client.get_period(request)).await.unwrap_err();
        assert_eq!(fault.code(), Fault::UNAVAILABLE);
        assert!(fault.message().contains("invalid_address"), "{fault}");
        let State::Disconnected { reason, .. } = next_loss(&mut states).await else {
            panic!("it comes back");
        };
        check(&reason);
        // What comes after it is answered, on another connection.
        let answered = soon(client.get_period(GetPeriodRequest::default())).await;
        assert!(answered.is_ok());
    }
}

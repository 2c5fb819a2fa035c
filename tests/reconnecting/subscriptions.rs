//! Subscriptions from one connection to the next.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::json;
use specwire::{Fault, Publication, Reconnect, State};
use specwire_server::heartbeat::BeatPub;
use tokio::time::Instant;

use crate::fake::{connected, fake, next_loss, once, soon, subscription};

fn text(publication: Option<specwire::Message<BeatPub>>) -> String {
    publication.unwrap().payload.subscription_id.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_subscription_is_made_again_with_its_message_and_the_gap_is_told() {
    let (builder, mut fake) = fake();
    let (client, mut peer) = connected(builder, &mut fake).await;
    let (beats, sub) = tokio::join!(client.beat(subscription("mine")), peer.subscribed());
    let mut beats = beats.unwrap();
    assert_eq!(sub["payload"], json!({"subscriptionId": "mine"}));
    peer.beat(&sub, "one").await;
    // Delivered before the connection is lost, and taken after.
    peer.beat(&sub, "two").await;
    peer.close(1001, "the server is stopping").await;

    let mut peer = fake.accept().await;
    assert_eq!(peer.subscribed().await, sub);
    peer.beat(&sub, "five").await;
    assert_eq!(text(soon(beats.next()).await.unwrap()), "one");
    let two = soon(beats.next_or_gap()).await.unwrap();
    assert!(matches!(two, Some(Publication::Message(_))), "{two:?}");
    assert_eq!(beats.gaps(), 0);
    let gap = soon(beats.next_or_gap()).await.unwrap();
    assert!(matches!(gap, Some(Publication::Gap)), "{gap:?}");
    assert_eq!(text(soon(beats.next()).await.unwrap()), "five");
    assert_eq!(beats.gaps(), 1);

    // Who does not care for gaps sees messages only.
    peer.close(3000, "").await;
    let mut peer = fake.accept().await;
    assert_eq!(peer.subscribed().await, sub);
    peer.beat(&sub, "nine").await;
    assert_eq!(text(soon(beats.next()).await.unwrap()), "nine");
    assert_eq!(beats.gaps(), 2);
    assert!(beats.end().is_none());

    drop(beats);
    assert_eq!(peer.next().await, json!({"op": "unsub", "id": sub["id"]}));
}

#[tokio::test(start_paused = true)]
async fn what_was_given_up_meanwhile_is_not_made_again() {
    let (builder, mut fake) = fake();
    let (client, mut peer) = connected(builder, &mut fake).await;
    let (first, _) = tokio::join!(client.beat(subscription("first")), peer.subscribed());
    let (second, _) = tokio::join!(client.beat(subscription("second")), peer.subscribed());
    let mut states = client.states();
    peer.close(1012, "").await;
    next_loss(&mut states).await;
    drop(first);
    let mut peer = fake.accept().await;
    let sub = peer.subscribed().await;
    assert_eq!(sub["payload"], json!({"subscriptionId": "second"}));
    drop((second, client));
    assert_eq!(peer.close_code().await, Some(1000));
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_the_next_connection_refuses_ends_with_the_reason() {
    let (builder, mut fake) = fake();
    let (client, mut peer) = connected(builder, &mut fake).await;
    let (beats, sub) = tokio::join!(client.beat(subscription("1")), peer.subscribed());
    let mut beats = beats.unwrap();
    peer.close(1001, "").await;
    let mut peer = fake.accept().await;
    peer.next().await;
    let payload = json!({"code": "limit_exceeded", "message": "enough"});
    peer.send(json!({"op": "err", "id": sub["id"], "payload": payload}))
        .await;
    let fault = soon(beats.next()).await.unwrap_err();
    assert_eq!(fault.to_string(), "limit_exceeded: enough");
    assert_eq!(beats.end(), Some(Err(&fault)));
    assert_eq!(beats.next().await, Ok(None));
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_and_its_reason_can_be_asked_for() {
    let (builder, mut fake) = fake();
    let (client, mut peer) = connected(builder.reconnect(once()), &mut fake).await;
    let (ended, first) = tokio::join!(client.beat(subscription("1")), peer.subscribed());
    let (lost, second) = tokio::join!(client.beat(subscription("2")), peer.subscribed());
    let (mut ended, mut lost) = (ended.unwrap(), lost.unwrap());
    assert!(ended.end().is_none());
    peer.beat(&first, "a").await;
    peer.send(json!({"op": "unsub", "id": first["id"]})).await;
    assert_eq!(
        soon(StreamExt::collect::<Vec<_>>(&mut ended)).await.len(),
        1
    );
    assert_eq!(ended.end(), Some(Ok(())));

    peer.beat(&second, "b").await;
    peer.close(3500, "your account is closed").await;
    let items: Vec<_> = soon(StreamExt::collect(&mut lost)).await;
    assert_eq!(items.len(), 2);
    let fault = lost.end().unwrap().unwrap_err();
    assert_eq!(
        fault.to_string(),
        "unavailable: the server closed the connection with 3500: your account is closed"
    );
    assert!(
        fake.attempt().await.is_none(),
        "a client turned away is back"
    );
}

#[tokio::test(start_paused = true)]
async fn close_codes_say_whether_the_client_comes_back() {
    for (codes, comes_back) in [
        (&[1001, 1011, 1012, 1013, 3000, 3008, 3499, 4000][..], true),
        (&[1000, 1002, 1007, 1008, 1009][..], false),
        (&[3500, 3999, 4400, 4401, 4408, 4429][..], false),
    ] {
        for &code in codes {
            let (builder, mut fake) = fake();
            let (client, mut peer) = connected(builder, &mut fake).await;
            let (beats, sub) = tokio::join!(client.beat(subscription("1")), peer.subscribed());
            let mut beats = beats.unwrap();
            let mut states = client.states();
            peer.close(code, "because").await;
            let state = next_loss(&mut states).await;
            let (State::Disconnected { reason, .. } | State::Closed { reason }) = &state else {
                unreachable!("{state}");
            };
            assert_eq!(reason.close_code(), Some(code));
            assert_eq!(
                matches!(state, State::Disconnected { .. }),
                comes_back,
                "{code}"
            );
            if comes_back {
                assert_eq!(fake.accept().await.subscribed().await, sub, "{code}");
            } else {
                let fault = soon(beats.next()).await.unwrap_err();
                assert!(fault.message().contains(&code.to_string()), "{fault}");
                assert_eq!(soon(states.next()).await, None, "{code}");
                let fault = client.beat(subscription("2")).await.unwrap_err();
                assert_eq!(fault.code(), Fault::UNAVAILABLE, "{code}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_and_drops_connections_is_not_hammered() {
    let (builder, mut fake) = fake();
    let base = Duration::from_secs(1);
    let cap = Duration::from_secs(64);
    let policy = Reconnect {
        base,
        cap,
        seed: Some(7),
        ..Reconnect::default()
    };
    let (client, peer) = connected(builder.reconnect(policy), &mut fake).await;
    let mut states = client.states();
    peer.close(1012, "").await;
    let mut longest = Duration::ZERO;
    for round in 0..12 {
        let State::Disconnected { retry_in, .. } = next_loss(&mut states).await else {
            panic!("it gave up");
        };
        let window = base.saturating_mul(1 << round).min(cap);
        assert!(retry_in <= window, "{retry_in:?} of {window:?}");
        longest = longest.max(retry_in);
        let lost = Instant::now();
        let peer = fake.accept().await;
        assert!(lost.elapsed() >= retry_in);
        peer.close(1012, "").await;
    }
    assert!(longest > cap / 4, "{longest:?}");
}

//! What becomes of subscribers while a broker is out of reach: R13.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use specwire::Server;
use specwire::bus::History;
use tokio::time::{Instant, sleep};

use crate::client::Peer;
use crate::distant::Distant;
use crate::service::Running;
use crate::topics::generated::topics;
use crate::topics::{house, listen, listening, say};

/// The loss of a position is announced, where positions are known.
#[tokio::test]
async fn r13_what_a_bus_may_have_lost_is_told_to_those_who_count_on_it() {
    for (history, is_told) in [(Some(History::default()), true), (None, false)] {
        let bus = Arc::new(Distant::default());
        let (mut provider, _orders) = house();
        if let Some(history) = history {
            provider = provider.history(topics::LISTEN, history);
        }
        let carrier = Arc::<Distant>::clone(&bus);
        let server = Running::start(Server::new().bus(carrier).serve(provider)).await;
        let mut peer = Peer::envelope(&server).await;
        peer.send(&listen(1, "a")).await;
        let ack = peer.next().await;
        assert_eq!(
            (&ack["op"], ack.get("position").is_some()),
            (&json!("ack"), is_told)
        );
        bus.interrupt();
        if is_told {
            assert_eq!(peer.next_fault().await, "unavailable");
        }
        peer.expect_nothing().await;
    }
}

/// For 30 s: clients stay connected, what needs the broker fails at once and may be tried again, all
/// else works; and afterwards everything does.
#[tokio::test(start_paused = true)]
async fn r13_a_broker_that_is_down_for_30_s_fails_what_needs_it_and_no_more() {
    let bus = Arc::new(Distant::default());
    let (provider, _orders) = house();
    let carrier = Arc::<Distant>::clone(&bus);
    let server = Server::new().bus(carrier).serve(provider);
    let metrics = server.metrics();
    let mount = server.mount().unwrap();
    let mut subscriber = Peer::envelope_within(&mount).await;
    let mut other = Peer::envelope_within(&mount).await;
    listening(&mut subscriber, 1, "a").await;
    say(&mut other, "a", "before").await;
    assert_eq!(other.next().await["op"], "ack");
    assert_eq!(subscriber.next().await["payload"]["text"], "before");

    bus.is_down.store(true, Ordering::Relaxed);
    let down = Instant::now();
    // Beyond the time after which a connection without a sign of life is dropped.
    for second in 1..=40 {
        sleep(Duration::from_secs(1)).await;
        let asked = Instant::now();
        other.send(&listen(1, "b")).await;
        assert_eq!(other.next_fault().await, "unavailable");
        say(&mut other, "a", "hello?").await;
        assert_eq!(other.next_fault().await, "unavailable");
        let volume = json!({"op": "msg", "id": second, "channel": "volume", "payload": true});
        other.send(&volume).await;
        assert_eq!(other.next().await, json!({"op": "ack", "id": second}));
        assert_eq!(asked.elapsed(), Duration::ZERO, "nothing waits for it");
        // It reads, and so it answers pings.
        subscriber.expect_nothing().await;
    }
    assert!(down.elapsed() >= Duration::from_secs(30));
    assert_eq!(
        (metrics.counters().connections, metrics.counters().lost),
        (2, 0)
    );
    assert_eq!(metrics.counters().subscriptions, 1);

    // The bus has subscribed again by itself, and says that there may be a gap.
    bus.is_down.store(false, Ordering::Relaxed);
    bus.interrupt();
    listening(&mut other, 1, "b").await;
    say(&mut other, "a", "after").await;
    assert_eq!(other.next().await["op"], "ack");
    assert_eq!(subscriber.next().await["payload"]["text"], "after");
    subscriber.expect_nothing().await;
}

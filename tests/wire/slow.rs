//! `Limits::slow_consumer`: what becomes of publications that find no room.

use std::time::Duration;

use serde_json::{Value, json};
use specwire::{Limits, Publication, Reconnect, SlowConsumer, Subscription};

use crate::client::{Peer, soon};
use crate::service::patterns::{self, WeatherPub, WeatherSub};
use crate::service::{Dome, Running, Weather, telescope_within};
use crate::speaker::{ALL, Speaker};

/// A subscriber whose queue takes four publications.
async fn subscribed(slow_consumer: SlowConsumer) -> (Running, Dome, Peer) {
    let limits = Limits {
        queue_messages: 4,
        slow_consumer,
        ..Limits::default()
    };
    let (server, mut dome) = telescope_within(limits).await;
    let mut peer = Peer::envelope(&server).await;
    peer.send(&json!({"op": "sub", "id": 1, "channel": "weather_sub", "payload": {}}))
        .await;
    assert_eq!(peer.next().await, json!({"op": "ack", "id": 1}));
    dome.runs(1, 0).await;
    (server, dome, peer)
}

/// Publishes 0, 1, 2, …; on one thread the connection writes none before the last.
async fn burst(dome: &Dome, count: u32) -> usize {
    let orders: Vec<_> = (0..count)
        .map(|number| {
            let (done, is_done) = tokio::sync::oneshot::channel();
            dome.weather(Weather::Wind(number.into(), done));
            is_done
        })
        .collect();
    let mut reached = 0;
    for order in orders {
        reached += soon(order).await.unwrap();
    }
    reached
}

/// The next publication's number, and how many it says were dropped before it.
async fn next(peer: &mut Peer) -> (u64, Value) {
    let frame = peer.next().await;
    let wind = frame["payload"]["wind"].as_f64().unwrap();
    (wind as u64, frame["dropped"].clone())
}

fn check_counters(server: &Running, published: u64, delivered: u64, dropped: u64) {
    let counters = server.metrics.counters();
    assert_eq!(
        (counters.published, counters.delivered, counters.dropped),
        (published, delivered, dropped)
    );
}

#[tokio::test]
async fn r03_drop_oldest_keeps_the_newest_and_says_how_many_are_missing() {
    let (server, dome, mut peer) = subscribed(SlowConsumer::DropOldest).await;
    assert_eq!(burst(&dome, 16).await, 16);
    assert_eq!(next(&mut peer).await, (12, json!(12)));
    for number in 13..16 {
        assert_eq!(next(&mut peer).await, (number, Value::Null));
    }
    peer.expect_nothing().await;
    check_counters(&server, 16, 4, 12);
}

#[tokio::test]
async fn r03_drop_newest_keeps_the_oldest_and_says_where_others_are_missing() {
    let (server, dome, mut peer) = subscribed(SlowConsumer::DropNewest).await;
    assert_eq!(burst(&dome, 16).await, 4);
    for number in 0..4 {
        assert_eq!(next(&mut peer).await, (number, Value::Null));
    }
    // Also if nothing follows.
    let gap = json!({"op": "gap", "id": 1, "dropped": 12});
    assert_eq!(peer.next().await, gap);
    peer.expect_nothing().await;
    assert_eq!(burst(&dome, 2).await, 2);
    assert_eq!(next(&mut peer).await, (0, Value::Null));
    assert_eq!(next(&mut peer).await, (1, Value::Null));
    peer.expect_nothing().await;
    check_counters(&server, 18, 6, 12);
}

#[tokio::test]
async fn r03_each_subscription_is_told_of_its_own_gap() {
    let (server, dome, mut peer) = subscribed(SlowConsumer::DropNewest).await;
    for id in 2..=6 {
        peer.send(&json!({"op": "sub", "id": id, "channel": "weather_sub", "payload": {}}))
            .await;
        assert_eq!(peer.next().await, json!({"op": "ack", "id": id}));
    }
    // Four of six have room for it.
    assert_eq!(burst(&dome, 1).await, 4);
    let mut frames = Vec::new();
    for _ in 0..6 {
        frames.push(peer.next().await);
    }
    assert!(frames[..4].iter().all(|frame| frame["op"] == "msg"));
    for gap in &frames[4..] {
        let id = &gap["id"];
        assert_eq!(*gap, json!({"op": "gap", "id": id, "dropped": 1}));
    }
    let mut ids: Vec<_> = frames
        .iter()
        .map(|frame| frame["id"].as_u64().unwrap())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, [1, 2, 3, 4, 5, 6]);
    peer.expect_nothing().await;
    check_counters(&server, 6, 4, 2);
}

/// What is written in CBOR says it as well, and other frames have no place for it.
#[tokio::test]
async fn a_gap_is_told_in_frames_that_have_a_place_for_it() {
    for speaks in ALL {
        let limits = Limits {
            queue_messages: 4,
            slow_consumer: SlowConsumer::DropNewest,
            ..Limits::default()
        };
        let (server, mut dome) = telescope_within(limits).await;
        let mut speaker = Speaker::open(&server, "patterns/weather_sub", speaks).await;
        speaker
            .start("sub", "weather_sub", json!({}), json!({}))
            .await;
        dome.runs(1, 0).await;
        burst(&dome, 16).await;
        for number in 0..4 {
            assert_eq!(speaker.next().await["wind"], f64::from(number));
        }
        if speaker.has_ids() {
            let gap = json!({"op": "gap", "id": 1, "dropped": 12});
            assert_eq!(speaker.read().await, gap);
        }
        burst(&dome, 1).await;
        assert_eq!(speaker.next().await["wind"], 0.0);
    }
}

#[tokio::test]
async fn r03_latest_keeps_one_of_each_subscription() {
    let (server, dome, mut peer) = subscribed(SlowConsumer::Latest).await;
    peer.send(&json!({"op": "sub", "id": 2, "channel": "weather_sub", "payload": {}}))
        .await;
    assert_eq!(peer.next().await, json!({"op": "ack", "id": 2}));
    assert_eq!(burst(&dome, 16).await, 32);
    let mut ids = Vec::new();
    for _ in 0..2 {
        let frame = peer.next().await;
        assert_eq!(frame["payload"]["wind"], 15.0);
        assert_eq!(frame["dropped"], 15);
        ids.push(frame["id"].as_u64().unwrap());
    }
    ids.sort_unstable();
    assert_eq!(ids, [1, 2]);
    peer.expect_nothing().await;
    check_counters(&server, 32, 2, 30);
}

#[tokio::test]
async fn r03_disconnect_closes_with_3008_after_what_waits() {
    let (server, mut dome, mut peer) = subscribed(SlowConsumer::Disconnect).await;
    assert_eq!(burst(&dome, 16).await, 4);
    for number in 0..4 {
        assert_eq!(next(&mut peer).await, (number, Value::Null));
    }
    assert_eq!(peer.close_code().await, 3008);
    dome.runs(1, 1).await;
    check_counters(&server, 5, 4, 0);
    assert_eq!(server.metrics.counters().closed[&3008], 1);
}

#[tokio::test]
async fn r03_block_holds_the_publisher_and_drops_nothing() {
    let policy = SlowConsumer::Block(Duration::from_secs(20));
    let (server, dome, mut peer) = subscribed(policy).await;
    dome.weather(Weather::Gusts(1000));
    for number in 0..1000 {
        assert_eq!(next(&mut peer).await, (number, Value::Null));
    }
    peer.expect_nothing().await;
    check_counters(&server, 1000, 1000, 0);
}

#[tokio::test]
async fn r03_block_does_not_hold_those_who_do_not_wait() {
    let policy = SlowConsumer::Block(Duration::from_secs(20));
    let (_server, dome, mut peer) = subscribed(policy).await;
    assert_eq!(burst(&dome, 16).await, 4);
    assert_eq!(peer.close_code().await, 3008);
}

/// What our own client tells its user: the numbers, and `None` for a gap, up to the last number.
async fn told(weather: &mut Subscription<WeatherPub>, last: f64) -> Vec<Option<f64>> {
    let mut told = Vec::new();
    while told.last() != Some(&Some(last)) {
        told.push(match soon(weather.next_or_gap()).await.unwrap() {
            Some(Publication::Message(wind)) => wind.wind,
            Some(Publication::Gap) => None,
            None => panic!("the subscription has ended"),
        });
    }
    told
}

#[tokio::test]
async fn r03_a_client_is_told_where_publications_are_missing() {
    let some = |numbers: std::ops::Range<i32>| numbers.map(|number| Some(number.into()));
    let gap = || std::iter::once(None);
    let block = SlowConsumer::Block(Duration::from_secs(20));
    let cases: [(_, _, Vec<Option<f64>>); 6] = [
        (
            SlowConsumer::Disconnect,
            false,
            some(0..4).chain(gap()).collect(),
        ),
        (
            SlowConsumer::DropOldest,
            false,
            gap().chain(some(12..16)).collect(),
        ),
        // Its frames have no place for it.
        (SlowConsumer::DropOldest, true, some(12..16).collect()),
        (
            SlowConsumer::DropNewest,
            false,
            some(0..4).chain(gap()).collect(),
        ),
        (
            SlowConsumer::Latest,
            false,
            gap().chain(some(15..16)).collect(),
        ),
        (block, false, some(0..16).collect()),
    ];
    for (slow_consumer, is_tagged, expected) in cases {
        let (server, mut dome) = telescope_within(Limits {
            queue_messages: 4,
            slow_consumer,
            ..Limits::default()
        })
        .await;
        let url = format!("ws://{}/ws/patterns", server.address);
        let builder = patterns::Client::builder(&url).reconnect(Reconnect {
            cap: Duration::from_millis(100),
            ..Reconnect::default()
        });
        let builder = if is_tagged { builder.tagged() } else { builder };
        let client = soon(builder.connect()).await.unwrap();
        let mut weather = soon(client.weather(WeatherSub::default())).await.unwrap();
        dome.runs(1, 0).await;
        if slow_consumer == block {
            dome.weather(Weather::Gusts(16));
        } else {
            burst(&dome, 16).await;
        }
        // One that the client gets in any case, be it on its next connection.
        let all = async {
            let mut all = told(
                &mut weather,
                expected.iter().flatten().copied().last().unwrap(),
            )
            .await;
            while dome.wind(99.0).await == 0 {}
            all.extend(told(&mut weather, 99.0).await);
            all
        };
        let mut all = soon(all).await;
        assert_eq!(all.pop(), Some(Some(99.0)));
        assert_eq!(all, expected, "{slow_consumer:?}");
        let gaps = expected.iter().filter(|number| number.is_none()).count();
        assert_eq!(usize::try_from(weather.gaps()).unwrap(), gaps);
    }
}

/// Though nothing more is published.
#[tokio::test]
async fn r03_a_client_is_told_of_a_gap_at_the_end() {
    let (server, mut dome) = telescope_within(Limits {
        queue_messages: 4,
        slow_consumer: SlowConsumer::DropNewest,
        ..Limits::default()
    })
    .await;
    for cbor in [false, true] {
        let mut builder = patterns::Client::builder(&format!("ws://{}/ws", server.address));
        if cbor {
            builder = builder.cbor();
        }
        let client = soon(builder.connect()).await.unwrap();
        let mut weather = soon(client.weather(WeatherSub::default())).await.unwrap();
        let begun = 1 + usize::from(cbor);
        dome.runs(begun, begun - 1).await;
        burst(&dome, 16).await;
        told(&mut weather, 3.0).await;
        let next = soon(weather.next_or_gap()).await.unwrap();
        assert!(matches!(next, Some(Publication::Gap)), "{next:?}");
        assert_eq!(weather.gaps(), 1);
        drop(weather);
        dome.runs(begun, begun).await;
    }
}

#[tokio::test]
async fn r03_a_gap_is_told_before_the_end_of_a_subscription() {
    let (_server, dome, mut peer) = subscribed(SlowConsumer::DropNewest).await;
    peer.send(&json!({"op": "sub", "id": 2, "channel": "weather_sub", "payload": {}}))
        .await;
    assert_eq!(peer.next().await, json!({"op": "ack", "id": 2}));
    for number in 0..16 {
        let (done, _) = tokio::sync::oneshot::channel();
        dome.weather(Weather::Wind(number.into(), done));
    }
    // One of them ends before anything of that is written.
    dome.weather(Weather::Once);
    for number in [0, 0, 1, 1] {
        assert_eq!(next(&mut peer).await, (number, Value::Null));
    }
    let gap = |id| json!({"op": "gap", "id": id, "dropped": 14});
    assert_eq!(peer.next().await, gap(1));
    assert_eq!(peer.next().await, json!({"op": "unsub", "id": 1}));
    assert_eq!(peer.next().await, gap(2));
    peer.expect_nothing().await;
}

#[tokio::test]
async fn replies_are_never_dropped() {
    let (server, dome, mut peer) = subscribed(SlowConsumer::DropOldest).await;
    for id in 10..110 {
        peer.send(&json!({"op": "msg", "id": id, "channel": "status_request", "payload": {}}))
            .await;
    }
    burst(&dome, 16).await;
    let mut replies = 0;
    while replies < 100 {
        let frame = peer.next().await;
        assert_eq!(frame["op"], "msg", "{frame}");
        replies += usize::from(frame["id"] != 1);
    }
    assert!(server.metrics.counters().dropped > 0);
}

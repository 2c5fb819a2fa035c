//! Recovery: who comes back has what he missed, in order and once, or is told that he has not.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use specwire::bus::History;
use specwire::{Limits, Server};

use crate::client::Peer;
use crate::distant::Distant;
use crate::service::Running;
use crate::topics::generated::topics;
use crate::topics::{Orders, Task, house, listen, room};

async fn keeping(history: History) -> (Running, Orders) {
    keeping_within(history, Limits::default()).await
}

async fn keeping_within(history: History, limits: Limits) -> (Running, Orders) {
    let (provider, orders) = house();
    let provider = provider.history(topics::LISTEN, history);
    let server = Server::new().limits(limits).serve(provider);
    (Running::start(server).await, orders)
}

fn since(id: u64, since: &Value) -> Value {
    let mut frame = listen(id, "42");
    frame["since"] = since.clone();
    frame
}

/// Subscribes, and returns what the acknowledgement says of the position.
async fn subscribed(peer: &mut Peer, frame: &Value) -> (Value, Option<bool>) {
    peer.send(frame).await;
    let ack = peer.next().await;
    assert_eq!(
        (&ack["op"], &ack["id"]),
        (&json!("ack"), &frame["id"]),
        "{ack}"
    );
    (ack["position"].clone(), ack["recovered"].as_bool())
}

/// The next publication's offset, and what was said.
async fn heard(peer: &mut Peer) -> (u64, String) {
    let frame = peer.next().await;
    assert_eq!(frame["op"], "msg", "{frame}");
    let text = frame["payload"]["text"].as_str().unwrap();
    (frame["offset"].as_u64().unwrap(), text.to_owned())
}

async fn hears(peer: &mut Peer, offsets: std::ops::RangeInclusive<u64>) {
    for offset in offsets {
        assert_eq!(heard(peer).await, (offset, offset.to_string()));
    }
}

async fn numbers(orders: &Orders, range: std::ops::RangeInclusive<u32>) {
    orders.order(Task::Numbers(range)).await;
}

/// Somebody who listens in another room, so that the source runs.
async fn attendant(server: &Running) -> Peer {
    let mut peer = Peer::envelope(server).await;
    subscribed(&mut peer, &listen(1, "hall")).await;
    peer
}

/// R10: exactly the gap, in order, without duplicates.
#[tokio::test]
async fn who_comes_back_has_what_he_missed() {
    let (server, orders) = keeping(History::default()).await;
    let _attendant = attendant(&server).await;
    let mut peer = Peer::envelope(&server).await;
    let (mut position, recovered) = subscribed(&mut peer, &listen(1, "42")).await;
    assert_eq!((&position["offset"], recovered), (&json!(0), None));
    numbers(&orders, 1..=3).await;
    hears(&mut peer, 1..=3).await;
    peer.close().await;
    numbers(&orders, 4..=10).await;

    position["offset"] = json!(3);
    let mut back = Peer::envelope(&server).await;
    let (now, recovered) = subscribed(&mut back, &since(1, &position)).await;
    assert_eq!((&now, recovered), (&position, Some(true)));
    hears(&mut back, 4..=10).await;
    numbers(&orders, 11..=12).await;
    hears(&mut back, 11..=12).await;
    back.expect_nothing().await;

    // Nothing was missed.
    position["offset"] = json!(12);
    let (now, recovered) = subscribed(&mut back, &since(2, &position)).await;
    assert_eq!((now, recovered), (position, Some(true)));
    back.expect_nothing().await;
}

/// S41: a wrong epoch is given nothing of what is kept.
#[tokio::test]
async fn a_position_of_another_history_gives_nothing() {
    let (server, orders) = keeping(History::default()).await;
    let _attendant = attendant(&server).await;
    let mut peer = Peer::envelope(&server).await;
    numbers(&orders, 1..=5).await;
    let (position, _) = subscribed(&mut peer, &listen(1, "42")).await;
    assert_eq!(position["offset"], 5);
    for (id, epoch, offset) in [
        (2, "", 0),
        (3, "x", 3),
        (4, position["epoch"].as_str().unwrap(), 6),
    ] {
        let other = json!({"epoch": epoch, "offset": offset});
        let joined = subscribed(&mut peer, &since(id, &other)).await;
        assert_eq!(joined, (position.clone(), Some(false)));
    }
    peer.expect_nothing().await;
    // Another room's position is none here.
    let (hall, _) = subscribed(&mut peer, &listen(5, "hall")).await;
    let joined = subscribed(&mut peer, &since(6, &hall)).await;
    assert_eq!(joined, (position, Some(false)));
    peer.expect_nothing().await;
}

/// R10: a server that has started anew counts anew.
#[tokio::test]
async fn a_server_that_has_started_anew_knows_no_earlier_position() {
    let (server, _orders) = keeping(History::default()).await;
    let mut peer = Peer::envelope(&server).await;
    let (position, _) = subscribed(&mut peer, &listen(1, "42")).await;
    drop((server, peer));
    let (server, _orders) = keeping(History::default()).await;
    let mut peer = Peer::envelope(&server).await;
    let (now, recovered) = subscribed(&mut peer, &since(1, &position)).await;
    assert_eq!(recovered, Some(false));
    assert_ne!(now["epoch"], position["epoch"]);
}

/// S41: what is no longer kept is missing, and said to be.
#[tokio::test]
async fn beyond_what_is_kept_a_subscription_begins_with_the_earliest() {
    let (server, orders) = keeping(History {
        messages: 5,
        ..History::default()
    })
    .await;
    let _attendant = attendant(&server).await;
    let mut peer = Peer::envelope(&server).await;
    numbers(&orders, 1..=20).await;
    let (mut position, _) = subscribed(&mut peer, &listen(1, "42")).await;
    for (id, offset, recovered, first) in [
        (2, 0, false, 16),
        (3, 14, false, 16),
        (4, 15, true, 16),
        (5, 18, true, 19),
    ] {
        position["offset"] = json!(offset);
        let joined = subscribed(&mut peer, &since(id, &position)).await;
        assert_eq!(joined.1, Some(recovered), "{offset}");
        assert_eq!(joined.0["offset"], first - 1);
        hears(&mut peer, first..=20).await;
    }
    peer.expect_nothing().await;
}

#[tokio::test]
async fn what_is_kept_is_bounded_in_bytes() {
    let history = History {
        bytes: 1000,
        ..History::default()
    };
    let (server, orders) = keeping(history).await;
    let _attendant = attendant(&server).await;
    let mut peer = Peer::envelope(&server).await;
    // Four of them do not fit, and one alone does.
    let text: &'static str = "x".repeat(300).leak();
    for _ in 0..20 {
        orders.order(Task::At(room("42"), text)).await;
    }
    let (position, _) = subscribed(&mut peer, &since(1, &json!({"last": 20}))).await;
    let first = position["offset"].as_u64().unwrap() + 1;
    assert!((18..=20).contains(&first), "{first}");
    for offset in first..=20 {
        assert_eq!(heard(&mut peer).await, (offset, text.to_owned()));
    }
    peer.expect_nothing().await;
}

#[tokio::test]
async fn what_is_kept_is_bounded_in_age() {
    let age = Duration::from_millis(300);
    let history = History {
        age,
        ..History::default()
    };
    let (server, orders) = keeping(history).await;
    let _attendant = attendant(&server).await;
    let mut peer = Peer::envelope(&server).await;
    let published = tokio::time::Instant::now();
    numbers(&orders, 1..=3).await;
    let mut id = 1;
    let mut epoch = None;
    loop {
        let (position, _) = subscribed(&mut peer, &since(id, &json!({"last": 3}))).await;
        // The first is too old first, and a history that has been forgotten altogether begins anew, as
        // another.
        let first = position["offset"].as_u64().unwrap() + 1;
        if first > 3 || *epoch.get_or_insert(position["epoch"].clone()) != position["epoch"] {
            break;
        }
        peer.send(&json!({"op": "unsub", "id": id})).await;
        let mut next = first;
        loop {
            let frame = peer.next().await;
            match frame["op"].as_str() {
                Some("msg") => assert_eq!(frame["offset"], next),
                // Those that are left became too old just when they were to be read.
                Some("err") => assert_eq!(frame["payload"]["code"], "slow_consumer"),
                _ => break assert_eq!(frame, json!({"op": "unsub", "id": id})),
            }
            next += 1;
        }
        id += 1;
    }
    assert!(published.elapsed() >= age);
    peer.expect_nothing().await;
}

#[tokio::test]
async fn who_comes_late_may_have_the_last_messages() {
    let (server, orders) = keeping(History {
        messages: 5,
        ..History::default()
    })
    .await;
    let _attendant = attendant(&server).await;
    let mut peer = Peer::envelope(&server).await;
    let (position, recovered) = subscribed(&mut peer, &since(1, &json!({"last": 1}))).await;
    assert_eq!((&position["offset"], recovered), (&json!(0), None));
    peer.send(&json!({"op": "unsub", "id": 1})).await;
    peer.next().await;
    numbers(&orders, 1..=20).await;
    for (id, last, first) in [(2, 1_u64, 20), (3, 3, 18), (4, u64::MAX, 16), (5, 0, 21)] {
        let (position, recovered) = subscribed(&mut peer, &since(id, &json!({"last": last}))).await;
        assert_eq!((&position["offset"], recovered), (&json!(first - 1), None));
        hears(&mut peer, first..=20).await;
    }
    peer.expect_nothing().await;
}

#[tokio::test]
async fn where_nothing_is_kept_nothing_is_recovered() {
    let (provider, orders) = house();
    let server = Running::start(Server::new().serve(provider)).await;
    let mut peer = Peer::envelope(&server).await;
    let position = json!({"epoch": "x", "offset": 0});
    let joined = subscribed(&mut peer, &since(1, &position)).await;
    assert_eq!(joined, (Value::Null, Some(false)));
    let joined = subscribed(&mut peer, &since(2, &json!({"last": 5}))).await;
    assert_eq!(joined, (Value::Null, None));
    numbers(&orders, 1..=1).await;
    for _ in 0..2 {
        assert_eq!(peer.next().await.get("offset"), None);
    }
}

#[tokio::test]
async fn what_is_no_beginning_is_told() {
    let (server, _orders) = keeping(History::default()).await;
    let mut peer = Peer::envelope(&server).await;
    for wrong in [
        json!(7),
        json!("x"),
        json!({}),
        json!({"epoch": "x"}),
        json!({"offset": 1}),
        json!({"epoch": "x", "offset": -1}),
        json!({"last": "1"}),
        json!({"last": 1.5}),
    ] {
        peer.send(&since(1, &wrong)).await;
        assert_eq!(peer.next_fault().await, "invalid_frame", "{wrong}");
    }
    // As with every optional member.
    subscribed(&mut peer, &since(1, &Value::Null)).await;
}

#[tokio::test]
async fn what_goes_to_all_is_kept_on_each_topic() {
    let (server, orders) = keeping(History::default()).await;
    let mut peer = attendant(&server).await;
    let mut other = Peer::envelope(&server).await;
    let (mut position, _) = subscribed(&mut other, &listen(1, "42")).await;
    orders.order(Task::At(room("42"), "first")).await;
    assert_eq!(heard(&mut other).await, (1, "first".to_owned()));
    assert_eq!(orders.order(Task::ToAll("second")).await, 2);
    assert_eq!(heard(&mut peer).await, (1, "second".to_owned()));
    assert_eq!(heard(&mut other).await, (2, "second".to_owned()));
    // Also by way of the bus.
    position["offset"] = json!(1);
    let say = json!({"op": "msg", "channel": "channels/room", "message": "say",
                     "parameters": {"roomId": "42"}, "payload": {"text": "third"}});
    other.send(&say).await;
    assert_eq!(heard(&mut other).await, (3, "third".to_owned()));
    assert_eq!(
        subscribed(&mut peer, &since(2, &position)).await.1,
        Some(true)
    );
    assert_eq!(heard(&mut peer).await, (2, "second".to_owned()));
    assert_eq!(heard(&mut peer).await, (3, "third".to_owned()));
}

/// More than the queue holds is sent as it is taken, and does not close the connection.
#[tokio::test]
async fn a_long_history_waits_for_room() {
    const ALL: u32 = 2000;
    let (server, orders) = keeping_within(
        History {
            messages: 10_000,
            ..History::default()
        },
        Limits {
            queue_messages: 4,
            ..Limits::default()
        },
    )
    .await;
    let _attendant = attendant(&server).await;
    let mut peer = Peer::envelope(&server).await;
    numbers(&orders, 1..=ALL).await;
    subscribed(&mut peer, &since(1, &json!({"last": ALL}))).await;
    // It can be given up in the middle, and then nothing more comes.
    hears(&mut peer, 1..=100).await;
    peer.send(&json!({"op": "unsub", "id": 1})).await;
    while peer.next().await["op"] == "msg" {}
    peer.expect_nothing().await;
    subscribed(&mut peer, &since(2, &json!({"last": ALL}))).await;
    hears(&mut peer, 1..=u64::from(ALL)).await;
    numbers(&orders, ALL + 1..=ALL + 1).await;
    hears(&mut peer, u64::from(ALL) + 1..=u64::from(ALL) + 1).await;
    peer.expect_nothing().await;
}

/// Whoever comes while it is published has all of it, once and in order, wherever he begins.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_or_doubled_between_the_past_and_the_present() {
    const ALL: u64 = 3000;
    let (server, orders) = keeping(History {
        messages: 10_000,
        ..History::default()
    })
    .await;
    let _attendant = attendant(&server).await;
    let publisher = tokio::spawn(async move {
        for number in 1..=u32::try_from(ALL).unwrap() {
            numbers(&orders, number..=number).await;
            // About as fast as a client reads.
            if number % 64 == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        // The source ends with its orders.
        orders
    });
    let clients = (0..8).map(|client| {
        let server = &server;
        async move {
            let mut peer = Peer::envelope(server).await;
            let (mut position, _) = subscribed(&mut peer, &since(0, &json!({"last": ALL}))).await;
            assert_eq!(position["offset"], 0);
            let mut had = 0;
            for round in 1.. {
                // Each client comes back at other places.
                for _ in 0..17 + client * 7 {
                    if had == ALL {
                        return peer.expect_nothing().await;
                    }
                    had += 1;
                    assert_eq!(heard(&mut peer).await, (had, had.to_string()));
                }
                peer = Peer::envelope(server).await;
                position["offset"] = json!(had);
                let (_, recovered) = subscribed(&mut peer, &since(round, &position)).await;
                assert_eq!(recovered, Some(true));
            }
        }
    });
    futures_util::future::join_all(clients).await;
    publisher.await.unwrap();
}

/// What was read from the history may be delivered afterwards, and does not come twice.
#[tokio::test]
async fn what_a_bus_delivers_late_is_not_doubled() {
    let bus = Arc::new(Distant {
        is_slow: true,
        ..Distant::default()
    });
    let (provider, orders) = house();
    let provider = provider.history(topics::LISTEN, History::default());
    let carrier = Arc::<Distant>::clone(&bus);
    let server = Running::start(Server::new().bus(carrier).serve(provider)).await;
    let mut early = Peer::envelope(&server).await;
    let mut late = Peer::envelope(&server).await;
    subscribed(&mut early, &listen(1, "42")).await;
    numbers(&orders, 1..=3).await;
    early.expect_nothing().await;
    subscribed(&mut late, &since(1, &json!({"last": 2}))).await;
    hears(&mut late, 2..=3).await;
    bus.deliver();
    hears(&mut early, 1..=3).await;
    numbers(&orders, 4..=4).await;
    bus.deliver();
    hears(&mut early, 4..=4).await;
    hears(&mut late, 4..=4).await;
    // Somebody who begins at the latest does not have it again either.
    numbers(&orders, 5..=5).await;
    let (position, _) = subscribed(&mut late, &listen(2, "42")).await;
    assert_eq!(position["offset"], 5);
    bus.deliver();
    hears(&mut late, 5..=5).await;
    late.expect_nothing().await;
}

/// A client that takes nothing while the history goes on is told that something is missing.
#[tokio::test]
async fn a_history_does_not_wait_for_who_does_not_read() {
    let (server, orders) = keeping_within(
        History {
            messages: 100,
            bytes: 100 << 20,
            ..History::default()
        },
        Limits {
            queue_messages: 2,
            write_timeout: Duration::from_secs(60),
            ..Limits::default()
        },
    )
    .await;
    let _attendant = attendant(&server).await;
    let text: &'static str = "x".repeat(200 << 10).leak();
    for _ in 0..100 {
        orders.order(Task::At(room("42"), text)).await;
    }
    let mut peer = Peer::envelope(&server).await;
    subscribed(&mut peer, &since(1, &json!({"last": 100}))).await;
    // Nothing is read meanwhile, and all that is kept is newer.
    for _ in 0..200 {
        orders.order(Task::At(room("42"), text)).await;
    }
    let mut offsets = Vec::new();
    let last = loop {
        let frame = peer.next().await;
        match frame["offset"].as_u64() {
            Some(offset) => offsets.push(offset),
            None => break frame,
        }
    };
    assert_eq!(last["payload"]["code"], "slow_consumer", "{last}");
    let expected: Vec<u64> = (1..=offsets.len() as u64).collect();
    assert_eq!(offsets, expected, "what came was in order");
    peer.expect_nothing().await;
}

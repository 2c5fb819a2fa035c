//! Memory under floods: S15, S23, S38.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use specwire::Limits;
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Peer, frame, soon};
use crate::gauge::{alone, memory, peak};
use crate::service::{Weather, limited, telescope_within};

/// For 10 s, from a client that reads nothing and comes back whenever it is closed.
#[tokio::test]
async fn s15_ten_seconds_of_pings_that_nobody_reads_the_pongs_of_take_no_memory() {
    let _alone = alone().await;
    let server = limited(Limits::default()).await;
    let pings = frame(0x89, &[b'p'; 125]).repeat(100);
    let flood = async |until: Instant| {
        let mut closed = 0;
        while Instant::now() < until {
            let mut tcp = Peer::raw(&server, "/ws").await.into_tcp();
            while tcp.write_all(&pings).await.is_ok() && Instant::now() < until {
                tokio::task::yield_now().await;
            }
            closed += 1;
        }
        closed
    };
    flood(Instant::now() + Duration::from_millis(500)).await;
    let before = memory();
    let (most, closed) = peak(flood(Instant::now() + Duration::from_secs(10))).await;
    let grown = most.saturating_sub(before);
    assert!(grown < 4 << 20, "{grown} bytes more than before");
    assert!(closed > 1 && server.metrics.counters().closed[&1008] > 1);
}

/// With as many pings as there may be, from a client that reads nothing: what cannot be written is
/// given up after 5 s, and is little until then.
#[tokio::test]
async fn s15_pongs_that_are_not_read_end_at_the_write_timeout() {
    let _alone = alone().await;
    let (server, _dome) = telescope_within(Limits {
        control_frames: u32::MAX,
        ..Limits::default()
    })
    .await;
    let mut tcp = Peer::raw(&server, "/ws/patterns").await.into_tcp();
    let before = memory();
    let pings = frame(0x89, &[b'p'; 125]).repeat(1000);
    let start = Instant::now();
    let (most, ()) = peak(soon(async {
        while tcp.write_all(&pings).await.is_ok() {
            tokio::task::yield_now().await;
        }
    }))
    .await;
    let grown = most.saturating_sub(before);
    assert!(grown < 4 << 20, "{grown} bytes more than before");
    assert!(start.elapsed() >= Duration::from_secs(5));
    assert_eq!(server.metrics.counters().lost, 1);
}

/// Those who read hold no copies either, however many there are: only what is small is copied for each
/// before it is written.
#[tokio::test]
async fn s23_a_publication_is_held_once_for_those_who_read() {
    // More than are written to by whoever publishes.
    const SUBSCRIBERS: u64 = 800;
    const SIZE: usize = 20 << 10;
    const PUBLICATIONS: u64 = 3;
    let _alone = alone().await;
    let (server, mut dome) = telescope_within(Limits {
        connections_per_address: 1000,
        ..Limits::default()
    })
    .await;
    let mut peers = Vec::new();
    for _ in 0..SUBSCRIBERS {
        let mut peer = Peer::raw(&server, "/ws/patterns/weather_sub").await;
        peer.send_text("{}").await;
        peers.push(peer);
    }
    dome.runs(1, 0).await;
    soon(async {
        while server.metrics.counters().subscriptions < SUBSCRIBERS {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // Looked at in turn with the tasks of the server.
    let most_until = async |delivered: u64| {
        let metrics = server.metrics.clone();
        let mut most = 0;
        let look = poll_fn(move |cx| {
            most = most.max(memory());
            if metrics.counters().delivered >= delivered {
                return Poll::Ready(most);
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        });
        soon(tokio::spawn(look)).await.unwrap()
    };
    dome.weather(Weather::Front(1));
    let _ = most_until(SUBSCRIBERS).await;
    let before = memory();
    for _ in 0..PUBLICATIONS {
        dome.weather(Weather::Front(SIZE));
    }
    let most = most_until(SUBSCRIBERS * (1 + PUBLICATIONS)).await;
    let grown = most.saturating_sub(before);
    assert!(grown < 4 << 20, "{grown} bytes more than before");
}

/// Each subscriber's queue is charged with the whole of it, and the memory is taken once.
#[tokio::test]
async fn s23_a_publication_is_held_once_whoever_waits_for_it() {
    const SUBSCRIBERS: u64 = 50;
    const SIZE: usize = 60 << 10;
    const PUBLICATIONS: u64 = 12;
    let _alone = alone().await;
    let (server, mut dome) = telescope_within(Limits {
        write_timeout: Duration::MAX,
        ..Limits::default()
    })
    .await;
    let mut deaf = Vec::new();
    for _ in 0..SUBSCRIBERS {
        let mut peer = Peer::raw(&server, "/ws/patterns/weather_sub").await;
        peer.send_text("{}").await;
        deaf.push(peer);
    }
    dome.runs(1, 0).await;
    soon(async {
        while server.metrics.counters().subscriptions < SUBSCRIBERS {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // What the kernel takes, and what each connection is about to write.
    let publish = async |count: u64| {
        let before = server.metrics.counters().published;
        for _ in 0..count {
            dome.weather(Weather::Front(SIZE));
        }
        soon(async {
            while server.metrics.counters().published < before + count * SUBSCRIBERS {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    };
    loop {
        let delivered = server.metrics.counters().delivered;
        publish(1).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        if server.metrics.counters().delivered == delivered {
            break;
        }
    }
    let before = memory();
    let (most, ()) = peak(publish(PUBLICATIONS)).await;
    let grown = most.saturating_sub(before);
    assert!(grown < 8 << 20, "{grown} bytes more than before");
    assert_eq!(server.metrics.counters().closed.len(), 0);
    // Charged for each: one more than 1 MiB of them closes all who do not read.
    for _ in 0..8 {
        dome.weather(Weather::Front(SIZE));
    }
    soon(async {
        while server.metrics.counters().closed.get(&3008) != Some(&SUBSCRIBERS) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn s38_subscribing_and_unsubscribing_without_end_takes_no_memory() {
    let _alone = alone().await;
    let limits = Limits {
        messages: u32::MAX,
        ..Limits::default()
    };
    let (server, _dome) = telescope_within(limits).await;
    let churn = async |from: u64, to: u64| {
        let peer = Peer::envelope(&server).await;
        let (mut requests, mut answers) = peer.into_socket().split();
        let sending = async {
            for id in from..to {
                let sub =
                    format!(r#"{{"op":"sub","id":{id},"channel":"weather_sub","payload":{{}}}}"#);
                requests.feed(Message::text(sub)).await.unwrap();
                let unsub = format!(r#"{{"op":"unsub","id":{id}}}"#);
                requests.feed(Message::text(unsub)).await.unwrap();
            }
            requests.flush().await.unwrap();
        };
        let hearing = async {
            let mut ended = from;
            while ended < to {
                let frame = answers.next().await.unwrap().unwrap();
                let text = frame.to_text().unwrap();
                assert!(!text.contains("err"), "{text}");
                ended += u64::from(text.contains("unsub"));
            }
        };
        tokio::join!(sending, hearing);
    };
    // A million takes minutes where nothing is optimised.
    let all = if cfg!(debug_assertions) {
        30_000
    } else {
        1_005_000
    };
    churn(0, 5_000).await;
    let before = memory();
    let (most, ()) = peak(churn(5_000, all)).await;
    let grown = most.saturating_sub(before);
    assert!(grown < 1 << 20, "{grown} bytes more than before");
    assert_eq!(server.metrics.counters().subscriptions, 0);
}

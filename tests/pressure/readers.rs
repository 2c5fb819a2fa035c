//! R03 and R04: a subscriber that reads a kilobyte a second, and one that reads nothing.

use std::time::Duration;

use serde_json::{Value, json};
use specwire::{Limits, SlowConsumer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use crate::client::{frame, handshake, soon};
use crate::gauge::{alone, memory, peak};
use crate::service::{Dome, Running, Weather, telescope_within};

/// What the queue may hold, and what the kernel may.
const BOUND: usize = (1 << 20) + (4 << 20);
const PUBLICATIONS: u32 = 6000;
/// Each takes so much, so that all of them are many times the bound.
const SIZE: usize = 4 << 10;

/// A subscriber with a small window, which has been acknowledged.
async fn subscriber(server: &Running) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    let mut tcp = socket.connect(server.address).await.unwrap();
    let subprotocol = "Sec-WebSocket-Protocol: specwire.v1.json\r\n";
    let request = handshake("/ws", subprotocol);
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(soon(tcp.read_u8()).await.unwrap());
    }
    send(&mut tcp, &json!({"op": "init", "id": 0})).await;
    let id = "x".repeat(SIZE);
    let subscription = json!({"subscriptionId": id});
    send(
        &mut tcp,
        &json!({"op": "sub", "id": 1, "channel": "weather_sub", "payload": subscription}),
    )
    .await;
    for _ in 0..2 {
        assert_eq!(soon(next(&mut tcp)).await.unwrap()["op"], "ack");
    }
    tcp
}

async fn send(tcp: &mut TcpStream, message: &Value) {
    let text = message.to_string();
    tcp.write_all(&frame(0x81, text.as_bytes())).await.unwrap();
}

/// The next message; the close code if that is what comes, and nothing at the end.
async fn next(tcp: &mut TcpStream) -> Result<Value, Option<u16>> {
    let mut head = [0; 2];
    tcp.read_exact(&mut head).await.map_err(|_| None)?;
    let length = match head[1] {
        126 => tcp.read_u16().await.map_err(|_| None)?.into(),
        127 => usize::try_from(tcp.read_u64().await.map_err(|_| None)?).unwrap(),
        short => short.into(),
    };
    let mut payload = vec![0; length];
    tcp.read_exact(&mut payload).await.map_err(|_| None)?;
    match head[0] {
        0x81 => Ok(serde_json::from_slice(&payload).unwrap()),
        0x88 => Err(Some(u16::from_be_bytes([payload[0], payload[1]]))),
        other => panic!("{other:#x}"),
    }
}

async fn slow(policy: SlowConsumer) -> (Running, Dome, TcpStream) {
    let (server, mut dome) = telescope_within(Limits {
        slow_consumer: policy,
        // A kilobyte a second does not always move the kernel's buffers within 5 s.
        write_timeout: Duration::from_secs(3600),
        ping_interval: Duration::MAX,
        ..Limits::default()
    })
    .await;
    let tcp = subscriber(&server).await;
    dome.runs(1, 0).await;
    (server, dome, tcp)
}

/// Publishes 0, 1, 2, … while the subscriber reads a kilobyte a second for two seconds, and then
/// takes what is left. What it got: each number, and how many it was told were dropped before.
async fn published(
    server: &Running,
    dome: &Dome,
    mut tcp: TcpStream,
) -> (Vec<(u64, u64)>, TcpStream) {
    let before = memory();
    let mut read = Vec::new();
    let (most, ()) = peak(async {
        for number in 0..PUBLICATIONS {
            if dome.wind(number.into()).await == 0 {
                continue;
            }
            // The connection has its turn, as it would with a service that waits for anything.
            tokio::task::yield_now().await;
        }
        for _ in 0..2 {
            let mut kilobyte = [0; 1 << 10];
            soon(tcp.read_exact(&mut kilobyte)).await.unwrap();
            read.extend(kilobyte);
            sleep(Duration::from_secs(1)).await;
        }
    })
    .await;
    let grown = most.saturating_sub(before);
    assert!(grown <= BOUND, "{grown} bytes more than before");

    let mut got = Vec::new();
    let mut whole = Whole { read, tcp };
    loop {
        let counters = server.metrics.counters();
        let waiting = counters.published - counters.dropped - got.len() as u64;
        if waiting == 0 {
            return (got, whole.tcp);
        }
        let message = soon(whole.next()).await;
        let number = message["payload"]["wind"].as_f64().unwrap() as u64;
        got.push((number, message["dropped"].as_u64().unwrap_or_default()));
    }
}

/// The stream from its beginning, of which a part has been read.
struct Whole {
    read: Vec<u8>,
    tcp: TcpStream,
}

impl Whole {
    async fn next(&mut self) -> Value {
        let mut take = async |count: usize| {
            while self.read.len() < count {
                self.tcp.read_buf(&mut self.read).await.unwrap();
            }
            self.read.drain(..count).collect::<Vec<u8>>()
        };
        let head = take(2).await;
        assert_eq!(head[..], [0x81, 126], "a text of some kilobytes");
        let length = take(2).await;
        let payload = take(u16::from_be_bytes([length[0], length[1]]).into()).await;
        serde_json::from_slice(&payload).unwrap()
    }
}

/// All that is missing was said to be, where it is missing.
fn check_gaps(got: &[(u64, u64)]) {
    let mut expected = 0;
    for (number, dropped) in got {
        assert_eq!(*number, expected + dropped, "{got:?}");
        expected = number + 1;
    }
}

async fn check_drops(policy: SlowConsumer) -> Vec<(u64, u64)> {
    let _alone = alone().await;
    let (server, dome, tcp) = slow(policy).await;
    let (got, _tcp) = published(&server, &dome, tcp).await;
    check_gaps(&got);
    let counters = server.metrics.counters();
    assert_eq!(counters.published, u64::from(PUBLICATIONS));
    assert_eq!(counters.published - counters.dropped, got.len() as u64);
    assert!(
        counters.dropped > u64::from(PUBLICATIONS) / 2,
        "{counters:?}"
    );
    assert!(counters.closed.is_empty() && counters.lost == 0);
    got
}

#[tokio::test]
async fn r03_a_slow_reader_gets_the_newest_where_the_oldest_are_dropped() {
    let got = check_drops(SlowConsumer::DropOldest).await;
    let last = u64::from(PUBLICATIONS) - 1;
    assert_eq!(got.last().unwrap().0, last);
}

#[tokio::test]
async fn r03_a_slow_reader_gets_the_oldest_where_the_newest_are_dropped() {
    let got = check_drops(SlowConsumer::DropNewest).await;
    // What found room came one after the other, and nothing after that had room.
    assert!(got.iter().all(|(_, dropped)| *dropped == 0));
}

#[tokio::test]
async fn r03_a_slow_reader_gets_the_last_of_all_where_the_latest_is_kept() {
    let got = check_drops(SlowConsumer::Latest).await;
    let last = u64::from(PUBLICATIONS) - 1;
    assert_eq!(got.last().unwrap().0, last);
}

#[tokio::test]
async fn r03_a_slow_reader_is_told_3008_where_it_is_disconnected() {
    let _alone = alone().await;
    let (server, mut dome, mut tcp) = slow(SlowConsumer::Disconnect).await;
    let before = memory();
    let (most, ()) = peak(async {
        while dome.wind(1.0).await == 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(most.saturating_sub(before) <= BOUND);
    dome.runs(1, 1).await;
    let mut got = 0;
    let code = loop {
        match soon(next(&mut tcp)).await {
            Ok(_) => got += 1,
            Err(code) => break code,
        }
    };
    assert_eq!(code, Some(3008));
    let counters = server.metrics.counters();
    // The one that found no room is the only one that it did not get.
    assert_eq!((counters.published, counters.dropped), (got + 1, 0));
}

#[tokio::test]
async fn r03_a_slow_reader_holds_a_publisher_that_blocks_and_misses_nothing() {
    let _alone = alone().await;
    let (server, dome, mut tcp) = slow(SlowConsumer::Block(Duration::from_secs(3600))).await;
    let before = memory();
    dome.weather(Weather::Gusts(2000));
    let (most, ()) = peak(async {
        // The kernel and half of the queue are full when nothing more is published.
        let mut published = 0;
        while published == 0 || published < server.metrics.counters().published {
            published = server.metrics.counters().published;
            sleep(Duration::from_millis(200)).await;
        }
        assert!(published < 2000, "{published}");
    })
    .await;
    assert!(most.saturating_sub(before) <= BOUND);
    for number in 0..2000 {
        let message = soon(next(&mut tcp)).await.unwrap();
        assert_eq!(message["payload"]["wind"].as_f64(), Some(number.into()));
        assert_eq!(message.get("dropped"), None);
    }
    let counters = server.metrics.counters();
    assert_eq!((counters.published, counters.dropped), (2000, 0));
}

#[tokio::test]
async fn r03_a_reader_that_reads_nothing_holds_a_publisher_for_so_long_and_no_longer() {
    let _alone = alone().await;
    let patience = Duration::from_millis(500);
    let (server, mut dome, _tcp) = slow(SlowConsumer::Block(patience)).await;
    let mut other = crate::client::Peer::envelope(&server).await;
    other
        .send(&json!({"op": "sub", "id": 1, "channel": "weather_sub", "payload": {}}))
        .await;
    other.next().await;
    dome.weather(Weather::Gusts(2000));
    let mut longest = Duration::ZERO;
    let mut last = Instant::now();
    for _ in 0..2000 {
        other.next().await;
        longest = longest.max(last.elapsed());
        last = Instant::now();
    }
    assert!(longest >= patience, "{longest:?}");
    assert!(longest < 4 * patience, "{longest:?}");
    assert_eq!(server.metrics.counters().closed.get(&3008), Some(&1));
    drop(other);
    let _ = timeout(Duration::from_millis(10), dome.runs(1, 1)).await;
}

#[tokio::test]
async fn r04_who_takes_nothing_is_dropped_at_the_write_timeout() {
    let _alone = alone().await;
    let limits = Limits {
        slow_consumer: SlowConsumer::DropOldest,
        ping_interval: Duration::MAX,
        ..Limits::default()
    };
    assert_eq!(limits.write_timeout, Duration::from_secs(5));
    let (server, mut dome) = telescope_within(limits).await;
    let _tcp = subscriber(&server).await;
    dome.runs(1, 0).await;
    let before = memory();
    let mut stuck = Instant::now();
    let mut delivered = 0;
    let (most, ()) = peak(async {
        while server.metrics.counters().lost == 0 {
            // Whoever publishes once too often waits for the next subscriber.
            let (done, _) = tokio::sync::oneshot::channel();
            dome.weather(Weather::Wind(1.0, done));
            if server.metrics.counters().delivered > delivered {
                delivered = server.metrics.counters().delivered;
                stuck = Instant::now();
            }
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    let took = stuck.elapsed();
    assert!(took >= Duration::from_millis(4500), "{took:?}");
    assert!(took < Duration::from_secs(8), "{took:?}");
    assert!(most.saturating_sub(before) <= BOUND);
    dome.runs(1, 1).await;
    assert_eq!(server.metrics.counters().lost, 1);
}

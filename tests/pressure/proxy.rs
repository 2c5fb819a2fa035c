//! R16: what networks do to bytes between a client and a server.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use specwire::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::client::{Peer, soon};
use crate::service::{Running, telescope_within};

/// What the network does to what passes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Weather {
    /// Hands over byte by byte.
    Bytes,
    /// Hands over later.
    Delay(Duration),
    /// Hands over nothing more, and says nothing.
    Silent,
    /// Has hung up on both.
    Cut,
}

const CALM: Weather = Weather::Delay(Duration::ZERO);

/// A network between clients and a server, in this process.
struct Chaos {
    server: Running,
    weather: watch::Sender<Weather>,
}

impl Chaos {
    async fn new(server: SocketAddr, weather: Weather) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (sender, seen) = watch::channel(weather);
        let (proxied, _) = Running::elsewhere(listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(server).await.unwrap();
                server.set_nodelay(true).unwrap();
                client.set_nodelay(true).unwrap();
                let seen = seen.clone();
                tokio::spawn(async move {
                    let (from_client, to_client) = client.into_split();
                    let (from_server, to_server) = server.into_split();
                    let mut cut = seen.clone();
                    tokio::select! {
                        _ = cut.wait_for(|weather| *weather == Weather::Cut) => {}
                        () = async {
                            tokio::join!(
                                pass(from_client, to_server, seen.clone()),
                                pass(from_server, to_client, seen),
                            );
                        } => {}
                    }
                });
            }
        });
        Self {
            server: proxied,
            weather: sender,
        }
    }
}

async fn pass(
    mut from: impl tokio::io::AsyncRead + Unpin,
    mut to: impl tokio::io::AsyncWrite + Unpin,
    mut weather: watch::Receiver<Weather>,
) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let now = *weather.borrow_and_update();
        match now {
            Weather::Bytes => {
                for byte in &buffer[..count] {
                    if to.write_all(&[*byte]).await.is_err() {
                        return;
                    }
                    tokio::task::yield_now().await;
                }
                continue;
            }
            Weather::Delay(delay) => sleep(delay).await,
            Weather::Silent | Weather::Cut => continue,
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

async fn server() -> (Running, crate::service::Dome) {
    telescope_within(Limits {
        ping_interval: Duration::from_millis(300),
        pong_timeout: Duration::from_millis(700),
        ..Limits::default()
    })
    .await
}

async fn talk(peer: &mut Peer, id: u64) {
    peer.send(&json!({"op": "msg", "id": id, "channel": "status_request", "payload": {}}))
        .await;
    assert_eq!(peer.next().await["id"], id);
}

async fn subscribe(peer: &mut Peer) {
    peer.send(&json!({"op": "sub", "id": 1, "channel": "weather_sub", "payload": {}}))
        .await;
    assert_eq!(peer.next().await, json!({"op": "ack", "id": 1}));
}

#[tokio::test]
async fn r16_bytes_may_come_one_at_a_time() {
    let (server, dome) = server().await;
    let chaos = Chaos::new(server.address, CALM).await;
    let mut peer = Peer::envelope(&chaos.server).await;
    chaos.weather.send_replace(Weather::Bytes);
    subscribe(&mut peer).await;
    for id in 2..20 {
        talk(&mut peer, id).await;
        assert_eq!(dome.wind(id as f64).await, 1);
        assert_eq!(
            peer.next().await["payload"]["wind"].as_f64(),
            Some(id as f64)
        );
    }
}

#[tokio::test]
async fn r16_bytes_may_take_their_time() {
    let (server, _dome) = server().await;
    let delay = Duration::from_millis(150);
    let chaos = Chaos::new(server.address, Weather::Delay(delay)).await;
    let mut peer = Peer::envelope(&chaos.server).await;
    let start = Instant::now();
    // Pings are answered in time all the while.
    for id in 2..8 {
        talk(&mut peer, id).await;
    }
    assert!(start.elapsed() >= 12 * delay);
    assert_eq!(server.metrics.counters().lost, 0);
}

#[tokio::test]
async fn r16_a_connection_that_is_cut_leaves_nothing_behind() {
    let (server, mut dome) = server().await;
    let chaos = Chaos::new(server.address, CALM).await;
    let mut peer = Peer::envelope(&chaos.server).await;
    subscribe(&mut peer).await;
    dome.runs(1, 0).await;
    chaos.weather.send_replace(Weather::Cut);
    peer.dropped().await;
    dome.runs(1, 1).await;
    gone(&server).await;
    assert_eq!(server.metrics.counters().left, 1);
}

#[tokio::test]
async fn r16_a_connection_that_falls_silent_is_left_after_ping_and_pong_timeout() {
    let (server, mut dome) = server().await;
    let chaos = Chaos::new(server.address, CALM).await;
    let mut peer = Peer::envelope(&chaos.server).await;
    subscribe(&mut peer).await;
    dome.runs(1, 0).await;
    chaos.weather.send_replace(Weather::Silent);
    let start = Instant::now();
    // The client does its part: it reads, and answers pings that do not come.
    tokio::select! {
        () = dome.runs(1, 1) => {}
        frame = peer.next_frame() => panic!("{frame:?}"),
    }
    let took = start.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
    gone(&server).await;
    assert_eq!(server.metrics.counters().lost, 1);
}

async fn gone(server: &Running) {
    soon(async {
        while server.metrics.counters().connections > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(server.metrics.counters().subscriptions, 0);
}

//! Real servers that are stopped and started, as the rows R02 and R09 of our list of attacks have it.

use std::fs;
use std::time::{Duration, Instant};

use specwire::{Publication, Reconnect, State, States};
use specwire_server::heartbeat::{BeatPub, Client};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::fake::subscription;
use crate::support::{PATIENCE, Server};

/// A stop that is not announced: the connection stays as it is, and nobody answers.
#[tokio::test]
async fn r02_a_server_that_is_frozen_is_left_and_cleans_up_when_it_thaws() {
    let ping = Duration::from_millis(300);
    let pong = Duration::from_millis(500);
    let server = Server::start();
    let client = Client::builder(&server.url())
        .ping_interval(ping)
        .pong_timeout(pong)
        .connect_timeout(Duration::from_millis(500))
        .reconnect(Reconnect {
            cap: Duration::from_millis(500),
            ..Reconnect::default()
        })
        .connect()
        .await
        .unwrap();
    let mut beats = client.beat(subscription("r02")).await.unwrap();
    assert_eq!(text(soon(beats.next()).await), "r02");
    let sockets = sockets(&server);
    let mut states = client.states();

    server.program.signal("STOP");
    let frozen = Instant::now();
    let reason = loop {
        if let State::Disconnected { reason, .. } = state(&mut states).await {
            break reason;
        }
    };
    assert_eq!(reason.to_string(), "the server shows no sign of life");
    let noticed = frozen.elapsed();
    // What had been read of beats before counts as a sign of life, and the machine may be busy.
    assert!(
        noticed < ping + pong + Duration::from_secs(2),
        "{noticed:?}"
    );
    // The kernel takes connections for a process that does not run; nothing answers on them.
    for _ in 0..2 {
        let lost = loop {
            if let State::Disconnected { reason, .. } = state(&mut states).await {
                break reason;
            }
        };
        assert!(lost.to_string().contains("did not answer"), "{lost}");
    }

    server.program.signal("CONT");
    let gap = soon(async {
        loop {
            match beats.next_or_gap().await.unwrap().unwrap() {
                // Those that came before.
                Publication::Message(beat) => assert_eq!(text(Ok(Some(beat))), "r02"),
                Publication::Gap => break true,
            }
        }
    });
    assert!(gap.await);
    assert_eq!(text(soon(beats.next()).await), "r02");
    let cleaned = async {
        while self::sockets(&server) != sockets {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, cleaned)
        .await
        .expect("only the last connection stays");
}

/// Two hundred clients of a server that is restarted: all come back, and not at once.
#[tokio::test]
async fn r09_clients_come_back_to_a_restarted_server_spread_over_the_window() {
    const CLIENTS: usize = 200;
    let window = Duration::from_secs(1);
    let server = Server::start();
    let url = server.url();
    let address = server.address.clone();
    let mut clients = JoinSet::new();
    let (subscribed, mut all_subscribed) = tokio::sync::mpsc::channel(CLIENTS);
    for number in 0..CLIENTS {
        let (url, subscribed) = (url.clone(), subscribed.clone());
        clients.spawn(async move {
            let id = format!("client {number}");
            let policy = Reconnect {
                base: window,
                ..Reconnect::default()
            };
            let client = Client::builder(&url)
                .reconnect(policy)
                .connect()
                .await
                .unwrap();
            let mut states = client.states();
            let mut beats = client.beat(subscription(&id)).await.unwrap();
            assert_eq!(text(beats.next().await), id);
            subscribed.send(()).await.unwrap();
            let first_delay = loop {
                if let State::Disconnected { reason, retry_in } = state(&mut states).await {
                    assert_eq!(reason.close_code(), Some(1001), "{reason}");
                    break retry_in;
                }
            };
            while beats.gaps() == 0 {
                assert_eq!(text(beats.next().await), id);
            }
            first_delay
        });
    }
    for _ in 0..CLIENTS {
        soon(all_subscribed.recv()).await.unwrap();
    }
    server.program.signal("TERM");
    let (status, _) = server.program.finish();
    assert!(status.success(), "{status}");
    let _server = Server::listening(&address, &["--period", "100ms"]);
    let delays = soon(clients.join_all()).await;
    assert_eq!(delays.len(), CLIENTS);
    let (first, last) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
    assert!(*last <= window, "{last:?}");
    assert!(
        *last - *first >= window.mul_f64(0.9),
        "{first:?} to {last:?}"
    );
}

async fn state(states: &mut States) -> State {
    soon(states.next()).await.expect("another state comes")
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future)
        .await
        .expect("this takes too long")
}

fn text(beat: Result<Option<specwire::Message<BeatPub>>, specwire::Fault>) -> String {
    let beat = beat.expect("the subscription goes on");
    beat.expect("another beat comes")
        .payload
        .subscription_id
        .unwrap()
}

/// How many sockets a server has open.
fn sockets(server: &Server) -> usize {
    let open = fs::read_dir(format!("/proc/{}/fd", server.program.id())).unwrap();
    open.filter_map(|file| fs::read_link(file.unwrap().path()).ok())
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count()
}

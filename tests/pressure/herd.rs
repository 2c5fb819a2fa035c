//! R09: thousands of clients that lose their server in the same instant. Within this process, which
//! needs no file descriptors, and by a clock that goes on when nobody has anything to do.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use specwire::{Limits, Metrics, Mount, Server};
use specwire_server::heartbeat::{self, Client};
use specwire_server::services::heartbeat::Pulse;
use tokio::io::{DuplexStream, duplex};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};

use crate::gauge::alone;

/// A tenth where nothing is optimised.
const CLIENTS: usize = if cfg!(debug_assertions) { 500 } else { 5000 };
/// The bound of the first delay, unless a client says otherwise; and the shortest that there is.
const WINDOW: Duration = Duration::from_millis(500);
const SHORTEST: Duration = Duration::from_millis(50);

/// Where all clients connect to, and when each of them tried.
#[derive(Default)]
struct Place {
    server: Mutex<Option<Mount>>,
    /// So that they can be cut all at once.
    connections: Mutex<Vec<JoinHandle<()>>>,
    attempts: Mutex<Vec<(Instant, usize)>>,
}

impl Place {
    /// A server that knows nothing of the one before.
    fn start(&self) -> Metrics {
        let limits = Limits {
            connections: CLIENTS,
            ..Limits::default()
        };
        let period = Duration::from_secs(24 * 3600);
        let provider = heartbeat::provider(Pulse { period });
        let server = Server::new().limits(limits).serve(provider);
        let metrics = server.metrics();
        *self.server.lock().unwrap() = Some(server.mount().unwrap());
        metrics
    }

    /// Without a word, as if its machine were gone.
    fn crash(&self) {
        *self.server.lock().unwrap() = None;
        for connection in self.connections.lock().unwrap().drain(..) {
            connection.abort();
        }
    }

    fn connect(&self, client: usize) -> io::Result<DuplexStream> {
        let attempt = (Instant::now(), client);
        self.attempts.lock().unwrap().push(attempt);
        let server = self.server.lock().unwrap();
        let server = server.as_ref().ok_or(io::ErrorKind::ConnectionRefused)?;
        let (near, far) = duplex(1024);
        let connection = tokio::spawn(server.serve_connection(far, None));
        self.connections.lock().unwrap().push(connection);
        Ok(near)
    }
}

/// The clock is paused, so that this is reached as soon as nothing else is left to wait for.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(24 * 3600), future)
        .await
        .expect("this takes too long")
}

/// Until so many are subscribed.
async fn subscribed(metrics: &Metrics, clients: usize) {
    let clients = u64::try_from(clients).unwrap();
    soon(async {
        while metrics.counters().subscriptions < clients {
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

/// The most attempts in any 100 ms.
fn peak(attempts: &[(Instant, usize)]) -> usize {
    let mut most = 0;
    let mut begin = 0;
    for (index, (time, _)) in attempts.iter().enumerate() {
        while *time - attempts[begin].0 >= Duration::from_millis(100) {
            begin += 1;
        }
        most = most.max(index + 1 - begin);
    }
    most
}

#[tokio::test(start_paused = true)]
async fn r09_five_thousand_clients_come_back_to_a_server_that_crashed_spread_over_the_window() {
    let _alone = alone().await;
    let place = Arc::new(Place::default());
    let metrics = place.start();
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let place = Arc::clone(&place);
        clients.spawn(async move {
            let builder = Client::builder("ws://fake.example/ws")
                .connector(move |_, _| std::future::ready(place.connect(client)));
            let client = builder.connect().await.unwrap();
            let beats = client.beat(heartbeat::BeatSub::default()).await.unwrap();
            (client, beats)
        });
    }
    let clients = soon(clients.join_all()).await;
    assert_eq!(clients.len(), CLIENTS);
    subscribed(&metrics, CLIENTS).await;
    sleep(Duration::from_secs(30)).await;
    place.attempts.lock().unwrap().clear();

    // It is back at once: what spreads them is their own delays.
    place.crash();
    let crashed = Instant::now();
    let metrics = place.start();
    subscribed(&metrics, CLIENTS / 100 * 99).await;
    let back = crashed.elapsed();
    assert!(back <= WINDOW + SHORTEST, "99 % after {back:?}");
    subscribed(&metrics, CLIENTS).await;
    let attempts = std::mem::take(&mut *place.attempts.lock().unwrap());
    assert_eq!(attempts.len(), CLIENTS, "each needed one attempt");
    let times: Vec<_> = attempts.iter().map(|(time, _)| *time - crashed).collect();
    let (first, last) = (times.iter().min().unwrap(), times.iter().max().unwrap());
    assert!(*first >= SHORTEST, "{first:?}");
    assert!(
        *last - *first >= (WINDOW - SHORTEST).mul_f64(0.95),
        "{last:?}"
    );
    // Evenly: a tenth of those who draw less than the shortest delay come with it.
    let most = peak(&attempts);
    println!("a restart: 99 % back after {back:?}, at most {most} attempts in 100 ms");
    assert!(most <= CLIENTS * 3 / 10 + CLIENTS / 20, "{most} in 100 ms");

    // It is away for a minute, and they try less and less often.
    sleep(Duration::from_secs(30)).await;
    place.crash();
    let crashed = Instant::now();
    let away = Duration::from_secs(60);
    sleep_until(crashed + away).await;
    let attempts = std::mem::take(&mut *place.attempts.lock().unwrap());
    let mut own = vec![Vec::new(); CLIENTS];
    for (time, client) in &attempts {
        own[*client].push(*time);
    }
    let is_spaced = |times: &Vec<Instant>| times.is_sorted_by(|one, next| *next - *one >= SHORTEST);
    assert!(own.iter().all(is_spaced), "there was no delay");
    let most_of_one = own.iter().map(Vec::len).max().unwrap();
    let late = attempts.partition_point(|(time, _)| *time < crashed + away / 2);
    let late_peak = peak(&attempts[late..]);
    println!(
        "a minute away: {} attempts, {most_of_one} of one client at most, and at last {late_peak} in \
         100 ms",
        attempts.len()
    );
    assert!(attempts.len() < CLIENTS * 12, "{}", attempts.len());
    // By then, five thousand in ten seconds on average.
    assert!(late_peak < CLIENTS / 20, "{late_peak} in 100 ms");
    let metrics = place.start();
    subscribed(&metrics, CLIENTS).await;
    let back = crashed.elapsed() - away;
    assert!(back <= Duration::from_secs(20), "{back:?}");
    println!("all are back after another {back:?}");
    drop(clients);
}

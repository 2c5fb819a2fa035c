//! Watches stock prices in tagged frames, and measures the latency by the ticker's own pings, for as
//! long as it runs, whatever becomes of the server: `cargo run --example ticker -- AAPL SPY`.
//!
//! The environment's `TICKER` is the URL of another server, and `PING` the seconds between two pings.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use specwire::Reconnect;
use specwire_server::ticker::{Client, Ping, Sign, TickerRequest};

#[tokio::main]
async fn main() -> specwire::Result<()> {
    let url = std::env::var("TICKER").unwrap_or_else(|_| "ws://127.0.0.1:8080/".to_owned());
    let seconds = std::env::var("PING")
        .ok()
        .and_then(|text| text.parse().ok());
    let interval = Duration::from_secs(seconds.unwrap_or(60).clamp(1, 3600));
    let client = Client::builder(&url)
        .tagged()
        // Two intervals in which nothing is heard are the end of a connection.
        .ping_interval(interval)
        .pong_timeout(interval)
        .request_timeout(interval)
        .reconnect(Reconnect {
            cap: Duration::from_secs(5),
            ..Reconnect::default()
        })
        .connect()
        .await?;
    let mut states = client.states();
    tokio::spawn(async move {
        while let Some(state) = states.next().await {
            println!("{state}");
        }
    });
    tokio::spawn(measure(client.clone(), interval));

    let mut prices = client
        .watch(TickerRequest {
            id: format!("client:{}", std::process::id()),
            tickers: std::env::args().skip(1).collect(),
        })
        .await?;
    while let Some(change) = prices.next().await? {
        for price in &change.changes {
            println!("{} {:.2}", price.symbol, price.price);
        }
    }
    Ok(())
}

/// Asks for a sign of life in every interval, and prints how long it took.
async fn measure(client: Client, interval: Duration) {
    for sequence in 0.. {
        tokio::time::sleep(interval).await;
        let now = since_1970();
        let ping = Ping(Sign {
            sequence,
            seconds: i64::try_from(now.as_secs()).unwrap_or_default(),
            nanos: now.subsec_nanos().into(),
        });
        match client.ping(ping).await {
            Ok(_pong) => println!("latency {:.1?}", since_1970().saturating_sub(now)),
            Err(fault) => println!("no latency: {fault}"),
        }
    }
}

fn since_1970() -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default()
}

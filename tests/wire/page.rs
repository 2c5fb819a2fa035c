//! What is shown at `/`, and tried from there.

use std::time::Duration;

use specwire::Server;
use specwire_server::services::{self, Settings};
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Peer, http, soon, status};
use crate::service::{Running, provider};

/// Each URL with the frames that are shown below it.
async fn samples(server: &Running) -> Vec<(String, String)> {
    let page = http(server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(status(&page), "200");
    let mut url = String::new();
    let mut samples = Vec::new();
    for line in page.lines() {
        if let Some(path) = line.strip_prefix("  /ws") {
            url = format!("/ws{path}");
        } else if let Some((_, shown)) = line.split_once(", such as ") {
            let (sample, _) = shown.rsplit_once(" (").unwrap();
            samples.push((url.clone(), sample.to_owned()));
        }
    }
    samples
}

/// What is wrong with a message, if the first answer to it says so.
async fn refused(server: &Running, url: &str, sample: &str) -> Option<String> {
    let mut peer = Peer::raw(server, url).await;
    peer.send_text(sample).await;
    // Pings are answered in their turn: nothing has been refused before.
    peer.send_frame(Message::Ping("end".into())).await;
    loop {
        match soon(peer.next_frame()).await?.unwrap() {
            Message::Pong(_) => return None,
            Message::Close(close) => return Some(format!("{close:?}")),
            Message::Text(text) if text.starts_with(r#"{"error""#) => {
                return Some(text.to_string());
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn samples_can_be_sent_as_they_are() {
    let settings = Settings {
        period: Duration::from_secs(3600),
    };
    let demos = services::ALL.iter().map(|(_, offer)| offer(&settings));
    let (patterns, _dome) = provider();
    let server = demos.fold(Server::new().serve(patterns), Server::serve);
    let server = Running::start(server).await;
    let samples = samples(&server).await;
    for (url, sample) in &samples {
        let refused = refused(&server, url, sample).await;
        assert_eq!(refused, None, "{url}: {sample}");
    }
    let has = |url: &str, sample: &str| {
        let mut all = samples.iter();
        assert!(
            all.any(|found| found.0 == url && found.1 == sample),
            "{url}: {sample} is not among {samples:#?}"
        );
    };
    has("/ws/ping/ping", "hello");
    has(
        "/ws/ticker/ticker",
        r#"TickerRequest:{"Id":"client:42 ","Tickers":["AAPL","SPY"]}"#,
    );
    has("/ws/topics/topic", r#"{"action":"subscribe","topic":"x"}"#);
}

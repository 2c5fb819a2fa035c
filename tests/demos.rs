//! The services of this package, sentence by sentence, against clients that are not ours: Node's `ws`,
//! Python's `websockets`, and the WebSocket of a browser.
//!
//! What a sentence says of more than one program is shown elsewhere: one command that starts a service and
//! two clients, and that each client has its own beats, in `binary.rs`; that either process notices when
//! the other is stopped, there and in `pressure/stopped.rs`; that the client comes back, in
//! `reconnecting/`; `getPeriod`, which the demo leaves out, in `wire/`. The heartbeat's MQTT version and
//! the Parameter service (frames of `headers` and `payload`, subscriptions by a parameter's name or `*`, a
//! reply topic for each client) speak to a broker, and have no server here: their documents are of
//! MQTT, and what they do is `publish_to` and a reply to whoever asked.
//!
//! A test whose tools are not installed says so and passes, but with `CI=true` it fails.

#![expect(
    clippy::indexing_slicing,
    reason = "a test that panics fails, as it should"
)]

mod support;

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use specwire::{Json, Uuid};
use specwire_server::services::{self, Settings};
use support::clients::{Client, json};
use support::{Program, Server};
use tokio::io::AsyncReadExt;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

/// Runs each scenario with each client.
macro_rules! scenarios {
    ($($scenario:ident)*) => {
        mod node { $( #[test] fn $scenario() { super::Client::Node.run(super::$scenario); } )* }
        mod python { $( #[test] fn $scenario() { super::Client::Python.run(super::$scenario); } )* }
        mod browser { $( #[test] fn $scenario() { super::Client::Browser.run(super::$scenario); } )* }
    };
}

scenarios! {
    heartbeat_beats_every_five_seconds_and_reads_further_subscriptions
    ping_sends_every_text_back
    timenow_tells_everyone_the_same_from_connecting_on
    ticker_tells_each_client_what_it_watches
    ticker_takes_a_further_request_in_place_of_the_first
    ticker_answers_pings_to_the_byte
    ticker_ends_a_connection_with_an_unknown_name_or_a_bad_body
    topics_greet_whoever_connects_and_tell_its_id
    topics_reach_their_subscribers_and_nobody_else
    topics_forget_a_client_that_disconnects
}

fn heartbeat_beats_every_five_seconds_and_reads_further_subscriptions(client: Client) {
    let server = Server::serving(&[]);
    let mut talk = open(client, &server, "/ws");
    let [one, other] = [Uuid::new_v4(), Uuid::new_v4()];
    talk.write(&format!(
        r#"{{"subscriptionId":"{one}","replyTo":"beat_pub_{one}"}}"#
    ));
    let beat = |id| format!(r#"{{"subscriptionId":"{id}"}}"#);
    assert_eq!(talk.line(), beat(one));
    let first = Instant::now();
    assert_eq!(talk.line(), beat(one));
    let period = first.elapsed();
    assert!(
        period.abs_diff(Duration::from_secs(5)) < Duration::from_secs(1),
        "{period:?}"
    );

    talk.write(&format!(
        r#"{{"subscriptionId":"{other}","replyTo":"beat_pub_{other}"}}"#
    ));
    let mut beats = [talk.line(), talk.line()];
    beats.sort();
    let mut expected = [beat(one), beat(other)];
    expected.sort();
    assert_eq!(beats, expected);
}

fn ping_sends_every_text_back(client: Client) {
    let server = Server::start();
    let mut talk = open(client, &server, "/ws/ping");
    for text in [
        "hello",
        "",
        r#"{"not":"read"}"#,
        "\"quoted\"",
        "Grüße, 世界",
    ] {
        talk.write(text);
        assert_eq!(talk.line(), text);
    }
}

fn timenow_tells_everyone_the_same_from_connecting_on(client: Client) {
    let server = Server::start();
    let one = open(client, &server, "/ws/timenow");
    one.line();
    let other = open(client, &server, "/ws/timenow");
    let told = other.line();
    assert_eq!(one.lines().find(|time| *time >= told), Some(told.clone()));
    let before = Instant::now();
    let next = one.line();
    let period = before.elapsed();
    assert!(period < Duration::from_secs(3), "{period:?}");
    assert_eq!(other.line(), next);
    for time in [told, next] {
        let rfc3339 = time.len() == "2026-01-31T12:00:00Z".len()
            && time.ends_with('Z')
            && time.as_bytes().get(10) == Some(&b'T');
        assert!(rfc3339, "{time}");
    }
}

fn ticker_tells_each_client_what_it_watches(client: Client) {
    let server = Server::start();
    // Its own clients open the root.
    let mut one = open(client, &server, "/");
    one.write(r#"TickerRequest:{"Id":"client:42 ","Tickers":["AAPL","SPY"]}"#);
    let mut other = open(client, &server, "/any/path");
    other.write(r#"TickerRequest:{"Id":"other","Tickers":["NEW1","SPY"]}"#);
    for (talk, watched) in [(&one, ["AAPL", "SPY"]), (&other, ["NEW1", "SPY"])] {
        let mut told = Vec::new();
        while told.len() < 2 {
            for change in changes(&talk.line()) {
                let symbol = change["Symbol"].as_str().unwrap_or_default().to_owned();
                assert!(watched.contains(&symbol.as_str()), "{symbol}");
                assert!(change["Price"].as_f64().is_some_and(|price| price > 0.0));
                assert!(
                    change["UpdateTime"]
                        .as_u64()
                        .is_some_and(|time| time > 1_700_000_000)
                );
                if !told.contains(&symbol) {
                    told.push(symbol);
                }
            }
        }
    }
    let before = Instant::now();
    changes(&one.line());
    changes(&one.line());
    let elapsed = before.elapsed();
    assert!(
        elapsed < Duration::from_secs(5),
        "one change every two seconds, not {elapsed:?}"
    );
}

fn ticker_takes_a_further_request_in_place_of_the_first(client: Client) {
    let server = Server::start();
    let mut talk = open(client, &server, "/");
    talk.write(r#"TickerRequest:{"Id":"1","Tickers":["AAPL"]}"#);
    assert_eq!(symbols(&talk.line()), ["AAPL"]);
    talk.write(r#"TickerRequest:{"Id":"1","Tickers":["SPY"]}"#);
    talk.write(r#"Ping:{"Sequence":0,"Seconds":1,"Nanos":2}"#);
    let pong = talk.lines().find(|line| line.starts_with("Pong:"));
    assert!(pong.is_some());
    for _ in 0..2 {
        assert_eq!(symbols(&talk.line()), ["SPY"]);
    }
}

fn ticker_answers_pings_to_the_byte(client: Client) {
    let server = Server::start();
    let mut talk = open(client, &server, "/");
    talk.write(r#"Ping:{"Sequence":0,"Seconds":1624000000,"Nanos":5}"#);
    assert_eq!(
        talk.line(),
        r#"Pong:{"Sequence":0,"Seconds":1624000000,"Nanos":5}"#
    );
}

fn ticker_ends_a_connection_with_an_unknown_name_or_a_bad_body(client: Client) {
    let server = Server::start();
    for frame in [
        "Nothing:{}",
        "no colon",
        "Ping:{",
        r#"Ping:{"Sequence":"0"}"#,
        r#"TickerRequest:[]"#,
    ] {
        let mut talk = open(client, &server, "/");
        talk.write(frame);
        let end = talk.line();
        assert!(end.starts_with("closed "), "{frame}: {end}");
        assert_ne!(end, "closed 1000", "{frame}");
    }
}

/// An interval is a minute. The ticker's clients are heard by their pings, and by their answers to the
/// server's, which this one does not give.
#[tokio::test(start_paused = true)]
async fn ticker_drops_a_client_that_is_silent_for_two_intervals() {
    const INTERVAL: Duration = Duration::from_secs(60);
    let settings = Settings {
        period: Duration::from_secs(5),
    };
    let ticker = services::ticker::provider(&settings);
    let server = specwire::Server::new().serve(ticker).fallback("ticker");
    let mount = server.mount().expect("it can be served");
    let connect = async || {
        let (near, far) = tokio::io::duplex(64 << 10);
        tokio::spawn(mount.serve_connection(far, None));
        let opened = client_async("ws://localhost/", near).await;
        let (mut socket, _) = opened.expect("it is opened");
        let request = r#"TickerRequest:{"Id":"1","Tickers":["AAPL"]}"#;
        let sent = socket.send(Message::text(request)).await;
        sent.expect("it is open");
        socket
    };
    let (mut lively, silent) = (connect().await, connect().await);
    let mut pipe = silent.into_inner();
    let begun = tokio::time::Instant::now();
    let mut heard = Vec::new();
    let reading = async {
        // It ends, or is cut off.
        let _ = pipe.read_to_end(&mut heard).await;
        begun.elapsed()
    };
    tokio::pin!(reading);
    let took = loop {
        tokio::select! {
            took = &mut reading => break took,
            // One who reads answers the server's pings.
            frame = lively.next() => assert!(matches!(frame, Some(Ok(_))), "{frame:?}"),
        }
    };
    assert!(took < 2 * INTERVAL, "{took:?}");
    let changes = b"TickerChange:";
    assert!(heard.windows(changes.len()).any(|part| part == changes));
    while begun.elapsed() < 3 * INTERVAL {
        let frame = lively.next().await;
        assert!(matches!(frame, Some(Ok(_))), "{frame:?}");
    }
}

fn topics_greet_whoever_connects_and_tell_its_id(client: Client) {
    let server = Server::serving(&["--only", "topics"]);
    let ids = [(); 2].map(|()| {
        let talk = open(client, &server, "/ws");
        let welcome = talk.line();
        assert!(!welcome.contains("Client ID"), "{welcome}");
        let greeting = talk.line();
        let id = greeting
            .strip_prefix("Hello Client ID")
            .map(Uuid::parse_str);
        let Some(Ok(id)) = id else {
            panic!("no id in `{greeting}`");
        };
        id
    });
    assert_ne!(ids[0], ids[1]);
}

fn topics_reach_their_subscribers_and_nobody_else(client: Client) {
    let server = Server::start();
    let mut one = greeted(client, &server);
    let mut other = greeted(client, &server);
    one.write(r#"{"action":"subscribe","topic":"news"}"#);
    other.write(r#"{"action":"subscribe","topic":"sport"}"#);
    // The publisher is a subscriber too; from its own message on it is subscribed.
    one.write(r#"{"action":"publish","topic":"news","message":{"n":1}}"#);
    assert_eq!(one.line(), r#"{"n":1}"#);
    other.write(r#"{"action":"publish","topic":"sport","message":"goal"}"#);
    assert_eq!(other.line(), r#""goal""#);
    other.write(r#"{"action":"publish","topic":"news","message":[2]}"#);
    assert_eq!(one.line(), "[2]");

    other.write(r#"{"action":"subscribe","topic":"news"}"#);
    other.write(r#"{"action":"publish","topic":"news","message":3}"#);
    assert_eq!([one.line(), other.line()], ["3", "3"]);
    one.write(r#"{"action":"unsubscribe","topic":"news"}"#);
    one.write(r#"{"action":"publish","topic":"news","message":4}"#);
    // Whoever published without being subscribed got nothing before what comes next.
    assert_eq!(other.line(), "4");
    one.write(r#"{"action":"subscribe","topic":"news"}"#);
    one.write(r#"{"action":"publish","topic":"news","message":5}"#);
    assert_eq!([one.line(), other.line()], ["5", "5"]);
}

fn topics_forget_a_client_that_disconnects(client: Client) {
    let server = Server::start();
    let mut one = greeted(client, &server);
    one.write(r#"{"action":"subscribe","topic":"news"}"#);
    one.write(r#"{"action":"publish","topic":"news","message":1}"#);
    assert_eq!(one.line(), "1");
    drop(one);
    let mut other = greeted(client, &server);
    other.write(r#"{"action":"publish","topic":"news","message":2}"#);
    other.write(r#"{"action":"subscribe","topic":"news"}"#);
    other.write(r#"{"action":"publish","topic":"news","message":3}"#);
    assert_eq!(other.line(), "3");
}

/// Opens a path with raw frames.
fn open(client: Client, server: &Server, path: &str) -> Program {
    let url = format!("ws://{}{path}", server.address);
    let talk = client.talk(server, &url, &[]);
    assert_eq!(talk.line(), r#"open protocol="" extensions="""#);
    talk
}

fn greeted(client: Client, server: &Server) -> Program {
    let talk = open(client, server, "/ws/topics");
    talk.lines()
        .find(|line| line.starts_with("Hello Client ID"));
    talk
}

fn changes(frame: &str) -> Vec<Json> {
    let body = frame
        .strip_prefix("TickerChange:")
        .unwrap_or_else(|| panic!("`{frame}` is no TickerChange"));
    let changes = json(body)["Changes"].as_array().cloned();
    changes.unwrap_or_else(|| panic!("`{frame}` has no Changes"))
}

fn symbols(frame: &str) -> Vec<String> {
    let changes = changes(frame);
    let symbols = changes
        .iter()
        .filter_map(|change| change["Symbol"].as_str());
    symbols.map(str::to_owned).collect()
}

//! The services of this package, sentence by sentence, against clients that are not ours: Node's `ws`,
//! Python's `websockets`, and the WebSocket of a browser.
//!
//! A test whose tools are not installed says so and passes, but with `CI=true` it fails.

mod support;

use std::time::{Duration, Instant};

use specwire::Uuid;
use support::clients::Client;
use support::{Program, Server};

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

/// Opens a path with raw frames.
fn open(client: Client, server: &Server, path: &str) -> Program {
    let url = format!("ws://{}{path}", server.address);
    let talk = client.talk(server, &url, &[]);
    assert_eq!(talk.line(), r#"open protocol="" extensions="""#);
    talk
}

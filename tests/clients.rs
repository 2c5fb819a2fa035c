//! Clients that are not ours, each against the real server: Node's `ws`, Python's `websockets`, and
//! the WebSocket of a browser, as they are under `tests/clients/`.
//!
//! A test whose tools are not installed says so and passes, but with `CI=true` it fails.

#![expect(
    clippy::indexing_slicing,
    reason = "a test that panics fails, as it should"
)]

mod support;

use std::fs;
use std::process::Command;

use specwire::{Json, Uuid};
use support::clients::{Client, ENVELOPE, json, python};
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
    beats_come_to_the_byte
    two_clients_get_their_own_beats
    the_period_is_asked_for_in_raw_frames
    the_period_is_asked_for_in_envelopes
    an_exchange_given_up_gets_nothing_more
    a_bad_frame_is_answered_and_the_connection_lives_on
    an_unknown_subprotocol_is_refused
    compression_is_not_agreed_to
    a_server_that_stops_says_so
}

fn beats_come_to_the_byte(client: Client) {
    let server = Server::start();
    let subscription = Uuid::new_v4();
    let beats = client.beats(&server, subscription, &format!("beat_pub_{subscription}"));
    for _ in 0..3 {
        assert_eq!(beats.line(), beat(subscription));
    }
}

fn two_clients_get_their_own_beats(client: Client) {
    let server = Server::start();
    for addresses in [
        ["beat_pub_1", "beat_pub_2"],
        ["beat_pub_same", "beat_pub_same"],
    ] {
        let [one, other] = [Uuid::new_v4(), Uuid::new_v4()];
        let one_beats = client.beats(&server, one, addresses[0]);
        let other_beats = client.beats(&server, other, addresses[1]);
        // From here on both are subscribed.
        assert_eq!(one_beats.line(), beat(one));
        assert_eq!(other_beats.line(), beat(other));
        assert!(
            one_beats
                .new_lines()
                .take(5)
                .all(|frame| frame == beat(one))
        );
        assert!(
            other_beats
                .new_lines()
                .take(5)
                .all(|frame| frame == beat(other))
        );
        drop(one_beats);
        assert!(
            other_beats
                .new_lines()
                .take(5)
                .all(|frame| frame == beat(other))
        );
    }
}

fn the_period_is_asked_for_in_raw_frames(client: Client) {
    let server = Server::start();
    let mut talk = client.talk(&server, &server.url(), &[]);
    assert_eq!(talk.line(), r#"open protocol="" extensions="""#);
    talk.write(r#"{"interactionId":"7"}"#);
    assert_eq!(talk.line(), r#"{"interactionId":"7","period":0.1}"#);

    // One channel has nothing to tell apart.
    let mut talk = client.talk(
        &server,
        &format!("{}/heartbeat/getPeriod_request", server.url()),
        &[],
    );
    assert_eq!(talk.line(), r#"open protocol="" extensions="""#);
    talk.write("{}");
    assert_eq!(talk.line(), r#"{"period":0.1}"#);
}

fn the_period_is_asked_for_in_envelopes(client: Client) {
    let server = Server::start();
    let mut talk = client.talk_envelopes(&server);
    let request = Uuid::new_v4();
    talk.write(
        &format!(
            r#"{{"op":"msg","id":1,"channel":"getPeriod_request","message":"getPeriod_request",
            "headers":{{"requestId":"{request}"}},"payload":{{"interactionId":"7"}}}}"#
        )
        .replace('\n', " "),
    );
    let answer = format!(
        r#"{{"op":"msg","id":1,"channel":"getPeriod_response","message":"getPeriod_response",
            "headers":{{"requestId":"{request}"}},"payload":{{"interactionId":"7","period":0.1}}}}"#
    );
    assert_eq!(json(&talk.line()), json(&answer));
}

fn an_exchange_given_up_gets_nothing_more(client: Client) {
    let server = Server::start();
    let mut talk = client.talk_envelopes(&server);
    let publication = |id: u32| {
        json(&format!(
            r#"{{"op":"msg","id":{id},"channel":"beat_pub","message":"beat_pub",
                "payload":{{"subscriptionId":"{id}"}}}}"#
        ))
    };
    for id in [1, 2] {
        talk.write(&format!(
            r#"{{"op":"sub","id":{id},"channel":"beat_sub","payload":{{"subscriptionId":"{id}"}}}}"#
        ));
        let ack = frames(&talk).find(|frame| *frame != publication(1));
        assert_eq!(ack, Some(json(&format!(r#"{{"op":"ack","id":{id}}}"#))));
        let first = frames(&talk).find(|frame| frame["id"] == id);
        assert_eq!(first, Some(publication(id)));
    }

    talk.write(r#"{"op":"unsub","id":1}"#);
    let end = frames(&talk).find(|frame| frame["op"] != "msg");
    assert_eq!(end, Some(json(r#"{"op":"unsub","id":1}"#)));
    // The beats that still come to the other exchange are the time in which one too many would come.
    assert!(frames(&talk).take(5).all(|frame| frame == publication(2)));

    talk.write(r#"{"op":"unsub","id":2}"#);
    let end = frames(&talk).find(|frame| *frame != publication(2));
    assert_eq!(end, Some(json(r#"{"op":"unsub","id":2}"#)));
    talk.write(r#"{"op":"ping","id":3}"#);
    assert_eq!(json(&talk.line()), json(r#"{"op":"pong","id":3}"#));
}

fn a_bad_frame_is_answered_and_the_connection_lives_on(client: Client) {
    let server = Server::serving(&["--only", "heartbeat", "--period", "100ms"]);
    let mut talk = client.talk(&server, &server.url(), &[]);
    assert_eq!(talk.line(), r#"open protocol="" extensions="""#);
    for (frame, code) in [
        ("nonsense", "invalid_frame"),
        (r#"{"unknown":"member"}"#, "unmatched_message"),
        ("{}", "ambiguous_message"),
    ] {
        talk.write(frame);
        assert_eq!(json(&talk.line())["error"]["code"], code, "{frame}");
    }
    let subscription = Uuid::new_v4();
    talk.write(&beat(subscription));
    assert_eq!(talk.line(), beat(subscription));

    let mut talk = client.talk_envelopes(&server);
    for (frame, id, code) in [
        ("nonsense", None, "invalid_frame"),
        (
            r#"{"op":"sub","id":1,"channel":"nowhere"}"#,
            Some(1),
            "unknown_channel",
        ),
        (
            r#"{"op":"sub","id":2,"channel":"beat_sub","payload":[]}"#,
            Some(2),
            "invalid_message",
        ),
    ] {
        talk.write(frame);
        let answer = json(&talk.line());
        assert_eq!(answer["op"], "err", "{frame}");
        assert_eq!(answer.get("id").and_then(Json::as_u64), id, "{frame}");
        assert_eq!(answer["payload"]["code"], code, "{frame}");
    }
    talk.write(r#"{"op":"ping","id":3}"#);
    assert_eq!(json(&talk.line()), json(r#"{"op":"pong","id":3}"#));
}

fn an_unknown_subprotocol_is_refused(client: Client) {
    let server = Server::start();
    let talk = client.talk(&server, &server.url(), &["specwire.v99.json"]);
    let refusal = talk.line();
    // Browsers say it in words.
    assert!(
        refusal.starts_with("refused ") && refusal.ends_with(" 400"),
        "{refusal}"
    );

    // Beside others the known one is chosen.
    let talk = client.talk(&server, &server.url(), &["specwire.v99.json", ENVELOPE]);
    assert_eq!(
        talk.line(),
        format!(r#"open protocol="{ENVELOPE}" extensions="""#)
    );
}

/// All three offer `permessage-deflate` unless they are told not to.
fn compression_is_not_agreed_to(client: Client) {
    let server = Server::start();
    let mut talk = client.talk(&server, &server.url(), &[]);
    assert_eq!(talk.line(), r#"open protocol="" extensions="""#);
    // Long enough to be worth compressing.
    let frame = format!(r#"{{"subscriptionId":"{}"}}"#, "beat ".repeat(1000));
    talk.write(&frame);
    assert_eq!(talk.line(), frame);
}

fn a_server_that_stops_says_so(client: Client) {
    let server = Server::start();
    let mut talk = client.talk(&server, &server.url(), &[]);
    assert_eq!(talk.line(), r#"open protocol="" extensions="""#);
    let subscription = Uuid::new_v4();
    talk.write(&beat(subscription));
    assert_eq!(talk.line(), beat(subscription));
    server.program.signal("TERM");
    let end = talk.lines().find(|line| *line != beat(subscription));
    assert_eq!(end.as_deref(), Some("closed 1001"));
    let (status, _) = server.program.finish();
    assert!(status.success(), "{status}");
}

/// `examples/python/heartbeat.py` is made from `docs/protocol.md` alone, and of no library.
#[test]
fn a_client_made_from_the_specification_beats_and_comes_back() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/python/heartbeat.py");
    let text = fs::read_to_string(example).expect("it is there");
    assert!(text.lines().count() < 100, "it is to be short");
    Client::Python.run(|_| {
        let start = |server: &Server, beats: &str| {
            Program::start(Command::new(python()).args([example, &server.url(), beats]))
        };
        let mut server = Server::start();
        let (status, mut lines) = start(&server, "3").finish();
        assert!(status.success(), "{status}: {lines:?}");
        // Beats may come before what was asked for with them.
        lines.sort_by_key(|line| line.starts_with("beat "));
        assert_eq!(lines[0], "period: 0.1 s");
        let own = lines[1].strip_prefix("beat 1: ").expect(&lines[1]);
        assert_eq!(lines[2..], [2, 3].map(|beat| format!("beat {beat}: {own}")));

        // It may come back after either end: that which is announced, and that which is not.
        let patient = start(&server, "1000000");
        for (signal, reason) in [("TERM", "closed with 1001: "), ("KILL", "")] {
            next_of(&patient, "period: 0.1 s");
            next_of(&patient, "beat ");
            server.program.signal(signal);
            let end = next_of(&patient, "trying again in");
            assert!(end.starts_with(reason), "{end}");
            // The port is free again once the server is gone.
            server.program.finish();
            server = Server::listening(&server.address, &["--period", "100ms"]);
        }
        next_of(&patient, "period: 0.1 s");

        // And it gives up where the same would happen again.
        let elsewhere = format!("{}/nowhere", server.url());
        let refused = Program::start(Command::new(python()).args([example, &elsewhere]));
        let (status, lines) = refused.finish();
        assert_eq!((status.code(), lines), (Some(1), Vec::new()));
    });
}

/// The next line that has these words.
fn next_of(program: &Program, words: &str) -> String {
    let mut lines = program.lines();
    lines
        .find(|line| line.contains(words))
        .expect("there is no end to the lines")
}

#[test]
fn a_page_of_another_origin_is_refused() {
    Client::Browser.run(|client| {
        let server = Server::start();
        // The page is the other server's; not the one that tells browsers to connect nowhere else.
        let mut other = Server::start();
        other.address.push_str("/nowhere");
        let talk = client.talk(&other, &server.url(), &[]);
        let refusal = talk.line();
        assert!(
            refusal.starts_with("refused ") && refusal.ends_with(" 403"),
            "{refusal}"
        );
    });
}

#[test]
fn the_page_of_the_server_is_where_channels_are_tried() {
    Client::Browser.run(|client| {
        let server = Server::start();
        let frame = r#"{"subscriptionId":"1","replyTo":"beat_pub_1"}"#;
        let page = format!("http://{}/", server.address);
        let page = client.program(
            "try",
            [page.as_str(), "/ws/heartbeat/beat_sub", frame].map(str::to_owned),
        );
        assert_eq!(page.line(), "opened");
        assert_eq!(page.line(), format!("> {frame}"));
        for _ in 0..3 {
            assert_eq!(page.line(), r#"< {"subscriptionId":"1"}"#);
        }
    });
}

/// The frame of one beat, and the shortest that subscribes to it.
fn beat(subscription: Uuid) -> String {
    format!(r#"{{"subscriptionId":"{subscription}"}}"#)
}

fn frames(talk: &Program) -> impl Iterator<Item = Json> {
    talk.lines().map(|line| json(&line))
}

//! Clients that are not ours, each against the real server: Node's `ws`, Python's `websockets`, and
//! the WebSocket of a browser, as they are under `tests/clients/`.
//!
//! A test whose tools are not installed says so and passes, but with `CI=true` it fails.

#![expect(
    clippy::indexing_slicing,
    reason = "a test that panics fails, as it should"
)]

mod support;

use std::env;
use std::ffi::OsStr;
use std::io::{Write, stderr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use specwire::{Json, Uuid};
use support::{Program, Server};

const ENVELOPE: &str = "specwire.v1.json";

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
    let server = Server::start();
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

#[test]
fn a_page_of_another_origin_is_refused() {
    Client::Browser.run(|client| {
        let server = Server::start();
        let other = Server::start();
        // The page is the other server's.
        let talk = client.talk(&other, &server.url(), &[]);
        let refusal = talk.line();
        assert!(
            refusal.starts_with("refused ") && refusal.ends_with(" 403"),
            "{refusal}"
        );
    });
}

#[test]
fn the_line_to_paste_into_a_browser_works_there() {
    Client::Browser.run(|client| {
        let server = Server::start();
        let line = server
            .program
            .lines()
            .find(|line| line.contains("new WebSocket"));
        let mut page = client.program("paste", [format!("http://{}/", server.address)]);
        page.write(line.expect("the server prints it").trim());
        for _ in 0..3 {
            assert_eq!(page.line(), r#"{"subscriptionId":"1"}"#);
        }
    });
}

/// Programs that others wrote.
#[derive(Clone, Copy, Debug)]
enum Client {
    Node,
    Python,
    Browser,
}

impl Client {
    /// Runs a test if the client's tools are installed.
    fn run(self, test: impl FnOnce(Self)) {
        let Err(install) = self.is_installed() else {
            return test(self);
        };
        let missing = format!("{self:?} has not all it needs; install with: {install}");
        assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "{missing}");
        // Not `eprintln!`, which is not shown where a test passes.
        writeln!(stderr(), "skipped: {missing}").expect("standard error is open");
    }

    /// Or else how to install what is missing.
    fn is_installed(self) -> Result<(), &'static str> {
        let (installed, install) = match self {
            Self::Node => (
                runs("node", &["--version"]) && folder().join("node_modules/ws").exists(),
                "apt-get install nodejs npm && npm ci --prefix tests/clients",
            ),
            Self::Python => (
                runs(python(), &["-c", "import websockets"]),
                "python3 -m venv tests/clients/.venv && \
                 tests/clients/.venv/bin/pip install -r tests/clients/requirements.txt",
            ),
            Self::Browser => (
                runs("node", &["--version"])
                    && folder().join("node_modules/playwright-core").exists()
                    && runs(chromium(), &["--version"]),
                "apt-get install chromium nodejs npm && npm ci --prefix tests/clients",
            ),
        };
        if installed { Ok(()) } else { Err(install) }
    }

    /// Subscribes to the heartbeat.
    fn beats(self, server: &Server, subscription: Uuid, reply_to: &str) -> Program {
        let arguments = [server.url(), subscription.to_string(), reply_to.to_owned()];
        self.program("beats", self.page(server).into_iter().chain(arguments))
    }

    /// Sends and receives what the test wants; in a browser, from a page of `home`.
    fn talk(self, home: &Server, url: &str, subprotocols: &[&str]) -> Program {
        let arguments = [url].into_iter().chain(subprotocols.iter().copied());
        self.program(
            "talk",
            self.page(home)
                .into_iter()
                .chain(arguments.map(str::to_owned)),
        )
    }

    /// The same over a connection for envelopes, once the server has acknowledged the `init`.
    fn talk_envelopes(self, server: &Server) -> Program {
        let mut talk = self.talk(server, &server.url(), &[ENVELOPE]);
        assert_eq!(
            talk.line(),
            format!(r#"open protocol="{ENVELOPE}" extensions="""#)
        );
        talk.write(r#"{"op":"init","id":0}"#);
        let ack = json(&talk.line());
        assert_eq!((&ack["op"], &ack["id"]), (&"ack".into(), &0.into()));
        let connection = ack["payload"]["connection"].as_str().map(Uuid::parse_str);
        assert!(matches!(connection, Some(Ok(_))), "{ack}");
        talk
    }

    fn page(self, server: &Server) -> Option<String> {
        matches!(self, Self::Browser).then(|| format!("http://{}/", server.address))
    }

    fn program(self, script: &str, arguments: impl IntoIterator<Item = String>) -> Program {
        let (interpreter, script) = match self {
            Self::Node => (PathBuf::from("node"), format!("node/{script}.mjs")),
            Self::Python => (python(), format!("python/{script}.py")),
            Self::Browser => (PathBuf::from("node"), format!("browser/{script}.mjs")),
        };
        Program::start(
            Command::new(interpreter)
                .arg(folder().join(script))
                .args(arguments)
                .env("CHROMIUM", chromium()),
        )
    }
}

/// The frame of one beat, and the shortest that subscribes to it.
fn beat(subscription: Uuid) -> String {
    format!(r#"{{"subscriptionId":"{subscription}"}}"#)
}

fn frames(talk: &Program) -> impl Iterator<Item = Json> {
    talk.lines().map(|line| json(&line))
}

fn json(text: &str) -> Json {
    text.parse()
        .unwrap_or_else(|error| panic!("`{text}` is not JSON: {error}"))
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients"))
}

/// The one that the tests' packages are installed for, or else the system's.
fn python() -> PathBuf {
    let installed = folder().join(".venv/bin/python");
    if installed.exists() {
        installed
    } else {
        PathBuf::from("python3")
    }
}

/// Debian's, unless the environment names another.
fn chromium() -> PathBuf {
    env::var_os("CHROMIUM").map_or_else(|| PathBuf::from("/usr/bin/chromium"), PathBuf::from)
}

fn runs(program: impl AsRef<OsStr>, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

//! The server's binary and the examples, as a person runs them.

mod support;

use std::collections::HashMap;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use support::{PATIENCE, Program, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

#[tokio::test]
async fn the_urls_that_are_announced_can_be_opened() {
    let server = Server::serving(&["--only", "heartbeat"]);
    let lines: Vec<_> = server
        .program
        .lines()
        .take_while(|line| !line.starts_with("try it"))
        .collect();
    let urls: Vec<_> = lines
        .iter()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let url = server.url();
    assert_eq!(
        urls,
        [
            url.clone(),
            format!("{url}/heartbeat"),
            format!("{url}/heartbeat/beat_sub"),
            format!("{url}/heartbeat/getPeriod_request"),
        ]
    );
    for url in urls {
        open(url).await;
    }
}

#[test]
fn a_line_to_paste_is_announced() {
    let server = Server::start();
    let line = server
        .program
        .lines()
        .find(|line| line.contains("cargo run"));
    let expected = format!("cargo run --example heartbeat -- {}", server.url());
    assert_eq!(line.as_deref().map(str::trim), Some(expected.as_str()));
}

#[test]
fn help_shows_the_options_and_their_defaults() {
    let output = run(&["--help"]);
    assert!(output.status.success());
    assert_eq!(text(&output.stderr), "");
    let help = text(&output.stdout);
    for part in [
        "--listen <ADDRESS>",
        "127.0.0.1:8080",
        "--period <DURATION>",
        "200ms",
        "[default: 5s]",
        "--only <DOCUMENT>",
        "exits with 0, after 12 s",
        "with 130",
        "--help",
    ] {
        assert!(help.contains(part), "no `{part}` in:\n{help}");
    }
}

#[test]
fn what_cannot_be_served_is_one_clear_line() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let taken = taken.local_addr().expect("it is bound").to_string();
    for (arguments, words) in [
        (["--listen", &taken], [taken.as_str(), "in use"]),
        (["--listen", "nonsense"], ["nonsense", "invalid"]),
        (
            ["--listen", "127.0.0.1:99999"],
            ["127.0.0.1:99999", "invalid"],
        ),
        // Kept for documentation (RFC 5737), so that no machine has it.
        (["--listen", "192.0.2.1:80"], ["192.0.2.1:80", "assign"]),
        (["--period", "soon"], ["soon", "5s or 200ms"]),
        (["--period", "0s"], ["0s", "1ms at least"]),
        (
            ["--only", "heartbeat,other"],
            ["'other'", "there is `heartbeat`"],
        ),
        (["--only", ""], ["--only", "there is `heartbeat`"]),
        (["--port", "80"], ["--port", "unexpected"]),
    ] {
        let output = run(&arguments);
        assert!(!output.status.success(), "{arguments:?}");
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
        let stderr = text(&output.stderr);
        assert!(
            stderr.starts_with("error: ") && stderr.ends_with('\n'),
            "{stderr}"
        );
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        for word in words {
            assert!(stderr.contains(word), "no `{word}` in: {stderr}");
        }
    }
}

#[tokio::test]
async fn sigterm_closes_connections_and_ends_well() {
    stops_well("TERM").await;
}

#[tokio::test]
async fn sigint_closes_connections_and_ends_well() {
    stops_well("INT").await;
}

#[tokio::test]
async fn a_second_signal_ends_the_server_at_once() {
    let server = Server::start();
    // One that does not answer, so that there is something to wait for.
    let mut tcp = TcpStream::connect(&server.address)
        .await
        .expect("it listens");
    tcp.write_all(b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        .await
        .expect("it is open");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(tcp.read_u8().await.expect("it is upgraded"));
    }
    server.program.signal("TERM");
    // The close frame says that the first signal has been seen.
    assert_eq!(tcp.read_u8().await.expect("a frame comes"), 0x88);
    server.program.signal("INT");
    let (status, _) = server.program.finish();
    assert_eq!(status.code(), Some(130), "{status}");
}

/// The example, with all threads of its runtime blocked by a handler, and told to stop, which may
/// take this long.
async fn blocked(latest: &str) -> Server {
    let server = Server::starting(
        Command::new(example("blocking"))
            .args(["127.0.0.1:0", latest])
            .env("TOKIO_WORKER_THREADS", "1"),
    );
    let mut socket = open(&format!("{}/ping", server.url())).await;
    socket.send(Message::text("60")).await.expect("it is open");
    assert_eq!(server.program.line(), "blocked for 60 s");
    server.program.signal("TERM");
    server.program.complains("stopping");
    server
}

#[tokio::test]
async fn a_second_signal_ends_a_server_whose_handlers_block_at_once() {
    let server = blocked("1h").await;
    server.program.signal("TERM");
    let (status, _) = server.program.finish();
    assert_eq!(status.code(), Some(130), "{status}");
}

#[tokio::test]
async fn a_server_whose_handlers_block_ends_in_time_all_the_same() {
    let asked = Instant::now();
    let (status, _) = blocked("500ms").await.program.finish();
    assert!(status.success(), "{status}");
    assert!(asked.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn only_the_documents_that_are_named_are_served() {
    let server = Server::serving(&["--only", "heartbeat"]);
    for path in ["", "/heartbeat"] {
        open(&format!("{}{path}", server.url())).await;
    }
}

async fn stops_well(signal: &str) {
    let server = Server::start();
    let mut idle = open(&server.url()).await;
    let mut subscribed = open(&server.url()).await;
    let beat = Message::text(r#"{"subscriptionId":"1"}"#);
    subscribed.send(beat.clone()).await.expect("it is open");
    assert_eq!(next(&mut subscribed).await, beat);

    let asked = Instant::now();
    server.program.signal(signal);
    for socket in [&mut idle, &mut subscribed] {
        let close = loop {
            match next(socket).await {
                Message::Close(close) => break close,
                other => assert_eq!(other, beat),
            }
        };
        assert_eq!(
            close.map(|CloseFrame { code, .. }| u16::from(code)),
            Some(1001)
        );
        // The answer to the close is written while the end of the connection is waited for.
        assert!(
            timeout(PATIENCE, socket.next())
                .await
                .expect("the connection ends")
                .is_none()
        );
    }
    let (status, _) = server.program.finish();
    assert!(status.success(), "{status}");
    // The grace of 10 s is for clients that do not answer.
    assert!(
        asked.elapsed() < Duration::from_secs(5),
        "{:?}",
        asked.elapsed()
    );
}

#[tokio::test]
async fn a_client_that_does_not_answer_does_not_keep_the_server() {
    let server = Server::start();
    let _silent = open(&server.url()).await;
    server.program.signal("TERM");
    let (status, _) = server.program.finish();
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn r11_a_thousand_sockets_are_told_and_the_server_ends_in_30_s() {
    const CLIENTS: usize = 1000;
    let server = Server::serving(&["--period", "1h"]);
    let url = server.url();
    let mut sockets = Vec::new();
    while sockets.len() < CLIENTS {
        let opening = (0..100).map(|_| async {
            let mut socket = open(&url).await;
            let [subscribe, ask] = [r#"{"subscriptionId":"1"}"#, r#"{"interactionId":"1"}"#];
            socket.feed(Message::text(subscribe)).await.expect("open");
            socket.send(Message::text(ask)).await.expect("it is open");
            // Beside a beat, for whom it comes first.
            let is_answer = |text: &str| text.contains("period");
            while !next(&mut socket).await.to_text().is_ok_and(is_answer) {}
            socket
        });
        sockets.extend(futures_util::future::join_all(opening).await);
    }
    let asked = Instant::now();
    server.program.signal("TERM");
    let ends = sockets.into_iter().map(|mut socket| async move {
        // Past the one beat that there is.
        let close = loop {
            if let Message::Close(close) = next(&mut socket).await {
                break close;
            }
        };
        assert_eq!(close.map(|close| u16::from(close.code)), Some(1001));
        let end = timeout(PATIENCE, socket.next()).await;
        assert!(end.expect("the connection ends").is_none());
    });
    futures_util::future::join_all(ends).await;
    let (status, _) = server.program.finish();
    assert!(status.success(), "{status}");
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(30), "{took:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn s09_without_file_descriptors_the_server_waits_for_some() {
    let server = Server::starting(
        Command::new("sh")
            .args(["-c", "ulimit -n 40; exec \"$0\" --listen 127.0.0.1:0"])
            .arg(env!("CARGO_BIN_EXE_specwire-server")),
    );
    let mut flood = Vec::new();
    for _ in 0..60 {
        flood.push(TcpStream::connect(&server.address).await);
    }
    let url = server.url();
    let mut late = tokio::spawn(async move { open(&url).await });
    // It is the last in a queue of which the server can take less than 40.
    let early = timeout(Duration::from_millis(300), &mut late).await;
    assert!(early.is_err(), "nothing was in its way");
    drop(flood);
    timeout(PATIENCE, late)
        .await
        .expect("there is room again")
        .expect("it is opened");
}

#[test]
fn the_heartbeat_example_prints_the_period_and_beats() {
    let server = Server::start();
    let example = Program::start(Command::new(example("heartbeat")).args([&server.url(), "3"]));
    let (status, lines) = example.finish();
    assert!(status.success(), "{status}");
    assert_eq!(lines[0], "period: 0.1 s");
    let subscription = lines[1].strip_prefix("subscribing as ").expect(&lines[1]);
    let beats = [1, 2, 3].map(|beat| format!("beat {beat}: {subscription}"));
    assert_eq!(lines[2..], beats);
}

#[test]
fn the_ticker_example_notices_a_server_that_freezes_and_comes_back() {
    let server = Server::start();
    let example = Program::start(
        Command::new(example("ticker"))
            .args(["AAPL", "SPY"])
            .env("TICKER", format!("ws://{}/", server.address))
            .env("PING", "1"),
    );
    let next = |words: &str| example.lines().find(|line| line.contains(words));
    next("AAPL ");
    next("latency ");
    server.program.signal("STOP");
    next("disconnected");
    server.program.signal("CONT");
    next("connected as ");
    next("SPY ");
    next("latency ");
}

#[tokio::test]
async fn the_axum_example_serves_beats_beside_its_own_routes_and_stops_well() {
    let program = Program::start(Command::new(example("axum")).arg("127.0.0.1:0"));
    let line = program.line();
    let address = line.strip_prefix("listening on ").expect("it says where");
    let mut plain = TcpStream::connect(address).await.expect("it listens");
    let request = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    plain.write_all(request).await.expect("it is open");
    let mut answer = String::new();
    let read = plain.read_to_string(&mut answer).await;
    read.expect("it answers, and closes");
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("alive"),
        "{answer}"
    );

    let mut socket = open(&format!("ws://{address}/ws/heartbeat/beat_sub")).await;
    let beat = Message::text(r#"{"subscriptionId":"1"}"#);
    socket.send(beat.clone()).await.expect("it is open");
    assert_eq!(next(&mut socket).await, beat);
    program.signal("TERM");
    let close = loop {
        match next(&mut socket).await {
            Message::Close(close) => break close,
            other => assert_eq!(other, beat),
        }
    };
    assert_eq!(close.map(|close| u16::from(close.code)), Some(1001));
    let end = timeout(PATIENCE, socket.next()).await;
    assert!(end.expect("the connection ends").is_none());
    let (status, _) = program.finish();
    assert!(status.success(), "{status}");
}

#[test]
fn the_heartbeat_example_says_in_one_line_that_there_is_no_server() {
    let nobody = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let url = format!("ws://{}/ws", nobody.local_addr().expect("it is bound"));
    drop(nobody);
    let output = Command::new(example("heartbeat"))
        .arg(&url)
        .output()
        .expect("it runs");
    assert!(!output.status.success());
    let stderr = text(&output.stderr);
    assert!(
        stderr.contains(&url) && stderr.contains("refused"),
        "{stderr}"
    );
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[test]
fn the_demo_shows_two_clients_with_their_own_beats() {
    let (status, lines) = Program::start(&mut Command::new(example("demo"))).finish();
    assert!(status.success(), "{status}");
    assert!(
        lines[0].starts_with("service: listening at ws://127.0.0.1:"),
        "{}",
        lines[0]
    );
    assert_eq!(lines.last().map(String::as_str), Some("service: stopped"));

    // What each client subscribed as, and the beats that it got.
    let mut seen: HashMap<&str, Vec<&str>> = HashMap::new();
    for line in &lines {
        if let Some((client, what)) = line.split_once(": ")
            && let Some(id) = what
                .strip_prefix("subscribed as ")
                .or(what.strip_prefix("beat "))
        {
            seen.entry(client).or_default().push(id);
        }
    }
    let [one, two] = ["client one", "client two"].map(|client| &seen[client]);
    for ids in [one, two] {
        assert_eq!(ids.len(), 1 + 5);
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }
    assert_ne!(one[0], two[0]);
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn open(url: &str) -> Socket {
    let opened = timeout(PATIENCE, connect_async(url))
        .await
        .expect("an answer comes");
    opened
        .unwrap_or_else(|error| panic!("{url} is not opened: {error}"))
        .0
}

async fn next(socket: &mut Socket) -> Message {
    let message = timeout(PATIENCE, socket.next())
        .await
        .expect("a frame comes");
    message
        .expect("the connection has not ended")
        .expect("it has not failed")
}

/// Runs the server with arguments that it does not serve with.
fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_specwire-server"))
        .args(arguments)
        .output()
        .expect("it runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("it is UTF-8")
}

/// An example's program. Cargo builds the examples with the tests, into a folder beside theirs; but
/// not with `--test binary`, which runs them as they were built last.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let example = test
        .ancestors()
        .nth(2)
        .expect("it is in target/debug/deps")
        .join("examples")
        .join(name);
    assert!(
        example.exists(),
        "{} is not built: run `cargo build --examples`",
        example.display()
    );
    example
}

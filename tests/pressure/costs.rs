//! What hostile bytes cost a server in computing time and in memory: S03, S11, S20. Each client has a
//! thread of its own, so that what the server's thread has computed is the server's.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;
use specwire::Limits;
use tokio::task::spawn_blocking;

use crate::client::{Peer, frame, handshake, soon, status};
use crate::gauge::{alone, asked_for, computed};
use crate::service::limited;

const MOST: Duration = Duration::from_millis(50);

/// What the server's thread has computed since.
#[track_caller]
fn costs_little(before: Duration, what: &str) {
    let cost = computed() - before;
    println!("{cost:?}: {what}");
    assert!(cost < MOST, "{what}: {cost:?}");
}

/// Sends a request in parts of such a size, and returns what is answered.
async fn answer(server: SocketAddr, request: String, part: usize) -> String {
    let talk = spawn_blocking(move || {
        let mut tcp = TcpStream::connect(server).unwrap();
        tcp.set_nodelay(true).unwrap();
        tcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        for part in request.as_bytes().chunks(part) {
            // The server may refuse before it has read everything.
            if tcp.write_all(part).is_err() {
                break;
            }
        }
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = tcp.read(&mut buffer) {
            answer.extend_from_slice(&buffer[..count]);
            if answer.starts_with(b"HTTP/1.1 101 ") {
                break;
            }
        }
        String::from_utf8_lossy(&answer).into_owned()
    });
    soon(talk).await.unwrap()
}

#[tokio::test]
async fn s03_heads_that_are_huge_or_come_byte_by_byte_cost_less_than_50_ms() {
    let _alone = alone().await;
    let server = limited(Limits::default()).await;
    let long = |size| handshake("/ws", &format!("X-Long: {}\r\n", "x".repeat(size)));
    for (request, part, expected) in [
        (long(64 << 10), usize::MAX, "431"),
        (long(64 << 10), 1, "431"),
        (long(7 << 10), 1, "101"),
        (
            handshake("/ws", &"X-Many: 1\r\n".repeat(200)),
            usize::MAX,
            "431",
        ),
        (
            handshake(&format!("/ws/{}", "x".repeat(64 << 10)), ""),
            usize::MAX,
            "431",
        ),
    ] {
        let start: String = request.chars().take(20).collect();
        let before = computed();
        let answer = answer(server.address, request, part).await;
        assert_eq!(status(&answer), expected, "{start}: {answer}");
        costs_little(before, &start);
    }
}

/// The length that a frame's head announces is not taken for granted.
#[tokio::test]
async fn s11_what_is_only_announced_takes_no_memory() {
    let _alone = alone().await;
    const MESSAGE: u64 = 16 << 20;
    let server = limited(Limits {
        frame_size: 16 << 20,
        message_size: 16 << 20,
        ..Limits::default()
    })
    .await;
    let announce = async |length: u64| {
        let mut tcp = Peer::raw(&server, "/ws").await.into_tcp();
        let mut head = vec![0x81, 0x80 | 127];
        head.extend(length.to_be_bytes());
        head.extend([0; 4]);
        tokio::io::AsyncWriteExt::write_all(&mut tcp, &head)
            .await
            .unwrap();
        tcp
    };
    announce(1 << 63).await;
    let before = asked_for();
    for length in [1 << 63, (1 << 63) - 1, 1 << 32, MESSAGE + 1] {
        let code = crate::client::close_code(&mut announce(length).await).await;
        assert!(code == 1009 || code == 1002, "{length}: {code}");
    }
    let grown = asked_for() - before;
    assert!(grown < 1 << 20, "{grown} bytes more than before");
}

fn nested(open: &str, close: &str, levels: usize) -> String {
    format!("{}{}", open.repeat(levels), close.repeat(levels))
}

/// In each framing: a fault, after which the connection goes on, for less than 50 ms beyond what as
/// many bytes cost that are no JSON from the first on.
#[tokio::test]
#[cfg_attr(debug_assertions, ignore = "the figure is one of optimised code")]
async fn s20_json_that_is_meant_to_hurt_costs_less_than_50_ms() {
    let _alone = alone().await;
    let server = limited(Limits {
        message_size: 32 << 20,
        frame_size: 32 << 20,
        errors: u32::MAX,
        ..Limits::default()
    })
    .await;
    let member = |value: &str| format!(r#"{{"subscriptionId":{value}}}"#);
    let many = |value: &str| {
        let mut object = String::from("{");
        for key in 0..1_000_000 {
            write!(object, "\"{key}\":{value},").unwrap();
        }
        object.pop();
        object + "}"
    };
    let bombs = [
        ("127 levels", member(&nested("[", "]", 127))),
        ("129 levels", member(&nested("[", "]", 129))),
        (
            "129 objects",
            member(&nested("{\"a\":", "}", 129).replace(":}", ":0}")),
        ),
        ("100,000 levels", member(&nested("[", "]", 100_000))),
        ("100,000 levels alone", nested("[", "]", 100_000)),
        (
            "100,000 objects",
            nested("{\"a\":", "}", 100_000).replace(":}", ":0}"),
        ),
        ("a million keys", many("0")),
        ("a million keys within", member(&many("0"))),
        (
            "a million strings",
            format!("[{}0]", "\"\",".repeat(1_000_000)),
        ),
        ("a number of 10 MB", "9".repeat(10 << 20)),
        ("a number of 10 MB within", member(&"9".repeat(10 << 20))),
        (
            "a fraction of 10 MB",
            member(&format!("0.{}", "9".repeat(10 << 20))),
        ),
        (
            "an exponent of 10 MB",
            member(&format!("1e{}", "9".repeat(10 << 20))),
        ),
        ("1e999999", member("1e999999")),
        ("1e999999 alone", "1e999999".to_owned()),
        (
            "a key twice",
            r#"{"subscriptionId":"1","subscriptionId":"2"}"#.to_owned(),
        ),
        (
            "a key a million times",
            format!(
                "{{{}\"subscriptionId\":\"1\"}}",
                "\"subscriptionId\":\"1\",".repeat(1_000_000)
            ),
        ),
        ("half a surrogate", member("\"\\ud800\"")),
        ("half a surrogate in a key", r#"{"\ud800":"1"}"#.to_owned()),
        ("a NUL that is not escaped", member("\"\0\"")),
        (
            "a string without an end",
            format!("{{\"subscriptionId\":\"{}", "x".repeat(10 << 20)),
        ),
        (
            "escapes",
            member(&format!("\"{}\\ud800\"", "\\u0000".repeat(1 << 20))),
        ),
    ];
    let mut dear = Vec::new();
    for (has_envelope, name) in [(false, "raw"), (true, "the envelope")] {
        let peer = match has_envelope {
            true => Peer::envelope(&server).await,
            false => Peer::raw(&server, "/ws").await,
        };
        let tcp = peer.into_tcp().into_std().unwrap();
        tcp.set_nonblocking(false).unwrap();
        // The least of a few: whatever else the machine does comes on top.
        let cost = async |text: &str| {
            let mut least = Duration::MAX;
            for _ in 0..3 {
                let bytes = frame(0x81, text.as_bytes());
                let mut tcp = tcp.try_clone().unwrap();
                let before = computed();
                let talk = spawn_blocking(move || {
                    tcp.write_all(&bytes).unwrap();
                    text_frame(&mut tcp)
                });
                let fault: Value = serde_json::from_slice(&soon(talk).await.unwrap()).unwrap();
                least = least.min(computed() - before);
                let code = match has_envelope {
                    true => &fault["payload"]["code"],
                    false => &fault["error"]["code"],
                };
                assert!(code.is_string(), "{fault}");
            }
            least
        };
        for (what, bomb) in &bombs {
            let text = match has_envelope {
                true => format!(r#"{{"op":"sub","id":1,"channel":"beat_sub","payload":{bomb}}}"#),
                false => bomb.clone(),
            };
            let nonsense = cost(&"x".repeat(text.len())).await;
            let whole = cost(&text).await;
            let beyond = whole.saturating_sub(nonsense);
            println!("{beyond:?} of {whole:?}: {what} in {name}");
            if beyond >= MOST {
                dear.push((what, name, beyond));
            }
        }
    }
    assert!(dear.is_empty(), "{dear:?}");
}

/// The payload of the next frame, which is a text.
fn text_frame(tcp: &mut TcpStream) -> Vec<u8> {
    let mut head = [0; 2];
    tcp.read_exact(&mut head).unwrap();
    assert_eq!(head[0], 0x81, "a text");
    let length = match head[1] {
        126 => {
            let mut length = [0; 2];
            tcp.read_exact(&mut length).unwrap();
            u16::from_be_bytes(length)
        }
        short => short.into(),
    };
    let mut payload = vec![0; length.into()];
    tcp.read_exact(&mut payload).unwrap();
    payload
}

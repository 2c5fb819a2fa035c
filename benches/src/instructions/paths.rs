//! The paths: a server and its clients in one process, a thread for each end. The clients wait for what
//! they have asked for before they ask for more, so that the server does the same each time, however
//! long it is kept waiting.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::exit;
use std::thread;
use std::time::Duration;

use clap::ValueEnum;
use serde_json::json;

use crate::cases::REQUEST;
use crate::load::frames::{Frames, masked};
use crate::serve::specwire::serve;

/// Those that a publication reaches.
const SUBSCRIBERS: usize = 50;
/// Topics that are there all the time, beside the one that somebody joins.
const TOPICS: usize = 1000;

/// One way through the runtime.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Path {
    Echo,
    Request,
    Delivery,
    Each,
    Topic,
}

impl Path {
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// What is counted.
    pub(crate) fn says(self) -> &'static str {
        match self {
            Self::Echo => "echo of 20 B, raw",
            Self::Request => "getPeriod, in the envelope",
            Self::Delivery => {
                "delivery of 20 B that are the same for all, a fiftieth of a publication"
            }
            Self::Each => "delivery of a beat that is different for each, a fiftieth",
            Self::Topic => "a topic is joined, told something, and left",
        }
    }

    /// How often it is walked, and twice that.
    pub(crate) fn times(self) -> usize {
        match self {
            Self::Delivery | Self::Each => 100,
            Self::Echo | Self::Request | Self::Topic => 1000,
        }
    }

    /// What each time counts as.
    pub(crate) fn messages(self) -> usize {
        match self {
            Self::Delivery | Self::Each => SUBSCRIBERS,
            Self::Echo | Self::Request | Self::Topic => 1,
        }
    }
}

/// Walks it so many times, and ends the process.
pub(crate) fn walk(path: Path, times: usize) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let served = runtime.block_on(async {
        let listener = specwire::bind("127.0.0.1:0").await?;
        if let Ok(address) = listener.local_addr() {
            thread::spawn(move || match walk_at(address, path, times) {
                Ok(()) => exit(0),
                Err(reason) => {
                    eprintln!("error: {reason}");
                    exit(1)
                }
            });
        }
        serve(listener, path == Path::Each).await
    });
    served.map_err(|error| error.to_string())
}

fn walk_at(server: SocketAddr, path: Path, times: usize) -> Result<(), String> {
    let text = masked(&"x".repeat(20));
    match path {
        Path::Echo => {
            let mut client = Client::open(server, "/ws/ping/ping", None)?;
            for _ in 0..times {
                client.send(&text)?;
                client.hear()?;
            }
        }
        Path::Request => {
            let mut client = Client::open(server, "/ws/heartbeat", Some("specwire.v1.json"))?;
            client.send(&masked(r#"{"op":"init","id":1}"#))?;
            client.hear()?;
            let request = masked(REQUEST);
            for _ in 0..times {
                client.send(&request)?;
                client.hear()?;
            }
        }
        Path::Delivery | Path::Each => {
            let subscribe = |number| {
                if path == Path::Delivery {
                    return Client::open(server, "/ws/feed", None);
                }
                let mut client = Client::open(server, "/ws/heartbeat/beat_sub", None)?;
                let hello = json!({"subscriptionId": format!("{number:06}")}).to_string();
                client.send(&masked(&hello))?;
                Ok(client)
            };
            let subscribers: Result<Vec<_>, _> = (0..SUBSCRIBERS).map(subscribe).collect();
            let mut subscribers = subscribers?;
            // The last one that the server turns to, so that all the others are subscribed.
            let mut publisher = Client::open(server, "/ws/feed/post", None)?;
            for _ in 0..times {
                publisher.send(&text)?;
                for subscriber in &mut subscribers {
                    subscriber.hear()?;
                }
            }
        }
        Path::Topic => {
            let say = |action: &str, topic: usize| {
                masked(&format!(r#"{{"action":"{action}","topic":"{topic:05}"}}"#))
            };
            let publish = |topic: usize| {
                masked(&format!(
                    r#"{{"action":"publish","topic":"{topic:05}","message":"x"}}"#
                ))
            };
            let mut others = Vec::new();
            for group in 0..TOPICS / SUBSCRIBERS {
                let mut client = Client::open(server, "/ws/topics/topic", None)?;
                for topic in (0..SUBSCRIBERS).map(|nth| group * SUBSCRIBERS + nth) {
                    client.send(&say("subscribe", topic))?;
                }
                others.push(client);
            }
            let mut client = Client::open(server, "/ws/topics/topic", None)?;
            for topic in (TOPICS..).take(times) {
                let asked = [say("subscribe", topic), publish(topic)].concat();
                client.send(&asked)?;
                client.hear()?;
                client.send(&say("unsubscribe", topic))?;
            }
        }
    }
    Ok(())
}

struct Client {
    stream: TcpStream,
    frames: Frames,
    buffer: Vec<u8>,
}

impl Client {
    fn open(server: SocketAddr, path: &str, subprotocol: Option<&str>) -> Result<Self, String> {
        let stream = TcpStream::connect(server).map_err(|error| error.to_string())?;
        stream
            .set_nodelay(true)
            .and_then(|()| stream.set_read_timeout(Some(Duration::from_secs(20))))
            .map_err(|error| error.to_string())?;
        let mut client = Self {
            stream,
            frames: Frames::default(),
            buffer: vec![0; 4096],
        };
        let subprotocol = subprotocol.map_or_else(String::new, |name| {
            format!("Sec-WebSocket-Protocol: {name}\r\n")
        });
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {server}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{subprotocol}\r\n"
        );
        client.send(request.as_bytes())?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.extend(client.read()?);
        }
        if answer.starts_with(b"HTTP/1.1 101 ") {
            Ok(client)
        } else {
            Err(String::from_utf8_lossy(&answer).into_owned())
        }
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        let sent = self.stream.write_all(bytes);
        sent.map_err(|error| format!("cannot send: {error}"))
    }

    /// Waits for a message.
    fn hear(&mut self) -> Result<(), String> {
        loop {
            let mut frames = std::mem::take(&mut self.frames);
            let count = frames.count(self.read()?)?;
            self.frames = frames;
            if count > 0 {
                return Ok(());
            }
        }
    }

    fn read(&mut self) -> Result<&[u8], String> {
        let read = self.stream.read(&mut self.buffer);
        let read = read.map_err(|error| format!("cannot read: {error}"))?;
        if read == 0 {
            return Err("the server has closed".to_owned());
        }
        Ok(self.buffer.get(..read).unwrap_or_default())
    }
}

//! Whole connections, on a stream in memory: a handshake, and then frames.

use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use specwire::{Ack, Fault, Message, Request, Server, Subscribers, Updates};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, duplex, split};
use tokio::time::timeout;

use self::content::{Page, PlayReply, Setting, Sound, Text};
use self::patterns::{
    ExposeAck, ExposeError, ExposeInvoke, ExposeResponse, ParkSend, Picture, Place, PointAtError,
    StatusRequest, StatusResponse, StatusResponseHeaders, SurveyError, SurveyProgress,
    SurveyResponse, SurveyUpdate, WeatherPub, WeatherSub,
};
use crate::parts;

#[allow(missing_docs, dead_code)]
pub(crate) mod channels {
    include!("../../codegen/tests/golden/Channels.rs");
}
#[allow(missing_docs, dead_code)]
mod content {
    include!("../../codegen/tests/golden/Content.rs");
}
#[allow(missing_docs, dead_code)]
mod patterns {
    include!("../../codegen/tests/golden/Patterns.rs");
}

/// Longer than any connection may last whose peer says nothing, on a clock that nobody waits for.
const LONGEST: Duration = Duration::from_secs(120);

/// Bytes that a server may answer with at most, all in all. Inputs are small, and so is what a handler
/// makes of a frame.
const MOST: usize = 4 << 20;

/// Opens a connection and sends frames over it. The first part of the input is the path and, after a
/// space, the subprotocol; each other is a frame, whose first byte may say which:
///
/// `#` bytes; `@` a ping; `~` text in fragments; `%` no frame, but these bytes as they are.
///
/// Nothing may panic, the connection must end, and what comes back must be frames (RFC 6455) of the
/// framing that was asked for. What handlers are given as names are some.
pub fn check(input: &[u8]) {
    watch_for_panics();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime needs nothing");
    let mut parts = parts(input).into_iter();
    let head = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let frames: Vec<u8> = parts.flat_map(frame).collect();
    let (path, subprotocol) = head.split_once(' ').unwrap_or((&head, ""));
    let answer = runtime.block_on(talk(path, subprotocol, &frames));
    drop(runtime);
    assert!(!PANICKED.load(Ordering::Relaxed), "a task panicked");
    look_at(&answer, subprotocol);
}

static PANICKED: AtomicBool = AtomicBool::new(false);

/// A panic in a task stays there, unless somebody sees it.
fn watch_for_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let hook = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICKED.store(true, Ordering::Relaxed);
            hook(info);
        }));
    });
}

/// The bytes of one part of the input.
fn frame(part: &[u8]) -> Vec<u8> {
    match part.split_first() {
        Some((b'#', bytes)) => framed(0x82, bytes),
        Some((b'@', bytes)) => framed(0x89, &bytes[..bytes.len().min(125)]),
        Some((b'~', text)) => {
            let (start, end) = text.split_at(text.len() / 2);
            [framed(0x01, start), framed(0x80, end)].concat()
        }
        Some((b'%', bytes)) => bytes.to_vec(),
        _ => framed(0x81, part),
    }
}

/// A client's frame, under the mask that changes nothing.
fn framed(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u16::try_from(payload.len()) {
        Ok(length @ 0..126) => frame.push(0x80 | length as u8),
        Ok(length) => {
            frame.push(0x80 | 126);
            frame.extend(length.to_be_bytes());
        }
        Err(_) => {
            frame.push(0x80 | 127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// Returns all that the server says.
async fn talk(path: &str, subprotocol: &str, frames: &[u8]) -> Vec<u8> {
    let server = Server::new()
        .serve(patterns::provider(Telescope))
        .serve(content::provider(Studio))
        .serve(channels::provider(House));
    let mount = server.mount().expect("three documents have three names");
    let (near, far) = duplex(64 << 10);
    let connection = tokio::spawn(mount.serve_connection(far, None));
    let (reader, mut writer) = split(near);
    let subprotocol = match subprotocol {
        "" => String::new(),
        name => format!("Sec-WebSocket-Protocol: {name}\r\n"),
    };
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{subprotocol}\r\n"
    );
    let write = async move {
        // Whatever fails here ends the connection, which is seen when reading.
        let _ = writer.write_all(head.as_bytes()).await;
        let _ = writer.write_all(frames).await;
        let _ = writer
            .write_all(&framed(0x88, &1000_u16.to_be_bytes()))
            .await;
        writer
    };
    let whole = async { tokio::join!(write, read(reader)).1 };
    let answer = timeout(LONGEST, whole).await.expect("the connection ends");
    timeout(LONGEST, connection)
        .await
        .expect("nothing of the connection is left")
        .expect("it does not panic");
    timeout(LONGEST, mount.stop())
        .await
        .expect("the server stops");
    answer
}

async fn read(mut reader: ReadHalf<DuplexStream>) -> Vec<u8> {
    let mut answer = Vec::new();
    while let Ok(1..) = reader.read_buf(&mut answer).await {
        assert!(answer.len() < MOST, "so much comes of so little");
    }
    answer
}

/// The answer is one of HTTP, and after a handshake frames to the last.
fn look_at(answer: &[u8], subprotocol: &str) {
    let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        assert!(answer.is_empty(), "half an answer");
        return;
    };
    if !answer.starts_with(b"HTTP/1.1 101 ") {
        // A path that none is gets a page, and all else is the client's fault.
        let is_expected = answer.starts_with(b"HTTP/1.1 200 ") || answer.starts_with(b"HTTP/1.1 4");
        assert!(is_expected, "{}", answer[..end].escape_ascii());
        return;
    }
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let has_envelope = head.contains("sec-websocket-protocol: specwire.v1.json");
    assert!(
        has_envelope || !subprotocol.eq("specwire.v1.json"),
        "{head}"
    );
    let mut rest = &answer[end + 4..];
    while let [first, size, after @ ..] = rest {
        let (size, after) = match size {
            126 => (
                usize::from(u16::from_be_bytes([after[0], after[1]])),
                &after[2..],
            ),
            127 => {
                let (size, after) = after.split_at(8);
                let size = u64::from_be_bytes(size.try_into().expect("they are eight"));
                (
                    usize::try_from(size).expect("it is less than memory"),
                    after,
                )
            }
            small => (usize::from(*small), after),
        };
        let (payload, after) = after.split_at(size);
        rest = after;
        match first {
            0x81 => {
                let text = std::str::from_utf8(payload).expect("text is UTF-8");
                if has_envelope {
                    let frame: Value = serde_json::from_str(text).expect("an envelope is JSON");
                    let op = frame.get("op").and_then(Value::as_str);
                    assert!(
                        matches!(op, Some("ack" | "msg" | "unsub" | "err" | "ping" | "pong")),
                        "{text}"
                    );
                }
            }
            0x88 => {
                assert!(rest.is_empty(), "something follows the close");
                if let [high, low, reason @ ..] = payload {
                    let code = u16::from_be_bytes([*high, *low]);
                    // 1011 would be a failure of the server's.
                    assert!(
                        matches!(code, 1000..=1003 | 1007..=1009 | 3000..=4999),
                        "{code}"
                    );
                    assert!(std::str::from_utf8(reason).is_ok(), "a reason is UTF-8");
                }
            }
            0x82 | 0x89 | 0x8a => {}
            other => panic!("a frame that begins with {other:#x}"),
        }
    }
    assert!(rest.is_empty(), "half a frame");
}

/// A name, as services have them that do not take any text: a part of an address, and nothing else.
fn is_plain(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    !text.is_empty() && text.bytes().all(is_plain)
}

struct Telescope;

fn picture() -> Picture {
    Picture {
        number: 1,
        url: "https://example.org".to_owned(),
    }
}

impl patterns::Service for Telescope {
    async fn park(&self, _: Request<ParkSend>) -> Result<(), Fault> {
        Ok(())
    }

    async fn point_at(&self, request: Request<Place>) -> Result<(), Fault<PointAtError>> {
        // Until it is given up.
        if request.declination == 90.0 {
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    async fn status(
        &self,
        request: Request<StatusRequest>,
    ) -> Result<Message<StatusResponse>, Fault> {
        if let Some(address) = &request.headers().reply_to {
            assert!(address.len() <= 255 && !address.starts_with('_'));
            assert!(address.split('.').all(is_plain), "{address:?}");
        }
        let status = StatusResponse {
            parked: true,
            place: None,
        };
        let station = Some("La Silla".to_owned());
        Ok(Message::new(status, StatusResponseHeaders { station }))
    }

    async fn expose(
        &self,
        _: Request<ExposeInvoke>,
        ack: Ack<ExposeAck, ExposeError>,
    ) -> Result<ExposeResponse, Fault<ExposeError>> {
        ack.send(ExposeAck { ends_at: None }).await?;
        Ok(ExposeResponse(picture()))
    }

    async fn survey(
        &self,
        request: Request<SurveyProgress>,
        updates: Updates<SurveyUpdate, SurveyError>,
    ) -> Result<SurveyResponse, Fault<SurveyError>> {
        for _ in &request.corners {
            updates.send(SurveyUpdate(picture())).await?;
        }
        Ok(SurveyResponse { pictures: 1 })
    }

    async fn weather(&self, subscribers: Subscribers<WeatherSub, WeatherPub>) -> Result<(), Fault> {
        loop {
            subscribers.publish_each(|subscription| WeatherPub {
                subscription_id: subscription.subscription_id.clone(),
                wind: Some(1.0),
            });
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

struct Studio;

impl content::Service for Studio {
    async fn shout(&self, request: Request<Text>) -> Result<Page, Fault> {
        Ok(Page(request.into_payload().0))
    }

    async fn play(&self, request: Request<Sound>) -> Result<PlayReply, Fault> {
        Ok(request.into_payload().into())
    }

    async fn set(&self, _: Request<Setting>) -> Result<(), Fault> {
        Ok(())
    }
}

struct House;

impl channels::Service for House {
    async fn say(
        &self,
        request: Request<channels::Say, channels::RoomParameters>,
    ) -> Result<(), Fault> {
        let room = &request.parameters().room_id;
        assert!(room.len() <= 64 && is_plain(room), "{room:?}");
        Ok(())
    }

    async fn listen(
        &self,
        listeners: Subscribers<channels::RoomParameters, channels::Said>,
    ) -> Result<(), Fault> {
        listeners.publish_each(|room| channels::Said {
            text: room.payload().to_string(),
            by: None,
        });
        std::future::pending().await
    }

    async fn count(
        &self,
        _: Request<channels::Count, channels::PeopleParameters>,
    ) -> Result<channels::Counted, Fault> {
        Ok(channels::Counted { people: 1 })
    }

    async fn watch(
        &self,
        _: Subscribers<channels::Watch, channels::Came, channels::PeopleAgainParameters>,
    ) -> Result<(), Fault> {
        Ok(())
    }

    async fn set_volume(
        &self,
        _: Request<channels::Set, channels::VolumeParameters>,
    ) -> Result<(), Fault> {
        Err(Fault::new("loud", "too loud"))
    }

    async fn lose(&self, _: Request<channels::Lost>) -> Result<(), Fault> {
        Ok(())
    }

    async fn find(&self, _: Subscribers<(), channels::Found>) -> Result<(), Fault> {
        Ok(())
    }
}

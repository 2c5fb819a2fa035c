//! Whoever writes what is queued, the connection or another in its place, it is written once, in order
//! and without waiting for something else to happen. Each model has been seen to fail when what it is
//! about was broken.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shuttle::future::{block_on, yield_now};
use shuttle::thread;
use tokio::io::ReadBuf;

use super::*;
use crate::Validate;
use crate::fault::Fault;
use crate::frame::{Body, Content, Event, Origin, Told};
use crate::interaction::Interaction;
use crate::leave::{Ear, Stage};
use crate::limits::SlowConsumer;
use crate::outbox::Lane;
use crate::payload::{self, MessageSpec, NoHeaders, Payload};
use crate::socket::WriteNow;
use crate::subscribers::Subscribers;
use crate::sync::model::{explore, panic_as_planned};
use crate::sync::{JoinHandle, Mutex, spawn};
use crate::wiring::Wiring;

/// What the network holds at most until the other end takes it: less than two frames.
const ROOM: usize = 8;

#[derive(Debug, Default)]
struct Wire {
    inbound: VecDeque<u8>,
    outbound: VecDeque<u8>,
    is_cut: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
    other_end: Option<Waker>,
}

/// The network between the connection and its peer.
#[derive(Clone, Debug, Default)]
struct Line {
    wire: Arc<Mutex<Wire>>,
    is_written_to: Arc<AtomicBool>,
}

impl Line {
    fn write(&self, bytes: &[u8], waker: Option<&Waker>) -> Poll<io::Result<usize>> {
        let is_alone = !self.is_written_to.swap(true, Ordering::SeqCst);
        assert!(is_alone, "two write at once");
        let mut wire = self.wire.lock().unwrap();
        let room = ROOM.saturating_sub(wire.outbound.len()).min(bytes.len());
        wire.outbound.extend(&bytes[..room]);
        let written = match room {
            _ if wire.is_cut => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            0 => Poll::Pending,
            count => Poll::Ready(Ok(count)),
        };
        if written.is_pending() && waker.is_some() {
            wire.writer = waker.cloned();
        }
        let other_end = wire.other_end.take();
        drop(wire);
        self.is_written_to.store(false, Ordering::SeqCst);
        if let Some(other_end) = other_end {
            other_end.wake();
        }
        written
    }

    /// The peer sends this, and nothing more where it is cut.
    fn send(&self, bytes: &[u8], is_cut: bool) {
        let mut wire = self.wire.lock().unwrap();
        wire.inbound.extend(bytes);
        wire.is_cut |= is_cut;
        let waiting = [wire.reader.take(), wire.writer.take()];
        drop(wire);
        for waiting in waiting.into_iter().flatten() {
            waiting.wake();
        }
    }

    /// What the peer is sent next.
    async fn byte(&self) -> u8 {
        poll_fn(|cx| {
            let mut wire = self.wire.lock().unwrap();
            let Some(byte) = wire.outbound.pop_front() else {
                wire.other_end = Some(cx.waker().clone());
                return Poll::Pending;
            };
            let writer = wire.writer.take();
            drop(wire);
            if let Some(writer) = writer {
                writer.wake();
            }
            Poll::Ready(byte)
        })
        .await
    }

    /// The next frame: its first byte, and what it says.
    async fn frame(&self) -> (u8, Vec<u8>) {
        let (first, length) = (self.byte().await, self.byte().await);
        assert!(length < 126, "a frame begins with {first:x} {length:x}");
        let mut payload = Vec::new();
        for _ in 0..length {
            payload.push(self.byte().await);
        }
        (first, payload)
    }

    /// Everything up to the close frame, and its code. Then the peer hangs up.
    async fn to_the_end(&self) -> (Vec<u32>, u16) {
        let mut numbers = Vec::new();
        loop {
            match self.frame().await {
                (TEXT, text) => numbers.push(number(&text)),
                (CLOSE, why) => {
                    self.send(&[], true);
                    let code = why[..2].try_into().unwrap();
                    return (numbers, u16::from_be_bytes(code));
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

/// The connection's end of it.
#[derive(Debug)]
struct Stream {
    line: Line,
    end: Option<End>,
}

/// What is lent.
#[derive(Debug)]
struct End(Line);

impl Lend for Stream {
    type End = End;

    fn lend(&mut self) -> Option<End> {
        self.end.take()
    }

    fn take_back(&mut self, end: End) {
        self.end = Some(end);
    }
}

impl WriteNow for End {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes, None) {
            Poll::Ready(written) => written,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut wire = self.line.wire.lock().unwrap();
        if wire.inbound.is_empty() && !wire.is_cut {
            wire.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        while buffer.remaining() > 0
            && let Some(byte) = wire.inbound.pop_front()
        {
            buffer.put_slice(&[byte]);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let end = self
            .end
            .as_ref()
            .expect("nothing is written while somebody else writes");
        end.0.write(bytes, Some(cx.waker()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Raw frames, unless it panics.
#[derive(Debug)]
struct Fragile;

const FATAL: u32 = 666;

impl Framing for Fragile {
    fn name(&self) -> &'static str {
        Raw.name()
    }

    fn read<'a>(&mut self, frame: Frame<'a>) -> Result<Input<'a>, Refusal> {
        Raw.read(frame)
    }

    fn write<'a>(&self, event: &'a Event) -> Written<'a> {
        match event.body() {
            Body::Message(content) if content.payload() == FATAL.to_string() => panic_as_planned(),
            _ => Raw.write(event),
        }
    }
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Tick(u32);

impl Validate for Tick {}

impl Payload for Tick {
    type Headers = NoHeaders;
    const SPEC: MessageSpec = MessageSpec::new("tick");
}

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const PONG: u8 = 0x8a;
/// Of the peer, masked with nothing.
const PING: [u8; 6] = [0x89, 0x80, 0, 0, 0, 0];

/// A text of one letter.
const NONSENSE: [u8; 7] = [0x81, 0x81, 0, 0, 0, 0, b'x'];

/// A connection that is subscribed to something, by its having been opened.
struct Scene {
    line: Line,
    outbox: Outbox,
    metrics: Metrics,
    leave: Leave,
    connection: JoinHandle<()>,
}

impl Scene {
    fn new() -> Self {
        Self::within(&Limits::default())
    }

    fn within(limits: &Limits) -> Self {
        let interaction = Interaction::new("clock", "tick").reply("ticks");
        let silent = |_, _: Subscribers<(), Tick>| std::future::pending::<Result<(), Fault>>();
        let provider = Wiring::new("clock", ())
            .pubsub(interaction, silent)
            .finish();
        let (line, metrics) = (Line::default(), Metrics::default());
        let stream = Stream {
            line: line.clone(),
            end: Some(End(line.clone())),
        };
        let limits = Arc::new(limits.clone());
        let connection = Connection::new(
            Socket::accepted(stream, Vec::new(), &limits),
            Arc::new(Peer::in_memory()),
            Box::new(Fragile),
            Scope::all("", [&provider]),
            &limits,
            &metrics,
            &Arc::default(),
        );
        let leave = Leave::default();
        Self {
            line,
            outbox: connection.outbox.clone(),
            metrics,
            connection: spawn(listening(connection.run(leave.clone()), leave.clone())),
            leave,
        }
    }

    /// Publishes these beside all else, which works out unless the connection has ended.
    fn publish<const N: usize>(&self, numbers: [u32; N]) -> thread::JoinHandle<bool> {
        let outbox = self.outbox.clone();
        thread::spawn(move || {
            let lane = Lane::default();
            let mut numbers = numbers.into_iter();
            numbers.all(|number| {
                outbox
                    .publish_if(&mut tick(number).into(), &lane, || true)
                    .is_ok()
            })
        })
    }

    /// Nobody holds the line any more.
    async fn lets_go(self) {
        drop(self.outbox);
        while Arc::strong_count(&self.line.wire) > 1 {
            yield_now().await;
        }
    }
}

/// As a server runs a connection.
async fn listening(connection: impl Future<Output = ()>, leave: Leave) {
    let (mut ear, mut connection) = (Ear::new(leave), pin!(connection));
    poll_fn(|cx| {
        ear.listen(cx);
        connection.as_mut().poll(cx)
    })
    .await;
}

fn tick(number: u32) -> Content {
    Content::new(Told {
        channel: Cow::Borrowed("ticks"),
        message: Cow::Borrowed("tick"),
        headers: None,
        payload: RawValue::from_string(number.to_string()).unwrap().into(),
        carried_as: payload::Content::Json,
        offset: None,
        is_plain: false,
    })
}

fn number(text: &[u8]) -> u32 {
    std::str::from_utf8(text).unwrap().parse().unwrap()
}

/// Those of one publisher.
fn of(publisher: u32, numbers: &[u32]) -> Vec<u32> {
    let numbers = numbers.iter().copied();
    numbers.filter(|number| number / 100 == publisher).collect()
}

#[test]
fn whoever_writes_what_is_queued_is_written_once_and_in_order() {
    explore(|| {
        let scene = Scene::new();
        let publishers = [scene.publish([101, 102, 103]), scene.publish([201, 202])];
        // What does not come by way of publishing, and what has the connection write itself.
        let (line, outbox) = (scene.line.clone(), scene.outbox.clone());
        let others = thread::spawn(move || {
            line.send(&PING, false);
            let answer = Event::new(Origin::default(), Body::Message(tick(301)));
            assert!(outbox.send_now(answer).is_none());
            let lane = Lane::default();
            outbox
                .publish_if(&mut tick(302).into(), &lane, || true)
                .unwrap();
        });
        block_on(async {
            let (mut numbers, mut pongs) = (Vec::new(), 0);
            while (numbers.len(), pongs) != (7, 1) {
                match scene.line.frame().await {
                    (TEXT, text) => numbers.push(number(&text)),
                    (PONG, _) => pongs += 1,
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(of(1, &numbers), [101, 102, 103]);
            assert_eq!(of(2, &numbers), [201, 202]);
            assert_eq!(of(3, &numbers), [301, 302]);
        });
        for publisher in publishers {
            assert!(publisher.join().unwrap());
        }
        others.join().unwrap();
        // Nothing more is written than that.
        scene.line.send(&[], true);
        let Scene {
            line,
            metrics,
            connection,
            ..
        } = scene;
        block_on(connection).unwrap();
        assert!(line.wire.lock().unwrap().outbound.is_empty());
        assert_eq!(metrics.counters().delivered, 6);
    });
}

#[test]
fn a_connection_that_is_told_to_leave_writes_what_was_queued_before() {
    explore(|| {
        let scene = Scene::new();
        let meanwhile = scene.publish([101, 102, 103]);
        let (outbox, leave) = (scene.outbox.clone(), scene.leave.clone());
        let before = thread::spawn(move || {
            for number in [201, 202] {
                outbox
                    .publish_if(&mut tick(number).into(), &Lane::default(), || true)
                    .unwrap();
            }
            leave.give(Stage::Told);
        });
        let (numbers, code) = block_on(scene.line.to_the_end());
        assert_eq!(code, 1001);
        assert_eq!(of(2, &numbers), [201, 202]);
        assert!([101, 102, 103].starts_with(&of(1, &numbers)), "{numbers:?}");
        before.join().unwrap();
        meanwhile.join().unwrap();
        block_on(scene.lets_go());
    });
}

#[test]
fn a_framing_that_panics_closes_its_connection_whoever_writes() {
    explore(|| {
        let scene = Scene::new();
        let publishers = [scene.publish([101, FATAL, 102]), scene.publish([201, 202])];
        let (numbers, code) = block_on(scene.line.to_the_end());
        assert_eq!(code, 1011);
        assert_eq!(of(1, &numbers), [101]);
        assert!([201, 202].starts_with(&of(2, &numbers)), "{numbers:?}");
        for publisher in publishers {
            publisher.join().unwrap();
        }
        assert_eq!(scene.metrics.counters().panics, 1);
        block_on(scene.lets_go());
    });
}

#[test]
fn a_framing_that_panics_at_what_is_written_last_closes_its_connection_too() {
    explore(|| {
        let scene = Scene::new();
        let outbox = scene.outbox.clone();
        let leave = scene.leave.clone();
        let last = thread::spawn(move || {
            for number in [101, FATAL] {
                outbox
                    .publish_if(&mut tick(number).into(), &Lane::default(), || true)
                    .unwrap();
            }
            leave.give(Stage::Told);
        });
        let (numbers, code) = block_on(scene.line.to_the_end());
        assert_eq!((numbers, code), (vec![101], 1011));
        last.join().unwrap();
        assert_eq!(scene.metrics.counters().panics, 1);
        block_on(scene.lets_go());
    });
}

#[test]
fn a_connection_that_is_cut_or_dropped_leaves_nothing() {
    for is_cut in [true, false] {
        explore(move || {
            let scene = Scene::new();
            let publishers = [scene.publish([101]), scene.publish([201])];
            thread::yield_now();
            if is_cut {
                scene.line.send(&[], true);
            } else {
                scene.connection.abort();
            }
            for publisher in publishers {
                publisher.join().unwrap();
            }
            block_on(scene.lets_go());
        });
    }
}

#[test]
fn whoever_waits_for_room_has_it_in_the_end() {
    explore(|| {
        let scene = Scene::within(&Limits {
            queue_messages: 2,
            queue_bytes: 500,
            slow_consumer: SlowConsumer::Block(Duration::MAX),
            ..Limits::default()
        });
        let replies = [101, 102, 103].map(|number| {
            let outbox = scene.outbox.clone();
            spawn(async move {
                let reply = Event::new(Origin::default(), Body::Message(tick(number)));
                outbox.send(reply).await.unwrap();
            })
        });
        let given_up = spawn({
            let outbox = scene.outbox.clone();
            async move {
                let reply = Event::new(Origin::default(), Body::Message(tick(400)));
                let _ = outbox.send(reply).await;
            }
        });
        let publisher = spawn({
            let outbox = scene.outbox.clone();
            async move {
                let lane = Lane::default();
                for number in [201, 202, 203, 204] {
                    outbox.ready(Instant::now()).await;
                    outbox
                        .publish_if(&mut tick(number).into(), &lane, || true)
                        .unwrap();
                }
            }
        });
        // Each of these is answered, and not read before there is room for that.
        scene.line.send(&NONSENSE.repeat(3), false);
        given_up.abort();
        block_on(async {
            let (mut numbers, mut faults) = (Vec::new(), 0);
            while (of(1, &numbers).len(), of(2, &numbers).len(), faults) != (3, 4, 3) {
                match scene.line.frame().await {
                    (TEXT, text) if text.starts_with(b"{") => faults += 1,
                    (TEXT, text) => numbers.push(number(&text)),
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(of(2, &numbers), [201, 202, 203, 204]);
        });
        for reply in replies {
            block_on(reply).unwrap();
        }
        block_on(publisher).unwrap();
        scene.line.send(&[], true);
        block_on(scene.lets_go());
    });
}

//! What carries commands to a provider and its events back: a session within the process, or a
//! WebSocket.

use std::future::{Future, poll_fn};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;
use uuid::Uuid;

use super::codec::Codec;
use super::connect::Stream;
use super::state::{Disconnect, Latency};
use crate::alarm::Alarm;
use crate::bus::MemoryBus;
use crate::fault::Fault;
use crate::frame::{Command, Event, Frame};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::outbox::{Overflow, Pending, outbox};
use crate::peer::Peer;
use crate::provider::Provider;
use crate::routes::Scope;
use crate::session::Session;
use crate::socket::{Due, Incoming, Liveness, Socket};
use crate::topics::Bus;

/// What carries commands to a provider and its events back.
pub(super) trait Link: Send + 'static {
    /// Hands over commands, as one batch.
    fn send(
        &mut self,
        commands: Vec<Command>,
    ) -> impl Future<Output = Result<(), Disconnect>> + Send;

    /// Another command can be sent. Changes only while events are waited for.
    fn takes_more(&self) -> bool;

    /// Waits for events, or until another command can be sent. Cancelling it loses nothing.
    fn receive(
        &mut self,
        events: &mut Vec<Event>,
    ) -> impl Future<Output = Result<(), Disconnect>> + Send;

    /// Nobody calls any more.
    fn close(self) -> impl Future<Output = ()> + Send;
}

/// A provider within this process.
pub(super) struct Memory {
    pub(super) connection: Uuid,
    session: Session,
    scope: Scope,
    pending: Pending,
}

/// Events that are taken at once.
const AT_ONCE: usize = 64;

impl Memory {
    pub(super) fn new(provider: &Provider, limits: &Limits) -> Self {
        let histories = Arc::new(provider.histories().clone());
        provider.settle(Bus::new(Arc::new(MemoryBus::new()), histories));
        let (outbox, pending) = outbox(limits, &Metrics::default());
        let peer = Arc::new(Peer::in_memory());
        Self {
            connection: peer.connection,
            session: Session::new(peer, outbox, &Arc::new(limits.clone())),
            scope: Scope::all("memory", [provider]),
            pending,
        }
    }
}

impl Link for Memory {
    async fn send(&mut self, commands: Vec<Command>) -> Result<(), Disconnect> {
        for command in commands {
            match command {
                Command::Open(open) => self.session.open(&open, &self.scope),
                Command::Close { id } => self.session.close(id),
            }
        }
        Ok(())
    }

    fn takes_more(&self) -> bool {
        self.session.takes_more()
    }

    async fn receive(&mut self, events: &mut Vec<Event>) -> Result<(), Disconnect> {
        poll_fn(|cx| {
            while let Poll::Ready(next) = self.pending.poll_next(cx, true) {
                match next {
                    Ok(queued) => events.push(queued.event),
                    // What had room is still delivered.
                    Err(Overflow) => {
                        let left = std::iter::from_fn(|| self.pending.next_now());
                        events.extend(left.map(|queued| queued.event));
                        if events.is_empty() {
                            let message = "the client does not keep up with what it subscribed to";
                            let end = Disconnect::finally(Fault::SLOW_CONSUMER, message);
                            return Poll::Ready(Err(end));
                        }
                        return Poll::Ready(Ok(()));
                    }
                }
                if events.len() >= AT_ONCE {
                    break;
                }
            }
            let has_reaped = self.session.poll_reap(cx).is_ready();
            if has_reaped || !events.is_empty() {
                return Poll::Ready(Ok(()));
            }
            Poll::Pending
        })
        .await
    }

    async fn close(self) {}
}

/// A server at the other end of a WebSocket.
pub(super) struct Remote {
    socket: Socket<Stream>,
    liveness: Liveness,
    alarm: Alarm,
    limits: Arc<Limits>,
    /// The number of the last ping, and when it was sent.
    pinged: (u64, Instant),
    latency: Arc<Mutex<Option<Latency>>>,
    codec: Codec,
    /// What follows from what was sent, without anything having come.
    ready: Vec<Event>,
}

impl Remote {
    pub(super) fn new(
        socket: Socket<Stream>,
        codec: Codec,
        limits: &Arc<Limits>,
        latency: Arc<Mutex<Option<Latency>>>,
    ) -> Self {
        Self {
            socket,
            liveness: Liveness::new(limits),
            alarm: Alarm::default(),
            limits: Arc::clone(limits),
            pinged: (0, Instant::now()),
            latency,
            codec,
            ready: Vec::new(),
        }
    }

    /// A frame that stands for nothing that a caller waits for is answered here.
    async fn read(&mut self, frame: Frame<'_>, events: &mut Vec<Event>) -> Result<(), Disconnect> {
        let answer = self
            .codec
            .read(frame, events)
            .map_err(|fault| Disconnect::finally(Fault::INVALID_FRAME, fault.message()))?;
        self.write(answer).await
    }

    async fn write(
        &mut self,
        frames: impl IntoIterator<Item = Frame<'static>>,
    ) -> Result<(), Disconnect> {
        let frames: Vec<_> = frames.into_iter().collect();
        if frames.is_empty() {
            return Ok(());
        }
        let written = self.socket.write(frames.into_iter()).await;
        written.map_err(|_| {
            Disconnect::lost("the server does not take what is written to it, or is gone")
        })
    }

    async fn ping(&mut self) -> Result<(), Disconnect> {
        let number = self.pinged.0.wrapping_add(1);
        self.pinged = (number, Instant::now());
        let sent = self.socket.ping(&number.to_be_bytes()).await;
        sent.map_err(|_| Disconnect::lost("the server is gone"))
    }

    /// A pong says how long it took, if it answers the last ping.
    fn ponged(&self, payload: &[u8]) {
        let (number, sent) = self.pinged;
        if payload == number.to_be_bytes() {
            measured(&self.latency, sent.elapsed());
        }
    }
}

/// An answer took so long.
pub(super) fn measured(latency: &Mutex<Option<Latency>>, took: Duration) {
    let mut latency = super::driver::lock(latency);
    *latency = Some(Latency::after(*latency, took));
}

impl Link for Remote {
    async fn send(&mut self, commands: Vec<Command>) -> Result<(), Disconnect> {
        let mut frames = Vec::with_capacity(commands.len());
        for command in &commands {
            frames.extend(self.codec.write(command, &mut self.ready));
        }
        self.write(frames).await
    }

    /// What is sent waits in the socket, if it must.
    fn takes_more(&self) -> bool {
        true
    }

    async fn receive(&mut self, events: &mut Vec<Event>) -> Result<(), Disconnect> {
        events.append(&mut self.ready);
        while events.is_empty() {
            let incoming = tokio::select! {
                biased;
                due = self.liveness.wait(&self.limits, &mut self.alarm) => match due {
                    Due::Ping => {
                        self.ping().await?;
                        continue;
                    }
                    Due::GiveUp => {
                        // It may be this end that is late, and then a sign of life is there to read
                        // when the runtime has looked.
                        tokio::task::yield_now().await;
                        let come = self.socket.read().now_or_never();
                        let silent = || Disconnect::lost("the server shows no sign of life");
                        come.ok_or_else(silent)?
                    }
                },
                incoming = self.socket.read() => incoming,
            };
            self.liveness.heard();
            match incoming {
                Incoming::Text(text) => {
                    self.read(Frame::from(text.as_str()), events).await?;
                }
                Incoming::Binary(bytes) => {
                    self.read(Frame::from(bytes.as_slice()), events).await?;
                }
                Incoming::Pong(payload) => self.ponged(&payload),
                Incoming::Control => {}
                Incoming::Closed(Some((code, reason))) => {
                    return Err(Disconnect::by_the_server(code, &reason));
                }
                Incoming::Closed(None) => {
                    return Err(Disconnect::lost("the connection to the server is lost"));
                }
                Incoming::Failed(refusal) => {
                    return Err(Disconnect::finally(Fault::INVALID_FRAME, refusal.reason));
                }
            }
        }
        Ok(())
    }

    async fn close(mut self) {
        self.socket.close(1000, "").await;
    }
}

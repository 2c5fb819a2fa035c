//! The one task that owns a client's connection, and the handle that calls go through.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};

use crate::fault::Fault;
use crate::frame::{Body, Command, Event, Frame, Open};
use crate::framing::envelope::{self, Received};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::outbox::{Pending, Queued, outbox};
use crate::peer::Peer;
use crate::provider::Provider;
use crate::routes::Scope;
use crate::session::Session;
use crate::socket::{Due, Incoming, Liveness, Socket};

/// Calls that wait to be written.
const WAITING_CALLS: usize = 64;
/// Answers of one exchange that wait to be taken.
pub(super) const WAITING_ANSWERS: usize = 256;
/// The close code of a server whose publications this client did not take in time.
const SLOW_CONSUMER: u16 = 3008;
/// Commands that are written as one batch.
const BATCH: usize = 64;

/// How calls reach the driver. When the last handle is dropped, the driver closes the connection.
pub(super) struct Calls {
    opens: mpsc::Sender<Call>,
    next_id: AtomicU64,
    /// Bytes of the largest message that the provider takes.
    message_size: usize,
    shared: Arc<Shared>,
}

/// What the driver and its callers tell each other besides calls and answers.
#[derive(Default)]
struct Shared {
    /// Exchanges whose receivers are gone, and whether the provider has to be told.
    given_up: Mutex<Vec<(u64, GivenUp)>>,
    /// Notified when one is added.
    wake: Notify,
    /// Why exchanges ended of which their receivers have not heard yet.
    ends: Mutex<Ends>,
}

/// Why nobody receives an exchange's answers any more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum GivenUp {
    /// The last answer has come: the provider knows.
    Answered,
    /// More may come.
    Early,
}

#[derive(Default)]
struct Ends {
    slow: Vec<u64>,
    connection: Option<Fault>,
}

/// A message to send, and where its answers go.
struct Call {
    open: Open<'static>,
    answers: Option<mpsc::Sender<Body>>,
}

impl Calls {
    /// Sends a message that has no answer.
    pub(super) async fn send(&self, open: Open<'static>) -> Result<(), Fault> {
        self.admit(&open)?;
        let call = Call {
            open,
            answers: None,
        };
        self.opens.send(call).await.map_err(|_| self.why_closed())
    }

    /// Sends a message that is answered, into `answers`.
    pub(super) async fn start(
        &self,
        open: Open<'static>,
        answers: mpsc::Sender<Body>,
    ) -> Result<(), Fault> {
        self.admit(&open)?;
        let call = Call {
            open,
            answers: Some(answers),
        };
        self.opens.send(call).await.map_err(|_| self.why_closed())
    }

    /// One message that is too large would cost the whole connection.
    fn admit(&self, open: &Open<'_>) -> Result<(), Fault> {
        let weight = open.weight();
        if weight <= self.message_size {
            return Ok(());
        }
        let message = format!(
            "the message takes {weight} bytes, and the server takes {} at most",
            self.message_size
        );
        Err(Fault::new(Fault::LIMIT_EXCEEDED, message))
    }

    pub(super) fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// The receiver of an exchange is gone.
    pub(super) fn give_up(&self, id: u64, given_up: GivenUp) {
        // On a connection that is lost there is nobody to tell, and nobody who would read this.
        if self.opens.is_closed() {
            return;
        }
        lock(&self.shared.given_up).push((id, given_up));
        self.shared.wake.notify_one();
    }

    /// Why no more answers come, where none of them said so.
    pub(super) fn why_ended(&self, id: u64) -> Fault {
        let mut ends = lock(&self.shared.ends);
        if let Some(index) = ends.slow.iter().position(|slow| *slow == id) {
            ends.slow.swap_remove(index);
            let message = format!("{WAITING_ANSWERS} messages were not taken, and more came");
            return Fault::new(Fault::SLOW_CONSUMER, message);
        }
        ends.connection
            .clone()
            .unwrap_or_else(|| closed("the exchange has ended"))
    }

    fn why_closed(&self) -> Fault {
        lock(&self.shared.ends)
            .connection
            .clone()
            .unwrap_or_else(|| closed("the connection is closed"))
    }
}

fn closed(message: &str) -> Fault {
    Fault::new(Fault::UNAVAILABLE, message)
}

// Nothing that can panic runs under these locks, so a poisoned one holds whole data.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What carries commands to a provider and its events back.
pub(super) trait Link: Send + 'static {
    /// Hands over commands, as one batch.
    fn send(&mut self, commands: Vec<Command>) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Another command can be sent. Changes only while events are waited for.
    fn takes_more(&self) -> bool;

    /// Waits for events, or until another command can be sent. Cancelling it loses nothing.
    fn receive(
        &mut self,
        events: &mut Vec<Event>,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Nobody calls any more.
    fn close(self) -> impl Future<Output = ()> + Send;
}

/// Owns the link, and knows which exchange an event is for.
pub(super) struct Driver<L> {
    link: L,
    opens: mpsc::Receiver<Call>,
    shared: Arc<Shared>,
    exchanges: HashMap<u64, mpsc::Sender<Body>>,
}

impl<L: Link> Driver<L> {
    pub(super) fn new(link: L, message_size: usize) -> (Arc<Calls>, Self) {
        let (sender, receiver) = mpsc::channel(WAITING_CALLS);
        let calls = Arc::new(Calls {
            opens: sender,
            next_id: AtomicU64::new(1),
            message_size,
            shared: Arc::default(),
        });
        let driver = Self {
            link,
            opens: receiver,
            shared: Arc::clone(&calls.shared),
            exchanges: HashMap::new(),
        };
        (calls, driver)
    }

    /// Drives the connection until nobody needs it, or it is lost.
    pub(super) async fn run(mut self) {
        let Err(fault) = self.drive().await else {
            return self.link.close().await;
        };
        tracing::debug!(%fault, "the connection is lost");
        // First the reason, then the news: dropping the rest wakes every caller and receiver.
        lock(&self.shared.ends).connection = Some(fault);
    }

    async fn drive(&mut self) -> Result<(), Fault> {
        let mut events = Vec::new();
        let mut opened = Vec::with_capacity(BATCH);
        loop {
            // Fair: neither callers nor the service can keep the others waiting.
            tokio::select! {
                () = self.shared.wake.notified() => self.close_given_up().await?,
                count = self.opens.recv_many(&mut opened, BATCH), if self.link.takes_more() => {
                    if count == 0 {
                        return Ok(());
                    }
                    // First, so that what was given up does not count against what is started.
                    self.close_given_up().await?;
                    self.open(&mut opened).await?;
                }
                received = self.link.receive(&mut events) => {
                    received?;
                    self.deliver(&mut events).await?;
                }
            }
        }
    }

    async fn close_given_up(&mut self) -> Result<(), Fault> {
        let given_up = std::mem::take(&mut *lock(&self.shared.given_up));
        lock(&self.shared.ends)
            .slow
            .retain(|slow| given_up.iter().all(|(id, _)| id != slow));
        let mut closes = Vec::new();
        for (id, given_up) in given_up {
            if self.exchanges.remove(&id).is_some() && given_up == GivenUp::Early {
                closes.push(Command::Close { id });
            }
        }
        self.link.send(closes).await
    }

    async fn open(&mut self, calls: &mut Vec<Call>) -> Result<(), Fault> {
        let mut commands = Vec::with_capacity(calls.len());
        for Call { open, answers } in calls.drain(..) {
            match (open.id, answers) {
                (Some(_), Some(answers)) if answers.is_closed() => continue,
                (Some(id), Some(answers)) => {
                    self.exchanges.insert(id, answers);
                }
                _ => {}
            }
            commands.push(Command::Open(open));
        }
        self.link.send(commands).await
    }

    async fn deliver(&mut self, events: &mut Vec<Event>) -> Result<(), Fault> {
        let mut closes = Vec::new();
        for Event { origin, body, .. } in events.drain(..) {
            let Some(id) = origin.id else {
                if let Body::Fault(fault) = body {
                    tracing::warn!(%fault, "the service refused a message that has no answer");
                }
                continue;
            };
            // An exchange that was given up may be answered until the server has heard of it.
            let Entry::Occupied(exchange) = self.exchanges.entry(id) else {
                continue;
            };
            let is_last = matches!(body, Body::End | Body::Fault(_) | Body::Declared(_));
            match exchange.get().try_send(body) {
                Ok(()) if !is_last => {}
                Ok(()) => {
                    exchange.remove();
                }
                Err(error) => {
                    if let mpsc::error::TrySendError::Full(_) = error {
                        lock(&self.shared.ends).slow.push(id);
                    }
                    exchange.remove();
                    closes.push(Command::Close { id });
                }
            }
        }
        self.link.send(closes).await
    }
}

/// A provider within this process.
pub(super) struct Memory {
    session: Session,
    scope: Scope,
    pending: Pending,
    batch: Vec<Queued>,
}

impl Memory {
    pub(super) fn new(provider: &Provider, limits: &Limits) -> Self {
        let (outbox, pending) = outbox(limits, &Metrics::default());
        Self {
            session: Session::new(Arc::new(Peer::in_memory()), outbox, limits),
            scope: Scope::all("memory", [provider]),
            pending,
            batch: Vec::new(),
        }
    }
}

impl Link for Memory {
    async fn send(&mut self, commands: Vec<Command>) -> Result<(), Fault> {
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

    async fn receive(&mut self, events: &mut Vec<Event>) -> Result<(), Fault> {
        let overflow = self.pending.overflow();
        tokio::select! {
            () = overflow.cancelled() => {
                // What had room is still delivered.
                self.pending.take_now(&mut self.batch);
                if self.batch.is_empty() {
                    let message = "the client does not keep up with what it subscribed to";
                    return Err(Fault::new(Fault::SLOW_CONSUMER, message));
                }
                events.extend(self.batch.drain(..).map(|queued| queued.event));
            }
            () = self.pending.take(&mut self.batch) => {
                events.extend(self.batch.drain(..).map(|queued| queued.event));
            }
            () = self.session.reap() => {}
        }
        Ok(())
    }

    async fn close(self) {}
}

/// A server at the other end of a WebSocket.
pub(super) struct Remote {
    socket: Socket<TcpStream>,
    liveness: Liveness,
}

impl Remote {
    pub(super) fn new(socket: Socket<TcpStream>, limits: &Limits) -> Self {
        Self {
            socket,
            liveness: Liveness::new(limits.ping_interval, limits.pong_timeout),
        }
    }

    /// A frame that stands for nothing that a caller waits for is answered here.
    async fn read(&mut self, text: &str, events: &mut Vec<Event>) -> Result<(), Fault> {
        match envelope::read_event(text)? {
            Received::Event(event) => events.push(event),
            Received::Ping { answer } => self.write([answer]).await?,
            Received::Nothing => {}
        }
        Ok(())
    }

    async fn write(&mut self, frames: impl IntoIterator<Item = String>) -> Result<(), Fault> {
        let frames = frames.into_iter().map(Frame::from);
        let written = self.socket.write(frames).await;
        written.map_err(|_| closed("the server does not take what is written to it, or is gone"))
    }
}

impl Link for Remote {
    async fn send(&mut self, commands: Vec<Command>) -> Result<(), Fault> {
        if commands.is_empty() {
            return Ok(());
        }
        let frames: Vec<_> = commands.iter().map(envelope::write_command).collect();
        self.write(frames).await
    }

    /// What is sent waits in the socket, if it must.
    fn takes_more(&self) -> bool {
        true
    }

    async fn receive(&mut self, events: &mut Vec<Event>) -> Result<(), Fault> {
        while events.is_empty() {
            tokio::select! {
                biased;
                due = self.liveness.due() => match due {
                    Due::Ping => self.socket.ping().await.map_err(|_| closed("the server is gone"))?,
                    Due::GiveUp => return Err(closed("the server shows no sign of life")),
                },
                incoming = self.socket.read() => {
                    self.liveness.heard();
                    match incoming {
                        Incoming::Text(text) => self.read(text.as_str(), events).await?,
                        Incoming::Binary(_) | Incoming::Control => {}
                        Incoming::Closed(Some((SLOW_CONSUMER, reason))) => {
                            return Err(Fault::new(Fault::SLOW_CONSUMER, reason));
                        }
                        Incoming::Closed(Some((code, reason))) => {
                            return Err(closed(&format!("the server closed the connection with {code}: {reason}")));
                        }
                        Incoming::Closed(None) => return Err(closed("the connection to the server is lost")),
                        Incoming::Failed(refusal) => {
                            return Err(Fault::new(Fault::INVALID_FRAME, refusal.reason));
                        }
                    }
                }
            }
        }
        Ok(())
    }

    async fn close(self) {
        self.socket.close(1000, "").await;
    }
}

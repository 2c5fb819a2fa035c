//! The one task that owns a client's connection, and the handle that calls go through.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::link::Link;
use super::state::{Disconnect, Latency, State, Status};
use crate::fault::Fault;
use crate::frame::{Body, Command, Event, Open, Position, Since};
use crate::framing::envelope::Welcome;
use crate::limits::after;
use crate::seldom::seldom;

/// Calls that wait to be written.
const WAITING_CALLS: usize = 64;
/// Answers of one exchange that wait to be taken.
pub(super) const WAITING_ANSWERS: usize = 256;
/// Commands that are written as one batch.
const BATCH: usize = 64;

/// How calls reach the driver. When the last handle is dropped, the driver closes the connection.
pub(super) struct Calls {
    opens: mpsc::Sender<Call>,
    next_id: AtomicU64,
    shared: Arc<Shared>,
    _abandons: DropGuard,
}

/// What the driver and its callers tell each other besides calls and answers.
pub(super) struct Shared {
    pub(super) status: Status,
    pub(super) latency: Arc<Mutex<Option<Latency>>>,
    /// Bytes of the largest message that the provider takes.
    message_size: AtomicUsize,
    /// Room for calls that wait for a connection.
    waiting: Semaphore,
    /// Exchanges whose receivers are gone, and whether the provider has to be told.
    given_up: Mutex<Vec<(u64, GivenUp)>>,
    /// Notified when one is added.
    wake: Notify,
    /// Why exchanges ended of which their receivers have not heard yet.
    ends: Mutex<Ends>,
    /// The user wants the connection closed.
    closing: CancellationToken,
    /// Nobody is left who could want anything.
    abandoned: CancellationToken,
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
    exchanges: HashMap<u64, Fault>,
    connection: Option<Fault>,
}

/// A message to send, and where its answers go.
pub(super) struct Call {
    pub(super) open: Open<'static>,
    pub(super) answers: Option<Answers>,
}

/// Where the answers to a message go.
pub(super) struct Answers {
    pub(super) receiver: mpsc::Sender<Event>,
    pub(super) kind: Kind,
}

/// What an exchange is to a client whose connection is lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// The message stands for what its sender wants from now on, on whichever connection.
    Subscription,
    /// The message asks for something once.
    Request,
}

/// What becomes of the requests that are under way when a connection is lost.
///
/// Subscriptions are not meant: they are made again on the next connection.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum InFlight {
    /// They fail with [`Fault::UNAVAILABLE`]: whether the service has acted upon them is unknown.
    #[default]
    Fail,
    /// Those that nothing has come back for are sent once more on the next connection, within their
    /// own time. For services where doing a thing twice does no harm.
    Repeat,
}

/// What a driver is told by the user.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy {
    pub(super) in_flight: InFlight,
    pub(super) waiting_calls: usize,
    pub(super) idle_timeout: Option<Duration>,
}

impl Calls {
    /// Waits until a message can be sent; sending it then takes no time.
    pub(super) async fn place(&self, open: &Open<'_>) -> Result<mpsc::Permit<'_, Call>, Fault> {
        if !self.shared.status.is_connected() {
            self.shared.connected().await?;
        }
        self.admit(open)?;
        self.opens.reserve().await.map_err(|_| self.why_closed())
    }

    /// One message that is too large would cost the whole connection.
    fn admit(&self, open: &Open<'_>) -> Result<(), Fault> {
        let (weight, most) = (
            open.weight(),
            self.shared.message_size.load(Ordering::Relaxed),
        );
        if weight <= most {
            return Ok(());
        }
        let message =
            format!("the message takes {weight} bytes, and the server takes {most} at most");
        Err(Fault::new(Fault::LIMIT_EXCEEDED, message))
    }

    pub(super) fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// The receiver of an exchange is gone.
    pub(super) fn give_up(&self, id: u64, given_up: GivenUp) {
        // Once the driver has ended there is nobody to tell, and nobody who would read this.
        if self.opens.is_closed() {
            return;
        }
        lock(&self.shared.given_up).push((id, given_up));
        self.shared.wake.notify_one();
    }

    /// Why no more answers come, where none of them said so.
    pub(super) fn why_ended(&self, id: u64) -> Fault {
        let mut ends = lock(&self.shared.ends);
        ends.exchanges
            .remove(&id)
            .or_else(|| ends.connection.clone())
            .unwrap_or_else(|| closed("the exchange has ended"))
    }

    fn why_closed(&self) -> Fault {
        lock(&self.shared.ends)
            .connection
            .clone()
            .unwrap_or_else(|| closed("the connection is closed"))
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }
}

impl Shared {
    /// Waits for a connection, among not too many that do.
    async fn connected(&self) -> Result<(), Fault> {
        let Ok(_place) = self.waiting.try_acquire() else {
            return Err(closed(
                "there is no connection, and as many calls wait for one as may (`waiting_calls`)",
            ));
        };
        self.status.connected().await
    }

    /// Closes the connection for good, and waits until that is done.
    pub(super) async fn close(&self) {
        self.closing.cancel();
        self.status.closed().await;
    }
}

fn closed(message: &str) -> Fault {
    Fault::new(Fault::UNAVAILABLE, message)
}

// Nothing that can panic runs under these locks, so a poisoned one holds whole data.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Knows which exchange an event is for, from one connection to the next.
pub(super) struct Driver {
    opens: mpsc::Receiver<Call>,
    shared: Arc<Shared>,
    exchanges: HashMap<u64, Going>,
    in_flight: InFlight,
    idle_timeout: Option<Duration>,
}

/// An exchange that has not ended.
struct Going {
    answers: Answers,
    /// What starts it once more.
    open: Option<Open<'static>>,
    /// How far a subscription has come, where its topic keeps a history.
    position: Option<Position>,
}

impl Going {
    /// What starts it once more, where it is.
    fn again(&self) -> Option<Open<'static>> {
        let mut open = self.open.clone()?;
        if let Some(position) = &self.position {
            open.since = Some(Since::After(position.clone()));
        }
        Some(open)
    }

    /// Something has come for it.
    fn heard(&mut self, body: &Body) {
        if self.answers.kind == Kind::Request {
            // The service has acted upon it.
            self.open = None;
            return;
        }
        match body {
            Body::Subscribed(subscribed) => {
                self.position = subscribed.position.clone().filter(is_reasonable);
            }
            Body::Ack(_) => self.position = None,
            Body::Message(content) => {
                if let (Some(position), Some(offset)) = (&mut self.position, content.offset()) {
                    position.offset = offset;
                }
            }
            Body::Gap | Body::Declared(_) | Body::Fault(_) | Body::End => {}
        }
    }
}

/// What is kept of a server is bounded: `docs/protocol.md` has 32 characters.
fn is_reasonable(position: &Position) -> bool {
    position.epoch.len() <= 128
}

impl Driver {
    pub(super) fn new(policy: Policy) -> (Arc<Calls>, Self) {
        let (sender, receiver) = mpsc::channel(WAITING_CALLS);
        let abandoned = CancellationToken::new();
        let shared = Arc::new(Shared {
            status: Status::new(State::Connecting { attempt: 1 }),
            latency: Arc::default(),
            message_size: AtomicUsize::new(usize::MAX),
            waiting: Semaphore::new(policy.waiting_calls.min(Semaphore::MAX_PERMITS)),
            given_up: Mutex::default(),
            wake: Notify::new(),
            ends: Mutex::default(),
            closing: CancellationToken::new(),
            abandoned: abandoned.clone(),
        });
        let calls = Arc::new(Calls {
            opens: sender,
            next_id: AtomicU64::new(1),
            shared: Arc::clone(&shared),
            _abandons: abandoned.drop_guard(),
        });
        let driver = Self {
            opens: receiver,
            shared,
            exchanges: HashMap::new(),
            in_flight: policy.in_flight,
            idle_timeout: policy.idle_timeout,
        };
        (calls, driver)
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Calls can be made from now on.
    pub(super) fn connected(&self, welcome: &Welcome, attempt: u32) {
        let message_size = welcome.message_size;
        self.shared
            .message_size
            .store(message_size, Ordering::Relaxed);
        self.shared.status.set(State::Connected {
            connection: welcome.connection,
            attempt,
        });
    }

    /// Drives one connection until nobody needs it, or it is lost, and says why it ended.
    pub(super) async fn serve(&mut self, mut link: impl Link) -> Disconnect {
        match self.drive(&mut link).await {
            Ok(()) => {
                link.close().await;
                Disconnect::by_the_client()
            }
            Err(reason) => reason,
        }
    }

    /// There is no connection: ends what does not outlive it, and keeps the rest for the next.
    pub(super) fn disconnected(&mut self, reason: &Disconnect) {
        let mut ends = lock(&self.shared.ends);
        self.exchanges.retain(|id, going| {
            let stays = going.open.is_some();
            if !stays {
                ends.exchanges.insert(*id, reason.fault());
            }
            stays
        });
    }

    /// There will be no other connection.
    pub(super) fn end(self, reason: Disconnect) {
        // First the reason, then the news: dropping the rest wakes every caller and receiver.
        lock(&self.shared.ends).connection = Some(reason.fault());
        self.shared.status.set(State::Closed { reason });
    }

    /// Does something while there is no connection; `None` if nobody needs one any more.
    pub(super) async fn meanwhile<T>(&mut self, what: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(what);
        loop {
            tokio::select! {
                biased;
                () = self.shared.closing.cancelled() => return None,
                () = self.shared.abandoned.cancelled() => return None,
                () = self.shared.wake.notified() => drop(self.forget_given_up()),
                done = &mut what => return Some(done),
            }
        }
    }

    async fn drive(&mut self, link: &mut impl Link) -> Result<(), Disconnect> {
        let mut events = Vec::new();
        let mut opened = Vec::with_capacity(BATCH);
        self.resume(link).await?;
        let mut idle_at = self.idle_timeout.map(after);
        loop {
            // Fair: neither callers nor the service can keep the others waiting.
            tokio::select! {
                () = self.shared.wake.notified() => self.close_given_up(link).await?,
                // What has been handed over before is still sent.
                () = self.shared.closing.cancelled(), if !self.opens.is_closed() => self.opens.close(),
                count = self.opens.recv_many(&mut opened, BATCH), if link.takes_more() => {
                    if count == 0 {
                        return Ok(());
                    }
                    // First, so that what was given up does not count against what is started.
                    self.close_given_up(link).await?;
                    if self.exchanges.is_empty() {
                        idle_at = self.idle_timeout.map(after);
                    }
                    self.open(&mut opened, link).await?;
                }
                received = link.receive(&mut events) => {
                    received?;
                    idle_at = self.idle_timeout.map(after);
                    self.deliver(&mut events, link).await?;
                }
                () = reached(idle_at), if !self.exchanges.is_empty() => {
                    return Err(Disconnect::lost("the server has sent nothing for too long"));
                }
            }
        }
    }

    /// Starts once more what outlived the connection before.
    async fn resume(&mut self, link: &mut impl Link) -> Result<(), Disconnect> {
        drop(self.forget_given_up());
        let mut opens: Vec<_> = self.exchanges.values().filter_map(Going::again).collect();
        opens.sort_by_key(|open| open.id);
        link.send(opens.into_iter().map(Command::Open).collect())
            .await
    }

    async fn close_given_up(&mut self, link: &mut impl Link) -> Result<(), Disconnect> {
        let early = self.forget_given_up();
        link.send(early.into_iter().map(|id| Command::Close { id }).collect())
            .await
    }

    /// Forgets exchanges without receivers, and returns those that the provider does not know to
    /// have ended.
    fn forget_given_up(&mut self) -> Vec<u64> {
        let given_up = std::mem::take(&mut *lock(&self.shared.given_up));
        let mut ends = lock(&self.shared.ends);
        let mut early = Vec::new();
        for (id, given_up) in given_up {
            ends.exchanges.remove(&id);
            if self.exchanges.remove(&id).is_some() && given_up == GivenUp::Early {
                early.push(id);
            }
        }
        early
    }

    async fn open(
        &mut self,
        calls: &mut Vec<Call>,
        link: &mut impl Link,
    ) -> Result<(), Disconnect> {
        let mut commands = Vec::with_capacity(calls.len());
        for Call { open, answers } in calls.drain(..) {
            if let (Some(id), Some(answers)) = (open.id, answers) {
                if answers.receiver.is_closed() {
                    continue;
                }
                let outlives =
                    answers.kind == Kind::Subscription || self.in_flight == InFlight::Repeat;
                let going = Going {
                    answers,
                    open: outlives.then(|| open.clone()),
                    position: None,
                };
                self.exchanges.insert(id, going);
            }
            commands.push(Command::Open(open));
        }
        link.send(commands).await
    }

    async fn deliver(
        &mut self,
        events: &mut Vec<Event>,
        link: &mut impl Link,
    ) -> Result<(), Disconnect> {
        let mut closes = Vec::new();
        for event in events.drain(..) {
            let Some(id) = event.origin.id else {
                if let Body::Fault(fault) = event.body {
                    seldom!(warn, %fault, "the service refused a message that has no answer");
                }
                continue;
            };
            // An exchange that was given up may be answered until the server has heard of it.
            let Entry::Occupied(mut exchange) = self.exchanges.entry(id) else {
                tracing::debug!(
                    id,
                    "an answer was passed over: nothing is going on that it answers"
                );
                continue;
            };
            let is_last = matches!(event.body, Body::End | Body::Fault(_) | Body::Declared(_));
            let going = exchange.get_mut();
            going.heard(&event.body);
            match going.answers.receiver.try_send(event) {
                Ok(()) if !is_last => {}
                Ok(()) => {
                    exchange.remove();
                }
                Err(error) => {
                    if let mpsc::error::TrySendError::Full(_) = error {
                        lock(&self.shared.ends).exchanges.insert(id, too_slow());
                    }
                    exchange.remove();
                    closes.push(Command::Close { id });
                }
            }
        }
        link.send(closes).await
    }
}

fn too_slow() -> Fault {
    let message =
        format!("{WAITING_ANSWERS} messages waited to be taken, and more came: take them sooner");
    Fault::new(Fault::SLOW_CONSUMER, message)
}

async fn reached(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

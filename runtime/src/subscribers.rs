//! The publishing end that a pub/sub handler holds, and what starts and stops the handler.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::{JoinError, JoinHandle};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::fault::Fault;
use crate::frame::{Body, Content};
use crate::interaction::Interaction;
use crate::parameters::Parameters;
use crate::payload::{IntoMessage, Payload};
use crate::reply::{Encoded, Replies};
use crate::request::Request;

/// Everyone who is subscribed to one interaction, over all connections.
///
/// A pub/sub handler is given this when its first subscriber comes, and is dropped, at its next
/// `.await`, when its last one has left. Those who come in between are included from then on.
///
/// Publishing never waits: each connection has a bounded queue (see
/// [`Limits::queue_messages`](crate::Limits::queue_messages)), and
/// [`Limits::slow_consumer`](crate::Limits::slow_consumer) says what becomes of one that is full: by
/// default its connection is closed, so that a slow subscriber neither delays the others nor loses
/// messages unseen. A handler that publishes more than a queue holds has to `.await` something in
/// between, such as [`ready`](Subscribers::ready), for the queues to be written out.
pub struct Subscribers<S: Payload, P: Payload, A: Parameters = ()> {
    roster: Arc<Roster<Request<S, A>>>,
    generation: u64,
    channel: &'static str,
    publication: std::marker::PhantomData<fn(P)>,
}

impl<S: Payload, P: Payload, A: Parameters> Subscribers<S, P, A> {
    /// Sends each subscriber a message made for it, and returns how many there were.
    ///
    /// ```
    /// # use specwire::{Payload, Subscribers};
    /// # fn publish<S: Payload, P: Payload>(subscribers: &Subscribers<S, P>, tick: P)
    /// # where P::Headers: Default {
    /// subscribers.publish_each(|_subscription| tick.clone());
    /// # }
    /// ```
    pub fn publish_each<M>(&self, mut message: impl FnMut(&Request<S, A>) -> M) -> usize
    where
        M: IntoMessage<Payload = P>,
    {
        self.deliver(|subscriber| {
            Encoded::new(self.channel, &message(&subscriber.request).into_message())
                .map(|encoded| encoded.for_peer(&subscriber.replies))
        })
    }

    /// Sends all subscribers the same message, serialised once, and returns how many there were.
    ///
    /// ```
    /// # use specwire::{Payload, Subscribers};
    /// # fn publish<S: Payload, P: Payload>(subscribers: &Subscribers<S, P>, tick: P)
    /// # where P::Headers: Default {
    /// let reached = subscribers.publish(tick);
    /// println!("{reached} of {} have room for it", subscribers.len());
    /// # }
    /// ```
    pub fn publish(&self, message: impl IntoMessage<Payload = P>) -> usize {
        self.publish_to(message, |_| true)
    }

    /// Sends the same message, serialised once, to those subscribers whom `wanted` picks, and
    /// returns how many there were.
    ///
    /// ```
    /// # use specwire::{Payload, Subscribers, Uuid};
    /// # fn publish<S: Payload, P: Payload>(subscribers: &Subscribers<S, P>, tick: P, sender: Uuid)
    /// # where P::Headers: Default {
    /// subscribers.publish_to(tick, |subscription| subscription.connection() != sender);
    /// # }
    /// ```
    pub fn publish_to(
        &self,
        message: impl IntoMessage<Payload = P>,
        mut wanted: impl FnMut(&Request<S, A>) -> bool,
    ) -> usize {
        // The failure has been logged; nobody can be sent a message that JSON cannot carry.
        let Ok(encoded) = Encoded::new(self.channel, &message.into_message()) else {
            return 0;
        };
        self.deliver_where(
            |subscriber| wanted(&subscriber.request),
            |subscriber| Ok(encoded.for_peer(&subscriber.replies)),
        )
    }

    /// Waits, where [`SlowConsumer::Block`](crate::SlowConsumer::Block) is set, until the queues of
    /// all subscribers are half free, so that what is published next finds room in them: a message of
    /// up to half of [`Limits::queue_bytes`](crate::Limits::queue_bytes). Whoever has not made room
    /// when the time is over is closed with 3008. With every other policy there is nothing to wait
    /// for. Cancelling it changes nothing.
    ///
    /// ```
    /// # use specwire::{Payload, Subscribers};
    /// # async fn publish<S: Payload, P: Payload>(subscribers: &Subscribers<S, P>, lines: Vec<P>)
    /// # where P::Headers: Default {
    /// for line in lines {
    ///     subscribers.ready().await;
    ///     subscribers.publish(line);
    /// }
    /// # }
    /// ```
    pub async fn ready(&self) {
        let start = Instant::now();
        for subscriber in self.roster.snapshot(self.generation).iter() {
            subscriber.replies.ready(start).await;
        }
    }

    /// How many subscribers there are now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.roster.state().subscribers.len()
    }

    /// No subscriber is left; the handler is about to be dropped.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn deliver(
        &self,
        content: impl FnMut(&Subscriber<Request<S, A>>) -> Result<Content, Fault>,
    ) -> usize {
        self.deliver_where(|_| true, content)
    }

    fn deliver_where(
        &self,
        mut wanted: impl FnMut(&Subscriber<Request<S, A>>) -> bool,
        mut content: impl FnMut(&Subscriber<Request<S, A>>) -> Result<Content, Fault>,
    ) -> usize {
        // The handler's closures run on a snapshot: they may take their time, and may publish.
        let snapshot = self.roster.snapshot(self.generation);
        let mut delivered = 0;
        for subscriber in snapshot.iter().filter(|subscriber| !subscriber.has_ended()) {
            if !wanted(subscriber) {
                continue;
            }
            if let Ok(content) = content(subscriber)
                && subscriber.deliver(content)
            {
                delivered += 1;
            }
        }
        delivered
    }
}

impl<S: Payload, P: Payload, A: Parameters> fmt::Debug for Subscribers<S, P, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscribers")
            .field("channel", &self.channel)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// One who is subscribed, with the request that it did so with.
struct Subscriber<R> {
    request: R,
    replies: Replies,
    /// Held while a message is queued, so that none follows the end.
    ended: Mutex<bool>,
}

impl<R> Subscriber<R> {
    fn has_ended(&self) -> bool {
        *self.ended()
    }

    fn end(&self) {
        *self.ended() = true;
    }

    fn deliver(&self, content: Content) -> bool {
        let ended = self.ended();
        !*ended && self.replies.push(Body::Message(content)).is_ok()
    }

    fn ended(&self) -> MutexGuard<'_, bool> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Snapshot<R> = Arc<[Arc<Subscriber<R>>]>;

/// The subscribers of one interaction. A generation is one run of the handler: from a first
/// subscriber to the last.
struct Roster<R> {
    state: Mutex<State<R>>,
}

struct State<R> {
    subscribers: HashMap<u64, Arc<Subscriber<R>>>,
    snapshot: Option<Snapshot<R>>,
    next_key: u64,
    generation: u64,
    /// Cancelled when the last subscriber of this generation leaves.
    deserted: CancellationToken,
    running: bool,
}

impl<R> Roster<R> {
    // Nothing that can panic runs under the lock, so a poisoned one holds whole data.
    fn state(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn snapshot(&self, generation: u64) -> Snapshot<R> {
        let mut state = self.state();
        if state.generation != generation {
            return Arc::from([]);
        }
        if let Some(snapshot) = &state.snapshot {
            return Arc::clone(snapshot);
        }
        let snapshot: Snapshot<R> = state.subscribers.values().cloned().collect();
        state.snapshot = Some(Arc::clone(&snapshot));
        snapshot
    }

    fn leave(&self, key: u64) {
        let mut state = self.state();
        if let Some(subscriber) = state.subscribers.remove(&key) {
            subscriber.end();
            state.snapshot = None;
            if state.subscribers.is_empty() {
                state.next_generation();
            }
        }
    }
}

impl<R> State<R> {
    fn next_generation(&mut self) {
        self.generation = self.generation.wrapping_add(1);
        std::mem::take(&mut self.deserted).cancel();
    }

    /// Ends every subscription and returns who had one.
    fn dismiss(&mut self) -> Vec<Arc<Subscriber<R>>> {
        self.snapshot = None;
        self.next_generation();
        let dismissed: Vec<_> = self
            .subscribers
            .drain()
            .map(|(_, subscriber)| subscriber)
            .collect();
        for subscriber in &dismissed {
            subscriber.end();
        }
        dismissed
    }
}

/// One subscription; dropping it ends it.
pub(crate) struct Membership {
    leave: Box<dyn Fn() + Send + Sync>,
    ended: Box<dyn Fn() -> bool + Send + Sync>,
}

impl Membership {
    /// The handler ended it.
    pub(crate) fn has_ended(&self) -> bool {
        (self.ended)()
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        (self.leave)();
    }
}

impl fmt::Debug for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Membership").finish_non_exhaustive()
    }
}

type Run<S, P, A, E> = Box<
    dyn Fn(Subscribers<S, P, A>) -> Pin<Box<dyn Future<Output = Result<(), Fault<E>>> + Send>>
        + Send
        + Sync,
>;

/// A pub/sub interaction of one provider: its subscribers, and the handler that serves them.
pub(crate) struct Topic<S: Payload, P: Payload, A: Parameters, E: Payload> {
    interaction: Interaction,
    roster: Arc<Roster<Request<S, A>>>,
    run: Run<S, P, A, E>,
    tasks: TaskTracker,
}

impl<S: Payload, P: Payload, A: Parameters, E: Payload> Topic<S, P, A, E> {
    pub(crate) fn new(interaction: Interaction, tasks: TaskTracker, run: Run<S, P, A, E>) -> Self {
        Self {
            interaction,
            roster: Arc::new(Roster {
                state: Mutex::new(State {
                    subscribers: HashMap::new(),
                    snapshot: None,
                    next_key: 0,
                    generation: 0,
                    deserted: CancellationToken::new(),
                    running: false,
                }),
            }),
            run,
            tasks,
        }
    }

    /// Adds a subscriber, and starts the handler if it is the first.
    pub(crate) fn subscribe(
        self: &Arc<Self>,
        request: Request<S, A>,
        replies: Replies,
    ) -> Membership {
        let subscriber = Arc::new(Subscriber {
            request,
            replies,
            ended: Mutex::new(false),
        });
        let key = {
            let mut state = self.roster.state();
            let key = state.next_key;
            state.next_key = key.wrapping_add(1);
            state.subscribers.insert(key, Arc::clone(&subscriber));
            state.snapshot = None;
            if !state.running {
                state.running = true;
                self.tasks.spawn(Arc::clone(self).supervise());
            }
            key
        };
        let roster = Arc::clone(&self.roster);
        Membership {
            leave: Box::new(move || roster.leave(key)),
            ended: Box::new(move || subscriber.has_ended()),
        }
    }

    /// Runs the handler once for each generation, until nobody is left.
    async fn supervise(self: Arc<Self>) {
        loop {
            let (generation, deserted) = {
                let mut state = self.roster.state();
                // Also before the first run: whoever came may have left again already.
                if state.subscribers.is_empty() {
                    state.running = false;
                    return;
                }
                (state.generation, state.deserted.clone())
            };
            let subscribers = Subscribers {
                roster: Arc::clone(&self.roster),
                generation,
                channel: self.interaction.reply_channel(),
                publication: std::marker::PhantomData,
            };
            tracing::debug!(
                document = self.interaction.document(),
                interaction = self.interaction.name(),
                "first subscriber came"
            );
            // A task of its own, so that a panic, also on being dropped, ends here.
            let mut handler = AbortOnDrop(tokio::spawn((self.run)(subscribers)));
            let ended = tokio::select! {
                biased;
                () = deserted.cancelled() => {
                    handler.0.abort();
                    let _ = (&mut handler.0).await;
                    None
                }
                result = &mut handler.0 => Some(result),
            };
            if let Some(result) = ended {
                self.dismiss(generation, result);
            }
        }
    }

    /// The handler ended while it had subscribers: tells them how.
    fn dismiss(&self, generation: u64, result: Result<Result<(), Fault<E>>, JoinError>) {
        let dismissed = {
            let mut state = self.roster.state();
            if state.generation != generation {
                return;
            }
            state.dismiss()
        };
        let fault = match result {
            Ok(Ok(())) => None,
            Ok(Err(fault)) => Some(fault),
            Err(error) => {
                tracing::error!(
                    document = self.interaction.document(),
                    interaction = self.interaction.name(),
                    %error,
                    "the handler did not end by itself"
                );
                Some(Fault::new(Fault::INTERNAL, "the handler failed"))
            }
        };
        for subscriber in dismissed {
            let body = match &fault {
                Some(fault) => subscriber
                    .replies
                    .failure(self.interaction.error_channel(), fault.clone()),
                None => Body::End,
            };
            // A connection without room is given up, and so learns of the end all the same.
            let _ = subscriber.replies.push(body);
        }
    }
}

struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

//! A pub/sub interaction of one provider: starts and stops its handler.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::unconstrained;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::Subscribers;
use super::join::{begin, catch_up};
use super::roster::{Roster, Subscriber, topic_of};
use crate::bus::TopicName;
use crate::fault::Fault;
use crate::frame::{Body, Since};
use crate::interaction::Interaction;
use crate::metrics::Metrics;
use crate::parameters::Parameters;
use crate::payload::{Message, Payload};
use crate::peer::Subscription;
use crate::reply::Replies;
use crate::request::Request;
use crate::seldom::seldom;
use crate::sync::{AbortHandle, JoinError, JoinHandle, sleep, spawn};
use crate::topics::Home;

/// How long a handler that has failed is not started again: at first, and at most.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);

type Run<S, P, A, E> = Box<
    dyn Fn(Subscribers<S, P, A>) -> Pin<Box<dyn Future<Output = Result<(), Fault<E>>> + Send>>
        + Send
        + Sync,
>;

/// A pub/sub interaction of one provider: its subscribers, and the handler that serves them.
pub(crate) struct Source<S: Payload, P: Payload, A: Parameters, E: Payload> {
    interaction: Interaction,
    roster: Arc<Roster<S, P, A>>,
    run: Run<S, P, A, E>,
    tasks: TaskTracker,
}

impl<S: Payload, P: Payload, A: Parameters, E: Payload> Source<S, P, A, E> {
    pub(crate) fn new(
        interaction: Interaction,
        home: Arc<Home>,
        tasks: TaskTracker,
        run: Run<S, P, A, E>,
    ) -> Self {
        let roster = Arc::new_cyclic(|roster: &Weak<Roster<S, P, A>>| {
            home.seats(interaction, roster.clone());
            Roster::new(interaction, home)
        });
        Self {
            interaction,
            roster,
            run,
            tasks,
        }
    }

    /// Adds a subscriber, acknowledges the subscription, and starts the handler if it is the first.
    /// All of that has been done on return, if the bus does not let wait for it.
    pub(crate) fn subscribe(
        self: &Arc<Self>,
        request: Request<S, A>,
        replies: Replies,
        since: Option<Since>,
    ) -> Membership {
        let topic = match topic_of(&self.interaction, &request) {
            Ok(topic) => topic,
            Err(fault) => {
                let _ = replies.push(Body::Fault(fault));
                return Membership(None);
            }
        };
        let peer = Arc::clone(request.peer());
        let metrics = replies.outbox.metrics().clone();
        let (subscriber, group) = self.roster.come(request, replies, topic);
        let seat = Arc::new(Seat {
            roster: Arc::clone(&self.roster),
            subscriber: Arc::clone(&subscriber),
            joining: OnceLock::new(),
        });
        let weak = Arc::downgrade(&seat);
        peer.subscribed(weak);
        let source = Arc::clone(self);
        let mut joining = Box::pin(async move {
            if let Some(begun) = begin(&source.roster, &subscriber, &group, since.as_ref()).await {
                if begun.starts {
                    let supervised = Arc::clone(&source).supervise(metrics);
                    spawn(source.tasks.track_future(supervised));
                }
                catch_up(&subscriber, &group, begun).await;
            }
            if subscriber.has_ended() {
                source.roster.leave(&subscriber);
            }
        });
        // Whoever has used up his turn must not have this done later: what he publishes next is meant
        // to reach the subscriber.
        let joined = AssertUnwindSafe(|| unconstrained(joining.as_mut()).now_or_never());
        // The bus may be anybody's.
        match catch_unwind(joined) {
            Ok(Some(())) => {}
            Ok(None) => {
                let weak = Arc::downgrade(&seat);
                let task = spawn(self.tasks.track_future(async move {
                    if AssertUnwindSafe(joining).catch_unwind().await.is_err()
                        && let Some(seat) = weak.upgrade()
                    {
                        seat.fail();
                    }
                }));
                // It is set once.
                let _ = seat.joining.set(task.abort_handle());
            }
            Err(_) => seat.fail(),
        }
        Membership(Some(seat))
    }

    /// Runs the handler for as long as somebody is there to serve. Its panics are counted by the
    /// server of the subscriber that it was started for.
    async fn supervise(self: Arc<Self>, metrics: Metrics) {
        let mut delay = SHORTEST;
        while let Some((generation, deserted)) = self.roster.next_generation() {
            let subscribers = Subscribers {
                roster: Arc::clone(&self.roster),
                generation,
            };
            tracing::trace!(
                document = self.interaction.document(),
                interaction = self.interaction.name(),
                "the handler starts"
            );
            let started = Instant::now();
            // A task of its own, so that a panic, also on being dropped, ends here.
            let mut handler = AbortOnDrop(spawn(Arc::clone(&self).handle(subscribers)));
            let ended = tokio::select! {
                biased;
                () = deserted.cancelled() => None,
                result = &mut handler.0 => Some(result),
            };
            let Some(result) = ended else {
                handler.0.abort();
                if let Err(error) = (&mut handler.0).await
                    && error.is_panic()
                {
                    metrics.panic();
                    self.report(&error, None);
                }
                continue;
            };
            if let Err(failure) = self.ended(generation, result) {
                // What has run for a while has not failed at starting.
                if started.elapsed() >= LONGEST {
                    delay = SHORTEST;
                }
                if matches!(&failure, Failure::Panic(error) if error.is_panic()) {
                    metrics.panic();
                }
                self.report(&failure, Some(delay));
                tokio::select! {
                    biased;
                    () = deserted.cancelled() => {}
                    () = sleep(delay) => {}
                }
                delay = delay.saturating_mul(2).min(LONGEST);
            }
        }
    }

    /// Runs the handler, of which not even the start runs elsewhere.
    async fn handle(self: Arc<Self>, subscribers: Subscribers<S, P, A>) -> Result<(), Fault<E>> {
        (self.run)(subscribers).await
    }

    /// Tells the subscribers that the handler has ended, if it was meant to.
    ///
    /// # Errors
    ///
    /// How it failed.
    fn ended(
        &self,
        generation: u64,
        result: Result<Result<(), Fault<E>>, JoinError>,
    ) -> Result<(), Failure> {
        match result {
            Ok(Ok(())) => self.roster.dismiss(generation, |_| Body::End),
            Ok(Err(fault)) => {
                let message: Message<E> = fault.into_declared().map_err(Failure::Fault)?;
                let channel = self.interaction.error_channel();
                self.roster.dismiss(generation, |replies| {
                    replies.failure(channel, Fault::from_declared(message.clone()))
                });
            }
            Err(error) => return Err(Failure::Panic(error)),
        }
        Ok(())
    }

    fn report(&self, error: &dyn fmt::Display, again_after: Option<Duration>) {
        seldom!(
            error,
            document = self.interaction.document(),
            interaction = self.interaction.name(),
            %error,
            ?again_after,
            "a pub/sub handler failed"
        );
    }
}

/// How a handler ended that was not meant to.
#[derive(Debug)]
enum Failure {
    Fault(Fault),
    Panic(JoinError),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => fault.fmt(f),
            Self::Panic(error) => error.fmt(f),
        }
    }
}

/// One subscription; dropping it ends it.
pub(crate) struct Membership(Option<Arc<dyn Held>>);

/// A subscription, whatever its types.
trait Held: Send + Sync {
    fn has_ended(&self) -> bool;

    fn hold(&self, held: Box<dyn Send>);

    fn leave(&self);
}

struct Seat<S: Payload, P: Payload, A: Parameters> {
    roster: Arc<Roster<S, P, A>>,
    subscriber: Arc<Subscriber<S, A>>,
    /// What has not been done yet when the subscription was asked for.
    joining: OnceLock<AbortHandle>,
}

impl<S: Payload, P: Payload, A: Parameters> Seat<S, P, A> {
    /// What was to bring the subscriber in has panicked.
    fn fail(&self) {
        self.subscriber.replies().outbox.metrics().panic();
        seldom!(error, "the bus of a subscription panicked");
        let fault = Fault::new(Fault::INTERNAL, "the subscription has failed");
        self.subscriber.end(Body::Fault(fault));
        self.roster.leave(&self.subscriber);
    }
}

impl<S: Payload, P: Payload, A: Parameters> Held for Seat<S, P, A> {
    fn has_ended(&self) -> bool {
        self.subscriber.has_ended()
    }

    fn hold(&self, held: Box<dyn Send>) {
        self.subscriber.hold(held);
    }

    fn leave(&self) {
        self.subscriber.is_gone();
        self.roster.leave(&self.subscriber);
        if let Some(joining) = self.joining.get() {
            joining.abort();
        }
        let request = self.subscriber.request();
        request.peer().unsubscribed(std::ptr::from_ref(self).cast());
    }
}

impl<S: Payload, P: Payload, A: Parameters> Subscription for Seat<S, P, A> {
    fn is_on(&self, topic: &TopicName, interaction: &Interaction) -> bool {
        let own = self.roster.interaction();
        (own.document(), own.name()) == (interaction.document(), interaction.name())
            && self.subscriber.topic() == topic
    }

    fn end(&self) {
        self.subscriber.end(Body::End);
        self.roster.leave(&self.subscriber);
    }
}

impl Membership {
    /// The handler ended it, or there never was one.
    pub(crate) fn has_ended(&self) -> bool {
        self.0.as_ref().is_none_or(|seat| seat.has_ended())
    }

    /// Holds this until the subscription has ended, whoever ends it.
    pub(crate) fn hold(&self, held: Box<dyn Send>) {
        if let Some(seat) = &self.0 {
            seat.hold(held);
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        if let Some(seat) = &self.0 {
            seat.leave();
        }
    }
}

impl fmt::Debug for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Membership").finish_non_exhaustive()
    }
}

struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

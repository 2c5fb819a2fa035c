//! From an interaction's name to the handler of it: what generated code wires up.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::value::RawValue;
use tokio_util::task::TaskTracker;

use crate::fault::Fault;
use crate::frame::{Body, Op};
use crate::interaction::Interaction;
use crate::payload::{IntoMessage, Message, MessageSpec, Payload};
use crate::reply::{Encoded, Replies};
use crate::request::{Ack, Peer, Request, Updates};
use crate::strict;
use crate::subscribers::{Membership, Subscribers, Topic};

/// An implementation of one document's service, wired to the document's interactions.
///
/// Generated code makes one out of whatever implements its `Service` trait. A
/// [`Server`](crate::Server) serves it over sockets; a [`Client`](crate::Client) can call it
/// [in memory](crate::Client::in_memory). Clones share the implementation and its subscribers.
#[derive(Clone)]
pub struct Provider {
    document: &'static str,
    handlers: Arc<[Arc<dyn Handler>]>,
    tasks: TaskTracker,
}

impl Provider {
    /// The document's name, as in `/ws/heartbeat`.
    #[must_use]
    pub fn document(&self) -> &'static str {
        self.document
    }

    /// The channels that a client can start an interaction on, in document order.
    pub fn channels(&self) -> impl Iterator<Item = &'static str> + '_ {
        let mut seen = std::collections::HashSet::new();
        self.handlers
            .iter()
            .map(|handler| handler.interaction().start_channel())
            .filter(move |channel| seen.insert(*channel))
    }

    pub(crate) fn handlers(&self) -> &[Arc<dyn Handler>] {
        &self.handlers
    }

    /// The tasks of the pub/sub handlers, which outlive the connection that started them.
    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider")
            .field("document", &self.document)
            .field("channels", &self.channels().collect::<Vec<_>>())
            .finish()
    }
}

/// One interaction of a provider, whatever its types.
pub(crate) trait Handler: Send + Sync {
    fn interaction(&self) -> &Interaction;

    /// The message that starts it; none where opening the channel does.
    fn starter(&self) -> MessageSpec;

    /// The name of the message that tells it from others on its channel: the one that starts it, or
    /// else the one that it sends.
    fn message(&self) -> &'static str;

    /// How it is started.
    fn op(&self) -> Op;

    /// Something follows that needs an id to belong to.
    fn is_answered(&self) -> bool;

    /// Reads the starting message.
    ///
    /// # Errors
    ///
    /// [`Fault::INVALID_MESSAGE`], saying which member is wrong and how.
    fn read(
        self: Arc<Self>,
        headers: Option<&RawValue>,
        payload: Option<&RawValue>,
    ) -> Result<Start, Fault>;
}

/// A starting message that has been read: gives the work to do, once it is known for whom.
pub(crate) type Start = Box<dyn FnOnce(Arc<Peer>, Replies) -> Work + Send>;

/// What a started exchange is.
pub(crate) enum Work {
    /// Runs until it has answered. Dropping it cancels the handler.
    Task(Pin<Box<dyn Future<Output = ()> + Send>>),
    /// Lasts until it is dropped, or has ended. Must be called after the acknowledgement.
    Membership(Box<dyn FnOnce() -> Membership + Send>),
}

/// Collects the handlers of one service; for generated code.
pub struct Wiring<T> {
    document: &'static str,
    service: Arc<T>,
    handlers: Vec<Arc<dyn Handler>>,
    tasks: TaskTracker,
}

impl<T> fmt::Debug for Wiring<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wiring")
            .field("document", &self.document)
            .finish_non_exhaustive()
    }
}

impl<T: Send + Sync + 'static> Wiring<T> {
    /// Starts with no interaction.
    pub fn new(document: &'static str, service: T) -> Self {
        Self {
            document,
            service: Arc::new(service),
            handlers: Vec::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// All interactions are wired.
    #[must_use]
    pub fn finish(self) -> Provider {
        Provider {
            document: self.document,
            handlers: self.handlers.into(),
            tasks: self.tasks,
        }
    }

    /// One message, no answer.
    #[must_use]
    pub fn send<M, F>(
        self,
        interaction: Interaction,
        call: impl Fn(Arc<T>, Request<M>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        M: Payload,
        F: Future<Output = Result<(), Fault>> + Send + 'static,
    {
        let service = Arc::clone(&self.service);
        self.task(
            interaction,
            Answer::None,
            move |request: Request<M>, replies| {
                let run = call(Arc::clone(&service), request);
                async move {
                    let result = run.await;
                    if replies.origin.id.is_some() || result.is_err() {
                        let _ = replies.send(acknowledgement(&replies, "", result)).await;
                    }
                }
            },
        )
    }

    /// A message that is acknowledged or refused.
    #[must_use]
    pub fn submit<M, E, F>(
        self,
        interaction: Interaction,
        call: impl Fn(Arc<T>, Request<M>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        M: Payload,
        E: Payload,
        F: Future<Output = Result<(), Fault<E>>> + Send + 'static,
    {
        let service = Arc::clone(&self.service);
        self.task(
            interaction,
            Answer::Once,
            move |request: Request<M>, replies| {
                let run = call(Arc::clone(&service), request);
                async move {
                    let body = acknowledgement(&replies, interaction.error_channel(), run.await);
                    let _ = replies.send(body).await;
                }
            },
        )
    }

    /// A message that is answered by one response or an error.
    #[must_use]
    pub fn request<M, R, E, F>(
        self,
        interaction: Interaction,
        call: impl Fn(Arc<T>, Request<M>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        M: Payload,
        R: IntoMessage + Send,
        E: Payload,
        F: Future<Output = Result<R, Fault<E>>> + Send + 'static,
    {
        let service = Arc::clone(&self.service);
        self.task(
            interaction,
            Answer::Once,
            move |request: Request<M>, replies| {
                let run = call(Arc::clone(&service), request);
                async move {
                    let body = response(&replies, &interaction, run.await);
                    let _ = replies.send(body).await;
                }
            },
        )
    }

    /// A message that is acknowledged, and answered later.
    #[must_use]
    pub fn invoke<M, A, R, E, F>(
        self,
        interaction: Interaction,
        call: impl Fn(Arc<T>, Request<M>, Ack<A>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        M: Payload,
        A: Payload,
        R: IntoMessage + Send,
        E: Payload,
        F: Future<Output = Result<R, Fault<E>>> + Send + 'static,
    {
        let service = Arc::clone(&self.service);
        self.task(
            interaction,
            Answer::Once,
            move |request: Request<M>, replies| {
                let ack = Ack::new(interaction.ack_channel(), replies.clone());
                let acknowledged = ack.sent();
                let run = call(Arc::clone(&service), request, ack);
                async move {
                    let result = run.await;
                    // The ack comes before the response; the one of a handler that is done is implied.
                    if result.is_ok() && !acknowledged.load(Ordering::Acquire) {
                        let _ = replies.send(Body::Ack(None)).await;
                    }
                    let body = response(&replies, &interaction, result);
                    let _ = replies.send(body).await;
                }
            },
        )
    }

    /// A message that is acknowledged, and answered by updates and then a response.
    #[must_use]
    pub fn progress<M, U, R, E, F>(
        self,
        interaction: Interaction,
        call: impl Fn(Arc<T>, Request<M>, Updates<U>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        M: Payload,
        U: Payload,
        R: IntoMessage + Send,
        E: Payload,
        F: Future<Output = Result<R, Fault<E>>> + Send + 'static,
    {
        let service = Arc::clone(&self.service);
        self.task(
            interaction,
            Answer::Many,
            move |request: Request<M>, replies| {
                let updates = Updates::new(interaction.update_channel(), replies.clone());
                let run = call(Arc::clone(&service), request, updates);
                async move {
                    if replies.send(Body::Ack(None)).await.is_err() {
                        return;
                    }
                    let body = response(&replies, &interaction, run.await);
                    let is_last = matches!(body, Body::Fault(_) | Body::Declared(_) | Body::End);
                    if replies.send(body).await.is_ok() && !is_last {
                        let _ = replies.send(Body::End).await;
                    }
                }
            },
        )
    }

    /// A subscription, answered by publications until it is given up.
    #[must_use]
    pub fn pubsub<S, P, E, F>(
        mut self,
        interaction: Interaction,
        call: impl Fn(Arc<T>, Subscribers<S, P>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        S: Payload,
        P: Payload,
        E: Payload,
        F: Future<Output = Result<(), Fault<E>>> + Send + 'static,
    {
        let service = Arc::clone(&self.service);
        let run = Box::new(
            move |subscribers| -> Pin<Box<dyn Future<Output = _> + Send>> {
                Box::pin(call(Arc::clone(&service), subscribers))
            },
        );
        let topic = Arc::new(Topic::new(interaction, self.tasks.clone(), run));
        self.handlers.push(Arc::new(PubSub { interaction, topic }));
        self
    }

    fn task<M, F>(
        mut self,
        interaction: Interaction,
        answer: Answer,
        run: impl Fn(Request<M>, Replies) -> F + Send + Sync + 'static,
    ) -> Self
    where
        M: Payload,
        F: Future<Output = ()> + Send + 'static,
    {
        self.handlers.push(Arc::new(Task {
            interaction,
            answer,
            run,
            message: std::marker::PhantomData::<fn(M)>,
        }));
        self
    }
}

fn acknowledgement<E: Payload>(
    replies: &Replies,
    errors: &'static str,
    result: Result<(), Fault<E>>,
) -> Body {
    match result {
        Ok(()) => Body::Ack(None),
        Err(fault) => replies.failure(errors, fault),
    }
}

fn response<R: IntoMessage, E: Payload>(
    replies: &Replies,
    interaction: &Interaction,
    result: Result<R, Fault<E>>,
) -> Body {
    match result {
        Ok(_) if R::Payload::SPEC.is_none() => Body::End,
        Ok(response) => match Encoded::new(interaction.reply_channel(), &response.into_message()) {
            Ok(encoded) => Body::Message(encoded.for_peer(replies)),
            Err(fault) => Body::Fault(fault),
        },
        Err(fault) => replies.failure(interaction.error_channel(), fault),
    }
}

/// How often an exchange is answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Answer {
    None,
    Once,
    Many,
}

/// An interaction whose handler runs once for each message.
struct Task<M, R> {
    interaction: Interaction,
    answer: Answer,
    run: R,
    message: std::marker::PhantomData<fn(M)>,
}

impl<M, R, F> Handler for Task<M, R>
where
    M: Payload,
    R: Fn(Request<M>, Replies) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    fn interaction(&self) -> &Interaction {
        &self.interaction
    }

    fn starter(&self) -> MessageSpec {
        M::SPEC
    }

    fn message(&self) -> &'static str {
        M::SPEC.name()
    }

    fn op(&self) -> Op {
        match self.answer {
            Answer::None | Answer::Once => Op::Message,
            Answer::Many => Op::Subscribe,
        }
    }

    fn is_answered(&self) -> bool {
        self.answer != Answer::None
    }

    fn read(
        self: Arc<Self>,
        headers: Option<&RawValue>,
        payload: Option<&RawValue>,
    ) -> Result<Start, Fault> {
        let message = read::<M>(headers, payload)?;
        Ok(Box::new(move |peer, replies| {
            Work::Task(Box::pin((self.run)(Request::new(message, peer), replies)))
        }))
    }
}

struct PubSub<S: Payload, P: Payload, E: Payload> {
    interaction: Interaction,
    topic: Arc<Topic<S, P, E>>,
}

impl<S: Payload, P: Payload, E: Payload> Handler for PubSub<S, P, E> {
    fn interaction(&self) -> &Interaction {
        &self.interaction
    }

    fn starter(&self) -> MessageSpec {
        S::SPEC
    }

    fn message(&self) -> &'static str {
        if S::SPEC.is_none() {
            P::SPEC.name()
        } else {
            S::SPEC.name()
        }
    }

    fn op(&self) -> Op {
        Op::Subscribe
    }

    fn is_answered(&self) -> bool {
        true
    }

    fn read(
        self: Arc<Self>,
        headers: Option<&RawValue>,
        payload: Option<&RawValue>,
    ) -> Result<Start, Fault> {
        let message = read::<S>(headers, payload)?;
        let topic = Arc::clone(&self.topic);
        Ok(Box::new(move |peer, replies| {
            Work::Membership(Box::new(move || {
                topic.subscribe(Request::new(message, peer), replies)
            }))
        }))
    }
}

fn read<P: Payload>(
    headers: Option<&RawValue>,
    payload: Option<&RawValue>,
) -> Result<Message<P>, Fault> {
    let spec = P::SPEC;
    let payload = match payload {
        _ if spec.is_none() => "null",
        Some(payload) => payload.get(),
        None => {
            let message = format!("`{}` has no payload", spec.name());
            return Err(Fault::new(Fault::INVALID_MESSAGE, message));
        }
    };
    let headers = headers.map_or("{}", RawValue::get);
    Ok(Message::new(
        parse(payload, "payload", spec.name())?,
        parse(headers, "headers", spec.name())?,
    ))
}

/// Reads one half of a message that came from a peer.
pub(crate) fn parse<T: serde::de::DeserializeOwned>(
    text: &str,
    half: &str,
    message: &str,
) -> Result<T, Fault> {
    strict::from_str(text).map_err(|error| {
        Fault::new(
            Fault::INVALID_MESSAGE,
            format!("the {half} of `{message}`: {error}"),
        )
    })
}

//! From a service's implementation to a provider: one line for each interaction.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::value::RawValue;
use tokio_util::task::TaskTracker;

use crate::fault::Fault;
use crate::frame::{Body, Op};
use crate::interaction::Interaction;
use crate::names::Names;
use crate::parameters::{Parameters, Parts};
use crate::payload::{Address, Message, MessageSpec, NoHeaders, Payload, same};
use crate::provider::{Asker, Handler, Prepared, Provider, Work, parse, parse_text};
use crate::reply::{Replies, Turn};
use crate::request::{Ack, Request, Updates};
use crate::response::{ReplyChannel, Response};
use crate::subscribers::{Source, Subscribers};
use crate::topics::{Bus, Home};

/// Collects the handlers of one service; for generated code.
pub struct Wiring<T> {
    document: &'static str,
    service: Arc<T>,
    handlers: Vec<Arc<dyn Handler>>,
    tasks: TaskTracker,
    home: Arc<Home>,
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
            home: Arc::default(),
        }
    }

    /// All interactions are wired.
    #[must_use]
    pub fn finish(self) -> Provider {
        Provider::new(self.document, self.handlers, self.tasks, self.home)
    }

    /// One message, no answer.
    #[must_use]
    pub fn send<M, A, F>(
        self,
        interaction: Interaction,
        call: impl Fn(Arc<T>, Request<M, A>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        M: Payload,
        A: Parameters,
        F: Future<Output = Result<(), Fault>> + Send + 'static,
    {
        let service = Arc::clone(&self.service);
        self.task(
            interaction,
            Answer::None,
            move |request: Request<M, A>, replies| {
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
    pub fn submit<M, A, E, F>(
        self,
        interaction: Interaction,
        call: impl Fn(Arc<T>, Request<M, A>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        M: Payload,
        A: Parameters,
        E: Payload,
        F: Future<Output = Result<(), Fault<E>>> + Send + 'static,
    {
        let service = Arc::clone(&self.service);
        self.task(
            interaction,
            Answer::Once,
            move |request: Request<M, A>, replies| {
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
    pub fn request<M, A, R, E, F>(
        self,
        interaction: Interaction,
        call: impl Fn(Arc<T>, Request<M, A>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        M: Payload,
        A: Parameters,
        R: Response,
        E: Payload,
        F: Future<Output = Result<R, Fault<E>>> + Send + 'static,
    {
        let service = Arc::clone(&self.service);
        self.task(
            interaction,
            Answer::Once,
            move |request: Request<M, A>, replies| {
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
    pub fn invoke<M, A, K, R, E, F>(
        self,
        interaction: Interaction,
        call: impl Fn(Arc<T>, Request<M, A>, Ack<K, E>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        M: Payload,
        A: Parameters,
        K: Payload,
        R: Response,
        E: Payload,
        F: Future<Output = Result<R, Fault<E>>> + Send + 'static,
    {
        let service = Arc::clone(&self.service);
        self.task(
            interaction,
            Answer::Once,
            move |request: Request<M, A>, replies| {
                let turn = Turn::default();
                let ack = Ack::new(interaction.ack_channel(), replies.clone(), turn.stage());
                let run = call(Arc::clone(&service), request, ack);
                async move {
                    let result = run.await;
                    let is_acknowledged = turn.end();
                    // The ack comes before the response; the one of a handler that is done is implied.
                    if result.is_ok() && !is_acknowledged {
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
    pub fn progress<M, A, U, R, E, F>(
        self,
        interaction: Interaction,
        call: impl Fn(Arc<T>, Request<M, A>, Updates<U, E>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        M: Payload,
        A: Parameters,
        U: Payload,
        R: Response,
        E: Payload,
        F: Future<Output = Result<R, Fault<E>>> + Send + 'static,
    {
        let service = Arc::clone(&self.service);
        let call = Arc::new(call);
        self.task(
            interaction,
            Answer::Many,
            move |request: Request<M, A>, replies| {
                let (service, call) = (Arc::clone(&service), Arc::clone(&call));
                async move {
                    // Before the handler exists, which may send updates from its first moment on.
                    if replies.send(Body::Ack(None)).await.is_err() {
                        return;
                    }
                    let turn = Turn::default();
                    let channel = interaction.update_channel();
                    let updates = Updates::new(channel, replies.clone(), turn.stage());
                    let result = call(service, request, updates).await;
                    turn.end();
                    let body = response(&replies, &interaction, result);
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
    pub fn pubsub<S, P, A, E, F>(
        mut self,
        interaction: Interaction,
        call: impl Fn(Arc<T>, Subscribers<S, P, A>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        S: Payload,
        P: Payload,
        A: Parameters,
        E: Payload,
        F: Future<Output = Result<(), Fault<E>>> + Send + 'static,
    {
        let service = Arc::clone(&self.service);
        let run = Box::new(
            move |subscribers| -> Pin<Box<dyn Future<Output = _> + Send>> {
                Box::pin(call(Arc::clone(&service), subscribers))
            },
        );
        let home = Arc::clone(&self.home);
        let source = Arc::new(Source::new(interaction, home, self.tasks.clone(), run));
        self.handlers.push(Arc::new(PubSub {
            interaction,
            home: Arc::clone(&self.home),
            source,
        }));
        self
    }

    fn task<M, A, F>(
        mut self,
        interaction: Interaction,
        answer: Answer,
        run: impl Fn(Request<M, A>, Replies) -> F + Send + Sync + 'static,
    ) -> Self
    where
        M: Payload,
        A: Parameters,
        F: Future<Output = ()> + Send + 'static,
    {
        self.handlers.push(Arc::new(Task {
            interaction,
            answer,
            home: Arc::clone(&self.home),
            run,
            message: PhantomData::<fn(M, A)>,
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

fn response<R: Response, E: Payload>(
    replies: &Replies,
    interaction: &Interaction,
    result: Result<R, Fault<E>>,
) -> Body {
    match result {
        Ok(response) => response
            .write(ReplyChannel(interaction.reply_channel()))
            .for_peer(replies),
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
struct Task<M, A, R> {
    interaction: Interaction,
    answer: Answer,
    home: Arc<Home>,
    run: R,
    message: PhantomData<fn(M, A)>,
}

impl<M, A, R, F> Handler for Task<M, A, R>
where
    M: Payload,
    A: Parameters,
    R: Fn(Request<M, A>, Replies) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    fn interaction(&self) -> &Interaction {
        &self.interaction
    }

    fn starter(&self) -> &'static MessageSpec {
        const { &M::SPEC }
    }

    fn message(&self) -> &'static str {
        M::SPEC.name()
    }

    fn bus(&self) -> &Bus {
        self.home.bus()
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

    fn address(&self) -> Address {
        address::<M, A>()
    }

    fn names(&self) -> Names {
        self.home.names()
    }

    fn check(&self, parts: Parts<'_>) -> Result<(), Fault> {
        message::<M>(parts).map(drop)
    }

    fn read(self: Arc<Self>, parts: Parts<'_>, asker: Asker<'_>) -> Result<Prepared, Fault> {
        let (message, parameters) = read::<M, A>(parts, &self.interaction, self.home.names())?;
        Ok(asker.prepare(self, parts, |this, context, replies| {
            let request = Request::new(message, parameters, context);
            // Not even what a handler does before it first awaits is done before it may begin.
            Work::Task(Box::pin(async move { (this.run)(request, replies).await }))
        }))
    }
}

struct PubSub<S: Payload, P: Payload, A: Parameters, E: Payload> {
    interaction: Interaction,
    home: Arc<Home>,
    source: Arc<Source<S, P, A, E>>,
}

impl<S: Payload, P: Payload, A: Parameters, E: Payload> Handler for PubSub<S, P, A, E> {
    fn interaction(&self) -> &Interaction {
        &self.interaction
    }

    fn starter(&self) -> &'static MessageSpec {
        const { &S::SPEC }
    }

    fn message(&self) -> &'static str {
        if S::SPEC.is_none() {
            P::SPEC.name()
        } else {
            S::SPEC.name()
        }
    }

    fn bus(&self) -> &Bus {
        self.home.bus()
    }

    fn op(&self) -> Op {
        Op::Subscribe
    }

    fn is_answered(&self) -> bool {
        true
    }

    fn address(&self) -> Address {
        address::<S, A>()
    }

    fn names(&self) -> Names {
        self.home.names()
    }

    fn check(&self, parts: Parts<'_>) -> Result<(), Fault> {
        message::<S>(parts).map(drop)
    }

    fn read(self: Arc<Self>, parts: Parts<'_>, asker: Asker<'_>) -> Result<Prepared, Fault> {
        let (message, parameters) = read::<S, A>(parts, &self.interaction, self.home.names())?;
        Ok(asker.prepare(self, parts, |this, context, replies| {
            let source = Arc::clone(&this.source);
            Work::Membership(Box::new(move |since| {
                let request = Request::new(message, parameters, context);
                source.subscribe(request, replies, since)
            }))
        }))
    }
}

fn address<P: Payload, A: Parameters>() -> Address {
    match A::ADDRESS {
        // They may stand for the message.
        "" => P::SPEC.parameters(),
        _ => <A as Payload>::SPEC.parameters(),
    }
}

fn read<P: Payload, A: Parameters>(
    parts: Parts<'_>,
    interaction: &Interaction,
    names: Names,
) -> Result<(Message<P>, A), Fault> {
    let channel = interaction.start_channel();
    let message = if const { P::SPEC.is_none() } {
        let parameters = parts.parameters_of(channel, const { &P::SPEC.parameters() }, names)?;
        let payload = parse(&parameters, "parameters", channel)?;
        Message::new(payload, headers::<P>(parts, channel)?)
    } else {
        message(parts)?
    };
    let parameters = match same(()) {
        Some(none) => none,
        None => {
            let address = const { &<A as Payload>::SPEC.parameters() };
            let parameters = parts.parameters_of(channel, address, names)?;
            parse(&parameters, "parameters", channel)?
        }
    };
    if let Some(place) = const { P::SPEC.replies_to() } {
        names.reply_address(place, parts.headers, parts.payload)?;
    }
    Ok((message, parameters))
}

fn message<P: Payload>(parts: Parts<'_>) -> Result<Message<P>, Fault> {
    let name = P::SPEC.name();
    let payload = match (parts.text, parts.payload) {
        (Some(text), _) => parse_text(text, "payload", name)?,
        (None, Some(payload)) => parse(payload.get(), "payload", name)?,
        (None, None) => {
            let message = format!("`{name}` has no payload");
            return Err(Fault::new(Fault::INVALID_MESSAGE, message));
        }
    };
    Ok(Message::new(payload, headers::<P>(parts, name)?))
}

fn headers<P: Payload>(parts: Parts<'_>, of: &str) -> Result<P::Headers, Fault> {
    match (parts.headers, same(NoHeaders)) {
        (None, Some(none)) => Ok(none),
        (headers, _) => parse(headers.map_or("{}", RawValue::get), "headers", of),
    }
}

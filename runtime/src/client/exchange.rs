//! The receiving end of one exchange, and the typed faces of it.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::Stream;
use tokio::sync::mpsc;

use super::driver::{Answers, Call, Calls, GivenUp, Kind, WAITING_ANSWERS};
use crate::fault::Fault;
use crate::frame::{Body, Content, Event, Open, Position, Subscribed};
use crate::payload::{Message, Payload};
use crate::response::{Incoming, Response};

/// Room for what begins and ends an exchange, beside what is counted.
const ACK_AND_END: usize = 2;

/// What comes back for one message. Dropping it gives the exchange up.
pub(super) struct Exchange {
    id: u64,
    answers: mpsc::Receiver<Event>,
    calls: Arc<Calls>,
    /// What the provider is told when this is dropped.
    given_up: GivenUp,
}

impl Exchange {
    /// Sends the message that starts it.
    pub(super) async fn start(
        calls: &Arc<Calls>,
        mut open: Open<'static>,
        kind: Kind,
    ) -> Result<Self, Fault> {
        let place = calls.place(&open).await?;
        let id = calls.next_id();
        open.id = Some(id);
        let (receiver, answers) = mpsc::channel(WAITING_ANSWERS + ACK_AND_END);
        let answered = Answers { receiver, kind };
        place.send(Call {
            open,
            answers: Some(answered),
        });
        Ok(Self {
            id,
            answers,
            calls: Arc::clone(calls),
            given_up: GivenUp::Early,
        })
    }

    /// The next answer. Cancelling it loses nothing.
    pub(super) async fn next<E: Payload>(&mut self) -> Result<Body, Fault<E>> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next<E: Payload>(&mut self, cx: &mut Context<'_>) -> Poll<Result<Body, Fault<E>>> {
        self.poll_event(cx)
            .map(|event| event.map(|event| event.body))
    }

    fn poll_event<E: Payload>(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event, Fault<E>>> {
        match ready!(self.answers.poll_recv(cx)) {
            Some(event) => Poll::Ready(Ok(event)),
            None => Poll::Ready(Err(self.calls.why_ended(self.id).widen())),
        }
    }

    /// Waits for the acknowledgement.
    pub(super) async fn acknowledged<E: Payload>(&mut self) -> Result<(), Fault<E>> {
        self.subscribed().await.map(|_| ())
    }

    /// Waits for the acknowledgement, and for what it says of a topic's history.
    pub(super) async fn subscribed<E: Payload>(&mut self) -> Result<Option<Subscribed>, Fault<E>> {
        match self.next().await? {
            Body::Ack(_) => Ok(None),
            Body::Subscribed(subscribed) => Ok(Some(subscribed)),
            other => Err(self.failure(other)),
        }
    }

    /// Waits for the response.
    pub(super) async fn response<R: Response, E: Payload>(&mut self) -> Result<R, Fault<E>> {
        match self.next().await? {
            Body::Message(content) => {
                self.has_been_answered();
                read(&content).map_err(Fault::widen)
            }
            // An interaction without a response message ends with none.
            Body::End => match R::read(Incoming::new(None)) {
                Ok(response) => Ok(response),
                Err(_) => Err(self.failure(Body::End)),
            },
            other => Err(self.failure(other)),
        }
    }

    /// The last answer has come, though nothing said so.
    pub(super) fn has_been_answered(&mut self) {
        self.given_up = GivenUp::Answered;
    }

    /// The fault that an answer is which should have been something else.
    #[expect(clippy::unused_self, reason = "an answer belongs to its exchange")]
    pub(super) fn failure<E: Payload>(&self, body: Body) -> Fault<E> {
        match body {
            Body::Fault(fault) => fault.widen(),
            Body::Declared(content) => match read(&content) {
                Ok(message) => Fault::from_declared(message),
                Err(fault) => fault.widen(),
            },
            Body::Ack(_) | Body::Subscribed(_) => out_of_turn("an acknowledgement"),
            Body::Message(_) => out_of_turn("a message"),
            Body::Gap => out_of_turn("a gap"),
            Body::End => out_of_turn("the end"),
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // First: a message that has not been sent yet is not sent then, and needs no giving up.
        self.answers.close();
        self.calls.give_up(self.id, self.given_up);
    }
}

fn out_of_turn<E: Payload>(what: &str) -> Fault<E> {
    Fault::new(
        Fault::OUT_OF_TURN,
        format!("the service sent {what} out of turn"),
    )
}

fn read<R: Response>(content: &Content) -> Result<R, Fault> {
    R::read(Incoming::new(Some(content)))
}

/// A subscription: the publications that are for it. Dropping it ends it.
///
/// It is a [`Stream`] as well. At least 256 publications wait here until they are taken; one more
/// ends the subscription with [`Fault::SLOW_CONSUMER`], so that none is lost unseen.
///
/// Where the connection is lost and made again, so is the subscription, with the message that it was
/// made with. Where the topic keeps a history, it goes on directly after the last publication that has
/// come. Otherwise some may be missing, as they are where the server had to drop them:
/// [`gaps`](Self::gaps) counts how often, and [`next_or_gap`](Self::next_or_gap) says where.
///
/// ```
/// # use specwire::{Fault, Payload, Subscription};
/// # async fn watch<P: Payload>(mut publications: Subscription<P>) -> Result<(), Fault> {
/// while let Some(publication) = publications.next().await? {
///     println!("{publication:?}");
/// }
/// # Ok(()) }
/// ```
pub struct Subscription<P, E: Payload = crate::NoError> {
    exchange: Exchange,
    position: Option<Position>,
    gaps: u64,
    /// What comes after the gap before it, which has been told.
    held: Option<Event>,
    end: Option<Result<(), Fault<E>>>,
    publication: PhantomData<P>,
}

/// What comes next in a [`Subscription`].
#[derive(Clone, Debug)]
pub enum Publication<P: Payload> {
    /// A message.
    Message(Message<P>),
    /// Some that were published may be missing here: the connection was lost and made again, or the
    /// server had to drop them because they were not taken in time
    /// ([`SlowConsumer`](crate::SlowConsumer)), of which raw and tagged frames do not tell.
    Gap,
}

impl<P: Payload, E: Payload> Subscription<P, E> {
    pub(super) async fn begun(mut exchange: Exchange) -> Result<Self, Fault<E>> {
        let subscribed = exchange.subscribed().await?;
        let mut subscription = Self {
            exchange,
            position: None,
            gaps: 0,
            held: None,
            end: None,
            publication: PhantomData,
        };
        if let Some(subscribed) = subscribed {
            subscription.position = subscribed.position.clone();
            // Not where it was to go on: the first thing to be told.
            if subscribed.recovered == Some(false) {
                let told = Event::new(None.into(), Body::Subscribed(subscribed));
                subscription.held = Some(told);
            }
        }
        Ok(subscription)
    }

    /// The next publication; `None` when the service has ended the subscription.
    ///
    /// Cancelling it loses nothing.
    ///
    /// # Errors
    ///
    /// [`Fault::INVALID_MESSAGE`] for a publication that is not what the document says; others follow
    /// it. Anything else is why the subscription failed: what the service says, or
    /// [`Fault::UNAVAILABLE`] when the client is closed. Nothing follows that.
    pub async fn next(&mut self) -> Result<Option<Message<P>>, Fault<E>> {
        std::future::poll_fn(|cx| self.poll_message(cx))
            .await
            .transpose()
    }

    /// The same, and the gaps between publications as well: for those who keep what is published,
    /// and have to ask for it anew.
    ///
    /// Cancelling it loses nothing.
    ///
    /// ```
    /// # use specwire::{Fault, Payload, Publication, Subscription};
    /// # async fn mirror<P: Payload>(mut changes: Subscription<P>) -> Result<(), Fault> {
    /// while let Some(publication) = changes.next_or_gap().await? {
    ///     match publication {
    ///         Publication::Message(change) => println!("{change:?}"),
    ///         Publication::Gap => println!("changes were missed: start over"),
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`next`](Self::next).
    pub async fn next_or_gap(&mut self) -> Result<Option<Publication<P>>, Fault<E>> {
        std::future::poll_fn(|cx| self.poll_publication(cx))
            .await
            .transpose()
    }

    /// How often publications may have been missed before the one that was taken last.
    #[must_use]
    pub fn gaps(&self) -> u64 {
        self.gaps
    }

    /// Where the publications that have been taken end, if the topic keeps a history: another
    /// subscription, of a later run of the program, say, goes on from there by
    /// [`Client::with_since`](crate::Client::with_since).
    #[must_use]
    pub fn position(&self) -> Option<&Position> {
        self.position.as_ref()
    }

    /// How the subscription ended: the service ended it, or it failed. `None` while it goes on.
    #[must_use]
    pub fn end(&self) -> Option<Result<(), &Fault<E>>> {
        self.end.as_ref().map(|end| end.as_ref().copied())
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message<P>, Fault<E>>>> {
        loop {
            match ready!(self.poll_publication(cx)) {
                Some(Ok(Publication::Message(message))) => return Poll::Ready(Some(Ok(message))),
                Some(Ok(Publication::Gap)) => {}
                Some(Err(fault)) => return Poll::Ready(Some(Err(fault))),
                None => return Poll::Ready(None),
            }
        }
    }

    fn poll_publication(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Publication<P>, Fault<E>>>> {
        if self.end.is_some() {
            return Poll::Ready(None);
        }
        loop {
            let event = match self.held.take() {
                Some(event) => event,
                None => match ready!(self.exchange.poll_event(cx)) {
                    Ok(event) => event,
                    Err(fault) => return Poll::Ready(Some(Err(self.failed(fault)))),
                },
            };
            if event.dropped > 0 {
                self.held = Some(Event {
                    dropped: 0,
                    ..event
                });
                return Poll::Ready(Some(Ok(self.gap())));
            }
            match event.body {
                // One that cannot be read is no reason to miss those that follow.
                Body::Message(content) => {
                    if let (Some(position), Some(offset)) = (&mut self.position, content.offset()) {
                        position.offset = offset;
                    }
                    let message = read(&content).map(Publication::Message);
                    return Poll::Ready(Some(message.map_err(Fault::widen)));
                }
                // That of the subscription itself has been taken: this one is of another connection.
                Body::Subscribed(subscribed) => {
                    self.position = subscribed.position;
                    if subscribed.recovered != Some(true) {
                        return Poll::Ready(Some(Ok(self.gap())));
                    }
                }
                // It has been told.
                Body::Gap => {}
                Body::Ack(_) => {
                    self.position = None;
                    return Poll::Ready(Some(Ok(self.gap())));
                }
                Body::End => {
                    self.end = Some(Ok(()));
                    return Poll::Ready(None);
                }
                other => {
                    let fault = self.exchange.failure(other);
                    return Poll::Ready(Some(Err(self.failed(fault))));
                }
            }
        }
    }

    fn gap(&mut self) -> Publication<P> {
        self.gaps = self.gaps.saturating_add(1);
        Publication::Gap
    }

    fn failed(&mut self, fault: Fault<E>) -> Fault<E> {
        self.end = Some(Err(fault.clone()));
        fault
    }
}

// Nothing here points into itself: the types are only names.
impl<P, E: Payload> Unpin for Subscription<P, E> {}

impl<P: Payload, E: Payload> Stream for Subscription<P, E> {
    type Item = Result<Message<P>, Fault<E>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_message(cx)
    }
}

/// A progress interaction under way: its updates, and then its response. Dropping it gives it up.
///
/// It is a [`Stream`] of the updates as well. A lost connection ends it: the service does not carry
/// on elsewhere.
///
/// ```
/// # use specwire::{Fault, Payload, Progress};
/// # async fn watch<U: Payload, R: Payload>(mut search: Progress<U, R>) -> Result<(), Fault> {
/// while let Some(update) = search.update().await? {
///     println!("found {update:?}");
/// }
/// println!("in all {:?}", search.response().await?);
/// # Ok(()) }
/// ```
pub struct Progress<U, R, E: Payload = crate::NoError> {
    exchange: Exchange,
    outcome: Option<Body>,
    types: PhantomData<(U, R, E)>,
}

impl<U: Payload, R: Payload, E: Payload> Progress<U, R, E> {
    pub(super) fn new(exchange: Exchange) -> Self {
        Self {
            exchange,
            outcome: None,
            types: PhantomData,
        }
    }

    /// The next update; `None` when there are no more, and the [response](Progress::response) is
    /// next.
    ///
    /// Cancelling it loses nothing.
    ///
    /// # Errors
    ///
    /// An update that is not what the document says. What the interaction itself fails with is told
    /// by the response.
    pub async fn update(&mut self) -> Result<Option<Message<U>>, Fault<E>> {
        std::future::poll_fn(|cx| self.poll_update(cx))
            .await
            .transpose()
    }

    fn poll_update(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message<U>, Fault<E>>>> {
        if self.outcome.is_some() {
            return Poll::Ready(None);
        }
        let outcome = match ready!(self.exchange.poll_next(cx)) {
            Ok(Body::Message(content))
                if content.message() == U::SPEC.name() && U::SPEC.name() != R::SPEC.name() =>
            {
                return Poll::Ready(Some(read(&content).map_err(Fault::widen)));
            }
            Ok(outcome) => outcome,
            Err(fault) => Body::Fault(fault),
        };
        self.outcome = Some(outcome);
        Poll::Ready(None)
    }

    /// The response, past any updates that have not been taken.
    ///
    /// # Errors
    ///
    /// What the service failed with, or [`Fault::UNAVAILABLE`] when the connection is lost.
    pub async fn response(mut self) -> Result<Message<R>, Fault<E>> {
        // An update that cannot be read is no reason to miss the response.
        while self.outcome.is_none() {
            let _ = self.update().await;
        }
        match self.outcome.take() {
            Some(Body::Message(content)) => {
                self.exchange.has_been_answered();
                read(&content).map_err(Fault::widen)
            }
            Some(Body::End) if R::SPEC.is_none() => {
                Response::read(Incoming::new(None)).map_err(Fault::widen)
            }
            Some(other) => Err(self.exchange.failure(other)),
            None => Err(out_of_turn("nothing")),
        }
    }
}

impl<U, R, E: Payload> Unpin for Progress<U, R, E> {}

/// The updates. The [response](Progress::response) is still to be had when they have ended.
impl<U: Payload, R: Payload, E: Payload> Stream for Progress<U, R, E> {
    type Item = Result<Message<U>, Fault<E>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_update(cx)
    }
}

/// An invoke interaction under way: acknowledged, and to be answered. Dropping it gives it up.
///
/// ```
/// # use specwire::{Fault, Invocation, Payload};
/// # async fn wait<A: Payload, R: Payload>(order: Invocation<A, R>) -> Result<(), Fault> {
/// println!("accepted: {:?}", order.ack());
/// println!("done: {:?}", order.response().await?);
/// # Ok(()) }
/// ```
pub struct Invocation<A: Payload, R, E: Payload = crate::NoError> {
    exchange: Exchange,
    ack: Option<Message<A>>,
    types: PhantomData<(R, E)>,
}

impl<A: Payload, R: Payload, E: Payload> Invocation<A, R, E> {
    pub(super) async fn acknowledged(mut exchange: Exchange) -> Result<Self, Fault<E>> {
        let ack = match exchange.next().await? {
            Body::Ack(Some(content)) => Some(read(&content).map_err(Fault::widen)?),
            Body::Ack(None) => None,
            other => return Err(exchange.failure(other)),
        };
        Ok(Self {
            exchange,
            ack,
            types: PhantomData,
        })
    }

    /// What the acknowledgement says, if it says anything.
    #[must_use]
    pub fn ack(&self) -> Option<&Message<A>> {
        self.ack.as_ref()
    }

    /// The response.
    ///
    /// # Errors
    ///
    /// What the service failed with, or [`Fault::UNAVAILABLE`] when the connection is lost.
    pub async fn response(mut self) -> Result<Message<R>, Fault<E>> {
        self.exchange.response().await
    }
}

macro_rules! opaque_debug {
    ($($name:ident<$($parameter:ident $(: $bound:ident)?),*>)*) => {$(
        impl<$($parameter $(: $bound)?),*> fmt::Debug for $name<$($parameter),*> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("id", &self.exchange.id)
                    .finish_non_exhaustive()
            }
        }
    )*};
}

opaque_debug! {
    Subscription<P, E: Payload>
    Progress<U, R, E: Payload>
    Invocation<A: Payload, R, E: Payload>
}

//! The receiving end of one exchange, and the typed faces of it.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::Stream;
use tokio::sync::mpsc;

use super::driver::{Calls, GivenUp, WAITING_ANSWERS};
use crate::fault::Fault;
use crate::frame::{Body, Content, Open};
use crate::payload::{Message, Payload};
use crate::response::{Incoming, Response};

/// Room for what begins and ends an exchange, beside what is counted.
const ACK_AND_END: usize = 2;

/// What comes back for one message. Dropping it gives the exchange up.
pub(super) struct Exchange {
    id: u64,
    answers: mpsc::Receiver<Body>,
    calls: Arc<Calls>,
    /// What the provider is told when this is dropped.
    given_up: GivenUp,
}

impl Exchange {
    /// Sends the message that starts it.
    pub(super) async fn start(calls: &Arc<Calls>, mut open: Open<'static>) -> Result<Self, Fault> {
        let id = calls.next_id();
        open.id = Some(id);
        let (sender, answers) = mpsc::channel(WAITING_ANSWERS + ACK_AND_END);
        // Made before the message is sent, so that a caller who stops waiting gives it up.
        let exchange = Self {
            id,
            answers,
            calls: Arc::clone(calls),
            given_up: GivenUp::Early,
        };
        calls.start(open, sender).await?;
        Ok(exchange)
    }

    /// The next answer. Cancelling it loses nothing.
    pub(super) async fn next<E: Payload>(&mut self) -> Result<Body, Fault<E>> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next<E: Payload>(&mut self, cx: &mut Context<'_>) -> Poll<Result<Body, Fault<E>>> {
        match ready!(self.answers.poll_recv(cx)) {
            Some(body) => Poll::Ready(Ok(body)),
            None => Poll::Ready(Err(self.calls.why_ended(self.id).widen())),
        }
    }

    /// Waits for the acknowledgement.
    pub(super) async fn acknowledged<E: Payload>(&mut self) -> Result<(), Fault<E>> {
        match self.next().await? {
            Body::Ack(_) => Ok(()),
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
            Body::Ack(_) => out_of_turn("an acknowledgement"),
            Body::Message(_) => out_of_turn("a message"),
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
        Fault::INVALID_FRAME,
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
    has_ended: bool,
    types: PhantomData<(P, E)>,
}

impl<P: Payload, E: Payload> Subscription<P, E> {
    pub(super) fn new(exchange: Exchange) -> Self {
        Self {
            exchange,
            has_ended: false,
            types: PhantomData,
        }
    }

    /// The next publication; `None` when the service has ended the subscription.
    ///
    /// Cancelling it loses nothing.
    ///
    /// # Errors
    ///
    /// [`Fault::INVALID_MESSAGE`] for a publication that is not what the document says; others follow
    /// it. Anything else is why the subscription failed: what the service says, or
    /// [`Fault::UNAVAILABLE`] when the connection is lost. Nothing follows that.
    pub async fn next(&mut self) -> Result<Option<Message<P>>, Fault<E>> {
        std::future::poll_fn(|cx| self.poll_publication(cx))
            .await
            .transpose()
    }

    fn poll_publication(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Message<P>, Fault<E>>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let publication = match ready!(self.exchange.poll_next(cx)) {
            // One that cannot be read is no reason to miss those that follow.
            Ok(Body::Message(content)) => {
                return Poll::Ready(Some(read(&content).map_err(Fault::widen)));
            }
            Ok(Body::End) => None,
            Ok(other) => Some(Err(self.exchange.failure(other))),
            Err(fault) => Some(Err(fault)),
        };
        self.has_ended = true;
        Poll::Ready(publication)
    }
}

// Nothing here points into itself: the types are only names.
impl<P, E: Payload> Unpin for Subscription<P, E> {}

impl<P: Payload, E: Payload> Stream for Subscription<P, E> {
    type Item = Result<Message<P>, Fault<E>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_publication(cx)
    }
}

/// A progress interaction under way: its updates, and then its response. Dropping it gives it up.
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
    /// An update that is not what the document says, or [`Fault::UNAVAILABLE`] when the connection
    /// is lost. What the service itself fails with is told by the response.
    pub async fn update(&mut self) -> Result<Option<Message<U>>, Fault<E>> {
        if self.outcome.is_some() {
            return Ok(None);
        }
        match self.exchange.next().await? {
            Body::Message(content)
                if content.message == U::SPEC.name() && U::SPEC.name() != R::SPEC.name() =>
            {
                read(&content).map(Some).map_err(Fault::widen)
            }
            outcome => {
                self.outcome = Some(outcome);
                Ok(None)
            }
        }
    }

    /// The response, past any updates that have not been taken.
    ///
    /// # Errors
    ///
    /// What the service failed with, or [`Fault::UNAVAILABLE`] when the connection is lost.
    pub async fn response(mut self) -> Result<Message<R>, Fault<E>> {
        while self.outcome.is_none() {
            self.update().await?;
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

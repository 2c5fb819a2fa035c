//! From typed messages to events: the road of one exchange back to its peer.

use std::any::TypeId;
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::bus::Publication;
use crate::fault::Fault;
use crate::frame::{Body, Carried, Content, Correlation as Correlated, Event, Origin, Told};
use crate::outbox::{Closed, Lane, Notice, Outbox, Reserved};
use crate::payload::{self, Message, NoHeaders, Payload, Place};
use crate::seldom::seldom;
use crate::strict;

/// Where the answers of one exchange go: to the connection that started it and no other, whatever
/// address the peer asked for.
#[derive(Clone, Debug)]
pub(crate) struct Replies {
    pub(crate) outbox: Outbox,
    pub(crate) origin: Origin,
    /// Of a subscription.
    pub(crate) lane: Option<Lane>,
}

impl Replies {
    /// Sends, waiting for room.
    pub(crate) async fn send(&self, body: Body) -> Result<(), Closed> {
        let event = Event::new(self.origin.clone(), body);
        match self.outbox.send_now(event) {
            // Rare, and more than all that a handler holds otherwise.
            Some(event) => Box::pin(self.outbox.send(event)).await,
            None => Ok(()),
        }
    }

    /// Waits for room for what is sent when the room is used.
    pub(crate) async fn reserve(&self, body: Body) -> Result<Reserved<'_>, Closed> {
        let event = Event::new(self.origin.clone(), body);
        self.outbox.reserve(event).await
    }

    /// Sends, waiting for room, if the exchange has a place for it then.
    pub(crate) async fn send_in_turn<E: Payload>(
        &self,
        body: Body,
        stage: &Stage,
    ) -> Result<(), Fault<E>> {
        let is_ack = matches!(body, Body::Ack(_));
        let may = || {
            if is_ack {
                stage.acknowledge()
            } else {
                !stage.is_answered()
            }
        };
        let event = Event::new(self.origin.clone(), body);
        let reserved = self.outbox.reserve(event).await;
        let sent = reserved.and_then(|reserved| reserved.queue_if(may));
        sent.map_err(|Closed| {
            if stage.is_answered() {
                let message = "the exchange has ended, and nothing more can be sent in it";
                Fault::new(Fault::OUT_OF_TURN, message)
            } else {
                Fault::new(Fault::UNAVAILABLE, "the peer is gone")
            }
        })
    }

    /// Sends now. A message is a publication, of which it depends on the policy what becomes if there
    /// is no room; without room for anything else the connection is given up.
    pub(crate) fn push(&self, body: Body) -> Result<(), Closed> {
        match (body, &self.lane) {
            (Body::Message(content), Some(lane)) => {
                self.outbox.publish_if(&mut content.into(), lane, || true)
            }
            (body, _) => self.outbox.push(Event::new(self.origin.clone(), body)),
        }
    }

    /// The same of a publication, unless `may` says no. Nothing else is queued while it is asked.
    pub(crate) fn publish_if(
        &self,
        notice: &mut Notice,
        may: impl Fn() -> bool,
    ) -> Result<(), Closed> {
        match &self.lane {
            Some(lane) => self.outbox.publish_if(notice, lane, may),
            None if may() => self.push(Body::Message(notice.content().clone())),
            None => Err(Closed),
        }
    }

    /// Sends the last word of a subscription now. Its subscriber is told of what he has lost before that.
    pub(crate) fn push_last(&self, body: Body) -> Result<(), Closed> {
        let event = Event::new(self.origin.clone(), body);
        match &self.lane {
            Some(lane) => self.outbox.push_last(event, lane),
            None => self.outbox.push(event),
        }
    }

    /// Waits until another message can be pushed, if the policy is to hold publishers: see
    /// [`Outbox::ready`].
    pub(crate) async fn ready(&self, start: Instant) {
        self.outbox.ready(start).await;
    }

    /// Ends the exchange with the document's own error message, or with a plain fault.
    pub(crate) fn failure<E: Payload>(&self, channel: &'static str, fault: Fault<E>) -> Body {
        match fault.into_declared() {
            Ok(message) => match Encoded::new(channel, &message) {
                Ok(encoded) => Body::Declared(encoded.for_peer(self)),
                Err(fault) => Body::Fault(fault),
            },
            Err(fault) => Body::Fault(fault),
        }
    }
}

/// How far an exchange has come whose handler may send more than the response. The handler may hand
/// the means to do so to others, who do not know.
#[derive(Debug, Default)]
pub(crate) struct Stage(AtomicU8);

const ASKED: u8 = 0;
const ACKNOWLEDGED: u8 = 1;
const ANSWERED: u8 = 2;

impl Stage {
    /// It is acknowledged from now on, unless it has come further already.
    fn acknowledge(&self) -> bool {
        let orders = (Ordering::AcqRel, Ordering::Acquire);
        self.0
            .compare_exchange(ASKED, ACKNOWLEDGED, orders.0, orders.1)
            .is_ok()
    }

    fn is_answered(&self) -> bool {
        self.0.load(Ordering::Acquire) == ANSWERED
    }
}

/// The handler's turn. Nothing is sent in it after this was dropped.
#[derive(Debug, Default)]
pub(crate) struct Turn(Arc<Stage>);

impl Turn {
    pub(crate) fn stage(&self) -> Arc<Stage> {
        Arc::clone(&self.0)
    }

    /// The handler is done; tells whether it acknowledged.
    pub(crate) fn end(self) -> bool {
        self.0.0.swap(ANSWERED, Ordering::AcqRel) == ACKNOWLEDGED
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.0.store(ANSWERED, Ordering::Release);
    }
}

/// A message, serialised once for all who receive it.
#[derive(Clone, Debug)]
pub(crate) struct Encoded {
    content: Content,
    /// Where each receiver's own correlation value goes.
    correlation: Option<Place>,
}

impl Encoded {
    /// # Errors
    ///
    /// A message that the document does not allow, such as one with a number that is not finite.
    pub(crate) fn new<P: Payload>(
        channel: &'static str,
        message: &Message<P>,
    ) -> Result<Self, Fault> {
        let text = match P::SPEC.carried_as() {
            payload::Content::Text => strict::text(&message.payload),
            payload::Content::Json | payload::Content::Binary => None,
        };
        let payload = match text {
            Some(text) => Carried::from(text),
            None => raw(&message.payload)?.into(),
        };
        let has_headers = TypeId::of::<P::Headers>() != TypeId::of::<NoHeaders>();
        let headers = has_headers.then(|| raw(&message.headers)).transpose()?;
        let correlation = P::SPEC.correlation();
        let correlation = correlation.filter(|correlation| !is_own(payload.json(), *correlation));
        let content = Content::new(Told {
            is_plain: false,
            channel: Cow::Borrowed(channel),
            message: Cow::Borrowed(P::SPEC.name()),
            headers: headers.filter(|headers| is_filled(headers)).map(Arc::from),
            payload,
            carried_as: P::SPEC.carried_as(),
            offset: None,
        });
        Ok(Self {
            content,
            correlation,
        })
    }

    /// A message of this type that came from the bus.
    pub(crate) fn carried<P: Payload>(
        channel: &'static str,
        publication: &Publication,
        offset: Option<u64>,
    ) -> Self {
        let (headers, payload) = publication.json();
        let correlation = P::SPEC.correlation();
        Self {
            correlation: correlation.filter(|correlation| !is_own(payload, *correlation)),
            content: Content::new(Told {
                is_plain: is_plain::<P>(payload),
                channel: Cow::Borrowed(channel),
                message: Cow::Borrowed(P::SPEC.name()),
                headers: headers.cloned(),
                payload: Arc::clone(payload).into(),
                carried_as: P::SPEC.carried_as(),
                offset,
            }),
        }
    }

    /// The message as the bus carries it.
    pub(crate) fn into_publication(self) -> Publication {
        let Told {
            message,
            headers,
            payload,
            ..
        } = self.content.into_told();
        Publication::of_json(message, headers, payload.into_shared())
    }

    /// The message as one receiver gets it: with the correlation value that it gave, if it did.
    pub(crate) fn for_peer(&self, replies: &Replies) -> Content {
        let (Some(Correlated { value, .. }), Some(_)) =
            (replies.origin.correlation.as_deref(), self.correlation)
        else {
            return self.content.clone();
        };
        let mut content = self.content.told().clone();
        match self.correlation {
            Some(Place::Header(name)) => {
                content.headers =
                    with_member(content.headers.as_deref(), name, value).or(content.headers);
            }
            Some(Place::Member(name)) => {
                if let Some(payload) = with_member(Some(content.payload.json()), name, value) {
                    content.payload = payload.into();
                }
            }
            None => {}
        }
        Content::new(content)
    }
}

/// A message on its way to many, of whom most are told the same.
#[derive(Debug)]
pub(crate) struct Telling<'a> {
    encoded: &'a Encoded,
    same: Notice,
    own: Option<Notice>,
}

impl<'a> Telling<'a> {
    pub(crate) fn new(encoded: &'a Encoded) -> Self {
        Self {
            encoded,
            same: encoded.content.clone().into(),
            own: None,
        }
    }

    /// What this one is told.
    pub(crate) fn to(&mut self, replies: &Replies) -> &mut Notice {
        if self.encoded.correlation.is_none() || replies.origin.correlation.is_none() {
            return &mut self.same;
        }
        self.own.insert(self.encoded.for_peer(replies).into())
    }
}

/// A payload of text is in a frame of its own what it is in JSON, but for the quotes.
fn is_plain<P: Payload>(payload: &RawValue) -> bool {
    let is_text = const { matches!(P::SPEC.carried_as(), payload::Content::Text) };
    is_text && payload.get().starts_with('"') && !payload.get().contains('\\')
}

/// A member of the payload that the service has filled in itself is the service's.
fn is_own(payload: &RawValue, correlation: Place) -> bool {
    match correlation {
        Place::Header(_) => false,
        Place::Member(name) => {
            crate::json::member(payload.get(), name).is_some_and(|value| value.get() != "null")
        }
    }
}

fn raw(value: &(impl Serialize + DeserializeOwned)) -> Result<Box<RawValue>, Fault> {
    strict::to_raw(value).map_err(|error| {
        seldom!(error, %error, "a message of ours is not what the document says");
        Fault::new(Fault::INTERNAL, "the service's message cannot be sent")
    })
}

fn is_filled(object: &RawValue) -> bool {
    !matches!(object.get(), "{}" | "null")
}

/// `object` with `name` set to `value`, in place of what it was.
fn with_member(object: Option<&RawValue>, name: &str, value: &RawValue) -> Option<Arc<RawValue>> {
    let mut members: Vec<(Cow<'_, str>, &RawValue)> = match object {
        Some(object) => crate::json::members(object.get()).ok()?,
        None => Vec::new(),
    };
    members.retain(|(member, _)| member != name);
    members.push((Cow::Borrowed(name), value));
    crate::json::object(&members).map(Arc::from)
}

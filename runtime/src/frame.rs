//! What travels between a peer and a provider, before any framing has made bytes of it.

mod content;

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub use self::content::Content;
pub(crate) use self::content::{Carried, Told};
use crate::fault::Fault;
use crate::payload::MessageSpec;

/// What a WebSocket carries (RFC 6455, 5.6).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Frame<'a> {
    /// Text in UTF-8.
    Text(Cow<'a, str>),
    /// Bytes.
    Binary(Cow<'a, [u8]>),
}

impl Frame<'_> {
    /// The same frame, independent of what it was read from.
    #[must_use]
    pub fn into_owned(self) -> Frame<'static> {
        match self {
            Self::Text(text) => Frame::Text(Cow::Owned(text.into_owned())),
            Self::Binary(bytes) => Frame::Binary(Cow::Owned(bytes.into_owned())),
        }
    }
}

impl From<String> for Frame<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl<'a> From<&'a str> for Frame<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<Vec<u8>> for Frame<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(Cow::Owned(bytes))
    }
}

impl<'a> From<&'a [u8]> for Frame<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Binary(Cow::Borrowed(bytes))
    }
}

/// A peer's number for one exchange; absent where the framing or the peer gives none.
pub(crate) type Id = Option<u64>;

/// The two ways to start an exchange.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Op {
    /// With a message that is answered at most once.
    Message,
    /// With a message that is answered any number of times, until either end ends it.
    Subscribe,
}

/// What a consumer tells a provider.
#[derive(Debug)]
pub(crate) enum Command {
    /// Starts an exchange.
    Open(Open<'static>),
    /// Ends one that the consumer no longer wants answers to.
    Close {
        /// The exchange.
        id: u64,
    },
}

/// The first message of an exchange, as far as its frame tells: what is left open is found out by
/// the messages that the URL reaches.
///
/// ```
/// use specwire::framing::Open;
///
/// // By its name, with headers as members beside the payload's own.
/// let by_name = Open::together(r#"{"subscriptionId":"1","replyTo":"x"}"#).message("beat_sub");
/// // With headers and payload apart, and a number that its answers repeat.
/// let numbered = Open::apart(None, Some(r#"{"subscriptionId":"1"}"#))?.channel("beat_sub").id(7);
/// # Ok::<(), specwire::Fault>(())
/// ```
#[derive(Clone, Debug)]
pub struct Open<'a> {
    pub(crate) id: Id,
    pub(crate) op: Option<Op>,
    /// As `channel` or `document/channel`.
    pub(crate) channel: Option<Cow<'a, str>>,
    pub(crate) message: Option<Cow<'a, str>>,
    /// Those of the channel's address.
    pub(crate) parameters: Option<Cow<'a, RawValue>>,
    pub(crate) halves: Halves<'a>,
    pub(crate) since: Option<Since>,
    /// Of a client's own message: what it is, and what may come back for it.
    pub(crate) expected: Option<fn() -> Expected>,
}

/// What a client sends, and what may come back for it, where frames do not say what they answer.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) sent: MessageSpec,
    /// The sender waits for an acknowledgement, be it a message or not.
    pub(crate) is_acknowledged: bool,
    pub(crate) answers: Vec<(Part, Candidate)>,
}

/// The part that a message has in an exchange.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    Ack,
    Update,
    Publication,
    Response,
    Error,
}

/// A message that something may be.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    pub(crate) spec: MessageSpec,
    /// Whether it can be read as that.
    pub(crate) reads: fn(&Content) -> bool,
}

/// A message's headers and payload.
#[derive(Clone, Debug)]
pub(crate) enum Halves<'a> {
    /// Each as JSON.
    Apart {
        headers: Option<Cow<'a, RawValue>>,
        payload: Option<Cow<'a, RawValue>>,
    },
    /// The payload as its content type has it. If that is JSON, headers are members beside its own.
    Together(Frame<'a>),
}

impl<'a> Open<'a> {
    /// A message of which only the payload is there, as its content type has it. Beside the members
    /// of one that is a JSON object, those that the message declares as headers are its headers.
    pub fn together(content: impl Into<Frame<'a>>) -> Self {
        Self::new(Halves::Together(content.into()))
    }

    /// A message whose headers and payload, where it has them, are JSON each: text is a string, and
    /// what is neither text nor JSON a string in base64.
    ///
    /// # Errors
    ///
    /// [`Fault::INVALID_FRAME`] for text that is not JSON.
    pub fn apart(headers: Option<&'a str>, payload: Option<&'a str>) -> Result<Self, Fault> {
        Ok(Self::new(Halves::Apart {
            headers: headers.map(raw).transpose()?,
            payload: payload.map(raw).transpose()?,
        }))
    }

    /// The same message, independent of the frame that it was read from.
    #[must_use]
    pub fn into_owned(self) -> Open<'static> {
        let name = |name: Option<Cow<'a, str>>| name.map(|name| Cow::Owned(name.into_owned()));
        Open {
            id: self.id,
            op: self.op,
            channel: name(self.channel),
            message: name(self.message),
            parameters: self.parameters.map(owned),
            halves: match self.halves {
                Halves::Apart { headers, payload } => Halves::Apart {
                    headers: headers.map(owned),
                    payload: payload.map(owned),
                },
                Halves::Together(frame) => Halves::Together(frame.into_owned()),
            },
            since: self.since,
            expected: self.expected,
        }
    }

    pub(crate) fn new(halves: Halves<'a>) -> Self {
        Self {
            id: None,
            op: None,
            channel: None,
            message: None,
            parameters: None,
            halves,
            since: None,
            expected: None,
        }
    }

    /// With a number that every answer repeats. No other exchange of the connection may have it.
    #[must_use]
    pub fn id(mut self, id: u64) -> Self {
        self.id = Some(id);
        self
    }

    /// With what the peer takes it to start: anything else is refused, and so is a message without
    /// an `id` that has answers. Where a framing does not tell, neither is asked.
    #[must_use]
    pub fn op(mut self, op: Op) -> Self {
        self.op = Some(op);
        self
    }

    /// On this channel, given as `channel` or `document/channel`.
    #[must_use]
    pub fn channel(mut self, channel: impl Into<Cow<'a, str>>) -> Self {
        self.channel = Some(channel.into());
        self
    }

    /// The message of this name.
    #[must_use]
    pub fn message(mut self, name: impl Into<Cow<'a, str>>) -> Self {
        self.message = Some(name.into());
        self
    }

    /// With the parameters of the channel's address: a JSON object of strings. Otherwise those of
    /// the URL's query count.
    ///
    /// # Errors
    ///
    /// [`Fault::INVALID_FRAME`] for text that is not JSON.
    pub fn parameters(mut self, parameters: &'a str) -> Result<Self, Fault> {
        self.parameters = Some(raw(parameters)?);
        Ok(self)
    }

    /// A subscription that begins with publications that the topic keeps.
    #[must_use]
    pub fn since(mut self, since: Since) -> Self {
        self.since = Some(since);
        self
    }
}

/// A place in the publications on one topic.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Position {
    /// Which history of the topic it is a place in: when the publications are counted anew, this is
    /// another.
    pub epoch: String,
    /// How many publications came up to it.
    pub offset: u64,
}

/// Which of the publications that a topic keeps a subscription begins with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Since {
    /// With what came after this.
    After(Position),
    /// With at most so many of the latest.
    Last(u64),
}

/// From where on publications come to a subscriber.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Subscribed {
    pub(crate) position: Option<Position>,
    pub(crate) recovered: Option<bool>,
}

impl Subscribed {
    /// The publications that follow are those after this; none if the topic keeps no history.
    #[must_use]
    pub fn position(&self) -> Option<&Position> {
        self.position.as_ref()
    }

    /// Whether nothing is missing between the position that the subscriber gave and the
    /// publications that follow, if he gave one.
    #[must_use]
    pub fn recovered(&self) -> Option<bool> {
        self.recovered
    }
}

fn raw(text: &str) -> Result<Cow<'_, RawValue>, Fault> {
    serde_json::from_str(text)
        .map(Cow::Borrowed)
        .map_err(|error| Fault::new(Fault::INVALID_FRAME, error.to_string()))
}

fn owned(text: Cow<'_, RawValue>) -> Cow<'static, RawValue> {
    Cow::Owned(text.into_owned())
}

/// What a provider tells a consumer.
#[derive(Clone, Debug)]
pub struct Event {
    pub(crate) origin: Origin,
    pub(crate) body: Body,
    pub(crate) dropped: u64,
}

impl Event {
    /// The number that the consumer gave the exchange, if it did.
    #[must_use]
    pub fn id(&self) -> Option<u64> {
        self.origin.id
    }

    /// The member that replies repeat, as its name and its JSON, if the message that this answers
    /// had it. Messages have it in place; where a fault has a frame, it belongs there.
    #[must_use]
    pub fn correlation(&self) -> Option<(&str, &str)> {
        let correlation = self.origin.correlation.as_deref()?;
        Some((correlation.name, correlation.value.get()))
    }

    /// What it says.
    #[must_use]
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// How many publications of the same subscription were dropped directly before this one, or this
    /// [`Body::Gap`], because the consumer did not keep up.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// What ties an answer to the message that it answers: where the framing has numbers, the
/// consumer's number; where it has none, the header that every reply repeats.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    pub(crate) id: Id,
    pub(crate) correlation: Option<Arc<Correlation>>,
}

/// What replies repeat, with its value as it was written.
#[derive(Debug)]
pub(crate) struct Correlation {
    /// The header, or the member of the payload.
    pub(crate) name: &'static str,
    pub(crate) value: Box<RawValue>,
}

impl From<Id> for Origin {
    fn from(id: Id) -> Self {
        Self {
            id,
            correlation: None,
        }
    }
}

/// What an [`Event`] says.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Body {
    /// The message was accepted; an acknowledgement may be a message itself.
    Ack(Option<Content>),
    /// A subscription was accepted, to a topic that keeps a history or by somebody who asked for it.
    Subscribed(Subscribed),
    /// A response, an update or a publication.
    Message(Content),
    /// Publications were dropped, [so many](Event::dropped), and none has come since.
    Gap,
    /// The document's own error message. The exchange has ended.
    Declared(Content),
    /// The exchange has failed.
    Fault(Fault),
    /// Nothing more follows in an exchange that could have many answers.
    End,
}

/// Bytes of a frame around its contents, at most.
const FRAME: usize = 128;
/// Bytes around a position or beside an offset, at most.
const PLACE: usize = 64;

impl Open<'_> {
    /// An upper bound of its frame's bytes, without escapes in names.
    pub(crate) fn weight(&self) -> usize {
        let length = |text: Option<&RawValue>| text.map_or(0, |text| text.get().len());
        let name = |name: &Option<Cow<'_, str>>| name.as_ref().map_or(0, |name| name.len());
        let halves = match &self.halves {
            Halves::Apart { headers, payload } => {
                length(headers.as_deref()).saturating_add(length(payload.as_deref()))
            }
            Halves::Together(Frame::Text(text)) => text.len(),
            Halves::Together(Frame::Binary(bytes)) => bytes.len(),
        };
        halves
            .saturating_add(length(self.parameters.as_deref()))
            .saturating_add(name(&self.channel))
            .saturating_add(name(&self.message))
            .saturating_add(FRAME)
    }
}

/// What somebody is told, as yet of no exchange.
impl From<Content> for Event {
    fn from(content: Content) -> Self {
        Self::new(Origin::default(), Body::Message(content))
    }
}

impl Event {
    pub(crate) fn new(origin: Origin, body: Body) -> Self {
        Self {
            origin,
            body,
            dropped: 0,
        }
    }

    /// What this holds of a queue's bytes: an upper bound of its frame, without escapes.
    pub(crate) fn weight(&self) -> usize {
        let body = match &self.body {
            Body::Ack(Some(content)) | Body::Message(content) | Body::Declared(content) => {
                return content.weight();
            }
            Body::Fault(fault) => fault.code().len().saturating_add(fault.message().len()),
            Body::Subscribed(subscribed) => subscribed.weight(),
            Body::Ack(None) | Body::Gap | Body::End => 0,
        };
        body.saturating_add(FRAME)
    }
}

impl Subscribed {
    fn weight(&self) -> usize {
        let position = self.position.as_ref();
        position.map_or(0, |position| position.epoch.len().saturating_add(PLACE))
    }
}

//! What travels between a peer and a provider, before any framing has made bytes of it.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::fault::Fault;
use crate::payload;

/// A peer's number for one exchange; absent where the framing or the peer gives none.
pub(crate) type Id = Option<u64>;

/// The two ways to start an exchange.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Op {
    /// A message that is answered at most once.
    Message,
    /// A message that is answered any number of times, until either end ends it.
    Subscribe,
}

/// What a consumer tells a provider.
#[derive(Debug)]
pub(crate) enum Command {
    /// Starts an exchange.
    Open(Open),
    /// Ends one that the consumer no longer wants answers to.
    Close {
        /// The exchange.
        id: u64,
    },
}

/// The first message of an exchange.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) id: Id,
    pub(crate) op: Op,
    /// The channel, as `channel` or `document/channel`.
    pub(crate) channel: String,
    /// The message's name; absent where the channel has only one.
    pub(crate) message: Option<String>,
    /// Those of the channel's address.
    pub(crate) parameters: Option<Box<RawValue>>,
    pub(crate) headers: Option<Box<RawValue>>,
    pub(crate) payload: Option<Box<RawValue>>,
}

/// What a provider tells a consumer.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) origin: Origin,
    pub(crate) body: Body,
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
pub(crate) enum Body {
    /// The message was accepted; an acknowledgement may be a message itself.
    Ack(Option<Content>),
    /// A response, an update or a publication.
    Message(Content),
    /// The document's own error message. The exchange has ended.
    Declared(Content),
    /// The exchange has failed.
    Fault(Fault),
    /// Nothing more follows in an exchange that could have many answers.
    End,
}

/// A message on a channel, serialised once however many receive it.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub(crate) channel: Cow<'static, str>,
    pub(crate) message: Cow<'static, str>,
    /// A JSON object that is not empty.
    pub(crate) headers: Option<Arc<RawValue>>,
    pub(crate) payload: Arc<RawValue>,
    /// What the payload is where a frame is nothing else. Not known of what a client receives,
    /// which has no such frames.
    pub(crate) carried_as: payload::Content,
}

/// Bytes of a frame around its contents, at most.
const FRAME: usize = 96;

impl Open {
    /// An upper bound of its frame's bytes, without escapes in names.
    pub(crate) fn weight(&self) -> usize {
        let length =
            |text: &Option<Box<RawValue>>| text.as_ref().map_or(0, |text| text.get().len());
        length(&self.headers)
            .saturating_add(length(&self.parameters))
            .saturating_add(length(&self.payload))
            .saturating_add(self.channel.len())
            .saturating_add(self.message.as_ref().map_or(0, String::len))
            .saturating_add(FRAME)
    }
}

impl Event {
    /// What this holds of a queue's bytes: an upper bound of its frame, without escapes.
    pub(crate) fn weight(&self) -> usize {
        let body = match &self.body {
            Body::Ack(Some(content)) | Body::Message(content) | Body::Declared(content) => {
                content.weight()
            }
            Body::Fault(fault) => fault.code().len().saturating_add(fault.message().len()),
            Body::Ack(None) | Body::End => 0,
        };
        body.saturating_add(FRAME)
    }
}

impl Content {
    fn weight(&self) -> usize {
        let headers = self
            .headers
            .as_ref()
            .map_or(0, |headers| headers.get().len());
        self.payload
            .get()
            .len()
            .saturating_add(headers)
            .saturating_add(self.channel.len())
            .saturating_add(self.message.len())
    }
}

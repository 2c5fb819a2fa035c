//! What a request is answered with: one message, or any one of several.

use crate::fault::Fault;
use crate::frame::{Body, Candidate, Content, Expected, Part};
use crate::payload::{Message, Payload};
use crate::provider::parse;
use crate::reply::{Encoded, Replies};

/// A response as a handler gives it and a client gets it. Messages are one each; generated code
/// implements it for an enum of several.
pub trait Response: Sized + Send + 'static {
    /// The messages that it may be.
    const MESSAGES: &'static [Candidate];

    /// What is sent for it.
    fn write(self, channel: ReplyChannel) -> Outgoing;

    /// Reads what has come.
    ///
    /// # Errors
    ///
    /// Another message than is expected, or one that is not what the document says.
    fn read(incoming: Incoming<'_>) -> Result<Self, Fault>;
}

impl Expected {
    /// What is sent, and nothing that comes back.
    pub(crate) fn of<M: Payload>() -> Self {
        Self {
            sent: M::SPEC,
            is_acknowledged: false,
            answers: Vec::new(),
        }
    }

    /// An acknowledgement comes first.
    pub(crate) fn acknowledged(mut self) -> Self {
        self.is_acknowledged = true;
        self
    }

    /// This message may come, where it is one.
    pub(crate) fn message<P: Payload>(mut self, part: Part) -> Self {
        if !P::SPEC.is_none() {
            self.answers.push((part, Candidate::of::<P>()));
        }
        self
    }

    /// A response may come.
    pub(crate) fn response<R: Response>(mut self) -> Self {
        let messages = R::MESSAGES.iter().filter(|message| !message.spec.is_none());
        self.answers
            .extend(messages.map(|message| (Part::Response, *message)));
        self
    }
}

/// The channel that a response travels on.
#[derive(Clone, Copy, Debug)]
pub struct ReplyChannel(pub(crate) &'static str);

/// A response that has been written.
#[derive(Debug)]
pub struct Outgoing(Result<Option<Encoded>, Fault>);

/// A response that has not been read.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a>(Option<&'a Content>);

impl Outgoing {
    /// The event for one peer.
    pub(crate) fn for_peer(self, replies: &Replies) -> Body {
        match self.0 {
            Ok(Some(encoded)) => Body::Message(encoded.for_peer(replies)),
            Ok(None) => Body::End,
            Err(fault) => Body::Fault(fault),
        }
    }
}

impl<'a> Incoming<'a> {
    /// A message, or the end of an interaction that has no response message.
    pub(crate) fn new(content: Option<&'a Content>) -> Self {
        Self(content)
    }

    /// The message's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.map_or("", |content| content.message())
    }

    /// It is none of the messages that the document names for it.
    #[must_use]
    pub fn unexpected(&self, expected: &str) -> Fault {
        let message = match self.0 {
            Some(content) => format!(
                "the service sent `{}` in place of {expected}",
                content.message()
            ),
            None => format!("the service sent the end in place of {expected}"),
        };
        Fault::new(Fault::UNKNOWN_MESSAGE, message)
    }

    fn message<P: Payload>(&self) -> Result<Message<P>, Fault> {
        let spec = P::SPEC;
        let name = spec.name();
        let (payload, headers) = match self.0 {
            None if spec.is_none() => ("null", "{}"),
            Some(content) if content.message() == name => {
                (content.payload(), content.headers().unwrap_or("{}"))
            }
            _ => return Err(self.unexpected(&format!("`{name}`"))),
        };
        Ok(Message::new(
            parse(payload, "payload", name)?,
            parse(headers, "headers", name)?,
        ))
    }
}

impl Candidate {
    /// The message of this payload.
    #[must_use]
    pub const fn of<P: Payload>() -> Self {
        Self {
            spec: P::SPEC,
            reads: |content| Incoming::new(Some(content)).message::<P>().is_ok(),
        }
    }
}

impl<P: Payload> Response for Message<P> {
    const MESSAGES: &'static [Candidate] = &[Candidate::of::<P>()];

    fn write(self, channel: ReplyChannel) -> Outgoing {
        if P::SPEC.is_none() {
            return Outgoing(Ok(None));
        }
        Outgoing(Encoded::new(channel.0, &self).map(Some))
    }

    fn read(incoming: Incoming<'_>) -> Result<Self, Fault> {
        incoming.message()
    }
}

impl<P: Payload> Response for P
where
    P::Headers: Default,
{
    const MESSAGES: &'static [Candidate] = &[Candidate::of::<P>()];

    fn write(self, channel: ReplyChannel) -> Outgoing {
        Message::from(self).write(channel)
    }

    fn read(incoming: Incoming<'_>) -> Result<Self, Fault> {
        incoming.message().map(|message| message.payload)
    }
}

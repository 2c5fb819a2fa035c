//! What a handler gives, and a peer receives, instead of an answer.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use crate::payload::{Message, NoError, Payload};

/// The failure of one interaction, as its peer sees it.
///
/// A handler returns one instead of an answer, and the client's method of the same interaction
/// returns it. `E` is the error message that the document declares for the interaction; an
/// interaction without one has [`NoError`]. Only what is put into a fault reaches the peer.
///
/// ```
/// use specwire::Fault;
///
/// let fault: Fault = Fault::new("unknown_app", "no app has the identifier 7");
/// assert_eq!(fault.to_string(), "unknown_app: no app has the identifier 7");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Fault<E: Payload = NoError> {
    code: Cow<'static, str>,
    message: String,
    declared: Option<Box<Message<E>>>,
}

/// Codes of the faults that specwire itself gives. A handler may use any other.
impl Fault {
    /// The document's own error message was sent; see [`Fault::declared`].
    pub const DECLARED: &'static str = "declared";
    /// The frame is not what the framing asks for, such as JSON that does not parse.
    pub const INVALID_FRAME: &'static str = "invalid_frame";
    /// The payload or the headers are not what the document says.
    pub const INVALID_MESSAGE: &'static str = "invalid_message";
    /// A parameter of a channel's address, or an address for replies, is no name that the service
    /// takes.
    pub const INVALID_ADDRESS: &'static str = "invalid_address";
    /// No message of the URL that was opened has this shape.
    pub const UNMATCHED_MESSAGE: &'static str = "unmatched_message";
    /// Several messages of the URL that was opened have this shape.
    pub const AMBIGUOUS_MESSAGE: &'static str = "ambiguous_message";
    /// The URL that was opened has no such channel, or nothing can be sent to it.
    pub const UNKNOWN_CHANNEL: &'static str = "unknown_channel";
    /// The channel has no such message.
    pub const UNKNOWN_MESSAGE: &'static str = "unknown_message";
    /// `msg` where the interaction takes `sub`, or `sub` where it takes `msg`.
    pub const WRONG_OP: &'static str = "wrong_op";
    /// The id is that of an exchange that has not ended.
    pub const DUPLICATE_ID: &'static str = "duplicate_id";
    /// The id is missing where an answer follows.
    pub const MISSING_ID: &'static str = "missing_id";
    /// A limit of the connection is reached; the message says which.
    pub const LIMIT_EXCEEDED: &'static str = "limit_exceeded";
    /// Something came, or was to be sent, at a point where the exchange has no place for it, such as
    /// an update after the response.
    pub const OUT_OF_TURN: &'static str = "out_of_turn";
    /// The receiver did not keep up, and messages could no longer be queued.
    pub const SLOW_CONSUMER: &'static str = "slow_consumer";
    /// No answer came in time.
    pub const TIMEOUT: &'static str = "timeout";
    /// The connection is closed or lost.
    pub const UNAVAILABLE: &'static str = "unavailable";
    /// The handler failed in a way that it did not put into words.
    pub const INTERNAL: &'static str = "internal";
}

impl<E: Payload> Fault<E> {
    /// A fault with a code to act upon and a message to read.
    ///
    /// Both are shown to the peer. By custom a code is in lower case with underscores.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            declared: None,
        }
    }

    /// What a program may act upon.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What a person may read.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The error message that the document declares, if it is what was sent.
    #[must_use]
    pub fn declared(&self) -> Option<&Message<E>> {
        self.declared.as_deref()
    }

    /// The same fault without the document's error message.
    #[must_use]
    pub fn into_undeclared(self) -> Fault {
        Fault {
            code: self.code,
            message: self.message,
            declared: None,
        }
    }

    /// The same fault with no more of its message than is worth sending: it may quote what a peer
    /// sent, once for each message that this could not be.
    #[must_use]
    pub(crate) fn shortened(mut self) -> Self {
        const SHOWN: usize = 1000;
        if let Some((end, _)) = self.message.char_indices().nth(SHOWN) {
            self.message.truncate(end);
            self.message.push('…');
        }
        self
    }

    pub(crate) fn from_declared(message: Message<E>) -> Self {
        let text = serde_json::to_string(&message.payload).unwrap_or_default();
        Self {
            code: Cow::Borrowed(Fault::DECLARED),
            message: format!("`{}` {text}", E::SPEC.name()),
            declared: Some(Box::new(message)),
        }
    }

    pub(crate) fn into_declared(self) -> Result<Message<E>, Fault> {
        match self.declared {
            Some(message) => Ok(*message),
            None => Err(self.into_undeclared()),
        }
    }
}

impl Fault {
    /// The same fault, for an interaction that declares the error message `E`.
    ///
    /// ```
    /// # use specwire::{Fault, Payload};
    /// fn find() -> Result<(), Fault> { Ok(()) }
    /// fn handler<E: Payload>() -> Result<(), Fault<E>> {
    ///     find().map_err(Fault::widen)
    /// }
    /// ```
    #[must_use]
    pub fn widen<E: Payload>(self) -> Fault<E> {
        Fault {
            code: self.code,
            message: self.message,
            declared: None,
        }
    }
}

impl<E: Payload> From<E> for Fault<E>
where
    E::Headers: Default,
{
    /// Fails the interaction with the document's own error message.
    fn from(payload: E) -> Self {
        Self::from_declared(payload.into())
    }
}

impl<E: Payload> fmt::Display for Fault<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl<E: Payload> StdError for Fault<E> {}

//! How messages are put into frames: one [`Framing`], three that are there, and what one is made of.
//!
//! A framing turns a frame into an [`Input`], which may start an exchange ([`Open`]), and an
//! [`Event`] into a frame. Which messages the URL reaches, what their schemas ask for and which
//! handler takes them is not its concern. `docs/protocol.md` is the specification of the three.
//!
//! ```
//! use std::borrow::Cow;
//!
//! use specwire::framing::{Body, Event, Frame, Framing, Input, Open, Refusal, Written};
//!
//! /// The message's name in the first line, and its JSON in the second.
//! #[derive(Clone, Debug)]
//! struct Lines;
//!
//! impl Framing for Lines {
//!     fn read<'a>(&mut self, frame: Frame<'a>) -> Result<Input<'a>, Refusal> {
//!         let Frame::Text(Cow::Borrowed(text)) = frame else {
//!             return Err(Refusal::new(1003, "only text is understood here"));
//!         };
//!         Ok(match text.split_once('\n') {
//!             Some((name, json)) => Input::Open(Open::together(json).message(name)),
//!             None => Input::fault("there is no second line"),
//!         })
//!     }
//!
//!     fn write<'a>(&self, event: &'a Event) -> Written<'a> {
//!         match event.body() {
//!             Body::Message(content) => match content.together() {
//!                 Frame::Text(json) => format!("{}\n{json}", content.message()).into(),
//!                 bytes => bytes.into(),
//!             },
//!             Body::Fault(fault) => format!("error\n{fault}").into(),
//!             _ => Written::Nothing,
//!         }
//!     }
//! }
//!
//! # fn with(provider: specwire::Provider) -> specwire::Provider {
//! // Connections that open this document's URLs, and ask for no subprotocol, speak it.
//! provider.framing(Lines)
//! # }
//! ```

mod cbor;
pub(crate) mod envelope;
pub(crate) mod raw;
pub(crate) mod tagged;

use std::any::TypeId;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

pub use self::envelope::Envelope;
pub use self::raw::Raw;
pub use self::tagged::Tagged;
use crate::fault::Fault;
pub use crate::frame::{Body, Content, Event, Frame, Op, Open, Position, Since, Subscribed};

/// One way to put messages into frames, as one connection of a server speaks it.
///
/// Each connection has a clone of its own, which may keep what it needs. Nothing that it is given
/// is larger than [`Limits::message_size`](crate::Limits::message_size). It must not block: it is
/// asked on the connection's own task, on one that writes for many connections, or by whoever publishes.
pub trait Framing: fmt::Debug + Send + Sync + 'static {
    /// What logs call it.
    fn name(&self) -> &'static str {
        std::any::type_name::<Self>()
    }

    /// The connection is open, and nothing has been read.
    fn opened(&mut self, _connection: Accepted) {}

    /// What one frame from the peer asks for.
    ///
    /// # Errors
    ///
    /// A peer that cannot be talked to is turned away: the connection is closed. What is wrong with
    /// one frame only is an [`Input::Fault`].
    fn read<'a>(&mut self, frame: Frame<'a>) -> Result<Input<'a>, Refusal>;

    /// The frame that says this to the peer.
    ///
    /// It may be asked for by whoever publishes, while nothing else can be queued for the peer: it neither
    /// waits nor publishes itself, nor does what it logs have anybody do so.
    fn write<'a>(&self, event: &'a Event) -> Written<'a>;

    /// Connections whose frames of a message that is published are the same as this one's, which are then
    /// made once for all of them: those whose framings say the same here. By default there are none, as in
    /// a framing whose frames have a number of the subscription in them; one that makes its frames of
    /// nothing but the message says `Some(TypeId::of::<Self>())`.
    fn alike(&self) -> Option<TypeId> {
        None
    }

    /// Opening the URL of a document or a channel starts what the service sends there by itself. So it
    /// is by default; a framing in which a peer can ask for it says no.
    fn subscribes_by_url(&self) -> bool {
        true
    }

    /// A first frame has to come, within
    /// [`Limits::init_timeout`](crate::Limits::init_timeout), and has not yet. None has to by default.
    fn is_waiting(&self) -> bool {
        false
    }
}

/// A connection, as its framing sees it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Accepted {
    /// The identifier that the server gave it.
    pub connection: Uuid,
    /// Bytes of the largest message that the server takes.
    pub message_size: usize,
}

impl Accepted {
    pub(crate) fn new(connection: Uuid, message_size: usize) -> Self {
        Self {
            connection,
            message_size,
        }
    }
}

/// What a frame asks for.
#[derive(Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// To start an exchange.
    Open(Open<'a>),
    /// To end the exchange that was started with this number.
    Close(u64),
    /// Nothing, for it is not what the framing asks for. The peer is told, and if it gave an `id`
    /// that is not in use, as the answer to that.
    Fault {
        /// The number that an answer would have.
        id: Option<u64>,
        /// What is wrong, as a rule with the code [`Fault::INVALID_FRAME`].
        fault: Fault,
    },
    /// This answer, which goes out after all that is queued.
    Answer(Frame<'static>),
    /// Nothing.
    Nothing,
}

impl Input<'_> {
    /// The same, independent of the frame that it was read from.
    #[must_use]
    pub fn into_owned(self) -> Input<'static> {
        match self {
            Self::Open(open) => Input::Open(open.into_owned()),
            Self::Close(id) => Input::Close(id),
            Self::Fault { id, fault } => Input::Fault { id, fault },
            Self::Answer(frame) => Input::Answer(frame),
            Self::Nothing => Input::Nothing,
        }
    }

    /// The frame is not what the framing asks for: a fault with the code [`Fault::INVALID_FRAME`].
    #[must_use]
    pub fn fault(message: impl fmt::Display) -> Self {
        Self::Fault {
            id: None,
            fault: invalid_frame(&message),
        }
    }
}

/// What a framing makes of an event.
#[derive(Debug)]
#[non_exhaustive]
pub enum Written<'a> {
    /// This frame.
    Frame(Frame<'a>),
    /// No frame, for the framing has none that says it.
    Nothing,
    /// The end of the connection, in place of a frame that would say what is wrong.
    Close(Refusal),
}

impl<'a, F: Into<Frame<'a>>> From<F> for Written<'a> {
    fn from(frame: F) -> Self {
        Self::Frame(frame.into())
    }
}

/// The peer is turned away: with a close code (RFC 6455, 7.4) and a reason.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    pub(crate) code: u16,
    pub(crate) reason: Cow<'static, str>,
}

impl Refusal {
    /// Closes with this code, and with as much of the reason as a close frame holds: 123 bytes.
    ///
    /// `docs/protocol.md` says what the ranges of codes mean to clients of this project.
    #[must_use]
    pub fn new(code: u16, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            reason: reason.into(),
        }
    }

    pub(crate) const fn constant(code: u16, reason: &'static str) -> Self {
        Self {
            code,
            reason: Cow::Borrowed(reason),
        }
    }
}

/// A framing that connections get clones of.
#[derive(Clone)]
pub(crate) struct Template(Arc<dyn Fn() -> Box<dyn Framing> + Send + Sync>);

impl Template {
    pub(crate) fn new(framing: impl Framing + Clone) -> Self {
        Self(Arc::new(move || Box::new(framing.clone())))
    }

    pub(crate) fn make(&self) -> Box<dyn Framing> {
        (self.0)()
    }
}

/// A framing that a client can ask for (RFC 6455, 1.9).
pub(crate) struct Subprotocol {
    pub(crate) name: &'static str,
    pub(crate) make: fn() -> Box<dyn Framing>,
}

const SUBPROTOCOLS: &[Subprotocol] = &[
    Subprotocol {
        name: envelope::JSON,
        make: || Box::new(Envelope::json()),
    },
    Subprotocol {
        name: envelope::CBOR,
        make: || Box::new(Envelope::cbor()),
    },
    Subprotocol {
        name: tagged::SUBPROTOCOL,
        make: || Box::new(Tagged),
    },
];

impl Subprotocol {
    /// The one of this name, if it is known.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        SUBPROTOCOLS.iter().find(|known| known.name == name)
    }
}

impl fmt::Debug for Subprotocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Subprotocol").field(&self.name).finish()
    }
}

fn invalid_frame(error: &impl fmt::Display) -> Fault {
    Fault::new(Fault::INVALID_FRAME, error.to_string())
}

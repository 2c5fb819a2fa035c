//! What a client writes and reads in place of commands and events.

use super::bare::Bare;
use crate::fault::Fault;
use crate::frame::{Command, Event, Frame};
use crate::framing::envelope::{self, Encoding, Received};
use crate::framing::tagged;

/// What a client is to speak.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Speaks {
    #[default]
    Json,
    Cbor,
    Raw,
    Tagged,
}

impl Speaks {
    /// What is asked for in the handshake.
    pub(super) fn subprotocol(self) -> Option<&'static str> {
        match self {
            Self::Json => Some(envelope::JSON),
            Self::Cbor => Some(envelope::CBOR),
            Self::Raw => None,
            Self::Tagged => Some(tagged::SUBPROTOCOL),
        }
    }

    /// Whether a server may speak it that has selected this subprotocol. Others than ours, which
    /// know none of this, select none.
    pub(super) fn is_spoken(self, selected: Option<&[u8]>) -> bool {
        match selected {
            None => self.envelope().is_none(),
            Some(selected) => self.subprotocol().map(str::as_bytes) == Some(selected),
        }
    }

    /// The envelope, and what it is written in, where that is spoken.
    pub(super) fn envelope(self) -> Option<Encoding> {
        match self {
            Self::Json => Some(Encoding::Json),
            Self::Cbor => Some(Encoding::Cbor),
            Self::Raw | Self::Tagged => None,
        }
    }

    pub(super) fn codec(self) -> Codec {
        match self.envelope() {
            Some(encoding) => Codec::Envelope(encoding),
            None => Codec::Bare(Bare::new(self == Self::Tagged)),
        }
    }
}

/// Frames to events and commands to frames, for one connection.
#[derive(Debug)]
pub(super) enum Codec {
    Envelope(Encoding),
    Bare(Bare),
}

impl Codec {
    /// The frame of a command, if it has one. What it brings about at once is added to the events.
    pub(super) fn write(
        &mut self,
        command: &Command,
        events: &mut Vec<Event>,
    ) -> Option<Frame<'static>> {
        match self {
            Self::Envelope(encoding) => envelope::write_command(command, *encoding),
            Self::Bare(bare) => bare.write(command, events),
        }
    }

    /// Adds what a frame says to the events; an answer is to be sent at once.
    ///
    /// # Errors
    ///
    /// A frame that no server sends that speaks this.
    pub(super) fn read(
        &mut self,
        frame: Frame<'_>,
        events: &mut Vec<Event>,
    ) -> Result<Option<Frame<'static>>, Fault> {
        let encoding = match self {
            Self::Envelope(encoding) => *encoding,
            Self::Bare(bare) => {
                bare.read(&frame, events);
                return Ok(None);
            }
        };
        match envelope::read_event(&encoding.text(frame)?, encoding)? {
            Received::Event(event) => events.push(event),
            Received::Ping { answer } => return Ok(answer),
            Received::Nothing => {}
        }
        Ok(None)
    }
}

//! What generated code names besides the public types. Not for anybody else: it changes with the
//! generator.

pub use serde;
pub use specwire_rules as rules;

pub use crate::interaction::Interaction;
pub use crate::payload::{Content, MessageSpec};
pub use crate::response::{Incoming, Outgoing, ReplyChannel, Response};
pub use crate::wiring::Wiring;

//! What generated code names besides the public types. Not for anybody else: it changes with the
//! generator.

pub use serde;
pub use specwire_rules as rules;

pub use crate::client::Call;
pub use crate::interaction::Interaction;
pub use crate::parameters::{read_address, write_address};
pub use crate::payload::{Content, MessageSpec};
pub use crate::response::{Incoming, Outgoing, ReplyChannel, Response};
pub use crate::union::{Branch, choose, read};
pub use crate::wiring::Wiring;

/// Reads a member that may be missing, and may be `null`: one that is there is `Some`.
///
/// # Errors
///
/// What reading the member fails with.
pub fn some<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: serde::Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// Reads a default that the document gives, if it is of its own schema, as the generator has seen
/// to.
#[must_use]
pub fn read_default<T: serde::de::DeserializeOwned>(text: &'static str) -> Option<T> {
    crate::strict::from_str(text).ok()
}

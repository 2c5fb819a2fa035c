//! What generated code names besides the public types. Not for anybody else: it changes with the
//! generator.

pub use serde;
pub use specwire_rules as rules;

pub use crate::client::Call;
pub use crate::frame::Candidate;
pub use crate::interaction::Interaction;
pub use crate::parameters::{read_address, write_address};
pub use crate::payload::{Content, MessageSpec};
pub use crate::response::{Incoming, Outgoing, ReplyChannel, Response};
pub use crate::string_enum::Text;
pub use crate::union::{Branch, choose, choose_valid, read};
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

/// Reads the members that an object has beside those that are declared. What serde hands on of them
/// is no longer read as the rest is.
///
/// # Errors
///
/// What reading the members fails with.
pub fn others<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: serde::Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    crate::strict::deserialize(deserializer)
}

/// Reads an integer, and makes something of it.
///
/// # Errors
///
/// What is no integer, or what `make` fails with.
pub fn integer<'de, T, E, D>(
    deserializer: D,
    make: impl FnOnce(i64) -> Result<T, E>,
) -> Result<T, D::Error>
where
    E: std::fmt::Display,
    D: serde::Deserializer<'de>,
{
    crate::strict::through_integer(deserializer, make)
}

/// Reads any value, and makes something of it.
///
/// # Errors
///
/// What cannot be read, or what `make` fails with.
pub fn value<'de, T, E, D>(
    deserializer: D,
    make: impl FnOnce(crate::Json) -> Result<T, E>,
) -> Result<T, D::Error>
where
    E: std::fmt::Display,
    D: serde::Deserializer<'de>,
{
    crate::strict::through_value(deserializer, make)
}

/// The value that `text` is JSON of.
#[must_use]
pub fn json(text: &'static str) -> crate::Json {
    serde_json::from_str(text).unwrap_or_default()
}

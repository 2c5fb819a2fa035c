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

/// The text of a value in which equal values are equal: without spaces, and with whole numbers as
/// such.
#[must_use]
pub fn canonical(value: &crate::Json) -> String {
    use crate::Json;
    match value {
        Json::Number(number) => match number.as_f64() {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "it is whole, and small enough"
            )]
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9.0e15 => {
                (float as i64).to_string()
            }
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}

/// The value that `text` is JSON of.
#[must_use]
pub fn json(text: &'static str) -> crate::Json {
    serde_json::from_str(text).unwrap_or_default()
}

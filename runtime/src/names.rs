//! What a peer may write where an address is made of it: the value of a parameter, and where replies
//! are to go.

use std::fmt;

use serde_json::value::RawValue;
use specwire_rules::{is_name, is_plain};

use crate::fault::Fault;
use crate::json;
use crate::payload::Place;

/// What a service takes. Values that the document lists are taken in any case.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Names {
    /// What no broker and no path could take for anything else.
    #[default]
    Plain,
    /// Any text that can be shown.
    Text,
}

impl Names {
    /// Bytes of the longest name, whatever the service takes.
    const MAX: usize = 255;

    /// Checks the JSON of a parameter's value. What is no string is told by who reads it.
    ///
    /// # Errors
    ///
    /// [`Fault::INVALID_ADDRESS`].
    pub(crate) fn value(
        self,
        parameter: &str,
        value: &RawValue,
        declared: &[&str],
    ) -> Result<(), Fault> {
        let Some(value) = json::unquoted(value) else {
            return Ok(());
        };
        if is_name(&value) || declared.contains(&&*value) {
            return Ok(());
        }
        self.text(&value, &format_args!("parameter `{parameter}`"), VALUE)
    }

    /// Checks the address for replies that a message has at this place, if it has one: names with dots
    /// between them. What is no string is told by who reads it.
    ///
    /// # Errors
    ///
    /// [`Fault::INVALID_ADDRESS`].
    pub(crate) fn reply_address(
        self,
        place: Place,
        headers: Option<&RawValue>,
        payload: Option<&RawValue>,
    ) -> Result<(), Fault> {
        let half = match place {
            Place::Header(_) => headers,
            Place::Member(_) => payload,
        };
        let address = half.and_then(|half| json::member(half.get(), place.name()));
        let Some(address) = address.and_then(json::unquoted) else {
            return Ok(());
        };
        let mut tokens = address.split('.');
        let is_token = |token: &str| !token.is_empty() && token.bytes().all(is_plain);
        // Brokers keep for themselves what begins with an underscore.
        if address.len() <= Self::MAX && !address.starts_with('_') && tokens.all(is_token) {
            return Ok(());
        }
        self.text(&address, &"address for replies", REPLY_ADDRESS)
    }

    /// Checks what is not plain.
    fn text(self, text: &str, what: &dyn fmt::Display, plain: &str) -> Result<(), Fault> {
        const TEXT: &str = "1 to 255 bytes without control characters";
        let expected = match self {
            Self::Plain => plain,
            Self::Text => TEXT,
        };
        let is_text = !text.is_empty() && text.len() <= Self::MAX && !text.contains(controls);
        if self == Self::Text && is_text {
            return Ok(());
        }
        let message = format!("found {} as the {what}, expected {expected}", Shown(text));
        Err(Fault::new(Fault::INVALID_ADDRESS, message))
    }
}

const VALUE: &str = "1 to 64 letters, digits, `-` and `_`, unless the service takes any text \
                     (`Provider::lenient_addresses`)";

const REPLY_ADDRESS: &str = "at most 255 letters, digits, `-` and `_`, with single dots between them \
                             and no `_` in front, unless the service takes any text \
                             (`Provider::lenient_addresses`)";

/// What controls how text is shown, and not only what programs do with it.
fn controls(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            // Where lines and paragraphs end, and which way they run.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// Displays as the beginning of the text, in quotes and with nothing in it that could not be seen.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 64;
        match self.0.char_indices().nth(SHOWN) {
            None => write!(f, "{:?}", self.0),
            Some((end, _)) => {
                let start = self.0.get(..end).unwrap_or_default();
                write!(f, "{start:?}… ({} bytes)", self.0.len())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How plain services, and those that take any text, find a value and an address for replies.
    fn found(text: &str) -> [bool; 4] {
        let json = serde_json::value::to_raw_value(text).unwrap();
        let value = |names: Names| names.value("a", &json, &["/listed/"]).is_ok();
        let headers = serde_json::value::to_raw_value(&serde_json::json!({"a": text})).unwrap();
        let place = Place::Header("a");
        let address = |names: Names| names.reply_address(place, Some(&headers), None).is_ok();
        [
            value(Names::Plain),
            value(Names::Text),
            address(Names::Plain),
            address(Names::Text),
        ]
    }

    #[test]
    fn s29_to_s32_names_are_plain_unless_a_service_takes_any_text() {
        let (long, longer) = ("x".repeat(64), "x".repeat(65));
        let (longest, too_long) = ("x".repeat(255), "x".repeat(256));
        for (text, expected) in [
            ("news", [true, true, true, true]),
            ("-A_9", [true, true, true, true]),
            ("beat_pub_0f0c-1", [true, true, true, true]),
            (&long, [true, true, true, true]),
            (&longer, [false, true, true, true]),
            (&longest, [false, true, true, true]),
            (&too_long, [false, false, false, false]),
            ("", [false, false, false, false]),
            // Plain as a value, and a broker's own as an address.
            ("_inbox", [true, true, false, true]),
            ("replies.client-1", [false, true, true, true]),
            ("BTC/USD", [false, true, false, true]),
            ("somebody@example.com", [false, true, false, true]),
            ("\u{ff0a}", [false, true, false, true]),
            ("a\u{200d}b", [false, true, false, true]),
            ("a\u{7f}", [false, false, false, false]),
            ("a\u{85}", [false, false, false, false]),
            ("\u{2066}a", [false, false, false, false]),
        ] {
            assert_eq!(found(text), expected, "{text:?}");
        }
        assert_eq!(found("/listed/"), [true, true, false, true]);
    }

    #[test]
    fn a_fault_says_what_was_found_and_what_is_taken() {
        let fault = |names: Names, text: &str| {
            let json = serde_json::value::to_raw_value(text).unwrap();
            names.value("roomId", &json, &[]).unwrap_err()
        };
        let plain = fault(Names::Plain, "a\u{202e}/\n");
        assert_eq!(plain.code(), Fault::INVALID_ADDRESS);
        assert_eq!(
            plain.message(),
            "found \"a\\u{202e}/\\n\" as the parameter `roomId`, expected 1 to 64 letters, digits, `-` \
             and `_`, unless the service takes any text (`Provider::lenient_addresses`)"
        );
        assert_eq!(
            fault(Names::Text, &"x".repeat(300)).message(),
            format!(
                "found \"{}\"… (300 bytes) as the parameter `roomId`, expected 1 to 255 bytes without \
                 control characters",
                "x".repeat(64)
            )
        );
    }
}

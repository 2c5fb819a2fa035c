//! The names of topics: what a broker takes as one name, and as no pattern.

use std::fmt::{self, Write as _};
use std::sync::Arc;

/// The name of a topic on a [`MessageBus`](super::MessageBus).
///
/// It has 1 to 1024 visible ASCII characters, none of which is a wildcard of NATS, MQTT or Redis
/// (`*`, `>`, `+`, `#`, `[`, `]`, `\`) or a quote. It begins neither with `$` nor with `_`, which
/// brokers keep for themselves, and no `.` is its first or last character or beside another.
///
/// The topic of a pub/sub interaction is `document/channel`; where the channel's address has
/// parameters, it is one for each set of values, as in `chat/room?roomId=42`. What is no letter,
/// digit, `-`, `_` or `~` in them is percent-encoded, so that no value names another topic.
///
/// ```
/// use specwire::bus::TopicName;
///
/// assert_eq!(TopicName::new("chat/room")?.as_str(), "chat/room");
/// let error = TopicName::new("chat/>").unwrap_err();
/// assert_eq!(error.to_string(), "found `>` in the name of a topic, which is no name but a pattern to brokers");
/// # Ok::<(), specwire::bus::InvalidTopic>(())
/// ```
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TopicName(Arc<str>);

/// Why there can be no topic of a name.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum InvalidTopic {
    /// The name is empty.
    Empty,
    /// It is too long.
    TooLong {
        /// Bytes that it has.
        bytes: usize,
    },
    /// It begins with what brokers keep for themselves.
    Reserved(char),
    /// It has this character, which is not visible ASCII.
    Character(char),
    /// It has this character, which would make a pattern of it.
    Wildcard(char),
    /// A `.` is its first or last character, or beside another.
    EmptyToken,
    /// A parameter of a channel's address is too long to be a part of it.
    LongValue {
        /// The parameter.
        parameter: String,
        /// Bytes that it has.
        bytes: usize,
    },
}

impl TopicName {
    /// Bytes of the longest name.
    pub const MAX: usize = 1024;

    /// Bytes of the longest value of a parameter of a channel's address.
    pub const MAX_VALUE: usize = 255;

    /// The topic of this name.
    ///
    /// # Errors
    ///
    /// [`InvalidTopic`] for a name that there can be no topic of.
    pub fn new(name: &str) -> Result<Self, InvalidTopic> {
        let Some(first) = name.chars().next() else {
            return Err(InvalidTopic::Empty);
        };
        if name.len() > Self::MAX {
            return Err(InvalidTopic::TooLong { bytes: name.len() });
        }
        if matches!(first, '$' | '_') {
            return Err(InvalidTopic::Reserved(first));
        }
        for character in name.chars() {
            match character {
                '*' | '>' | '+' | '#' | '[' | ']' | '\\' => {
                    return Err(InvalidTopic::Wildcard(character));
                }
                '"' | '\'' | '`' => return Err(InvalidTopic::Character(character)),
                character if character.is_ascii_graphic() => {}
                _ => return Err(InvalidTopic::Character(character)),
            }
        }
        if name.split('.').any(str::is_empty) {
            return Err(InvalidTopic::EmptyToken);
        }
        Ok(Self(name.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for InvalidTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the name of a topic is empty"),
            Self::TooLong { bytes } => write!(
                f,
                "the name of a topic has {bytes} bytes, expected at most {}",
                TopicName::MAX
            ),
            Self::Reserved(first) => write!(
                f,
                "the name of a topic begins with `{first}`, which brokers keep for themselves"
            ),
            Self::Character(character) => write!(
                f,
                "found `{}` in the name of a topic, expected visible ASCII",
                character.escape_default()
            ),
            Self::Wildcard(character) => write!(
                f,
                "found `{character}` in the name of a topic, which is no name but a pattern to brokers"
            ),
            Self::LongValue { parameter, bytes } => write!(
                f,
                "the parameter `{parameter}` has {bytes} bytes, expected at most {}",
                TopicName::MAX_VALUE
            ),
            Self::EmptyToken => {
                f.write_str("found nothing before, after or between the `.` of a topic's name")
            }
        }
    }
}

impl std::error::Error for InvalidTopic {}

/// Writes a document's or a channel's name, or a parameter's value, as a part of a topic's name.
pub(crate) fn write_name(part: &str, name: &mut String) {
    for byte in part.bytes() {
        // An underscore is a name's first character in no topic of ours.
        let is_first = name.is_empty();
        if byte.is_ascii_alphanumeric() || b"-~".contains(&byte) || byte == b'_' && !is_first {
            name.push(char::from(byte));
        } else {
            // A string takes whatever is written to it.
            let _ = write!(name, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S29 to S32: wildcards, control characters, reserved names.
    #[test]
    fn no_name_is_a_pattern_or_a_command() {
        for name in [
            "",
            ">",
            "*",
            "a.>",
            "a.*.b",
            "beat_pub_*",
            "a/+",
            "a/#",
            "a[b]",
            "a\\b",
            "x 5\r\nPUB admin 3",
            "a b",
            "a\tb",
            "a\0b",
            "a\u{2028}b",
            "a\u{202e}b",
            "\u{fc}",
            "a..b",
            ".a",
            "a.",
            ".",
            "$SYS.x",
            "$JS.API.x",
            "_INBOX.x",
            "_R_.x",
            "_specwire.x",
            "a\"b",
            "a'b",
        ] {
            assert!(TopicName::new(name).is_err(), "{name:?}");
        }
        assert_eq!(
            TopicName::new(&"a".repeat(1025)),
            Err(InvalidTopic::TooLong { bytes: 1025 })
        );
        for name in ["a", "a/b?c=d&e=%2F", "a.b", "A-Z_~", &"a".repeat(1024)] {
            assert_eq!(TopicName::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn whatever_is_written_into_a_name_is_one_part_of_it() {
        for (part, expected) in [
            ("room_1", "x/room_1"),
            ("a/b?c=d&e", "x/a%2Fb%3Fc%3Dd%26e"),
            ("..", "x/%2E%2E"),
            (">*+#%", "x/%3E%2A%2B%23%25"),
            ("\r\n\0 \u{fc}", "x/%0D%0A%00%20%C3%BC"),
        ] {
            let mut name = "x/".to_owned();
            write_name(part, &mut name);
            assert_eq!(name, expected);
            assert!(TopicName::new(&name).is_ok());
        }
        let mut name = String::new();
        write_name("_inbox", &mut name);
        assert_eq!(name, "%5Finbox");
    }
}

//! YAML: where everything is, and what scalars mean.
//!
//! The only file that knows the crates which read it. granit-parser reads documents; serde_yaml is
//! then asked what scalars are.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use granit_parser::{ErrorKind, Event as Read, Parser, ScalarStyle, ScanError};
use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

use super::Meaning;
use crate::diagnostic::{Code, Diagnostic, Place, Text, quote};

/// A step through a document, from its beginning to its end. An anchor is a number that aliases
/// repeat; 0 is none.
#[derive(Debug)]
pub(super) enum Event {
    Document,
    Scalar {
        text: String,
        /// Written without quotes.
        is_plain: bool,
        /// What it is said to be, such as `int`.
        tag: Option<String>,
        anchor: usize,
    },
    Sequence {
        anchor: usize,
    },
    Mapping {
        anchor: usize,
    },
    End,
    Alias {
        anchor: usize,
    },
}

/// Why a text cannot be read on.
#[derive(Debug)]
pub(super) struct Stop {
    pub(super) mistake: Diagnostic,
    /// It is about the line that it is on, or the one before, and the rest may be read without.
    pub(super) is_local: bool,
}

impl From<Diagnostic> for Stop {
    fn from(mistake: Diagnostic) -> Self {
        Self {
            mistake,
            is_local: false,
        }
    }
}

/// The events of `read` and the bytes that each is made of, up to the first mistake, whose place is
/// given in `text`, which is as long. Collections are at most `depth` deep; `too_deep` is what is said of deeper ones.
pub(super) fn events<'a>(
    text: &'a Arc<Text>,
    read: &'a str,
    depth: usize,
    too_deep: &'a str,
) -> impl Iterator<Item = Result<(Event, Range<usize>), Stop>> + 'a {
    let options = granit_parser::options! {
        flow_nesting_limit: depth,
        block_nesting_limit: depth,
    };
    let mut parser = Parser::new_from_str_with_options(read, options);
    std::iter::from_fn(move || {
        loop {
            let (event, span) = match parser.next_event()? {
                Ok(read) => read,
                Err(error) => {
                    let elsewhere = [ErrorKind::RecursionLimitExceeded, ErrorKind::UnknownAnchor];
                    return Some(Err(Stop {
                        is_local: !elsewhere.contains(error.kind()),
                        mistake: mistake(&error, text, too_deep),
                    }));
                }
            };
            let range = span.byte_range().unwrap_or_default();
            if let Some(tag) = event.tag().filter(|tag| tag.is_custom()) {
                let tagged = span.tag_span().and_then(|span| span.byte_range());
                let place = Place::new(text, tagged.unwrap_or(range), String::new());
                let message = format!(
                    "found the tag {}, expected plain YAML",
                    quote(&tag.original())
                );
                let help = "leave it out: what a tag of one's own does, no reader knows";
                let mistake = Diagnostic::error(Code::YamlTag, place, message).with_help(help);
                return Some(Err(mistake.into()));
            }
            let event = match event {
                Read::DocumentStart(..) => Event::Document,
                Read::Scalar(text, style, anchor, tag) => Event::Scalar {
                    text: text.into_owned(),
                    is_plain: style == ScalarStyle::Plain,
                    tag: tag.and_then(|tag| tag.core_suffix().map(str::to_owned)),
                    anchor,
                },
                Read::SequenceStart(_, anchor, _) => Event::Sequence { anchor },
                Read::MappingStart(_, anchor, _) => Event::Mapping { anchor },
                Read::SequenceEnd | Read::MappingEnd => Event::End,
                Read::Alias(anchor) => Event::Alias { anchor },
                // Comments and the ends of what has no contents of its own.
                _ => continue,
            };
            return Some(Ok((event, range)));
        }
    })
}

/// What is not YAML, with help where the mistake is a common one.
fn mistake(found: &ScanError, text: &Arc<Text>, too_deep: &str) -> Diagnostic {
    let at = found.marker().byte_offset().unwrap_or_default();
    let error = |code, message: String| {
        Diagnostic::error(code, Place::new(text, at..at, String::new()), message)
    };
    // Some of what it says is several lines.
    let said = || {
        error(
            Code::NotYaml,
            found
                .info()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
        )
    };
    let before = text.as_str().get(..at).unwrap_or_default();
    let after = text.as_str().get(at..).unwrap_or_default();
    match found.kind() {
        ErrorKind::RecursionLimitExceeded => error(Code::TooDeep, too_deep.to_owned()),
        ErrorKind::UnknownAnchor => {
            let name = after.split(|c: char| c.is_whitespace() || ",]}".contains(c));
            let message = format!(
                "no anchor before this alias: {}",
                quote(name.into_iter().next().unwrap_or(after))
            );
            error(Code::UnknownAnchor, message)
                .with_help("text that begins with `*` has to be in quotes")
        }
        ErrorKind::MappingValueNotAllowed => {
            let line = before.rsplit('\n').next().unwrap_or_default();
            said().with_help(if line.contains(':') {
                "text that contains `: ` has to be in quotes"
            } else {
                "is a `:` missing on the line before?"
            })
        }
        ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::ExpectedDocumentStart
        | ErrorKind::InvalidIndentation => {
            said().with_help("is it indented as far as its neighbours?")
        }
        ErrorKind::SimpleKeyExpected => said().with_help("is a `:` missing after the key?"),
        ErrorKind::ExpectedBlockSequenceEntry => {
            said().with_help("begin each item of a list with `- `")
        }
        ErrorKind::BlockSequenceEntryNotAllowed => {
            said().with_help("begin a list on a line of its own")
        }
        ErrorKind::UnexpectedCharacter { character } if character.is_control() => said()
            .with_help("control characters are written as escapes, in double quotes: `\\u0000`"),
        ErrorKind::UnexpectedCharacter { character } => {
            let character = quote(&character.to_string());
            said().with_help(format!(
                "text that begins with {character} has to be in quotes"
            ))
        }
        ErrorKind::MisplacedFlowCollectionEnd => {
            said().with_help("is the bracket missing that it would close?")
        }
        ErrorKind::MismatchedFlowCollectionEnd { open, .. }
        | ErrorKind::UnclosedFlowCollection { open } => {
            let close = if *open == '[' { ']' } else { '}' };
            said().with_help(format!("close the `{open}` with a `{close}`"))
        }
        ErrorKind::UnclosedQuotedScalar => said().with_help("end the text with the same quote"),
        ErrorKind::InvalidQuotedScalarIndent | ErrorKind::DocumentIndicatorInQuotedScalar => said()
            .with_help(match open_quote(before) {
                Some(quote) => {
                    let (line, _) = text.position(quote);
                    format!("the quote opened on line {line} is not closed")
                }
                None => "is a closing quote missing before it?".to_owned(),
            }),
        ErrorKind::InvalidTrailingSingleQuotedScalar => {
            said().with_help("write `''` for a quote within single quotes")
        }
        ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            said().with_help("write `\\\"` for a quote within double quotes")
        }
        ErrorKind::UnknownQuotedScalarEscape => {
            said().with_help("write `\\\\` for a backslash within double quotes")
        }
        ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation => {
            said().with_help("indent with spaces")
        }
        ErrorKind::ExpectedFlowMappingSeparator => {
            said().with_help("is a `}` or `,` missing before it?")
        }
        ErrorKind::ExpectedFlowSequenceSeparator => {
            said().with_help("is a `]` or `,` missing before it?")
        }
        _ => said(),
    }
}

/// Where the quoted text begins that `before` ends within, if there is but one possibility: of both
/// kinds of quotes the last one, if it stands where a value begins.
fn open_quote(before: &str) -> Option<usize> {
    let candidate = |quote: char| {
        let at = before.rfind(quote)?;
        let line = before.get(..at)?.lines().next_back().unwrap_or_default();
        let begins_value = match line.trim_end().chars().next_back() {
            None => true,
            Some('-' | '?') => line.ends_with(' '),
            Some(sign) => ":[{,".contains(sign),
        };
        begins_value.then_some(at)
    };
    match (candidate('\''), candidate('"')) {
        (Some(at), None) | (None, Some(at)) => Some(at),
        _ => None,
    }
}

/// What scalars mean, each written as it would be in a list.
///
/// # Errors
///
/// The index of the first that has no meaning, and why.
pub(super) fn meanings(scalars: &[&str]) -> Result<Vec<Meaning>, (usize, String)> {
    // One list, since a reader of its own for each would take long.
    let list: String = scalars
        .iter()
        .flat_map(|scalar| ["- ", scalar, "\n"])
        .collect();
    let mut meanings = Vec::with_capacity(scalars.len());
    let read = Meanings(&mut meanings).deserialize(serde_yaml::Deserializer::from_str(&list));
    let at = match read {
        Ok(()) if meanings.len() == scalars.len() => return Ok(meanings),
        Ok(()) => 0,
        Err(error) => error.location().map_or(0, |location| {
            // Each is on a line of its own.
            location.line().saturating_sub(1)
        }),
    };
    // Alone it is not said to be the hundredth of a list.
    let scalar = scalars.get(at).copied().unwrap_or_default();
    let alone = serde_yaml::Deserializer::from_str(scalar);
    let message = match OneMeaning.deserialize(alone) {
        Ok(_) => "this is not plain YAML".to_owned(),
        Err(error) => {
            let message = error.to_string();
            // Of a place that is not the document's.
            let end = message.find(" at line ").unwrap_or(message.len());
            message.get(..end).unwrap_or_default().to_owned()
        }
    };
    Err((at, message))
}

/// Reads a list of scalars.
struct Meanings<'a>(&'a mut Vec<Meaning>);

impl<'de> DeserializeSeed<'de> for Meanings<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Meanings<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of scalars")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(meaning) = seq.next_element_seed(OneMeaning)? {
            self.0.push(meaning);
        }
        Ok(())
    }
}

/// Reads a scalar, and nothing that has parts.
struct OneMeaning;

impl<'de> DeserializeSeed<'de> for OneMeaning {
    type Value = Meaning;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Meaning, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OneMeaning {
    type Value = Meaning;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a scalar")
    }

    fn visit_unit<E: Error>(self) -> Result<Meaning, E> {
        Ok(Meaning::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Meaning, E> {
        Ok(Meaning::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Meaning, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Meaning, E> {
        Ok(Meaning::Bool)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Meaning, E> {
        Ok(Meaning::Number)
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<Meaning, E> {
        Ok(Meaning::Number)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Meaning, E> {
        Ok(Meaning::Number)
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<Meaning, E> {
        Ok(Meaning::Number)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Meaning, E> {
        Ok(Meaning::Number)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Meaning, E> {
        // Such as `1e400`: in JSON a number may be of any size.
        Ok(match is_number_of_json(text) {
            true => Meaning::Number,
            false => Meaning::String,
        })
    }
}

/// It is written as JSON writes numbers.
fn is_number_of_json(text: &str) -> bool {
    let (number, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let whole = whole.strip_prefix('-').unwrap_or(whole);
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    (whole == "0" || !whole.starts_with('0'))
        && [whole, fraction, exponent].into_iter().all(is_digits)
}

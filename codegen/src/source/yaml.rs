//! YAML, read twice: where everything is, and what scalars mean.
//!
//! The only file that knows the crates which read it. granit-parser tells positions and is the one
//! that untrusted text meets first; serde_yaml then decides what each scalar is.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use granit_parser::{ErrorKind, Event as Read, Parser, ScalarStyle, ScanError};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

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
                return Some(Err(Diagnostic::error(Code::YamlTag, place, message).into()));
            }
            let event = match event {
                Read::DocumentStart(..) => Event::Document,
                Read::Scalar(text, style, anchor, _) => Event::Scalar {
                    text: text.into_owned(),
                    is_plain: style == ScalarStyle::Plain,
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

/// A document as serde_yaml sees it, written flat.
#[derive(Debug)]
pub(super) enum Piece {
    Scalar(Meaning),
    Sequence,
    Mapping,
    End,
}

/// The pieces of a text that has been read by [`events`] without a mistake, which keeps it harmless.
pub(super) fn pieces(text: &Arc<Text>, read: &str) -> Result<Vec<Piece>, Diagnostic> {
    let mut pieces = Vec::new();
    let reader = serde_yaml::Deserializer::from_str(read);
    let Err(error) = Pieces(&mut pieces).deserialize(reader) else {
        return Ok(pieces);
    };
    let (at, message) = match error.location() {
        Some(location) => {
            let (line, column) = (location.line(), location.column());
            // The place is shown by itself.
            let said = format!(" at line {line} column {column}");
            let message = error.to_string().replace(&said, "");
            (text.offset(line, column), message)
        }
        None => (0, error.to_string()),
    };
    let place = Place::new(text, at..at, String::new());
    Err(Diagnostic::error(Code::NotYaml, place, message))
}

/// Collects pieces. Unlike `serde_yaml::Value` it does not mind duplicate keys, which have been
/// reported with their places already.
struct Pieces<'a>(&'a mut Vec<Piece>);

impl Pieces<'_> {
    fn scalar<E>(self, meaning: Meaning) -> Result<(), E> {
        self.0.push(Piece::Scalar(meaning));
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Pieces<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Pieces<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("plain YAML")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.scalar(Meaning::Null)
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.scalar(Meaning::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.scalar(Meaning::Bool)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.scalar(Meaning::Number)
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<(), E> {
        self.scalar(Meaning::Number)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.scalar(Meaning::Number)
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<(), E> {
        self.scalar(Meaning::Number)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.scalar(Meaning::Number)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.scalar(Meaning::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.0.push(Piece::Sequence);
        while seq.next_element_seed(Pieces(self.0))?.is_some() {}
        self.0.push(Piece::End);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.0.push(Piece::Mapping);
        while map.next_key_seed(Pieces(self.0))?.is_some() {
            map.next_value_seed(Pieces(self.0))?;
        }
        self.0.push(Piece::End);
        Ok(())
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<(), A::Error> {
        let (_, tagged) = access.variant::<serde::de::IgnoredAny>()?;
        tagged.newtype_variant_seed(self)
    }
}

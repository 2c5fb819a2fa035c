//! What is not YAML: what granit-parser says of it, with help where the mistake is a common one.

use std::sync::Arc;

use granit_parser::{ErrorKind, ScanError};

use super::tree::too_deep;
use crate::diagnostic::{Diagnostic, Place, Text, quote};

pub(super) fn diagnostic(found: &ScanError, text: &Arc<Text>) -> Diagnostic {
    let at = found.marker().byte_offset().unwrap_or_default();
    let error =
        |message: String| Diagnostic::error(Place::new(text, at..at, String::new()), message);
    // Some of what it says is several lines.
    let said = || {
        error(
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
        ErrorKind::RecursionLimitExceeded => error(too_deep()),
        ErrorKind::UnknownAnchor => {
            let name = after.split(|c: char| c.is_whitespace() || ",]}".contains(c));
            let message = format!(
                "no anchor before this alias: {}",
                quote(name.into_iter().next().unwrap_or(after))
            );
            error(message).with_help("text that begins with `*` has to be in quotes")
        }
        ErrorKind::MappingValueNotAllowed => {
            said().with_help("text that contains `: ` has to be in quotes")
        }
        ErrorKind::ExpectedBlockMappingKey => {
            said().with_help("is it indented as far as its neighbours?")
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

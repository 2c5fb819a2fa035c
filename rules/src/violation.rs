//! What is wrong with a value.

use std::error::Error;
use std::fmt::{self, Write as _};

use crate::at::At;

/// Characters of a value or of a name that are shown.
const SHOWN: usize = 48;

/// A value that is not what its schema says: where it is, which rule it breaks, and how.
///
/// ```
/// use specwire_rules::{At, max_length};
///
/// let violation = max_length(&At::ROOT.member("symbol"), "EURUSD", 3).unwrap_err();
/// assert_eq!(violation.pointer(), "/symbol");
/// assert_eq!(violation.rule(), "maxLength");
/// assert_eq!(
///     violation.to_string(),
///     r#"/symbol: found "EURUSD" of 6 characters, expected at most 3 (maxLength)"#
/// );
/// ```
// Behind a pointer, so that a check that finds nothing hands back one word.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Violation(Box<Inner>);

#[derive(Clone, Debug, Eq, PartialEq)]
struct Inner {
    pointer: String,
    rule: &'static str,
    what: String,
}

impl Violation {
    /// The value at `at` breaks `rule`, a keyword of JSON Schema; `what` says how, as in
    /// `found 0, expected at least 1`.
    #[must_use]
    pub fn new(at: &At<'_>, rule: &'static str, what: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            pointer: at.pointer(),
            rule,
            what: what.into(),
        }))
    }

    pub(crate) fn found(
        at: &At<'_>,
        rule: &'static str,
        found: impl fmt::Display,
        expected: impl fmt::Display,
    ) -> Self {
        Self::new(at, rule, format!("found {found}, expected {expected}"))
    }

    /// Where the value is, as a JSON pointer (RFC 6901); empty for the whole of it.
    #[must_use]
    pub fn pointer(&self) -> &str {
        &self.0.pointer
    }

    /// The keyword of JSON Schema that says otherwise, such as `minimum`.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        self.0.rule
    }

    /// What was found and what was expected, without the place and the rule.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.0.what
    }

    /// The same of a member's name, and not of its value.
    pub(crate) fn of_name(mut self) -> Self {
        self.0.rule = "propertyNames";
        if let Some(rest) = self.0.what.strip_prefix("found ") {
            self.0.what = format!("found the name {rest}");
        }
        self
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.pointer.is_empty() {
            // Names come from a peer, and there may be a hundred of them.
            write!(f, "{}: ", cut(&self.0.pointer, 4 * SHOWN))?;
        }
        write!(f, "{} ({})", self.0.what, self.0.rule)
    }
}

impl Error for Violation {}

/// A string as it is shown: quoted, on one line, and cut where it is long.
pub(crate) fn quoted(text: &str) -> String {
    let mut shown = String::from('"');
    for c in text.chars().take(SHOWN) {
        match c {
            '"' | '\\' => {
                shown.push('\\');
                shown.push(c);
            }
            c if c.is_control() => {
                let _ = write!(shown, "{}", c.escape_default());
            }
            c => shown.push(c),
        }
    }
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown.push('"');
    shown
}

/// The start of a text, and whether there was more.
pub(crate) fn cut(text: &str, most: usize) -> String {
    let mut shown: String = text.chars().take(most).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

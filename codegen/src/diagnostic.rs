//! Mistakes in documents: each with its place, gathered so that one run shows all of them.

mod code;
mod errors;
mod json;
mod levels;
mod place;
mod render;
mod wording;

use std::fmt;

pub use code::{Code, UnknownCode};
pub(crate) use errors::Errors;
pub(crate) use levels::{Level, Levels};
pub(crate) use place::{Place, Text};
pub(crate) use wording::{choice, quote};

/// Whether a [`Diagnostic`] prevents code from being generated.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Severity {
    /// No code is generated.
    Error,
    /// Code is generated: what was plainly meant, or less than the document says.
    Warning,
}

/// One mistake in a document, or one thing that the generated code will not do.
///
/// Displays as one line, `file:line:column: error[code]: message`; [`Diagnostic::render`] shows the
/// place too.
///
/// ```
/// let mistakes = specwire_codegen::generate("clock.yaml", "asyncapi: 2.6.0").unwrap_err();
/// let mistake = mistakes.iter().next().expect("errors are never empty");
/// assert_eq!((mistake.line(), mistake.column()), (Some(1), Some(11)));
/// assert_eq!(mistake.pointer(), "/asyncapi");
/// assert_eq!(
///     mistake.to_string(),
///     "clock.yaml:1:11: error[SW0102]: found version `2.6.0` of AsyncAPI, expected 3.0 or 3.1",
/// );
/// ```
#[derive(Clone, Debug)]
pub struct Diagnostic(Box<Contents>);

#[derive(Clone, Debug)]
struct Contents {
    code: Code,
    severity: Severity,
    place: Place,
    message: String,
    related: Vec<(Place, String)>,
    help: Option<String>,
    /// The name that would have to be there for this not to be wrong.
    wanted: Option<String>,
    /// It may be but the consequence of an error elsewhere.
    is_doubtful: bool,
}

impl Diagnostic {
    pub(crate) fn error(code: Code, place: Place, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, place, message.into())
    }

    pub(crate) fn warning(code: Code, place: Place, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, place, message.into())
    }

    fn new(severity: Severity, code: Code, place: Place, message: String) -> Self {
        Self(Box::new(Contents {
            code,
            severity,
            place,
            message,
            related: Vec::new(),
            help: None,
            wanted: None,
            is_doubtful: false,
        }))
    }

    /// Says that the mistake is that this name is not there.
    pub(crate) fn for_want_of(mut self, name: &str) -> Self {
        self.0.wanted = Some(name.to_owned());
        self
    }

    /// Says that it may be but the consequence of an error elsewhere: it is shown if there is none.
    pub(crate) fn unless_errors(mut self) -> Self {
        self.0.is_doubtful = true;
        self
    }

    /// Where in the document it is, in bytes.
    pub(crate) fn offset(&self) -> Option<usize> {
        self.0.place.range.as_ref().map(|range| range.start)
    }

    /// Adds what would be right.
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Adds a suggestion, if there is one.
    pub(crate) fn did_you_mean(mut self, name: Option<&str>) -> Self {
        if let Some(name) = name {
            self.0.help = Some(format!("did you mean {}?", quote(name)));
        }
        self
    }

    /// Points at another place as well, perhaps of another file. There may be several.
    pub(crate) fn related(mut self, place: Place, label: impl Into<String>) -> Self {
        self.0.related.push((place, label.into()));
        self
    }

    /// What kind of mistake it is.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Whether it prevents code from being generated.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.0.severity
    }

    /// The document's file, as it was given.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.0.place.text.file
    }

    /// The line, counted from 1; `None` where the whole file is meant.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.0
            .place
            .range
            .as_ref()
            .map(|range| self.0.place.text.position(range.start).0)
    }

    /// The column in characters, counted from 1; `None` where the whole file is meant.
    #[must_use]
    pub fn column(&self) -> Option<usize> {
        self.0
            .place
            .range
            .as_ref()
            .map(|range| self.0.place.text.position(range.start).1)
    }

    /// The JSON pointer of the place, such as `/channels/beat_sub/address`; empty where the whole
    /// document, or no part of it that could be read, is meant.
    #[must_use]
    pub fn pointer(&self) -> &str {
        &self.0.place.pointer
    }

    /// What is wrong: lower case, one line, no full stop.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What would be right, if that is known.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// One line for where the severity is shown already.
    pub(crate) fn brief(&self) -> String {
        format!("{}: [{}] {}", self.origin(), self.0.code, self.0.message)
    }

    /// `file:line:column`
    fn origin(&self) -> String {
        match (self.line(), self.column()) {
            (Some(line), Some(column)) => format!("{}:{line}:{column}", self.file()),
            _ => self.file().to_owned(),
        }
    }
}

impl Severity {
    /// As it is shown.
    fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = self.0.severity.name();
        write!(
            f,
            "{}: {severity}[{}]: {}",
            self.origin(),
            self.0.code,
            self.0.message
        )
    }
}

/// What is wrong with one document and the files that it refers to, in their order: at least one
/// [`Severity::Error`], and the warnings beside it.
///
/// ```
/// let text = "asyncapi: 3.0.0\ninfo: {title: Clock}\nchanels: {}\n";
/// let mistakes = specwire_codegen::generate("clock.yaml", text).unwrap_err();
/// assert_eq!(
///     mistakes.to_string(),
///     "clock.yaml:2:1: warning[SW0104]: `version` is missing from `info`\n\
///      clock.yaml:3:1: error[SW0105]: unknown field `chanels`",
/// );
/// ```
#[derive(Clone, Debug)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// The mistakes, in document order.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// [`Diagnostic::render`] of each, with an empty line between.
    #[must_use]
    pub fn render(&self) -> String {
        self.0
            .iter()
            .map(Diagnostic::render)
            .collect::<Vec<_>>()
            .join("\n\n")
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(Diagnostic::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Diagnostics {}

//! Mistakes in documents: each with its place, gathered so that one run shows all of them.

mod code;
mod place;
mod wording;

use std::fmt;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

pub use code::Code;
pub(crate) use place::{Place, Text};
use wording::nearest;
pub(crate) use wording::quote;

/// How many mistakes of one severity are shown; that there are more is then said.
const SHOWN: usize = 1000;

/// How many lines are between two places that are shown in one piece; what is further apart is shown
/// in two.
const TOGETHER: usize = 100;

/// Up to how many mistakes it is worth looking for what was meant.
const SUGGESTED: usize = 100;

/// Whether a [`Diagnostic`] prevents code from being generated.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Severity {
    /// No code is generated.
    Error,
    /// Code is generated, but does less than the document says.
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
        }))
    }

    /// Says that the mistake is that this name is not there.
    pub(crate) fn for_want_of(mut self, name: &str) -> Self {
        self.0.wanted = Some(name.to_owned());
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

    /// Several lines of plain text, as rustc shows its errors: the message, the line of the
    /// document with the place underlined, and the help.
    ///
    /// ```
    /// let mistakes = specwire_codegen::generate("clock.yaml", "asyncapi: 2.6.0").unwrap_err();
    /// let text = mistakes.iter().next().expect("errors are never empty").render();
    /// assert!(text.contains("1 | asyncapi: 2.6.0\n  |           ^^^^^"), "{text}");
    /// ```
    #[must_use]
    pub fn render(&self) -> String {
        let level = match self.0.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level
            .primary_title(self.0.message.as_str())
            .id(self.0.code.to_string());
        let mut group = match &self.0.place.range {
            Some(_) => title.elements(self.snippets()),
            None => title.element(Origin::path(self.file())),
        };
        if let Some(help) = &self.0.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        let text = Renderer::plain().render(&[group]);
        text.lines()
            .map(str::trim_end)
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Each part of a text in which there is something to see, the mistake's own first.
    fn snippets(&self) -> Vec<Snippet<'_, annotate_snippets::Annotation<'_>>> {
        let mut parts = vec![Part::new(&self.0.place, AnnotationKind::Primary, "")];
        for (place, label) in &self.0.related {
            let part = Part::new(place, AnnotationKind::Context, label);
            match parts.iter_mut().find(|known| known.is_near(&part)) {
                Some(known) => known.marks.extend(part.marks),
                None => parts.push(part),
            }
        }
        parts.iter().map(Part::snippet).collect()
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

/// What is shown of a text in one piece.
struct Part<'d> {
    text: &'d Arc<Text>,
    marks: Vec<(&'d Place, AnnotationKind, &'d str)>,
}

impl<'d> Part<'d> {
    fn new(place: &'d Place, kind: AnnotationKind, label: &'d str) -> Self {
        Self {
            text: &place.text,
            marks: vec![(place, kind, label)],
        }
    }

    /// From the first byte that is marked to the last.
    fn range(&self) -> std::ops::Range<usize> {
        let ranges = self
            .marks
            .iter()
            .filter_map(|(place, ..)| place.range.clone());
        ranges
            .reduce(|all, range| all.start.min(range.start)..all.end.max(range.end))
            .unwrap_or_default()
    }

    /// The other can be shown together with this one.
    fn is_near(&self, other: &Self) -> bool {
        let line = |offset| self.text.position(offset).0;
        let (own, other_range) = (self.range(), other.range());
        Arc::ptr_eq(self.text, other.text)
            && line(other_range.start) <= line(own.end).saturating_add(TOGETHER)
            && line(own.start) <= line(other_range.end).saturating_add(TOGETHER)
    }

    fn snippet(&self) -> Snippet<'d, annotate_snippets::Annotation<'d>> {
        let (shown, first_line) = self.text.lines_around(&self.range());
        let snippet = Snippet::source(self.text.slice(&shown))
            .line_start(first_line)
            .path(self.text.file.as_str());
        snippet.annotations(self.marks.iter().filter_map(|(place, kind, label)| {
            let range = place.range.as_ref()?;
            let local =
                range.start.saturating_sub(shown.start)..range.end.saturating_sub(shown.start);
            let annotation = kind.span(local);
            Some(match *label {
                "" => annotation,
                label => annotation.label(label),
            })
        }))
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

/// All mistakes of one document, in document order: at least one. Each is a [`Severity::Error`].
///
/// ```
/// let text = "asyncapi: 3.0.0\ninfo: {title: Clock}\nchanels: {}\n";
/// let mistakes = specwire_codegen::generate("clock.yaml", text).unwrap_err();
/// assert_eq!(
///     mistakes.to_string(),
///     "clock.yaml:2:1: error[SW0104]: `version` is missing from `info`\n\
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

/// What the phases have found so far.
#[derive(Debug, Default)]
pub(crate) struct Errors {
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    more_errors: bool,
    more_warnings: bool,
    /// Lines that could not be read.
    passed_over: String,
}

impl Errors {
    /// From now on these lines are known not to have been read: what is missing may be on them.
    pub(crate) fn pass_over(&mut self, lines: String) {
        self.passed_over = lines;
    }

    /// Notes a mistake.
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        let wanted = diagnostic.0.wanted.as_deref();
        if wanted.is_some_and(|wanted| self.passed_over.contains(wanted)) {
            return;
        }
        let (list, more) = match diagnostic.0.severity {
            Severity::Error => (&mut self.errors, &mut self.more_errors),
            Severity::Warning => (&mut self.warnings, &mut self.more_warnings),
        };
        if list.len() < SHOWN {
            list.push(diagnostic);
        } else {
            *more = true;
        }
    }

    /// The name that was most likely meant by `wanted`, if any is near enough and it will be shown.
    pub(crate) fn nearest<'a>(
        &self,
        wanted: &str,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Option<&'a str> {
        let full = self.errors.len().max(self.warnings.len()) >= SUGGESTED;
        if full { None } else { nearest(wanted, names) }
    }

    /// Nothing so far prevents code from being generated.
    pub(crate) fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// The end of the phases: all errors, or else the warnings. Warnings beside errors would often
    /// be but their consequences.
    pub(crate) fn finish(self) -> Result<Vec<Diagnostic>, Diagnostics> {
        let failed = !self.is_empty();
        let (mut all, more) = if failed {
            (self.errors, self.more_errors)
        } else {
            (self.warnings, self.more_warnings)
        };
        let key = |diagnostic: &Diagnostic| {
            diagnostic
                .0
                .place
                .range
                .as_ref()
                .map(|range| (range.start, range.end))
        };
        // Stable: of two mistakes at one place, the one found by the earlier phase comes first.
        all.sort_by_key(key);
        let mut seen = std::collections::HashSet::new();
        all.retain(|diagnostic| seen.insert((key(diagnostic), diagnostic.0.message.clone())));
        if let Some(first) = all.first().filter(|_| more) {
            let place = Place::file(first.file());
            let message = format!("found more than these {SHOWN}: mend some to see the others");
            let severity = first.severity();
            all.push(Diagnostic::new(
                severity,
                Code::TooManyMistakes,
                place,
                message,
            ));
        }
        if failed {
            Err(Diagnostics(all))
        } else {
            Ok(all)
        }
    }
}

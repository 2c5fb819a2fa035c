//! Diagnostics as rustc shows them.

use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Element, Level, Origin, Renderer, Snippet};

use super::{Diagnostic, Place, Severity, Text};

/// How many lines are between two places that are shown in one piece; what is further apart is shown
/// in two.
const TOGETHER: usize = 100;

/// How many bytes are between two places that are shown in one piece.
const TOGETHER_BYTES: usize = 8000;

/// How much of a long place is shown, and how much of a line on each side of a place; and of one that goes
/// on for longer.
const WIDEST: usize = 200;
const BESIDE: usize = 120;
const BESIDE_OF_LONG: usize = 60;

impl Diagnostic {
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
            Some(_) => title.elements(self.parts().iter().flat_map(Part::elements)),
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
    fn parts(&self) -> Vec<Part<'_>> {
        let mut parts: Vec<Part<'_>> = Vec::new();
        parts.extend(Part::new(&self.0.place, AnnotationKind::Primary, ""));
        for (place, label) in &self.0.related {
            let part = Part::new(place, AnnotationKind::Context, label);
            let Some(part) = part else { continue };
            match parts.iter_mut().find(|known| known.is_near(&part)) {
                Some(known) => known.marks.extend(part.marks),
                None => parts.push(part),
            }
        }
        parts
    }
}

/// What is shown of a text in one piece.
struct Part<'d> {
    text: &'d Arc<Text>,
    /// Where each place is, how it is marked, and what is said of it.
    marks: Vec<(Range<usize>, AnnotationKind, &'d str)>,
}

impl<'d> Part<'d> {
    /// `None` if it is no part of a text, but all of it.
    fn new(place: &'d Place, kind: AnnotationKind, label: &'d str) -> Option<Self> {
        let text = &place.text;
        let Range { start, end } = place.range.clone()?;
        let end = text
            .as_str()
            .floor_char_boundary(end.min(start.saturating_add(WIDEST)));
        Some(Self {
            text,
            marks: vec![(start..end.max(start), kind, label)],
        })
    }

    /// From the first byte that is marked to the last.
    fn range(&self) -> Range<usize> {
        let ranges = self.marks.iter().map(|(range, ..)| range.clone());
        ranges
            .reduce(|all, range| all.start.min(range.start)..all.end.max(range.end))
            .unwrap_or_default()
    }

    /// The other can be shown together with this one.
    fn is_near(&self, other: &Self) -> bool {
        let (own, other_range) = (self.range(), other.range());
        let start = own.start.min(other_range.start);
        let end = own.end.max(other_range.end);
        let size = end.saturating_sub(start);
        if !Arc::ptr_eq(self.text, other.text) || size > TOGETHER_BYTES {
            return false;
        }
        // Of one line all is shown that is between them.
        match self.text.slice(&(start..end)).matches('\n').count() {
            0 => size <= WIDEST,
            lines => lines <= TOGETHER,
        }
    }

    /// The lines, below the name of their file.
    fn elements(&self) -> Vec<Element<'d>> {
        let range = self.range();
        let (lines, first_line) = self.text.lines_around(&range);
        // Of a line that goes on for long, what is around the place.
        let text = self.text.as_str();
        let shown = |there: usize| match there {
            0..=BESIDE => there,
            _ => BESIDE_OF_LONG,
        };
        let before = shown(range.start.saturating_sub(lines.start));
        let after = shown(lines.end.saturating_sub(range.end));
        let start = text.floor_char_boundary(range.start.saturating_sub(before));
        let end = text.floor_char_boundary(range.end.saturating_add(after));
        let before = if start > lines.start { "..." } else { "" };
        let after = if end < lines.end { "..." } else { "" };
        let source = format!("{before}{}{after}", self.text.slice(&(start..end)));
        let local = |at: usize| at.saturating_sub(start).saturating_add(before.len());
        let marks = self.marks.iter().map(|(range, kind, label)| {
            let annotation = kind.span(local(range.start)..local(range.end));
            match *label {
                "" => annotation,
                label => annotation.label(label),
            }
        });
        let snippet = Snippet::source(source)
            .line_start(first_line)
            .annotations(marks);
        let path = self.text.file.as_str();
        if before.is_empty() {
            return vec![snippet.path(path).into()];
        }
        // What is shown does not tell the column.
        let first = self.marks.first().map_or(0, |(range, ..)| range.start);
        let (line, column) = self.text.position(first);
        let origin = Origin::path(path).line(line).char_column(column);
        vec![origin.into(), snippet.into()]
    }
}

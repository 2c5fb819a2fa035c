//! Diagnostics as rustc shows them.

use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

use super::{Diagnostic, Place, Severity, Text};

/// How many lines are between two places that are shown in one piece; what is further apart is shown
/// in two.
const TOGETHER: usize = 100;

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

//! Where in a document a mistake is.

use std::ops::Range;
use std::sync::Arc;

/// A document's text, and where its lines begin.
#[derive(Debug)]
pub(crate) struct Text {
    pub(super) file: String,
    /// How many files were read before it.
    pub(super) order: usize,
    text: String,
    line_starts: Vec<usize>,
}

impl Text {
    pub(crate) fn new(file: &str, text: &str) -> Arc<Self> {
        Self::numbered(0, file, text)
    }

    /// The text of a file that `order` others were read before.
    pub(crate) fn numbered(order: usize, file: &str, text: &str) -> Arc<Self> {
        // Finds ends of lines faster than a look at each byte does, where nothing is optimised.
        let ends = text.match_indices('\n').map(|(at, _)| at.saturating_add(1));
        let line_starts = std::iter::once(0).chain(ends);
        Arc::new(Self {
            file: file.to_owned(),
            order,
            line_starts: line_starts.collect(),
            text: text.to_owned(),
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The part of `range` that lies on its first line, on character boundaries.
    pub(crate) fn first_line(&self, range: Range<usize>) -> Range<usize> {
        let start = self.text.floor_char_boundary(range.start);
        let end = self.text.floor_char_boundary(range.end).max(start);
        let line = self
            .slice(&(start..end))
            .lines()
            .next()
            .unwrap_or_default()
            .trim_end();
        start..start.saturating_add(line.len())
    }

    pub(super) fn slice(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// Index of the line that `offset` is on, and where that line begins.
    fn line_of(&self, offset: usize) -> (usize, usize) {
        let line = self
            .line_starts
            .partition_point(|start| *start <= offset)
            .saturating_sub(1);
        (
            line,
            self.line_starts.get(line).copied().unwrap_or_default(),
        )
    }

    /// Line and column, both counted from 1.
    pub(crate) fn position(&self, offset: usize) -> (usize, usize) {
        let (line, start) = self.line_of(offset);
        let before = self.slice(&(start..offset)).chars().count();
        (line.saturating_add(1), before.saturating_add(1))
    }

    /// The whole lines that `range` touches, and the number of the first, counted from 1.
    pub(super) fn lines_around(&self, range: &Range<usize>) -> (Range<usize>, usize) {
        let (line, start) = self.line_of(range.start);
        let last = self.line_of(range.end).0;
        let next = self.line_starts.get(last.saturating_add(1)).copied();
        (
            start..next.unwrap_or(self.text.len()),
            line.saturating_add(1),
        )
    }
}

/// Where in a document a mistake is.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(super) text: Arc<Text>,
    /// On one line; `None` for the whole file.
    pub(super) range: Option<Range<usize>>,
    pub(super) pointer: String,
}

impl Place {
    pub(crate) fn new(text: &Arc<Text>, range: Range<usize>, pointer: String) -> Self {
        let range = text.first_line(range);
        Self {
            text: Arc::clone(text),
            range: Some(range),
            pointer,
        }
    }

    /// The whole of a file, which perhaps could not even be read.
    pub(crate) fn file(file: &str) -> Self {
        Self {
            text: Text::new(file, ""),
            range: None,
            pointer: String::new(),
        }
    }
}

//! What a document says of its parts, for doc comments.

use super::trimmed;
use crate::source::Node;

/// How many bytes there may be of it. No document is longer; but aliases and references may have
/// many parts say the same, and what is said so often is said to nobody.
const MOST: usize = 1 << 20;

/// What is left of the bytes that all descriptions together may have.
pub(super) struct Docs {
    left: usize,
}

impl Docs {
    pub(super) fn new() -> Self {
        Self { left: MOST }
    }

    /// `title`, `summary` and `description`, one paragraph each.
    pub(super) fn of<'s>(&mut self, get: impl Fn(&str) -> Option<Node<'s>>) -> Option<String> {
        let texts: Vec<&str> = ["title", "summary", "description"]
            .into_iter()
            .filter_map(|field| get(field)?.text())
            .collect();
        let size = texts.iter().map(|text| text.len()).sum::<usize>();
        if size > self.left {
            return None;
        }
        self.left = self.left.saturating_sub(size);
        let paragraphs: Vec<String> = texts.into_iter().filter_map(trimmed).collect();
        (!paragraphs.is_empty()).then(|| paragraphs.join("\n\n"))
    }
}

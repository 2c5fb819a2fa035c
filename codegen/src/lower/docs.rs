//! What a document says of its parts, for doc comments.

use super::trimmed;
use crate::api::{Metadata, Value};
use crate::source::Node;

/// How many bytes there may be of it. No document is longer; but aliases and references may have
/// many parts say the same, and what is said so often is said to nobody.
const MOST: usize = 1 << 20;

/// Bytes of an example that is still worth reading.
const LONGEST_EXAMPLE: usize = 1200;

/// Columns of an object that is written on one line.
const LINE: usize = 72;

/// Bytes of a member's example.
const SHORT_EXAMPLE: usize = 60;

/// What is left of the bytes that all descriptions together may have.
#[derive(Debug)]
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
            .filter_map(|field| get(field)?.written())
            .collect();
        let size = texts.iter().map(|text| text.len()).sum::<usize>();
        if size > self.left {
            return None;
        }
        self.left = self.left.saturating_sub(size);
        let paragraphs: Vec<String> = texts.into_iter().filter_map(trimmed).collect();
        (!paragraphs.is_empty()).then(|| paragraphs.join("\n\n"))
    }

    /// The same with what is said beside it: where to read more, and its tags.
    pub(super) fn with<'s>(
        &mut self,
        get: impl Fn(&str) -> Option<Node<'s>>,
        metadata: &Metadata,
    ) -> Option<String> {
        let own = self.of(get);
        self.more(own, metadata)
    }

    fn more(&mut self, own: Option<String>, metadata: &Metadata) -> Option<String> {
        let mut paragraphs: Vec<String> = own.into_iter().collect();
        if let Some(docs) = &metadata.external_docs {
            let what = docs.description.as_deref().unwrap_or_default();
            paragraphs.extend(self.take(match what.trim_end_matches('.') {
                "" => format!("See <{}>.", docs.url),
                what => format!("See <{}>: {what}.", docs.url),
            }));
        }
        if !metadata.tags.is_empty() {
            let tags = metadata.tags.iter().map(|tag| format!("`{}`", tag.name));
            let tags: Vec<String> = tags.collect();
            paragraphs.extend(self.take(format!("Tags: {}.", tags.join(", "))));
        }
        (!paragraphs.is_empty()).then(|| paragraphs.join("\n\n"))
    }

    /// What is said beside a message, with examples of it.
    pub(super) fn remarks(
        &mut self,
        metadata: &Metadata,
        examples: &[(String, Value)],
    ) -> Option<String> {
        let mut paragraphs: Vec<String> = self.more(None, metadata).into_iter().collect();
        for (what, value) in examples {
            let mut text = String::new();
            write(value, 0, &mut text);
            if text.len() > LONGEST_EXAMPLE {
                continue;
            }
            let lead = match what.trim_end_matches(['.', ':']) {
                "" => "Example:".to_owned(),
                what => format!("Example: {what}:"),
            };
            paragraphs.extend(self.take(format!("{lead}\n\n```json\n{text}\n```")));
        }
        (!paragraphs.is_empty()).then(|| paragraphs.join("\n\n"))
    }

    /// What `info` says besides its title: of a document, not of the types in it.
    pub(super) fn of_info(
        &mut self,
        info: Option<Node<'_>>,
        metadata: &Metadata,
    ) -> Option<String> {
        let get = |field: &str| info?.get(field);
        let own = |field: &str| get(field).filter(|_| field == "description");
        let mut paragraphs: Vec<String> = self.with(own, metadata).into_iter().collect();
        let text = |node: Option<Node<'_>>, field: &str| {
            let text = node?.get(field)?.text()?.trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        let url = |node, field| text(node, field).map(|url| format!("<{url}>"));
        let (contact, license) = (get("contact"), get("license"));
        let lines = [
            (
                "Contact",
                vec![
                    text(contact, "name"),
                    url(contact, "email"),
                    url(contact, "url"),
                ],
            ),
            ("License", vec![text(license, "name"), url(license, "url")]),
            ("Terms of service", vec![url(info, "termsOfService")]),
        ];
        for (what, parts) in lines {
            let parts: Vec<String> = parts.into_iter().flatten().collect();
            if !parts.is_empty() {
                paragraphs.extend(self.take(format!("{what}: {}.", parts.join(", "))));
            }
        }
        (!paragraphs.is_empty()).then(|| paragraphs.join("\n\n"))
    }

    /// What a schema says of itself.
    pub(super) fn schema(&mut self, node: Node<'_>) -> Option<String> {
        let text = |field| node.get(field).and_then(Node::written).and_then(trimmed);
        let mut paragraphs: Vec<String> = Vec::new();
        // `doc` is Avro's word.
        let description = text("description").or_else(|| text("doc"));
        // A title that only repeats the name says nothing.
        let letters = |text: &str| {
            let letters = text.chars().filter(|c| c.is_alphanumeric());
            letters.flat_map(char::to_lowercase).collect::<String>()
        };
        if let Some(title) = text("title")
            && letters(&title) != letters(node.key())
            && description.as_deref() != Some(title.as_str())
        {
            paragraphs.push(title);
        }
        let says_so = description
            .as_deref()
            .is_some_and(|text| letters(text).starts_with("deprecated"));
        paragraphs.extend(description);
        if node.get("deprecated").and_then(Node::bool) == Some(true) && !says_so {
            paragraphs.push("Deprecated.".to_owned());
        }
        let example = node.get("examples").and_then(|examples| examples.item(0));
        let example = example.or_else(|| node.get("example"));
        if let Some(example) =
            example.filter(|example| !example.is_mapping() && !example.is_sequence())
        {
            let example = example.json();
            if example.len() <= SHORT_EXAMPLE && !example.contains('`') {
                paragraphs.push(format!("Example: `{example}`"));
            }
        }
        let link = node
            .get("externalDocs")
            .and_then(|docs| docs.get("url")?.text());
        if let Some(link) = link {
            paragraphs.push(format!("See <{link}>"));
        }
        let text = (!paragraphs.is_empty()).then(|| paragraphs.join("\n\n"))?;
        self.again(&text)
    }

    /// What has been said of something else.
    pub(super) fn again(&mut self, text: &str) -> Option<String> {
        if text.len() > self.left {
            return None;
        }
        self.left = self.left.saturating_sub(text.len());
        Some(text.to_owned())
    }

    fn take(&mut self, text: String) -> Option<String> {
        self.left = self.left.checked_sub(text.len())?;
        Some(text)
    }
}

/// Writes a value as JSON, on as few lines as are readable. Recursion ends: nesting is limited.
fn write(value: &Value, depth: usize, text: &mut String) {
    let start = text.len();
    if write_line(value, start.saturating_add(LINE), text) {
        return;
    }
    text.truncate(start);
    let indent = |text: &mut String, depth: usize| {
        text.push('\n');
        text.extend(std::iter::repeat_n("  ", depth));
    };
    let inner = depth.saturating_add(1);
    match value {
        Value::List(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if text.len() > LONGEST_EXAMPLE {
                    return;
                }
                text.push_str(if index > 0 { "," } else { "" });
                indent(text, inner);
                write(item, inner, text);
            }
            indent(text, depth);
            text.push(']');
        }
        Value::Object(members) => {
            text.push('{');
            for (index, (name, value)) in members.iter().enumerate() {
                if text.len() > LONGEST_EXAMPLE {
                    return;
                }
                text.push_str(if index > 0 { "," } else { "" });
                indent(text, inner);
                write_text(name, text);
                text.push_str(": ");
                write(value, inner, text);
            }
            indent(text, depth);
            text.push('}');
        }
        Value::Text(value) => write_text(value, text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Writes a value on one line; `false` where `text` becomes longer than `end`.
fn write_line(value: &Value, end: usize, text: &mut String) -> bool {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => text.push_str(number),
        Value::Text(value) => write_text(value, text),
        Value::List(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index > 0 { ", " } else { "" });
                if !write_line(item, end, text) {
                    return false;
                }
            }
            text.push(']');
        }
        Value::Object(members) => {
            text.push_str("{ ");
            for (index, (name, value)) in members.iter().enumerate() {
                text.push_str(if index > 0 { ", " } else { "" });
                write_text(name, text);
                text.push_str(": ");
                if !write_line(value, end, text) {
                    return false;
                }
            }
            text.push_str(" }");
        }
    }
    text.len() <= end
}

fn write_text(value: &str, text: &mut String) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\n' => text.push_str("\\n"),
            c if c.is_control() => text.extend(c.escape_unicode()),
            c => text.push(c),
        }
    }
    text.push('"');
}

//! Schemas as JSON, as they are checked by: `specwire_rules` reads it.

use super::References;
use crate::document::{Holds, holds, is_bare_properties, json_schema, meant_type};
use crate::source::{Id, Node, NumberMap, json_string};

/// The schema that a node stands for; `None` if that is one of another language, or not there.
pub(crate) fn meant<'s>(node: Node<'s>, references: &References<'s>) -> Option<Node<'s>> {
    let mut node = references.target(node)?;
    // The schema within a multi-format schema object may be a reference in its turn, but not a
    // third time.
    for _ in 0..2 {
        let inner = json_schema(node).ok()?;
        if inner.id() == node.id() {
            break;
        }
        node = references.target(inner)?;
    }
    // A reference that nobody has followed stands where no schema is.
    let is_schema = node.bool().is_some() || (node.is_mapping() && node.get("$ref").is_none());
    is_schema.then_some(node)
}

/// Writes schemas with what they refer to: these are numbered, and each is written once.
pub(crate) struct SchemaWriter<'r, 's> {
    references: &'r References<'s>,
    /// What has been written.
    text: String,
    /// More than this is not written.
    most: usize,
    /// What a reference has before the number.
    base: &'static str,
    /// Only what is referred to in the document is numbered; all other schemas stay where they are.
    is_nested: bool,
    numbers: NumberMap<Id, usize>,
    numbered: Vec<Node<'s>>,
}

impl<'r, 's> SchemaWriter<'r, 's> {
    /// For a list of schemas, in which all of them have their numbers as they come.
    pub(crate) fn list(references: &'r References<'s>) -> Self {
        Self {
            references,
            text: String::new(),
            most: usize::MAX,
            base: "#/",
            is_nested: false,
            numbers: NumberMap::default(),
            numbered: Vec::new(),
        }
    }

    /// What stands for a schema in others, if it is one that can be read.
    pub(crate) fn refer(&mut self, node: Node<'s>) -> Option<String> {
        let node = meant(node, self.references)?;
        if let Some(anything) = node.bool() {
            return Some(anything.to_string());
        }
        let next = self.numbered.len();
        let number = *self.numbers.entry(node.id()).or_insert(next);
        if number == next {
            self.numbered.push(node);
        }
        Some(format!("{{\"$ref\":\"{}{number}\"}}", self.base))
    }

    /// The list of all that have been referred to, and of those that they refer to.
    pub(crate) fn finish(mut self) -> String {
        self.text.push('[');
        let mut written = 0_usize;
        while let Some(node) = self.numbered.get(written).copied() {
            self.comma();
            // There is always room.
            let _ = self.schema(node);
            written = written.saturating_add(1);
        }
        self.text.push(']');
        self.text
    }

    /// The schema that these keywords of a schema make up, with all that it refers to; `None` if it
    /// has more than so many bytes.
    pub(crate) fn part(
        references: &'r References<'s>,
        node: Node<'s>,
        keywords: &[&str],
        most: usize,
    ) -> Option<String> {
        let mut writer = Self {
            most,
            base: "#/$defs/",
            is_nested: true,
            ..Self::list(references)
        };
        writer.text.push('{');
        for keyword in keywords {
            writer.keyword(keyword, node.get(keyword)?)?;
        }
        let mut written = 0_usize;
        while let Some(node) = writer.numbered.get(written).copied() {
            writer.comma();
            if written == 0 {
                writer.text.push_str("\"$defs\":{");
            }
            writer.text.push_str(&format!("\"{written}\":"));
            writer.schema(node)?;
            written = written.saturating_add(1);
        }
        if written > 0 {
            writer.text.push('}');
        }
        writer.text.push('}');
        Some(writer.text)
    }

    fn comma(&mut self) {
        if !self.text.ends_with(['{', '[']) {
            self.text.push(',');
        }
    }

    fn key(&mut self, key: &str) {
        self.comma();
        self.text.push_str(&json_string(key));
        self.text.push(':');
    }

    fn schema(&mut self, node: Node<'s>) -> Option<()> {
        self.text.push('{');
        if is_bare_properties(node) {
            self.key("properties");
            self.by_name(node)?;
        } else {
            for entry in node.entries() {
                self.keyword(entry.key, entry.node)?;
            }
        }
        self.text.push('}');
        (self.text.len() <= self.most).then_some(())
    }

    /// A keyword and its value, if it says something of values.
    fn keyword(&mut self, key: &str, node: Node<'s>) -> Option<()> {
        match (key, holds(key)) {
            // They are written where they are referred to.
            ("$defs" | "definitions", _) | (_, Some(Holds::Else) | None) => {}
            (_, Some(Holds::Schemas)) => {
                self.key(key);
                self.each(node)?;
            }
            (_, Some(Holds::SchemaOrSchemas)) if node.is_sequence() => {
                self.key(key);
                self.each(node)?;
            }
            (_, Some(Holds::Schema | Holds::SchemaOrSchemas)) => {
                self.key(key);
                self.any(node)?;
            }
            (_, Some(Holds::SchemasByName)) => {
                self.key(key);
                self.by_name(node)?;
            }
            // Bytes within JSON, read as what they are.
            ("format", _) if node.text() == Some("binary") => {
                self.key(key);
                self.text.push_str("\"byte\"");
            }
            ("type", _) => self.types(node),
            (_, Some(Holds::Rule)) => {
                self.key(key);
                self.text.push_str(&node.json());
            }
        }
        (self.text.len() <= self.most).then_some(())
    }

    /// The types that are meant; nothing is written where any will do.
    fn types(&mut self, node: Node<'s>) {
        let mut names: Vec<&str> = Vec::new();
        let own = Some(node).filter(|node| !node.is_sequence());
        for item in own.into_iter().chain(node.items()) {
            match item.text() {
                Some(name) if name.eq_ignore_ascii_case("any") => return,
                Some(name) => names.push(meant_type(name).map_or(name, |(ty, _)| ty)),
                // Some leave out the quotes of `'null'`.
                None if item.is_null() => names.push("null"),
                // Reported.
                None => return,
            }
        }
        self.key("type");
        match names.as_slice() {
            [name] => self.text.push_str(&json_string(name)),
            names => {
                let names: Vec<String> = names.iter().map(|name| json_string(name)).collect();
                self.text.push_str(&format!("[{}]", names.join(",")));
            }
        }
    }

    /// A schema where one is expected. Anything fits what cannot be read. Recursion ends: nesting is
    /// limited, and references are not followed here.
    fn any(&mut self, node: Node<'s>) -> Option<()> {
        let stays = self.is_nested
            && node.get("$ref").is_none()
            && meant(node, self.references).is_some_and(|meant| meant.id() == node.id());
        if stays && node.is_mapping() {
            return self.schema(node);
        }
        let text = self.refer(node);
        self.text.push_str(text.as_deref().unwrap_or("true"));
        Some(())
    }

    fn each(&mut self, node: Node<'s>) -> Option<()> {
        self.text.push('[');
        for item in node.items() {
            self.comma();
            self.any(item)?;
        }
        self.text.push(']');
        Some(())
    }

    /// Schemas, and among the values of `dependencies` lists of names.
    fn by_name(&mut self, node: Node<'s>) -> Option<()> {
        self.text.push('{');
        for member in node.entries() {
            self.key(member.key);
            if member.node.is_sequence() {
                self.text.push_str(&member.node.json());
            } else {
                self.any(member.node)?;
            }
        }
        self.text.push('}');
        Some(())
    }
}

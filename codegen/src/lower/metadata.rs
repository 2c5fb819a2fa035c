//! What a document says that nothing is generated from: tags, bindings, extensions and the like.

use std::collections::{BTreeSet, HashMap};

use crate::api::{ExternalDocs, Metadata, Tag, Value};
use crate::resolve::References;
use crate::source::Node;

/// How many bytes there may be of it, which is more than the longest document has: aliases and
/// references may have many parts say the same, and what is said so often is left out.
const MOST: usize = 4 << 20;

/// How many examples a message's docs show.
const EXAMPLES: usize = 2;

/// Bytes that a value takes beside its text.
const VALUE: usize = 4;

/// Reads such things, as long as there is room for them.
pub(super) struct Reader<'s, 'e> {
    references: &'e References<'s>,
    left: usize,
}

impl<'s, 'e> Reader<'s, 'e> {
    pub(super) fn new(references: &'e References<'s>) -> Self {
        Self {
            references,
            left: MOST,
        }
    }

    /// That of an object, and of its traits after it.
    pub(super) fn of(&mut self, layers: impl Iterator<Item = Node<'s>> + Clone) -> Metadata {
        let field = |name: &'static str| layers.clone().find_map(|layer| layer.get(name));
        let tags = field("tags").into_iter().flat_map(Node::items);
        let tags = tags.filter_map(|tag| self.tag(tag)).collect();
        let external_docs = field("externalDocs").and_then(|docs| self.external_docs(docs));
        let security = field("security").into_iter().flat_map(Node::items);
        let security = security.filter_map(|scheme| self.target(scheme)).collect();
        let (mut bindings, mut extensions) = (Vec::new(), Vec::new());
        for layer in layers {
            let of_layer = layer.get("bindings");
            let of_layer = of_layer.and_then(|bindings| self.references.target(bindings));
            bindings.extend(self.named(of_layer));
            extensions.extend(self.extensions(layer));
        }
        Metadata {
            tags,
            external_docs,
            security,
            bindings: merged(bindings),
            extensions: merged(extensions),
        }
    }

    /// Named values, each of which may be a reference.
    pub(super) fn named(&mut self, node: Option<Node<'s>>) -> Vec<(String, Value)> {
        let entries = node.into_iter().flat_map(Node::entries);
        entries
            .filter_map(|entry| Some((entry.key.to_owned(), self.target(entry.node)?)))
            .collect()
    }

    /// The first examples of a message's payload, each with what it is called.
    pub(super) fn examples(&mut self, examples: Option<Node<'s>>) -> Vec<(String, Value)> {
        let examples = examples.into_iter().flat_map(Node::items);
        let examples = examples.filter_map(|example| {
            let text = |field: &str| example.get(field).and_then(Node::text);
            let what = text("summary").or_else(|| text("name")).unwrap_or_default();
            Some((what.trim().to_owned(), self.value(example.get("payload")?)?))
        });
        examples.take(EXAMPLES).collect()
    }

    fn extensions(&mut self, node: Node<'s>) -> Vec<(String, Value)> {
        // Others are looked at too, however often the object is.
        let entries = node.entries().map_while(|entry| {
            self.left = self.left.checked_sub(1)?;
            Some(entry)
        });
        let entries: Vec<_> = entries.collect();
        entries
            .into_iter()
            .filter(|entry| entry.key.starts_with("x-"))
            .filter_map(|entry| Some((entry.key.to_owned(), self.value(entry.node)?)))
            .collect()
    }

    fn tag(&mut self, node: Node<'s>) -> Option<Tag> {
        let node = self.references.target(node)?;
        Some(Tag {
            name: self.text(node.get("name")?)?,
            description: node.get("description").and_then(|node| self.text(node)),
        })
    }

    fn external_docs(&mut self, node: Node<'s>) -> Option<ExternalDocs> {
        let node = self.references.target(node)?;
        Some(ExternalDocs {
            url: self.text(node.get("url")?)?,
            description: node.get("description").and_then(|node| self.text(node)),
        })
    }

    fn text(&mut self, node: Node<'s>) -> Option<String> {
        let text = node.text()?;
        self.take(text.len())?;
        Some(text.trim().to_owned())
    }

    fn target(&mut self, node: Node<'s>) -> Option<Value> {
        let node = self.references.target(node)?;
        self.value(node)
    }

    /// Recursion ends: nesting is limited.
    fn value(&mut self, node: Node<'s>) -> Option<Value> {
        let size = node.scalar().map_or(0, str::len);
        self.take(size.saturating_add(VALUE))?;
        Some(if let Some(text) = node.text() {
            Value::Text(text.to_owned())
        } else if let Some(bool) = node.bool() {
            Value::Bool(bool)
        } else if node.is_null() {
            Value::Null
        } else if let Some(number) = node.scalar() {
            Value::Number(number.to_owned())
        } else if node.is_mapping() {
            let mut members = Vec::new();
            for entry in node.entries() {
                self.take(entry.key.len())?;
                members.push((entry.key.to_owned(), self.value(entry.node)?));
            }
            Value::Object(members)
        } else {
            let items = node.items().map(|item| self.value(item));
            Value::List(items.collect::<Option<_>>()?)
        })
    }

    fn take(&mut self, size: usize) -> Option<()> {
        self.left = self.left.checked_sub(size)?;
        Some(())
    }
}

/// What an object says, and then its traits, as JSON Merge Patch (RFC 7396) has it. All at once: there
/// may be many traits.
fn merged(all: Vec<(String, Value)>) -> Vec<(String, Value)> {
    let mut merged: Vec<(String, Value)> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut joined: BTreeSet<usize> = BTreeSet::new();
    for (name, value) in all {
        let index = known.get(&name).copied();
        match (index.and_then(|index| merged.get_mut(index)), value) {
            (None, value) => {
                known.insert(name.clone(), merged.len());
                merged.push((name, value));
            }
            (Some((_, Value::Object(own))), Value::Object(under)) => {
                own.extend(under);
                joined.extend(index);
            }
            (Some(_), _) => {}
        }
    }
    for index in joined {
        if let Some((_, Value::Object(members))) = merged.get_mut(index) {
            *members = self::merged(std::mem::take(members));
        }
    }
    merged
}

//! What other rooms see of a tree: its nodes, and where each of them is.

use std::sync::Arc;

use super::location::unescape;
use super::{Data, Id, Kind, Meaning, Member, Source, bit};
use crate::diagnostic::{Place, Text};

/// A node of the tree: a mapping, a list or a scalar.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node<'s> {
    pub(super) source: &'s Source,
    pub(super) id: Id,
    /// What it is in the tree, so that it is looked up once.
    pub(super) data: &'s Data,
}

/// A member of a mapping.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'s> {
    pub(crate) key: &'s str,
    pub(crate) node: Node<'s>,
    member: &'s Member,
    owner: Node<'s>,
}

/// Keys that are looked for together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keys {
    pub(crate) keys: &'static [&'static str],
    /// One for each of them.
    bits: u64,
}

impl Keys {
    pub(crate) const fn new(keys: &'static [&'static str]) -> Self {
        let (mut bits, mut left) = (0, keys);
        while let [first, rest @ ..] = left {
            bits |= bit(first);
            left = rest;
        }
        Self { keys, bits }
    }
}

impl Entry<'_> {
    /// The place of the key.
    pub(crate) fn key_place(&self) -> Place {
        let pointer = format!("{}/{}", self.owner.pointer(), escape(self.key));
        Place::new(self.owner.text_of(), self.member.key_range.clone(), pointer)
    }
}

impl<'s> Node<'s> {
    pub(crate) fn id(self) -> Id {
        self.id
    }

    /// Its place among the nodes of its file, which is the same whoever reads that.
    pub(crate) fn index(self) -> usize {
        self.id.index
    }

    pub(crate) fn is_mapping(self) -> bool {
        matches!(self.data.kind, Kind::Mapping(_))
    }

    pub(crate) fn is_sequence(self) -> bool {
        matches!(self.data.kind, Kind::Sequence(_))
    }

    pub(crate) fn is_null(self) -> bool {
        matches!(self.data.kind, Kind::Scalar(Meaning::Null, _))
    }

    /// The members, in document order; none if it is not a mapping.
    pub(crate) fn entries(self) -> impl Iterator<Item = Entry<'s>> {
        let members: &'s [Member] = match &self.data.kind {
            Kind::Mapping(mapping) => &mapping.entries,
            _ => &[],
        };
        members
            .iter()
            .filter(|member| !member.duplicate)
            .map(move |member| Entry {
                key: &member.key,
                node: self.source.node(member.node),
                member,
                owner: self,
            })
    }

    /// The elements; none if it is not a list.
    pub(crate) fn items(self) -> impl Iterator<Item = Self> {
        let items: &'s [Id] = match &self.data.kind {
            Kind::Sequence(items) => items,
            _ => &[],
        };
        items.iter().map(move |id| self.source.node(*id))
    }

    /// The member of this name.
    pub(crate) fn get(self, key: &str) -> Option<Self> {
        let Kind::Mapping(mapping) = &self.data.kind else {
            return None;
        };
        let member = mapping.get(key)?;
        Some(self.source.node(member.node))
    }

    /// It has a member of one of these names.
    pub(crate) fn has_any(self, keys: &Keys) -> bool {
        match &self.data.kind {
            Kind::Mapping(mapping) if mapping.bits & keys.bits != 0 => {
                keys.keys.iter().any(|key| mapping.position(key).is_some())
            }
            _ => false,
        }
    }

    /// What a JSON pointer leads to from here.
    pub(crate) fn at(self, pointer: &str) -> Option<Self> {
        let mut at = self;
        for segment in pointer.split('/').skip(1).filter(|_| pointer != "/") {
            let name = unescape(segment)?;
            at = match name.parse() {
                Ok(index) if at.is_sequence() => at.item(index),
                _ => at.get(&name),
            }?;
        }
        Some(at)
    }

    /// The element at this index.
    pub(crate) fn item(self, index: usize) -> Option<Self> {
        let Kind::Sequence(items) = &self.data.kind else {
            return None;
        };
        items.get(index).map(|id| self.source.node(*id))
    }

    /// The text of a string.
    pub(crate) fn text(self) -> Option<&'s str> {
        match &self.data.kind {
            Kind::Scalar(Meaning::String, text) => Some(text),
            _ => None,
        }
    }

    /// The text of a scalar, whatever it means.
    pub(crate) fn scalar(self) -> Option<&'s str> {
        match &self.data.kind {
            Kind::Scalar(_, text) => Some(text),
            _ => None,
        }
    }

    /// Text, and numbers as they are written.
    pub(crate) fn written(self) -> Option<&'s str> {
        match &self.data.kind {
            Kind::Scalar(Meaning::String | Meaning::Number, text) => Some(text),
            _ => None,
        }
    }

    /// The value of a boolean.
    pub(crate) fn bool(self) -> Option<bool> {
        match &self.data.kind {
            Kind::Scalar(Meaning::Bool, text) => Some(text.eq_ignore_ascii_case("true")),
            _ => None,
        }
    }

    /// The value of a number that JSON has, as near as it can be.
    pub(crate) fn number(self) -> Option<f64> {
        self.decimal()?.parse().ok()
    }

    /// As after "found": `a list`, ``the number `3` ``.
    pub(crate) fn describe(self) -> String {
        self.data.kind.describe()
    }

    /// Where the value is; where its key is, if there is nothing to see of the value.
    pub(crate) fn place(self) -> Place {
        let data = self.data;
        match &data.key {
            Some(_) if data.range.is_empty() => self.key_place(),
            _ => Place::new(self.text_of(), data.range.clone(), self.pointer()),
        }
    }

    /// Where the key of a mapping's member is; where the value is for everything else.
    pub(crate) fn key_place(self) -> Place {
        let data = self.data;
        let range = data.key.as_ref().unwrap_or(&data.range).clone();
        Place::new(self.text_of(), range, self.pointer())
    }

    /// The JSON pointer.
    pub(crate) fn pointer(self) -> String {
        let mut pointer = String::new();
        for segment in self.path() {
            pointer.push('/');
            match segment.contains('~') || segment.contains('/') {
                true => pointer.push_str(&escape(segment)),
                false => pointer.push_str(segment),
            }
        }
        pointer
    }

    /// How the document would refer to it: `#/components/messages/tick`, `other.yaml#/tick`.
    pub(crate) fn reference(self) -> String {
        let file = if self.id.file == 0 { "" } else { self.file() };
        match (file, self.pointer()) {
            ("", pointer) => format!("#{pointer}"),
            (file, pointer) if pointer.is_empty() => file.to_owned(),
            (file, pointer) => format!("{file}#{pointer}"),
        }
    }

    /// The keys and indices that lead here from the root.
    pub(crate) fn path(self) -> Vec<&'s str> {
        let mut segments = Vec::new();
        let mut node = self.data;
        while let Some((parent, segment)) = &node.parent {
            segments.push(segment.as_str());
            node = self.source.node(*parent).data;
        }
        segments.reverse();
        segments
    }

    /// The key or index under which it is defined; nothing for the document's root, and the file's
    /// name without its ending for the root of another file.
    pub(crate) fn key(self) -> &'s str {
        match &self.data.parent {
            Some((_, segment)) => segment,
            None if self.id.file == 0 => "",
            None => self.file_stem(),
        }
    }

    /// What it was first defined in.
    pub(crate) fn parent(self) -> Option<Self> {
        let (parent, _) = self.data.parent.as_ref()?;
        Some(self.source.node(*parent))
    }

    /// The root of its file.
    pub(crate) fn root(self) -> Self {
        self.source.root_of(self.id.file)
    }

    /// It is in another file than the document.
    pub(crate) fn is_elsewhere(self) -> bool {
        self.id.file != 0
    }

    /// The path of its file.
    pub(crate) fn file(self) -> &'s str {
        &self.source.file(self.id.file).path
    }

    /// The name of its file, without its ending.
    pub(crate) fn file_stem(self) -> &'s str {
        let path = self.file();
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        match name.split_once('.') {
            Some((stem, _)) if !stem.is_empty() => stem,
            _ => name,
        }
    }

    fn text_of(self) -> &'s Arc<Text> {
        &self.source.tree(self.id.file).text
    }
}

/// A segment of a JSON pointer.
fn escape(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}

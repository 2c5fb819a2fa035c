//! Text -> tree: what the document says, with the place of every word.
//!
//! `yaml` is the only file that knows YAML (and so JSON, which YAML includes). There two parsers read
//! the same text. granit-parser runs first: it knows where everything is and
//! keeps to limits, so that what the second one sees is known to be harmless. serde_yaml then
//! decides what each scalar *means*, so that `no`, `017` and `1e3` are here what they are for
//! every other Rust program. Where a line is no YAML at all, `patch` passes over it, so that what else
//! is wrong with the document is found as well. The two are joined into one tree, which is an arena: it can be
//! walked, shared by aliases and dropped without recursion.

mod meaning;
mod patch;
mod tree;
mod yaml;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::{Code, Diagnostic, Errors, Place, Text, quote};

/// The longest document that is read, in bytes.
const LONGEST: usize = 1024 * 1024;

/// A document's tree.
#[derive(Debug)]
pub(crate) struct Source {
    text: Arc<Text>,
    nodes: Vec<Data>,
    root: Id,
    is_patched: bool,
}

/// Counts what a document amounts to when aliases and references are followed: a short one can
/// stand for a very long one, which would take as long to generate.
#[derive(Debug)]
pub(crate) struct Size {
    found: usize,
    most: usize,
}

impl Size {
    pub(crate) fn new(most: usize) -> Self {
        Self { found: 0, most }
    }

    /// Counts more. `what` is counted, for the message that there is when it becomes too much.
    pub(crate) fn grow(&mut self, by: usize, what: &str) -> Result<(), String> {
        self.found = self.found.saturating_add(by);
        if self.found <= self.most {
            return Ok(());
        }
        let most = self.most;
        Err(format!("found more than {most} {what}, expected fewer"))
    }

    /// What has been counted since there were `before`.
    fn since(&self, before: usize) -> usize {
        self.found.saturating_sub(before)
    }
}

/// Identifies a node: its index in the arena.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Id(usize);

#[derive(Debug)]
struct Data {
    kind: Kind,
    range: Range<usize>,
    /// Where the key is, if it is a member of a mapping.
    key: Option<Range<usize>>,
    /// What it was first defined in, and under which key or index.
    parent: Option<(Id, String)>,
}

#[derive(Debug)]
enum Kind {
    Scalar(Meaning, String),
    Sequence(Vec<Id>),
    Mapping(Mapping),
}

/// What a scalar is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Meaning {
    Null,
    Bool,
    Number,
    String,
}

#[derive(Debug, Default)]
struct Mapping {
    entries: Vec<Member>,
    /// Index of the entry of each key.
    index: HashMap<String, usize>,
}

#[derive(Debug)]
struct Member {
    key: String,
    key_range: Range<usize>,
    node: Id,
    /// An earlier entry has the same key.
    duplicate: bool,
}

impl Source {
    /// Reads a document. Without a tree to return, there is an error to see; with one, there may
    /// be errors too.
    pub(crate) fn parse(file: &str, text: &str, errors: &mut Errors) -> Option<Self> {
        if text.len() > LONGEST {
            let message = format!("found {} bytes, expected at most {LONGEST}", text.len());
            errors.push(Diagnostic::error(Code::TooLong, Place::file(file), message));
            return None;
        }
        // Some editors begin a file with a byte order mark.
        let text = Text::new(file, text.strip_prefix('\u{feff}').unwrap_or(text));
        let mistake = match tree::build(&text, text.as_str(), errors) {
            Ok(mut source) => {
                return match meaning::assign(&mut source, text.as_str()) {
                    Ok(()) => Some(source),
                    Err(mistake) => {
                        errors.push(mistake);
                        None
                    }
                };
            }
            Err(mistake) => mistake,
        };
        let attempt = |patched: &str| tree::build(&text, patched, &mut Errors::default()).map(drop);
        let patched = match patch::patch(&text, mistake, attempt) {
            Ok(patched) => patched,
            Err(mistake) => {
                errors.push(mistake);
                return None;
            }
        };
        for mistake in patched.mistakes {
            errors.push(mistake);
        }
        errors.pass_over(patched.passed_over);
        let mut source = tree::build(&text, &patched.text, errors).ok()?;
        meaning::assign(&mut source, &patched.text).ok()?;
        source.is_patched = true;
        Some(source)
    }

    /// Lines that are not YAML are missing from it: it is good for finding what else is wrong.
    pub(crate) fn is_patched(&self) -> bool {
        self.is_patched
    }

    pub(crate) fn root(&self) -> Node<'_> {
        self.node(self.root)
    }

    pub(crate) fn node(&self, id: Id) -> Node<'_> {
        Node { source: self, id }
    }

    fn data(&self, id: Id) -> &Data {
        self.nodes
            .get(id.0)
            .expect("an id is the index of a node of its own tree")
    }

    fn place(&self, range: &Range<usize>) -> Place {
        Place::new(&self.text, range.clone(), String::new())
    }
}

/// A node of the tree: a mapping, a list or a scalar.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node<'s> {
    source: &'s Source,
    id: Id,
}

/// A member of a mapping.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'s> {
    pub(crate) key: &'s str,
    pub(crate) node: Node<'s>,
    member: &'s Member,
    owner: Node<'s>,
}

impl Entry<'_> {
    /// The place of the key.
    pub(crate) fn key_place(&self) -> Place {
        let pointer = format!("{}/{}", self.owner.pointer(), escape(self.key));
        Place::new(
            &self.owner.source.text,
            self.member.key_range.clone(),
            pointer,
        )
    }
}

impl<'s> Node<'s> {
    pub(crate) fn id(self) -> Id {
        self.id
    }

    pub(crate) fn is_mapping(self) -> bool {
        matches!(self.data().kind, Kind::Mapping(_))
    }

    pub(crate) fn is_sequence(self) -> bool {
        matches!(self.data().kind, Kind::Sequence(_))
    }

    pub(crate) fn is_null(self) -> bool {
        matches!(self.data().kind, Kind::Scalar(Meaning::Null, _))
    }

    /// The members, in document order; none if it is not a mapping.
    pub(crate) fn entries(self) -> impl Iterator<Item = Entry<'s>> {
        let members: &'s [Member] = match &self.data().kind {
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
        let items: &'s [Id] = match &self.data().kind {
            Kind::Sequence(items) => items,
            _ => &[],
        };
        items.iter().map(move |id| self.source.node(*id))
    }

    /// The member of this name.
    pub(crate) fn get(self, key: &str) -> Option<Self> {
        let Kind::Mapping(mapping) = &self.data().kind else {
            return None;
        };
        let member = mapping.entries.get(*mapping.index.get(key)?)?;
        Some(self.source.node(member.node))
    }

    /// The element at this index.
    pub(crate) fn item(self, index: usize) -> Option<Self> {
        let Kind::Sequence(items) = &self.data().kind else {
            return None;
        };
        items.get(index).map(|id| self.source.node(*id))
    }

    /// The text of a string.
    pub(crate) fn text(self) -> Option<&'s str> {
        match &self.data().kind {
            Kind::Scalar(Meaning::String, text) => Some(text),
            _ => None,
        }
    }

    /// The text of a scalar, whatever it means.
    pub(crate) fn scalar(self) -> Option<&'s str> {
        match &self.data().kind {
            Kind::Scalar(_, text) => Some(text),
            _ => None,
        }
    }

    /// The value of a boolean.
    pub(crate) fn bool(self) -> Option<bool> {
        match &self.data().kind {
            Kind::Scalar(Meaning::Bool, text) => Some(text.eq_ignore_ascii_case("true")),
            _ => None,
        }
    }

    /// As after "found": `a list`, ``the number `3` ``.
    pub(crate) fn describe(self) -> String {
        match &self.data().kind {
            Kind::Mapping(_) => "a mapping".to_owned(),
            Kind::Sequence(_) => "a list".to_owned(),
            Kind::Scalar(Meaning::Null, _) => "nothing".to_owned(),
            Kind::Scalar(Meaning::Bool, text) => quote(text),
            Kind::Scalar(Meaning::Number, text) => format!("the number {}", quote(text)),
            Kind::Scalar(Meaning::String, text) => format!("the text {}", quote(text)),
        }
    }

    /// Where the value is; where its key is, if there is nothing to see of the value.
    pub(crate) fn place(self) -> Place {
        let data = self.data();
        match &data.key {
            Some(_) if data.range.is_empty() => self.key_place(),
            _ => Place::new(&self.source.text, data.range.clone(), self.pointer()),
        }
    }

    /// Where the key of a mapping's member is; where the value is for everything else.
    pub(crate) fn key_place(self) -> Place {
        let data = self.data();
        let range = data.key.as_ref().unwrap_or(&data.range).clone();
        Place::new(&self.source.text, range, self.pointer())
    }

    /// The JSON pointer.
    pub(crate) fn pointer(self) -> String {
        let mut segments: Vec<&str> = self.path();
        segments.insert(0, "");
        segments
            .into_iter()
            .map(escape)
            .collect::<Vec<_>>()
            .join("/")
    }

    /// The keys and indices that lead here from the root.
    pub(crate) fn path(self) -> Vec<&'s str> {
        let mut segments = Vec::new();
        let mut node = self.data();
        while let Some((parent, segment)) = &node.parent {
            segments.push(segment.as_str());
            node = self.source.data(*parent);
        }
        segments.reverse();
        segments
    }

    /// The key or index under which it is defined; nothing for the root.
    pub(crate) fn key(self) -> &'s str {
        self.data()
            .parent
            .as_ref()
            .map_or("", |(_, segment)| segment)
    }

    fn data(self) -> &'s Data {
        self.source.data(self.id)
    }
}

/// A segment of a JSON pointer.
fn escape(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::Source;
    use crate::diagnostic::Errors;

    fn parse(text: &str) -> Result<Source, String> {
        let mut errors = Errors::default();
        let source = Source::parse("a.yaml", text, &mut errors);
        match errors.finish() {
            Ok(_) => Ok(source.expect("without errors there is a tree")),
            Err(diagnostics) => Err(diagnostics.to_string()),
        }
    }

    #[test]
    fn scalars_mean_what_serde_yaml_says() {
        let text = "a: no\nb: 017\nc: 0x1F\nd: ~\ne: 'true'\nf: 123456789012345678901234567890\n\
                    g: true\nh:\n1: one\nnull: two\n";
        let source = parse(text).expect("valid");
        let describe = |key| source.root().get(key).map(|node| node.describe());
        for (key, expected) in [
            ("a", "the text `no`"),
            ("b", "the text `017`"),
            ("c", "the number `0x1F`"),
            ("d", "nothing"),
            ("e", "the text `true`"),
            ("f", "the number `123456789012345678901234567890`"),
            ("g", "`true`"),
            ("h", "nothing"),
            ("1", "the text `one`"),
            ("null", "the text `two`"),
        ] {
            assert_eq!(describe(key).as_deref(), Some(expected), "{key}");
        }
    }

    #[test]
    fn aliases_share_their_anchors_node() {
        let source = parse("a: &x {b: [1, c]}\nd: *x\n").expect("valid");
        let node = source
            .root()
            .get("d")
            .and_then(|d| d.get("b"))
            .and_then(|b| b.item(1));
        let node = node.expect("reached through the alias");
        assert_eq!(
            (node.text(), node.pointer()),
            (Some("c"), "/a/b/1".to_owned())
        );
    }

    #[test]
    fn pointers_are_escaped() {
        let source = parse("a/b: {c~d: x}").expect("valid");
        let node = source
            .root()
            .get("a/b")
            .and_then(|node| node.get("c~d"))
            .expect("there");
        assert_eq!(node.pointer(), "/a~1b/c~0d");
        assert_eq!(node.path(), ["a/b", "c~d"]);
    }

    #[test]
    fn mistakes_are_placed() {
        for (text, expected) in [
            (
                "",
                "a.yaml:1:1: error[SW0010]: found nothing, expected an AsyncAPI document",
            ),
            (
                "a: 1\nb: {a: 1, a: 2}\na: 3\n",
                "a.yaml:2:11: error[SW0012]: duplicate key `a`\n\
                 a.yaml:3:1: error[SW0012]: duplicate key `a`",
            ),
            (
                "a: *b",
                "a.yaml:1:4: error[SW0013]: no anchor before this alias: `*b`",
            ),
            (
                "a: &a [*a]",
                "a.yaml:1:8: error[SW0014]: `*a` stands within what it stands for",
            ),
            (
                "a: !wide b",
                "a.yaml:1:4: error[SW0015]: found the tag `!wide`, expected plain YAML",
            ),
            (
                "? [a]\n: b",
                "a.yaml:1:3: error[SW0016]: found a list, expected text as a key",
            ),
            (
                "a: 1\n---\nb: 2",
                "a.yaml:2:1: error[SW0017]: found a second document, expected one a file",
            ),
            (
                "<<: {a: b}",
                "a.yaml:1:1: error[SW0018]: merge keys are not supported",
            ),
        ] {
            assert_eq!(parse(text).map(|_| ()), Err(expected.to_owned()), "{text}");
        }
    }
}

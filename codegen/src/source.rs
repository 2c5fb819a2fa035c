//! Text -> tree: what the document says, and the files that it refers to, with the place of every
//! word.
//!
//! `yaml` is the only file that knows YAML (and so JSON, which YAML includes). granit-parser reads the
//! text: it knows where everything is and keeps to limits. serde_yaml is then asked what each scalar
//! *means* that may be something else than text, so that `no`, `017` and `1e3` are here what they are
//! for every other Rust program. Where a line is no YAML at all, `patch` passes over it, so that what
//! else is wrong with the document is found as well. The tree is an arena: it can be walked, shared by
//! aliases and dropped without recursion.
//!
//! `files` reads what is referred to before anything is looked at, each file once, so that all trees
//! can be borrowed together afterwards. Whether a reference is one is not known then (it may stand in
//! an example): what is wrong with a file is told to the one who follows a reference to it.

mod files;
mod location;
mod meaning;
mod merge;
mod node;
mod numbers;
mod patch;
mod tree;
mod value;
mod yaml;

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::{Errors, Place, Text, quote};
use meaning::Unclear;
pub(crate) use value::string as json_string;

pub(crate) use files::{Files, Target, is_avro, is_document, not_utf8, read_bytes};
pub(crate) use location::{decode, normal, slashed, unescape};
pub(crate) use node::{Entry, Keys, Node};
pub(crate) use numbers::{NumberMap, NumberSet};

/// The longest document that is read, in bytes. What it refers to may be longer: a few definitions in
/// the description of a whole system.
const LONGEST: usize = 1024 * 1024;

/// A document and the files that it refers to.
#[derive(Debug)]
pub(crate) struct Source {
    /// The document comes first.
    files: Vec<File>,
    links: files::Links,
}

/// One file that was read.
#[derive(Debug)]
struct File {
    /// Its path, with `/`, and without what can be left out.
    path: String,
    /// The URL that it stands for.
    url: Option<String>,
    tree: Tree,
    /// What is wrong with it, until it has been handed over.
    errors: RefCell<Errors>,
}

/// What one file says.
#[derive(Debug)]
struct Tree {
    text: Arc<Text>,
    nodes: Vec<Data>,
    root: Id,
    /// Mappings with merge keys, those that others merge before those others.
    merges: Vec<Id>,
    /// Scalars that are taken for text until [`meaning`] is sure.
    unclear: Vec<Unclear>,
    is_patched: bool,
}

/// Counts what a document amounts to when aliases and references are followed: a short one can
/// stand for a very long one, which would take as long to generate.
#[derive(Clone, Debug)]
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

/// Identifies a node: its file, and its index in that file's arena.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Id {
    file: usize,
    index: usize,
}

impl Hash for Id {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        // One number is hashed in half the time of two.
        hasher.write_usize((self.file << 24) ^ self.index);
    }
}

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

impl Kind {
    /// As after "found".
    fn describe(&self) -> String {
        match self {
            Self::Mapping(_) => "a mapping".to_owned(),
            Self::Sequence(_) => "a list".to_owned(),
            Self::Scalar(Meaning::Null, _) => "nothing".to_owned(),
            Self::Scalar(Meaning::Bool, text) => quote(text),
            Self::Scalar(Meaning::Number, text) => format!("the number {}", quote(text)),
            Self::Scalar(Meaning::String, text) => format!("the text {}", quote(text)),
        }
    }
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
    /// One bit for each key, by [`bit`].
    bits: u64,
    /// Index of the entry of each key, once there are more than [`FEW`].
    index: Option<HashMap<String, usize>>,
}

/// As many members are found by looking at each: most mappings have no more, and hashing takes long.
const FEW: usize = 16;

/// A bit that a few other keys may have too: most that are looked for are not there, and this tells.
const fn bit(key: &str) -> u64 {
    let key = key.as_bytes();
    let (Some(first), Some(last)) = (key.first(), key.last()) else {
        return 1;
    };
    1 << (((key.len() << 4) ^ ((*first as usize) << 1) ^ (*last as usize)) & 63)
}

impl Mapping {
    fn get(&self, key: &str) -> Option<&Member> {
        self.entries.get(self.position(key)?)
    }

    fn get_mut(&mut self, key: &str) -> Option<&mut Member> {
        let at = self.position(key)?;
        self.entries.get_mut(at)
    }

    fn position(&self, key: &str) -> Option<usize> {
        if self.bits & bit(key) == 0 {
            return None;
        }
        if let Some(index) = &self.index {
            return index.get(key).copied();
        }
        self.entries
            .iter()
            .position(|member| !member.duplicate && member.key == key)
    }

    fn push(&mut self, member: Member) {
        self.bits |= bit(&member.key);
        self.entries.push(member);
        if self.entries.len() <= FEW {
            return;
        }
        let unknown = match &self.index {
            Some(_) => self.entries.len().saturating_sub(1),
            None => 0,
        };
        let index = self.index.get_or_insert_default();
        for (at, member) in self.entries.iter().enumerate().skip(unknown) {
            if !member.duplicate {
                index.insert(member.key.clone(), at);
            }
        }
    }

    fn has_merge(&self) -> bool {
        self.get("<<").is_some_and(|member| member.merges)
    }
}

#[derive(Clone, Debug)]
struct Member {
    key: String,
    key_range: Range<usize>,
    node: Id,
    /// An earlier entry has the same key.
    duplicate: bool,
    /// It is `<<`, whose value is not a member but has some.
    merges: bool,
}

impl Tree {
    /// Reads a file. Without a tree to return, there is an error to see; with one, there may be
    /// errors too.
    fn parse(
        order: usize,
        file: &str,
        text: &str,
        size: &mut Size,
        errors: &mut Errors,
    ) -> Option<Self> {
        // Some editors begin a file with a byte order mark.
        let text = Text::numbered(order, file, text.strip_prefix('\u{feff}').unwrap_or(text));
        let before = size.clone();
        let mistake = match tree::build(order, &text, text.as_str(), size, errors) {
            Ok(tree) => return tree.finish(errors),
            Err(mistake) => mistake,
        };
        let attempt = |patched: &str| {
            let mut unseen = Errors::default();
            tree::build(order, &text, patched, &mut before.clone(), &mut unseen).map(drop)
        };
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
        errors.pass_over(&patched.passed_over);
        *size = before;
        let tree = tree::build(order, &text, &patched.text, size, errors).ok()?;
        let mut tree = tree.finish(&mut Errors::default())?;
        tree.is_patched = true;
        Some(tree)
    }

    /// Decides what scalars mean, and merges what is to be merged.
    fn finish(mut self, errors: &mut Errors) -> Option<Self> {
        match meaning::assign(&mut self) {
            Ok(()) => {
                merge::merge(&mut self, errors);
                Some(self)
            }
            Err(mistake) => {
                errors.push(mistake);
                None
            }
        }
    }

    fn data(&self, id: Id) -> &Data {
        self.nodes
            .get(id.index)
            .expect("an id is the index of a node of its own tree")
    }

    fn place(&self, range: &Range<usize>) -> Place {
        Place::new(&self.text, range.clone(), String::new())
    }
}

impl Source {
    /// Lines that are not YAML are missing from some file: it is good for finding what else is wrong.
    pub(crate) fn is_patched(&self) -> bool {
        self.files.iter().any(|file| file.tree.is_patched)
    }

    /// The document's own root.
    pub(crate) fn root(&self) -> Node<'_> {
        self.root_of(0)
    }

    fn root_of(&self, file: usize) -> Node<'_> {
        self.node(self.tree(file).root)
    }

    pub(crate) fn node(&self, id: Id) -> Node<'_> {
        let data = self.tree(id.file).data(id);
        Node {
            source: self,
            id,
            data,
        }
    }

    /// Every mapping that has a member of this name, in every file.
    pub(crate) fn owners_of(&self, key: &str) -> impl Iterator<Item = Node<'_>> {
        let files = self.files.iter().enumerate();
        files
            .flat_map(|(file, one)| (0..one.tree.nodes.len()).map(move |index| Id { file, index }))
            .map(|id| self.node(id))
            .filter(move |node| node.get(key).is_some())
    }

    /// Puts another node in the place of a mapping's member.
    pub(crate) fn replace(&mut self, owner: Id, key: &str, with: Id) {
        let file = self.files.get_mut(owner.file);
        let data = file.and_then(|file| file.tree.nodes.get_mut(owner.index));
        if let Some(Kind::Mapping(mapping)) = data.map(|data| &mut data.kind)
            && let Some(member) = mapping.get_mut(key)
        {
            member.node = with;
        }
    }

    fn file(&self, file: usize) -> &File {
        self.files
            .get(file)
            .expect("an id names a file of its own source")
    }

    fn tree(&self, file: usize) -> &Tree {
        &self.file(file).tree
    }
}

#[cfg(test)]
mod tests {
    use super::{Node, Source};
    use crate::diagnostic::Errors;
    use crate::options::Options;

    fn parse(text: &str) -> Result<Source, String> {
        let mut errors = Errors::default();
        let source = Source::read("a.yaml", text, None, &Options::default(), &mut errors);
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
    fn merge_keys_add_members_that_are_not_there() {
        let text = "
a: &a {one: 1, two: 2}
b: &b {two: 3, three: 4, <<: *a}
c: {zero: 0, <<: [{four: 5}, *b, *a], one: 6}
d: {'<<': *a}
";
        let source = parse(text).expect("valid");
        let members = |key: &str| {
            let entries = source.root().get(key).into_iter().flat_map(Node::entries);
            let entries = entries.map(|entry| {
                let by_key = entry.node.id() == source.root().get(key)?.get(entry.key)?.id();
                Some(format!("{}={}", entry.key, entry.node.scalar()?)).filter(|_| by_key)
            });
            entries.collect::<Option<Vec<_>>>().unwrap_or_default()
        };
        assert_eq!(members("b"), ["two=3", "three=4", "one=1"]);
        let merged = ["zero=0", "four=5", "two=3", "three=4", "one=6"];
        assert_eq!(members("c"), merged);
        let quoted = source.root().get("d").and_then(|d| d.get("<<"));
        assert!(quoted.is_some_and(Node::is_mapping));
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
                "a: {b: [1, c]}\na: {b: [1, c]}\nd: 1\nd: '1'\n",
                "a.yaml:2:1: warning[SW0012]: duplicate key `a`\n\
                 a.yaml:4:1: error[SW0012]: duplicate key `d`",
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
                "a: {<<: 1}",
                "a.yaml:1:9: error[SW0018]: found the number `1`, expected a mapping to merge, or a list of such",
            ),
            (
                "a: {<<: [{b: 1}, c]}",
                "a.yaml:1:18: error[SW0018]: found the text `c`, expected a mapping to merge, or a list of such",
            ),
        ] {
            assert_eq!(parse(text).map(|_| ()), Err(expected.to_owned()), "{text}");
        }
    }
}

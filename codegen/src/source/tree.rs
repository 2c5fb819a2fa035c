//! The tree: positions, limits, duplicate keys and aliases.

use std::ops::Range;
use std::sync::Arc;

use super::meaning::Unclear;
use super::yaml::{self, Event, Stop};
use super::{Data, Id, Kind, Mapping, Meaning, Member, NumberMap, Size, Tree};
use crate::diagnostic::{Code, Diagnostic, Errors, Place, Text, quote};

/// How deeply mappings and lists may be nested, aliases followed.
pub(super) const DEEPEST: usize = 100;

/// Builds the tree. The meaning of scalars is yet to be decided.
///
/// Reads `read`, which is `text` or as long, and gives places in `text`.
pub(super) fn build(
    file: usize,
    text: &Arc<Text>,
    read: &str,
    size: &mut Size,
    errors: &mut Errors,
) -> Result<Tree, Stop> {
    let mut builder = Builder {
        file,
        text,
        errors,
        nodes: Vec::new(),
        open: Vec::new(),
        root: None,
        anchors: NumberMap::default(),
        size,
        merges: Vec::new(),
        unclear: Vec::new(),
        duplicates: Vec::new(),
        documents: 0,
    };
    let read = builder.events(read);
    builder.report_duplicates();
    read?;
    match builder.root {
        Some(root) => Ok(Tree {
            text: Arc::clone(text),
            nodes: builder.nodes,
            root,
            merges: builder.merges,
            unclear: builder.unclear,
            is_patched: false,
        }),
        None => {
            let message = match file {
                0 => "found nothing, expected an AsyncAPI document",
                _ => "found nothing, expected YAML or JSON",
            };
            Err(Diagnostic::error(Code::EmptyFile, builder.place(&(0..0)), message).into())
        }
    }
}

struct Builder<'a> {
    /// The file's number.
    file: usize,
    text: &'a Arc<Text>,
    errors: &'a mut Errors,
    nodes: Vec<Data>,
    /// The collections that the next event is within, outermost first.
    open: Vec<Open>,
    root: Option<Id>,
    anchors: NumberMap<usize, Anchor>,
    /// Nodes so far, aliases followed.
    size: &'a mut Size,
    merges: Vec<Id>,
    unclear: Vec<Unclear>,
    duplicates: Vec<Duplicate>,
    documents: usize,
}

/// A key that its mapping has already.
struct Duplicate {
    key: String,
    range: Range<usize>,
    first_range: Range<usize>,
    first: Id,
    second: Id,
}

/// A mapping or list that has begun.
struct Open {
    id: Id,
    anchor: usize,
    /// `size` when it began.
    size_before: usize,
    /// Levels below this one, so far.
    height: usize,
    /// The key whose value comes next.
    key: Option<Key>,
}

struct Key {
    text: String,
    is_plain: bool,
    range: Range<usize>,
}

enum Anchor {
    Open,
    Closed { id: Id, size: usize, height: usize },
}

type Step = Result<(), Diagnostic>;

/// What text counts as: long text as several values, since many aliases may stand for it.
fn weight(text: &str) -> usize {
    const LONG: usize = 200;
    (text.len() / LONG).saturating_add(1)
}

impl Builder<'_> {
    fn events(&mut self, read: &str) -> Result<(), Stop> {
        for event in yaml::events(self.text, read, DEEPEST, &too_deep()) {
            let (event, range) = event?;
            self.event(event, range)?;
        }
        Ok(())
    }

    /// Of what is written twice in the same way, readers take the same.
    fn report_duplicates(&mut self) {
        for duplicate in std::mem::take(&mut self.duplicates) {
            let place = self.place(&duplicate.range);
            let message = format!("duplicate key {}", quote(&duplicate.key));
            let mistake = if self.is_same(duplicate.first, duplicate.second) {
                Diagnostic::warning(Code::DuplicateKey, place, message)
                    .with_help("leave one out: both have the same value")
            } else {
                Diagnostic::error(Code::DuplicateKey, place, message)
            };
            let first = self.place(&duplicate.first_range);
            self.errors
                .push(mistake.related(first, "first defined here"));
        }
    }

    /// Two values are written in the same way. Recursion ends: nesting is limited, and so is the
    /// size, aliases followed.
    fn is_same(&self, one: Id, other: Id) -> bool {
        if one == other {
            return true;
        }
        let (Some(one), Some(other)) = (self.nodes.get(one.index), self.nodes.get(other.index))
        else {
            return false;
        };
        match (&one.kind, &other.kind) {
            (Kind::Scalar(..), Kind::Scalar(..)) => {
                let text = |data: &Data| self.text.as_str().get(data.range.clone());
                text(one) == text(other)
            }
            (Kind::Sequence(one), Kind::Sequence(other)) => {
                let mut pairs = one.iter().zip(other);
                one.len() == other.len() && pairs.all(|(one, other)| self.is_same(*one, *other))
            }
            (Kind::Mapping(one), Kind::Mapping(other)) => {
                let mut pairs = one.entries.iter().zip(&other.entries);
                one.entries.len() == other.entries.len()
                    && pairs.all(|(one, other)| {
                        one.key == other.key && self.is_same(one.node, other.node)
                    })
            }
            _ => false,
        }
    }

    fn event(&mut self, event: Event, range: Range<usize>) -> Step {
        match event {
            Event::Document => {
                self.documents = self.documents.saturating_add(1);
                if self.documents > 1 {
                    let message = "found a second document, expected one a file";
                    let place = self.place(&range);
                    let help = "save it as a file of its own";
                    return Err(
                        Diagnostic::error(Code::SeveralDocuments, place, message).with_help(help)
                    );
                }
            }
            Event::Scalar {
                text,
                is_plain,
                tag,
                anchor,
            } => {
                if self.wants_key() {
                    self.grow(weight(&text), &range)?;
                    self.key(text, is_plain, range);
                    // A key can be an alias's target as well, if rarely.
                    if anchor != 0 {
                        self.anchors.insert(anchor, Anchor::Open);
                    }
                    return Ok(());
                }
                let size = weight(&text);
                let is_unclear = Unclear::may_be(&text, is_plain, tag.as_deref());
                let kind = Kind::Scalar(Meaning::String, text);
                let id = self.add(kind, range.clone());
                if is_unclear {
                    let node = id.index;
                    self.unclear.push(Unclear { node, tag });
                }
                self.grow(size, &range)?;
                if anchor != 0 {
                    self.anchors.insert(
                        anchor,
                        Anchor::Closed {
                            id,
                            size,
                            height: 0,
                        },
                    );
                }
            }
            Event::Sequence { anchor } => {
                self.begin(Kind::Sequence(Vec::new()), anchor, range)?;
            }
            Event::Mapping { anchor } => {
                self.begin(Kind::Mapping(Mapping::default()), anchor, range)?;
            }
            Event::End => self.end(&range),
            Event::Alias { anchor } => self.alias(anchor, range)?,
        }
        Ok(())
    }

    fn begin(&mut self, kind: Kind, anchor: usize, range: Range<usize>) -> Step {
        if self.wants_key() {
            let found = if matches!(kind, Kind::Sequence(_)) {
                "a list"
            } else {
                "a mapping"
            };
            let message = format!("found {found}, expected text as a key");
            return Err(Diagnostic::error(
                Code::KeyNotText,
                self.place(&range),
                message,
            ));
        }
        if self.open.len() >= DEEPEST {
            return Err(Diagnostic::error(
                Code::TooDeep,
                self.place(&range),
                too_deep(),
            ));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, Anchor::Open);
        }
        let size_before = self.size.found;
        self.grow(1, &range)?;
        let id = self.add(kind, range);
        self.open.push(Open {
            id,
            anchor,
            size_before,
            height: 0,
            key: None,
        });
        Ok(())
    }

    fn end(&mut self, range: &Range<usize>) {
        let Some(open) = self.open.pop() else { return };
        if let Some(data) = self.nodes.get_mut(open.id.index) {
            data.range.end = data.range.end.max(range.end);
            let merges = matches!(&data.kind, Kind::Mapping(mapping) if mapping.has_merge());
            if merges {
                self.merges.push(open.id);
            }
        }
        let height = open.height.saturating_add(1);
        if let Some(parent) = self.open.last_mut() {
            parent.height = parent.height.max(height);
        }
        if open.anchor != 0 {
            let size = self.size.since(open.size_before);
            self.anchors.insert(
                open.anchor,
                Anchor::Closed {
                    id: open.id,
                    size,
                    height,
                },
            );
        }
    }

    fn alias(&mut self, anchor: usize, range: Range<usize>) -> Step {
        if self.wants_key() {
            let message = "found an alias, expected text as a key";
            return Err(Diagnostic::error(
                Code::KeyNotText,
                self.place(&range),
                message,
            ));
        }
        let Some(&Anchor::Closed { id, size, height }) = self.anchors.get(&anchor) else {
            let name = self.text.as_str().get(range.clone()).unwrap_or_default();
            let message = format!("{} stands within what it stands for", quote(name));
            return Err(Diagnostic::error(
                Code::AliasWithinItself,
                self.place(&range),
                message,
            ));
        };
        self.grow(size, &range)?;
        if self.open.len().saturating_add(height) > DEEPEST {
            return Err(Diagnostic::error(
                Code::TooDeep,
                self.place(&range),
                too_deep(),
            ));
        }
        if let Some(parent) = self.open.last_mut() {
            parent.height = parent.height.max(height);
        }
        self.attach(id);
        Ok(())
    }

    /// Counts nodes, and stops when there are too many.
    fn grow(&mut self, by: usize, range: &Range<usize>) -> Step {
        self.size
            .grow(by, "values, aliases followed")
            .map_err(|message| Diagnostic::error(Code::TooLarge, self.place(range), message))
    }

    fn wants_key(&self) -> bool {
        let Some(open) = self.open.last() else {
            return false;
        };
        let mapping = self
            .nodes
            .get(open.id.index)
            .is_some_and(|data| matches!(data.kind, Kind::Mapping(_)));
        mapping && open.key.is_none()
    }

    fn key(&mut self, text: String, is_plain: bool, range: Range<usize>) {
        if let Some(open) = self.open.last_mut() {
            open.key = Some(Key {
                text,
                is_plain,
                range,
            });
        }
    }

    fn add(&mut self, kind: Kind, range: Range<usize>) -> Id {
        let id = Id {
            file: self.file,
            index: self.nodes.len(),
        };
        self.nodes.push(Data {
            kind,
            range,
            key: None,
            parent: None,
        });
        self.attach(id);
        id
    }

    /// Makes a node the next member of the innermost open collection.
    fn attach(&mut self, id: Id) {
        let Some(open) = self.open.last_mut() else {
            self.root = self.root.or(Some(id));
            return;
        };
        let owner = open.id;
        let key = open.key.take();
        let (segment, key_range) = match self.nodes.get_mut(owner.index).map(|data| &mut data.kind)
        {
            Some(Kind::Sequence(items)) => {
                items.push(id);
                (items.len().saturating_sub(1).to_string(), None)
            }
            Some(Kind::Mapping(mapping)) => {
                let Some(Key {
                    text,
                    is_plain,
                    range,
                }) = key
                else {
                    return;
                };
                let first = mapping.get(&text);
                let duplicate = first.map(|first| (first.key_range.clone(), first.node));
                mapping.push(Member {
                    key: text.clone(),
                    key_range: range.clone(),
                    node: id,
                    duplicate: duplicate.is_some(),
                    merges: is_plain && text == "<<",
                });
                if let Some((first_range, first)) = duplicate {
                    self.duplicates.push(Duplicate {
                        key: text.clone(),
                        range: range.clone(),
                        first_range,
                        first,
                        second: id,
                    });
                }
                (text, Some(range))
            }
            _ => return,
        };
        if let Some(data) = self
            .nodes
            .get_mut(id.index)
            .filter(|data| data.parent.is_none())
        {
            data.parent = Some((owner, segment));
            data.key = key_range;
        }
    }

    fn place(&self, range: &Range<usize>) -> Place {
        Place::new(self.text, range.clone(), String::new())
    }
}

fn too_deep() -> String {
    format!("found more than {DEEPEST} mappings and lists within each other, expected fewer")
}

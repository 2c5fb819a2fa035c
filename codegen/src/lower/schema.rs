//! What a schema describes, one level deep.
//!
//! A value may have to match several schema objects at once: those of an `allOf`, and what stands
//! beside a `oneOf`. Here a schema is therefore a list of such [`Part`]s, and equal lists are one
//! schema, whatever led to them. [`facts`] reads the keywords of all parts together, and `classify`
//! makes a [`Class`] of them.

mod avro;
mod classify;
mod conditions;
mod facts;
mod heirs;
mod rules;
mod sets;
mod union;

use std::collections::HashSet;
use std::rc::Rc;

use heirs::Heirs;
use sets::{Mask, Types, is_whole};

use super::docs::Docs;
use crate::api::{Base, JsonType, Rules, Type};
use crate::diagnostic::{Code, Diagnostic, Errors};
use crate::document::{Kind, json_schema};
use crate::options::Options;
use crate::resolve::{References, Resolved};
use crate::source::{Id, Node, NumberMap, NumberSet, Size, json_string};

/// How many schema objects there may be when those that hold together are listed for each schema.
const MOST_PARTS: usize = 60_000;

/// How many schemas a document may amount to.
const MOST_SCHEMAS: usize = 50_000;

/// How deeply alternatives may be nested.
const DEEPEST_UNION: usize = 40;

/// One of the schemas of a document: an index.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct SchemaId(usize);

/// A schema where it is used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Use {
    pub(super) id: SchemaId,
    /// `nullable`, a word of OpenAPI's that documents use as if it were AsyncAPI's.
    pub(super) nullable: bool,
}

/// A schema object, and which of its keywords have been dealt with.
#[derive(Clone, Copy, Debug)]
struct Part<'s> {
    node: Node<'s>,
    mask: Mask,
}

/// What a schema describes. Cloned wherever it is used.
#[derive(Clone, Debug)]
pub(super) enum Class<'s> {
    /// Named members.
    Struct(Rc<Object<'s>>),
    /// A value out of a set.
    Enum(Rc<Values<'s>>),
    /// One of several.
    Union(Rc<[Alternative<'s>]>),
    Array(Use),
    Tuple(Rc<[Use]>),
    /// Members of one type, with any name.
    Map(Use),
    /// What another schema describes.
    Same(Use),
    /// A type without parts.
    Plain(Type),
}

/// An object with named members.
#[derive(Clone, Debug)]
pub(super) struct Object<'s> {
    pub(super) members: Vec<Member<'s>>,
    pub(super) closed: bool,
    /// The schema of all other members, where the document asks for such.
    pub(super) rest: Option<Use>,
}

/// A member of an [`Object`].
#[derive(Clone, Debug)]
pub(super) struct Member<'s> {
    pub(super) name: &'s str,
    /// Where it is declared; the first place, if there are several. A reference is not followed.
    pub(super) node: Node<'s>,
    pub(super) schema: Use,
    pub(super) required: bool,
}

/// A set of values.
#[derive(Debug)]
pub(super) struct Values<'s> {
    pub(super) base: Base,
    pub(super) values: Vec<Value<'s>>,
    /// Says itself that there may be others.
    pub(super) open: bool,
    /// There is but one value, which is there to be recognised.
    pub(super) is_const: bool,
}

/// A value of an enumeration.
#[derive(Clone, Debug)]
pub(super) struct Value<'s> {
    /// The text of a string, the JSON of anything else.
    pub(super) wire: String,
    /// The name that the document has for it, if any.
    pub(super) name: Option<&'s str>,
    pub(super) docs: Option<String>,
}

/// One of the schemas of a union.
#[derive(Clone, Debug)]
pub(super) struct Alternative<'s> {
    pub(super) schema: Use,
    /// What the document calls it.
    pub(super) name: Option<&'s str>,
    pub(super) docs: Option<String>,
    /// The member that tells it from the others, and its values there as JSON.
    pub(super) tag: Option<(&'s str, Vec<String>)>,
    /// Others of the same type have been joined with it, so that its own rules do not count.
    pub(super) is_loose: bool,
    /// It is for objects whose value of this member none of the others goes by.
    pub(super) otherwise: Option<&'s str>,
}

/// A schema whose references have been followed.
#[derive(Clone, Debug)]
pub(super) struct Schema<'s> {
    pub(super) node: Node<'s>,
    pub(super) class: Class<'s>,
    /// `null` is one of its values.
    pub(super) nullable: bool,
    pub(super) rules: Rules,
    pub(super) docs: Option<String>,
    /// The value to assume.
    pub(super) default: Option<Node<'s>>,
    /// It is in a language that is not read, so that the content type alone tells of its values.
    pub(super) is_unread: bool,
}

/// What is known of a schema by its list of parts.
#[derive(Debug)]
struct Slot<'s> {
    parts: Rc<[Part<'s>]>,
    types: Types,
    schema: Option<Rc<Schema<'s>>>,
}

/// A list of parts, and the types that it is confined to.
type Key = (Vec<(Id, Mask)>, Types);

/// What a schema is made of, in words that mean the same in every document: for each part its file,
/// its number in that and what of it has been dealt with; and the types that it is confined to.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Origin(Vec<(String, usize, u8)>, u8);

/// Classifies schemas, each once.
#[derive(Debug)]
pub(super) struct Schemas<'s, 'e> {
    pub(super) references: &'s References<'s>,
    pub(super) errors: &'e mut Errors,
    /// The document, for want of a better place.
    root: Node<'s>,
    /// All objects of all files.
    objects: &'s [(Kind, Node<'s>)],
    options: &'s Options,
    /// The options for types of the user's own that have been of use.
    pub(super) substituted: HashSet<String>,
    /// What the names in Avro's schemas stand for, by the text.
    avro_names: NumberMap<Id, Node<'s>>,
    pub(super) docs: Docs,
    known: NumberMap<Key, SchemaId>,
    /// Those of single schema objects: many members may refer to one that is joined of many.
    single: NumberMap<Id, Use>,
    slots: Vec<Slot<'s>>,
    /// Made when they are first asked for.
    heirs: Option<Heirs<'s>>,
    /// What is in lists of alternatives.
    listed: NumberMap<Id, NumberSet<Id>>,
    size: Size,
    /// How many bytes of conditions have been written.
    written: usize,
    /// How many unions deep the one is that is being looked at.
    depth: usize,
    /// Those that are being looked at.
    open: NumberSet<SchemaId>,
}

impl Class<'_> {
    /// The JSON types of its values, where that is known without looking further; none for any.
    pub(super) fn json_types(&self) -> Vec<JsonType> {
        match self {
            Self::Struct(_) | Self::Map(_) => vec![JsonType::Object],
            Self::Array(_) | Self::Tuple(_) => vec![JsonType::Array],
            Self::Plain(ty) => match ty {
                Type::Null => vec![JsonType::Null],
                Type::Bool => vec![JsonType::Boolean],
                Type::Integer(_) => vec![JsonType::Integer],
                Type::F32 | Type::F64 | Type::Number => vec![JsonType::Number],
                Type::String | Type::Uuid | Type::Ipv4 | Type::Ipv6 | Type::Bytes => {
                    vec![JsonType::String]
                }
                _ => Vec::new(),
            },
            Self::Enum(_) | Self::Union(_) | Self::Same(_) => Vec::new(),
        }
    }

    /// What to call it where the document has no name for it.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Struct(_) => "Object",
            Self::Map(_) => "Map",
            Self::Array(_) => "Array",
            Self::Tuple(_) => "Tuple",
            Self::Enum(_) => "Enum",
            Self::Union(_) | Self::Same(_) => "Other",
            Self::Plain(ty) => match ty {
                Type::Null => "Null",
                Type::Bool => "Boolean",
                Type::Integer(_) => "Integer",
                Type::F32 | Type::F64 | Type::Number => "Number",
                Type::String => "String",
                Type::Uuid => "Uuid",
                Type::Ipv4 => "Ipv4",
                Type::Ipv6 => "Ipv6",
                Type::Bytes => "Bytes",
                _ => "Any",
            },
        }
    }
}

impl Values<'_> {
    /// Each value as JSON.
    pub(super) fn json(&self) -> Vec<String> {
        let values = self.values.iter();
        values
            .map(|value| match self.base {
                Base::String => json_string(&value.wire),
                Base::Integer | Base::Json => value.wire.clone(),
            })
            .collect()
    }
}

impl<'s, 'e> Schemas<'s, 'e> {
    pub(super) fn new(
        resolved: &'s Resolved<'s>,
        options: &'s Options,
        errors: &'e mut Errors,
    ) -> Self {
        Self {
            references: &resolved.references,
            errors,
            root: resolved.root,
            objects: &resolved.objects,
            options,
            substituted: HashSet::new(),
            avro_names: NumberMap::default(),
            docs: Docs::new(),
            known: NumberMap::default(),
            single: NumberMap::default(),
            slots: Vec::new(),
            heirs: None,
            listed: NumberMap::default(),
            size: Size::new(MOST_PARTS),
            written: 0,
            depth: 0,
            open: NumberSet::default(),
        }
    }

    /// The schema that `node` is or refers to.
    pub(super) fn of(&mut self, node: Node<'s>) -> Use {
        if let Some(known) = self.single.get(&node.id()) {
            return *known;
        }
        let used = self.join_all(&[node]);
        self.single.insert(node.id(), used);
        used
    }

    /// The schema of values that match each of these.
    pub(super) fn all_of(&mut self, nodes: &[Node<'s>]) -> Use {
        match nodes {
            [node] => self.of(*node),
            nodes => self.join_all(nodes),
        }
    }

    fn join_all(&mut self, nodes: &[Node<'s>]) -> Use {
        let parts: Vec<Part<'s>> = nodes
            .iter()
            .map(|node| Part {
                node: *node,
                mask: Mask::NONE,
            })
            .collect();
        self.join(&parts, Types::ALL)
    }

    fn join(&mut self, parts: &[Part<'s>], types: Types) -> Use {
        let (parts, nullable) = self.expand(parts);
        let id = self.slot(parts, types);
        Use { id, nullable }
    }

    /// The schema of these parts, which is one, whatever led to them.
    fn slot(&mut self, parts: Vec<Part<'s>>, types: Types) -> SchemaId {
        let key: Key = (
            parts
                .iter()
                .map(|part| (part.node.id(), part.mask))
                .collect(),
            types,
        );
        if let Some(id) = self.known.get(&key) {
            return *id;
        }
        let id = SchemaId(self.slots.len());
        self.known.insert(key, id);
        self.slots.push(Slot {
            parts: parts.into(),
            types,
            schema: None,
        });
        if self.slots.len() == MOST_SCHEMAS {
            let place = self.place(id);
            let message = format!("found more than {MOST_SCHEMAS} schemas, expected fewer");
            if let Some(place) = place {
                self.errors
                    .push(Diagnostic::error(Code::TooLarge, place, message));
            }
        }
        id
    }

    fn place(&self, id: SchemaId) -> Option<crate::diagnostic::Place> {
        let first = self.slots.get(id.0)?.parts.first()?;
        Some(first.node.key_place())
    }

    /// All schema objects that hold where these do: their own and those of `allOf`. Without those
    /// that say nothing of values.
    fn expand(&mut self, start: &[Part<'s>]) -> (Vec<Part<'s>>, bool) {
        let mut nullable = false;
        let mut seen = NumberSet::default();
        let mut nodes: NumberSet<Id> = NumberSet::default();
        let mut found = Vec::new();
        let mut left: Vec<Part<'s>> = start.iter().rev().copied().collect();
        while let Some(part) = left.pop() {
            let Some(node) = self.references.target(part.node) else {
                continue;
            };
            let node = match json_schema(node) {
                Ok(inner) if inner.id() != node.id() => {
                    left.push(Part {
                        node: inner,
                        ..part
                    });
                    continue;
                }
                // A schema in another language is a thing of its own.
                Ok(_) | Err(_) => node,
            };
            if !seen.insert((node.id(), part.mask)) {
                continue;
            }
            nodes.insert(node.id());
            if let Err(message) = self.size.grow(1, "schemas that are joined") {
                self.errors
                    .push(Diagnostic::error(Code::TooLarge, node.key_place(), message));
                break;
            }
            nullable |= node.get("nullable").and_then(Node::bool) == Some(true);
            if says_something(node, part.mask) || (names_a_type(node) && !part.mask.is_base()) {
                found.push(Part { node, ..part });
            }
            if part.mask.is_base() {
                continue;
            }
            let Some(joined) = node.get("allOf") else {
                continue;
            };
            let joined: Vec<Node<'s>> = joined.items().collect();
            for other in joined.iter().rev() {
                let mut mask = self.lists_of_heirs(*other, &nodes);
                if self.is_inherited_from(*other) && self.adds_something(node, &joined) {
                    mask = mask.and(Mask::HEIRS);
                }
                left.push(Part { node: *other, mask });
            }
        }
        (found, nullable)
    }

    /// Which lists of alternatives of a schema have one of these schemas, which join it in their turn:
    /// it is written as what they have in common, and lists them for who refers to it.
    fn lists_of_heirs(&mut self, joined: Node<'s>, heirs: &NumberSet<Id>) -> Mask {
        let Some(joined) = self.references.target(joined) else {
            return Mask::NONE;
        };
        let references = self.references;
        let lists = [("oneOf", Mask::ONE_OF), ("anyOf", Mask::ANY_OF)];
        let found = lists.into_iter().filter(|(key, _)| {
            let Some(list) = joined.get(key) else {
                return false;
            };
            // Each of many may join the one that lists them all.
            let listed = self.listed.entry(list.id()).or_insert_with(|| {
                let targets = list.items().filter_map(|item| references.target(item));
                targets.map(Node::id).collect()
            });
            !listed.is_disjoint(heirs)
        });
        found.fold(Mask::NONE, |all, (_, mask)| all.and(mask))
    }

    /// What is said where a schema is used, or else by the schema.
    pub(super) fn docs_of(&mut self, node: Node<'s>, schema: Option<&str>) -> Option<String> {
        let own = self.docs.schema(node);
        own.or_else(|| self.docs.again(schema?))
    }

    /// What the schema describes.
    pub(super) fn get(&mut self, id: SchemaId) -> Rc<Schema<'s>> {
        let Some(slot) = self.slots.get(id.0) else {
            return Rc::new(self.any(&[]));
        };
        if let Some(schema) = &slot.schema {
            return Rc::clone(schema);
        }
        let parts = Rc::clone(&slot.parts);
        let types = slot.types;
        if self.depth > DEEPEST_UNION || self.slots.len() >= MOST_SCHEMAS || !self.open.insert(id) {
            // Alternatives that lead back to themselves, or are deeper than anybody reads.
            return Rc::new(self.any(&parts));
        }
        self.depth = self.depth.saturating_add(1);
        let schema = Rc::new(self.classify(&parts, types));
        self.depth = self.depth.saturating_sub(1);
        self.open.remove(&id);
        if let Some(slot) = self.slots.get_mut(id.0) {
            slot.schema = Some(Rc::clone(&schema));
        }
        schema
    }

    /// The schema that describes it, where that is another one.
    pub(super) fn settle(&mut self, mut used: Use) -> Use {
        // Each leads to one that was settled before it.
        while let (Class::Same(other), nullable) =
            self.look(used.id, |schema| (schema.class.clone(), schema.nullable))
        {
            used = Use {
                id: other.id,
                nullable: used.nullable || other.nullable || nullable,
            };
        }
        used
    }

    /// What the schema describes, without all else that it says.
    pub(super) fn class(&mut self, id: SchemaId) -> Class<'s> {
        self.look(id, |schema| schema.class.clone())
    }

    /// Something of a schema.
    fn look<T>(&mut self, id: SchemaId, part: impl Fn(&Schema<'s>) -> T) -> T {
        let known = self.slots.get(id.0).and_then(|slot| slot.schema.as_ref());
        match known {
            Some(schema) => part(schema),
            None => part(&self.get(id)),
        }
    }

    /// Adds members of any JSON to an object.
    pub(super) fn add_members(&mut self, id: SchemaId, members: &[(&'s str, Node<'s>)]) {
        let anything = self.anything();
        let slot = self.slots.get_mut(id.0);
        let Some(Class::Struct(object)) = slot
            .and_then(|slot| slot.schema.as_mut())
            .map(|schema| &mut Rc::make_mut(schema).class)
        else {
            return;
        };
        let members = members.iter().map(|(name, node)| Member {
            name,
            node: *node,
            schema: anything,
            required: false,
        });
        Rc::make_mut(object).members.extend(members);
    }

    pub(super) fn origin(&self, id: SchemaId) -> Option<Origin> {
        let slot = self.slots.get(id.0)?;
        let parts = slot.parts.iter().map(|part| {
            let file = part.node.file().to_owned();
            (file, part.node.index(), part.mask.0)
        });
        Some(Origin(parts.collect(), slot.types.0))
    }

    /// The schema object that is all there is to it, and so has given it its name.
    pub(super) fn named_by(&self, id: SchemaId) -> Option<Node<'s>> {
        let slot = self.slots.get(id.0)?;
        named(&slot.parts).filter(|_| slot.types == Types::ALL)
    }

    /// Anything matches.
    fn any(&self, parts: &[Part<'s>]) -> Schema<'s> {
        let node = parts.first().map_or(self.root, |part| part.node);
        Schema {
            node,
            class: Class::Plain(Type::Any),
            nullable: false,
            rules: Rules::default(),
            docs: None,
            default: None,
            is_unread: false,
        }
    }
}

/// The one schema object that these are, with those of its own `allOf`.
fn named<'s>(parts: &[Part<'s>]) -> Option<Node<'s>> {
    let (first, rest) = parts.split_first()?;
    let own = rest.is_empty() || first.node.get("allOf").is_some();
    (own && !first.mask.is_base() && !first.mask.has(Mask::HEIRS)).then_some(first.node)
}

/// It has a keyword that some value does not match, or that tells what a value is.
fn says_something(node: Node<'_>, mask: Mask) -> bool {
    says_more(node, mask, &[])
}

/// It has such a keyword besides those of `known`.
fn says_more(node: Node<'_>, mask: Mask, known: &[&str]) -> bool {
    const SILENT: &[&str] = &[
        "$anchor",
        "$comment",
        "$defs",
        "$id",
        "$schema",
        "allOf",
        "default",
        "definitions",
        "deprecated",
        "description",
        "discriminator",
        "example",
        "examples",
        "externalDocs",
        "nullable",
        "readOnly",
        "title",
        "writeOnly",
        "xml",
    ];
    if let Some(anything) = node.bool() {
        return !anything;
    }
    // The type alone.
    if node.text().is_some() {
        return true;
    }
    node.entries().any(|entry| match entry.key {
        "x-rust-type" => true,
        "oneOf" => !mask.has(Mask::ONE_OF),
        "anyOf" => !mask.has(Mask::ANY_OF),
        key => !(SILENT.contains(&key) || known.contains(&key) || key.starts_with("x-")),
    })
}

/// It stands where schemas are given names, and joins others: it is more than a place to describe
/// them.
fn names_a_type(node: Node<'_>) -> bool {
    node.get("allOf").is_some() && is_definition(node)
}

/// It stands where schemas are given names.
pub(super) fn is_definition(node: Node<'_>) -> bool {
    const WITHIN: &[&str] = &[
        "additionalItems",
        "additionalProperties",
        "allOf",
        "anyOf",
        "else",
        "if",
        "items",
        "not",
        "oneOf",
        "patternProperties",
        "prefixItems",
        "properties",
        "then",
    ];
    // Most are members, and need no longer look.
    let within = node.parent().filter(|parent| parent.parent().is_some());
    if within.is_some_and(|parent| WITHIN.contains(&parent.key())) {
        return false;
    }
    match node.path().as_slice() {
        ["components", "schemas", _] => true,
        // A group of schemas, or a schema and what stands in it.
        ["components", "schemas", path @ ..] => !path.iter().any(|key| WITHIN.contains(key)),
        [.., "$defs" | "definitions", _] => true,
        // A file of its own, or a member of one that only holds schemas.
        path => {
            let is_part = |key: &&str| WITHIN.contains(key) || ["headers", "payload"].contains(key);
            node.is_elsewhere() && !path.iter().any(is_part)
        }
    }
}

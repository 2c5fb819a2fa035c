//! What a schema describes, one level deep.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::api::{Integer, Type};
use crate::diagnostic::{Code, Diagnostic, Errors, quote};
use crate::document::json_schema;
use crate::resolve::References;
use crate::source::{Id, Node};

/// Constructs that are carried as JSON, unchecked.
const NOT_GENERATED: &[&str] = &[
    "allOf",
    "anyOf",
    "const",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "if",
    "not",
    "oneOf",
    "patternProperties",
    "prefixItems",
];

/// What a schema describes. Cloned wherever it is used.
#[derive(Clone, Debug)]
pub(super) enum Class<'s> {
    Struct(Object<'s>),
    /// The values.
    Enum(Rc<[&'s str]>),
    Array(Option<Node<'s>>),
    Map(Node<'s>),
    Plain(Type),
}

/// An object with named members.
#[derive(Clone, Debug)]
pub(super) struct Object<'s> {
    pub(super) node: Node<'s>,
    pub(super) required: Rc<[&'s str]>,
    pub(super) closed: bool,
}

impl<'s> Object<'s> {
    /// The members' names and schemas.
    pub(super) fn properties(&self) -> impl Iterator<Item = (&'s str, Node<'s>)> {
        let properties = self.node.get("properties");
        properties
            .into_iter()
            .flat_map(Node::entries)
            .map(|entry| (entry.key, entry.node))
    }
}

/// A schema whose references have been followed.
#[derive(Clone, Debug)]
pub(super) struct Schema<'s> {
    pub(super) node: Node<'s>,
    pub(super) class: Class<'s>,
    /// `null` is one of its values.
    pub(super) nullable: bool,
}

/// Classifies schemas, each once.
#[derive(Debug)]
pub(super) struct Schemas<'s, 'e> {
    pub(super) references: &'s References<'s>,
    pub(super) errors: &'e mut Errors,
    known: HashMap<Id, Schema<'s>>,
}

impl<'s, 'e> Schemas<'s, 'e> {
    pub(super) fn new(references: &'s References<'s>, errors: &'e mut Errors) -> Self {
        Self {
            references,
            errors,
            known: HashMap::new(),
        }
    }

    /// What the schema, or the one it refers to, describes. That of a reference to nothing, which
    /// has been reported, is anything.
    pub(super) fn get(&mut self, node: Node<'s>) -> Schema<'s> {
        let any = |node| Schema {
            node,
            class: Class::Plain(Type::Any),
            nullable: false,
        };
        let Some(target) = self.references.target(node) else {
            return any(node);
        };
        if let Some(known) = self.known.get(&target.id()) {
            return known.clone();
        }
        let schema = match json_schema(target) {
            // The schema within may be a reference in its turn, but not a third time.
            Ok(inner) if inner.id() != target.id() => {
                let inner = self.references.target(inner).unwrap_or(inner);
                match json_schema(inner) {
                    Ok(same) if same.id() == inner.id() => self.classify(inner),
                    _ => any(inner),
                }
            }
            Ok(_) => self.classify(target),
            Err(format) => {
                let what = format!("a schema of the format {}", quote(format));
                let place = target.get("schemaFormat").unwrap_or(target);
                self.not_generated(Code::SchemaFormat, place, &what);
                any(target)
            }
        };
        self.known.insert(target.id(), schema.clone());
        schema
    }

    fn classify(&mut self, node: Node<'s>) -> Schema<'s> {
        let plain = |class| Schema {
            node,
            class,
            nullable: false,
        };
        let any = plain(Class::Plain(Type::Any));
        if node.bool() == Some(false) {
            self.not_generated(Code::NotGenerated, node, "a schema that nothing matches");
        }
        if let Some(construct) = NOT_GENERATED.iter().find_map(|name| node.get(name)) {
            self.not_generated_key(construct);
            return any;
        }
        let (name, nullable) = match self.type_name(node) {
            Ok(found) => found,
            Err(NotGenerated) => return any,
        };
        let class = match name {
            "object" => self.object(node),
            "array" => match node.get("items") {
                Some(items) if items.is_sequence() => {
                    self.not_generated_key(items);
                    Class::Plain(Type::Any)
                }
                items => Class::Array(items),
            },
            _ => match node.get("enum") {
                Some(values) => self.enumeration(values, name),
                None => Class::Plain(primitive(name, node.get("format").and_then(Node::text))),
            },
        };
        // A word of OpenAPI, which documents use as if it were AsyncAPI's.
        let says_nullable = node.get("nullable").and_then(Node::bool) == Some(true);
        Schema {
            node,
            class,
            nullable: nullable || says_nullable,
        }
    }

    /// The name of its type, and whether `null` is allowed as well; empty for anything.
    fn type_name(&mut self, node: Node<'s>) -> Result<(&'s str, bool), NotGenerated> {
        let Some(types) = node.get("type") else {
            let keywords = ["properties", "items", "enum", "additionalProperties"];
            let implied = keywords.iter().find(|keyword| node.get(keyword).is_some());
            let name = match implied {
                Some(&"items") => "array",
                Some(&"enum") => {
                    let mut values = node.get("enum").into_iter().flat_map(Node::items);
                    return Ok(("string", values.any(Node::is_null)));
                }
                Some(_) => "object",
                None => {
                    self.no_schema(node);
                    ""
                }
            };
            return Ok((name, false));
        };
        if let Some(name) = types.text() {
            return Ok((name, false));
        }
        let names: Vec<&str> = types.items().filter_map(Node::text).collect();
        let mut others = names.iter().filter(|name| **name != "null");
        match (others.next(), others.next()) {
            (Some(name), None) => Ok((name, names.len() > 1)),
            // Something else than a list has been reported.
            _ if !types.is_sequence() => Err(NotGenerated),
            _ => {
                self.not_generated_key(types);
                Err(NotGenerated)
            }
        }
    }

    /// Something without any keyword that says what it is: fine, unless it looks like a mistake.
    fn no_schema(&mut self, node: Node<'s>) {
        let mut entries = node.entries().peekable();
        if entries.peek().is_some() && entries.all(|entry| entry.node.is_mapping()) {
            let message = format!("{} is a group of schemas, not a schema", quote(node.key()));
            let help = "it is taken for one that anything matches";
            self.errors.push(
                Diagnostic::warning(Code::SchemaGroup, node.key_place(), message).with_help(help),
            );
        }
    }

    fn object(&mut self, node: Node<'s>) -> Class<'s> {
        let additional = node.get("additionalProperties");
        let closed = additional.and_then(Node::bool) == Some(false);
        let properties = node
            .get("properties")
            .filter(|node| node.entries().next().is_some());
        if properties.is_none() && !closed {
            return match additional.filter(|node| node.is_mapping()) {
                Some(values) => Class::Map(values),
                None => Class::Plain(Type::Any),
            };
        }
        if let Some(additional) = additional.filter(|node| node.is_mapping()) {
            let message = "`additionalProperties` beside `properties` is not generated yet";
            let help = "members that are not among the properties are left out";
            self.errors.push(
                Diagnostic::warning(Code::AdditionalProperties, additional.key_place(), message)
                    .with_help(help),
            );
        }
        let mut required = Vec::new();
        for item in node.get("required").into_iter().flat_map(Node::items) {
            let Some(name) = item.text() else { continue };
            if properties.is_some_and(|properties| properties.get(name).is_some()) {
                required.push(name);
                continue;
            }
            let names = properties
                .into_iter()
                .flat_map(Node::entries)
                .map(|entry| entry.key);
            let meant = self.errors.nearest(name, names);
            let message = format!("{} is required, but not among the properties", quote(name));
            self.errors.push(
                Diagnostic::warning(Code::UndeclaredProperty, item.place(), message)
                    .unless_errors()
                    .did_you_mean(meant),
            );
        }
        Class::Struct(Object {
            node,
            required: required.into(),
            closed,
        })
    }

    fn enumeration(&mut self, values: Node<'s>, name: &str) -> Class<'s> {
        let mut texts: Vec<&str> = Vec::new();
        let mut seen = HashSet::new();
        for value in values.items().filter(|value| !value.is_null()) {
            match value.text() {
                Some(text) if name == "string" => {
                    if seen.insert(text) {
                        texts.push(text);
                    }
                }
                _ => {
                    self.not_generated(
                        Code::NotGenerated,
                        value,
                        "an enumeration of anything but text",
                    );
                    return Class::Plain(Type::Any);
                }
            }
        }
        match texts.is_empty() {
            true => Class::Plain(Type::Any),
            false => Class::Enum(texts.into()),
        }
    }

    /// The value of a keyword that is not generated.
    fn not_generated_key(&mut self, value: Node<'s>) {
        let message = format!("{} is not generated yet", quote(value.key()));
        let help = "it is carried as JSON, unchecked";
        self.errors.push(
            Diagnostic::warning(Code::NotGenerated, value.key_place(), message).with_help(help),
        );
    }

    fn not_generated(&mut self, code: Code, node: Node<'s>, what: &str) {
        let message = format!("{what} is not generated yet");
        let help = "it is carried as JSON, unchecked";
        self.errors
            .push(Diagnostic::warning(code, node.place(), message).with_help(help));
    }
}

/// It has been said that this schema is carried as JSON, or reported that it is none.
#[derive(Debug)]
struct NotGenerated;

/// The type of a boolean, number or string.
fn primitive(name: &str, format: Option<&str>) -> Type {
    let integer = match format {
        Some("int8") => Some(Integer::I8),
        Some("int16") => Some(Integer::I16),
        Some("int32") => Some(Integer::I32),
        Some("int64") => Some(Integer::I64),
        Some("uint8") => Some(Integer::U8),
        Some("uint16") => Some(Integer::U16),
        Some("uint32") => Some(Integer::U32),
        Some("uint64") => Some(Integer::U64),
        _ => None,
    };
    match (name, format, integer) {
        ("boolean", ..) => Type::Bool,
        ("integer", _, integer) => Type::Integer(integer.unwrap_or(Integer::I64)),
        ("number", _, Some(_)) => Type::Number,
        ("number", Some("float"), _) => Type::F32,
        ("number", ..) => Type::F64,
        ("string", Some("uuid"), _) => Type::Uuid,
        ("string", ..) => Type::String,
        _ => Type::Any,
    }
}

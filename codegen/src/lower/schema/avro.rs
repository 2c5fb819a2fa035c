//! Avro's schemas -> what they describe.
//!
//! Values are plain JSON: that of a union is not wrapped in an object that names its branch, as
//! Avro's own encoding in JSON has it, and bytes are base64. What is encoded in binary is a message
//! of bytes, and no matter of its schema.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::{Alternative, Class, Mask, Member, Object, Part, Schema, Schemas, Types, Use, Value};
use super::{SchemaId, Values};
use crate::api::{Base, Integer, Type};
use crate::diagnostic::quote;
use crate::source::{Id, Node, NumberMap};

/// A schema of this format is one of Avro's.
pub(super) fn is_avro(format: &str) -> bool {
    let name = format.split([';', '+']).next().unwrap_or_default();
    name.trim()
        .eq_ignore_ascii_case("application/vnd.apache.avro")
}

fn primitive(name: &str) -> Option<Type> {
    Some(match name {
        "null" => Type::Null,
        "boolean" => Type::Bool,
        "int" => Type::Integer(Integer::I32),
        "long" => Type::Integer(Integer::I64),
        "float" => Type::F32,
        "double" => Type::F64,
        "bytes" => Type::Bytes,
        "string" => Type::String,
        _ => return None,
    })
}

/// What a schema that is no union says it is.
fn kind(node: Node<'_>) -> Option<&str> {
    node.text().or_else(|| node.get("type")?.text())
}

fn is_number(node: Node<'_>) -> bool {
    matches!(kind(node), Some("int" | "long" | "float" | "double"))
}

/// A type that a name stands for, and the namespace that the name is in.
type Named<'s> = (Node<'s>, Option<&'s str>);

/// Finds what the names in a schema stand for.
#[derive(Default)]
struct Names<'s> {
    definitions: HashMap<String, Node<'s>>,
    uses: Vec<Named<'s>>,
    left: Vec<Named<'s>>,
    unread: Vec<Unread<'s>>,
}

/// What is not understood, and why.
pub(super) type Unread<'s> = (Node<'s>, String);

impl<'s> Names<'s> {
    /// By the text that is the name, if all of the schema is understood; or else what is not.
    fn find(root: Node<'s>) -> Result<NumberMap<Id, Node<'s>>, Vec<Unread<'s>>> {
        let mut names = Self::default();
        let mut seen = HashSet::new();
        names.left.push((root, None));
        while let Some((node, namespace)) = names.left.pop() {
            if seen.insert(node.id())
                && let Err(unread) = names.look(node, namespace)
            {
                names.unread.push(unread);
            }
        }
        let mut found = NumberMap::default();
        for (node, namespace) in names.uses {
            let text = node.text().unwrap_or_default();
            let full = full_name(text, namespace);
            let definition = names.definitions.get(&full);
            // What has no namespace can be named from within one.
            match definition.or_else(|| names.definitions.get(text)) {
                Some(definition) => _ = found.insert(node.id(), *definition),
                None => {
                    let message = format!("{} is defined nowhere in it", quote(text));
                    names.unread.push((node, message));
                }
            }
        }
        match names.unread.is_empty() {
            true => Ok(found),
            false => Err(names.unread),
        }
    }

    /// Notes what is not understood of a part that others do not depend on.
    fn check<T>(&mut self, result: Result<T, Unread<'s>>) -> Option<T> {
        result.map_err(|unread| self.unread.push(unread)).ok()
    }

    fn look(&mut self, node: Node<'s>, namespace: Option<&'s str>) -> Result<(), Unread<'s>> {
        if let Some(name) = node.text() {
            if primitive(name).is_none() {
                self.uses.push((node, namespace));
            }
            return Ok(());
        }
        if node.is_sequence() {
            if node.items().next().is_none() {
                return Err((
                    node,
                    "found no type in a union, expected one at least".to_owned(),
                ));
            }
            for item in node.items() {
                if item.is_sequence() {
                    let message = "found a union within a union".to_owned();
                    self.unread.push((item, message));
                } else {
                    self.left.push((item, namespace));
                }
            }
            return Ok(());
        }
        let ty = member(node, "type")?;
        match ty.text() {
            Some("record" | "error") => {
                let namespace = self.define(node, namespace)?;
                let fields = member(node, "fields")?;
                if !fields.is_sequence() {
                    return Err((
                        fields,
                        format!("found {}, expected fields", fields.describe()),
                    ));
                }
                let mut seen = HashSet::new();
                for field in fields.items() {
                    let name = member(field, "name").and_then(|name| once(&mut seen, name));
                    self.check(name);
                    if !field.is_mapping() {
                        continue;
                    }
                    if let Some(ty) = self.check(member(field, "type")) {
                        self.left.push((ty, namespace));
                    }
                }
            }
            Some("enum") => {
                self.define(node, namespace)?;
                let mut seen = HashSet::new();
                let symbols = member(node, "symbols")?;
                for symbol in symbols.items() {
                    self.check(once(&mut seen, symbol));
                }
                if symbols.items().next().is_none() {
                    return Err((symbols, "found no symbol, expected one at least".to_owned()));
                }
            }
            Some("fixed") => {
                self.define(node, namespace)?;
            }
            Some("array") => self.left.push((member(node, "items")?, namespace)),
            Some("map") => self.left.push((member(node, "values")?, namespace)),
            _ => self.left.push((ty, namespace)),
        }
        Ok(())
    }

    /// Notes a named type, and gives the namespace of what is in it.
    fn define(
        &mut self,
        node: Node<'s>,
        namespace: Option<&'s str>,
    ) -> Result<Option<&'s str>, Unread<'s>> {
        let written = member(node, "name")?;
        let name = text(written)?;
        let namespace = match name.rsplit_once('.') {
            Some((namespace, _)) => Some(namespace),
            None => node.get("namespace").and_then(Node::text).or(namespace),
        };
        let known = self.definitions.insert(full_name(name, namespace), node);
        match known {
            None => Ok(namespace),
            Some(_) => Err((written, format!("{} is defined twice", quote(name)))),
        }
    }
}

fn member<'s>(node: Node<'s>, key: &str) -> Result<Node<'s>, Unread<'s>> {
    let missing = || match node.is_mapping() {
        true => format!("{} is missing", quote(key)),
        false => format!("found {}, expected a schema of Avro's", node.describe()),
    };
    node.get(key).ok_or_else(|| (node, missing()))
}

fn text<'s>(node: Node<'s>) -> Result<&'s str, Unread<'s>> {
    let other = || format!("found {}, expected text", node.describe());
    node.text().ok_or_else(|| (node, other()))
}

/// A name that may be there but once.
fn once<'s>(seen: &mut HashSet<&'s str>, node: Node<'s>) -> Result<(), Unread<'s>> {
    let name = text(node)?;
    match seen.insert(name) {
        true => Ok(()),
        false => Err((node, format!("{} is there twice", quote(name)))),
    }
}

fn full_name(name: &str, namespace: Option<&str>) -> String {
    match namespace.filter(|namespace| !namespace.is_empty() && !name.contains('.')) {
        Some(namespace) => format!("{namespace}.{name}"),
        None => name.to_owned(),
    }
}

impl<'s> Schemas<'s, '_> {
    /// The schema within `node`, if all of it is understood; or else what is not.
    pub(super) fn avro(&mut self, node: Node<'s>) -> Result<Use, Vec<Unread<'s>>> {
        let schema = member(node, "schema").map_err(|unread| vec![unread])?;
        let Some(root) = self.references.target(schema) else {
            // Why the reference leads to nothing has been said.
            return Err(vec![(schema, "what it refers to is not there".to_owned())]);
        };
        let names = Names::find(root)?;
        self.avro_names.extend(names);
        Ok(self.avro_use(root))
    }

    /// What a schema stands for: that which its name does, or the one that may be `null`.
    fn avro_use(&mut self, mut node: Node<'s>) -> Use {
        let mut nullable = false;
        // Each is within the one before it, until one has a name.
        loop {
            let by_name = self.avro_names.get(&node.id()).copied();
            let inner = node.get("type").filter(|ty| {
                let is_named = self.avro_names.contains_key(&ty.id());
                is_named || ty.is_sequence() || ty.is_mapping()
            });
            let mut items = node.items().filter(|item| kind(*item) != Some("null"));
            let only = match (items.next(), items.next()) {
                (Some(only), None) => Some(only),
                _ => None,
            };
            nullable |= only.is_some() && node.items().nth(1).is_some();
            match by_name.or(inner).or(only) {
                Some(next) => node = next,
                None => break,
            }
        }
        let part = Part {
            node,
            mask: Mask::AVRO,
        };
        let id = self.slot(vec![part], Types::ALL);
        Use { id, nullable }
    }

    /// What a schema describes that has been found to be understood.
    pub(super) fn avro_class(&mut self, node: Node<'s>) -> Schema<'s> {
        let mut schema = self.any(&[Part {
            node,
            mask: Mask::AVRO,
        }]);
        schema.docs = self.docs.schema(node);
        let name = node.get("name").and_then(Node::text).map(last);
        if let Some(path) = self.substitute(name, node) {
            schema.class = Class::Plain(Type::Foreign(path));
            return schema;
        }
        schema.class = match kind(node) {
            None => self.avro_union(node, &mut schema.nullable),
            Some("record" | "error") => {
                let fields = node.get("fields").into_iter().flat_map(Node::items);
                let members = fields.filter_map(|field| self.avro_field(field));
                Class::Struct(Rc::new(Object {
                    members: members.collect(),
                    closed: false,
                    rest: None,
                }))
            }
            Some("enum") => {
                let symbols = node.get("symbols").into_iter().flat_map(Node::items);
                let values = symbols.filter_map(|symbol| {
                    Some(Value {
                        wire: symbol.text()?.to_owned(),
                        name: None,
                        docs: None,
                    })
                });
                Class::Enum(Rc::new(Values {
                    base: Base::String,
                    values: values.collect(),
                    open: false,
                    is_const: false,
                }))
            }
            Some("array") => match node.get("items") {
                Some(items) => Class::Array(self.avro_use(items)),
                None => Class::Plain(Type::Any),
            },
            Some("map") => match node.get("values") {
                Some(values) => Class::Map(self.avro_use(values)),
                None => Class::Plain(Type::Any),
            },
            Some(name) => Class::Plain(self.avro_plain(name, node)),
        };
        schema
    }

    /// A type without parts, by its name and its `logicalType`.
    fn avro_plain(&self, name: &str, node: Node<'s>) -> Type {
        let ty = primitive(name).unwrap_or(Type::Bytes);
        let Some(logical) = node.get("logicalType").and_then(Node::text) else {
            return ty;
        };
        match (self.own_format(logical), logical) {
            (Some(own), _) => own,
            (None, "uuid") if ty == Type::String => Type::Uuid,
            _ => ty,
        }
    }

    fn avro_field(&mut self, field: Node<'s>) -> Option<Member<'s>> {
        let used = self.avro_use(field.get("type")?);
        let default = field.get("default");
        Some(Member {
            name: field.get("name")?.text()?,
            node: field,
            schema: Use {
                // What is `null` unless it is there may as well not be there.
                nullable: used.nullable && !default.is_some_and(Node::is_null),
                ..used
            },
            required: default.is_none(),
        })
    }

    fn avro_union(&mut self, node: Node<'s>, nullable: &mut bool) -> Class<'s> {
        let is_null = |item: &Node<'s>| kind(*item) == Some("null");
        let items: Vec<Node<'s>> = node.items().filter(|item| !is_null(item)).collect();
        if items.is_empty() {
            return Class::Plain(Type::Null);
        }
        *nullable = node.items().any(|item| is_null(&item));
        if items.iter().all(|item| is_number(*item)) {
            return Class::Plain(Type::Number);
        }
        let mut seen = HashSet::new();
        let mut alternatives = Vec::new();
        for item in items {
            let used = self.avro_use(item);
            if seen.insert(used.id) {
                let docs = self.get(used.id).docs.clone();
                alternatives.push(Alternative {
                    schema: used,
                    name: self.avro_name(used.id),
                    docs: docs.and_then(|docs| self.docs.again(&docs)),
                    tag: None,
                    is_loose: false,
                    otherwise: None,
                });
            }
        }
        Class::Union(alternatives.into())
    }

    /// The name that an Avro schema gives itself.
    pub(in crate::lower) fn avro_name(&self, id: SchemaId) -> Option<&'s str> {
        let slot = self.slots.get(id.0)?;
        let part = slot
            .parts
            .first()
            .filter(|part| part.mask.has(Mask::AVRO))?;
        part.node.get("name").and_then(Node::text).map(last)
    }
}

/// A name without its namespace.
fn last(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(_, last)| last)
}

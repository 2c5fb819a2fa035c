//! Schemas -> types: which of them are reached, what they are called, and what is in them.

mod naming;
mod recursion;

use std::collections::{HashMap, HashSet, VecDeque};

use naming::Pointer;

use super::schema::{Class, Object, Schema, Schemas};
use super::{paragraphs, trimmed};
use crate::api::{
    self, Field, Name, Payload, Shape, Struct, Type, TypeDef, TypeKind, TypeName, Variant,
};
use crate::diagnostic::{Code, Diagnostic, Errors};
use crate::name::{Scope, field_name, type_name, variant_name};
use crate::resolve::{Message, Resolved};
use crate::source::{Id, Node, Size};

/// How many members and headers messages may have in all: each lists its own, though many messages
/// may share a schema.
const MOST: usize = 50_000;

/// How deeply arrays and maps may be nested without an object between.
const DEEPEST: usize = 12;

/// Lowers messages and all types that they reach.
pub(super) fn lower<'s>(
    messages: &[&Message<'s>],
    resolved: &'s Resolved<'s>,
    errors: &mut Errors,
) -> (Vec<api::Message>, Vec<TypeDef>) {
    let mut types = Types {
        schemas: Schemas::new(&resolved.references, errors),
        scope: Scope::new(),
        names: HashMap::new(),
        header_names: HashMap::new(),
        found: Vec::new(),
        seen: HashSet::new(),
        queue: VecDeque::new(),
        definitions: Vec::new(),
    };
    let sketches = types.sketch(messages);
    types.reach(&sketches);
    types.choose_names(&sketches);
    let lowered = sketches
        .iter()
        .map(|sketch| types.message(sketch))
        .collect();
    types.define(&sketches);
    let mut definitions = types.definitions;
    recursion::settle(&mut definitions);
    (lowered, definitions)
}

struct Types<'s, 'e> {
    schemas: Schemas<'s, 'e>,
    scope: Scope,
    /// What each definition and each message is called.
    names: HashMap<Id, TypeName>,
    /// What each message's headers are called.
    header_names: HashMap<Id, TypeName>,
    /// What will be defined besides messages, in reach order.
    found: Vec<Found<'s>>,
    seen: HashSet<Id>,
    queue: VecDeque<Node<'s>>,
    definitions: Vec<TypeDef>,
}

/// A message on its way to the model.
struct Sketch<'s> {
    name: &'s str,
    message: Node<'s>,
    docs: Option<String>,
    payload: Option<Node<'s>>,
    /// The payload's own definition, if it is this message's alone.
    own: Option<Schema<'s>>,
    /// Each header and its schema, and where the headers are declared.
    headers: Vec<(&'s str, Node<'s>)>,
    header_objects: Vec<Object<'s>>,
}

impl<'s> Sketch<'s> {
    /// The message's own definition, if it is one that a reference leads to.
    fn own_by_reference(&self) -> Option<Node<'s>> {
        let node = self.own.as_ref()?.node;
        let inline = self
            .payload
            .is_some_and(|payload| payload.id() == node.id());
        (!inline).then_some(node)
    }
}

/// A definition that is reached.
struct Found<'s> {
    node: Node<'s>,
    /// The index of the message that reaches it first.
    message: usize,
    named: Named,
}

/// What a definition's name is made from.
enum Named {
    Pointer(Pointer),
    /// What it stands in, and the words from there.
    Within {
        owner: Id,
        words: String,
    },
}

impl<'s> Types<'s, '_> {
    /// Looks at each message's payload and headers.
    fn sketch(&mut self, messages: &[&Message<'s>]) -> Vec<Sketch<'s>> {
        let mut owners: HashMap<Id, usize> = HashMap::new();
        let payloads: Vec<Option<Schema<'s>>> = messages
            .iter()
            .map(|message| {
                let schema = self.schemas.get(message.get("payload")?);
                let count = owners.entry(schema.node.id()).or_default();
                *count = count.saturating_add(1);
                Some(schema)
            })
            .collect();
        let mut sketches = Vec::new();
        let mut size = Size::new(MOST);
        for (message, payload) in messages.iter().zip(payloads) {
            let members = match payload.as_ref().map(|schema| &schema.class) {
                Some(Class::Struct(object)) => object.properties().count(),
                _ => 0,
            };
            let own = payload.filter(|schema| {
                let defined = matches!(schema.class, Class::Struct(_) | Class::Enum(_));
                defined && !schema.nullable && owners.get(&schema.node.id()) == Some(&1)
            });
            let mut headers: Vec<(&str, Node<'_>)> = Vec::new();
            let mut names: HashSet<&str> = HashSet::new();
            let mut header_objects = Vec::new();
            for declared in message.all("headers") {
                let Class::Struct(object) = self.schemas.get(declared).class else {
                    continue;
                };
                headers.extend(object.properties().filter(|(name, _)| names.insert(name)));
                header_objects.push(object);
            }
            let count = members.saturating_add(headers.len());
            if let Err(text) = size.grow(count, "members and headers in messages") {
                let place = message.node.key_place();
                self.schemas
                    .errors
                    .push(Diagnostic::error(Code::TooLarge, place, text));
                break;
            }
            sketches.push(Sketch {
                name: message.name,
                message: message.node,
                docs: paragraphs(|field| message.get(field)),
                payload: message.get("payload"),
                own,
                headers,
                header_objects,
            });
        }
        sketches
    }

    /// Finds all definitions besides the messages' own, in the order in which they are reached.
    fn reach(&mut self, sketches: &[Sketch<'s>]) {
        for schema in sketches.iter().filter_map(|sketch| sketch.own.as_ref()) {
            self.seen.insert(schema.node.id());
        }
        for (index, sketch) in sketches.iter().enumerate() {
            match (&sketch.own, sketch.payload) {
                (Some(schema), _) => self.queue.push_back(schema.node),
                (None, Some(payload)) => {
                    let words = "Payload".to_owned();
                    self.reach_one(payload, (sketch.message.id(), words), index, 0);
                }
                (None, None) => {}
            }
            for (name, header) in &sketch.headers {
                let words = format!("Headers{}", type_name(name));
                self.reach_one(*header, (sketch.message.id(), words), index, 0);
            }
            while let Some(node) = self.queue.pop_front() {
                let Class::Struct(object) = self.schemas.get(node).class else {
                    continue;
                };
                for (name, property) in object.properties() {
                    self.reach_one(property, (node.id(), type_name(name)), index, 0);
                }
            }
        }
    }

    /// Notes the definition that a schema leads to, through arrays and maps.
    fn reach_one(
        &mut self,
        node: Node<'s>,
        (owner, words): (Id, String),
        message: usize,
        depth: usize,
    ) {
        if depth > DEEPEST {
            return;
        }
        let depth = depth.saturating_add(1);
        let schema = self.schemas.get(node);
        match schema.class {
            Class::Plain(_) | Class::Array(None) => {}
            Class::Array(Some(items)) => {
                self.reach_one(items, (owner, words + "Item"), message, depth);
            }
            Class::Map(values) => {
                self.reach_one(values, (owner, words + "Value"), message, depth);
            }
            Class::Struct(_) | Class::Enum(_) => {
                if !self.seen.insert(schema.node.id()) {
                    return;
                }
                // What stands where it is used has no name of its own.
                let inline = schema.node.id() == node.id();
                let pointer = Pointer::of(schema.node).filter(|_| !inline);
                let named = match pointer {
                    Some(pointer) => Named::Pointer(pointer),
                    None => Named::Within { owner, words },
                };
                self.found.push(Found {
                    node: schema.node,
                    message,
                    named,
                });
                self.queue.push_back(schema.node);
            }
        }
    }

    fn name(&self, id: Id) -> TypeName {
        self.names
            .get(&id)
            .cloned()
            .unwrap_or_else(|| TypeName("Unnamed".to_owned()))
    }

    fn message(&mut self, sketch: &Sketch<'s>) -> api::Message {
        let name = self.name(sketch.message.id());
        let payload = match (&sketch.own, sketch.payload) {
            (Some(_), _) => Payload::Own(name.clone()),
            (None, Some(payload)) => Payload::Wraps(self.ty(payload, 0)),
            (None, None) => Payload::Wraps(Type::Any),
        };
        let shape = match sketch
            .payload
            .map(|payload| self.schemas.get(payload).class)
        {
            Some(Class::Struct(object)) => Shape {
                members: object
                    .properties()
                    .map(|(name, _)| name.to_owned())
                    .collect(),
                required: object
                    .required
                    .iter()
                    .map(|name| (*name).to_owned())
                    .collect(),
                closed: object.closed,
            },
            _ => Shape::default(),
        };
        api::Message {
            name: Name {
                wire: sketch.name.to_owned(),
                rust: name.0,
            },
            docs: sketch.docs.clone(),
            payload,
            headers: self.header_names.get(&sketch.message.id()).cloned(),
            shape,
            header_names: sketch
                .headers
                .iter()
                .map(|(name, _)| (*name).to_owned())
                .collect(),
            // These are not the schemas' to say.
            content: api::Content::Json,
            content_type: None,
            // Which headers these are depends on the interactions.
            metadata: api::Metadata::default(),
            remarks: None,
            reply_address: None,
            correlation_id: None,
            has_own_headers: false,
        }
    }

    /// Writes down all definitions: each message's own, its headers, and what these reach.
    fn define(&mut self, sketches: &[Sketch<'s>]) {
        let mut found = std::mem::take(&mut self.found).into_iter().peekable();
        for (index, sketch) in sketches.iter().enumerate() {
            if let Some(schema) = &sketch.own {
                self.define_one(schema.node);
            }
            if let Some(name) = self.header_names.get(&sketch.message.id()).cloned() {
                self.define_headers(name, sketch);
            }
            while let Some(next) = found.next_if(|found| found.message == index) {
                self.define_one(next.node);
            }
        }
    }

    fn define_one(&mut self, node: Node<'s>) {
        let kind = match self.schemas.get(node).class {
            Class::Struct(object) => {
                let fields = self.fields(object.properties(), &object.required);
                TypeKind::Struct(Struct {
                    fields,
                    closed: object.closed,
                    has_default: false,
                })
            }
            Class::Enum(values) => {
                let mut scope = Scope::new();
                let variants = values.iter().map(|value| Variant {
                    name: Name {
                        wire: (*value).to_owned(),
                        rust: scope.claim(variant_name(value)),
                    },
                });
                TypeKind::Enum(variants.collect())
            }
            Class::Array(_) | Class::Map(_) | Class::Plain(_) => return,
        };
        let docs = node
            .get("description")
            .and_then(Node::text)
            .and_then(trimmed);
        self.definitions.push(TypeDef {
            name: self.name(node.id()),
            docs,
            kind,
        });
    }

    fn define_headers(&mut self, name: TypeName, sketch: &Sketch<'s>) {
        let required: Vec<&str> = sketch
            .header_objects
            .iter()
            .flat_map(|object| object.required.iter().copied())
            .collect();
        let fields = self.fields(sketch.headers.iter().copied(), &required);
        let closed = sketch.header_objects.iter().any(|object| object.closed);
        let described = sketch
            .header_objects
            .iter()
            .find_map(|object| object.node.get("description"));
        self.definitions.push(TypeDef {
            name,
            docs: described.and_then(Node::text).and_then(trimmed),
            kind: TypeKind::Struct(Struct {
                fields,
                closed,
                has_default: false,
            }),
        });
    }

    fn fields(
        &mut self,
        properties: impl Iterator<Item = (&'s str, Node<'s>)>,
        required: &[&str],
    ) -> Vec<Field> {
        let required: HashSet<&str> = required.iter().copied().collect();
        let mut scope = Scope::new();
        let mut fields = Vec::new();
        for (wire, node) in properties {
            let required = required.contains(wire);
            let ty = match self.ty(node, 0) {
                Type::Nullable(inner) if !required => *inner,
                ty => ty,
            };
            let described = node
                .get("description")
                .and_then(Node::text)
                .and_then(trimmed);
            let described = described.or_else(|| {
                let target = self.schemas.references.target(node)?;
                target
                    .get("description")
                    .and_then(Node::text)
                    .and_then(trimmed)
            });
            fields.push(Field {
                name: Name {
                    wire: wire.to_owned(),
                    rust: scope.claim(field_name(wire)),
                },
                docs: described,
                ty,
                required,
            });
        }
        fields
    }

    /// The type of a member, an element or a payload.
    fn ty(&mut self, node: Node<'s>, depth: usize) -> Type {
        let schema = self.schemas.get(node);
        if depth > DEEPEST {
            let message = format!(
                "found more than {DEEPEST} arrays and maps without an object between them, \
                 expected fewer"
            );
            self.schemas.errors.push(Diagnostic::error(
                Code::TooDeep,
                schema.node.key_place(),
                message,
            ));
            return Type::Any;
        }
        let depth = depth.saturating_add(1);
        let mut element = |node: Node<'s>| Box::new(self.ty(node, depth));
        let ty = match schema.class {
            Class::Plain(ty) => ty,
            Class::Array(None) => Type::Array(Box::new(Type::Any)),
            Class::Array(Some(items)) => Type::Array(element(items)),
            Class::Map(values) => Type::Map(element(values)),
            Class::Struct(_) | Class::Enum(_) => Type::Named(self.name(schema.node.id())),
        };
        match ty {
            // Anything may be `null`.
            Type::Any => Type::Any,
            ty if schema.nullable => Type::Nullable(Box::new(ty)),
            ty => ty,
        }
    }
}

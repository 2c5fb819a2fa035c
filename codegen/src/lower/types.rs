//! Schemas -> types: which of them are reached, what they are called, and what is in them.

mod ambiguity;
mod deep;
mod define;
mod endless;
mod naming;
mod open;
mod reach;
mod recursion;
mod shared;
mod shown;
mod tags;

use std::collections::{HashMap, HashSet, VecDeque};

use deep::Cuttable;
use naming::Owner;
pub(crate) use shared::{MODULE, Reached, Shared};
use shown::Shown;

use super::content;
use super::schema::{Class, Object, SchemaId, Schemas, Use};
use crate::api::{self, Name, Payload, Shape, Test, Type, TypeDef, TypeName};
use crate::diagnostic::{Code, Diagnostic, Errors};
use crate::name::Scope;
use crate::options::Options;
use crate::resolve::{Message, Resolved};
use crate::source::{Node, NumberMap, NumberSet, Size};

/// How many members and headers messages may have in all: each lists its own, though many messages
/// may share a schema.
const MOST: usize = 50_000;

/// How much there may be in all definitions together: rules, lists and maps, and what takes three times
/// as long to write.
const MOST_SIZE: usize = 61_000;

/// How many rules take as long to write as a definition, a member, a value, an alternative or a
/// default does.
const LONG: usize = 3;

/// How many members all tests of branches may list together: each lists those of its own type, though
/// many branches may share one. Branches beyond are told by reading them.
const MOST_LISTED: usize = 20_000;

/// The messages of a document, and all types that they reach.
pub(super) struct Lowered {
    pub(super) messages: Vec<api::Message>,
    pub(super) types: Vec<TypeDef>,
    /// What other documents may have reached too.
    pub(super) reached: Vec<Reached>,
    /// The types of what was asked for beside messages, if these are structs.
    pub(super) openings: Vec<Option<TypeName>>,
    /// The options for types of the user's own that were of use.
    pub(super) substituted: HashSet<String>,
}

/// A schema that is not part of a message, and what to call its type if it has no name.
pub(super) struct Beside<'s> {
    pub(super) node: Node<'s>,
    pub(super) words: String,
}

/// Lowers messages. Those at the positions in `received` are read by clients.
pub(super) fn lower<'s>(
    messages: &[&Message<'s>],
    received: &HashSet<usize>,
    beside: &[Beside<'s>],
    resolved: &'s Resolved<'s>,
    options: &'s Options,
    shared: &Shared,
    errors: &mut Errors,
) -> Lowered {
    let mut types = Types {
        schemas: Schemas::new(resolved, options, errors),
        options,
        scope: Scope::new(),
        names: NumberMap::default(),
        message_names: Vec::new(),
        found: Vec::new(),
        seen: NumberSet::default(),
        queue: VecDeque::new(),
        newtypes: NumberSet::default(),
        variants: NumberMap::default(),
        open: NumberSet::default(),
        read: NumberSet::default(),
        tags: NumberSet::default(),
        shared,
        beside: NumberSet::default(),
        definitions: Vec::new(),
        size: Size::new(MOST_SIZE),
        is_too_much: false,
        listed: Size::new(MOST_LISTED),
    };
    let beside = types.look_beside(beside);
    let sketches = types.sketch(messages, resolved);
    types.reach(&sketches);
    let openings = types.reach_beside(&beside, sketches.len());
    if types.is_too_much {
        types.found.clear();
    } else {
        types.find_shown(messages, &sketches);
        types.find_open(&sketches, received);
    }
    types.choose_names(&sketches);
    let reached = match options.is_shared {
        true => types.reached(&sketches),
        false => Vec::new(),
    };
    let lowered: Vec<api::Message> = sketches
        .iter()
        .enumerate()
        .map(|(index, sketch)| types.message(index, sketch))
        .collect();
    types.define(&sketches);
    let openings = openings
        .into_iter()
        .map(|id| id.map(|id| types.name(id)))
        .collect();
    types.warn_of_endless();
    tags::fill_in(&mut types.definitions);
    types.settle(&lowered);
    Lowered {
        messages: lowered,
        types: types.definitions,
        reached,
        openings,
        substituted: types.schemas.substituted,
    }
}

struct Types<'s, 'e> {
    schemas: Schemas<'s, 'e>,
    options: &'s Options,
    scope: Scope,
    /// What each definition is called.
    names: NumberMap<SchemaId, TypeName>,
    /// What each message is called.
    message_names: Vec<TypeName>,
    /// What will be defined besides messages, in reach order.
    found: Vec<Found>,
    seen: NumberSet<SchemaId>,
    queue: VecDeque<SchemaId>,
    /// Arrays and maps that have definitions.
    newtypes: NumberSet<SchemaId>,
    /// The identifiers of each union's variants.
    variants: NumberMap<SchemaId, Vec<String>>,
    /// Enumerations that have a branch for other values: those that are read by clients.
    open: NumberSet<SchemaId>,
    /// Those that clients of this document read.
    read: NumberSet<SchemaId>,
    /// Those that tell the alternatives of a union apart.
    tags: NumberSet<SchemaId>,
    /// What this document has in common with others.
    shared: &'e Shared,
    /// What is asked for beside messages: each document implements a trait for these, and so they are
    /// its own.
    beside: NumberSet<SchemaId>,
    definitions: Vec<TypeDef>,
    /// Of all definitions.
    size: Size,
    /// There is more than that, which has been said.
    is_too_much: bool,
    /// Of all tests of branches.
    listed: Size,
}

/// A message on its way to the model.
struct Sketch<'s> {
    name: &'s str,
    /// The key of the channel that it is written in, if it is written in one.
    channel: Option<&'s str>,
    docs: Option<String>,
    content: api::Content,
    content_type: Option<String>,
    payload: Option<Use>,
    /// The payload's own definition, if it is this message's alone.
    own: Option<SchemaId>,
    headers: Option<Use>,
}

/// A definition that is reached.
struct Found {
    id: SchemaId,
    /// The index of the message that reaches it first.
    message: usize,
    owner: Owner,
    words: String,
}

impl<'s> Types<'s, '_> {
    /// Says so where a value would have to hold another of its own type, and so on.
    fn warn_of_endless(&mut self) {
        let circles = endless::endless(&self.definitions);
        if circles.is_empty() {
            return;
        }
        let ids: HashMap<&TypeName, SchemaId> =
            self.names.iter().map(|(id, name)| (name, *id)).collect();
        for (holder, needed) in circles {
            let (Some(holder), Some(needed)) = (ids.get(&holder), ids.get(&needed)) else {
                continue;
            };
            let place = self.schemas.get(*needed).node.key_place();
            let message = "no value can be of this schema, for it would have to hold another";
            let help = "make one of the members that hold it optional";
            let mut mistake =
                Diagnostic::warning(Code::ImpossibleSchema, place, message).with_help(help);
            if holder != needed {
                let place = self.schemas.get(*holder).node.key_place();
                mistake = mistake.related(place, "this holds it");
            }
            self.schemas.errors.push(mistake);
        }
    }

    /// Gives definitions what depends on all of them, and says where they are deeper than rustc looks.
    fn settle(&mut self, messages: &[api::Message]) {
        let messages = deep::looked_into(messages.iter());
        let mut warnings = Vec::new();
        if self.options.deep_types {
            recursion::settle(&mut self.definitions);
            let deep = deep::deepest(&self.definitions, &messages);
            warnings.extend(deep.map(|deep| (deep.name.clone(), deep.message(), deep.help())));
        } else {
            let mut seen = HashSet::new();
            let cuts = deep::settle(&mut self.definitions, &messages, Cuttable::All).into_iter();
            let cuts = cuts.filter(|cut| seen.insert(cut.held.clone()));
            warnings.extend(cuts.map(|cut| (cut.held.clone(), cut.message(), cut.help())));
        }
        if warnings.is_empty() {
            return;
        }
        let ids: HashMap<&TypeName, SchemaId> =
            self.names.iter().map(|(id, name)| (name, *id)).collect();
        for (name, message, help) in warnings {
            let Some(id) = ids.get(&name) else { continue };
            let place = self.schemas.get(*id).node.key_place();
            let warning = Diagnostic::warning(Code::DeepTypes, place, message);
            // Of a document with errors nothing is compiled.
            let warning = warning.with_help(help).unless_errors();
            self.schemas.errors.push(warning);
        }
    }

    /// Looks at each message's payload and headers.
    fn sketch(&mut self, messages: &[&Message<'s>], resolved: &Resolved<'s>) -> Vec<Sketch<'s>> {
        let mut owners: NumberMap<SchemaId, usize> = NumberMap::default();
        let payloads: Vec<Option<Use>> = messages
            .iter()
            .map(|message| {
                let used = self.schemas.of(message.get("payload")?);
                let used = self.schemas.settle(used);
                let count = owners.entry(used.id).or_default();
                *count = count.saturating_add(1);
                Some(used)
            })
            .collect();
        let mut sketches = Vec::new();
        let mut size = Size::new(MOST);
        for (message, payload) in messages.iter().zip(payloads) {
            let is_unread = payload.is_some_and(|used| self.schemas.get(used.id).is_unread);
            let (content, content_type) =
                content::find(message, is_unread, resolved, self.schemas.errors);
            let own = payload.filter(|used| {
                let schema = self.schemas.get(used.id);
                let defined = matches!(
                    schema.class,
                    Class::Struct(_) | Class::Enum(_) | Class::Union(_)
                );
                defined
                    && content == api::Content::Json
                    && !used.nullable
                    && !schema.nullable
                    && owners.get(&used.id) == Some(&1)
                    && !self.is_shared(used.id)
            });
            let mut declared = message.all("headers");
            // The message's own say what counts, after its traits.
            declared.reverse();
            let headers = (!declared.is_empty()).then(|| {
                let used = self.schemas.all_of(&declared);
                self.schemas.settle(used)
            });
            let headers = headers.filter(|used| {
                self.object(*used)
                    .is_some_and(|object| !object.members.is_empty())
            });
            let mut members = |used: Option<Use>| {
                let object = used.and_then(|used| self.object(used));
                object.map_or(0, |object| object.members.len())
            };
            let (of_payload, of_headers) = (members(payload), members(headers));
            let count = of_payload.saturating_add(of_headers);
            if let Err(text) = size.grow(count, "members and headers in messages") {
                let place = message.node.key_place();
                self.schemas
                    .errors
                    .push(Diagnostic::error(Code::TooLarge, place, text));
                break;
            }
            sketches.push(Sketch {
                name: message.name,
                channel: match message.node.path().as_slice() {
                    ["channels", channel, "messages", _] => Some(*channel),
                    _ => None,
                },
                docs: self.schemas.docs.of(|field| message.get(field)),
                content,
                content_type,
                payload,
                own: own.map(|used| used.id),
                headers,
            });
        }
        sketches
    }

    /// The members of an object with some.
    fn object(&mut self, used: Use) -> Option<std::rc::Rc<Object<'s>>> {
        match self.schemas.class(used.id) {
            Class::Struct(object) => Some(object),
            _ => None,
        }
    }

    /// Adds the members that only examples show.
    fn find_shown(&mut self, messages: &[&Message<'s>], sketches: &[Sketch<'s>]) {
        let mut shown = Shown::default();
        for (message, sketch) in messages.iter().zip(sketches) {
            let examples = message.get("examples").into_iter().flat_map(Node::items);
            let payload = sketch
                .payload
                .filter(|_| sketch.content == api::Content::Json);
            // Many messages may have a trait with many examples.
            for example in examples {
                if shown.is_enough() {
                    break;
                }
                for (schema, part) in [(payload, "payload"), (sketch.headers, "headers")] {
                    if let Some((schema, value)) = schema.zip(example.get(part)) {
                        self.look_at(schema, value, &mut shown);
                    }
                }
            }
            if let Some(payload) = payload {
                self.look_at_own(payload, &mut shown);
            }
        }
        for id in self.found.iter().map(|found| found.id).collect::<Vec<_>>() {
            let used = Use {
                id,
                nullable: false,
            };
            self.look_at_own(used, &mut shown);
        }
        self.add_shown(shown);
    }

    fn name(&self, id: SchemaId) -> TypeName {
        self.names
            .get(&id)
            .cloned()
            .unwrap_or_else(|| TypeName("Unnamed".to_owned()))
    }

    fn message(&mut self, index: usize, sketch: &Sketch<'s>) -> api::Message {
        let name = self
            .message_names
            .get(index)
            .cloned()
            .unwrap_or_else(|| TypeName("Unnamed".to_owned()));
        let payload = match (sketch.content, sketch.own, sketch.payload) {
            (api::Content::Binary, ..) => Payload::Wraps(Type::Bytes),
            (api::Content::Text, _, payload) => {
                let ty = payload.map(|payload| self.ty(payload));
                Payload::Wraps(ty.filter(is_text).unwrap_or(Type::String))
            }
            (api::Content::Json, Some(_), _) => Payload::Own(name.clone()),
            (api::Content::Json, None, Some(payload)) => Payload::Wraps(self.ty(payload)),
            (api::Content::Json, None, None) => Payload::Wraps(Type::Any),
        };
        let shape = match sketch.payload {
            Some(payload) if sketch.content == api::Content::Json && !self.is_too_much => {
                let mut shape = self.test(payload.id).shape;
                // Of a few values any may be that of another message too.
                shape.constants.retain(|(_, values)| values.len() == 1);
                shape
            }
            _ => Shape::default(),
        };
        let header_names = sketch.headers.and_then(|headers| self.object(headers));
        let header_names = header_names.iter().flat_map(|object| &object.members);
        api::Message {
            name: Name {
                wire: sketch.name.to_owned(),
                rust: name.0,
            },
            docs: sketch.docs.clone(),
            content: sketch.content,
            content_type: sketch.content_type.clone(),
            payload,
            headers: sketch.headers.map(|headers| self.name(headers.id)),
            shape,
            header_names: header_names.map(|member| member.name.to_owned()).collect(),
            // Which headers these are depends on the interactions.
            metadata: api::Metadata::default(),
            remarks: None,
            reply_address: None,
            correlation_id: None,
            has_own_headers: false,
            sample: None,
        }
    }

    /// The type of a member, an element or a payload.
    fn ty(&mut self, used: Use) -> Type {
        let used = self.schemas.settle(used);
        let schema = self.schemas.get(used.id);
        let is_named = self.newtypes.contains(&used.id)
            || matches!(
                schema.class,
                Class::Struct(_) | Class::Enum(_) | Class::Union(_)
            );
        let ty = if is_named {
            Type::Named(self.name(used.id))
        } else {
            let inner = self.unnamed(&schema.class);
            let rules = self.kept_rules(&schema.rules, &schema.class);
            if rules.is_empty() || matches!(inner, Type::Foreign(_)) {
                inner
            } else {
                Type::Checked(Box::new(inner), Box::new(rules))
            }
        };
        match ty {
            // Anything may be `null`.
            Type::Any | Type::Null => ty,
            ty if used.nullable || schema.nullable => Type::Nullable(Box::new(ty)),
            ty => ty,
        }
    }

    /// The rules that what was read of a value can be held to: two items that differ only in members
    /// that nothing declares, and that are not kept, would be taken for one.
    fn kept_rules(&mut self, rules: &api::Rules, class: &Class<'s>) -> api::Rules {
        let mut rules = rules.clone();
        if rules.unique_items
            && let Class::Array(items) = class
            && self.leaves_out(*items, &mut NumberSet::default())
        {
            rules.unique_items = false;
        }
        rules
    }

    /// Values may have members that are not kept.
    fn leaves_out(&mut self, used: Use, seen: &mut NumberSet<SchemaId>) -> bool {
        let used = self.schemas.settle(used);
        if !seen.insert(used.id) {
            return false;
        }
        let parts: Vec<Use> = match self.schemas.class(used.id) {
            Class::Struct(object) => {
                if !object.closed && object.rest.is_none() {
                    return true;
                }
                let members = object.members.iter().map(|member| member.schema);
                members.chain(object.rest).collect()
            }
            Class::Union(alternatives) => {
                let alternatives = alternatives.iter();
                alternatives.map(|alternative| alternative.schema).collect()
            }
            Class::Array(inner) | Class::Map(inner) => vec![inner],
            Class::Tuple(elements) => elements.to_vec(),
            Class::Enum(_) | Class::Plain(_) | Class::Same(_) => Vec::new(),
        };
        parts.into_iter().any(|part| self.leaves_out(part, seen))
    }

    /// The type of a schema without regard to its name, its rules and `null`. Recursion ends at
    /// definitions.
    fn unnamed(&mut self, class: &Class<'s>) -> Type {
        match class {
            Class::Plain(ty) => ty.clone(),
            Class::Array(items) => Type::Array(Box::new(self.ty(*items))),
            Class::Map(values) => Type::Map(Box::new(self.ty(*values))),
            Class::Tuple(elements) => {
                Type::Tuple(elements.iter().map(|element| self.ty(*element)).collect())
            }
            Class::Struct(_) | Class::Enum(_) | Class::Union(_) | Class::Same(_) => Type::Any,
        }
    }

    /// What can be seen of a schema's values at the top.
    fn test(&mut self, id: SchemaId) -> Test {
        let used = self.schemas.settle(Use {
            id,
            nullable: false,
        });
        match self.schemas.class(used.id) {
            Class::Struct(object) => {
                let mut shape = Shape {
                    closed: object.closed,
                    ..Shape::default()
                };
                for member in &object.members {
                    shape.members.push(member.name.to_owned());
                    if member.required {
                        shape.required.push(member.name.to_owned());
                    }
                    let values = self.values(member.schema);
                    if !values.is_empty() {
                        shape.constants.push((member.name.to_owned(), values));
                    }
                }
                Test {
                    types: vec![api::JsonType::Object],
                    shape,
                    values: Vec::new(),
                }
            }
            Class::Enum(_) => Test {
                values: self.values(used),
                ..Test::default()
            },
            class => Test {
                types: class.json_types(),
                ..Test::default()
            },
        }
    }

    /// The values of an enumeration of few, as JSON; none for anything else.
    fn values(&mut self, used: Use) -> Vec<String> {
        const MANY: usize = 50;
        let used = self.schemas.settle(used);
        let schema = self.schemas.get(used.id);
        match &schema.class {
            Class::Enum(values)
                if !used.nullable
                    && !schema.nullable
                    && !values.open
                    && !self.open.contains(&used.id)
                    && values.values.len() <= MANY =>
            {
                values.json()
            }
            _ => Vec::new(),
        }
    }
}

/// A payload of text can be read as this.
fn is_text(ty: &Type) -> bool {
    match ty {
        Type::String | Type::Uuid | Type::Ipv4 | Type::Ipv6 => true,
        Type::Checked(inner, _) => is_text(inner),
        _ => false,
    }
}

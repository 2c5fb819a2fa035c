//! Schemas -> types: which of them are reached, what they are called, and what is in them.

mod ambiguity;
mod deep;
mod define;
mod endless;
mod naming;
mod recursion;
mod shared;
mod shown;
mod tags;

use std::collections::{HashMap, HashSet, VecDeque};

use naming::{Owner, Pointer};
pub(crate) use shared::{MODULE, Reached, Shared};
use shown::Shown;

use super::content;
use super::schema::{Alternative, Class, Member, Object, SchemaId, Schemas, Use};
use crate::api::{self, Name, Payload, Shape, Test, Type, TypeDef, TypeName};
use crate::diagnostic::{Code, Diagnostic, Errors};
use crate::name::{Scope, join, type_name};
use crate::options::{OpenEnums, Options};
use crate::resolve::{Message, Resolved};
use crate::source::{Node, Size};

/// How many members and headers messages may have in all: each lists its own, though many messages
/// may share a schema.
const MOST: usize = 50_000;

/// How much there may be in all definitions together: rules, lists and maps, and what takes three times
/// as long to write.
const MOST_SIZE: usize = 61_000;

/// How many rules take as long to write as a definition, a member, a value, an alternative or a
/// default does.
const LONG: usize = 3;

const COUNTED: &str = "rules, lists and maps in types, where each type, member, value, alternative and default is as three";

/// How many members all tests of branches may list together: each lists those of its own type, though
/// many branches may share one. Branches beyond are told by reading them.
const MOST_LISTED: usize = 20_000;

/// How deeply arrays and maps may be nested before one of them is given a name.
const DEEPEST: usize = 6;

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
        names: HashMap::new(),
        message_names: Vec::new(),
        found: Vec::new(),
        seen: HashSet::new(),
        queue: VecDeque::new(),
        newtypes: HashSet::new(),
        variants: HashMap::new(),
        open: HashSet::new(),
        read: HashSet::new(),
        tags: HashSet::new(),
        shared,
        beside: HashSet::new(),
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
    }
    types.find_shown(messages, &sketches);
    types.find_open(&sketches, received);
    types.choose_names(&sketches);
    let reached = match options.is_shared {
        true => types.reached(&sketches),
        false => Vec::new(),
    };
    let lowered = sketches
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
    recursion::settle(&mut types.definitions);
    types.warn_of_deep();
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
    names: HashMap<SchemaId, TypeName>,
    /// What each message is called.
    message_names: Vec<TypeName>,
    /// What will be defined besides messages, in reach order.
    found: Vec<Found>,
    seen: HashSet<SchemaId>,
    queue: VecDeque<SchemaId>,
    /// Arrays and maps that have definitions.
    newtypes: HashSet<SchemaId>,
    /// The identifiers of each union's variants.
    variants: HashMap<SchemaId, Vec<String>>,
    /// Enumerations that have a branch for other values: those that are read by clients.
    open: HashSet<SchemaId>,
    /// Those that clients of this document read.
    read: HashSet<SchemaId>,
    /// Those that tell the alternatives of a union apart.
    tags: HashSet<SchemaId>,
    /// What this document has in common with others.
    shared: &'e Shared,
    /// What is asked for beside messages: each document implements a trait for these, and so they are
    /// its own.
    beside: HashSet<SchemaId>,
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

    /// Says so where rustc will not look as deeply into a message as it has to.
    fn warn_of_deep(&mut self) {
        let Some(deep) = deep::too_deep(&self.definitions) else {
            return;
        };
        let mut names = self.names.iter();
        let Some((id, _)) = names.find(|(_, name)| **name == deep.name) else {
            return;
        };
        let place = self.schemas.get(*id).node.key_place();
        let warning = Diagnostic::warning(Code::DeepTypes, place, deep.message());
        // Of a document with errors nothing is compiled.
        let warning = warning.with_help(deep.help()).unless_errors();
        self.schemas.errors.push(warning);
    }

    /// Looks at each message's payload and headers.
    fn sketch(&mut self, messages: &[&Message<'s>], resolved: &Resolved<'s>) -> Vec<Sketch<'s>> {
        let mut owners: HashMap<SchemaId, usize> = HashMap::new();
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

    /// Finds all definitions besides the messages' own, in the order in which they are reached.
    fn reach(&mut self, sketches: &[Sketch<'s>]) {
        for id in sketches.iter().filter_map(|sketch| sketch.own) {
            self.seen.insert(id);
        }
        for (index, sketch) in sketches.iter().enumerate() {
            match (sketch.own, sketch.payload) {
                (Some(id), _) => self.enqueue(id),
                (None, Some(payload)) if sketch.content == api::Content::Json => {
                    let words = || "Payload".to_owned();
                    let part = (Owner::Message(index), &words as &dyn Fn() -> String);
                    self.reach_one(payload, part, index, &mut Vec::new());
                }
                _ => {}
            }
            if let Some(headers) = sketch.headers {
                let words = || "Headers".to_owned();
                let part = (Owner::Message(index), &words as &dyn Fn() -> String);
                self.reach_one(headers, part, index, &mut Vec::new());
            }
            while let Some(id) = self.queue.pop_front() {
                self.reach_parts(id, index);
            }
        }
    }

    /// Looks at what is not part of a message: objects with members, and what to call them.
    fn look_beside<'b>(&mut self, beside: &'b [Beside<'s>]) -> Vec<Option<(Use, &'b str)>> {
        let mut found = Vec::new();
        for Beside { node, words } in beside {
            let used = self.schemas.of(*node);
            let used = self.schemas.settle(used);
            let object = self.object(used);
            let is_struct = object.is_some_and(|object| !object.members.is_empty());
            found.push(is_struct.then_some((used, words.as_str())));
        }
        let ids = found.iter().flatten().map(|(used, _)| used.id);
        self.beside.extend(ids);
        found
    }

    /// Finds the definitions of these. They come after the messages, of which there are so many.
    fn reach_beside(
        &mut self,
        beside: &[Option<(Use, &str)>],
        messages: usize,
    ) -> Vec<Option<SchemaId>> {
        let mut found = Vec::new();
        for one in beside {
            let Some((used, words)) = *one else {
                found.push(None);
                continue;
            };
            let words = || words.to_owned();
            self.reach_one(used, (Owner::Nothing, &words), messages, &mut Vec::new());
            while let Some(id) = self.queue.pop_front() {
                self.reach_parts(id, messages);
            }
            found.push(Some(used.id));
        }
        found
    }

    /// What a definition consists of.
    fn reach_parts(&mut self, id: SchemaId, message: usize) {
        let owner = Owner::Schema(id);
        let path = &mut vec![id];
        match self.schemas.class(id) {
            Class::Struct(object) => {
                let node = self.schemas.get(id).node;
                for member in &object.members {
                    let base = self.base_of(member, node);
                    let words = || match &base {
                        Some(base) => join(base, &type_name(member.name)),
                        None => type_name(member.name),
                    };
                    let owner = base.as_ref().map_or(owner, |_| Owner::Nothing);
                    self.reach_one(member.schema, (owner, &words), message, path);
                }
                if let Some(rest) = object.rest {
                    let words = || "Value".to_owned();
                    self.reach_one(rest, (owner, &words), message, path);
                }
            }
            Class::Union(alternatives) => {
                let variants = self.variant_names(id, &alternatives);
                for (alternative, name) in alternatives.iter().zip(variants) {
                    let words = || name.clone();
                    self.reach_one(alternative.schema, (owner, &words), message, path);
                }
            }
            Class::Array(items) => {
                let words = || "Item".to_owned();
                self.reach_one(items, (owner, &words), message, path);
            }
            Class::Map(values) => {
                let words = || "Value".to_owned();
                self.reach_one(values, (owner, &words), message, path);
            }
            Class::Tuple(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    let words = || format!("Item{}", index.saturating_add(1));
                    self.reach_one(*element, (owner, &words), message, path);
                }
            }
            Class::Enum(_) | Class::Plain(_) | Class::Same(_) => {}
        }
    }

    /// The name of the schema that a member is declared in, where that has a name and is another than its
    /// owner, which joins it: the member's type is the same for all that do.
    fn base_of(&mut self, member: &Member<'s>, owner: Node<'s>) -> Option<String> {
        let base = member.node.parent()?.parent()?;
        if base.id() == owner.id() {
            return None;
        }
        // What several schemas say of it together is of each that joins them.
        let used = self.schemas.settle(member.schema);
        let written = self.schemas.named_by(used.id)?;
        let pointer = Pointer::of(base).filter(|_| written.id() == member.node.id());
        Some(pointer?.type_name())
    }

    /// Notes the definition that a schema leads to, through arrays and maps: those of `path`. Of most
    /// parts nothing is noted, and no words are needed.
    fn reach_one(
        &mut self,
        used: Use,
        (owner, words): (Owner, &dyn Fn() -> String),
        message: usize,
        path: &mut Vec<SchemaId>,
    ) {
        if self.is_too_much {
            return;
        }
        let used = self.schemas.settle(used);
        let id = used.id;
        let class = self.schemas.class(id);
        let inner = match class {
            Class::Plain(_) | Class::Same(_) => return,
            Class::Struct(_) | Class::Enum(_) | Class::Union(_) => {
                if self.seen.insert(id) {
                    self.note(id, message, owner, words());
                }
                return;
            }
            Class::Array(_) | Class::Map(_) | Class::Tuple(_) if self.newtypes.contains(&id) => {
                return;
            }
            Class::Array(items) => vec![(items, "Item".to_owned())],
            Class::Map(values) => vec![(values, "Value".to_owned())],
            Class::Tuple(elements) => elements
                .iter()
                .enumerate()
                .map(|(index, element)| (*element, format!("Item{}", index.saturating_add(1))))
                .collect(),
        };
        if path.contains(&id) || path.len() > DEEPEST {
            self.newtypes.insert(id);
            self.seen.insert(id);
            self.note(id, message, owner, words());
            return;
        }
        path.push(id);
        let named = self.pointer(id).map(|pointer| pointer.type_name());
        for (used, suffix) in inner {
            let owner = match named {
                Some(_) => Owner::Nothing,
                None => owner,
            };
            let words = || match &named {
                Some(name) => join(name, &suffix),
                None => join(&words(), &suffix),
            };
            self.reach_one(used, (owner, &words), message, path);
        }
        path.pop();
    }

    fn note(&mut self, id: SchemaId, message: usize, owner: Owner, words: String) {
        self.found.push(Found {
            id,
            message,
            owner,
            words,
        });
        self.enqueue(id);
    }

    /// Has a definition's parts looked at, as long as there is not too much in all of them.
    fn enqueue(&mut self, id: SchemaId) {
        let parts = match self.schemas.class(id) {
            Class::Struct(object) => object.members.len(),
            Class::Enum(values) => values.values.len(),
            Class::Union(alternatives) => alternatives.len(),
            _ => 0,
        };
        let size = LONG.saturating_mul(parts.saturating_add(1));
        self.queue.push_back(id);
        self.grow(id, size);
    }

    /// Counts what a definition consists of. Of what is too much nothing comes, and so no more of it
    /// is looked at.
    fn grow(&mut self, id: SchemaId, by: usize) {
        if let Err(message) = self.size.grow(by, COUNTED)
            && !self.is_too_much
        {
            self.is_too_much = true;
            let place = self.schemas.get(id).node.key_place();
            let mistake = Diagnostic::error(Code::TooLarge, place, message);
            self.schemas.errors.push(mistake);
        }
        if self.is_too_much {
            self.queue.clear();
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

    /// Finds the enumerations whose values a client reads: a newer service may send others.
    fn find_open(&mut self, sketches: &[Sketch<'s>], received: &HashSet<usize>) {
        let mut left: Vec<Use> = Vec::new();
        for (index, sketch) in sketches.iter().enumerate() {
            let is_open = match self.options.open_enums {
                OpenEnums::Received => received.contains(&index),
                OpenEnums::Always => true,
                OpenEnums::Never => false,
            };
            if is_open {
                left.extend(sketch.payload);
                left.extend(sketch.headers);
            }
        }
        let mut seen = HashSet::new();
        while let Some(used) = left.pop() {
            let id = self.schemas.settle(used).id;
            if !seen.insert(id) {
                continue;
            }
            match self.schemas.class(id) {
                Class::Enum(values) => {
                    if !values.is_const {
                        self.read.insert(id);
                    }
                }
                Class::Struct(object) => {
                    left.extend(object.members.iter().map(|member| member.schema));
                    left.extend(object.rest);
                }
                Class::Union(alternatives) => {
                    self.find_tags(&alternatives);
                    left.extend(alternatives.iter().map(|alternative| alternative.schema));
                }
                Class::Array(inner) | Class::Map(inner) => left.push(inner),
                Class::Tuple(elements) => left.extend(elements.iter()),
                Class::Plain(_) | Class::Same(_) => {}
            }
        }
        self.open = self.read.difference(&self.tags).copied().collect();
        if self.shared.is_empty() {
            return;
        }
        for id in self.found.iter().map(|found| found.id).collect::<Vec<_>>() {
            match self.is_open_to_all(id) {
                Some(true) => _ = self.open.insert(id),
                Some(false) => _ = self.open.remove(&id),
                None => {}
            }
        }
    }

    /// The enumerations that tell alternatives apart, as values of one member: what is none of them
    /// belongs to no alternative.
    fn find_tags(&mut self, alternatives: &[Alternative<'s>]) {
        let mut by_member: HashMap<&str, Vec<(SchemaId, Vec<String>)>> = HashMap::new();
        for alternative in alternatives {
            let used = self.schemas.settle(alternative.schema);
            let Some(object) = self.object(used) else {
                continue;
            };
            for member in &object.members {
                let used = self.schemas.settle(member.schema);
                if let Class::Enum(values) = self.schemas.class(used.id) {
                    let found = by_member.entry(member.name).or_default();
                    found.push((used.id, values.json()));
                }
            }
        }
        for found in by_member.into_values().filter(|found| found.len() > 1) {
            let mut seen = HashSet::new();
            if found
                .iter()
                .flat_map(|(_, values)| values)
                .all(|value| seen.insert(value))
            {
                self.tags.extend(found.iter().map(|(id, _)| *id));
            }
        }
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
            Some(payload) if sketch.content == api::Content::Json => {
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
            let rules = self.kept_rules(schema.rules, &schema.class);
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
    fn kept_rules(&mut self, mut rules: api::Rules, class: &Class<'s>) -> api::Rules {
        if rules.unique_items
            && let Class::Array(items) = class
            && self.leaves_out(*items, &mut HashSet::new())
        {
            rules.unique_items = false;
        }
        rules
    }

    /// Values may have members that are not kept.
    fn leaves_out(&mut self, used: Use, seen: &mut HashSet<SchemaId>) -> bool {
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
        match schema.class {
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

//! Which schemas become definitions: those that messages lead to, in the order in which they do.

use super::naming::{Owner, Pointer};
use super::{Beside, Found, LONG, Sketch, Types};
use crate::api;
use crate::diagnostic::{Code, Diagnostic};
use crate::lower::schema::{Class, Member, SchemaId, Use};
use crate::name::{join, type_name};
use crate::source::Node;

/// How deeply arrays and maps may be nested before one of them is given a name.
const DEEPEST: usize = 6;

const COUNTED: &str = "rules, lists and maps in types, where each type, member, value, alternative and default is as three";

impl<'s> Types<'s, '_> {
    /// Finds all definitions besides the messages' own, in the order in which they are reached.
    pub(super) fn reach(&mut self, sketches: &[Sketch<'s>]) {
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
    pub(super) fn look_beside<'b>(
        &mut self,
        beside: &'b [Beside<'s>],
    ) -> Vec<Option<(Use, &'b str)>> {
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
    pub(super) fn reach_beside(
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
    pub(super) fn grow(&mut self, id: SchemaId, by: usize) {
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
}

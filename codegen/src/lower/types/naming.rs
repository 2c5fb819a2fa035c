//! What types are called.

use std::collections::{HashMap, HashSet};

use super::{Sketch, Types};
use crate::api::{Base, TypeName};
use crate::lower::schema::{Alternative, Class, SchemaId, is_definition};
use crate::name::{Scope, join, type_name, variant_name};
use crate::source::Node;

/// What a definition stands in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Owner {
    /// The index of a message.
    Message(usize),
    Schema(SchemaId),
    /// It has a name of its own, though it is no type.
    Nothing,
}

/// The end of a pointer to where schemas are given names.
#[derive(Clone, Debug)]
pub(super) struct Pointer {
    group: Option<String>,
    word: String,
}

impl Pointer {
    pub(super) fn of(node: Node<'_>) -> Option<Self> {
        if !is_definition(node) {
            return None;
        }
        let path = node.path();
        let (group, word) = match path.as_slice() {
            ["components", "schemas", word] | ["definitions" | "$defs" | "schemas", word] => {
                (None, *word)
            }
            [.., group, "definitions" | "$defs", word] | [.., group, word] => {
                (Some((*group).to_owned()), *word)
            }
            // The file's name, of a file that is a schema.
            _ => (None, node.key()),
        };
        Some(Self {
            group,
            word: word.to_owned(),
        })
    }

    pub(super) fn type_name(&self) -> String {
        type_name(&self.word)
    }
}

/// How many definitions there are for each word that ends a pointer.
#[derive(Debug, Default)]
pub(super) struct Words(HashMap<String, usize>);

impl Words {
    pub(super) fn of<'p>(pointers: impl Iterator<Item = &'p Pointer>) -> Self {
        let mut words = Self::default();
        for pointer in pointers {
            let count = words.0.entry(pointer.type_name()).or_default();
            *count = count.saturating_add(1);
        }
        words
    }

    /// The pointer's word, behind what it stands in where several have that word.
    pub(super) fn name(&self, pointer: &Pointer) -> String {
        let word = pointer.type_name();
        let alone = self.0.get(&word).is_none_or(|count| *count < 2);
        match &pointer.group {
            Some(group) if !alone => join(&type_name(group), &word),
            _ => word,
        }
    }

    fn has(&self, word: &str) -> bool {
        self.0.contains_key(word)
    }
}

impl<'s> Types<'s, '_> {
    pub(super) fn pointer(&self, id: SchemaId) -> Option<Pointer> {
        match self.schemas.avro_name(id) {
            Some(name) => Some(Pointer {
                group: None,
                word: name.to_owned(),
            }),
            None => Pointer::of(self.schemas.named_by(id)?),
        }
    }

    /// What is shared has its name. Messages choose theirs first; then the other definitions, owners
    /// before what stands in them.
    pub(super) fn choose_names(&mut self, sketches: &[Sketch<'s>]) {
        let own = sketches.iter().filter_map(|sketch| sketch.own);
        let all = own.chain(self.found.iter().map(|found| found.id));
        let all: Vec<SchemaId> = all.collect();
        for id in &all {
            if let Some(name) = self.shared_name(*id) {
                self.scope.claim(name.0.clone());
                self.names.insert(*id, name);
            }
        }
        let pointers: Vec<Pointer> = all.iter().filter_map(|id| self.pointer(*id)).collect();
        let words = Words::of(pointers.iter());
        // The same word in several channels is told apart by them.
        let mut channels: HashMap<String, HashSet<&str>> = HashMap::new();
        for sketch in sketches {
            let known = channels.entry(type_name(sketch.name)).or_default();
            known.extend(sketch.channel);
        }
        for sketch in sketches {
            let mut wanted = type_name(sketch.name);
            let is_repeated = channels.get(&wanted).is_some_and(|known| known.len() > 1);
            if let Some(channel) = sketch.channel.filter(|_| is_repeated) {
                wanted = join(&type_name(channel), &wanted);
            }
            if let Some(pointer) = sketch.own.and_then(|id| self.pointer(id)) {
                wanted = words.name(&pointer);
            } else if sketch.own.is_none() && words.has(&wanted) {
                wanted.push_str("Message");
            }
            let name = TypeName(self.scope.claim(wanted));
            if let Some(id) = sketch.own {
                self.names.insert(id, name.clone());
            }
            self.message_names.push(name);
        }
        for found in &self.found {
            if self.names.contains_key(&found.id) {
                continue;
            }
            let wanted = match self.pointer(found.id) {
                Some(pointer) => words.name(&pointer),
                None => {
                    let owner = match found.owner {
                        Owner::Message(index) => self.message_names.get(index),
                        Owner::Schema(id) => self.names.get(&id),
                        Owner::Nothing => None,
                    };
                    join(owner.map_or("", |name| name.0.as_str()), &found.words)
                }
            };
            let name = TypeName(self.scope.claim(wanted));
            self.names.insert(found.id, name);
        }
    }

    /// The identifiers of a union's variants.
    pub(super) fn variant_names(
        &mut self,
        id: SchemaId,
        alternatives: &[Alternative<'s>],
    ) -> Vec<String> {
        if let Some(names) = self.variants.get(&id) {
            return names.clone();
        }
        let wanted: Vec<String> = alternatives
            .iter()
            .map(|alternative| {
                let word = match alternative.name {
                    Some(name) => name.to_owned(),
                    None => self.word(alternative),
                };
                variant_name(&word)
            })
            .collect();
        // `Shape::ShapeRound` says it twice.
        let own = self.pointer(id).map(|pointer| pointer.type_name());
        let rest = |name: &String| {
            let rest = name.strip_prefix(own.as_deref()?)?;
            let is_name = rest.starts_with(char::is_uppercase) && rest != "Self";
            is_name.then(|| rest.to_owned())
        };
        let shorter: Option<Vec<String>> = wanted.iter().map(rest).collect();
        let mut scope = Scope::new();
        let names = shorter.unwrap_or(wanted).into_iter();
        let names: Vec<String> = names.map(|name| scope.claim(name)).collect();
        self.variants.insert(id, names.clone());
        names
    }

    /// A word for an alternative that the document has none for: what tells it from the others, or
    /// else its type.
    fn word(&mut self, alternative: &Alternative<'s>) -> String {
        let used = self.schemas.settle(alternative.schema);
        match self.schemas.class(used.id) {
            Class::Struct(object) => {
                for member in &object.members {
                    let inner = self.schemas.settle(member.schema);
                    if let Class::Enum(values) = self.schemas.class(inner.id)
                        && let [only] = values.values.as_slice()
                        && member.required
                    {
                        return match values.base {
                            Base::String => only.wire.clone(),
                            Base::Integer | Base::Json => format!("Value {}", only.wire),
                        };
                    }
                }
                let first = object.members.iter().find(|member| member.required);
                first.map_or("Object", |member| member.name).to_owned()
            }
            class => class.word().to_owned(),
        }
    }
}

//! Types that several documents have, as files that they refer to hold their schemas.
//!
//! Each document is lowered by itself and says what it has [`Reached`]. What others have reached as
//! well is given a name that all of them use, and they are lowered once more: [`Shared`] then says
//! which types are not a document's own, and what about them depends on all documents together.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::deep::{self, Cuttable};
use super::naming::{Owner, Pointer, Words};
use super::{Sketch, Types, recursion, tags};
use crate::api::{Api, TypeDef, TypeName};
use crate::lower::schema::{Origin, SchemaId};
use crate::name::{Scope, join};

/// The module that holds shared types, unless the build script has another name for it.
pub(crate) const MODULE: &str = "shared";

/// A definition of a document.
#[derive(Clone, Debug)]
pub(crate) struct Reached {
    origin: Origin,
    /// What the document calls it.
    name: TypeName,
    /// Where it is given a name.
    pointer: Option<Pointer>,
    /// What it is a part of, if that has a name and it has none, and the words for the part.
    owner: Option<(Within, String)>,
    openness: Openness,
}

#[derive(Clone, Debug)]
enum Within {
    Definition(Origin),
    /// The message of this name.
    Message(String),
}

/// What is known of an enumeration's values.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Openness {
    /// Clients read it.
    is_read: bool,
    /// It tells alternatives apart.
    is_tag: bool,
}

/// The types that several documents share, and what each of these has to know of them.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// The module that they are in.
    pub(crate) module: String,
    types: HashMap<Origin, SharedType>,
    /// Their places in the order in which they are defined.
    order: HashMap<TypeName, usize>,
}

#[derive(Debug)]
struct SharedType {
    name: TypeName,
    is_open: bool,
}

impl Shared {
    /// What these documents share, to be put in the module of this name.
    pub(crate) fn between(documents: &[(&Api, &[Reached])], module: &str) -> Self {
        let both = common(documents);
        let all = || documents.iter().flat_map(|(_, reached)| reached.iter());
        let mut openness: HashMap<&Origin, Openness> = HashMap::new();
        for one in all() {
            let known = openness.entry(&one.origin).or_default();
            known.is_read |= one.openness.is_read;
            known.is_tag |= one.openness.is_tag;
        }
        let mut seen = HashSet::new();
        let first: Vec<&Reached> = all()
            .filter(|one| both.contains(&one.origin) && seen.insert(&one.origin))
            .collect();
        let words = Words::of(first.iter().filter_map(|one| one.pointer.as_ref()));
        let mut scope = Scope::new();
        let mut shared = Self {
            module: module.to_owned(),
            ..Self::default()
        };
        for (place, one) in first.iter().enumerate() {
            let wanted = match (&one.pointer, &one.owner) {
                (Some(pointer), _) => words.name(pointer),
                (None, Some((Within::Message(name), words))) => join(name, words),
                (None, Some((Within::Definition(owner), words))) => match shared.types.get(owner) {
                    Some(owner) => join(&owner.name.0, words),
                    None => one.name.0.clone(),
                },
                (None, None) => one.name.0.clone(),
            };
            let name = TypeName(scope.claim(wanted));
            let openness = openness.get(&one.origin).copied().unwrap_or_default();
            let is_open = openness.is_read && !openness.is_tag;
            shared.order.insert(name.clone(), place);
            let ty = SharedType { name, is_open };
            shared.types.insert(one.origin.clone(), ty);
        }
        shared
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    /// The document has some of them.
    pub(crate) fn concerns(&self, reached: &[Reached]) -> bool {
        reached
            .iter()
            .any(|one| self.types.contains_key(&one.origin))
    }

    /// The definitions of all shared types, of documents that were lowered with them in mind, which
    /// are given what only shows when all are there.
    pub(crate) fn define(&self, documents: &mut [&mut Api], deep_types: bool) -> Vec<TypeDef> {
        let mut found: BTreeMap<usize, TypeDef> = BTreeMap::new();
        for definition in documents.iter().flat_map(|api| &api.types) {
            if let (true, Some(place)) = (definition.is_shared, self.order.get(&definition.name)) {
                found.entry(*place).or_insert_with(|| definition.clone());
            }
        }
        let mut all: Vec<TypeDef> = found.into_values().collect();
        // Which of a circle is held by pointer depends on where it is entered.
        recursion::unsettle(&mut all);
        tags::fill_in(&mut all);
        // Where it is cut each document has been warned of, unless they are too deep only together.
        let messages = documents.iter().flat_map(|api| &api.messages);
        let messages = deep::looked_into(messages);
        let settle = |definitions: &mut [TypeDef], cuttable| match deep_types {
            true => recursion::settle(definitions),
            false => drop(deep::settle(definitions, &messages, cuttable)),
        };
        settle(&mut all, Cuttable::All);
        let by_name: HashMap<&TypeName, &TypeDef> =
            all.iter().map(|shared| (&shared.name, shared)).collect();
        for api in documents {
            for definition in api.types.iter_mut().filter(|one| one.is_shared) {
                if let Some(shared) = by_name.get(&definition.name) {
                    (*definition).clone_from(shared);
                }
            }
            settle(&mut api.types, Cuttable::Own);
        }
        all
    }
}

/// What more than one document has reached, as long as it is the same to all of them and so are its
/// parts.
fn common<'d>(documents: &[(&Api, &'d [Reached])]) -> HashSet<&'d Origin> {
    let mut uses: HashMap<&Origin, Option<HashSet<&Origin>>> = HashMap::new();
    let mut count: HashMap<&Origin, usize> = HashMap::new();
    for (api, reached) in documents {
        let by_name: HashMap<&TypeName, &Origin> =
            reached.iter().map(|one| (&one.name, &one.origin)).collect();
        for definition in &api.types {
            let Some(origin) = by_name.get(&definition.name) else {
                continue;
            };
            let parts = recursion::uses(definition).into_iter();
            let parts: HashSet<&Origin> = parts
                .filter_map(|name| by_name.get(name).copied())
                .collect();
            *count.entry(origin).or_default() += 1;
            uses.entry(origin)
                .and_modify(|known| *known = known.take().filter(|known| *known == parts))
                .or_insert(Some(parts));
        }
    }
    let mut common: HashMap<&Origin, HashSet<&Origin>> = uses
        .into_iter()
        .filter(|(origin, _)| count.get(origin).is_some_and(|count| *count > 1))
        .filter_map(|(origin, parts)| Some((origin, parts?)))
        .collect();
    loop {
        let before = common.len();
        let known: HashSet<&Origin> = common.keys().copied().collect();
        common.retain(|_, parts| parts.is_subset(&known));
        if common.len() == before {
            let all = documents.iter().flat_map(|(_, reached)| reached.iter());
            return all
                .map(|one| &one.origin)
                .filter(|origin| common.contains_key(origin))
                .collect();
        }
    }
}

impl<'s> Types<'s, '_> {
    /// What this document has reached, for others to compare with what they have.
    pub(super) fn reached(&self, sketches: &[Sketch<'s>]) -> Vec<Reached> {
        let own = sketches.iter().enumerate().filter_map(|(index, sketch)| {
            let owner = (Owner::Message(index), "Payload");
            Some((sketch.own?, owner))
        });
        let found = self
            .found
            .iter()
            .map(|found| (found.id, (found.owner, found.words.as_str())));
        own.chain(found)
            .filter(|(id, _)| !self.beside.contains(id))
            .filter_map(|(id, (owner, words))| {
                let within = match owner {
                    Owner::Message(index) => {
                        Some(Within::Message(self.message_names.get(index)?.0.clone()))
                    }
                    Owner::Schema(id) => self.schemas.origin(id).map(Within::Definition),
                    Owner::Nothing => None,
                };
                Some(Reached {
                    origin: self.schemas.origin(id)?,
                    name: self.name(id),
                    pointer: self.pointer(id),
                    owner: within.map(|within| (within, words.to_owned())),
                    openness: Openness {
                        is_read: self.read.contains(&id),
                        is_tag: self.tags.contains(&id),
                    },
                })
            })
            .collect()
    }

    /// What all documents call it that share it.
    pub(super) fn shared_name(&self, id: SchemaId) -> Option<TypeName> {
        Some(self.shared_type(id)?.name.clone())
    }

    pub(super) fn is_shared(&self, id: SchemaId) -> bool {
        self.shared_type(id).is_some()
    }

    /// Whether a shared enumeration is open, which is not for one document to say.
    pub(super) fn is_open_to_all(&self, id: SchemaId) -> Option<bool> {
        Some(self.shared_type(id)?.is_open)
    }

    fn shared_type(&self, id: SchemaId) -> Option<&SharedType> {
        if self.shared.is_empty() || self.beside.contains(&id) {
            return None;
        }
        self.shared.types.get(&self.schemas.origin(id)?)
    }
}

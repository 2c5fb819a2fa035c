//! What types are called.

use std::collections::{HashMap, HashSet};

use super::{Named, Sketch, Types};
use crate::api::TypeName;
use crate::name::type_name;
use crate::source::Node;

/// The end of a pointer into `components.schemas`.
#[derive(Clone)]
pub(super) struct Pointer {
    group: Option<String>,
    word: String,
}

impl Pointer {
    pub(super) fn of(node: Node<'_>) -> Option<Self> {
        let path = node.path();
        let (group, word) = match path.as_slice() {
            ["components", "schemas", word] => (None, *word),
            ["components", "schemas", .., group, word] => (Some((*group).to_owned()), *word),
            _ => return None,
        };
        Some(Self {
            group,
            word: word.to_owned(),
        })
    }
}

impl<'s> Types<'s, '_> {
    /// Messages choose their names first, and their headers with them; then the other definitions,
    /// owners before what stands in them.
    pub(super) fn choose_names(&mut self, sketches: &[Sketch<'s>]) {
        let own = sketches
            .iter()
            .filter_map(|sketch| Pointer::of(sketch.own_by_reference()?));
        let others = self.found.iter().filter_map(|found| match &found.named {
            Named::Pointer(pointer) => Some(pointer.clone()),
            Named::Within { .. } => None,
        });
        let mut counts: HashMap<String, usize> = HashMap::new();
        let mut shared = HashSet::new();
        for pointer in own.chain(others) {
            let count = counts.entry(type_name(&pointer.word)).or_default();
            *count = count.saturating_add(1);
            shared.insert(type_name(&pointer.word));
        }
        let by_pointer = |pointer: Pointer| {
            let word = type_name(&pointer.word);
            let alone = counts.get(&word).is_none_or(|count| *count < 2);
            match pointer.group {
                Some(group) if !alone => format!("{}{word}", type_name(&group)),
                _ => word,
            }
        };
        for sketch in sketches {
            let mut wanted = type_name(sketch.name);
            if let Some(pointer) = sketch.own_by_reference().and_then(Pointer::of) {
                wanted = by_pointer(pointer);
            } else if sketch.own.is_none() && shared.contains(&wanted) {
                wanted.push_str("Message");
            }
            let name = TypeName(self.scope.claim(wanted));
            if let Some(schema) = &sketch.own {
                self.names.insert(schema.node.id(), name.clone());
            }
            self.names.insert(sketch.message.id(), name);
        }
        for sketch in sketches.iter().filter(|sketch| !sketch.headers.is_empty()) {
            let name = format!("{}Headers", self.name(sketch.message.id()).0);
            let name = TypeName(self.scope.claim(name));
            self.header_names.insert(sketch.message.id(), name);
        }
        for found in &self.found {
            let wanted = match &found.named {
                Named::Pointer(pointer) => by_pointer(pointer.clone()),
                Named::Within { owner, words } => {
                    let owner = self.names.get(owner).map_or("", |name| name.0.as_str());
                    format!("{owner}{words}")
                }
            };
            let name = TypeName(self.scope.claim(wanted));
            self.names.insert(found.node.id(), name);
        }
    }
}

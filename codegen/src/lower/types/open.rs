//! Which enumerations are open to values that the document does not list.

use std::collections::{HashMap, HashSet};

use super::{Sketch, Types};
use crate::lower::schema::{Alternative, Class, SchemaId, Use};
use crate::options::OpenEnums;
use crate::source::NumberSet;

impl<'s> Types<'s, '_> {
    /// Finds the enumerations whose values a client reads: a newer service may send others.
    pub(super) fn find_open(&mut self, sketches: &[Sketch<'s>], received: &HashSet<usize>) {
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
        let mut seen = NumberSet::default();
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
}

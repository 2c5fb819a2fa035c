//! How deeply types hold each other: rustc looks into a message to see whether threads may share it, and
//! has a limit to that.

use std::collections::HashMap;

use crate::api::{Field, Type, TypeDef, TypeKind, TypeName};

/// How many steps rustc looks into a type unless it is told otherwise.
const LOOKED_INTO: usize = 128;

/// How many of them are left to the futures that hold a message, in generated code and in users'.
const AROUND: usize = 24;

/// As many steps fit the stack that rustc has by itself, with room to spare.
const ON_ITS_STACK: usize = 600;

/// More than each of those takes of it, in bytes.
const OF_STACK: usize = 16 * 1024;

/// Types that are too deep for rustc as it is.
pub(super) struct Deep {
    /// The outermost.
    pub(super) name: TypeName,
    pub(super) steps: usize,
}

impl Deep {
    pub(super) fn message(&self) -> String {
        let most = LOOKED_INTO.saturating_sub(AROUND);
        format!(
            "found types that hold each other {} steps deep, expected {most} at most, or rustc may give up",
            self.steps
        )
    }

    pub(super) fn help(&self) -> String {
        let limit = self.steps.saturating_add(AROUND).next_power_of_two();
        let help = format!(
            "write `#![recursion_limit = \"{limit}\"]` at the top of the crate that includes the code"
        );
        if self.steps <= ON_ITS_STACK {
            return help;
        }
        let stack = self.steps.saturating_mul(OF_STACK).next_power_of_two();
        format!("{help}, and set `RUST_MIN_STACK={stack}` in the environment of the build")
    }
}

/// The deepest of these, if it is too deep. One that holds itself counts once.
pub(super) fn too_deep(definitions: &[TypeDef]) -> Option<Deep> {
    let index: HashMap<&TypeName, usize> = definitions
        .iter()
        .enumerate()
        .map(|(at, definition)| (&definition.name, at))
        .collect();
    let parts: Vec<Parts> = definitions.iter().map(|one| parts(one, &index)).collect();
    let steps = depths(&parts);
    let deepest = steps.iter().enumerate().max_by_key(|(_, steps)| **steps);
    let (at, steps) = deepest?;
    let is_too_deep = steps.saturating_add(AROUND) > LOOKED_INTO;
    is_too_deep.then_some(Deep {
        name: definitions.get(at)?.name.clone(),
        steps: *steps,
    })
}

/// What a definition consists of.
#[derive(Default)]
struct Parts {
    /// The deepest that is no definition.
    leaf: usize,
    /// Other definitions, and how many steps lead to each.
    held: Vec<(usize, usize)>,
}

fn parts(definition: &TypeDef, index: &HashMap<&TypeName, usize>) -> Parts {
    let mut found = Parts::default();
    let mut part = |ty: &Type, before: usize| found.add(ty, before, index);
    match &definition.kind {
        TypeKind::Struct(holder) => {
            for field in &holder.fields {
                part(&field.ty, if is_option(field) { 2 } else { 1 });
            }
            if let Some((_, values)) = &holder.rest {
                part(values, 4);
            }
        }
        TypeKind::Union(union) => {
            for branch in &union.branches {
                part(&branch.ty, if branch.boxed { 3 } else { 1 });
            }
        }
        TypeKind::Newtype(ty) => part(ty, 1),
        // At most the text of another value.
        TypeKind::Enum(_) => part(&Type::String, 1),
    }
    found
}

fn is_option(field: &Field) -> bool {
    let plain = field.default.as_ref().is_some_and(|default| default.plain);
    !field.required && !plain
}

impl Parts {
    /// Counts a type that so many steps lead to.
    fn add(&mut self, ty: &Type, before: usize, index: &HashMap<&TypeName, usize>) {
        let within = |steps: usize| before.saturating_add(steps);
        match ty {
            Type::Named(name) => self.hold(name, before, index),
            Type::Boxed(name) => self.hold(name, within(2), index),
            Type::Checked(inner, _) => self.add(inner, before, index),
            Type::Nullable(inner) => self.add(inner, within(1), index),
            Type::Array(inner) | Type::Map(inner) => self.add(inner, within(3), index),
            Type::Tuple(elements) => {
                for element in elements {
                    self.add(element, within(1), index);
                }
            }
            // As deep as a `String`, which is made of so much, or `Json`, which holds some.
            Type::String | Type::Bytes | Type::Foreign(_) => self.leaf = self.leaf.max(within(6)),
            Type::Any | Type::Number => self.leaf = self.leaf.max(within(12)),
            _ => self.leaf = self.leaf.max(within(2)),
        }
    }

    fn hold(&mut self, name: &TypeName, steps: usize, index: &HashMap<&TypeName, usize>) {
        if let Some(at) = index.get(name) {
            self.held.push((*at, steps));
        }
    }
}

/// How deep each is. Without recursion: chains may be long.
fn depths(parts: &[Parts]) -> Vec<usize> {
    let mut depths: Vec<Option<usize>> = vec![None; parts.len()];
    let mut seen = vec![false; parts.len()];
    for start in 0..parts.len() {
        let mut walk = vec![(start, 0_usize)];
        while let Some((at, next)) = walk.pop() {
            let Some(one) = parts.get(at) else { continue };
            if next == 0 {
                match seen.get_mut(at) {
                    Some(seen) if !*seen => *seen = true,
                    _ => continue,
                }
            }
            if let Some((held, _)) = one.held.get(next) {
                walk.push((at, next.saturating_add(1)));
                walk.push((*held, 0));
                continue;
            }
            let held = one.held.iter().map(|(held, steps)| {
                // One of which this is a part itself is being looked at.
                let depth = depths.get(*held).copied().flatten().unwrap_or_default();
                depth.saturating_add(*steps)
            });
            let depth = held.max().unwrap_or_default().max(one.leaf);
            if let Some(slot) = depths.get_mut(at) {
                *slot = Some(depth);
            }
        }
    }
    depths.into_iter().map(Option::unwrap_or_default).collect()
}

//! How deeply types hold each other: rustc looks into a message to see whether threads may share it, and
//! has a limit to that. What is beyond is held as any JSON, of which its type can still be read.

use std::collections::{HashMap, HashSet, VecDeque};

use super::recursion;
use crate::api::{Field, Message, Payload, Type, TypeDef, TypeKind, TypeName};

/// How many steps rustc looks into a type unless it is told otherwise.
const LOOKED_INTO: usize = 128;

/// How many of them are left to the futures that hold a message, in generated code and in users'.
const AROUND: usize = 24;

/// How many steps there may be in types.
pub(super) const MOST: usize = LOOKED_INTO - AROUND;

/// How many of them any JSON takes.
const JSON: usize = 12;

/// As many steps fit the stack that rustc has by itself, with room to spare.
const ON_ITS_STACK: usize = 600;

/// More than each of those takes of it, in bytes.
const OF_STACK: usize = 16 * 1024;

/// How often definitions are looked at: without what is too deep circles close elsewhere.
const ROUNDS: usize = 4;

/// How many members may be followed. Beyond, what may be too deep is taken for that.
const MOST_FOLLOWED: usize = 1_000_000;

/// A definition that is too deep where another holds it.
#[derive(Clone, Debug)]
pub(super) struct Cut {
    pub(super) holder: TypeName,
    pub(super) held: TypeName,
}

impl Cut {
    pub(super) fn message(&self) -> String {
        format!(
            "found types that hold each other more than {MOST} steps deep, expected that many at most, \
             or rustc may give up: `{}` holds this as any JSON",
            self.holder.0
        )
    }

    pub(super) fn help(&self) -> String {
        format!(
            "read a `{}` where it is needed, or have it read with the rest by `Config::deep_types`",
            self.held.0
        )
    }
}

/// Which definitions hold others as JSON, rather than being too deep.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Cuttable {
    All,
    /// Those that other documents have as well are as they are.
    Own,
}

/// The definitions of what messages are, into which rustc looks.
pub(super) fn looked_into<'m>(messages: impl Iterator<Item = &'m Message>) -> HashSet<TypeName> {
    let mut found = HashSet::new();
    for message in messages {
        match &message.payload {
            Payload::Own(name) => {
                found.insert(name.clone());
            }
            Payload::Wraps(ty) => {
                let mut names = Vec::new();
                recursion::mentioned(ty, &mut names);
                found.extend(names.into_iter().cloned());
            }
        }
        found.extend(message.headers.clone());
    }
    found
}

/// Does what [`recursion::settle`] does, once what is too deep for rustc in these `messages` is held as any
/// JSON.
pub(super) fn settle(
    definitions: &mut [TypeDef],
    messages: &HashSet<TypeName>,
    cuttable: Cuttable,
) -> Vec<Cut> {
    let mut found = Vec::new();
    for round in 1..=ROUNDS {
        recursion::settle(definitions);
        let followed = if round < ROUNDS { MOST_FOLLOWED } else { 0 };
        let cuts = Graph::of(definitions, messages).too_deep(followed, cuttable);
        if cuts.is_empty() {
            return found;
        }
        for (holder, part, held) in cuts {
            let Some(held) = definitions.get(held).map(|held| held.name.clone()) else {
                continue;
            };
            if let Some(holder) = definitions.get_mut(holder) {
                loosen(holder, part, &held);
                let holder = holder.name.clone();
                found.push(Cut { holder, held });
            }
        }
        recursion::unsettle(definitions);
    }
    recursion::settle(definitions);
    found
}

/// Types that are too deep for rustc as it is.
pub(super) struct Deep {
    /// The outermost.
    pub(super) name: TypeName,
    steps: usize,
}

impl Deep {
    pub(super) fn message(&self) -> String {
        format!(
            "found types that hold each other {} steps deep, expected {MOST} at most, or rustc may give up",
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

/// The deepest of these, if some are too deep.
pub(super) fn deepest(definitions: &[TypeDef], messages: &HashSet<TypeName>) -> Option<Deep> {
    let graph = Graph::of(definitions, messages);
    let heights = graph.heights.clone();
    if graph.too_deep(MOST_FOLLOWED, Cuttable::All).is_empty() {
        return None;
    }
    let deepest = heights.iter().enumerate().rev();
    let (at, steps) = deepest.max_by_key(|(_, steps)| **steps)?;
    Some(Deep {
        name: definitions.get(at)?.name.clone(),
        steps: *steps,
    })
}

/// Has a part of a definition hold any JSON in place of `held`.
fn loosen(holder: &mut TypeDef, part: usize, held: &TypeName) {
    let remark = |docs: &mut Option<String>| {
        let remark = format!("Any JSON, of which a `{}` can be read.", held.0);
        *docs = Some(match docs.take() {
            Some(docs) => format!("{docs}\n\n{remark}"),
            None => remark,
        });
    };
    match &mut holder.kind {
        TypeKind::Struct(body) => match (body.fields.get_mut(part), &mut body.rest) {
            (Some(field), _) => {
                field.ty = without(&field.ty, held);
                remark(&mut field.docs);
            }
            (None, Some((_, ty))) => *ty = without(ty, held),
            (None, None) => {}
        },
        TypeKind::Union(union) => {
            if let Some(branch) = union.branches.get_mut(part) {
                branch.ty = without(&branch.ty, held);
                // Another may be the same.
                branch.unique = false;
                remark(&mut branch.docs);
            }
        }
        TypeKind::Newtype(ty) => *ty = without(ty, held),
        TypeKind::Enum(_) => {}
    }
}

/// The type with any JSON in place of `held`.
fn without(ty: &Type, held: &TypeName) -> Type {
    let within = |ty: &Type| Box::new(without(ty, held));
    match ty {
        Type::Named(name) | Type::Boxed(name) if name == held => Type::Any,
        Type::Nullable(inner) => match without(inner, held) {
            Type::Any => Type::Any,
            inner => Type::Nullable(Box::new(inner)),
        },
        Type::Array(inner) => Type::Array(within(inner)),
        Type::Map(inner) => Type::Map(within(inner)),
        Type::Checked(inner, rules) => Type::Checked(within(inner), rules.clone()),
        Type::Tuple(elements) => Type::Tuple(elements.iter().map(|ty| without(ty, held)).collect()),
        other => other.clone(),
    }
}

/// What definitions consist of, and how deep each may be.
struct Graph {
    parts: Vec<Parts>,
    /// Of one that leads to a circle, at most so deep.
    heights: Vec<usize>,
    /// Those that lead to a circle.
    circular: Vec<bool>,
}

/// What a definition consists of.
#[derive(Default)]
struct Parts {
    /// The deepest that is no definition.
    leaf: usize,
    held: Vec<Held>,
    is_shared: bool,
    /// It is a message, or nothing holds it.
    is_outermost: bool,
}

/// Another definition, the part that holds it, and how many steps lead to it.
struct Held {
    part: usize,
    at: usize,
    steps: usize,
}

impl Graph {
    fn of(definitions: &[TypeDef], messages: &HashSet<TypeName>) -> Self {
        let index: HashMap<&TypeName, usize> = definitions
            .iter()
            .enumerate()
            .map(|(at, definition)| (&definition.name, at))
            .collect();
        let mut parts: Vec<Parts> = definitions.iter().map(|one| parts(one, &index)).collect();
        let held = parts.iter().flat_map(|one| &one.held);
        let held: HashSet<usize> = held.map(|held| held.at).collect();
        for (at, (one, definition)) in parts.iter_mut().zip(definitions).enumerate() {
            one.is_outermost = messages.contains(&definition.name) || !held.contains(&at);
        }
        let (heights, circular) = heights(&parts);
        Self {
            parts,
            heights,
            circular,
        }
    }

    /// What has to be cut for none to be too deep: holder, part and what is held. It walks as rustc does,
    /// from what is outermost and from what is cut, and looks once at what leads to circles.
    fn too_deep(self, followed: usize, cuttable: Cuttable) -> Vec<(usize, usize, usize)> {
        let mut left = followed;
        let mut cuts = Vec::new();
        let mut is_cut = HashSet::new();
        // In which walk each was seen last, and how deep.
        let mut seen = vec![(0, 0); self.parts.len()];
        let mut open = vec![false; self.parts.len()];
        let is_fixed = |at: usize| {
            let shared = self.parts.get(at).is_some_and(|parts| parts.is_shared);
            shared && cuttable == Cuttable::Own
        };
        let outermost = self.parts.iter().enumerate();
        let outermost = outermost.filter(|(_, parts)| parts.is_outermost);
        let mut roots: VecDeque<usize> = outermost.map(|(at, _)| at).collect();
        // Circles that only others hold.
        let mut others = 0..self.parts.len();
        let mut walk = 0_usize;
        loop {
            let unseen = |at: &usize| seen.get(*at).is_some_and(|(walk, _)| *walk == 0);
            let next = roots.pop_front();
            let Some(root) = next.or_else(|| others.find(unseen)) else {
                return cuts;
            };
            if self.height(root) <= MOST || is_fixed(root) {
                continue;
            }
            walk = walk.saturating_add(1);
            set(&mut seen, root, (walk, 0));
            let mut path = vec![(root, 0_usize, 0_usize)];
            while let Some((at, next, depth)) = path.pop() {
                let held = self.parts.get(at).and_then(|parts| parts.held.get(next));
                set(&mut open, at, held.is_some());
                let Some(held) = held else { continue };
                path.push((at, next.saturating_add(1), depth));
                let depth = depth.saturating_add(held.steps);
                let key = (at, held.part, held.at);
                let is_within = depth.saturating_add(self.height(held.at)) <= MOST;
                if is_within || open.get(held.at) == Some(&true) || is_cut.contains(&key) {
                    continue;
                }
                let known = seen.get(held.at).filter(|(in_walk, _)| *in_walk == walk);
                let is_circular = self.circular.get(held.at) == Some(&true);
                if known.is_some_and(|(_, known)| is_circular || *known >= depth) {
                    continue;
                }
                let is_beyond = depth.saturating_add(self.least(held.at)) > MOST;
                left = left.saturating_sub(1);
                if is_beyond || is_fixed(held.at) || left == 0 {
                    is_cut.insert(key);
                    cuts.push(key);
                    roots.push_back(held.at);
                    continue;
                }
                set(&mut seen, held.at, (walk, depth));
                path.push((held.at, 0, depth));
            }
        }
    }

    fn height(&self, at: usize) -> usize {
        self.heights.get(at).copied().unwrap_or_default()
    }

    /// How deep a definition is that holds JSON in place of others.
    fn least(&self, at: usize) -> usize {
        let Some(parts) = self.parts.get(at) else {
            return 0;
        };
        let held = parts
            .held
            .iter()
            .map(|held| held.steps.saturating_add(JSON));
        held.fold(parts.leaf, usize::max)
    }
}

fn set<T>(all: &mut [T], at: usize, value: T) {
    if let Some(slot) = all.get_mut(at) {
        *slot = value;
    }
}

/// How deep each definition is, and which lead to circles: those are at most as deep as all of them
/// together. Without recursion: chains may be long.
fn heights(parts: &[Parts]) -> (Vec<usize>, Vec<bool>) {
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); parts.len()];
    let mut left: Vec<usize> = Vec::new();
    for (at, one) in parts.iter().enumerate() {
        left.push(one.held.len());
        for held in &one.held {
            if let Some(users) = users.get_mut(held.at) {
                users.push(at);
            }
        }
    }
    let mut heights: Vec<Option<usize>> = vec![None; parts.len()];
    let mut known: Vec<usize> = Vec::new();
    known.extend((0..parts.len()).filter(|at| left.get(*at) == Some(&0)));
    while let Some(at) = known.pop() {
        let Some(one) = parts.get(at) else { continue };
        let held = one.held.iter().map(|held| {
            let height = heights.get(held.at).copied().flatten();
            height.unwrap_or_default().saturating_add(held.steps)
        });
        let height = held.fold(one.leaf, usize::max);
        set(&mut heights, at, Some(height));
        for user in users.get(at).into_iter().flatten() {
            if let Some(left) = left.get_mut(*user) {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    known.push(*user);
                }
            }
        }
    }
    let (mut within, mut below) = (0_usize, 0);
    for (at, one) in parts.iter().enumerate() {
        if heights.get(at).is_none_or(Option::is_some) {
            continue;
        }
        let mut longest = 0;
        below = below.max(one.leaf);
        for held in &one.held {
            match heights.get(held.at).copied().flatten() {
                Some(height) => below = below.max(height.saturating_add(held.steps)),
                None => longest = longest.max(held.steps),
            }
        }
        within = within.saturating_add(longest);
    }
    let circular = heights.iter().map(Option::is_none).collect();
    let all = within.saturating_add(below);
    let heights = heights.into_iter().map(|known| known.unwrap_or(all));
    (heights.collect(), circular)
}

fn parts(definition: &TypeDef, index: &HashMap<&TypeName, usize>) -> Parts {
    let mut found = Parts {
        is_shared: definition.is_shared,
        ..Parts::default()
    };
    let mut add = |part: usize, ty: &Type, before: usize| found.add(part, ty, before, index);
    match &definition.kind {
        TypeKind::Struct(holder) => {
            for (part, field) in holder.fields.iter().enumerate() {
                add(part, &field.ty, if is_option(field) { 2 } else { 1 });
            }
            if let Some((_, values)) = &holder.rest {
                add(holder.fields.len(), values, 4);
            }
        }
        TypeKind::Union(union) => {
            for (part, branch) in union.branches.iter().enumerate() {
                add(part, &branch.ty, if branch.boxed { 3 } else { 1 });
            }
        }
        TypeKind::Newtype(ty) => add(0, ty, 1),
        // At most the text of another value.
        TypeKind::Enum(_) => add(0, &Type::String, 1),
    }
    found
}

fn is_option(field: &Field) -> bool {
    let plain = field.default.as_ref().is_some_and(|default| default.plain);
    !field.required && !plain
}

impl Parts {
    /// Counts a type that so many steps lead to.
    fn add(&mut self, part: usize, ty: &Type, before: usize, index: &HashMap<&TypeName, usize>) {
        let within = |steps: usize| before.saturating_add(steps);
        let mut hold = |name: &TypeName, steps: usize| {
            let held = index.get(name).map(|at| Held {
                part,
                at: *at,
                steps,
            });
            self.held.extend(held);
        };
        match ty {
            Type::Named(name) => hold(name, before),
            Type::Boxed(name) => hold(name, within(2)),
            Type::Checked(inner, _) => self.add(part, inner, before, index),
            Type::Nullable(inner) => self.add(part, inner, within(1), index),
            Type::Array(inner) | Type::Map(inner) => self.add(part, inner, within(3), index),
            Type::Tuple(elements) => {
                for element in elements {
                    self.add(part, element, within(1), index);
                }
            }
            // As deep as a `String`, which is made of so much, or `Json`, which holds some.
            Type::String | Type::Bytes | Type::Foreign(_) => self.leaf = self.leaf.max(within(6)),
            Type::Any | Type::Number => self.leaf = self.leaf.max(within(JSON)),
            _ => self.leaf = self.leaf.max(within(2)),
        }
    }
}

//! `oneOf`, `anyOf` and lists of types.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use super::facts::Facts;
use super::{Alternative, Class, Mask, Part, Schema, Schemas, Types, Use, Value, Values};
use crate::api::{Base, Type};
use crate::diagnostic::{Code, Diagnostic, quote};
use crate::source::{Entry, Node, NumberSet, json_string};

/// Keywords that narrow a type that something else has given.
const NARROWING: &[&str] = &[
    "$comment",
    "contains",
    "dependentRequired",
    "description",
    "else",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "if",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "pattern",
    "propertyNames",
    "required",
    "then",
    "title",
    "uniqueItems",
];

/// The alternatives that become a type.
#[derive(Clone, Debug)]
pub(super) struct Choice<'s> {
    /// The index of the part that has them, and the keyword.
    part: usize,
    mask: Mask,
    /// Where they are written.
    list: Node<'s>,
    items: Vec<Node<'s>>,
}

impl Choice<'_> {
    /// The keyword, if it is one that lists them.
    fn key(&self) -> Option<&'static str> {
        match self.mask {
            Mask::ONE_OF => Some("oneOf"),
            Mask::ANY_OF => Some("anyOf"),
            _ => None,
        }
    }
}

/// A schema lists alternatives.
pub(super) fn has_list(schema: Node<'_>) -> bool {
    let mut lists = ["oneOf", "anyOf"].into_iter();
    lists.any(|key| {
        schema
            .get(key)
            .is_some_and(|list| list.items().next().is_some())
    })
}

impl<'s> Schemas<'s, '_> {
    /// The alternatives that tell what a value is, if any do. Others only narrow it.
    pub(super) fn alternatives(
        &mut self,
        parts: &[Part<'s>],
        facts: &Facts<'s>,
    ) -> Option<Choice<'s>> {
        let lists = parts
            .iter()
            .enumerate()
            .filter(|_| !facts.unions.is_empty());
        for (index, part) in lists {
            if part.mask.is_base() {
                continue;
            }
            for (key, mask) in [("oneOf", Mask::ONE_OF), ("anyOf", Mask::ANY_OF)] {
                let list = part.node.get(key).filter(|_| !part.mask.has(mask));
                let Some(list) = list.filter(|list| list.items().next().is_some()) else {
                    continue;
                };
                if !self.only_narrows(list, facts) {
                    return Some(Choice {
                        part: index,
                        mask,
                        list,
                        items: list.items().collect(),
                    });
                }
            }
        }
        self.heirs_as_alternatives(parts)
    }

    /// Those that inherit from a schema, and the schema itself for all that is none of them.
    fn heirs_as_alternatives(&mut self, parts: &[Part<'s>]) -> Option<Choice<'s>> {
        for (index, part) in parts.iter().enumerate() {
            if part.mask.is_base() || part.mask.has(Mask::HEIRS) {
                continue;
            }
            let mut items = self.heirs_of(part.node);
            if !items.is_empty() {
                items.push(part.node);
                return Some(Choice {
                    part: index,
                    mask: Mask::HEIRS,
                    list: part.node,
                    items,
                });
            }
        }
        None
    }

    /// What stands beside the list says of which types the value and its members are.
    fn only_narrows(&mut self, list: Node<'s>, facts: &Facts<'s>) -> bool {
        let narrows = |key: &str| NARROWING.contains(&key) || key.starts_with("x-");
        let mut members: Vec<Entry<'s>> = Vec::new();
        for item in list.items() {
            let start = Part {
                node: item,
                mask: Mask::NONE,
            };
            let (parts, _) = self.expand(&[start]);
            for part in parts {
                let mut entries = part.node.entries();
                let narrows = part.node.is_mapping()
                    && entries.all(|entry| match entry.key {
                        "properties" => true,
                        "type" => {
                            facts.types == Types::OBJECT && entry.node.text() == Some("object")
                        }
                        key => narrows(key),
                    });
                if !narrows {
                    return false;
                }
                let properties = part.node.get("properties").into_iter();
                members.extend(properties.flat_map(Node::entries));
            }
        }
        if members.is_empty() {
            return true;
        }
        let known: HashSet<&str> = facts.properties.iter().map(|known| known.name).collect();
        members.into_iter().all(|member| {
            let mut entries = member.node.entries();
            known.contains(member.key)
                && member.node.is_mapping()
                && entries.all(|entry| narrows(entry.key))
        })
    }

    /// Each alternative together with what stands beside the list.
    pub(super) fn union(
        &mut self,
        schema: &mut Schema<'s>,
        parts: &[Part<'s>],
        facts: &Facts<'s>,
        choice: &Choice<'s>,
    ) {
        let by_heirs = choice.mask == Mask::HEIRS;
        let mut base: Vec<Part<'s>> = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            let mask = part.mask.and(Mask::BASE);
            base.push(Part {
                node: part.node,
                mask: if index == choice.part {
                    mask.and(choice.mask)
                } else {
                    mask
                },
            });
        }
        base.retain(|part| super::says_something(part.node, part.mask));
        let only_objects = base.iter().all(|part| {
            part.node.get("type").and_then(Node::text) == Some("object")
                && !super::says_more(part.node, part.mask, &["type"])
        });
        let owner = parts.get(choice.part).map(|part| part.node);
        let tags = owner.and_then(|node| Tags::of(node.get("discriminator")?));
        if let Some(tags) = &tags {
            self.mapping(tags, choice);
        }
        let mapped = tags.as_ref().map(Tags::mapped).unwrap_or_default();
        let mut found: Vec<(Alternative<'s>, Rc<Schema<'s>>)> = Vec::new();
        let mut seen = HashSet::new();
        let mut told: HashSet<String> = HashSet::new();
        for item in choice.items.iter().copied() {
            let otherwise = by_heirs && owner.is_some_and(|owner| owner.id() == item.id());
            // One that is an object by itself, or joins what stands beside the list, stays what it is
            // elsewhere.
            let mut joined = if (only_objects && self.is_object(item)) || self.is_heir(item, &base)
            {
                Vec::new()
            } else {
                base.clone()
            };
            let mask = match by_heirs && self.is_inherited_from(item) {
                true => Mask::HEIRS,
                false => Mask::NONE,
            };
            joined.push(Part { node: item, mask });
            let used = self.join(&joined, Types::ALL);
            let used = self.settle(used);
            let inner = self.get(used.id);
            if let (true, Some(tags)) = (otherwise, &tags) {
                let values = self.values_of_tag(tags, &inner);
                if !values.is_empty() && values.iter().all(|value| told.contains(value)) {
                    continue;
                }
            }
            match &inner.class {
                Class::Plain(Type::Null) => {
                    schema.nullable = true;
                    continue;
                }
                Class::Plain(Type::Never) => continue,
                _ => {}
            }
            schema.nullable |= used.nullable || inner.nullable;
            if !seen.insert(used.id) {
                continue;
            }
            let name = match (otherwise, by_heirs) {
                (true, _) => Some("Other"),
                (false, true) => Some(item.key()),
                (false, false) => self.name_of(item),
            };
            let values = match (&tags, owner) {
                (Some(_), _) if otherwise => Vec::new(),
                (Some(tags), Some(owner)) if by_heirs => {
                    self.value_of_heir((tags, &mapped), item, owner, &inner)
                }
                (Some(_), _) => mapped.values(item, name),
                (None, _) => Vec::new(),
            };
            told.extend(values.iter().cloned());
            found.push((
                Alternative {
                    schema: Use {
                        nullable: false,
                        ..used
                    },
                    name,
                    docs: match otherwise {
                        true => Some("What is none of these.".to_owned()),
                        false => self.docs_of(item, inner.docs.as_deref()),
                    },
                    tag: tags
                        .as_ref()
                        .and_then(|tags| (!values.is_empty()).then_some((tags.member, values))),
                    is_loose: false,
                    otherwise: tags.as_ref().filter(|_| otherwise).map(|tags| tags.member),
                },
                inner,
            ));
        }
        if facts.types.has(Types::NULL) && facts.types != Types::ALL && base.is_empty() {
            schema.nullable = true;
        }
        if let Some(tags) = tags.filter(|tags| {
            !found.is_empty() && found.iter().all(|(_, inner)| tags.is_unknown_to(inner))
        }) {
            let place = tags.written.place();
            let message = format!("no alternative declares {}", quote(tags.member));
            let help = "add it to the `properties` of each, and to `required`";
            self.errors.push(
                Diagnostic::warning(Code::UnknownDiscriminator, place, message)
                    .related(choice.list.key_place(), "these are the alternatives")
                    .with_help(help),
            );
            found
                .iter_mut()
                .for_each(|(alternative, _)| alternative.tag = None);
        }
        self.simplify(schema, found, choice, parts);
    }

    /// It joins all of these by itself.
    fn is_heir(&mut self, item: Node<'s>, base: &[Part<'s>]) -> bool {
        if base.is_empty() {
            return false;
        }
        let start = Part {
            node: item,
            mask: Mask::NONE,
        };
        let (parts, _) = self.expand(&[start]);
        let own: NumberSet<_> = parts.iter().map(|part| part.node.id()).collect();
        base.iter().all(|part| own.contains(&part.node.id()))
    }

    /// Says which values of a `mapping` are none of the alternatives.
    fn mapping(&mut self, tags: &Tags<'s>, choice: &Choice<'s>) {
        let Some(mapping) = tags.mapping else { return };
        let by_heirs = choice.key().is_none();
        let mut known: Vec<String> = Vec::new();
        for item in &choice.items {
            if by_heirs {
                known.extend([item.reference(), item.key().to_owned()]);
            } else {
                let reference = item.get("$ref").and_then(Node::text);
                known.extend(reference.map(str::to_owned));
                known.extend(self.name_of(*item).map(str::to_owned));
            }
        }
        let is_known: HashSet<String> = known.iter().map(|known| plain(known)).collect();
        for entry in mapping.entries() {
            let target = entry.node.text().unwrap_or_default();
            if is_known.contains(&plain(target)) {
                continue;
            }
            let meant = self
                .errors
                .nearest(target, known.iter().map(String::as_str));
            let message = format!(
                "{} is mapped to {}, which is none of the alternatives",
                quote(entry.key),
                entry.node.describe()
            );
            self.errors.push(
                Diagnostic::warning(Code::UnmatchedMapping, entry.node.place(), message)
                    .related(
                        choice.list.key_place(),
                        match by_heirs {
                            true => "the alternatives are those that inherit from this schema",
                            false => "these are the alternatives",
                        },
                    )
                    .did_you_mean(meant),
            );
        }
    }

    /// It says itself that it is an object.
    fn is_object(&mut self, node: Node<'s>) -> bool {
        let mask = Mask::NONE;
        let (parts, nullable) = self.expand(&[Part { node, mask }]);
        let has = |key: &str| parts.iter().any(|part| part.node.get(key).is_some());
        let mut types = parts.iter().filter_map(|part| part.node.get("type"));
        !nullable
            && !["const", "enum"].into_iter().any(has)
            && (has("type") || has("properties"))
            && types.all(|written| written.text() == Some("object"))
    }

    /// What the alternatives come to.
    fn simplify(
        &mut self,
        schema: &mut Schema<'s>,
        mut found: Vec<(Alternative<'s>, Rc<Schema<'s>>)>,
        choice: &Choice<'s>,
        parts: &[Part<'s>],
    ) {
        let plain = |schema: &Schema<'s>| match &schema.class {
            Class::Plain(ty) => Some(ty.clone()),
            _ => None,
        };
        if found.is_empty() {
            let ty = if schema.nullable {
                Type::Null
            } else {
                Type::Never
            };
            schema.nullable = false;
            schema.class = Class::Plain(ty);
            return;
        }
        if found
            .iter()
            .any(|(_, inner)| plain(inner) == Some(Type::Any))
        {
            schema.class = Class::Plain(Type::Any);
            return;
        }
        if let [(only, _)] = found.as_slice() {
            schema.class = Class::Same(only.schema);
            return;
        }
        if let Some(values) = one_enumeration(&found) {
            schema.class = Class::Enum(Rc::new(values));
            return;
        }
        // Numbers of several kinds are numbers.
        let is_number = |inner: &Schema<'s>| {
            matches!(
                inner.class,
                Class::Plain(Type::Integer(_) | Type::F32 | Type::F64 | Type::Number)
            )
        };
        let plains: Vec<Option<Type>> = found.iter().map(|(_, inner)| plain(inner)).collect();
        let same = plains
            .iter()
            .all(|ty| ty.is_some() && *ty == *plains.first().unwrap_or(&None));
        let numbers = found.iter().all(|(_, inner)| is_number(inner));
        if same || numbers {
            let narrowed = found.iter().any(|(_, inner)| !inner.rules.is_empty());
            schema.class = match plains.into_iter().next().flatten() {
                Some(ty) if same => Class::Plain(ty),
                _ => Class::Plain(Type::Number),
            };
            if let (Some(owner), Some(key)) = (parts.get(choice.part), choice.key())
                && (narrowed || !same)
            {
                self.condition(owner.node, &[key], &mut schema.rules);
            }
            return;
        }
        // Two that are read as the same type are one, which then allows what either does.
        let mut kept: Vec<(Alternative<'s>, Option<Type>)> = Vec::new();
        for (alternative, inner) in found.drain(..) {
            let ty = plain(&inner);
            let known = kept
                .iter_mut()
                .find(|(_, known)| ty.is_some() && *known == ty);
            match known {
                Some((known, _)) => known.is_loose = true,
                None => kept.push((alternative, ty)),
            }
        }
        if kept.iter().any(|(alternative, _)| alternative.is_loose)
            && let (Some(owner), Some(key)) = (parts.get(choice.part), choice.key())
        {
            self.condition(owner.node, &[key], &mut schema.rules);
        }
        let kept = kept.into_iter().map(|(alternative, _)| alternative);
        schema.class = Class::Union(kept.collect());
    }

    /// A schema of several types: one alternative for each.
    pub(super) fn kinds(&mut self, schema: &mut Schema<'s>, parts: &[Part<'s>], types: Types) {
        let alternatives: Vec<Alternative<'s>> = types
            .each()
            .map(|kind| Alternative {
                schema: self.join(parts, kind),
                name: None,
                docs: None,
                tag: None,
                is_loose: false,
                otherwise: None,
            })
            .collect();
        schema.class = Class::Union(alternatives.into());
    }

    /// What the document calls a schema that stands in a list.
    fn name_of(&self, item: Node<'s>) -> Option<&'s str> {
        let target = self.references.target(item)?;
        if target.id() != item.id() && super::is_definition(target) && !target.key().is_empty() {
            return Some(target.key());
        }
        let title = item.get("title").and_then(Node::text);
        title.map(str::trim).filter(|title| !title.is_empty())
    }
}

/// Enumerations together are one; with any other text beside them it is open.
fn one_enumeration<'s>(found: &[(Alternative<'s>, Rc<Schema<'s>>)]) -> Option<Values<'s>> {
    let mut values: Vec<Value<'s>> = Vec::new();
    let mut seen = HashSet::new();
    let mut base = None;
    let mut open = false;
    for (alternative, inner) in found {
        match &inner.class {
            Class::Enum(listed) => {
                if *base.get_or_insert(listed.base) != listed.base {
                    return None;
                }
                open |= listed.open;
                for value in &listed.values {
                    if !seen.insert(value.wire.clone()) {
                        continue;
                    }
                    let mut value = value.clone();
                    if listed.values.len() == 1 {
                        value.name = value.name.or(alternative.name);
                        value.docs = value.docs.or_else(|| alternative.docs.clone());
                    }
                    values.push(value);
                }
            }
            Class::Plain(Type::String) if inner.rules.is_empty() => open = true,
            _ => return None,
        }
    }
    let base = base?;
    (base == Base::String || !open).then_some(Values {
        base,
        values,
        open,
        is_const: false,
    })
}

/// A reference, or a name, as it is compared.
fn plain(text: &str) -> String {
    text.trim_start_matches("./").to_owned()
}

/// The member that tells alternatives apart.
pub(super) struct Tags<'s> {
    pub(super) member: &'s str,
    /// Where its name is written.
    pub(super) written: Node<'s>,
    /// Its value for each reference, where the names of the schemas are not it.
    mapping: Option<Node<'s>>,
}

impl<'s> Tags<'s> {
    /// AsyncAPI's is the member's name, OpenAPI's an object with it.
    pub(super) fn of(discriminator: Node<'s>) -> Option<Self> {
        if let Some(member) = discriminator.text() {
            return Some(Self {
                member,
                written: discriminator,
                mapping: None,
            });
        }
        let written = discriminator.get("propertyName")?;
        Some(Self {
            member: written.text()?,
            written,
            mapping: discriminator.get("mapping"),
        })
    }

    /// Its values are objects, and it is none of their members.
    pub(super) fn is_unknown_to(&self, schema: &Schema<'s>) -> bool {
        match &schema.class {
            Class::Struct(object) => {
                let mut members = object.members.iter();
                !members.any(|member| member.name == self.member)
            }
            _ => false,
        }
    }

    /// The values that are mapped, by what they are mapped to.
    fn mapped(&self) -> Mapped {
        let mut mapped = Mapped::default();
        for entry in self.mapping.into_iter().flat_map(Node::entries) {
            let values = mapped.0.entry(plain(entry.node.text().unwrap_or_default()));
            values.or_default().push(json_string(entry.key));
        }
        mapped
    }
}

/// The values of a `mapping` as JSON, by the reference or the name that each is mapped to.
#[derive(Debug, Default)]
pub(super) struct Mapped(HashMap<String, Vec<String>>);

impl Mapped {
    /// The values that are mapped to a schema.
    pub(super) fn to(&self, reference: Option<&str>, name: Option<&str>) -> Vec<String> {
        let keys = reference.into_iter().chain(name).map(plain);
        let keys: BTreeSet<String> = keys.collect();
        let values = keys.iter().filter_map(|key| self.0.get(key));
        values.flatten().cloned().collect()
    }

    /// The values that stand for an alternative of a list.
    fn values(&self, item: Node<'_>, name: Option<&str>) -> Vec<String> {
        let reference = item.get("$ref").and_then(Node::text);
        let mapped = self.to(reference, name);
        match name {
            Some(name) if mapped.is_empty() && reference.is_some() => vec![json_string(name)],
            _ => mapped,
        }
    }
}

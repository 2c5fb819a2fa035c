//! Definitions: structs, enums and unions, member by member.

use std::collections::HashSet;

use super::{LONG, Sketch, Types};
use crate::api::{
    Base, Branch, DefaultValue, Enum, Field, Integer, Literal, Name, Rules, Struct, Test, Traits,
    Type, TypeDef, TypeKind, Union, Variant,
};
use crate::diagnostic::{Code, Diagnostic, quote};
use crate::lower::schema::{Alternative, Class, Member, Object, SchemaId, Use, Values};
use crate::name::{Scope, field_name, variant_name};
use crate::source::Node;

impl<'s> Types<'s, '_> {
    /// Writes down all definitions: each message's own, and what it reaches first.
    pub(super) fn define(&mut self, sketches: &[Sketch<'s>]) {
        let mut found = std::mem::take(&mut self.found).into_iter().peekable();
        let mut all: Vec<SchemaId> = Vec::new();
        for (index, sketch) in sketches.iter().enumerate() {
            all.extend(sketch.own);
            let reached = std::iter::from_fn(|| found.next_if(|found| found.message == index));
            all.extend(reached.map(|found| found.id));
        }
        // What is beside messages.
        all.extend(found.map(|found| found.id));
        for id in all {
            if self.is_too_much {
                return;
            }
            self.define_one(id);
        }
    }

    fn define_one(&mut self, id: SchemaId) {
        let schema = self.schemas.get(id);
        let mut rules = self.kept_rules(&schema.rules, &schema.class);
        let kind = match &schema.class {
            Class::Struct(object) => TypeKind::Struct(self.structure(object)),
            Class::Enum(values) => TypeKind::Enum(self.enumeration(id, values)),
            Class::Union(alternatives) => TypeKind::Union(self.union(id, alternatives)),
            class @ (Class::Array(_) | Class::Map(_) | Class::Tuple(_)) => {
                let mut ty = self.unnamed(class);
                if !rules.is_empty() {
                    ty = Type::Checked(Box::new(ty), Box::new(std::mem::take(&mut rules)));
                }
                TypeKind::Newtype(ty)
            }
            Class::Plain(_) | Class::Same(_) => return,
        };
        let within = size_within(&kind) + rules.count();
        self.grow(id, within);
        self.definitions.push(TypeDef {
            name: self.name(id),
            is_shared: self.is_shared(id),
            docs: schema.docs.clone(),
            kind,
            rules,
            // What the parts have is known when all are there.
            traits: Traits::default(),
            is_checked: false,
        });
    }

    fn structure(&mut self, object: &Object<'s>) -> Struct {
        let mut scope = Scope::new();
        let fields = object
            .members
            .iter()
            .map(|member| self.field(member, &mut scope))
            .collect();
        let rest = object.rest.map(|rest| {
            let ty = self.ty(rest);
            (scope.claim("additional".to_owned()), ty)
        });
        Struct {
            fields,
            closed: object.closed,
            rest,
        }
    }

    fn field(&mut self, member: &Member<'s>, scope: &mut Scope) -> Field {
        let used = self.schemas.settle(member.schema);
        let schema = self.schemas.get(used.id);
        let ty = self.ty(used);
        // What stands beside a reference is about this member.
        let docs = self.schemas.docs_of(member.node, schema.docs.as_deref());
        let default = member.node.get("default").or(schema.default);
        let default = default
            .filter(|node| !node.is_null() && !member.required)
            .map(|node| self.default(node, &ty, &schema.class));
        if let Some(DefaultValue { literal: None, .. }) = &default
            && let Some(node) = member.node.get("default").or(schema.default)
        {
            self.warn_of_range(node, &ty, schema.node);
        }
        Field {
            name: Name {
                wire: member.name.to_owned(),
                rust: scope.claim(field_name(member.name)),
            },
            docs,
            ty,
            required: member.required,
            default,
        }
    }

    /// Says so where a default is beyond the type that its schema has become.
    fn warn_of_range(&mut self, node: Node<'s>, ty: &Type, schema: Node<'s>) {
        let ty = loose(ty.clone());
        // What else is wrong with it the schema says itself.
        let number = node.decimal().filter(|number| match ty {
            Type::Integer(_) => !number.contains(['.', 'e']),
            ty => ty == Type::F32,
        });
        let Some(number) = number else { return };
        let expected = match schema.get("format").and_then(Node::text) {
            Some(format) => format!("one of the format {}", quote(format)),
            None => "one that 64 bits hold".to_owned(),
        };
        let message = format!("found the default {}, expected {expected}", quote(&number));
        let warning = Diagnostic::warning(Code::InvalidDefault, node.place(), message);
        self.schemas.errors.push(warning);
    }

    fn default(&self, node: Node<'s>, ty: &Type, class: &Class<'s>) -> DefaultValue {
        let literal = match (class, ty) {
            (_, Type::Nullable(_)) => None,
            (Class::Enum(values), Type::Named(name)) => {
                let wire = match values.base {
                    Base::String => node.text().map(str::to_owned),
                    Base::Integer | Base::Json => Some(node.json()),
                };
                let names = variants(values);
                let found = wire.and_then(|wire| names.0.into_iter().find(|one| one.wire == wire));
                found.map(|variant| Literal::Variant(name.clone(), variant.rust))
            }
            (_, ty) => literal(node, ty),
        };
        DefaultValue {
            json: node.json(),
            plain: self.options.plain_defaults && literal.is_some(),
            literal,
        }
    }

    fn enumeration(&self, id: SchemaId, values: &Values<'s>) -> Enum {
        let (names, mut scope) = variants(values);
        let open = values.open || self.open.contains(&id);
        let described = names.into_iter().zip(&values.values);
        Enum {
            base: values.base,
            variants: described
                .map(|(name, value)| Variant {
                    name,
                    docs: value.docs.clone(),
                })
                .collect(),
            unknown: open.then(|| scope.claim("Unknown".to_owned())),
        }
    }

    /// What tells a branch, as long as all of them together do not list too much.
    fn branch_test(&mut self, used: Use) -> Test {
        let settled = self.schemas.settle(used);
        let members = self
            .object(settled)
            .map_or(0, |object| object.members.len());
        match self.listed.grow(members, "members in tests") {
            Ok(()) => self.test(used.id),
            Err(_) => Test::default(),
        }
    }

    fn union(&mut self, id: SchemaId, alternatives: &[Alternative<'s>]) -> Union {
        let names = self.variant_names(id, alternatives);
        let mut branches: Vec<Branch> = Vec::new();
        for (alternative, name) in alternatives.iter().zip(names) {
            let mut ty = self.ty(alternative.schema);
            if alternative.is_loose {
                ty = loose(ty);
            }
            // `null` is the union's.
            if let Type::Nullable(inner) = ty {
                ty = *inner;
            }
            let mut test = self.branch_test(alternative.schema);
            if let Some((member, values)) = &alternative.tag {
                let mut constants = test.shape.constants.iter_mut();
                match constants.find(|(name, _)| name == member) {
                    // Of the values that all of them share, its own.
                    Some((_, known)) if values.iter().all(|value| known.contains(value)) => {
                        known.clone_from(values);
                    }
                    Some(_) => {}
                    None => test
                        .shape
                        .constants
                        .push(((*member).to_owned(), values.clone())),
                }
            }
            branches.push(Branch {
                name,
                docs: alternative.docs.clone(),
                ty,
                boxed: false,
                unique: true,
                otherwise: alternative.otherwise.map(str::to_owned),
                test,
            });
        }
        let mut seen = HashSet::new();
        let mut twice = HashSet::new();
        for branch in &branches {
            let rust = without_rules(&branch.ty);
            if !seen.insert(rust.clone()) {
                twice.insert(rust);
            }
        }
        for branch in &mut branches {
            branch.unique = !twice.contains(&without_rules(&branch.ty));
        }
        self.warn_of_ambiguity(id, &branches);
        Union { branches }
    }
}

/// How long it takes to write what the parts of a definition consist of.
fn size_within(kind: &TypeKind) -> usize {
    fn size(ty: &Type) -> usize {
        match ty {
            Type::Checked(inner, own) => own.count() + size(inner),
            Type::Array(inner) | Type::Map(inner) => 1 + size(inner),
            Type::Nullable(inner) => size(inner),
            Type::Tuple(elements) => elements.iter().map(|element| 2 + size(element)).sum(),
            _ => 0,
        }
    }
    match kind {
        TypeKind::Struct(body) => {
            let rest = body.rest.as_ref().map_or(0, |(_, ty)| 1 + size(ty));
            let field = |field: &Field| {
                let default = if field.default.is_some() { LONG } else { 0 };
                size(&field.ty) + default
            };
            body.fields.iter().map(field).sum::<usize>() + rest
        }
        TypeKind::Union(union) => union.branches.iter().map(|branch| size(&branch.ty)).sum(),
        TypeKind::Newtype(ty) => size(ty),
        TypeKind::Enum(_) => 0,
    }
}

/// The names of an enumeration's variants, and what is left for others.
fn variants(values: &Values<'_>) -> (Vec<Name>, Scope) {
    let mut scope = Scope::new();
    let names = values
        .values
        .iter()
        .map(|value| {
            let word = match (value.name, values.base) {
                (Some(name), _) => name.to_owned(),
                (None, Base::String) => value.wire.clone(),
                (None, Base::Integer) => format!("Value {}", value.wire.replace('-', "minus ")),
                (None, Base::Json) => json_word(&value.wire),
            };
            Name {
                wire: value.wire.clone(),
                rust: scope.claim(variant_name(&word)),
            }
        })
        .collect();
    (names, scope)
}

/// A word for a value in JSON.
fn json_word(json: &str) -> String {
    let inner = json.trim_matches('"');
    match inner.chars().next() {
        Some(first) if first.is_ascii_digit() => format!("Value {inner}"),
        Some('-') => format!("Value {}", inner.replace('-', "minus ")),
        _ => inner.to_owned(),
    }
}

/// The value as Rust writes it.
fn literal(node: Node<'_>, ty: &Type) -> Option<Literal> {
    match ty {
        Type::Checked(inner, _) => literal(node, inner),
        Type::Bool => node.bool().map(Literal::Bool),
        Type::Integer(integer) => {
            let number: i128 = node.decimal()?.parse().ok()?;
            holds(*integer, number).then(|| Literal::Integer(number.to_string()))
        }
        // Rust refuses literals that a float cannot hold.
        Type::F32 => float(node, |number| number.abs() <= f64::from(f32::MAX)),
        Type::F64 => float(node, f64::is_finite),
        Type::String => node.text().map(|text| Literal::Text(text.to_owned())),
        Type::Array(_) if node.is_sequence() && node.items().next().is_none() => {
            Some(Literal::Empty)
        }
        Type::Map(_) if node.is_mapping() && node.entries().next().is_none() => {
            Some(Literal::Empty)
        }
        _ => None,
    }
}

fn float(node: Node<'_>, holds: impl Fn(f64) -> bool) -> Option<Literal> {
    let number = node.decimal()?;
    let is_held = number.parse().is_ok_and(holds);
    is_held.then_some(Literal::Float(number))
}

fn holds(integer: Integer, number: i128) -> bool {
    match integer {
        Integer::I8 => i8::try_from(number).is_ok(),
        Integer::I16 => i16::try_from(number).is_ok(),
        Integer::I32 => i32::try_from(number).is_ok(),
        Integer::I64 => i64::try_from(number).is_ok(),
        Integer::U8 => u8::try_from(number).is_ok(),
        Integer::U16 => u16::try_from(number).is_ok(),
        Integer::U32 => u32::try_from(number).is_ok(),
        Integer::U64 => u64::try_from(number).is_ok(),
    }
}

/// The type without rules of its own.
fn loose(ty: Type) -> Type {
    match ty {
        Type::Checked(inner, _) => *inner,
        ty => ty,
    }
}

/// What the type is in Rust, for comparison.
fn without_rules(ty: &Type) -> String {
    fn strip(ty: &Type) -> Type {
        match ty {
            Type::Checked(inner, rules) => {
                debug_assert!(*rules != Box::new(Rules::default()), "rules say something");
                strip(inner)
            }
            Type::Array(inner) => Type::Array(Box::new(strip(inner))),
            Type::Map(inner) => Type::Map(Box::new(strip(inner))),
            Type::Nullable(inner) => Type::Nullable(Box::new(strip(inner))),
            Type::Tuple(elements) => Type::Tuple(elements.iter().map(strip).collect()),
            other => other.clone(),
        }
    }
    format!("{:?}", strip(ty))
}

//! Facts -> what the schema describes.

use std::collections::HashSet;
use std::rc::Rc;

use super::avro::{Unread, is_avro};
use super::facts::{Additional, Facts, Listed, integer};
use super::{
    Class, Mask, Member, Object, Part, Schema, Schemas, Types, Use, Value, Values, is_definition,
    named,
};
use crate::api::{Base, Bound, Integer, Rules, Type};
use crate::diagnostic::{Code, Diagnostic, quote};
use crate::document::json_schema;
use crate::options::is_type;
use crate::source::Node;

/// Elements of the longest tuple: of longer ones Rust knows nothing.
const LONGEST_TUPLE: usize = 12;

/// Formats that mean something.
const KNOWN_FORMATS: &[&str] = &[
    "binary",
    "byte",
    "date",
    "date-time",
    "double",
    "duration",
    "email",
    "float",
    "hostname",
    "int16",
    "int32",
    "int64",
    "int8",
    "ipv4",
    "ipv6",
    "json-pointer",
    "regex",
    "time",
    "uint16",
    "uint32",
    "uint64",
    "uint8",
    "uri",
    "uri-reference",
    "uuid",
];

/// Formats of JSON Schema, OpenAPI and others that look like those, and are none of them.
const OTHER_FORMATS: &[&str] = &[
    "cuid",
    "int128",
    "iri-reference",
    "time-local",
    "uint",
    "uint128",
    "ulid",
    "uri-template",
    "ulong",
];

/// Rules that values of an enumeration may break.
const VALUE_RULES: &[&str] = &[
    "exclusiveMaximum",
    "exclusiveMinimum",
    "maxLength",
    "maximum",
    "minLength",
    "minimum",
    "multipleOf",
    "pattern",
];

impl<'s> Schemas<'s, '_> {
    /// Decides what values these schema objects allow together.
    pub(super) fn classify(&mut self, parts: &[Part<'s>], confined: Types) -> Schema<'s> {
        if let [part] = parts
            && part.mask.has(Mask::AVRO)
        {
            return self.avro_class(part.node);
        }
        let mut schema = self.any(parts);
        let facts = self.facts(parts, confined);
        schema.docs.clone_from(&facts.docs);
        schema.default = facts.default;
        if let Some(path) = self.foreign_type(parts, &facts) {
            schema.class = Class::Plain(Type::Foreign(path));
            schema.nullable = facts.types.has(Types::NULL) && facts.types != Types::ALL;
            return schema;
        }
        if let Some(format) = parts.iter().find_map(|part| json_schema(part.node).err()) {
            let node = schema.node;
            let reasons = match is_avro(format).then(|| self.avro(node)) {
                Some(Ok(used)) => {
                    schema.class = Class::Same(used);
                    return schema;
                }
                Some(Err(reasons)) => {
                    let reasons = reasons.into_iter();
                    let reason = |why| format!("this schema of Avro's is not read: {why}");
                    reasons.map(|(place, why)| (place, reason(why))).collect()
                }
                None => vec![(
                    node.get("schemaFormat").unwrap_or(node),
                    format!("schemas of the format {} are not read", quote(format)),
                )],
            };
            self.warn_of_unread(reasons);
            schema.is_unread = true;
            return schema;
        }
        if parts.is_empty() {
            return schema;
        }
        // What is listed leaves nothing for alternatives to say.
        let choice = match facts.values {
            None => self.alternatives(parts, &facts),
            Some(_) => None,
        };
        if let Some(choice) = choice {
            self.union(&mut schema, parts, &facts, &choice);
            return schema;
        }
        self.conditions(parts, &facts, &mut schema.rules);
        schema.nullable = facts.types.has(Types::NULL) && facts.types != Types::ALL;
        if let Some(values) = &facts.values {
            let is_any = values
                .iter()
                .any(|value| facts.types.has(Types::of(value.node)));
            let listed = values
                .iter()
                .filter(|value| self.is_meant(value, facts.types, is_any));
            let listed: Vec<Listed<'s>> = listed.cloned().collect();
            schema.nullable = listed.iter().any(|value| value.node.is_null());
            let rest: Vec<_> = listed
                .into_iter()
                .filter(|value| !value.node.is_null())
                .collect();
            // Whoever lists values rarely has rules for them too.
            for part in parts {
                self.condition(part.node, VALUE_RULES, &mut schema.rules);
            }
            schema.class = match (rest.is_empty(), schema.nullable) {
                (true, true) => Class::Plain(Type::Null),
                (true, false) => self.nothing(&schema),
                (false, _) => listed_class(&rest, facts.types, facts.is_const),
            };
            if matches!(schema.class, Class::Plain(Type::Null)) {
                schema.nullable = false;
            }
            return schema;
        }
        if facts.types == Types::ALL {
            for part in parts {
                self.rules_of_some_types(part.node, &mut schema.rules);
            }
            return schema;
        }
        let mut kinds = facts.types.without(Types::NULL).each();
        let (first, more) = (kinds.next(), kinds.next());
        match (first, more) {
            (None, _) if schema.nullable => {
                schema.nullable = false;
                schema.class = Class::Plain(Type::Null);
            }
            (None, _) => schema.class = self.nothing(&schema),
            (Some(kind), None) => {
                let mut rules = Rules::default();
                schema.class = self.kind(kind, parts, &facts, &mut rules);
                self.lone_discriminator(parts, &facts, &schema);
                self.unknown_format(parts);
                rules.conditions.append(&mut schema.rules.conditions);
                schema.rules = rules;
            }
            (Some(_), Some(_)) => {
                schema.rules = Rules::default();
                self.kinds(&mut schema, parts, facts.types.without(Types::NULL));
            }
        }
        schema
    }

    /// What values of one type there are.
    fn kind(
        &mut self,
        kind: Types,
        parts: &[Part<'s>],
        facts: &Facts<'s>,
        rules: &mut Rules,
    ) -> Class<'s> {
        match kind {
            Types::OBJECT => self.object(parts, facts, rules),
            Types::ARRAY => {
                self.array_rules(parts, rules);
                self.array(parts, facts, rules)
            }
            Types::STRING => {
                let ty = self.string(facts);
                self.string_rules(parts, facts, &ty, rules);
                Class::Plain(ty)
            }
            Types::INTEGER | Types::NUMBER => {
                let range = self.number_rules(parts, rules);
                let ty = match kind {
                    Types::INTEGER => whole(facts.format, range, rules),
                    _ => number(facts.format),
                };
                Class::Plain(ty)
            }
            Types::BOOLEAN => Class::Plain(Type::Bool),
            _ => Class::Plain(Type::Any),
        }
    }

    /// Says if a format has no meaning, but looks like one that has.
    fn unknown_format(&mut self, parts: &[Part<'s>]) {
        let written = parts.iter().filter_map(|part| part.node.get("format"));
        for node in written {
            let Some(format) = node.text() else { continue };
            let is_known = KNOWN_FORMATS.contains(&format) || OTHER_FORMATS.contains(&format);
            if is_known || format.len() < 4 || self.own_format(format).is_some() {
                continue;
            }
            let plain = format.to_lowercase();
            let mut known = KNOWN_FORMATS.iter().copied();
            let same = known.clone().find(|known| *known == plain);
            let Some(meant) = same.or_else(|| self.errors.nearest(&plain, &mut known)) else {
                continue;
            };
            let message = format!("unknown format {} has no effect", quote(format));
            let warning = Diagnostic::warning(Code::UnknownFormat, node.place(), message);
            self.errors.push(warning.did_you_mean(Some(meant)));
        }
    }

    fn object(&mut self, parts: &[Part<'s>], facts: &Facts<'s>, rules: &mut Rules) -> Class<'s> {
        self.object_rules(parts, rules);
        let soft = self.soft_properties(parts, facts);
        let closed = matches!(facts.additional, Additional::Refused);
        if facts.properties.is_empty() && soft.is_empty() && !closed {
            let values = self.values_of(facts);
            if facts.required.is_empty() {
                return Class::Map(values.unwrap_or_else(|| self.anything()));
            }
        }
        let declared: HashSet<&str> = facts
            .properties
            .iter()
            .map(|property| property.name)
            .chain(soft.iter().map(|(name, _)| *name))
            .collect();
        let mut required: HashSet<&str> = HashSet::new();
        let mut undeclared = Vec::new();
        for (name, node) in &facts.required {
            required.insert(name);
            if declared.contains(name) {
                continue;
            }
            let patterned = !facts.patterns.is_empty();
            if !patterned {
                let meant = self.errors.nearest(name, declared.iter().copied());
                let message = format!("{} is required, but not among the properties", quote(name));
                self.errors.push(
                    Diagnostic::warning(Code::UndeclaredProperty, node.place(), message)
                        .did_you_mean(meant),
                );
            }
            if !closed && !patterned {
                undeclared.push((*name, *node));
            }
        }
        let mut members = Vec::new();
        for property in &facts.properties {
            let Some(node) = property.nodes.first().copied() else {
                continue;
            };
            members.push(Member {
                name: property.name,
                node,
                schema: self.all_of(&property.nodes),
                required: required.contains(property.name),
            });
        }
        for (name, node) in soft {
            let schema = match node {
                Some(node) => self.of(node),
                None => self.anything(),
            };
            members.push(Member {
                name,
                node: node.unwrap_or_else(|| self.first(parts)),
                schema,
                required: required.contains(name),
            });
        }
        for (name, node) in undeclared {
            members.push(Member {
                name,
                node,
                schema: self.anything(),
                required: true,
            });
        }
        let rest = if closed && facts.patterns.is_empty() {
            None
        } else {
            // What counts members, or looks at their names, has to see all of them.
            let is_counted = rules.max_properties.is_some()
                || rules
                    .min_properties
                    .is_some_and(|least| least > required.len() as u64)
                || parts
                    .iter()
                    .any(|part| part.node.get("propertyNames").is_some());
            self.values_of(facts)
                .or_else(|| is_counted.then(|| self.anything()))
        };
        Class::Struct(Rc::new(Object {
            members,
            closed: closed && rest.is_none(),
            rest,
        }))
    }

    /// The schema of members that are not declared by name, if the document asks for such.
    fn values_of(&mut self, facts: &Facts<'s>) -> Option<Use> {
        let by_pattern: Vec<Use> = facts
            .patterns
            .iter()
            .map(|(_, node)| self.of(*node))
            .collect();
        let others = match &facts.additional {
            Additional::Schema(nodes) => Some(self.all_of(&nodes.clone())),
            Additional::Allowed => Some(self.anything()),
            // Where patterns are kept, so are the names that match none.
            Additional::Unsaid if !facts.patterns.is_empty() => Some(self.anything()),
            Additional::Unsaid | Additional::Refused => None,
        };
        let mut all = by_pattern.into_iter().chain(others);
        let first = all.next()?;
        // Of several, which one depends on the name.
        Some(if all.all(|other| other == first) {
            first
        } else {
            self.anything()
        })
    }

    /// The schema that anything matches.
    pub(super) fn anything(&mut self) -> Use {
        self.all_of(&[])
    }

    fn first(&self, parts: &[Part<'s>]) -> Node<'s> {
        parts.first().map_or(self.root, |part| part.node)
    }

    fn array(&mut self, parts: &[Part<'s>], facts: &Facts<'s>, rules: &mut Rules) -> Class<'s> {
        if facts.prefix.is_empty() {
            let items = match facts.items.as_slice() {
                [] => self.anything(),
                items => self.all_of(items),
            };
            return Class::Array(items);
        }
        let length = facts.prefix.len();
        let more = matches!(
            facts.additional_items,
            Additional::Allowed | Additional::Schema(_)
        );
        // A tuple is read with exactly its elements; where fewer are meant to be allowed, or more,
        // it says so.
        let exact = rules.min_items.is_none_or(|least| least == length as u64)
            && rules.max_items.is_none_or(|most| most == length as u64);
        if length > LONGEST_TUPLE || more || !exact {
            self.tuple_condition(parts, rules);
            return Class::Array(self.anything());
        }
        rules.min_items = None;
        rules.max_items = None;
        if std::mem::take(&mut rules.unique_items) {
            rules.conditions.push("{\"uniqueItems\":true}".to_owned());
        }
        let elements: Vec<Use> = facts
            .prefix
            .iter()
            .map(|nodes| self.all_of(nodes))
            .collect();
        Class::Tuple(elements.into())
    }

    fn string(&self, facts: &Facts<'s>) -> Type {
        if let Some(ty) = facts.format.and_then(|format| self.own_format(format)) {
            return ty;
        }
        match facts.format {
            Some("uuid") => Type::Uuid,
            Some("ipv4") => Type::Ipv4,
            Some("ipv6") => Type::Ipv6,
            Some("byte" | "binary") => Type::Bytes,
            _ => Type::String,
        }
    }

    /// The type of the user's own that stands for the schema, by option or by `x-rust-type`.
    fn foreign_type(&mut self, parts: &[Part<'s>], facts: &Facts<'s>) -> Option<String> {
        let named = named(parts)?;
        let key = Some(named.key()).filter(|_| is_definition(named));
        if let Some(own) = self.substitute(key, named) {
            return Some(own);
        }
        let node = facts.rust_type?;
        let text = node.text().unwrap_or_default();
        if is_type(text) {
            return Some(text.to_owned());
        }
        let message = format!("found {}, expected a type of Rust", node.describe());
        let help = "as in `x-rust-type: crate::Money`";
        self.errors
            .push(Diagnostic::warning(Code::RustType, node.place(), message).with_help(help));
        None
    }

    /// The type of the user's own that stands for the schema of this name or place, by option.
    pub(super) fn substitute(&mut self, name: Option<&str>, node: Node<'s>) -> Option<String> {
        let substitutes = &self.options.substitutes;
        if substitutes.is_empty() {
            return None;
        }
        let pointer = node.reference();
        let own = substitutes.iter().find(|(option, _)| {
            Some(option.as_str()) == name || pointer == *option || pointer == format!("#{option}")
        });
        let (option, path) = own?;
        self.substituted.insert(option.clone());
        Some(path.clone())
    }

    /// The type of the user's own for a format.
    pub(super) fn own_format(&self, format: &str) -> Option<Type> {
        let found = self.options.formats.iter().find(|(name, _)| name == format);
        found.map(|(_, path)| Type::Foreign(path.clone()))
    }

    /// A schema in another language than JSON Schema.
    fn warn_of_unread(&mut self, reasons: Vec<Unread<'s>>) {
        let help = "values are taken as they come: JSON and text by the content type, else bytes";
        for (node, message) in reasons {
            let warning = Diagnostic::warning(Code::SchemaFormat, node.place(), message);
            self.errors.push(warning.with_help(help));
        }
    }

    /// A listed value is of the type; or is text whose quotes are missing; or none is of it, so that
    /// it is the type that is wrong. Says so if it is not of the type that stands beside it.
    fn is_meant(&mut self, value: &Listed<'s>, types: Types, is_any: bool) -> bool {
        let node = value.node;
        let is_null = node.is_null();
        let may_be_null = value.owner.get("nullable").and_then(Node::bool) == Some(true);
        if types.has(Types::of(node)) || (is_null && may_be_null) {
            return true;
        }
        let Some(ty) = value.owner.get("type") else {
            return false;
        };
        let shown = if is_null {
            "`null`".to_owned()
        } else {
            node.describe()
        };
        let message = format!("found {shown}, which is not of the `type` here");
        let mistake = Diagnostic::warning(Code::ForeignValue, node.place(), message)
            .related(ty.key_place(), "this is the type");
        let (help, is_meant) = match node.scalar().filter(|_| is_text(types) && !is_null) {
            Some(text) => (format!("write `'{text}'`, for which it is taken"), true),
            None if is_any => ("it is left out".to_owned(), false),
            None => ("no value is, so `type` is left out".to_owned(), true),
        };
        self.errors.push(mistake.with_help(help));
        is_meant
    }

    /// No value matches.
    fn nothing(&mut self, schema: &Schema<'s>) -> Class<'s> {
        let message = "no value matches this schema";
        let place = schema.node.key_place();
        if schema.node.bool().is_none() {
            self.errors
                .push(Diagnostic::warning(Code::ImpossibleSchema, place, message));
        }
        Class::Plain(Type::Never)
    }
}

/// There is no other type but text.
fn is_text(types: Types) -> bool {
    types.without(Types::NULL) == Types::STRING
}

/// An enumeration, or what it comes to.
fn listed_class<'s>(listed: &[Listed<'s>], types: Types, is_const: bool) -> Class<'s> {
    let all = |types: Types| listed.iter().all(|value| types.has(Types::of(value.node)));
    if all(Types::BOOLEAN) && listed.len() == 2 {
        return Class::Plain(Type::Bool);
    }
    let is_small = |value: &Listed<'_>| {
        let number = value.node.decimal();
        number.is_some_and(|number| {
            integer(&number).is_some_and(|number| i64::try_from(number).is_ok())
        })
    };
    let base = if all(Types::STRING) || is_text(types) {
        Base::String
    } else if listed.iter().all(is_small) {
        Base::Integer
    } else {
        Base::Json
    };
    let values = listed.iter().map(|value| {
        let beside = |keys: [&str; 3], index| {
            let lists = keys.into_iter().find_map(|key| value.owner.get(key));
            lists?.item(index)?.text()
        };
        Value {
            wire: match (base, value.node.scalar()) {
                (Base::String, Some(text)) => text.to_owned(),
                _ => value.node.json(),
            },
            name: beside(
                ["x-enum-varnames", "x-enumNames", "x-enum-names"],
                value.index,
            ),
            docs: beside(
                [
                    "x-enum-descriptions",
                    "x-enumDescriptions",
                    "x-enum-comments",
                ],
                value.index,
            )
            .map(str::to_owned),
        }
    });
    Class::Enum(Rc::new(Values {
        base,
        values: values.collect(),
        open: false,
        is_const: is_const && listed.len() == 1,
    }))
}

/// The type of an integer: that of its format, or one that its bounds fit into.
fn whole(
    format: Option<&str>,
    (least, most): (Option<i128>, Option<i128>),
    rules: &mut Rules,
) -> Type {
    let by_format = match format {
        Some("int8") => Some(Integer::I8),
        Some("int16") => Some(Integer::I16),
        Some("int32") => Some(Integer::I32),
        Some("int64") => Some(Integer::I64),
        Some("uint8") => Some(Integer::U8),
        Some("uint16") => Some(Integer::U16),
        Some("uint32") => Some(Integer::U32),
        Some("uint64") => Some(Integer::U64),
        _ => None,
    };
    // What is below zero is no limit to an unsigned one.
    let fits = |integer: &Integer| {
        let (low, high) = range(*integer);
        least.is_none_or(|least| least <= high && (least >= low || low == 0))
            && most.is_none_or(|most| (low..=high).contains(&most))
            && rules
                .multiples_of
                .iter()
                .all(|factor| self::integer(factor).is_none_or(|factor| factor <= high))
    };
    let by_bounds = || {
        if least.is_some_and(|least| least >= 0) {
            Integer::U64
        } else {
            Integer::I64
        }
    };
    let chosen = by_format.filter(fits).unwrap_or_else(by_bounds);
    if !fits(&chosen) {
        // Numbers beyond what any integer holds.
        rules.multiples_of.push("1".to_owned());
        return Type::Number;
    }
    let (low, high) = range(chosen);
    let bound = |value: i128| Bound {
        value: value.to_string(),
        exclusive: false,
    };
    rules.minimum = least.filter(|least| *least > low).map(bound);
    rules.maximum = most.filter(|most| *most < high).map(bound);
    // Every integer is a multiple of one, and so of a half.
    rules
        .multiples_of
        .retain(|factor| integer(factor).is_some_and(|factor| factor > 1));
    Type::Integer(chosen)
}

fn range(integer: Integer) -> (i128, i128) {
    let (low, high): (i128, i128) = match integer {
        Integer::I8 => (i8::MIN.into(), i8::MAX.into()),
        Integer::I16 => (i16::MIN.into(), i16::MAX.into()),
        Integer::I32 => (i32::MIN.into(), i32::MAX.into()),
        Integer::I64 => (i64::MIN.into(), i64::MAX.into()),
        Integer::U8 => (0, u8::MAX.into()),
        Integer::U16 => (0, u16::MAX.into()),
        Integer::U32 => (0, u32::MAX.into()),
        Integer::U64 => (0, u64::MAX.into()),
    };
    (low, high)
}

fn number(format: Option<&str>) -> Type {
    match format {
        Some("int8" | "int16" | "int32" | "int64" | "uint8" | "uint16" | "uint32" | "uint64") => {
            Type::Number
        }
        Some("float") => Type::F32,
        _ => Type::F64,
    }
}

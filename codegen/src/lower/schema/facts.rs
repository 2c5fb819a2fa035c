//! What the keywords of several schema objects say together.

use std::collections::{HashMap, HashSet};

use super::{Part, Schemas, Types, is_whole};
use crate::diagnostic::{Code, Diagnostic, quote};
use crate::document::{is_bare_properties, meant_type};
use crate::source::{Keys, Node};

/// The keywords of a schema, joined.
#[derive(Debug)]
pub(super) struct Facts<'s> {
    pub(super) types: Types,
    /// The type is a guess by what else there is.
    pub(super) values: Option<Vec<Listed<'s>>>,
    /// The only value is written as `const`.
    pub(super) is_const: bool,
    pub(super) format: Option<&'s str>,
    pub(super) properties: Vec<Property<'s>>,
    pub(super) required: Vec<(&'s str, Node<'s>)>,
    pub(super) additional: Additional<'s>,
    /// Each pattern and its schema.
    pub(super) patterns: Vec<(&'s str, Node<'s>)>,
    pub(super) items: Vec<Node<'s>>,
    pub(super) prefix: Vec<Vec<Node<'s>>>,
    pub(super) additional_items: Additional<'s>,
    /// Every `oneOf` and `anyOf`.
    pub(super) unions: Vec<Node<'s>>,
    /// `x-rust-type`.
    pub(super) rust_type: Option<Node<'s>>,
    pub(super) docs: Option<String>,
    pub(super) default: Option<Node<'s>>,
}

/// A member, and where it is declared.
#[derive(Debug)]
pub(super) struct Property<'s> {
    pub(super) name: &'s str,
    pub(super) nodes: Vec<Node<'s>>,
}

/// A value of an enumeration.
#[derive(Clone, Debug)]
pub(super) struct Listed<'s> {
    pub(super) node: Node<'s>,
    /// The list that it is in, and where in it.
    pub(super) owner: Node<'s>,
    pub(super) index: usize,
}

/// What is said of members that are not declared, or of elements beyond those that are.
#[derive(Clone, Debug)]
pub(super) enum Additional<'s> {
    Unsaid,
    Allowed,
    Refused,
    Schema(Vec<Node<'s>>),
}

impl<'s> Additional<'s> {
    fn and(&mut self, node: Node<'s>) {
        *self = match (std::mem::replace(self, Self::Unsaid), node.bool()) {
            (Self::Refused, _) | (_, Some(false)) => Self::Refused,
            (Self::Schema(nodes), Some(true)) => Self::Schema(nodes),
            (Self::Unsaid | Self::Allowed, Some(true)) => Self::Allowed,
            (Self::Schema(mut nodes), None) => {
                nodes.push(node);
                Self::Schema(nodes)
            }
            (Self::Unsaid | Self::Allowed, None) => match node.entries().next() {
                Some(_) => Self::Schema(vec![node]),
                None => Self::Allowed,
            },
        };
    }
}

impl<'s> Schemas<'s, '_> {
    /// Reads the keywords of all parts.
    pub(super) fn facts(&mut self, parts: &[Part<'s>], confined: Types) -> Facts<'s> {
        let mut facts = Facts {
            types: Types::ALL,
            values: None,
            is_const: false,
            format: None,
            properties: Vec::new(),
            required: Vec::new(),
            additional: Additional::Unsaid,
            patterns: Vec::new(),
            items: Vec::new(),
            prefix: Vec::new(),
            additional_items: Additional::Unsaid,
            unions: Vec::new(),
            rust_type: None,
            docs: None,
            default: None,
        };
        let mut by_name: HashMap<&str, usize> = HashMap::new();
        let mut required = HashSet::new();
        // It is said of what none of the parts declares, and all of them have been joined.
        let mut unevaluated = Vec::new();
        for part in parts {
            let node = part.node;
            if node.bool() == Some(false) {
                facts.types = Types::NONE;
            }
            let meant = self.types(&mut facts, node);
            self.values(&mut facts, node);
            let text = |key| node.get(key).and_then(Node::text);
            facts.format = facts.format.or_else(|| text("format").or(meant));
            if matches!(text("contentEncoding"), Some("base64" | "base64url")) {
                facts.format = Some("byte");
            }
            facts.rust_type = facts.rust_type.or(node.get("x-rust-type"));
            facts.default = facts.default.or(node.get("default"));
            if facts.docs.is_none() {
                facts.docs = self.docs.schema(node);
            }
            let properties = node.get("properties").or_else(|| self.group(node));
            for entry in properties.into_iter().flat_map(Node::entries) {
                // As draft 3 of JSON Schema says it.
                let own = entry.node.get("required");
                let own = own.filter(|own| own.bool() == Some(true));
                if let Some(own) = own.filter(|_| required.insert(entry.key)) {
                    facts.required.push((entry.key, own));
                }
                match by_name
                    .get(entry.key)
                    .and_then(|at| facts.properties.get_mut(*at))
                {
                    Some(known) => known.nodes.push(entry.node),
                    None => {
                        by_name.insert(entry.key, facts.properties.len());
                        facts.properties.push(Property {
                            name: entry.key,
                            nodes: vec![entry.node],
                        });
                    }
                }
            }
            for item in node.get("required").into_iter().flat_map(Node::items) {
                if let Some(name) = item.text().filter(|name| required.insert(*name)) {
                    facts.required.push((name, item));
                }
            }
            if let Some(additional) = node.get("additionalProperties") {
                facts.additional.and(additional);
            }
            unevaluated.extend(node.get("unevaluatedProperties"));
            let patterns = node.get("patternProperties");
            for entry in patterns.into_iter().flat_map(Node::entries) {
                facts.patterns.push((entry.key, entry.node));
            }
            Self::items(&mut facts, node);
            if !part.mask.is_base() {
                let unions = part.mask.unions().iter();
                let unions = unions.filter_map(|key| node.get(key));
                facts
                    .unions
                    .extend(unions.filter(|list| list.items().next().is_some()));
            }
        }
        if matches!(facts.additional, Additional::Unsaid) && facts.patterns.is_empty() {
            for others in unevaluated {
                facts.additional.and(others);
            }
        }
        // Who lists all of them has said which: other keywords are about some.
        let is_listed = parts.iter().any(|part| {
            let written = part.node.get("type");
            written.is_some_and(|written| written.items().next().is_some())
        });
        if facts.types == Types::ALL && !is_listed {
            facts.types = implied(&facts, parts);
        }
        facts.types = match facts.types.and(confined) {
            Types::NONE if confined != Types::ALL => confined,
            types => types,
        };
        facts
    }

    /// What has no keyword, but only members that are schemas: `properties` has been left out.
    fn group(&mut self, node: Node<'s>) -> Option<Node<'s>> {
        if !is_bare_properties(node) {
            return None;
        }
        let message = format!("{} is a group of schemas, not a schema", quote(node.key()));
        let help = "they are taken for `properties`";
        self.errors.push(
            Diagnostic::warning(Code::SchemaGroup, node.key_place(), message).with_help(help),
        );
        Some(node)
    }

    /// `type`: what all of them allow. Where they contradict each other the last one counts. The
    /// `format` that is meant by a name of elsewhere, such as `uuid`.
    fn types(&mut self, facts: &mut Facts<'s>, node: Node<'s>) -> Option<&'static str> {
        // Some write the type alone in place of a schema that has it.
        let alone = node.text().map(|_| node);
        let written = node.get("type").or(alone)?;
        // Some leave out the quotes of `'null'`.
        let named = |node: Node<'s>| match node.text() {
            None if node.is_null() => Some(Types::NULL),
            name => name.map(Types::named),
        };
        let types = match named(written) {
            Some(types) => types,
            None if written.items().next().is_some() => written
                .items()
                .filter_map(named)
                .fold(Types::NONE, Types::or),
            // Reported.
            None => Types::ALL,
        };
        let both = facts.types.and(types);
        facts.types = if both == Types::NONE && facts.types != Types::NONE {
            self.contradiction(written, "type");
            types
        } else {
            both
        };
        meant_type(written.text()?)?.1
    }

    /// `enum` and `const`: the values that are in all of them.
    fn values(&mut self, facts: &mut Facts<'s>, node: Node<'s>) {
        let constant = node.get("const").map(|value| {
            vec![Listed {
                node: value,
                owner: node,
                index: 0,
            }]
        });
        let listed = node.get("enum").filter(|list| list.is_sequence());
        let listed = listed.map(|list| {
            let mut seen = HashSet::new();
            list.items()
                .enumerate()
                .filter(|(_, value)| seen.insert(value.json()))
                .map(|(index, value)| Listed {
                    node: value,
                    owner: node,
                    index,
                })
                .collect::<Vec<_>>()
        });
        for (values, is_const) in [(listed, false), (constant, true)] {
            let Some(values) = values else { continue };
            facts.values = Some(match facts.values.take() {
                None => {
                    facts.is_const = is_const;
                    values
                }
                Some(known) => {
                    let allowed: HashSet<String> =
                        values.iter().map(|value| value.node.json()).collect();
                    let both: Vec<Listed<'s>> = known
                        .into_iter()
                        .filter(|value| allowed.contains(&value.node.json()))
                        .collect();
                    facts.is_const |= is_const;
                    if both.is_empty() {
                        let key = if is_const { "const" } else { "enum" };
                        if let Some(written) = node.get(key) {
                            self.contradiction(written, key);
                        }
                        values
                    } else {
                        both
                    }
                }
            });
        }
    }

    fn items(facts: &mut Facts<'s>, node: Node<'s>) {
        let prefix = node.get("prefixItems");
        let mut prefix = prefix.filter(|prefix| prefix.items().next().is_some());
        match node.get("items") {
            Some(items) if items.is_sequence() && items.items().next().is_some() => {
                prefix = Some(items);
                if let Some(additional) = node.get("additionalItems") {
                    facts.additional_items.and(additional);
                }
            }
            Some(items) if prefix.is_some() => facts.additional_items.and(items),
            Some(items) => facts.items.push(items),
            None => {}
        }
        if prefix.is_some()
            && matches!(facts.additional_items, Additional::Unsaid)
            && let Some(others) = node.get("unevaluatedItems")
        {
            facts.additional_items.and(others);
        }
        for (index, item) in prefix.into_iter().flat_map(Node::items).enumerate() {
            match facts.prefix.get_mut(index) {
                Some(nodes) => nodes.push(item),
                None => facts.prefix.push(vec![item]),
            }
        }
    }

    fn contradiction(&mut self, written: Node<'s>, key: &str) {
        let message = format!(
            "this {} contradicts those of the schemas that it is joined with",
            quote(key)
        );
        let help = "it is taken in their place";
        self.errors.push(
            Diagnostic::warning(Code::Contradiction, written.place(), message).with_help(help),
        );
    }
}

/// Documents leave the type out where the other keywords tell.
fn implied(facts: &Facts<'_>, parts: &[Part<'_>]) -> Types {
    if let Some(values) = &facts.values {
        let types = values.iter().map(|value| Types::of(value.node));
        return types.fold(Types::NONE, Types::or);
    }
    let has = |keys: Keys| parts.iter().any(|part| part.node.has_any(&keys));
    if !facts.properties.is_empty()
        || has(const {
            Keys::new(&[
                "properties",
                "patternProperties",
                "additionalProperties",
                "unevaluatedProperties",
            ])
        })
    {
        return Types::OBJECT;
    }
    if has(const { Keys::new(&["items", "prefixItems"]) }) {
        return Types::ARRAY;
    }
    // What alternatives say counts for more than what the rest suggests.
    if !facts.unions.is_empty() {
        return Types::ALL;
    }
    if has(const { Keys::new(&["required", "minProperties", "maxProperties"]) })
        && !has(const { Keys::new(&["not", "if"]) })
    {
        return Types::OBJECT;
    }
    if has(const {
        Keys::new(&[
            "minItems",
            "maxItems",
            "uniqueItems",
            "contains",
            "unevaluatedItems",
        ])
    }) {
        return Types::ARRAY;
    }
    if has(const { Keys::new(&["pattern", "minLength", "maxLength", "contentEncoding"]) }) {
        return Types::STRING;
    }
    if has(const {
        Keys::new(&[
            "minimum",
            "maximum",
            "multipleOf",
            "exclusiveMinimum",
            "exclusiveMaximum",
        ])
    }) {
        return Types::NUMBER;
    }
    match facts.format {
        Some(
            "uuid" | "date-time" | "date" | "time" | "duration" | "email" | "uri" | "hostname"
            | "ipv4" | "ipv6" | "byte" | "binary",
        ) => Types::STRING,
        Some("int32" | "int64") => Types::INTEGER,
        Some("float" | "double") => Types::NUMBER,
        _ => Types::ALL,
    }
}

/// The integer that `number` is the text of.
pub(super) fn integer(number: &str) -> Option<i128> {
    is_whole(number).then(|| number.parse().ok()).flatten()
}

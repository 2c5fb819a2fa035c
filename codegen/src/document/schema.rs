//! Schemas: the keywords of JSON Schema (draft 7) and the few that AsyncAPI adds.

use super::{Document, Kind, expected, keywords, nothing, tolerated};
use crate::diagnostic::{Code, Diagnostic, Errors, quote};
use crate::source::{Entry, Node};

/// The types of JSON Schema.
pub(super) const TYPES: &[&str] = &[
    "array", "boolean", "integer", "null", "number", "object", "string",
];

/// What types are called in other languages, and what is written here in their place.
const ABROAD: &[(&[&str], &str)] = &[
    (&["bool"], "boolean"),
    (&["date"], "string, format: date"),
    (
        &["date-time", "datetime", "timestamp"],
        "string, format: date-time",
    ),
    (&["time"], "string, format: time"),
    (&["uuid"], "string, format: uuid"),
    (&["uri", "url"], "string, format: uri"),
    (&["char", "enum", "str", "text", "varchar"], "string"),
    (
        &[
            "bigint", "byte", "int", "int32", "int64", "long", "short", "uint",
        ],
        "integer",
    ),
    (
        &["decimal", "double", "float", "float32", "float64", "real"],
        "number",
    ),
    (&["list", "seq", "sequence", "set", "tuple", "vec"], "array"),
    (
        &["dict", "dictionary", "hash", "map", "record", "struct"],
        "object",
    ),
    (&["nil", "none", "undefined", "void"], "null"),
];

/// The type of JSON Schema that is plainly meant by another name for it, and its `format`. Names of
/// JSON Schema have no other meaning.
pub(crate) fn meant_type(name: &str) -> Option<(&'static str, Option<&'static str>)> {
    if TYPES.contains(&name) {
        return None;
    }
    let meant = abroad(name)?;
    Some(match meant.split_once(", format: ") {
        Some((ty, format)) => (ty, Some(format)),
        None => (meant, None),
    })
}

/// The name that is not JSON Schema's says what is meant all the same.
fn abroad(name: &str) -> Option<&'static str> {
    let is_same = |other: &&str| name.eq_ignore_ascii_case(other);
    let known = TYPES.iter().copied().find(is_same);
    known.or_else(|| {
        let mut abroad = ABROAD.iter();
        let (_, meant) = abroad.find(|(names, _)| names.iter().any(is_same))?;
        Some(*meant)
    })
}

/// What the value of a keyword is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Holds {
    /// A schema.
    Schema,
    /// A list of schemas.
    Schemas,
    /// A schema, or a list of them.
    SchemaOrSchemas,
    /// A mapping of names to schemas.
    SchemasByName,
    /// Data that says something of values.
    Rule,
    /// Data that says nothing of them.
    Else,
}

/// The keywords of schemas, by what their values are.
const KEYWORDS: &[(Holds, &[&str])] = &[
    (
        Holds::Schema,
        &[
            "additionalItems",
            "additionalProperties",
            "contains",
            "else",
            "if",
            "not",
            "propertyNames",
            "then",
            "unevaluatedItems",
            "unevaluatedProperties",
        ],
    ),
    (Holds::SchemaOrSchemas, &["items"]),
    (Holds::Schemas, &["allOf", "anyOf", "oneOf", "prefixItems"]),
    (
        Holds::SchemasByName,
        &[
            "$defs",
            "definitions",
            "dependencies",
            "dependentSchemas",
            "patternProperties",
            "properties",
        ],
    ),
    (
        Holds::Rule,
        &[
            "const",
            "dependentRequired",
            "enum",
            "exclusiveMaximum",
            "exclusiveMinimum",
            "format",
            "maxContains",
            "maxItems",
            "maxLength",
            "maxProperties",
            "maximum",
            "minContains",
            "minItems",
            "minLength",
            "minProperties",
            "minimum",
            "multipleOf",
            "nullable",
            "pattern",
            "required",
            "type",
            "uniqueItems",
        ],
    ),
    (
        Holds::Else,
        &[
            "$anchor",
            "$comment",
            "$id",
            "$ref",
            "$schema",
            "contentEncoding",
            "contentMediaType",
            "default",
            "deprecated",
            "description",
            "discriminator",
            "example",
            "examples",
            "externalDocs",
            "readOnly",
            "schema",
            "schemaFormat",
            "title",
            "writeOnly",
            "xml",
        ],
    ),
];

/// What the value of this keyword is, if it is one.
pub(crate) fn holds(key: &str) -> Option<Holds> {
    let mut all = KEYWORDS.iter();
    let (holds, _) = all.find(|(_, keys)| keys.contains(&key))?;
    Some(*holds)
}

/// The schema within a multi-format schema object, if its format is one that specwire reads.
/// Any other schema is itself.
///
/// Without a format a lone `schema` is taken for one of AsyncAPI's own.
pub(crate) fn json_schema(node: Node<'_>) -> Result<Node<'_>, &str> {
    match (node.get("schemaFormat"), node.get("schema")) {
        (Some(format), Some(schema)) => {
            let format = format.text().unwrap_or_default();
            if is_json_schema(format) {
                Ok(schema)
            } else {
                Err(format)
            }
        }
        (None, Some(schema)) if node.entries().nth(1).is_none() && schema.is_mapping() => {
            Ok(schema)
        }
        _ => Ok(node),
    }
}

/// AsyncAPI's own format, OpenAPI's and JSON Schema's, of any version, in JSON or YAML.
fn is_json_schema(format: &str) -> bool {
    const FORMATS: &[&str] = &[
        "application/schema",
        "application/vnd.aai.asyncapi",
        "application/vnd.oai.openapi",
    ];
    let name = format.split([';', '+']).next().unwrap_or_default().trim();
    FORMATS.iter().any(|known| name.eq_ignore_ascii_case(known))
}

impl<'s> Document<'s> {
    /// Checks the members of `components.schemas`, or of a group within.
    pub(super) fn schemas(&mut self, node: Node<'s>, errors: &mut Errors) {
        if !node.is_mapping() {
            expected(node, "a mapping of names to schemas", errors);
        }
        for entry in node.entries().filter(|entry| !entry.key.starts_with("x-")) {
            if is_group(entry.node) {
                self.schemas(entry.node, errors);
            } else {
                self.schema(entry.node, errors);
            }
        }
    }

    /// Checks a schema and those within it.
    pub(super) fn schema(&mut self, node: Node<'s>, errors: &mut Errors) {
        if self.kinds.insert(node.id(), Kind::Schema).is_some() || node.bool().is_some() {
            return;
        }
        if node.text().is_some_and(|text| TYPES.contains(&text)) {
            return tolerated(node, "a schema", errors);
        }
        if !node.is_mapping() {
            return expected(node, "a schema", errors);
        }
        if let Some(reference) = node.get("$ref") {
            return self.reference(node, reference, Kind::Schema, errors);
        }
        match json_schema(node) {
            Ok(schema) if schema.id() != node.id() => return self.schema(schema, errors),
            Ok(_) => {}
            Err(_) => {
                let schema = node
                    .get("schema")
                    .filter(|schema| schema.get("$ref").is_some());
                self.foreign.extend(schema);
                return;
            }
        }
        keywords::limits(node, errors);
        for entry in node.entries() {
            let value = entry.node;
            if ["enum", "required", "type"].contains(&entry.key) {
                keywords::repeated(value, errors);
            }
            match entry.key {
                "externalDocs" => self.object(value, Kind::ExternalDocs, errors),
                "type" => types(value, errors),
                "enum" if !value.is_sequence() => expected(value, "a list of values", errors),
                "required" => required(value, errors),
                "format" | "title" | "description" if value.is_null() => nothing(value, errors),
                "title" | "description" if value.number().is_some() => {
                    tolerated(value, "text", errors);
                }
                "format" | "title" | "description" if value.text().is_none() => {
                    expected(value, "text", errors);
                }
                key => match holds(key) {
                    Some(Holds::SchemaOrSchemas) if value.is_sequence() => self.all(value, errors),
                    Some(Holds::Schema | Holds::SchemaOrSchemas) => self.schema(value, errors),
                    Some(Holds::Schemas) => {
                        if !value.is_sequence() {
                            expected(value, "a list of schemas", errors);
                        }
                        self.all(value, errors);
                    }
                    Some(Holds::SchemasByName) => {
                        if !value.is_mapping() {
                            expected(value, "a mapping of names to schemas", errors);
                        }
                        // Those of `dependencies` may be lists of names.
                        let members = value.entries().map(|member| member.node);
                        let schemas =
                            members.filter(|node| key != "dependencies" || !node.is_sequence());
                        for schema in schemas {
                            self.schema(schema, errors);
                        }
                    }
                    Some(Holds::Rule | Holds::Else) => keywords::keyword(key, value, errors),
                    None => unknown(entry, errors),
                },
            }
        }
    }

    fn all(&mut self, list: Node<'s>, errors: &mut Errors) {
        for item in list.items() {
            self.schema(item, errors);
        }
    }
}

/// Schemas may have any other keyword as well, but hardly one that looks like those there are.
fn unknown(entry: Entry<'_>, errors: &mut Errors) {
    let known = KEYWORDS.iter().flat_map(|(_, keys)| keys.iter().copied());
    let key = entry.key;
    // Nobody writes `x-` by mistake.
    let is_extension = key.starts_with("x-");
    let known = known.filter(|known| known.starts_with("x-") == is_extension);
    if let Some(meant) = errors.nearest(key, known).filter(|_| key.len() > 3) {
        let message = format!("unknown keyword {} has no effect", quote(key));
        let diagnostic = Diagnostic::warning(Code::UnknownKeyword, entry.key_place(), message);
        errors.push(diagnostic.did_you_mean(Some(meant)));
    }
}

/// A mapping of names to schemas, or to further groups: nothing in it is a keyword's value.
pub(super) fn is_group(node: Node<'_>) -> bool {
    let mut entries = node.entries().peekable();
    entries.peek().is_some()
        && entries.all(|entry| {
            entry.node.is_mapping()
                && matches!(holds(entry.key), Some(Holds::Rule | Holds::Else) | None)
                && !["$ref", "const", "default", "example"].contains(&entry.key)
        })
}

/// Where a schema is expected there is a group of them: `properties` has been left out.
pub(crate) fn is_bare_properties(node: Node<'_>) -> bool {
    let is_keyword = |key: &str| {
        ["contentSchema", "discriminator", "externalDocs", "xml"].contains(&key)
            || key.starts_with("x-")
    };
    is_group(node) && !node.entries().any(|entry| is_keyword(entry.key))
}

fn types(node: Node<'_>, errors: &mut Errors) {
    let check = |node: Node<'_>, errors: &mut Errors| match node.text() {
        Some(name) if TYPES.contains(&name) => {}
        Some(name) => {
            let message = format!("found {}, expected a type of JSON Schema", quote(name));
            let place = node.place();
            errors.push(if let Some(meant) = abroad(name) {
                let help = format!("write {}, for which it is taken", quote(meant));
                Diagnostic::warning(Code::UnknownType, place, message).with_help(help)
            } else if name.eq_ignore_ascii_case("any") {
                let help = "leave `type` out where any value will do";
                Diagnostic::warning(Code::UnknownType, place, message).with_help(help)
            } else {
                let diagnostic = Diagnostic::error(Code::UnknownType, place, message);
                match errors.nearest(name, TYPES.iter().copied()) {
                    Some(meant) => diagnostic.did_you_mean(Some(meant)),
                    None => diagnostic.with_help(format!("the types are {}", TYPES.join(", "))),
                }
            });
        }
        None if node.is_null() => {
            let message = "found nothing, expected a type of JSON Schema";
            errors.push(
                Diagnostic::warning(Code::UnknownType, node.place(), message)
                    .with_help("write `'null'`, for which it is taken"),
            );
        }
        None => expected(node, "a type of JSON Schema", errors),
    };
    if node.is_sequence() {
        if node.items().next().is_none() {
            let message = "found no type, expected one at least";
            let help = "leave `type` out where any value will do";
            errors
                .push(Diagnostic::error(Code::UnknownType, node.place(), message).with_help(help));
        }
        node.items().for_each(|item| check(item, errors));
    } else {
        check(node, errors);
    }
}

fn required(node: Node<'_>, errors: &mut Errors) {
    if node.bool().is_some() {
        let message = format!(
            "found {}, expected a list of property names",
            node.describe()
        );
        let help = "the schema that has the property lists it, since draft 4 of JSON Schema";
        let mistake = Diagnostic::warning(Code::WrongShape, node.place(), message);
        return errors.push(mistake.with_help(help));
    }
    if !node.is_sequence() {
        return expected(node, "a list of property names", errors);
    }
    for item in node.items().filter(|item| item.text().is_none()) {
        expected(item, "text", errors);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_of_json_schema_are_told_from_others() {
        for format in [
            "application/vnd.aai.asyncapi;version=3.0.0",
            "application/vnd.aai.asyncapi+json;version=3.0.0",
            "application/vnd.aai.asyncapi+yaml;version=2.6.0",
            "application/schema+json;version=draft-04",
            "application/schema+json; version=draft-06",
            "application/schema+json;version=draft-07",
            "application/schema+yaml;version=draft-07",
            "application/schema;version=draft-07",
            "application/vnd.oai.openapi;version=3.0.0",
            "application/vnd.oai.openapi+json;version=3.1.0",
            "Application/Schema+JSON",
        ] {
            assert!(is_json_schema(format), "{format}");
        }
        for format in [
            "application/vnd.apache.avro;version=1.9.0",
            "application/vnd.apache.avro+yaml;version=1.9.0",
            "application/raml+yaml;version=1.0",
            "application/vnd.google.protobuf;version=3",
            "application/schemata+json",
            "application/xml",
            "",
        ] {
            assert!(!is_json_schema(format), "{format}");
        }
    }
}

//! What structs can do: be made of what they need, and tell their defaults.

use super::text::{Code, MARGIN, Text, WIDTH, is_within, literal};
use super::types::{is_plain, path};
use super::{DEAD_CODE, Index, markdown};
use crate::api::{DefaultValue, Field, Literal, Struct, Type, TypeDef};
use crate::name::Scope;

/// Arguments of a function that clippy finds too many.
const MANY_ARGUMENTS: usize = 7;

const NONE: &str = "::core::option::Option::None";

const DEFAULT: &str = "::core::default::Default::default()";

/// Names that methods of a struct cannot have, or that callers would take for others.
const TAKEN: &[&str] = &[
    "as_ref",
    "borrow",
    "check",
    "clone",
    "cmp",
    "default",
    "deserialize",
    "eq",
    "fmt",
    "from",
    "hash",
    "into",
    "ne",
    "new",
    "serialize",
    "to_owned",
    "to_string",
    "try_from",
    "try_into",
    "type_id",
    "validate",
];

/// The name of the function that gives a field its default.
pub(super) fn default_function(field: &Field) -> String {
    format!("default_{}", field.name.rust.trim_matches('_'))
}

/// The methods of a struct, if it has any.
pub(super) fn of(index: &Index<'_>, definition: &TypeDef, body: &Struct, code: &mut Code) {
    let mut text = Text::default();
    constructor(index, definition, body, &mut text);
    if body.fields.iter().any(|field| field.default.is_some()) {
        let mut scope = Scope::new();
        for taken in TAKEN {
            scope.claim((*taken).to_owned());
        }
        for field in &body.fields {
            match &field.default {
                Some(default) if default.plain => {
                    let name = scope.claim(default_function(field));
                    let ty = path(&field.ty, None, &mut text);
                    text.line(&["    fn ", &name, "() -> ", &ty, " {"]);
                    text.line(&["        ", &value(default, true)]);
                    text.line(&["    }"]);
                }
                Some(default) => getter(index, field, default, &mut scope, &mut text),
                None => {}
            }
        }
    }
    if text.as_str().is_empty() {
        return;
    }
    let mut all = Text::default();
    all.line(&[DEAD_CODE]);
    all.line(&["impl ", &definition.name.0, " {"]);
    all.append(&text);
    all.line(&["}"]);
    code.laid_out(all);
}

/// `new`, with what has no default; for structs of which something has.
fn constructor(index: &Index<'_>, definition: &TypeDef, body: &Struct, text: &mut Text) {
    let has_default = |field: &Field| {
        is_plain(field)
            || !field.required
            || index.traits(&field.ty).default
                && (matches!(field.ty, Type::Named(_) | Type::Nullable(_)))
    };
    let some = body.fields.iter().any(has_default) || body.rest.is_some();
    if definition.traits.default || !some {
        return;
    }
    let mut arguments = Vec::new();
    let mut fields = Vec::new();
    for field in &body.fields {
        let name = &field.name.rust;
        fields.push(if is_plain(field) {
            format!("{name}: Self::{}()", default_function(field))
        } else if !field.required || matches!(field.ty, Type::Nullable(_)) {
            format!("{name}: {NONE}")
        } else if has_default(field) {
            format!("{name}: {DEFAULT}")
        } else if is_string(&field.ty) {
            arguments.push(format!(
                "{name}: impl ::core::convert::Into<::std::string::String>"
            ));
            format!("{name}: {name}.into()")
        } else {
            let ty = path(&field.ty, Some(&definition.name), text);
            arguments.push(format!("{name}: {ty}"));
            name.clone()
        });
    }
    fields.extend(
        body.rest
            .iter()
            .map(|(name, _)| format!("{name}: {DEFAULT}")),
    );
    text.member_docs(&["With what must be there, and nothing else."]);
    if arguments.len() > MANY_ARGUMENTS {
        text.line(&[
            "    #[allow(clippy::too_many_arguments, reason = \"as many as the document requires\")]",
        ]);
    }
    let is_lower = |argument: &String| argument.starts_with(char::is_lowercase);
    if !arguments.iter().all(is_lower) {
        // A script without cases has values called as the member that they are of.
        text.line(&[
            "    #[allow(bindings_with_variant_name, reason = \"a member is called as its value\")]",
        ]);
    }
    text.line(&["    #[must_use]"]);
    text.group(4, "pub fn new(", &arguments, ") -> Self {", WIDTH);
    made_of(&fields, text);
    text.line(&["    }"]);
}

/// The value of a struct with these fields.
fn made_of(fields: &[String], text: &mut Text) {
    let one = format!("Self {{ {} }}", fields.join(", "));
    if is_within(MARGIN - 8, &one) {
        text.line(&["        ", &one]);
    } else {
        text.group(8, "Self {", fields, "}", 0);
    }
}

fn is_string(ty: &Type) -> bool {
    match ty {
        Type::String => true,
        Type::Checked(inner, _) => is_string(inner),
        _ => false,
    }
}

/// The value of an optional member, or its default.
fn getter(
    index: &Index<'_>,
    field: &Field,
    default: &DefaultValue,
    scope: &mut Scope,
    text: &mut Text,
) {
    let member = &field.name.rust;
    let otherwise = format!(".unwrap_or({})", value(default, false));
    let (ty, calls) = match &default.literal {
        None | Some(Literal::Empty) => return,
        Some(Literal::Text(_)) => ("&str".to_owned(), vec![".as_deref()".to_owned(), otherwise]),
        Some(_) => {
            let clone = (!index.traits(&field.ty).copy).then(|| ".clone()".to_owned());
            let calls = clone.into_iter().chain([otherwise]).collect();
            (path(&field.ty, None, text), calls)
        }
    };
    let about = format!(
        "{}, which is {} if it is left out.",
        markdown::code(&field.name.wire),
        markdown::code(&default.json)
    );
    let name = scope.claim(member.clone());
    text.member_docs(&[&about]);
    text.line(&["    #[must_use]"]);
    let signature = format!("pub fn {name}(");
    let end = format!(") -> {ty} {{");
    text.group(4, &signature, &["&self".to_owned()], &end, WIDTH);
    let one = format!("        self.{member}{}", calls.concat());
    if is_within(WIDTH, &one) {
        text.line(&[&one]);
    } else {
        text.line(&["        self.", member]);
        for call in calls {
            text.line(&["            ", &call]);
        }
    }
    text.line(&["    }"]);
}

/// A default as an expression. Text is owned or not.
fn value(default: &DefaultValue, owned: bool) -> String {
    match &default.literal {
        Some(Literal::Bool(value)) => value.to_string(),
        Some(Literal::Integer(number)) => number.clone(),
        Some(Literal::Float(number)) => float(number),
        Some(Literal::Text(text)) if owned => {
            format!("::std::string::String::from({})", literal(text))
        }
        Some(Literal::Text(text)) => literal(text),
        Some(Literal::Variant(name, variant)) => format!("{}::{variant}", name.0),
        Some(Literal::Empty) | None => DEFAULT.to_owned(),
    }
}

/// A number as a float's literal.
pub(super) fn float(number: &str) -> String {
    let value: f64 = number.parse().unwrap_or_default();
    format!("{value:?}")
}

/// The implementation of `Default` for a struct some of whose fields have defaults by themselves.
pub(super) fn default(definition: &TypeDef, body: &Struct, code: &mut Code) {
    let fields = body.fields.iter().map(|field| {
        let name = &field.name.rust;
        match is_plain(field) {
            true => format!("{name}: Self::{}()", default_function(field)),
            false => format!("{name}: {DEFAULT}"),
        }
    });
    let rest = body
        .rest
        .iter()
        .map(|(name, _)| format!("{name}: {DEFAULT}"));
    let fields: Vec<String> = fields.chain(rest).collect();
    let mut text = Text::default();
    text.line(&[
        "impl ::core::default::Default for ",
        &definition.name.0,
        " {",
    ]);
    text.line(&["    fn default() -> Self {"]);
    made_of(&fields, &mut text);
    text.line(&["    }"]);
    text.line(&["}"]);
    code.laid_out(text);
}

//! Structs and newtypes, and what types are called.

use std::borrow::Cow;
use std::str::FromStr;

use proc_macro2::TokenStream;

use super::text::{Code, Text, WIDTH, is_within, literal};
use super::{Index, checks, docs, enums, markdown, messages, methods, unions};
use crate::api::{Field, Integer, Struct, Traits, Type, TypeDef, TypeKind, TypeName};

pub(super) const SERDE: &str = "::specwire::private::serde";

/// A definition, and what makes it a message if it is one. Its values are checked if there is
/// something to check, and in any case if messages are.
pub(super) fn definition(index: &Index<'_>, definition: &TypeDef, is_asked: bool, code: &mut Code) {
    let docs = definition_docs(index, definition);
    let docs: Vec<&str> = docs.iter().map(AsRef::as_ref).collect();
    let name = &definition.name.0;
    match &definition.kind {
        TypeKind::Struct(body) => {
            let member = if index.message_with_headers(&definition.name).is_some() {
                "header"
            } else {
                "member"
            };
            structure(index, definition, body, member, &docs, code);
        }
        TypeKind::Enum(values) => enums::enumeration(index, definition, values, &docs, code),
        TypeKind::Union(union) => {
            unions::union(index, definition, union, &docs, code);
        }
        TypeKind::Newtype(inner) => {
            let owner = Some(&definition.name);
            newtype(index, name, inner, owner, definition.traits, &docs, code);
        }
    }
    let message = index.message_of(&definition.name);
    let is_headers = index.message_with_headers(&definition.name).is_some();
    let is_opening = index.opening(&definition.name).is_some();
    let is_asked = is_asked || message.is_some() || is_headers || is_opening;
    checks::definition(index, definition, is_asked, code);
    if let Some(message) = message {
        messages::payload(message, code);
    }
}

/// What stands for `ty` in Rust, within the definition of `owner`, which is `Self` there; for the text
/// that it will be in.
pub(super) fn path(ty: &Type, owner: Option<&TypeName>, within: &mut Text) -> String {
    let mut text = Text::default();
    write_path(ty, owner, &mut text);
    within.takes_over(&text);
    text.as_str().to_owned()
}

/// Writes the same.
pub(super) fn write_path(ty: &Type, owner: Option<&TypeName>, text: &mut Text) {
    let mut within = |start: &str, inner: &Type| {
        text.push(start);
        write_path(inner, owner, text);
        text.push(">");
    };
    match ty {
        Type::Array(element) => within("::std::vec::Vec<", element),
        Type::Map(value) => within(
            "::std::collections::BTreeMap<::std::string::String, ",
            value,
        ),
        Type::Nullable(inner) => within("::core::option::Option<", inner),
        Type::Tuple(elements) => {
            text.push("(");
            for (number, element) in elements.iter().enumerate() {
                if number > 0 {
                    text.push(", ");
                }
                write_path(element, owner, text);
            }
            text.push(if elements.len() == 1 { ",)" } else { ")" });
        }
        Type::Checked(inner, _) => write_path(inner, owner, text),
        Type::Foreign(path) => text.foreign(path),
        Type::Named(name) => text.push(name_within(name, owner)),
        Type::Boxed(name) => {
            text.push("::std::boxed::Box<");
            text.push(name_within(name, owner));
            text.push(">");
        }
        Type::Null => text.push("()"),
        Type::Bool => text.push("bool"),
        Type::Integer(integer) => text.push(match integer {
            Integer::I8 => "i8",
            Integer::I16 => "i16",
            Integer::I32 => "i32",
            Integer::I64 => "i64",
            Integer::U8 => "u8",
            Integer::U16 => "u16",
            Integer::U32 => "u32",
            Integer::U64 => "u64",
        }),
        Type::F32 => text.push("f32"),
        Type::F64 => text.push("f64"),
        Type::Number => text.push("::specwire::Number"),
        Type::String => text.push("::std::string::String"),
        Type::Uuid => text.push("::specwire::Uuid"),
        Type::Ipv4 => text.push("::core::net::Ipv4Addr"),
        Type::Ipv6 => text.push("::core::net::Ipv6Addr"),
        Type::Bytes => text.push("::specwire::Bytes"),
        Type::Any => text.push("::specwire::Json"),
        Type::Never => text.push("::specwire::Never"),
    }
}

fn name_within<'n>(name: &'n TypeName, owner: Option<&TypeName>) -> &'n str {
    if owner == Some(name) { "Self" } else { &name.0 }
}

/// Rust that somebody else has written: it has been parsed before.
pub(super) fn tokens(text: &str) -> TokenStream {
    TokenStream::from_str(text).unwrap_or_default()
}

/// Which derives a type has beyond those that its traits allow.
pub(super) struct Derives {
    /// `Default`, if it can have that.
    pub(super) default: bool,
    /// It is read as its members are.
    pub(super) deserialize: bool,
}

impl Derives {
    pub(super) const ALL: Self = Self {
        default: true,
        deserialize: true,
    };
}

/// The derives of a type, and what the user adds to it.
pub(super) fn write_derives(
    index: &Index<'_>,
    name: &str,
    traits: Traits,
    derives: &Derives,
    text: &mut Text,
) {
    text.line(&[
        "#[derive(Clone, ",
        if traits.copy { "Copy, " } else { "" },
        "Debug, ",
        if traits.default && derives.default {
            "Default, "
        } else {
            ""
        },
        if traits.eq { "Eq, Hash, " } else { "" },
        "PartialEq)]",
    ]);
    text.line(&[
        "#[derive(",
        if derives.deserialize {
            "::specwire::private::serde::Deserialize, "
        } else {
            ""
        },
        "::specwire::private::serde::Serialize)]",
    ]);
    write_more_derives(index, name, traits, text);
}

/// The derives that the user adds to a type.
pub(super) fn write_more_derives(index: &Index<'_>, name: &str, traits: Traits, text: &mut Text) {
    if let Some(more) = index.derives(name, traits) {
        text.foreign(&more.to_string());
    }
}

/// The attributes that the user adds to a type.
pub(super) fn write_attributes(index: &Index<'_>, name: &str, text: &mut Text) {
    let own = index.attributes(name);
    if !own.is_empty() {
        text.foreign(&own.to_string());
    }
}

/// A struct with one unnamed field.
pub(super) fn newtype(
    index: &Index<'_>,
    name: &str,
    inner: &Type,
    owner: Option<&TypeName>,
    traits: Traits,
    docs: &[&str],
    code: &mut Code,
) {
    let path = |owner| {
        let mut text = Text::default();
        write_path(inner, owner, &mut text);
        text
    };
    let (within, inner) = (path(owner), path(None));
    let mut text = Text::default();
    text.item_docs(docs);
    write_derives(index, name, traits, &Derives::ALL, &mut text);
    write_attributes(index, name, &mut text);
    text.line(&["#[serde(crate = \"", SERDE, "\", transparent)]"]);
    text.push("pub struct ");
    text.push(name);
    text.push("(pub ");
    text.append(&within);
    text.line(&[");"]);
    text.push("impl ::core::convert::From<");
    text.append(&within);
    text.line(&["> for ", name, " {"]);
    text.push("    fn from(value: ");
    text.append(&within);
    text.line(&[") -> Self {"]);
    text.line(&["        Self(value)"]);
    text.line(&["    }"]);
    text.line(&["}"]);
    text.push("impl ::core::convert::From<");
    text.push(name);
    text.push("> for ");
    text.append(&inner);
    text.line(&[" {"]);
    text.line(&["    fn from(value: ", name, ") -> Self {"]);
    text.line(&["        value.0"]);
    text.line(&["    }"]);
    text.line(&["}"]);
    code.text(text);
}

fn definition_docs<'d>(index: &Index<'_>, definition: &'d TypeDef) -> Vec<Cow<'d, str>> {
    let own = definition.docs.as_deref();
    if let Some(message) = index.message_of(&definition.name) {
        let about = message.docs.as_deref();
        let own = own.filter(|own| Some(*own) != about);
        return vec![
            about.unwrap_or_default().to_owned().into(),
            own.unwrap_or_default().into(),
            messages::role(message).into(),
        ];
    }
    if let Some(message) = index.message_with_headers(&definition.name) {
        let role = format!(
            "Headers of the message {}.",
            markdown::code(&message.name.wire)
        );
        return vec![own.unwrap_or_default().into(), role.into()];
    }
    if let Some((channel, part)) = index.opening(&definition.name) {
        let role = match part {
            "query" => "Query of the URL that opens a connection at the channel",
            _ => "HTTP headers that open a connection at the channel",
        };
        let role = format!("{role} {}.", markdown::code(&channel.name.wire));
        return vec![own.unwrap_or_default().into(), role.into()];
    }
    let otherwise = match &definition.kind {
        TypeKind::Enum(values) if let Some(only) = values.only() => {
            let always = format!("Always {}.", markdown::code(&only.name.wire));
            return vec![docs::read(own).map_or(always.into(), Cow::Borrowed)];
        }
        TypeKind::Struct(_) => "An object that the document does not describe.",
        TypeKind::Enum(_) => "One of a set of values that the document does not describe.",
        TypeKind::Union(_) => "One of several types that the document does not describe.",
        TypeKind::Newtype(_) => "A type that the document does not describe.",
    };
    vec![docs::or(own, otherwise).into()]
}

fn structure(
    index: &Index<'_>,
    definition: &TypeDef,
    body: &Struct,
    member: &str,
    docs: &[&str],
    code: &mut Code,
) {
    let has_plain = body.fields.iter().any(is_plain);
    let name = &definition.name.0;
    let mut text = Text::default();
    text.item_docs(docs);
    if index.opening(&definition.name).is_some() {
        // Nothing else in the module has to do with it.
        text.line(&[
            "#[allow(dead_code, reason = \"a program may be the service, the client, or both\")]",
        ]);
    }
    let derives = Derives {
        default: !has_plain,
        deserialize: true,
    };
    write_derives(index, name, definition.traits, &derives, &mut text);
    let closed = if body.closed {
        ", deny_unknown_fields"
    } else {
        ""
    };
    text.line(&["#[serde(crate = \"", SERDE, "\"", closed, ")]"]);
    write_attributes(index, name, &mut text);
    if body.fields.is_empty() && body.rest.is_none() {
        text.line(&["pub struct ", name, " {}"]);
    } else {
        text.line(&["pub struct ", name, " {"]);
        for field in &body.fields {
            write_field(&definition.name, field, member, &mut text);
        }
        if let Some((name, ty)) = &body.rest {
            text.member_docs(&["All other members."]);
            text.line(&[
                "    #[serde(flatten, deserialize_with = \"::specwire::private::others\")]",
            ]);
            let ty = path(ty, Some(&definition.name), &mut text);
            let ty = format!("::std::collections::BTreeMap<::std::string::String, {ty}>");
            write_typed(name, &ty, &mut text);
        }
        text.line(&["}"]);
    }
    code.laid_out(text);
    methods::of(index, definition, body, code);
    if has_plain && definition.traits.default {
        methods::default(definition, body, code);
    }
}

/// The field has its default by itself.
pub(super) fn is_plain(field: &Field) -> bool {
    field.default.as_ref().is_some_and(|default| default.plain)
}

fn write_field(owner: &TypeName, field: &Field, member: &str, text: &mut Text) {
    let otherwise = || format!("The {member} {}.", markdown::code(&field.name.wire));
    let default = field
        .default
        .as_ref()
        .map(|default| format!("Default: {}", markdown::code(&default.json)));
    let default = default.as_deref().unwrap_or_default();
    match docs::read(field.docs.as_deref()) {
        Some(about) => text.member_docs(&[about, default]),
        None => text.member_docs(&[&otherwise(), default]),
    }
    let mut serde: Vec<String> = Vec::new();
    if field.name.wire != field.name.rust {
        serde.push(format!("rename = {}", literal(&field.name.wire)));
    }
    let mut is_option = false;
    let is_nullable = matches!(field.ty, Type::Nullable(_));
    // What may be `null` anyway is there if it is.
    let unchecked = match &field.ty {
        Type::Checked(inner, _) => inner.as_ref(),
        ty => ty,
    };
    let keeps_null = is_nullable || matches!(unchecked, Type::Any | Type::Null);
    if is_plain(field) && !field.required {
        let function = format!("{}::{}", owner.0, methods::default_function(field));
        serde.push(format!("default = {}", literal(&function)));
    } else if !field.required {
        if keeps_null {
            serde.push("default".to_owned());
            serde.push("deserialize_with = \"::specwire::private::some\"".to_owned());
        }
        serde.push("skip_serializing_if = \"::core::option::Option::is_none\"".to_owned());
        is_option = true;
    } else if is_nullable {
        // Otherwise serde would take a missing member for `None`.
        serde.push(
            "deserialize_with = \"::specwire::private::serde::Deserialize::deserialize\""
                .to_owned(),
        );
    }
    if !serde.is_empty() {
        let serde: Vec<&str> = serde.iter().map(String::as_str).collect();
        text.attribute(4, "serde", &serde);
    }
    if is_complex(field) {
        text.line(&[
            "    #[allow(clippy::type_complexity, reason = \"as deep as the document has it\")]",
        ]);
    }
    let ty = path(&field.ty, Some(owner), text);
    let ty = match is_option {
        true => format!("::core::option::Option<{ty}>"),
        false => ty,
    };
    write_typed(&field.name.rust, &ty, text);
}

/// A field with its type, which is on a line of its own if it is long, or else broken.
fn write_typed(name: &str, ty: &str, text: &mut Text) {
    let one = format!("    pub {name}: {ty},");
    let alone = format!("        {ty},");
    let parts = ty.split_once('<').zip(ty.strip_suffix('>'));
    match parts {
        _ if is_within(WIDTH, &one) => text.line(&[&one]),
        Some(((outer, _), inner)) if !is_within(WIDTH, &alone) => {
            let inner = inner.get(outer.len() + 1..).unwrap_or_default();
            text.line(&["    pub ", name, ": ", outer, "<"]);
            text.line(&["        ", inner, ","]);
            text.line(&["    >,"]);
        }
        _ => {
            text.line(&["    pub ", name, ":"]);
            text.line(&[&alone]);
        }
    }
}

/// Whether clippy finds the type too complex: it adds ten for a type, twenty for one inside, ...
fn is_complex(field: &Field) -> bool {
    fn score(ty: &Type, depth: u64) -> u64 {
        let inner = match ty {
            Type::Checked(inner, _) => return score(inner, depth),
            Type::Array(inner) | Type::Nullable(inner) => score(inner, depth + 1),
            Type::Map(value) => 10 * (depth + 1) + score(value, depth + 1),
            Type::Tuple(elements) => elements.iter().map(|one| score(one, depth + 1)).sum(),
            Type::Boxed(_) => 10 * (depth + 1),
            _ => 0,
        };
        10 * depth + inner
    }
    let depth = if field.required { 1 } else { 2 };
    10 * (depth - 1) + score(&field.ty, depth) > 250
}

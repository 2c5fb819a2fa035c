//! Enumerations: of text, of integers, and of anything else.

use super::text::{Code, Text, WIDTH, is_within, literal};
use super::types::{Derives, write_attributes, write_derives};
use super::{Index, docs, markdown};
use crate::api::{Base, Enum, TypeDef};

/// An enum, and how its values are read and written.
pub(super) fn enumeration(
    index: &Index<'_>,
    definition: &TypeDef,
    values: &Enum,
    docs: &[&str],
    code: &mut Code,
) {
    let name = &definition.name.0;
    let names: Vec<&str> = values
        .variants
        .iter()
        .map(|variant| variant.name.rust.as_str())
        .chain(values.unknown.as_deref())
        .collect();
    let mut text = Text::default();
    text.item_docs(docs);
    super::write_allow_names(&definition.name, &names, &mut text);
    let derives = Derives {
        default: true,
        deserialize: values.base == Base::String,
    };
    write_derives(index, name, definition.traits, &derives, &mut text);
    let converted = serde_conversions(name, values);
    let mut arguments = vec!["crate = \"::specwire::private::serde\""];
    arguments.extend(converted.iter().map(String::as_str));
    text.attribute(0, "serde", &arguments);
    write_attributes(index, name, &mut text);
    text.line(&["pub enum ", name, " {"]);
    // Text that is known is what serde derives for.
    let is_plain = values.base == Base::String && values.unknown.is_none();
    for (number, variant) in values.variants.iter().enumerate() {
        let wire = &variant.name.wire;
        match docs::read(variant.docs.as_deref()) {
            Some(about) => text.member_docs(&[about]),
            None => text.member_docs(&[&format!("The value {}.", markdown::code(wire))]),
        }
        if is_plain && *wire != variant.name.rust {
            text.line(&["    #[serde(rename = ", &literal(wire), ")]"]);
        }
        if definition.traits.default && number == 0 {
            text.line(&["    #[default]"]);
        }
        text.line(&["    ", &variant.name.rust, ","]);
    }
    if let Some(unknown) = &values.unknown {
        text.member_docs(&["A value that the document does not list."]);
        text.line(&["    ", unknown, "(", raw(values.base), "),"]);
    }
    text.line(&["}"]);
    if is_plain {
        text.line(&["impl ::specwire::StringEnum for ", name, " {}"]);
    }
    code.text(text);
    match values.base {
        Base::String => {
            if let Some(unknown) = &values.unknown {
                code.text(conversions_of_text(name, values, unknown));
            }
        }
        Base::Integer | Base::Json => {
            code.text(reading(name, values.base));
            code.laid_out(conversions(name, values));
        }
    }
}

/// The type of the values as they are on the wire.
fn raw(base: Base) -> &'static str {
    match base {
        Base::String => "::std::string::String",
        Base::Integer => "i64",
        Base::Json => "::specwire::Json",
    }
}

/// What serde is told to convert from and to, if it cannot derive all there is to do.
fn serde_conversions(name: &str, values: &Enum) -> Vec<String> {
    match (values.base, &values.unknown) {
        (Base::String, None) => Vec::new(),
        (Base::String, Some(_)) => vec![
            "from = \"::std::string::String\"".to_owned(),
            format!("into = \"::specwire::private::Text<{name}>\""),
        ],
        (Base::Integer | Base::Json, _) => vec![format!("into = \"{}\"", raw(values.base))],
    }
}

/// How an enum is read that is not of text. Not by serde's own conversions, which come when a value has
/// been read, so that nothing knows any more where in a message it is.
fn reading(name: &str, base: Base) -> Text {
    let read = if base == Base::Integer {
        "integer"
    } else {
        "value"
    };
    let mut text = Text::default();
    text.deserialize(name, |text| {
        text.code(
            8,
            &[
                "::specwire::private::",
                read,
                "(deserializer, <Self as ::core::convert::TryFrom<_>>::try_from)",
            ],
        );
    });
    text
}

/// The conversions of an enum of text that has a variant for what is unknown.
fn conversions_of_text(name: &str, values: &Enum, unknown: &str) -> Text {
    let mut text = Text::default();
    text.line(&[
        "impl ::core::convert::From<::std::string::String> for ",
        name,
        " {",
    ]);
    text.line(&["    fn from(value: ::std::string::String) -> Self {"]);
    text.line(&["        match value.as_str() {"]);
    for variant in &values.variants {
        let wire = literal(&variant.name.wire);
        text.code(12, &[&wire, " => Self::", &variant.name.rust, ","]);
    }
    text.code(12, &["_ => Self::", unknown, "(value),"]);
    text.line(&["        }"]);
    text.line(&["    }"]);
    text.line(&["}"]);
    text.line(&["impl ::specwire::StringEnum for ", name, " {"]);
    text.line(&["    fn as_str(&self) -> &str {"]);
    text.line(&["        match self {"]);
    for variant in &values.variants {
        let wire = literal(&variant.name.wire);
        text.code(12, &["Self::", &variant.name.rust, " => ", &wire, ","]);
    }
    text.code(12, &["Self::", unknown, "(value) => value,"]);
    text.line(&["        }"]);
    text.line(&["    }"]);
    text.line(&["}"]);
    text
}

/// The conversions of an enum of anything else.
fn conversions(name: &str, values: &Enum) -> Text {
    let raw = raw(values.base);
    let mut text = Text::default();
    let matched = match values.base {
        Base::Json => "::specwire::private::rules::canonical(&value).as_str()",
        Base::String | Base::Integer => "value",
    };
    let known = values.variants.iter().map(|variant| {
        let wire = &variant.name.wire;
        let value = match values.base {
            Base::Json => literal(
                specwire_rules::canonical_text(wire)
                    .as_deref()
                    .unwrap_or(wire),
            ),
            Base::String | Base::Integer => wire.clone(),
        };
        (value, format!("Self::{}", variant.name.rust))
    });
    match &values.unknown {
        Some(unknown) => {
            text.implementation(&format!(" ::core::convert::From<{raw}>"), name);
            text.line(&["    fn from(value: ", raw, ") -> Self {"]);
            text.line(&["        match ", matched, " {"]);
            for (value, variant) in known {
                text.arm(12, &value, &variant);
            }
            text.arm(12, "_", &format!("Self::{unknown}(value)"));
        }
        None => {
            text.implementation(&format!(" ::core::convert::TryFrom<{raw}>"), name);
            text.line(&["    type Error = ::specwire::UnknownValue;"]);
            let signature = ") -> ::core::result::Result<Self, Self::Error> {";
            text.line(&["    fn try_from(value: ", raw, signature]);
            text.line(&["        match ", matched, " {"]);
            for (value, variant) in known {
                text.arm(
                    12,
                    &value,
                    &format!("::core::result::Result::Ok({variant})"),
                );
            }
            unexpected(values, &mut text);
        }
    }
    text.line(&["        }"]);
    text.line(&["    }"]);
    text.line(&["}"]);
    text.implementation(&format!(" ::core::convert::From<{name}>"), raw);
    text.line(&["    fn from(value: ", name, ") -> Self {"]);
    text.line(&["        match value {"]);
    for variant in &values.variants {
        let wire = &variant.name.wire;
        let value = match values.base {
            Base::Json => format!("::specwire::private::json({})", literal(wire)),
            Base::String | Base::Integer => wire.clone(),
        };
        text.arm(12, &format!("{name}::{}", variant.name.rust), &value);
    }
    if let Some(unknown) = &values.unknown {
        text.arm(12, &format!("{name}::{unknown}(value)"), "value");
    }
    text.line(&["        }"]);
    text.line(&["    }"]);
    text.line(&["}"]);
    text
}

/// What becomes of a value that is none of those that are known.
fn unexpected(values: &Enum, text: &mut Text) {
    let expected = values.variants.iter();
    let expected: Vec<String> = expected
        .map(|variant| literal(&variant.name.wire))
        .collect();
    let start = "::core::result::Result::Err(";
    let new = "::specwire::UnknownValue::new(";
    let made = format!("{new}value, &[{}])", expected.join(", "));
    text.line(&["            _ => {"]);
    if is_within(WIDTH - 16, &format!("{start}{made})")) {
        text.line(&["                ", start, &made, ")"]);
    } else {
        text.line(&["                ", start]);
        if is_within(WIDTH - 21, &made) {
            text.line(&["                    ", &made, ","]);
        } else {
            text.line(&["                    ", new]);
            text.line(&["                        value,"]);
            text.group(24, "&[", &expected, "],", 0);
            text.line(&["                    ),"]);
        }
        text.line(&["                )"]);
    }
    text.line(&["            }"]);
}

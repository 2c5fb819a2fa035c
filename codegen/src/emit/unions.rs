//! Enums of several types: `oneOf` and `anyOf`.

use std::collections::HashSet;

use super::text::{Call, Code, Text, literal};
use super::types::{SERDE, write_attributes, write_more_derives, write_path};
use super::{Index, docs, markdown};
use crate::api::{Branch, JsonType, Shape, Type, TypeDef, TypeName, Union};

/// How many members with fixed values a branch is told by.
const CONSTANTS: usize = 4;

/// An enum, and how the branch of a value is found.
pub(super) fn union(
    index: &Index<'_>,
    definition: &TypeDef,
    union: &Union,
    docs: &[&str],
    code: &mut Code,
) {
    let name = &definition.name.0;
    let traits = definition.traits;
    let mut text = Text::default();
    text.item_docs(docs);
    let names = union.branches.iter().map(|branch| branch.name.as_str());
    super::write_allow_names(&definition.name, &names.collect::<Vec<_>>(), &mut text);
    text.line(&["#[allow(clippy::large_enum_variant, reason = \"as the document has it\")]"]);
    text.line(&[
        "#[derive(Clone, ",
        if traits.copy { "Copy, " } else { "" },
        "Debug, ",
        if traits.eq { "Eq, Hash, " } else { "" },
        "PartialEq, ::specwire::private::serde::Serialize)]",
    ]);
    text.line(&["#[serde(crate = \"", SERDE, "\", untagged)]"]);
    write_more_derives(index, name, traits, &mut text);
    write_attributes(index, name, &mut text);
    text.line(&["pub enum ", name, " {"]);
    for branch in &union.branches {
        let ty = match &branch.ty {
            Type::Named(name) | Type::Boxed(name) => &name.0,
            _ => &branch.name,
        };
        let otherwise = format!("A value of the type {}.", markdown::code(ty));
        text.member_docs(&[docs::or(branch.docs.as_deref(), &otherwise)]);
        let held = held(branch, &definition.name);
        text.code(4, &[&branch.name, "(", &held, "),"]);
    }
    text.line(&["}"]);
    code.text(text);
    code.text(reading(definition, union));
    for branch in &union.branches {
        if branch.unique && branch.ty != Type::Named(definition.name.clone()) {
            code.text(conversion(&definition.name, branch));
        }
    }
}

/// What the variant of a branch holds, within the definition of `owner`.
fn held(branch: &Branch, owner: &TypeName) -> String {
    let mut path = Text::default();
    write_path(&branch.ty, Some(owner), &mut path);
    match branch.boxed {
        true => format!("::std::boxed::Box<{}>", path.as_str()),
        false => path.as_str().to_owned(),
    }
}

fn reading(definition: &TypeDef, union: &Union) -> Text {
    // What has no rules needs no checking to be told.
    let choose = match definition.is_checked {
        true => "choose_valid",
        false => "choose",
    };
    let mut text = Text::default();
    text.deserialize(&definition.name.0, |text| {
        text.line(&[
            "        use ::specwire::private::{Branch, ",
            choose,
            ", read};",
        ]);
        text.line(&["        ", choose, "("]);
        text.line(&["            deserializer,"]);
        text.line(&["            &["]);
        for branch in &union.branches {
            let name = &branch.name;
            let arguments = [
                literal(name),
                format!("|json| read(json).map(Self::{name})"),
            ];
            let arguments = arguments.each_ref().map(String::as_str);
            text.element(16, "Branch::new", &arguments, &test(branch));
        }
        text.line(&["            ],"]);
        text.line(&["        )"]);
    });
    if union.branches.len() < 2 {
        // All of the call may be one line.
        text.roughen();
    }
    text
}

fn conversion(name: &TypeName, branch: &Branch) -> Text {
    let mut path = Text::default();
    write_path(&branch.ty, Some(name), &mut path);
    let value = match branch.boxed {
        true => "::std::boxed::Box::new(value)",
        false => "value",
    };
    let mut text = Text::default();
    let implemented = format!(" ::core::convert::From<{}>", path.as_str());
    text.implementation(&implemented, &name.0);
    text.code(4, &["fn from(value: ", path.as_str(), ") -> Self {"]);
    text.code(8, &["Self::", &branch.name, "(", value, ")"]);
    text.line(&["    }"]);
    text.line(&["}"]);
    text
}

/// What tells a branch from the others, as calls.
fn test(branch: &Branch) -> Vec<Call> {
    let types = branch.test.types.iter().map(|ty| match ty {
        JsonType::Null => ".null()",
        JsonType::Boolean => ".boolean()",
        JsonType::Integer => ".integer()",
        JsonType::Number => ".number()",
        JsonType::String => ".string()",
        JsonType::Array => ".array()",
        JsonType::Object => ".object()",
    });
    let mut calls: Vec<Call> = types.map(|ty| Call::Plain(ty.to_owned())).collect();
    let values = &branch.test.values;
    if !values.is_empty() {
        calls.push(Call::slice(".equals(", values));
    }
    calls.extend(shape(&branch.test.shape));
    if let Some(member) = &branch.otherwise {
        calls.push(Call::Plain(format!(".otherwise({})", literal(member))));
    }
    calls
}

/// What is known of an object's members, as calls.
pub(super) fn shape(shape: &Shape) -> Vec<Call> {
    let mut calls = Vec::new();
    if !shape.members.is_empty() {
        calls.push(Call::slice(".members(", &shape.members));
    }
    if !shape.required.is_empty() {
        calls.push(Call::slice(".required(", &shape.required));
    }
    if shape.closed {
        calls.push(Call::Plain(".closed()".to_owned()));
    }
    // The members that tell most, each with its values.
    let mut constants: Vec<&(String, Vec<String>)> = shape.constants.iter().collect();
    let required: HashSet<&str> = shape.required.iter().map(String::as_str).collect();
    constants.sort_by_key(|(name, values)| (!required.contains(name.as_str()), values.len()));
    for (name, values) in constants.into_iter().take(CONSTANTS) {
        calls.push(Call::slice(
            format!(".constant({}, ", literal(name)),
            values,
        ));
    }
    calls
}

//! What a build script asks for that a document does not have.

use std::collections::HashSet;

use crate::api::{Api, Payload, TypeKind};
use crate::diagnostic::{Code, Diagnostic, Errors, Place, quote};
use crate::options::{Options, Selector, derived};
use crate::resolve::Resolved;
use crate::source::Node;

/// Options that concern nothing. A build script that compiles several documents may well mean
/// another one of them.
pub(super) fn in_vain(
    file: &str,
    api: &Api,
    substituted: &HashSet<String>,
    resolved: &Resolved<'_>,
    options: &Options,
    errors: &mut Errors,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let operations = resolved.root.get("operations");
    for key in options.operations.iter().flatten() {
        if operations.is_some_and(|operations| operations.get(key).is_some()) {
            continue;
        }
        let keys = operations.into_iter().flat_map(Node::entries);
        let meant = errors.nearest(key, keys.map(|entry| entry.key));
        let message = format!(
            "there is no operation {}, which the build script asks for",
            quote(key)
        );
        let place = operations.unwrap_or(resolved.root).key_place();
        found.push(Diagnostic::error(Code::NoSuchOperation, place, message).did_you_mean(meant));
    }
    let types = types(api);
    for (option, list) in [
        ("derive", &options.derives),
        ("attribute", &options.attributes),
    ] {
        for (selector, text) in list {
            let Selector::Named(name) = selector else {
                continue;
            };
            if !types.contains(name.as_str()) {
                let meant = errors.nearest(name, types.iter().copied());
                let message = format!(
                    "there is no type {}, which the option `{option}` is about",
                    quote(name)
                );
                found.push(unused(file, message).did_you_mean(meant));
            } else if option == "derive" && derived(text) == Some("Default") {
                no_default(file, name, api, errors);
            }
        }
    }
    let schemas = resolved.root.get("components");
    let schemas = schemas.and_then(|components| components.get("schemas"));
    for (name, _) in &options.substitutes {
        if substituted.contains(name) {
            continue;
        }
        let keys = schemas.into_iter().flat_map(Node::entries);
        let keys = keys.map(|entry| entry.key).filter(|key| key != name);
        let message = format!(
            "no message has the schema {}, which the option `substitute` is about",
            quote(name)
        );
        found.push(unused(file, message).did_you_mean(errors.nearest(name, keys)));
    }
    found
}

fn unused(file: &str, message: String) -> Diagnostic {
    Diagnostic::warning(Code::UnusedOption, Place::file(file), message).unless_errors()
}

/// The names of all types that options may be about.
fn types(api: &Api) -> HashSet<&str> {
    let wrappers = api
        .messages
        .iter()
        .filter_map(|message| match message.payload {
            Payload::Wraps(_) => Some(message.name.rust.as_str()),
            Payload::Own(_) => None,
        });
    let parameters = api.channels.iter().filter_map(|channel| {
        let parameters = channel.parameters.as_ref()?;
        Some(parameters.name.0.as_str())
    });
    let values = api
        .parameter_enums
        .iter()
        .map(|values| values.name.0.as_str());
    let types = api
        .types
        .iter()
        .map(|definition| definition.name.0.as_str());
    types
        .chain(wrappers)
        .chain(parameters)
        .chain(values)
        .collect()
}

/// Rust would not know which variant of an enum is meant.
fn no_default(file: &str, name: &str, api: &Api, errors: &mut Errors) {
    let is_enum = api.types.iter().any(|definition| {
        definition.name.0 == name
            && !definition.traits.default
            && matches!(definition.kind, TypeKind::Enum(_) | TypeKind::Union(_))
    });
    let is_parameter = api
        .parameter_enums
        .iter()
        .any(|values| values.name.0 == name);
    if is_enum || is_parameter {
        let message = format!(
            "found `Default` in the option `derive` for {}, which is an enum and has no default",
            quote(name)
        );
        let help = "implement it where the generated code is included";
        let diagnostic = Diagnostic::error(Code::InvalidOption, Place::file(file), message);
        errors.push(diagnostic.with_help(help));
    }
}

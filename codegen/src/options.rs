//! What a build script may say about how documents are generated: plain data, set through
//! [`Config`](crate::Config), and read by the phases that it concerns.

use std::path::PathBuf;

use crate::diagnostic::{Code, Diagnostic, Errors, Levels, Place, quote};

/// Which end of the exchanges a document describes. Both ends are generated in any case.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Perspective {
    /// The client: what the document `send`s is sent to the service, and what it `receive`s is
    /// published by it.
    Consumer,
    /// The service: what the document `receive`s is sent to it, and what it `send`s is published.
    Provider,
}

/// Which ends of the exchanges are generated.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Sides {
    /// The service trait with its registration, and the client.
    #[default]
    Both,
    /// The service trait and its registration alone.
    Provider,
    /// The client alone.
    Consumer,
}

/// Which enums have a branch for values that the document does not list, so that a newer peer does
/// not break an older program.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OpenEnums {
    /// Those that a client receives.
    #[default]
    Received,
    /// All of them.
    Always,
    /// None: an unknown value is a mistake of the peer.
    Never,
}

/// Everything that [`Config`](crate::Config) holds of the generated code.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// `None` infers it from the document.
    pub(crate) perspective: Option<Perspective>,
    /// `None` names the module after the document's file.
    pub(crate) module: Option<String>,
    /// Of the types that several documents share; `None` for the usual one.
    pub(crate) shared_module: Option<String>,
    /// The path of a derive macro, and the type that has it.
    pub(crate) derives: Vec<(Selector, String)>,
    /// An attribute with its `#[]`, and the type that has it.
    pub(crate) attributes: Vec<(Selector, String)>,
    /// The key of a schema in `components.schemas`, or its JSON pointer, and the type in its place.
    pub(crate) substitutes: Vec<(String, String)>,
    /// A `format` of strings, and the type of such strings.
    pub(crate) formats: Vec<(String, String)>,
    /// Keys of the only operations that are generated; `None` for all.
    pub(crate) operations: Option<Vec<String>>,
    pub(crate) sides: Sides,
    /// Optional members with a default are `T` instead of `Option<T>`.
    pub(crate) plain_defaults: bool,
    pub(crate) open_enums: OpenEnums,
    /// Types are as deep as the document has them, for crates that raise rustc's limit.
    pub(crate) deep_types: bool,
    /// A URL, or the beginning of one, and the file or folder that stands for it.
    pub(crate) urls: Vec<(String, PathBuf)>,
    pub(crate) levels: Levels,
    /// They are for several documents.
    pub(crate) is_shared: bool,
}

/// Types that an option is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Selector {
    All,
    /// The type of this name in Rust.
    Named(String),
}

impl Selector {
    /// From `*` or a name.
    pub(crate) fn new(text: &str) -> Self {
        match text {
            "*" => Self::All,
            name => Self::Named(name.to_owned()),
        }
    }

    fn takes(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(own) => own == name,
        }
    }
}

impl Options {
    /// Reports what is no Rust, so that all of it can be relied on later.
    pub(crate) fn check(&self, file: &str, errors: &mut Errors) {
        self.levels.check(file, errors);
        let mut refuse = |option: &str, found: &str, expected: &str| {
            let message = format!(
                "found {} in the option `{option}`, expected {expected}",
                quote(found)
            );
            errors.push(Diagnostic::error(
                Code::InvalidOption,
                Place::file(file),
                message,
            ));
        };
        for (option, module) in [
            ("module", &self.module),
            ("shared_module", &self.shared_module),
        ] {
            if let Some(name) = module.as_deref().filter(|name| !is_module(name)) {
                let expected = "a name in `snake_case` that Rust can call a module";
                refuse(option, name, expected);
            }
        }
        for (_, derive) in &self.derives {
            if !reads::<syn::Path>(derive) {
                refuse("derive", derive, "the path of a derive macro, as in `Hash`");
            }
        }
        for (_, attribute) in &self.attributes {
            if !is_attribute(attribute) {
                let expected = "an attribute, as in `#[non_exhaustive]`";
                refuse("attribute", attribute, expected);
            }
        }
        for (_, ty) in &self.substitutes {
            if !is_type(ty) {
                refuse("substitute", ty, "a type, as in `crate::Money`");
            }
        }
        for (_, ty) in &self.formats {
            if !is_type(ty) {
                refuse("format", ty, "a type, as in `crate::Timestamp`");
            }
        }
    }

    /// The derive macros that a type has besides the `own` ones of generated code. Of these `*` adds
    /// none: each type has all that it can have.
    pub(crate) fn derives(&self, rust: &str, own: &[&str]) -> Vec<&str> {
        let mut paths: Vec<&str> = Vec::new();
        for (selector, path) in &self.derives {
            let is_there =
                derived(path).is_some_and(|name| *selector == Selector::All || own.contains(&name));
            if selector.takes(rust) && !is_there && !paths.contains(&path.as_str()) {
                paths.push(path);
            }
        }
        paths
    }

    /// The attributes that a type has besides those that every type has.
    pub(crate) fn attributes(&self, rust: &str) -> impl Iterator<Item = &str> {
        self.attributes
            .iter()
            .filter(move |(selector, _)| selector.takes(rust))
            .map(|(_, text)| text.as_str())
    }
}

/// The trait of a derive macro, if it is one that generated code derives where it can.
pub(crate) fn derived(path: &str) -> Option<&str> {
    const TRAITS: &[&str] = &[
        "Clone",
        "Copy",
        "Debug",
        "Default",
        "Deserialize",
        "Eq",
        "Hash",
        "PartialEq",
        "Serialize",
    ];
    let path = path.trim();
    let (crates, name) = path.rsplit_once("::").unwrap_or(("", path));
    let first = crates.trim_start_matches("::").split("::").next();
    let is_known = matches!(first, Some("" | "core" | "serde" | "std"));
    let name = name.trim();
    (is_known && TRAITS.contains(&name)).then_some(name)
}

/// The text is a type, as far as a parser can tell.
pub(crate) fn is_type(text: &str) -> bool {
    reads::<syn::Type>(text)
}

/// A name that is the same in the words of modules and of files.
fn is_module(text: &str) -> bool {
    let letters = text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    letters && reads::<syn::Ident>(text)
}

fn is_attribute(text: &str) -> bool {
    let outer = |input: syn::parse::ParseStream<'_>| input.call(syn::Attribute::parse_outer);
    let parsed = syn::parse::Parser::parse_str(outer, text);
    is_short(text) && parsed.is_ok_and(|attributes| !attributes.is_empty())
}

fn reads<T: syn::parse::Parse>(text: &str) -> bool {
    is_short(text) && syn::parse_str::<T>(text).is_ok()
}

/// The parser recurses on what is nested.
fn is_short(text: &str) -> bool {
    const LONGEST: usize = 500;
    text.len() <= LONGEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_rust_is_told_apart() {
        for ty in ["crate::Money", "::std::vec::Vec<u8>", "(u8, u8)", "[u8; 4]"] {
            assert!(is_type(ty), "{ty}");
        }
        for ty in ["", "1", "a b", "Vec<", "struct A;", &"Vec<".repeat(10_000)] {
            assert!(!is_type(ty), "{ty}");
        }
        for attribute in ["#[non_exhaustive]", "#[cfg(test)] #[allow(x)]"] {
            assert!(is_attribute(attribute), "{attribute}");
        }
        for attribute in ["", "non_exhaustive", "#[a] struct B;", "#![a]"] {
            assert!(!is_attribute(attribute), "{attribute}");
        }
        for name in ["clock", "clock_2"] {
            assert!(is_module(name), "{name}");
        }
        for name in ["", "Clock", "2", "mod", "a-b", "_"] {
            assert!(!is_module(name), "{name}");
        }
    }

    #[test]
    fn a_selector_takes_one_type_or_all() {
        let mut options = Options::default();
        options.derives.push((Selector::new("*"), "Ord".to_owned()));
        for derive in ["Ord", "PartialOrd"] {
            let derive = (Selector::new("A"), derive.to_owned());
            options.derives.push(derive);
        }
        assert_eq!(options.derives("A", &[]), ["Ord", "PartialOrd"]);
        assert_eq!(options.derives("B", &[]), ["Ord"]);
        assert_eq!(options.attributes("A").count(), 0);
    }

    #[test]
    fn what_is_derived_already_is_known_however_it_is_written() {
        for (path, expected) in [
            ("Hash", Some("Hash")),
            ("::core::hash::Hash", Some("Hash")),
            ("std::default::Default", Some("Default")),
            ("serde::Serialize", Some("Serialize")),
            ("Ord", None),
            ("derivative::Hash", None),
        ] {
            assert_eq!(derived(path), expected, "{path}");
        }
        let mut options = Options::default();
        for (ty, derive) in [("*", "Eq"), ("A", "Eq"), ("A", "Copy"), ("B", "Eq")] {
            let derive = (Selector::new(ty), derive.to_owned());
            options.derives.push(derive);
        }
        assert_eq!(options.derives("A", &["Eq"]), ["Copy"]);
        assert_eq!(options.derives("B", &[]), ["Eq"]);
        assert_eq!(options.derives("C", &[]), [""; 0]);
    }
}

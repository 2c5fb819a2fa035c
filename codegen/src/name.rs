//! From the words of a document to Rust names.
//!
//! Total and pure: whatever a document calls a thing, there is an identifier for it. A name that
//! Rust or the generated code needs for itself gets a trailing underscore, always; there are no raw
//! identifiers, since `self`, `super`, `crate` and `Self` cannot be raw and would need a second
//! rule. What differs in a document may meet in Rust (`a-b` and `a_b`): a [`Scope`] tells them
//! apart again.

mod letters;

use std::collections::HashMap;

use heck::{ToShoutySnakeCase, ToSnakeCase, ToUpperCamelCase};

use letters::{is_legal, spelled_out};

/// The name of a struct or enum: `beat_sub` is `BeatSub`.
pub(crate) fn type_name(wire: &str) -> String {
    match camel(wire).as_str() {
        // The trait and the struct that every generated module has.
        reserved @ ("Service" | "Client" | "Self") => format!("{reserved}_"),
        free => free.to_owned(),
    }
}

/// Two names of types as one: what one of them had to be told apart by is not needed within.
pub(crate) fn join(first: &str, second: &str) -> String {
    match first {
        "" => second.to_owned(),
        first => {
            let first = first.trim_end_matches('_');
            format!("{first}{}", second.trim_start_matches('_'))
        }
    }
}

/// The name of an enum's variant: `not-ready` is `NotReady`.
pub(crate) fn variant_name(wire: &str) -> String {
    match camel(wire).as_str() {
        "Self" => "Self_".to_owned(),
        free => free.to_owned(),
    }
}

/// The name of a struct's field: `subscriptionId` is `subscription_id`.
pub(crate) fn field_name(wire: &str) -> String {
    snake(wire)
}

/// The name of a method of the service and the client: `getPeriod` is `get_period`.
pub(crate) fn method_name(wire: &str) -> String {
    match snake(wire).as_str() {
        // What every generated client has besides its interactions.
        reserved @ ("builder" | "clone" | "connect" | "in_memory" | "new" | "with_since"
        | "with_timeout") => format!("{reserved}_"),
        free => free.to_owned(),
    }
}

/// The name of a document's module: `AppsLauncher` is `apps_launcher`.
pub(crate) fn module_name(wire: &str) -> String {
    snake(wire)
}

/// The name of a constant: `getPeriod` and `get_period` are `GET_PERIOD`.
pub(crate) fn const_name(wire: &str) -> String {
    clear(wire, |wire| {
        start_with_letter(legal_only(&readable(wire).to_shouty_snake_case()))
    })
}

/// Names that live side by side: gives each a spelling of its own.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    /// Each name that is taken, and the number that the next one to want it tries first: all below
    /// are taken, and counting them again for each would take long where many names clash.
    taken: HashMap<String, u64>,
}

impl Scope {
    /// A scope in which every name is free.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Takes `wanted`, with the first free number from 2 on if another has it already.
    pub(crate) fn claim(&mut self, wanted: String) -> String {
        let name = if let Some(first) = self.taken.get(&wanted).copied() {
            // A number makes up for the underscore of a reserved name, and rustc wants none of
            // `Self_2`. After a digit it needs one: `v1` and `2` would read as version twelve.
            let base = if wanted.starts_with(char::is_uppercase) {
                wanted.trim_end_matches('_')
            } else {
                &wanted
            };
            let gap = if base.ends_with(|last: char| last.is_ascii_digit()) {
                "_"
            } else {
                ""
            };
            let (number, name) = (first..)
                .map(|number| (number, format!("{base}{gap}{number}")))
                .find(|(_, candidate)| !self.taken.contains_key(candidate))
                .expect("there are more numbers than names");
            self.taken.insert(wanted, number.saturating_add(1));
            name
        } else {
            wanted
        };
        self.taken.insert(name.clone(), 2);
        name
    }
}

fn camel(wire: &str) -> String {
    if is_plain_word(wire) {
        let (first, rest) = wire.split_at(1);
        return first.to_ascii_uppercase() + rest;
    }
    clear(wire, camel_as_is)
}

fn camel_as_is(wire: &str) -> String {
    let mut name = String::new();
    for word in readable(wire).split_whitespace() {
        // `1.0` is not ten.
        if name.ends_with(|last: char| last.is_ascii_digit())
            && word.starts_with(|first: char| first.is_ascii_digit())
        {
            name.push('_');
        }
        name.push_str(&word.to_upper_camel_case());
    }
    start_with_letter(legal_only(&name))
}

fn snake(wire: &str) -> String {
    let name = match is_plain_word(wire) {
        true => wire.to_owned(),
        false => clear(wire, |wire| {
            start_with_letter(legal_only(&readable(wire).to_snake_case()))
        }),
    };
    if is_keyword(&name) { name + "_" } else { name }
}

/// One word, such as most names are, in which there is nothing to convert.
fn is_plain_word(wire: &str) -> bool {
    let wire = wire.as_bytes();
    let starts = wire.first().is_some_and(u8::is_ascii_lowercase);
    starts
        && wire
            .iter()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'))
}

/// A name by this conversion, in which rustc takes no letter for that of another script.
fn clear(wire: &str, convert: fn(&str) -> String) -> String {
    let name = convert(wire);
    if name.is_ascii() {
        return name;
    }
    match letters::unclear_scripts(&name) {
        0 => name,
        scripts => convert(&letters::spell_out(wire, scripts)),
    }
}

/// Words that case conversion can work on: legal letters and digits, with spaces for the rest.
///
/// Where nothing would be left, the symbols are spelled out: enumerations list operators.
fn readable(wire: &str) -> String {
    if wire.is_empty() {
        return "empty".to_owned();
    }
    let mut words = String::new();
    for c in wire.chars() {
        match letters::plain(c) {
            Some(plain) => words.push_str(plain),
            None => words.push(if is_legal(c) { c } else { ' ' }),
        }
    }
    if words.contains(is_legal) {
        return words;
    }
    wire.chars().map(spelled_out).collect::<Vec<_>>().join(" ")
}

/// What case conversion may have brought in (the capital of `ŉ` has an apostrophe) goes again.
fn legal_only(name: &str) -> String {
    name.chars().filter(|&c| c == '_' || is_legal(c)).collect()
}

fn start_with_letter(name: String) -> String {
    if name.starts_with(|first: char| !first.is_alphabetic()) {
        format!("_{name}")
    } else {
        name
    }
}

/// Every keyword of Rust 2024 and those reserved for later, in lower case.
fn is_keyword(name: &str) -> bool {
    matches!(
        name,
        "abstract"
            | "as"
            | "async"
            | "await"
            | "become"
            | "box"
            | "break"
            | "const"
            | "continue"
            | "crate"
            | "do"
            | "dyn"
            | "else"
            | "enum"
            | "extern"
            | "false"
            | "final"
            | "fn"
            | "for"
            | "gen"
            | "if"
            | "impl"
            | "in"
            | "let"
            | "loop"
            | "macro"
            | "match"
            | "mod"
            | "move"
            | "mut"
            | "override"
            | "priv"
            | "pub"
            | "ref"
            | "return"
            | "self"
            | "static"
            | "struct"
            | "super"
            | "trait"
            | "true"
            | "try"
            | "type"
            | "typeof"
            | "unsafe"
            | "unsized"
            | "use"
            | "virtual"
            | "where"
            | "while"
            | "yield"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(convert: fn(&str) -> String, table: &[(&str, &str)]) {
        for (wire, expected) in table {
            assert_eq!(&convert(wire), expected, "for `{wire}`");
        }
    }

    #[test]
    fn types() {
        check(
            type_name,
            &[
                ("beat_sub", "BeatSub"),
                ("beat_sub.message", "BeatSubMessage"),
                ("getPeriod_request", "GetPeriodRequest"),
                ("CheckResult", "CheckResult"),
                ("HTTPServer", "HttpServer"),
                ("a-b", "AB"),
                ("com/object/ObjectId", "ComObjectObjectId"),
                ("Box", "Box"),
                ("String", "String"),
                ("std", "Std"),
                ("service", "Service_"),
                ("Client", "Client_"),
                ("self", "Self_"),
                ("type", "Type"),
                ("3d", "_3d"),
                ("", "Empty"),
                ("_", "Underscore"),
                ("größe", "Größe"),
                ("сердце", "Сердце"),
                ("心拍", "心拍"),
                ("e\u{301}tat", "ETat"),
                ("ﬁx²", "X"),
                ("𝓐", "U1d4d0"),
            ],
        );
    }

    #[test]
    fn letters_that_look_like_others() {
        check(
            type_name,
            &[
                ("α", "Alpha"),
                ("Ω", "Ω"),
                ("Δt", "Δt"),
                ("αβ", "AlphaBeta"),
                ("λόγος", "Λόγος"),
                ("а", "A"),
                ("рост", "Rost"),
                ("Рост", "Rost"),
                ("высота", "Высота"),
                ("вес", "Ves"),
                ("口", "U53e3"),
                ("入口", "入口"),
                ("へ", "U3078"),
                ("µs", "MuS"),
                ("ærlig", "Aerlig"),
                ("Œuvre", "Oeuvre"),
            ],
        );
        check(
            field_name,
            &[
                ("α", "alpha"),
                ("rate_α", "rate_alpha"),
                ("вес", "вес"),
                ("чек", "chek"),
                ("чекСумма", "чек_сумма"),
                ("temperature_µ", "temperature_mu"),
                ("ısı", "isi"),
                ("հ", "u570"),
            ],
        );
        check(const_name, &[("вес", "VES"), ("α-β", "ALPHA_BETA")]);
        // One is spelled as the other is.
        let mut scope = Scope::new();
        let names = ["α", "alpha"].map(|wire| scope.claim(field_name(wire)));
        assert_eq!(names, ["alpha", "alpha2"]);
    }

    #[test]
    fn variants() {
        check(
            variant_name,
            &[
                ("ENABLED", "Enabled"),
                ("not-ready", "NotReady"),
                ("Service", "Service"),
                ("self", "Self_"),
                ("1.0", "_1_0"),
                ("10-01", "_10_01"),
                ("", "Empty"),
                (">=", "GreaterEquals"),
                ("!=", "NotEquals"),
                (" ", "Space"),
                ("★", "U2605"),
            ],
        );
    }

    #[test]
    fn fields() {
        check(
            field_name,
            &[
                ("subscriptionId", "subscription_id"),
                ("type", "type_"),
                ("type_", "type_"),
                ("Type", "type_"),
                ("self", "self_"),
                ("Self", "self_"),
                ("super", "super_"),
                ("crate", "crate_"),
                ("gen", "gen_"),
                ("try", "try_"),
                ("abstract", "abstract_"),
                ("union", "union"),
                ("connect", "connect"),
                ("1st", "_1st"),
                ("a-b", "a_b"),
                ("$ref", "ref_"),
                ("@id", "id"),
                ("XMLHttpRequest", "xml_http_request"),
                ("", "empty"),
                ("\u{0}", "u0"),
                ("名前", "名前"),
            ],
        );
    }

    #[test]
    fn methods() {
        check(
            method_name,
            &[
                ("getPeriod", "get_period"),
                ("move", "move_"),
                ("new", "new_"),
                ("connect", "connect_"),
                ("inMemory", "in_memory_"),
                ("clone", "clone_"),
                ("builder", "builder_"),
                ("withTimeout", "with_timeout_"),
                ("withSince", "with_since_"),
                ("provider", "provider"),
            ],
        );
    }

    #[test]
    fn modules_and_constants() {
        check(
            module_name,
            &[
                ("AppsLauncher", "apps_launcher"),
                ("mod", "mod_"),
                ("2024-report", "_2024_report"),
            ],
        );
        check(
            const_name,
            &[
                ("getPeriod", "GET_PERIOD"),
                ("move_", "MOVE"),
                ("3d", "_3D"),
                ("straße", "STRASSE"),
            ],
        );
    }

    #[test]
    fn every_character_gives_an_identifier() {
        for c in (0..0x600)
            .chain((0x600..0x2_0000).step_by(7))
            .filter_map(char::from_u32)
        {
            for wire in [
                c.to_string(),
                format!("{c}a"),
                format!("a{c}"),
                format!("{c}_1"),
            ] {
                for convert in [
                    type_name,
                    variant_name,
                    field_name,
                    method_name,
                    module_name,
                    const_name,
                ] {
                    let name = convert(&wire);
                    assert!(
                        syn::parse_str::<syn::Ident>(&name).is_ok(),
                        "`{name}` for {wire:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_scope_gives_each_its_own() {
        for (wanted, expected) in [
            (["type_", "type_", "type_"], ["type_", "type_2", "type_3"]),
            (["Self_", "Self_", "Self2"], ["Self_", "Self2", "Self2_2"]),
            (["a_b", "a_b", "a_b2"], ["a_b", "a_b2", "a_b2_2"]),
            (["a_b", "a_b2", "a_b"], ["a_b", "a_b2", "a_b3"]),
            (["V1", "V1", "V1"], ["V1", "V1_2", "V1_3"]),
        ] {
            let mut scope = Scope::new();
            assert_eq!(wanted.map(|name| scope.claim(name.to_owned())), expected);
        }
    }
}

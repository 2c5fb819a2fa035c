//! From the words of a document to Rust names.
//!
//! Total and pure: whatever a document calls a thing, there is an identifier for it. A name that
//! Rust or the generated code needs for itself gets a trailing underscore, always; there are no raw
//! identifiers, since `self`, `super`, `crate` and `Self` cannot be raw and would need a second
//! rule. What differs in a document may meet in Rust (`a-b` and `a_b`): a [`Scope`] tells them
//! apart again.

use std::collections::HashMap;

use heck::{ToShoutySnakeCase, ToSnakeCase, ToUpperCamelCase};

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
        reserved @ ("builder" | "clone" | "connect" | "in_memory" | "new" | "with_timeout") => {
            format!("{reserved}_")
        }
        free => free.to_owned(),
    }
}

/// The name of a document's module: `AppsLauncher` is `apps_launcher`.
pub(crate) fn module_name(wire: &str) -> String {
    snake(wire)
}

/// The name of a constant: `getPeriod` and `get_period` are `GET_PERIOD`.
pub(crate) fn const_name(wire: &str) -> String {
    start_with_letter(legal_only(&readable(wire).to_shouty_snake_case()))
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
    let name = start_with_letter(legal_only(&readable(wire).to_snake_case()));
    if is_keyword(&name) { name + "_" } else { name }
}

/// Words that case conversion can work on: legal letters and digits, with spaces for the rest.
///
/// Where nothing would be left, the symbols are spelled out: enumerations list operators.
fn readable(wire: &str) -> String {
    if wire.is_empty() {
        return "empty".to_owned();
    }
    let words: String = wire
        .chars()
        .map(|c| if is_legal(c) { c } else { ' ' })
        .collect();
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

/// Whether a name keeps this character.
///
/// Fewer than Rust allows: rustc warns of compatibility forms and rare letters, and no attribute
/// inside a module silences that. Marks that combine are left out too, since Rust normalises
/// identifiers and two that differ here must differ there.
fn is_legal(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric();
    }
    let is_common = matches!(c,
        // Latin, Greek, Cyrillic, Armenian.
        '\u{c0}'..='\u{17f}' | '\u{386}'..='\u{3ce}' | '\u{400}'..='\u{45f}'
            | '\u{490}'..='\u{4ff}' | '\u{531}'..='\u{586}'
        // Hebrew, Arabic, Devanagari, Thai.
            | '\u{5d0}'..='\u{5ea}' | '\u{620}'..='\u{64a}' | '\u{904}'..='\u{939}'
            | '\u{e01}'..='\u{e30}'
        // Hiragana, Katakana, Han, Hangul.
            | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fc}' | '\u{4e00}'..='\u{9fff}'
            | '\u{ac00}'..='\u{d7a3}'
    );
    let is_compatibility_form = matches!(c, 'ĳ' | 'Ĳ' | 'ŀ' | 'Ŀ' | 'ŉ' | 'ſ');
    is_common && !is_compatibility_form && c.is_alphabetic()
}

fn spelled_out(symbol: char) -> String {
    let word = match symbol {
        ' ' => "space",
        '!' => "not",
        '"' => "quote",
        '#' => "hash",
        '$' => "dollar",
        '%' => "percent",
        '&' => "and",
        '\'' => "apostrophe",
        '(' => "open",
        ')' => "close",
        '*' => "star",
        '+' => "plus",
        ',' => "comma",
        '-' => "minus",
        '.' => "dot",
        '/' => "slash",
        ':' => "colon",
        ';' => "semicolon",
        '<' => "less",
        '=' => "equals",
        '>' => "greater",
        '?' => "question",
        '@' => "at",
        '[' => "left",
        '\\' => "backslash",
        ']' => "right",
        '^' => "caret",
        '_' => "underscore",
        '`' => "backtick",
        '{' => "begin",
        '|' => "or",
        '}' => "end",
        '~' => "tilde",
        other => return format!("u{:x}", u32::from(other)),
    };
    word.to_owned()
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

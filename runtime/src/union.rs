//! Reads a value that may be one of several types: `oneOf` and `anyOf`.

use std::cell::Cell;

use serde::Deserializer;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::strict;
use crate::validate::Validate;

/// How many constants a branch is told by; reading finds the rest.
pub(crate) const CONSTANTS: usize = 4;

/// Constants of members: a name, and the JSON texts of what its value may be.
pub(crate) type Constants = [(&'static str, &'static [&'static str]); CONSTANTS];

/// One type that a value may be of, and what can be told of the value without reading it.
#[derive(Clone, Copy, Debug)]
pub struct Branch<T> {
    name: &'static str,
    read: fn(&Value) -> serde_json::Result<T>,
    types: u8,
    required: &'static [&'static str],
    members: &'static [&'static str],
    closed: bool,
    constants: Constants,
    values: Option<&'static [&'static str]>,
    otherwise: Option<&'static str>,
}

const OBJECT: u8 = 1;
const ARRAY: u8 = 1 << 1;
const STRING: u8 = 1 << 2;
const INTEGER: u8 = 1 << 3;
const FRACTION: u8 = 1 << 4;
const BOOLEAN: u8 = 1 << 5;
const NULL: u8 = 1 << 6;

macro_rules! types {
    ($($(#[$docs:meta])* $name:ident = $bits:expr;)*) => {$(
        $(#[$docs])*
        #[must_use]
        pub const fn $name(mut self) -> Self {
            self.types |= $bits;
            self
        }
    )*};
}

impl<T> Branch<T> {
    /// A branch by its name, and what reads it. With no type given, a value of any will do.
    #[must_use]
    pub const fn new(name: &'static str, read: fn(&Value) -> serde_json::Result<T>) -> Self {
        Self {
            name,
            read,
            types: 0,
            required: &[],
            members: &[],
            closed: false,
            constants: [("", &[]); CONSTANTS],
            values: None,
            otherwise: None,
        }
    }

    types! {
        /// Objects will do.
        object = OBJECT;
        /// Arrays will do.
        array = ARRAY;
        /// Strings will do.
        string = STRING;
        /// Numbers without a fraction will do.
        integer = INTEGER;
        /// Numbers will do.
        number = INTEGER | FRACTION;
        /// `true` and `false` will do.
        boolean = BOOLEAN;
        /// `null` will do.
        null = NULL;
    }

    /// Members that an object must have.
    #[must_use]
    pub const fn required(mut self, members: &'static [&'static str]) -> Self {
        self.required = members;
        self
    }

    /// Members that an object may have.
    #[must_use]
    pub const fn members(mut self, members: &'static [&'static str]) -> Self {
        self.members = members;
        self
    }

    /// An object has no other members.
    #[must_use]
    pub const fn closed(mut self) -> Self {
        self.closed = true;
        self
    }

    /// What the value of a member may be, as JSON texts. Of more than four the first count.
    #[must_use]
    pub const fn constant(mut self, member: &'static str, values: &'static [&'static str]) -> Self {
        self.constants = with_constant(self.constants, member, values);
        self
    }

    /// What the whole value may be, as JSON texts.
    #[must_use]
    pub const fn equals(mut self, values: &'static [&'static str]) -> Self {
        self.values = Some(values);
        self
    }

    /// It is for objects whose value of this member is a constant of none of the others.
    #[must_use]
    pub const fn otherwise(mut self, member: &'static str) -> Self {
        self.otherwise = Some(member);
        self
    }

    /// Why `value` is not of this branch, as far as can be told without reading it.
    fn mismatch(&self, value: &Value) -> Option<String> {
        if self.types != 0 && self.types & type_of(value) == 0 {
            return Some(format!("found {}", kind(value)));
        }
        if let Some(values) = self.values
            && !values.iter().any(|text| is_constant(value, text))
        {
            return Some(format!(
                "found {}, expected {}",
                shown(value),
                values.join(" or ")
            ));
        }
        let Value::Object(members) = value else {
            return None;
        };
        for (name, values) in self
            .constants
            .iter()
            .filter(|(_, values)| !values.is_empty())
        {
            if let Some(value) = members.get(*name)
                && !values.iter().any(|text| is_constant(value, text))
            {
                let found = shown(value);
                return Some(format!(
                    "`{name}` is {found}, expected {}",
                    values.join(" or ")
                ));
            }
        }
        let mut required = self.required.iter();
        if let Some(missing) = required.find(|name| !members.contains_key(**name)) {
            return Some(format!("`{missing}` is missing"));
        }
        let unknown = self
            .closed
            .then(|| members.keys().find(|name| !self.has(name)))??;
        Some(format!("`{}` is not a member of it", cut(unknown)))
    }

    /// Whether an object has each of this branch's constants.
    fn is_named_by(&self, value: &Value) -> bool {
        let mut constants = self
            .constants
            .iter()
            .filter(|(_, values)| !values.is_empty());
        constants.clone().next().is_some()
            && constants.all(|(name, values)| {
                let member = value.get(name);
                member.is_some_and(|value| values.iter().any(|text| is_constant(value, text)))
            })
    }

    /// Whether an object's value of a member is one of this branch's constants.
    fn is_told_by(&self, member: &str, value: &Value) -> bool {
        let mut constants = self.constants.iter();
        value.get(member).is_some_and(|value| {
            constants.any(|(name, values)| {
                *name == member && values.iter().any(|text| is_constant(value, text))
            })
        })
    }

    fn has(&self, member: &str) -> bool {
        self.members.contains(&member)
    }

    /// How many of the value's members this branch knows.
    fn known(&self, value: &Value) -> usize {
        let members = value.as_object().into_iter().flatten();
        members.filter(|(name, _)| self.has(name)).count()
    }

    /// Whether it may leave out some of the value's members: maps list none, and have all.
    fn may_lose(&self, value: &Value) -> bool {
        let mut members = value.as_object().into_iter().flatten();
        !self.members.is_empty() && members.any(|(name, _)| !self.has(name))
    }
}

/// One more constant, where there is room.
pub(crate) const fn with_constant(
    [first, second, third, fourth]: Constants,
    member: &'static str,
    values: &'static [&'static str],
) -> Constants {
    let constant = (member, values);
    if first.1.is_empty() {
        [constant, second, third, fourth]
    } else if second.1.is_empty() {
        [first, constant, third, fourth]
    } else if third.1.is_empty() {
        [first, second, constant, fourth]
    } else if fourth.1.is_empty() {
        [first, second, third, constant]
    } else {
        [first, second, third, fourth]
    }
}

/// Reads a branch.
///
/// # Errors
///
/// A value that is not of `T`: the message begins with the JSON pointer of what is wrong within it.
pub fn read<T: DeserializeOwned>(value: &Value) -> serde_json::Result<T> {
    strict::from_value(value)
}

/// Reads the branch that a value is of: the only one that it can be, or else the first that it can
/// be read as, and of those first the one that knows most of its members, and of two that know as many
/// first a map, which has all of them.
///
/// # Errors
///
/// A value that is of none, with what is wrong with it.
pub fn choose<'de, T, D: Deserializer<'de>>(
    deserializer: D,
    branches: &[Branch<T>],
) -> Result<T, D::Error> {
    choose_by(deserializer, branches, |_| true)
}

/// The same of types that have rules: of those that the value can be read as, the first whose rules
/// it keeps. If it keeps to those of none, it is for whoever checks it to say so.
///
/// # Errors
///
/// A value that is of none, with what is wrong with it.
pub fn choose_valid<'de, T: Validate, D: Deserializer<'de>>(
    deserializer: D,
    branches: &[Branch<T>],
) -> Result<T, D::Error> {
    choose_by(deserializer, branches, |value| value.validate().is_ok())
}

fn choose_by<'de, T, D: Deserializer<'de>>(
    deserializer: D,
    branches: &[Branch<T>],
    is_valid: fn(&T) -> bool,
) -> Result<T, D::Error> {
    strict::through_value(deserializer, |value| chosen(&value, branches, is_valid))
}

fn chosen<T>(value: &Value, branches: &[Branch<T>], is_valid: fn(&T) -> bool) -> Result<T, String> {
    let _within = Effort::start(value);
    let mut reasons = Vec::new();
    let mut candidates = Vec::new();
    for branch in branches {
        let told = |member| branches.iter().any(|other| other.is_told_by(member, value));
        if branch.otherwise.is_some_and(told) {
            continue;
        }
        match branch.mismatch(value) {
            None => candidates.push(branch),
            Some(reason) => reasons.push(format!("`{}`: {reason}", branch.name)),
        }
    }
    if candidates.is_empty() {
        // What calls itself by a branch's name is meant to be one.
        candidates.extend(branches.iter().filter(|branch| branch.is_named_by(value)));
        candidates.truncate(if candidates.len() == 1 { 1 } else { 0 });
    }
    if let [only] = candidates.as_slice() {
        return (only.read)(value).map_err(|error| error.to_string());
    }
    candidates.sort_by_cached_key(|branch| {
        let known = std::cmp::Reverse(branch.known(value));
        (known, branch.may_lose(value))
    });
    let mut invalid = None;
    for branch in candidates {
        if !Effort::spend(value) {
            return Err("the value may be of too many types to try them all".to_owned());
        }
        match (branch.read)(value) {
            Ok(read) if is_valid(&read) => return Ok(read),
            Ok(read) => invalid = invalid.or(Some(read)),
            Err(error) => {
                // Which may say why a value within it is none of these, and so on.
                let mut error = error.to_string();
                if let Some((end, _)) = error.char_indices().nth(200) {
                    error.truncate(end);
                    error.push('…');
                }
                reasons.push(format!("`{}`: {error}", branch.name));
            }
        }
    }
    if let Some(read) = invalid {
        return Ok(read);
    }
    const SHOWN: usize = 8;
    let more = if reasons.len() > SHOWN { "; …" } else { "" };
    reasons.truncate(SHOWN);
    let reasons = reasons.join("; ");
    Err(format!("found what is none of these: {reasons}{more}"))
}

thread_local! {
    /// What may still be spent on trying, if something is being tried.
    static EFFORT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Bounds how often the values within a value are tried as one type after the other: with two types
/// that each contain such a value again, every level would double it.
struct Effort;

impl Effort {
    /// For the outermost value.
    fn start(value: &Value) -> Option<Self> {
        EFFORT.get().is_none().then(|| {
            EFFORT.set(Some(size(value).saturating_mul(64)));
            Self
        })
    }

    fn spend(value: &Value) -> bool {
        let rest = EFFORT
            .get()
            .and_then(|effort| effort.checked_sub(size(value)));
        if rest.is_some() {
            EFFORT.set(rest);
        }
        rest.is_some()
    }
}

impl Drop for Effort {
    fn drop(&mut self) {
        EFFORT.set(None);
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(size).sum::<usize>() + 1,
        Value::Object(members) => members.values().map(size).sum::<usize>() + 1,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
    }
}

fn type_of(value: &Value) -> u8 {
    match value {
        Value::Object(_) => OBJECT,
        Value::Array(_) => ARRAY,
        Value::String(_) => STRING,
        Value::Number(number) => match number.as_f64() {
            Some(value) if number.is_f64() && value.fract() != 0.0 => FRACTION,
            _ => INTEGER,
        },
        Value::Bool(_) => BOOLEAN,
        Value::Null => NULL,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => "an object",
        Value::Array(_) => "an array",
        Value::String(_) => "a string",
        Value::Number(_) => "a number",
        Value::Bool(_) => "a boolean",
        Value::Null => "null",
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) | Value::Array(_) => kind(value).to_owned(),
        value => cut(&value.to_string()),
    }
}

pub(crate) fn cut(text: &str) -> String {
    const SHOWN: usize = 48;
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

fn is_constant(value: &Value, text: &str) -> bool {
    if let (Value::String(value), Some(inner)) = (value, simple_string(text)) {
        return value == inner;
    }
    serde_json::from_str(text).is_ok_and(|constant| specwire_rules::is_equal(value, &constant))
}

/// The same of a value that is text yet.
pub(crate) fn is_constant_text(value: &str, text: &str) -> bool {
    if value == text {
        return true;
    }
    if simple_string(value).is_some() && simple_string(text).is_some() {
        return false;
    }
    serde_json::from_str(value).is_ok_and(|value| is_constant(&value, text))
}

/// What is between the quotes, where that is all there is to it.
fn simple_string(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    (!inner.contains('\\')).then_some(inner)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Ping {
        id: u8,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Pong {
        id: u8,
        #[serde(default)]
        after: u8,
    }

    #[derive(Debug, PartialEq)]
    enum Event {
        Ping(Ping),
        Pong(Pong),
        Text(String),
        Whole(i64),
        Part(f64),
        Two,
    }

    impl<'de> Deserialize<'de> for Event {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            choose(
                deserializer,
                &[
                    Branch::new("Ping", |json| read(json).map(Self::Ping))
                        .object()
                        .required(&["type", "id"])
                        .members(&["type", "id"])
                        .constant("type", &["\"ping\""])
                        .closed(),
                    Branch::new("Pong", |json| read(json).map(Self::Pong))
                        .object()
                        .required(&["id"])
                        .members(&["type", "id", "after"])
                        .constant("type", &["\"pong\"", "2"]),
                    Branch::new("Text", |json| read(json).map(Self::Text)).string(),
                    Branch::new("Whole", |json| read(json).map(Self::Whole)).integer(),
                    Branch::new("Part", |json| read(json).map(Self::Part)).number(),
                    Branch::new("Two", |_| Ok(Self::Two)).equals(&["[2]", "{\"b\":1}"]),
                ],
            )
        }
    }

    #[track_caller]
    fn check(text: &str, expected: Result<Event, &str>) {
        let read = strict::from_str::<Event>(text).map_err(|error| error.to_string());
        match (read, expected) {
            (Ok(read), Ok(expected)) => assert_eq!(read, expected, "{text}"),
            (Err(error), Err(expected)) => {
                assert!(error.starts_with(expected), "{text}: {error}");
            }
            (read, _) => panic!("{text}: {read:?}"),
        }
    }

    #[test]
    fn the_branch_that_a_value_is_of_is_read() {
        check(r#"{"type":"ping","id":1}"#, Ok(Event::Ping(Ping { id: 1 })));
        check(
            r#"{"type":"p\u0069ng","id":1.0}"#,
            Ok(Event::Ping(Ping { id: 1 })),
        );
        let pong = |after| Ok(Event::Pong(Pong { id: 1, after }));
        check(r#"{"type":"pong","id":1,"x":2}"#, pong(0));
        check(r#"{"type":2.0,"id":1}"#, pong(0));
        check(r#"{"id":1,"after":2}"#, pong(2));
        check(r#""x""#, Ok(Event::Text("x".to_owned())));
        check("1", Ok(Event::Whole(1)));
        check("1.0", Ok(Event::Whole(1)));
        check("1.5", Ok(Event::Part(1.5)));
        check(
            "18446744073709551615",
            Ok(Event::Part(18_446_744_073_709_551_615.0)),
        );
        check("[2.0]", Ok(Event::Two));
    }

    #[test]
    fn what_is_wrong_with_a_value_is_told() {
        check(
            r#"{"type":"pang","id":1}"#,
            Err(
                r#"found what is none of these: `Ping`: `type` is "pang", expected "ping"; `Pong`: `type` is "pang", expected "pong" or 2; `Text`: found an object"#,
            ),
        );
        check(
            r#"{"type":"ping","id":"x"}"#,
            Err("/id: invalid type: string \"x\", expected u8"),
        );
        check(r#"{"type":"ping"}"#, Err("missing field `id`"));
        check(
            r#"{"type":"ping","id":1,"id":1}"#,
            Err("the member `id` is there twice"),
        );
        check(
            r#"["type",1]"#,
            Err("found what is none of these: `Ping`: found an array"),
        );
        check("null", Err("found what is none of these"));
    }

    #[test]
    fn rules_tell_branches_too() {
        #[derive(Debug, PartialEq)]
        enum Amount {
            Small(i64),
            Large(i64),
        }
        impl Validate for Amount {
            fn check(&self, at: &specwire_rules::At<'_>) -> Result<(), specwire_rules::Violation> {
                match self {
                    Self::Small(value) => specwire_rules::maximum(at, *value, 10),
                    Self::Large(value) => specwire_rules::minimum(at, *value, 100),
                }
            }
        }
        impl<'de> Deserialize<'de> for Amount {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let branches = [
                    Branch::new("Small", |json| read(json).map(Self::Small)).integer(),
                    Branch::new("Large", |json| read(json).map(Self::Large)).integer(),
                ];
                choose_valid(deserializer, &branches)
            }
        }
        let read = |text| strict::from_str::<Amount>(text).unwrap();
        assert_eq!(read("5"), Amount::Small(5));
        assert_eq!(read("500"), Amount::Large(500));
        assert_eq!(read("50").validate().unwrap_err().rule(), "maximum");
    }

    #[test]
    fn of_types_that_know_as_much_a_map_keeps_all() {
        #[derive(Debug, PartialEq)]
        enum Tags {
            Named(Named),
            Map(BTreeMap<String, Value>),
        }

        #[derive(Debug, Deserialize, PartialEq)]
        struct Named {
            name: Option<String>,
        }

        let branches = [
            Branch::new("Named", |json| read(json).map(Tags::Named))
                .object()
                .members(&["name"]),
            Branch::new("Map", |json| read(json).map(Tags::Map)).object(),
        ];
        let tags = |value: Value| chosen(&value, &branches, |_| true).expect("it is of both");
        assert!(matches!(tags(json!({})), Tags::Named(_)));
        assert!(matches!(tags(json!({"name": "a"})), Tags::Named(_)));
        assert!(matches!(tags(json!({"other": 1})), Tags::Map(_)));
    }

    #[test]
    fn types_that_contain_each_other_are_not_tried_for_ever() {
        #[derive(Debug)]
        struct Tree;
        #[derive(Debug, Deserialize)]
        struct Inner {
            #[serde(rename = "in")]
            _inner: Box<Tree>,
        }
        impl<'de> Deserialize<'de> for Tree {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let read = |json: &Value| read::<Inner>(json).map(|_| Self);
                choose(
                    deserializer,
                    &[Branch::new("A", read), Branch::new("B", read)],
                )
            }
        }
        let text = format!("{}1{}", r#"{"in":"#.repeat(100), "}".repeat(100));
        let error = strict::from_str::<Tree>(&text).unwrap_err().to_string();
        assert!(
            error.contains("too many types") && error.len() < 4000,
            "{}",
            error.len()
        );
        let text = format!("{}1{}", r#"{"in":"#.repeat(5), "}".repeat(5));
        assert!(strict::from_str::<Tree>(&text).is_err());
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Leg {
        #[serde(rename = "price")]
        _price: u8,
        #[serde(rename = "legs", default)]
        _legs: Vec<Order>,
        #[serde(rename = "notes", default)]
        _notes: BTreeMap<String, Option<(u8, String)>>,
    }

    /// A leg, or text.
    #[derive(Debug)]
    struct Order;

    impl<'de> Deserialize<'de> for Order {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            choose(
                deserializer,
                &[
                    Branch::new("Leg", |json| read::<Leg>(json).map(|_| Self)).object(),
                    Branch::new("Text", |json| read::<String>(json).map(|_| Self)).string(),
                ],
            )
        }
    }

    #[derive(Debug, Deserialize)]
    struct Book {
        #[serde(rename = "orders", default)]
        _orders: Vec<Order>,
        #[serde(rename = "last")]
        _last: Option<Order>,
    }

    #[test]
    fn what_is_wrong_within_one_of_several_types_is_pointed_at() {
        for (text, expected) in [
            (
                r#"{"last":{"price":"1"}}"#,
                "/last/price: invalid type: string \"1\", expected u8",
            ),
            (r#"{"last":{}}"#, "/last: missing field `price`"),
            (
                r#"{"last":{"prise":1}}"#,
                "/last/prise: unknown field `prise`, expected one of `price`, `legs`, `notes`",
            ),
            (
                r#"{"orders":["a",{"price":1},{"price":300}],"last":"b"}"#,
                "/orders/2/price: invalid value: integer `300`, expected u8",
            ),
            (
                r#"{"orders":["a",{"price":1,"legs":["b",{"price":1,"legs":[{"price":null}]}]}]}"#,
                "/orders/1/legs/1/legs/0/price: invalid type: null, expected u8",
            ),
            (
                "{\"last\": {\"price\": 1,\n \"notes\": {\"a\": null, \"b/c\": [1, 2]}}}",
                "/last/notes/b~1c/1: invalid type: integer `2`, expected a string",
            ),
            (
                r#"{"last":{"price":1,"notes":{"a":[1,"b",3]}}}"#,
                "/last/notes/a: invalid length 3, expected fewer",
            ),
            (
                r#"{"last":{"price":1,"price":1}}"#,
                "/last/price: the member `price` is there twice",
            ),
            (
                r#"{"orders":[true]}"#,
                "/orders/0: found what is none of these: `Leg`: found a boolean; `Text`: found a boolean",
            ),
            (
                r#"{"last":[1]}"#,
                "/last: found what is none of these: `Leg`: found an array; `Text`: found an array",
            ),
        ] {
            let error = strict::from_str::<Book>(text).unwrap_err();
            assert_eq!(strict::explain(&error, text), expected, "{text}");
        }
    }
}

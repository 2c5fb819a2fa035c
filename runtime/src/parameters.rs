//! Parameters of a channel's address, such as `roomId` of `rooms/{roomId}`.

use std::borrow::Cow;
use std::fmt::{self, Debug, Write as _};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use specwire_rules::is_name;

use crate::fault::Fault;
use crate::json;
use crate::names::Names;
use crate::payload::{Address, MessageSpec, NoHeaders, Payload};
use crate::strict;
use crate::validate::Validate;

/// What fills in a channel's address (AsyncAPI 3.0, Parameter Object); generated types implement it.
///
/// It displays as the address, with what a URL would not take percent-encoded, and is parsed from
/// one. Where opening a channel subscribes to it, the parameters stand for the subscription.
///
/// What a peer gives as a value is a name, of 1 to 64 letters, digits, `-` and `_`, or what the document
/// lists, unless a service takes any text: [`lenient_addresses`](crate::Provider::lenient_addresses).
///
/// A channel whose address has no parameters has `()`.
pub trait Parameters:
    Clone + Debug + PartialEq + Serialize + DeserializeOwned + Validate + Send + Sync + 'static
{
    /// The channel's address, with each parameter's name in braces.
    const ADDRESS: &'static str;

    /// Parameters that are said in the message too, each with where: a runtime expression.
    #[doc(hidden)]
    const LOCATIONS: &'static [(&'static str, &'static str)] = &[];

    /// Values that the document lists and that are no names otherwise, of each parameter.
    #[doc(hidden)]
    const DECLARED: &'static [(&'static str, &'static [&'static str])] = &[];
}

/// Stands where an interaction has no message: nothing is sent or read for it.
impl Parameters for () {
    const ADDRESS: &'static str = "";
}

impl<A: Parameters> Payload for A {
    type Headers = NoHeaders;
    const SPEC: MessageSpec = MessageSpec::new("").in_place(Address {
        template: A::ADDRESS,
        locations: A::LOCATIONS,
        declared: A::DECLARED,
    });
}

/// A message on its way in: its halves, and the parameters of the channel that it is sent to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Parts<'a> {
    pub(crate) parameters: Option<&'a RawValue>,
    pub(crate) headers: Option<&'a RawValue>,
    pub(crate) payload: Option<&'a RawValue>,
    /// The payload, where that is text and not JSON.
    pub(crate) text: Option<&'a str>,
}

impl<'a> Parts<'a> {
    /// The JSON of the parameters of this address: what was given, and what the message says beside.
    ///
    /// # Errors
    ///
    /// [`Fault::INVALID_ADDRESS`] for a value that the service does not take, and
    /// [`Fault::INVALID_MESSAGE`] for what is no object of single members.
    pub(crate) fn parameters_of(
        &self,
        channel: &str,
        address: &Address,
        names: Names,
    ) -> Result<Cow<'a, str>, Fault> {
        if address.template.is_empty() {
            return Ok(Cow::Borrowed("null"));
        }
        let given = self.parameters.map_or("{}", RawValue::get);
        let members = json::members(given).map_err(|error| {
            let what = strict::explain(&error, given);
            let message = format!("the parameters of `{channel}`: {what}");
            Fault::new(Fault::INVALID_MESSAGE, message)
        })?;
        for (name, value) in &members {
            check(address, name, value, names)?;
        }
        let is_given = |name: &str| members.iter().any(|(member, _)| member == name);
        let told: Vec<_> = address
            .locations
            .iter()
            .filter(|(name, _)| !is_given(name))
            .filter_map(|(name, expression)| Some((*name, self.told(expression)?)))
            .collect();
        if told.is_empty() {
            return Ok(Cow::Borrowed(given));
        }
        for (name, value) in &told {
            check(address, name, value, names)?;
        }
        let told = told
            .iter()
            .map(|(name, value)| (Cow::Borrowed(*name), value.as_ref()));
        let all: Vec<_> = members.iter().cloned().chain(told).collect();
        Ok(json::object(&all).map_or(Cow::Borrowed(given), |object| {
            Cow::Owned(object.get().to_owned())
        }))
    }

    /// What the message says at a runtime expression, as text.
    fn told(&self, expression: &str) -> Option<Box<RawValue>> {
        let (half, pointer) = match expression.strip_prefix("$message.payload#") {
            Some(pointer) => (self.payload, pointer),
            None => (self.headers, expression.strip_prefix("$message.header#")?),
        };
        let half = half?;
        // Most often it is a member of the message itself, with a plain name, and text.
        let name = pointer.strip_prefix('/');
        if let Some(name) = name.filter(|name| !name.contains(['/', '~']))
            && let Some(told) = json::member(half.get(), name)
            && told.get().starts_with('"')
        {
            return Some(told.to_owned());
        }
        let value: Value = serde_json::from_str(half.get()).ok()?;
        let text = match value.pointer(pointer)? {
            Value::String(text) => text.clone(),
            value @ (Value::Number(_) | Value::Bool(_)) => value.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        serde_json::value::to_raw_value(&text).ok()
    }
}

/// Checks what is given as parameters, of which those of other addresses are nobody's matter.
///
/// # Errors
///
/// [`Fault::INVALID_ADDRESS`].
pub(crate) fn check_given(address: &Address, given: &RawValue, names: Names) -> Result<(), Fault> {
    // What is no object of single members is told when it is read.
    let members = json::members(given.get()).unwrap_or_default();
    let mut members = members.iter();
    members.try_for_each(|(name, value)| check(address, name, value, names))
}

fn check(address: &Address, name: &str, value: &RawValue, names: Names) -> Result<(), Fault> {
    let is_plain = |text: &str| {
        let inner = text
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'));
        inner.is_some_and(is_name)
    };
    // Nearly all are, and what is no parameter need not be.
    if is_plain(value.get()) || !parts(address.template).any(|part| part == Part::Parameter(name)) {
        return Ok(());
    }
    let mut declared = address.declared.iter();
    let declared = declared.find(|(of, _)| *of == name);
    names.value(name, value, declared.map_or(&[], |(_, values)| values))
}

/// The parameters as JSON; none where there are none.
pub(crate) fn raw<A: Parameters>(parameters: &A) -> Option<Box<RawValue>> {
    if A::ADDRESS.is_empty() {
        return None;
    }
    // Strings and enums of strings can be written always.
    serde_json::value::to_raw_value(parameters).ok()
}

/// The query of a URL as parameters: the first of each name (WHATWG URL, 5.1).
pub(crate) fn of_query(query: &str) -> Option<Box<RawValue>> {
    let mut members = Map::new();
    for (name, value) in query_pairs(query) {
        members.entry(name).or_insert(Value::String(value));
    }
    serde_json::value::to_raw_value(&members).ok()
}

/// Names and values of a URL's query, without those that are not UTF-8.
pub(crate) fn query_pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.filter_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let text = |part: &str| decoded(&part.replace('+', " "));
        Some((text(name)?, text(value)?))
    })
}

/// Writes the address that parameters make.
///
/// # Errors
///
/// Those of the formatter.
pub fn write_address<A: Parameters>(parameters: &A, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let values = serde_json::to_value(parameters).unwrap_or_default();
    for part in parts(A::ADDRESS) {
        match part {
            Part::Text(text) => f.write_str(text)?,
            Part::Parameter(name) => match values.get(name).and_then(Value::as_str) {
                Some(value) => write_encoded(value, f)?,
                None => write!(f, "{{{name}}}")?,
            },
        }
    }
    Ok(())
}

/// The names of an address's parameters, each once and in the address's order.
pub(crate) fn names(address: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for part in parts(address) {
        if let Part::Parameter(name) = part
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

/// The parameters of an address with their values, each once and in the address's order.
pub(crate) fn values(address: &str, parameters: &impl Serialize) -> Vec<(String, String)> {
    let given = serde_json::to_value(parameters).unwrap_or_default();
    let mut values: Vec<(String, String)> = Vec::new();
    for part in parts(address) {
        if let Part::Parameter(name) = part
            && values.iter().all(|(earlier, _)| earlier != name)
        {
            let value = given.get(name).and_then(Value::as_str).unwrap_or_default();
            values.push((name.to_owned(), value.to_owned()));
        }
    }
    values
}

/// Reads parameters out of an address.
///
/// # Errors
///
/// [`Fault::INVALID_MESSAGE`] for an address that is not one of the channel's.
pub fn read_address<A: Parameters>(address: &str) -> Result<A, Fault> {
    let other = |what: &dyn fmt::Display| {
        let message = format!(
            "the address `{address}` is not one of `{}`: {what}",
            A::ADDRESS
        );
        Fault::new(Fault::INVALID_MESSAGE, message).shortened()
    };
    let mut values = Map::new();
    let mut rest = address;
    let mut template = parts(A::ADDRESS).peekable();
    while let Some(part) = template.next() {
        match part {
            Part::Text(text) => {
                rest = rest
                    .strip_prefix(text)
                    .ok_or_else(|| other(&format_args!("`{text}` is missing")))?;
            }
            Part::Parameter(name) => {
                let end = match template.peek() {
                    Some(Part::Text(next)) => rest
                        .find(next)
                        .ok_or_else(|| other(&format_args!("`{next}` is missing")))?,
                    Some(Part::Parameter(_)) | None => rest.len(),
                };
                let (value, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
                rest = after;
                let value = decoded(value).filter(|_| !value.contains('/'));
                let value = value
                    .map(Value::String)
                    .ok_or_else(|| other(&format_args!("`{name}` is not one segment")))?;
                if values.get(name).is_some_and(|known| *known != value) {
                    return Err(other(&format_args!("`{name}` is two values")));
                }
                values.insert(name.to_owned(), value);
            }
        }
    }
    if !rest.is_empty() {
        return Err(other(&format_args!("`{rest}` is too much")));
    }
    serde_json::from_value(Value::Object(values)).map_err(|error| other(&error))
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part<'a> {
    Text(&'a str),
    Parameter(&'a str),
}

/// An address's text and parameters, in order. Braces around nothing are text.
fn parts(address: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = address;
    let mut parameter = None;
    std::iter::from_fn(move || {
        if let Some(parameter) = parameter.take() {
            return Some(Part::Parameter(parameter));
        }
        if rest.is_empty() {
            return None;
        }
        let found = rest.find('{').and_then(|start| {
            let end = start.saturating_add(rest.get(start..)?.find('}')?);
            let start = rest.get(..end)?.rfind('{')?;
            let name = rest.get(start.saturating_add(1)..end)?;
            let after = rest.get(end.saturating_add(1)..)?;
            (!name.is_empty()).then_some((rest.get(..start)?, name, after))
        });
        let Some((text, name, after)) = found else {
            return Some(Part::Text(std::mem::take(&mut rest)));
        };
        rest = after;
        if text.is_empty() {
            return Some(Part::Parameter(name));
        }
        parameter = Some(name);
        Some(Part::Text(text))
    })
}

/// Displays as the text, percent-encoded.
pub(crate) struct Encoded<'a>(pub(crate) &'a str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_encoded(self.0, f)
    }
}

/// Percent-encodes all that RFC 3986, 2.3 does not leave as it is.
fn write_encoded(value: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            f.write_char(char::from(byte))?;
        } else {
            write!(f, "%{byte:02X}")?;
        }
    }
    Ok(())
}

/// The text that is percent-encoded; `None` if it is not UTF-8.
pub(crate) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (&[high, low], after) = rest.split_first_chunk::<2>()?;
        let digit = |byte: u8| char::from(byte).to_digit(16);
        bytes.push(u8::try_from(digit(high)? * 16 + digit(low)?).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_apart() {
        use Part::{Parameter, Text};
        for (address, expected) in [
            ("", &[][..]),
            ("a/b", &[Text("a/b")]),
            ("{a}", &[Parameter("a")]),
            (
                "a/{b}/{c}.d",
                &[
                    Text("a/"),
                    Parameter("b"),
                    Text("/"),
                    Parameter("c"),
                    Text(".d"),
                ],
            ),
            ("{a}{b}", &[Parameter("a"), Parameter("b")]),
            ("{}/{", &[Text("{}/{")]),
            ("{{a}}", &[Text("{"), Parameter("a"), Text("}")]),
            ("a}{b}", &[Text("a}"), Parameter("b")]),
        ] {
            assert_eq!(parts(address).collect::<Vec<_>>(), expected, "{address}");
        }
    }

    #[test]
    fn the_first_of_each_name_in_a_query_counts() {
        let query = |text: &str| of_query(text).unwrap().get().to_owned();
        assert_eq!(query(""), "{}");
        assert_eq!(
            query("a=1&b=x%2Fy+z&a=2&c&%FF=1"),
            r#"{"a":"1","b":"x/y z","c":""}"#
        );
    }

    #[test]
    fn what_is_not_given_is_looked_for_in_the_message() {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let (given, headers, payload) = (
            raw(r#"{"a":"1"}"#),
            raw(r#"{"h":7}"#),
            raw(r#"{"p":[{"q":"x"}]}"#),
        );
        let parts = Parts {
            parameters: Some(&given),
            headers: Some(&headers),
            payload: Some(&payload),
            text: None,
        };
        let address = Address {
            template: "{a}{b}{c}{d}",
            locations: &[
                ("a", "$message.payload#/p/0/q"),
                ("b", "$message.payload#/p/0/q"),
                ("c", "$message.header#/h"),
                ("d", "$message.payload#/p"),
            ],
            declared: &[],
        };
        let all = parts.parameters_of("x", &address, Names::Plain).unwrap();
        assert_eq!(all, r#"{"a":"1","b":"x","c":"7"}"#);
    }
}

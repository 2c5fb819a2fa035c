//! What generated message types tell the runtime about themselves.

use std::any::Any;
use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::union::{self, CONSTANTS, Constants, is_constant_text};
use crate::validate::Validate;

/// The payload of one AsyncAPI message; generated types implement it.
///
/// A message is a payload and its headers (AsyncAPI 3.0, Message Object). The payload's Rust type
/// stands for the message, so that the compiler tells messages apart.
pub trait Payload:
    Clone + fmt::Debug + PartialEq + Serialize + DeserializeOwned + Validate + Send + Sync + 'static
{
    /// The message's declared headers.
    type Headers: Clone
        + fmt::Debug
        + PartialEq
        + Serialize
        + DeserializeOwned
        + Validate
        + Send
        + Sync
        + 'static;

    /// The message's names on the wire.
    #[doc(hidden)]
    const SPEC: MessageSpec;

    /// The message's name on the wire.
    const NAME: &'static str = Self::SPEC.name();

    /// The message's content type, such as `application/json`.
    const CONTENT_TYPE: &'static str = Self::SPEC.content_type();
}

/// A message: its payload, and its headers beside it.
///
/// Wherever a message is asked for its payload alone will do, and the headers are then empty.
///
/// ```
/// # use specwire::{Message, NoHeaders};
/// let message = Message::from(());
/// assert_eq!(message.headers, NoHeaders);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Message<P: Payload> {
    /// What the message says.
    pub payload: P,
    /// What the message says about itself.
    pub headers: P::Headers,
}

impl<P: Payload> Message<P> {
    /// A message with headers of its own.
    #[must_use]
    pub const fn new(payload: P, headers: P::Headers) -> Self {
        Self { payload, headers }
    }
}

impl<P: Payload> From<P> for Message<P>
where
    P::Headers: Default,
{
    fn from(payload: P) -> Self {
        Self::new(payload, P::Headers::default())
    }
}

impl<P: Payload> Deref for Message<P> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.payload
    }
}

impl<P: Payload> DerefMut for Message<P> {
    fn deref_mut(&mut self) -> &mut P {
        &mut self.payload
    }
}

/// What a handler may answer with: a payload, or a [`Message`] with headers of its own.
pub trait IntoMessage {
    /// The payload of the message.
    type Payload: Payload;

    /// The message.
    fn into_message(self) -> Message<Self::Payload>;
}

impl<P: Payload> IntoMessage for P
where
    P::Headers: Default,
{
    type Payload = P;

    fn into_message(self) -> Message<P> {
        self.into()
    }
}

impl<P: Payload> IntoMessage for Message<P> {
    type Payload = P;

    fn into_message(self) -> Self {
        self
    }
}

/// The value, where it is of the type that is asked for: a type of which there is but one value need
/// not be read or written.
pub(crate) fn same<T: 'static, U: 'static>(value: T) -> Option<U> {
    let value: &mut dyn Any = &mut Some(value);
    value.downcast_mut::<Option<U>>()?.take()
}

/// The headers of a message that declares none. Headers that come all the same are ignored.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct NoHeaders;

impl Serialize for NoHeaders {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(std::iter::empty::<((), ())>())
    }
}

impl<'de> Deserialize<'de> for NoHeaders {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyObject;
        impl<'de> Visitor<'de> for AnyObject {
            type Value = NoHeaders;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NoHeaders, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(NoHeaders)
            }
        }
        deserializer.deserialize_map(AnyObject)
    }
}

impl Validate for NoHeaders {}

/// The error message of an interaction that declares none: there is no value of it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum NoError {}

impl Serialize for NoError {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        match *self {}
    }
}

impl<'de> Deserialize<'de> for NoError {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom("no error message is declared"))
    }
}

impl Validate for NoError {}

impl Payload for NoError {
    type Headers = NoHeaders;
    const SPEC: MessageSpec = MessageSpec::new("");
}

/// What a payload is, by the message's content type.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Content {
    /// JSON, as everything is in an envelope.
    Json,
    /// A `String`. Where a frame is a payload it is the frame's text.
    Text,
    /// Bytes, which JSON has as text in base64. Where a frame is a payload it is a binary frame.
    Binary,
}

/// A message's wire names, as generated code states them.
#[derive(Clone, Copy, Debug)]
pub struct MessageSpec {
    name: &'static str,
    members: &'static [&'static str],
    required: &'static [&'static str],
    closed: bool,
    headers: &'static [&'static str],
    reply_address: Option<Place>,
    correlation_id: Option<Place>,
    content: Content,
    content_type: &'static str,
    constants: Constants,
    parameters: Address,
    sample: &'static str,
}

/// Where a message has what replies repeat, or where they are to go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// In this header.
    Header(&'static str),
    /// In this member of the payload.
    Member(&'static str),
}

impl Place {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Header(name) | Self::Member(name) => name,
        }
    }
}

/// An address, as generated code states it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Address {
    /// With each parameter's name in braces; empty where there is none.
    pub(crate) template: &'static str,
    /// Parameters that a message says, each with the runtime expression for where.
    pub(crate) locations: &'static [(&'static str, &'static str)],
    /// Values that the document lists and that are no names otherwise, of each parameter.
    pub(crate) declared: &'static [(&'static str, &'static [&'static str])],
}

impl Address {
    const NONE: Self = Self {
        template: "",
        locations: &[],
        declared: &[],
    };
}

impl MessageSpec {
    /// The AsyncAPI message name.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            members: &[],
            required: &[],
            closed: false,
            headers: &[],
            reply_address: None,
            correlation_id: None,
            content: Content::Json,
            content_type: "application/json",
            constants: [("", &[]); CONSTANTS],
            parameters: Address::NONE,
            sample: "",
        }
    }

    /// The payload's declared members.
    #[must_use]
    pub const fn members(mut self, members: &'static [&'static str]) -> Self {
        self.members = members;
        self
    }

    /// Those of them that must be there.
    #[must_use]
    pub const fn required(mut self, required: &'static [&'static str]) -> Self {
        self.required = required;
        self
    }

    /// What the value of a member may be, as JSON texts. Of more than four the first count.
    #[must_use]
    pub const fn constant(mut self, member: &'static str, values: &'static [&'static str]) -> Self {
        self.constants = union::with_constant(self.constants, member, values);
        self
    }

    /// No other member is allowed (`additionalProperties: false`).
    #[must_use]
    pub const fn closed(mut self) -> Self {
        self.closed = true;
        self
    }

    /// The declared headers.
    #[must_use]
    pub const fn headers(mut self, headers: &'static [&'static str]) -> Self {
        self.headers = headers;
        self
    }

    /// The header that names the address for replies: a topic where the transport is a broker. On a
    /// WebSocket replies go to whoever asked, and it is only data for the handler.
    #[must_use]
    pub const fn reply_address(mut self, header: &'static str) -> Self {
        self.reply_address = Some(Place::Header(header));
        self
    }

    /// The member of the payload that names it.
    #[must_use]
    pub const fn reply_address_in_payload(mut self, member: &'static str) -> Self {
        self.reply_address = Some(Place::Member(member));
        self
    }

    /// The header that replies repeat.
    #[must_use]
    pub const fn correlation_id(mut self, header: &'static str) -> Self {
        self.correlation_id = Some(Place::Header(header));
        self
    }

    /// The member of the payload that replies repeat.
    #[must_use]
    pub const fn correlation_in_payload(mut self, member: &'static str) -> Self {
        self.correlation_id = Some(Place::Member(member));
        self
    }

    /// Its content type (RFC 6838), and what that makes of the payload.
    #[must_use]
    pub const fn content(mut self, content: Content, content_type: &'static str) -> Self {
        self.content = content;
        self.content_type = content_type;
        self
    }

    /// A raw frame of it, for a person to begin with. Where there is none it may be `{}`.
    #[must_use]
    pub const fn sample(mut self, sample: &'static str) -> Self {
        self.sample = sample;
        self
    }

    /// No message but the parameters of an address stand for it.
    pub(crate) const fn in_place(mut self, address: Address) -> Self {
        self.parameters = address;
        self
    }

    /// The address whose parameters stand for the message.
    pub(crate) const fn parameters(&self) -> Address {
        self.parameters
    }

    /// The AsyncAPI message name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The content type.
    #[must_use]
    pub const fn content_type(&self) -> &'static str {
        self.content_type
    }

    /// What the payload is where a frame is nothing else.
    pub(crate) const fn carried_as(&self) -> Content {
        self.content
    }

    /// Nothing is sent or read in place of this message.
    pub(crate) const fn is_none(&self) -> bool {
        self.name.is_empty()
    }

    /// What replies repeat.
    pub(crate) const fn correlation(&self) -> Option<Place> {
        self.correlation_id
    }

    /// Where replies are to go.
    pub(crate) const fn replies_to(&self) -> Option<Place> {
        self.reply_address
    }

    /// It declares headers.
    pub(crate) fn has_headers(&self) -> bool {
        !self.headers.is_empty()
    }

    /// `member` of a bare payload is a header that rides beside the payload's own members.
    pub(crate) fn is_header(&self, member: &str) -> bool {
        !self.members.contains(&member) && self.headers.contains(&member)
    }

    /// `member` is one of the payload's or of the headers; so is any of a payload whose members are
    /// not known here, such as one of several types.
    pub(crate) fn declares(&self, member: &str) -> bool {
        self.members.is_empty() || self.members.contains(&member) || self.headers.contains(&member)
    }

    /// Why an object with these members, given as names and JSON texts, cannot be this message, if
    /// it cannot.
    pub(crate) fn mismatch<'a>(
        &self,
        members: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    ) -> Option<Mismatch<'a>> {
        for (name, values) in self.constants() {
            let found = members.clone().find(|(member, _)| member == name);
            if let Some((_, found)) = found
                && !values.iter().any(|value| is_constant_text(found, value))
                // An optional member that is `null` is not there.
                && (found != "null" || self.required.contains(name))
            {
                return Some(Mismatch::Constant {
                    name,
                    found,
                    values,
                });
            }
        }
        let mut names = members.map(|(name, _)| name);
        let missing = self
            .required
            .iter()
            .find(|required| !names.clone().any(|member| member == **required));
        if let Some(missing) = missing {
            return Some(Mismatch::Missing(missing));
        }
        if !self.closed {
            return None;
        }
        names
            .find(|member| !self.members.contains(member) && !self.headers.contains(member))
            .map(Mismatch::Unknown)
    }

    /// Whether an object with these members has each of the message's constants.
    pub(crate) fn is_named_by<'a>(
        &self,
        members: &(impl Iterator<Item = (&'a str, &'a str)> + Clone),
    ) -> bool {
        self.constants().next().is_some()
            && self.constants().all(|(name, values)| {
                let mut of_name = members.clone().filter(|(member, _)| member == name);
                of_name.any(|(_, found)| values.iter().any(|value| is_constant_text(found, value)))
            })
    }

    /// A raw frame to begin with, if there is one that the document has words for.
    pub(crate) fn shown(&self) -> Option<&'static str> {
        match (self.sample, self.content) {
            ("", Content::Json) => Some("{}"),
            ("", Content::Text) => Some("hello"),
            (_, Content::Binary) => None,
            (sample, _) => Some(sample),
        }
    }

    fn constants(&self) -> impl Iterator<Item = &(&'static str, &'static [&'static str])> {
        self.constants
            .iter()
            .filter(|(_, values)| !values.is_empty())
    }
}

/// Why an object is not a message. Most of the time nobody wants to read it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mismatch<'a> {
    /// A member is not what it must be.
    Constant {
        name: &'static str,
        found: &'a str,
        values: &'static [&'static str],
    },
    /// A member is not there.
    Missing(&'static str),
    /// A member is there that may not be.
    Unknown(&'a str),
}

impl fmt::Display for Mismatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant {
                name,
                found,
                values,
            } => {
                let (found, expected) = (union::cut(found), values.join(" or "));
                write!(f, "`{name}` is {found}, expected {expected}")
            }
            Self::Missing(name) => write!(f, "`{name}` is missing"),
            Self::Unknown(name) => write!(f, "`{name}` is not a member of it"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: MessageSpec = MessageSpec::new("ping")
        .members(&["type", "version", "id"])
        .required(&["type", "id"])
        .constant("type", &["\"ping\"", "\"p\""])
        .constant("version", &["1"])
        .closed();

    #[track_caller]
    fn check(members: &[(&str, &str)], mismatch: Option<&str>, is_named: bool) {
        let members = members.iter().copied();
        let found = PING
            .mismatch(members.clone())
            .map(|mismatch| mismatch.to_string());
        assert_eq!(found.as_deref(), mismatch);
        assert_eq!(PING.is_named_by(&members), is_named);
    }

    #[test]
    fn a_message_is_told_by_its_constants() {
        check(
            &[("type", "\"ping\""), ("id", "0"), ("version", "1")],
            None,
            true,
        );
        check(
            &[("type", "\"p\""), ("id", "0"), ("version", "1.0")],
            None,
            true,
        );
        check(&[("type", "\"\\u0070ing\""), ("id", "0")], None, false);
        check(
            &[("type", "\"ping\""), ("id", "0"), ("version", "null")],
            None,
            false,
        );
        check(
            &[("type", "\"pong\""), ("id", "0")],
            Some(r#"`type` is "pong", expected "ping" or "p""#),
            false,
        );
        check(
            &[("type", "[]")],
            Some(r#"`type` is [], expected "ping" or "p""#),
            false,
        );
        check(
            &[("type", "\"p\""), ("version", "1")],
            Some("`id` is missing"),
            true,
        );
        check(
            &[("type", "\"p\""), ("id", "0"), ("x", "1")],
            Some("`x` is not a member of it"),
            false,
        );
    }
}

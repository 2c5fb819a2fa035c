//! What a message may look like, for a person to begin with.

use std::collections::{HashMap, HashSet};

use specwire_rules::Format;

use crate::api::{
    Base, Bound, Content, Message, Payload, Rules, Struct, Type, TypeDef, TypeKind, TypeName,
};
use crate::source::{Id, Node, json_string};

/// Bytes of a sample. More is not for a person to read.
const LONGEST: usize = 400;
/// Values that are made for a sample, with those that are given up.
const STEPS: usize = 500;
/// Values within each other.
const DEEPEST: usize = 16;

/// The first of a message's examples that keeps to the schema, or else the least that does; `None`
/// where that is `{}`, or cannot be made.
pub(super) fn of(
    message: &Message,
    examples: Option<Node<'_>>,
    refuted: &HashSet<Id>,
    types: &Types<'_>,
) -> Option<String> {
    let sample = match message.content {
        Content::Binary => return None,
        Content::Text => text_example(examples, refuted).or_else(|| {
            let json = Maker::new(types).payload(message)?;
            let text = json.strip_prefix('"')?.strip_suffix('"')?;
            (!text.contains('\\')).then(|| text.to_owned())
        }),
        Content::Json => example(message, examples, refuted).or_else(|| {
            let mut maker = Maker::new(types);
            let (payload, headers) = (maker.payload(message)?, maker.headers(message)?);
            beside(message, &payload, &headers)
        }),
    };
    sample.filter(|sample| !sample.is_empty() && sample != "{}" && sample.len() <= LONGEST)
}

fn text_example(examples: Option<Node<'_>>, refuted: &HashSet<Id>) -> Option<String> {
    let payloads = payloads(examples, refuted);
    let mut texts = payloads.filter_map(|(_, payload)| payload.text().map(ToOwned::to_owned));
    texts.find(|text| text.len() <= LONGEST)
}

fn example(message: &Message, examples: Option<Node<'_>>, refuted: &HashSet<Id>) -> Option<String> {
    let mut samples = payloads(examples, refuted).filter_map(|(example, payload)| {
        let headers = example.get("headers");
        let is_right = |headers: &Node<'_>| !refuted.contains(&headers.id());
        let headers: Option<Vec<_>> = headers.filter(is_right).map(|headers| {
            let entries = headers.entries();
            entries
                .map(|entry| (entry.key.to_owned(), entry.node.json()))
                .collect()
        });
        beside(message, &payload.json(), &headers.unwrap_or_default())
    });
    samples.find(|sample| sample.len() <= LONGEST)
}

/// Each example with its payload, which keeps to the schema.
fn payloads<'s>(
    examples: Option<Node<'s>>,
    refuted: &HashSet<Id>,
) -> impl Iterator<Item = (Node<'s>, Node<'s>)> {
    let examples = examples.into_iter().flat_map(Node::items);
    examples.filter_map(|example| {
        let payload = example.get("payload")?;
        (!refuted.contains(&payload.id())).then_some((example, payload))
    })
}

/// The payload with headers beside its own members, as raw and tagged frames have them.
fn beside(message: &Message, payload: &str, headers: &[(String, String)]) -> Option<String> {
    if headers.is_empty() {
        return Some(payload.to_owned());
    }
    let members = payload.strip_prefix('{')?.strip_suffix('}')?;
    let mut all: Vec<String> = Vec::new();
    for (name, value) in headers {
        if message.shape.members.contains(name) {
            return None;
        }
        all.push(format!("{}:{value}", json_string(name)));
    }
    if !members.is_empty() {
        all.insert(0, members.to_owned());
    }
    Some(format!("{{{}}}", all.join(",")))
}

/// All types of a document by their names.
pub(super) type Types<'a> = HashMap<&'a TypeName, &'a TypeDef>;

/// Makes the least values of types.
struct Maker<'a> {
    types: &'a Types<'a>,
    left: usize,
}

impl<'a> Maker<'a> {
    fn new(types: &'a Types<'a>) -> Self {
        Self { types, left: STEPS }
    }

    fn payload(&mut self, message: &Message) -> Option<String> {
        match &message.payload {
            Payload::Own(name) => self.named(name, 0),
            Payload::Wraps(ty) => self.value(ty, &Rules::default(), 0),
        }
    }

    /// The headers that have to be there.
    fn headers(&mut self, message: &Message) -> Option<Vec<(String, String)>> {
        let Some(name) = &message.headers else {
            return Some(Vec::new());
        };
        match &self.types.get(name)?.kind {
            TypeKind::Struct(headers) => self.members(headers, 0),
            _ => None,
        }
    }

    fn members(&mut self, object: &Struct, depth: usize) -> Option<Vec<(String, String)>> {
        let required = object.fields.iter().filter(|field| field.required);
        let members = required.map(|field| {
            let value = match &field.default {
                Some(default) => default.json.clone(),
                None => self.value(&field.ty, &Rules::default(), depth)?,
            };
            Some((field.name.wire.clone(), value))
        });
        members.collect()
    }

    fn named(&mut self, name: &TypeName, depth: usize) -> Option<String> {
        let definition = *self.types.get(name)?;
        match &definition.kind {
            TypeKind::Struct(object) => {
                let members = self.members(object, depth)?.into_iter();
                let members =
                    members.map(|(name, value)| format!("{}:{value}", json_string(&name)));
                Some(format!("{{{}}}", members.collect::<Vec<_>>().join(",")))
            }
            TypeKind::Enum(list) => {
                let first = &list.variants.first()?.name.wire;
                Some(match list.base {
                    Base::String => json_string(first),
                    Base::Integer | Base::Json => first.clone(),
                })
            }
            TypeKind::Union(union) => {
                let mut branches = union.branches.iter();
                branches.find_map(|branch| self.value(&branch.ty, &definition.rules, depth))
            }
            TypeKind::Newtype(ty) => self.value(ty, &definition.rules, depth),
        }
    }

    /// Recursion ends: it is limited.
    fn value(&mut self, ty: &Type, rules: &Rules, depth: usize) -> Option<String> {
        self.left = self.left.checked_sub(1)?;
        let depth = depth + 1;
        if depth > DEEPEST {
            return None;
        }
        let value = match ty {
            Type::Null => "null".to_owned(),
            Type::Bool => "false".to_owned(),
            Type::Integer(_) | Type::Number => number(rules, true)?,
            Type::F32 | Type::F64 => number(rules, false)?,
            Type::String => json_string(&text(rules)?),
            Type::Uuid => json_string(format_sample(Format::Uuid)),
            Type::Ipv4 => json_string(format_sample(Format::Ipv4)),
            Type::Ipv6 => json_string(format_sample(Format::Ipv6)),
            Type::Bytes => json_string(""),
            Type::Never | Type::Foreign(_) => return None,
            Type::Array(item) => {
                let least = usize::try_from(rules.min_items.unwrap_or(0)).ok()?;
                if least > DEEPEST || (least > 1 && rules.unique_items) {
                    return None;
                }
                let mut items = Vec::new();
                for _ in 0..least {
                    items.push(self.value(item, &Rules::default(), depth)?);
                }
                format!("[{}]", items.join(","))
            }
            Type::Tuple(items) => {
                let items = items.iter();
                let items: Option<Vec<_>> = items
                    .map(|item| self.value(item, &Rules::default(), depth))
                    .collect();
                format!("[{}]", items?.join(","))
            }
            Type::Map(_) if rules.min_properties.unwrap_or(0) > 0 => return None,
            Type::Map(_) | Type::Any => "{}".to_owned(),
            Type::Nullable(inner) => {
                let value = self.value(inner, rules, depth);
                value.unwrap_or_else(|| "null".to_owned())
            }
            Type::Checked(inner, rules) => self.value(inner, rules, depth)?,
            Type::Named(name) | Type::Boxed(name) => self.named(name, depth)?,
        };
        Some(value)
    }
}

/// The number that keeps to the rules and is the plainest.
fn number(rules: &Rules, is_whole: bool) -> Option<String> {
    let bound = |bound: &Option<Bound>| match bound {
        Some(bound) => Some(Some((bound.value.parse::<f64>().ok()?, bound.exclusive))),
        None => Some(None),
    };
    let (least, most) = (bound(&rules.minimum)?, bound(&rules.maximum)?);
    let steps = rules.multiples_of.iter().map(|of| of.parse::<f64>().ok());
    let steps: Vec<f64> = steps.collect::<Option<_>>()?;
    let mut candidates = vec![0.0];
    for bound in [least, most].into_iter().flatten() {
        let (bound, _) = bound;
        candidates.extend([bound.ceil(), bound.floor(), bound.ceil() + 1.0]);
        candidates.extend([bound.floor() - 1.0, bound]);
        let next = steps.iter();
        candidates.extend(next.flat_map(|step| {
            let count = (bound / step).floor();
            [count * step, (count + 1.0) * step]
        }));
    }
    if let (Some((least, _)), Some((most, _))) = (least, most) {
        candidates.push(f64::midpoint(least, most));
    }
    let keeps = |number: &f64| {
        let number = *number;
        let above = least.is_none_or(|(least, is_exclusive)| {
            number > least || (number == least && !is_exclusive)
        });
        let below = most
            .is_none_or(|(most, is_exclusive)| number < most || (number == most && !is_exclusive));
        let whole = !is_whole || number.fract() == 0.0;
        let stepped = || steps.iter().all(|step| (number / step).fract() == 0.0);
        // As far as every whole number is one of these.
        above && below && whole && stepped() && number.abs() < 9e15
    };
    let number = candidates.into_iter().find(keeps)?;
    Some(number.to_string())
}

/// The text that keeps to the rules and is the plainest. What a pattern matches is not known.
fn text(rules: &Rules) -> Option<String> {
    if !rules.patterns.is_empty() {
        return None;
    }
    let format = rules.format.as_deref().and_then(Format::named);
    let least = usize::try_from(rules.min_length.unwrap_or(0)).ok()?;
    let text = match format.map(format_sample) {
        Some(text) => text.to_owned(),
        None if least <= LONGEST => "x".repeat(least),
        None => return None,
    };
    let length = text.chars().count();
    let most = rules.max_length.and_then(|most| usize::try_from(most).ok());
    (length >= least && most.is_none_or(|most| length <= most)).then_some(text)
}

/// A text of this format; those of documentation (RFC 2606, RFC 5737, RFC 3849), where there are such.
fn format_sample(format: Format) -> &'static str {
    match format {
        Format::DateTime => "2026-01-31T12:00:00Z",
        Format::Date => "2026-01-31",
        Format::Time => "12:00:00Z",
        Format::Duration => "PT1S",
        Format::Email => "ada@example.com",
        Format::Hostname => "example.com",
        Format::Ipv4 => "192.0.2.1",
        Format::Ipv6 => "2001:db8::1",
        Format::Uri => "https://example.com/",
        Format::Uuid => "6f1c8c1e-7d4e-4bb8-8f8e-0a4a2f2f9d11",
        _ => "",
    }
}

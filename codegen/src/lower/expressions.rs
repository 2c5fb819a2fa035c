//! Runtime expressions: where a message says how it is answered.

use std::collections::HashSet;

use super::Uses;
use super::interaction::{Draft, Role};
use crate::api::{Expression, Message, Part};
use crate::diagnostic::{Code, Diagnostic, Errors, quote};
use crate::document::json_schema;
use crate::resolve::Resolved;
use crate::source::Node;

/// Finds where a message has the address for replies, and what ties them to it.
pub(super) fn set(
    message: &mut Message,
    index: usize,
    uses: &Uses<'_>,
    resolved: &Resolved<'_>,
    errors: &mut Errors,
) {
    let header_names: HashSet<&str> = message.header_names.iter().map(String::as_str).collect();
    let declared = |name: &str| header_names.contains(name);
    let source = resolved.messages.get(index);
    let mut found = |node: Node<'_>| {
        let expression = read(node.text()?)?;
        let name = expression.first()?;
        if expression.part == Part::Headers && !declared(&name) {
            let text = format!("{} is not among the declared headers", quote(&name));
            let names = &message.header_names;
            let meant = errors.nearest(&name, names.iter().map(String::as_str));
            let mistake = Diagnostic::warning(Code::UndeclaredHeader, node.place(), text);
            let mistake = mistake.unless_errors().did_you_mean(meant);
            let headers = source.and_then(|source| source.get("headers"));
            errors.push(match headers {
                Some(headers) => mistake.related(headers.key_place(), "these are declared"),
                None => mistake,
            });
            return None;
        }
        let members = source.and_then(|source| properties(source.get("payload")?, resolved));
        if let (Part::Payload, Some(members)) = (expression.part, members)
            && members.get(&name).is_none()
        {
            let text = format!("{} is not among the payload's properties", quote(&name));
            let names = members.entries().map(|entry| entry.key);
            let meant = errors.nearest(&name, names);
            let mistake = Diagnostic::warning(Code::UndeclaredHeader, node.place(), text);
            let mistake = mistake.unless_errors().did_you_mean(meant);
            errors.push(mistake.related(members.key_place(), "these are declared"));
        }
        Some(expression)
    };
    let drafts = uses.by_message.get(&index).map_or(&[][..], Vec::as_slice);
    let correlation = source.and_then(|message| message.get("correlationId"));
    let correlation = correlation.and_then(|node| resolved.references.target(node));
    let correlation = correlation.and_then(|node| node.get("location"));
    let starts = drafts.iter().filter(|(role, _)| *role == Role::Start);
    let reply_address = starts
        .filter_map(|(_, draft)| found(draft.operation.reply.as_ref()?.address?))
        .next();
    let correlation_id = match correlation {
        Some(expression) => found(expression),
        None => drafts
            .iter()
            .any(|(_, draft)| draft.ccsds && starts_with_request_id(draft, resolved))
            .then(|| Expression {
                part: Part::Headers,
                pointer: "/requestId".to_owned(),
            })
            .filter(|_| declared("requestId")),
    };
    let filled_in: HashSet<String> = [&reply_address, &correlation_id]
        .into_iter()
        .filter_map(|expression| expression.as_ref()?.member_of(Part::Headers))
        .collect();
    let mut headers = message.header_names.iter();
    message.has_own_headers = headers.any(|header| !filled_in.contains(header));
    message.reply_address = reply_address;
    message.correlation_id = correlation_id;
}

/// The members that a payload declares, if they are all in one place.
fn properties<'s>(payload: Node<'s>, resolved: &Resolved<'s>) -> Option<Node<'s>> {
    const MORE: &[&str] = &[
        "additionalProperties",
        "allOf",
        "anyOf",
        "dependencies",
        "dependentSchemas",
        "if",
        "oneOf",
        "patternProperties",
    ];
    let payload = json_schema(resolved.references.target(payload)?).ok()?;
    let payload = resolved.references.target(payload)?;
    let mut more = MORE.iter().filter_map(|key| payload.get(key));
    let has_more = more.any(|node| node.bool() != Some(false));
    payload.get("properties").filter(|_| !has_more)
}

/// What is no expression has been reported.
fn read(text: &str) -> Option<Expression> {
    let (part, pointer) = match text.strip_prefix("$message.header#") {
        Some(pointer) => (Part::Headers, pointer),
        None => (Part::Payload, text.strip_prefix("$message.payload#")?),
    };
    Some(Expression {
        part,
        pointer: pointer.to_owned(),
    })
}

/// The message that starts the interaction declares the header that CCSDS documents correlate by.
fn starts_with_request_id(draft: &Draft<'_>, resolved: &Resolved<'_>) -> bool {
    let start = draft.steps.iter().find(|(role, _)| *role == Role::Start);
    let message = start.and_then(|(_, step)| resolved.messages.get(step.message));
    message
        .into_iter()
        .flat_map(|message| message.all("headers"))
        .any(|headers| {
            let headers = resolved.references.target(headers);
            headers
                .and_then(|headers| headers.get("properties")?.get("requestId"))
                .is_some()
        })
}

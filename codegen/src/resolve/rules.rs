//! What AsyncAPI asks of references beyond that they lead to an object of the right kind.

use super::Resolved;
use crate::diagnostic::{Code, Diagnostic, Errors, quote};
use crate::document::{Kind, json_schema};
use crate::source::{Id, Node, NumberMap, NumberSet};

/// Checks what nothing else looks at, since no code depends on it.
pub(super) fn check(resolved: &Resolved<'_>, errors: &mut Errors) {
    servers(resolved, errors);
    objects(resolved, errors);
    endless_schemas(resolved, &["allOf"], errors);
    endless_schemas(resolved, &["anyOf", "oneOf"], errors);
    spare_operations(resolved, errors);
}

/// The servers of a channel are some of the document's.
fn servers(resolved: &Resolved<'_>, errors: &mut Errors) {
    let offered = resolved.root.get("servers");
    let entries = offered.into_iter().flat_map(Node::entries);
    let known: NumberSet<Id> = entries
        .filter_map(|entry| Some(resolved.references.target(entry.node)?.id()))
        .collect();
    for channel in &resolved.channels {
        let servers = channel.node.get("servers");
        for reference in servers.into_iter().flat_map(Node::items) {
            let Some(written) = reference.get("$ref") else {
                continue;
            };
            let target = resolved.references.target(reference);
            let Some(target) = target.filter(|target| !known.contains(&target.id())) else {
                continue;
            };
            let name = target.key();
            let message = format!("{} is not one of the document's `servers`", quote(name));
            let help = format!("add it to `servers`, and refer to `#/servers/{name}`");
            errors.push(
                Diagnostic::error(Code::ForeignServer, written.place(), message)
                    .related(target.key_place(), "this is what it refers to")
                    .with_help(help),
            );
        }
    }
}

/// What has names on the wire is an object: headers, and the query of a URL.
fn objects(resolved: &Resolved<'_>, errors: &mut Errors) {
    for (kind, node) in &resolved.objects {
        let fields: &[&str] = match kind {
            Kind::Message | Kind::MessageTrait => &["headers"],
            Kind::WebSocketBinding => &["query", "headers"],
            _ => continue,
        };
        for field in fields {
            let written = node.get(field);
            let Some(schema) = written.and_then(|node| resolved.references.target(node)) else {
                continue;
            };
            let Some(ty) = json_schema(schema)
                .ok()
                .and_then(|schema| schema.get("type"))
            else {
                continue;
            };
            let is_object = |node: Node<'_>| node.text() == Some("object");
            if is_object(ty) || ty.items().any(is_object) {
                continue;
            }
            let found = ty.describe();
            let message = format!(
                "found {found}, expected {} of the type `object`",
                quote(field)
            );
            let help = "write `type: object`, and what is in it under `properties`";
            let mistake = Diagnostic::warning(Code::NotAnObject, ty.place(), message);
            errors.push(mistake.with_help(help).unless_errors());
        }
    }
}

/// No schema is joined with itself, nor is an alternative to itself. Where it is one and joins what lists
/// it, that is plain.
fn endless_schemas(resolved: &Resolved<'_>, keys: &[&str], errors: &mut Errors) {
    let mut done: NumberSet<Id> = NumberSet::default();
    let schemas = resolved.objects.iter();
    for (_, start) in schemas.filter(|(kind, _)| *kind == Kind::Schema) {
        let first = inner(resolved, *start, keys);
        if first.is_empty() || !done.insert(start.id()) {
            continue;
        }
        // Those between the start and here, each with what is left to look at.
        let mut open: NumberSet<Id> = NumberSet::from_iter([start.id()]);
        let mut walk = vec![(*start, first)];
        while let Some((node, left)) = walk.last_mut() {
            let Some((written, next)) = left.pop() else {
                open.remove(&node.id());
                walk.pop();
                continue;
            };
            if open.contains(&next.id()) {
                let message = format!("{} is joined with itself", quote(&next.reference()));
                let place = written.get("$ref").unwrap_or(written).place();
                errors.push(
                    Diagnostic::error(Code::ReferenceCycle, place, message)
                        .related(next.key_place(), "this is what it refers to"),
                );
            } else if done.insert(next.id()) {
                open.insert(next.id());
                walk.push((next, inner(resolved, next, keys)));
            }
        }
    }
}

/// What these lists of a schema have: as it is written, and what that refers to.
fn inner<'s>(resolved: &Resolved<'s>, node: Node<'s>, keys: &[&str]) -> Vec<(Node<'s>, Node<'s>)> {
    let lists = keys.iter().filter_map(|key| node.get(key));
    let items = lists.flat_map(Node::items);
    let mut found: Vec<_> = items
        .filter_map(|item| Some((item, resolved.references.target(item)?)))
        .collect();
    found.reverse();
    found
}

/// The messages of operations that are kept under `components` are their channels'.
fn spare_operations(resolved: &Resolved<'_>, errors: &mut Errors) {
    let used: NumberSet<Id> = resolved
        .operations
        .iter()
        .map(|operation| operation.node.id())
        .collect();
    let target = |node| resolved.references.target(node);
    let mut messages_of: NumberMap<Id, NumberSet<Id>> = NumberMap::default();
    let components = resolved.root.get("components");
    let operations = components.and_then(|components| components.get("operations"));
    for entry in operations.into_iter().flat_map(Node::entries) {
        let Some(operation) = target(entry.node).filter(|node| !used.contains(&node.id())) else {
            continue;
        };
        let Some(channel) = operation.get("channel").and_then(target) else {
            continue;
        };
        let known = messages_of.entry(channel.id()).or_insert_with(|| {
            let messages = channel.get("messages").into_iter().flat_map(Node::entries);
            let targets = messages.filter_map(|message| target(message.node));
            targets.map(Node::id).collect()
        });
        let messages = operation.get("messages").into_iter();
        for reference in messages.flat_map(Node::items) {
            let Some(written) = reference.get("$ref") else {
                continue;
            };
            let Some(message) = target(reference).filter(|node| !known.contains(&node.id())) else {
                continue;
            };
            let text = format!(
                "{} is not a message of the channel {}",
                quote(message.key()),
                quote(channel.key())
            );
            errors.push(
                Diagnostic::warning(Code::ForeignMessage, written.place(), text)
                    .related(channel.key_place(), "this is the channel"),
            );
        }
    }
}

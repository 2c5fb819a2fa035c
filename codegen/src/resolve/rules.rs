//! What AsyncAPI asks of references beyond that they lead to an object of the right kind.

use std::collections::{HashMap, HashSet};

use super::Resolved;
use crate::diagnostic::{Code, Diagnostic, Errors, quote};
use crate::source::{Id, Node};

/// Checks what nothing else looks at, since no code depends on it.
pub(super) fn check(resolved: &Resolved<'_>, errors: &mut Errors) {
    servers(resolved, errors);
    spare_operations(resolved, errors);
}

/// The servers of a channel are some of the document's.
fn servers(resolved: &Resolved<'_>, errors: &mut Errors) {
    let offered = resolved.root.get("servers");
    let entries = offered.into_iter().flat_map(Node::entries);
    let known: HashSet<Id> = entries
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

/// The messages of operations that are kept under `components` are their channels'.
fn spare_operations(resolved: &Resolved<'_>, errors: &mut Errors) {
    let used: HashSet<Id> = resolved
        .operations
        .iter()
        .map(|operation| operation.node.id())
        .collect();
    let target = |node| resolved.references.target(node);
    let mut messages_of: HashMap<Id, HashSet<Id>> = HashMap::new();
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

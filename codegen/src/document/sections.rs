//! Whole sections that stand in other places: `channels: {$ref: channels.yaml}`.
//!
//! AsyncAPI has no references there, but tools that join files follow them, and so documents have
//! them. They are gone before anything else is looked at.

use crate::diagnostic::{Code, Diagnostic, Errors, quote};
use crate::source::{Id, Node, Source, Target};

/// How many references lead from one to the next.
const LONGEST: usize = 10;

/// The fields of a document that are sections.
const SECTIONS: &[&str] = &["channels", "components", "info", "operations", "servers"];

/// Sections whose members have sections of their own, and those.
const WITHIN: &[(&str, &[&str])] = &[
    ("channels", &["messages", "parameters"]),
    ("servers", &["variables"]),
];

/// Puts the sections that are referred to where the references stand: all that are mappings of names
/// to objects. Those that lead to nothing are reported, and left.
pub(crate) fn gather(source: &mut Source, errors: &mut Errors) {
    let root = source.root().id();
    for section in SECTIONS {
        follow(source, root, section, errors);
    }
    let components = source.root().get("components").map(Node::id);
    if let Some(components) = components {
        for key in keys(source.node(components)) {
            follow(source, components, &key, errors);
        }
    }
    for owner in [Some(root), components].into_iter().flatten() {
        for (section, inner) in WITHIN {
            let members = source.node(owner).get(section).into_iter();
            let members: Vec<Id> = members
                .flat_map(Node::entries)
                .filter_map(|entry| end(source, entry.node, None).ok())
                .map(Node::id)
                .collect();
            for member in members {
                for key in *inner {
                    follow(source, member, key, errors);
                }
            }
        }
    }
}

fn keys(node: Node<'_>) -> Vec<String> {
    let entries = node.entries().map(|entry| entry.key.to_owned());
    entries.filter(|key| !key.starts_with("x-")).collect()
}

fn follow(source: &mut Source, owner: Id, key: &str, errors: &mut Errors) {
    let Some(start) = source.node(owner).get(key) else {
        return;
    };
    let place = || start.get("$ref").unwrap_or(start).place();
    let end = match end(source, start, Some(errors)) {
        Ok(end) if end.id() == start.id() => return,
        Ok(end) => end.id(),
        Err(None) => return,
        Err(Some(mistake)) => return errors.push(mistake),
    };
    let message = format!(
        "found a reference in place of {}: AsyncAPI allows none here",
        quote(key)
    );
    errors.push(Diagnostic::warning(
        Code::ReferenceNotAllowed,
        place(),
        message,
    ));
    source.replace(owner, key, end);
}

/// What a chain of references ends in; the node itself, if it is none. Otherwise what is wrong, unless
/// that is with a file. Files are used from now on, if there are `errors` to report theirs to.
fn end<'s>(
    source: &'s Source,
    start: Node<'s>,
    mut errors: Option<&mut Errors>,
) -> Result<Node<'s>, Option<Diagnostic>> {
    let mut at = start;
    for _ in 0..LONGEST {
        let Some(reference) = lone_reference(at) else {
            return Ok(at);
        };
        let (location, pointer) = reference.split_once('#').unwrap_or((reference, ""));
        if let Some(errors) = &mut errors {
            source.tell(at, location, errors);
        }
        let place = || at.get("$ref").unwrap_or(at).place();
        let root = match location {
            "" => Some(at.root()),
            location => match source.target(at, location) {
                Target::Node(root) => Some(root),
                Target::Broken(broken) => return Err(Some(broken.error(place()))),
                Target::Unusable => return Err(None),
                Target::Foreign => None,
            },
        };
        let Some(target) = root.and_then(|root| root.at(pointer)) else {
            let message = format!("{} does not exist", quote(reference));
            return Err(Some(Diagnostic::error(Code::Unresolved, place(), message)));
        };
        at = target;
    }
    let place = start.get("$ref").unwrap_or(start).place();
    let message = format!("{} leads to references only", quote(start.key()));
    Err(Some(Diagnostic::error(
        Code::ReferenceCycle,
        place,
        message,
    )))
}

/// The reference of something that is nothing else.
pub(super) fn lone_reference(node: Node<'_>) -> Option<&str> {
    let is_alone = node.entries().nth(1).is_none();
    node.get("$ref").filter(|_| is_alone)?.text()
}

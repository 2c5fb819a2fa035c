//! Whole sections that stand in other places: `channels: {$ref: channels.yaml}`.
//!
//! AsyncAPI has no references there, but tools that join files follow them, and so documents have
//! them. They are gone before anything else is looked at. So are those in place of a schema's
//! `properties` that lead to the `properties` of another.

use std::collections::HashSet;

use super::schema::{Holds, holds};
use crate::diagnostic::{Code, Diagnostic, Errors, quote};
use crate::source::{Id, Node, Size, Source, Target};

/// How many references lead from one to the next.
const LONGEST: usize = 10;

/// How many values may be moved in all, which may be the same ones again and again.
const MOST: usize = 50_000;

/// The fields of a document that are sections.
const SECTIONS: &[&str] = &["channels", "components", "info", "operations", "servers"];

/// Sections whose members have sections of their own, and those.
const WITHIN: &[(&str, &[&str])] = &[
    ("channels", &["messages", "parameters"]),
    ("servers", &["variables"]),
];

/// What is in these is data, whatever it looks like.
const DATA: &[&str] = &["const", "default", "enum", "example", "examples"];

/// Puts the sections that are referred to where the references stand: all that are mappings of names
/// to objects. Those that lead to nothing are reported, and left.
pub(crate) fn gather(source: &mut Source, errors: &mut Errors) {
    let root = source.root().id();
    let mut gatherer = Gatherer {
        source,
        size: Size::new(MOST),
        is_full: false,
        errors,
    };
    for section in SECTIONS {
        gatherer.follow(root, section);
    }
    let components = gatherer.source.root().get("components").map(Node::id);
    if let Some(components) = components {
        for key in keys(gatherer.source.node(components)) {
            gatherer.follow(components, &key);
        }
    }
    for owner in [Some(root), components].into_iter().flatten() {
        for (section, inner) in WITHIN {
            for member in gatherer.members(owner, section) {
                for key in *inner {
                    if !gatherer.is_full {
                        gatherer.follow(member, key);
                    }
                }
            }
        }
    }
    for owner in borrowers(gatherer.source) {
        if !gatherer.is_full {
            gatherer.follow(owner, "properties");
        }
    }
}

/// Schemas whose members are said to be those of another.
fn borrowers(source: &Source) -> Vec<Id> {
    let owners = source.owners_of("properties").filter(|owner| {
        let reference = owner.get("properties").and_then(lone_reference);
        let lender = reference.and_then(|reference| reference.strip_suffix("/properties"));
        let lender = lender.and_then(|lender| lender.rsplit('/').next());
        lender.is_some_and(|lender| !names_schemas(lender)) && !names_schemas(owner.key())
    });
    let is_data = |owner: &Node<'_>| {
        let path = owner.path();
        path.iter()
            .any(|key| DATA.contains(key) || key.starts_with("x-"))
    };
    owners
        .filter(|owner| !is_data(owner))
        .map(Node::id)
        .collect()
}

/// Within this, `properties` is the name of a schema.
fn names_schemas(key: &str) -> bool {
    key == "schemas" || matches!(holds(key), Some(Holds::SchemasByName))
}

struct Gatherer<'a> {
    source: &'a mut Source,
    size: Size,
    /// There was too much.
    is_full: bool,
    errors: &'a mut Errors,
}

impl Gatherer<'_> {
    fn follow(&mut self, owner: Id, key: &str) {
        let Some(start) = self.source.node(owner).get(key) else {
            return;
        };
        let place = || start.get("$ref").unwrap_or(start).place();
        let end = match end(self.source, start, Some(self.errors)) {
            Ok(end) if end.id() == start.id() => return,
            Ok(end) => end,
            Err(None) => return,
            Err(Some(mistake)) => return self.errors.push(mistake),
        };
        match contains(end, owner, &mut self.size) {
            Ok(false) => {}
            Ok(true) => {
                let message = format!("{} would be within itself", quote(key));
                let mistake = Diagnostic::error(Code::ReferenceCycle, place(), message);
                return self.errors.push(mistake);
            }
            Err(message) => {
                self.is_full = true;
                let mistake = Diagnostic::error(Code::TooLarge, place(), message);
                return self.errors.push(mistake);
            }
        }
        let message = format!(
            "found a reference in place of {}: AsyncAPI allows none here",
            quote(key)
        );
        let code = Code::ReferenceNotAllowed;
        self.errors.push(if end.is_mapping() {
            Diagnostic::warning(code, place(), message)
        } else {
            let help = format!("it leads to {}", end.describe());
            Diagnostic::error(code, place(), message).with_help(help)
        });
        let end = end.id();
        self.source.replace(owner, key, end);
    }

    /// The members of a section, wherever they are.
    fn members(&self, owner: Id, section: &str) -> Vec<Id> {
        let section = self.source.node(owner).get(section).into_iter();
        section
            .flat_map(Node::entries)
            .filter_map(|entry| end(self.source, entry.node, None).ok())
            .map(Node::id)
            .collect()
    }
}

/// Whether a node is among those within another.
fn contains(outer: Node<'_>, inner: Id, size: &mut Size) -> Result<bool, String> {
    let mut seen = HashSet::new();
    let mut open = vec![outer];
    while let Some(node) = open.pop() {
        if node.id() == inner {
            return Ok(true);
        }
        if seen.insert(node.id()) {
            size.grow(1, "values in sections that are elsewhere")?;
            open.extend(node.entries().map(|entry| entry.node));
            open.extend(node.items());
        }
    }
    Ok(false)
}

fn keys(node: Node<'_>) -> Vec<String> {
    let entries = node.entries().map(|entry| entry.key.to_owned());
    entries.filter(|key| !key.starts_with("x-")).collect()
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

//! Following `$ref`: pointers into the document, to whatever depth and over further references.

use crate::diagnostic::{Code, Diagnostic, Errors, quote};
use crate::document::{Document, Kind, named};
use crate::source::{Id, Node, NumberMap, NumberSet, Source, Target, decode, is_avro, unescape};

/// How many references of a cycle are shown.
const MOST_SHOWN: usize = 5;

/// How many references a pointer may lead through.
const MOST_DETOURS: usize = 10;

/// What each reference leads to in the end.
#[derive(Debug)]
pub(crate) struct References<'s> {
    /// For those that lead nowhere, `None`.
    targets: NumberMap<Id, Option<Node<'s>>>,
}

impl<'s> References<'s> {
    /// Follows every reference of the document, and checks what they lead to as what they take it
    /// for.
    pub(super) fn follow(document: &mut Document<'s>, errors: &mut Errors) -> Self {
        let mut next: NumberMap<Id, Option<Node<'s>>> = NumberMap::default();
        let mut order = Vec::new();
        // Checking a target finds further references, which are followed in their turn.
        let mut done = 0;
        while let Some((node, kind)) = document.references.get(done).copied() {
            done = done.saturating_add(1);
            order.push(node);
            let target = find(document.source, node, kind, errors);
            let target = target.and_then(|target| fits(document, node, target, kind, errors));
            next.insert(node.id(), target);
        }
        let foreign = document.foreign.iter();
        let foreign: Vec<_> = foreign
            .map(|node| (node.id(), unread(document.source, *node, errors)))
            .collect();
        let mut references = Self {
            targets: NumberMap::default(),
        };
        for node in order {
            references.settle(node, &next, errors);
        }
        references.targets.extend(foreign);
        references
    }

    /// The node itself, or what it refers to. `None` if that does not exist, which has been
    /// reported.
    pub(crate) fn target(&self, node: Node<'s>) -> Option<Node<'s>> {
        self.targets.get(&node.id()).copied().unwrap_or(Some(node))
    }

    /// Finds the end of a chain of references.
    fn settle(
        &mut self,
        start: Node<'s>,
        next: &NumberMap<Id, Option<Node<'s>>>,
        errors: &mut Errors,
    ) {
        let mut chain: Vec<Node<'s>> = Vec::new();
        let mut seen = NumberSet::default();
        let mut at = Some(start);
        while let Some(node) = at {
            if let Some(known) = self.targets.get(&node.id()) {
                at = *known;
                break;
            }
            let Some(target) = next.get(&node.id()) else {
                break;
            };
            if !seen.insert(node.id()) {
                let place = node.get("$ref").unwrap_or(node).place();
                let message = format!("{} refers to itself", quote(&node.reference()));
                let mistake = Diagnostic::error(Code::ReferenceCycle, place, message);
                let through = chain.iter().skip_while(|other| other.id() != node.id());
                errors.push(
                    through
                        .skip(1)
                        .take(MOST_SHOWN)
                        .fold(mistake, |mistake, other| {
                            let place = other.get("$ref").unwrap_or(*other).place();
                            mistake.related(place, "by way of this")
                        }),
                );
                at = None;
                break;
            }
            chain.push(node);
            at = *target;
        }
        for node in chain {
            self.targets.insert(node.id(), at);
        }
    }
}

/// What a reference in place of a schema of another language leads to, where that can be read. Says
/// if it is no file.
fn unread<'s>(source: &'s Source, node: Node<'s>, errors: &mut Errors) -> Option<Node<'s>> {
    match begin(source, node) {
        (Target::Node(root), fragment) => {
            let mut detours = MOST_DETOURS;
            walk(source, root, fragment, &mut detours).ok()
        }
        (Target::Broken(broken), _) => {
            let place = node.get("$ref").unwrap_or(node).place();
            errors.push(broken.unread(place));
            None
        }
        (Target::Foreign | Target::Unusable, _) => None,
    }
}

/// The target, if it is of the wanted kind.
fn fits<'s>(
    document: &mut Document<'s>,
    node: Node<'s>,
    target: Node<'s>,
    kind: Kind,
    errors: &mut Errors,
) -> Option<Node<'s>> {
    match document.kinds.get(&target.id()).copied() {
        Some(known) if known == kind => {
            if kind == Kind::Schema {
                compare_types(node, target, errors);
            }
            Some(target)
        }
        Some(other) => {
            let place = node.get("$ref").unwrap_or(node).place();
            let message = format!(
                "found a reference to {}, expected {}",
                other.name(),
                kind.name()
            );
            let payload = match (kind, other) {
                (Kind::Schema, Kind::Message) => target.get("payload"),
                _ => None,
            };
            // A schema is anything, strictly speaking.
            errors.push(
                match kind {
                    Kind::Message if other == Kind::Schema => {
                        let help =
                            "a message has it as its payload: write `payload:` and then the `$ref`";
                        Diagnostic::error(Code::ReferenceKind, place, message).with_help(help)
                    }
                    Kind::Schema => Diagnostic::warning(Code::ReferenceKind, place, message)
                        .with_help(match payload {
                            Some(_) => "it is taken for a reference to the message's payload",
                            None => "it is taken for a schema that anything matches",
                        }),
                    // No code depends on these.
                    Kind::Binding
                    | Kind::Bindings
                    | Kind::ExternalDocs
                    | Kind::Tag
                    | Kind::WebSocketBinding => {
                        Diagnostic::warning(Code::ReferenceKind, place, message)
                    }
                    _ => Diagnostic::error(Code::ReferenceKind, place, message),
                }
                .related(target.key_place(), format!("this is {}", other.name())),
            );
            payload
        }
        None => {
            document.object(target, kind, errors);
            if kind == Kind::Schema {
                compare_types(node, target, errors);
            }
            Some(target)
        }
    }
}

/// Some repeat the type of what they refer to: that is ignored only if it is another.
fn compare_types(node: Node<'_>, target: Node<'_>, errors: &mut Errors) {
    let (Some(own), Some(other)) = (node.get("type"), target.get("type")) else {
        return;
    };
    if own.scalar() != other.scalar() {
        let message = "`type` beside `$ref` is ignored";
        errors.push(
            Diagnostic::warning(Code::BesideReference, own.key_place(), message)
                .related(other.key_place(), "this is the type"),
        );
    }
}

/// What `node.$ref` points at. `None` if that is nothing, which is reported.
fn find<'s>(
    source: &'s Source,
    node: Node<'s>,
    kind: Kind,
    errors: &mut Errors,
) -> Option<Node<'s>> {
    let Some(reference) = node.get("$ref") else {
        return named(node, kind);
    };
    let text = reference.text().unwrap_or_default();
    let location = parts(node).0;
    let begun = match begin(source, node) {
        // Only a schema that says its format is read as one of Avro's.
        (_, fragment) if is_avro(location) => (Target::Foreign, fragment),
        begun => begun,
    };
    source.tell(node, location, errors);
    let (root, fragment) = match begun {
        (Target::Node(root), fragment) => (root, fragment),
        (Target::Unusable, _) => return None,
        (Target::Foreign, _) => {
            let message = format!(
                "found a reference to a file in another language, {}",
                quote(text)
            );
            let code = Code::ForeignFile;
            errors.push(match kind {
                Kind::Schema => Diagnostic::warning(code, reference.place(), message)
                    .with_help("it is taken for a schema that anything matches"),
                _ => Diagnostic::error(code, reference.place(), message)
                    .with_help("write what is needed in YAML or JSON"),
            });
            return None;
        }
        (Target::Broken(broken), _) => {
            let meant = elsewhere(node.root(), text, kind);
            let mistake = broken.error(reference.place());
            errors.push(mistake.did_you_mean(meant.as_deref()));
            return None;
        }
    };
    let mut detours = MOST_DETOURS;
    match walk(source, root, fragment, &mut detours) {
        Ok(target) => return Some(target),
        // With many mistakes it is another document that is meant, or none.
        Err(lost) if text.starts_with("#/") && !errors.are_many() => {
            if let Some(target) = within(source, node, fragment, errors) {
                return Some(target);
            }
            let meant = elsewhere(root, text, kind);
            let mistake = unresolved(reference, root, &lost, errors);
            errors.push(mistake.did_you_mean(meant.as_deref()));
        }
        Err(lost) => errors.push(unresolved(reference, root, &lost, errors)),
    }
    None
}

/// The reference that was meant by a bare name, or by a pointer that has `components` in it where it
/// should not, or has not: if it leads to something.
fn elsewhere(root: Node<'_>, text: &str, kind: Kind) -> Option<String> {
    let pointers = match text.strip_prefix("#/") {
        Some(pointer) => match pointer.strip_prefix("components/") {
            Some(rest) => vec![format!("/{rest}")],
            None => vec![format!("/components/{pointer}")],
        },
        None if text.contains(['#', '/', '.']) => Vec::new(),
        None => {
            let homes = [kind.home(), "components/messages"].into_iter();
            let homes = homes.take(if kind == Kind::Message { 2 } else { 1 });
            homes.map(|home| format!("/{home}/{text}")).collect()
        }
    };
    let mut pointers = pointers.into_iter();
    let meant = pointers.find(|pointer| at(root, pointer).is_some())?;
    Some(format!("#{meant}"))
}

/// The node that a pointer leads to, without a detour over references.
fn at<'s>(root: Node<'s>, pointer: &str) -> Option<Node<'s>> {
    let mut names = pointer.split('/').skip(1).map(unescape);
    names.try_fold(root, |at, name| at.get(&name?))
}

/// Where the pointer of a reference begins, and what follows its `#`.
fn begin<'s>(source: &'s Source, node: Node<'s>) -> (Target<'s>, &'s str) {
    let (location, fragment) = parts(node);
    match location {
        "" => (Target::Node(node.root()), fragment),
        location => (source.target(node, location), fragment),
    }
}

/// What is before the `#` of a reference, and after it.
fn parts<'s>(node: Node<'s>) -> (&'s str, &'s str) {
    let text = node.get("$ref").and_then(Node::text).unwrap_or_default();
    text.split_once('#').unwrap_or((text, ""))
}

/// Why a pointer leads to nothing.
enum Lost<'s> {
    /// It is none.
    Malformed(String),
    /// `node` has no member that is called `name`, which is `segment` in the reference.
    At {
        node: Node<'s>,
        name: String,
        segment: &'s str,
    },
}

/// Goes from `root` where the fragment says, through no more references than there are `detours`.
fn walk<'s>(
    source: &'s Source,
    root: Node<'s>,
    fragment: &'s str,
    detours: &mut usize,
) -> Result<Node<'s>, Lost<'s>> {
    let Some(pointer) = fragment.strip_prefix('/') else {
        if fragment.is_empty() {
            return Ok(root);
        }
        let name = decode(fragment).unwrap_or_default();
        return match source.anchor(root, &name) {
            Some(node) => Ok(node),
            None => Err(Lost::Malformed(format!(
                "expected `#/` and a path, or the `$anchor` of a schema of {}",
                quote(root.file())
            ))),
        };
    };
    // Some write it for the whole file.
    if pointer.is_empty() && root.get("").is_none() {
        return Ok(root);
    }
    let mut at = root;
    for segment in pointer.split('/') {
        let Some(name) = unescape(segment) else {
            return Err(Lost::Malformed(format!(
                "and {} is no part of a JSON pointer",
                quote(segment)
            )));
        };
        let step = |at: Node<'s>| match name.parse() {
            Ok(index) if at.is_sequence() => at.item(index),
            _ => at.get(&name),
        };
        let mut inner = step(at);
        // A pointer may lead through references, even in circles.
        while inner.is_none() && at.get("$ref").is_some() && *detours > 0 {
            *detours = detours.saturating_sub(1);
            // What is wrong with that reference is said where it stands.
            let target = match begin(source, at) {
                (Target::Node(root), fragment) => walk(source, root, fragment, detours),
                _ => break,
            };
            match target {
                Ok(target) => at = target,
                Err(_) => break,
            }
            inner = step(at);
        }
        match inner {
            Some(inner) => at = inner,
            None => {
                return Err(Lost::At {
                    node: at,
                    name,
                    segment,
                });
            }
        }
    }
    Ok(at)
}

/// What the pointer leads to within the schema that it stands in: in JSON Schema it begins there, if
/// the schema has an `$id`, and some write it so without. Or else in the document that the file is a
/// part of, as if it stood there.
fn within<'s>(
    source: &'s Source,
    node: Node<'s>,
    fragment: &'s str,
    errors: &mut Errors,
) -> Option<Node<'s>> {
    let first = fragment.split('/').nth(1).and_then(unescape)?;
    let above = std::iter::successors(node.parent(), |node| node.parent());
    for at in above.chain([source.root()]) {
        if at.get(&first).is_none() {
            continue;
        }
        let Ok(target) = walk(source, at, fragment, &mut 0) else {
            continue;
        };
        if at.get("$id").is_none() {
            let place = node.get("$ref").unwrap_or(node).place();
            let message = format!(
                "{} is nothing in this file, and taken for {}",
                quote(&format!("#{fragment}")),
                quote(&target.reference())
            );
            let help = "a pointer begins at the root of the file";
            let diagnostic = Diagnostic::warning(Code::WithinSchema, place, message);
            errors.push(diagnostic.with_help(help));
        }
        return Some(target);
    }
    None
}

fn unresolved(reference: Node<'_>, root: Node<'_>, lost: &Lost<'_>, errors: &Errors) -> Diagnostic {
    let text = reference.text().unwrap_or_default();
    let place = reference.place();
    let (node, name, segment) = match lost {
        Lost::Malformed(why) => {
            let message = format!("found the reference {}, {why}", quote(text));
            return Diagnostic::error(Code::NotAPointer, place, message);
        }
        Lost::At {
            node,
            name,
            segment,
        } => (node, name, segment),
    };
    let message = format!("{} does not exist", quote(text));
    let missing = Diagnostic::error(Code::Unresolved, place, message);
    let meant = errors.nearest(name, node.entries().map(|entry| entry.key));
    let missing = match meant {
        Some(meant) => missing.did_you_mean(Some(&replaced(text, segment, meant))),
        None if node.id() == root.id() => missing,
        None => {
            let help = format!("{} has no {}", quote(&node.reference()), quote(name));
            missing.with_help(help)
        }
    };
    missing.for_want_of(name)
}

/// The reference with another last segment, or with the name alone where it is not the last.
fn replaced(text: &str, segment: &str, meant: &str) -> String {
    match text.strip_suffix(segment) {
        Some(start) if start.ends_with('/') => format!("{start}{meant}"),
        _ => meant.to_owned(),
    }
}

//! Following `$ref`: pointers into the document, to whatever depth and over further references.

use std::collections::{HashMap, HashSet};

use crate::diagnostic::{Code, Diagnostic, Errors, quote};
use crate::document::{Document, Kind};
use crate::source::{Id, Node};

/// How many references a pointer may lead through.
const MOST_DETOURS: usize = 10;

/// What each reference leads to in the end.
#[derive(Debug)]
pub(crate) struct References<'s> {
    /// For those that lead nowhere, `None`.
    targets: HashMap<Id, Option<Node<'s>>>,
}

impl<'s> References<'s> {
    /// Follows every reference of the document, and checks what they lead to as what they take it
    /// for.
    pub(super) fn follow(document: &mut Document<'s>, errors: &mut Errors) -> Self {
        let mut next: HashMap<Id, Option<Node<'s>>> = HashMap::new();
        let mut order = Vec::new();
        // Checking a target finds further references, which are followed in their turn.
        let mut done = 0;
        while let Some((node, kind)) = document.references.get(done).copied() {
            done = done.saturating_add(1);
            order.push(node);
            let target = match find(document.source.root(), node, errors) {
                Ok(target) => fits(document, node, target, kind, errors),
                Err(diagnostic) => {
                    errors.push(diagnostic);
                    None
                }
            };
            next.insert(node.id(), target);
        }
        let mut references = Self {
            targets: HashMap::new(),
        };
        for node in order {
            references.settle(node, &next, errors);
        }
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
        next: &HashMap<Id, Option<Node<'s>>>,
        errors: &mut Errors,
    ) {
        let mut chain = Vec::new();
        let mut seen = HashSet::new();
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
                let message = format!(
                    "{} refers to itself",
                    quote(&format!("#{}", node.pointer()))
                );
                errors.push(Diagnostic::error(Code::ReferenceCycle, place, message));
                at = None;
                break;
            }
            chain.push(node.id());
            at = *target;
        }
        for id in chain {
            self.targets.insert(id, at);
        }
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
        Some(known) if known == kind => Some(target),
        Some(other) => {
            let place = node.get("$ref").unwrap_or(node).place();
            let message = format!(
                "found a reference to {}, expected {}",
                other.name(),
                kind.name()
            );
            // A schema is anything, strictly speaking.
            errors.push(
                match kind {
                    Kind::Schema => Diagnostic::warning(Code::ReferenceKind, place, message)
                        .with_help("it is taken for a schema that anything matches"),
                    _ => Diagnostic::error(Code::ReferenceKind, place, message),
                }
                .related(target.key_place(), format!("this is {}", other.name())),
            );
            None
        }
        None => {
            document.object(target, kind, errors);
            Some(target)
        }
    }
}

/// What `node.$ref` points at.
fn find<'s>(root: Node<'s>, node: Node<'s>, errors: &Errors) -> Result<Node<'s>, Diagnostic> {
    let reference = node.get("$ref").unwrap_or(node);
    let text = reference.text().unwrap_or_default();
    let error = |code, message: String| Diagnostic::error(code, reference.place(), message);
    let Some(pointer) = text.strip_prefix('#') else {
        let message = format!(
            "references to other documents are not supported yet: {}",
            quote(text)
        );
        let help = "copy what is needed into this document, and refer to it as `#/components/...`";
        return Err(error(Code::OtherDocument, message).with_help(help));
    };
    let mut segments = pointer.split('/');
    if segments.next() != Some("") {
        let message = format!(
            "found the reference {}, expected `#/` and a path",
            quote(text)
        );
        return Err(error(Code::NotAPointer, message));
    }
    let mut at = root;
    // A pointer may lead through references, even in circles.
    let mut detours = 0_usize;
    for segment in segments {
        let Some(name) = unescape(segment) else {
            let message = format!("{} is not a JSON pointer: {}", quote(text), quote(segment));
            return Err(error(Code::NotAPointer, message));
        };
        let step = |at: Node<'s>| match name.parse() {
            Ok(index) if at.is_sequence() => at.item(index),
            _ => at.get(&name),
        };
        let mut inner = step(at);
        while inner.is_none() && at.get("$ref").is_some() && detours < MOST_DETOURS {
            detours = detours.saturating_add(1);
            match through(root, at) {
                Some(target) => at = target,
                None => break,
            }
            inner = step(at);
        }
        let Some(inner) = inner else {
            let missing = error(Code::Unresolved, format!("{} does not exist", quote(text)));
            let meant = errors.nearest(&name, at.entries().map(|entry| entry.key));
            let missing = match meant {
                Some(meant) => missing.did_you_mean(Some(&replaced(text, segment, meant))),
                None if at.id() == root.id() => missing,
                None => {
                    let at = format!("#{}", at.pointer());
                    missing.with_help(format!("{} has no {}", quote(&at), quote(&name)))
                }
            };
            return Err(missing.for_want_of(&name));
        };
        at = inner;
    }
    Ok(at)
}

/// What a reference that a pointer leads through refers to, if it is a plain pointer.
fn through<'s>(root: Node<'s>, node: Node<'s>) -> Option<Node<'s>> {
    let pointer = node.get("$ref")?.text()?.strip_prefix("#/")?;
    pointer
        .split('/')
        .try_fold(root, |at, segment| at.get(&unescape(segment)?))
}

/// The reference with another last segment, or with the name alone where it is not the last.
fn replaced(text: &str, segment: &str, meant: &str) -> String {
    match text.strip_suffix(segment) {
        Some(start) if start.ends_with('/') => format!("{start}{meant}"),
        _ => meant.to_owned(),
    }
}

/// A segment of a pointer in a URL: `%xx`, and then `~1` and `~0`.
fn unescape(segment: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                u8::try_from(high.checked_mul(16)?.checked_add(low)?).ok()?
            }
            plain => plain,
        });
    }
    Some(
        String::from_utf8(bytes)
            .ok()?
            .replace("~1", "/")
            .replace("~0", "~"),
    )
}

#[cfg(test)]
mod tests {
    use super::unescape;

    #[test]
    fn segments_are_unescaped() {
        assert_eq!(unescape("a~1b~0c%20d").as_deref(), Some("a/b~c d"));
        assert_eq!(unescape("~01").as_deref(), Some("~1"));
        assert_eq!(unescape("%zz"), None);
        assert_eq!(unescape("%f"), None);
        assert_eq!(unescape("%ff"), None);
    }
}

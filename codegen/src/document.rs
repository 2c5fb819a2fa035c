//! AsyncAPI as written: which fields each of its objects has, what is in them, and where one
//! object refers to another. References are found here, and followed in
//! [`resolve`](crate::resolve).

mod grammar;
mod keywords;
mod rules;
mod schema;
mod sections;

use crate::diagnostic::{Code, Diagnostic, Errors, Place, choice, quote};
use crate::source::{Entry, Id, Node, NumberMap, Source};

pub(crate) use grammar::Kind;
use grammar::Shape;
pub(crate) use keywords::unchecked_pattern;
pub(crate) use rules::bare_host;
pub(crate) use schema::{Holds, holds, is_bare_properties, json_schema, meant_type};
pub(crate) use sections::gather;

/// A document whose version is known to be one that specwire reads.
#[derive(Debug)]
pub(crate) struct Document<'s> {
    pub(crate) source: &'s Source,
    /// What each object that has been checked was taken for.
    pub(crate) kinds: NumberMap<Id, Kind>,
    /// Every object that is a reference, and what it has to refer to.
    pub(crate) references: Vec<(Node<'s>, Kind)>,
    /// References in place of schemas of another language.
    pub(crate) foreign: Vec<Node<'s>>,
}

impl<'s> Document<'s> {
    /// Checks a document. `None` if its version is one that nothing can be said about.
    pub(crate) fn check(source: &'s Source, errors: &mut Errors) -> Option<Self> {
        version(source.root(), errors)?;
        let mut document = Self {
            source,
            kinds: NumberMap::default(),
            references: Vec::new(),
            foreign: Vec::new(),
        };
        document.object(source.root(), Kind::Document, errors);
        Some(document)
    }

    /// All that has been checked, in the order of the files.
    pub(crate) fn objects(&self) -> Vec<(Kind, Node<'s>)> {
        let mut objects: Vec<_> = self.kinds.iter().collect();
        objects.sort_unstable_by_key(|(id, _)| **id);
        let objects = objects.into_iter();
        objects
            .map(|(id, kind)| (*kind, self.source.node(*id)))
            .collect()
    }

    /// Checks an object and all that is in it.
    pub(crate) fn object(&mut self, node: Node<'s>, kind: Kind, errors: &mut Errors) {
        if self.kinds.contains_key(&node.id()) {
            return;
        }
        if kind == Kind::Schema {
            return self.schema(node, errors);
        }
        self.kinds.insert(node.id(), kind);
        if node.text().is_some() && kind.is_note() {
            return tolerated(node, kind.name(), errors);
        }
        if !node.is_mapping() {
            return expected(node, kind.name(), errors);
        }
        if let Some(reference) = node.get("$ref") {
            if !kind.is_referred_to() {
                rules::no_reference(node.key_place(), kind, errors);
            }
            return self.reference(node, reference, kind, errors);
        }
        if kind == Kind::SecurityScheme && rules::is_old_requirement(node, errors) {
            return;
        }
        let grammar = kind.grammar();
        for field in grammar.required {
            if node.get(field).is_none() {
                missing(node, kind, field, errors);
            }
        }
        for entry in node.entries() {
            match grammar.fields.iter().find(|(name, _)| *name == entry.key) {
                Some((name, shape)) => {
                    let is_required = grammar.required.contains(name);
                    self.field(entry.node, shape, is_required, errors);
                }
                None if entry.key.starts_with("x-") => {}
                None if let Some(shape) = &grammar.others => {
                    self.field(entry.node, shape, false, errors)
                }
                None => {
                    let names = grammar.fields.iter().map(|(name, _)| *name);
                    unknown(entry, kind, names, errors);
                }
            }
        }
        match kind {
            Kind::Components => node
                .entries()
                .filter(|entry| !entry.key.starts_with("x-"))
                .for_each(|entry| rules::keys(entry.node, errors)),
            Kind::Document => node
                .get("servers")
                .into_iter()
                .for_each(|servers| rules::keys(servers, errors)),
            _ => {}
        }
        rules::check(node, kind, errors);
    }

    fn field(&mut self, node: Node<'s>, shape: &Shape, is_required: bool, errors: &mut Errors) {
        match *shape {
            Shape::Any => {}
            Shape::Text | Shape::Written if node.text().is_some() => {}
            Shape::Written if node.written().is_some() => tolerated(node, "text", errors),
            Shape::Text | Shape::Written | Shape::Map(_) | Shape::List(_)
                if node.is_null() && !is_required =>
            {
                nothing(node, errors);
            }
            Shape::One(kind) if node.is_null() && kind.is_aside() => nothing(node, errors),
            Shape::Text | Shape::Written => expected(node, "text", errors),
            Shape::TextOrNull if node.text().is_some() || node.is_null() => {}
            Shape::TextOrNull => expected(node, "text or `null`", errors),
            Shape::Word(words) => match node.text() {
                Some(text) if words.contains(&text) => {}
                Some(text) => not_among(node, text, words, errors),
                None => expected(node, "text", errors),
            },
            Shape::One(kind) => self.object(node, kind, errors),
            // It leads to nothing, or it would be gone: that has been reported.
            Shape::Map(_) | Shape::Schemas if sections::lone_reference(node).is_some() => {}
            Shape::Map(kind) => {
                let mapping = format!("a mapping of names to {}", kind.plural());
                if kind == Kind::Tag && node.is_sequence() {
                    // As it is everywhere else.
                    tolerated(node, &mapping, errors);
                } else if !node.is_mapping() {
                    expected(node, &mapping, errors);
                }
                for entry in node.entries().filter(|entry| !entry.key.starts_with("x-")) {
                    self.object(entry.node, kind, errors);
                }
            }
            Shape::List(kind) => {
                let list = format!("a list of {}", kind.plural());
                if node.is_mapping() && node.entries().next().is_none() {
                    tolerated(node, &list, errors);
                } else if !node.is_sequence() {
                    expected(node, &list, errors);
                }
                for item in node.items() {
                    self.object(item, kind, errors);
                }
            }
            Shape::Reference(kind) => self.must_refer(node, kind, errors),
            Shape::References(kind) => {
                if !node.is_sequence() {
                    expected(
                        node,
                        &format!("a list of references to {}", kind.plural()),
                        errors,
                    );
                }
                for item in node.items() {
                    self.must_refer(item, kind, errors);
                }
            }
            Shape::Schemas => self.schemas(node, errors),
        }
    }

    /// Where AsyncAPI wants a reference and nothing else. What stands there instead is taken for what
    /// it would refer to.
    fn must_refer(&mut self, node: Node<'s>, kind: Kind, errors: &mut Errors) {
        match node.get("$ref") {
            Some(reference) => self.reference(node, reference, kind, errors),
            None => {
                let message = format!(
                    "found {}, expected a reference to {}",
                    node.describe(),
                    kind.name()
                );
                let help = match node.text() {
                    Some(pointer) if pointer.starts_with("#/") => pointer.to_owned(),
                    Some(name) if !name.contains(['/', '#']) => {
                        format!("#/{}/{name}", kind.home())
                    }
                    _ => format!("#/{}/...", kind.home()),
                };
                let help = format!("write {}", quote(&format!("$ref: '{help}'")));
                let place = node.place();
                let is_named = named(node, kind).is_some();
                let mistake = if node.is_mapping() || is_named {
                    Diagnostic::warning(Code::NoReference, place, message)
                } else {
                    Diagnostic::error(Code::NoReference, place, message)
                };
                errors.push(mistake.with_help(help));
                if is_named {
                    self.references.push((node, kind));
                } else if node.is_mapping() {
                    self.object(node, kind, errors);
                }
            }
        }
    }

    fn reference(&mut self, node: Node<'s>, target: Node<'s>, kind: Kind, errors: &mut Errors) {
        if target.text().is_none() {
            return expected(target, "text such as `#/components/messages/name`", errors);
        }
        self.references.push((node, kind));
        for entry in node.entries() {
            let harmless = [
                "$ref",
                // Compared when it is known what is referred to.
                "type",
                "example",
                "title",
                "summary",
                "description",
                "deprecated",
                "examples",
                "default",
            ];
            if !harmless.contains(&entry.key) && !entry.key.starts_with("x-") {
                let message = format!("{} beside `$ref` is ignored", quote(entry.key));
                errors.push(Diagnostic::warning(
                    Code::BesideReference,
                    entry.key_place(),
                    message,
                ));
            }
        }
    }
}

/// What a text in place of a reference names: by its pointer, or as a member of the section where
/// such objects are.
pub(crate) fn named(node: Node<'_>, kind: Kind) -> Option<Node<'_>> {
    let text = node.text()?;
    match text.strip_prefix('#') {
        Some(pointer) if pointer.starts_with('/') => node.root().at(pointer),
        Some(_) => None,
        None => {
            let section = node.root().at(&format!("/{}", kind.home()))?;
            section.get(text)
        }
    }
}

/// A field is there, and its value is not.
fn nothing(node: Node<'_>, errors: &mut Errors) {
    let message = format!("found nothing in {}", quote(node.key()));
    let help = "it is read as if it were not there";
    errors.push(Diagnostic::warning(Code::Nothing, node.place(), message).with_help(help));
}

/// AsyncAPI requires a field that the object does not have.
fn missing(node: Node<'_>, kind: Kind, field: &str, errors: &mut Errors) {
    let message = match node.key() {
        "" => format!("{} is missing", quote(field)),
        key => format!("{} is missing from {}", quote(field), quote(key)),
    };
    let place = node.key_place();
    // Many services are never released.
    let diagnostic = if (kind, field) == (Kind::Info, "version") {
        Diagnostic::warning(Code::MissingField, place, message)
    } else {
        Diagnostic::error(Code::MissingField, place, message)
    };
    let diagnostic = match rules::example(kind, field) {
        Some(example) => diagnostic.with_help(format!("add it, such as `{example}`")),
        None => diagnostic,
    };
    errors.push(diagnostic.for_want_of(field));
}

/// The text is none of those that AsyncAPI allows.
fn not_among(node: Node<'_>, text: &str, words: &[&str], errors: &mut Errors) {
    let message = format!("found {}, expected {}", quote(text), choice(words));
    let diagnostic = Diagnostic::error(Code::UnknownWord, node.place(), message);
    let then = match text {
        "publish" => Some("receive"),
        "subscribe" => Some("send"),
        _ => None,
    };
    if let Some(now) = then.filter(|now| words.contains(now)) {
        let text = quote(text);
        let help = format!(
            "{text} of AsyncAPI 2 is {} here: an action is the service's",
            quote(now)
        );
        return errors.push(diagnostic.with_help(help));
    }
    let meant = errors.nearest(text, words.iter().copied());
    errors.push(diagnostic.did_you_mean(meant));
}

/// The field is not one of this object. It is only warned of where it is plain what it says, and nothing
/// is lost without it: it is a field of other objects, or of those of other versions and languages.
fn unknown<'a>(
    entry: Entry<'_>,
    kind: Kind,
    names: impl Iterator<Item = &'a str>,
    errors: &mut Errors,
) {
    /// Fields of AsyncAPI 2 without which a document says something else.
    const ESSENTIAL: &[&str] = &["message", "publish", "schemaFormat", "subscribe", "url"];
    let message = format!("unknown field {}", quote(entry.key));
    let place = entry.key_place();
    let successor = rules::successor(kind, entry.key);
    let meant = match successor {
        Some(_) => None,
        None => errors.nearest(entry.key, names),
    };
    let is_wrong = meant.is_some()
        || ESSENTIAL.contains(&entry.key)
        || (successor.is_none() && !grammar::is_field(entry.key));
    let mistake = if is_wrong {
        Diagnostic::error(Code::UnknownField, place, message)
    } else {
        Diagnostic::warning(Code::UnknownField, place, message)
    };
    let mistake = mistake.with_help("fields of one's own begin with `x-`");
    errors.push(match successor {
        Some(successor) => mistake.with_help(successor),
        None => mistake.did_you_mean(meant),
    });
}

/// The value is of another shape than it should be.
fn expected(node: Node<'_>, expected: &str, errors: &mut Errors) {
    errors.push(shape(node, expected, Diagnostic::error));
}

/// The value is of another shape than it should be, and nobody can take it for anything else.
fn tolerated(node: Node<'_>, expected: &str, errors: &mut Errors) {
    errors.push(shape(node, expected, Diagnostic::warning));
}

fn shape(
    node: Node<'_>,
    expected: &str,
    mistake: fn(Code, Place, String) -> Diagnostic,
) -> Diagnostic {
    let message = format!("found {}, expected {expected}", node.describe());
    let diagnostic = mistake(Code::WrongShape, node.place(), message);
    let number = !node.is_mapping() && !node.is_sequence() && !node.is_null();
    let is_empty = node.entries().next().is_none();
    if node.is_mapping() && !is_empty && expected.starts_with("a list of ") {
        return diagnostic.with_help("write `[` and `]` around it, or `-` before each item");
    }
    let written = match (node.scalar(), expected) {
        (Some(text), "text") if number => format!("'{text}'"),
        (Some(text), "a schema") if schema::TYPES.contains(&text) => format!("{{type: {text}}}"),
        (Some(text), "a schema") if text.starts_with("#/") => format!("{{$ref: '{text}'}}"),
        _ => return diagnostic,
    };
    diagnostic.with_help(format!("write {}", quote(&written)))
}

/// Only of 3.0 and 3.1 it is known what a document means.
fn version(root: Node<'_>, errors: &mut Errors) -> Option<()> {
    if !root.is_mapping() {
        expected(root, "an AsyncAPI document", errors);
        return None;
    }
    let Some(node) = root.get("asyncapi") else {
        let message = "`asyncapi` is missing: this is not an AsyncAPI document";
        let help = "begin it with `asyncapi: 3.0.0`";
        let missing = Diagnostic::error(Code::NotAsyncApi, root.place(), message).with_help(help);
        errors.push(missing.for_want_of("asyncapi"));
        return None;
    };
    let found = node.scalar().unwrap_or_default();
    let numbers: Vec<&str> = found.split('.').collect();
    let message = match node.scalar() {
        Some(_) => format!(
            "found version {} of AsyncAPI, expected 3.0 or 3.1",
            quote(found)
        ),
        None => format!(
            "found {}, expected version 3.0 or 3.1 of AsyncAPI",
            node.describe()
        ),
    };
    let diagnostic = Diagnostic::error(Code::UnknownVersion, node.place(), message);
    let incomplete = |whole: &str| {
        let message = format!(
            "found version {}, expected all three numbers of it",
            quote(found)
        );
        Diagnostic::error(Code::IncompleteVersion, node.place(), message)
            .with_help(format!("write {}", quote(whole)))
    };
    match (numbers.as_slice(), node.text()) {
        (["3", "0" | "1", _], Some(_)) => Some(()),
        // What is meant is clear, so the rest can be read.
        (["3"] | ["3", "0"], _) => {
            errors.push(incomplete("3.0.0"));
            Some(())
        }
        (["3", "1"], _) => {
            errors.push(incomplete("3.1.0"));
            Some(())
        }
        (["1" | "2", ..], _) => {
            let guide = "https://www.asyncapi.com/docs/migration/migrating-to-v3";
            errors.push(diagnostic.with_help(format!("convert it: {guide}")));
            None
        }
        _ => {
            errors.push(diagnostic);
            None
        }
    }
}

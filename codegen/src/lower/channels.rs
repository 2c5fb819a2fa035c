//! Channels -> addresses, and the types of their parameters.

use std::collections::{HashMap, HashSet};

use specwire_rules::is_name;

use super::docs::Docs;
use super::metadata::Reader;
use super::types::Beside;
use crate::api::{Channel, Name, Opening, Parameter, ParameterEnum, Parameters, TypeName, Variant};
use crate::diagnostic::{Code, Diagnostic, Errors};
use crate::name::{Scope, const_name, field_name, type_name, variant_name};
use crate::resolve::{self, Resolved};
use crate::source::{Id, Node, Size};

/// How many parameters, and values of them, addresses may have in all.
const MOST: usize = 3_000;

/// Lowers all channels, and the enums of their parameters. `types` are the names that are taken.
pub(super) fn lower<'s>(
    resolved: &Resolved<'s>,
    types: &mut Scope,
    metadata: &mut Reader<'s, '_>,
    docs: &mut Docs,
    errors: &mut Errors,
) -> (Vec<Channel>, Vec<ParameterEnum>) {
    let mut channels = Channels {
        resolved,
        types,
        enums: Vec::new(),
        known: HashMap::new(),
        docs,
        size: Size::new(MOST),
        errors,
    };
    let mut names = Scope::new();
    let lowered = resolved.channels.iter().map(|channel| {
        let metadata = metadata.of(std::iter::once(channel.node));
        let servers = channel.node.get("servers");
        let servers = servers.into_iter().flat_map(Node::items);
        let servers = servers.filter_map(|server| resolved.references.target(server));
        Channel {
            name: Name {
                wire: channel.key.to_owned(),
                rust: names.claim(const_name(channel.key)),
            },
            address: channel.address.map(str::to_owned),
            docs: channels
                .docs
                .with(|field| channel.node.get(field), &metadata),
            parameters: channels.parameters(channel),
            opening: Opening::default(),
            servers: servers.map(|server| server.key().to_owned()).collect(),
            metadata,
        }
    });
    (lowered.collect(), channels.enums)
}

/// The schemas in the WebSocket bindings of channels, in their order.
pub(super) fn openings<'s>(resolved: &Resolved<'s>) -> Vec<Beside<'s>> {
    let channels = resolved.channels.iter();
    let found = channels.flat_map(|channel| {
        parts(resolved, channel.node).map(|(part, node)| Beside {
            node,
            words: type_name(&format!("{} {part}", channel.key)),
        })
    });
    found.collect()
}

/// Tells channels what became of [`openings`].
pub(super) fn set_openings(
    channels: &mut [Channel],
    types: Vec<Option<TypeName>>,
    resolved: &Resolved<'_>,
) {
    let mut types = types.into_iter();
    for (lowered, channel) in channels.iter_mut().zip(&resolved.channels) {
        for (part, _) in parts(resolved, channel.node) {
            let ty = types.next().flatten();
            match part {
                "query" => lowered.opening.query = ty,
                _ => lowered.opening.headers = ty,
            }
        }
    }
}

/// The query and the headers that a channel's WebSocket binding declares.
fn parts<'s>(
    resolved: &Resolved<'s>,
    channel: Node<'s>,
) -> impl Iterator<Item = (&'static str, Node<'s>)> {
    let target = |node: Node<'s>| resolved.references.target(node);
    let binding = channel.get("bindings").and_then(target);
    let binding = binding.and_then(|bindings| target(bindings.get("ws")?));
    let parts = ["query", "headers"].into_iter();
    parts.filter_map(move |part| Some((part, binding?.get(part)?)))
}

struct Channels<'s, 'e> {
    resolved: &'e Resolved<'s>,
    types: &'e mut Scope,
    enums: Vec<ParameterEnum>,
    known: HashMap<Id, Shared>,
    docs: &'e mut Docs,
    size: Size,
    errors: &'e mut Errors,
}

/// What a parameter is in all channels that have it.
#[derive(Clone)]
struct Shared {
    values: Option<TypeName>,
    default: Option<Name>,
    declared: Vec<String>,
}

impl<'s> Channels<'s, '_> {
    /// The parameters of a channel's address, if it has any.
    fn parameters(&mut self, channel: &resolve::Channel<'s>) -> Option<Parameters> {
        let address = channel.address.unwrap_or_default();
        let names = names(address);
        let known: HashSet<&str> = names.iter().copied().collect();
        let declared = channel.node.get("parameters");
        let mut by_name: HashMap<&str, Node<'_>> = HashMap::new();
        for entry in declared.into_iter().flat_map(Node::entries) {
            if known.contains(entry.key) {
                by_name.insert(entry.key, entry.node);
            }
        }
        if names.is_empty() || !self.has_room(channel, names.len()) {
            return None;
        }
        let name = type_name(&format!("{} parameters", channel.key));
        let name = TypeName(self.types.claim(name));
        let mut scope = Scope::new();
        let fields: Vec<Parameter> = names
            .iter()
            .map(|wire| {
                let rust = scope.claim(field_name(wire));
                let name = Name {
                    wire: (*wire).to_owned(),
                    rust,
                };
                match by_name.get(wire) {
                    Some(node) => self.declared(channel, name, *node),
                    // Any text, until it is described.
                    None => Parameter {
                        name,
                        docs: None,
                        values: None,
                        default: None,
                        location: None,
                        declared: Vec::new(),
                    },
                }
            })
            .collect();
        Some(Parameters {
            name,
            has_default: fields.iter().all(|field| field.default.is_some()),
            fields,
        })
    }

    fn has_room(&mut self, channel: &resolve::Channel<'s>, more: usize) -> bool {
        let grown = self
            .size
            .grow(more, "parameters of addresses, and values of them");
        if let Err(message) = grown {
            let place = channel.node.key_place();
            self.errors
                .push(Diagnostic::error(Code::TooLarge, place, message));
            return false;
        }
        true
    }

    fn declared(
        &mut self,
        channel: &resolve::Channel<'s>,
        name: Name,
        node: Node<'s>,
    ) -> Parameter {
        // What leads nowhere has been reported.
        let node = self.resolved.references.target(node).unwrap_or(node);
        let text = |field: &str| node.get(field).and_then(Node::text);
        let docs = self.docs.of(|field| node.get(field));
        let Shared {
            values,
            default,
            declared,
        } = self.shared(channel, &name, node);
        Parameter {
            name,
            docs,
            values,
            default,
            location: text("location").map(str::to_owned),
            declared,
        }
    }

    /// The enum and the default of a parameter: made once for all channels that share it.
    fn shared(&mut self, channel: &resolve::Channel<'s>, name: &Name, node: Node<'s>) -> Shared {
        if let Some(known) = self.known.get(&node.id()) {
            return known.clone();
        }
        let values = self.values(channel, name, node);
        let default = node.get("default").and_then(|default| {
            let wire = default.written()?;
            // What is not among the values is no default.
            let rust = match values.as_ref().and(self.enums.last()) {
                None => Some(wire),
                Some(values) => {
                    let variants = values.variants.iter();
                    let mut names = variants.map(|variant| &variant.name);
                    names
                        .find(|name| name.wire == wire)
                        .map(|name| name.rust.as_str())
                }
            };
            Some(Name {
                wire: wire.to_owned(),
                rust: rust?.to_owned(),
            })
        });
        let listed = node.get("enum").into_iter().flat_map(Node::items);
        let listed = listed.filter_map(Node::scalar);
        let of_default = default.as_ref().map(|name| name.wire.as_str());
        let mut seen = HashSet::new();
        let declared = listed.chain(of_default);
        let declared = declared.filter(|value| !is_name(value) && seen.insert(*value));
        let shared = Shared {
            declared: declared.map(str::to_owned).collect(),
            values,
            default,
        };
        self.known.insert(node.id(), shared.clone());
        shared
    }

    /// The enum of a parameter whose values are listed.
    fn values(
        &mut self,
        channel: &resolve::Channel<'s>,
        name: &Name,
        node: Node<'s>,
    ) -> Option<TypeName> {
        let mut seen = HashSet::new();
        let values: Vec<&str> = node
            .get("enum")?
            .items()
            .filter_map(Node::scalar)
            .filter(|value| seen.insert(*value))
            .collect();
        if values.is_empty() || !self.has_room(channel, values.len()) {
            return None;
        }
        let words = match node.path().as_slice() {
            ["components", "parameters", key] => (*key).to_owned(),
            _ => format!("{} {}", channel.key, name.wire),
        };
        let type_name = TypeName(self.types.claim(type_name(&words)));
        let mut scope = Scope::new();
        let variants = values.iter().map(|value| Variant {
            name: Name {
                wire: (*value).to_owned(),
                rust: scope.claim(variant_name(value)),
            },
            docs: None,
        });
        self.enums.push(ParameterEnum {
            name: type_name.clone(),
            parameter: name.wire.clone(),
            variants: variants.collect(),
        });
        Some(type_name)
    }
}

/// The names in an address's braces, each once.
fn names(address: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut seen = HashSet::new();
    let mut rest = address;
    while let Some((name, after)) = next(rest) {
        if seen.insert(name) {
            names.push(name);
        }
        rest = after;
    }
    names
}

/// The first name in braces, and what follows it.
fn next(address: &str) -> Option<(&str, &str)> {
    let start = address.find('{')?;
    let end = start.saturating_add(address.get(start..)?.find('}')?);
    let start = address.get(..end)?.rfind('{')?;
    let name = address.get(start.saturating_add(1)..end)?;
    let after = address.get(end.saturating_add(1)..)?;
    (!name.is_empty()).then_some((name, after))
}

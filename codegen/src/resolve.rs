//! References and traits, gone after this: channels, operations and messages with each other in
//! hand, and schemas whose references have a known target.

mod reference;
mod rules;

use std::collections::{HashMap, HashSet};

use crate::diagnostic::{Code, Diagnostic, Errors, quote};
use crate::document::Document;
use crate::source::{Entry, Id, Node, Size};

pub(crate) use reference::References;

/// How many messages operations and their replies may have in all: each is generated for each.
const MOST: usize = 10_000;

/// What a document says, without references.
#[derive(Debug)]
pub(crate) struct Resolved<'s> {
    pub(crate) root: Node<'s>,
    pub(crate) channels: Vec<Channel<'s>>,
    pub(crate) operations: Vec<Operation<'s>>,
    pub(crate) messages: Vec<Message<'s>>,
    /// For the references among schemas.
    pub(crate) references: References<'s>,
}

/// A channel of the document. Others name it by its index.
#[derive(Debug)]
pub(crate) struct Channel<'s> {
    pub(crate) key: &'s str,
    pub(crate) node: Node<'s>,
    pub(crate) address: Option<&'s str>,
    /// Indices of its messages.
    pub(crate) messages: Vec<usize>,
}

/// A message of some channel. Others name it by its index.
#[derive(Debug)]
pub(crate) struct Message<'s> {
    pub(crate) node: Node<'s>,
    /// On the wire.
    pub(crate) name: &'s str,
    /// The message itself, and then its traits: the first one that has a field decides it.
    pub(crate) layers: Vec<Node<'s>>,
}

/// An operation.
#[derive(Debug)]
pub(crate) struct Operation<'s> {
    pub(crate) key: &'s str,
    pub(crate) node: Node<'s>,
    pub(crate) sends: bool,
    pub(crate) channel: usize,
    pub(crate) messages: Vec<usize>,
    pub(crate) reply: Option<Reply<'s>>,
    /// `x-interaction`.
    pub(crate) interaction: Option<Node<'s>>,
}

/// What an operation is answered with.
#[derive(Debug)]
pub(crate) struct Reply<'s> {
    pub(crate) node: Node<'s>,
    /// The operation's own channel, unless the reply names one.
    pub(crate) channel: usize,
    pub(crate) messages: Vec<usize>,
    /// The expression that says where the address for replies is, and its place.
    pub(crate) address: Option<Node<'s>>,
}

impl<'s> Message<'s> {
    /// The value of a field: its own, or else that of a trait.
    pub(crate) fn get(&self, field: &str) -> Option<Node<'s>> {
        self.layers.iter().find_map(|layer| layer.get(field))
    }

    /// The values of a field that traits add to.
    pub(crate) fn all(&self, field: &str) -> Vec<Node<'s>> {
        self.layers
            .iter()
            .filter_map(|layer| layer.get(field))
            .collect()
    }
}

/// Follows all references, and reports those that lead nowhere.
pub(crate) fn resolve<'s>(mut document: Document<'s>, errors: &mut Errors) -> Resolved<'s> {
    let references = References::follow(&mut document, errors);
    let mut resolver = Resolver {
        root: document.source.root(),
        references,
        channels: Vec::new(),
        channel_of: HashMap::new(),
        messages: Vec::new(),
        message_of: HashMap::new(),
        members: HashSet::new(),
    };
    resolver.channels(errors);
    let operations = resolver.operations(errors);
    let resolved = Resolved {
        root: resolver.root,
        channels: resolver.channels,
        operations,
        messages: resolver.messages,
        references: resolver.references,
    };
    rules::check(&resolved, errors);
    resolved
}

struct Resolver<'s> {
    root: Node<'s>,
    references: References<'s>,
    channels: Vec<Channel<'s>>,
    channel_of: HashMap<Id, usize>,
    messages: Vec<Message<'s>>,
    message_of: HashMap<Id, usize>,
    /// Each channel with each of its messages, by their indices.
    members: HashSet<(usize, usize)>,
}

impl<'s> Resolver<'s> {
    fn channels(&mut self, errors: &mut Errors) {
        let channels = self.root.get("channels");
        for entry in channels.into_iter().flat_map(Node::entries) {
            let Some(node) = self.references.target(entry.node) else {
                continue;
            };
            let channel = self.channels.len();
            if let Some(same) = self.channel_of.get(&node.id()) {
                let first = self.channels.get(*same).map_or("", |channel| channel.key);
                let message = format!(
                    "{} is the same channel as {}",
                    quote(entry.key),
                    quote(first)
                );
                let help = format!("it is known as {} only", quote(first));
                let mistake = Diagnostic::warning(Code::SameChannel, entry.key_place(), message);
                errors.push(
                    match channels.and_then(|channels| channels.get(first)) {
                        Some(first) => mistake.related(first.key_place(), "the same channel"),
                        None => mistake,
                    }
                    .with_help(help),
                );
                continue;
            }
            let mut names: HashMap<&str, (usize, Entry<'_>)> = HashMap::new();
            let mut messages = Vec::new();
            for message in node.get("messages").into_iter().flat_map(Node::entries) {
                let Some(target) = self.references.target(message.node) else {
                    continue;
                };
                let index = self.message(target, message.key);
                let name = self.messages.get(index).map_or("", |message| message.name);
                match names.insert(name, (index, message)) {
                    Some((other, first)) if other != index => {
                        let message_text =
                            format!("two messages of this channel are named {}", quote(name));
                        let place = message.key_place();
                        errors.push(
                            Diagnostic::error(Code::SameMessageName, place, message_text)
                                .related(first.key_place(), "the other")
                                .with_help("give one of them another `name`"),
                        );
                    }
                    Some(_) => {}
                    None => {
                        messages.push(index);
                        self.members.insert((channel, index));
                    }
                }
            }
            let address = node.get("address");
            if let Some(node) =
                address.filter(|node| node.text().is_some_and(|text| text.contains('{')))
            {
                let message = format!(
                    "parameters of addresses are not generated yet: {}",
                    quote(node.text().unwrap_or_default())
                );
                let help = "the address is used as it is";
                errors.push(
                    Diagnostic::warning(Code::AddressParameters, node.place(), message)
                        .with_help(help),
                );
            }
            self.channel_of.insert(node.id(), channel);
            self.channels.push(Channel {
                key: entry.key,
                node,
                address: address.and_then(Node::text),
                messages,
            });
        }
    }

    /// The index of a message that a channel has under `key`.
    fn message(&mut self, node: Node<'s>, key: &'s str) -> usize {
        if let Some(index) = self.message_of.get(&node.id()) {
            return *index;
        }
        let traits = node.get("traits").into_iter().flat_map(Node::items);
        let mut layers = vec![node];
        layers.extend(traits.filter_map(|node| self.references.target(node)));
        let component = match node.path().as_slice() {
            ["components", "messages", key] => Some(*key),
            _ => None,
        };
        let name = layers
            .iter()
            .find_map(|layer| layer.get("name").and_then(Node::text));
        let name = name
            .filter(|name| !name.is_empty())
            .or(component)
            .unwrap_or(key);
        let index = self.messages.len();
        self.message_of.insert(node.id(), index);
        self.messages.push(Message { node, name, layers });
        index
    }

    fn operations(&self, errors: &mut Errors) -> Vec<Operation<'s>> {
        let mut operations = Vec::new();
        let mut size = Size::new(MOST);
        let entries = self
            .root
            .get("operations")
            .into_iter()
            .flat_map(Node::entries);
        for entry in entries {
            let Some(node) = self.references.target(entry.node) else {
                continue;
            };
            let Some(channel) = self.channel(node.get("channel"), errors) else {
                continue;
            };
            let messages = self.chosen(node.get("messages"), channel, errors);
            let reply = self.reply(node.get("reply"), channel, errors);
            let answers = reply.as_ref().map_or(0, |reply| reply.messages.len());
            let count = messages.len().saturating_add(answers);
            if let Err(message) = size.grow(count, "messages in operations and replies") {
                errors.push(Diagnostic::error(Code::TooLarge, node.key_place(), message));
                break;
            }
            operations.push(Operation {
                key: entry.key,
                node,
                sends: node.get("action").and_then(Node::text) == Some("send"),
                channel,
                messages,
                reply,
                interaction: node.get("x-interaction"),
            });
        }
        operations
    }

    fn reply(
        &self,
        reply: Option<Node<'s>>,
        channel: usize,
        errors: &mut Errors,
    ) -> Option<Reply<'s>> {
        let node = self.references.target(reply?)?;
        let channel = match node.get("channel") {
            Some(reference) => self.channel(Some(reference), errors)?,
            None => channel,
        };
        let messages = match (node.get("messages"), node.get("channel")) {
            // With neither, nothing says what the reply is.
            (None, None) => Vec::new(),
            (messages, _) => self.chosen(messages, channel, errors),
        };
        let address = node
            .get("address")
            .and_then(|node| self.references.target(node));
        let address = address.and_then(|node| node.get("location"));
        Some(Reply {
            node,
            channel,
            messages,
            address,
        })
    }

    /// The channel that is referred to.
    fn channel(&self, reference: Option<Node<'s>>, errors: &mut Errors) -> Option<usize> {
        let reference = reference?;
        let target = self.references.target(reference)?;
        let channel = self.channel_of.get(&target.id()).copied();
        if channel.is_none() && reference.get("$ref").is_some() {
            let message = format!(
                "{} is not one of the document's `channels`",
                quote(target.key())
            );
            let place = reference.get("$ref").unwrap_or(reference).place();
            let help = format!(
                "add it to `channels`, and refer to `#/channels/{}`",
                target.key()
            );
            errors.push(
                Diagnostic::error(Code::ForeignChannel, place, message)
                    .related(target.key_place(), "this is what it refers to")
                    .with_help(help),
            );
        }
        channel
    }

    /// The messages that are referred to, all of them the channel's: or else all that it has.
    fn chosen(
        &self,
        references: Option<Node<'s>>,
        channel: usize,
        errors: &mut Errors,
    ) -> Vec<usize> {
        let index = channel;
        let Some(channel) = self.channels.get(index) else {
            return Vec::new();
        };
        let Some(references) = references else {
            return channel.messages.clone();
        };
        let mut chosen = Vec::new();
        let mut seen = HashSet::new();
        for reference in references.items() {
            let Some(target) = self.references.target(reference) else {
                continue;
            };
            let message = self.message_of.get(&target.id()).copied();
            match message.filter(|message| self.members.contains(&(index, *message))) {
                Some(message) if !seen.insert(message) => {}
                Some(message) => chosen.push(message),
                // A reference that is none has been reported.
                None if reference.get("$ref").is_none() => {}
                None => {
                    let message = format!(
                        "{} is not a message of the channel {}",
                        quote(target.key()),
                        quote(channel.key)
                    );
                    let keys = channel
                        .node
                        .get("messages")
                        .into_iter()
                        .flat_map(Node::entries);
                    let meant = errors.nearest(target.key(), keys.map(|entry| entry.key));
                    let place = reference.get("$ref").unwrap_or(reference).place();
                    let messages = channel.node.get("messages").unwrap_or(channel.node);
                    errors.push(
                        Diagnostic::error(Code::ForeignMessage, place, message)
                            .related(messages.key_place(), "none of these")
                            .did_you_mean(meant),
                    );
                }
            }
        }
        chosen
    }
}

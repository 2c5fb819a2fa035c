//! References and traits, gone after this: channels, operations and messages with each other in
//! hand, and schemas whose references have a known target.

mod json;
mod reference;
mod rules;

use std::collections::{HashMap, HashSet};

use crate::diagnostic::{Code, Diagnostic, Errors, Place, quote};
use crate::document::{Document, Kind};
use crate::source::{Entry, Id, Node, NumberMap, NumberSet, Size};

pub(crate) use json::{SchemaWriter, meant};
pub(crate) use reference::References;

/// How many messages operations and their replies may have in all: each is generated for each.
const MOST: usize = 10_000;

/// How many messages operations may begin with, all together: each has methods of its own.
const MOST_INTERACTIONS: usize = 500;

/// How often messages of one channel may be found to have one name.
const MOST_ROUNDS: usize = 5;

/// How many traits operations may have in all: each is looked at for each message of each.
const MOST_TRAITS: usize = 20_000;

/// What a document says, without references.
#[derive(Debug)]
pub(crate) struct Resolved<'s> {
    pub(crate) root: Node<'s>,
    pub(crate) channels: Vec<Channel<'s>>,
    pub(crate) operations: Vec<Operation<'s>>,
    pub(crate) messages: Vec<Message<'s>>,
    /// For the references among schemas.
    pub(crate) references: References<'s>,
    /// All objects of all files, in the files' order.
    pub(crate) objects: Vec<(Kind, Node<'s>)>,
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
    /// What it is called where it has no `name`.
    key: &'s str,
    pub(crate) layers: Layers<'s>,
}

/// An object and its traits. The object's own fields win over those of traits, and those of later
/// traits over those of earlier ones (AsyncAPI 3.0, Traits Merge Mechanism).
#[derive(Debug)]
pub(crate) struct Layers<'s>(Vec<Node<'s>>);

/// An operation.
#[derive(Debug)]
pub(crate) struct Operation<'s> {
    pub(crate) key: &'s str,
    pub(crate) node: Node<'s>,
    pub(crate) sends: bool,
    pub(crate) channel: usize,
    pub(crate) messages: Vec<usize>,
    pub(crate) reply: Option<Reply<'s>>,
    pub(crate) layers: Layers<'s>,
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

impl<'s> Layers<'s> {
    pub(crate) fn of(node: Node<'s>, references: &References<'s>) -> Self {
        let traits = node.get("traits").into_iter().flat_map(Node::items);
        let mut layers = vec![node];
        layers.extend(traits.filter_map(|node| references.target(node)));
        if let Some(traits) = layers.get_mut(1..) {
            traits.reverse();
        }
        Self(layers)
    }

    /// The object, and then its traits: the first one that has a field decides it.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Node<'s>> + Clone {
        self.0.iter().copied()
    }

    /// The value of a field: the object's own, or else that of a trait.
    pub(crate) fn get(&self, field: &str) -> Option<Node<'s>> {
        self.iter().find_map(|layer| layer.get(field))
    }
}

impl<'s> Message<'s> {
    /// The value of a field: its own, or else that of a trait.
    pub(crate) fn get(&self, field: &str) -> Option<Node<'s>> {
        self.layers.get(field)
    }

    /// The values of a field that traits add to.
    pub(crate) fn all(&self, field: &str) -> Vec<Node<'s>> {
        let layers = self.layers.iter();
        layers.filter_map(|layer| layer.get(field)).collect()
    }
}

/// Follows all references, and reports those that lead nowhere.
pub(crate) fn resolve<'s>(mut document: Document<'s>, errors: &mut Errors) -> Resolved<'s> {
    let references = References::follow(&mut document, errors);
    let mut resolver = Resolver {
        root: document.source.root(),
        references,
        channels: Vec::new(),
        channel_of: NumberMap::default(),
        messages: Vec::new(),
        message_of: NumberMap::default(),
        members: NumberSet::default(),
        message_names: HashMap::new(),
        keys: HashSet::new(),
    };
    resolver.channels(errors);
    let operations = resolver.operations(errors);
    resolver.components();
    let resolved = Resolved {
        root: resolver.root,
        channels: resolver.channels,
        operations,
        messages: resolver.messages,
        references: resolver.references,
        objects: document.objects(),
    };
    rules::check(&resolved, errors);
    resolved
}

/// A message by its index, and where a channel has it.
type Entered<'s> = (usize, Entry<'s>);

struct Resolver<'s> {
    root: Node<'s>,
    references: References<'s>,
    channels: Vec<Channel<'s>>,
    channel_of: NumberMap<Id, usize>,
    messages: Vec<Message<'s>>,
    message_of: NumberMap<Id, usize>,
    /// Each channel with each of its messages, by their indices.
    members: NumberSet<(usize, usize)>,
    /// Each channel's messages by their names.
    message_names: HashMap<(usize, &'s str), usize>,
    /// Those of all channels.
    keys: HashSet<&'s str>,
}

impl<'s> Resolver<'s> {
    /// Messages that no channel has are for others to use.
    fn components(&mut self) {
        let messages = self
            .root
            .get("components")
            .and_then(|all| all.get("messages"));
        for entry in messages.into_iter().flat_map(Node::entries) {
            if let Some(target) = self.references.target(entry.node) {
                self.message(target, entry.key);
            }
        }
    }

    fn channels(&mut self, errors: &mut Errors) {
        let channels = self.root.get("channels");
        for entry in channels.into_iter().flat_map(Node::entries) {
            let Some(node) = self.references.target(entry.node) else {
                continue;
            };
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
            self.add_channel(entry.key, node, errors);
        }
    }

    fn add_channel(&mut self, key: &'s str, node: Node<'s>, errors: &mut Errors) -> usize {
        let channel = self.channels.len();
        let mut messages: Vec<Entered<'s>> = Vec::new();
        for message in node.get("messages").into_iter().flat_map(Node::entries) {
            let Some(target) = self.references.target(message.node) else {
                continue;
            };
            let index = self.message(target, message.key);
            if self.members.insert((channel, index)) {
                messages.push((index, message));
            }
        }
        self.tell_apart(&messages, errors);
        let messages = messages.into_iter().map(|(index, _)| index);
        let messages: Vec<usize> = messages.collect();
        for index in &messages {
            let name = self.messages.get(*index).map_or("", |message| message.name);
            self.message_names.insert((channel, name), *index);
        }
        let address = node.get("address");
        self.channel_of.insert(node.id(), channel);
        self.keys.insert(key);
        self.channels.push(Channel {
            key,
            node,
            address: address.and_then(Node::text),
            messages,
        });
        channel
    }

    /// Has messages of one channel that have the same name go by their keys.
    fn tell_apart(&mut self, messages: &[Entered<'s>], errors: &mut Errors) {
        let mut told = HashSet::new();
        for _ in 0..MOST_ROUNDS {
            let mut is_done = true;
            for (name, first, second) in self.same_names(messages) {
                for (index, _) in [first, second] {
                    if let Some(message) = self.messages.get_mut(index) {
                        is_done &= message.name == message.key;
                        message.name = message.key;
                    }
                }
                if told.insert(second.0) {
                    let help = "they go by their keys: give one of them another `name`";
                    errors.push(
                        same_name(name, first.1, second.1, Diagnostic::warning).with_help(help),
                    );
                }
            }
            if is_done {
                break;
            }
        }
        // By their keys as well, which they have from other places.
        for (name, first, second) in self.same_names(messages) {
            let help = "give one of them another `name`";
            errors.push(same_name(name, first.1, second.1, Diagnostic::error).with_help(help));
        }
    }

    /// Messages that have the name of one before them, each with that one.
    fn same_names(&self, messages: &[Entered<'s>]) -> Vec<(&'s str, Entered<'s>, Entered<'s>)> {
        let mut names: HashMap<&str, Entered<'s>> = HashMap::new();
        let mut same = Vec::new();
        for second in messages {
            let name = self
                .messages
                .get(second.0)
                .map_or("", |message| message.name);
            match names.get(name) {
                Some(first) => same.push((name, *first, *second)),
                None => {
                    names.insert(name, *second);
                }
            }
        }
        same
    }

    /// The index of a message that a channel has under `key`.
    fn message(&mut self, node: Node<'s>, key: &'s str) -> usize {
        if let Some(index) = self.message_of.get(&node.id()) {
            return *index;
        }
        let layers = Layers::of(node, &self.references);
        let component = match node.path().as_slice() {
            ["components", "messages", key] => Some(*key),
            _ => None,
        };
        let key = component.unwrap_or(key);
        let name = layers.get("name").and_then(Node::text);
        let name = name.filter(|name| !name.is_empty()).unwrap_or(key);
        let index = self.messages.len();
        self.message_of.insert(node.id(), index);
        self.messages.push(Message {
            node,
            name,
            key,
            layers,
        });
        index
    }

    fn operations(&mut self, errors: &mut Errors) -> Vec<Operation<'s>> {
        let mut operations = Vec::new();
        let mut size = Size::new(MOST);
        let mut traits = Size::new(MOST_TRAITS);
        let mut interactions = Size::new(MOST_INTERACTIONS);
        let entries = self
            .root
            .get("operations")
            .into_iter()
            .flat_map(Node::entries);
        for entry in entries {
            let Some(node) = self.references.target(entry.node) else {
                continue;
            };
            let Some(channel) = self.channel(node.get("channel"), entry.key, errors) else {
                continue;
            };
            let messages = self.chosen(node.get("messages"), channel, entry.key, errors);
            let reply = self.reply(node.get("reply"), channel, entry.key, errors);
            let answers = reply.as_ref().map_or(0, |reply| reply.messages.len());
            let count = messages.len().saturating_add(answers);
            if let Err(message) = size.grow(count, "messages in operations and replies") {
                errors.push(Diagnostic::error(Code::TooLarge, node.key_place(), message));
                break;
            }
            if let Err(message) = interactions.grow(messages.len(), "messages of operations") {
                errors.push(Diagnostic::error(Code::TooLarge, node.key_place(), message));
                break;
            }
            let layers = Layers::of(node, &self.references);
            let count = layers.0.len().saturating_mul(messages.len().max(1));
            if let Err(message) = traits.grow(count, "traits of operations and their messages") {
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
                interaction: interaction(&layers, errors),
                layers,
            });
        }
        operations
    }

    fn reply(
        &mut self,
        reply: Option<Node<'s>>,
        channel: usize,
        operation: &'s str,
        errors: &mut Errors,
    ) -> Option<Reply<'s>> {
        let node = self.references.target(reply?)?;
        let channel = match node.get("channel") {
            Some(reference) => {
                // Not that of the operation, which may stand in it as well.
                let address = reference.get("address").and_then(Node::text);
                let name = address.filter(|address| !address.is_empty());
                self.channel(Some(reference), name.unwrap_or(operation), errors)?
            }
            None => channel,
        };
        let messages = match (node.get("messages"), node.get("channel")) {
            // With neither, nothing says what the reply is.
            (None, None) => Vec::new(),
            (messages, _) => self.chosen(messages, channel, operation, errors),
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

    /// The channel that is referred to; one that stands here itself is called `name`.
    fn channel(
        &mut self,
        reference: Option<Node<'s>>,
        name: &'s str,
        errors: &mut Errors,
    ) -> Option<usize> {
        let reference = reference?;
        let target = self.references.target(reference)?;
        if let Some(channel) = self.channel_of.get(&target.id()) {
            return Some(*channel);
        }
        // That it is none has been reported.
        if !target.is_mapping() {
            return None;
        }
        let is_inline = target.id() == reference.id();
        let key = if is_inline { name } else { target.key() };
        let message = format!("{} is not one of the document's `channels`", quote(key));
        let place = reference.get("$ref").unwrap_or(reference).place();
        let is_taken = self.keys.contains(key);
        if is_inline && !is_taken {
            return Some(self.add_channel(key, target, errors));
        }
        let help = if is_taken {
            format!("{} is another one: give this one another name", quote(key))
        } else {
            let reference = quote(&format!("#/channels/{key}"));
            format!("add it to `channels`, and refer to {reference}")
        };
        // What stands in `components` itself may refer to a channel there.
        let may_be = !is_taken && reference.path().first() == Some(&"components");
        let mistake = match may_be {
            true => Diagnostic::warning(Code::ForeignChannel, place, message),
            false => Diagnostic::error(Code::ForeignChannel, place, message),
        };
        let related = mistake.related(target.key_place(), "this is the channel");
        errors.push(related.with_help(help));
        may_be.then(|| self.add_channel(key, target, errors))
    }

    /// The messages that are referred to, or else all that the channel has; one that stands here itself
    /// is called `name`. A message that the channel lacks is taken for one that it has.
    fn chosen(
        &mut self,
        references: Option<Node<'s>>,
        channel: usize,
        name: &'s str,
        errors: &mut Errors,
    ) -> Vec<usize> {
        let Some(references) = references else {
            let channel = self.channels.get(channel);
            return channel.map_or(Vec::new(), |channel| channel.messages.clone());
        };
        let mut chosen = Vec::new();
        let mut seen = HashSet::new();
        for reference in references.items() {
            let target = self.references.target(reference);
            // What is neither a message nor a reference has been reported.
            let Some(target) = target.filter(|target| target.is_mapping()) else {
                continue;
            };
            let known = self.message_of.get(&target.id()).copied();
            let own = known.filter(|message| self.members.contains(&(channel, *message)));
            let message = match own {
                Some(message) => message,
                None => self.foreign(reference, target, channel, name, errors),
            };
            if seen.insert(message) {
                chosen.push(message);
            }
        }
        chosen
    }

    /// The message that is meant by a reference to one that the channel lacks.
    fn foreign(
        &mut self,
        reference: Node<'s>,
        target: Node<'s>,
        channel: usize,
        name: &'s str,
        errors: &mut Errors,
    ) -> usize {
        let is_inline = target.id() == reference.id();
        let key = if is_inline { name } else { target.key() };
        let index = self.message(target, key);
        let wire = self.messages.get(index).map_or("", |message| message.name);
        // From now on it is the channel's, should there be another reference to one of this name.
        let chosen = *self.message_names.entry((channel, wire)).or_insert(index);
        if !is_inline {
            let owner = self.channels.get(channel);
            let message = format!(
                "{} is not a message of the channel {}",
                quote(target.key()),
                quote(owner.map_or("", |owner| owner.key))
            );
            let place = reference.get("$ref").unwrap_or(reference).place();
            let mistake = Diagnostic::warning(Code::ForeignMessage, place, message);
            let own = Some(chosen).filter(|own| self.members.contains(&(channel, *own)));
            let related = own.and_then(|own| self.messages.get(own));
            let messages = owner.and_then(|owner| owner.node.get("messages"));
            errors.push(match (related, messages) {
                (Some(own), _) => mistake
                    .related(own.node.key_place(), "this one of the same name is")
                    .with_help("refer to the one that the channel has, for which it is taken"),
                (None, Some(messages)) => mistake
                    .related(messages.key_place(), "it is none of these")
                    .with_help("it is taken for one: add it"),
                (None, None) => mistake.with_help("it is taken for one: add it"),
            });
        }
        chosen
    }
}

fn same_name(
    name: &str,
    first: Entry<'_>,
    second: Entry<'_>,
    mistake: fn(Code, Place, String) -> Diagnostic,
) -> Diagnostic {
    let message = format!("two messages of this channel are named {}", quote(name));
    mistake(Code::SameMessageName, second.key_place(), message)
        .related(first.key_place(), "the other")
}

/// The `x-interaction` of an operation, or of its traits. Others may have a field of this name as well.
fn interaction<'s>(layers: &Layers<'s>, errors: &mut Errors) -> Option<Node<'s>> {
    let node = layers.get("x-interaction")?;
    if node.text().is_none() {
        let message = format!("found {}, expected an interaction pattern", node.describe());
        let warning = Diagnostic::warning(Code::UnknownPattern, node.place(), message);
        errors.push(warning.with_help("it is read over, as somebody else's"));
        return None;
    }
    Some(node)
}

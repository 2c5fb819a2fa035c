//! Which interactions a document's operations amount to.
//!
//! The first rule that applies: the operation's `x-interaction`; the names that CCSDS documents
//! use; AsyncAPI itself.

mod ccsds;

use std::collections::{HashMap, HashSet};

use crate::diagnostic::{Code, Diagnostic, Errors, quote};
use crate::options::{Options, Perspective};
use crate::resolve::{Operation, Reply, Resolved};
use crate::source::Node;

use super::perspective::inferred;

/// An interaction whose messages are still the document's.
#[derive(Debug)]
pub(super) struct Draft<'s> {
    /// On the wire.
    pub(super) name: String,
    /// The operation that starts it.
    pub(super) operation: &'s Operation<'s>,
    pub(super) kind: Kind,
    pub(super) steps: Vec<(Role, Step)>,
    /// The response is any one of several messages: the index of which.
    pub(super) response: Option<usize>,
    /// Recognised by names, or by `x-interaction`.
    pub(super) ccsds: bool,
}

/// The patterns, without their messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Send,
    Submit,
    Request,
    Invoke,
    Progress,
    PubSub,
}

/// What a message is in its interaction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Role {
    Start,
    Ack,
    Update,
    Response,
    Error,
    Publish,
}

/// The messages that one operation may be answered with, where there are several. Interactions refer
/// to it by its index: an operation with a thousand requests lists a thousand responses but once.
#[derive(Debug)]
pub(super) struct Responses<'s> {
    pub(super) operation: &'s Operation<'s>,
    pub(super) channel: usize,
    /// The messages' indices.
    pub(super) messages: Vec<usize>,
}

/// The messages of a reply in their roles; and the index of several that the response is one of.
type Answers = (Vec<(Role, Step)>, Option<usize>);

/// What a document's operations amount to.
#[derive(Debug)]
pub(super) struct Recognised<'s> {
    pub(super) drafts: Vec<Draft<'s>>,
    pub(super) responses: Vec<Responses<'s>>,
}

/// A message on a channel, by their indices.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Step {
    pub(super) channel: usize,
    pub(super) message: usize,
}

impl Kind {
    const ALL: [(&'static str, Self); 6] = [
        ("send", Self::Send),
        ("submit", Self::Submit),
        ("request", Self::Request),
        ("invoke", Self::Invoke),
        ("progress", Self::Progress),
        ("pubsub", Self::PubSub),
    ];

    /// How names of operations that start this end.
    fn suffix(self) -> &'static str {
        match self {
            Self::Send => "_send",
            Self::Submit => "_submit",
            Self::Request => "_request",
            Self::Invoke => "_invoke",
            Self::Progress => "_progress",
            Self::PubSub => "_sub",
        }
    }

    /// The messages that answer the first one. What the reply of the operation holds is the first
    /// of them, unless its name says otherwise.
    fn answers(self) -> &'static [Role] {
        match self {
            Self::Send => &[],
            Self::Submit => &[Role::Error],
            Self::Request => &[Role::Response, Role::Error],
            Self::Invoke => &[Role::Response, Role::Ack, Role::Error],
            Self::Progress => &[Role::Update, Role::Response, Role::Error],
            Self::PubSub => &[Role::Publish, Role::Error],
        }
    }

    /// Those of which one at least must be there.
    fn needs(self) -> &'static [Role] {
        match self {
            Self::Send | Self::Submit => &[],
            Self::Request => &[Role::Response],
            Self::Invoke => &[Role::Response, Role::Ack],
            Self::Progress => &[Role::Update],
            Self::PubSub => &[Role::Publish],
        }
    }
}

impl Role {
    /// As in a sentence.
    fn word(self) -> &'static str {
        match self {
            Self::Start => "a message",
            Self::Ack => "an acknowledgement",
            Self::Update => "an update",
            Self::Response => "a response",
            Self::Error => "an error",
            Self::Publish => "a publication",
        }
    }

    /// How names of messages in this role end.
    fn suffix(self) -> &'static str {
        match self {
            Self::Start => "",
            Self::Ack => "_ack",
            Self::Update => "_update",
            Self::Response => "_response",
            Self::Error => "_error",
            Self::Publish => "_pub",
        }
    }
}

/// Finds the interactions, in document order.
pub(super) fn recognise<'s>(
    resolved: &'s Resolved<'s>,
    options: &Options,
    errors: &mut Errors,
) -> Recognised<'s> {
    let mut recogniser = Recogniser {
        resolved,
        by_key: resolved
            .operations
            .iter()
            .map(|operation| (operation.key, operation))
            .collect(),
        folded: HashMap::new(),
        responses: Vec::new(),
        errors,
    };
    let operations = &resolved.operations;
    let mut chosen = recogniser.chosen(options);
    // First those that others are folded into, wherever in the document they are.
    let named: Vec<Option<Draft<'_>>> = operations
        .iter()
        .map(|operation| recogniser.named(operation))
        .collect();
    let by_themselves = operations.iter().zip(&named).filter(|(operation, named)| {
        named.is_none() && !recogniser.folded.contains_key(operation.key)
    });
    let by_themselves: Vec<_> = by_themselves.map(|(operation, _)| operation).collect();
    let perspective = options
        .perspective
        .unwrap_or_else(|| inferred(resolved, &by_themselves, recogniser.errors));
    if let Some(chosen) = &mut chosen {
        // Part of an interaction is all of it.
        let folded = &recogniser.folded;
        let starters: Vec<&str> = chosen
            .iter()
            .filter_map(|key| folded.get(key).copied())
            .collect();
        chosen.extend(starters);
    }
    let is_chosen = |key: &str| chosen.as_ref().is_none_or(|chosen| chosen.contains(key));
    let mut drafts: Vec<Draft<'_>> = Vec::new();
    let mut names = HashSet::new();
    let all = operations.iter().zip(named);
    for (operation, named) in all.filter(|(operation, _)| is_chosen(operation.key)) {
        let found = match named {
            Some(draft) => vec![draft],
            None if recogniser.folded.contains_key(operation.key) => Vec::new(),
            None => recogniser.plain(operation, perspective),
        };
        for mut draft in found {
            // `beat_sub` and `beat_request` cannot both be `beat`.
            if !names.insert(draft.name.clone()) {
                draft.name = operation.key.to_owned();
                names.insert(draft.name.clone());
            }
            drafts.push(draft);
        }
    }
    recogniser.replies_to_provider(&mut drafts);
    let written = resolved
        .root
        .get("operations")
        .into_iter()
        .flat_map(Node::entries)
        .count();
    if written == 0 {
        let place = resolved.root.place();
        let message = "there are no `operations`, so the service has nothing to do";
        recogniser
            .errors
            .push(Diagnostic::warning(Code::NoOperations, place, message).unless_errors());
    }
    Recognised {
        drafts,
        responses: recogniser.responses,
    }
}

struct Recogniser<'s, 'e> {
    resolved: &'s Resolved<'s>,
    by_key: HashMap<&'s str, &'s Operation<'s>>,
    /// Keys of operations that are part of another's interaction, and of those others.
    folded: HashMap<&'s str, &'s str>,
    responses: Vec<Responses<'s>>,
    errors: &'e mut Errors,
}

impl<'s> Recogniser<'s, '_> {
    /// The operations that the build script asks for, if it does not ask for all.
    fn chosen(&self, options: &Options) -> Option<HashSet<&'s str>> {
        let chosen = options.operations.as_ref()?;
        let known = chosen
            .iter()
            .filter_map(|key| self.by_key.get_key_value(key.as_str()));
        Some(known.map(|(key, _)| *key).collect())
    }

    /// Says that an operation without a message is left out, unless it is that its messages could
    /// not be found.
    fn no_message(&mut self, operation: &Operation<'_>) {
        let channel = self.resolved.channels.get(operation.channel);
        if let Some(channel) = channel.filter(|channel| {
            !writes_messages(operation.node)
                && (operation.node.get("messages").is_some() || !writes_messages(channel.node))
        }) {
            let message = format!(
                "{} has no message: its channel is {}",
                quote(operation.key),
                quote(channel.key)
            );
            let help = "it is left out, until the channel has a message";
            self.errors.push(
                Diagnostic::warning(Code::NoMessage, operation.node.key_place(), message)
                    .with_help(help),
            );
        }
    }

    /// By AsyncAPI alone: an interaction for each of the operation's messages.
    fn plain(&mut self, operation: &'s Operation<'s>, perspective: Perspective) -> Vec<Draft<'s>> {
        if operation.messages.is_empty() {
            self.no_message(operation);
            return Vec::new();
        }
        let to_provider = operation.sends == (perspective == Perspective::Consumer);
        let (kind, role, answers, response) = match &operation.reply {
            Some(reply) if to_provider => {
                let Some((answers, response)) = self.answers(operation, reply) else {
                    return Vec::new();
                };
                let kind = if answers.is_empty() && response.is_none() {
                    Kind::Submit
                } else {
                    Kind::Request
                };
                (kind, Role::Start, answers, response)
            }
            None if to_provider => (Kind::Send, Role::Start, Vec::new(), None),
            _ => (Kind::PubSub, Role::Publish, Vec::new(), None),
        };
        let draft = |message: &usize| {
            let step = Step {
                channel: operation.channel,
                message: *message,
            };
            let mut steps = vec![(role, step)];
            steps.extend_from_slice(&answers);
            Draft {
                name: self.name(operation.key, &operation.messages, *message),
                operation,
                kind,
                steps,
                response,
                ccsds: false,
            }
        };
        operation.messages.iter().map(draft).collect()
    }

    /// What an interaction with one of these messages is called: by the operation, and by the
    /// message where it has others.
    fn name(&self, stem: &str, all: &[usize], message: usize) -> String {
        match all {
            [_] => stem.to_owned(),
            _ => {
                let message = self.resolved.messages.get(message);
                format!("{stem}.{}", message.map_or("", |message| message.name))
            }
        }
    }

    /// What an operation is answered with. `None` if what is written is wrong, which has been said.
    fn answers(&mut self, operation: &'s Operation<'s>, reply: &Reply<'s>) -> Option<Answers> {
        if reply.messages.is_empty() && self.has_wrong_messages(reply) {
            return None;
        }
        let step = |message: usize| Step {
            channel: reply.channel,
            message,
        };
        let (errors, rest): (Vec<usize>, Vec<usize>) = reply
            .messages
            .iter()
            .partition(|message| self.is_error(**message));
        Some(match (rest.as_slice(), errors.as_slice()) {
            ([], []) => (Vec::new(), None),
            ([message], []) | ([], [message]) => (vec![(Role::Response, step(*message))], None),
            ([message], [error]) => {
                let response = (Role::Response, step(*message));
                (vec![response, (Role::Error, step(*error))], None)
            }
            (_, errors) => {
                let error = match errors {
                    [error] => Some(*error),
                    _ => None,
                };
                let messages = reply.messages.iter().copied();
                self.responses.push(Responses {
                    operation,
                    channel: reply.channel,
                    messages: messages.filter(|message| Some(*message) != error).collect(),
                });
                let error = error.map(|error| (Role::Error, step(error)));
                let index = self.responses.len().saturating_sub(1);
                (error.into_iter().collect(), Some(index))
            }
        })
    }

    /// There are messages in the document, and none of them is right.
    fn has_wrong_messages(&self, reply: &Reply<'_>) -> bool {
        let channel = reply
            .node
            .get("channel")
            .and(self.resolved.channels.get(reply.channel));
        writes_messages(reply.node) || channel.is_some_and(|channel| writes_messages(channel.node))
    }

    /// By its name a message is plainly an error: `getBalanceError`, `error_response`.
    fn is_error(&self, message: usize) -> bool {
        let message = self.resolved.messages.get(message);
        message.is_some_and(|message| {
            let name = message.name.to_lowercase();
            name.starts_with("error") || name.trim_end_matches(".message").ends_with("error")
        })
    }

    /// What starts each interaction, and the first one that it starts: nothing tells a second one
    /// apart.
    fn started(&mut self, drafts: &[Draft<'s>]) -> HashMap<Step, String> {
        let mut started: HashMap<Step, String> = HashMap::new();
        let mut warned = HashSet::new();
        for draft in drafts {
            let start = draft.steps.iter().find(|(role, _)| *role == Role::Start);
            let Some((_, step)) = start else {
                continue;
            };
            let Some(first) = started.get(step) else {
                started.insert(*step, draft.name.clone());
                continue;
            };
            if warned.insert(draft.operation.key) {
                let message = format!(
                    "{} begins with the same message as {}",
                    quote(&draft.name),
                    quote(first)
                );
                let help = "give it `messages` of its own, or nothing tells the two apart";
                let place = draft.operation.node.key_place();
                self.errors
                    .push(Diagnostic::warning(Code::SameStart, place, message).with_help(help));
            }
        }
        started
    }

    /// The provider's own requests are publications, and what answers them is sent to it.
    fn replies_to_provider(&mut self, drafts: &mut Vec<Draft<'s>>) {
        let publishes = |draft: &Draft<'_>| draft.kind == Kind::PubSub && !draft.ccsds;
        let asks: Vec<&'s Operation<'s>> = drafts
            .iter()
            .filter(|draft| publishes(draft) && draft.operation.reply.is_some())
            .map(|draft| draft.operation)
            .collect();
        let mut started = self.started(drafts);
        let mut seen = HashSet::new();
        for operation in asks {
            let Some(reply) = operation.reply.as_ref() else {
                continue;
            };
            if !seen.insert(operation.key) {
                continue;
            }
            let stem = format!("{}_reply", operation.key);
            let mut names = Vec::new();
            for message in &reply.messages {
                let step = Step {
                    channel: reply.channel,
                    message: *message,
                };
                if let Some(known) = started.get(&step) {
                    names.push(known.clone());
                    continue;
                }
                let name = self.name(&stem, &reply.messages, *message);
                started.insert(step, name.clone());
                names.push(name.clone());
                drafts.push(Draft {
                    name,
                    operation,
                    kind: Kind::Send,
                    steps: vec![(Role::Start, step)],
                    response: None,
                    ccsds: false,
                });
            }
            let name = quote(operation.key);
            let mut message = format!(
                "{name} is a request that the provider makes: it is generated as a publication"
            );
            if let [first, rest @ ..] = names.as_slice() {
                let more = if rest.is_empty() { "" } else { " and others" };
                message.push_str(&format!(", and its reply as {}{more}", quote(first)));
            }
            let help = "set the perspective, if it is the consumer that makes it";
            self.errors.push(
                Diagnostic::warning(Code::ProviderRequest, operation.node.key_place(), message)
                    .with_help(help),
            );
        }
    }
}

/// The message of an operation that has but one.
fn only_message(operation: &Operation<'_>) -> Option<Step> {
    match operation.messages.as_slice() {
        [message] => Some(Step {
            channel: operation.channel,
            message: *message,
        }),
        _ => None,
    }
}

/// There are messages, whether or not they are right.
fn writes_messages(node: Node<'_>) -> bool {
    node.get("messages").is_some_and(|messages| {
        messages.entries().next().is_some() || messages.items().next().is_some()
    })
}

//! The interactions of CCSDS Mission Operations, which an operation's `x-interaction` tells, or its name
//! and those of the operations and messages that answer it.

use super::{Draft, Kind, Recogniser, Role, Step, only_message};
use crate::diagnostic::{Code, Diagnostic, quote};
use crate::resolve::Operation;
use crate::source::Node;

impl<'s> Recogniser<'s, '_> {
    /// By `x-interaction`, or by the operation's name.
    pub(super) fn named(&mut self, operation: &'s Operation<'s>) -> Option<Draft<'s>> {
        if let Some(node) = operation.interaction {
            let draft = self.written(operation, node);
            if draft.is_none() {
                // Not also a mistake by the rules that follow.
                self.folded.insert(operation.key, operation.key);
            }
            return draft;
        }
        let (stem, kind) = Kind::ALL.iter().find_map(|(_, kind)| {
            let stem = operation.key.strip_suffix(kind.suffix())?;
            (!stem.is_empty()).then_some((stem, *kind))
        })?;
        self.draft(operation, kind, stem)
    }

    /// By `x-interaction`. Without a draft, there is an error.
    fn written(&mut self, operation: &'s Operation<'s>, node: Node<'s>) -> Option<Draft<'s>> {
        let text = node.text().unwrap_or_default();
        let Some((_, kind)) = Kind::ALL.iter().find(|(name, _)| *name == text) else {
            let message = format!("found {}, expected an interaction pattern", node.describe());
            let names = Kind::ALL.map(|(name, _)| name);
            let diagnostic = Diagnostic::error(Code::UnknownPattern, node.place(), message);
            self.errors.push(match self.errors.nearest(text, names) {
                Some(meant) => diagnostic.did_you_mean(Some(meant)),
                None => diagnostic.with_help(format!("the patterns are {}", names.join(", "))),
            });
            return None;
        };
        let stem = operation
            .key
            .strip_suffix(kind.suffix())
            .filter(|stem| !stem.is_empty());
        let draft = self.draft(operation, *kind, stem.unwrap_or(operation.key));
        if draft.is_some() {
            return draft;
        }
        if operation.messages.is_empty() {
            self.no_message(operation);
            return None;
        }
        let message = format!(
            "found other messages than those of the pattern {}",
            quote(text)
        );
        let help = match kind.needs() {
            [] => "it has one message, and no reply but an error".to_owned(),
            needs => {
                let needs: Vec<_> = needs.iter().map(|role| role.word()).collect();
                let needs = needs.join(" or ");
                format!("it has one message and, as its `reply`, {needs}")
            }
        };
        self.errors
            .push(Diagnostic::error(Code::PatternMessages, node.place(), message).with_help(help));
        None
    }

    /// The interaction of this kind that `operation` starts, if its messages are those of one.
    fn draft(&mut self, operation: &'s Operation<'s>, kind: Kind, stem: &str) -> Option<Draft<'s>> {
        let start = only_message(operation)?;
        let mut steps = vec![(Role::Start, start)];
        let mut followers: Vec<&Operation<'_>> = Vec::new();
        for role in kind.answers() {
            let name = format!("{stem}{}", role.suffix());
            let follower = self.by_key.get(name.as_str()).copied();
            if let Some(other) = follower.filter(|other| other.interaction.is_none()) {
                steps.push((*role, only_message(other)?));
                followers.push(other);
            } else if let Some(step) = self.in_reply(operation, &name) {
                steps.push((*role, step));
            }
        }
        // What the reply holds, if no name has told what it is.
        if let Some(reply) = &operation.reply {
            for message in &reply.messages {
                let step = Step {
                    channel: reply.channel,
                    message: *message,
                };
                if steps.iter().any(|(_, known)| known.message == *message) {
                    continue;
                }
                let free = kind.answers().iter().find(|role| {
                    **role != Role::Error && !steps.iter().any(|(known, _)| known == *role)
                });
                // More than this pattern has room for: something else, then.
                steps.push((*free?, step));
            }
        }
        let published = kind == Kind::PubSub && steps.len() == 1;
        if published && operation.interaction.is_some() && operation.reply.is_none() {
            // Its only message is not a subscription, then.
            steps = vec![(Role::Publish, start)];
        }
        let needs = kind.needs();
        if !needs.is_empty() && !steps.iter().any(|(role, _)| needs.contains(role)) {
            return None;
        }
        for follower in followers {
            self.folded.insert(follower.key, operation.key);
            self.check_action(operation, follower);
        }
        Some(Draft {
            name: stem.to_owned(),
            operation,
            kind,
            steps,
            response: None,
            ccsds: true,
        })
    }

    /// Who sends the message that starts an interaction receives those that answer it.
    fn check_action(&mut self, operation: &Operation<'_>, follower: &Operation<'_>) {
        let action = follower.node.get("action");
        let Some(action) = action.filter(|_| follower.sends == operation.sends) else {
            return;
        };
        let message = format!(
            "{} answers {}, and has the same action",
            quote(follower.key),
            quote(operation.key)
        );
        let opposite = if operation.sends { "receive" } else { "send" };
        let help = format!("write {}, if it is an answer", quote(opposite));
        let mut mistake = Diagnostic::warning(Code::SameAction, action.place(), message);
        if let Some(other) = operation.node.get("action") {
            mistake = mistake.related(other.place(), "the action of what it answers");
        }
        self.errors.push(mistake.with_help(help).unless_errors());
    }

    /// The message of this name in an operation's reply; or that on a channel of this name.
    fn in_reply(&self, operation: &Operation<'_>, name: &str) -> Option<Step> {
        let reply = operation.reply.as_ref()?;
        let step = |message: usize| Step {
            channel: reply.channel,
            message,
        };
        let named = reply.messages.iter().find(|index| {
            let message = self.resolved.messages.get(**index);
            message.is_some_and(|message| message.name.trim_end_matches(".message") == name)
        });
        if let Some(message) = named {
            return Some(step(*message));
        }
        let channel = self.resolved.channels.get(reply.channel)?;
        match reply.messages.as_slice() {
            [message] if channel.key == name => Some(step(*message)),
            _ => None,
        }
    }
}

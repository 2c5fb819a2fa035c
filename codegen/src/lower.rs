//! Document -> [`Api`]: every question of meaning is decided here.

mod channels;
mod content;
mod docs;
mod expressions;
mod interaction;
mod metadata;
mod perspective;
mod requested;
mod sample;
mod schema;
mod servers;
mod types;

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::path::Path;

use crate::api::{self, Api, Name, Pattern, Step, TypeName};
use crate::diagnostic::{Code, Diagnostic, Errors};
use crate::name::{self, Scope, method_name};
use crate::options::Options;
use crate::resolve::{Message, Resolved};
use crate::source::{Id, Node};

pub(crate) use types::{MODULE, Reached, Shared};

use docs::Docs;
use interaction::{Draft, Recognised, Responses, Role};

/// What becomes of a document.
pub(crate) struct Lowered {
    pub(crate) api: Api,
    /// What other documents may have as well.
    pub(crate) reached: Vec<Reached>,
    /// What the build script asks for in vain.
    pub(crate) in_vain: Vec<Diagnostic>,
}

/// Lowers a document, in which these values are not what their schemas say. What is wrong with it is
/// reported, and left out.
pub(crate) fn lower(
    file: &str,
    resolved: &Resolved<'_>,
    refuted: &HashSet<Id>,
    options: &Options,
    shared: &Shared,
    errors: &mut Errors,
) -> Lowered {
    warn_of_security(resolved, errors);
    let Recognised { drafts, responses } = interaction::recognise(resolved, options, errors);
    let mut uses = Uses::of(&drafts, &responses);
    let received = uses.received();
    if options.operations.is_none() {
        uses.add_unused(resolved.messages.len());
    }
    let in_use = uses
        .order
        .iter()
        .filter_map(|index| resolved.messages.get(*index));
    let in_use: Vec<&Message<'_>> = in_use.collect();
    let types::Lowered {
        mut messages,
        types,
        reached,
        openings,
        substituted,
    } = types::lower(
        &in_use,
        &received,
        &channels::openings(resolved),
        resolved,
        options,
        shared,
        errors,
    );
    let by_name: sample::Types<'_> = types.iter().map(|one| (&one.name, one)).collect();
    let mut docs = Docs::new();
    let mut metadata = metadata::Reader::new(&resolved.references);
    for (message, index) in messages.iter_mut().zip(&uses.order) {
        if let Some(source) = resolved.messages.get(*index) {
            message.metadata = metadata.of(source.layers.iter());
            let examples = metadata.examples(source.get("examples"));
            message.remarks = docs.remarks(&message.metadata, &examples);
            if uses.is_start(*index) {
                message.sample = sample::of(message, source.get("examples"), refuted, &by_name);
            }
        }
        expressions::set(message, *index, &uses, resolved, errors);
    }

    let mut methods = Scope::new();
    let rust_names = uses.order.iter().zip(&messages);
    let rust_names: HashMap<usize, &str> = rust_names
        .map(|(index, message)| (*index, message.name.rust.as_str()))
        .collect();
    let mut type_names = Scope::new();
    for name in types.iter().map(|definition| &definition.name.0) {
        type_names.claim(name.clone());
    }
    for message in &messages {
        type_names.claim(message.name.rust.clone());
    }
    let replies: Vec<api::Reply> = responses
        .iter()
        .map(|responses| reply(responses, resolved, &rust_names, &mut type_names))
        .collect();
    let servers = servers::lower(resolved, &mut metadata, &mut docs);
    let (mut channels, parameter_enums) =
        channels::lower(resolved, &mut type_names, &mut metadata, &mut docs, errors);
    channels::set_openings(&mut channels, openings, resolved);
    let mut on: HashMap<usize, usize> = HashMap::new();
    for draft in &drafts {
        let count = on.entry(draft.operation.channel).or_default();
        *count = count.saturating_add(1);
    }
    let interactions = drafts.iter().filter_map(|draft| {
        let (_, start) = draft.steps.first()?;
        let metadata = metadata.of(draft.operation.layers.iter());
        Some(api::Interaction {
            name: Name {
                wire: draft.name.clone(),
                rust: methods.claim(method_name(&draft.name)),
            },
            docs: docs
                .with(|field| draft.operation.layers.get(field), &metadata)
                .or_else(|| {
                    // What a channel is said to be says little of each of many that are on it.
                    if on.get(&draft.operation.channel) == Some(&1) {
                        let channel = resolved.channels.get(draft.operation.channel)?;
                        return docs.of(|field| channel.node.get(field));
                    }
                    let message = resolved.messages.get(start.message)?;
                    let brief = |field: &str| message.get(field).filter(|_| field != "description");
                    docs.of(brief)
                }),
            pattern: pattern(
                draft,
                draft.response.and_then(|response| {
                    let name = replies.get(response)?.name.clone();
                    on_channel(responses.get(response)?.channel, name, resolved)
                }),
                |step| {
                    let name = TypeName((*rust_names.get(&step.message)?).to_owned());
                    on_channel(step.channel, name, resolved)
                },
            )?,
            parameters: channels
                .get(start.channel)
                .and_then(|channel| Some(channel.parameters.as_ref()?.name.clone())),
            metadata,
        })
    });
    let interactions: Vec<_> = interactions.collect();
    let info = resolved.root.get("info");
    let schemes = resolved.root.get("components");
    let schemes = schemes.and_then(|components| components.get("securitySchemes"));
    let security_schemes = metadata.named(schemes);
    let metadata = metadata.of(info
        .into_iter()
        .chain([resolved.root])
        .collect::<Vec<_>>()
        .into_iter());
    let field = |field| {
        info.and_then(|info| info.get(field))
            .and_then(Node::written)
    };
    let api = Api {
        name: options.module.clone().unwrap_or_else(|| module_name(file)),
        file: file_part(Path::new(file).file_name()),
        title: field("title").unwrap_or_default().trim().to_owned(),
        version: field("version").unwrap_or_default().trim().to_owned(),
        docs: docs.of_info(info, &metadata),
        metadata,
        servers,
        security_schemes,
        shared: shared.module.clone(),
        types,
        messages,
        replies,
        channels,
        parameter_enums,
        interactions,
    };
    let in_vain = requested::in_vain(file, &api, &substituted, resolved, options, errors);
    Lowered {
        api,
        reached,
        in_vain,
    }
}

fn on_channel(channel: usize, message: TypeName, resolved: &Resolved<'_>) -> Option<Step> {
    let channel = resolved.channels.get(channel)?;
    Some(Step {
        channel: channel.key.to_owned(),
        message,
    })
}

/// The enum of what an operation may be answered with.
fn reply(
    responses: &Responses<'_>,
    resolved: &Resolved<'_>,
    rust_names: &HashMap<usize, &str>,
    type_names: &mut Scope,
) -> api::Reply {
    let operation = responses.operation;
    let name = name::type_name(&format!("{}_reply", operation.key));
    let mut variants = Scope::new();
    let choices = responses.messages.iter().filter_map(|index| {
        let message = resolved.messages.get(*index)?;
        Some(api::Choice {
            name: Name {
                wire: message.name.to_owned(),
                rust: variants.claim(name::variant_name(message.name)),
            },
            message: TypeName((*rust_names.get(index)?).to_owned()),
        })
    });
    api::Reply {
        choices: choices.collect(),
        name: TypeName(type_names.claim(name)),
        operation: operation.key.to_owned(),
    }
}

/// Who relies on a document for this would rely on nothing. Said once, where it is first written.
fn warn_of_security(resolved: &Resolved<'_>, errors: &mut Errors) {
    let servers = resolved.root.get("servers");
    let servers = servers.into_iter().flat_map(Node::entries);
    let servers = servers.filter_map(|server| {
        let server = resolved.references.target(server.node)?;
        server.get("security")
    });
    let operations = resolved.operations.iter();
    let operations = operations.filter_map(|operation| operation.layers.get("security"));
    let mut all = servers.chain(operations);
    if let Some(security) = all.find(|security| security.items().next().is_some()) {
        let message = "`security` is not enforced yet";
        let help = "let a proxy in front of the server check who connects";
        errors.push(
            Diagnostic::warning(Code::Security, security.key_place(), message).with_help(help),
        );
    }
}

/// The name of a document's module: that of its file.
pub(crate) fn module_name(file: &str) -> String {
    name::module_name(&file_part(Path::new(file).file_stem()))
}

fn file_part(part: Option<&OsStr>) -> String {
    part.unwrap_or_default().to_string_lossy().into_owned()
}

/// Which messages are in use, and in which interactions.
struct Uses<'d> {
    /// The messages' indices, in the order in which interactions use them.
    order: Vec<usize>,
    by_message: HashMap<usize, Vec<(Role, &'d Draft<'d>)>>,
}

impl<'d> Uses<'d> {
    fn of(drafts: &'d [Draft<'d>], responses: &[Responses<'_>]) -> Self {
        let mut uses = Self {
            order: Vec::new(),
            by_message: HashMap::new(),
        };
        let mut seen = HashSet::new();
        for draft in drafts {
            for (role, step) in &draft.steps {
                uses.add(step.message, *role, draft);
            }
            // What several requests share is looked at once.
            let response = draft.response.filter(|response| seen.insert(*response));
            let messages = response.and_then(|response| responses.get(response));
            for message in messages.into_iter().flat_map(|found| &found.messages) {
                uses.add(*message, Role::Response, draft);
            }
        }
        uses
    }

    /// The positions of messages that come from the provider.
    fn received(&self) -> HashSet<usize> {
        let by_role = self.order.iter().enumerate().filter(|(_, message)| {
            let uses = self.by_message.get(message);
            uses.is_some_and(|uses| uses.iter().any(|(role, _)| *role != Role::Start))
        });
        by_role.map(|(position, _)| position).collect()
    }

    /// The message starts an interaction.
    fn is_start(&self, message: usize) -> bool {
        let uses = self.by_message.get(&message);
        uses.is_some_and(|uses| uses.iter().any(|(role, _)| *role == Role::Start))
    }

    /// Messages that no interaction uses have types all the same.
    fn add_unused(&mut self, messages: usize) {
        let unused = (0..messages).filter(|message| !self.by_message.contains_key(message));
        self.order.extend(unused.collect::<Vec<_>>());
    }

    fn add(&mut self, message: usize, role: Role, draft: &'d Draft<'d>) {
        let known = self.by_message.entry(message).or_insert_with(|| {
            self.order.push(message);
            Vec::new()
        });
        known.push((role, draft));
    }
}

/// An interaction's pattern, with its steps as the model has them.
fn pattern(
    draft: &Draft<'_>,
    one_of_several: Option<Step>,
    step: impl Fn(&interaction::Step) -> Option<Step>,
) -> Option<Pattern> {
    let role = |wanted: Role| {
        let found = draft.steps.iter().find(|(role, _)| *role == wanted);
        found.and_then(|(_, found)| step(found))
    };
    Some(match draft.kind {
        interaction::Kind::Send => Pattern::Send {
            message: role(Role::Start)?,
        },
        interaction::Kind::Submit => Pattern::Submit {
            message: role(Role::Start)?,
            error: role(Role::Error),
        },
        interaction::Kind::Request => Pattern::Request {
            message: role(Role::Start)?,
            response: one_of_several.or_else(|| role(Role::Response))?,
            error: role(Role::Error),
        },
        interaction::Kind::Invoke => Pattern::Invoke {
            message: role(Role::Start)?,
            ack: role(Role::Ack),
            response: role(Role::Response),
            error: role(Role::Error),
        },
        interaction::Kind::Progress => Pattern::Progress {
            message: role(Role::Start)?,
            update: role(Role::Update)?,
            response: role(Role::Response),
            error: role(Role::Error),
        },
        interaction::Kind::PubSub => Pattern::PubSub {
            subscribe: role(Role::Start),
            publish: role(Role::Publish)?,
            error: role(Role::Error),
        },
    })
}

/// Text of the document as it is, unless there is none.
fn trimmed(text: &str) -> Option<String> {
    Some(text.trim())
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

//! Interactions on one line each, to compare with.

use std::fmt::Write as _;

use specwire_codegen::api::{Api, Interaction, Pattern};

pub(crate) fn pattern(interaction: &Interaction) -> &'static str {
    match interaction.pattern {
        Pattern::Send { .. } => "send",
        Pattern::Submit { .. } => "submit",
        Pattern::Request { .. } => "request",
        Pattern::Invoke { .. } => "invoke",
        Pattern::Progress { .. } => "progress",
        Pattern::PubSub { .. } => "pubsub",
    }
}

/// One line an interaction: its pattern, its name, and its messages by role.
pub(crate) fn interactions(api: &Api) -> String {
    let mut text = String::new();
    for interaction in &api.interactions {
        let mut roles = String::new();
        for (role, step) in interaction.pattern.steps() {
            let role = format!("{role:?}").to_lowercase();
            write!(roles, " {role}={}/{}", step.channel, step.message.0).expect("a string");
        }
        writeln!(
            text,
            "{} {}{roles}",
            pattern(interaction),
            interaction.name.wire
        )
        .expect("a string");
    }
    text
}

//! Servers -> their URLs, and what is variable about them.

use super::docs::Docs;
use super::metadata::Reader;
use crate::api::{Name, Server, ServerVariable};
use crate::document::bare_host;
use crate::name::{Scope, const_name};
use crate::resolve::Resolved;
use crate::source::Node;

/// How many variables, and values of them, servers may have in all: many servers may share one.
const MOST: usize = 10_000;

/// Lowers all servers, in document order.
pub(super) fn lower<'s>(
    resolved: &Resolved<'s>,
    metadata: &mut Reader<'s, '_>,
    docs: &mut Docs,
) -> Vec<Server> {
    let mut names = Scope::new();
    let mut left = MOST;
    let mut servers = Vec::new();
    let written = resolved.root.get("servers");
    for entry in written.into_iter().flat_map(Node::entries) {
        let Some(node) = resolved.references.target(entry.node) else {
            continue;
        };
        let text = |field: &str| node.get(field).and_then(Node::text);
        let text = |field: &str| text(field).unwrap_or_default().to_owned();
        let variables = node.get("variables");
        let variables = variables.into_iter().flat_map(Node::entries);
        let variables = variables.filter_map(|entry| {
            let node = resolved.references.target(entry.node)?;
            let values = node.get("enum").into_iter().flat_map(Node::items);
            let values: Vec<&str> = values.filter_map(Node::scalar).collect();
            left = left.checked_sub(values.len().saturating_add(1))?;
            Some(ServerVariable {
                name: entry.key.to_owned(),
                docs: docs.of(|field| node.get(field)),
                default: node
                    .get("default")
                    .and_then(Node::scalar)
                    .map(str::to_owned),
                values: values.into_iter().map(str::to_owned).collect(),
            })
        });
        let variables = variables.collect();
        let metadata = metadata.of(std::iter::once(node));
        servers.push(Server {
            name: Name {
                wire: entry.key.to_owned(),
                rust: names.claim(const_name(entry.key)),
            },
            protocol: text("protocol"),
            protocol_version: node
                .get("protocolVersion")
                .and_then(Node::scalar)
                .map(str::to_owned),
            host: bare_host(&text("host")).trim_end_matches('/').to_owned(),
            pathname: text("pathname"),
            docs: docs.with(|field| node.get(field), &metadata),
            variables,
            metadata,
        });
    }
    servers
}

//! The documents that this server implements: a file for each, and an entry in [`ALL`].
//!
//! One more is its document under `yaml/`, a module beside the others in `lib.rs`, a file here with a
//! function `provider`, and a line in [`ALL`].

pub mod heartbeat;
pub mod ping;
pub mod ticker;
pub mod timenow;
pub mod topics;

use std::time::Duration;

use specwire::Provider;

/// What is said on the command line that a service depends on.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The time between two heartbeats; not zero.
    pub period: Duration,
}

/// A document's name, and what makes its service when it is to be served.
pub type Offer = (&'static str, fn(&Settings) -> Provider);

/// Every document that this server offers.
pub const ALL: &[Offer] = &[
    (crate::heartbeat::DOCUMENT, heartbeat::provider),
    (crate::ping::DOCUMENT, ping::provider),
    (crate::ticker::DOCUMENT, ticker::provider),
    (crate::timenow::DOCUMENT, timenow::provider),
    (crate::topics::DOCUMENT, topics::provider),
];

/// The offer of a document.
///
/// # Errors
///
/// What to tell a person, if there is none.
///
/// ```
/// use specwire_server::services;
///
/// assert!(services::find("heartbeat").is_ok());
/// assert!(services::find("Heartbeat").unwrap_err().contains("`heartbeat`"));
/// ```
pub fn find(document: &str) -> Result<Offer, String> {
    let found = ALL.iter().find(|(name, _)| *name == document);
    found.copied().ok_or_else(|| {
        let names: Vec<_> = ALL.iter().map(|(name, _)| format!("`{name}`")).collect();
        format!("there is no such document; there is {}", names.join(", "))
    })
}

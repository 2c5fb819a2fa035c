//! Runtime of specwire.

pub mod private;

mod client;
mod connection;
mod error;
mod fault;
mod frame;
mod framing;
mod handshake;
mod interaction;
mod json;
mod limits;
mod number;
mod outbox;
mod payload;
mod provider;
mod reply;
mod request;
mod routes;
mod server;
mod session;
mod socket;
mod subscribers;

pub use client::{Client, Invocation, Progress, Subscription};
pub use error::{Error, Result};
pub use fault::Fault;
pub use limits::Limits;
pub use number::Number;
pub use payload::{IntoMessage, Message, NoError, NoHeaders, Payload};
pub use provider::Provider;
pub use request::{Ack, Request, Updates};
pub use serde_json::Value as Json;
pub use server::{Server, bind, stop_signal};
pub use subscribers::Subscribers;
pub use uuid::Uuid;

/// Includes what the build script generated for one document, into the module that this stands in.
///
/// ```ignore
/// mod heartbeat { specwire::include_api!("heartbeat"); }
/// ```
#[macro_export]
macro_rules! include_api {
    ($module:literal) => {
        include!(concat!(env!("OUT_DIR"), "/", $module, ".rs"));
    };
}

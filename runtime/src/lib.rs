//! Serves and calls services that are generated from AsyncAPI documents, over WebSockets.
//!
//! `specwire-codegen`, in a build script, turns a document into Rust: a type for each message, a
//! `Service` trait, a `Client`, and a function `provider` that wires an implementation of the trait
//! to the document's interactions. This crate is what that code stands on. A user meets
//!
//! * [`include_api!`], which brings the generated code into a module;
//! * [`Server`], which serves providers, within [`Limits`], and [`Mount`], which does within another
//!   program;
//! * [`Request`], [`Subscribers`], [`Updates`] and [`Ack`], which handlers are given, and [`Fault`],
//!   which they may give;
//! * [`Subscription`], [`Progress`] and [`Invocation`], which clients get;
//! * [`Framing`], for frames other than those that are there;
//! * [`Error`], for what keeps a server or a client from working at all.
//!
//! ```ignore
//! mod heartbeat { specwire::include_api!("heartbeat"); }
//!
//! impl heartbeat::Service for Pulse { /* one `async fn` for each interaction */ }
//!
//! specwire::Server::new()
//!     .serve(heartbeat::provider(Pulse))
//!     .listen("127.0.0.1:8080")
//!     .await
//! ```
//!
//! # Handlers
//!
//! The methods of an implementation of `Service` run beside each other, on the threads of the tokio
//! runtime that the server is on, and beside its connections. So one must not block its thread, with
//! `std::thread::sleep`, a synchronous client or a long computation: other connections, timers and
//! the server's own end would wait for it. `tokio::task::spawn_blocking` is for such work:
//!
//! ```ignore
//! async fn digest(&self, request: Request<File>) -> Result<Digest, Fault> {
//!     let digest = tokio::task::spawn_blocking(move || digest_of(&request)).await;
//!     digest.map_err(|error| Fault::new("not_digested", error.to_string()))
//! }
//! ```
//!
//! # How it is built
//!
//! ```text
//!   socket      frames, closing, signs of life                 knows tungstenite
//!   connection  one peer of a server: reads, writes, ends
//!   framing     frames <-> messages and events                 knows a frame's JSON
//!   routes      which interactions a URL reaches
//!   session     the exchanges that one peer has going
//!   wiring      an implementation's handlers -> provider
//!   provider    a document's interactions, whatever their types
//!   response    what a request is answered with: one message, or any one of several
//!   subscribers the roster of a pub/sub interaction, and what starts and stops its handler
//!   topics      where subscribers listen, and publishing there from anywhere
//!   bus         what carries publications
//!   flusher     writes for connections that wait
//!   names       what a peer may write where an address is made of it
//!   parameters  those of a channel's address
//!   opening     the query and the headers of a handshake, as types
//!   peer        who is at the other end, and one exchange with it, as handlers see them
//!   outbox      the bounded queue back to the connection
//!   metrics     what a server counts
//!   rate        how often something happens, and how often it may
//!   address     where connections come from, and how many from one place
//!   sync        locks, atomics and tasks, which models have their own of
//! ```
//!
//! A client is the same thing from the other end: its driver sends commands and receives events,
//! through a socket, in any framing of ours, or directly through a session
//! ([`Client::in_memory`]), which is how services are tested without a socket.
//!
//! What is deliberately not there: no queue without a bound, no lock that is held across a write or
//! an `.await`, and no address that a peer could choose to have another's messages sent to.

mod address;
mod alarm;
pub mod bus;
mod client;
mod connection;
mod described;
mod error;
mod fault;
mod flusher;
mod frame;
pub mod framing;
mod handshake;
mod interaction;
mod json;
mod leave;
mod limits;
mod metrics;
mod names;
mod number;
mod opening;
mod outbox;
mod parameters;
mod payload;
mod peer;
mod provider;
mod rate;
mod reply;
mod request;
mod response;
mod routes;
mod seldom;
mod server;
mod session;
mod socket;
mod strict;
mod string_enum;
mod subscribers;
mod sync;
mod topics;
mod union;
mod validate;
mod value;
mod wiring;

#[doc(hidden)]
pub mod private;

pub use client::{
    Client, ClientBuilder, Disconnect, InFlight, Invocation, Latency, Progress, Publication,
    Reconnect, State, States, Subscription,
};
pub use described::{Channel, ServerUrl, Variable};
pub use error::{Error, Result};
pub use fault::Fault;
pub use framing::{Framing, Position, Since};
pub use limits::{Limits, SlowConsumer};
pub use metrics::{Counters, Metrics};
pub use number::Number;
pub use opening::Opening;
pub use parameters::Parameters;
pub use payload::{IntoMessage, Message, NoError, NoHeaders, Payload};
pub use provider::Provider;
pub use request::{Ack, Request, Updates};
pub use server::{Mount, Server, bind, second_stop_signal, stop_signal};
pub use specwire_rules::{At, Violation};
pub use string_enum::StringEnum;
pub use subscribers::{Newcomer, Subscribers};
pub use topics::{Bus, Topic, TopicAt};
pub use validate::Validate;
pub use value::{Bytes, Never, UnknownValue};

/// Any JSON value: what a schema without a type of its own is read into.
pub use serde_json::Value as Json;
/// `string` with format `uuid` (RFC 9562).
pub use uuid::Uuid;

/// Includes what the build script generated from one document into the module it stands in.
///
/// The name is that of the document's file in snake case: `heartbeat` for `Heartbeat.yaml`. Each
/// document needs a module of its own.
///
/// ```ignore
/// mod heartbeat { specwire::include_api!("heartbeat"); }
/// ```
#[macro_export]
macro_rules! include_api {
    ($document:literal) => {
        // A program may be only the service or only the client, and may ask for lints of its own.
        #[allow(
            dead_code,
            unreachable_pub,
            unused_qualifications,
            clippy::pedantic,
            clippy::nursery
        )]
        mod generated {
            include!(concat!(env!("OUT_DIR"), "/", $document, ".rs"));
        }
        #[allow(unused_imports, unreachable_pub)]
        pub use generated::*;
    };
}

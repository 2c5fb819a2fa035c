//! A client that is left running: what it does when servers stop, vanish, refuse and fall silent.
//!
//! Where time matters the server is a fake at the other end of a pipe, and the clock is paused. Where
//! the operating system does, the server is the binary.
#![allow(
    clippy::disallowed_methods,
    reason = "what a test sends has its own bound"
)]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "clippy knows only functions with `#[test]` as tests"
)]

mod fake;
#[path = "../support/mod.rs"]
mod support;

mod builder;
mod calls;
mod faults;
mod life;
mod recovery;
mod secrets;
mod sockets;
mod subscriptions;

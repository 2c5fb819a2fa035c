//! A client that is left running: what it does when servers stop, vanish, refuse and fall silent.
//!
//! Where time matters the server is a fake at the other end of a pipe, and the clock is paused.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "clippy knows only functions with `#[test]` as tests"
)]

mod fake;

mod builder;
mod calls;
mod life;
mod subscriptions;

//! What `docs/protocol.md` promises, over real sockets, to clients that are not ours.
#![allow(
    clippy::disallowed_methods,
    reason = "what a test sends has its own bound"
)]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "clippy knows only functions with `#[test]` as tests"
)]

mod client;
mod distant;
mod service;
mod speaker;

mod answers;
mod broker;
mod busy;
mod calls;
mod cbor;
mod channels;
mod content;
mod context;
mod ends;
mod envelope;
mod floods;
mod foreign;
mod framings;
mod handshakes;
mod hostile;
mod lending;
mod lifecycle;
mod limits;
mod logs;
mod mount;
mod names;
mod opening;
mod page;
mod patterns;
mod raw;
mod recovery;
mod replies;
mod room;
mod slow;
mod stages;
mod stop;
mod tagged;
mod topics;
mod woken;

//! What peers that stall, flood and lie cost the server: memory of the process, messages of others, and
//! time of others. One at a time, as all of it is measured.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    dead_code,
    reason = "tests, with more of a service and of clients than they all use"
)]
#![cfg(target_os = "linux")]

#[path = "../wire/client.rs"]
mod client;
mod gauge;
#[path = "../wire/service.rs"]
mod service;

mod costs;
mod floods;
mod herd;
mod proxy;
mod readers;
mod stopped;

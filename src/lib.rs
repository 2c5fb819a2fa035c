//! The documents under `yaml/`, as Rust, and the services that implement them.

/// What is generated from `yaml/Heartbeat.yaml`.
pub mod heartbeat {
    specwire::include_api!("heartbeat");
}

pub mod services;

/// Compiles what the README shows.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

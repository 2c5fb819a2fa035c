//! The documents under `yaml/`, as Rust, and the services that implement them.

/// What is generated from `yaml/Heartbeat.yaml`.
pub mod heartbeat {
    specwire::include_api!("heartbeat");
}

/// What is generated from `yaml/Ping.yaml`.
pub mod ping {
    specwire::include_api!("ping");
}

/// What is generated from `yaml/Timenow.yaml`.
pub mod timenow {
    specwire::include_api!("timenow");
}

pub mod services;

/// Compiles what the README shows.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

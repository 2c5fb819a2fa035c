//! The documents under `yaml/`, as Rust, and the services that implement them.

/// What is generated from `yaml/Heartbeat.yaml`.
pub mod heartbeat {
    specwire::include_api!("heartbeat");
}

/// What is generated from `yaml/Ping.yaml`.
pub mod ping {
    specwire::include_api!("ping");
}

/// What is generated from `yaml/Ticker.yaml`.
pub mod ticker {
    specwire::include_api!("ticker");
}

/// What is generated from `yaml/Timenow.yaml`.
pub mod timenow {
    specwire::include_api!("timenow");
}

/// What is generated from `yaml/Topics.yaml`.
pub mod topics {
    specwire::include_api!("topics");
}

pub mod process;
pub mod services;

/// Compiles what the README shows.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

//! One file for each document that this server implements.

pub mod heartbeat;

//! The servers that are part of this program, each in a process of its own.

pub(crate) mod raw;
pub(crate) mod specwire;

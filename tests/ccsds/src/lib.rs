//! The published CCSDS Mission Operations documents as Rust, with every warning denied.
//!
//! The documents are not part of this repository. `build.rs` finds them beside it; without them
//! this crate is empty.
#![deny(warnings, missing_docs)]

include!(concat!(env!("OUT_DIR"), "/modules.rs"));

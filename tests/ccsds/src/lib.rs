//! The published CCSDS Mission Operations documents as Rust, with every warning denied.
//!
//! The documents are not part of this repository. `build.rs` finds them beside it; without them
//! this crate is empty.
#![deny(warnings, missing_docs)]

include!(concat!(env!("OUT_DIR"), "/modules.rs"));

/// A document of our own whose descriptions are hostile: for rustdoc, which is to find no warning
/// and no doc test in them.
#[cfg(any(doc, doctest))]
pub mod markdown {
    include!("../../../codegen/tests/golden/Markdown.rs");
}

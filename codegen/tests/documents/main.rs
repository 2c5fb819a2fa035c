//! What documents mean: their interactions and types, as the model has them.
#![expect(
    clippy::indexing_slicing,
    reason = "a test that panics has failed, as it should"
)]

mod diagnostics;
mod summary;

mod formats;
mod interactions;
mod options;
mod published;
mod tolerated;
mod types;

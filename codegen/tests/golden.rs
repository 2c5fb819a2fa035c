//! The code that is generated from each document under `golden/`, letter by letter.
//!
//! `UPDATE_GOLDEN=1 cargo test -p specwire-codegen --test golden` writes what is generated now.
//! That the files compile, and do what they should, is tested by `tests/golden.rs` of the workspace.

use std::fs;
use std::path::Path;

/// Where a document is, and where the code is kept that it gives.
fn check(document: &str, golden: &str) {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = crate_folder.join(document);
    let golden = crate_folder.join("tests/golden").join(golden);
    let text = fs::read_to_string(&document).expect("the document can be read");
    let name = document
        .file_name()
        .expect("it is a file")
        .to_string_lossy();

    let generated = match specwire_codegen::generate(&name, &text) {
        Ok(generated) => generated,
        Err(diagnostics) => panic!("{}", diagnostics.render()),
    };
    assert!(generated.warnings.is_empty(), "{:?}", generated.warnings);

    let expected = fs::read_to_string(&golden).unwrap_or_default();
    if generated.code == expected {
        return;
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|update| update == "1") {
        fs::write(&golden, generated.code).expect("the golden file can be written");
        return;
    }
    let line = generated
        .code
        .lines()
        .zip(expected.lines())
        .take_while(|(now, then)| now == then)
        .count()
        + 1;
    panic!(
        "{} differs from line {line} on: set UPDATE_GOLDEN=1 and look at the difference in git",
        golden.display()
    );
}

/// The document that the server of this repository offers.
#[test]
fn heartbeat() {
    check("../yaml/Heartbeat.yaml", "Heartbeat.rs");
}

/// Each of the six patterns, with and without what is optional.
#[test]
fn patterns() {
    check("tests/golden/Patterns.yaml", "Patterns.rs");
}

/// Each kind of schema.
#[test]
fn schemas() {
    check("tests/golden/Schemas.yaml", "Schemas.rs");
}

/// Names that Rust or the generated code needs for itself, and names that meet in Rust.
#[test]
fn names() {
    check("tests/golden/Names.yaml", "Names.rs");
}

/// Descriptions that would be links, tags, tests or warnings in a doc comment.
#[test]
fn markdown() {
    check("tests/golden/Markdown.yaml", "Markdown.rs");
}

/// One channel with several messages each way, by AsyncAPI's own rules.
#[test]
fn room() {
    check("tests/golden/Room.yaml", "Room.rs");
}

/// Requests that are answered by one of several messages, by an error, or by nothing but that.
#[test]
fn replies() {
    check("tests/golden/Replies.yaml", "Replies.rs");
}

/// Payloads that are text or bytes.
#[test]
fn content() {
    check("tests/golden/Content.yaml", "Content.rs");
}

/// Channels whose addresses have parameters, and channels that have none.
#[test]
fn channels() {
    check("tests/golden/Channels.yaml", "Channels.rs");
}

/// Alternatives, however they are told apart.
#[test]
fn unions() {
    check("tests/golden/Unions.yaml", "Unions.rs");
}

/// Formats, enumerations, defaults and rules.
#[test]
fn values() {
    check("tests/golden/Values.yaml", "Values.rs");
}

/// Operations, channels, parameters and servers whose names are hard.
#[test]
fn operations() {
    check("tests/golden/Operations.yaml", "Operations.rs");
}

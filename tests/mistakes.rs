//! What `cargo build` says of documents with mistakes.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::process::Command;

/// Every mistake of every document in one run, each with its place, the offending text and what
/// would be right; no panic, no backtrace, and nothing twice. `UPDATE_GOLDEN=1` accepts a change.
#[test]
fn cargo_shows_every_mistake_of_every_document_once() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mistakes");
    let output = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--quiet", "--manifest-path"])
        .arg(folder.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("mistakes"))
        .env("RUST_BACKTRACE", "1")
        .env("CARGO_TERM_COLOR", "never")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let shown: String = String::from_utf8(output.stderr)
        .unwrap()
        .lines()
        .filter(|line| !line.starts_with("warning: build failed"))
        .map(|line| format!("{}\n", line.trim_end()))
        .collect();

    let expected = folder.join("cargo-build.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&expected, &shown).unwrap();
    }
    let expected = std::fs::read_to_string(&expected).unwrap();
    assert_eq!(
        shown, expected,
        "\n--- shown\n{shown}\n--- expected\n{expected}"
    );
    for unwanted in ["panicked", "stack backtrace", "--- stderr", "build.rs"] {
        assert!(!shown.contains(unwanted), "{unwanted} in\n{shown}");
    }
}

//! The code that is generated from each document under `golden/`, letter by letter.
//!
//! `UPDATE_GOLDEN=1 cargo test -p specwire-codegen --test golden` writes what is generated now.
//! That the files compile, and do what they should, is tested by `tests/golden.rs` of the workspace.

use std::fs;
use std::path::Path;

use specwire_codegen::{Code, Config, OpenEnums, Perspective};

/// Where a document is, and where the code is kept that it gives.
fn check(document: &str, golden: &str) {
    check_with(&Config::new(), document, golden, &[]);
}

/// The same with other than the default options, and with these warnings.
fn check_with(config: &Config, document: &str, golden: &str, warnings: &[Code]) {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = crate_folder.join(document);
    let golden = crate_folder.join("tests/golden").join(golden);
    let text = fs::read_to_string(&document).expect("the document can be read");
    let name = document
        .file_name()
        .expect("it is a file")
        .to_string_lossy();

    let folder = document.parent().expect("it is in a folder");
    let read = |path: &str| fs::read(folder.join(path));
    let generated = match config.generate_with(&name, &text, read) {
        Ok(generated) => generated,
        Err(diagnostics) => panic!("{}", diagnostics.render()),
    };
    let found = generated.warnings.iter().map(|warning| warning.code());
    assert!(
        found.eq(warnings.iter().copied()),
        "{:?}",
        generated.warnings
    );

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
    // Which other tools refuse.
    let warnings = &[Code::MalformedKey];
    check_with(
        &Config::new(),
        "tests/golden/Schemas.yaml",
        "Schemas.rs",
        warnings,
    );
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

/// Schemas that others inherit from.
#[test]
fn inheritance() {
    check("tests/golden/Inheritance.yaml", "Inheritance.rs");
}

/// Schemas that meet themselves.
#[test]
fn joins() {
    check("tests/golden/Joins.yaml", "Joins.rs");
}

/// Types that hold each other as deeply as rustc looks.
#[test]
fn deep() {
    check("tests/golden/Deep.yaml", "Deep.rs");
}

/// Types that hold each other more deeply.
#[test]
fn deeper() {
    check_with(
        &Config::new(),
        "tests/golden/Deeper.yaml",
        "Deeper.rs",
        &[Code::DeepTypes; 2],
    );
}

/// Formats, enumerations, defaults and rules.
#[test]
fn values() {
    check("tests/golden/Values.yaml", "Values.rs");
}

/// Operations, channels, parameters and servers whose names are hard.
#[test]
fn operations() {
    // Which other tools refuse.
    let warnings = &[Code::MalformedKey; 2];
    check_with(
        &Config::new(),
        "tests/golden/Operations.yaml",
        "Operations.rs",
        warnings,
    );
}

/// Every object that is about more than schemas, and components of every kind.
#[test]
fn objects() {
    check("tests/golden/Objects.yaml", "Objects.rs");
}

/// Every kind of security scheme, which nothing is generated from.
#[test]
fn security() {
    check_with(
        &Config::new(),
        "tests/golden/Security.yaml",
        "Security.rs",
        &[Code::Security],
    );
}

/// Schemas that say which language they are in, and one that is in another.
#[test]
fn dialects() {
    check_with(
        &Config::new(),
        "tests/golden/Dialects.yaml",
        "Dialects.rs",
        &[Code::SchemaFormat],
    );
}

/// What no type carries.
#[test]
fn conditions() {
    check("tests/golden/Conditions.yaml", "Conditions.rs");
}

/// Types that are named by the document.
#[test]
fn own() {
    check("tests/golden/Own.yaml", "Own.rs");
}

/// Names in no Latin script.
#[test]
fn greetings() {
    check("tests/golden/Greetings.yaml", "Greetings.rs");
}

/// A document in several files, of which one stands for a URL.
#[test]
fn files() {
    check_with(
        &Config::new().map_url("https://example.com/schemas/", "files"),
        "tests/golden/Files.yaml",
        "Files.rs",
        &[],
    );
}

/// A trading API: `docs/apis/trading.md`.
#[test]
fn gemini() {
    check("tests/golden/Gemini.yaml", "Gemini.rs");
}

/// A speech API, which describes its client: `docs/apis/speech.md`.
#[test]
fn deepgram() {
    check_with(
        &Config::new().perspective(Perspective::Consumer),
        "tests/golden/Deepgram.yaml",
        "Deepgram.rs",
        &[],
    );
}

/// A chat, whose server asks and whose client answers: `docs/apis/chat.md`.
#[test]
fn slack() {
    check_with(
        &Config::new()
            .perspective(Perspective::Consumer)
            .allow("SW0311"),
        "tests/golden/Slack.yaml",
        "Slack.rs",
        &[],
    );
}

/// What a build script may say.
#[test]
fn options() {
    let config = Config::new()
        .derive("*", "PartialOrd")
        .derive("Settings", "Default")
        .derive("Order", "Eq")
        .attribute("Settings", "#[non_exhaustive]")
        .attribute("OrdersMarket", "#[derive(Ord)]")
        .substitute("money", "crate::Money")
        .format("date-time", "crate::Stamp")
        .operations(["order", "quote", "comment"])
        .plain_defaults(true)
        .open_enums(OpenEnums::Never);
    check_with(&config, "tests/golden/Options.yaml", "Options.rs", &[]);
}

/// Schemas in Avro's language.
#[test]
fn avro() {
    check("tests/golden/Avro.yaml", "Avro.rs");
}

/// What is rarely asked for together.
#[test]
fn odd() {
    // A reference where there is none, and types as another language has them: what is meant is plain.
    let warnings = &[
        Code::ReferenceNotAllowed,
        Code::UnknownType,
        Code::UnknownType,
    ];
    check_with(&Config::new(), "tests/golden/Odd.yaml", "Odd.rs", warnings);
}

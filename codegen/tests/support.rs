//! `docs/asyncapi.md`, the table of what is understood: it leaves nothing out, and shows what is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect(path)
}

#[test]
fn every_golden_document_is_named_and_every_link_leads_somewhere() {
    let page = read("docs/asyncapi.md");
    let mut linked = BTreeSet::new();
    for line in page.lines() {
        let Some((name, path)) = line
            .strip_prefix('[')
            .and_then(|line| line.split_once("]: ../"))
        else {
            continue;
        };
        assert!(root().join(path).is_file(), "{path}");
        let code = root().join(format!("codegen/tests/golden/{name}.rs"));
        assert!(code.is_file(), "{name}: nothing is generated");
        let uses = page.matches(&format!("[{name}]")).count();
        assert!(uses > 1, "{name} is in no row");
        linked.insert(name.to_owned());
    }
    let folder = fs::read_dir(root().join("codegen/tests/golden")).expect("it is there");
    let golden = folder.filter_map(|entry| {
        let name = entry.expect("it can be listed").file_name();
        Some(name.to_str()?.strip_suffix(".rs")?.to_owned())
    });
    assert_eq!(linked, golden.collect());
}

/// The words in quotes in a list of constants.
fn words(source: &str) -> impl Iterator<Item = &str> {
    let quoted = source.split('"').skip(1).step_by(2);
    quoted.filter(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric()))
}

#[test]
fn every_field_of_asyncapi_and_every_keyword_is_named() {
    let page = read("docs/asyncapi.md");
    let code: BTreeSet<&str> = page.split('`').skip(1).step_by(2).collect();
    let named: BTreeSet<&str> = code
        .iter()
        .flat_map(|code| code.split(|c: char| !c.is_ascii_alphanumeric()))
        .collect();

    let grammar = read("codegen/src/document/grammar.rs");
    let (_, fields) = grammar.split_once("const DOCUMENT").expect("the fields");
    let schema = read("codegen/src/document/schema.rs");
    let (_, keywords) = schema.split_once("const KEYWORDS").expect("the keywords");
    let (keywords, _) = keywords
        .split_once("/// What the value of this keyword is")
        .expect("their end");
    // What describes something to people, under names that need no explanation.
    let plain = [
        "name",
        "url",
        "email",
        "description",
        "example",
        "comment",
        "schema",
    ];
    let missing: BTreeSet<&str> = words(fields)
        .chain(words(keywords))
        .filter(|word| !named.contains(word) && !plain.contains(word))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_option_of_a_build_script_is_named() {
    let page = read("docs/asyncapi.md");
    let config = read("codegen/src/script/config.rs");
    let options = config
        .lines()
        .filter_map(|line| line.strip_prefix("    pub fn "));
    let names = options.map(|option| option.split(['(', '<']).next().unwrap_or_default());
    let missing: Vec<&str> = names
        .filter(|name| *name != "new" && !page.contains(&format!("`{name}`")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

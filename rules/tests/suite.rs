//! The tests that all implementations of JSON Schema share, where there is a copy of them.
//!
//! <https://github.com/json-schema-org/JSON-Schema-Test-Suite>, which is in the source of Python's
//! `jsonschema` as well:
//!
//! ```sh
//! pip download --no-binary jsonschema --no-deps jsonschema && tar xzf jsonschema-*.tar.gz
//! JSON_SCHEMA_SUITE=$PWD/jsonschema-4.26.0/json/tests cargo test -p specwire-rules --test suite
//! ```

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use specwire_rules::{Format, schema};

const DRAFTS: [&str; 5] = ["draft4", "draft6", "draft7", "draft2019-09", "draft2020-12"];

/// Files about what `schema` says that it ignores, and about formats that are only annotations.
const IGNORED: &[&str] = &[
    "content",
    "cross-draft",
    "dynamicRef",
    "format",
    "format-annotation",
    "recursiveRef",
    "refRemote",
    "vocabulary",
];

/// Cases in which drafts contradict one another.
const CONTRADICTIONS: &[&str] = &[
    // Since draft 6 it is.
    "a float is not an integer even without fractional part",
    // Since 2019-09 they count.
    "ref overrides any sibling keywords",
];

/// Whether a schema has what is ignored: identity, and properties of Unicode's in patterns.
fn is_beyond(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => members.iter().any(|(name, value)| {
            matches!(name.as_str(), "$recursiveRef" | "$dynamicRef")
                || name.contains("\\p{")
                || value.as_str().is_some_and(|text| match name.as_str() {
                    "$ref" => text != "#" && !text.starts_with("#/"),
                    "pattern" => text.contains("\\p{"),
                    _ => false,
                })
                || is_beyond(value)
        }),
        Value::Array(items) => items.iter().any(is_beyond),
        _ => false,
    }
}

#[test]
fn the_shared_tests_pass() {
    let Some(root) = std::env::var_os("JSON_SCHEMA_SUITE").map(PathBuf::from) else {
        return;
    };
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut failures = Vec::new();
    for draft in DRAFTS {
        for file in files(&root.join(draft)) {
            let stem = file.file_stem().unwrap().to_str().unwrap();
            let is_format = file.parent().unwrap().ends_with("format");
            if IGNORED.contains(&stem) || (is_format && Format::named(stem).is_none()) {
                continue;
            }
            let groups: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
            for group in groups.as_array().unwrap() {
                if is_beyond(&group["schema"]) {
                    continue;
                }
                for test in group["tests"].as_array().unwrap() {
                    let name = format!(
                        "{draft}/{stem}: {}: {}",
                        group["description"].as_str().unwrap(),
                        test["description"].as_str().unwrap()
                    );
                    let found = schema::check(&group["schema"], &group["schema"], &test["data"]);
                    let count = counts.entry(draft).or_default();
                    count.1 += 1;
                    if found.is_ok() == test["valid"].as_bool().unwrap() {
                        count.0 += 1;
                    } else if !CONTRADICTIONS.iter().any(|part| name.contains(part)) {
                        failures.push(format!("{name}: {found:?}"));
                    }
                }
            }
        }
    }
    for (draft, (passed, all)) in counts {
        println!("{draft}: {passed} of {all}");
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut folders = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

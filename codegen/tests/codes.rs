//! The codes of diagnostics, and the page about them: `docs/diagnostics.md`.
//! `UPDATE_GOLDEN=1 cargo test` writes the page.

use std::collections::HashSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use specwire_codegen::Code;

/// The end of what is written by hand.
const MARK: &str = "--test codes -->\n";

/// The groups, by the numbers' hundreds.
const GROUPS: [(&str, &str); 8] = [
    ("SW00", "The file, and YAML"),
    ("SW01", "The document's structure"),
    ("SW02", "References"),
    ("SW03", "Channels, operations and messages"),
    ("SW04", "Schemas"),
    ("SW05", "Examples and defaults"),
    ("SW08", "What the build script asks for"),
    ("SW09", "Limits"),
];

#[test]
fn every_code_is_one_of_its_own_and_in_use() {
    let sources: String = files(&root().join("src"), "rs")
        .iter()
        .filter(|path| !path.ends_with("diagnostic/code.rs"))
        .map(|path| read(path))
        .collect();
    let mut names = HashSet::new();
    for pair in Code::ALL.windows(2) {
        assert!(pair[0].to_string() < pair[1].to_string(), "{pair:?}");
    }
    for code in Code::ALL {
        assert!(names.insert(code.name()), "{code}: `{}`", code.name());
        let group = GROUPS
            .iter()
            .filter(|(prefix, _)| code.to_string().starts_with(prefix));
        assert_eq!(group.count(), 1, "{code} is in no group");
        let name = format!("Code::{code:?}");
        let used = sources.match_indices(&name).any(|(at, _)| {
            let next = sources[at + name.len()..].chars().next();
            !next.is_some_and(|next| next.is_alphanumeric())
        });
        assert!(used, "{name} is used nowhere");
    }
}

#[test]
fn the_page_is_current() {
    let path = root().join("../docs/diagnostics.md");
    let page = read(&path);
    let (by_hand, _) = page.split_once(MARK).expect("the mark is there");
    let expected = format!("{by_hand}{MARK}{}", table());
    if page == expected {
        return;
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        return std::fs::write(&path, expected).expect("the page can be written");
    }
    panic!("docs/diagnostics.md is not current: UPDATE_GOLDEN=1 writes it");
}

/// Each code with its explanation, and an example if there is one.
fn table() -> String {
    let examples: Vec<String> = files(&root().join("tests/reject"), "txt")
        .iter()
        .flat_map(|path| {
            read(path)
                .split("\n\n")
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    let mut table = String::new();
    for (prefix, title) in GROUPS {
        writeln!(table, "\n## {prefix}xx: {title}").expect("text can be written");
        for code in Code::ALL
            .iter()
            .filter(|code| code.to_string().starts_with(prefix))
        {
            writeln!(
                table,
                "\n### {code}: {}\n\n{}",
                code.name(),
                code.explanation()
            )
            .expect("text can be written");
            let example = examples
                .iter()
                .filter(|example| example.contains(&format!("[{code}]")))
                .min_by_key(|example| example.len());
            if let Some(example) = example {
                writeln!(table, "\n```text\n{}\n```", example.trim_end())
                    .expect("text can be written");
            }
        }
    }
    table
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("the file can be read")
}

/// The files of a folder, and of those within.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

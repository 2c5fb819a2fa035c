//! Who may import whom. These lists are the architecture: `ARCHITECTURE.md` says why.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

/// The generator's rooms. Each imports from those above it only.
const CODEGEN: &[&str] = &[
    "diagnostic",
    "options",
    "api",
    "source",
    "document",
    "resolve",
    "name",
    "lower",
    "lint",
    "format",
    "emit",
    "script",
];

/// The rooms of what both mean by a schema's keywords. Each imports from those above it only.
const RULES: &[&str] = &[
    "at",
    "name",
    "violation",
    "number",
    "value",
    "pattern",
    "format",
    "checks",
    "schema",
];

/// The runtime's rooms. Each imports from those above it only.
const RUNTIME: &[&str] = &[
    "number",
    "validate",
    "value",
    "string_enum",
    "strict",
    "union",
    "payload",
    "interaction",
    "fault",
    "error",
    "described",
    "limits",
    "address",
    "metrics",
    "rate",
    "alarm",
    "leave",
    "sync",
    "seldom",
    "json",
    "frame",
    "framing",
    "names",
    "parameters",
    "opening",
    "bus",
    "outbox",
    "flusher",
    "reply",
    "topics",
    "peer",
    "request",
    "subscribers",
    "provider",
    "response",
    "wiring",
    "routes",
    "session",
    "socket",
    "connection",
    "handshake",
    "server",
    "client",
    "private",
];

const PACKAGES: [(&str, &[&str]); 3] =
    [("codegen", CODEGEN), ("rules", RULES), ("runtime", RUNTIME)];

/// Crates that one room alone may know: the crate, its user's `src`, and the rooms.
const KNOWN_BY: &[(&str, &str, &[&str])] = &[
    ("serde_yaml", "codegen", &["source"]),
    ("granit_parser", "codegen", &["source"]),
    ("quote", "codegen", &["emit"]),
    ("annotate_snippets", "codegen", &["diagnostic"]),
    ("syn", "codegen", &["format", "name", "options"]),
    ("specwire", "codegen", &[]),
    ("specwire", "cli", &[]),
    ("specwire_codegen", "runtime", &[]),
    ("serde_json", "codegen", &["lint"]),
    ("specwire", "rules", &[]),
    ("specwire_codegen", "rules", &[]),
    ("regex_lite", "rules", &["pattern"]),
    (
        "tokio_tungstenite",
        "runtime",
        &["socket", "handshake", "client"],
    ),
    ("minicbor", "runtime", &["framing"]),
    ("tokio_rustls", "runtime", &["client"]),
    ("hyper", "runtime", &["address", "handshake", "server"]),
];

#[test]
fn each_room_imports_only_from_those_above_it() {
    for (package, rooms) in PACKAGES {
        for (room, file, line) in use_lines(package) {
            let Some(imported) = line.strip_prefix("crate::") else {
                continue;
            };
            let imported = imported.split([':', ';', ' ', '{']).next().unwrap();
            let place = |name: &str| rooms.iter().position(|room| *room == name);
            let (Some(from), Some(to)) = (place(&room), place(imported)) else {
                // What `lib.rs` itself defines is above all rooms but those that it is made of.
                continue;
            };
            assert!(
                to <= from,
                "{}: `{room}` imports from `{imported}`, which is below it",
                file.display()
            );
        }
    }
}

#[test]
fn yaml_is_known_to_one_file() {
    for (_, file) in files("codegen") {
        let text = fs::read_to_string(&file).unwrap();
        let knows = ["granit_parser", "serde_yaml"]
            .iter()
            .any(|krate| text.lines().any(|line| is_named(line, krate)));
        assert_eq!(
            knows,
            file.ends_with("source/yaml.rs"),
            "{}",
            file.display()
        );
    }
}

/// `clippy.toml` forbids to make one; this, to name one.
#[test]
fn r05_no_queue_is_without_a_bound() {
    let clippy = fs::read_to_string("clippy.toml").unwrap();
    assert!(clippy.contains(r#"{ path = "tokio::sync::mpsc::unbounded_channel""#));
    for (_, file) in files("runtime") {
        let text = fs::read_to_string(&file).unwrap();
        for word in ["unbounded", "Unbounded", "std::sync::mpsc"] {
            assert!(!text.contains(word), "{}: {word}", file.display());
        }
    }
}

#[test]
fn every_room_is_listed() {
    for (package, rooms) in PACKAGES {
        let mut found: Vec<_> = files(package).into_iter().map(|(room, _)| room).collect();
        found.sort();
        found.dedup();
        let mut listed: Vec<_> = rooms.iter().map(ToString::to_string).collect();
        listed.push("lib".to_owned());
        listed.sort();
        assert_eq!(found, listed, "{package}/src");
    }
}

#[test]
fn a_crate_is_known_only_where_it_may_be() {
    for (krate, package, rooms) in KNOWN_BY {
        for (room, file) in files(package) {
            let text = fs::read_to_string(&file).unwrap();
            let knows = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .any(|line| is_named(line, krate));
            assert!(
                !knows || rooms.contains(&room.as_str()),
                "{} names `{krate}`",
                file.display()
            );
        }
    }
}

/// `krate::` or `use krate`, and not as the end of another word or of an absolute path.
fn is_named(line: &str, krate: &str) -> bool {
    let path = format!("{krate}::");
    line.match_indices(&path).any(|(at, _)| {
        let before = line.get(..at).unwrap().chars().next_back();
        !before.is_some_and(|before| before.is_alphanumeric() || matches!(before, '_' | ':' | '`'))
    })
}

/// The room, the file, and what is imported, of every `use` in a crate.
fn use_lines(package: &str) -> Vec<(String, PathBuf, String)> {
    let mut lines = Vec::new();
    for (room, file) in files(package) {
        for line in fs::read_to_string(&file).unwrap().lines() {
            if let Some(imported) = line
                .trim_start()
                .trim_start_matches("pub(crate) ")
                .strip_prefix("use ")
            {
                lines.push((room.clone(), file.clone(), imported.to_owned()));
            }
        }
    }
    lines
}

/// The room and the path of every source file: `client/driver.rs` is of the room `client`.
fn files(package: &str) -> Vec<(String, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(package)
        .join("src");
    let mut folders = vec![root.clone()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(&root).unwrap();
                let room = inside
                    .components()
                    .next()
                    .unwrap()
                    .as_os_str()
                    .to_str()
                    .unwrap();
                files.push((room.trim_end_matches(".rs").to_owned(), path));
            }
        }
    }
    files
}

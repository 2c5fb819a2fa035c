//! The files of the crate import one way: each from those before it only.

use std::path::{Path, PathBuf};

/// Earlier rooms know nothing of later ones.
const ORDER: &[&str] = &[
    "diagnostic",
    "api",
    "source",
    "document",
    "resolve",
    "name",
    "lower",
    "emit",
    "format",
    "script",
];

#[test]
fn imports_run_one_way() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&src, &mut files);
    assert!(files.len() > 15, "{files:?}");
    for file in files {
        let path = file.strip_prefix(&src).expect("it is in this folder");
        let room = path
            .components()
            .next()
            .expect("a name")
            .as_os_str()
            .to_string_lossy();
        let room = room.trim_end_matches(".rs");
        // The crate's root shows the whole road, and is imported by nobody but its last stop.
        let Some(place) = ORDER.iter().position(|known| *known == room) else {
            assert_eq!(room, "lib", "{} is missing from the order", path.display());
            continue;
        };
        let text = std::fs::read_to_string(&file).expect("it can be read");
        let code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        let code = code.collect::<Vec<_>>().join("\n");
        for import in code.split("crate::").skip(1) {
            let word: String = import
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            let Some(imported) = ORDER.iter().position(|known| *known == word) else {
                continue;
            };
            assert!(
                imported <= place,
                "{} imports {word}, which comes later",
                path.display()
            );
        }
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("it can be read") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

//! The generator: a document, and the files that it may refer to.

use std::io;

use specwire_codegen::Config;

/// What a line begins with that ends one file and names the next: an input is a document and the
/// files that it may refer to.
const NEXT_FILE: &str = "=== ";

/// Generates, whatever comes of it. It must not panic, and code that comes of it must be Rust.
pub fn check(input: &[u8]) {
    let input = String::from_utf8_lossy(input);
    let (document, files) = files(&input);
    let read = |path: &str| {
        let file = files.iter().find(|(name, _)| *name == path);
        file.map(|(_, text)| text.as_bytes().to_vec())
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    };
    match Config::new().generate_with("main.yaml", document, read) {
        Ok(generated) => {
            if let Err(error) = syn::parse_file(&generated.code) {
                panic!("not Rust: {error}\n{}", generated.code);
            }
            for warning in &generated.warnings {
                assert!(!warning.render().is_empty());
            }
        }
        Err(mistakes) => {
            // To show a mistake must not panic either.
            assert!(!mistakes.render().is_empty());
            assert!(!mistakes.to_string().is_empty());
            assert!(!mistakes.to_json_lines().is_empty());
        }
    }
}

/// The document, and the other files by name.
fn files(input: &str) -> (&str, Vec<(&str, &str)>) {
    let starts = input
        .match_indices(NEXT_FILE)
        .map(|(at, _)| at)
        .filter(|at| *at > 0 && input[..*at].ends_with('\n'));
    let ends: Vec<usize> = starts.chain([input.len()]).collect();
    let files = ends.windows(2).filter_map(|ends| {
        let (name, text) = input[ends[0] + NEXT_FILE.len()..ends[1]].split_once('\n')?;
        Some((name.trim(), text))
    });
    (&input[..ends[0]], files.collect())
}

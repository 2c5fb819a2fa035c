//! Documents with mistakes, each with exactly what is said about it: `reject/<name>.yaml` and
//! `reject/<name>.txt`. `UPDATE_GOLDEN=1 cargo test` writes the texts.

use std::path::Path;
use std::time::{Duration, Instant};

use specwire_codegen::Diagnostic;

#[test]
fn every_mistake_is_shown_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reject");
    let entries = std::fs::read_dir(&folder).expect("the folder is there");
    let mut documents: Vec<_> = entries
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    documents.sort();
    assert!(
        documents.len() > 20,
        "found {} documents only",
        documents.len()
    );
    let failures: Vec<String> = documents
        .iter()
        .filter_map(|document| check(document))
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Compares what is said about a document with what is expected; returns the difference.
fn check(document: &Path) -> Option<String> {
    let name = document.file_name().expect("a file").to_string_lossy();
    let text = std::fs::read_to_string(document).expect("the document can be read");
    let started = Instant::now();
    let found = match specwire_codegen::generate(&name, &text) {
        Err(diagnostics) => diagnostics.render() + "\n",
        Ok(generated) if generated.warnings.is_empty() => {
            return Some(format!("{name}: found no mistake, expected one"));
        }
        Ok(generated) => {
            let warnings = generated.warnings.iter().map(Diagnostic::render);
            warnings.collect::<Vec<_>>().join("\n\n") + "\n"
        }
    };
    if started.elapsed() > Duration::from_secs(2) {
        return Some(format!(
            "{name}: took {:?}, expected less than two seconds",
            started.elapsed()
        ));
    }
    let golden = document.with_extension("txt");
    let expected = std::fs::read_to_string(&golden).unwrap_or_default();
    if found == expected {
        return None;
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, found).expect("the golden text can be written");
        return None;
    }
    Some(format!(
        "{name}: found\n\n{found}\nexpected\n\n{expected}\nUPDATE_GOLDEN=1 accepts it"
    ))
}

//! The published Heartbeat document and the one that this repository writes in its own words.
#![cfg(ccsds_documents)]
#![deny(warnings)]

use std::fs;
use std::path::Path;

/// The generated code without its comments, and without servers: each names its own.
fn code(document: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
    let text = fs::read_to_string(path).expect("the document can be read");
    match specwire_codegen::generate("Heartbeat.yaml", &text) {
        Ok(generated) => {
            let (before, servers) = generated
                .code
                .split_once("pub mod servers {")
                .expect("it names servers");
            let (_, after) = servers.split_once("\n}\n").expect("the module ends");
            before
                .lines()
                .chain(after.lines())
                .filter(|line| !line.trim_start().starts_with("//"))
                .map(str::to_owned)
                .collect()
        }
        Err(diagnostics) => panic!("{}", diagnostics.render()),
    }
}

#[test]
fn both_documents_give_the_same_code() {
    let published = "../../../shared/specs/valid/tanagraspace__ccsds-mo-to-asyncapi/yaml/Software-Management/Heartbeat.yaml";
    assert_eq!(code("../../yaml/Heartbeat.yaml"), code(published));
}

//! Generated code stays small.
#![cfg(ccsds_documents)]
#![deny(warnings)]

use std::fs;
use std::path::Path;

/// Lines of generated code for each message of the nine documents. It may be made less at any time;
/// more takes a reason, as that each channel has a constant, that enumerations which a client reads are
/// open, that rules are checked, and that each pub/sub interaction has a topic.
const LINES_PER_MESSAGE: usize = 105;

#[test]
fn lines_per_message_do_not_grow() {
    let (mut lines, mut messages) = (0, 0);
    for document in documents() {
        let text = fs::read_to_string(document).expect("it can be read");
        let generated = specwire_codegen::generate("Document.yaml", &text).expect("it is valid");
        lines += generated.code.lines().count();
        messages += generated.api.messages.len();
    }
    let per_message = lines.div_ceil(messages);
    println!("{lines} lines for {messages} messages: {per_message} a message");
    assert!(
        per_message <= LINES_PER_MESSAGE,
        "{lines} lines for {messages} messages are {per_message} a message, expected at most {LINES_PER_MESSAGE}"
    );
}

fn documents() -> Vec<std::path::PathBuf> {
    let folder = "../../../shared/specs/valid/tanagraspace__ccsds-mo-to-asyncapi";
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut documents = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("it can be listed") {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "yaml")
            {
                documents.push(path);
            }
        }
    }
    assert_eq!(documents.len(), 9);
    documents
}

//! The nine published CCSDS documents.

use std::path::{Path, PathBuf};

use specwire_codegen::api::{Api, TypeKind};
use specwire_codegen::generate;

use crate::summary::pattern;

/// The documents published by others, which are not part of this repository.
fn published() -> Option<PathBuf> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let folder = shared.join("specs/valid/tanagraspace__ccsds-mo-to-asyncapi");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "{} is missing",
        folder.display()
    );
    eprintln!("skipped: {} is missing", folder.display());
    None
}

fn read(path: &Path) -> Api {
    let text = std::fs::read_to_string(path).expect("the document can be read");
    match generate(&path.display().to_string(), &text) {
        Ok(generated) => {
            assert!(
                generated.warnings.is_empty(),
                "{}",
                generated.warnings[0].render()
            );
            generated.api
        }
        Err(diagnostics) => panic!("{}", diagnostics.render()),
    }
}

#[test]
fn our_heartbeat_is_the_published_one() {
    let Some(published) = published() else { return };
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../yaml/Heartbeat.yaml");
    let theirs = published.join("yaml/Software-Management/Heartbeat.yaml");
    assert_eq!(without_docs(read(&ours)), without_docs(read(&theirs)));
}

fn without_docs(mut api: Api) -> Api {
    api.docs = None;
    // Ours is served elsewhere.
    api.servers.clear();
    for channel in &mut api.channels {
        channel.docs = None;
    }
    for definition in &mut api.types {
        definition.docs = None;
        if let TypeKind::Struct(object) = &mut definition.kind {
            object.fields.iter_mut().for_each(|field| field.docs = None);
        }
    }
    api.messages
        .iter_mut()
        .for_each(|message| message.docs = None);
    api.interactions
        .iter_mut()
        .for_each(|interaction| interaction.docs = None);
    api
}

#[test]
fn published_documents_have_the_interactions_that_they_name() {
    let Some(published) = published() else { return };
    for (document, expected) in [
        (
            "demo/parameter-service/Parameter.yaml",
            "pubsub monitorValue",
        ),
        (
            "yaml/File-Management/FileSystem.yaml",
            "submit create, submit move, submit delete, submit copy, request getAttributes, \
          submit setAttributes, request list, progress find, request append, submit truncate, \
          request read",
        ),
        (
            "yaml/Monitor-and-Control/Action.yaml",
            "submit submitAction, request preCheckAction, request listDefinition, \
          request addAction, request updateDefinition, submit removeAction",
        ),
        (
            "yaml/Monitor-and-Control/Alert.yaml",
            "request enableGeneration, request listDefinition, request addAlert, \
          request updateDefinition, submit removeAlert",
        ),
        (
            "yaml/Monitor-and-Control/Parameter.yaml",
            "pubsub monitorValue, request getValue, submit setValue, request enableGeneration, \
          request listDefinition, request addParameter, request updateDefinition, \
          submit removeParameter",
        ),
        (
            "yaml/Monitor-and-Control/Statistic.yaml",
            "request getStatistics, request resetEvaluation, pubsub monitorStatistics, \
          submit enableService, request getServiceStatus, submit enableReporting, \
          request listParameterEvaluations, request addParameterEvaluation, \
          request updateParameterEvaluation, submit removeParameterEvaluation",
        ),
        (
            "yaml/Software-Management/AppsLauncher.yaml",
            "pubsub monitorExecution, submit runApp, submit killApp, progress stopApp, \
          request listApp",
        ),
        (
            "yaml/Software-Management/CommandExecutor.yaml",
            "request runCommand",
        ),
        (
            "yaml/Software-Management/Heartbeat.yaml",
            "pubsub beat, request getPeriod",
        ),
    ] {
        let api = read(&published.join(document));
        let found: Vec<String> = api
            .interactions
            .iter()
            .map(|interaction| format!("{} {}", pattern(interaction), interaction.name.wire))
            .collect();
        assert_eq!(found.join(", "), expected, "{document}");
    }
}

#[test]
fn groups_with_the_same_word_get_a_prefix() {
    let Some(published) = published() else { return };
    let api = read(&published.join("yaml/Monitor-and-Control/Parameter.yaml"));
    let names: Vec<&str> = api
        .types
        .iter()
        .map(|definition| definition.name.0.as_str())
        .collect();
    assert!(names.contains(&"ObjectKey"), "{names:?}");
    let api = read(&published.join("yaml/Software-Management/AppsLauncher.yaml"));
    let names: Vec<&str> = api
        .types
        .iter()
        .map(|definition| definition.name.0.as_str())
        .collect();
    assert!(names.contains(&"RunAppErrorArea"), "{names:?}");
}

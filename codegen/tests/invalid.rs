//! Public documents that someone else calls invalid: what is said of each names the right place.
//!
//! They lie beside the repository, in `../shared/specs/invalid`; `invalid.tsv` says what is wrong. What
//! AsyncAPI forbids is an error, unless published documents that are in use do it.

use std::collections::HashSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use specwire_codegen::{Code, Config, Diagnostic, Severity};

/// Where the mistake is, for documents of which it is told in other words than those of a pointer.
const PLACES: &[(&str, &str)] = &[
    ("info-version-property-is-missing-.json", "/info"),
    ("asyncapi_parser_info_invalid.yaml", "/info"),
    (
        "asyncapi_parser_schema_negative_test.yaml",
        "/components/schemas/MissingDependenciesObject/dependencies",
    ),
    (
        "asyncapi_validator_channel_unused_parameter.yaml",
        "/channels/userUpdates/parameters/userId",
    ),
    (
        "asyncapi_validator_message_headers_ref_invalid.yaml",
        "/components/messages/UserSignup/headers",
    ),
    (
        "asyncapi_validator_parameter_invalid.yaml",
        "/components/parameters/DefaultNotInEnum/default",
    ),
    (
        "asyncapi_parser_tag_invalid.yaml",
        "/components/tags/MissingName",
    ),
    ("tutorials/invalid.yml", "/servers/mosquitto/url"),
    (
        "tutorials/invalid.yml",
        "/channels/lightMeasured/messages/lightMeasuredMessage/payload/properties/id/minimum",
    ),
    ("invalid_version.json", "/asyncapi"),
    ("wrongly extended.json", "/ext-number"),
    ("templates/default/asyncapi.yaml", "/servers/dev/url"),
    (
        "templates/default/asyncapi.yaml",
        "/channels/temperature~1changed/publish",
    ),
    (
        "asyncapi_parser_operations_valid.yaml",
        "/components/securitySchemes/saslScram",
    ),
    (
        "asyncapi_parser_operations_valid.yaml",
        "/operations/receiveLightMeasurement/messages/0",
    ),
    // Others of the places that are told.
    (
        "streetlights-all.json",
        "/components/messages/AsyncAPI-UserSignedUpV3/payload",
    ),
    // One of the places that are told does not depend on a network.
    (
        "Mliviu79__voiceblender/asyncapi.yaml",
        "/components/messages/list_legsResult/payload/properties/data/items",
    ),
];

/// What AsyncAPI forbids and published documents do, with code for what they plainly mean: a warning.
const WARNINGS: &[(Code, &str, &str)] = &[
    (
        Code::MissingField,
        "/info",
        "services that are never released have no `version`",
    ),
    (
        Code::UnusedParameter,
        "",
        "parameters that are not in the address are those of a query",
    ),
    (
        Code::ForeignMessage,
        "",
        "a message that the channel lacks is meant to be there",
    ),
    (
        Code::ContradictingLimits,
        "",
        "that project's rules: neither AsyncAPI nor JSON Schema forbids a schema that nothing matches",
    ),
];

/// Documents of which it is not said that they are wrong where they are called so, and why.
const EXCEPTIONS: &[(&str, &str)] = &[(
    "asyncapi_validator_binding_invalid.yaml",
    "that project's rules, of which its parser only warns: AsyncAPI says nothing of what is in the \
     bindings of `kafka`, and allows an empty object",
)];

struct Document {
    path: PathBuf,
    name: String,
    is_whole: bool,
    what_is_wrong: String,
}

#[test]
fn what_is_wrong_is_found_where_it_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("../../shared/specs");
    if !folder.join("invalid.tsv").exists() {
        eprintln!("SKIPPED: ../shared/specs/invalid.tsv is not there, so nothing has been tested");
        return;
    }
    let mut failures = Vec::new();
    let mut used = HashSet::new();
    let mut table = String::new();
    for document in documents(&folder) {
        let started = Instant::now();
        let found: Vec<Diagnostic> = match Config::new().generate_file(&document.path) {
            Ok(generated) => generated.warnings,
            Err(mistakes) => mistakes.into_iter().collect(),
        };
        let took = started.elapsed();
        // What is only a warning is an error if the build script says so.
        let strict = Config::new().deny_warnings().generate_file(&document.path);
        let exception = EXCEPTIONS
            .iter()
            .find(|(name, _)| document.name.contains(name));
        let named = document.named(&found);
        let verdict = match (named, exception) {
            _ if took > Duration::from_secs(1) => Err(format!("took {took:?}")),
            (Some(_), _) if strict.is_ok() => Err("generated, warnings denied".to_owned()),
            (Some(_), Some(_)) => Err("named, and yet among the exceptions".to_owned()),
            (None, Some((name, reason))) => {
                used.insert(*name);
                Ok(format!("exception: {reason}"))
            }
            (Some(diagnostic), None) if diagnostic.severity() == Severity::Error => {
                Ok(format!("{diagnostic}"))
            }
            (Some(diagnostic), None) => {
                let known = WARNINGS.iter().find(|(code, place, _)| {
                    *code == diagnostic.code() && diagnostic.pointer().starts_with(place)
                });
                match known {
                    Some((.., reason)) => Ok(format!("{diagnostic}\n       {reason}")),
                    None => Err(format!("expected an error: {diagnostic}")),
                }
            }
            (None, None) if document.is_whole => Err(format!(
                "expected something at {:?}: {}",
                document.places(),
                document.what_is_wrong
            )),
            (None, None) => Ok("a fragment".to_owned()),
        };
        let (sign, text) = match &verdict {
            Ok(text) => ("ok", text),
            Err(text) => ("FAILED", text),
        };
        let text = text.replace(&format!("{}/", folder.display()), "");
        writeln!(table, "{sign:6} {}\n       {text}", document.name).expect("text can be written");
        if verdict.is_err() {
            failures.push(document.name);
        }
    }
    for severity in ["error[", "warning[", "exception:"] {
        writeln!(table, "{} x {severity}", table.matches(severity).count())
            .expect("text can be written");
    }
    println!("{table}");
    for (name, _) in EXCEPTIONS {
        if !used.contains(name) {
            failures.push(format!("{name} is an exception that is not needed"));
        }
    }
    assert!(failures.is_empty(), "{table}\n{}", failures.join("\n"));
}

fn documents(folder: &Path) -> Vec<Document> {
    let table = std::fs::read_to_string(folder.join("invalid.tsv")).expect("the table is there");
    let rows = table.lines().skip(1);
    rows.map(|row| {
        let columns: Vec<&str> = row.split('\t').collect();
        let [path, _, _, _, scope, what_is_wrong] = columns[..] else {
            panic!("expected six columns: {row}");
        };
        Document {
            path: folder.join(path),
            name: path.trim_start_matches("invalid/").to_owned(),
            is_whole: !scope.contains("fragment"),
            what_is_wrong: what_is_wrong.to_owned(),
        }
    })
    .collect()
}

impl Document {
    /// The first diagnostic that names a place where something is wrong, errors before warnings.
    fn named<'d>(&self, found: &'d [Diagnostic]) -> Option<&'d Diagnostic> {
        let places = self.places();
        let (errors, warnings): (Vec<_>, Vec<_>) = found
            .iter()
            .partition(|diagnostic| diagnostic.severity() == Severity::Error);
        errors.into_iter().chain(warnings).find(|diagnostic| {
            let pointer = plain(diagnostic.pointer());
            places.iter().any(|place| {
                // What is meant may be within, such as a `$ref`; or a made-up section as a whole.
                let within = pointer.starts_with(&format!("{place}/"));
                let around =
                    pointer.matches('/').count() >= 2 && place.starts_with(&format!("{pointer}/"));
                pointer == *place || within || around
            })
        })
    }

    /// The places that are told, in which the slashes of keys are as those between them.
    fn places(&self) -> Vec<String> {
        let own = PLACES.iter().filter(|(name, _)| self.name.ends_with(name));
        let mut places: Vec<String> = own.map(|(_, place)| plain(place)).collect();
        let text = self.what_is_wrong.as_str();
        // `... @channels/ticks | ...`, `... @operations/tick/channel/$ref; ...`
        for part in text.split('@').skip(1) {
            let part = part.split(" | ").next().unwrap_or_default();
            let part = part.split("; ").next().unwrap_or_default().trim();
            // Some are cut off, and some name a file.
            if !part.is_empty() && !part.starts_with('\'') {
                places.push(format!("/{}", part.trim_end_matches("/$ref")));
            }
        }
        // `file.root.components.schemas.tick`
        for part in text.split(".root.").skip(1) {
            let part = part.split([' ', ',']).next().unwrap_or_default();
            places.push(format!("/{}", part.replace('.', "/")));
        }
        // `components | messageTraitCases | ...`
        for part in text.split("components | ").skip(1) {
            let words: Vec<&str> = part.split(" | ").take(2).collect();
            places.push(format!("/components/{}", words.join("/")));
        }
        places
    }
}

/// A pointer without what escapes its slashes.
fn plain(pointer: &str) -> String {
    pointer.replace("~1", "/").replace("~0", "~")
}

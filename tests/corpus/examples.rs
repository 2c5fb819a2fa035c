//! The examples of the documents, judged by `oracle.py`, and what became of each.

use std::fmt;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::json;
use specwire_codegen::Generated;
use specwire_codegen::api::Content;

use crate::Row;

/// One example, as the oracle says it.
#[derive(Deserialize)]
pub(crate) struct Example {
    /// The document that was listed.
    pub(crate) document: String,
    /// Its file and JSON pointer.
    pub(crate) place: String,
    /// What its message may be called.
    pub(crate) names: Vec<String>,
    part: String,
    value: Box<serde_json::value::RawValue>,
    verdict: Verdict,
    pub(crate) why: String,
    #[serde(skip)]
    fate: Option<Fate>,
    /// Its message is text or bytes, which are a string in JSON.
    #[serde(skip)]
    is_other_content: bool,
}

/// Whether an example is what its schema says.
#[derive(Clone, Copy, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Valid,
    Invalid,
    /// Only a `format` is against it, which JSON Schema leaves open.
    Format,
    /// Its schema is in another language.
    Foreign,
    /// The oracle cannot say.
    Unjudged,
}

/// What the generated code made of an example, the best first.
#[derive(Clone, Copy, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(rename_all = "lowercase")]
enum Fate {
    Same,
    Dropped,
    Changed,
    Refused,
    #[serde(skip)]
    NotCompiled,
    #[serde(skip)]
    NoMessage,
    /// A warning is about it.
    #[serde(skip)]
    Reported,
}

/// What became of an example, in the order of the table.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Outcome {
    Same,
    Dropped,
    Reported,
    Unjudged,
    NotJson,
    NoMessage,
    Changed,
    Refused,
    Unreported,
    NotCompiled,
}

impl Outcome {
    /// Whether the table is to name the example. Documents that do not compile are there already.
    pub(crate) fn is_worth_a_line(self) -> bool {
        !matches!(self, Self::Same | Self::Reported | Self::NotCompiled)
    }

    /// Whether it must not be.
    pub(crate) fn is_failure(self) -> bool {
        self >= Self::Changed
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Same => "valid, and written back as the same",
            Self::Dropped => "valid, but for members that no schema declares",
            Self::Reported => "invalid, and reported",
            Self::Unjudged => "not to be judged",
            Self::NotJson => "of messages whose content type is not JSON, and refused",
            Self::NoMessage => "of messages that are not generated",
            Self::NotCompiled => "of documents THAT ARE NOT COMPILED",
            Self::Changed => "valid, AND WRITTEN BACK AS ANOTHER",
            Self::Refused => "valid, AND REFUSED",
            Self::Unreported => "invalid, AND NOT REPORTED",
        })
    }
}

impl Example {
    pub(crate) fn outcome(&self) -> Outcome {
        match (self.verdict, self.fate) {
            (_, Some(Fate::Reported)) => Outcome::Reported,
            (_, Some(Fate::NotCompiled)) => Outcome::NotCompiled,
            (_, Some(Fate::NoMessage)) => Outcome::NoMessage,
            (Verdict::Invalid, _) => Outcome::Unreported,
            (_, Some(Fate::Same)) => Outcome::Same,
            (Verdict::Foreign | Verdict::Unjudged, _) => Outcome::Unjudged,
            (_, Some(Fate::Dropped)) => Outcome::Dropped,
            (_, Some(Fate::Changed)) => Outcome::Changed,
            (_, Some(Fate::Refused)) if self.is_other_content => Outcome::NotJson,
            (_, Some(Fate::Refused) | None) => Outcome::Refused,
        }
    }

    /// The types that its message may have: the names of messages are not unique.
    fn messages<'g>(&self, generated: &'g Generated) -> Vec<&'g str> {
        let messages = &generated.api.messages;
        let found = self.names.iter().map(|name| {
            let named = messages.iter().filter(|message| message.name.wire == *name);
            named.map(|message| message.name.rust.as_str()).collect()
        });
        found
            .into_iter()
            .find(|found: &Vec<_>| !found.is_empty())
            .unwrap_or_default()
    }
}

/// Has the oracle find all examples.
pub(crate) fn read(specs: &Path, index: &Path, out: &Path) -> Vec<Example> {
    let file = out.join("examples.jsonl");
    oracle(
        &["examples".as_ref(), index.as_ref(), specs.as_ref()],
        &file,
    );
    let lines = fs::read_to_string(file).expect("it was written");
    let parse = |line| serde_json::from_str(line).expect("the oracle says what it should");
    lines.lines().map(parse).collect()
}

/// Has each example read and written by `program`, and the oracle compare.
pub(crate) fn check(program: &Path, out: &Path, rows: &[Row], examples: &mut [Example]) {
    let mut jobs = String::new();
    for (id, example) in examples.iter_mut().enumerate() {
        let (number, row) = rows
            .iter()
            .enumerate()
            .find(|(_, row)| row.document == example.document)
            .expect("listed");
        let (Ok(generated), Ok(())) = (&row.generated, &row.compiled) else {
            example.fate = Some(Fate::NotCompiled);
            continue;
        };
        let pointer = example
            .place
            .split_once('#')
            .map_or("", |(_, pointer)| pointer);
        let mut warnings = generated.warnings.iter();
        if warnings.any(|warning| {
            is_within(warning.pointer(), pointer) && is_of_examples(&warning.to_string())
        }) {
            example.fate = Some(Fate::Reported);
            continue;
        }
        let types = example.messages(generated);
        example.is_other_content = example.part == "payload"
            && generated.api.messages.iter().any(|message| {
                types.contains(&message.name.rust.as_str()) && message.content != Content::Json
            });
        if types.is_empty() {
            example.fate = Some(Fate::NoMessage);
        }
        for ty in types {
            let message = generated
                .api
                .messages
                .iter()
                .find(|message| message.name.rust == ty);
            let is_text = message.is_some_and(|message| message.content == Content::Text);
            let text = example.value.get();
            // What is shown of text as something else is how that is written.
            let value = if is_text && example.part == "payload" && !text.starts_with('"') {
                json!(text)
            } else {
                json!(example.value)
            };
            let job =
                json!({"id": id, "path": path(number, ty), "part": example.part, "value": value});
            jobs += &format!("{job}\n");
        }
    }
    let (asked, written) = (out.join("jobs.jsonl"), out.join("written.jsonl"));
    fs::write(&asked, jobs).expect("the folder can be written to");
    let status = Command::new(program)
        .stdin(File::open(asked).expect("it was written"))
        .stdout(File::create(&written).expect("the folder can be written to"))
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "{} fails",
        program.display()
    );

    let compared = out.join("compared.jsonl");
    oracle(
        &[
            "compare".as_ref(),
            out.join("examples.jsonl").as_ref(),
            written.as_ref(),
        ],
        &compared,
    );
    #[derive(Deserialize)]
    struct Compared {
        id: usize,
        outcome: Fate,
        why: String,
    }
    for line in fs::read_to_string(compared)
        .expect("it was written")
        .lines()
    {
        let compared: Compared =
            serde_json::from_str(line).expect("the oracle says what it should");
        let example = &mut examples[compared.id];
        if example.fate.is_none_or(|fate| compared.outcome < fate) {
            example.fate = Some(compared.outcome);
            if example.verdict != Verdict::Invalid {
                example.why = compared.why;
            }
        }
    }
}

/// What a message is known by to the program that reads examples.
pub(crate) fn path(number: usize, ty: &str) -> String {
    format!("document_{number}::{ty}")
}

fn is_within(pointer: &str, outer: &str) -> bool {
    pointer
        .strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_of_examples(warning: &str) -> bool {
    warning.contains("[SW05")
}

/// Runs `oracle.py` with the Python of its own environment if there is one.
fn oracle(arguments: &[&std::ffi::OsStr], out: &Path) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = folder.join(".venv/bin/python");
    let status = Command::new(if own.exists() {
        own.as_os_str()
    } else {
        "python3".as_ref()
    })
    .arg(folder.join("oracle.py"))
    .args(arguments)
    .stdout(Stdio::from(
        File::create(out).expect("the folder can be written to"),
    ))
    .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "oracle.py needs Python and what is in requirements.txt: python3 -m venv {0}/.venv && {0}/.venv/bin/pip install -r {0}/requirements.txt",
        folder.display(),
    );
}

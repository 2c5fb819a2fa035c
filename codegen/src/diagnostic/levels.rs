//! What becomes of warnings, as the build script says.

use std::collections::HashMap;

use super::{Code, Diagnostic, Errors, Place};

/// What is said of single codes, the last word counting, and of all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Levels {
    codes: HashMap<Code, Level>,
    /// What was given as a code and is none.
    unknown: Vec<String>,
    denies_all: bool,
}

/// What becomes of a warning.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Level {
    /// It is not shown.
    Allow,
    /// It is shown.
    Warn,
    /// It is shown as an error, and is one.
    Deny,
}

impl Levels {
    pub(crate) fn set(&mut self, code: &str, level: Level) {
        match code.parse() {
            Ok(code) => {
                self.codes.insert(code, level);
            }
            Err(_) => self.unknown.push(code.to_owned()),
        }
    }

    pub(crate) fn deny_all(&mut self) {
        self.denies_all = true;
    }

    /// Reports what was given as a code and is none.
    pub(crate) fn check(&self, file: &str, errors: &mut Errors) {
        for code in &self.unknown {
            if let Err(unknown) = code.parse::<Code>() {
                let place = Place::file(file);
                let diagnostic = Diagnostic::error(Code::UnknownCode, place, unknown.message());
                errors.push(diagnostic.did_you_mean(unknown.meant().as_deref()));
            }
        }
    }

    pub(super) fn of(&self, code: Code) -> Level {
        let otherwise = if self.denies_all {
            Level::Deny
        } else {
            Level::Warn
        };
        self.codes.get(&code).copied().unwrap_or(otherwise)
    }
}

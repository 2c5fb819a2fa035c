//! What the phases have found: gathered, and brought into the order of the document.

use std::cell::Cell;
use std::collections::HashSet;

use super::wording::nearest;
use super::{Code, Diagnostic, Diagnostics, Level, Levels, Place, Severity};

/// How many mistakes of one severity are shown; that there are more is then said.
const SHOWN: usize = 1000;

/// Up to how many mistakes it is worth looking for what was meant.
const SUGGESTED: usize = 100;

/// How many characters of names are compared in one document: of many unknown ones, each may be a mistake.
const COMPARED: usize = 400_000;

/// What the phases have found so far.
#[derive(Debug, Default)]
pub(crate) struct Errors {
    levels: Levels,
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    more_errors: bool,
    more_warnings: bool,
    /// Lines that could not be read.
    passed_over: String,
    /// What has been noted: each mistake once.
    seen: HashSet<(Position, String)>,
    /// How many characters of names have been compared with those that were perhaps meant.
    compared: Cell<usize>,
}

/// The file, and the first and last byte.
type Position = (usize, Option<(usize, usize)>);

impl Errors {
    pub(crate) fn new(levels: &Levels) -> Self {
        Self {
            levels: levels.clone(),
            ..Self::default()
        }
    }

    /// From now on these lines are known not to have been read: what is missing may be on them.
    pub(crate) fn pass_over(&mut self, lines: &str) {
        self.passed_over.push_str(lines);
    }

    /// Notes a mistake.
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        let wanted = diagnostic.0.wanted.as_deref();
        if wanted.is_some_and(|wanted| self.passed_over.contains(wanted)) {
            return;
        }
        let noted = (position(&diagnostic), diagnostic.0.message.clone());
        if self.seen.contains(&noted) {
            return;
        }
        let (list, more) = match diagnostic.0.severity {
            Severity::Error => (&mut self.errors, &mut self.more_errors),
            Severity::Warning if self.levels.of(diagnostic.0.code) == Level::Allow => return,
            Severity::Warning => (&mut self.warnings, &mut self.more_warnings),
        };
        if list.len() < SHOWN {
            self.seen.insert(noted);
            list.push(diagnostic);
        } else {
            *more = true;
        }
    }

    /// Notes what was found apart from the rest.
    pub(crate) fn absorb(&mut self, others: Self) {
        for diagnostic in others.errors.into_iter().chain(others.warnings) {
            self.push(diagnostic);
        }
        self.more_errors |= others.more_errors;
        self.more_warnings |= others.more_warnings;
        self.pass_over(&others.passed_over);
    }

    /// The name that was most likely meant by `wanted`, if any is near enough and it will be shown.
    pub(crate) fn nearest<'a>(
        &self,
        wanted: &str,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Option<&'a str> {
        let is_worth_it = !self.are_many() && self.warnings.len() < SUGGESTED;
        let spend = |characters: usize| {
            self.compared
                .set(self.compared.get().saturating_add(characters));
            self.compared.get() <= COMPARED
        };
        is_worth_it.then(|| nearest(wanted, names, spend)).flatten()
    }

    /// There are more errors already than anyone will mend at once.
    pub(crate) fn are_many(&self) -> bool {
        self.errors.len() >= SUGGESTED
    }

    /// None that is found from now on is shown.
    pub(crate) fn are_more_than_shown(&self) -> bool {
        self.more_errors
    }

    /// Nothing so far prevents code from being generated.
    pub(crate) fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// The end of the phases: the warnings, or else these and the errors.
    pub(crate) fn finish(mut self) -> Result<Vec<Diagnostic>, Diagnostics> {
        if !self.is_empty() {
            self.warnings.retain(|warning| !warning.0.is_doubtful);
        }
        for warning in &mut self.warnings {
            if self.levels.of(warning.0.code) == Level::Deny {
                warning.0.severity = Severity::Error;
            }
        }
        let mut all = self.errors;
        all.append(&mut self.warnings);
        // Stable: of two mistakes at one place, the one found by the earlier phase comes first.
        all.sort_by_key(position);
        let is_error = |diagnostic: &Diagnostic| diagnostic.0.severity == Severity::Error;
        let failed = all.iter().any(is_error);
        for (severity, more) in [
            (Severity::Error, self.more_errors),
            (Severity::Warning, self.more_warnings),
        ] {
            if let Some(first) = all.first().filter(|_| more) {
                let place = Place::file(first.file());
                let message = format!(
                    "found more than these {SHOWN} {}s: mend some to see the others",
                    severity.name()
                );
                let code = Code::TooManyMistakes;
                all.push(Diagnostic::new(severity, code, place, message));
            }
        }
        if failed {
            Err(Diagnostics(all))
        } else {
            Ok(all)
        }
    }
}

/// Where a mistake is. Other files follow the document in the order in which they were read.
fn position(diagnostic: &Diagnostic) -> Position {
    let place = &diagnostic.0.place;
    let range = place.range.as_ref().map(|range| (range.start, range.end));
    (place.text.order, range)
}

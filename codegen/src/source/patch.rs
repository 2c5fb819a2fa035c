//! What else is wrong with a document that is not YAML: reading on past the lines that are not.

use std::ops::Range;

use super::yaml::Stop;
use crate::diagnostic::{Diagnostic, Text};

/// Documents that are longer show their first mistake in YAML only: each other costs a reading.
const LONGEST: usize = 128 * 1024;

/// How many lines may be passed over.
const MOST: usize = 5;

/// A text in which lines that are not YAML are blank, so that everything else stands where it stood.
#[derive(Debug)]
pub(super) struct Patched {
    pub(super) text: String,
    /// What was on those lines.
    pub(super) passed_over: String,
    /// What was wrong with each.
    pub(super) mistakes: Vec<Diagnostic>,
}

/// Passes over lines until `read` finds nothing wrong.
///
/// # Errors
///
/// The first mistake alone, if that takes too many lines, or one that others belong to: what is found
/// in the rest would only be the consequence.
pub(super) fn patch(
    text: &Text,
    first: Stop,
    read: impl Fn(&str) -> Result<(), Stop>,
) -> Result<Patched, Diagnostic> {
    let Stop {
        mistake: first,
        is_local,
    } = first;
    let mut patched = Patched {
        text: text.as_str().to_owned(),
        passed_over: String::new(),
        mistakes: vec![first.clone()],
    };
    if patched.text.len() > LONGEST || !is_local {
        return Err(first);
    }
    let mut at = first.offset().unwrap_or_default();
    for _ in 0..MOST {
        let attempts: Vec<_> = candidates(&patched.text, at)
            .into_iter()
            .map(|line| {
                let blank = blanked(&patched.text, &line);
                let next = read(&blank).err();
                (line, blank, next)
            })
            .collect();
        let furthest = |next: &Option<Stop>| match next {
            None => usize::MAX,
            Some(Stop { mistake, is_local }) if *is_local => mistake.offset().unwrap_or_default(),
            // Most likely a consequence.
            Some(_) => 0,
        };
        // Of two that get as far, the line where the mistake was found.
        let best = attempts
            .into_iter()
            .rev()
            .max_by_key(|(_, _, next)| furthest(next));
        let Some((line, blank, next)) = best.filter(|(_, _, next)| furthest(next) > at) else {
            break;
        };
        patched
            .passed_over
            .push_str(patched.text.get(line).unwrap_or_default());
        patched.passed_over.push('\n');
        patched.text = blank;
        let Some(Stop { mistake, .. }) = next else {
            return Ok(patched);
        };
        let next = mistake.offset().unwrap_or_default();
        let between = patched.text.get(at..next).unwrap_or_default();
        // On the next line it is the same mistake, seen from the other side.
        if between.matches('\n').count() > 1 {
            patched.mistakes.push(mistake);
        }
        at = next;
    }
    Err(first)
}

/// The line that a mistake was found on, and the last one before it: a quote that is not closed is
/// missed on the next line only. Neither if other lines belong to it, or if it is all that belongs to
/// another.
fn candidates(text: &str, at: usize) -> Vec<Range<usize>> {
    let mut lines: Vec<Range<usize>> = Vec::new();
    let mut begin = 0_usize;
    for line in text.split('\n') {
        let end = begin.saturating_add(line.len());
        if !line.trim().is_empty() {
            lines.push(begin..end);
        }
        begin = end.saturating_add(1);
    }
    let on = lines.partition_point(|line| line.end < at);
    let indent = |line: &Range<usize>| {
        let line = text.get(line.clone()).unwrap_or_default();
        line.len().saturating_sub(line.trim_start().len())
    };
    [Some(on), on.checked_sub(1)]
        .into_iter()
        .flatten()
        .filter_map(|index| {
            let line = lines.get(index)?;
            let above = index.checked_sub(1).and_then(|above| lines.get(above));
            let below = lines.get(index.saturating_add(1));
            let own = indent(line);
            let has_others = below.is_some_and(|below| indent(below) > own);
            let is_only = above.is_some_and(|above| indent(above) < own)
                && below.is_none_or(|below| indent(below) < own);
            (!has_others && !is_only).then(|| line.clone())
        })
        .collect()
}

/// The text with spaces in place of what is on the line.
fn blanked(text: &str, line: &Range<usize>) -> String {
    let before = text.get(..line.start).unwrap_or_default();
    let after = text.get(line.end..).unwrap_or_default();
    format!("{before}{}{after}", " ".repeat(line.len()))
}

//! What stands within a line: code, links, addresses.

use std::collections::HashMap;

/// Stands for a space at which a line is not broken; control characters are removed first.
pub(super) const FIXED_SPACE: char = '\u{1}';

/// Escapes what would be a link to an item, a tag, or an unclosed span of code.
pub(super) fn inline(text: &str) -> String {
    escaped(text, Links::Allowed)
}

/// Whether an address may become a link: not inside of one.
#[derive(Clone, Copy, PartialEq)]
enum Links {
    Allowed,
    Inside,
}

/// What has a meaning of its own, besides addresses.
const SPECIAL: [char; 5] = ['\\', '`', '<', '[', ']'];

/// It may have a meaning of its own.
fn is_special(byte: u8) -> bool {
    matches!(byte, b'\\' | b'`' | b'<' | b'[' | b']' | b'h')
}

fn escaped(text: &str, links: Links) -> String {
    // Much faster than a look at each character, where nothing is optimised.
    if !text.contains("http") && !SPECIAL.iter().any(|special| text.contains(*special)) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 8);
    let last_run = last_runs(text);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let at = text.len() - rest.len();
        let (taken, replacement) = match c {
            '\\' => escape(rest),
            '`' => code_span(rest, |ticks| {
                last_run.get(&ticks).is_some_and(|&last| last > at)
            }),
            '<' => match (autolink(rest), links) {
                (Some(link), Links::Allowed) => (link.len(), link.to_owned()),
                _ => (1, "\\<".to_owned()),
            },
            '[' => match (link(rest), links) {
                (Some((len, link)), Links::Allowed) => (len, link),
                _ => (1, "\\[".to_owned()),
            },
            ']' => (1, "\\]".to_owned()),
            'h' => match (bare_address(rest), links) {
                (Some(address), Links::Allowed) => (address.len(), format!("<{address}>")),
                _ => (1, "h".to_owned()),
            },
            _ => {
                let end = rest.bytes().skip(1).position(is_special);
                let end = end.map_or(rest.len(), |end| end + 1);
                out.push_str(rest.get(..end).unwrap_or_default());
                rest = rest.get(end..).unwrap_or_default();
                continue;
            }
        };
        out.push_str(&replacement);
        rest = rest.get(taken..).unwrap_or_default();
    }
    out
}

fn escape(text: &str) -> (usize, String) {
    match text.chars().nth(1) {
        Some(next) if next.is_ascii_punctuation() => (2, format!("\\{next}")),
        _ => (1, "\\\\".to_owned()),
    }
}

/// The place of the last run of backticks of each length: where a span of code can end at all.
fn last_runs(text: &str) -> HashMap<usize, usize> {
    let mut last = HashMap::new();
    let mut start = 0;
    while let Some(found) = text.get(start..).and_then(|after| after.find('`')) {
        start += found;
        let length = ticks(text.get(start..).unwrap_or_default());
        last.insert(length, start);
        start += length;
    }
    last
}

/// The span of code at the beginning of `text`, or else its backticks as such.
fn code_span(text: &str, can_close: impl Fn(usize) -> bool) -> (usize, String) {
    let opening = ticks(text);
    let mut end = opening;
    while let Some(after) = text
        .get(end..)
        .filter(|after| can_close(opening) && !after.is_empty())
    {
        let run = ticks(after);
        if run == opening {
            let span = text.get(..end + run).unwrap_or(text);
            return (end + run, span.replace(' ', &FIXED_SPACE.to_string()));
        }
        end += run.max(after.find('`').unwrap_or(after.len()));
    }
    (opening, "\\`".repeat(opening))
}

fn ticks(text: &str) -> usize {
    text.bytes().take_while(|&byte| byte == b'`').count()
}

fn autolink(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('<')?;
    let end = inner.find(|c: char| c.is_whitespace() || c == '<' || c == '>')?;
    let (address, after) = inner.split_at_checked(end)?;
    (after.starts_with('>') && is_address(address)).then(|| text.get(..end + 2))?
}

/// `[text](https://...)`, the only link that means the same in a doc comment.
fn link(text: &str) -> Option<(usize, String)> {
    let inner = text.strip_prefix('[')?;
    let (label, after) = inner.split_at_checked(inner.find(['[', ']', '`'])?)?;
    let after = after.strip_prefix("](")?;
    let end = after.find(|c: char| c.is_whitespace() || "()<>`".contains(c))?;
    let (address, after) = after.split_at_checked(end)?;
    let is_link = after.starts_with(')') && is_address(address) && !label.trim().is_empty();
    is_link.then(|| {
        let taken = label.len() + address.len() + 4;
        (
            taken,
            format!("[{}]({address})", escaped(label, Links::Inside)),
        )
    })
}

fn is_address(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, rest)| {
        scheme.len() > 1
            && !rest.is_empty()
            && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c))
    })
}

fn bare_address(text: &str) -> Option<&str> {
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))?;
    let scheme = text.len() - host.len();
    let stop = |c: char| c.is_whitespace() || "<>\"`|\\^{}[]()*".contains(c);
    let end = text.find(stop).unwrap_or(text.len());
    let address = text
        .get(..end)?
        .trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '_', '~']);
    (address.len() > scheme).then_some(address)
}

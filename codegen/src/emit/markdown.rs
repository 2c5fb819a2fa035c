//! Descriptions as doc comments.
//!
//! A description is Markdown (CommonMark), and so is a doc comment, but one that tools read more
//! strictly: brackets become links to items, code blocks become tests, tags and bare addresses
//! become warnings, and so do lists whose continuation is not indented. What is written here keeps
//! the structure of a description and takes those meanings away.

mod inline;
mod line;

use std::borrow::Cow;

use inline::{FIXED_SPACE, inline};
use line::{
    Fence, Item, indent, is_heading, is_quote, is_row, is_rule, starts_block, underline, unindent,
};

/// Blocks nested deeper than this are text: nobody reads them, and a hostile document has thousands.
const MAX_DEPTH: usize = 6;

/// The lines of a doc comment that says `text`, wrapped at `width`. None if there is nothing to say.
pub(super) fn lines(text: &str, width: usize) -> Vec<String> {
    if is_plain(text) && text.len() <= width {
        return vec![text.to_owned()];
    }
    let clean = clean(text);
    let lines: Vec<&str> = clean.lines().map(str::trim_end).collect();
    blocks(&lines, width, 0)
}

/// There is nothing to say.
pub(super) fn is_empty(text: &str) -> bool {
    // Letters are always shown, and cheap to find.
    !text.contains(|c: char| c.is_ascii_alphanumeric()) && lines(text, usize::MAX).is_empty()
}

/// A line that needs no second look: it begins with a letter, and has nothing in it that Markdown
/// or rustdoc knows.
fn is_plain(text: &str) -> bool {
    let mut before = b' ';
    let mut ticks: usize = 0;
    // Not as iterators say it, which takes three times as long where nothing is optimised.
    for &byte in text.as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            _ if before == b' ' && byte == b' ' => return false,
            // Each second one ends what the one before it begins.
            b'`' if before == b'`' => return false,
            b'`' => ticks += 1,
            b'0'..=b'9' | b' ' | b',' | b'.' | b'\'' | b'(' | b')' | b'-' => {}
            _ => return false,
        }
        before = byte;
    }
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && before != b' '
        && ticks.is_multiple_of(2)
}

/// A name as it is in the document, in backticks.
pub(super) fn code(name: &str) -> String {
    let mut name = clean(name);
    if name.contains('\n') {
        name = name.replace('\n', " ").into();
    }
    let name = name.trim();
    if name.is_empty() {
        return "(empty)".to_owned();
    }
    if !name.contains('`') {
        return format!("`{name}`");
    }
    let ticks = "`".repeat(longest_run(name, '`') + 1);
    let pad = if name.starts_with('`') || name.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{ticks}{pad}{name}{pad}{ticks}")
}

/// Without what a source file must not contain, such as characters that change the direction of text.
fn clean(text: &str) -> Cow<'_, str> {
    if text.is_ascii()
        && !text
            .bytes()
            .any(|byte| byte < b' ' && byte != b'\n' || byte == 0x7f)
    {
        return text.into();
    }
    let mut clean = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                clean.push('\n')
            }
            '\t' => clean.push_str("    "),
            '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}' => {}
            c if c.is_control() => {}
            c => clean.push(c),
        }
    }
    clean.into()
}

/// Renders a sequence of blocks, with an empty line between two.
fn blocks(mut rest: &[&str], width: usize, depth: usize) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    while let Some((first, after)) = rest.split_first() {
        if first.is_empty() {
            rest = after;
            continue;
        }
        let (block, remaining) = block(rest, width, depth);
        if !out.is_empty() && !block.is_empty() {
            out.push(String::new());
        }
        out.extend(block);
        rest = remaining;
    }
    out
}

/// Renders the block that `lines` begin with, and returns the lines after it.
fn block<'a, 'b>(lines: &'b [&'a str], width: usize, depth: usize) -> (Vec<String>, &'b [&'a str]) {
    let Some((first, after)) = lines.split_first() else {
        return (Vec::new(), lines);
    };
    if let Some(fence) = Fence::opened_by(first) {
        return fenced(&fence, after);
    }
    if indent(first) >= 4 {
        return indented(lines);
    }
    if is_rule(first) {
        // Of `-` it might run together with the mark of a list.
        return (vec!["***".to_owned()], after);
    }
    if is_heading(first) {
        return (vec![unwrapped(first)], after);
    }
    if is_row(first) {
        let (rows, rest) = split_while(lines, is_row);
        return (rows.iter().map(|row| unwrapped(row)).collect(), rest);
    }
    if depth < MAX_DEPTH {
        if is_quote(first) {
            return quote(lines, width, depth);
        }
        if Item::opened_by(first).is_some() {
            return list(lines, width, depth);
        }
    }
    paragraph(lines, width)
}

/// A code block, which is never a doc test.
fn fenced<'a, 'b>(fence: &Fence, lines: &'b [&'a str]) -> (Vec<String>, &'b [&'a str]) {
    let (code, rest) = split_while(lines, |line| !fence.is_closed_by(line));
    let code: Vec<&str> = code
        .iter()
        .map(|line| unindent(line, fence.indent))
        .collect();
    (text_block(&code), rest.get(1..).unwrap_or_default())
}

/// A code block by indentation: fenced, or else rustdoc takes it for a test.
fn indented<'a, 'b>(lines: &'b [&'a str]) -> (Vec<String>, &'b [&'a str]) {
    let (code, rest) = split_while(lines, |line| line.is_empty() || indent(line) >= 4);
    let mut code: Vec<&str> = code.iter().map(|line| unindent(line, 4)).collect();
    while code.last().is_some_and(|line| line.is_empty()) {
        code.pop();
    }
    (text_block(&code), rest)
}

fn text_block(code: &[&str]) -> Vec<String> {
    let longest = code
        .iter()
        .map(|line| longest_run(line, '`'))
        .max()
        .unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    let mut out = vec![format!("{fence}text")];
    out.extend(code.iter().map(|&line| line.to_owned()));
    out.push(fence);
    out
}

fn quote<'a, 'b>(lines: &'b [&'a str], width: usize, depth: usize) -> (Vec<String>, &'b [&'a str]) {
    let (quoted, rest) = split_while(lines, is_quote);
    let inner: Vec<&str> = quoted
        .iter()
        .map(|line| {
            let text = line.trim_start();
            let text = text.strip_prefix('>').unwrap_or(text);
            text.strip_prefix(' ').unwrap_or(text)
        })
        .collect();
    let out = blocks(&inner, narrower(width, 2), depth + 1)
        .into_iter()
        .map(|line| format!("> {line}").trim_end().to_owned())
        .collect();
    (out, rest)
}

fn list<'a, 'b>(
    mut lines: &'b [&'a str],
    width: usize,
    depth: usize,
) -> (Vec<String>, &'b [&'a str]) {
    let mut out = Vec::new();
    loop {
        let (_, next) = split_while(lines, |line| line.is_empty());
        let Some((item, after)) = next
            .split_first()
            .and_then(|(first, after)| Some((Item::opened_by(first)?, after)))
        else {
            return (out, lines);
        };
        let (content, rest) = item_content(&item, after);
        let rendered = blocks(&content, narrower(width, item.marker.len() + 1), depth + 1);
        let pad = " ".repeat(item.marker.len() + 1);
        for (index, line) in rendered.into_iter().enumerate() {
            match (index, line.as_str()) {
                (0, text) => out.push(format!("{} {text}", item.marker)),
                (_, "") => out.push(line),
                (_, text) => out.push(format!("{pad}{text}")),
            }
        }
        lines = rest;
    }
}

/// The lines that belong to an item, without its indentation.
fn item_content<'a, 'b>(item: &Item<'a>, after: &'b [&'a str]) -> (Vec<&'a str>, &'b [&'a str]) {
    let mut content = vec![item.text];
    let mut rest = after;
    loop {
        let (gap, next) = split_while(rest, |line| line.is_empty());
        let Some((line, remaining)) = next.split_first() else {
            return (content, next);
        };
        let belongs =
            indent(line) >= item.content_indent || (gap.is_empty() && !starts_block(line));
        if !belongs {
            return (content, rest);
        }
        content.extend(gap);
        content.push(unindent(line, item.content_indent));
        rest = remaining;
    }
}

fn paragraph<'a, 'b>(lines: &'b [&'a str], width: usize) -> (Vec<String>, &'b [&'a str]) {
    let mut text = String::new();
    let mut rest = lines;
    while let Some((line, after)) = rest.split_first() {
        let line = line.trim();
        if !text.is_empty() {
            // A line of `=` or `-` under a paragraph makes it a heading.
            if let Some(level) = underline(line) {
                return (vec![format!("{level} {}", unwrapped(&text))], after);
            }
            if line.is_empty() || starts_block(line) {
                break;
            }
            text.push(' ');
        }
        // At the end of a line it means a break, which reflowing does away with.
        text.push_str(line.strip_suffix('\\').unwrap_or(line).trim_end());
        rest = after;
    }
    let mut text = inline(&text);
    while text.contains("  ") {
        text = text.replace("  ", " ");
    }
    (wrap(&text, width), rest)
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text.trim_start_matches(' ');
    while !rest.is_empty() {
        let end = line_end(rest, width);
        let (line, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        rest = after.trim_start_matches(' ');
        let mut line = Cow::Borrowed(line.trim_end_matches(' '));
        if line.contains(FIXED_SPACE) {
            line = line.replace(FIXED_SPACE, " ").into();
        }
        lines.push(plain_start(&line));
    }
    lines
}

/// Where a line ends that is not wider than this, unless a single word is.
fn line_end(text: &str, width: usize) -> usize {
    // By the line and not by the word: this is most of what is done for a long description.
    let mut chars = text.chars();
    if text.len() <= width || chars.nth(width).is_none() {
        return text.len();
    }
    let beyond = text.len() - chars.as_str().len();
    let within = text.get(..beyond).unwrap_or(text);
    within
        .rfind(' ')
        .or_else(|| text.find(' '))
        .unwrap_or(text.len())
}

/// The line as text, if it would begin a block of its own where it is now.
fn plain_start(line: &str) -> String {
    let only = |allowed: &str| line.chars().all(|c| allowed.contains(c));
    let opens = starts_block(line)
        || Item::opened_by(line).is_some()
        || is_row(line)
        || only("=")
        || (line.contains('-') && only("-:| "));
    if !opens || line.starts_with('`') {
        return line.to_owned();
    }
    // In `1. x` it is the dot that has to be escaped.
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    match line.split_at_checked(digits) {
        Some((number, text)) => format!("{number}\\{text}"),
        None => line.to_owned(),
    }
}

fn unwrapped(line: &str) -> String {
    inline(line.trim()).replace(FIXED_SPACE, " ")
}

fn narrower(width: usize, by: usize) -> usize {
    width.saturating_sub(by).max(24)
}

fn longest_run(text: &str, of: char) -> usize {
    text.split(|c| c != of).map(str::len).max().unwrap_or(0)
}

fn split_while<'a, 'b>(
    lines: &'b [&'a str],
    belongs: impl Fn(&str) -> bool,
) -> (&'b [&'a str], &'b [&'a str]) {
    let end = lines
        .iter()
        .position(|line| !belongs(line))
        .unwrap_or(lines.len());
    lines.split_at_checked(end).unwrap_or((lines, &[]))
}

#[cfg(test)]
mod tests;

//! Descriptions as doc comments.
//!
//! A description is Markdown (CommonMark), and so is a doc comment, but one that tools read more
//! strictly: brackets become links to items, code blocks become tests, tags and bare addresses
//! become warnings, and so do lists whose continuation is not indented. What is written here keeps
//! the structure of a description and takes those meanings away.

/// Blocks nested deeper than this are text: nobody reads them, and a hostile document has thousands.
const MAX_DEPTH: usize = 6;

/// Stands for a space at which a line is not broken; control characters are removed first.
const FIXED_SPACE: char = '\u{1}';

/// The lines of a doc comment that says `text`, wrapped at `width`. None if there is nothing to say.
pub(super) fn lines(text: &str, width: usize) -> Vec<String> {
    let clean = clean(text);
    let lines: Vec<&str> = clean.lines().map(str::trim_end).collect();
    blocks(&lines, width, 0)
}

/// A name as it is in the document, in backticks.
pub(super) fn code(name: &str) -> String {
    let name: String = clean(name).replace('\n', " ");
    let name = name.trim();
    if name.is_empty() {
        return "(empty)".to_owned();
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
fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => clean.push('\n'),
            '\t' => clean.push_str("    "),
            '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}' => {}
            '\n' => clean.push('\n'),
            c if c.is_control() => {}
            c => clean.push(c),
        }
    }
    clean
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
        let (rows, rest) = split_while(lines, |line| is_row(line));
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
    let (quoted, rest) = split_while(lines, |line| is_quote(line));
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
    (wrap(&inline(&text, Links::Allowed), width), rest)
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut length = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let word = word.replace(FIXED_SPACE, " ");
        let word_length = word.chars().count();
        match lines.last_mut() {
            Some(line) if length + 1 + word_length <= width => {
                line.push(' ');
                line.push_str(&word);
                length += 1 + word_length;
            }
            _ => {
                lines.push(word);
                length = word_length;
            }
        }
    }
    lines.into_iter().map(|line| plain_start(&line)).collect()
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
    inline(line.trim(), Links::Allowed).replace(FIXED_SPACE, " ")
}

/// Whether an address may become a link: not inside of one.
#[derive(Clone, Copy, PartialEq)]
enum Links {
    Allowed,
    Inside,
}

/// Escapes what would be a link to an item, a tag, or an unclosed span of code.
fn inline(text: &str, links: Links) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (taken, replacement) = match c {
            '\\' => escape(rest),
            '`' => code_span(rest),
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
            other => (other.len_utf8(), other.to_string()),
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

fn code_span(text: &str) -> (usize, String) {
    let ticks = text.bytes().take_while(|&byte| byte == b'`').count();
    let mut end = ticks;
    while let Some(after) = text.get(end..).filter(|after| !after.is_empty()) {
        let run = after.bytes().take_while(|&byte| byte == b'`').count();
        if run == ticks {
            let span = text.get(..end + run).unwrap_or(text);
            return (end + run, span.replace(' ', &FIXED_SPACE.to_string()));
        }
        end += run.max(after.find('`').unwrap_or(after.len()));
    }
    (ticks, "\\`".repeat(ticks))
}

fn autolink(text: &str) -> Option<&str> {
    let link = text.get(..=text.find('>')?)?;
    let address = link.get(1..link.len() - 1)?;
    (is_address(address) && !address.contains(|c: char| c.is_whitespace() || c == '<'))
        .then_some(link)
}

/// `[text](https://...)`, the only link that means the same in a doc comment.
fn link(text: &str) -> Option<(usize, String)> {
    let (label, after) = text.get(1..)?.split_once("](")?;
    let (address, _) = after.split_once(')')?;
    let plain = !label.contains(['[', ']', '`'])
        && !address.contains(|c: char| c.is_whitespace() || "<>(`".contains(c));
    (plain && !label.trim().is_empty() && is_address(address)).then(|| {
        let taken = label.len() + address.len() + 4;
        (
            taken,
            format!("[{}]({address})", inline(label, Links::Inside)),
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

struct Fence {
    tick: char,
    length: usize,
    indent: usize,
}

impl Fence {
    fn opened_by(line: &str) -> Option<Self> {
        let text = line.trim_start();
        let tick = text.chars().next().filter(|&c| c == '`' || c == '~')?;
        let info = text.trim_start_matches(tick);
        let length = text.len() - info.len();
        let opens = indent(line) < 4 && length >= 3 && !(tick == '`' && info.contains('`'));
        opens.then(|| Self {
            tick,
            length,
            indent: indent(line),
        })
    }

    fn is_closed_by(&self, line: &str) -> bool {
        let text = line.trim();
        indent(line) < 4 && text.len() >= self.length && text.chars().all(|c| c == self.tick)
    }
}

/// The beginning of a list's item.
struct Item<'a> {
    marker: String,
    text: &'a str,
    content_indent: usize,
}

impl<'a> Item<'a> {
    fn opened_by(line: &'a str) -> Option<Self> {
        let trimmed = line.trim_start();
        let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = trimmed.split_at_checked(digits)?;
        let sign = rest.chars().next()?;
        let text = rest
            .get(1..)
            .filter(|text| text.is_empty() || text.starts_with(' '))?;
        let marker = match (digits, sign) {
            (0, '-' | '*' | '+') => "-".to_owned(),
            (1..=9, '.' | ')') => format!("{number}{sign}"),
            _ => return None,
        };
        let spaces = match indent(text) {
            // Code within the item, or no text on this line.
            0 | 5.. => 1,
            few => few,
        };
        Some(Self {
            marker,
            text: unindent(text, spaces),
            content_indent: indent(line) + digits + 1 + spaces,
        })
    }
}

/// Whether the line ends a paragraph by beginning another block.
fn starts_block(line: &str) -> bool {
    let interrupts =
        |item: Item<'_>| !item.text.is_empty() && matches!(item.marker.as_str(), "-" | "1." | "1)");
    indent(line) < 4
        && (Fence::opened_by(line).is_some()
            || is_rule(line)
            || is_heading(line)
            || is_quote(line)
            || Item::opened_by(line).is_some_and(interrupts))
}

fn is_quote(line: &str) -> bool {
    line.trim_start().starts_with('>')
}

fn is_row(line: &str) -> bool {
    line.trim_start().starts_with('|')
}

fn is_heading(line: &str) -> bool {
    let text = line.trim_start();
    let title = text.trim_start_matches('#');
    (1..=6).contains(&(text.len() - title.len())) && (title.is_empty() || title.starts_with(' '))
}

fn is_rule(line: &str) -> bool {
    let signs: String = line.split_whitespace().collect();
    signs.len() >= 3
        && ["-", "*", "_"]
            .iter()
            .any(|sign| signs.replace(sign, "").is_empty())
}

fn underline(line: &str) -> Option<&'static str> {
    match line {
        "" => None,
        _ if line.chars().all(|c| c == '=') => Some("#"),
        _ if line.chars().all(|c| c == '-') => Some("##"),
        _ => None,
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn unindent(line: &str, by: usize) -> &str {
    line.get(indent(line).min(by)..).unwrap_or(line)
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
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(lines(text, 40), expected, "for {text:?}");
    }

    #[test]
    fn paragraphs_are_wrapped() {
        check("", &[]);
        check(" \n\t\n", &[]);
        check(
            "One.  \nTwo.\\\nThree.\n\n\n  Four.\n",
            &["One. Two. Three.", "", "Four."],
        );
        check(
            "The quick brown fox jumps over the lazy dog `and does not stop there`, ever.",
            &[
                "The quick brown fox jumps over the lazy",
                "dog `and does not stop there`, ever.",
            ],
        );
        check("a\u{202e}b\u{0}c\rd", &["abc d"]);
    }

    #[test]
    fn nothing_becomes_a_link_or_a_tag() {
        check(
            "see [MAL] and [x][y], [^1]",
            &["see \\[MAL\\] and \\[x\\]\\[y\\], \\[^1\\]"],
        );
        check("Vec<T> <b>bold</b>", &["Vec\\<T> \\<b>bold\\</b>"]);
        check("`Vec<T>[0]` and `open <", &["`Vec<T>[0]` and \\`open \\<"]);
        check(
            "already \\[escaped\\] \\d c:\\",
            &["already \\[escaped\\] \\\\d c:"],
        );
        check("<std::vec::Vec>", &["\\<std::vec::Vec>"]);
    }

    #[test]
    fn addresses_become_links() {
        check("see https://ccsds.org/x.", &["see <https://ccsds.org/x>."]);
        check("(http://a.org/b)", &["(<http://a.org/b>)"]);
        check(
            "<https://a.org> [a](https://b.org)",
            &["<https://a.org> [a](https://b.org)"],
        );
        check(
            "[https://b.org x](https://b.org)",
            &["[https://b.org x](https://b.org)"],
        );
        check("[a](b.md)", &["\\[a\\](b.md)"]);
        check("https:// alone", &["https:// alone"]);
    }

    #[test]
    fn code_is_no_test() {
        check(
            "```\nlet x;\n```\nafter",
            &["```text", "let x;", "```", "", "after"],
        );
        check("~~~rust\n```\nx\n", &["````text", "```", "x", "````"]);
        check(
            "a\n\n    code\n\n      more\n\nb",
            &["a", "", "```text", "code", "", "  more", "```", "", "b"],
        );
        check(
            "- a\n\n      code",
            &["- a", "", "  ```text", "  code", "  ```"],
        );
    }

    #[test]
    fn lists_are_indented_as_clippy_wants() {
        check(
            "Modes:\n* one\n  more\nlazy\n* two\n1. x",
            &["Modes:", "", "- one more lazy", "- two", "1. x"],
        );
        check(
            "- a\n  - b\n    c\n- d\n\ntext",
            &["- a", "", "  - b c", "- d", "", "text"],
        );
        check("10) x\n    y", &["10) x y"]);
        check(
            "> quoted\n> - a\nlazy",
            &["> quoted", ">", "> - a", "", "lazy"],
        );
    }

    #[test]
    fn wrapping_begins_no_block() {
        check(
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa - b aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 1. c",
            &[
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                "\\- b",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                "1\\. c",
            ],
        );
        check("===", &["\\==="]);
        check("\\\n12) x", &["12\\) x"]);
    }

    #[test]
    fn headings_rules_and_tables_stay() {
        check(
            "# A [b]\nText\n====\nMore\n\n* * *",
            &["# A \\[b\\]", "", "# Text", "", "More", "", "***"],
        );
        check(
            "| a | b |\n|---|---|\n| <x> | y |",
            &["| a | b |", "|---|---|", "| \\<x> | y |"],
        );
    }

    #[test]
    fn depth_is_bounded() {
        assert!(!lines(&">".repeat(100_000), 96).is_empty());
        assert!(!lines(&"- ".repeat(100_000), 96).is_empty());
    }

    #[test]
    fn names_are_code() {
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code(" "), "(empty)");
    }
}

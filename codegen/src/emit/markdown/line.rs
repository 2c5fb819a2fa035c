//! What a line begins: a list, a heading, a block of code.

pub(super) struct Fence {
    tick: char,
    length: usize,
    pub(super) indent: usize,
}

impl Fence {
    pub(super) fn opened_by(line: &str) -> Option<Self> {
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

    pub(super) fn is_closed_by(&self, line: &str) -> bool {
        let text = line.trim();
        indent(line) < 4 && text.len() >= self.length && text.chars().all(|c| c == self.tick)
    }
}

/// The beginning of a list's item.
pub(super) struct Item<'a> {
    pub(super) marker: String,
    pub(super) text: &'a str,
    pub(super) content_indent: usize,
}

impl<'a> Item<'a> {
    pub(super) fn opened_by(line: &'a str) -> Option<Self> {
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
pub(super) fn starts_block(line: &str) -> bool {
    let interrupts =
        |item: Item<'_>| !item.text.is_empty() && matches!(item.marker.as_str(), "-" | "1." | "1)");
    indent(line) < 4
        && (Fence::opened_by(line).is_some()
            || is_rule(line)
            || is_heading(line)
            || is_quote(line)
            || Item::opened_by(line).is_some_and(interrupts))
}

pub(super) fn is_quote(line: &str) -> bool {
    line.trim_start().starts_with('>')
}

pub(super) fn is_row(line: &str) -> bool {
    line.trim_start().starts_with('|')
}

pub(super) fn is_heading(line: &str) -> bool {
    let text = line.trim_start();
    let title = text.trim_start_matches('#');
    (1..=6).contains(&(text.len() - title.len())) && (title.is_empty() || title.starts_with(' '))
}

pub(super) fn is_rule(line: &str) -> bool {
    if !line.trim_start().starts_with(['-', '*', '_']) {
        return false;
    }
    let signs: String = line.split_whitespace().collect();
    signs.len() >= 3
        && ["-", "*", "_"]
            .iter()
            .any(|sign| signs.replace(sign, "").is_empty())
}

pub(super) fn underline(line: &str) -> Option<&'static str> {
    match line {
        "" => None,
        _ if line.chars().all(|c| c == '=') => Some("#"),
        _ if line.chars().all(|c| c == '-') => Some("##"),
        _ => None,
    }
}

pub(super) fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

pub(super) fn unindent(line: &str, by: usize) -> &str {
    line.get(indent(line).min(by)..).unwrap_or(line)
}

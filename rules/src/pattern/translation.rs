//! ECMA-262's regular expressions in regex-lite's syntax, and what they may have to do.

use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

use super::PatternError;

/// Groups inside one another.
pub(super) const MAX_NESTING: usize = 50;
/// Bytes of a compiled pattern: ten thousand repetitions of a character, or so.
pub(super) const MAX_SIZE: usize = 1 << 20;
/// Bytes that regex-lite takes for a state of its machine, at most.
const STATE: usize = 32;
/// Bytes that it takes besides for each range of characters, and for each way out of a state.
const EACH: usize = 8;
/// Bytes of what a quantifier or an alternative adds: a state where ways part, and one where they meet.
const CHOICE: usize = 2 * (STATE + EACH);

/// First and last of some code points.
type Range = (u32, u32);

const DIGIT: &[Range] = &[(0x30, 0x39)];
const WORD: &[Range] = &[(0x30, 0x39), (0x41, 0x5a), (0x5f, 0x5f), (0x61, 0x7a)];
const SPACE: &[Range] = &[
    (0x09, 0x0d),
    (0x20, 0x20),
    (0xa0, 0xa0),
    (0x1680, 0x1680),
    (0x2000, 0x200a),
    (0x2028, 0x2029),
    (0x202f, 0x202f),
    (0x205f, 0x205f),
    (0x3000, 0x3000),
    (0xfeff, 0xfeff),
];
const LINE_END: &[Range] = &[(0x0a, 0x0a), (0x0d, 0x0d), (0x2028, 0x2029)];
const LAST: u32 = char::MAX as u32;

/// From ECMA-262's syntax to regex-lite's. Whatever stands for characters is written as a class of
/// code points, so that no two meanings of an escape can meet.
pub(super) struct Translator<'a> {
    rest: Peekable<Chars<'a>>,
    out: String,
    /// Of each open group, the outermost being the whole.
    costs: Vec<Cost>,
    /// Of what a quantifier would repeat.
    last: Cost,
}

/// What a part of a pattern costs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    /// The characters in it, as often as they are repeated.
    pub(super) weight: usize,
    /// How many bytes it has when it is compiled, at most.
    size: usize,
}

impl Cost {
    fn and(self, other: Self) -> Self {
        Self {
            weight: self.weight.saturating_add(other.weight),
            size: self.size.saturating_add(other.size),
        }
    }
}

/// What an escape stands for.
enum Escape {
    Char(u32),
    Class(Vec<Range>),
    /// `\b` or `\B`.
    Boundary(char),
}

impl<'a> Translator<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        Self {
            rest: source.chars().peekable(),
            out: String::new(),
            costs: vec![Cost {
                weight: 1,
                size: 4 * STATE,
            }],
            last: Cost::default(),
        }
    }

    /// What was not refused will compile: to find that out by compiling takes far longer.
    pub(super) fn translate(mut self) -> Result<(String, Cost), PatternError> {
        // Whether a quantifier may come next.
        let mut is_atom = false;
        while let Some(c) = self.rest.next() {
            is_atom = match c {
                '^' | '$' | '|' => {
                    self.add_size(CHOICE);
                    self.out.push(c);
                    false
                }
                '.' => {
                    self.class(&complement(LINE_END));
                    true
                }
                '(' => {
                    self.costs.push(Cost {
                        weight: 0,
                        size: STATE,
                    });
                    if self.costs.len() > MAX_NESTING {
                        let what = format!("more than {MAX_NESTING} groups inside one another");
                        return Err(PatternError::unsupported(what));
                    }
                    self.group()?;
                    false
                }
                ')' => {
                    self.last = self.costs.pop().unwrap_or_default();
                    if self.costs.is_empty() {
                        return Err(PatternError::invalid("`)` without `(`"));
                    }
                    self.add(self.last);
                    self.out.push(')');
                    true
                }
                '[' => {
                    self.bracketed()?;
                    true
                }
                '\\' => match self.escape()? {
                    Escape::Char(c) => {
                        self.class(&[(c, c)]);
                        true
                    }
                    Escape::Class(ranges) => {
                        self.class(&ranges);
                        true
                    }
                    Escape::Boundary(c) => {
                        self.add_size(STATE);
                        self.out.push('\\');
                        self.out.push(c);
                        false
                    }
                },
                '*' | '+' | '?' => {
                    self.quantifier(is_atom, &c.to_string())?;
                    false
                }
                '{' => match self.counted() {
                    Some(count) => {
                        self.quantifier(is_atom, &count)?;
                        false
                    }
                    // As in `{id}`, which is only characters.
                    None => {
                        self.class(&[(0x7b, 0x7b)]);
                        true
                    }
                },
                c => {
                    self.class(&[(c as u32, c as u32)]);
                    true
                }
            };
        }
        match self.costs.as_slice() {
            [cost] if cost.size <= MAX_SIZE => Ok((self.out, *cost)),
            [_] => Err(PatternError::unsupported(format!(
                "the pattern takes more than {MAX_SIZE} bytes when it is compiled"
            ))),
            _ => Err(PatternError::invalid("`(` without `)`")),
        }
    }

    fn add(&mut self, cost: Cost) {
        if let Some(last) = self.costs.last_mut() {
            *last = last.and(cost);
        }
    }

    fn add_size(&mut self, size: usize) {
        self.add(Cost { weight: 0, size });
    }

    fn quantifier(&mut self, is_atom: bool, text: &str) -> Result<(), PatternError> {
        if !is_atom {
            let what = format!("`{text}` has nothing before it to repeat");
            return Err(PatternError::invalid(what));
        }
        // As often as it has to be there, and as often as it may be, if there is an end to that.
        let (least, most) = match text
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
        {
            None => (usize::from(text == "+"), None),
            Some(bounds) => {
                let number = |digits: &str| digits.parse().unwrap_or(usize::MAX);
                match bounds.split_once(',') {
                    None => (number(bounds), Some(number(bounds))),
                    Some((least, "")) => (number(least), None),
                    Some((least, most)) => (number(least), Some(number(most))),
                }
            }
        };
        if most.is_some_and(|most| most < least) {
            let what = format!("the numbers in `{text}` are the wrong way round");
            return Err(PatternError::invalid(what));
        }
        let most = most.unwrap_or(least);
        let optional = most.saturating_sub(least).saturating_add(1);
        // Once it is there already.
        let more = most.max(1) - 1;
        let size = self.last.size.saturating_mul(more);
        let size = size.saturating_add(optional.saturating_mul(CHOICE));
        let weight = self.last.weight.saturating_mul(more);
        self.add(Cost { weight, size });
        self.out.push_str(text);
        if self.rest.next_if_eq(&'?').is_some() {
            self.out.push('?');
        }
        Ok(())
    }

    /// What follows a `{`, if it is a quantifier.
    fn counted(&mut self) -> Option<String> {
        let mut ahead = self.rest.clone();
        let mut text = String::from('{');
        let mut commas = 0;
        loop {
            match ahead.next()? {
                c @ '0'..='9' => text.push(c),
                ',' if commas == 0 && text.len() > 1 => {
                    commas += 1;
                    text.push(',');
                }
                '}' if text.len() > 1 => {
                    text.push('}');
                    self.rest = ahead;
                    return Some(text);
                }
                _ => return None,
            }
        }
    }

    fn group(&mut self) -> Result<(), PatternError> {
        // What a group captures is of no use to anyone here.
        self.out.push_str("(?:");
        if self.rest.next_if_eq(&'?').is_none() {
            return Ok(());
        }
        match self.rest.next() {
            Some(':') => Ok(()),
            Some('<') => match self.rest.peek() {
                Some('=' | '!') => {
                    let sign = self.rest.next().unwrap_or_default();
                    Err(looks_around(&format!("(?<{sign}")))
                }
                _ => self.name(),
            },
            // Python's spelling.
            Some('P') if self.rest.next_if_eq(&'<').is_some() => self.name(),
            Some(sign @ ('=' | '!')) => Err(looks_around(&format!("(?{sign}"))),
            Some(c) => Err(PatternError::unsupported(format!(
                "`(?{c}` is not supported"
            ))),
            None => Err(PatternError::invalid("`(` without `)`")),
        }
    }

    fn name(&mut self) -> Result<(), PatternError> {
        let mut is_empty = true;
        for c in self.rest.by_ref() {
            match c {
                '>' if !is_empty => return Ok(()),
                '_' | '$' => {}
                c if c.is_alphanumeric() => {}
                _ => break,
            }
            is_empty = false;
        }
        Err(PatternError::invalid("the name of a group is not one"))
    }

    /// What follows a `\`.
    fn escape(&mut self) -> Result<Escape, PatternError> {
        let Some(c) = self.rest.next() else {
            return Err(PatternError::invalid("`\\` with nothing after it"));
        };
        Ok(match c {
            'd' => Escape::Class(DIGIT.to_vec()),
            'D' => Escape::Class(complement(DIGIT)),
            'w' => Escape::Class(WORD.to_vec()),
            'W' => Escape::Class(complement(WORD)),
            's' => Escape::Class(SPACE.to_vec()),
            'S' => Escape::Class(complement(SPACE)),
            'b' | 'B' => Escape::Boundary(c),
            't' => Escape::Char(0x09),
            'n' => Escape::Char(0x0a),
            'v' => Escape::Char(0x0b),
            'f' => Escape::Char(0x0c),
            'r' => Escape::Char(0x0d),
            '0' if !self.rest.peek().is_some_and(char::is_ascii_digit) => Escape::Char(0),
            'c' => match self.rest.next() {
                Some(letter) if letter.is_ascii_alphabetic() => Escape::Char(letter as u32 % 32),
                _ => return Err(PatternError::invalid("`\\c` without a letter after it")),
            },
            'x' => Escape::Char(self.hexadecimal(2)?),
            'u' => Escape::Char(self.code_point()?),
            'p' | 'P' => {
                let what = format!("`\\{c}` names a property of Unicode's, which is not supported");
                return Err(PatternError::unsupported(what));
            }
            'k' | '0'..='9' => {
                let what = format!("`\\{c}` refers back, which cannot be checked in linear time");
                return Err(PatternError::unsupported(what));
            }
            c if c.is_ascii_alphabetic() => {
                let what = format!("`\\{c}` is no escape of ECMA-262");
                return Err(PatternError::invalid(what));
            }
            c => Escape::Char(c as u32),
        })
    }

    fn hexadecimal(&mut self, digits: usize) -> Result<u32, PatternError> {
        let mut value = 0;
        for _ in 0..digits {
            let digit = self.rest.next().and_then(|c| c.to_digit(16));
            let digit = digit.ok_or_else(|| {
                PatternError::invalid(format!("an escape without its {digits} digits"))
            })?;
            value = value * 16 + digit;
        }
        Ok(value)
    }

    /// What follows `\u`: four digits, two times four of them, or any number in braces.
    fn code_point(&mut self) -> Result<u32, PatternError> {
        if self.rest.next_if_eq(&'{').is_some() {
            let digits: String = self
                .rest
                .by_ref()
                .take_while(|c| *c != '}')
                .take(8)
                .collect();
            let value = u32::from_str_radix(&digits, 16).ok();
            return value
                .filter(|value| *value <= LAST)
                .ok_or_else(|| PatternError::invalid("`\\u{…}` without a code point"));
        }
        let first = self.hexadecimal(4)?;
        if !(0xd800..0xdc00).contains(&first) {
            return Ok(first);
        }
        let mut ahead = self.rest.clone();
        if ahead.next() == Some('\\') && ahead.next() == Some('u') {
            std::mem::swap(&mut self.rest, &mut ahead);
            match self.hexadecimal(4) {
                Ok(second) if (0xdc00..0xe000).contains(&second) => {
                    return Ok(0x10000 + (first - 0xd800) * 0x400 + (second - 0xdc00));
                }
                _ => self.rest = ahead,
            }
        }
        Ok(first)
    }

    /// What follows a `[`.
    fn bracketed(&mut self) -> Result<(), PatternError> {
        let is_negated = self.rest.next_if_eq(&'^').is_some();
        let mut ranges: Vec<Range> = Vec::new();
        // The character before, and whether a `-` has come after it.
        let mut start: Option<(u32, bool)> = None;
        loop {
            let Some(c) = self.rest.next() else {
                return Err(PatternError::invalid("`[` without `]`"));
            };
            let item = match c {
                ']' => break,
                '-' if matches!(start, Some((_, false))) => {
                    start = start.map(|(first, _)| (first, true));
                    continue;
                }
                '\\' => match self.rest.next_if_eq(&'-') {
                    Some(_) => Escape::Char(0x2d),
                    None => self.escape()?,
                },
                c => Escape::Char(c as u32),
            };
            match (item, start.take()) {
                (Escape::Char(last), Some((first, true))) => {
                    if first > last {
                        return Err(PatternError::invalid(
                            "a range in `[…]` is the wrong way round",
                        ));
                    }
                    ranges.push((first, last));
                }
                (Escape::Char(c), before) => {
                    ranges.extend(before.map(|(first, _)| (first, first)));
                    start = Some((c, false));
                }
                (Escape::Boundary('b'), before) => {
                    ranges.extend(before.map(|(first, _)| (first, first)));
                    start = Some((0x08, false));
                }
                (Escape::Boundary(_), _) => {
                    return Err(PatternError::invalid("`\\B` inside `[…]`"));
                }
                // Beside a class a `-` is a character like any other, as in `[\w-.]`.
                (Escape::Class(class), before) => {
                    ranges.extend(class);
                    if let Some((first, has_hyphen)) = before {
                        ranges.push((first, first));
                        ranges.extend(has_hyphen.then_some((0x2d, 0x2d)));
                    }
                }
            }
        }
        if let Some((first, has_hyphen)) = start {
            ranges.push((first, first));
            ranges.extend(has_hyphen.then_some((0x2d, 0x2d)));
        }
        let ranges = if is_negated {
            complement(&ranges)
        } else {
            ranges
        };
        self.class(&ranges);
        Ok(())
    }

    /// Writes what matches one character of these.
    fn class(&mut self, ranges: &[Range]) {
        let size = STATE.saturating_add(EACH.saturating_mul(ranges.len().saturating_add(1)));
        self.last = Cost { weight: 1, size };
        self.add(self.last);
        if let [(first, last)] = ranges
            && first == last
            && let Some(c) = char::from_u32(*first)
        {
            if !c.is_ascii_alphanumeric() && c.is_ascii_graphic() {
                self.out.push('\\');
            }
            return self.out.push(c);
        }
        let before = self.out.len();
        self.out.push('[');
        for (first, last) in ranges.iter().copied().flat_map(without_surrogates) {
            // Writing to a string cannot fail.
            let _ = write!(self.out, "\\x{{{first:x}}}-\\x{{{last:x}}}");
        }
        if self.out.len() == before + 1 {
            self.out.truncate(before);
            // Nowhere, as the class of nothing.
            self.out.push_str("(?:\\b\\B)");
        } else {
            self.out.push(']');
        }
    }
}

fn looks_around(what: &str) -> PatternError {
    let what = format!("`{what}` looks around, which cannot be checked in linear time");
    PatternError::unsupported(what)
}

/// No text has a lone surrogate.
fn without_surrogates((first, last): Range) -> impl Iterator<Item = Range> {
    let below = (first, last.min(0xd7ff));
    let above = (first.max(0xe000), last);
    [below, above]
        .into_iter()
        .filter(|(first, last)| first <= last)
}

fn complement(ranges: &[Range]) -> Vec<Range> {
    let mut sorted = ranges.to_vec();
    sorted.sort_unstable();
    let mut others = Vec::new();
    let mut next = 0;
    for (first, last) in sorted {
        if first > next {
            others.push((next, first - 1));
        }
        next = next.max(last + 1);
    }
    if next <= LAST {
        others.push((next, LAST));
    }
    others
}

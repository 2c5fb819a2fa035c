//! Regular expressions as JSON Schema means them: those of ECMA-262, found anywhere in a string.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::iter::Peekable;
use std::str::Chars;
use std::sync::OnceLock;

use regex_lite::{Regex, RegexBuilder};

/// Bytes of a pattern.
const MAX_LENGTH: usize = 4096;
/// Bytes of a compiled pattern: ten thousand repetitions of a character, or so.
const MAX_SIZE: usize = 1 << 20;
/// Groups inside one another.
const MAX_NESTING: usize = 50;

/// A regular expression, compiled when it is first needed.
///
/// The time that it takes is linear in the text. What cannot be had in linear time, look-around
/// and back-references, is not supported, and a pattern with it lets everything pass;
/// [`Pattern::check`] tells beforehand.
///
/// ```
/// use specwire_rules::{At, Pattern, pattern};
///
/// static SYMBOL: Pattern = Pattern::new(r"^[A-Z]{3}\/[A-Z]{3}$");
/// assert!(pattern(&At::ROOT, "EUR/USD", &SYMBOL).is_ok());
/// assert!(pattern(&At::ROOT, "EURUSD", &SYMBOL).is_err());
/// ```
pub struct Pattern {
    source: &'static str,
    regex: OnceLock<Option<Compiled>>,
}

impl Pattern {
    /// The pattern with this source.
    #[must_use]
    pub const fn new(source: &'static str) -> Self {
        Self {
            source,
            regex: OnceLock::new(),
        }
    }

    /// The source of the pattern.
    #[must_use]
    pub const fn source(&self) -> &'static str {
        self.source
    }

    /// Whether the pattern is found in `text`, or cannot be looked for.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let regex = self.regex.get_or_init(|| compile(self.source).ok());
        regex
            .as_ref()
            .is_none_or(|pattern| pattern.regex.is_match(text))
    }

    /// Whether a pattern can be compiled, for a generator to ask.
    ///
    /// ```
    /// use specwire_rules::Pattern;
    ///
    /// assert!(Pattern::check(r"^\d+$").is_ok());
    /// let error = Pattern::check("^(?!test)").unwrap_err();
    /// assert_eq!(error.to_string(), "`(?!` looks around, which cannot be checked in linear time");
    /// ```
    ///
    /// # Errors
    ///
    /// Why it cannot.
    pub fn check(source: &str) -> Result<(), PatternError> {
        compile(source).map(|_| ())
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.source).finish()
    }
}

/// Why a pattern is not looked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PatternError {
    what: String,
    is_invalid: bool,
}

impl PatternError {
    fn invalid(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            is_invalid: true,
        }
    }

    fn unsupported(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            is_invalid: false,
        }
    }

    /// It is no regular expression of ECMA-262 at all, and not only one beyond what is supported.
    #[must_use]
    pub const fn is_invalid(&self) -> bool {
        self.is_invalid
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Error for PatternError {}

/// A pattern that has been compiled.
#[derive(Clone, Debug)]
pub(crate) struct Compiled {
    pub(crate) regex: Regex,
    /// What it may have to do for each byte of a text: the characters in it, as often as they are
    /// repeated.
    pub(crate) weight: usize,
}

/// Compiles a pattern.
pub(crate) fn compile(source: &str) -> Result<Compiled, PatternError> {
    if source.len() > MAX_LENGTH {
        return Err(PatternError::unsupported(format!(
            "the pattern has {} bytes, and {MAX_LENGTH} are supported",
            source.len()
        )));
    }
    let (translated, weight) = Translator::new(source).translate()?;
    let regex = RegexBuilder::new(&translated)
        .size_limit(MAX_SIZE)
        .nest_limit(2 * MAX_NESTING as u32)
        .build()
        .map_err(|error| PatternError::unsupported(error.to_string()))?;
    Ok(Compiled { regex, weight })
}

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
struct Translator<'a> {
    rest: Peekable<Chars<'a>>,
    out: String,
    /// Of each open group, the outermost being the whole.
    weights: Vec<usize>,
    /// Of what a quantifier would repeat.
    last: usize,
}

/// What an escape stands for.
enum Escape {
    Char(u32),
    Class(Vec<Range>),
    /// `\b` or `\B`.
    Boundary(char),
}

impl<'a> Translator<'a> {
    fn new(source: &'a str) -> Self {
        Self {
            rest: source.chars().peekable(),
            out: String::new(),
            weights: vec![1],
            last: 0,
        }
    }

    fn translate(mut self) -> Result<(String, usize), PatternError> {
        // Whether a quantifier may come next.
        let mut is_atom = false;
        while let Some(c) = self.rest.next() {
            is_atom = match c {
                '^' | '$' | '|' => {
                    self.out.push(c);
                    false
                }
                '.' => {
                    self.class(&complement(LINE_END));
                    true
                }
                '(' => {
                    self.weights.push(0);
                    if self.weights.len() > MAX_NESTING {
                        let what = format!("more than {MAX_NESTING} groups inside one another");
                        return Err(PatternError::unsupported(what));
                    }
                    self.group()?;
                    false
                }
                ')' => {
                    self.last = self.weights.pop().unwrap_or_default();
                    if self.weights.is_empty() {
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
        match self.weights.as_slice() {
            [weight] => Ok((self.out, *weight)),
            _ => Err(PatternError::invalid("`(` without `)`")),
        }
    }

    fn add(&mut self, weight: usize) {
        if let Some(last) = self.weights.last_mut() {
            *last = last.saturating_add(weight);
        }
    }

    fn quantifier(&mut self, is_atom: bool, text: &str) -> Result<(), PatternError> {
        if !is_atom {
            let what = format!("`{text}` has nothing before it to repeat");
            return Err(PatternError::invalid(what));
        }
        let bounds = text.trim_matches(['{', '}']).rsplit(',');
        let most = bounds.filter_map(|bound| bound.parse::<usize>().ok()).max();
        self.add(
            self.last
                .saturating_mul(most.unwrap_or(1).saturating_sub(1)),
        );
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
        self.last = 1;
        self.add(1);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_they_mean_in_ecma_262() {
        for (source, matching, others) in [
            ("a", &["a", "bab"][..], &["b", ""][..]),
            ("^a*$", &["", "aaa"], &["ab", "a\n"]),
            (r"^\d{2,3}$", &["12", "123"], &["1", "1234", "१२"]),
            (r"^\/a\-b\_c\@$", &["/a-b_c@"], &["a-b"]),
            (r"^[\w-.]+$", &["a-b.c", "-"], &["a b"]),
            (r"^[^]$", &["\n", "x", "é"], &["", "ab"]),
            (r"^a[]b$", &[], &["ab", "axb"]),
            (r"^[\s\S]$", &["\n", "x"], &["", "xy"]),
            (r"^[^\s]$", &["x"], &[" ", "\u{feff}", "\u{3000}"]),
            (r"^\cA\x41\u0042\u{43}\0$", &["\u{1}ABC\0"], &["ABC"]),
            (r"^\ud83d\ude00$", &["😀"], &["x"]),
            (r"^[\u0041-\u{43}😀]+$", &["ABC😀"], &["D"]),
            (
                r"^(?<year>\d{4})-(?:0[1-9]|1[0-2])$",
                &["2026-11"],
                &["2026-13"],
            ),
            (r"^.$", &["x", "é"], &["\n", "\r", "\u{2028}"]),
            (r"\bfoo\b", &["a foo b"], &["afoob"]),
            (r"^{id}$", &["{id}"], &["id"]),
            (r"^a{,2}$", &["a{,2}"], &["aa"]),
            (r"^[&&\[~~a-]+$", &["&[~a-"], &["b"]),
            (r"^[a-]$", &["a", "-"], &["b"]),
            (r"^[]]$", &[], &["]", ""]),
            (r"^[\b]$", &["\u{8}"], &["b"]),
            (r"^[.*+?(){}|^$]+$", &[".*+?(){}|^$"], &["a"]),
            (r"^(a|b)+?c$", &["abc"], &["c"]),
            (r"^#  x$", &["#  x"], &["#x"]),
            (r"^é+$", &["éé"], &["e"]),
            (r"^[0-9]{1,4000}$", &["123"], &["", "a"]),
        ] {
            Pattern::check(source).unwrap();
            let Compiled { regex, .. } = compile(source).unwrap();
            for text in matching {
                assert!(regex.is_match(text), "{source} and {text:?}");
            }
            for text in others {
                assert!(!regex.is_match(text), "{source} and {text:?}");
            }
        }
    }

    #[test]
    fn patterns_weigh_what_they_may_have_to_do() {
        for (source, weight) in [
            ("", 1),
            ("^ab?c*$", 4),
            ("a{3}", 4),
            ("a{3,}(b|c){2,10}", 24),
            ("((a{10}){10}){10}", 1001),
        ] {
            assert_eq!(compile(source).unwrap().weight, weight, "{source}");
        }
    }

    #[test]
    fn what_cannot_be_compiled_is_told_from_what_is_no_pattern() {
        for (source, is_invalid) in [
            ("(?=a)", false),
            ("(?!a)", false),
            ("(?<=a)b", false),
            ("(?<!a)b", false),
            (r"(a)\1", false),
            (r"(?<n>a)\k<n>", false),
            (r"\p{L}", false),
            (r"(?i)a", false),
            ("(a{1000}){1000}", false),
            ("a{99999999999}", false),
            ("(", true),
            (")", true),
            ("[", true),
            ("[b-a]", true),
            ("*", true),
            ("a**", true),
            ("^*", true),
            ("\\", true),
            (r"\a", true),
            (r"\x1", true),
            (r"\u{110000}", true),
            (r"\u{", true),
            ("(?<>a)", true),
            ("(?<n", true),
            ("(?", true),
        ] {
            let error = Pattern::check(source).unwrap_err();
            assert_eq!(error.is_invalid(), is_invalid, "{source}: {error}");
        }
        let long = "(".repeat(5000);
        assert!(Pattern::check(&long).is_err());
        assert!(Pattern::check(&long[..4000]).is_err());
    }

    #[test]
    fn what_cannot_be_compiled_lets_everything_pass() {
        static PATTERN: Pattern = Pattern::new("^(?!test)");
        assert!(PATTERN.matches("test"));
    }
}

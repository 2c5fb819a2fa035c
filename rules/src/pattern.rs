//! Regular expressions as JSON Schema means them: those of ECMA-262, found anywhere in a string.

mod translation;

use std::error::Error;
use std::fmt;
use std::sync::OnceLock;

use regex_lite::{Regex, RegexBuilder};

use translation::{Cost, MAX_NESTING, MAX_SIZE, Translator};

/// Bytes of a pattern.
const MAX_LENGTH: usize = 4096;

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
        translate(source).map(|_| ())
    }

    /// Whether a pattern is one at all, even if it is beyond what is supported.
    ///
    /// ```
    /// use specwire_rules::Pattern;
    ///
    /// assert!(Pattern::check_syntax("^(?!test)").is_ok());
    /// let error = Pattern::check_syntax("^(test").unwrap_err();
    /// assert_eq!(error.to_string(), "`(` without `)`");
    /// ```
    ///
    /// # Errors
    ///
    /// Why it is none.
    pub fn check_syntax(source: &str) -> Result<(), PatternError> {
        match translate(source) {
            Err(error) if error.is_invalid => Err(error),
            _ => Ok(()),
        }
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

/// Translates a pattern to one that compiles.
fn translate(source: &str) -> Result<(String, Cost), PatternError> {
    if source.len() > MAX_LENGTH {
        return Err(PatternError::unsupported(format!(
            "the pattern has {} bytes, and {MAX_LENGTH} are supported",
            source.len()
        )));
    }
    Translator::new(source).translate()
}

/// Compiles a pattern.
pub(crate) fn compile(source: &str) -> Result<Compiled, PatternError> {
    let (translated, Cost { weight, .. }) = translate(source)?;
    let regex = RegexBuilder::new(&translated)
        .size_limit(MAX_SIZE)
        // Each may be repeated, be one of several, and stand beside something.
        .nest_limit(4 * MAX_NESTING as u32)
        .build()
        .map_err(|error| PatternError::unsupported(error.to_string()))?;
    Ok(Compiled { regex, weight })
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
            ("a{3,2}", true),
        ] {
            let error = Pattern::check(source).unwrap_err();
            assert_eq!(error.is_invalid(), is_invalid, "{source}: {error}");
        }
        let long = "(".repeat(5000);
        assert!(Pattern::check(&long).is_err());
        assert!(Pattern::check(&long[..4000]).is_err());
    }

    #[test]
    fn what_passes_the_check_compiles() {
        let parts = [
            "a", "é", ".", "\\W", "[^\\s]", "[a-cx]", "[]", "^", "$", "\\b", "|", "|", "(", "(",
            "(?:", ")", ")", ")*", ")+?", "){0,9}", "*", "+", "?", "{0}", "{7}", "{20,}",
            "{3,300}",
        ];
        let (mut state, mut passed, mut refused) = (1_u64, 0, 0);
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 33) as usize % below
        };
        for round in 0..30_000 {
            let length = 1 + random(2 + round % 14);
            let mut source: String = (0..length).map(|_| parts[random(parts.len())]).collect();
            let open = source.matches('(').count();
            source.push_str(&")".repeat(open.saturating_sub(source.matches(')').count())));
            if Pattern::check(&source).is_ok() {
                passed += 1;
                assert!(
                    compile(&source).is_ok(),
                    "{source}: {:?}",
                    compile(&source).err()
                );
            } else {
                refused += 1;
            }
        }
        assert!(passed > 1000 && refused > 1000, "{passed} and {refused}");
        // The largest, and the deepest.
        for (start, end, most) in [
            ("a{", "}", 40_000),
            (".{0,", "}", 20_000),
            ("(a|b){", ",}", 9000),
        ] {
            let sources = (1..most)
                .rev()
                .step_by(7)
                .map(|count| format!("{start}{count}{end}"));
            let largest = sources
                .into_iter()
                .find(|source| Pattern::check(source).is_ok());
            let largest = largest.expect("some are small enough");
            assert!(compile(&largest).is_ok(), "{largest}");
        }
        let deep = format!(
            "{}a{}",
            "(b|".repeat(MAX_NESTING - 1),
            ")*c".repeat(MAX_NESTING - 1)
        );
        assert!(Pattern::check(&deep).is_ok());
        assert!(compile(&deep).is_ok());
    }

    #[test]
    fn what_cannot_be_compiled_lets_everything_pass() {
        static PATTERN: Pattern = Pattern::new("^(?!test)");
        assert!(PATTERN.matches("test"));
    }
}

//! The formats of strings.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::pattern;

/// What a string stands for: JSON Schema's `format`, as far as it can be checked.
///
/// ```
/// use specwire_rules::Format;
///
/// let format = Format::named("date-time").unwrap();
/// assert!(format.matches("2026-11-21T15:42:35Z"));
/// assert!(!format.matches("yesterday"));
/// assert_eq!(Format::named("shoe-size"), None);
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Format {
    /// `date-time` of RFC 3339; a blank may stand for the `T`.
    DateTime,
    /// `full-date` of RFC 3339.
    Date,
    /// `full-time` of RFC 3339.
    Time,
    /// `duration` of RFC 3339, appendix A; its seconds may have a fraction, as in ISO 8601.
    Duration,
    /// An address with one `@`: RFC 5321's, without a look at what its host knows.
    Email,
    /// A name of RFC 1123.
    Hostname,
    /// Four numbers with dots (RFC 2673).
    Ipv4,
    /// RFC 4291, section 2.2.
    Ipv6,
    /// RFC 3986, with a scheme.
    Uri,
    /// RFC 3986, with or without a scheme.
    UriReference,
    /// RFC 9562.
    Uuid,
    /// Base64 of either alphabet (RFC 4648), with or without its padding.
    Byte,
    /// RFC 6901.
    JsonPointer,
    /// A regular expression of ECMA-262.
    Regex,
}

impl Format {
    const ALL: [Self; 14] = [
        Self::DateTime,
        Self::Date,
        Self::Time,
        Self::Duration,
        Self::Email,
        Self::Hostname,
        Self::Ipv4,
        Self::Ipv6,
        Self::Uri,
        Self::UriReference,
        Self::Uuid,
        Self::Byte,
        Self::JsonPointer,
        Self::Regex,
    ];

    /// The format that `format` names in a schema, if it is one that is checked.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Its name in a schema.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DateTime => "date-time",
            Self::Date => "date",
            Self::Time => "time",
            Self::Duration => "duration",
            Self::Email => "email",
            Self::Hostname => "hostname",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Uri => "uri",
            Self::UriReference => "uri-reference",
            Self::Uuid => "uuid",
            Self::Byte => "byte",
            Self::JsonPointer => "json-pointer",
            Self::Regex => "regex",
        }
    }

    /// Whether `text` has the format.
    #[must_use]
    pub fn matches(self, text: &str) -> bool {
        match self {
            Self::DateTime => date_time(text).is_some(),
            Self::Date => date(text) == Some(""),
            Self::Time => time(text) == Some(""),
            Self::Duration => duration(text).is_some(),
            Self::Email => is_email(text),
            Self::Hostname => is_hostname(text),
            Self::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            Self::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            Self::Uri => has_scheme(text) && is_uri_reference(text),
            Self::UriReference => is_uri_reference(text),
            Self::Uuid => is_uuid(text),
            Self::Byte => is_base64(text),
            Self::JsonPointer => is_json_pointer(text),
            Self::Regex => pattern::Pattern::check_syntax(text).is_ok(),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// So many digits, and what comes after.
fn digits(text: &str, count: usize) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(count)?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    Some((digits.parse().ok().filter(|_| is_number)?, rest))
}

/// What comes after a `full-date`.
fn date(text: &str) -> Option<&str> {
    let (year, rest) = digits(text, 4)?;
    let (month, rest) = digits(rest.strip_prefix('-')?, 2)?;
    let (day, rest) = digits(rest.strip_prefix('-')?, 2)?;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(is_leap),
        _ => return None,
    };
    (1..=days).contains(&day).then_some(rest)
}

/// What comes after a `full-time`.
fn time(text: &str) -> Option<&str> {
    let (hour, rest) = digits(text, 2)?;
    let (minute, rest) = digits(rest.strip_prefix(':')?, 2)?;
    let (second, mut rest) = digits(rest.strip_prefix(':')?, 2)?;
    if let Some(fraction) = rest.strip_prefix('.') {
        let after = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
        rest = Some(after).filter(|after| after.len() < fraction.len())?;
    }
    let (offset, rest) = match rest.chars().next()? {
        'Z' | 'z' => (0, rest.get(1..)?),
        sign @ ('+' | '-') => {
            let (hours, rest) = digits(rest.get(1..)?, 2)?;
            let (minutes, rest) = digits(rest.strip_prefix(':')?, 2)?;
            if hours > 23 || minutes > 59 {
                return None;
            }
            let offset = i64::from(hours * 60 + minutes);
            (if sign == '-' { -offset } else { offset }, rest)
        }
        _ => return None,
    };
    // A leap second ends a day in UTC.
    let utc = (i64::from(hour * 60 + minute) - offset).rem_euclid(24 * 60);
    let seconds = if utc == 24 * 60 - 1 { 60 } else { 59 };
    (hour <= 23 && minute <= 59 && second <= seconds).then_some(rest)
}

fn date_time(text: &str) -> Option<()> {
    let rest = date(text)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    time(rest).filter(|rest| rest.is_empty()).map(|_| ())
}

fn duration(text: &str) -> Option<()> {
    let text = text.strip_prefix('P')?;
    let (days, time) = match text.split_once('T') {
        Some((days, time)) => (days, Some(time)),
        None => (text, None),
    };
    if let Some(weeks) = text.strip_suffix('W') {
        return is_number(weeks).then_some(());
    }
    let has_days = parts(days, &['Y', 'M', 'D'])?;
    let has_time = match time {
        Some(time) => Some(parts(time, &['H', 'M', 'S'])?).filter(|has_time| *has_time)?,
        None => false,
    };
    (has_days || has_time).then_some(())
}

/// Numbers with units, in this order; whether there is one at all.
fn parts(text: &str, units: &[char]) -> Option<bool> {
    let mut rest = text;
    for unit in units {
        let Some((number, after)) = rest.split_once(*unit) else {
            continue;
        };
        let is_seconds = *unit == 'S';
        let (whole, fraction) = match number.split_once(['.', ',']) {
            Some((whole, fraction)) if is_seconds => (whole, fraction),
            _ => (number, "0"),
        };
        if !is_number(whole) || !is_number(fraction) {
            return None;
        }
        rest = after;
    }
    rest.is_empty().then_some(!text.is_empty())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let is_quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
    let is_local = if is_quoted {
        !local.chars().any(char::is_control)
    } else {
        local.split('.').all(|atom| {
            !atom.is_empty() && atom.chars().all(|c| !c.is_ascii() || is_atom_character(c))
        })
    };
    let is_domain = match domain
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(literal) => match literal.strip_prefix("IPv6:") {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => literal.parse::<Ipv4Addr>().is_ok(),
        },
        // Internationalised names are read over, as nearly everyone does.
        None => is_hostname(&domain.replace(|c: char| !c.is_ascii(), "x")),
    };
    is_local && local.len() <= 64 && is_domain
}

fn is_atom_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
}

fn is_hostname(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}

fn is_uri_reference(text: &str) -> bool {
    let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (text, query) = text.split_once('?').unwrap_or((text, ""));
    let hierarchy = if has_scheme(text) {
        text.split_once(':').map_or("", |(_, rest)| rest)
    } else {
        // A colon in the first segment would make a scheme of what is before it.
        if text
            .split('/')
            .next()
            .is_some_and(|first| first.contains(':'))
        {
            return false;
        }
        text
    };
    let (authority, path) = match hierarchy.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", hierarchy),
    };
    is_authority(authority)
        && has_only(path, "!$&'()*+,;=:@/")
        && has_only(query, "!$&'()*+,;=:@/?")
        && has_only(fragment, "!$&'()*+,;=:@/?")
}

fn is_authority(text: &str) -> bool {
    let (user, host) = text.rsplit_once('@').unwrap_or(("", text));
    let (is_host, port) = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) => (
                // `v1.…` is for addresses yet to be invented.
                address.starts_with(['v', 'V']) || address.parse::<Ipv6Addr>().is_ok(),
                port.strip_prefix(':').or((port.is_empty()).then_some("")),
            ),
            None => (false, None),
        },
        None => {
            let (name, port) = host.split_once(':').unwrap_or((host, ""));
            (has_only(name, "!$&'()*+,;="), Some(port))
        }
    };
    is_host
        && port.is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
        && has_only(user, "!$&'()*+,;=:")
}

/// Unreserved characters, those of `others`, and whole percent-escapes.
fn has_only(text: &str, others: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_allowed = match byte {
            b'%' => {
                let mut is_digit = || bytes.next().is_some_and(|byte| byte.is_ascii_hexdigit());
                is_digit() && is_digit()
            }
            b'-' | b'.' | b'_' | b'~' => true,
            byte => byte.is_ascii_alphanumeric() || others.as_bytes().contains(&byte),
        };
        if !is_allowed {
            return false;
        }
    }
    true
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    // The bits of the last digit that no byte has are zero.
    let is_whole = match digits.len() % 4 {
        0 => padding == 0,
        2 => matches!(padding, 0 | 2) && digits.ends_with(['A', 'Q', 'g', 'w']),
        3 => matches!(padding, 0 | 1) && digits.ends_with(|c| "AEIMQUYcgkosw048".contains(c)),
        _ => false,
    };
    let has_only = |others: &[u8]| {
        digits
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte))
    };
    is_whole && (has_only(b"+/") || has_only(b"-_"))
}

fn is_json_pointer(text: &str) -> bool {
    (text.is_empty() || text.starts_with('/'))
        && text
            .split('~')
            .skip(1)
            .all(|after| after.starts_with(['0', '1']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told() {
        for (format, matching, others) in [
            (
                Format::DateTime,
                &[
                    "1963-06-19T08:30:06.283185Z",
                    "1963-06-19t08:30:06z",
                    "1937-01-01 12:00:27.87+00:20",
                    "1990-12-31T15:59:60-08:00",
                    "2024-02-29T00:00:00Z",
                ][..],
                &[
                    "1998-12-31T22:59:60Z",
                    "1990-02-31T15:59:59.123-08:00",
                    "2023-02-29T00:00:00Z",
                    "1990-12-31T15:59:59-24:00",
                    "2026-11-21T15:42:35",
                    "2026-11-21",
                    "1963-06-19T08:30:06.Z",
                    "1963-06-19T08:30:06.283185Z\n",
                    "1963-06-1১T00:00:00Z",
                    "",
                ][..],
            ),
            (
                Format::Date,
                &["2020-01-31", "2000-02-29"],
                &["2020-1-1", "1900-02-29", "2020-00-01", "2020-01-01Z"],
            ),
            (
                Format::Time,
                &[
                    "08:30:06Z",
                    "23:59:60z",
                    "01:29:60+01:30",
                    "08:30:06.1-01:00",
                ],
                &[
                    "08:30:06",
                    "8:30:06Z",
                    "24:00:00Z",
                    "08:30Z",
                    "08:30:06+1:00",
                ],
            ),
            (
                Format::Duration,
                &[
                    "P4DT12H30M5S",
                    "P4Y",
                    "PT0S",
                    "P0D",
                    "P1M",
                    "PT1M",
                    "PT36H",
                    "P2W",
                    "PT0.5S",
                    "P1Y2M3D",
                ],
                &[
                    "PT1D", "P", "P1YT", "PT", "P2D1Y", "P1D2H", "P2S", "P1Y2W", "P1W2D", "4D",
                    "P1", "P٢Y", "P1.5D", "",
                ],
            ),
            (
                Format::Email,
                &[
                    "joe@example.com",
                    "te~st@example.com",
                    "a.b+c@x",
                    "\"joe bloggs\"@example.com",
                    "joe@[127.0.0.1]",
                    "joe@[IPv6:::1]",
                    "jörg@münchen.de",
                ],
                &[
                    "2962",
                    "@example.com",
                    "joe@",
                    ".a@x",
                    "a.@x",
                    "a..b@x",
                    "a b@x",
                    "joe@a=b.com",
                    "joe@[127.0.0.300]",
                ],
            ),
            (
                Format::Hostname,
                &["www.example.com", "xn--4gbwdl.xn--wgbh1c", "a", "h0stn4me"],
                &["", "-a", "a-", "a_b", "a.", ".a", "a..b", "é"],
            ),
            (
                Format::Ipv4,
                &["192.168.0.1"],
                &[
                    "127.0.0.0.1",
                    "256.0.0.1",
                    "127.0",
                    "087.10.0.1",
                    "1.2.3.4 ",
                ],
            ),
            (
                Format::Ipv6,
                &["::1", "::", "1::d6:192.168.0.1", "2001:DB8::1"],
                &["12345::", ":1", "::1%eth0", "::ffff:0.0.0.300", "[::1]"],
            ),
            (
                Format::Uri,
                &[
                    "http://foo.bar/?baz=qux#quux",
                    "http://foo.com/blah_(wikipedia)_blah#cite-1",
                    "http://-.~_!$&'()*+,;=:%40:80%2f::::::@example.com",
                    "ldap://[2001:db8::7]/c=GB?objectClass?one",
                    "mailto:a@x.de",
                    "urn:oasis:names",
                    "wss://x:8080",
                    "tel:+1-816-555-1212",
                ],
                &[
                    "//foo.bar",
                    "/abc",
                    "\\\\WINDOWS\\share",
                    "abc",
                    "http:// a",
                    ":// a",
                    "bar,baz:foo",
                    "https://[@x/t",
                    "https://x/foo\"",
                    "https://x/<>",
                    "https://x/{}",
                    "https://x/^",
                    "http://x/%2",
                    "http://x:a/",
                    "https://x/é",
                    "http://[::1",
                    "http://[x]/",
                    "a://b#c#d",
                    "1a:b",
                ],
            ),
            (
                Format::UriReference,
                &["", "/abc", "abc", "#f", "//x/y?z", "http://x"],
                &["\\\\WINDOWS", "#a\\b", "a b", "1a:b"],
            ),
            (
                Format::Uuid,
                &[
                    "2eb8aa08-aa98-11ea-b4aa-73b441d16380",
                    "2EB8AA08-AA98-11EA-B4AA-73B441D16380",
                ],
                &[
                    "2eb8aa08aa9811eab4aa73b441d16380",
                    "2eb8aa08-aa98-11ea-b4aa-73b441d1638",
                    "2eb8aa08-aa98-11ea-b4aa-73b441d1638g",
                    "",
                ],
            ),
            (
                Format::Byte,
                &["", "aGk=", "aGk", "_-8", "+/8=", "YWJj"],
                &["a", "aGk==", "aGl=", "=", "a===", "+-8=", "aG k", "é"],
            ),
            (
                Format::JsonPointer,
                &["", "/a/b~0~1c/-", "/"],
                &["a", "/a~", "/~2", "#"],
            ),
            (Format::Regex, &["^a$", "(?=a)", r"\p{L}"], &["(", r"\a"]),
        ] {
            assert_eq!(Format::named(format.name()), Some(format));
            for text in matching {
                assert!(format.matches(text), "{format}: {text:?}");
            }
            for text in others {
                assert!(!format.matches(text), "{format}: {text:?}");
            }
        }
    }
}

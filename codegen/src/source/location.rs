//! Where files are: paths with `/` between their parts, and URLs that paths stand for.

use std::path::{Path, PathBuf};

use crate::diagnostic::quote;

/// What the part of a reference before its `#` leads to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Located {
    /// A file that can be read, and its URL, if it was reached by one.
    File { path: String, url: Option<String> },
    /// A URL that no file stands for.
    Unmapped(String),
    /// No place that a document may refer to: why, and what to write.
    Refused { message: String, help: &'static str },
}

/// Finds what `reference` means in the file at `path`, which may have been reached by `url`.
pub(super) fn locate(
    path: &str,
    url: Option<&str>,
    reference: &str,
    urls: &[(String, PathBuf)],
) -> Located {
    let refused = |message: String, help| Located::Refused { message, help };
    match scheme(reference) {
        Some("http" | "https") => return at_url(reference.to_owned(), urls),
        Some(_) if !urls.is_empty() && mapped(reference, urls).is_some() => {
            return at_url(reference.to_owned(), urls);
        }
        Some("file") => {
            let message = format!("found the URL {} of a file", quote(reference));
            return refused(message, "write the file's path, relative to this one");
        }
        Some(scheme) => {
            let message = format!(
                "found the URL {}, and nothing is known to have it",
                quote(reference)
            );
            let _ = scheme;
            return refused(message, "write a file's path, relative to this one");
        }
        None => {}
    }
    if let Some(url) = url.and_then(|base| join_url(base, reference)) {
        // What is said of this very URL counts for more than what lies beside the file.
        if mapped(&url, urls).is_some() {
            return at_url(url, urls);
        }
    }
    if reference.starts_with('/') {
        let message = format!("found the absolute path {}", quote(reference));
        return refused(message, "write the path relative to this file");
    }
    let Some(decoded) = decode(reference) else {
        let message = format!("found {}, expected a path as in URLs", quote(reference));
        return refused(message, "write `%25` for a `%`");
    };
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let root = if path.starts_with('/') { "/" } else { "" };
    let whole = match folder {
        "" => format!("{root}{decoded}"),
        folder => format!("{folder}/{decoded}"),
    };
    Located::File {
        path: normal(&whole),
        url: None,
    }
}

fn at_url(url: String, urls: &[(String, PathBuf)]) -> Located {
    match mapped(&url, urls) {
        Some(path) => Located::File {
            path,
            url: Some(url),
        },
        None => Located::Unmapped(url),
    }
}

/// The file that stands for a URL: by the longest of the URLs that it begins with.
fn mapped(url: &str, urls: &[(String, PathBuf)]) -> Option<String> {
    let fits = |prefix: &str| {
        let rest = url.strip_prefix(prefix)?;
        (rest.is_empty() || prefix.ends_with('/') || rest.starts_with('/')).then_some(rest)
    };
    let (rest, path) = urls
        .iter()
        .filter_map(|(prefix, path)| Some((fits(prefix)?, path)))
        .min_by_key(|(rest, _)| rest.len())?;
    let rest = decode(rest)?;
    let path = slashed(path);
    Some(normal(&match rest.trim_start_matches('/') {
        "" => path,
        rest => format!("{path}/{rest}"),
    }))
}

/// A path as it is written in references and shown in messages.
pub(crate) fn slashed(path: &Path) -> String {
    let path = path.to_string_lossy();
    if cfg!(windows) {
        path.replace('\\', "/")
    } else {
        path.into_owned()
    }
}

/// The path without `.`, `..` and what they cancel.
pub(crate) fn normal(path: &str) -> String {
    let root = if path.starts_with('/') { "/" } else { "" };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if !root.is_empty() => {}
            part => parts.push(part),
        }
    }
    format!("{root}{}", parts.join("/"))
}

/// The scheme of a URL. One letter is a drive of Windows.
fn scheme(reference: &str) -> Option<&str> {
    let (scheme, _) = reference.split_once(':')?;
    let first = scheme.starts_with(|first: char| first.is_ascii_alphabetic());
    let others = scheme
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    (scheme.len() > 1 && first && others).then_some(scheme)
}

/// What a reference means in what has the URL `base`.
pub(super) fn join_url(base: &str, reference: &str) -> Option<String> {
    if scheme(reference).is_some() {
        return Some(reference.to_owned());
    }
    let base = base.split(['#', '?']).next().unwrap_or_default();
    let (scheme, rest) = base.split_once("://")?;
    if let Some(rest) = reference.strip_prefix("//") {
        return Some(format!("{scheme}://{rest}"));
    }
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = match reference.strip_prefix('/') {
        Some(path) => path.to_owned(),
        None => {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{folder}/{reference}")
        }
    };
    // Nothing is above a host.
    Some(format!("{scheme}://{host}{}", normal(&format!("/{path}"))))
}

/// `%xx` replaced by what it stands for.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                u8::try_from(high.checked_mul(16)?.checked_add(low)?).ok()?
            }
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok()
}

/// A segment of a pointer in a URL: `%xx`, and then `~1` and `~0`.
pub(crate) fn unescape(segment: &str) -> Option<String> {
    Some(decode(segment)?.replace("~1", "/").replace("~0", "~"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(base: &str, reference: &str) -> String {
        match locate(base, None, reference, &[]) {
            Located::File { path, url: None } => path,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn paths_are_relative_to_the_file_that_has_them() {
        for (base, reference, expected) in [
            ("a.yaml", "b.yaml", "b.yaml"),
            ("a.yaml", "./b.yaml", "b.yaml"),
            ("yaml/a.yaml", "b.yaml", "yaml/b.yaml"),
            ("yaml/a.yaml", "../b/./c.yaml", "b/c.yaml"),
            ("a.yaml", "../../b.yaml", "../../b.yaml"),
            ("../a.yaml", "b/../../c.yaml", "../../c.yaml"),
            ("/x/a.yaml", "../../b.yaml", "/b.yaml"),
            ("/a.yaml", "b.yaml", "/b.yaml"),
            ("a.yaml", "two%20words.yaml", "two words.yaml"),
        ] {
            assert_eq!(file(base, reference), expected, "{reference} in {base}");
        }
        for reference in ["/b.yaml", "file:///b.yaml", "urn:b", "b%zz.yaml"] {
            let located = locate("a.yaml", None, reference, &[]);
            assert!(matches!(located, Located::Refused { .. }), "{located:?}");
        }
    }

    #[test]
    fn the_longest_url_counts() {
        let urls: Vec<(String, PathBuf)> = [
            ("https://a.b/", "web"),
            ("https://a.b/c", "folder"),
            ("https://a.b/c/d.json", "files/d.json"),
        ]
        .map(|(url, path)| (url.to_owned(), PathBuf::from(path)))
        .into();
        for (url, expected) in [
            ("https://a.b/x/y.json", "web/x/y.json"),
            ("https://a.b/cx.json", "web/cx.json"),
            ("https://a.b/c/x.json", "folder/x.json"),
            ("https://a.b/c/d.json", "files/d.json"),
        ] {
            let expected = Located::File {
                path: expected.to_owned(),
                url: Some(url.to_owned()),
            };
            assert_eq!(locate("a.yaml", None, url, &urls), expected);
        }
        // Within a file that has a URL: by that, and else beside the file.
        let base = Some("https://a.b/c/x.json");
        let beside = |reference| locate("else/x.json", base, reference, &urls[2..]);
        assert!(matches!(beside("d.json"), Located::File { path, .. } if path == "files/d.json"));
        assert!(matches!(beside("e.json"), Located::File { path, .. } if path == "else/e.json"));
        let unknown = "https://other/x.json";
        assert_eq!(
            locate("a.yaml", None, unknown, &urls),
            Located::Unmapped(unknown.to_owned())
        );
    }

    #[test]
    fn urls_are_joined() {
        for (base, reference, expected) in [
            ("https://a.b/c/d.json", "e.json", "https://a.b/c/e.json"),
            ("https://a.b/c/d.json#x", "../e.json", "https://a.b/e.json"),
            ("https://a.b/c/d.json", "../../../e", "https://a.b/e"),
            ("https://a.b/c/d.json", "/e.json", "https://a.b/e.json"),
            ("https://a.b", "e.json", "https://a.b/e.json"),
            ("https://a.b/c", "https://d/e", "https://d/e"),
        ] {
            assert_eq!(join_url(base, reference).as_deref(), Some(expected));
        }
        assert_eq!(join_url("d.json", "e.json"), None);
    }

    #[test]
    fn escapes_are_decoded() {
        assert_eq!(decode("a%20b").as_deref(), Some("a b"));
        assert_eq!(unescape("a~1b~0c%20d").as_deref(), Some("a/b~c d"));
        assert_eq!(unescape("~01").as_deref(), Some("~1"));
        assert_eq!(decode("%zz"), None);
        assert_eq!(decode("%f"), None);
        assert_eq!(decode("%ff"), None);
    }
}

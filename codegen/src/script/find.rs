//! Which documents a path stands for: one, those of a folder, or those that fit a pattern.

use std::io;
use std::path::{Path, PathBuf};

use super::unreadable;
use crate::diagnostic::{Code, Diagnostic, Place, quote};
use crate::source::slashed;

/// How deeply folders are looked into.
const DEEPEST: usize = 30;

/// The documents that a path stands for.
pub(super) struct Found {
    /// Sorted.
    pub(super) documents: Vec<PathBuf>,
    /// The path may stand for any number of documents.
    pub(super) is_several: bool,
    /// The file or folder where changes may make it stand for other documents.
    pub(super) watched: String,
    /// What is wrong with it.
    pub(super) problem: Option<Diagnostic>,
}

pub(super) fn documents(path: &Path) -> Found {
    let name = slashed(path);
    let is_pattern = name.contains(['*', '?']) && !path.exists();
    let (folder, pattern) = match &*name {
        _ if path.is_dir() => (name.as_str(), None),
        pattern if is_pattern => {
            let fixed = pattern.split(['*', '?']).next().unwrap_or_default();
            let folder = match fixed.rsplit_once('/') {
                Some(("", _)) => "/",
                Some((folder, _)) => folder,
                None => ".",
            };
            (folder, Some(pattern))
        }
        _ => {
            return Found {
                documents: vec![path.to_owned()],
                is_several: false,
                watched: name,
                problem: None,
            };
        }
    };
    let mut documents = Vec::new();
    let depth = match pattern {
        Some(pattern) if pattern.contains("**") => DEEPEST,
        Some(pattern) => pattern.matches('/').count(),
        None => 0,
    };
    let result = walk(Path::new(folder), depth, &mut |path| {
        let fits = match pattern {
            Some(pattern) => {
                let name = slashed(path);
                let name = if folder == "." {
                    name.trim_start_matches("./")
                } else {
                    &name
                };
                fits(
                    pattern.trim_start_matches("./"),
                    name.trim_start_matches("./"),
                )
            }
            None => {
                let ending = path.extension().unwrap_or_default().to_string_lossy();
                ["yaml", "yml", "json"].contains(&ending.to_lowercase().as_str())
            }
        };
        if fits {
            documents.push(path.to_owned());
        }
    });
    documents.sort();
    let problem = match (result, pattern) {
        (Err(error), _) => Some(unreadable(folder, &error)),
        (Ok(()), _) if !documents.is_empty() => None,
        (Ok(()), None) => {
            let message = "this folder holds no document (`*.yaml`, `*.yml` or `*.json`)";
            Some(Diagnostic::error(
                Code::EmptyFolder,
                Place::file(&name),
                message,
            ))
        }
        (Ok(()), Some(pattern)) => {
            let message = format!("no file fits {}", quote(pattern));
            Some(Diagnostic::error(
                Code::EmptyFolder,
                Place::file(folder),
                message,
            ))
        }
    };
    Found {
        documents,
        is_several: true,
        watched: folder.to_owned(),
        problem,
    }
}

/// Visits the files of a folder, and of those within it. Links to folders are not followed: they may
/// lead in circles.
fn walk(folder: &Path, depth: usize, visit: &mut impl FnMut(&Path)) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            if let Some(depth) = depth.checked_sub(1) {
                walk(&path, depth, visit)?;
            }
        } else if !path.is_dir() {
            visit(&path);
        }
    }
    Ok(())
}

/// The path fits the pattern: `*` is any part of a name, `?` any character, and `**` any folders.
fn fits(pattern: &str, path: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('/').collect();
    let path: Vec<&str> = path.split('/').collect();
    matches(&pattern, &path, &|part| *part == "**", &|part, name| {
        let part: Vec<char> = part.chars().collect();
        let name: Vec<char> = name.chars().collect();
        matches(&part, &name, &|sign| *sign == '*', &|sign, character| {
            *sign == '?' || sign == character
        })
    })
}

/// Whether a list is as a pattern says, of which some elements stand for any number of others. In
/// time that is no more than the product of both.
fn matches<T>(
    pattern: &[T],
    list: &[T],
    is_any: &impl Fn(&T) -> bool,
    is: &impl Fn(&T, &T) -> bool,
) -> bool {
    // Which beginnings of the list the pattern fits, as far as it has been looked at.
    let mut fits = vec![true];
    fits.resize(list.len().saturating_add(1), false);
    for part in pattern {
        let mut next = Vec::with_capacity(fits.len());
        let mut before = false;
        for (at, fit) in fits.iter().enumerate() {
            let fit_now = if is_any(part) {
                *fit || next.last().copied().unwrap_or(false)
            } else {
                let element = at.checked_sub(1).and_then(|at| list.get(at));
                before && element.is_some_and(|element| is(part, element))
            };
            before = *fit;
            next.push(fit_now);
        }
        fits = next;
    }
    fits.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn patterns_fit_paths() {
        for (pattern, path, expected) in [
            ("yaml/*.yaml", "yaml/a.yaml", true),
            ("yaml/*.yaml", "yaml/a.json", false),
            ("yaml/*.yaml", "yaml/b/a.yaml", false),
            ("yaml/**/*.yaml", "yaml/a.yaml", true),
            ("yaml/**/*.yaml", "yaml/b/c/a.yaml", true),
            ("yaml/**", "yaml/b/c", true),
            ("**/a.yaml", "a.yaml", true),
            ("v?/a.yaml", "v1/a.yaml", true),
            ("v?/a.yaml", "v10/a.yaml", false),
            ("*a*b*", "xaxbx", true),
            ("*a*b*", "xbxax", false),
            ("", "a", false),
        ] {
            assert_eq!(fits(pattern, path), expected, "{pattern} for {path}");
        }
    }
}

//! What messages are made of: quoted text, and the word that was likely meant.

/// Text of a document within a message: in backticks, on one line, not too long.
pub(crate) fn quote(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut quoted = String::from("`");
    for (count, character) in text.chars().enumerate() {
        if count == LONGEST {
            quoted.push('…');
            break;
        }
        if character.is_control() {
            quoted.extend(character.escape_default());
        } else {
            quoted.push(character);
        }
    }
    quoted.push('`');
    quoted
}

/// Words to choose from: `` `a`, `b` or `c` ``.
pub(crate) fn choice(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| quote(word)).collect();
    match quoted.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => quoted.concat(),
    }
}

/// The name that was most likely meant by `wanted`, if any is near enough.
pub(super) fn nearest<'a>(
    wanted: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    const LONGEST: usize = 64;
    const COMPARED: usize = 500;
    let length = wanted.chars().count();
    if length > LONGEST {
        return None;
    }
    let allowed = (length / 3).clamp(1, 4);
    let of_wanted = letters(wanted);
    names
        .into_iter()
        .take(COMPARED)
        .filter(|name| name.chars().count().abs_diff(length) <= allowed)
        // To replace a letter changes two.
        .filter(|name| (letters(name) ^ of_wanted).count_ones() as usize <= 2 * allowed)
        .filter_map(|name| Some((distance(wanted, name, allowed)?, name)))
        .filter(|(_, name)| *name != wanted)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Which letters there are, each as a bit: names with others are far from each other.
fn letters(name: &str) -> u64 {
    name.bytes().fold(0, |all, byte| all | 1 << (byte % 64))
}

/// How many characters have to be inserted, removed, replaced or swapped with their neighbour, if
/// not more than `allowed`.
fn distance(from: &str, to: &str, allowed: usize) -> Option<usize> {
    let to: Vec<char> = to.chars().collect();
    // The rows of the usual table, for the characters of `from` before this one and the one before.
    let mut older: Vec<usize> = Vec::new();
    let mut old: Vec<usize> = (0..=to.len()).collect();
    let mut before: Option<char> = None;
    for (row, left) in from.chars().enumerate() {
        let mut new = vec![row.saturating_add(1)];
        let mut above_before: Option<char> = None;
        for (column, right) in to.iter().copied().enumerate() {
            let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX);
            let replaced = at(&old, column).saturating_add(usize::from(left != right));
            let removed = at(&old, column.saturating_add(1)).saturating_add(1);
            let inserted = at(&new, column).saturating_add(1);
            let swapped = match column.checked_sub(1) {
                Some(earlier) if before == Some(right) && above_before == Some(left) => {
                    at(&older, earlier).saturating_add(1)
                }
                _ => usize::MAX,
            };
            new.push(replaced.min(removed).min(inserted).min(swapped));
            above_before = Some(right);
        }
        // No later row can be better than the best of two neighbours.
        if old.iter().chain(&new).all(|distance| *distance > allowed) {
            return None;
        }
        older = std::mem::replace(&mut old, new);
        before = Some(left);
    }
    old.last().copied().filter(|distance| *distance <= allowed)
}

#[cfg(test)]
mod tests {
    use super::{choice, nearest, quote};

    #[test]
    fn near_names_are_found() {
        let names = ["string", "object", "beat_pub"];
        assert_eq!(nearest("strin", names), Some("string"));
        assert_eq!(nearest("obejct", names), Some("object"));
        assert_eq!(nearest("beat_pup", names), Some("beat_pub"));
        assert_eq!(nearest("number", names), None);
        assert_eq!(nearest("", names), None);
    }

    #[test]
    fn words_to_choose_from_are_a_list() {
        assert_eq!(choice(&[]), "");
        assert_eq!(choice(&["a"]), "`a`");
        assert_eq!(choice(&["a", "b"]), "`a` or `b`");
        assert_eq!(choice(&["a", "b", "c"]), "`a`, `b` or `c`");
    }

    #[test]
    fn quoted_text_stays_on_its_line() {
        assert_eq!(quote("a\nb\u{1b}"), "`a\\nb\\u{1b}`");
        assert_eq!(quote(&"x".repeat(1000)).chars().count(), 83);
    }
}

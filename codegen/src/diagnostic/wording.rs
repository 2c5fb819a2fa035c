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

/// The name that was most likely meant by `wanted`, if any is near enough. To compare it with one takes as
/// long as it is.
pub(super) fn nearest<'a>(
    wanted: &str,
    names: impl IntoIterator<Item = &'a str>,
    spend: impl Fn(usize) -> bool,
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
        .take_while(|_| spend(length))
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
    const FAR: usize = usize::MAX / 2;
    let to: Vec<char> = to.chars().collect();
    // The rows of the usual table, for the characters of `from` before this one and the one before: what
    // is further from the diagonal than that is too far.
    let mut older: Vec<usize> = Vec::new();
    let mut old: Vec<usize> = (0..=to.len()).collect();
    let mut before: Option<char> = None;
    for (row, left) in from.chars().enumerate() {
        let mut new = vec![FAR; to.len().saturating_add(1)];
        if let Some(first) = new.first_mut() {
            *first = row.saturating_add(1);
        }
        let start = row.saturating_sub(allowed);
        let mut least = FAR;
        let mut above_before = start
            .checked_sub(1)
            .and_then(|index| to.get(index).copied());
        let columns = to.iter().copied().enumerate().skip(start);
        for (column, right) in columns.take(2 * allowed + 1) {
            let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(FAR);
            let next = column.saturating_add(1);
            let mut best = at(&old, column).saturating_add(usize::from(left != right));
            best = best.min(at(&old, next).min(at(&new, column)).saturating_add(1));
            if before == Some(right) && above_before == Some(left) {
                best = best.min(at(&older, column.saturating_sub(1)).saturating_add(1));
            }
            if let Some(cell) = new.get_mut(next) {
                *cell = best;
            }
            least = least.min(best);
            above_before = Some(right);
        }
        // No later row can be better than the best of two neighbours.
        if least > allowed && old.iter().all(|distance| *distance > allowed) {
            return None;
        }
        older = std::mem::replace(&mut old, new);
        before = Some(left);
    }
    old.last().copied().filter(|distance| *distance <= allowed)
}

#[cfg(test)]
mod tests {
    use super::{choice, distance, nearest, quote};

    #[test]
    fn near_names_are_found() {
        let names = ["string", "object", "beat_pub"];
        let nearest = |wanted, names: [&'static str; 3]| nearest(wanted, names, |_| true);
        assert_eq!(nearest("strin", names), Some("string"));
        assert_eq!(nearest("obejct", names), Some("object"));
        assert_eq!(nearest("beat_pup", names), Some("beat_pub"));
        assert_eq!(nearest("number", names), None);
        assert_eq!(nearest("", names), None);
    }

    /// Without looking away from what is too far.
    fn all_of_it(from: &[u8], to: &[u8]) -> usize {
        let mut rows = vec![(0..=to.len()).collect::<Vec<usize>>()];
        for (i, a) in from.iter().enumerate() {
            let mut row = vec![i + 1];
            for (j, b) in to.iter().enumerate() {
                let mut best = (rows[i][j] + usize::from(a != b)).min(rows[i][j + 1] + 1);
                best = best.min(row[j] + 1);
                if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                    best = best.min(rows[i - 1][j - 1] + 1);
                }
                row.push(best);
            }
            rows.push(row);
        }
        rows[from.len()][to.len()]
    }

    #[test]
    fn distances_are_those_of_the_whole_table() {
        let mut state = 1_u64;
        let mut random = |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) % below
        };
        for _ in 0..20_000 {
            let [from, to] = [(); 2].map(|()| {
                let length = random(9);
                (0..length)
                    .map(|_| ['a', 'b', 'c'][random(3) as usize])
                    .collect::<String>()
            });
            let whole = all_of_it(from.as_bytes(), to.as_bytes());
            for allowed in 1..=4 {
                let expected = Some(whole).filter(|distance| *distance <= allowed);
                assert_eq!(
                    distance(&from, &to, allowed),
                    expected,
                    "{from} {to} {allowed}"
                );
            }
        }
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

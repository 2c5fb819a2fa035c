//! `docs/robustness.md`: every attack has its row, and the tests that a row names are there.

#![allow(
    clippy::unwrap_used,
    reason = "clippy knows only functions with `#[test]` as tests"
)]

use std::fs;
use std::path::Path;

/// The attacks and faults that are known of.
const ROWS: &str = "\
    S01 S02 S03 S05 S06 S07 S08 S09 S10 S11 S13 S14 S15 S16 S18 S20 S21 S22 S23 S24 S25 S26 S27 S29 S30 \
    S31 S32 S33 S34 S35 S37 S38 S40 S41 S42 \
    R01 R02 R03 R04 R05 R06 R08 R09 R10 R11 R13 R14 R16 R17 R18 R19 R20";

#[test]
fn every_attack_has_a_row() {
    let ids: Vec<String> = rows().into_iter().map(|row| row[0].clone()).collect();
    assert_eq!(ids.join(" "), ROWS);
}

#[test]
fn a_row_has_tests_or_says_what_it_waits_for() {
    for row in rows() {
        let [id, name, tests, remark] = row.as_slice() else {
            panic!("found {row:?}, expected four cells");
        };
        assert!(!name.is_empty(), "{id}");
        assert_eq!(tests.is_empty(), remark.starts_with("Waits for "), "{id}");
    }
}

#[test]
fn what_is_named_is_there() {
    let ci = read(".ci/run");
    let mut named = 0;
    for row in rows() {
        for name in row[2].split('`').skip(1).step_by(2) {
            named += 1;
            let Some((file, test)) = name.split_once("::") else {
                assert!(ci.contains(name), "`.ci/run` has no `{name}`");
                continue;
            };
            let is_there = read(file).lines().any(|line| {
                let line = line.trim_start();
                let line = line.strip_prefix("async ").unwrap_or(line);
                line.strip_prefix("fn ")
                    .and_then(|line| line.strip_prefix(test))
                    .is_some_and(|rest| rest.starts_with('('))
            });
            assert!(is_there, "{file} has no test `{test}`");
        }
    }
    assert!(named > 60, "only {named} are named");
}

/// The cells of the table's rows.
fn rows() -> Vec<Vec<String>> {
    read("docs/robustness.md")
        .lines()
        .filter(|line| line.starts_with("| S") || line.starts_with("| R"))
        .map(|line| {
            let cells = line.trim_matches('|').split('|');
            cells.map(|cell| cell.trim().to_owned()).collect()
        })
        .collect()
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

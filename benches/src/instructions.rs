//! Instructions of the paths that are walked most, as valgrind counts them: they do not depend on the
//! machine, nor on what else it does, and so a few percent more of them are seen, where times would
//! show nothing.

mod paths;

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{self, PathBuf};
use std::process::Command;

use clap::ValueEnum;

pub(crate) use self::paths::{Path, walk};

/// In percent: what may come of another processor, whose memory is copied by other instructions, and
/// of hash tables, which are different each time.
const TOLERANCE: f64 = 5.0;

/// What is written down: instructions by path.
type Counts = BTreeMap<String, u64>;

fn written_down() -> PathBuf {
    path::Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.json")
}

/// Counts all of them; fails if there are more than are written down.
pub(crate) fn run(update: bool) -> Result<(), String> {
    let known: Counts = match fs::read(written_down()) {
        Ok(text) => serde_json::from_slice(&text).map_err(|error| error.to_string())?,
        Err(_) => Counts::new(),
    };
    let (mut found, mut worse) = (Counts::new(), Vec::new());
    println!("| path | instructions | written down | |\n|---|---|---|---|");
    for path in Path::value_variants() {
        let name = path.name();
        let count = count(*path)?;
        let (before, change) = match known.get(&name) {
            Some(before) => {
                let change = 100.0 * (count as f64 / *before as f64 - 1.0);
                if change > TOLERANCE {
                    worse.push(format!("{name} takes {change:.1} % more instructions"));
                }
                (before.to_string(), format!("{change:+.1} %"))
            }
            None => ("–".to_owned(), "new".to_owned()),
        };
        println!("| {} | {count} | {before} | {change} |", path.says());
        found.insert(name, count);
    }
    if matches!(option_env!("CARGO_INCREMENTAL"), Some("1")) {
        println!("\nThis was built with CARGO_INCREMENTAL=1, which takes some percent more.");
    }
    println!(
        "\nWhere they go: callgrind_annotate {}/*",
        profiles()?.display()
    );
    if update {
        let text = serde_json::to_string_pretty(&found).map_err(|error| error.to_string())?;
        return fs::write(written_down(), text + "\n").map_err(|error| error.to_string());
    }
    let is_better = |(name, count): (&String, &u64)| {
        let before = known.get(name);
        before.is_none_or(|before| *count as f64 / (*before as f64) < 1.0 - TOLERANCE / 100.0)
    };
    if found.iter().any(is_better) {
        println!("That is better, or new: write it down with `instructions --update`.");
    }
    if worse.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{}, where {TOLERANCE} % are allowed; `instructions --update` writes down what must be",
        worse.join(", ")
    ))
}

/// Where valgrind writes what it has found, to be looked at.
fn profiles() -> Result<PathBuf, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let target = program
        .ancestors()
        .nth(2)
        .ok_or("this program is nowhere")?;
    Ok(target.join("callgrind"))
}

/// The instructions of one message, without those of starting: twice as many messages, less as many.
fn count(path: Path) -> Result<u64, String> {
    let once = collected(path, path.times())?;
    let twice = collected(path, 2 * path.times())?;
    let messages = path.times() * path.messages();
    Ok(twice.saturating_sub(once) / messages as u64)
}

fn collected(path: Path, times: usize) -> Result<u64, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let folder = profiles()?;
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let file = folder.join(path.name());
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--fair-sched=yes"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(program)
        .args(["walk", &path.name(), &times.to_string()])
        .output()
        .map_err(|error| format!("there is no `valgrind` here: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said
        .lines()
        .find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    match collected {
        Some(collected) if output.status.success() => Ok(collected),
        _ => Err(format!("{}: {}", path.name(), said.trim())),
    }
}

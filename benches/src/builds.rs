//! How long it takes to build a server from nothing, beside tonic's helloworld: both with their build
//! scripts, without optimisation, as users do it first and most.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::report::spread;
use crate::usage::Usage;

const SERVERS: [&str; 2] = ["specwire", "tonic"];

/// Builds each in turn, so many times.
pub(crate) fn run(rounds: usize) -> Result<(), String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let target = program
        .ancestors()
        .nth(2)
        .ok_or("this program is nowhere")?;
    let target = target.join("builds");
    let protoc = Command::new("protoc").arg("--version").output();
    protoc.map_err(|error| {
        format!("tonic needs `protoc`, Debian's protobuf-compiler, which is not here: {error}")
    })?;
    let mut found: [Vec<[f64; 2]>; SERVERS.len()] = Default::default();
    let mut crates = [0; SERVERS.len()];
    for (server, crates) in SERVERS.iter().zip(&mut crates) {
        // What has to be downloaded is not a part of it.
        cargo(&["fetch", "--quiet"], server, &target)?;
        *crates = packages(server)?;
    }
    for round in 1..=rounds {
        for (server, found) in SERVERS.iter().zip(&mut found) {
            eprintln!("{server}: round {round} of {rounds}");
            let target = target.join(server);
            if target.exists() {
                fs::remove_dir_all(&target).map_err(|error| error.to_string())?;
            }
            let (begun, before) = (Instant::now(), Usage::of_children());
            let build = ["build", "--offline", "--quiet"];
            cargo(&build, server, &target)?;
            let used = Usage::of_children() - before;
            found.push([begun.elapsed().as_secs_f64(), used]);
        }
    }
    println!("| server | crates | s | CPU s |\n|---|---|---|---|");
    let column = |found: &[[f64; 2]], index: usize| {
        spread(
            found
                .iter()
                .filter_map(|row| row.get(index).copied())
                .collect(),
        )
    };
    for ((server, found), crates) in SERVERS.iter().zip(&found).zip(crates) {
        let [time, used] = [0, 1].map(|index| {
            let [median, least, most] = column(found, index);
            format!("{median:.1} ({least:.1} to {most:.1})")
        });
        println!("| {server} | {crates} | {time} | {used} |");
    }
    let [specwire, tonic] = &found;
    let [time, used] = [0, 1].map(|index| {
        let pairs = specwire.iter().zip(tonic);
        let ratio =
            |(ours, theirs): (&[f64; 2], &[f64; 2])| Some(ours.get(index)? / theirs.get(index)?);
        let [median, least, most] = spread(pairs.filter_map(ratio).collect());
        format!("{median:.2} ({least:.2} to {most:.2})")
    });
    println!("| specwire : tonic | | {time} | {used} |");
    println!("\nMedian of {rounds} rounds, with the least and the most.");
    Ok(())
}

fn folder(server: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("builds")
        .join(server)
}

fn cargo(arguments: &[&str], server: &str, target: &Path) -> Result<(), String> {
    let status = Command::new("cargo")
        .args(arguments)
        .current_dir(folder(server))
        .env("CARGO_TARGET_DIR", target)
        // What somebody has set for his own work.
        .env_remove("CARGO_INCREMENTAL")
        .env_remove("CARGO_PROFILE_DEV_DEBUG")
        .env_remove("RUSTFLAGS")
        .stdin(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!(
            "`cargo {}` of {server} ended with {status}",
            arguments.join(" ")
        )),
        Err(error) => Err(format!("there is no `cargo` here: {error}")),
    }
}

/// How many crates it is made of, itself aside.
fn packages(server: &str) -> Result<usize, String> {
    let output = Command::new("cargo")
        .args([
            "tree",
            "--locked",
            "--offline",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
        ])
        .args(["--no-dedupe", "--format", "{p}"])
        .current_dir(folder(server))
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines: Vec<&str> = text
        .lines()
        .map(|line| line.trim_end_matches(" (proc-macro)"))
        .collect();
    lines.sort_unstable();
    lines.dedup();
    Ok(lines.len().saturating_sub(1))
}

//! What a message costs a server, measured beside what a user would take instead of specwire, and
//! beside a server that only reads and writes the same bytes:
//!
//! ```text
//! cargo run --release -p specwire-bench
//! ```
//!
//! `docs/performance.md` says what is measured, and shows what was.

mod builds;
mod cases;
mod code;
mod instructions;
mod load;
mod plan;
mod plot;
mod report;
mod serve;
mod servers;
mod usage;

use std::fmt::Display;
use std::io::{IsTerminal, Write, stderr};
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};

use clap::{Parser, Subcommand};

use self::cases::Case;
use self::plan::Found;
use self::report::Row;
use self::serve::raw::Bytes;
use self::servers::{LOAD_CORE, Server, pinned};

/// Groups of cases that show what costs more when there is more.
const GROWTH: [&str; 2] = ["subscribers", "many-topics"];

/// Measures what a message costs a server, beside others.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    part: Option<Part>,

    /// Groups of cases: echo, request, broadcast, saturated, each, topics, memory,
    /// opening, slow, subscribers, many-topics; or growth for the last two
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    only: Vec<String>,

    /// Cases whose title has this in it
    #[arg(long, value_name = "TEXT")]
    case: Option<String>,

    /// Servers to measure; without it all that can be made here
    #[arg(long, value_name = "SERVER", value_delimiter = ',')]
    servers: Vec<String>,

    /// How often each server has its turn in each case
    #[arg(long, default_value_t = 5)]
    rounds: usize,

    /// Seconds of each phase of a measurement
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,

    /// Messages under way on each connection
    #[arg(long, default_value_t = 1)]
    depth: usize,

    /// One short round of three cases with specwire and the raw server, which writes nothing
    #[arg(long)]
    quick: bool,

    /// Writes a table for each group, and plots, to this folder
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// What else this program does, most of it as processes of their own.
#[derive(Debug, Subcommand)]
enum Part {
    /// Counts the instructions of the hottest paths, under valgrind, and compares them with those that
    /// are written down
    Instructions {
        /// Writes down what is found
        #[arg(long)]
        update: bool,
    },
    /// Builds a server from nothing, and tonic's helloworld, in turn
    Builds {
        /// How often
        #[arg(long, default_value_t = 3)]
        rounds: usize,
    },
    /// Compiles what is generated from the nine CCSDS documents, and structs beside it, and compares the
    /// ratio with the one that is written down
    Code {
        /// How often
        #[arg(long, default_value_t = 3)]
        rounds: usize,
        /// Writes down what is found
        #[arg(long)]
        update: bool,
    },
    /// One of those paths
    #[command(hide = true)]
    Walk {
        path: instructions::Path,
        times: usize,
    },
    /// The load
    #[command(hide = true)]
    Load,
    /// One of the servers
    #[command(hide = true)]
    Serve {
        server: String,
        work: String,
        message: usize,
        answer: usize,
        fan_out: usize,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.part {
        Some(Part::Builds { rounds }) => builds::run(*rounds),
        Some(Part::Code { rounds, update }) => code::run(*rounds, *update),
        Some(Part::Instructions { update }) => instructions::run(*update),
        Some(Part::Walk { path, times }) => instructions::walk(*path, *times),
        Some(Part::Load) => load::run(),
        Some(Part::Serve {
            server,
            work,
            message,
            answer,
            fan_out,
        }) => {
            let bytes = Bytes {
                message: *message,
                answer: *answer,
                fan_out: *fan_out,
            };
            match server.as_str() {
                "raw" => serve::raw::run(bytes).map_err(text),
                _ => serve::specwire::run(work == "each").map_err(text),
            }
        }
        None => measure(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn text(error: impl Display) -> String {
    error.to_string()
}

fn measure(arguments: &Arguments) -> Result<(), String> {
    let mut cases = if arguments.quick {
        cases::quick()
    } else {
        cases::all(arguments.depth)
    };
    cases.retain(|case| {
        let is_growth = GROWTH.contains(&case.group);
        let is_meant = |group: &String| group == case.group || (is_growth && group == "growth");
        let is_wanted = arguments.only.is_empty() || arguments.only.iter().any(is_meant);
        is_wanted
            && arguments
                .case
                .as_ref()
                .is_none_or(|part| case.title.contains(part))
    });
    if cases.is_empty() {
        return Err("no case is of this group and title".to_owned());
    }
    let names = match (arguments.servers.as_slice(), arguments.quick) {
        ([], true) => vec!["raw".to_owned(), "specwire".to_owned()],
        (names, _) => names.to_vec(),
    };
    let servers = servers::ready(&names)?;
    let (rounds, seconds) = if arguments.quick {
        (1, 0.3)
    } else {
        (arguments.rounds, arguments.seconds)
    };

    // Cases of a group are compared with each other, and so take turns as servers do.
    let mut reported = Vec::new();
    for group in cases.chunk_by(|one, other| one.group == other.group) {
        let mut measured: Vec<(&Case, &Server, Row)> = group
            .iter()
            .flat_map(|case| servers.iter().map(move |server| (case, server)))
            .filter(|(case, server)| server.does(case))
            .map(|(case, server)| (case, server, Row::new(server)))
            .collect();
        for round in 1..=rounds {
            for (case, server, row) in &mut measured {
                progress(&format!(
                    "{}: round {round} of {rounds}, {}",
                    case.title, server.name
                ));
                row.add(once(case, server, seconds));
            }
        }
        progress("");
        for case in group {
            let rows = measured.extract_if(.., |(of, ..)| std::ptr::eq(*of, case));
            let mut rows: Vec<Row> = rows.map(|(.., row)| row).collect();
            let table = report::table(case, &mut rows);
            println!("{table}");
            reported.push((case, rows, table));
        }
        // After each group, so that whoever interrupts this has what there is.
        if let Some(folder) = &arguments.out {
            let summary = report::summary(&servers, &reported);
            report::write(folder, &summary, &reported).map_err(text)?;
            plot::write(folder, &reported).map_err(text)?;
        }
    }
    println!("{}", report::summary(&servers, &reported));
    let failed = reported.iter().any(|(_, rows, _)| {
        rows.iter()
            .any(|row| row.name == "specwire" && row.rounds.is_empty())
    });
    if failed {
        Err("specwire could not be measured".to_owned())
    } else {
        Ok(())
    }
}

/// Says what is being done, to whoever waits for it.
fn progress(text: &str) {
    if stderr().is_terminal() {
        eprint!("\r\x1b[K{text}");
        let _ = stderr().flush();
    }
}

/// One server, one case, once.
fn once(case: &Case, server: &Server, seconds: f64) -> Result<Found, String> {
    let running = server.start(case)?;
    let plan = case.plan(
        server.dialect(),
        running.address,
        running.process(),
        seconds,
    );
    let plan = plan.ok_or("it has no words for this")?;
    let program = std::env::current_exe()
        .map_err(text)?
        .to_string_lossy()
        .into_owned();
    let mut load = pinned(LOAD_CORE, &[program, "load".to_owned()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("the load does not start: {error}"))?;
    if let Some(mut input) = load.stdin.take() {
        let plan = serde_json::to_string(&plan).map_err(text)?;
        input.write_all(plan.as_bytes()).map_err(text)?;
    }
    let output = load.wait_with_output().map_err(text)?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(text)
}

//! Tables of what was found.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

use crate::cases::Case;
use crate::plan::{Found, What};
use crate::servers::Server;

/// One server in one case.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) rounds: Vec<Found>,
    failure: Option<String>,
    /// Of the same rounds of the raw server.
    ratios: Vec<f64>,
    /// By round, for those ratios.
    costs: Vec<Option<f64>>,
}

impl Row {
    pub(crate) fn new(server: &Server) -> Self {
        Self {
            name: server.name,
            rounds: Vec::new(),
            failure: None,
            ratios: Vec::new(),
            costs: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, found: Result<Found, String>) {
        self.costs.push(found.as_ref().ok().map(cost));
        match found {
            Ok(found) => self.rounds.push(found),
            Err(reason) => self.failure = Some(reason),
        }
    }

    /// The median of something, with the least and the most.
    pub(crate) fn spread(&self, what: impl Fn(&Found) -> f64) -> [f64; 3] {
        spread(self.rounds.iter().map(what).collect())
    }

    /// Time of the server's processor, in microseconds.
    pub(crate) fn cost(&self) -> [f64; 3] {
        self.spread(cost)
    }

    pub(crate) fn rate(&self) -> [f64; 3] {
        self.spread(rate)
    }
}

fn cost(found: &Found) -> f64 {
    found.server as f64 / 1000.0 / found.count.max(1) as f64
}

fn rate(found: &Found) -> f64 {
    found.count as f64 / found.seconds
}

/// The median, the least and the most.
pub(crate) fn spread(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    let middle = values.len() / 2;
    let median = if values.len() % 2 == 1 {
        at(middle)
    } else {
        (at(middle.wrapping_sub(1)) + at(middle)) / 2.0
    };
    [median, at(0), at(values.len().wrapping_sub(1))]
}

/// The table of one case, the cheapest server first.
pub(crate) fn table(case: &Case, rows: &mut [Row]) -> String {
    let raw = rows
        .iter()
        .find(|row| row.name == "raw")
        .map(|row| row.costs.clone());
    for row in &mut *rows {
        let pairs = row.costs.iter().zip(raw.iter().flatten());
        row.ratios = pairs
            .filter_map(|(cost, raw)| Some((*cost)? / (*raw)?))
            .collect();
    }
    let key = |row: &Row| match case.measured {
        What::Memory => row.spread(|found| memory(found, 1))[0],
        What::Messages | What::Opening => row.cost()[0],
    };
    rows.sort_by(|one, other| key(one).total_cmp(&key(other)));
    let rounds = rows.iter().map(|row| row.rounds.len()).max().unwrap_or(0);
    let mut table = format!("### {}\n\n", sentence(&case.title));
    let (head, cells): (&str, fn(&Row) -> String) = match case.measured {
        What::Memory => (
            "| server | KiB each, quiet | after a burst of 64 |\n|---|---|---|\n",
            |row| {
                let [quiet, least, most] = row.spread(|found| memory(found, 1));
                let after = row.spread(|found| memory(found, 2))[0];
                format!("{quiet:.2} ({least:.2} to {most:.2}) | {after:.2}")
            },
        ),
        What::Messages => (
            "| server | CPU µs each | × raw | kernel | each second | p50 µs | p99 µs | p99.9 µs | load's CPU µs |\n\
             |---|---|---|---|---|---|---|---|---|\n",
            |row| {
                let quantile = |index: usize| {
                    let latency = row.spread(|found| {
                        found
                            .latencies
                            .and_then(|all| all.get(index).copied())
                            .unwrap_or(f64::NAN)
                    })[0];
                    if latency.is_nan() {
                        "–".to_owned()
                    } else {
                        format!("{latency:.0}")
                    }
                };
                format!(
                    "{} | {} | {} | {} | {}",
                    row.start(),
                    quantile(0),
                    quantile(1),
                    quantile(2),
                    row.load()
                )
            },
        ),
        What::Opening => (
            "| server | CPU µs each | × raw | kernel | each second | load's CPU µs |\n|---|---|---|---|---|---|\n",
            |row| format!("{} | {}", row.start(), row.load()),
        ),
    };
    table.push_str(head);
    for row in &*rows {
        let _ = match &row.failure {
            Some(reason) if row.rounds.is_empty() => {
                writeln!(table, "| {} | {} |", row.name, one_line(reason))
            }
            _ => writeln!(table, "| {} | {} |", row.name, cells(row)),
        };
    }
    let _ = writeln!(
        table,
        "\nMedian of {rounds} rounds, with the least and the most."
    );
    for row in &*rows {
        let failed = row.costs.len() - row.rounds.len();
        if let Some(reason) = row
            .failure
            .as_ref()
            .filter(|_| failed < row.costs.len() && failed > 0)
        {
            let _ = writeln!(
                table,
                "\n{}: without {failed} of its rounds, which failed ({}).",
                row.name,
                one_line(reason)
            );
        }
    }
    table
}

/// What was measured, in one table: a line for each case, and a column for each server.
pub(crate) fn summary(servers: &[Server], reported: &[(&Case, Vec<Row>, String)]) -> String {
    let mut table = "| CPU µs each (× raw) |".to_owned();
    for server in servers {
        let _ = write!(table, " {} |", server.name);
    }
    let _ = writeln!(table, "\n|---|{}", "---|".repeat(servers.len()));
    for (case, rows, _) in reported {
        let _ = write!(table, "| {} |", sentence(&case.title));
        for server in servers {
            let row = rows.iter().find(|row| row.name == server.name);
            let cell = match row.filter(|row| !row.rounds.is_empty()) {
                None => "–".to_owned(),
                Some(row) if case.measured == What::Memory => {
                    format!("{:.2} KiB", row.spread(|found| memory(found, 1))[0])
                }
                Some(row) => {
                    let cost = row.cost()[0];
                    let digits = if cost < 1.0 { 3 } else { 2 };
                    let ratio = spread(row.ratios.clone())[0];
                    if ratio.is_nan() {
                        format!("{cost:.digits$}")
                    } else {
                        format!("{cost:.digits$} ({ratio:.2})")
                    }
                }
            };
            let _ = write!(table, " {cell} |");
        }
        table.push('\n');
    }
    let _ = writeln!(table, "\n{}", machine());
    table
}

/// Where this was measured.
fn machine() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let (processor, kernel, load) = (
        read("/proc/cpuinfo"),
        read("/proc/sys/kernel/osrelease"),
        read("/proc/loadavg"),
    );
    let name = processor
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("an unknown processor", |(_, name)| name.trim());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let loads: Vec<&str> = load.split_whitespace().take(3).collect();
    format!(
        "{cores} × {name}, Linux {}; load average at the end {}.",
        kernel.trim(),
        loads.join(", ")
    )
}

impl Row {
    fn start(&self) -> String {
        let [cost, least, most] = self.cost();
        let ratio = match spread(self.ratios.clone())[0] {
            ratio if ratio.is_nan() => "–".to_owned(),
            ratio => format!("{ratio:.2}"),
        };
        let kernel = 100.0 * self.spread(|found| found.kernel)[0];
        let digits = if cost < 1.0 { 3 } else { 2 };
        format!(
            "{cost:.digits$} ({least:.digits$} to {most:.digits$}) | {ratio} | {kernel:.0} % | {}",
            thousands(self.rate()[0])
        )
    }

    fn load(&self) -> String {
        let load = self.spread(|found| found.load as f64 / 1000.0 / found.count.max(1) as f64)[0];
        let digits = if load < 1.0 { 3 } else { 2 };
        format!("{load:.digits$}")
    }
}

/// KiB for each connection, more than before there were any.
fn memory(found: &Found, moment: usize) -> f64 {
    let Some(memory) = found.memory else {
        return f64::NAN;
    };
    let then = memory.get(moment).copied().unwrap_or(0);
    then.saturating_sub(memory[0]) as f64 / 1024.0 / found.count.max(1) as f64
}

fn one_line(reason: &str) -> String {
    reason
        .chars()
        .take(200)
        .collect::<String>()
        .replace('\n', " ")
}

fn sentence(title: &str) -> String {
    let mut chars = title.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string());
    first
        .into_iter()
        .chain([chars.as_str().to_owned()])
        .collect()
}

pub(crate) fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// One file for each group that was measured, and one for all.
pub(crate) fn write(
    folder: &Path,
    summary: &str,
    reported: &[(&Case, Vec<Row>, String)],
) -> io::Result<()> {
    let mut files: BTreeMap<&str, String> = BTreeMap::new();
    for (case, _, table) in reported {
        let file = files
            .entry(case.group)
            .or_insert_with(|| format!("# {}\n", sentence(case.group)));
        file.push('\n');
        file.push_str(table);
    }
    fs::create_dir_all(folder)?;
    fs::write(folder.join("summary.md"), format!("# Summary\n\n{summary}"))?;
    for (group, text) in files {
        fs::write(folder.join(format!("{group}.md")), text)?;
    }
    Ok(())
}

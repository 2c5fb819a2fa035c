//! The servers that are measured, and their processes.

use std::env;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::cases::{Case, Dialect};

/// A program that is measured.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) name: &'static str,
    dialect: Dialect,
    made: Made,
    /// How it is called, before what says what it is to do.
    command: Vec<String>,
    /// Whether it does what is neither an echo nor a broadcast, and needs no words of its own.
    does: &'static [&'static str],
}

/// What a program is made by.
#[derive(Clone, Copy, Debug)]
enum Made {
    /// Part of this one.
    Here,
    Cargo,
    Go,
    Node,
    Bun,
}

const BOTH: &[&str] = &["echo", "broadcast"];
const TOPICS: &[&str] = &["echo", "broadcast", "topics"];

const SERVERS: &[(&str, Made, Dialect, &[&str])] = &[
    (
        "raw",
        Made::Here,
        Dialect::Bytes,
        &["echo", "broadcast", "request", "each", "topics"],
    ),
    (
        "specwire",
        Made::Here,
        Dialect::Specwire,
        &["echo", "broadcast", "request", "each", "topics"],
    ),
    ("tungstenite", Made::Cargo, Dialect::Text, BOTH),
    ("tungstenite-tuned", Made::Cargo, Dialect::Text, BOTH),
    ("fastwebsockets", Made::Cargo, Dialect::Text, BOTH),
    ("axum", Made::Cargo, Dialect::Text, BOTH),
    ("socketioxide", Made::Cargo, Dialect::SocketIo, BOTH),
    (
        "jsonrpsee",
        Made::Cargo,
        Dialect::JsonRpc,
        &["request", "broadcast"],
    ),
    ("gorilla", Made::Go, Dialect::Text, BOTH),
    ("ws", Made::Node, Dialect::Text, TOPICS),
    ("socket-io", Made::Node, Dialect::SocketIo, BOTH),
    ("bun", Made::Bun, Dialect::Text, TOPICS),
];

/// Which of all a server is.
pub(crate) fn place(name: &str) -> usize {
    let known = SERVERS.iter().position(|(known, ..)| *known == name);
    known.unwrap_or(SERVERS.len())
}

/// Those of these names, or all, as far as they can be made here; the others are told why not.
pub(crate) fn ready(names: &[String]) -> Result<Vec<Server>, String> {
    if let Some(unknown) = names
        .iter()
        .find(|name| SERVERS.iter().all(|(known, ..)| known != name))
    {
        let known: Vec<_> = SERVERS.iter().map(|(name, ..)| *name).collect();
        return Err(format!(
            "found the server `{unknown}`, expected some of {}",
            known.join(", ")
        ));
    }
    let wanted = SERVERS
        .iter()
        .filter(|(name, ..)| names.is_empty() || names.iter().any(|wanted| wanted == name));
    let mut servers: Vec<Server> = Vec::new();
    let mut failed: Vec<(Made, String)> = Vec::new();
    for (name, made, dialect, does) in wanted {
        let same = |made: &Made, other: &Made| {
            std::mem::discriminant(made) == std::mem::discriminant(other)
        };
        let is_made = servers.iter().any(|server| same(&server.made, made));
        let before = failed.iter().find(|(failed, _)| same(failed, made));
        let outcome = match before {
            Some((_, reason)) => Err(reason.clone()),
            None if is_made => Ok(()),
            None => make(*made),
        };
        match outcome {
            Ok(()) => servers.push(Server {
                name,
                dialect: *dialect,
                made: *made,
                command: command(name, *made)?,
                does,
            }),
            Err(reason) => {
                eprintln!("{name} is left out: {reason}");
                failed.push((*made, reason));
            }
        }
    }
    Ok(servers)
}

fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
}

/// Where what is made goes: beside what this program itself was made in.
fn target() -> Result<PathBuf, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let target = program.ancestors().nth(2);
    Ok(target.ok_or("this program is nowhere")?.join("peers"))
}

fn command(name: &str, made: Made) -> Result<Vec<String>, String> {
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    let script = text(peers().join(format!("node/{name}.js")));
    Ok(match made {
        Made::Here => {
            let program = env::current_exe().map_err(|error| error.to_string())?;
            vec![text(program), "serve".to_owned(), name.to_owned()]
        }
        Made::Cargo => vec![text(target()?.join("release").join(name))],
        Made::Go => vec![text(target()?.join(name))],
        Made::Node => vec!["node".to_owned(), script],
        Made::Bun => vec![
            text(peers().join("node/node_modules/@oven/bun-linux-x64/bin/bun")),
            script,
        ],
    })
}

fn make(made: Made) -> Result<(), String> {
    let (folder, line, variables): (_, Vec<String>, &[(&str, &str)]) = match made {
        Made::Here => return Ok(()),
        Made::Cargo => {
            let target = target()?.to_string_lossy().into_owned();
            let words = [
                "cargo",
                "build",
                "--release",
                "--locked",
                "--quiet",
                "--target-dir",
                &target,
            ];
            ("rust", words.map(str::to_owned).to_vec(), &[])
        }
        Made::Go => {
            let program = target()?.join("gorilla").to_string_lossy().into_owned();
            let words = ["go", "build", "-o", &program, "main.go"];
            // Debian's packages of Go libraries are no modules.
            (
                "go",
                words.map(str::to_owned).to_vec(),
                &[("GO111MODULE", "off"), ("GOPATH", "/usr/share/gocode")],
            )
        }
        Made::Node | Made::Bun => {
            if peers().join("node/node_modules/ws").exists() {
                return Ok(());
            }
            let words = [
                "npm",
                "ci",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--silent",
            ];
            ("node", words.map(str::to_owned).to_vec(), &[])
        }
    };
    let (program, arguments) = line.split_first().ok_or("nothing to run")?;
    let status = Command::new(program)
        .args(arguments)
        .envs(variables.iter().copied())
        .current_dir(peers().join(folder))
        .stdout(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{}` ended with {status}", line.join(" "))),
        Err(error) => Err(format!("there is no `{program}` here: {error}")),
    }
}

impl Server {
    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(crate) fn does(&self, case: &Case) -> bool {
        self.does.contains(&case.does()) && case.has_words_for(self.dialect)
    }

    pub(crate) fn start(&self, case: &Case) -> Result<Running, String> {
        let mut line = self.command.clone();
        line.extend(case.arguments());
        let mut child = pinned(SERVER_CORE, &line)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{} does not start: {error}", self.name))?;
        let output = child.stdout.take();
        let mut running = Running {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            output: None,
        };
        let mut output = BufReader::new(output.ok_or("the server has no output")?);
        let mut port = String::new();
        let read = output.read_line(&mut port);
        read.map_err(|error| format!("{} says nothing: {error}", self.name))?;
        let port = port.trim();
        let port = port
            .parse()
            .map_err(|_| format!("{} says `{port}`, expected a port", self.name))?;
        running.address.set_port(port);
        running.output = Some(output);
        Ok(running)
    }
}

pub(crate) const SERVER_CORE: usize = 0;
pub(crate) const LOAD_CORE: usize = 1;

/// A command that runs on one core, where there are two.
pub(crate) fn pinned(core: usize, line: &[String]) -> Command {
    let is_pinned = std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1)
        && Path::new("/usr/bin/taskset").exists();
    let core = core.to_string();
    let pin: &[&str] = if is_pinned {
        &["/usr/bin/taskset", "-c", &core]
    } else {
        &[]
    };
    let mut words = pin.iter().copied().chain(line.iter().map(String::as_str));
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words);
    command
}

/// A server's process, which ends with this.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    pub(crate) address: SocketAddr,
    /// Open as long as the server may want to say more.
    output: Option<BufReader<ChildStdout>>,
}

impl Running {
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! Programs that tests run: their lines as they come, and their end. No wait is without a bound.

#![allow(dead_code, reason = "each of the tests uses some of this")]

pub(crate) mod clients;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Enough for a browser to start on a busy machine; only a failing test waits this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A program that was started, and that ends with the test at the latest.
#[derive(Debug)]
pub(crate) struct Program {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    errors: Receiver<String>,
}

impl Program {
    /// Starts a program, whose standard output is read line by line.
    ///
    /// What it says on standard error is shown if the test fails.
    pub(crate) fn start(command: &mut Command) -> Self {
        let name = Path::new(command.get_program()).display().to_string();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let stdin = child.stdin.take();
        let errors = lines(child.stderr.take().expect("it is piped"));
        let lines = lines(child.stdout.take().expect("it is piped"));
        Self {
            name,
            child,
            stdin,
            lines,
            errors,
        }
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes a line to the program's standard input.
    pub(crate) fn write(&mut self, line: &str) {
        let stdin = self
            .stdin
            .as_mut()
            .expect("the input is open until the end");
        writeln!(stdin, "{line}")
            .unwrap_or_else(|error| panic!("{} takes no line: {error}", self.name));
    }

    /// The next line that it prints.
    pub(crate) fn line(&self) -> String {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => {
                panic!("{} printed nothing for {PATIENCE:?}", self.name)
            }
            Err(RecvTimeoutError::Disconnected) => panic!("{} has ended its output", self.name),
        }
    }

    /// Its lines, for as long as they are asked for.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        std::iter::repeat_with(|| self.line())
    }

    /// Its lines from now on, without those that have come already.
    pub(crate) fn new_lines(&self) -> impl Iterator<Item = String> {
        while self.lines.try_recv().is_ok() {}
        self.lines()
    }

    /// Waits until it says this on standard error.
    pub(crate) fn complains(&self, words: &str) {
        while let Ok(line) = self.errors.recv_timeout(PATIENCE) {
            if line.contains(words) {
                return;
            }
        }
        panic!("{} has not said `{words}`", self.name);
    }

    /// Sends it a signal, such as `TERM`, as a person at a terminal would.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill")
            .args([&format!("-{signal}"), &id])
            .status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "kill -{signal} failed"
        );
    }

    /// Ends its input, and waits for its end. The lines that it had still to print come with it.
    pub(crate) fn finish(mut self) -> (ExitStatus, Vec<String>) {
        let last = self
            .rest(PATIENCE)
            .unwrap_or_else(|| panic!("{} has not ended after {PATIENCE:?}", self.name));
        let status = self.child.wait().expect("it was started");
        (status, last)
    }

    /// What it still prints until its output ends, which it does with the program; `None` if that
    /// is not soon enough.
    fn rest(&mut self, patience: Duration) -> Option<Vec<String>> {
        self.stdin = None;
        let deadline = Instant::now() + patience;
        let mut lines = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => lines.push(line),
                Err(RecvTimeoutError::Disconnected) => return Some(lines),
                Err(RecvTimeoutError::Timeout) => return None,
            }
        }
    }
}

impl Drop for Program {
    /// Asks first: a browser that is killed leaves its profile behind.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal("TERM");
            self.rest(Duration::from_secs(5));
            // It may have ended meanwhile.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if thread::panicking() {
            for line in self.errors.try_iter() {
                eprintln!("{}: {line}", self.name);
            }
        }
    }
}

/// The lines that come out of a pipe, as they come.
fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines() {
            let Ok(line) = line else { break };
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// The server of this package, on a port of its own, with a beat every 100 ms.
#[derive(Debug)]
pub(crate) struct Server {
    /// What it runs as.
    pub(crate) program: Program,
    /// Where it listens, such as `127.0.0.1:40123`.
    pub(crate) address: String,
}

impl Server {
    /// Starts one, and waits until it listens.
    pub(crate) fn start() -> Self {
        Self::serving(&["--period", "100ms"])
    }

    /// The same, with such arguments.
    pub(crate) fn serving(arguments: &[&str]) -> Self {
        Self::listening("127.0.0.1:0", arguments)
    }

    /// The same, at such an address.
    pub(crate) fn listening(address: &str, arguments: &[&str]) -> Self {
        Self::starting(
            Command::new(env!("CARGO_BIN_EXE_specwire-server"))
                .args(["--listen", address])
                .args(arguments),
        )
    }

    /// The same, by a command of one's own.
    pub(crate) fn starting(command: &mut Command) -> Self {
        let program = Program::start(command);
        let first = program.line();
        let address = first
            .strip_prefix("listening on ")
            .and_then(|rest| rest.split_once(','))
            .map(|(address, _)| address.to_owned())
            .unwrap_or_else(|| panic!("the server says where it listens, not `{first}`"));
        Self { program, address }
    }

    /// The URL of every document.
    pub(crate) fn url(&self) -> String {
        format!("ws://{}/ws", self.address)
    }
}

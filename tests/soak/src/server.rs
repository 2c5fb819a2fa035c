//! The server's process, from outside.

use std::env;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, sleep, timeout};

/// A server that beats; it ends with this.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    child: Child,
    questions: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

/// What it has at one moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Status {
    /// Bytes that the process has.
    pub(crate) resident: u64,
    /// Bytes that it uses of them.
    pub(crate) allocated: u64,
    pub(crate) descriptors: u64,
    pub(crate) tasks: u64,
    pub(crate) handlers: u64,
    pub(crate) connections: u64,
    pub(crate) subscriptions: u64,
    pub(crate) topics: u64,
}

impl Status {
    /// The same, but for memory.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        let counted = |status: &Self| Self {
            resident: 0,
            allocated: 0,
            ..*status
        };
        counted(self) == counted(other)
    }
}

impl Server {
    pub(crate) async fn start(period: Duration) -> Result<Self, String> {
        let program = env::current_exe().map_err(|error| error.to_string())?;
        let mut child = Command::new(program)
            .args(["serve", &period.as_millis().to_string()])
            // Memory that is free is to be seen as free: glibc keeps much of it otherwise.
            .envs([
                ("MALLOC_ARENA_MAX", "1"),
                ("MALLOC_MMAP_THRESHOLD_", "65536"),
                ("MALLOC_TRIM_THRESHOLD_", "65536"),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("the server does not start: {error}"))?;
        let (Some(questions), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the server has no input or no output".to_owned());
        };
        let mut answers = BufReader::new(answers).lines();
        let address = line(&mut answers).await?;
        let address = address
            .parse()
            .map_err(|_| format!("found `{address}`, expected where the server listens"))?;
        Ok(Self {
            address,
            child,
            questions,
            answers,
        })
    }

    pub(crate) async fn status(&mut self) -> Result<Status, String> {
        let asked = self.questions.write_all(b"status\n").await;
        asked.map_err(|error| format!("the server cannot be asked: {error}"))?;
        let answer = line(&mut self.answers).await?;
        let answer: Value = answer
            .parse()
            .map_err(|_| format!("found `{answer}`, expected what the server has"))?;
        let figure = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or(u64::MAX);
        Ok(Status {
            resident: figure("resident"),
            allocated: figure("allocated"),
            descriptors: figure("descriptors"),
            tasks: figure("tasks"),
            handlers: figure("handlers"),
            connections: figure("connections"),
            subscriptions: figure("subscriptions"),
            topics: figure("topics"),
        })
    }

    /// Waits until it has what it had then.
    pub(crate) async fn back_at(&mut self, baseline: &Status) -> Result<Status, String> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let status = self.status().await?;
            if status.is_as(baseline) {
                return Ok(status);
            }
            if Instant::now() > deadline {
                return Err(format!(
                    "the server does not come back to where it was: found {status:?}, expected {baseline:?}"
                ));
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) async fn stop(mut self) -> Result<(), String> {
        drop(self.questions);
        let status = timeout(Duration::from_secs(20), self.child.wait()).await;
        match status {
            Ok(Ok(status)) if status.success() => Ok(()),
            other => Err(format!("the server does not stop as it should: {other:?}")),
        }
    }
}

async fn line(lines: &mut Lines<BufReader<ChildStdout>>) -> Result<String, String> {
    match timeout(Duration::from_secs(20), lines.next_line()).await {
        Ok(Ok(Some(line))) => Ok(line),
        other => Err(format!("the server says nothing: {other:?}")),
    }
}

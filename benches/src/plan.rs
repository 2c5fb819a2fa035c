//! What the load's process is told, and what it answers: one line of JSON each.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// One measurement.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Plan {
    pub(crate) server: SocketAddr,
    /// The server's process, whose time is counted.
    pub(crate) process: u32,
    pub(crate) connections: usize,
    pub(crate) opening: Opening,
    /// A connection more, which publishes, and whose own messages do not count; without it the first ones publish.
    pub(crate) publisher: Option<Opening>,
    /// How many of the connections publish, in turn.
    pub(crate) publishers: usize,
    /// How many of the connections never read.
    pub(crate) stalled: usize,
    /// What is sent, one after the other and from the beginning again.
    pub(crate) messages: Vec<String>,
    pub(crate) answered: Answered,
    /// Who hears each of the messages; empty where that is everyone.
    pub(crate) audiences: Vec<Vec<usize>>,
    /// Connections that are being opened at one time, when they come back.
    pub(crate) at_once: usize,
    /// Messages that may wait for their answers: on each connection, or of all publishers together.
    pub(crate) depth: usize,
    /// How long each phase goes on.
    pub(crate) seconds: f64,
    /// Messages in a second, while latencies are measured; 0 leaves that out.
    pub(crate) rate: f64,
    pub(crate) measured: What,
}

/// Who gets what comes of a message.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) enum Answered {
    /// The connection that sent it.
    Sender,
    /// So many connections.
    By(usize),
}

/// What is looked at.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) enum What {
    /// Time and latencies of messages.
    Messages,
    /// Memory of connections that are quiet.
    Memory,
    /// The time that connections take to open.
    Opening,
}

/// How a connection begins.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Opening {
    pub(crate) path: String,
    pub(crate) subprotocol: Option<String>,
    /// What is sent first; the connections take turns in these.
    pub(crate) hellos: Vec<Vec<String>>,
    /// Frames that a connection hears before it is open.
    pub(crate) heard: u64,
}

/// What was found.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Found {
    /// Answers, or deliveries, or connections, in the time that is measured.
    pub(crate) count: u64,
    pub(crate) seconds: f64,
    /// Time of processors, in nanoseconds: of the server, and of the load itself.
    pub(crate) server: u64,
    pub(crate) load: u64,
    /// The kernel's part of the server's time, 0 to 1.
    pub(crate) kernel: f64,
    /// p50, p99 and p99.9 in microseconds, from when each message was due.
    pub(crate) latencies: Option<[f64; 3]>,
    /// The server's resident memory, in bytes: before, with all connections, and after a burst.
    pub(crate) memory: Option<[u64; 3]>,
}

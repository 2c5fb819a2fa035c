//! What a topic keeps of what was published on it.

use std::time::Duration;

use super::Publication;

/// How much of the latest publications a topic keeps, for subscribers that come back or come late.
/// What exceeds any of the three is given up, the oldest first.
///
/// ```
/// use specwire::bus::History;
///
/// let history = History { messages: 10, ..History::default() };
/// assert_eq!(history.bytes, 1 << 20);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct History {
    /// Messages of one topic. Default 100.
    pub messages: usize,
    /// Bytes of those messages. Default 1 MiB.
    pub bytes: usize,
    /// How old a message may be; and how long a topic that is not used keeps its place. Default 5
    /// minutes.
    pub age: Duration,
}

impl Default for History {
    fn default() -> Self {
        Self {
            messages: 100,
            bytes: 1 << 20,
            age: Duration::from_secs(300),
        }
    }
}

/// Some of what a topic keeps.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page {
    /// Tells this history from any other that the topic has had or will have: a bus that has lost
    /// its messages, or counts them anew, has another epoch. Random, and 32 characters at most.
    pub epoch: String,
    /// The offset of the latest publication; 0 if there was none.
    pub top: u64,
    /// The offset of the earliest publication that is kept; one more than `top` if none is.
    pub oldest: u64,
    /// The publications asked for, by their offsets.
    pub kept: Vec<Kept>,
}

/// A publication that is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Kept {
    /// Its place in the history: one more than the one before it.
    pub offset: u64,
    /// What was published.
    pub publication: Publication,
}

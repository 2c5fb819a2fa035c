//! The load: one process and one thread, which keeps many connections busy and counts what comes
//! back. Its frames are made in advance, and what it reads it only counts, so that it costs less
//! than any server; what it costs is measured as well.

mod connection;
pub(crate) mod frames;
mod histogram;

use std::io;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

use self::connection::Connection;
use self::frames::masked;
use self::histogram::Histogram;
use crate::plan::{Answered, Found, Plan, What};
use crate::usage::{Usage, resident};

/// Connections that are being opened at one time, unless it is said.
const AT_ONCE: usize = 256;
/// What servers that compile as they go have, to become as fast as they will be.
const WARM_UP: Duration = Duration::from_millis(300);
/// Messages that are written at once, at most.
const BATCH: usize = 64;
/// Enough for any server to do anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// Does as it is told on the standard input, and tells what it has found.
pub(crate) fn run() -> Result<(), String> {
    let plan = io::read_to_string(io::stdin()).map_err(|error| error.to_string())?;
    let plan: Plan = serde_json::from_str(&plan).map_err(|error| error.to_string())?;
    let mut load = Load::new(plan)?;
    let found = match load.plan.measured {
        What::Messages => load.messages()?,
        What::Memory => load.memory()?,
        What::Opening => load.opening()?,
    };
    let found = serde_json::to_string(&found).map_err(|error| error.to_string())?;
    println!("{found}");
    Ok(())
}

struct Load {
    plan: Plan,
    messages: Messages,
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    connections: Vec<Connection>,
    phase: Phase,
    start: Instant,
    /// Messages that came, and that were published, since the phase began.
    heard: u64,
    published: u64,
    /// Messages that are to come of what was sent, if none are lost.
    expected: u64,
    last_heard: Instant,
}

enum Phase {
    /// Nothing is sent.
    Quiet,
    /// What is answered is followed by the next.
    Closed,
    /// Messages are sent when they are due, whatever has become of those before.
    Paced {
        latencies: Histogram,
        /// When each was due, for those that all hear of.
        due: Vec<u64>,
    },
}

/// The frames that are sent, one after the other, twice over so that any batch is in one piece.
struct Messages {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
}

impl Messages {
    fn new(texts: &[String]) -> Self {
        let count = texts.len() * BATCH.div_ceil(texts.len().max(1));
        let (mut bytes, mut ends) = (Vec::new(), vec![0]);
        for text in texts.iter().cycle().take(2 * count) {
            bytes.extend(masked(text));
            ends.push(bytes.len());
        }
        Self { bytes, ends, count }
    }

    fn get(&self, from: usize, count: usize) -> &[u8] {
        let end = |index| self.ends.get(index).copied().unwrap_or(0);
        self.bytes
            .get(end(from)..end(from + count))
            .unwrap_or_default()
    }
}

impl Load {
    fn new(plan: Plan) -> Result<Self, String> {
        let poll = Poll::new().map_err(|error| error.to_string())?;
        Ok(Self {
            messages: Messages::new(&plan.messages),
            plan,
            poll,
            events: Events::with_capacity(1024),
            buffer: vec![0; 256 << 10],
            connections: Vec::new(),
            phase: Phase::Quiet,
            start: Instant::now(),
            heard: 0,
            published: 0,
            expected: 0,
            last_heard: Instant::now(),
        })
    }

    fn messages(&mut self) -> Result<Found, String> {
        self.open(AT_ONCE)?;
        self.settle()?;
        let all = Duration::from_secs_f64(self.plan.seconds);
        self.begin(Phase::Closed);
        self.prime()?;
        self.go_on(WARM_UP.max(all / 3))?;
        let (heard, begun) = (self.heard, Instant::now());
        let server = Usage::of(&self.plan.process.to_string());
        let load = Usage::of("self");
        self.go_on(all)?;
        let (server_time, kernel) = Usage::of(&self.plan.process.to_string()).since(server);
        let mut found = Found {
            count: self.heard - heard,
            seconds: begun.elapsed().as_secs_f64(),
            server: server_time,
            kernel,
            load: Usage::of("self").since(load).0,
            ..Found::default()
        };
        if found.count == 0 {
            return Err("no message came back".to_owned());
        }
        self.phase = Phase::Quiet;
        self.quiet()?;
        if self.plan.rate > 0.0 {
            found.latencies = self.paced(all)?;
        }
        Ok(found)
    }

    fn paced(&mut self, all: Duration) -> Result<Option<[f64; 3]>, String> {
        self.begin(Phase::Paced {
            latencies: Histogram::new(),
            due: Vec::new(),
        });
        let senders = match self.plan.answered {
            Answered::Sender => self.plan.connections,
            Answered::By(_) => 1,
        };
        let mut sent = 0_u64;
        while self.start.elapsed() < all {
            let due = Duration::from_secs_f64(sent as f64 / self.plan.rate);
            let now = self.start.elapsed();
            if due > now {
                // The kernel's time-outs are milliseconds: the last one is waited for awake.
                let wait = due.saturating_sub(now);
                let wait = if wait > Duration::from_millis(2) {
                    wait / 2
                } else {
                    Duration::ZERO
                };
                self.turn(wait)?;
                continue;
            }
            let due = nanos(due);
            let sender = usize::try_from(sent).unwrap_or(0) % senders;
            if let Phase::Paced { due: published, .. } = &mut self.phase {
                published.push(due);
            }
            let sender = match self.plan.answered {
                Answered::Sender => sender,
                Answered::By(_) => self.publisher(0),
            };
            let is_answered = self.plan.answered == Answered::Sender;
            let answered = is_answered.then_some(sender);
            let next = self.connections.get(sender).map_or(0, |sender| sender.next);
            let audience = self
                .plan
                .audiences
                .get(next % self.plan.messages.len().max(1));
            for hearer in audience.into_iter().flatten().copied().chain(answered) {
                if let Some(connection) = self.connections.get_mut(hearer) {
                    connection.due.push_back(due);
                }
            }
            self.send(sender, 1)?;
            sent += 1;
        }
        self.quiet()?;
        let Phase::Paced { latencies, .. } = &self.phase else {
            return Ok(None);
        };
        let micros = |part| latencies.quantile(part) / 1000.0;
        Ok((!latencies.is_empty()).then(|| [micros(0.5), micros(0.99), micros(0.999)]))
    }

    fn memory(&mut self) -> Result<Found, String> {
        let before = resident(self.plan.process);
        let server = Usage::of(&self.plan.process.to_string());
        self.open(AT_ONCE)?;
        self.settle()?;
        self.begin(Phase::Quiet);
        self.wait(Duration::from_secs(1))?;
        let with = resident(self.plan.process);
        for _ in 0..BATCH {
            let sender = self.publisher(0);
            self.send(sender, 1)?;
        }
        self.quiet()?;
        self.wait(Duration::from_secs(1))?;
        let after = resident(self.plan.process);
        Ok(Found {
            count: self.plan.connections as u64,
            seconds: self.start.elapsed().as_secs_f64(),
            server: Usage::of(&self.plan.process.to_string()).since(server).0,
            memory: Some([before, with, after]),
            ..Found::default()
        })
    }

    /// Opens all connections twice: what is measured is how they come back.
    fn opening(&mut self) -> Result<Found, String> {
        self.open(AT_ONCE)?;
        self.connections.clear();
        self.wait(Duration::from_millis(200))?;
        let server = Usage::of(&self.plan.process.to_string());
        let (load, begun) = (Usage::of("self"), Instant::now());
        self.open(self.plan.at_once)?;
        let (server, kernel) = Usage::of(&self.plan.process.to_string()).since(server);
        Ok(Found {
            count: self.plan.connections as u64,
            seconds: begun.elapsed().as_secs_f64(),
            server,
            kernel,
            load: Usage::of("self").since(load).0,
            ..Found::default()
        })
    }

    fn begin(&mut self, phase: Phase) {
        self.phase = phase;
        self.start = Instant::now();
        self.last_heard = self.start;
        (self.heard, self.published, self.expected) = (0, 0, 0);
        for connection in &mut self.connections {
            connection.heard = 0;
        }
    }

    /// Opens all connections, so many at one time.
    fn open(&mut self, at_once: usize) -> Result<(), String> {
        let all = self.plan.connections + usize::from(self.plan.publisher.is_some());
        let deadline = Instant::now() + 3 * PATIENCE;
        let mut opened = 0;
        while opened < all {
            while self.connections.len() < all && self.connections.len() < opened + at_once {
                let number = self.connections.len();
                let opening = match &self.plan.publisher {
                    Some(publisher) if number == self.plan.connections => publisher,
                    _ => &self.plan.opening,
                };
                let connection = Connection::open(&self.plan, opening, number);
                let mut connection =
                    connection.map_err(|error| format!("no connection: {error}"))?;
                let both = Interest::READABLE | Interest::WRITABLE;
                let registered =
                    self.poll
                        .registry()
                        .register(connection.stream(), Token(number), both);
                registered.map_err(|error| error.to_string())?;
                self.connections.push(connection);
            }
            self.turn(Duration::from_millis(10))?;
            opened = self
                .connections
                .iter()
                .filter(|connection| connection.is_open())
                .count();
            if Instant::now() > deadline {
                return Err(format!("{opened} connections of {all} have opened in time"));
            }
        }
        Ok(())
    }

    /// Waits until everyone hears what is published, and has the stalled ones stall.
    fn settle(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        if let Answered::By(heard_by) = self.plan.answered {
            loop {
                self.begin(Phase::Quiet);
                let sender = self.publisher(0);
                self.send(sender, 1)?;
                while self.heard < heard_by as u64 && self.start.elapsed() < Duration::from_secs(2)
                {
                    self.turn(Duration::from_millis(10))?;
                }
                if self.heard == heard_by as u64 {
                    break;
                }
                if Instant::now() > deadline {
                    return Err(format!(
                        "{} heard a message, expected {heard_by}",
                        self.heard
                    ));
                }
            }
        }
        let last = self.plan.connections.saturating_sub(self.plan.stalled);
        for connection in self
            .connections
            .iter_mut()
            .skip(last)
            .take(self.plan.stalled)
        {
            connection.is_stalled = true;
        }
        Ok(())
    }

    /// Sends the first messages of a closed phase.
    fn prime(&mut self) -> Result<(), String> {
        match self.plan.answered {
            Answered::Sender => {
                for number in 0..self.plan.connections {
                    self.send(number, self.plan.depth)?;
                }
                Ok(())
            }
            Answered::By(_) => self.publish(),
        }
    }

    /// Publishes as many as may be under way.
    fn publish(&mut self) -> Result<(), String> {
        let Answered::By(heard_by) = self.plan.answered else {
            return Ok(());
        };
        let heard_by = self.heard_by(heard_by);
        while self.published < self.heard / heard_by + self.plan.depth as u64 {
            let sender = self.publisher(self.published);
            self.send(sender, 1)?;
            self.published += 1;
        }
        Ok(())
    }

    /// How many count, of those who should hear.
    fn heard_by(&self, heard_by: usize) -> u64 {
        heard_by.saturating_sub(self.plan.stalled).max(1) as u64
    }

    fn publisher(&self, publication: u64) -> usize {
        match self.plan.publisher {
            Some(_) => self.plan.connections,
            None => usize::try_from(publication).unwrap_or(0) % self.plan.publishers.max(1),
        }
    }

    fn send(&mut self, number: usize, count: usize) -> Result<(), String> {
        self.expected += count as u64
            * match self.plan.answered {
                Answered::Sender => 1,
                Answered::By(heard_by) => self.heard_by(heard_by),
            };
        let Some(connection) = self.connections.get_mut(number) else {
            return Ok(());
        };
        let mut left = count;
        while left > 0 {
            let now = left.min(BATCH);
            connection.send(self.messages.get(connection.next, now))?;
            connection.next = (connection.next + now) % self.messages.count.max(1);
            left -= now;
        }
        Ok(())
    }

    fn go_on(&mut self, time: Duration) -> Result<(), String> {
        let start = Instant::now();
        while start.elapsed() < time {
            self.turn(Duration::from_millis(100))?;
            self.publish()?;
            if self.last_heard.elapsed() > PATIENCE / 2 {
                return Err(format!(
                    "nothing came for long, after {} messages",
                    self.heard
                ));
            }
        }
        Ok(())
    }

    /// Waits until all has come, or nothing for a while: some servers lose what they have no room for.
    fn quiet(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        self.last_heard = Instant::now();
        while self.heard < self.expected
            && self.last_heard.elapsed() < Duration::from_millis(200)
            && Instant::now() < deadline
        {
            self.turn(Duration::from_millis(10))?;
        }
        Ok(())
    }

    fn wait(&mut self, time: Duration) -> Result<(), String> {
        let start = Instant::now();
        while let Some(left) = time.checked_sub(start.elapsed()) {
            self.turn(left)?;
        }
        Ok(())
    }

    /// Does what there is to do, or waits for it.
    fn turn(&mut self, timeout: Duration) -> Result<(), String> {
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        match self.poll.poll(&mut events, Some(timeout)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                return Err(error.to_string());
            }
            _ => {}
        }
        for event in &events {
            let Token(number) = event.token();
            let Some(connection) = self.connections.get_mut(number) else {
                continue;
            };
            if event.is_writable() {
                connection.writable()?;
            }
            if !event.is_readable() || connection.is_stalled {
                continue;
            }
            let count = connection.readable(&mut self.buffer)?;
            let is_apart = self.plan.publisher.is_some() && number == self.plan.connections;
            if count == 0 || is_apart {
                continue;
            }
            self.heard += count;
            self.last_heard = Instant::now();
            match &mut self.phase {
                Phase::Closed if self.plan.answered == Answered::Sender => {
                    self.send(number, usize::try_from(count).unwrap_or(0))?;
                }
                Phase::Quiet | Phase::Closed => {}
                Phase::Paced { latencies, due } => {
                    let now = nanos(self.start.elapsed());
                    for before in (0..count).rev() {
                        let due = match self.plan.answered {
                            Answered::By(_) if self.plan.audiences.is_empty() => {
                                let nth = connection.heard - 1 - before;
                                due.get(usize::try_from(nth).unwrap_or(usize::MAX)).copied()
                            }
                            _ => connection.due.pop_front(),
                        };
                        if let Some(due) = due {
                            latencies.add(now.saturating_sub(due));
                        }
                    }
                }
            }
        }
        self.events = events;
        Ok(())
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

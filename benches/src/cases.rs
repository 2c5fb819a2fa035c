//! What is measured: each case, and what the load says to each kind of server for it.

use std::net::SocketAddr;

use serde_json::json;

use crate::plan::{Answered, Opening, Plan, What};

/// One row of comparisons.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// What `--only` names, and what is written to one file.
    pub(crate) group: &'static str,
    pub(crate) title: String,
    pub(crate) work: Work,
    pub(crate) measured: What,
    /// Bytes of a payload.
    pub(crate) size: usize,
    pub(crate) connections: usize,
    pub(crate) publishers: usize,
    pub(crate) stalled: usize,
    /// How many there are, and to how many of them a connection is subscribed.
    pub(crate) topics: usize,
    pub(crate) subscriptions: usize,
    /// Connections that are opened at one time.
    pub(crate) at_once: usize,
    /// Messages under way, as `Plan` has it.
    pub(crate) depth: usize,
    /// Messages in a second while latencies are measured.
    pub(crate) rate: f64,
}

/// What a server does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Work {
    /// Sends a text back.
    Echo,
    /// Answers a typed request.
    Request,
    /// Tells everyone what one publishes.
    Broadcast,
    /// Tells everyone something of his own.
    Each,
    /// Tells those who are subscribed to a topic.
    Topics,
}

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Dialect {
    Specwire,
    /// As many bytes, of which nothing is understood.
    Bytes,
    /// Text frames, at any path.
    Text,
    SocketIo,
    JsonRpc,
}

/// Each answers with as many bytes as specwire does, where there is no meaning in it.
pub(crate) const REQUEST: &str = r#"{"op":"msg","id":10,"channel":"getPeriod_request","message":"getPeriod_request","payload":{"interactionId":"1"}}"#;
const RESPONSE: &str = r#"{"op":"msg","id":10,"channel":"getPeriod_response","message":"getPeriod_response","payload":{"interactionId":"1","period":5}}"#;

/// All of them, in their order.
pub(crate) fn all(depth: usize) -> Vec<Case> {
    let mut cases = Vec::new();
    let base = Case {
        group: "echo",
        title: String::new(),
        work: Work::Echo,
        measured: What::Messages,
        size: 20,
        connections: 100,
        publishers: 1,
        stalled: 0,
        topics: 0,
        subscriptions: 0,
        at_once: 256,
        depth,
        rate: 0.0,
    };
    for (size, name, rate) in [
        (20, "20 B", 10_000.0),
        (1 << 10, "1 KiB", 10_000.0),
        (16 << 10, "16 KiB", 2000.0),
    ] {
        for connections in [1, 100, 500] {
            let rate = if connections == 1 { rate / 2.0 } else { rate };
            let title = format!("echo of {name}, {}", plural(connections, "connection"));
            cases.push(Case {
                title,
                size,
                connections,
                rate,
                ..base
            });
        }
    }
    for connections in [1, 100, 500] {
        cases.push(Case {
            group: "request",
            title: format!("getPeriod, {}", plural(connections, "connection")),
            work: Work::Request,
            connections,
            rate: 5000.0,
            ..base
        });
    }
    for (size, name) in [(20, "20 B"), (1 << 10, "1 KiB")] {
        for connections in [100, 1000, 5000] {
            cases.push(Case {
                group: "broadcast",
                title: format!("one publication of {name} to {connections}"),
                work: Work::Broadcast,
                size,
                connections,
                rate: 20_000.0 / connections as f64,
                ..base
            });
        }
    }
    cases.push(Case {
        group: "saturated",
        title: "1000 publishers of 20 B, and as many subscribers".to_owned(),
        work: Work::Broadcast,
        connections: 1000,
        publishers: 1000,
        depth: 1000 * depth,
        ..base
    });
    for (work, name) in [
        (Work::Broadcast, "the same to all"),
        (Work::Each, "to each its own"),
    ] {
        cases.push(Case {
            group: "each",
            title: format!("a beat of 26 B to 1000, {name}"),
            work,
            size: 26,
            connections: 1000,
            rate: 20.0,
            ..base
        });
    }
    cases.push(Case {
        group: "topics",
        title: "10000 topics, 1000 connections with 20 subscriptions each".to_owned(),
        work: Work::Topics,
        topics: 10_000,
        subscriptions: 20,
        connections: 1000,
        publishers: 1000,
        depth: 100 * depth,
        rate: 2500.0,
        ..base
    });
    cases.push(Case {
        group: "memory",
        title: "10000 connections, subscribed and quiet".to_owned(),
        work: Work::Broadcast,
        measured: What::Memory,
        connections: 10_000,
        ..base
    });
    cases.push(Case {
        group: "opening",
        title: "5000 connections, 256 at one time, each until it has heard of its topic".to_owned(),
        work: Work::Topics,
        topics: 5000,
        subscriptions: 1,
        measured: What::Opening,
        connections: 5000,
        ..base
    });
    cases.push(Case {
        group: "opening",
        title: "5000 connections come back at once, until each has had an answer".to_owned(),
        measured: What::Opening,
        connections: 5000,
        at_once: 5000,
        ..base
    });
    for stalled in [0, 50] {
        cases.push(Case {
            group: "slow",
            title: format!("one publication of 1 KiB to 500, of which {stalled} do not read"),
            work: Work::Broadcast,
            size: 1 << 10,
            connections: 500,
            stalled,
            rate: 40.0,
            ..base
        });
    }
    for subscribers in [1, 10, 100, 1000, 10_000] {
        // So many topics that there are always as many deliveries under way, or more, to as many
        // connections: nobody waits for one, and nobody gets several at once.
        let topics = (100 / subscribers).max(1);
        cases.push(Case {
            group: "subscribers",
            title: format!("one publication to {}", plural(subscribers, "subscriber")),
            work: Work::Topics,
            topics,
            subscriptions: 1,
            connections: topics * subscribers,
            depth: topics * depth,
            ..base
        });
    }
    for topics in [1, 10, 100, 1000, 10_000, 100_000] {
        let connections = topics.min(100);
        cases.push(Case {
            group: "many-topics",
            title: format!("{} with a subscriber each", plural(topics, "topic")),
            work: Work::Topics,
            topics,
            subscriptions: topics / connections,
            connections,
            depth: 100 * depth,
            ..base
        });
    }
    cases
}

/// Two that take seconds, to see that all of this works.
pub(crate) fn quick() -> Vec<Case> {
    let wanted = [
        "echo of 20 B, 100 connections",
        "getPeriod, 100 connections",
        "one publication of 20 B to 100",
    ];
    let mut cases = all(1);
    cases.retain(|case| wanted.contains(&case.title.as_str()));
    cases
}

fn plural(count: usize, what: &str) -> String {
    if count == 1 {
        format!("{count} {what}")
    } else {
        format!("{count} {what}s")
    }
}

impl Case {
    /// What a server has to do for it, in a word.
    pub(crate) fn does(&self) -> &'static str {
        match self.work {
            Work::Echo => "echo",
            Work::Request => "request",
            Work::Broadcast => "broadcast",
            Work::Each => "each",
            Work::Topics => "topics",
        }
    }

    /// What a server is told when it is started.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let (message, answer) = match self.work {
            Work::Echo | Work::Broadcast | Work::Each => (self.size, self.size),
            Work::Request => (REQUEST.len(), RESPONSE.len()),
            Work::Topics => (publication(0, self.size).len(), self.size + 2),
        };
        let fan_out = match self.work {
            Work::Echo | Work::Request => 0,
            _ if self.measured == What::Opening => 0,
            Work::Broadcast | Work::Each | Work::Topics => self.heard_by(),
        };
        let numbers = [message, answer, fan_out].map(|number| number.to_string());
        [self.does().to_owned()]
            .into_iter()
            .chain(numbers)
            .collect()
    }

    /// To how many a publication goes.
    pub(crate) fn heard_by(&self) -> usize {
        match self.work {
            Work::Topics => self.connections * self.subscriptions / self.topics.max(1),
            _ => self.connections,
        }
    }

    /// Those that a connection is subscribed to.
    fn topics_of(&self, connection: usize) -> impl Iterator<Item = usize> {
        let first = connection * self.subscriptions;
        (first..first + self.subscriptions).map(|nth| nth % self.topics.max(1))
    }

    /// Whether somebody who is spoken to like this can be told what to do.
    pub(crate) fn has_words_for(&self, dialect: Dialect) -> bool {
        match dialect {
            Dialect::Specwire | Dialect::Bytes | Dialect::Text => true,
            Dialect::SocketIo => matches!(self.work, Work::Echo | Work::Broadcast),
            // Whoever posts has an answer as well, and so is not one of those who hear.
            Dialect::JsonRpc => {
                self.work == Work::Request || self.work == Work::Broadcast && self.publishers == 1
            }
        }
    }

    /// What the load does, unless the server has no words for it.
    pub(crate) fn plan(
        &self,
        dialect: Dialect,
        server: SocketAddr,
        process: u32,
        seconds: f64,
    ) -> Option<Plan> {
        let text = "x".repeat(self.size);
        let at = |path: &str| Opening {
            path: path.to_owned(),
            ..Opening::default()
        };
        let (opening, messages, publisher) = match (self.work, dialect) {
            (Work::Echo, Dialect::Specwire) => (at("/ws/ping/ping"), vec![text], None),
            (Work::Broadcast, Dialect::Specwire) => (at("/ws/feed"), vec![text], None),
            (Work::Echo | Work::Broadcast | Work::Each, Dialect::Text | Dialect::Bytes) => {
                (at("/"), vec![text], None)
            }
            (Work::Echo | Work::Broadcast, Dialect::SocketIo) => {
                let opening = Opening {
                    path: "/socket.io/?EIO=4&transport=websocket".to_owned(),
                    hellos: vec![vec!["40".to_owned()]],
                    // Engine.IO's word of welcome, and Socket.IO's.
                    heard: 2,
                    ..Opening::default()
                };
                let message = format!("42{}", json!(["message", text]));
                (opening, vec![message], None)
            }
            (Work::Request, Dialect::Specwire) => {
                let opening = Opening {
                    path: "/ws/heartbeat".to_owned(),
                    subprotocol: Some("specwire.v1.json".to_owned()),
                    hellos: vec![vec![r#"{"op":"init","id":1}"#.to_owned()]],
                    heard: 1,
                };
                let requests = (10..74).map(|id| REQUEST.replace(":10,", &format!(":{id},")));
                (opening, requests.collect(), None)
            }
            (Work::Request, Dialect::JsonRpc) => {
                let request = |id| json!({"jsonrpc": "2.0", "id": id, "method": "getPeriod", "params": {"interactionId": "1"}});
                (
                    at("/"),
                    (10..74).map(|id| request(id).to_string()).collect(),
                    None,
                )
            }
            (Work::Broadcast, Dialect::JsonRpc) => {
                let call = |method, parameters: &[&str]| {
                    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters})
                        .to_string()
                };
                let opening = Opening {
                    hellos: vec![vec![call("listen", &[])]],
                    heard: 1,
                    ..at("/")
                };
                (opening, vec![call("post", &[&text])], Some(at("/")))
            }
            (Work::Request, Dialect::Text | Dialect::Bytes) => {
                (at("/"), vec![REQUEST.to_owned()], None)
            }
            (Work::Each, Dialect::Specwire) => {
                let hellos = (0..self.connections).map(|number| {
                    vec![json!({"subscriptionId": format!("{number:06}")}).to_string()]
                });
                let opening = Opening {
                    hellos: hellos.collect(),
                    ..at("/ws/heartbeat/beat_sub")
                };
                (opening, vec![text], Some(at("/ws/feed/post")))
            }
            (Work::Topics, Dialect::Specwire | Dialect::Text | Dialect::Bytes) => {
                let path = match dialect {
                    Dialect::Specwire => "/ws/topics/topic",
                    _ => "/",
                };
                // Whoever hears of its last topic is subscribed to them all; unless many would.
                let is_told = self.measured == What::Opening
                    || dialect != Dialect::Bytes && self.heard_by() <= 10;
                let hello = |connection| {
                    let topics = self.topics_of(connection);
                    let told = is_told.then(|| self.topics_of(connection).last()).flatten();
                    topics
                        .filter(|_| dialect != Dialect::Bytes)
                        .map(subscription)
                        .chain(told.map(|topic| publication(topic, self.size)))
                        .collect()
                };
                let opening = Opening {
                    hellos: (0..self.connections).map(hello).collect(),
                    heard: u64::from(is_told),
                    ..at(path)
                };
                // Spread over the topics: 7919 is prime.
                let messages =
                    (0..self.topics).map(|nth| publication(nth * 7919 % self.topics, self.size));
                (opening, messages.collect(), None)
            }
            _ => return None,
        };
        let opening = match (self.measured, opening.hellos.is_empty()) {
            // A connection counts when it has had its first answer.
            (What::Opening, true) => Opening {
                hellos: vec![messages.clone()],
                heard: 1,
                ..opening
            },
            _ => opening,
        };
        Some(Plan {
            server,
            process,
            connections: self.connections,
            opening,
            publisher,
            publishers: self.publishers,
            stalled: self.stalled,
            messages,
            audiences: self.audiences(dialect),
            at_once: self.at_once,
            answered: match self.work {
                Work::Echo | Work::Request => Answered::Sender,
                Work::Broadcast | Work::Each | Work::Topics => Answered::By(self.heard_by()),
            },
            depth: self.depth,
            seconds,
            rate: match (self.work, dialect) {
                // It cannot know who is to hear what.
                (Work::Topics, Dialect::Bytes) => 0.0,
                _ => self.rate,
            },
            measured: self.measured,
        })
    }

    /// Who hears each of the messages, where that is not everyone.
    fn audiences(&self, dialect: Dialect) -> Vec<Vec<usize>> {
        if self.work != Work::Topics || dialect == Dialect::Bytes || self.rate == 0.0 {
            return Vec::new();
        }
        let mut listeners = vec![Vec::new(); self.topics];
        for connection in 0..self.connections {
            for topic in self.topics_of(connection) {
                if let Some(listeners) = listeners.get_mut(topic) {
                    listeners.push(connection);
                }
            }
        }
        let topics = (0..self.topics).map(|nth| nth * 7919 % self.topics);
        topics
            .filter_map(|topic| listeners.get(topic).cloned())
            .collect()
    }
}

fn subscription(topic: usize) -> String {
    format!(r#"{{"action":"subscribe","topic":"{topic:05}"}}"#)
}

fn publication(topic: usize, size: usize) -> String {
    let text = "x".repeat(size);
    format!(r#"{{"action":"publish","topic":"{topic:05}","message":"{text}"}}"#)
}

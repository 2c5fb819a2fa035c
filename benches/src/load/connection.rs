//! One client.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};

use mio::net::TcpStream;

use crate::load::frames::{Frames, masked};
use crate::plan::{Opening, Plan};

#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    stage: Stage,
    frames: Frames,
    /// What the network has not taken yet.
    unsent: Vec<u8>,
    pub(crate) is_stalled: bool,
    /// Messages that it got since it is open.
    pub(crate) heard: u64,
    /// The next message that it sends.
    pub(crate) next: usize,
    /// When each message was due that is not answered.
    pub(crate) due: VecDeque<u64>,
}

#[derive(Debug)]
enum Stage {
    Connecting {
        request: Vec<u8>,
        hello: Vec<u8>,
        heard: u64,
    },
    Upgrading {
        answer: Vec<u8>,
        hello: Vec<u8>,
        heard: u64,
    },
    Greeting {
        heard: u64,
    },
    Open,
}

impl Connection {
    pub(crate) fn open(plan: &Plan, opening: &Opening, number: usize) -> io::Result<Self> {
        let stream = TcpStream::connect(plan.server)?;
        let subprotocol = opening
            .subprotocol
            .as_deref()
            .map_or_else(String::new, |name| {
                format!("Sec-WebSocket-Protocol: {name}\r\n")
            });
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{subprotocol}\r\n",
            opening.path, plan.server
        );
        let hellos = opening
            .hellos
            .iter()
            .cycle()
            .nth(number % opening.hellos.len().max(1));
        let hello = hellos.into_iter().flatten().flat_map(|hello| masked(hello));
        Ok(Self {
            stream,
            stage: Stage::Connecting {
                request: request.into_bytes(),
                hello: hello.collect(),
                heard: opening.heard,
            },
            frames: Frames::default(),
            unsent: Vec::new(),
            is_stalled: false,
            heard: 0,
            next: 0,
            due: VecDeque::new(),
        })
    }

    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open)
    }

    /// Writes what was left.
    pub(crate) fn writable(&mut self) -> Result<(), String> {
        if let Stage::Connecting {
            request,
            hello,
            heard,
        } = &mut self.stage
        {
            if self.stream.peer_addr().is_err() {
                let error = self.stream.take_error().ok().flatten();
                return error.map_or(Ok(()), |error| Err(format!("no connection: {error}")));
            }
            let _ = self.stream.set_nodelay(true);
            let request = std::mem::take(request);
            self.stage = Stage::Upgrading {
                answer: Vec::new(),
                hello: std::mem::take(hello),
                heard: *heard,
            };
            return self.send(&request);
        }
        if !self.unsent.is_empty() {
            let unsent = std::mem::take(&mut self.unsent);
            self.send(&unsent)?;
        }
        Ok(())
    }

    pub(crate) fn send(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        if self.unsent.is_empty() {
            while !bytes.is_empty() {
                match self.stream.write(bytes) {
                    Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(format!("cannot send: {error}")),
                }
            }
        }
        self.unsent.extend(bytes);
        Ok(())
    }

    /// Reads all there is; how many messages there were.
    pub(crate) fn readable(&mut self, buffer: &mut [u8]) -> Result<u64, String> {
        let mut count = 0;
        loop {
            let read = match self.stream.read(buffer) {
                Ok(0) => return Err("the server has closed".to_owned()),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(format!("cannot read: {error}")),
            };
            let bytes = buffer.get(..read).unwrap_or_default();
            count += self.take(bytes)?;
            // A read that did not fill the buffer has had all (epoll(7)).
            if read < buffer.len() {
                break;
            }
        }
        self.heard += count;
        Ok(count)
    }

    fn take(&mut self, bytes: &[u8]) -> Result<u64, String> {
        match &mut self.stage {
            Stage::Open => self.frames.count(bytes),
            Stage::Connecting { .. } => Err("the server speaks first".to_owned()),
            Stage::Upgrading {
                answer,
                hello,
                heard,
            } => {
                answer.extend(bytes);
                let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
                    return Ok(0);
                };
                let rest = answer.split_off(end + 4);
                if !answer.starts_with(b"HTTP/1.1 101 ") {
                    return Err(String::from_utf8_lossy(answer).into_owned());
                }
                let (hello, heard) = (std::mem::take(hello), *heard);
                self.stage = match heard {
                    0 => Stage::Open,
                    _ => Stage::Greeting { heard },
                };
                self.send(&hello)?;
                self.take(&rest)
            }
            Stage::Greeting { heard } => {
                let count = self.frames.count(bytes)?;
                *heard = heard.saturating_sub(count);
                if *heard == 0 {
                    self.stage = Stage::Open;
                }
                Ok(0)
            }
        }
    }
}

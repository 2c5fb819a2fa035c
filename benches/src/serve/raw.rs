//! The limit: a server on epoll that reads and writes the same bytes as the others, and knows nothing
//! of what they mean. It answers the handshake, and then counts: for so many bytes that it reads it
//! writes one frame, which is always the same, to the sender or to everyone.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use crate::load::frames::{masked, unmasked};

/// What it reads and writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes {
    /// Of the payload of a message, and of its answer.
    pub(crate) message: usize,
    pub(crate) answer: usize,
    /// How many get an answer, in turn; zero is the sender.
    pub(crate) fan_out: usize,
}

const LISTENER: Token = Token(usize::MAX);

/// What a client gets that always has the same key (RFC 6455, 1.3).
const ACCEPTED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

struct Connection {
    stream: TcpStream,
    is_upgraded: bool,
    /// Bytes of a message that has not come whole.
    read: usize,
    /// Bytes that are to be written, and where in a frame they begin.
    owed: usize,
    place: usize,
}

/// Serves until it is ended.
pub(crate) fn run(bytes: Bytes) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut listener = listen()?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("{}", listener.local_addr()?.port());

    let message = masked(&"x".repeat(bytes.message)).len();
    let answer = unmasked(&"x".repeat(bytes.answer));
    let answers = answer.repeat((256_usize << 10).div_ceil(answer.len()));
    let mut buffer = vec![0; 64 << 10];
    let mut events = Events::with_capacity(1024);
    let mut connections: Vec<Option<Connection>> = Vec::new();
    // Whose turn it is.
    let mut first = 0;
    loop {
        poll.poll(&mut events, None)?;
        let mut published = 0;
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((mut stream, _)) = listener.accept() {
                    let _ = stream.set_nodelay(true);
                    let token = Token(connections.len());
                    let both = Interest::READABLE | Interest::WRITABLE;
                    poll.registry().register(&mut stream, token, both)?;
                    connections.push(Some(Connection {
                        stream,
                        is_upgraded: false,
                        read: 0,
                        owed: 0,
                        place: 0,
                    }));
                }
                continue;
            }
            let Some(slot) = connections.get_mut(event.token().0) else {
                continue;
            };
            let Some(connection) = slot else { continue };
            if event.is_readable() {
                let Ok(read) = connection.read(&mut buffer) else {
                    *slot = None;
                    continue;
                };
                connection.read += read;
                let messages = connection.read / message;
                connection.read %= message;
                if bytes.fan_out > 0 {
                    published += messages;
                } else {
                    connection.owed += messages * answer.len();
                }
            }
            if connection.write(&answers, answer.len()).is_err() {
                *slot = None;
            }
        }
        // Whoever gets several gets them at once.
        let mut deliveries = published * bytes.fan_out;
        let all = connections.len().max(1);
        let receivers = deliveries.min(all);
        for turn in 0..receivers {
            let share = deliveries.div_ceil(receivers - turn);
            deliveries -= share;
            let receiver = (first + turn) % all;
            let Some(slot) = connections.get_mut(receiver) else {
                continue;
            };
            let Some(connection) = slot else { continue };
            connection.owed += share * answer.len();
            if connection.write(&answers, answer.len()).is_err() {
                *slot = None;
            }
        }
        first = (first + receivers) % all;
    }
}

/// With room for as many as come at once: the standard library's 128 have others try again after a
/// second.
fn listen() -> io::Result<TcpListener> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let listener = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        socket.listen(8192)?.into_std()
    })?;
    Ok(TcpListener::from_std(listener))
}

impl Connection {
    /// Bytes of messages.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut all = 0;
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(read) if self.is_upgraded => all += read,
                // The load sends its handshake in one piece, and waits for the answer.
                Ok(_) => {
                    self.is_upgraded = true;
                    self.stream.write_all(ACCEPTED)?;
                    return Ok(all);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(all),
                Err(error) => return Err(error),
            }
            // A read that did not fill the buffer has had all (epoll(7)).
            if all < buffer.len() {
                return Ok(all);
            }
        }
    }

    fn write(&mut self, answers: &[u8], length: usize) -> io::Result<()> {
        while self.owed > 0 {
            let end = (self.place + self.owed).min(answers.len());
            match self
                .stream
                .write(answers.get(self.place..end).unwrap_or_default())
            {
                Ok(written) => {
                    self.owed -= written;
                    self.place = (self.place + written) % length;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

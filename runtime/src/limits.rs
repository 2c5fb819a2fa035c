//! What one peer, or all of them together, may cost.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, Result};

/// The limits that a server keeps, with defaults that are safe on the Internet.
///
/// `docs/protocol.md` says with which close code or fault each is kept. None may be zero, but for
/// `close_timeout`; times may be without end (`Duration::MAX`).
///
/// ```
/// use specwire::Limits;
///
/// let limits = Limits { message_size: 1 << 20, ..Limits::default() };
/// assert_eq!(limits.subscriptions, 128);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Connections at one time; one more is answered with status 503. As many may be in their
    /// handshake, and one more is dropped. Default 10,000.
    pub connections: usize,
    /// Connections at one time from one address: for IPv6, from one network of 64 bits. One more is
    /// answered with status 429. Default 10,000: whoever stands before a proxy has one address, until
    /// the server is told of the proxy ([`Server::trust_proxy`](crate::Server::trust_proxy)).
    pub connections_per_address: usize,
    /// Subscriptions that one connection may have at one time; one more gets the fault
    /// `limit_exceeded`. Default 128.
    pub subscriptions: usize,
    /// Handlers that may be at work for one connection at one time, on messages that are answered; one
    /// more message gets the fault `limit_exceeded`. As many messages without an answer may be
    /// worked on; then no more is read until one is done. Default 128.
    pub handlers: usize,
    /// Bytes of the messages that started those; one more that does not fit gets the same fault, or
    /// is waited with. Default 1 MiB.
    pub exchange_bytes: usize,
    /// Bytes of one inbound frame; a larger one closes the connection with 1009. Default 64 KiB.
    pub frame_size: usize,
    /// Bytes of one inbound message in all its frames; a larger one closes the connection with
    /// 1009. Default 64 KiB.
    pub message_size: usize,
    /// Fragments of one inbound message; more close the connection with 1008. Default 1,024.
    pub fragments: u32,
    /// Messages that one connection may send in a second; what it sends beyond that is read later, so
    /// that it waits in the network and at last in the peer. Default 10,000.
    pub messages: u32,
    /// Messages with something wrong that one connection may send within 10 s; the last of them
    /// closes it with 3509. Default 100.
    pub errors: u32,
    /// Pings and pongs that one connection may send in a second; more close it with 1008. Default
    /// 20.
    pub control_frames: u32,
    /// Publications that may wait for one connection; what becomes of one more says
    /// `slow_consumer`. As many replies may wait beside them, and one more waits in its handler. What
    /// is being written counts no more: 64 messages or 16 KiB that were taken out, and up to a quarter
    /// as many as this that were not put in. Default 256.
    pub queue_messages: usize,
    /// Bytes of the publications that may wait for one connection, and of the replies, with the
    /// same effect; also the size of the largest message that can be sent. Default 1 MiB.
    pub queue_bytes: usize,
    /// What becomes of publications for a subscriber that does not keep up. Default
    /// [`SlowConsumer::Disconnect`].
    pub slow_consumer: SlowConsumer,
    /// From the TCP connection to the end of the WebSocket handshake. Default 5 s.
    pub handshake_timeout: Duration,
    /// From the handshake to the `init` of the envelope framing; then 4408. Default 5 s.
    pub init_timeout: Duration,
    /// From the first byte of a message to its last; then 1008. Time in which nothing was read from
    /// the connection does not count. Default 10 s.
    pub message_timeout: Duration,
    /// For the peer to take anything of what is written to it; then the connection is dropped.
    /// Default 5 s.
    pub write_timeout: Duration,
    /// Without a message in either direction, whatever pings say; then 3002. Default: without end
    /// (`Duration::MAX`).
    pub idle_timeout: Duration,
    /// For a handler to answer a message that has one answer at most; then it is dropped, and the
    /// fault is `timeout`. Default: without end (`Duration::MAX`).
    pub handler_timeout: Duration,
    /// Between two pings to a peer. Default 25 s.
    pub ping_interval: Duration,
    /// For a peer to show a sign of life after a ping; then the connection is dropped. Default 8 s.
    pub pong_timeout: Duration,
    /// For a peer to answer a close frame. Default 1 s.
    pub close_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_address: 10_000,
            subscriptions: 128,
            handlers: 128,
            exchange_bytes: 1 << 20,
            frame_size: 64 << 10,
            message_size: 64 << 10,
            fragments: 1024,
            messages: 10_000,
            errors: 100,
            control_frames: 20,
            queue_messages: 256,
            queue_bytes: 1 << 20,
            slow_consumer: SlowConsumer::default(),
            handshake_timeout: Duration::from_secs(5),
            init_timeout: Duration::from_secs(5),
            message_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(5),
            idle_timeout: Duration::MAX,
            handler_timeout: Duration::MAX,
            ping_interval: Duration::from_secs(25),
            pong_timeout: Duration::from_secs(8),
            close_timeout: Duration::from_secs(1),
        }
    }
}

impl Limits {
    /// Zero of anything would keep everybody out, or every message.
    pub(crate) fn check(&self) -> Result<()> {
        // By its pattern, so that none is forgotten. Not to wait for a close frame is no nonsense.
        let Self {
            connections,
            connections_per_address,
            subscriptions,
            handlers,
            exchange_bytes,
            frame_size,
            message_size,
            fragments,
            messages,
            errors,
            control_frames,
            queue_messages,
            queue_bytes,
            slow_consumer: _,
            handshake_timeout,
            init_timeout,
            message_timeout,
            write_timeout,
            idle_timeout,
            handler_timeout,
            ping_interval,
            pong_timeout,
            close_timeout: _,
        } = self;
        let zeros = [
            ("connections", *connections == 0),
            ("connections_per_address", *connections_per_address == 0),
            ("subscriptions", *subscriptions == 0),
            ("handlers", *handlers == 0),
            ("exchange_bytes", *exchange_bytes == 0),
            ("frame_size", *frame_size == 0),
            ("message_size", *message_size == 0),
            ("fragments", *fragments == 0),
            ("messages", *messages == 0),
            ("errors", *errors == 0),
            ("control_frames", *control_frames == 0),
            ("queue_messages", *queue_messages == 0),
            ("queue_bytes", *queue_bytes == 0),
            ("handshake_timeout", handshake_timeout.is_zero()),
            ("init_timeout", init_timeout.is_zero()),
            ("message_timeout", message_timeout.is_zero()),
            ("write_timeout", write_timeout.is_zero()),
            ("idle_timeout", idle_timeout.is_zero()),
            ("handler_timeout", handler_timeout.is_zero()),
            ("ping_interval", ping_interval.is_zero()),
            ("pong_timeout", pong_timeout.is_zero()),
        ];
        match zeros.into_iter().find(|(_, is_zero)| *is_zero) {
            Some((name, _)) => Err(Error::Limit { name }),
            None => Ok(()),
        }
    }
}

/// What becomes of publications for a connection whose queue is full of them.
///
/// It concerns publications only: replies wait in their handlers for room, and answers that the
/// protocol owes are never dropped. What is dropped is counted ([`Counters::dropped`]), and the next
/// publication of the same subscription tells its subscriber how many there were, in framings that
/// have a place for it; or, if there is none by the time that all else is written, a word of its own does.
///
/// ```
/// use specwire::{Limits, Server, SlowConsumer};
///
/// let limits = Limits { slow_consumer: SlowConsumer::DropOldest, ..Limits::default() };
/// let server = Server::new().limits(limits);
/// ```
///
/// [`Counters::dropped`]: crate::Counters::dropped
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum SlowConsumer {
    /// The connection is closed with 3008, after what waits has been written: nothing is lost
    /// unseen.
    #[default]
    Disconnect,
    /// The publications that have waited longest make room.
    DropOldest,
    /// The publication that finds no room is dropped.
    DropNewest,
    /// One publication waits for each subscription at most: a newer one takes its place, whether or
    /// not the queue is full. Where even so there is no room, as with `DropOldest`.
    Latest,
    /// Publishers that await [`Subscribers::ready`](crate::Subscribers::ready) or
    /// [`Bus::ready`](crate::Bus::ready) are held until no more than half of the queue is taken, for so
    /// long at most; then, and for publishers that do not wait, as with `Disconnect`.
    Block(Duration),
}

/// The moment after so much time; for as much as `Duration::MAX`, one that never comes.
pub(crate) fn after(duration: Duration) -> Instant {
    after_from(Instant::now(), duration)
}

/// The same from `start` on.
pub(crate) fn after_from(start: Instant, duration: Duration) -> Instant {
    const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    start.checked_add(duration).unwrap_or(start + NEVER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_zero_is_refused_by_its_name() {
        assert!(Limits::default().check().is_ok());
        let limits = Limits {
            close_timeout: Duration::ZERO,
            ..Limits::default()
        };
        assert!(limits.check().is_ok());
        let limits = Limits {
            ping_interval: Duration::ZERO,
            ..Limits::default()
        };
        let error = limits.check().unwrap_err().to_string();
        assert_eq!(error, "the limit `ping_interval` is zero, expected more");
    }

    /// What the protocol and the documentation promise, in figures.
    #[test]
    fn the_defaults_are_those_that_are_documented() {
        let limits = Limits::default();
        assert_eq!((limits.frame_size, limits.message_size), (65_536, 65_536));
        assert_eq!((limits.queue_messages, limits.queue_bytes), (256, 1 << 20));
        assert_eq!((limits.subscriptions, limits.handlers), (128, 128));
        assert_eq!(limits.exchange_bytes, 1 << 20);
        assert_eq!((limits.fragments, limits.messages), (1024, 10_000));
        assert_eq!(limits.errors, 100);
        assert_eq!((limits.connections, limits.control_frames), (10_000, 20));
        let seconds = [
            limits.handshake_timeout,
            limits.init_timeout,
            limits.message_timeout,
            limits.write_timeout,
            limits.ping_interval,
            limits.pong_timeout,
            limits.close_timeout,
        ];
        assert_eq!(seconds.map(|time| time.as_secs()), [5, 5, 10, 5, 25, 8, 1]);
    }
}

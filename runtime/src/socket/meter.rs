//! Bytes on their way between tungstenite and the network, of which this counts what tungstenite
//! does not tell.
//!
//! tungstenite is what speaks RFC 6455. But it joins the fragments of a message without a word of how
//! many there are, so that fragments without content could come for ever, and it waits for the rest of
//! a message for as long as the network does. So this reads along the heads of the frames that come
//! in, and nothing else of them.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A byte stream that is counted.
#[derive(Debug)]
pub(super) struct Metered<S> {
    io: S,
    inbound: Frames,
    written: u64,
}

/// A message is in more fragments than it may be.
#[derive(Debug)]
pub(super) struct TooManyFragments;

impl fmt::Display for TooManyFragments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message is in more fragments than it may be")
    }
}

impl std::error::Error for TooManyFragments {}

impl<S> Metered<S> {
    /// With what was read of the stream before.
    pub(super) fn new(io: S, read: &[u8], max_fragments: u32) -> Self {
        let mut inbound = Frames::new(max_fragments);
        inbound.advance(read);
        Self {
            io,
            inbound,
            written: 0,
        }
    }

    /// How many bytes the network has taken.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// How many messages have come in, if a part of another has.
    pub(super) fn unfinished(&self) -> Option<u64> {
        self.inbound.is_within().then_some(self.inbound.finished)
    }

    /// The stream itself, when frames no longer matter.
    pub(super) fn io_mut(&mut self) -> &mut S {
        &mut self.io
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        if !this.inbound.is_flooded {
            ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
            let read = buf.filled().get(before..).unwrap_or_default();
            let sound = this.inbound.advance(read);
            // What came before the fragment too many is still acted upon.
            buf.set_filled(before.saturating_add(sound));
        }
        if this.inbound.is_flooded && buf.filled().len() == before {
            return Poll::Ready(Err(io::Error::other(TooManyFragments)));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.io).poll_write(cx, buf))?;
        self.written = self
            .written
            .wrapping_add(count.try_into().unwrap_or(u64::MAX));
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// How far the frames that come in have come.
#[derive(Debug)]
struct Frames {
    max_fragments: u32,
    /// What there is of a frame's head (RFC 6455, 5.2).
    head: [u8; HEAD],
    head_length: usize,
    /// What is missing of its payload.
    payload_left: u64,
    /// Of the message that has begun, if one has.
    fragments: u32,
    finished: u64,
    is_flooded: bool,
}

/// Two bytes, the length in up to eight, and the mask in four.
const HEAD: usize = 14;

impl Frames {
    fn new(max_fragments: u32) -> Self {
        Self {
            max_fragments,
            head: [0; HEAD],
            head_length: 0,
            payload_left: 0,
            fragments: 0,
            finished: 0,
            is_flooded: false,
        }
    }

    /// Goes on by these bytes, and says how many of them come before a fragment too many.
    fn advance(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        let mut sound = 0;
        while !rest.is_empty() {
            if self.head_length == 0 {
                sound = bytes.len() - rest.len();
            }
            rest = match self.length() {
                None => self.head_byte(rest),
                Some(_) => self.payload(rest),
            };
            if self.is_flooded {
                return sound;
            }
        }
        bytes.len()
    }

    fn head_byte<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some((byte, rest)) = bytes.split_first() else {
            return bytes;
        };
        if let Some(place) = self.head.get_mut(self.head_length) {
            *place = *byte;
        }
        self.head_length += 1;
        if let Some(length) = self.length() {
            self.payload_left = length;
            self.begin_frame();
        }
        rest
    }

    fn payload<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let here =
            usize::try_from(self.payload_left).map_or(bytes.len(), |left| left.min(bytes.len()));
        self.payload_left -= u64::try_from(here).unwrap_or_default();
        if self.payload_left == 0 {
            self.end_frame();
        }
        bytes.get(here..).unwrap_or_default()
    }

    /// The payload's, once the whole head is there.
    fn length(&self) -> Option<u64> {
        let [_, second, rest @ ..] = &self.head;
        let long = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        if self.head_length < 2 + long + mask {
            return None;
        }
        let length = rest
            .iter()
            .take(long)
            .fold(0, |length, byte| length << 8 | u64::from(*byte));
        Some(if long == 0 {
            (second & 0x7f).into()
        } else {
            length
        })
    }

    fn begin_frame(&mut self) {
        const CONTINUATION: u8 = 0;
        let opcode = self.head[0] & 0x0f;
        if is_data(opcode) {
            if opcode != CONTINUATION {
                self.fragments = 0;
            }
            self.fragments = self.fragments.saturating_add(1);
            self.is_flooded = self.fragments > self.max_fragments;
        }
        if self.payload_left == 0 {
            self.end_frame();
        }
    }

    fn end_frame(&mut self) {
        let is_final = self.head[0] & 0x80 != 0;
        let is_data = is_data(self.head[0] & 0x0f);
        self.head_length = 0;
        if is_data && is_final {
            self.fragments = 0;
        }
        // A control frame within a message does not bring the message further.
        if self.fragments == 0 {
            self.finished = self.finished.wrapping_add(1);
        }
    }

    /// A message or a frame has begun and not ended.
    fn is_within(&self) -> bool {
        self.head_length > 0 || self.fragments > 0
    }
}

fn is_data(opcode: u8) -> bool {
    opcode < 8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A masked frame.
    fn frame(first: u8, size: usize) -> Vec<u8> {
        let mut frame = vec![first];
        match size {
            0..126 => frame.push(0x80 | u8::try_from(size).unwrap()),
            126..0x1_0000 => {
                frame.push(0xfe);
                frame.extend(u16::try_from(size).unwrap().to_be_bytes());
            }
            _ => {
                frame.push(0xff);
                frame.extend(u64::try_from(size).unwrap().to_be_bytes());
            }
        }
        frame.extend([1, 2, 3, 4]);
        frame.extend(vec![0xff; size]);
        frame
    }

    /// Whole and byte by byte.
    fn check(bytes: &[u8], max_fragments: u32, expected: impl Fn(&Frames) -> bool) {
        let mut whole = Frames::new(max_fragments);
        whole.advance(bytes);
        assert!(expected(&whole), "{whole:?}");
        let mut each = Frames::new(max_fragments);
        for byte in bytes {
            each.advance(std::slice::from_ref(byte));
        }
        assert!(expected(&each), "{each:?}");
    }

    #[test]
    fn frames_are_followed_whatever_their_length() {
        for size in [0, 1, 125, 126, 65_535, 65_536, 70_000] {
            let bytes = frame(0x82, size).repeat(3);
            check(&bytes, 1, |frames| {
                frames.finished == 3 && !frames.is_within() && !frames.is_flooded
            });
            check(&bytes[..bytes.len() - 1], 1, |frames| {
                frames.finished == 2 && frames.is_within()
            });
        }
    }

    #[test]
    fn fragments_are_counted_for_each_message() {
        let message = [frame(0x01, 5), frame(0x00, 0), frame(0x80, 2)].concat();
        check(&message.repeat(5), 3, |frames| {
            frames.finished == 5 && !frames.is_flooded
        });
        check(&message, 2, |frames| frames.is_flooded);
        // Pings in between are no fragments.
        let pinged = [frame(0x01, 5), frame(0x89, 0).repeat(9), frame(0x80, 2)].concat();
        check(&pinged, 2, |frames| {
            frames.finished == 1 && !frames.is_flooded
        });
    }

    #[test]
    fn a_ping_within_a_message_does_not_finish_it() {
        let bytes = [frame(0x01, 5), frame(0x89, 3)].concat();
        check(&bytes, 9, |frames| {
            frames.is_within() && frames.finished == 0
        });
    }

    #[test]
    fn what_comes_before_the_fragment_too_many_is_sound() {
        let (first, second) = (frame(0x81, 10), frame(0x01, 10));
        let bytes = [&first[..], &second, &frame(0x00, 0)].concat();
        let mut frames = Frames::new(1);
        assert_eq!(frames.advance(&bytes), first.len() + second.len());
    }

    #[test]
    fn a_length_that_nobody_has_is_waited_for() {
        let mut head = vec![0x81, 0xff];
        head.extend(u64::MAX.to_be_bytes());
        head.extend([0; 4]);
        check(&head, 1, |frames| {
            frames.payload_left == u64::MAX && frames.is_within()
        });
    }
}

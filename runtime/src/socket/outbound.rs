//! The bytes that go out, and the frames that a server puts into them (RFC 6455, 5.2).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

use crate::framing::Frame;

/// Bytes on their way to the network.
#[derive(Debug, Default)]
pub(super) struct Outbound {
    bytes: Vec<u8>,
    /// How many of these the network has taken.
    taken: usize,
    /// How many it has taken in all.
    written: u64,
}

/// What an idle connection keeps of its memory for what goes out; of which there are two pieces, where
/// others write for it.
const IDLE: usize = 128;

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
pub(super) const PING: u8 = 0x89;

impl Outbound {
    /// Adds a server's frame.
    pub(super) fn put(&mut self, frame: &Frame<'_>) {
        add_frame(&mut self.bytes, frame);
    }

    /// Adds frames as they are.
    pub(super) fn add(&mut self, frames: Vec<u8>) {
        if self.bytes.is_empty() {
            self.bytes = frames;
        } else {
            self.bytes.extend_from_slice(&frames);
        }
    }

    /// Memory that nothing is in.
    pub(super) fn free(&mut self) -> Vec<u8> {
        match self.bytes.is_empty() {
            true => std::mem::take(&mut self.bytes),
            false => Vec::new(),
        }
    }

    /// Adds bytes as they are.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// How many bytes the network has taken in all.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// How many it has not.
    pub(super) fn unwritten(&self) -> usize {
        self.bytes.len().saturating_sub(self.taken)
    }

    /// What the network has not taken.
    pub(super) fn left(&self) -> Option<&[u8]> {
        self.bytes.get(self.taken..)
    }

    /// It has taken so many more.
    pub(super) fn took(&mut self, count: usize) {
        self.taken = self.taken.saturating_add(count);
        let count = count.try_into().unwrap_or(u64::MAX);
        self.written = self.written.wrapping_add(count);
    }

    /// All has been taken.
    pub(super) fn clear(&mut self) {
        self.taken = 0;
        self.bytes.clear();
        if self.bytes.capacity() > IDLE {
            self.bytes = Vec::new();
        }
    }

    /// Adds a frame that is not masked, with these first bits.
    pub(super) fn frame(&mut self, first: u8, payload: &[u8]) {
        add(&mut self.bytes, first, payload);
    }

    /// Writes all that there is.
    pub(super) fn poll_write<S: AsyncWrite>(
        &mut self,
        mut io: Pin<&mut S>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while let Some(left @ [_, ..]) = self.left() {
            let count = ready!(io.as_mut().poll_write(cx, left))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.took(count);
        }
        self.clear();
        Poll::Ready(Ok(()))
    }
}

/// Adds a server's frame to others.
pub(crate) fn add_frame(frames: &mut Vec<u8>, frame: &Frame<'_>) {
    match frame {
        Frame::Text(text) => add(frames, TEXT, text.as_bytes()),
        Frame::Binary(bytes) => add(frames, BINARY, bytes),
    }
}

/// Adds a frame that is not masked (RFC 6455, 5.2), with these first bits.
fn add(frames: &mut Vec<u8>, first: u8, payload: &[u8]) {
    const HEAD: usize = 10;
    frames.reserve(payload.len().saturating_add(HEAD));
    frames.push(first);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ ..126), _) => frames.push(length),
        (_, Ok(length)) => {
            frames.push(126);
            frames.extend(length.to_be_bytes());
        }
        _ => {
            frames.push(127);
            let length = u64::try_from(payload.len()).unwrap_or(u64::MAX);
            frames.extend(length.to_be_bytes());
        }
    }
    frames.extend_from_slice(payload);
}

//! A TCP connection whose writing end can be lent.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::outbound::Outbound;
use crate::framing::Frame;

/// What a WebSocket may be on, of which some can be written to from elsewhere.
pub(crate) trait Lend {
    /// The writing end, apart from the rest.
    type End: WriteNow;

    /// The writing end, where that can be apart from the rest.
    fn lend(&mut self) -> Option<Self::End> {
        None
    }

    /// Takes it back.
    fn take_back(&mut self, _: Self::End) {}
}

/// What is written to without waiting.
pub(crate) trait WriteNow: fmt::Debug + Send + 'static {
    /// Writes what can be written at once, and says how much that is.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;
}

impl WriteNow for OwnedWriteHalf {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        Self::try_write(self, bytes)
    }
}

impl<T> Lend for TokioIo<T> {
    type End = Infallible;
}

impl WriteNow for Infallible {
    fn try_write(&self, _: &[u8]) -> io::Result<usize> {
        match *self {}
    }
}

/// A TCP connection.
#[derive(Debug)]
pub(crate) struct Tcp {
    read: OwnedReadHalf,
    write: Option<OwnedWriteHalf>,
}

impl From<TcpStream> for Tcp {
    fn from(stream: TcpStream) -> Self {
        let (read, write) = stream.into_split();
        Self {
            read,
            write: Some(write),
        }
    }
}

impl Tcp {
    /// Nothing is written here while somebody else does.
    fn write(&mut self) -> io::Result<Pin<&mut OwnedWriteHalf>> {
        let write = self.write.as_mut().map(Pin::new);
        write.ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }
}

impl Lend for Tcp {
    type End = OwnedWriteHalf;

    fn lend(&mut self) -> Option<OwnedWriteHalf> {
        self.write.take()
    }

    fn take_back(&mut self, write: OwnedWriteHalf) {
        self.write = Some(write);
    }
}

impl AsyncRead for Tcp {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.read).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Tcp {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write()?.poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write()?.poll_shutdown(cx)
    }
}

/// The writing end of a WebSocket, apart from the rest.
#[derive(Debug)]
pub(crate) struct Lent<W> {
    pub(super) write: W,
    pub(super) outbound: Outbound,
}

impl<W: WriteNow> Lent<W> {
    /// Adds a frame to what is written next.
    pub(crate) fn put(&mut self, frame: &Frame<'_>) {
        self.outbound.put(frame);
    }

    /// Adds frames to what is written next.
    pub(crate) fn add(&mut self, frames: Vec<u8>) {
        self.outbound.add(frames);
    }

    /// Memory that is not needed to write with.
    pub(crate) fn free(&mut self) -> Vec<u8> {
        self.outbound.free()
    }

    /// Bytes that the network has not taken.
    pub(crate) fn unwritten(&self) -> usize {
        self.outbound.unwritten()
    }

    /// Writes as much as the network takes now, and says whether that is all. What is left, or wrong,
    /// is for who has lent this.
    pub(crate) fn write_now(&mut self) -> bool {
        while let Some(left @ [_, ..]) = self.outbound.left() {
            match self.write.try_write(left) {
                Ok(count @ 1..) => self.outbound.took(count),
                Ok(0) | Err(_) => return false,
            }
        }
        self.outbound.clear();
        true
    }
}

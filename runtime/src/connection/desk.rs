//! Where a connection leaves what it writes with, while it has nothing to do.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};

use tokio::time::Instant;
use tracing::Span;

use super::{BATCH, BATCH_BYTES};
use crate::flusher::Claim;
use crate::frame::Event;
use crate::framing::{Frame, Framing, Refusal, Written};
use crate::outbox::{Flush, Source};
use crate::socket::{Lent, WriteNow, add_frame};
use crate::sync::{Mutex, MutexGuard};

/// What a connection leaves here has somebody else write what is queued, as the connection would.
#[derive(Debug)]
pub(super) struct Desk<W> {
    source: Source,
    claim: Claim,
    /// What is logged in writing is the connection's.
    span: Span,
    pen: Mutex<Option<Pen<W>>>,
}

/// What a connection writes with.
#[derive(Debug)]
pub(super) struct Pen<W> {
    pub(super) framing: Box<dyn Framing>,
    pub(super) socket: Lent<W>,
    /// Publications that have not been written yet.
    pub(super) on_their_way: u64,
    /// When something was written last, if anything was.
    pub(super) wrote: Option<Instant>,
    pub(super) end: Option<End>,
    /// The connection has been woken, as it is needed here.
    pub(super) is_left: bool,
}

/// Why the connection ends, as turned out in writing.
#[derive(Debug)]
pub(super) enum End {
    Refused(Refusal),
    Panicked,
}

impl<W> Desk<W> {
    pub(super) fn new(source: Source, claim: Claim) -> Self {
        Self {
            source,
            claim,
            span: Span::current(),
            pen: Mutex::default(),
        }
    }

    // Framings, which may be anybody's, are caught; what else runs under the lock does not panic.
    fn pen(&self) -> MutexGuard<'_, Option<Pen<W>>> {
        self.pen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves it here.
    pub(super) fn leave(&self, pen: Pen<W>) {
        *self.pen() = Some(pen);
    }

    /// Takes it from here, once nobody writes with it.
    pub(super) fn take(&self) -> Option<Pen<W>> {
        self.pen().take()
    }
}

impl<W: WriteNow> Flush for Desk<W> {
    fn frame(&self, event: &Event, frames: &mut Vec<u8>) -> bool {
        // Whoever has it takes what comes meanwhile out of the queue.
        let Ok(mut pen) = self.pen.try_lock() else {
            return false;
        };
        let Some(pen) = pen.as_mut().filter(|pen| pen.takes_more()) else {
            return false;
        };
        if let Some(frame) = frame(&*pen.framing, event, &mut pen.end) {
            add_frame(frames, &frame);
        }
        true
    }

    fn soon(self: Arc<Self>) {
        let one: Arc<dyn Flush> = Arc::<Self>::clone(&self);
        self.claim.list(one);
    }

    fn flush(&self, now: Instant) -> bool {
        let mut pen = self.pen();
        // The connection is at work, or about to be, and looks at the queue itself.
        let Some(pen) = pen.as_mut().filter(|pen| !pen.is_left) else {
            return false;
        };
        let _span = self.span.enter();
        let (next, mut is_all) = self.source.next(pen.socket.free());
        pen.on_their_way = pen.on_their_way.saturating_add(next.publications);
        pen.socket.add(next.frames);
        for _ in 0..BATCH {
            if is_all || !pen.takes_more() {
                break;
            }
            let Some(queued) = self.source.next_to_flush() else {
                is_all = true;
                break;
            };
            pen.put(&queued.event, queued.is_publication);
        }
        if pen.socket.unwritten() > 0 {
            pen.wrote = Some(now);
        }
        if pen.end.is_some() || !pen.socket.write_now() {
            pen.is_left = true;
            self.source.wake();
            return false;
        }
        self.source.delivered(std::mem::take(&mut pen.on_their_way));
        !is_all
    }

    fn wake(&self) {
        self.source.wake();
    }
}

impl<W: WriteNow> Pen<W> {
    /// Another event may be added.
    fn takes_more(&self) -> bool {
        !self.is_left && self.end.is_none() && self.socket.unwritten() < BATCH_BYTES
    }

    /// Adds an event to what is written.
    fn put(&mut self, event: &Event, is_publication: bool) {
        if let Some(frame) = frame(&*self.framing, event, &mut self.end) {
            let count = u64::from(is_publication);
            self.on_their_way = self.on_their_way.saturating_add(count);
            self.socket.put(&frame);
        }
    }
}

/// What the framing makes of an event, if that is a frame.
fn frame<'a>(
    framing: &'a dyn Framing,
    event: &'a Event,
    end: &mut Option<End>,
) -> Option<Frame<'a>> {
    let written = catch_unwind(AssertUnwindSafe(|| framing.write(event)));
    match written {
        Ok(Written::Frame(frame)) => return Some(frame),
        Ok(Written::Nothing) => {}
        Ok(Written::Close(refusal)) => *end = Some(End::Refused(refusal)),
        Err(_) => *end = Some(End::Panicked),
    }
    None
}

//! Where a connection leaves what it writes with, while it has nothing to do.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};

use tokio::time::Instant;
use tracing::Span;

use super::{BATCH, BATCH_BYTES};
use crate::flusher::Claim;
use crate::frame::Event;
use crate::framing::{Framing, Refusal, Written};
use crate::outbox::{Ahead, Flush, Source};
use crate::socket::{Lent, WriteNow};
use crate::sync::{Mutex, MutexGuard};

/// What weighs more is not copied for each of those that it is for before it is written to them.
const COPIED: usize = 512;

/// What a connection leaves here has somebody else write what is queued, as the connection would.
#[derive(Debug)]
pub(super) struct Desk<W> {
    source: Source,
    claim: Claim,
    /// What may be put here.
    ahead: Ahead,
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
            ahead: source.ahead(),
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
    fn put(&self, publication: &Event) -> bool {
        // Whoever has it takes what comes meanwhile out of the queue.
        let Ok(mut pen) = self.pen.try_lock() else {
            return false;
        };
        match &mut *pen {
            Some(pen) if pen.has_room_for(publication, self.ahead) => {
                pen.put(publication, true);
                true
            }
            _ => false,
        }
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
        let mut is_all = false;
        for _ in 0..BATCH {
            if !pen.takes_more() {
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

    /// A publication may be added that has not been queued.
    fn has_room_for(&self, publication: &Event, ahead: Ahead) -> bool {
        let weight = publication.weight();
        let bytes = self.socket.unwritten().saturating_add(weight);
        self.on_their_way < ahead.publications
            && weight <= COPIED
            && bytes <= ahead.bytes
            && !self.is_left
            && self.end.is_none()
    }

    /// Adds an event to what is written.
    fn put(&mut self, event: &Event, is_publication: bool) {
        let framing = &*self.framing;
        let written = catch_unwind(AssertUnwindSafe(|| framing.write(event)));
        match written {
            Ok(Written::Frame(frame)) => {
                let count = u64::from(is_publication);
                self.on_their_way = self.on_their_way.saturating_add(count);
                self.socket.put(&frame);
            }
            Ok(Written::Nothing) => {}
            Ok(Written::Close(refusal)) => self.end = Some(End::Refused(refusal)),
            Err(_) => self.end = Some(End::Panicked),
        }
    }
}

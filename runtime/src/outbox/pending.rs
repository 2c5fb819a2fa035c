//! The receiving end of a queue: the connection's, and of whoever writes in its place.

use std::any::TypeId;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::Instant;

use super::ahead::{Lending, Next};
use super::waiting::Waiting;
use super::{CONNECTION, LENT, NOBODY, Queue, Queued};
use crate::frame::Event;
use crate::sync::atomic::Ordering;

/// The receiving end: what the connection writes from. Dropping it closes the queue.
#[derive(Debug)]
pub(crate) struct Pending {
    source: Source,
}

/// What is taken out of a queue.
#[derive(Debug)]
pub(crate) struct Source {
    queue: Arc<Queue>,
}

/// What writes for a connection that waits.
pub(crate) trait Flush: fmt::Debug + Send + Sync {
    /// Adds the event's frame, if it has one, where this can be told now; says otherwise. Called with
    /// the queue's lock, and does not wait.
    fn frame(&self, event: &Event, frames: &mut Vec<u8>) -> bool;

    /// Has [`flush`](Self::flush) called soon.
    fn soon(self: Arc<Self>);

    /// Writes what is next, and what is queued, as much as may be at once, and says whether there is
    /// more.
    fn flush(&self, now: Instant) -> bool;

    /// Has the connection write itself.
    fn wake(&self);
}

/// Something found no room, and so the connection is given up. What had room is still there to take.
#[derive(Debug)]
pub(crate) struct Overflow;

impl Pending {
    pub(super) fn new(queue: Arc<Queue>) -> Self {
        Self {
            source: Source { queue },
        }
    }

    /// Takes the next event, if the connection can write one now, and remembers who waits otherwise.
    ///
    /// # Errors
    ///
    /// Something found no room. Who cannot write now still learns of that.
    pub(crate) fn poll_next(
        &self,
        cx: &Context<'_>,
        can_write: bool,
    ) -> Poll<Result<Queued, Overflow>> {
        let queue = &self.source.queue;
        let mut state = queue.state();
        if state.has_overflowed {
            return Poll::Ready(Err(Overflow));
        }
        if can_write && let Some(next) = queue.pop(&mut state) {
            drop(state);
            queue.tell_of(&next);
            return Poll::Ready(Ok(next));
        }
        let told = if can_write { CONNECTION } else { NOBODY };
        queue.told.store(told, Ordering::Relaxed);
        match &mut state.waiting {
            Some(waiting) => waiting.clone_from(cx.waker()),
            waiting => *waiting = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// The connection is at work, and will ask for what is queued meanwhile before it waits again.
    pub(crate) fn is_at_work(&self) {
        self.source.queue.told.store(NOBODY, Ordering::Relaxed);
    }

    /// From now on `to` writes what is queued, and the connection, which waits, is woken only when it
    /// asks for that; but not where something is queued already, which has woken the connection. Its
    /// framing says whose frames are the same.
    pub(crate) fn lend(&self, to: Arc<dyn Flush>, alike: Option<TypeId>) {
        let queue = &self.source.queue;
        let mut state = queue.state();
        if state.has_nothing_to_tell() && !state.is_closed {
            // Most of what comes from now on is publications.
            state.others = VecDeque::new();
            state.lent = Some(Lending::new(to, alike, &queue.bounds));
            queue.told.store(LENT, Ordering::Relaxed);
        }
    }

    /// From now on the connection itself writes what is next, which this is, and what is queued.
    pub(crate) fn recall(&self) -> Next {
        let queue = &self.source.queue;
        let mut state = queue.state();
        let lent = state.lent.take();
        queue.told.store(NOBODY, Ordering::Relaxed);
        drop(state);
        let next = lent.map(Lending::into_next).unwrap_or_default();
        queue.metrics.published(next.published);
        next
    }

    /// For what writes in the connection's place.
    pub(crate) fn source(&self) -> Source {
        Source {
            queue: Arc::clone(&self.source.queue),
        }
    }

    /// Takes the next event, if there is one, also of a connection that is given up.
    pub(crate) fn next_now(&self) -> Option<Queued> {
        let queue = &self.source.queue;
        let next = queue.pop(&mut queue.state())?;
        queue.tell_of(&next);
        Some(next)
    }

    /// So many publications have been written.
    pub(crate) fn delivered(&self, count: u64) {
        self.source.delivered(count);
    }

    /// How many publications have been written to this connection, and how many were dropped.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (
            self.source.queue.delivered.load(Ordering::Relaxed),
            self.source.queue.dropped.load(Ordering::Relaxed),
        )
    }
}

impl Source {
    /// Takes what is next, in exchange for memory that is free. If that is all, whoever takes it is told
    /// of what comes then.
    pub(crate) fn next(&self, free: Vec<u8>) -> (Next, bool) {
        let mut state = self.queue.state();
        let Some(lent) = &mut state.lent else {
            return (Next::default(), true);
        };
        let is_all = !lent.is_behind();
        if is_all {
            self.queue.told.store(LENT, Ordering::Relaxed);
        }
        let next = lent.take_next(free);
        drop(state);
        self.queue.metrics.published(next.published);
        (next, is_all)
    }

    /// Takes the next event; who finds none is told of the next that is queued.
    pub(crate) fn next_to_flush(&self) -> Option<Queued> {
        let mut state = self.queue.state();
        let Some(next) = self.queue.pop(&mut state) else {
            if state.lent.is_some() {
                state.set_behind(false);
                self.queue.told.store(LENT, Ordering::Relaxed);
            }
            return None;
        };
        drop(state);
        self.queue.tell_of(&next);
        Some(next)
    }

    /// Wakes the connection, which will recall what it has lent.
    pub(crate) fn wake(&self) {
        let mut state = self.queue.state();
        self.queue.told.store(NOBODY, Ordering::Relaxed);
        if let Some(lent) = &mut state.lent {
            lent.is_over();
        }
        let waiting = state.waiting.take();
        drop(state);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }

    /// So many publications have been written.
    pub(crate) fn delivered(&self, count: u64) {
        if count > 0 {
            self.queue.delivered.fetch_add(count, Ordering::Relaxed);
            self.queue.metrics.delivered(count);
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let queue = &self.source.queue;
        let mut state = queue.state();
        state.is_closed = true;
        state.others = VecDeque::new();
        state.publications = Waiting::default();
        let lent = state.lent.take();
        drop(state);
        queue.tell_all();
        if let Some(lent) = lent {
            queue.metrics.published(lent.into_next().published);
        }
    }
}

//! One connection of a server, from its first byte to its last.

use std::future::{Future, pending};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::OwnedSemaphorePermit;
use tracing::Span;

use crate::address::Counted;
use crate::leave::{Ear, Leave};

/// HTTP, which becomes a WebSocket if all goes well.
pub(super) type Begin = Pin<Box<dyn Future<Output = Option<Open>> + Send>>;

/// One WebSocket, from its first frame to its last.
pub(super) struct Open {
    pub(super) connection: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// What it does is done within this.
    pub(super) span: Span,
    /// What it takes of the server's room for connections.
    pub(super) _slot: Option<Slot>,
}

pub(super) type Slot = (OwnedSemaphorePermit, Option<Counted>);

/// Where nothing of what HTTP needed is left in memory while the WebSocket lasts. All that needs no
/// memory of its own is here, as a task is larger than it has to be.
pub(super) struct Connected {
    ear: Ear,
    work: Work,
}

enum Work {
    Begins(Begin),
    GoesOn(Open),
    IsOver,
}

impl Connected {
    /// Ends at the latest when that word says so.
    pub(super) fn new(leave: Leave, begin: Begin) -> Self {
        Self {
            ear: Ear::new(leave),
            work: Work::Begins(begin),
        }
    }
}

impl Future for Connected {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if !self.ear.listen(cx).is_aborted() {
            if let Work::Begins(begin) = &mut self.work {
                self.work = ready!(begin.as_mut().poll(cx)).map_or(Work::IsOver, Work::GoesOn);
            }
            if let Work::GoesOn(open) = &mut self.work {
                let _span = open.span.enter();
                ready!(open.connection.as_mut().poll(cx));
            }
        }
        self.work = Work::IsOver;
        Poll::Ready(())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let _span = self.span.enter();
        self.connection = Box::pin(pending());
    }
}

#[cfg(test)]
impl Open {
    /// One that is nothing else.
    pub(super) fn of(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self {
            connection: Box::pin(work),
            span: Span::none(),
            _slot: None,
        }
    }
}

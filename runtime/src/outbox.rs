//! The bounded queue between an exchange and the connection that writes for it.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::fault::Fault;
use crate::frame::{Body, Event};

/// The sending end: what exchanges put their events into.
///
/// Bounded in events and in bytes. A reply waits for room; a publication never does, and when it
/// finds none the whole connection is given up, so that nothing is lost unseen.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    events: mpsc::Sender<Queued>,
    bytes: Arc<Semaphore>,
    capacity: u32,
    overflow: CancellationToken,
}

/// The receiving end: what the connection writes from.
#[derive(Debug)]
pub(crate) struct Pending {
    events: mpsc::Receiver<Queued>,
    overflow: CancellationToken,
}

/// An event and the room it takes, which is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) event: Event,
    _room: OwnedSemaphorePermit,
}

/// The connection is gone, or has been given up.
#[derive(Debug)]
pub(crate) struct Closed;

/// A queue of at most `events` events and about `bytes` bytes.
pub(crate) fn outbox(events: usize, bytes: usize) -> (Outbox, Pending) {
    let capacity = u32::try_from(bytes)
        .unwrap_or(u32::MAX)
        .min(u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX))
        .max(1);
    let (sender, receiver) = mpsc::channel(events.max(1));
    let overflow = CancellationToken::new();
    let outbox = Outbox {
        events: sender,
        bytes: Arc::new(Semaphore::new(capacity as usize)),
        capacity,
        overflow: overflow.clone(),
    };
    let pending = Pending {
        events: receiver,
        overflow,
    };
    (outbox, pending)
}

impl Outbox {
    /// Queues a reply, waiting for room. Cancelling it queues nothing.
    pub(crate) async fn send(&self, event: Event) -> Result<(), Closed> {
        let event = self.fitting(event);
        let bytes = Arc::clone(&self.bytes);
        let room = bytes
            .acquire_many_owned(self.room(&event))
            .await
            .map_err(|_| Closed)?;
        let queued = Queued { event, _room: room };
        self.events.send(queued).await.map_err(|_| Closed)
    }

    /// Queues an event now. Where there is no room the connection is given up.
    pub(crate) fn push(&self, event: Event) -> Result<(), Closed> {
        let event = self.fitting(event);
        let bytes = Arc::clone(&self.bytes);
        let Ok(room) = bytes.try_acquire_many_owned(self.room(&event)) else {
            self.overflow.cancel();
            return Err(Closed);
        };
        let queued = Queued { event, _room: room };
        self.events.try_send(queued).map_err(|error| {
            if let mpsc::error::TrySendError::Full(_) = error {
                self.overflow.cancel();
            }
            Closed
        })
    }

    /// Less than half of the queue is taken: what is read now can be answered.
    pub(crate) fn is_roomy(&self) -> bool {
        self.events.capacity() > self.events.max_capacity() / 2
            && self.bytes.available_permits() > self.capacity as usize / 2
    }

    /// The event, or a fault in place of one that is larger than the whole queue.
    fn fitting(&self, event: Event) -> Event {
        let weight = event.weight();
        if weight <= self.capacity as usize {
            return event;
        }
        tracing::error!(
            bytes = weight,
            limit = self.capacity,
            "a message of ours is too large to send"
        );
        let message = format!(
            "the service's message is larger than {} bytes",
            self.capacity
        );
        Event {
            id: event.id,
            body: Body::Fault(Fault::new(Fault::INTERNAL, message)),
        }
    }

    fn room(&self, event: &Event) -> u32 {
        u32::try_from(event.weight())
            .unwrap_or(u32::MAX)
            .min(self.capacity)
    }
}

impl Pending {
    /// Waits for events and takes up to `limit` of them; `false` when no sender is left.
    /// Cancelling it loses nothing.
    pub(crate) async fn take(&mut self, into: &mut Vec<Queued>, limit: usize) -> bool {
        self.events.recv_many(into, limit).await > 0
    }

    /// Takes what is queued now, up to `limit`.
    pub(crate) fn take_now(&mut self, into: &mut Vec<Queued>, limit: usize) {
        while into.len() < limit {
            match self.events.try_recv() {
                Ok(queued) => into.push(queued),
                Err(_) => break,
            }
        }
    }

    /// Resolves when a publication found no room.
    pub(crate) fn overflow(&self) -> CancellationToken {
        self.overflow.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(size: usize) -> Event {
        Event {
            id: None,
            body: Body::Fault(Fault::new("x", "y".repeat(size))),
        }
    }

    #[tokio::test]
    async fn a_publication_without_room_gives_the_connection_up() {
        let (outbox, pending) = outbox(2, 1 << 20);
        outbox.push(event(1)).unwrap();
        outbox.push(event(1)).unwrap();
        assert!(!pending.overflow().is_cancelled());
        assert!(outbox.push(event(1)).is_err());
        assert!(pending.overflow().is_cancelled());
    }

    #[tokio::test]
    async fn bytes_count_as_events_do() {
        let (outbox, pending) = outbox(1000, 1000);
        outbox.push(event(700)).unwrap();
        assert!(!outbox.is_roomy());
        assert!(outbox.push(event(700)).is_err());
        assert!(pending.overflow().is_cancelled());
    }

    #[tokio::test]
    async fn a_reply_waits_for_room() {
        let (outbox, mut pending) = outbox(8, 1000);
        outbox.send(event(700)).await.unwrap();
        let waiting = tokio::spawn({
            let outbox = outbox.clone();
            async move { outbox.send(event(700)).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        let mut batch = Vec::new();
        assert!(pending.take(&mut batch, 8).await);
        batch.clear();
        waiting.await.unwrap().unwrap();
        assert!(!pending.overflow().is_cancelled());
    }

    #[tokio::test]
    async fn a_fault_stands_for_a_message_larger_than_the_queue() {
        let (outbox, mut pending) = outbox(8, 1000);
        outbox.send(event(5000)).await.unwrap();
        let mut batch = Vec::new();
        pending.take(&mut batch, 8).await;
        let Body::Fault(fault) = &batch[0].event.body else {
            panic!("{batch:?}");
        };
        assert_eq!(
            fault.message(),
            "the service's message is larger than 1000 bytes"
        );
    }
}

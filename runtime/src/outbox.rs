//! The bounded queue between an exchange and the connection that writes for it.

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::fault::Fault;
use crate::frame::{Body, Event};
use crate::seldom::Seldom;

/// The sending end: what exchanges put their events into.
///
/// Bounded in events and in bytes. A reply waits for room; anything else never does, and when it
/// finds none the whole connection is given up, so that nothing is lost unseen. Each kind has room
/// of its own: a handler that sends replies as fast as they are taken always fills theirs.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    events: mpsc::Sender<Queued>,
    rooms: Arc<Rooms>,
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
    _taken: Taken,
}

/// The connection is gone, or has been given up.
#[derive(Debug)]
pub(crate) struct Closed;

#[derive(Debug)]
struct Rooms {
    replies: Room,
    others: Room,
    max_events: usize,
    max_bytes: u32,
    overflow: CancellationToken,
}

/// What is left for one kind of events.
#[derive(Debug)]
struct Room {
    events: Semaphore,
    bytes: Semaphore,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Reply,
    Other,
}

impl Rooms {
    fn of(&self, kind: Kind) -> &Room {
        match kind {
            Kind::Reply => &self.replies,
            Kind::Other => &self.others,
        }
    }
}

/// Room that one event takes.
#[derive(Debug)]
struct Taken {
    rooms: Arc<Rooms>,
    kind: Kind,
    bytes: u32,
}

impl Drop for Taken {
    fn drop(&mut self) {
        let room = self.rooms.of(self.kind);
        room.events.add_permits(1);
        room.bytes.add_permits(self.bytes as usize);
    }
}

/// A queue of at most `events` replies of about `bytes` bytes, and as much of all else.
pub(crate) fn outbox(events: usize, bytes: usize) -> (Outbox, Pending) {
    let max_events = events.clamp(1, Semaphore::MAX_PERMITS / 2);
    let max_bytes = u32::try_from(bytes)
        .unwrap_or(u32::MAX)
        .min(u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX))
        .max(1);
    let room = || Room {
        events: Semaphore::new(max_events),
        bytes: Semaphore::new(max_bytes as usize),
    };
    let (sender, receiver) = mpsc::channel(max_events.saturating_mul(2));
    let overflow = CancellationToken::new();
    let outbox = Outbox {
        events: sender,
        rooms: Arc::new(Rooms {
            replies: room(),
            others: room(),
            max_events,
            max_bytes,
            overflow: overflow.clone(),
        }),
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
        let weight = self.weight(&event);
        let room = &self.rooms.replies;
        let one = room.events.acquire().await.map_err(|_| Closed)?;
        let bytes = room.bytes.acquire_many(weight).await.map_err(|_| Closed)?;
        one.forget();
        bytes.forget();
        self.queue(event, Kind::Reply, weight)
    }

    /// Queues an event now. Where there is no room the connection is given up.
    pub(crate) fn push(&self, event: Event) -> Result<(), Closed> {
        let event = self.fitting(event);
        let weight = self.weight(&event);
        let room = &self.rooms.others;
        let (Ok(one), Ok(bytes)) = (
            room.events.try_acquire(),
            room.bytes.try_acquire_many(weight),
        ) else {
            self.rooms.overflow.cancel();
            return Err(Closed);
        };
        one.forget();
        bytes.forget();
        self.queue(event, Kind::Other, weight)
    }

    /// The room has been found, and so there is room in the channel.
    fn queue(&self, event: Event, kind: Kind, bytes: u32) -> Result<(), Closed> {
        let taken = Taken {
            rooms: Arc::clone(&self.rooms),
            kind,
            bytes,
        };
        let queued = Queued {
            event,
            _taken: taken,
        };
        self.events.try_send(queued).map_err(|_| Closed)
    }

    /// Less than half of the room that cannot be waited for is taken: what is read now can be
    /// answered.
    pub(crate) fn is_roomy(&self) -> bool {
        let room = &self.rooms.others;
        room.events.available_permits() > self.rooms.max_events / 2
            && room.bytes.available_permits() > self.rooms.max_bytes as usize / 2
    }

    /// The event, or a fault in place of one that is larger than the whole queue.
    fn fitting(&self, event: Event) -> Event {
        let weight = event.weight();
        if weight <= self.rooms.max_bytes as usize {
            return event;
        }
        static SELDOM: Seldom = Seldom::new();
        if let Some(kept_back) = SELDOM.now() {
            tracing::error!(
                bytes = weight,
                limit = self.rooms.max_bytes,
                kept_back,
                "a message of ours is too large to send"
            );
        }
        let message = format!(
            "the service's message is larger than {} bytes",
            self.rooms.max_bytes
        );
        Event {
            origin: event.origin,
            body: Body::Fault(Fault::new(Fault::INTERNAL, message)),
        }
    }

    fn weight(&self, event: &Event) -> u32 {
        u32::try_from(event.weight())
            .unwrap_or(u32::MAX)
            .min(self.rooms.max_bytes)
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
    use crate::frame::Origin;

    fn event(size: usize) -> Event {
        Event {
            origin: Origin::default(),
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
    async fn what_cannot_wait_finds_room_beside_replies_that_do() {
        let (outbox, mut pending) = outbox(2, 1000);
        for _ in 0..2 {
            let outbox = outbox.clone();
            tokio::spawn(async move { outbox.send(event(700)).await });
        }
        tokio::task::yield_now().await;
        outbox.push(event(700)).unwrap();
        let mut batch = Vec::new();
        pending.take(&mut batch, 8).await;
        assert_eq!(batch.len(), 2);
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

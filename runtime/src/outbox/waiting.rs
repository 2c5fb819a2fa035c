//! The publications that wait in a connection's queue, and what becomes of one that finds no room.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{free_if_empty, push_back};
use crate::frame::{Body, Content, Event, Origin};
use crate::limits::SlowConsumer;

/// What one subscription's publications have in common: what they answer, and how many of them were
/// lost since the last one that its subscriber was told of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lane(Arc<Way>);

#[derive(Debug, Default)]
struct Way {
    origin: Origin,
    lost: AtomicU64,
}

/// How many may wait, and what becomes of more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) events: usize,
    pub(super) bytes: usize,
    pub(super) policy: SlowConsumer,
}

/// Publications in their order.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    publications: VecDeque<Publication>,
    bytes: usize,
}

/// As small as can be: where many publish to many, most of what is written is this.
#[derive(Debug)]
struct Publication {
    place: u64,
    content: Content,
    weight: usize,
    lane: Lane,
    /// Those of its subscription that were lost directly before it.
    missed: u64,
}

/// What has become of a publication.
#[derive(Debug)]
pub(super) enum Admitted {
    /// It waits, and so many others were dropped for it.
    Queued { dropped: u64 },
    /// It was dropped itself.
    Dropped,
    /// It has no room, and the policy has none made.
    NoRoom,
}

impl Waiting {
    /// Takes a publication, into the room that the policy finds for it.
    pub(super) fn admit(
        &mut self,
        content: Content,
        weight: usize,
        lane: &Lane,
        place: u64,
        bounds: &Bounds,
    ) -> Admitted {
        let fits = |waiting: &Self| {
            waiting.publications.len() < bounds.events
                && waiting.bytes.saturating_add(weight) <= bounds.bytes
        };
        let mut dropped = 0;
        match bounds.policy {
            SlowConsumer::Latest => {
                let mut waiting = self.publications.iter_mut();
                if let Some(earlier) = waiting.find(|waiting| waiting.lane.is(lane)) {
                    // In its place, so that a subscription with many changes still has its turn.
                    earlier.content = content;
                    let bytes = self.bytes.saturating_sub(earlier.weight);
                    earlier.weight = weight;
                    self.bytes = bytes.saturating_add(weight);
                    lane.lose();
                    dropped += 1;
                    while self.bytes > bounds.bytes
                        && self.drop_first(|waiting| !waiting.lane.is(lane))
                    {
                        dropped += 1;
                    }
                    return Admitted::Queued { dropped };
                }
                while !fits(self) && self.drop_first(|_| true) {
                    dropped += 1;
                }
            }
            SlowConsumer::DropOldest => {
                while !fits(self) && self.drop_first(|_| true) {
                    dropped += 1;
                }
            }
            SlowConsumer::DropNewest => {
                if !fits(self) {
                    lane.lose();
                    return Admitted::Dropped;
                }
            }
            SlowConsumer::Disconnect | SlowConsumer::Block(_) => {
                if !fits(self) {
                    return Admitted::NoRoom;
                }
            }
        }
        // With every other policy what was lost is older than all that waits, and its subscriber is
        // told of it with the next that is written.
        let missed = match bounds.policy {
            SlowConsumer::DropNewest => lane.take(),
            _ => 0,
        };
        self.bytes = self.bytes.saturating_add(weight);
        let publication = Publication {
            place,
            content,
            weight,
            missed,
            lane: lane.clone(),
        };
        push_back(&mut self.publications, publication);
        Admitted::Queued { dropped }
    }

    /// Drops the first publication that may be; `false` if there is none.
    fn drop_first(&mut self, may_be: impl Fn(&Publication) -> bool) -> bool {
        let index = self.publications.iter().position(may_be);
        let Some(dropped) = index.and_then(|index| self.publications.remove(index)) else {
            return false;
        };
        self.bytes = self.bytes.saturating_sub(dropped.weight);
        dropped.lane.lose();
        true
    }

    /// The first, which says how many are missing before it.
    pub(super) fn pop(&mut self, bounds: &Bounds) -> Option<Event> {
        let first = self.publications.pop_front()?;
        self.bytes = self.bytes.saturating_sub(first.weight);
        let dropped = match bounds.policy {
            SlowConsumer::DropNewest => first.missed,
            _ => first.lane.take(),
        };
        free_if_empty(&mut self.publications);
        Some(Event {
            origin: first.lane.origin().clone(),
            body: Body::Message(first.content),
            dropped,
        })
    }

    pub(super) fn first_place(&self) -> Option<u64> {
        self.publications.front().map(|first| first.place)
    }

    /// No more than half of what may wait does.
    pub(super) fn leave_half_of(&self, bounds: &Bounds) -> bool {
        self.publications.len() <= bounds.events / 2 && self.bytes <= bounds.bytes / 2
    }
}

impl Lane {
    pub(crate) fn new(origin: Origin) -> Self {
        Self(Arc::new(Way {
            origin,
            lost: AtomicU64::new(0),
        }))
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.0.origin
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn lose(&self) {
        self.0.lost.fetch_add(1, Ordering::Relaxed);
    }

    /// How many were lost, of which the subscriber will now be told.
    fn take(&self) -> u64 {
        // Most often none, and then nothing is written.
        match self.0.lost.load(Ordering::Relaxed) {
            0 => 0,
            _ => self.0.lost.swap(0, Ordering::Relaxed),
        }
    }
}

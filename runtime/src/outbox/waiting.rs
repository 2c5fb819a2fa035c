//! The publications that wait in a connection's queue, and what becomes of one that finds no room.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{free_if_empty, push_back};
use crate::frame::{Body, Content, Event, Origin};
use crate::limits::SlowConsumer;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What one subscription's publications have in common: what they answer, and how many of them were
/// lost since the last one that its subscriber was told of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lane(Arc<Way>);

#[derive(Debug, Default)]
struct Way {
    origin: Origin,
    lost: AtomicU64,
    has_ended: AtomicBool,
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
    /// Subscriptions that may have lost something since the last of their publications.
    short: Vec<Lane>,
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
                    self.lose(lane);
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
                    self.lose(lane);
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
        self.lose(&dropped.lane);
        true
    }

    /// One of this subscription is lost, which is told with the next or, if none comes, when nothing is
    /// left to tell.
    fn lose(&mut self, lane: &Lane) {
        if lane.lose() && !self.short.iter().any(|short| short.is(lane)) {
            // So there are as many at most as subscriptions go on.
            self.short.retain(Lane::is_short);
            self.short.push(lane.clone());
        }
    }

    /// The first, which says how many are missing before it. After the last it is said of each
    /// subscription that has had none since.
    pub(super) fn pop(&mut self, bounds: &Bounds) -> Option<Event> {
        let Some(first) = self.publications.pop_front() else {
            return self.pop_gap();
        };
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

    /// Subscriptions that are remembered because of what they lost.
    #[cfg(test)]
    pub(super) fn short(&self) -> usize {
        self.short.len()
    }

    fn pop_gap(&mut self) -> Option<Event> {
        while let Some(lane) = self.short.pop() {
            if !lane.has_ended()
                && let Some(gap) = lane.gap()
            {
                return Some(gap);
            }
        }
        // An idle connection holds no memory for what is rare.
        self.short = Vec::new();
        None
    }

    /// None waits, and none has been lost.
    pub(super) fn have_nothing_to_tell(&self) -> bool {
        self.publications.is_empty() && self.short.is_empty()
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
            has_ended: AtomicBool::new(false),
        }))
    }

    /// Its subscriber is told of nothing more, unless it is before the last word.
    pub(crate) fn end(&self) {
        self.0.has_ended.store(true, Ordering::Relaxed);
    }

    /// Something is missing that its subscriber is to be told of.
    fn is_short(&self) -> bool {
        self.0.lost.load(Ordering::Relaxed) > 0 && !self.has_ended()
    }

    fn has_ended(&self) -> bool {
        self.0.has_ended.load(Ordering::Relaxed)
    }

    /// What tells of that, and nothing does a second time.
    pub(super) fn gap(&self) -> Option<Event> {
        let dropped = self.take();
        (dropped > 0).then(|| Event {
            origin: self.origin().clone(),
            body: Body::Gap,
            dropped,
        })
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.0.origin
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Says whether it is the first.
    fn lose(&self) -> bool {
        self.0.lost.fetch_add(1, Ordering::Relaxed) == 0
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

//! Publications that are frames already, and wait for whoever writes in a connection's place.

use std::any::TypeId;
use std::mem;
use std::sync::Arc;

use super::Flush;
use super::waiting::{Bounds, Lane};
use crate::frame::{Body, Content, Event, Origin};
use crate::limits::SlowConsumer;

/// A publication, as one subscriber is told it after the other.
#[derive(Debug)]
pub(crate) struct Notice {
    content: Content,
    event: Event,
    weight: usize,
    was_framed: bool,
    /// Its frame, for all connections whose framings say the same of themselves.
    frame: Option<(TypeId, Box<[u8]>)>,
}

impl Notice {
    /// What it says.
    pub(crate) fn content(&self) -> &Content {
        &self.content
    }

    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// What the subscriber of this lane is told.
    pub(super) fn to(&mut self, lane: &Lane) -> &Event {
        self.event.origin = lane.origin().clone();
        &self.event
    }

    /// Remembers its frame from the second on: most publications that have one subscriber have no more.
    fn was_framed_as(&mut self, alike: Option<TypeId>, frame: &[u8]) {
        if let (None, Some(alike)) = (&self.frame, alike)
            && mem::replace(&mut self.was_framed, true)
        {
            self.frame = Some((alike, frame.into()));
        }
    }
}

impl From<Content> for Notice {
    fn from(content: Content) -> Self {
        Self {
            weight: content.weight(),
            event: Event::new(Origin::default(), Body::Message(content.clone())),
            content,
            was_framed: false,
            frame: None,
        }
    }
}

/// What may be put to what is written, rather than be queued.
#[derive(Clone, Copy, Debug)]
struct Ahead {
    publications: u64,
    bytes: usize,
}

/// The part of a queue's room that publications have which are put to what is written, one in so many,
/// and the room that all have to be queued in.
const PART: usize = 4;
const QUEUED: usize = 16;
/// The most bytes of them, as each connection has its own.
const MOST: usize = 32 << 10;
/// What weighs more is not copied for each of those that it is for before it is written to them.
const COPIED: usize = 512;

impl Ahead {
    /// A queue that holds few holds just these; and of those that replace each other none is written
    /// before it must be.
    fn within(bounds: &Bounds) -> Self {
        let publications = match bounds.policy {
            SlowConsumer::Latest => 0,
            _ => bounds.events.saturating_sub(QUEUED) / PART,
        };
        Self {
            publications: publications.try_into().unwrap_or(u64::MAX),
            bytes: MOST.min(bounds.bytes / PART),
        }
    }
}

/// What writes in a connection's place, and what it writes next. What is looked at for each publication
/// is all here.
#[derive(Debug)]
pub(super) struct Lending {
    next: Next,
    room: Ahead,
    alike: Option<TypeId>,
    to: Arc<dyn Flush>,
    /// Something is queued, or has been lost, that comes first.
    is_behind: bool,
    /// The connection has been woken, as it is needed.
    is_over: bool,
}

/// Frames that are written next, and the publications that they are.
#[derive(Debug, Default)]
pub(crate) struct Next {
    pub(crate) frames: Vec<u8>,
    pub(crate) publications: u64,
    /// Those, and others that a framing has no frames for.
    pub(super) published: u64,
}

impl Lending {
    pub(super) fn new(to: Arc<dyn Flush>, alike: Option<TypeId>, bounds: &Bounds) -> Self {
        Self {
            next: Next::default(),
            room: Ahead::within(bounds),
            alike,
            to,
            is_behind: false,
            is_over: false,
        }
    }

    pub(super) fn to(&self) -> &Arc<dyn Flush> {
        &self.to
    }

    /// Adds a publication to what is written next, if it may be; says otherwise.
    pub(super) fn put(&mut self, notice: &mut Notice, lane: &Lane) -> bool {
        let bytes = self.next.frames.len().saturating_add(notice.weight);
        if notice.weight > COPIED
            || bytes > self.room.bytes
            || self.next.publications >= self.room.publications
            || self.is_behind
            || self.is_over
        {
            return false;
        }
        let frames = &mut self.next.frames;
        let before = frames.len();
        match &notice.frame {
            Some((alike, frame)) if self.alike == Some(*alike) => frames.extend_from_slice(frame),
            _ => {
                if !self.to.frame(notice.to(lane), frames) {
                    return false;
                }
                if let Some(frame @ [_, ..]) = frames.get(before..) {
                    notice.was_framed_as(self.alike, frame);
                }
            }
        }
        let is_written = u64::from(frames.len() > before);
        self.next.publications = self.next.publications.saturating_add(is_written);
        self.next.published = self.next.published.saturating_add(1);
        true
    }

    /// What is written next, in exchange for memory that is free.
    pub(super) fn take_next(&mut self, free: Vec<u8>) -> Next {
        let free = Next {
            frames: free,
            ..Next::default()
        };
        mem::replace(&mut self.next, free)
    }

    pub(super) fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// Something is queued, or nothing is any more.
    pub(super) fn set_behind(&mut self, is_behind: bool) {
        self.is_behind = is_behind;
    }

    /// The connection is needed, and writes all that comes from now on.
    pub(super) fn is_over(&mut self) {
        self.is_over = true;
    }

    pub(super) fn into_next(self) -> Next {
        self.next
    }
}

//! What goes on with one peer, by number.

use std::collections::HashMap;
use std::iter;

use tokio::sync::OwnedSemaphorePermit;
use tokio::task::AbortHandle;

use crate::subscribers::Membership;

/// The peer's own number, or ours where it gave none.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Key {
    Peer(u64),
    Own(u64),
}

#[derive(Debug)]
pub(super) enum Exchange {
    Task(AbortHandle),
    Membership(Membership, Option<OwnedSemaphorePermit>),
}

impl Exchange {
    pub(super) fn is_membership(&self) -> bool {
        matches!(self, Self::Membership(..))
    }

    pub(super) fn has_ended(&self) -> bool {
        match self {
            Self::Task(task) => task.is_finished(),
            Self::Membership(membership, ..) => membership.has_ended(),
        }
    }
}

/// The exchanges of one peer. Most have one, for which nothing is allocated.
#[derive(Debug, Default)]
pub(super) struct Exchanges {
    one: Option<(Key, Exchange)>,
    #[expect(
        clippy::box_collection,
        reason = "an empty table is no allocation, but six times as large as none"
    )]
    others: Option<Box<HashMap<Key, Exchange>>>,
}

impl Exchanges {
    pub(super) fn get(&self, key: Key) -> Option<&Exchange> {
        match &self.one {
            Some((one, exchange)) if *one == key => Some(exchange),
            _ => self.others.as_ref()?.get(&key),
        }
    }

    /// One takes the place of another with its number.
    pub(super) fn insert(&mut self, key: Key, exchange: Exchange) {
        let is_other = self
            .others
            .as_ref()
            .is_some_and(|others| others.contains_key(&key));
        match &mut self.one {
            Some((one, earlier)) if *one == key => *earlier = exchange,
            one @ None if !is_other => *one = Some((key, exchange)),
            _ => {
                let others = self.others.get_or_insert_default();
                others.insert(key, exchange);
            }
        }
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<Exchange> {
        if let Some((_, exchange)) = self.one.take_if(|(one, _)| *one == key) {
            return Some(exchange);
        }
        let others = self.others.as_mut()?;
        let removed = others.remove(&key);
        if others.is_empty() {
            self.others = None;
        }
        removed
    }

    /// Forgets those that have ended.
    pub(super) fn forget_ended(&mut self) {
        self.one.take_if(|(_, exchange)| exchange.has_ended());
        if let Some(others) = &mut self.others {
            others.retain(|_, exchange| !exchange.has_ended());
            if others.is_empty() {
                self.others = None;
            }
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn len(&self) -> usize {
        let others = self.others.as_ref().map_or(0, |others| others.len());
        others.saturating_add(usize::from(self.one.is_some()))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Exchange> {
        let one = self.one.iter().map(|(_, exchange)| exchange);
        let others = self.others.iter().flat_map(|others| others.values());
        iter::chain(one, others)
    }
}

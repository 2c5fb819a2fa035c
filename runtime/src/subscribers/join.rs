//! How somebody comes to be subscribed: with what he missed, in order, and nothing twice.
//!
//! What is published while he catches up is not kept for him: it is in the history. Only when that
//! has no more for him, and nothing newer was seen meanwhile, is he given what is published.

use std::sync::Arc;

use super::roster::{Group, Roster, Subscriber};
use crate::bus::{BusError, History, Page};
use crate::fault::Fault;
use crate::frame::{Body, Position, Since, Subscribed};
use crate::parameters::Parameters;
use crate::payload::Payload;
use crate::seldom::seldom;

/// Messages that are read from a history at once.
const PAGE: usize = 32;

/// Attaches a subscriber and tells him that he is subscribed: from where on, if the topic keeps a
/// history. `None` if he has left or been refused.
pub(super) async fn begin<S: Payload, P: Payload, A: Parameters>(
    roster: &Roster<S, P, A>,
    subscriber: &Subscriber<S, A>,
    group: &Arc<Group<S, P, A>>,
    since: Option<&Since>,
) -> Option<Begun> {
    let joined = async {
        group.attach().await?;
        match group.bus().history(group.interaction()) {
            Some(history) => {
                let page = read(group, history, 0, 0).await?;
                Ok((Some(place(&page, since)), Some(page.top)))
            }
            None if matches!(since, Some(Since::After(_))) => {
                let joined = Subscribed {
                    position: None,
                    recovered: Some(false),
                };
                Ok((Some(joined), None))
            }
            None => Ok::<_, BusError>((None, None)),
        }
    };
    match joined.await {
        Ok((joined, top)) => {
            let position = joined.as_ref().and_then(|joined| joined.position.clone());
            let starts = roster.acknowledge(subscriber, joined, top)?;
            Some(Begun { starts, position })
        }
        Err(error) => {
            fail(subscriber, &error);
            None
        }
    }
}

/// A subscription that has been acknowledged.
pub(super) struct Begun {
    /// A handler has to be started for him.
    pub(super) starts: bool,
    /// What he has had, if he has to be given what came after it.
    position: Option<Position>,
}

/// Where a subscription begins that was asked for so.
fn place(page: &Page, since: Option<&Since>) -> Subscribed {
    let earliest = page.oldest.saturating_sub(1);
    let (offset, recovered) = match since {
        None => (page.top, None),
        Some(Since::Last(count)) => (page.top.saturating_sub(*count).max(earliest), None),
        Some(Since::After(position))
            if position.epoch == page.epoch && position.offset <= page.top =>
        {
            let recovered = position.offset >= earliest;
            (position.offset.max(earliest), Some(recovered))
        }
        Some(Since::After(_)) => (page.top, Some(false)),
    };
    Subscribed {
        position: Some(Position {
            epoch: page.epoch.clone(),
            offset,
        }),
        recovered,
    }
}

/// Gives a subscriber what he missed, as fast as he takes it, and then what is published.
pub(super) async fn catch_up<S: Payload, P: Payload, A: Parameters>(
    subscriber: &Subscriber<S, A>,
    group: &Group<S, P, A>,
    begun: Begun,
) {
    let (Some(position), Some(history)) =
        (begun.position, group.bus().history(group.interaction()))
    else {
        return;
    };
    let mut after = position.offset;
    while !subscriber.has_ended() {
        if subscriber.is_up_to_date(after) {
            return;
        }
        let page = match read(group, history, after, PAGE).await {
            Ok(page) => page,
            Err(error) => return fail(subscriber, &error),
        };
        let is_lost = page.oldest > after.saturating_add(1) && page.top > after;
        if is_lost || page.epoch != position.epoch {
            let message = "the history has gone on without the subscriber: subscribe again";
            return subscriber.end(Body::Fault(Fault::new(Fault::SLOW_CONSUMER, message)));
        }
        for kept in page.kept {
            if let Some(encoded) = group.read(&kept.publication, Some(kept.offset)) {
                let replies = subscriber.replies();
                let body = Body::Message(encoded.for_peer(replies));
                let Ok(reserved) = replies.reserve(body).await else {
                    return;
                };
                if !subscriber.deliver_late(reserved) {
                    return;
                }
            }
            after = kept.offset;
        }
    }
}

async fn read<S: Payload, P: Payload, A: Parameters>(
    group: &Group<S, P, A>,
    history: &History,
    after: u64,
    limit: usize,
) -> Result<Page, BusError> {
    let carrier = group.bus().carrier();
    carrier.history(group.topic(), history, after, limit).await
}

fn fail<S: Payload, A: Parameters>(subscriber: &Subscriber<S, A>, error: &BusError) {
    seldom!(error, %error, "nobody can be subscribed");
    let message = "the service cannot be subscribed to now";
    subscriber.end(Body::Fault(Fault::new(Fault::UNAVAILABLE, message)));
}

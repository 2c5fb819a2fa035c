//! What becomes of replies, publications and answers, as exchanges and connections see it.

use std::borrow::Cow;
use std::task::{Context, Poll, Wake};
use std::time::Duration;

use serde_json::value::RawValue;

use super::*;
use crate::frame::{Content, Origin, Told};
use crate::payload;

/// A queue for publications of 1000 bytes and what surrounds them.
fn queue(policy: SlowConsumer, events: usize) -> (Outbox, Pending) {
    let limits = Limits {
        queue_messages: events,
        queue_bytes: 1 << 20,
        slow_consumer: policy,
        ..Limits::default()
    };
    outbox(&limits, &Metrics::default())
}

fn small(bytes: usize) -> (Outbox, Pending) {
    let limits = Limits {
        queue_bytes: bytes,
        ..Limits::default()
    };
    outbox(&limits, &Metrics::default())
}

fn fault(size: usize) -> Event {
    Event::new(
        Origin::default(),
        Body::Fault(Fault::new("x", "y".repeat(size))),
    )
}

fn publication(payload: &str) -> Content {
    Content::new(Told {
        channel: Cow::Borrowed("c"),
        message: Cow::Borrowed("m"),
        headers: None,
        payload: RawValue::from_string(payload.to_owned()).unwrap().into(),
        carried_as: payload::Content::Json,
        offset: None,
        is_plain: false,
    })
}

fn of_size(size: usize) -> Content {
    publication(&format!("\"{}\"", "x".repeat(size)))
}

fn is_given_up(pending: &Pending) -> bool {
    let polled = pending.poll_next(&Context::from_waker(Waker::noop()), false);
    matches!(polled, Poll::Ready(Err(Overflow)))
}

#[derive(Default)]
struct Woken(AtomicU64);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn counting_waker() -> (Arc<Woken>, Waker) {
    let woken = Arc::<Woken>::default();
    let waker = Waker::from(Arc::clone(&woken));
    (woken, waker)
}

/// What is written now: payloads, each with how many were dropped before it.
fn written(pending: &Pending) -> Vec<(String, u64)> {
    let left = std::iter::from_fn(|| pending.next_now());
    let each = left.map(|queued| match queued.event.body {
        Body::Message(content) => (content.payload().to_owned(), queued.event.dropped),
        other => (format!("{other:?}"), queued.event.dropped),
    });
    each.collect()
}

fn publish(outbox: &Outbox, lane: &Lane, numbers: std::ops::Range<u32>) -> usize {
    numbers
        .filter(|number| {
            outbox
                .publish_if(&mut publication(&number.to_string()).into(), lane, || true)
                .is_ok()
        })
        .count()
}

fn numbers(numbers: impl IntoIterator<Item = (u32, u64)>) -> Vec<(String, u64)> {
    let numbers = numbers.into_iter();
    numbers
        .map(|(number, dropped)| (number.to_string(), dropped))
        .collect()
}

/// So many gaps of so many publications.
fn gaps(count: usize, dropped: u64) -> Vec<(String, u64)> {
    vec![("Gap".to_owned(), dropped); count]
}

#[tokio::test]
async fn a_publication_without_room_gives_the_connection_up_and_what_waits_goes_out() {
    let (outbox, pending) = queue(SlowConsumer::Disconnect, 2);
    let lane = Lane::default();
    assert_eq!(publish(&outbox, &lane, 0..2), 2);
    assert!(!is_given_up(&pending));
    assert_eq!(publish(&outbox, &lane, 2..3), 0);
    assert!(is_given_up(&pending));
    assert_eq!(written(&pending), numbers([(0, 0), (1, 0)]));
    // Nothing follows a gap.
    assert_eq!(publish(&outbox, &lane, 3..4), 0);
    assert_eq!(pending.counts().1, 0);
}

#[tokio::test]
async fn the_oldest_make_room_and_are_counted_before_the_next() {
    let (outbox, pending) = queue(SlowConsumer::DropOldest, 3);
    let lane = Lane::default();
    assert_eq!(publish(&outbox, &lane, 0..10), 10);
    assert_eq!(written(&pending), numbers([(7, 7), (8, 0), (9, 0)]));
    assert_eq!(publish(&outbox, &lane, 10..11), 1);
    assert_eq!(written(&pending), numbers([(10, 0)]));
    assert_eq!(outbox.metrics().counters().published, 11);
    assert_eq!(outbox.metrics().counters().dropped, 7);
    assert_eq!(pending.counts(), (0, 7));
}

#[tokio::test]
async fn the_newest_are_dropped_and_counted_before_the_next_that_is_not() {
    let (outbox, pending) = queue(SlowConsumer::DropNewest, 3);
    let lane = Lane::default();
    assert_eq!(publish(&outbox, &lane, 0..10), 3);
    assert!(pending.next_now().is_some());
    assert_eq!(publish(&outbox, &lane, 10..12), 1);
    assert_eq!(
        written(&pending),
        [numbers([(1, 0), (2, 0), (10, 7)]), gaps(1, 1)].concat()
    );
    assert_eq!(publish(&outbox, &lane, 12..13), 1);
    assert_eq!(written(&pending), numbers([(12, 0)]));
    assert_eq!(outbox.metrics().counters().dropped, 8);
    assert!(!is_given_up(&pending));
}

#[tokio::test]
async fn the_latest_of_each_subscription_takes_the_place_of_the_one_before() {
    let (outbox, pending) = queue(SlowConsumer::Latest, 100);
    let (one, other) = (Lane::default(), Lane::default());
    assert_eq!(publish(&outbox, &one, 0..5), 5);
    assert_eq!(publish(&outbox, &other, 100..103), 3);
    assert_eq!(publish(&outbox, &one, 5..7), 2);
    assert_eq!(written(&pending), numbers([(6, 6), (102, 2)]));
    assert_eq!(publish(&outbox, &one, 7..8), 1);
    assert_eq!(written(&pending), numbers([(7, 0)]));
    assert_eq!(outbox.metrics().counters().dropped, 8);
}

#[tokio::test]
async fn the_latest_of_all_keep_within_the_bytes_of_the_queue() {
    let limits = Limits {
        queue_bytes: 2000,
        slow_consumer: SlowConsumer::Latest,
        ..Limits::default()
    };
    let (outbox, pending) = outbox(&limits, &Metrics::default());
    let lanes = [Lane::default(), Lane::default(), Lane::default()];
    for lane in &lanes {
        outbox
            .publish_if(&mut of_size(400).into(), lane, || true)
            .unwrap();
    }
    // Three fit, and with the last of them larger two do not.
    outbox
        .publish_if(&mut of_size(1500).into(), &lanes[2], || true)
        .unwrap();
    assert_eq!(outbox.metrics().counters().dropped, 3);
    let told = written(&pending);
    assert_eq!((told.len(), told[0].1), (3, 1));
    assert_eq!(told[1..], gaps(2, 1));
}

#[tokio::test]
async fn a_gap_is_told_where_it_is_also_when_word_of_it_was_dropped() {
    let (outbox, pending) = queue(SlowConsumer::DropOldest, 2);
    let (one, other) = (Lane::default(), Lane::default());
    publish(&outbox, &one, 0..3);
    publish(&outbox, &other, 100..102);
    publish(&outbox, &one, 3..4);
    assert_eq!(written(&pending), numbers([(101, 1), (3, 3)]));
}

/// Whoever lost the last that there was does not learn of it by another.
#[tokio::test]
async fn a_gap_at_the_end_is_told_when_nothing_is_left_to_tell() {
    for policy in [SlowConsumer::DropNewest, SlowConsumer::DropOldest] {
        let (outbox, pending) = queue(policy, 2);
        let lanes = [Lane::default(), Lane::default(), Lane::default()];
        for round in 0..100 {
            for lane in &lanes {
                publish(&outbox, lane, round..round + 2);
            }
            // One of them has ended: it hears of nothing more.
            if round == 99 {
                lanes[1].end();
            }
            let told = written(&pending);
            let missing: u64 = told.iter().map(|(_, dropped)| dropped).sum();
            let is_gap = |told: &&(String, u64)| told.0 == "Gap";
            let expected = if round == 99 { (2, 1) } else { (4, 2) };
            let found = (missing, told.iter().filter(is_gap).count());
            assert_eq!(found, expected, "{policy:?} {told:?}");
            assert!(told.is_sorted_by_key(|told| told.0 == "Gap"));
            assert!(written(&pending).is_empty());
        }
        assert_eq!(outbox.metrics().counters().dropped, 400);
    }
}

/// Whatever becomes of its publications meanwhile.
#[tokio::test]
async fn what_a_subscription_has_lost_is_told_before_its_last_word() {
    let ends = |outbox: &Outbox, lane: &Lane| {
        lane.end();
        let end = Event::new(Origin::default(), Body::End);
        outbox.push_last(end, lane).unwrap();
    };
    let end = || vec![("End".to_owned(), 0)];
    let (one, other) = (Lane::default(), Lane::default());

    let (outbox, pending) = queue(SlowConsumer::DropNewest, 2);
    publish(&outbox, &one, 0..5);
    ends(&outbox, &one);
    let expected = [numbers([(0, 0), (1, 0)]), gaps(1, 3), end()].concat();
    assert_eq!(written(&pending), expected);

    let (outbox, pending) = queue(SlowConsumer::DropOldest, 2);
    let one = Lane::default();
    publish(&outbox, &one, 0..3);
    ends(&outbox, &one);
    publish(&outbox, &other, 100..102);
    let expected = [gaps(1, 3), end(), numbers([(100, 0), (101, 0)])].concat();
    assert_eq!(written(&pending), expected);

    // What has been told is not told again.
    let (outbox, pending) = queue(SlowConsumer::DropOldest, 2);
    let one = Lane::default();
    publish(&outbox, &one, 0..3);
    ends(&outbox, &one);
    let expected = [numbers([(1, 1), (2, 0)]), end()].concat();
    assert_eq!(written(&pending), expected);
}

/// What is remembered of those who come, lose something and leave is bounded by those who are there.
#[tokio::test]
async fn who_has_left_is_told_nothing_and_forgotten() {
    let (outbox, pending) = queue(SlowConsumer::DropNewest, 1);
    let stays = Lane::default();
    publish(&outbox, &stays, 0..3);
    for _ in 0..1000 {
        let leaves = Lane::default();
        publish(&outbox, &leaves, 0..3);
        leaves.end();
    }
    assert!(outbox.queue.state().publications.short() <= 2);
    assert_eq!(written(&pending), [numbers([(0, 0)]), gaps(1, 2)].concat());
}

#[tokio::test]
async fn what_is_no_publication_is_not_dropped() {
    let (outbox, pending) = queue(SlowConsumer::DropOldest, 2);
    let lane = Lane::default();
    outbox
        .push(Event::new(Origin::default(), Body::Ack(None)))
        .unwrap();
    outbox.send(fault(1)).await.unwrap();
    publish(&outbox, &lane, 0..9);
    outbox
        .push(Event::new(Origin::default(), Body::End))
        .unwrap();
    let written: Vec<_> = written(&pending)
        .into_iter()
        .map(|(text, _)| text)
        .collect();
    assert_eq!(written.len(), 5);
    assert_eq!((&*written[0], &*written[4]), ("Ack(None)", "End"));
    assert_eq!(written[2..4], ["7", "8"]);
}

#[tokio::test(start_paused = true)]
async fn a_publisher_is_held_until_half_of_the_queue_is_free() {
    let (outbox, pending) = queue(SlowConsumer::Block(Duration::from_secs(3)), 4);
    let lane = Lane::default();
    publish(&outbox, &lane, 0..2);
    let start = Instant::now();
    outbox.ready(start).await;
    publish(&outbox, &lane, 2..4);
    let held = tokio::spawn({
        let outbox = outbox.clone();
        async move { outbox.ready(start).await }
    });
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!held.is_finished());
    assert_eq!(written(&pending).len(), 4);
    held.await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(2));
    assert!(!is_given_up(&pending));
}

#[tokio::test(start_paused = true)]
async fn a_publisher_is_held_for_so_long_and_then_the_connection_is_given_up() {
    let (outbox, pending) = queue(SlowConsumer::Block(Duration::from_secs(3)), 4);
    publish(&outbox, &Lane::default(), 0..4);
    let start = Instant::now();
    outbox.ready(start).await;
    assert_eq!(start.elapsed(), Duration::from_secs(3));
    assert!(is_given_up(&pending));
    // Nobody is held by one that is given up.
    outbox.ready(Instant::now()).await;
    assert_eq!(start.elapsed(), Duration::from_secs(3));
}

#[tokio::test]
async fn bytes_count_as_events_do() {
    let (outbox, pending) = small(1000);
    let lane = Lane::default();
    outbox
        .publish_if(&mut of_size(700).into(), &lane, || true)
        .unwrap();
    assert!(
        outbox
            .publish_if(&mut of_size(700).into(), &lane, || true)
            .is_err()
    );
    assert!(is_given_up(&pending));
}

#[tokio::test]
async fn what_cannot_wait_says_when_its_room_becomes_scarce() {
    let (outbox, pending) = small(1000);
    outbox
        .publish_if(&mut of_size(700).into(), &Lane::default(), || true)
        .unwrap();
    assert!(outbox.is_roomy(), "publications have room of their own");
    outbox.push(fault(700)).unwrap();
    assert!(!outbox.is_roomy());
    assert!(outbox.push(fault(700)).is_err());
    assert!(is_given_up(&pending));
}

#[tokio::test]
async fn a_reply_waits_for_room() {
    let (outbox, pending) = small(1000);
    outbox.send(fault(700)).await.unwrap();
    let waiting = tokio::spawn({
        let outbox = outbox.clone();
        async move { outbox.send(fault(700)).await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    assert_eq!(written(&pending).len(), 1);
    waiting.await.unwrap().unwrap();
    assert!(!is_given_up(&pending));
}

#[tokio::test]
async fn nothing_more_is_read_while_replies_wait_that_would_fill_the_queue() {
    let (outbox, pending) = small(1000);
    outbox.send(fault(700)).await.unwrap();
    let mut waiting = Vec::new();
    for is_roomy in [true, false] {
        let one = outbox.clone();
        waiting.push(tokio::spawn(async move { one.send(fault(700)).await }));
        tokio::task::yield_now().await;
        assert_eq!(outbox.is_roomy(), is_roomy);
    }
    // Also if they are given up.
    let (woken, waker) = counting_waker();
    let polled = pending.poll_next(&Context::from_waker(&waker), false);
    assert!(polled.is_pending());
    let last = waiting.pop().unwrap();
    last.abort();
    assert!(last.await.is_err());
    assert!(outbox.is_roomy());
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn replies_have_room_in_their_order() {
    let (outbox, pending) = small(1000);
    outbox.send(fault(700)).await.unwrap();
    let mut waiting = Vec::new();
    for size in [701, 100, 702] {
        let outbox = outbox.clone();
        waiting.push(tokio::spawn(async move { outbox.send(fault(size)).await }));
        tokio::task::yield_now().await;
    }
    // Though there would be room for it.
    assert!(outbox.send_now(fault(1)).is_some());
    let mut sizes = Vec::new();
    while sizes.len() < 4 {
        if let Some(queued) = pending.next_now() {
            sizes.push(queued.event.weight());
        }
        tokio::task::yield_now().await;
    }
    assert!(
        sizes.is_sorted_by_key(|size| [829, 830, 229, 831].iter().position(|one| one == size)),
        "{sizes:?}"
    );
    for waiting in waiting {
        waiting.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_reply_that_waits_learns_that_the_connection_is_gone() {
    let (outbox, pending) = small(1000);
    outbox.send(fault(700)).await.unwrap();
    let waiting = tokio::spawn({
        let outbox = outbox.clone();
        async move { outbox.send(fault(700)).await }
    });
    tokio::task::yield_now().await;
    drop(pending);
    assert!(waiting.await.unwrap().is_err());
    assert!(outbox.push(fault(1)).is_err());
}

#[tokio::test]
async fn what_cannot_wait_finds_room_beside_replies_that_do() {
    let (outbox, pending) = small(1000);
    for _ in 0..2 {
        let outbox = outbox.clone();
        tokio::spawn(async move { outbox.send(fault(700)).await });
    }
    tokio::task::yield_now().await;
    outbox.push(fault(700)).unwrap();
    assert_eq!(written(&pending).len(), 2);
    assert!(!is_given_up(&pending));
}

#[tokio::test]
async fn whoever_waits_is_woken_by_what_it_waits_for() {
    let (outbox, pending) = queue(SlowConsumer::Disconnect, 2);
    let (woken, cx) = counting_waker();
    let cx = Context::from_waker(&cx);
    let wakes = || woken.0.swap(0, Ordering::Relaxed);
    let lane = Lane::default();
    assert!(pending.poll_next(&cx, true).is_pending());
    publish(&outbox, &lane, 0..1);
    assert_eq!(wakes(), 1);
    // While the network takes nothing, more to write is no news, and neither is it to one at work.
    assert!(pending.poll_next(&cx, false).is_pending());
    publish(&outbox, &lane, 1..2);
    assert_eq!(wakes(), 0);
    assert!(pending.poll_next(&cx, true).is_ready());
    assert!(pending.poll_next(&cx, true).is_ready());
    assert!(pending.poll_next(&cx, true).is_pending());
    pending.is_at_work();
    publish(&outbox, &lane, 2..4);
    assert_eq!(wakes(), 0);
    assert!(pending.poll_next(&cx, false).is_pending());
    // The end is.
    publish(&outbox, &lane, 4..5);
    assert_eq!(wakes(), 1);
    assert!(matches!(
        pending.poll_next(&cx, false),
        Poll::Ready(Err(Overflow))
    ));
}

#[tokio::test]
async fn a_fault_stands_for_a_message_larger_than_the_queue() {
    let (outbox, pending) = small(1000);
    outbox.send(fault(5000)).await.unwrap();
    outbox
        .publish_if(&mut of_size(5000).into(), &Lane::default(), || true)
        .unwrap();
    for (text, _) in written(&pending) {
        let expected = "the service's message is larger than 1000 bytes";
        assert!(text.contains(expected), "{text}");
    }
}

//! What every [`MessageBus`] has to do, as a check that panics where one does not.
//!
//! Behind the feature `testing`, for the tests of whoever writes another bus:
//!
//! ```no_run
//! # use specwire::bus::{MemoryBus as MyBus, conformance};
//! use std::sync::Arc;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! // Each bus is fresh: nobody else publishes on it.
//! conformance::check(async || Arc::new(MyBus::new())).await;
//! # }
//! ```

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use super::{History, MessageBus, Page, Publication, Sink, SubscriptionId, TopicName};

/// How long anything may take to arrive.
const PATIENCE: Duration = Duration::from_secs(20);

/// Checks that the buses that `make` gives do what a [`MessageBus`] promises. Each must be without
/// topics, and carry at least some thousand small messages that wait. Must be called within a tokio
/// runtime with time; one with several threads finds more.
///
/// # Panics
///
/// Where a bus does something else, saying what.
pub async fn check<B: MessageBus>(make: impl AsyncFn() -> Arc<B>) {
    nobody_there(&*make().await).await;
    every_subscriber_once(&*make().await).await;
    topics_apart(&*make().await).await;
    unsubscribed(&*make().await).await;
    one_order(make().await).await;
    unsubscribed_within_a_delivery(make().await).await;
    published_within_a_delivery(make().await).await;
    topics_come_and_go(make().await).await;
    history(&*make().await).await;
    history_is_bounded(&*make().await).await;
    epochs(&*make().await, &*make().await).await;
    read_while_published(make().await).await;
}

/// Keeps what it is given.
#[derive(Default)]
struct Inbox {
    had: Mutex<Vec<(String, Option<u64>)>>,
    more: Notify,
}

impl Sink for Inbox {
    fn deliver(&self, publication: &Publication, offset: Option<u64>) {
        let had = (publication.payload().to_owned(), offset);
        lock(&self.had).push(had);
        self.more.notify_one();
    }
}

impl Inbox {
    /// What has come, once it is so many.
    async fn wait(&self, count: usize) -> Vec<(String, Option<u64>)> {
        let enough = async {
            loop {
                let had = lock(&self.had).clone();
                if had.len() >= count {
                    return had;
                }
                self.more.notified().await;
            }
        };
        match timeout(PATIENCE, enough).await {
            Ok(had) => had,
            Err(_) => panic!("of {count} publications only {:?} came", lock(&self.had)),
        }
    }

    async fn payloads(&self, count: usize) -> Vec<String> {
        let had = self.wait(count).await;
        had.into_iter().map(|(payload, _)| payload).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn topic(name: &str) -> TopicName {
    TopicName::new(name).expect("the name is one of a topic")
}

fn publication(payload: &impl ToString) -> Publication {
    Publication::new("m", Some(r#"{"h":1}"#), &payload.to_string()).expect("it is JSON")
}

async fn listen(bus: &impl MessageBus, name: &str) -> (Arc<Inbox>, SubscriptionId) {
    let inbox = Arc::new(Inbox::default());
    let id = bus
        .subscribe(&topic(name), Arc::<Inbox>::clone(&inbox))
        .await;
    (inbox, id.expect("subscribing works"))
}

fn publish(bus: &impl MessageBus, name: &str, payload: impl ToString + Copy) {
    bus.publish(&topic(name), &publication(&payload), None)
        .expect("publishing works");
}

fn keep(bus: &impl MessageBus, name: &str, payload: impl ToString + Copy, history: &History) {
    bus.publish(&topic(name), &publication(&payload), Some(history))
        .expect("publishing works");
}

/// Nobody publishes, or nobody listens.
async fn nobody_there(bus: &impl MessageBus) {
    publish(bus, "deserted", 1);
    let (inbox, id) = listen(bus, "silent").await;
    bus.unsubscribe(&topic("silent"), id);
    bus.unsubscribe(&topic("silent"), id);
    bus.unsubscribe(&topic("unknown"), id);
    assert!(lock(&inbox.had).is_empty(), "nothing was published");
    // What was published to nobody may still be on its way to who comes later, but not for ever.
    let (late, _) = listen(bus, "deserted").await;
    publish(bus, "deserted", 2);
    let mut had = late.payloads(1).await;
    if had == ["1"] {
        had = late.payloads(2).await;
    }
    assert_eq!(had.last().map(String::as_str), Some("2"), "found {had:?}");
}

async fn every_subscriber_once(bus: &impl MessageBus) {
    let whole = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&whole);
    let sink = move |publication: &Publication, _| *lock(&seen) = Some(publication.clone());
    bus.subscribe(&topic("t"), Arc::new(sink))
        .await
        .expect("subscribing works");
    let (one, _) = listen(bus, "t").await;
    let (two, _) = listen(bus, "t").await;
    for number in 0..100 {
        publish(bus, "t", number);
    }
    let expected: Vec<_> = (0..100).map(|number| number.to_string()).collect();
    assert_eq!(one.payloads(100).await, expected);
    assert_eq!(two.payloads(100).await, expected);
    publish(bus, "t", "\"last\"");
    assert_eq!(one.payloads(101).await.len(), 101, "each comes once");
    assert_eq!(two.payloads(101).await.len(), 101, "each comes once");
    for (_, offset) in one.wait(101).await {
        assert_eq!(offset, None, "what is not kept has no offset");
    }
    let last = publication(&"\"last\"");
    let arrived = timeout(PATIENCE, async {
        while lock(&whole).as_ref() != Some(&last) {
            tokio::task::yield_now().await;
        }
    });
    assert!(arrived.await.is_ok(), "found {whole:?}, expected {last:?}");
}

/// Names that differ in anything are different topics.
async fn topics_apart(bus: &impl MessageBus) {
    let long = "x".repeat(TopicName::MAX);
    let longer = format!("{}y", "x".repeat(TopicName::MAX - 1));
    let names = [
        "a", "A", "a/b", "a.b", "a/B", "a/b/c", "a.b.c", "ab", "a?b=1", "a?b=2", "a?b=%2A",
        "a%3Fb", "a-b", "a~b", "a:b", "a,b", "a;b", "a@b", "a!b", "a(b)", "a{b}", "a|b", "a^b",
        "a<b", "a=b", &long, &longer,
    ];
    let mut inboxes = Vec::new();
    for name in names {
        inboxes.push(listen(bus, name).await.0);
    }
    for (number, name) in names.iter().enumerate() {
        publish(bus, name, number);
    }
    for (number, name) in names.iter().enumerate() {
        publish(bus, name, number + 1000);
    }
    for (number, inbox) in inboxes.iter().enumerate() {
        let expected = [number.to_string(), (number + 1000).to_string()];
        assert_eq!(
            inbox.payloads(2).await,
            expected,
            "on {:?}",
            names.get(number)
        );
    }
}

async fn unsubscribed(bus: &impl MessageBus) {
    let (stays, _) = listen(bus, "t").await;
    let (leaves, id) = listen(bus, "t").await;
    publish(bus, "t", 1);
    assert_eq!(leaves.payloads(1).await, ["1"]);
    bus.unsubscribe(&topic("t"), id);
    publish(bus, "t", 2);
    bus.unsubscribe(&topic("t"), id);
    publish(bus, "t", 3);
    assert_eq!(stays.payloads(3).await, ["1", "2", "3"]);
    assert_eq!(
        leaves.payloads(1).await,
        ["1"],
        "nothing comes after the end"
    );
    // A future that is dropped has not subscribed anybody.
    let dropped = Arc::new(Inbox::default());
    drop(bus.subscribe(&topic("t"), Arc::<Inbox>::clone(&dropped)));
    publish(bus, "t", 4);
    stays.wait(4).await;
    assert!(lock(&dropped.had).is_empty(), "nobody has subscribed");
}

/// Publications from several threads come to all in one order, in which those of each thread keep
/// theirs.
async fn one_order<B: MessageBus>(bus: Arc<B>) {
    const PUBLISHERS: usize = 4;
    const EACH: usize = 500;
    let mut inboxes = Vec::new();
    for _ in 0..3 {
        inboxes.push(listen(&*bus, "t").await.0);
        // Lingers now and then, which gives publishers the opportunity to overtake each other.
        let sink = |publication: &Publication, _| {
            if publication.payload().ends_with("00") {
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        let id = bus.subscribe(&topic("t"), Arc::new(sink)).await;
        id.expect("subscribing works");
    }
    let all_are_there = Arc::new(Barrier::new(PUBLISHERS));
    let publishers = (0..PUBLISHERS).map(|publisher| {
        let (bus, all_are_there) = (Arc::clone(&bus), Arc::clone(&all_are_there));
        tokio::task::spawn_blocking(move || {
            all_are_there.wait();
            for number in 0..EACH {
                publish(&*bus, "t", publisher * EACH + number);
            }
        })
    });
    for publisher in publishers.collect::<Vec<_>>() {
        publisher.await.expect("publishing does not panic");
    }
    let mut orders = Vec::new();
    for inbox in &inboxes {
        orders.push(inbox.payloads(PUBLISHERS * EACH).await);
    }
    let Some((first, others)) = orders.split_first() else {
        return;
    };
    for other in others {
        assert!(first == other, "all subscribers see one order");
    }
    let mut last = HashMap::new();
    for payload in first {
        let number: usize = payload.parse().expect("it is a number");
        let earlier = last.insert(number / EACH, number);
        assert!(
            earlier.is_none_or(|earlier| earlier < number),
            "what one thread publishes keeps its order"
        );
    }
}

async fn unsubscribed_within_a_delivery<B: MessageBus>(bus: Arc<B>) {
    let (stays, _) = listen(&*bus, "t").await;
    let had = Arc::new(AtomicUsize::new(0));
    let own = Arc::new(OnceLock::new());
    let sink = {
        let (bus, had, own) = (Arc::clone(&bus), Arc::clone(&had), Arc::clone(&own));
        move |_: &Publication, _| {
            had.fetch_add(1, Ordering::SeqCst);
            if let Some(own) = own.get() {
                bus.unsubscribe(&topic("t"), *own);
            }
        }
    };
    let id = bus.subscribe(&topic("t"), Arc::new(sink)).await;
    let id = id.expect("subscribing works");
    assert!(own.set(id).is_ok(), "it is set once");
    let (also_stays, _) = listen(&*bus, "t").await;
    publish(&*bus, "t", 1);
    stays.wait(1).await;
    also_stays.wait(1).await;
    publish(&*bus, "t", 2);
    assert_eq!(stays.payloads(2).await, ["1", "2"]);
    assert_eq!(also_stays.payloads(2).await, ["1", "2"]);
    assert_eq!(had.load(Ordering::SeqCst), 1, "it has left with the first");
}

/// A sink that publishes, on its own topic and on another whose sink publishes back.
async fn published_within_a_delivery<B: MessageBus>(bus: Arc<B>) {
    let answer = |from: &'static str, to: &'static str| {
        let bus = Arc::clone(&bus);
        let sink = move |publication: &Publication, _: Option<u64>| {
            let number: u32 = publication.payload().parse().expect("it is a number");
            if number < 20 {
                publish(&*bus, to, number + 1);
            }
        };
        (from, sink)
    };
    for (from, sink) in [
        answer("ping", "pong"),
        answer("pong", "ping"),
        answer("self", "self"),
    ] {
        let id = bus.subscribe(&topic(from), Arc::new(sink)).await;
        id.expect("subscribing works");
    }
    let (pings, _) = listen(&*bus, "ping").await;
    let (selves, _) = listen(&*bus, "self").await;
    publish(&*bus, "ping", 0);
    publish(&*bus, "self", 0);
    let numbers = |step: usize| {
        (0..=20)
            .step_by(step)
            .map(|n| n.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(pings.payloads(11).await, numbers(2));
    assert_eq!(selves.payloads(21).await, numbers(1));
}

/// Many topics at once, none of which is of another's concern, and of which nothing stays.
async fn topics_come_and_go<B: MessageBus>(bus: Arc<B>) {
    const TASKS: usize = 8;
    const ROUNDS: usize = 50;
    let tasks = (0..TASKS).map(|task| {
        let bus = Arc::clone(&bus);
        tokio::spawn(async move {
            for round in 0..ROUNDS {
                // Of those with an odd number several tasks come and go at once.
                let shared = round % 2 == 1;
                let name = if shared {
                    format!("room?id={round}")
                } else {
                    format!("room?id={task}-{round}")
                };
                let (inbox, id) = listen(&*bus, &name).await;
                publish(&*bus, &name, task);
                let had = inbox.payloads(1).await;
                assert!(
                    shared || had == [task.to_string()],
                    "found {had:?} on {name}"
                );
                bus.unsubscribe(&topic(&name), id);
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("each task has had its own message");
    }
    let (inbox, _) = listen(&*bus, "room?id=1").await;
    publish(&*bus, "room?id=1", "\"fresh\"");
    assert_eq!(inbox.payloads(1).await, ["\"fresh\""]);
}

async fn page(bus: &impl MessageBus, name: &str, keep: &History, after: u64, limit: usize) -> Page {
    let page = bus.history(&topic(name), keep, after, limit).await;
    page.expect("the history can be read")
}

fn kept(page: &Page) -> Vec<(u64, String)> {
    let kept = page.kept.iter();
    kept.map(|kept| (kept.offset, kept.publication.payload().to_owned()))
        .collect()
}

async fn history(bus: &impl MessageBus) {
    let keep_ten = History {
        messages: 10,
        ..History::default()
    };
    let empty = page(bus, "t", &keep_ten, 0, 10).await;
    assert_eq!((empty.top, empty.oldest), (0, 1), "nothing was published");
    assert!(empty.epoch.len() <= 32, "`{}` is too long", empty.epoch);
    let (inbox, _) = listen(bus, "t").await;
    for number in 1..=5 {
        keep(bus, "t", number * 100, &keep_ten);
    }
    let expected: Vec<_> = (1..=5).map(|n| (n, (n * 100).to_string())).collect();
    let delivered = inbox.wait(5).await;
    let delivered: Vec<_> = delivered
        .into_iter()
        .filter_map(|(payload, offset)| Some((offset?, payload)))
        .collect();
    assert_eq!(delivered, expected, "a delivery has its offset");
    let all = page(bus, "t", &keep_ten, 0, 10).await;
    assert_eq!(kept(&all), expected);
    assert_eq!((all.top, all.oldest), (5, 1));
    assert_eq!(all.epoch, empty.epoch, "the history is the same");
    let some = page(bus, "t", &keep_ten, 2, 2).await;
    assert_eq!(kept(&some), [(3, "300".to_owned()), (4, "400".to_owned())]);
    assert_eq!(some.top, 5);
    for after in [5, 6, u64::MAX] {
        let none = page(bus, "t", &keep_ten, after, 10).await;
        assert_eq!((kept(&none), none.top), (Vec::new(), 5));
    }
    let other = page(bus, "other", &keep_ten, 0, 10).await;
    assert_eq!(other.top, 0, "each topic has its own");
}

async fn history_is_bounded(bus: &impl MessageBus) {
    let three = History {
        messages: 3,
        ..History::default()
    };
    let (inbox, _) = listen(bus, "count").await;
    for number in 1..=11 {
        keep(bus, "count", number, &three);
    }
    inbox.wait(11).await;
    let page_of_count = page(bus, "count", &three, 0, 100).await;
    let expected: Vec<_> = (9..=11).map(|n| (n, n.to_string())).collect();
    assert_eq!(kept(&page_of_count), expected);
    assert_eq!((page_of_count.oldest, page_of_count.top), (9, 11));

    let small = History {
        bytes: 100,
        ..History::default()
    };
    let text = format!("\"{}\"", "x".repeat(30));
    let (inbox, _) = listen(bus, "bytes").await;
    for _ in 0..11 {
        keep(bus, "bytes", &text, &small);
    }
    inbox.wait(11).await;
    let page_of_bytes = page(bus, "bytes", &small, 0, 100).await;
    assert_eq!(page_of_bytes.top, 11);
    let bytes: usize = page_of_bytes
        .kept
        .iter()
        .map(|kept| kept.publication.size())
        .sum();
    assert!(bytes <= 100, "{bytes} bytes are kept of 100");
    assert!(!page_of_bytes.kept.is_empty(), "what fits is kept");
}

async fn epochs(one: &impl MessageBus, other: &impl MessageBus) {
    let history = History::default();
    let of_one = page(one, "t", &history, 0, 1).await;
    let of_other = page(other, "t", &history, 0, 1).await;
    assert_ne!(of_one.epoch, of_other.epoch, "fresh buses count anew");
}

/// What is read up to the top, and what is delivered beyond it, is everything, once.
async fn read_while_published<B: MessageBus>(bus: Arc<B>) {
    const ALL: usize = 500;
    let history = History {
        messages: ALL,
        ..History::default()
    };
    let publisher = tokio::task::spawn_blocking({
        let bus = Arc::clone(&bus);
        move || {
            for number in 1..=ALL {
                keep(&*bus, "t", number, &history);
            }
        }
    });
    let (inbox, _) = listen(&*bus, "t").await;
    let read = page(&*bus, "t", &history, 0, ALL).await;
    publisher.await.expect("publishing does not panic");
    let mut had: Vec<u64> = read.kept.iter().map(|kept| kept.offset).collect();
    let all = async {
        loop {
            let delivered = lock(&inbox.had).clone();
            let later = delivered.iter().filter_map(|(_, offset)| *offset);
            let later: Vec<u64> = later.filter(|offset| *offset > read.top).collect();
            if had.len() + later.len() >= ALL {
                return later;
            }
            inbox.more.notified().await;
        }
    };
    let Ok(later) = timeout(PATIENCE, all).await else {
        panic!(
            "what was published after offset {} did not all come",
            read.top
        );
    };
    had.extend(later);
    let expected: Vec<u64> = (1..=ALL as u64).collect();
    assert!(had == expected, "found the offsets {had:?}");
}

//! Topics: who hears what is published where, and for how long.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::ser::SerializeMap;
use serde_json::{Value, json};
use specwire::bus::{History, MemoryBus};
use specwire::private::{Interaction, MessageSpec, Wiring};
use specwire::{Fault, Limits, NoError, Provider, Request, Server, SlowConsumer, Subscribers};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Mutex, Semaphore, mpsc, oneshot};

use self::generated::{
    Came, Count, Counted, Found, Lost, PeopleAgainParameters, PeopleParameters, RoomKind,
    RoomParameters, Said, Say, Set, VolumeParameters, Watch, topics,
};
use crate::client::{Peer, soon};
use crate::distant::Distant;
use crate::service::Running;
use crate::service::patterns::StatusRequest;
use crate::speaker::{ALL, Speaker};

#[allow(
    unreachable_pub,
    reason = "generated modules are public where they are"
)]
pub(crate) mod generated {
    include!("../../codegen/tests/golden/Channels.rs");
}

/// A house in which handlers publish through the bus, and the source of what is said does what a
/// test tells it to.
pub(crate) struct House {
    orders: Mutex<mpsc::UnboundedReceiver<Order>>,
}

/// What the source is to do next, and the word that it is done: with how many it reached.
pub(crate) struct Order(pub(crate) Task, oneshot::Sender<usize>);

pub(crate) enum Task {
    ToAll(&'static str),
    At(RoomParameters, &'static str),
    Numbers(std::ops::RangeInclusive<u32>),
    OnePerConnection,
}

/// The test's end of the house.
#[derive(Clone)]
pub(crate) struct Orders(mpsc::UnboundedSender<Order>);

impl Orders {
    pub(crate) async fn order(&self, task: Task) -> usize {
        let (done, is_done) = oneshot::channel();
        assert!(self.0.send(Order(task, done)).is_ok(), "the house is gone");
        soon(is_done).await.unwrap()
    }
}

pub(crate) fn house() -> (Provider, Orders) {
    let (sender, orders) = mpsc::unbounded_channel();
    let house = House {
        orders: Mutex::new(orders),
    };
    (generated::provider(house), Orders(sender))
}

pub(crate) fn room(id: &str) -> RoomParameters {
    RoomParameters {
        room_id: id.to_owned(),
        kind: RoomKind::Public,
    }
}

fn said(text: impl ToString + Copy) -> Said {
    let text = text.to_string();
    Said { text, by: None }
}

impl generated::Service for House {
    async fn say(&self, message: Request<Say, RoomParameters>) -> Result<(), Fault> {
        let topic = topics::LISTEN.at(message.parameters());
        if let Some(Ok(last)) = message
            .text
            .strip_prefix("count to ")
            .map(str::parse::<u32>)
        {
            for number in 1..=last {
                message.bus().ready(topic.clone()).await;
                message.bus().publish(topic.clone(), said(number))?;
            }
            return Ok(());
        }
        message.bus().publish(topic, said(message.text.as_str()))?;
        Ok(())
    }

    async fn listen(&self, listeners: Subscribers<RoomParameters, Said>) -> Result<(), Fault> {
        let mut orders = self.orders.lock().await;
        while let Some(Order(task, done)) = orders.recv().await {
            let reached = match task {
                Task::ToAll(text) => listeners.publish(said(text)),
                Task::At(room, text) => listeners.publish_at(&room, said(text)),
                Task::Numbers(range) => {
                    for number in range {
                        listeners.publish_at(&room("42"), said(number));
                    }
                    0
                }
                Task::OnePerConnection => {
                    listeners.one_per_connection();
                    listeners.len()
                }
            };
            let _ = done.send(reached);
        }
        Ok(())
    }

    /// Ends the subscriptions of whoever asks, to the room that he names.
    async fn count(&self, request: Request<Count, PeopleParameters>) -> Result<Counted, Fault> {
        let ended = request.unsubscribe(topics::LISTEN.at(&room(&request.room.id)));
        let people = u32::try_from(ended).unwrap();
        Ok(Counted { people })
    }

    async fn watch(&self, _: Subscribers<Watch, Came, PeopleAgainParameters>) -> Result<(), Fault> {
        std::future::pending().await
    }

    async fn set_volume(&self, _: Request<Set, VolumeParameters>) -> Result<(), Fault> {
        Ok(())
    }

    async fn lose(&self, message: Request<Lost>) -> Result<(), Fault> {
        let found = Found(message.payload().0.clone());
        Ok(message.bus().publish(topics::FIND, found)?)
    }

    async fn find(&self, _: Subscribers<(), Found>) -> Result<(), Fault> {
        std::future::pending().await
    }
}

async fn served() -> (Running, Orders, Arc<MemoryBus>) {
    let (provider, orders) = house();
    let bus = Arc::new(MemoryBus::new());
    let carrier = Arc::<MemoryBus>::clone(&bus);
    let running = Running::start(Server::new().bus(carrier).serve(provider)).await;
    (running, orders, bus)
}

pub(crate) fn listen(id: u64, room: &str) -> Value {
    json!({"op": "sub", "id": id, "channel": "channels/room", "message": "said",
           "parameters": {"roomId": room}})
}

pub(crate) async fn listening(
    peer: &mut Peer<impl AsyncRead + AsyncWrite + Unpin>,
    id: u64,
    room: &str,
) {
    peer.send(&listen(id, room)).await;
    assert_eq!(peer.next().await, json!({"op": "ack", "id": id}));
}

pub(crate) async fn say(
    peer: &mut Peer<impl AsyncRead + AsyncWrite + Unpin>,
    room: &str,
    text: &str,
) {
    peer.send(
        &json!({"op": "msg", "id": 99, "channel": "channels/room", "message": "say",
                      "parameters": {"roomId": room}, "payload": {"text": text}}),
    )
    .await;
}

/// The next publication: of which subscription, and what was said.
pub(crate) async fn heard(peer: &mut Peer) -> (u64, String) {
    let frame = peer.next().await;
    assert_eq!(frame["op"], "msg", "{frame}");
    let text = frame["payload"]["text"].as_str().unwrap();
    (frame["id"].as_u64().unwrap(), text.to_owned())
}

#[tokio::test]
async fn what_a_handler_publishes_on_a_topic_reaches_its_subscribers_and_no_others() {
    let (server, _orders, _bus) = served().await;
    let mut kitchen = Peer::envelope(&server).await;
    let mut hall = Peer::envelope(&server).await;
    let mut raw = Peer::raw(&server, "/ws/channels/room?roomId=kitchen").await;
    listening(&mut kitchen, 1, "kitchen").await;
    listening(&mut kitchen, 2, "kitchen").await;
    listening(&mut hall, 1, "hall").await;
    say(&mut hall, "kitchen", "dinner").await;
    assert_eq!(hall.next().await, json!({"op": "ack", "id": 99}));
    let mut ids = [heard(&mut kitchen).await, heard(&mut kitchen).await];
    ids.sort();
    assert_eq!(ids, [(1, "dinner".to_owned()), (2, "dinner".to_owned())]);
    assert_eq!(raw.next().await, json!({"text": "dinner"}));
    hall.expect_nothing().await;
    kitchen.expect_nothing().await;
    // In raw frames as well.
    raw.send(&json!({"text": "come"})).await;
    assert_eq!(raw.next().await, json!({"text": "come"}));
}

#[tokio::test]
async fn a_topic_without_parameters_is_reached_from_any_handler() {
    let (server, _orders, _bus) = served().await;
    let mut finder = Peer::envelope(&server).await;
    let mut peer = Peer::envelope(&server).await;
    let sub = json!({"op": "sub", "id": 1, "channel": "unsaid"});
    finder.send(&sub).await;
    assert_eq!(finder.next().await, json!({"op": "ack", "id": 1}));
    let lost =
        json!({"op": "msg", "id": 1, "channel": "nowhere", "message": "lost", "payload": "keys"});
    peer.send(&lost).await;
    assert_eq!(peer.next().await, json!({"op": "ack", "id": 1}));
    assert_eq!(finder.next().await["payload"], "keys");
}

/// With the policy `block` whoever publishes through the bus can be held as a source can.
#[tokio::test]
async fn r03_a_handler_that_publishes_much_waits_for_a_slow_reader() {
    const LAST: u32 = 5000;
    let limits = Limits {
        slow_consumer: SlowConsumer::Block(Duration::from_secs(20)),
        queue_messages: 16,
        ..Limits::default()
    };
    let (provider, _orders) = house();
    let server = Running::start(Server::new().limits(limits).serve(provider)).await;
    let (mut slow, mut speaker) = (Peer::envelope(&server).await, Peer::envelope(&server).await);
    listening(&mut slow, 1, "kitchen").await;
    say(&mut speaker, "kitchen", &format!("count to {LAST}")).await;
    // For a moment nobody reads: until the server has written what it can, and its handler waits.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    for number in 1..=LAST {
        assert_eq!(heard(&mut slow).await, (1, number.to_string()));
    }
    assert_eq!(speaker.next().await, json!({"op": "ack", "id": 99}));
    // Where nobody is there is nothing to wait for.
    say(&mut speaker, "hall", "count to 3").await;
    assert_eq!(speaker.next().await, json!({"op": "ack", "id": 99}));
}

/// S32: where any text is taken, a value that looks like another topic, or like a pattern, is neither.
#[tokio::test]
async fn a_parameter_names_one_topic_whatever_is_in_it() {
    let (provider, _orders) = house();
    let server = Running::start(Server::new().serve(provider.lenient_addresses())).await;
    let mut peer = Peer::envelope(&server).await;
    let rooms = [
        "a",
        "*",
        ">",
        "+",
        "#",
        "a.*",
        "../a",
        "a/b",
        "a&kind=public",
        "%61",
        "a b",
        "$SYS",
        "_INBOX.x",
        "A",
    ];
    for (id, room) in (1..).zip(rooms) {
        listening(&mut peer, id, room).await;
    }
    for (id, room) in (1..).zip(rooms) {
        say(&mut peer, room, room).await;
        assert_eq!(heard(&mut peer).await, (id, room.to_owned()));
        assert_eq!(peer.next().await, json!({"op": "ack", "id": 99}));
    }
}

#[tokio::test]
async fn a_source_publishes_to_all_or_at_one_topic() {
    let (server, orders, _bus) = served().await;
    let mut one = Peer::envelope(&server).await;
    let mut two = Peer::envelope(&server).await;
    listening(&mut one, 1, "a").await;
    listening(&mut one, 2, "b").await;
    listening(&mut two, 1, "a").await;
    assert_eq!(orders.order(Task::At(room("a"), "x")).await, 2);
    assert_eq!(orders.order(Task::At(room("b"), "y")).await, 1);
    assert_eq!(orders.order(Task::At(room("c"), "z")).await, 0);
    assert_eq!(orders.order(Task::ToAll("w")).await, 3);
    let mut heard_by_one = Vec::new();
    for _ in 0..4 {
        heard_by_one.push(heard(&mut one).await);
    }
    heard_by_one.sort();
    let expected = [(1, "w"), (1, "x"), (2, "w"), (2, "y")];
    assert_eq!(
        heard_by_one,
        expected.map(|(id, text)| (id, text.to_owned()))
    );
    assert_eq!(heard(&mut two).await, (1, "x".to_owned()));
    assert_eq!(heard(&mut two).await, (1, "w".to_owned()));
    one.expect_nothing().await;
    two.expect_nothing().await;
}

#[tokio::test]
async fn a_subscription_may_replace_the_connections_earlier_one() {
    let (server, orders, _bus) = served().await;
    let mut one = Peer::envelope(&server).await;
    let mut two = Peer::envelope(&server).await;
    listening(&mut one, 1, "a").await;
    listening(&mut one, 2, "b").await;
    listening(&mut one, 3, "a").await;
    listening(&mut two, 1, "a").await;
    // Of those that are there already, the latest stays.
    assert_eq!(orders.order(Task::OnePerConnection).await, 2);
    let mut ended = [one.next().await, one.next().await];
    ended.sort_by_key(|frame| frame["id"].as_u64());
    assert_eq!(ended, [1, 2].map(|id| json!({"op": "unsub", "id": id})));
    listening(&mut one, 4, "c").await;
    assert_eq!(one.next().await, json!({"op": "unsub", "id": 3}));
    assert_eq!(orders.order(Task::ToAll("x")).await, 2);
    assert_eq!(heard(&mut one).await, (4, "x".to_owned()));
    assert_eq!(heard(&mut two).await, (1, "x".to_owned()));
    one.expect_nothing().await;
    // The number is free again.
    listening(&mut one, 1, "a").await;
    assert_eq!(one.next().await, json!({"op": "unsub", "id": 4}));
}

#[tokio::test]
async fn a_handler_ends_the_askers_subscriptions_on_a_topic_and_no_others() {
    let (server, orders, bus) = served().await;
    let mut one = Peer::envelope(&server).await;
    let mut two = Peer::envelope(&server).await;
    listening(&mut one, 1, "a").await;
    listening(&mut one, 2, "b").await;
    listening(&mut one, 3, "a").await;
    listening(&mut two, 1, "a").await;
    let unsubscribe = json!({"op": "msg", "id": 9, "channel": "people",
                             "payload": {"room": {"id": "a"}}});
    one.send(&unsubscribe).await;
    let mut frames = [one.next().await, one.next().await, one.next().await];
    frames.sort_by_key(|frame| frame["id"].as_u64());
    assert_eq!(frames[0], json!({"op": "unsub", "id": 1}));
    assert_eq!(frames[1], json!({"op": "unsub", "id": 3}));
    assert_eq!(frames[2]["payload"], json!({"people": 2}));
    assert_eq!(orders.order(Task::ToAll("x")).await, 2);
    assert_eq!(heard(&mut one).await, (2, "x".to_owned()));
    assert_eq!(heard(&mut two).await, (1, "x".to_owned()));
    one.send(&unsubscribe).await;
    assert_eq!(one.next().await["payload"], json!({"people": 0}));
    assert_eq!(bus.topics(), 2);
}

/// S27, S38: nothing stays of subscriptions that are gone.
#[tokio::test]
async fn topics_go_with_their_last_subscribers() {
    let (server, _orders, bus) = served().await;
    let mut peer = Peer::envelope(&server).await;
    let mut other = Peer::envelope(&server).await;
    listening(&mut other, 1, "7").await;
    for round in 0..200 {
        listening(&mut peer, round, &(round % 20).to_string()).await;
        assert!(bus.topics() <= 2);
        peer.send(&json!({"op": "unsub", "id": round})).await;
        assert_eq!(peer.next().await, json!({"op": "unsub", "id": round}));
    }
    assert_eq!(bus.topics(), 1);
    for room in 0..100 {
        listening(&mut peer, room, &room.to_string()).await;
    }
    assert_eq!(bus.topics(), 100);
    peer.close().await;
    other.close().await;
    soon(async {
        while bus.topics() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn servers_on_one_bus_share_their_topics() {
    let bus = Arc::new(MemoryBus::new());
    let (inner, _inner_orders) = house();
    let (outer, _outer_orders) = house();
    let inner = Server::new()
        .bus(Arc::<MemoryBus>::clone(&bus))
        .serve(inner);
    let outer = Server::new().bus(bus).serve(outer);
    let (inner, outer) = (Running::start(inner).await, Running::start(outer).await);
    let mut near = Peer::envelope(&inner).await;
    let mut far = Peer::envelope(&outer).await;
    listening(&mut near, 1, "a").await;
    listening(&mut far, 1, "a").await;
    say(&mut near, "a", "to both").await;
    assert_eq!(heard(&mut near).await, (1, "to both".to_owned()));
    assert_eq!(heard(&mut far).await, (1, "to both".to_owned()));
}

/// A message that counts how often it is serialised.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
struct Weighed {}

static SERIALISED: AtomicUsize = AtomicUsize::new(0);

impl serde::Serialize for Weighed {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        SERIALISED.fetch_add(1, Ordering::Relaxed);
        serializer.serialize_map(Some(0))?.end()
    }
}

impl specwire::Validate for Weighed {}

impl specwire::Payload for Weighed {
    type Headers = specwire::NoHeaders;
    const SPEC: MessageSpec = MessageSpec::new("weighed");
}

#[tokio::test]
async fn what_goes_to_many_is_serialised_once_whatever_they_speak() {
    let (orders, received) = mpsc::unbounded_channel::<bool>();
    let weigh = Interaction::new("scales", "weigh")
        .message("status_request")
        .reply("weighed");
    let provider = Wiring::new("scales", Mutex::new(received))
        .pubsub::<StatusRequest, Weighed, (), NoError, _>(weigh, |orders, all| async move {
            while let Some(is_for_each) = orders.lock().await.recv().await {
                while all.len() < 2 * ALL.len() {
                    tokio::task::yield_now().await;
                }
                if is_for_each {
                    all.publish_each(|_| Weighed {});
                } else {
                    all.publish(Weighed {});
                }
            }
            Ok(())
        })
        .finish();
    let server = Running::start(Server::new().serve(provider)).await;
    let mut all = Vec::new();
    for speaks in ALL.into_iter().chain(ALL) {
        let mut speaker = Speaker::open(&server, "scales", speaks).await;
        speaker
            .start("sub", "status_request", json!({}), json!({}))
            .await;
        all.push(speaker);
    }
    for (is_for_each, times) in [(false, 1), (true, all.len())] {
        SERIALISED.store(0, Ordering::Relaxed);
        orders.send(is_for_each).unwrap();
        for speaker in &mut all {
            assert_eq!(speaker.next().await, json!({}));
        }
        assert_eq!(SERIALISED.load(Ordering::Relaxed), times);
    }
}

/// Whatever serves or calls it, a provider has one bus, and never silently another than it was given.
#[tokio::test]
async fn a_provider_that_is_served_twice_stays_on_its_bus() {
    let (house, _orders) = house();
    let called = specwire::Client::in_memory(house.clone());
    let (first, second) = (
        Running::start(Server::new().serve(house.clone())).await,
        Running::start(Server::new().serve(house.clone())).await,
    );
    let (mut near, mut far) = (Peer::envelope(&first).await, Peer::envelope(&second).await);
    listening(&mut near, 1, "a").await;
    say(&mut far, "a", "to the other").await;
    assert_eq!(heard(&mut near).await, (1, "to the other".to_owned()));

    let refused = |server: Server| server.mount().map(drop).unwrap_err().to_string();
    let another = |what| {
        format!(
            "the provider of `channels` was served or called before with another {what}, expected the \
             same or a new provider"
        )
    };
    let server = Server::new().bus(Arc::new(MemoryBus::new()));
    assert_eq!(refused(server.serve(house.clone())), another("bus"));
    let kept = house.history(topics::LISTEN, History::default());
    assert_eq!(refused(Server::new().serve(kept)), another("history"));
    drop(called);
}

#[tokio::test]
async fn a_subscription_is_acknowledged_when_the_bus_has_it() {
    let bus = Arc::new(Distant {
        answers: Some(Semaphore::new(0)),
        ..Distant::default()
    });
    let (provider, _orders) = house();
    let carrier = Arc::<Distant>::clone(&bus);
    let server = Running::start(Server::new().bus(carrier).serve(provider)).await;
    let mut peer = Peer::envelope(&server).await;
    peer.send(&listen(1, "a")).await;
    peer.send(&listen(2, "a")).await;
    peer.send(&listen(3, "b")).await;
    peer.expect_nothing().await;
    // Whoever gives up while the bus is asked leaves nothing there.
    peer.send(&json!({"op": "unsub", "id": 3})).await;
    assert_eq!(peer.next().await, json!({"op": "unsub", "id": 3}));
    peer.send(&json!({"op": "unsub", "id": 1})).await;
    assert_eq!(peer.next().await, json!({"op": "unsub", "id": 1}));
    bus.answers.as_ref().unwrap().add_permits(10);
    assert_eq!(peer.next().await, json!({"op": "ack", "id": 2}));
    assert_eq!(bus.near.topics(), 1);
    say(&mut peer, "a", "over the line").await;
    assert_eq!(heard(&mut peer).await, (2, "over the line".to_owned()));
    peer.close().await;
    soon(async {
        while bus.near.topics() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

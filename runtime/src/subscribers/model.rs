//! A handler's life, and how somebody comes to be subscribed, whoever else comes, goes and publishes
//! meanwhile. Each model has been seen to fail when what it is about was broken.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::Either;
use serde::{Deserialize, Serialize};
use shuttle::future::{block_on, yield_now};
use tokio_util::task::TaskTracker;

use super::*;
use crate::Validate;
use crate::bus::{BusError, BusFuture, History, MemoryBus, MessageBus, Page, Sink, SubscriptionId};
use crate::fault::Fault;
use crate::frame::{Body, Origin, Since};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::outbox::{Lane, Pending, outbox};
use crate::payload::{Message, MessageSpec, NoError, NoHeaders};
use crate::peer::{Context, Peer};
use crate::reply::Replies;
use crate::sync::model::{explore, panic_as_planned};
use crate::sync::spawn;
use crate::topics::{Histories, Home, name, place};

/// Says in which run of the handler it was published.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Tick(usize);

impl Validate for Tick {}

impl Payload for Tick {
    type Headers = NoHeaders;
    const SPEC: MessageSpec = MessageSpec::new("tick");
}

const INTERACTION: Interaction = Interaction::new("clock", "tick").reply("ticks");

/// What has happened to a handler; looking at it changes no order.
#[derive(Debug, Default)]
struct Life {
    running: AtomicUsize,
    begun: AtomicUsize,
    done: AtomicUsize,
    stopped: AtomicUsize,
}

impl Life {
    fn get(counter: &AtomicUsize) -> usize {
        counter.load(Ordering::SeqCst)
    }

    fn add(counter: &AtomicUsize) -> usize {
        counter.fetch_add(1, Ordering::SeqCst) + 1
    }
}

/// One run of a handler, which is stopped if this is dropped before it is done.
struct Run {
    life: Arc<Life>,
    number: usize,
    is_done: bool,
}

impl Run {
    fn begin(life: &Arc<Life>) -> Self {
        assert_eq!(Life::add(&life.running), 1, "the one before has ended");
        Self {
            life: Arc::clone(life),
            number: Life::add(&life.begun),
            is_done: false,
        }
    }

    fn ends(mut self) {
        self.is_done = true;
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.life.running.fetch_sub(1, Ordering::SeqCst);
        Life::add(match self.is_done {
            true => &self.life.done,
            false => &self.life.stopped,
        });
    }
}

/// Takes its time to subscribe.
#[derive(Debug, Default)]
struct SlowBus(MemoryBus);

impl MessageBus for SlowBus {
    fn publish(
        &self,
        topic: &TopicName,
        publication: &Publication,
        keep: Option<&History>,
    ) -> Result<(), BusError> {
        self.0.publish(topic, publication, keep)
    }

    fn subscribe<'a>(
        &'a self,
        topic: &'a TopicName,
        sink: Arc<dyn Sink>,
    ) -> BusFuture<'a, SubscriptionId> {
        Box::pin(async move {
            yield_now().await;
            self.0.subscribe(topic, sink).await
        })
    }

    fn unsubscribe(&self, topic: &TopicName, id: SubscriptionId) {
        self.0.unsubscribe(topic, id);
    }

    fn history<'a>(
        &'a self,
        topic: &'a TopicName,
        keep: &'a History,
        after: u64,
        limit: usize,
    ) -> BusFuture<'a, Page> {
        self.0.history(topic, keep, after, limit)
    }
}

/// A service with one handler.
#[derive(Clone)]
struct Service {
    source: Arc<Source<(), Tick, (), NoError>>,
    life: Arc<Life>,
    home: Arc<Home>,
    bus: Arc<SlowBus>,
    tasks: TaskTracker,
    metrics: Metrics,
}

impl Service {
    fn new<F>(handler: fn(Run, Subscribers<(), Tick>) -> F) -> Self
    where
        F: Future<Output = Result<(), Fault>> + Send + 'static,
    {
        Self::keeping(Histories::new(), handler)
    }

    fn keeping<F>(histories: Histories, handler: fn(Run, Subscribers<(), Tick>) -> F) -> Self
    where
        F: Future<Output = Result<(), Fault>> + Send + 'static,
    {
        let (home, bus) = (Arc::<Home>::default(), Arc::<SlowBus>::default());
        home.settle(Bus::new(Arc::<SlowBus>::clone(&bus), Arc::new(histories)));
        let (life, tasks) = (Arc::<Life>::default(), TaskTracker::new());
        let lives = Arc::clone(&life);
        let run = Box::new(move |subscribers| {
            Box::pin(handler(Run::begin(&lives), subscribers))
                as Pin<Box<dyn Future<Output = _> + Send>>
        });
        let source = Source::new(INTERACTION, Arc::clone(&home), tasks.clone(), run);
        Self {
            source: Arc::new(source),
            life,
            home,
            bus,
            tasks,
            metrics: Metrics::default(),
        }
    }

    fn subscribe(&self, since: Option<Since>) -> Client {
        let (outbox, pending) = outbox(&Limits::default(), &self.metrics);
        let peer = Arc::new(Peer::in_memory());
        let context = Context::new(Arc::clone(&peer), "clock", self.home.bus());
        let origin = Origin::default();
        let replies = Replies {
            outbox,
            lane: Some(Lane::new(origin.clone())),
            origin,
        };
        let request = Request::new(Message::from(()), (), Arc::new(context));
        let membership = self.source.subscribe(request, replies, since);
        Client {
            pending,
            peer,
            membership,
        }
    }

    /// Nothing goes on any more, and nothing is left.
    async fn ends(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        assert_eq!(Life::get(&self.life.running), 0);
        assert_eq!(self.bus.0.topics(), 0);
    }
}

struct Client {
    pending: Pending,
    peer: Arc<Peer>,
    membership: Membership,
}

impl Client {
    async fn told(&self) -> Body {
        let next = poll_fn(|cx| self.pending.poll_next(cx, true)).await;
        next.unwrap().event.body
    }

    async fn is_acknowledged(&self) {
        let told = self.told().await;
        assert!(
            matches!(told, Body::Ack(_) | Body::Subscribed(_)),
            "{told:?}"
        );
    }

    /// The run that has published something for this one.
    async fn tick(&self) -> Option<usize> {
        match self.told().await {
            Body::Message(tick) => Some(tick.payload().parse().unwrap()),
            Body::End => None,
            other => panic!("{other:?}"),
        }
    }

    fn leaves(self) {
        drop(self.membership);
        assert!(self.pending.next_now().is_none());
    }

    fn has_been_told_all(&self) {
        assert!(self.pending.next_now().is_none());
    }
}

/// All at once.
fn each<const N: usize, F>(clients: [F; N])
where
    F: Future<Output = ()> + Send + 'static,
{
    let clients = clients.map(spawn);
    block_on(async {
        for client in clients {
            client.await.unwrap();
        }
    });
}

async fn welcome(run: Run, subscribers: Subscribers<(), Tick>) -> Result<(), Fault> {
    loop {
        subscribers.joined().await.publish(Tick(run.number));
    }
}

/// Stays until he has been welcomed, and is served all that time.
async fn visit(service: Service) {
    let client = service.subscribe(None);
    client.is_acknowledged().await;
    let run = client.tick().await.unwrap();
    yield_now().await;
    let life = &service.life;
    assert_eq!(Life::get(&life.begun), run);
    assert_eq!((Life::get(&life.running), Life::get(&life.done)), (1, 0));
    assert_eq!(Life::get(&life.stopped), run - 1);
    drop(client.membership);
}

/// Leaves as soon as he has come.
async fn look_in(service: Service) {
    drop(service.subscribe(None));
}

#[test]
fn r06_a_handler_starts_with_the_first_and_stops_after_the_last() {
    explore(|| {
        let service = Service::new(welcome);
        let visits = [0, 1, 2].map(|_| visit(service.clone()));
        each(visits);
        block_on(service.ends());
        let life = &service.life;
        let begun = Life::get(&life.begun);
        assert!((1..=3).contains(&begun));
        assert_eq!(Life::get(&life.stopped), begun);
    });
}

#[test]
fn r06_a_handler_starts_once_and_is_never_stopped_while_somebody_is_there() {
    explore(|| {
        let service = Service::new(welcome);
        let stays = service.subscribe(None);
        block_on(stays.is_acknowledged());
        let visitors = service.clone();
        let others = shuttle::thread::spawn(move || {
            each([
                Either::Left(visit(visitors.clone())),
                Either::Right(look_in(visitors.clone())),
                Either::Left(visit(visitors)),
            ]);
        });
        assert_eq!(block_on(stays.tick()), Some(1));
        others.join().unwrap();
        let life = &service.life;
        assert_eq!((Life::get(&life.begun), Life::get(&life.stopped)), (1, 0));
        drop(stays.membership);
        block_on(service.ends());
        assert_eq!((Life::get(&life.begun), Life::get(&life.stopped)), (1, 1));
    });
}

#[test]
fn r06_whoever_leaves_at_once_leaves_nothing() {
    explore(|| {
        let service = Service::new(welcome);
        let ended = service.clone();
        each([
            Either::Left(look_in(service.clone())),
            Either::Left(look_in(service.clone())),
            Either::Right(async move {
                // As if another message of his asked for it.
                let client = ended.subscribe(None);
                let topic = name(&INTERACTION, "", &()).unwrap();
                client.peer.end_subscriptions(&topic, &INTERACTION);
                client.is_acknowledged().await;
                while client.tick().await.is_some() {}
                assert!(client.membership.has_ended());
                client.has_been_told_all();
            }),
        ]);
        block_on(service.ends());
        let life = &service.life;
        assert_eq!(Life::get(&life.stopped), Life::get(&life.begun));
    });
}

/// The first run fails, and the second panics.
async fn fail(run: Run, subscribers: Subscribers<(), Tick>) -> Result<(), Fault> {
    loop {
        let newcomer = subscribers.joined().await;
        newcomer.publish(Tick(run.number));
        match run.number {
            1 => {
                run.ends();
                return Err(Fault::new("x", ""));
            }
            2 => {
                run.ends();
                panic_as_planned();
            }
            _ => {}
        }
    }
}

#[test]
fn r06_a_handler_that_fails_is_started_again_for_those_who_are_there() {
    explore(|| {
        let service = Service::new(fail);
        each([0, 1, 2].map(|_| {
            let service = service.clone();
            async move {
                let client = service.subscribe(None);
                client.is_acknowledged().await;
                while client.tick().await.unwrap() < 3 {}
                client.leaves();
            }
        }));
        block_on(service.ends());
        let life = &service.life;
        assert_eq!(Life::get(&life.done), 2);
        assert_eq!(Life::get(&life.stopped), Life::get(&life.begun) - 2);
        assert_eq!(service.metrics.counters().panics, 1);
    });
}

async fn welcome_one(run: Run, subscribers: Subscribers<(), Tick>) -> Result<(), Fault> {
    let newcomer = subscribers.joined().await;
    newcomer.publish(Tick(run.number));
    run.ends();
    Ok(())
}

#[test]
fn r06_a_handler_that_ends_ends_the_subscriptions_and_another_starts_for_the_next() {
    explore(|| {
        let service = Service::new(welcome_one);
        each([0, 1, 2].map(|_| {
            let service = service.clone();
            async move {
                let client = service.subscribe(None);
                client.is_acknowledged().await;
                while client.tick().await.is_some() {}
                assert!(client.membership.has_ended());
                client.has_been_told_all();
            }
        }));
        block_on(service.ends());
        let life = &service.life;
        assert!((1..=3).contains(&Life::get(&life.begun)));
        assert_eq!(Life::get(&life.done), Life::get(&life.begun));
    });
}

#[test]
fn nothing_is_lost_or_doubled_between_the_past_and_the_present() {
    explore(|| {
        let history = History::default();
        let histories = Histories::from([(place(&INTERACTION), history)]);
        let service = Service::keeping(histories, |_, _| std::future::pending());
        let publishers = [0, 1].map(|_| {
            let home = Arc::clone(&service.home);
            shuttle::thread::spawn(move || {
                let topic = name(&INTERACTION, "", &()).unwrap();
                let tick = Publication::new("tick", None, "0").unwrap();
                for _ in 0..2 {
                    home.bus().carry(&INTERACTION, &topic, &tick).unwrap();
                }
            })
        });
        let client = service.subscribe(Some(Since::Last(10)));
        block_on(async {
            client.is_acknowledged().await;
            for offset in 1..=4 {
                match client.told().await {
                    Body::Message(tick) => assert_eq!(tick.offset(), Some(offset)),
                    other => panic!("{other:?}"),
                }
            }
        });
        for publisher in publishers {
            publisher.join().unwrap();
        }
        client.has_been_told_all();
    });
}

async fn repeat(run: Run, subscribers: Subscribers<(), Tick>) -> Result<(), Fault> {
    loop {
        subscribers.publish(Tick(run.number));
        yield_now().await;
    }
}

#[test]
fn nothing_follows_the_end_of_a_subscription() {
    explore(|| {
        let service = Service::new(repeat);
        let client = service.subscribe(None);
        block_on(client.is_acknowledged());
        block_on(client.tick());
        let peer = Arc::clone(&client.peer);
        let ends = shuttle::thread::spawn(move || {
            let topic = name(&INTERACTION, "", &()).unwrap();
            peer.end_subscriptions(&topic, &INTERACTION)
        });
        block_on(async { while client.tick().await.is_some() {} });
        assert_eq!(ends.join().unwrap(), 1);
        client.has_been_told_all();
        block_on(service.ends());
        client.has_been_told_all();
    });
}

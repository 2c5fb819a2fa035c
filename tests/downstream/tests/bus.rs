//! Buses of the user's own, and what every bus has to do.

use std::sync::Arc;

use specwire::bus::{
    BusError, BusFuture, History, MemoryBus, MessageBus, Page, Publication, Sink, SubscriptionId,
    TopicName, conformance,
};
use tokio::sync::mpsc;

/// Messages that wait to be carried.
const WAITING: usize = 10_000;

/// A bus whose messages are bytes and are carried by a task of its own, as those of one over a
/// network would be.
#[derive(Debug)]
struct Relay {
    near: Arc<MemoryBus>,
    carried: mpsc::Sender<(TopicName, Vec<u8>, Option<History>)>,
}

impl Relay {
    fn start() -> Self {
        let near = Arc::new(MemoryBus::new());
        let (carried, mut arrived) =
            mpsc::channel::<(TopicName, Vec<u8>, Option<History>)>(WAITING);
        let far = Arc::clone(&near);
        tokio::spawn(async move {
            while let Some((topic, bytes, keep)) = arrived.recv().await {
                let publication = Publication::decode(&bytes).expect("it was encoded");
                far.publish(&topic, &publication, keep.as_ref())
                    .expect("memory takes it");
            }
        });
        Self { near, carried }
    }
}

impl MessageBus for Relay {
    fn publish(
        &self,
        topic: &TopicName,
        publication: &Publication,
        keep: Option<&History>,
    ) -> Result<(), BusError> {
        let carried = (topic.clone(), publication.encode().to_vec(), keep.copied());
        self.carried.try_send(carried).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => BusError::Full,
            mpsc::error::TrySendError::Closed(_) => BusError::Unavailable("it has ended".into()),
        })
    }

    fn subscribe<'a>(
        &'a self,
        topic: &'a TopicName,
        sink: Arc<dyn Sink>,
    ) -> BusFuture<'a, SubscriptionId> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.near.subscribe(topic, sink).await
        })
    }

    fn unsubscribe(&self, topic: &TopicName, id: SubscriptionId) {
        self.near.unsubscribe(topic, id);
    }

    fn history<'a>(
        &'a self,
        topic: &'a TopicName,
        keep: &'a History,
        after: u64,
        limit: usize,
    ) -> BusFuture<'a, Page> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.near.history(topic, keep, after, limit).await
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_does_what_every_bus_does() {
    conformance::check(async || Arc::new(Relay::start())).await;
}

/// A bus that delivers everything twice.
#[derive(Debug)]
struct Stammering(MemoryBus);

impl MessageBus for Stammering {
    fn publish(
        &self,
        topic: &TopicName,
        publication: &Publication,
        keep: Option<&History>,
    ) -> Result<(), BusError> {
        self.0.publish(topic, publication, keep)?;
        self.0.publish(topic, publication, keep)
    }

    fn subscribe<'a>(
        &'a self,
        topic: &'a TopicName,
        sink: Arc<dyn Sink>,
    ) -> BusFuture<'a, SubscriptionId> {
        self.0.subscribe(topic, sink)
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

#[tokio::test]
async fn one_that_says_things_twice_is_found_out() {
    let check = conformance::check(async || Arc::new(Stammering(MemoryBus::new())));
    let found_out = tokio::spawn(check).await.unwrap_err();
    assert!(found_out.is_panic());
}

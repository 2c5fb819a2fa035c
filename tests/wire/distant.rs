//! A bus as one over a network: it answers late, fails, and delivers when it is told to.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use specwire::bus::{
    BusError, BusFuture, History, MemoryBus, MessageBus, Page, Publication, Sink, SubscriptionId,
    TopicName,
};
use tokio::sync::Semaphore;

#[derive(Default)]
pub(crate) struct Distant {
    pub(crate) near: MemoryBus,
    /// Subscriptions wait for one of these each.
    pub(crate) answers: Option<Semaphore>,
    /// Nothing can be reached.
    pub(crate) is_down: AtomicBool,
    /// What is published is delivered by [`Distant::deliver`] only.
    pub(crate) is_slow: bool,
    pub(crate) sinks: Mutex<Vec<Arc<Delaying>>>,
    /// The topics that it was asked to subscribe to, or to publish on.
    pub(crate) topics: Mutex<Vec<String>>,
}

impl Distant {
    pub(crate) fn interrupt(&self) {
        for delaying in &*self.sinks.lock().unwrap() {
            delaying.sink.interrupted();
        }
    }

    /// Delivers what has been published.
    pub(crate) fn deliver(&self) {
        for delaying in &*self.sinks.lock().unwrap() {
            for (publication, offset) in delaying.waiting.lock().unwrap().drain(..) {
                delaying.sink.deliver(&publication, offset);
            }
        }
    }

    fn check(&self, topic: &TopicName) -> Result<(), BusError> {
        self.topics.lock().unwrap().push(topic.to_string());
        match self.is_down.load(Ordering::Relaxed) {
            true => Err(BusError::Unavailable("the line is cut".to_owned())),
            false => Ok(()),
        }
    }
}

pub(crate) struct Delaying {
    sink: Arc<dyn Sink>,
    is_slow: bool,
    waiting: Mutex<Vec<(Publication, Option<u64>)>>,
}

impl Sink for Delaying {
    fn deliver(&self, publication: &Publication, offset: Option<u64>) {
        if self.is_slow {
            let mut waiting = self.waiting.lock().unwrap();
            waiting.push((publication.clone(), offset));
        } else {
            self.sink.deliver(publication, offset);
        }
    }
}

impl MessageBus for Distant {
    fn publish(
        &self,
        topic: &TopicName,
        publication: &Publication,
        keep: Option<&History>,
    ) -> Result<(), BusError> {
        self.check(topic)?;
        // Over a network, a publication is bytes.
        let publication = Publication::decode(&publication.encode()).unwrap();
        self.near.publish(topic, &publication, keep)
    }

    fn subscribe<'a>(
        &'a self,
        topic: &'a TopicName,
        sink: Arc<dyn Sink>,
    ) -> BusFuture<'a, SubscriptionId> {
        Box::pin(async move {
            if let Some(answers) = &self.answers {
                answers.acquire().await.unwrap().forget();
            }
            self.check(topic)?;
            let delaying = Arc::new(Delaying {
                sink,
                is_slow: self.is_slow,
                waiting: Mutex::default(),
            });
            self.sinks.lock().unwrap().push(Arc::clone(&delaying));
            self.near.subscribe(topic, delaying).await
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

impl fmt::Debug for Distant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Distant")
    }
}

//! `yaml/Topics.yaml`: carries what clients publish to those who are subscribed to its topic.

use std::convert::Infallible;

use specwire::{Fault, Provider, Request, Subscribers};

use super::Settings;
use crate::topics::{
    self, Greeting, Publish, Published, Service, Subscribe, TopicParameters, Unsubscribe,
    topics::SUBSCRIBE,
};

/// The service.
#[must_use]
pub fn provider(_settings: &Settings) -> Provider {
    topics::provider(Exchange)
}

/// An exchange of messages on topics, all of it on the server's bus.
#[derive(Clone, Copy, Debug)]
pub struct Exchange;

impl Service for Exchange {
    async fn greet(&self, subscribers: Subscribers<(), Greeting>) -> Result<(), Fault> {
        loop {
            let client = subscribers.joined().await;
            client.publish(Greeting::from("Welcome to the topic server".to_owned()));
            let id = client.connection();
            client.publish(Greeting::from(format!("Hello Client ID{id}")));
        }
    }

    async fn subscribe(
        &self,
        _subscribers: Subscribers<Subscribe, Published, TopicParameters>,
    ) -> Result<(), Fault> {
        // What they get is what others publish.
        std::future::pending::<Infallible>().await;
        Ok(())
    }

    async fn unsubscribe(
        &self,
        request: Request<Unsubscribe, TopicParameters>,
    ) -> Result<(), Fault> {
        request.unsubscribe(SUBSCRIBE.at(request.parameters()));
        Ok(())
    }

    async fn publish(&self, request: Request<Publish, TopicParameters>) -> Result<(), Fault> {
        let topic = SUBSCRIBE.at(request.parameters());
        let message = Published(request.message.clone());
        request.bus().publish(topic, message)?;
        Ok(())
    }
}

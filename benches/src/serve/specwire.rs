//! Services of generated code, as a user would write them.

use std::convert::Infallible;
use std::time::Duration;

use specwire::{Fault, Limits, Request, Server, Subscribers};
use tokio::net::TcpListener;
use tokio::sync::watch;

use self::feed::{Line, Posted};
use self::heartbeat::{BeatPub, BeatSub, GetPeriodRequest, GetPeriodResponse};
use self::ping::Text;
use self::topics::{Greeting, Publish, Published, Subscribe, TopicParameters, Unsubscribe};

mod feed {
    specwire::include_api!("feed");
}
mod heartbeat {
    specwire::include_api!("heartbeat");
}
mod ping {
    specwire::include_api!("ping");
}
mod topics {
    specwire::include_api!("topics");
}

/// Sends a text back.
struct Echo;

impl ping::Service for Echo {
    async fn echo(&self, request: Request<Text>) -> Result<Text, Fault> {
        Ok(request.into_payload())
    }
}

/// Tells everyone each line; or, where there are beats, has the heart beat for it.
struct Feed {
    beats: Option<watch::Sender<u64>>,
}

impl feed::Service for Feed {
    async fn feed(&self, _: Subscribers<(), Line>) -> Result<(), Fault> {
        std::future::pending::<Infallible>().await;
        Ok(())
    }

    async fn post(&self, request: Request<Posted>) -> Result<(), Fault> {
        if let Some(beats) = &self.beats {
            beats.send_modify(|beats| *beats += 1);
            return Ok(());
        }
        let bus = request.bus().clone();
        bus.publish(
            feed::topics::FEED,
            Line::from(String::from(request.into_payload())),
        )?;
        Ok(())
    }
}

/// Beats when it is told to.
struct Pulse {
    beats: watch::Receiver<u64>,
}

impl heartbeat::Service for Pulse {
    async fn beat(&self, subscribers: Subscribers<BeatSub, BeatPub>) -> Result<(), Fault> {
        let mut beats = self.beats.clone();
        let mut beaten = *beats.borrow_and_update();
        while beats.changed().await.is_ok() {
            let until = *beats.borrow_and_update();
            for _ in beaten..until {
                subscribers.publish_each(|subscription| BeatPub {
                    subscription_id: subscription.subscription_id.clone(),
                });
            }
            beaten = until;
        }
        Ok(())
    }

    async fn get_period(
        &self,
        request: Request<GetPeriodRequest>,
    ) -> Result<GetPeriodResponse, Fault> {
        Ok(GetPeriodResponse {
            interaction_id: request.interaction_id.clone(),
            period: Some(Duration::from_secs(5).into()),
        })
    }
}

/// Carries what is published to a topic to those who are subscribed to it.
struct Exchange;

impl topics::Service for Exchange {
    async fn greet(&self, _: Subscribers<(), Greeting>) -> Result<(), Fault> {
        std::future::pending::<Infallible>().await;
        Ok(())
    }

    async fn subscribe(
        &self,
        _: Subscribers<Subscribe, Published, TopicParameters>,
    ) -> Result<(), Fault> {
        std::future::pending::<Infallible>().await;
        Ok(())
    }

    async fn unsubscribe(
        &self,
        request: Request<Unsubscribe, TopicParameters>,
    ) -> Result<(), Fault> {
        request.unsubscribe(topics::topics::SUBSCRIBE.at(request.parameters()));
        Ok(())
    }

    async fn publish(&self, request: Request<Publish, TopicParameters>) -> Result<(), Fault> {
        let topic = topics::topics::SUBSCRIBE.at(request.parameters());
        request
            .bus()
            .publish(topic, Published(request.message.clone()))?;
        Ok(())
    }
}

/// Serves until it is ended, and says where.
#[tokio::main]
pub(crate) async fn run(beats_when_posted: bool) -> specwire::Result<()> {
    let listener = specwire::bind("127.0.0.1:0").await?;
    if let Ok(address) = listener.local_addr() {
        println!("{}", address.port());
    }
    serve(listener, beats_when_posted).await
}

/// Serves until it is ended. The heart beats by itself for nobody: only when something is posted, or
/// never.
pub(crate) async fn serve(listener: TcpListener, beats_when_posted: bool) -> specwire::Result<()> {
    let (sender, beats) = watch::channel(0);
    let sender = beats_when_posted.then_some(sender);
    // As many connections and messages as the load has, and a queue for all publishers at once.
    let limits = Limits {
        connections: 20_000,
        connections_per_address: 20_000,
        messages: u32::MAX,
        queue_messages: 4096,
        subscriptions: 1000,
        ..Limits::default()
    };
    Server::new()
        .limits(limits)
        .serve(ping::provider(Echo))
        .serve(feed::provider(Feed { beats: sender }))
        .serve(heartbeat::provider(Pulse { beats }))
        .serve(topics::provider(Exchange))
        .run(listener, std::future::pending())
        .await
}

//! Beats for whoever subscribes.

use std::time::Duration;

use specwire::{Fault, Request, Subscribers};

use self::heartbeat::{BeatPub, BeatSub, GetPeriodRequest, GetPeriodResponse};

mod heartbeat {
    specwire::include_api!("heartbeat");
}

struct Pulse {
    period: Duration,
}

impl heartbeat::Service for Pulse {
    async fn beat(&self, subscribers: Subscribers<BeatSub, BeatPub>) -> Result<(), Fault> {
        let mut ticks = tokio::time::interval(self.period);
        loop {
            ticks.tick().await;
            subscribers.publish_each(|subscription| BeatPub {
                subscription_id: subscription.subscription_id.clone(),
            });
        }
    }

    async fn get_period(&self, _: Request<GetPeriodRequest>) -> Result<GetPeriodResponse, Fault> {
        Ok(GetPeriodResponse {
            period: Some(self.period.into()),
            ..Default::default()
        })
    }
}

#[tokio::main]
async fn main() -> specwire::Result<()> {
    let period = Duration::from_secs(5);
    let provider = heartbeat::provider(Pulse { period });
    specwire::Server::new()
        .serve(provider)
        .listen("127.0.0.1:8080")
        .await
}

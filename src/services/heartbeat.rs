//! `yaml/Heartbeat.yaml`: tells whoever subscribes that this process is alive.

use std::time::Duration;

use specwire::{Fault, Provider, Request, Subscribers};

use super::Settings;
use crate::heartbeat::{self, BeatPub, BeatSub, GetPeriodRequest, GetPeriodResponse, Service};

/// The service as the command line wants it.
#[must_use]
pub fn provider(settings: &Settings) -> Provider {
    heartbeat::provider(Pulse {
        period: settings.period,
    })
}

/// Beats at a fixed period.
#[derive(Clone, Copy, Debug)]
pub struct Pulse {
    /// The time between two beats; not zero.
    pub period: Duration,
}

impl Service for Pulse {
    async fn beat(&self, subscribers: Subscribers<BeatSub, BeatPub>) -> Result<(), Fault> {
        let mut ticks = tokio::time::interval(self.period);
        loop {
            ticks.tick().await;
            subscribers.publish_each(|subscription| BeatPub {
                subscription_id: subscription.subscription_id.clone(),
            });
        }
    }

    async fn get_period(
        &self,
        request: Request<GetPeriodRequest>,
    ) -> Result<GetPeriodResponse, Fault> {
        Ok(GetPeriodResponse {
            interaction_id: request.interaction_id.clone(),
            period: Some(self.period.into()),
        })
    }
}

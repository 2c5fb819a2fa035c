//! `yaml/Timenow.yaml`: tells the time to everyone who listens.

use std::time::{Duration, SystemTime};

use specwire::{Fault, Provider, Subscribers};

use super::Settings;
use crate::timenow::{self, Service, Time};

/// The service.
#[must_use]
pub fn provider(_settings: &Settings) -> Provider {
    timenow::provider(Clock::default())
}

/// A clock that is read out at a fixed period.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// The time between two readings; not zero.
    pub period: Duration,
}

impl Default for Clock {
    /// Every two seconds.
    fn default() -> Self {
        Self {
            period: Duration::from_secs(2),
        }
    }
}

impl Service for Clock {
    async fn tell(&self, subscribers: Subscribers<(), Time>) -> Result<(), Fault> {
        let mut ticks = tokio::time::interval(self.period);
        loop {
            ticks.tick().await;
            let now = humantime::format_rfc3339_seconds(SystemTime::now());
            subscribers.publish(Time::from(now.to_string()));
        }
    }
}

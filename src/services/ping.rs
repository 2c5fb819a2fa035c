//! `yaml/Ping.yaml`: sends back whatever it is sent.

use specwire::{Fault, Provider, Request};

use super::Settings;
use crate::ping::{self, Service, Text};

/// The service.
#[must_use]
pub fn provider(_settings: &Settings) -> Provider {
    ping::provider(Echo)
}

/// An echo.
#[derive(Clone, Copy, Debug, Default)]
pub struct Echo;

impl Service for Echo {
    async fn echo(&self, request: Request<Text>) -> Result<Text, Fault> {
        Ok(request.into_payload())
    }
}

//! A thermostat: `Thermostat.yaml`, implemented.

pub mod plant;

use specwire::{Fault, Request, Subscribers};
use tokio::sync::watch;

use self::api::{GetTarget, Reading, Service, SetTarget, Target, Unit};

pub mod api {
    specwire::include_api!("thermostat");
}

/// A simulated room, which is as warm as it is told to be.
pub struct Room {
    celsius: watch::Sender<f64>,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            celsius: watch::Sender::new(20.0),
        }
    }
}

impl Service for Room {
    async fn reading(&self, subscribers: Subscribers<(), Reading>) -> Result<(), Fault> {
        let mut celsius = self.celsius.subscribe();
        loop {
            let now = *celsius.borrow_and_update();
            subscribers.publish(Reading {
                celsius: now,
                heating: now > 20.0,
            });
            if celsius.changed().await.is_err() {
                return Ok(());
            }
        }
    }

    async fn get_target(&self, request: Request<GetTarget>) -> Result<Target, Fault> {
        let celsius = *self.celsius.borrow();
        let unit = request.unit.clone().unwrap_or(Unit::Celsius);
        let degrees = match &unit {
            Unit::Celsius => celsius,
            Unit::Fahrenheit => celsius * 1.8 + 32.0,
            Unit::Unknown(unit) => {
                return Err(Fault::new(
                    "unknown_unit",
                    format!("there is no `{unit}` here"),
                ));
            }
        };
        Ok(Target {
            degrees,
            unit: Some(unit),
        })
    }

    async fn set_target(&self, message: Request<SetTarget>) -> Result<(), Fault> {
        if !(5.0..=30.0).contains(&message.celsius) {
            return Err(Fault::new("out_of_range", "a room has 5 to 30 degrees"));
        }
        self.celsius.send_replace(message.celsius);
        Ok(())
    }
}

//! What one document's message holds goes into another's as it is.

use thermostat::plant::boiler::Reading;
use thermostat::plant::shared::{Phase, Telemetry};
use thermostat::plant::{Shelf, archive, boiler};

#[tokio::test]
async fn a_reading_of_the_boiler_is_stored() {
    let reading = Reading {
        telemetry: Telemetry {
            machine: "boiler".to_owned(),
            bar: 1.5,
            phase: Phase::Heating,
        },
    };
    let archive = archive::Client::in_memory(Shelf::default());
    let store = archive::Store(reading.telemetry.clone());
    archive.store(store).await.expect("it is sent");

    let last = loop {
        // A message without an answer may take its time.
        match archive.get_last(archive::GetLast::default()).await {
            Ok(last) => break last,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    // Each module has it under its own path too.
    let last: boiler::Telemetry = last.payload.0;
    assert_eq!(last, reading.telemetry);
}

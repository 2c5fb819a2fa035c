//! Two documents of a folder, `plant`, that have a type in common: a file beside them describes it.

use std::sync::Mutex;

use specwire::{Fault, Request};

use self::archive::{GetLast, Last, Store};
use self::shared::Telemetry;

pub mod boiler {
    specwire::include_api!("boiler");
}

pub mod archive {
    specwire::include_api!("archive");
}

pub mod shared {
    specwire::include_api!("shared");
}

/// Keeps the last reading.
#[derive(Default)]
pub struct Shelf {
    last: Mutex<Option<Telemetry>>,
}

impl archive::Service for Shelf {
    async fn store(&self, message: Request<Store>) -> Result<(), Fault> {
        *self.last.lock().expect("nobody panics") = Some(message.0.clone());
        Ok(())
    }

    async fn get_last(&self, _: Request<GetLast>) -> Result<Last, Fault> {
        let last = self.last.lock().expect("nobody panics").clone();
        last.map(Last)
            .ok_or_else(|| Fault::new("nothing_yet", "nothing has been stored"))
    }
}

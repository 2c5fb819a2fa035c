//! Sends back what it is sent, in raw frames: what the Autobahn test suite is run against.

use std::time::Duration;

use specwire::{Fault, Limits, Request, Server};

use self::echo::{Bytes, Text};

mod echo {
    specwire::include_api!("echo");
}

/// The largest message of the suite is 16 MiB.
const LARGEST: usize = 16 << 20;

struct Echo;

impl echo::Service for Echo {
    async fn echo_text(&self, request: Request<Text>) -> Result<Text, Fault> {
        Ok(request.into_payload())
    }

    async fn echo_bytes(&self, request: Request<Bytes>) -> Result<Bytes, Fault> {
        Ok(request.into_payload())
    }
}

#[tokio::main]
async fn main() -> specwire::Result<()> {
    let stop = specwire::stop_signal();
    let listener = specwire::bind("127.0.0.1:0").await?;
    if let Ok(address) = listener.local_addr() {
        println!("ws://{address}/ws/echo");
    }
    let limits = Limits {
        message_size: LARGEST,
        frame_size: LARGEST,
        queue_bytes: 2 * LARGEST,
        exchange_bytes: 2 * LARGEST,
        // It sends messages in as many fragments as they have bytes, and byte by byte.
        fragments: u32::MAX,
        message_timeout: Duration::from_secs(60),
        // It sends pings and pongs, and bytes one by one, as no client has reason to.
        control_frames: 1000,
        write_timeout: Duration::from_secs(60),
        ..Limits::default()
    };
    Server::new()
        .limits(limits)
        .serve(echo::provider(Echo))
        .run(listener, stop)
        .await
}

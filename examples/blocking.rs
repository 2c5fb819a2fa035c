//! What not to do: a handler that blocks its thread, for so many seconds as it is sent.
//!
//! Shows that the process can be stopped all the same: `cargo run --example blocking`, then Ctrl-C. The
//! address to listen on and the time that stopping may take may follow `--`. A handler that has to wait
//! awaits, and one that has to block does so in `tokio::task::spawn_blocking`.

use std::process::ExitCode;
use std::time::Duration;

use specwire::{Fault, Request, Server, bind};
use specwire_server::ping::{self, Service, Text};
use specwire_server::process;

struct Blocking;

impl Service for Blocking {
    async fn echo(&self, request: Request<Text>) -> Result<Text, Fault> {
        let seconds = request.payload().0.parse().unwrap_or(1);
        println!("blocked for {seconds} s");
        std::thread::sleep(Duration::from_secs(seconds));
        Ok(request.into_payload())
    }
}

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next();
    let address = address.as_deref().unwrap_or("127.0.0.1:8080");
    let latest = arguments
        .next()
        .and_then(|time| humantime::parse_duration(&time).ok())
        .unwrap_or(Duration::from_secs(12));
    process::run(latest, async |stop| {
        let listener = bind(address).await?;
        if let Ok(address) = listener.local_addr() {
            println!("listening on {address}, serving ping; stop with Ctrl-C");
        }
        let server = Server::new().serve(ping::provider(Blocking));
        server.run(listener, stop).await
    })
}

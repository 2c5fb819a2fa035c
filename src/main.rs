//! Serves the documents under `yaml/` over WebSockets.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use clap::error::ErrorKind;
use specwire::{Provider, Server, bind, stop_signal};
use specwire_server::heartbeat;
use specwire_server::services::heartbeat::Pulse;
use tracing_subscriber::filter::LevelFilter;

/// Serves the AsyncAPI documents under yaml/ over WebSockets, until Ctrl-C or SIGTERM.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// Address and port to listen on; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: String,

    /// Time between two heartbeats, such as 5s or 200ms
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = period, allow_hyphen_values = true)]
    period: Duration,
}

fn period(text: &str) -> Result<Duration, String> {
    const SHORTEST: Duration = Duration::from_millis(1);
    match humantime::parse_duration(text) {
        Ok(period) if period >= SHORTEST => Ok(period),
        Ok(_) => Err("a period is 1ms at least".to_owned()),
        Err(_) => Err("a period is a number and a unit, such as 5s or 200ms".to_owned()),
    }
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::INFO)
        .with_writer(std::io::stderr)
        .init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let served = runtime.block_on(serve(&arguments));
    // Not even a handler that never awaits anything keeps the process from ending.
    runtime.shutdown_background();
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:?}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: &Arguments) -> specwire::Result<()> {
    let heartbeat = heartbeat::provider(Pulse {
        period: arguments.period,
    });
    // First of all, so that a signal that comes early stops it as well.
    let stop = stop_signal();
    let listener = bind(&arguments.listen).await?;
    if let Ok(address) = listener.local_addr() {
        let text = announcement(&address.to_string(), &heartbeat, arguments.period);
        // It serves as well when nobody reads this.
        let _ = std::io::stdout().write_all(text.as_bytes());
    }
    Server::new().serve(heartbeat).run(listener, stop).await
}

/// What is served where, and how to try it.
fn announcement(address: &str, provider: &Provider, period: Duration) -> String {
    let document = provider.document();
    let channels: String = provider
        .channels()
        .map(|channel| format!("  ws://{address}/ws/{document}/{channel}\n"))
        .collect();
    format!(
        "listening on {address}, a beat every {period:?}; stop with Ctrl-C
  ws://{address}/ws            every document
  ws://{address}/ws/{document}  one document
{channels}try it, in another terminal:
  cargo run --example heartbeat -- ws://{address}/ws
or in the console of a browser that shows http://{address}/:
  s = new WebSocket('ws://{address}/ws'); s.onmessage = m => console.log(m.data); \
  s.onopen = () => s.send('{{\"subscriptionId\":\"1\"}}')
"
    )
}

/// Help and version are what was asked for; anything else is one line.
fn refuse(error: &clap::Error) -> ExitCode {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        print!("{error}");
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    eprintln!(
        "{}",
        text.lines()
            .next()
            .unwrap_or("error: the arguments cannot be read")
    );
    ExitCode::from(2)
}

//! Serves the documents under `yaml/` over WebSockets.

use std::error::Error as StdError;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use clap::error::ErrorKind;
use specwire::{Provider, Server, bind, stop_signal};
use specwire_server::heartbeat;
use specwire_server::services::heartbeat::Pulse;

/// Serves the AsyncAPI documents under yaml/ over WebSockets, until Ctrl-C or SIGTERM.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// Address and port to listen on; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: String,

    /// Time between two heartbeats, such as 5s or 200ms
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = period)]
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

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    match serve(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", with_sources(&error));
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: &Arguments) -> specwire::Result<()> {
    let heartbeat = heartbeat::provider(Pulse {
        period: arguments.period,
    });
    let listener = bind(&arguments.listen).await?;
    if let Ok(address) = listener.local_addr() {
        announce(&address.to_string(), &heartbeat, arguments.period);
    }
    Server::new()
        .serve(heartbeat)
        .run(listener, stop_signal())
        .await
}

fn announce(address: &str, provider: &Provider, period: Duration) {
    let document = provider.document();
    println!("listening on {address}, a beat every {period:?}; stop with Ctrl-C");
    println!("  ws://{address}/ws            every document");
    println!("  ws://{address}/ws/{document}  one document");
    for channel in provider.channels() {
        println!("  ws://{address}/ws/{document}/{channel}");
    }
    println!("try it, in another terminal:");
    println!("  cargo run --example heartbeat -- ws://{address}/ws");
    println!("or in the console of a browser that shows http://{address}/:");
    println!(
        "  s = new WebSocket('ws://{address}/ws'); s.onmessage = m => console.log(m.data); \
         s.onopen = () => s.send('{{\"subscriptionId\":\"1\"}}')"
    );
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

fn with_sources(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

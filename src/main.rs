//! Serves the documents under `yaml/` over WebSockets.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use clap::error::ErrorKind;
use specwire::{Provider, Server, bind};
use specwire_server::process::{self, Stop};
use specwire_server::services::{self, Offer, Settings};
use specwire_server::ticker;
use tracing_subscriber::filter::LevelFilter;

/// Serves the AsyncAPI documents under yaml/ over WebSockets, until Ctrl-C or SIGTERM.
#[derive(Debug, Parser)]
#[command(version, about, after_help = AFTER_HELP)]
struct Arguments {
    /// Address and port to listen on; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: String,

    /// Serve this document only; several are separated by commas, or named one by one
    #[arg(long, value_name = "DOCUMENT", value_delimiter = ',', value_parser = services::find)]
    only: Vec<Offer>,

    /// Time between two heartbeats, such as 5s or 200ms
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = period, allow_hyphen_values = true)]
    period: Duration,
}

/// From being told to stop to the end: the server's grace, what it takes to close, and a bit.
const LATEST: Duration = Duration::from_secs(12);

const AFTER_HELP: &str = "\
When told to stop, it answers what is in flight, closes all connections, and exits with 0, after 12 s
at the latest; told so a second time, it exits at once, with 130.";

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
    process::run(LATEST, async |stop| serve(&arguments, stop).await)
}

async fn serve(arguments: &Arguments, stop: Stop) -> specwire::Result<()> {
    let settings = Settings {
        period: arguments.period,
    };
    let wanted = |(name, _): &&Offer| {
        arguments.only.is_empty() || arguments.only.iter().any(|(only, _)| only == name)
    };
    let offers = services::ALL.iter().filter(wanted);
    let providers: Vec<_> = offers.map(|(_, provider)| provider(&settings)).collect();

    let listener = bind(&arguments.listen).await?;
    if let Ok(address) = listener.local_addr() {
        let text = announcement(&address.to_string(), &providers);
        // It serves as well when nobody reads this.
        let _ = std::io::stdout().write_all(text.as_bytes());
    }
    // What nothing else answers is for the ticker, whose own clients open any path.
    let has_ticker = providers
        .iter()
        .any(|provider| provider.document() == ticker::DOCUMENT);
    let server = providers.into_iter().fold(Server::new(), Server::serve);
    let server = if has_ticker {
        server.fallback(ticker::DOCUMENT)
    } else {
        server
    };
    server.run(listener, stop).await
}

/// What is served where, and how to try it.
fn announcement(address: &str, providers: &[Provider]) -> String {
    let names: Vec<_> = providers.iter().map(Provider::document).collect();
    let mut text = format!(
        "listening on {address}, serving {}; stop with Ctrl-C\n",
        names.join(", ")
    );
    let mut lines = vec![(
        String::new(),
        if names.len() == 1 {
            "this document"
        } else {
            "every document"
        },
    )];
    for provider in providers {
        let document = provider.document();
        lines.push((format!("/{document}"), "one document"));
        let channels = provider.channels();
        lines.extend(channels.map(|channel| (format!("/{document}/{channel}"), "")));
    }
    let width = names
        .iter()
        .map(|name| name.len())
        .max()
        .unwrap_or_default()
        + 1;
    for (path, what) in lines {
        let line = format!("  ws://{address}/ws{path:width$}  {what}");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push_str(&format!("try it in a browser: http://{address}/\n"));
    if names.contains(&"heartbeat") {
        let example = format!("cargo run --example heartbeat -- ws://{address}/ws");
        text.push_str(&format!("or in another terminal:\n  {example}\n"));
    }
    text
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

//! The heartbeat as a part of an axum application: `cargo run --example axum`.
//!
//! The address to listen on may follow `--`.

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use axum::{Router, serve};
use specwire::{Limits, Server};
use specwire_server::heartbeat;
use specwire_server::services::heartbeat::Pulse;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let stop = specwire::stop_signal();
    let argument = std::env::args().nth(1);
    let listener = specwire::bind(argument.as_deref().unwrap_or("127.0.0.1:8080")).await?;
    println!("listening on {}", listener.local_addr()?);

    let period = Duration::from_secs(1);
    let limits = Limits {
        connections: 1000,
        ..Limits::default()
    };
    let specwire = Server::new()
        .serve(heartbeat::provider(Pulse { period }))
        .limits(limits)
        .mount()?;
    let application = Router::new()
        .route("/health", get(async || "alive"))
        .route_service("/ws", specwire.clone())
        .route_service("/ws/{*path}", specwire.clone())
        .layer(from_fn(tell_the_address));

    serve(
        listener,
        application.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .with_graceful_shutdown(stop)
    .await?;
    // axum does not wait for what it has upgraded.
    specwire.stop().await;
    Ok(())
}

/// Lets handlers know who asks: axum keeps it in a type of its own.
async fn tell_the_address(
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    request.extensions_mut().insert(address);
    next.run(request).await
}

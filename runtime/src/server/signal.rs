//! When the process is told to stop.

use std::future::Future;

/// Resolves when the process is told to stop: by Ctrl-C, or by SIGTERM on Unix.
///
/// From the call on, not from the first poll, the process no longer ends by these by itself. Must be
/// called within a tokio runtime.
pub fn stop_signal() -> impl Future<Output = ()> + Send {
    signals(1)
}

/// Resolves when the process is told to stop for the second time, as [`stop_signal`] does at the
/// first. Signals that come faster than they are looked at are one.
///
/// Whoever sends a second one does not want to wait for the grace of [`Server::run`]: drop its
/// future then, as [`Server::listen`] does.
///
/// [`Server::run`]: crate::Server::run
/// [`Server::listen`]: crate::Server::listen
pub fn second_stop_signal() -> impl Future<Output = ()> + Send {
    signals(2)
}

#[cfg(unix)]
fn signals(count: usize) -> impl Future<Output = ()> + Send {
    use tokio::signal::unix::{Signal, SignalKind, signal};

    // Where a signal cannot be caught it ends the process, which stops as well.
    async fn wait(signal: &mut Option<Signal>) {
        match signal {
            Some(signal) => {
                signal.recv().await;
            }
            None => std::future::pending().await,
        }
    }
    let mut interrupt = signal(SignalKind::interrupt()).ok();
    let mut terminate = signal(SignalKind::terminate()).ok();
    async move {
        for _ in 0..count {
            tokio::select! {
                () = wait(&mut interrupt) => {}
                () = wait(&mut terminate) => {}
            }
        }
    }
}

#[cfg(not(unix))]
fn signals(count: usize) -> impl Future<Output = ()> + Send {
    async move {
        for _ in 0..count {
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

//! When the process is told to stop.
//!
//! Signals are caught on a thread of their own: a handler that blocks a thread of the runtime which it
//! is on may stop everything else there, and is a reason to tell the process to end.

use std::future::Future;
use std::sync::{Arc, Barrier, OnceLock};
use std::thread;

use tokio::sync::watch;

/// Resolves when the process is told to stop: by Ctrl-C, or by SIGTERM on Unix.
///
/// From the call on, not from the first poll, the process no longer ends by these by itself. The first
/// call starts a thread that waits for signals as long as the process lives; whoever waits for this is
/// woken from there, even if handlers block all threads of the runtime but the one that waits, as
/// `block_on` does and so the `main` of `#[tokio::main]`.
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

/// Resolves at the signal that is so many after those that have come.
fn signals(count: u64) -> impl Future<Output = ()> + Send {
    static SEEN: OnceLock<watch::Receiver<u64>> = OnceLock::new();
    let mut seen = SEEN.get_or_init(watched).clone();
    let last = seen.borrow().saturating_add(count);
    async move {
        // Where signals cannot be caught they end the process, which stops as well.
        if seen.wait_for(|seen| *seen >= last).await.is_err() {
            std::future::pending().await
        }
    }
}

/// Counts signals from now on.
fn watched() -> watch::Receiver<u64> {
    let (seen, watched) = watch::channel(0_u64);
    let caught = Arc::new(Barrier::new(2));
    let is_caught = Arc::clone(&caught);
    let counting = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .ok();
        let signals = runtime.as_ref().and_then(|runtime| {
            let _inside = runtime.enter();
            Signals::caught()
        });
        is_caught.wait();
        // Whatever is missing, `watched` learns of it by the end of `seen`.
        if let (Some(runtime), Some(mut signals)) = (runtime, signals) {
            runtime.block_on(async move {
                while signals.next().await {
                    seen.send_modify(|seen| *seen = seen.saturating_add(1));
                }
            });
        }
    };
    let thread = thread::Builder::new().name("specwire-signals".to_owned());
    if thread.spawn(counting).is_ok() {
        caught.wait();
    }
    watched
}

#[cfg(unix)]
struct Signals {
    interrupt: Option<tokio::signal::unix::Signal>,
    terminate: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn caught() -> Option<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let [interrupt, terminate] =
            [SignalKind::interrupt(), SignalKind::terminate()].map(|kind| signal(kind).ok());
        (interrupt.is_some() || terminate.is_some()).then_some(Self {
            interrupt,
            terminate,
        })
    }

    /// `false` if there will be no more.
    async fn next(&mut self) -> bool {
        async fn one(signal: &mut Option<tokio::signal::unix::Signal>) -> bool {
            match signal {
                Some(signal) => signal.recv().await.is_some(),
                None => std::future::pending().await,
            }
        }
        tokio::select! {
            is_one = one(&mut self.interrupt) => is_one,
            is_one = one(&mut self.terminate) => is_one,
        }
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn caught() -> Option<Self> {
        tokio::signal::windows::ctrl_c().ok().map(Self)
    }

    /// `false` if there will be no more.
    async fn next(&mut self) -> bool {
        self.0.recv().await.is_some()
    }
}

#[cfg(not(any(unix, windows)))]
struct Signals;

#[cfg(not(any(unix, windows)))]
impl Signals {
    fn caught() -> Option<Self> {
        None
    }

    async fn next(&mut self) -> bool {
        false
    }
}

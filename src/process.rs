//! The life of a process that serves.

use std::future::Future;
use std::process::{self, ExitCode};
use std::thread;
use std::time::Duration;

use specwire::{Error, second_stop_signal, stop_signal};

/// Runs `serve` on a runtime of its own until it ends, which it should when the future that it is given
/// resolves: when the process is told to stop.
///
/// The process ends then whatever handlers do: after `latest` with 0, also where a handler that blocks
/// its thread keeps the runtime from telling the time, and at once with 130 when it is told so again.
///
/// ```no_run
/// use std::time::Duration;
///
/// # fn run(server: specwire::Server) -> std::process::ExitCode {
/// specwire_server::process::run(Duration::from_secs(12), async |stop| {
///     let listener = specwire::bind("127.0.0.1:8080").await?;
///     server.run(listener, stop).await
/// })
/// # }
/// ```
pub fn run<F>(latest: Duration, serve: F) -> ExitCode
where
    F: AsyncFnOnce(Stop) -> specwire::Result<()>,
{
    // First of all, so that a signal that comes early stops it as well.
    let (told, abort) = (stop_signal(), second_stop_signal());
    let stop = async move {
        told.await;
        let end = move || {
            thread::sleep(latest);
            tracing::warn!("a handler blocks its thread: ended without waiting for it");
            process::exit(0);
        };
        // Without it, the server's own clock is what there is.
        let _ = thread::Builder::new().spawn(end);
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let served = runtime.block_on(async {
        tokio::select! {
            biased;
            () = abort => Err(Error::Interrupted),
            served = serve(Box::pin(stop)) => served,
        }
    });
    // Not even a handler that never awaits anything keeps the process from ending.
    runtime.shutdown_background();
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:?}");
            match error {
                // What shells say of a program that Ctrl-C has ended.
                Error::Interrupted => ExitCode::from(130),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

/// Resolves when the process is told to stop.
pub type Stop = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

//! Keeps a client connected: one connection after the other, until nobody needs one or none can be
//! had.

use tokio::time::{Instant, sleep};

use super::connect::Dialer;
use super::driver::Driver;
use super::link::Remote;
use super::reconnect::{Backoff, Reconnect};
use super::state::{Disconnect, State};

/// Drives connections. The first may have been made already, and be known to callers.
pub(super) async fn stay_connected(
    mut driver: Driver,
    dialer: Dialer,
    reconnect: Reconnect,
    mut first: Option<Remote>,
) {
    let mut backoff = Backoff::new(reconnect);
    // Those that failed since there was a connection.
    let mut failed: u32 = 0;
    loop {
        let attempt = failed.saturating_add(1);
        let dialled = match first.take() {
            Some(first) => Ok(first),
            None => {
                let state = State::Connecting { attempt };
                driver.shared().status.set(state);
                match driver.meanwhile(dialer.dial()).await {
                    Some(Ok((remote, welcome))) => {
                        driver.connected(&welcome, attempt);
                        Ok(remote)
                    }
                    Some(Err(not_connected)) => Err(not_connected.reason),
                    None => return driver.end(Disconnect::by_the_client()),
                }
            }
        };
        let reason = match dialled {
            Ok(remote) => {
                failed = 0;
                let since = Instant::now();
                let reason = driver.serve(remote).await;
                backoff.connected_for(since.elapsed());
                reason
            }
            Err(reason) => {
                failed = attempt;
                reason
            }
        };
        if !reason.comes_back() || !backoff.may_try(failed) {
            return driver.end(reason.and_no_more());
        }
        driver.disconnected(&reason);
        let retry_in = backoff.delay(reason.retry_after());
        driver
            .shared()
            .status
            .set(State::Disconnected { reason, retry_in });
        if driver.meanwhile(sleep(retry_in)).await.is_none() {
            return driver.end(Disconnect::by_the_client());
        }
    }
}

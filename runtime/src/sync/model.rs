//! shuttle's locks and tasks, in the form of std's and tokio's; and what models have in common.

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::FutureExt;
pub(crate) use shuttle::future::AbortHandle;
use shuttle::scheduler::{PctScheduler, RandomScheduler};
pub(crate) use shuttle::sync::{Mutex, MutexGuard, RwLock, atomic};
pub(crate) use shuttle::thread_local;
use shuttle::{Config, Runner};

/// Runs a model in many orders: half of them by chance alone, and half with few changes from one task to
/// another where it could go on, at points that are chosen by chance. `ORDERS` says how many there are,
/// unless it is 500.
pub(crate) fn explore(model: impl Fn() + Clone + Send + Sync + 'static) {
    let orders = std::env::var("ORDERS").map_or(500, |orders| orders.parse().unwrap());
    // Its clock stands still, and nothing is ever run on it. It is not dropped: that would wake who
    // waits for a time when a model has failed.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let _entered = Box::leak(Box::new(runtime)).enter();
    let config = || {
        let mut config = Config::new();
        config.stack_size = 1 << 19;
        config
    };
    let model = move || {
        AT_WORK.set(0);
        model();
        // What is dropped then may wait for no lock.
        while AT_WORK.get() > 0 {
            shuttle::thread::yield_now();
        }
    };
    Runner::new(RandomScheduler::new(orders / 2), config()).run(model.clone());
    Runner::new(PctScheduler::new(3, orders / 2), config()).run(model);
}

/// Panics as a handler of the model may; any other panic is a mistake.
pub(crate) fn panic_as_planned() -> ! {
    resume_unwind(Box::new(Planned))
}

struct Planned;

pub(crate) fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let caught = async move {
        let ended = AssertUnwindSafe(Counted(Some(Box::pin(future))));
        let ended = ended.catch_unwind().await;
        ended.map_err(|panic: Box<dyn Any + Send>| match panic.downcast() {
            Ok(planned) => *planned,
            Err(panic) => resume_unwind(panic),
        })
    };
    JoinHandle(shuttle::future::spawn(caught))
}

std::thread_local! {
    /// Tasks that are in the middle of something. All of a model are on one thread.
    static AT_WORK: Cell<usize> = const { Cell::new(0) };
}

/// Is among these while it is polled or dropped.
struct Counted<F>(Option<Pin<Box<F>>>);

struct AtWork;

impl AtWork {
    fn begin() -> Self {
        AT_WORK.set(AT_WORK.get() + 1);
        Self
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        AT_WORK.set(AT_WORK.get() - 1);
    }
}

impl<F: Future> Future for Counted<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let _at_work = AtWork::begin();
        self.0.as_mut().unwrap().as_mut().poll(cx)
    }
}

impl<F> Drop for Counted<F> {
    fn drop(&mut self) {
        let _at_work = AtWork::begin();
        self.0 = None;
    }
}

/// Any time.
pub(crate) async fn sleep(_: Duration) {
    shuttle::future::yield_now().await;
}

pub(crate) struct JoinHandle<T>(shuttle::future::JoinHandle<Result<T, Planned>>);

impl<T> JoinHandle<T> {
    pub(crate) fn abort(&self) {
        self.0.abort();
    }

    pub(crate) fn abort_handle(&self) -> AbortHandle {
        self.0.abort_handle()
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match ready!(self.0.poll_unpin(cx)) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(Planned)) => Err(JoinError { is_panic: true }),
            Err(_) => Err(JoinError { is_panic: false }),
        })
    }
}

#[derive(Debug)]
pub(crate) struct JoinError {
    is_panic: bool,
}

impl JoinError {
    pub(crate) fn is_panic(&self) -> bool {
        self.is_panic
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_panic {
            "it panicked"
        } else {
            "it was cancelled"
        })
    }
}

//! Writes for connections that wait.
//!
//! A publication reaches many connections that have nothing else to do. Instead of waking the task of
//! each, which would look at everything that a connection waits for, they are listed, and one task
//! writes to all of them in turn. It runs after those that are ready already, as the connections' own
//! tasks would, and so writes what several of these have published at once.

use std::future::poll_fn;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::time::Instant;

use crate::outbox::Flush;

/// How long one goes on before others have their turn.
const TURN: Duration = Duration::from_millis(1);
/// After how many it looks at the clock.
const LOOK: usize = 16;

/// Those of one server: as many as there are threads to work at the same time.
#[derive(Debug)]
pub(crate) struct Flushers {
    all: Box<[Arc<Flusher>]>,
    next: AtomicUsize,
}

/// One task, and those that it has to write for.
#[derive(Debug, Default)]
pub(crate) struct Flusher {
    list: Mutex<List>,
    /// The task is there.
    is_served: AtomicBool,
}

#[derive(Debug, Default)]
struct List {
    listed: Vec<Arc<dyn Flush>>,
    /// The task, while it waits.
    waiting: Option<Waker>,
    is_over: bool,
}

impl Flushers {
    pub(crate) fn new() -> Self {
        let threads = available_parallelism().map_or(1, usize::from);
        Self {
            all: (0..threads).map(|_| Arc::default()).collect(),
            next: AtomicUsize::new(0),
        }
    }

    /// The one of another connection, at work. Must be called within a tokio runtime.
    pub(crate) fn next(&self) -> Option<Arc<Flusher>> {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        let flusher = self.all.get(next.checked_rem(self.all.len())?)?;
        if !flusher.is_served.swap(true, Ordering::AcqRel) {
            tokio::spawn(Turns::new(Arc::clone(flusher)).run());
        }
        Some(Arc::clone(flusher))
    }
}

impl Drop for Flushers {
    fn drop(&mut self) {
        for flusher in &self.all {
            let mut list = flusher.list();
            list.is_over = true;
            let waiting = list.waiting.take();
            drop(list);
            if let Some(waiting) = waiting {
                waiting.wake();
            }
        }
    }
}

impl Flusher {
    // Nothing that can panic runs under the lock, so a poisoned one holds whole data.
    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lists one that has something to write.
    pub(crate) fn list_one(&self, one: Arc<dyn Flush>) {
        let mut list = self.list();
        // Its task ends with its runtime, which need not be that of all connections.
        if !self.is_served.load(Ordering::Acquire) {
            drop(list);
            return one.wake();
        }
        list.listed.push(one);
        let waiting = list.waiting.take();
        drop(list);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }
}

/// The task of one.
struct Turns {
    flusher: Arc<Flusher>,
    /// Those whose turn it is, the last first.
    now: Vec<Arc<dyn Flush>>,
}

impl Turns {
    fn new(flusher: Arc<Flusher>) -> Self {
        Self {
            flusher,
            now: Vec::new(),
        }
    }

    async fn run(mut self) {
        while self.listed().await {
            let start = Instant::now();
            let mut count = 0_usize;
            while let Some(one) = self.now.pop() {
                if one.flush(start) {
                    self.flusher.list().listed.push(one);
                }
                count = count.wrapping_add(1);
                if count.is_multiple_of(LOOK) && start.elapsed() >= TURN {
                    break;
                }
            }
            tokio::task::yield_now().await;
        }
    }

    /// Waits for some that have something to write; `false` when there will be none.
    async fn listed(&mut self) -> bool {
        if !self.now.is_empty() {
            return true;
        }
        poll_fn(|cx| {
            let mut list = self.flusher.list();
            if !list.listed.is_empty() {
                mem::swap(&mut list.listed, &mut self.now);
                drop(list);
                // Whoever came first is first.
                self.now.reverse();
                return Poll::Ready(true);
            }
            if list.is_over {
                return Poll::Ready(false);
            }
            match &mut list.waiting {
                Some(waiting) => waiting.clone_from(cx.waker()),
                waiting => *waiting = Some(cx.waker().clone()),
            }
            Poll::Pending
        })
        .await
    }
}

/// Nobody is left to write for them, and so they write themselves.
impl Drop for Turns {
    fn drop(&mut self) {
        let mut list = self.flusher.list();
        self.flusher.is_served.store(false, Ordering::Release);
        let listed = mem::take(&mut list.listed);
        drop(list);
        for one in listed.iter().chain(&self.now) {
            one.wake();
        }
    }
}

//! Writes for connections that wait.
//!
//! A publication reaches many connections that have nothing else to do. Instead of waking the task of
//! each, which would look at everything that a connection waits for, they are listed, and one task
//! writes to all of them in turn. It runs after those that are ready already, as the connections' own
//! tasks would, and so writes what several of these have published at once.

#[cfg(shuttle)]
#[cfg(test)]
mod model;

use std::future::poll_fn;
use std::mem;
use std::sync::{Arc, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use tokio::runtime::{Handle, Id};
use tokio::time::Instant;

use crate::outbox::Flush;
use crate::sync::{Mutex, MutexGuard, spawn};

/// How long one goes on before others have their turn.
const TURN: Duration = Duration::from_millis(1);
/// After how many it looks at the clock.
const LOOK: usize = 4;
/// How many a list has room for while it is empty.
const KEPT: usize = 1024;

/// Those of one server: for each runtime that its connections are on, as many as it has threads.
#[derive(Debug, Default)]
pub(crate) struct Flushers(Mutex<Vec<(Id, Arc<Flusher>)>>);

/// One task, and those that it has to write for.
#[derive(Debug, Default)]
struct Flusher {
    list: Mutex<List>,
}

#[derive(Debug, Default)]
struct List {
    listed: Vec<Arc<dyn Flush>>,
    /// Connections that may have something listed.
    users: usize,
    /// The task is there.
    is_served: bool,
    /// The task, while it waits.
    waiting: Option<Waker>,
}

/// A connection's claim to be written for. The task ends when there is none any more.
#[derive(Debug)]
pub(crate) struct Claim(Arc<Flusher>);

impl Flushers {
    /// One of the runtime that this is called in, where there is one.
    pub(crate) fn claim(&self) -> Option<Claim> {
        let runtime = Handle::try_current().ok()?;
        let id = runtime.id();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(_, flusher)| flusher.list().users > 0);
        let of_runtime = all.iter().filter(|(of, _)| *of == id);
        let flusher = if of_runtime.clone().count() < runtime.metrics().num_workers() {
            let flusher = Arc::<Flusher>::default();
            all.push((id, Arc::clone(&flusher)));
            flusher
        } else {
            let fewest = of_runtime.min_by_key(|(_, flusher)| flusher.list().users);
            Arc::clone(&fewest?.1)
        };
        let mut list = flusher.list();
        list.users = list.users.saturating_add(1);
        let is_served = mem::replace(&mut list.is_served, true);
        drop(list);
        if !is_served {
            spawn(Turns::new(Arc::clone(&flusher)).run());
        }
        Some(Claim(flusher))
    }
}

impl Claim {
    /// Lists one that has something to write.
    pub(crate) fn list(&self, one: Arc<dyn Flush>) {
        let mut list = self.0.list();
        // Its task ends with its runtime.
        if !list.is_served {
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

impl Drop for Claim {
    fn drop(&mut self) {
        let mut list = self.0.list();
        list.users = list.users.saturating_sub(1);
        let waiting = if list.users == 0 {
            list.waiting.take()
        } else {
            None
        };
        drop(list);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }
}

impl Flusher {
    // Nothing that can panic runs under the lock, so a poisoned one holds whole data.
    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task of one.
struct Turns {
    flusher: Arc<Flusher>,
    /// Those whose turn it is, the last first.
    now: Vec<Arc<dyn Flush>>,
    has_ended: bool,
}

impl Turns {
    fn new(flusher: Arc<Flusher>) -> Self {
        Self {
            flusher,
            now: Vec::new(),
            has_ended: false,
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
            last_in_line().await;
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
                if list.listed.capacity() > KEPT {
                    list.listed = Vec::new();
                }
                drop(list);
                // Whoever came first is first.
                self.now.reverse();
                return Poll::Ready(true);
            }
            if list.users == 0 {
                // Whoever comes from now on has another task.
                list.is_served = false;
                self.has_ended = true;
                return Poll::Ready(false);
            }
            if self.now.capacity() > KEPT {
                self.now = Vec::new();
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

/// Lets those run that are ready already. What yields by [`tokio::task::yield_now`] is not in their line
/// until the runtime has looked for what has come, and that is long where much is ready.
async fn last_in_line() {
    let mut is_last = false;
    poll_fn(|cx| {
        if mem::replace(&mut is_last, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The runtime ends, and whoever may be left writes himself.
impl Drop for Turns {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        let mut list = self.flusher.list();
        list.is_served = false;
        list.waiting = None;
        let listed = mem::take(&mut list.listed);
        drop(list);
        for one in listed.iter().chain(&self.now) {
            one.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::runtime::Builder;
    use tokio::time::timeout;

    use super::*;
    use crate::frame::Event;

    /// Has something to write so often.
    #[derive(Debug, Default)]
    struct Writer {
        left: AtomicUsize,
        flushed_on: Mutex<Vec<Id>>,
        woken: AtomicUsize,
    }

    impl Writer {
        fn new(times: usize) -> Arc<Self> {
            Arc::new(Self {
                left: AtomicUsize::new(times),
                ..Self::default()
            })
        }

        fn flushed(&self) -> Vec<Id> {
            self.flushed_on.lock().unwrap().clone()
        }
    }

    impl Flush for Writer {
        fn frame(&self, _: &Event, _: &mut Vec<u8>) -> bool {
            false
        }

        fn soon(self: Arc<Self>) {}

        fn flush(&self, _: Instant) -> bool {
            let runtime = Handle::current().id();
            self.flushed_on.lock().unwrap().push(runtime);
            self.left.fetch_sub(1, Ordering::Relaxed) > 1
        }

        fn wake(&self) {
            self.woken.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Lets the others run until it is so.
    async fn until(is_so: impl Fn() -> bool) {
        let others = async {
            while !is_so() {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(20), others).await.unwrap();
    }

    #[tokio::test]
    async fn who_is_listed_has_turns_until_all_is_written() {
        let flushers = Flushers::default();
        let claim = flushers.claim().unwrap();
        let writers = [Writer::new(1), Writer::new(100), Writer::new(3)];
        for writer in &writers {
            claim.list(Arc::<Writer>::clone(writer));
        }
        until(|| {
            let mut all = writers.iter();
            all.all(|writer| writer.left.load(Ordering::Relaxed) == 0)
        })
        .await;
        assert_eq!(writers.map(|writer| writer.flushed().len()), [1, 100, 3]);
    }

    #[tokio::test]
    async fn the_task_ends_with_the_last_claim_and_another_begins_with_the_next() {
        let flushers = Flushers::default();
        let tasks = || Handle::current().metrics().num_alive_tasks();
        for _ in 0..3 {
            let claims = [flushers.claim(), flushers.claim()];
            assert_eq!(tasks(), 1);
            drop(claims);
            until(|| tasks() == 0).await;
        }
    }

    #[test]
    fn each_runtime_has_its_own_and_whoever_is_left_when_it_ends_is_woken() {
        let flushers = Flushers::default();
        let runtime = || Builder::new_current_thread().enable_time().build().unwrap();
        let (one, other) = (runtime(), runtime());
        let claim_on = |runtime: &tokio::runtime::Runtime| {
            let _entered = runtime.enter();
            flushers.claim().unwrap()
        };
        let (first, second) = (claim_on(&one), claim_on(&other));
        let (listed, late) = (Writer::new(1), Writer::new(1));
        second.list(Arc::<Writer>::clone(&listed));
        other.block_on(until(|| !listed.flushed().is_empty()));
        assert_eq!(listed.flushed(), [other.handle().id()]);
        // Nobody has run the first.
        first.list(Arc::<Writer>::clone(&late));
        drop(one);
        assert_eq!(late.woken.load(Ordering::Relaxed), 1);
        first.list(Arc::<Writer>::clone(&late));
        assert_eq!(late.woken.load(Ordering::Relaxed), 2);
        assert_eq!(late.flushed(), []);
    }
}

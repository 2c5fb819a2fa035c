//! Whoever is listed is written for, by the task or, when that has ended with its runtime, by himself.
//! Each model has been seen to fail when what it is about was broken.

use shuttle::future::block_on;
use shuttle::thread;
use tokio::sync::Notify;

use super::*;
use crate::frame::Event;
use crate::sync::JoinHandle;
use crate::sync::model::explore;

/// A queue, and what writes it out.
#[derive(Debug)]
struct Writer {
    claim: Claim,
    queue: Mutex<Queue>,
    all_written: Notify,
}

#[derive(Debug)]
struct Queue {
    waiting: usize,
    expected: usize,
    /// Nobody knows yet of what waits next.
    is_told: bool,
}

impl Writer {
    fn new(claim: Claim, expected: usize) -> Arc<Self> {
        let queue = Queue {
            waiting: 0,
            expected,
            is_told: true,
        };
        Arc::new(Self {
            claim,
            queue: Mutex::new(queue),
            all_written: Notify::new(),
        })
    }

    fn push(self: &Arc<Self>) {
        let mut queue = self.queue.lock().unwrap();
        queue.waiting += 1;
        let tells = mem::take(&mut queue.is_told);
        drop(queue);
        if tells {
            Arc::clone(self).soon();
        }
    }

    /// Writes so many at most, and says whether there is more.
    fn write(&self, most: usize) -> bool {
        let mut queue = self.queue.lock().unwrap();
        let count = most.min(queue.waiting);
        queue.waiting -= count;
        queue.expected -= count;
        queue.is_told = queue.waiting == 0;
        if queue.expected == 0 {
            self.all_written.notify_one();
        }
        queue.waiting > 0
    }
}

impl Flush for Writer {
    fn frame(&self, _: &Event, _: &mut Vec<u8>) -> bool {
        false
    }

    fn soon(self: Arc<Self>) {
        self.claim.list(Arc::<Self>::clone(&self));
    }

    fn flush(&self, _: Instant) -> bool {
        self.write(1)
    }

    fn wake(&self) {
        self.write(usize::MAX);
    }
}

fn push(writer: &Arc<Writer>, count: usize) -> thread::JoinHandle<()> {
    let writer = Arc::clone(writer);
    thread::spawn(move || (0..count).for_each(|_| writer.push()))
}

/// A flusher for two, and its task.
fn flusher() -> (Arc<Flusher>, [Claim; 2], JoinHandle<()>) {
    let flusher = Arc::<Flusher>::default();
    let mut list = flusher.list();
    (list.users, list.is_served) = (2, true);
    drop(list);
    let claims = [0, 1].map(|_| Claim(Arc::clone(&flusher)));
    let task = spawn(Turns::new(Arc::clone(&flusher)).run());
    (flusher, claims, task)
}

fn check(ends_early: bool) {
    let (flusher, claims, task) = flusher();
    let writers = claims.map(|claim| Writer::new(claim, 3));
    let pushed = [(&writers[0], 2), (&writers[0], 1), (&writers[1], 3)];
    let pushed = pushed.map(|(writer, count)| push(writer, count));
    if ends_early {
        task.abort();
    }
    for writer in &writers {
        block_on(writer.all_written.notified());
    }
    for pushed in pushed {
        pushed.join().unwrap();
    }
    drop(writers);
    let ended = block_on(task);
    assert!(ended.is_ok() || ends_early);
    let list = flusher.list();
    assert!(!list.is_served && list.listed.is_empty());
}

#[test]
fn whoever_is_listed_is_written_for_and_then_the_task_ends() {
    explore(|| check(false));
}

#[test]
fn whoever_is_listed_when_the_runtime_ends_writes_himself() {
    explore(|| check(true));
}

#[test]
fn whoever_comes_when_the_last_leaves_is_written_for() {
    explore(|| {
        let flushers = Arc::<Flushers>::default();
        let others = [0, 1].map(|_| {
            let flushers = Arc::clone(&flushers);
            // A task has the runtime that a thread would not know.
            spawn(async move {
                let writer = Writer::new(flushers.claim().unwrap(), 1);
                writer.push();
                writer.all_written.notified().await;
            })
        });
        for other in others {
            block_on(other).unwrap();
        }
        let all = flushers.0.lock().unwrap().clone();
        for (_, flusher) in all {
            while flusher.list().is_served {
                thread::yield_now();
            }
        }
    });
}

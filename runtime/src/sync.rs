//! What threads and tasks share and wait for, wherever it matters in which order they do: std's and
//! tokio's, and in models shuttle's, which tries many orders.
//!
//! A model is a test in a module `model`, compiled with `--cfg shuttle`; `.ci/run` has the command.
//! Models run the code itself, not a picture of it. What is shared by other means (`Notify`, `OnceCell`,
//! tokens, `Arc`) works in them as well, each use of it at once. Times are not part of them: what takes
//! some takes any.

#[cfg(shuttle)]
#[cfg(test)]
pub(crate) mod model;

#[cfg(not(all(test, shuttle)))]
pub(crate) use std::{
    sync::{Mutex, MutexGuard, RwLock, atomic},
    thread_local,
};

#[cfg(not(all(test, shuttle)))]
pub(crate) use tokio::{
    task::{AbortHandle, JoinError, JoinHandle, spawn},
    time::sleep,
};

#[cfg(all(test, shuttle))]
pub(crate) use self::model::{
    AbortHandle, JoinError, JoinHandle, Mutex, MutexGuard, RwLock, atomic, sleep, spawn,
    thread_local,
};

//! Regular work on the API's server while nothing is asked of it: [`Housekeeping`].

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Notify, RwLock, RwLockReadGuard};

/// How much may pass before it is due, in bytes.
const DUE: u64 = 16 * 1024 * 1024;
/// What a request without body counts.
const HEAD: u64 = 2 * 1024;

/// Something to do each time that some 16 MiB of requests (at most 8,192 requests) have gone to the API's server. No
/// request is under way there meanwhile; those that arrive wait.
pub struct Housekeeping {
    task: Box<dyn Fn() -> Work + Send + Sync>,
    passage: RwLock<()>,
    passed: AtomicU64,
    due: Notify,
}

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Housekeeping {
    /// Does what this makes each time.
    pub fn new<W>(task: impl Fn() -> W + Send + Sync + 'static) -> Self
    where
        W: Future<Output = ()> + Send + 'static,
    {
        Self {
            task: Box::new(move || Box::pin(task())),
            passage: RwLock::new(()),
            passed: AtomicU64::new(0),
            due: Notify::new(),
        }
    }

    /// Held while a request with a body of this length is under way.
    pub(super) async fn pass(&self, length: usize) -> RwLockReadGuard<'_, ()> {
        let weight = HEAD + length as u64;
        if self.passed.fetch_add(weight, Ordering::Relaxed) + weight > DUE {
            self.due.notify_one();
        }
        self.passage.read().await
    }

    /// Waits until it is due.
    pub(super) async fn due(&self) {
        self.due.notified().await;
    }

    /// Does it. Not to be dropped in the middle, so it belongs to the front and not to a connection.
    pub(super) async fn run(&self) {
        let _nobody_passes = self.passage.write().await;
        // Several may have called for it before it began.
        if self.passed.load(Ordering::Relaxed) > DUE {
            self.passed.store(0, Ordering::Relaxed);
            (self.task)().await;
        }
    }
}

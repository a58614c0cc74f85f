//! The time that a simulator goes by: [`Clock`].

use std::sync::Arc;

use jiff::Timestamp;

/// Tells the time, so that a tester can let a simulator live in another one: clocks that disagree are something that
/// a product must bear. Clones tell the same time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// This machine's time.
    pub fn system() -> Self {
        Self::of(Timestamp::now)
    }

    /// Whatever this says.
    pub fn of(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The present.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

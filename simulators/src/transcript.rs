//! What was said on the wire, in order: [`Transcript`].
//!
//! An exchange is recorded before its answer leaves, so whoever sees an answer finds it in the transcript.

mod exchange;
mod redaction;
mod secrets;

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

pub(crate) use exchange::recorded;
pub use exchange::{Body, Exchange, INLINE_BODY, Peer, Request, Response, TlsFacts};
pub use redaction::Redaction;
pub use secrets::{SHORTEST, Secrets};

use crate::capture::Capture;

/// A shared, growing list of exchanges; clones write to the same one.
#[derive(Clone)]
pub struct Transcript {
    shared: Arc<Shared>,
}

struct Shared {
    log: Mutex<Log>,
    length: watch::Sender<u64>,
}

#[derive(Default)]
struct Log {
    exchanges: Vec<Arc<Exchange>>,
    file: Option<BufWriter<File>>,
    secrets: Option<Secrets>,
    capture: Option<Capture>,
    /// The first failure to write; reported by `flush`, since recording must not disturb the exchange itself.
    failure: Option<io::Error>,
}

impl Default for Transcript {
    fn default() -> Self {
        Self::new()
    }
}

impl Transcript {
    /// A transcript in memory only.
    pub fn new() -> Self {
        Self::with(Log::default())
    }

    /// A transcript that is also written to this file as JSON Lines, one [`Exchange`] a line. The file is created or
    /// emptied.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn to_file(path: &Path) -> io::Result<Self> {
        let file = Some(BufWriter::new(File::create(path)?));
        Ok(Self::with(Log {
            file,
            ..Log::default()
        }))
    }

    /// Keeps these secrets out of every exchange from now on, before anything of it is kept.
    #[must_use]
    pub fn without(self, secrets: Secrets) -> Self {
        self.log().secrets = Some(secrets);
        self
    }

    /// Has whoever writes to this transcript note besides what passes below TLS, and the secrets to read it.
    #[must_use]
    pub fn capturing(self, capture: Capture) -> Self {
        self.log().capture = Some(capture);
        self
    }

    /// Where what passes below TLS is noted. Nowhere unless [`Transcript::capturing`] said so.
    pub fn capture(&self) -> Option<Capture> {
        self.log().capture.clone()
    }

    fn with(log: Log) -> Self {
        let shared = Shared {
            log: Mutex::new(log),
            length: watch::Sender::new(0),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Appends the exchange, gives it its `seq`, wakes who waits, and returns the `seq`.
    pub fn record(&self, exchange: Exchange) -> u64 {
        self.append(exchange).seq
    }

    pub(crate) fn append(&self, mut exchange: Exchange) -> Arc<Exchange> {
        let mut log = self.log();
        exchange.seq = log.exchanges.len() as u64;
        if let Some(secrets) = &log.secrets {
            secrets.clean_exchange(&mut exchange);
        }
        let exchange = Arc::new(exchange);
        log.write(&exchange);
        log.exchanges.push(Arc::clone(&exchange));
        drop(log);
        self.shared
            .length
            .send_modify(|length| *length = (*length).max(exchange.seq + 1));
        exchange
    }

    /// All exchanges so far.
    pub fn exchanges(&self) -> Vec<Arc<Exchange>> {
        self.since(0)
    }

    /// The exchanges from this `seq` on.
    pub fn since(&self, seq: u64) -> Vec<Arc<Exchange>> {
        let log = self.log();
        log.exchanges.get(index(seq)..).unwrap_or_default().to_vec()
    }

    /// The `seq` that the next exchange will have: a mark for `since` and `wait_for`.
    pub fn next_seq(&self) -> u64 {
        self.log().exchanges.len() as u64
    }

    /// The first exchange from `from_seq` on that the predicate holds for; waits until there is one. Woken by each
    /// recorded exchange; put a timeout around it.
    pub async fn wait_for(
        &self,
        from_seq: u64,
        mut predicate: impl FnMut(&Exchange) -> bool,
    ) -> Arc<Exchange> {
        let mut length = self.shared.length.subscribe();
        let mut next = from_seq;
        loop {
            // Marked as seen before looking, so that what is recorded meanwhile wakes us again.
            length.borrow_and_update();
            for exchange in self.since(next) {
                next = exchange.seq + 1;
                if predicate(&exchange) {
                    return exchange;
                }
            }
            if length.changed().await.is_err() {
                // The sender lives in `self`, which is borrowed here.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Hands everything recorded so far to the operating system.
    ///
    /// # Errors
    /// The first failure to write since the last call: the file then lacks exchanges.
    pub fn flush(&self) -> io::Result<()> {
        let mut log = self.log();
        if let Some(failure) = log.failure.take() {
            return Err(failure);
        }
        log.file.as_mut().map_or(Ok(()), BufWriter::flush)
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        // A panic elsewhere leaves at most one exchange unrecorded; the list itself is whole.
        self.shared
            .log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Transcript {
    /// Only how long it is: whoever holds it may be printed with it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transcript")
            .field("length", &self.next_seq())
            .finish_non_exhaustive()
    }
}

impl Log {
    fn write(&mut self, exchange: &Exchange) {
        let Some(file) = &mut self.file else { return };
        let written = serde_json::to_writer(&mut *file, exchange)
            .map_err(io::Error::from)
            .and_then(|()| file.write_all(b"\n"))
            // Before the answer leaves: a run that is killed has recorded what it said.
            .and_then(|()| file.flush());
        if let Err(error) = written {
            self.failure.get_or_insert(error);
        }
    }
}

/// Saturates: no list in memory is longer than `usize::MAX`.
fn index(seq: u64) -> usize {
    usize::try_from(seq).unwrap_or(usize::MAX)
}

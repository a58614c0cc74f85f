//! Writes a run's events as they happen: one line each, flushed before the run goes on.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use scas_simulators::transcript::Secrets;
use tokio::sync::Notify;

use crate::model::event::Event;

pub use crate::report::record::EVENTS;

/// The events of one run. [`Recorder::record`] may be called from any task.
pub struct Recorder {
    path: PathBuf,
    file: Mutex<Kept>,
    fault: OnceLock<RecordError>,
    broken: Notify,
    secrets: OnceLock<Secrets>,
    listener: Box<dyn Fn(&Event) + Send + Sync>,
}

/// The file, and whether it may go on.
struct Kept {
    file: File,
    broken: bool,
}

/// An event could not be kept.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct RecordError {
    path: PathBuf,
    source: std::io::Error,
}

impl Recorder {
    /// Starts `events.jsonl` in `folder`; `listener` hears each event after it is written.
    ///
    /// # Errors
    /// The file exists already, or cannot be made.
    pub fn create(
        folder: &Path,
        listener: impl Fn(&Event) + Send + Sync + 'static,
    ) -> Result<Self, RecordError> {
        let path = folder.join(EVENTS);
        let failed = |source| RecordError {
            path: path.clone(),
            source,
        };
        let file = File::create_new(&path).map_err(failed)?;
        // Until the run ends, nobody can resume it.
        file.lock().map_err(failed)?;
        Ok(Self::go_on(path, file, listener))
    }

    /// Goes on with a record that was begun before: the file is open at its end, and locked.
    pub fn go_on(
        path: PathBuf,
        file: File,
        listener: impl Fn(&Event) + Send + Sync + 'static,
    ) -> Self {
        Self {
            path,
            file: Mutex::new(Kept {
                file,
                broken: false,
            }),
            fault: OnceLock::new(),
            broken: Notify::new(),
            secrets: OnceLock::new(),
            listener: Box::new(listener),
        }
    }

    /// Writes one event, from within a scenario that can do nothing about a full disk. The first failure is kept
    /// for [`Recorder::fault`].
    pub fn note(&self, event: &Event) {
        if let Err(error) = self.record(event) {
            tracing::error!("{error}");
            // Later failures say nothing new.
            let _ = self.fault.set(error);
        }
    }

    /// The first event that could not be written, if any.
    pub fn fault(&self) -> Option<&RecordError> {
        self.fault.get()
    }

    /// Keeps these secrets out of every event from now on. Told once.
    pub fn keep_out(&self, secrets: Secrets) {
        let _ = self.secrets.set(secrets);
    }

    /// Ends once an event could not be written: a run that is not recorded is not worth its time.
    pub async fn broken(&self) {
        self.broken.notified().await;
    }

    /// Writes one event. One `write` a line: a run that is killed leaves whole lines but for the last. Where a line cannot be
    /// written whole, e.g. because the disk is full, no part of it is left, and no later one is written: a record has no gaps.
    ///
    /// # Errors
    /// The file cannot be written, or could not be before.
    pub fn record(&self, event: &Event) -> Result<(), RecordError> {
        let failed = |source| RecordError {
            path: self.path.clone(),
            source,
        };
        let mut line = serde_json::to_vec(event).map_err(|error| failed(error.into()))?;
        if let Some((cleaned, _)) = self
            .secrets
            .get()
            .and_then(|secrets| secrets.clean_bytes(&line))
        {
            line = cleaned;
        }
        line.push(b'\n');
        self.file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write(&line)
            .map_err(|source| {
                self.broken.notify_one();
                failed(source)
            })?;
        (self.listener)(event);
        Ok(())
    }
}

impl Kept {
    fn write(&mut self, line: &[u8]) -> std::io::Result<()> {
        if self.broken {
            return Err(std::io::Error::other(
                "an earlier event could not be written",
            ));
        }
        let length = self.file.metadata()?.len();
        self.file.write_all(line).inspect_err(|_| {
            self.broken = true;
            // The error of the write is the one to tell; a line that was cut short can be read as one.
            let _ = self.file.set_len(length);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    use nix::sys::signal::{SigHandler, Signal, signal};

    /// A limit of this process's files: what it does to other tests is nothing, they write less.
    #[test]
    fn a_line_that_does_not_fit_leaves_no_part_of_itself_and_no_gap() {
        let folder = tempfile::tempdir().expect("folder");
        let recorder = Recorder::create(folder.path(), |_| {}).expect("a new file");
        let short = Event::RunFinished {
            at: Timestamp::UNIX_EPOCH,
        };
        let long = Event::RunnerFault {
            at: Timestamp::UNIX_EPOCH,
            error: "x".repeat(64 << 20),
        };
        recorder.record(&short).expect("it fits");
        // SAFETY: to ignore a signal installs no handler that could run.
        unsafe { signal(Signal::SIGXFSZ, SigHandler::SigIgn) }.expect("ignored");
        let (soft, hard) = getrlimit(Resource::RLIMIT_FSIZE).expect("a limit");
        setrlimit(Resource::RLIMIT_FSIZE, 32 << 20, hard).expect("lowered");
        let refused = recorder.record(&long);
        setrlimit(Resource::RLIMIT_FSIZE, soft, hard).expect("raised again");
        assert!(
            refused
                .expect_err("it does not fit")
                .to_string()
                .contains(EVENTS)
        );
        recorder
            .record(&short)
            .expect_err("a gap would lie before it");
        let text = std::fs::read_to_string(folder.path().join(EVENTS)).expect("text");
        assert_eq!(text.lines().count(), 1);
        assert!(text.ends_with("}\n"), "{text}");
    }
}

//! Writes a run's events as they happen: one line each, flushed before the run goes on.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::model::event::Event;

/// The file in a run's folder.
pub const EVENTS: &str = "events.jsonl";

/// The events of one run. [`Recorder::record`] may be called from any task.
pub struct Recorder {
    path: PathBuf,
    file: Mutex<File>,
    fault: OnceLock<RecordError>,
    listener: Box<dyn Fn(&Event) + Send + Sync>,
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
            file: Mutex::new(file),
            fault: OnceLock::new(),
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

    /// Writes one event. One `write` a line: a run that is killed leaves whole lines but for the last.
    ///
    /// # Errors
    /// The file cannot be written, e.g. because the disk is full.
    pub fn record(&self, event: &Event) -> Result<(), RecordError> {
        let failed = |source| RecordError {
            path: self.path.clone(),
            source,
        };
        let mut line = serde_json::to_vec(event).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        self.file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write_all(&line)
            .map_err(failed)?;
        (self.listener)(event);
        Ok(())
    }
}

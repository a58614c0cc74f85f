//! Who writes a record: [`is_written`] and [`Writers`]. A run holds a lock on its events until it has drawn its reports, or is gone.

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

/// Whether somebody holds the lock. It asks for no more than a shared one, and gives it back at once.
pub fn is_written(events: &File) -> bool {
    match events.try_lock_shared() {
        Err(TryLockError::WouldBlock) => true,
        // A file system without locks cannot tell; the record itself says whether it has an end.
        Err(TryLockError::Error(_)) => false,
        Ok(()) => {
            let _ = events.unlock();
            false
        }
    }
}

/// Waits for the ends of writers, one thread for each, however many readers ask.
#[derive(Default)]
pub struct Writers {
    /// By device and inode.
    awaited: Mutex<HashMap<(u64, u64), watch::Receiver<bool>>>,
}

impl Writers {
    /// Ends once nobody holds the lock any more, however the holder ended.
    ///
    /// # Errors
    /// The system has no thread for it.
    pub fn gone(&self, events: File) -> io::Result<impl Future<Output = ()> + Send + use<>> {
        let meta = events.metadata()?;
        let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        awaited.retain(|_, gone| !*gone.borrow());
        let mut gone = match awaited.get(&(meta.dev(), meta.ino())) {
            Some(gone) => gone.clone(),
            None => {
                let (tell, gone) = watch::channel(false);
                std::thread::Builder::new().spawn(move || {
                    while events
                        .lock_shared()
                        .is_err_and(|error| error.kind() == ErrorKind::Interrupted)
                    {
                    }
                    drop(events);
                    tell.send_replace(true);
                })?;
                awaited.insert((meta.dev(), meta.ino()), gone.clone());
                gone
            }
        };
        Ok(async move {
            // A thread that is gone waits for nobody.
            let _ = gone.wait_for(|gone| *gone).await;
        })
    }
}

//! What changes in folders, as it changes: [`Watch`].

use std::io;
use std::os::fd::{AsFd as _, AsRawFd, RawFd};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use tokio::io::unix::AsyncFd;

/// Watches folders by inotify.
pub struct Watch {
    source: AsyncFd<Source>,
}

struct Source(Inotify);

impl AsRawFd for Source {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl Watch {
    /// Watches nothing yet.
    ///
    /// # Errors
    /// The system's limits.
    pub fn new() -> io::Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        // SAFETY: the descriptor is owned by what is given away here, is always the same, and is open until that is dropped.
        let source = unsafe { AsyncFd::register(Source(inotify)) }.map_err(io::Error::from)?;
        Ok(Self { source })
    }

    /// Watches a folder, which must be none by way of a link: what is made, written, moved and removed in it.
    ///
    /// # Errors
    /// It is not there; the system's limits.
    pub fn add(&self, folder: &Path) -> io::Result<WatchDescriptor> {
        let what = AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_MODIFY
            | AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_MOVE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_DELETE_SELF
            | AddWatchFlags::IN_ONLYDIR
            | AddWatchFlags::IN_DONT_FOLLOW;
        Ok(self.source.get_ref().0.add_watch(folder, what)?)
    }

    /// What has changed since it was asked last; waits until there is something.
    ///
    /// # Errors
    /// Those of the system.
    pub async fn next(&self) -> io::Result<Vec<InotifyEvent>> {
        loop {
            let mut ready = self.source.readable().await?;
            match ready.get_inner().0.read_events() {
                Ok(events) => return Ok(events),
                Err(Errno::EAGAIN) => ready.clear_ready(),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

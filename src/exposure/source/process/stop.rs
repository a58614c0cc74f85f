//! Stops a process while it is searched: [`Stopped`].
//!
//! By tracing it, not by a signal: its parent notices nothing, and it goes on if the scanner is killed. Only the thread that
//! began to trace may end it, so a thread waits for that.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// A thread that waits for a device cannot be stopped before that answers: longer than this is not waited.
const PATIENCE: Duration = Duration::from_secs(10);

/// A process that stands still until this is dropped.
#[derive(Debug)]
pub(super) struct Stopped {
    /// Closed to let it go on.
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Stopped {
    /// Stops all threads of the process whose threads are listed in the folder `tasks`.
    ///
    /// # Errors
    ///
    /// If it may not be traced, is traced by somebody else, or does not stop.
    pub(super) fn stop(tasks: PathBuf) -> io::Result<Self> {
        let (end, ended) = channel();
        let (ready, is_ready) = channel();
        let thread = std::thread::spawn(move || {
            let mut threads = Threads::default();
            let result = threads.stop_all(&tasks);
            let stopped = result.is_ok();
            if ready.send(result).is_ok() && stopped {
                wait_until_closed(&ended);
            }
            threads.let_go();
        });
        match is_ready.recv_timeout(PATIENCE) {
            Ok(result) => result?,
            // The thread lets go as soon as it can.
            Err(RecvTimeoutError::Timeout) => return Err(io::ErrorKind::TimedOut.into()),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(io::Error::other("the tracing thread panicked"));
            }
        }
        Ok(Self {
            end: Some(end),
            thread: Some(thread),
        })
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // Should it have panicked, it has ended, and that lets go too.
            let _ = thread.join();
        }
    }
}

fn wait_until_closed(ended: &Receiver<()>) {
    while ended.recv().is_ok() {}
}

/// The threads that are traced, and the signal that each was about to get.
#[derive(Default)]
struct Threads(BTreeMap<i32, Option<Signal>>);

impl Threads {
    /// Threads may begin others until they are stopped, so it goes on until there is no new one.
    fn stop_all(&mut self, tasks: &PathBuf) -> io::Result<()> {
        loop {
            let mut new = false;
            for entry in fs::read_dir(tasks)? {
                let name = entry?.file_name();
                let number = name.to_str().and_then(|name| name.parse().ok());
                if let Some(number) = number.filter(|number| !self.0.contains_key(number)) {
                    new |= self.stop(number)?;
                }
            }
            if !new {
                return Ok(());
            }
        }
    }

    /// Returns whether there was something to stop.
    fn stop(&mut self, number: i32) -> io::Result<bool> {
        use nix::errno::Errno;
        let pid = Pid::from_raw(number);
        match ptrace::seize(pid, ptrace::Options::empty()) {
            // It has ended meanwhile.
            Err(Errno::ESRCH) => return Ok(false),
            // A thread that has ended, but is kept until the others do.
            Err(Errno::EPERM) if self.0.keys().next().is_some() => return Ok(false),
            other => other?,
        }
        self.0.insert(number, None);
        ptrace::interrupt(pid)?;
        match waitpid(pid, Some(WaitPidFlag::__WALL))? {
            WaitStatus::Stopped(_, signal) => {
                self.0.insert(number, Some(signal));
            }
            WaitStatus::Exited(..) | WaitStatus::Signaled(..) => {
                self.0.remove(&number);
            }
            _ => {}
        }
        Ok(true)
    }

    fn let_go(&self) {
        for (number, signal) in &self.0 {
            // It can only have been killed, and then there is nothing to do.
            let _ = ptrace::detach(Pid::from_raw(*number), *signal);
        }
    }
}

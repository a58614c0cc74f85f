//! A command of the user's that runs while something is searched: [`Errand`]. It is watched, listened to, and ended.

use std::io::{self, Read};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, setsid};

use crate::hygiene::{ERRAND, errand_mark, errand_started, helper_ended, helper_started};

/// How much of what a command complains about is kept, in bytes.
const COMPLAINT: usize = 4096;
/// How long the end of its complaints is waited for when it has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long a command may take to tidy up when it was asked to end.
const TIDYING: Duration = Duration::from_secs(5);

/// A running command. It is ended when this is dropped.
pub(crate) struct Errand {
    child: Child,
    /// Whether it has a session of its own, with all that it starts.
    alone: bool,
    complaints: Complaints,
    watch: Option<Watch>,
}

/// The end of what it complains about.
struct Complaints {
    said: Arc<Mutex<Vec<u8>>>,
    /// Closed when all was said.
    open: mpsc::Receiver<()>,
}

/// Ends a command that takes too long. Dropping it calls it off.
struct Watch {
    limit: Duration,
    struck: Arc<AtomicBool>,
    _heard: mpsc::Sender<()>,
}

impl Errand {
    /// Starts it, and returns its input, if that is piped, and its output. Where somebody's patience is limited, it cannot ask
    /// questions at our terminal either.
    pub(crate) fn start(
        mut command: Command,
        patience: Option<Duration>,
    ) -> io::Result<(Self, Option<ChildStdin>, ChildStdout)> {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env(ERRAND, errand_mark());
        if patience.is_some() {
            // SAFETY: between fork and exec nothing but this system call is made.
            unsafe { command.pre_exec(|| Ok(setsid().map(drop)?)) };
        }
        let mut child = command.spawn()?;
        // What passes through it is no product's.
        helper_started(child.id());
        if patience.is_some() {
            errand_started(child.id());
        }
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let complaints = Complaints::of(child.stderr.take());
        let errand = Self {
            watch: patience.map(|limit| Watch::over(child.id(), limit)),
            child,
            alone: patience.is_some(),
            complaints,
        };
        let output = output.ok_or(io::ErrorKind::BrokenPipe)?;
        Ok((errand, input, output))
    }

    /// It has answered: what follows may take as long as it takes.
    pub(crate) fn heard(&mut self) {
        if self.late().is_none() {
            self.watch = None;
        }
    }

    /// Asks it to end, with all that it started, if it has not done so by itself after this long: it may have something to tidy up.
    /// If it does not end then, it is ended. Returns how it ended.
    fn end(&mut self, after: Duration) -> Option<ExitStatus> {
        // Once it has been waited for, its number may be another's.
        if let Ok(Some(status)) = self.child.try_wait() {
            return Some(status);
        }
        let pid = i32::try_from(self.child.id()).ok()?;
        let whom = Pid::from_raw(if self.alone { -pid } else { pid });
        let (over, waits) = mpsc::channel::<()>();
        std::thread::spawn(move || {
            for (wait, signal) in [(after, Signal::SIGTERM), (TIDYING, Signal::SIGKILL)] {
                if waits.recv_timeout(wait) != Err(mpsc::RecvTimeoutError::Timeout) {
                    return;
                }
                // It may have ended this moment.
                let _ = kill(whom, signal);
            }
        });
        let status = self.child.wait().ok();
        drop(over);
        status
    }

    /// After its last word: whether it ended as it should.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        let late = self.late();
        let ended = self.child.wait()?;
        self.watch = None;
        match late {
            Some(late) => Err(io::Error::other(late)),
            None if ended.success() => Ok(()),
            None => {
                let said = self.complaints.last().map(|said| format!(": {said}"));
                let said = said.unwrap_or_default();
                Err(io::Error::other(format!("it ended ({ended}){said}")))
            }
        }
    }

    /// What went wrong, in the command's own words where it has some.
    pub(crate) fn why(&mut self, error: &io::Error) -> String {
        if let Some(late) = self.late() {
            return late;
        }
        // Who closes all its outputs is about to end by itself; else it may hang, and has nothing more to say that we would wait for.
        let ends = is_end(error) && self.complaints.closed();
        self.watch = None;
        let after = if ends { TIDYING } else { Duration::ZERO };
        let ended = self.end(after).filter(|_| is_end(error));
        match (self.complaints.last(), ended) {
            (Some(said), _) => said,
            // Whether it ended before or after we asked is a matter of moments.
            (None, Some(status)) if is_end(error) => without_a_word(status),
            (None, _) => error.to_string(),
        }
    }

    fn late(&self) -> Option<String> {
        let watch = self.watch.as_ref()?;
        let struck = watch.struck.load(Ordering::Relaxed);
        struck.then(|| format!("it was not done within {} s", watch.limit.as_secs()))
    }
}

impl Complaints {
    /// Reads all the time, or the command would wait for us with a full pipe.
    fn of(errors: Option<ChildStderr>) -> Self {
        let (ends, open) = mpsc::channel();
        let said = Arc::new(Mutex::default());
        let (kept, mut errors) = (Arc::clone(&said), errors);
        std::thread::spawn(move || {
            let mut buffer = [0; COMPLAINT];
            while let Some(Ok(length @ 1..)) = errors.as_mut().map(|one| one.read(&mut buffer)) {
                let mut kept: MutexGuard<'_, Vec<u8>> =
                    kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(&buffer[..length]);
                let surplus = kept.len().saturating_sub(COMPLAINT);
                kept.drain(..surplus);
            }
            drop(ends);
        });
        Self { said, open }
    }

    /// Whether all was said.
    fn closed(&self) -> bool {
        let ended = self.open.recv_timeout(TIDYING);
        matches!(ended, Err(mpsc::RecvTimeoutError::Disconnected))
    }

    /// The last line, once the command has ended. What it left running may hold its pipe open (a shared SSH connection does).
    fn last(&self) -> Option<String> {
        let _ = self.open.recv_timeout(LAST_WORDS);
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let said = String::from_utf8_lossy(&said).into_owned();
        let line = said.lines().map(str::trim).rfind(|line| !line.is_empty())?;
        Some(line.chars().filter(|c| !c.is_control()).collect())
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        self.watch = None;
        self.end(Duration::ZERO);
        helper_ended(self.child.id());
    }
}

impl Watch {
    fn over(pid: u32, limit: Duration) -> Self {
        let (heard, hears) = mpsc::channel::<()>();
        let struck = Arc::new(AtomicBool::new(false));
        let strikes = Arc::clone(&struck);
        // The child is waited for by whoever has this, and stays its own until then.
        std::thread::spawn(move || {
            if let (Err(mpsc::RecvTimeoutError::Timeout), Ok(pid)) =
                (hears.recv_timeout(limit), i32::try_from(pid))
            {
                strikes.store(true, Ordering::Relaxed);
                // The whole session: a shell's children hold the pipe open too. It may have ended this moment.
                let _ = kill(Pid::from_raw(-pid), Signal::SIGKILL);
            }
        });
        Self {
            limit,
            struck,
            _heard: heard,
        }
    }
}

fn is_end(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe
    )
}

fn without_a_word(status: ExitStatus) -> String {
    format!("it ended ({status}) without a word")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(line: &str, patience: Duration) -> (io::Result<()>, String) {
        let mut command = Command::new("sh");
        command.args(["-c", line]).stdin(Stdio::null());
        let (mut errand, _, mut output) = Errand::start(command, Some(patience)).unwrap();
        let mut said = String::new();
        output.read_to_string(&mut said).unwrap();
        (errand.finish(), said)
    }

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn what_fails_says_why_and_what_does_not_says_nothing() {
        let (ended, said) = sh("echo all", LONG);
        assert_eq!(said, "all\n");
        ended.unwrap();
        let (ended, _) = sh("echo part; echo no such data base >&2; exit 3", LONG);
        let told = ended.unwrap_err().to_string();
        assert!(
            told.contains("exit status: 3") && told.contains("no such data base"),
            "{told}"
        );
    }

    #[test]
    fn who_ends_by_itself_is_told_by_its_own_status() {
        let mut command = Command::new("sh");
        command.args(["-c", "exit 7"]).stdin(Stdio::null());
        let (mut errand, _, mut output) = Errand::start(command, Some(LONG)).unwrap();
        output.read_to_string(&mut String::new()).unwrap();
        let told = errand.why(&io::ErrorKind::UnexpectedEof.into());
        assert!(told.contains("exit status: 7"), "{told}");
    }

    #[test]
    fn what_it_leaves_running_is_known_as_its_own() {
        let mut command = Command::new("sh");
        let lines =
            "sleep 1000 >/dev/null 2>&1 & echo $!; setsid sleep 1000 >/dev/null 2>&1 & echo $!";
        command.args(["-c", lines]).stdin(Stdio::null());
        let (mut errand, _, mut output) = Errand::start(command, Some(LONG)).unwrap();
        let mut said = String::new();
        output.read_to_string(&mut said).unwrap();
        errand.finish().unwrap();
        let left: Vec<u32> = said.lines().map(|pid| pid.parse().unwrap()).collect();
        let known: Vec<bool> = left
            .iter()
            .map(|pid| crate::hygiene::is_of_an_errand(*pid))
            .collect();
        for pid in left {
            let _ = kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL);
        }
        assert_eq!(known, [true, true]);
        assert!(!crate::hygiene::is_of_an_errand(std::process::id()));
    }

    #[test]
    fn what_it_leaves_running_does_not_keep_us() {
        let (ended, _) = sh("echo refused >&2; sleep 5 >/dev/null & exit 5", LONG);
        assert!(ended.unwrap_err().to_string().contains("refused"));
    }

    #[test]
    fn what_takes_too_long_is_ended_with_all_that_it_started() {
        let (ended, _) = sh("sleep 1000 & sleep 1000", Duration::from_secs(1));
        let told = ended.unwrap_err().to_string();
        assert!(told.contains("not done within 1 s"), "{told}");
    }
}

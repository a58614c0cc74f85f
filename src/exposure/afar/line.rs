//! The command that leads there, while it runs: [`Line`].

use std::io::{self, BufReader, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, setsid};

use super::SUBCOMMAND;
use super::wire::Ask;
use crate::hygiene::{helper_ended, helper_started};

/// How much of what the command complains about is kept, in bytes.
const COMPLAINT: usize = 4096;

/// The running command. It is ended when this is dropped, and what it runs there ends with its input.
pub(super) struct Line {
    child: Child,
    input: Option<ChildStdin>,
    pub(super) output: BufReader<ChildStdout>,
    complaints: Option<JoinHandle<Vec<u8>>>,
    watch: Option<Watch>,
}

/// Ends a command that is silent for too long. Dropping it calls it off.
struct Watch {
    limit: Duration,
    struck: Arc<AtomicBool>,
    _heard: mpsc::Sender<()>,
}

impl Line {
    /// Starts it. Where somebody's patience is limited, it cannot ask questions at our terminal either.
    pub(super) fn start(
        program: &str,
        arguments: &[String],
        patience: Option<Duration>,
    ) -> io::Result<Self> {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .arg(SUBCOMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if patience.is_some() {
            // SAFETY: between fork and exec nothing but this system call is made.
            unsafe { command.pre_exec(|| Ok(setsid().map(drop)?)) };
        }
        let mut child = command.spawn()?;
        // What passes through it is no product's.
        helper_started(child.id());
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let complaints = child.stderr.take().map(|errors| {
            // Read all the time, or the command would wait for us with a full pipe.
            std::thread::spawn(move || last_of(errors))
        });
        let output = output.ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self {
            watch: patience.map(|limit| Watch::over(child.id(), limit)),
            child,
            input,
            output: BufReader::with_capacity(1 << 20, output),
            complaints,
        })
    }

    /// Says something, with bytes behind it.
    pub(super) fn ask(&mut self, ask: &Ask, bytes: &[u8]) -> io::Result<()> {
        let input = self.input.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        ask.write(input)?;
        input.write_all(bytes)?;
        input.flush()
    }

    /// It has answered: what follows may take as long as it takes.
    pub(super) fn heard(&mut self) {
        if let Some(watch) = &self.watch
            && !watch.struck.load(Ordering::Relaxed)
        {
            self.watch = None;
        }
    }

    /// Asks it to end: it may have canaries to take away.
    fn end(&mut self) {
        // Once it has been waited for, its number may be another's.
        if let (Ok(None), Ok(pid)) = (self.child.try_wait(), i32::try_from(self.child.id())) {
            // It may have ended this moment.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
    }

    /// What went wrong, in the command's own words where it has some.
    pub(super) fn why(&mut self, error: &io::Error) -> String {
        self.input = None;
        if let Some(watch) = self.watch.take()
            && watch.struck.load(Ordering::Relaxed)
        {
            return format!("it did not answer within {} s", watch.limit.as_secs());
        }
        // It may hang, and has nothing more to say that we would wait for.
        let ended = self.child.try_wait().ok().flatten();
        self.end();
        let ended = ended.or_else(|| self.child.wait().ok());
        let said = self.complaints.take().and_then(|said| said.join().ok());
        let said = String::from_utf8_lossy(&said.unwrap_or_default()).into_owned();
        let last = said.lines().map(str::trim).rfind(|line| !line.is_empty());
        match (last, ended) {
            (Some(line), _) => line.chars().filter(|c| !c.is_control()).collect(),
            // Whether it ended before or after we asked is a matter of moments.
            (None, Some(status))
                if matches!(
                    error.kind(),
                    io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe
                ) =>
            {
                format!("it ended ({status}) without a word")
            }
            (None, _) => error.to_string(),
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // Its end tells the program there to stop and to take its canaries away.
        self.input = None;
        self.watch = None;
        self.end();
        // It may take its time to clean up.
        let _ = self.child.wait();
        helper_ended(self.child.id());
    }
}

impl Watch {
    fn over(pid: u32, limit: Duration) -> Self {
        let (heard, hears) = mpsc::channel::<()>();
        let struck = Arc::new(AtomicBool::new(false));
        let strikes = Arc::clone(&struck);
        // The child is waited for only after this watch is called off, so that its number stays its own.
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

fn last_of(mut errors: impl Read) -> Vec<u8> {
    let (mut kept, mut buffer) = (Vec::new(), [0; COMPLAINT]);
    while let Ok(length @ 1..) = errors.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..length]);
        kept.drain(..kept.len().saturating_sub(COMPLAINT));
    }
    kept
}

//! A process that holds some bytes in its memory: the canary for searches of processes. Main type: [`HelperProcess`].
//!
//! It is our own program, started with a hidden subcommand that calls [`helper_main`]. The bytes go through a pipe straight
//! into a page of their own. It lives until the pipe closes, so it ends with the scanner, however that ends. (A signal at
//! the parent's death would be sent at the end of the thread that started it, which may be a worker.)

use std::io::{self, Read, Write};
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};

use crate::hygiene::{helper_ended, helper_started};

/// What it says when it holds the bytes.
const READY: &[u8] = b"\nready\n";

/// A helper that runs. Ends when dropped.
#[derive(Debug)]
pub struct HelperProcess {
    child: Child,
    /// It lives for as long as this is open.
    input: Option<ChildStdin>,
}

/// A helper could not be started.
#[derive(Debug, thiserror::Error)]
pub enum HelperError {
    /// The program cannot be started.
    #[error("the helper process cannot be started")]
    Start(#[source] io::Error),
    /// It did not take the bytes.
    #[error("the helper process does not take what it is to hold")]
    Talk(#[source] io::Error),
}

impl HelperProcess {
    /// Starts `program` with `arguments`, which make it call [`helper_main`], and has it hold `bytes`. Returns when it does.
    ///
    /// # Errors
    ///
    /// If the program cannot be started or ends before it holds the bytes.
    pub fn start(program: &Path, arguments: &[&str], bytes: &[u8]) -> Result<Self, HelperError> {
        let mut command = Command::new(program);
        command.args(arguments);
        Self::start_command(command, bytes)
    }

    /// As [`Self::start`], for a command that is prepared.
    ///
    /// # Errors
    ///
    /// As for [`Self::start`].
    pub fn start_command(mut command: Command, bytes: &[u8]) -> Result<Self, HelperError> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(HelperError::Start)?;
        helper_started(child.id());
        let input = child.stdin.take();
        let output = child.stdout.take();
        let mut helper = Self { child, input };
        helper.hand_over(bytes).map_err(HelperError::Talk)?;
        match output {
            Some(output) => wait_for_ready(output).map_err(HelperError::Talk)?,
            None => return Err(HelperError::Talk(io::ErrorKind::BrokenPipe.into())),
        }
        Ok(helper)
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn hand_over(&mut self, bytes: &[u8]) -> io::Result<()> {
        let input = self.input.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        input.write_all(&(bytes.len() as u64).to_le_bytes())?;
        input.write_all(bytes)
    }
}

impl Drop for HelperProcess {
    fn drop(&mut self) {
        drop(self.input.take());
        // Should it not listen, it ends nevertheless; neither can fail in a way that matters here.
        let _ = self.child.kill();
        let _ = self.child.wait();
        helper_ended(self.child.id());
    }
}

/// Reads until it says that it is ready; whatever it says before is passed over.
fn wait_for_ready(mut output: impl Read) -> io::Result<()> {
    let mut said = Vec::new();
    while !said.ends_with(READY) {
        let mut byte = [0];
        output.read_exact(&mut byte)?;
        said.extend(byte);
    }
    Ok(())
}

/// The helper's side: takes the bytes from standard input, says so on standard output, and returns when standard input
/// closes. To be called before anything has read from standard input.
///
/// # Errors
///
/// If standard input ends early, or there is no memory.
pub fn helper_main() -> io::Result<()> {
    let (input, output) = (io::stdin(), io::stdout());
    let mut length = [0; 8];
    read_exact(&input, &mut length)?;
    let length = usize::try_from(u64::from_le_bytes(length)).map_err(io::Error::other)?;
    let size = NonZeroUsize::new(length).unwrap_or(NonZeroUsize::MIN);
    let rights = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: a new mapping, which lives until the process ends.
    let page = unsafe { mmap_anonymous(None, size, rights, MapFlags::MAP_PRIVATE) }?;
    // SAFETY: the mapping has at least this size, is zeroed, and is known to nobody else.
    let page = unsafe { std::slice::from_raw_parts_mut(page.as_ptr().cast::<u8>(), length) };
    read_exact(&input, page)?;
    let mut output = output.lock();
    output.write_all(READY)?;
    output.flush()?;
    // Nothing more is sent: this returns when the other side is gone.
    let mut end = [0];
    while read(&input, &mut end)? > 0 {}
    std::hint::black_box(&page);
    Ok(())
}

/// Reads without the library's buffer: that would hold a copy of the bytes.
fn read_exact(input: &impl AsFd, buffer: &mut [u8]) -> io::Result<()> {
    let mut done = 0;
    while done < buffer.len() {
        match read(input, &mut buffer[done..])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => done += count,
        }
    }
    Ok(())
}

fn read(input: &impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match nix::unistd::read(input.as_fd(), buffer) {
            Err(nix::errno::Errno::EINTR) => {}
            other => return Ok(other?),
        }
    }
}

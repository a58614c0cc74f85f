//! Processes: their memory, environment, command line, and the files that only they still hold.
//!
//! [`processes`] says which processes are meant by `pid:N`, `tree:N` and so on; [`works`] cuts one of them
//! into [`Work`]. Nothing is written to the process and, unless [`Options::stopped`] asks for it, it runs on: what it does
//! meanwhile is met by a second look at its mappings. Pages in swap are read back by the kernel, so swap counts as memory.
//!
//! Not searched, and nowhere told: what the kernel holds for a process (keyrings, data in sockets and pipes, registers).

pub mod core_dump;
mod data;
mod files;
pub mod lime;
mod maps;
mod memory;
mod pagemap;
mod select;
mod span;
mod stop;

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

pub use select::{KINDS, processes, with_descendants};

use crate::source::{Gap, GapKind, Place, Visitor, Work};

/// How a process is searched.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// Search a helper process of ours too: it holds the canary. Otherwise it is left out, as the scanner itself is.
    pub own_helpers: bool,
    /// Stop the process while it is searched: what it holds then is searched exactly, but a product whose threads stand
    /// still may miss its deadlines. It goes on when the last piece of work is done or dropped, and also if the scanner is
    /// killed. Where that is impossible, it is told, and the process is searched as it runs.
    pub stopped: bool,
}

/// A process that cannot be searched at all, or words that name none.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The words are not understood.
    #[error("'{written}': {why}")]
    Written {
        /// What the user wrote.
        written: String,
        /// What is wrong with it, and how to mend it.
        why: String,
    },
    /// There is no such process, or it has just ended.
    #[error("'{written}': there is no process {pid}, or it has just ended")]
    Gone {
        /// What the user wrote.
        written: String,
        /// Its number.
        pid: u32,
    },
    /// It has ended, but its parent has not asked for its exit status.
    #[error("'{written}': process {pid} has ended (it is a zombie) and has no memory any more")]
    Zombie {
        /// What the user wrote.
        written: String,
        /// Its number.
        pid: u32,
    },
    /// It is a thread of the kernel.
    #[error("'{written}': process {pid} is a thread of the kernel and has no memory of its own")]
    Kernel {
        /// What the user wrote.
        written: String,
        /// Its number.
        pid: u32,
    },
    /// Reading in `/proc` failed.
    #[error("'{written}': {path} cannot be read")]
    Proc {
        /// What the user wrote.
        written: String,
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Cuts the process `pid` into work: what it holds beside its memory first, then its memory, then the mappings that came
/// meanwhile. `written` is the source as the user wrote it, for [`Place::source`]; where that means several processes, the
/// caller adds which: `unit:vnfm (pid 12)`.
///
/// # Errors
///
/// Where there is nothing to search: the process is gone, a zombie, or a thread of the kernel. Lack of permission is no
/// error but a gap, as is a process that ends half-way. One that ended since [`processes`] named it is
/// [`ProcessError::Gone`] or [`ProcessError::Zombie`].
pub fn works<'s>(
    written: &str,
    pid: u32,
    options: &Options,
) -> Result<Box<dyn Iterator<Item = Work<'s>> + Send + 's>, ProcessError> {
    let process = Arc::new(Process::open(written, pid)?);
    if process.is_ours(options) {
        let work: Work<'s> = Box::new(move |visitor: &dyn Visitor| {
            let what = format!("process {}: the scanner itself", process.pid);
            process.tell(visitor, None, GapKind::ByRule, what, None);
        });
        return Ok(Box::new(std::iter::once(work)));
    }
    let stop = options.stopped.then(|| Arc::clone(&process));
    let stop = std::iter::once_with(move || stop.and_then(stop_now)).flatten();
    let files = files::works(Arc::clone(&process));
    let memory = memory::works(process).map(|work| -> Work<'s> { work });
    Ok(Box::new(stop.chain(files).chain(memory)))
}

/// Stops the process, when the search gets to it. Returns what to tell if that fails.
fn stop_now<'s>(process: Arc<Process>) -> Option<Work<'s>> {
    let error = match stop::Stopped::stop(process.path("task")) {
        Ok(stopped) => {
            // This is the only place that sets it.
            let _ = process.stopped.set(stopped);
            return None;
        }
        Err(error) => reason(&error),
    };
    let what = format!(
        "process {} runs while it is searched, it could not be stopped: {error}",
        process.pid
    );
    Some(Box::new(move |visitor: &dyn Visitor| {
        process.tell(visitor, None, GapKind::ByRule, what, None);
    }))
}

/// An address at which a process has memory that the process itself may read; nothing if its mappings cannot be read.
pub(crate) fn mapped_address(pid: u32) -> Option<u64> {
    let regions = maps::parse(&fs::read(format!("/proc/{pid}/maps")).ok()?).ok()?;
    let region = regions
        .iter()
        .find(|region| region.readable && region.kind() != maps::Kind::Device)?;
    Some(region.range.start)
}

/// An open process. Held by its folder, so that another one which gets its number later is not taken for it.
#[derive(Debug)]
struct Process {
    written: String,
    pid: u32,
    folder: File,
    /// Its memory, opened once: the kernel then keeps to the program that ran at that time.
    memory: OnceLock<Result<File, String>>,
    pagemap: OnceLock<Option<File>>,
    /// While it is to stand still.
    stopped: OnceLock<stop::Stopped>,
    /// Whether it was told that the process ended.
    ended: AtomicBool,
}

impl Process {
    fn open(written: &str, pid: u32) -> Result<Self, ProcessError> {
        let gone = || ProcessError::Gone {
            written: written.to_owned(),
            pid,
        };
        let unreadable = |path: PathBuf, source| ProcessError::Proc {
            written: written.to_owned(),
            path,
            source,
        };
        let path = PathBuf::from(format!("/proc/{pid}"));
        let folder = match File::open(&path) {
            Err(error) if is_gone(&error) => return Err(gone()),
            other => other.map_err(|error| unreadable(path, error))?,
        };
        let mut process = Self {
            written: written.to_owned(),
            pid,
            folder,
            memory: OnceLock::new(),
            pagemap: OnceLock::new(),
            stopped: OnceLock::new(),
            ended: AtomicBool::new(false),
        };
        let status = match fs::read(process.path("status")) {
            Err(error) if is_gone(&error) => return Err(gone()),
            other => other.map_err(|error| unreadable(process.path("status"), error))?,
        };
        let field = |name| status_field(&status, name);
        // The number of a thread names its process.
        process.pid = field("Tgid").and_then(|n| n.parse().ok()).unwrap_or(pid);
        if field("VmSize").is_some() {
            return Ok(process);
        }
        if !field("State").is_some_and(|state| state.starts_with(['Z', 'X'])) {
            let written = written.to_owned();
            return Err(ProcessError::Kernel { written, pid });
        }
        // The first thread may have ended and left others behind: then the memory lives on with them.
        process.folder = process
            .living_thread()
            .ok_or_else(|| ProcessError::Zombie {
                written: written.to_owned(),
                pid,
            })?;
        Ok(process)
    }

    fn living_thread(&self) -> Option<File> {
        fs::read_dir(self.path("task")).ok()?.find_map(|thread| {
            let path = thread.ok()?.path();
            let status = fs::read(path.join("status")).ok()?;
            status_field(&status, "VmSize")?;
            File::open(path).ok()
        })
    }

    /// Path of something of this very process.
    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{name}", self.folder.as_raw_fd()))
    }

    fn is_ours(&self, options: &Options) -> bool {
        self.pid == std::process::id()
            || (!options.own_helpers && crate::hygiene::own_pids().contains(&self.pid))
    }

    fn memory(&self) -> Result<&File, &str> {
        self.memory
            .get_or_init(|| File::open(self.path("mem")).map_err(|error| reason(&error)))
            .as_ref()
            .map_err(String::as_str)
    }

    fn pagemap(&self) -> Option<&File> {
        self.pagemap
            .get_or_init(|| File::open(self.path("pagemap")).ok())
            .as_ref()
    }

    fn maps(&self) -> io::Result<Vec<maps::Region>> {
        maps::parse(&fs::read(self.path("maps"))?)
    }

    fn place(&self, path: Option<String>, addresses: bool) -> Place {
        Place {
            source: self.written.clone(),
            path,
            inside: Vec::new(),
            addresses,
        }
    }

    fn tell(
        &self,
        visitor: &dyn Visitor,
        path: Option<String>,
        kind: GapKind,
        what: String,
        bytes: Option<u64>,
    ) {
        visitor.gap(&self.place(path, false), Gap { kind, what, bytes });
    }

    /// Tells, once, that the process ended before all of it was searched.
    fn tell_ended(&self, visitor: &dyn Visitor) {
        if !self.ended.swap(true, Ordering::Relaxed) {
            let what = format!(
                "process {} ended, or became another program, while it was searched",
                self.pid
            );
            self.tell(visitor, None, GapKind::Changed, what, None);
        }
    }
}

/// The value of a field in `/proc/N/status`.
fn status_field<'a>(status: &'a [u8], name: &str) -> Option<&'a str> {
    status
        .split(|byte| *byte == b'\n')
        .filter_map(|line| str::from_utf8(line).ok())
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .map(str::trim)
}

/// Whether an error means that the process is no more.
fn is_gone(error: &io::Error) -> bool {
    use nix::libc::{ENOENT, ESRCH};
    matches!(error.raw_os_error(), Some(ENOENT | ESRCH))
}

/// An error's text as the C library has it, without Rust's "(os error 13)".
fn reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => nix::errno::Errno::from_raw(number).desc().to_lowercase(),
        None => error.to_string(),
    }
}

/// A name for people: what is no UTF-8, and what would steer a terminal, is escaped.
fn printable(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() {
                text.extend(character.escape_default());
            } else {
                text.push(character);
            }
        }
        text.extend(chunk.invalid().escape_ascii().map(char::from));
    }
    text
}

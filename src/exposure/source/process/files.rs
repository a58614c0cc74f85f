//! What a process holds beside its memory: environment, command line, and files that have no name any more. [`works`].
//!
//! A file that was deleted but is still open (or never had a name: `O_TMPFILE`, `memfd_create`) can be reached through the
//! process only, so it is searched whole. Files that have a name are sources of their own. Sockets and pipes are not read:
//! that would take their data away.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use nix::errno::Errno;
use nix::libc::O_NONBLOCK;
use nix::unistd::{Whence, lseek};
use zeroize::Zeroizing;

use super::{Process, is_gone, printable, reason};
use crate::detector::{REACH, Window};
use crate::source::container::{self, Pass};
use crate::source::limits::Limits;
use crate::source::{GapKind, Place, Visitor, Work};

/// How much a window answers for, at most, in bytes.
const FRESH: usize = 1024 * 1024;
/// Names of open files that are told, at most.
const NAMES: usize = 8;

/// One piece of work for the environment and command line, one for each unlinked file, one to tell the rest.
pub(super) fn works<'s>(process: Arc<Process>) -> impl Iterator<Item = Work<'s>> + Send {
    let small = Arc::clone(&process);
    let first: Work<'s> = Box::new(move |visitor: &dyn Visitor| {
        for name in ["environ", "cmdline"] {
            search_small(&small, name, visitor);
        }
    });
    // The folder is read when the search gets here, not before.
    let rest = std::iter::once_with(move || descriptors(&process)).flatten();
    std::iter::once(first).chain(rest)
}

/// Searches a file of `/proc/N` that the kernel bounds.
fn search_small(process: &Process, name: &str, visitor: &dyn Visitor) {
    match fs::read(process.path(name)).map(Zeroizing::new) {
        Ok(bytes) if bytes.is_empty() => {}
        Ok(bytes) => visitor.window(
            &process.place(Some(name.to_owned()), false),
            &Window::whole(&bytes),
        ),
        Err(error) => tell(process, name.to_owned(), &error, visitor),
    }
}

fn tell(process: &Process, path: String, error: &io::Error, visitor: &dyn Visitor) {
    if is_gone(error) {
        process.tell_ended(visitor);
    } else {
        process.tell(
            visitor,
            Some(path),
            GapKind::Unreadable,
            reason(error),
            None,
        );
    }
}

/// Looks through the descriptors.
fn descriptors<'s>(process: &Arc<Process>) -> Vec<Work<'s>> {
    let mut works: Vec<Work<'s>> = Vec::new();
    let mut counts = Counts::default();
    let mut seen = HashSet::new();
    let folder = process.path("fd");
    let listed = fs::read_dir(&folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries = match listed {
        Ok(entries) => entries,
        Err(error) => {
            let process = Arc::clone(process);
            return vec![Box::new(move |visitor: &dyn Visitor| {
                tell(&process, "fd".to_owned(), &error, visitor);
            })];
        }
    };
    entries.extend(of_other_tables(process, &entries));
    for entry in entries {
        let path = entry.path();
        // One that was closed meanwhile is none.
        let (Ok(target), Ok(metadata)) = (fs::read_link(&path), fs::metadata(&path)) else {
            continue;
        };
        if !counts.count(&target, &metadata) && seen.insert((metadata.dev(), metadata.ino())) {
            let target = printable(target.as_os_str().as_bytes());
            let name = format!("fd {}: {target}", printable(entry.file_name().as_bytes()));
            let process = Arc::clone(process);
            works.push(Box::new(move |visitor| {
                if let Err(error) = search_file(&process, &path, &name, visitor) {
                    tell(&process, name, &error, visitor);
                }
            }));
        }
    }
    let process = Arc::clone(process);
    works.push(Box::new(move |visitor| {
        for what in counts.lines() {
            process.tell(visitor, None, GapKind::ByRule, what, None);
        }
    }));
    works
}

/// Descriptors of threads that have a table of their own (`unshare`): where one stands for what the first table has not.
fn of_other_tables(process: &Process, first: &[fs::DirEntry]) -> Vec<fs::DirEntry> {
    let target =
        |entry: &fs::DirEntry| Some((entry.file_name(), fs::read_link(entry.path()).ok()?));
    let mut known: HashSet<_> = first.iter().filter_map(target).collect();
    let threads = fs::read_dir(process.path("task"))
        .into_iter()
        .flatten()
        .flatten();
    threads
        // A thread that has ended meanwhile has none.
        .flat_map(|thread| {
            fs::read_dir(thread.path().join("fd"))
                .into_iter()
                .flatten()
                .flatten()
        })
        .filter(|entry| target(entry).is_some_and(|target| known.insert(target)))
        .collect()
}

/// Descriptors that are not searched.
#[derive(Default)]
struct Counts {
    named: usize,
    names: Vec<String>,
    sockets: usize,
    pipes: usize,
    devices: usize,
    others: usize,
}

impl Counts {
    /// Counts it, unless it is to be searched.
    fn count(&mut self, target: &Path, metadata: &fs::Metadata) -> bool {
        let kind = metadata.file_type();
        if kind.is_file() && metadata.nlink() == 0 {
            return false;
        }
        if kind.is_file() || kind.is_dir() {
            let name = printable(target.as_os_str().as_bytes());
            if kind.is_file() && !self.names.contains(&name) {
                self.named += 1;
                if self.names.len() < NAMES {
                    self.names.push(name);
                }
            }
        } else if kind.is_socket() {
            self.sockets += 1;
        } else if kind.is_fifo() {
            self.pipes += 1;
        } else if kind.is_char_device() || kind.is_block_device() {
            self.devices += 1;
        } else {
            self.others += 1;
        }
        true
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.named > 0 {
            let more = if self.named > self.names.len() {
                ", ..."
            } else {
                ""
            };
            lines.push(format!(
                "{} open files that have a name, to be given as sources of their own: {}{more}",
                self.named,
                self.names.join(", ")
            ));
        }
        let counted = [
            (self.sockets, "sockets"),
            (self.pipes, "pipes"),
            (self.devices, "devices"),
            (self.others, "descriptors without data of their own"),
        ];
        let counted: Vec<_> = counted
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        if !counted.is_empty() {
            lines.push(format!("open, but not read: {}", counted.join(", ")));
        }
        lines
    }
}

/// Searches a file through its descriptor, holes aside.
fn search_file(
    process: &Process,
    path: &Path,
    name: &str,
    visitor: &dyn Visitor,
) -> io::Result<()> {
    // Should the descriptor have become a pipe meanwhile, opening it must not wait.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(O_NONBLOCK)
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(());
    }
    let place = process.place(Some(name.to_owned()), false);
    let before = (metadata.len(), metadata.mtime(), metadata.mtime_nsec());
    let mut at = 0;
    while let Some((from, to)) = next_data(&file, at)? {
        search_range(&file, from, to, &place, visitor)?;
        at = to;
    }
    // A log that was packed and deleted.
    let limits = Limits::default();
    lseek(&file, 0, Whence::SeekSet)?;
    container::search_inside(&mut &file, &place, &Pass::new(visitor, &limits));
    let metadata = file.metadata()?;
    if before != (metadata.len(), metadata.mtime(), metadata.mtime_nsec()) {
        let what = "was written to while it was searched".to_owned();
        process.tell(visitor, place.path, GapKind::Changed, what, None);
    }
    Ok(())
}

/// The next stretch of data. Its ends are those of the file's blocks; beyond them are zeros.
fn next_data(file: &File, at: u64) -> io::Result<Option<(u64, u64)>> {
    let at = i64::try_from(at).map_err(io::Error::other)?;
    let from = match lseek(file, at, Whence::SeekData) {
        Err(Errno::ENXIO) => return Ok(None),
        // A file system that knows no holes.
        Err(Errno::EINVAL) => {
            let end = file.metadata()?.len();
            let at = at.cast_unsigned();
            return Ok((at < end).then_some((at, end)));
        }
        other => other?,
    };
    let to = lseek(file, from, Whence::SeekHole)?;
    Ok((from < to).then_some((from.cast_unsigned(), to.cast_unsigned())))
}

/// Searches `from..to`, with what lies around it.
fn search_range(
    file: &File,
    from: u64,
    to: u64,
    place: &Place,
    visitor: &dyn Visitor,
) -> io::Result<()> {
    let reach = REACH as u64;
    let room = usize::try_from(to - from).map_or(FRESH, |size| size.min(FRESH));
    let mut buffer = Zeroizing::new(vec![0; room + 2 * REACH]);
    let mut at = from;
    while at < to {
        let end = to.min(at + room as u64);
        let start = at.saturating_sub(reach);
        let before = (at - start) as usize;
        let wanted = before + (end - at) as usize + REACH;
        let read = read_full(file, &mut buffer[..wanted], start)?;
        let fresh = before..read.min(before + (end - at) as usize);
        if fresh.is_empty() {
            break;
        }
        visitor.window(
            place,
            &Window {
                bytes: &buffer[..read],
                fresh,
                offset: start,
                ahead: 0,
            },
        );
        at = end;
    }
    Ok(())
}

/// Reads until the buffer is full or the file ends.
fn read_full(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match file.read_at(&mut buffer[done..], at + done as u64) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

//! Folders: [`Folder`] walks as it is asked for work.

mod kernel;
#[cfg(test)]
mod tests;

use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, IntoIter, WalkDir};

use crate::source::file::{self, SPAN, Scope, Spans, Stamp, gap};
use crate::source::text::escaped;
use crate::source::{Gap, GapKind, Place, Visitor, Work};

/// Small files that are searched in one piece of work, and the bytes that they may have together.
const BATCH: usize = 64;
const BATCH_BYTES: u64 = 4 << 20;

/// All work of a folder and what is below it. Symbolic links are not followed, other file systems are entered.
pub(crate) struct Folder<'s> {
    walk: IntoIter,
    source: Place,
    scope: Scope<'s>,
    /// The folders that we are in, from the outermost.
    inside: Vec<Entered>,
    /// Those that we have left, to be looked at once more at the end: what moved from one not yet searched into one searched
    /// already was in neither.
    left: Vec<(PathBuf, Stamp)>,
    batch: Vec<Item>,
    batch_bytes: u64,
    large: Option<Spans<'s>>,
}

struct Entered {
    path: PathBuf,
    stamp: Stamp,
    device: u64,
    /// Whether its files are the kernel's inventions.
    kernels: bool,
}

enum Item {
    File(PathBuf),
    Gap(PathBuf, Gap),
}

impl<'s> Folder<'s> {
    pub(crate) fn new(path: &Path, source: Place, scope: Scope<'s>) -> Self {
        Self {
            walk: WalkDir::new(path).into_iter(),
            source,
            scope: Scope {
                follow: false,
                ..scope
            },
            inside: Vec::new(),
            left: Vec::new(),
            batch: Vec::new(),
            batch_bytes: 0,
            large: None,
        }
    }

    /// Deals with what the walk has met. What it yields goes into the batch or becomes the large file.
    fn meet(&mut self, entry: DirEntry) {
        self.leave(entry.depth());
        let met = match entry.metadata() {
            Ok(met) => met,
            Err(error) => return self.failed(error),
        };
        let kind = met.file_type();
        let path = entry.path();
        // The user named it: whatever it is called, it is a folder.
        if kind.is_dir() || entry.depth() == 0 {
            self.enter(entry, &met);
        } else if let Some(reason) = self.scope.rules.reason(&met, path) {
            let reason = reason.to_owned();
            self.tell(path, gap(GapKind::ByRule, reason));
        } else if kind.is_file() {
            self.file(entry.into_path(), &met);
        } else {
            let what = if kind.is_symlink() {
                "symbolic link, not followed"
            } else if kind.is_fifo() {
                "named pipe"
            } else if kind.is_socket() {
                "socket"
            } else {
                "device node"
            };
            self.tell(path, gap(GapKind::ByRule, what));
        }
    }

    fn enter(&mut self, entry: DirEntry, met: &Metadata) {
        let reason = self.scope.rules.reason(met, entry.path());
        if let Some(reason) = reason.filter(|_| entry.depth() > 0) {
            let reason = reason.to_owned();
            self.tell(entry.path(), gap(GapKind::ByRule, reason));
            return self.walk.skip_current_dir();
        }
        // The user named it, perhaps by a symbolic link.
        let met = match entry.depth() {
            0 => std::fs::metadata(entry.path()).unwrap_or_else(|_| met.clone()),
            _ => met.clone(),
        };
        let outer = self.inside.last();
        let kernels = match outer {
            Some(outer) if outer.device == met.dev() => outer.kernels,
            _ => kernel::invents(entry.path()),
        };
        if kernels && outer.is_some_and(|outer| outer.device != met.dev()) {
            let what =
                "file system that the kernel makes up; name it as a source to have it searched";
            self.tell(entry.path(), gap(GapKind::ByRule, what));
            return self.walk.skip_current_dir();
        }
        self.inside.push(Entered {
            stamp: Stamp::of(&met),
            device: met.dev(),
            kernels,
            path: entry.into_path(),
        });
    }

    /// Leaves the folders that the walk has left, now that it is at this depth.
    fn leave(&mut self, depth: usize) {
        while self.inside.len() > depth {
            let Some(left) = self.inside.pop() else {
                return;
            };
            // Those that the kernel makes up change with each process that comes.
            if left.kernels {
                continue;
            }
            match std::fs::symlink_metadata(&left.path) {
                Ok(met) if met.is_symlink() => {}
                met => match changed(&left.stamp, met) {
                    None => self.left.push((left.path, left.stamp)),
                    Some(gap) => self.tell(&left.path, gap),
                },
            }
        }
    }

    /// The last piece of work.
    fn look_again(&mut self) -> Option<Work<'s>> {
        let left = std::mem::take(&mut self.left);
        let source = self.source.clone();
        (!left.is_empty()).then(|| -> Work<'s> {
            Box::new(move |visitor| {
                for (path, stamp) in left {
                    if let Some(gap) = changed(&stamp, std::fs::symlink_metadata(&path)) {
                        visitor.gap(&place(&source, &path), gap);
                    }
                }
            })
        })
    }

    fn file(&mut self, path: PathBuf, met: &Metadata) {
        if met.len() <= SPAN {
            self.batch_bytes += met.len();
            return self.batch.push(Item::File(path));
        }
        if self.inside.last().is_some_and(|folder| folder.kernels) {
            let what = "memory of the kernel's; name it as a source to have it searched";
            return self.tell(&path, gap(GapKind::ByRule, what));
        }
        match file::open(&path, self.scope) {
            Ok((file, met)) => {
                let place = place(&self.source, &path);
                self.large = Some(Spans::of_file(file, &met, place, self.scope.limits));
            }
            Err(gap) => self.tell(&path, gap),
        }
    }

    fn failed(&mut self, error: walkdir::Error) {
        let path = error.path().map(Path::to_owned).unwrap_or_default();
        self.leave(error.depth());
        let error = io::Error::from(error);
        // The path is told as a path: walkdir's own message would repeat it.
        let gap = match error.get_ref().and_then(inner) {
            Some(error) => file::not_opened(error),
            None => file::not_opened(&error),
        };
        self.tell(&path, gap);
    }

    fn tell(&mut self, path: &Path, gap: Gap) {
        self.batch.push(Item::Gap(path.to_owned(), gap));
    }

    fn work(&mut self) -> Work<'s> {
        let items = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        let (source, scope) = (self.source.clone(), self.scope);
        Box::new(move |visitor| {
            for item in items {
                do_item(item, &source, scope, visitor);
            }
        })
    }
}

/// What is to be told of a folder that had this stamp.
fn changed(stamp: &Stamp, met: io::Result<Metadata>) -> Option<Gap> {
    match met {
        Ok(met) if Stamp::of(&met) == *stamp => None,
        Ok(_) => Some(gap(
            GapKind::Changed,
            "files came, went or were renamed in this folder while the source was searched",
        )),
        Err(_) => Some(gap(
            GapKind::Changed,
            "the folder vanished while the source was searched",
        )),
    }
}

/// The system's error in walkdir's.
fn inner<'e>(error: &'e (dyn std::error::Error + Send + Sync + 'static)) -> Option<&'e io::Error> {
    error.downcast_ref::<walkdir::Error>()?.io_error()
}

impl<'s> Iterator for Folder<'s> {
    type Item = Work<'s>;

    fn next(&mut self) -> Option<Work<'s>> {
        loop {
            if let Some(work) = self.large.as_mut().and_then(Iterator::next) {
                return Some(work);
            }
            self.large = None;
            if self.batch.len() >= BATCH || self.batch_bytes >= BATCH_BYTES {
                return Some(self.work());
            }
            match self.walk.next() {
                Some(Ok(entry)) => self.meet(entry),
                Some(Err(error)) => self.failed(error),
                None => {
                    self.leave(0);
                    if self.batch.is_empty() {
                        return self.look_again();
                    }
                    return Some(self.work());
                }
            }
        }
    }
}

fn do_item(item: Item, source: &Place, scope: Scope<'_>, visitor: &dyn Visitor) {
    match item {
        Item::File(path) => file::search(&path, &place(source, &path), scope, visitor),
        Item::Gap(path, gap) => visitor.gap(&place(source, &path), gap),
    }
}

fn place(source: &Place, path: &Path) -> Place {
    Place {
        path: Some(escaped(path.as_os_str().as_bytes())),
        ..source.clone()
    }
}

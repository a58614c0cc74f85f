//! Files: small ones in one piece of [`Work`], large ones in [`Spans`] that several threads search at once.

mod large;
mod stamp;
#[cfg(test)]
mod tests;

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::OFlag;

use crate::source::container::{self, Pass};
use crate::source::limits::{Limits, Rules};
use crate::source::patient::{Lost, Patient};
use crate::source::{Gap, GapKind, Place, Visitor};

pub(crate) use large::Spans;
pub(crate) use stamp::Stamp;

/// What one piece of work searches at most: long enough that its surroundings and its start cost nothing, short enough that
/// no thread is left alone with the last of them.
pub(crate) const SPAN: u64 = 32 << 20;

/// What every search of storage is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'s> {
    pub(crate) limits: &'s Limits,
    pub(crate) rules: &'s Rules,
    /// Whether a symbolic link is followed: only that which the user named.
    pub(crate) follow: bool,
}

/// Opens and searches a file of at most [`SPAN`], or without a size.
pub(crate) fn search(path: &Path, place: &Place, scope: Scope<'_>, visitor: &dyn Visitor) {
    match open(path, scope) {
        Ok((file, met)) => whole(&file, met, place, scope.limits, visitor),
        Err(gap) => visitor.gap(place, gap),
    }
}

/// Opens a regular file for reading; without waiting for anybody, and leaving its access time alone where that is allowed.
pub(crate) fn open(path: &Path, scope: Scope<'_>) -> Result<(File, Metadata), Gap> {
    let mut flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    if !scope.follow {
        flags |= OFlag::O_NOFOLLOW;
    }
    let open = |flags: OFlag| {
        OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits())
            .open(path)
    };
    let opened = match open(flags | OFlag::O_NOATIME) {
        // Not the owner.
        Err(error) if error.raw_os_error() == Some(nix::libc::EPERM) => open(flags),
        opened => opened,
    };
    let met = opened.and_then(|file| file.metadata().map(|met| (file, met)));
    let (file, met) = met.map_err(|error| not_opened(&error))?;
    if let Some(reason) = scope.rules.reason(&met, path) {
        return Err(gap(GapKind::ByRule, reason));
    }
    if !met.is_file() && !met.file_type().is_block_device() {
        return Err(gap(
            GapKind::Changed,
            "was replaced by something that is no file",
        ));
    }
    Ok((file, met))
}

/// Why something that was there a moment ago could not be opened.
pub(crate) fn not_opened(error: &io::Error) -> Gap {
    match error.kind() {
        ErrorKind::NotFound => gap(GapKind::Changed, "vanished before it was searched"),
        _ if error.raw_os_error() == Some(nix::libc::ELOOP) => {
            gap(GapKind::Changed, "was replaced by a symbolic link")
        }
        _ => gap(GapKind::Unreadable, error.to_string()),
    }
}

pub(crate) fn gap(kind: GapKind, what: impl Into<String>) -> Gap {
    Gap {
        kind,
        what: what.into(),
        bytes: None,
    }
}

/// Searches a file from beginning to end, and once more if it was written to meanwhile.
fn whole(file: &File, met: Metadata, place: &Place, limits: &Limits, visitor: &dyn Visitor) {
    if met.len() == 0 {
        return without_size(file, place, limits, visitor);
    }
    let mut before = Stamp::of(&met);
    let mut again = true;
    loop {
        // What comes in while we read is read along, but not for ever.
        let end = before.size.saturating_add(SPAN);
        let lost = Lost::default();
        let mut reader = Patient::new(file, 0..end, &lost);
        let length = match container::search(&mut reader, place, &Pass::new(visitor, limits)) {
            Ok(length) => length,
            Err(error) => return visitor.gap(place, gap(GapKind::Unreadable, error.to_string())),
        };
        let after = match file.metadata() {
            Ok(met) => Stamp::of(&met),
            Err(error) => return visitor.gap(place, gap(GapKind::Unreadable, error.to_string())),
        };
        if after != before && again {
            again = false;
            before = after;
            continue;
        }
        lost.tell(place, before.size, visitor);
        if after != before {
            visitor.gap(place, gap(GapKind::Changed, before.difference(&after)));
        } else if length < before.size && !lost.gave_up() {
            visitor.gap(place, short(length, before.size));
        }
        return;
    }
}

/// Fewer bytes came than the file has. That is how the files of `/sys` are (a page, whatever they hold).
fn short(length: u64, size: u64) -> Gap {
    Gap {
        kind: GapKind::Unreadable,
        what: format!("ends after {length} of {size} bytes"),
        bytes: Some(size - length),
    }
}

/// An empty file, or one of those that the kernel writes while they are read and gives no size.
fn without_size(file: &File, place: &Place, limits: &Limits, visitor: &dyn Visitor) {
    let bound = limits.unsized_bytes;
    let mut reader = file.take(bound);
    match container::search(&mut reader, place, &Pass::new(visitor, limits)) {
        Ok(length) if length == bound => visitor.gap(
            place,
            gap(
                GapKind::Bound,
                format!("has no size, and more than {bound} bytes"),
            ),
        ),
        Ok(_) => {}
        Err(error) => visitor.gap(place, gap(GapKind::Unreadable, error.to_string())),
    }
}

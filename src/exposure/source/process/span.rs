//! Searches a span of a process's memory: [`search`].

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::unix::fs::FileExt;

use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;
use zeroize::Zeroizing;

use super::data::{beyond_end, data};
use super::maps::Region;
use super::memory::addresses;
use super::pagemap::page_size;
use super::{Process, is_gone, reason};
use crate::detector::{REACH, Window};
use crate::source::{Gap, GapKind, Visitor};

/// How much a window answers for, at most, in bytes.
const FRESH: u64 = 1024 * 1024;
/// Pages that hold nothing are searched, as zeros, if there are fewer of them between others than this, in bytes.
const JOINED: u64 = REACH as u64;

/// Searches `span`, a part of `run`, and tells what of it could not be read.
pub(super) fn search(process: &Process, run: &[Region], span: &Range<u64>, visitor: &dyn Visitor) {
    // Checked before the first span was made.
    let Ok(memory) = process.memory() else {
        return;
    };
    let (Some(first), Some(last)) = (run.first(), run.last()) else {
        return;
    };
    let reach = REACH as u64;
    let scope = span.start.saturating_sub(reach).max(first.range.start)
        ..span.end.saturating_add(reach).min(last.range.end);
    // Never grows beyond this, so no copy of what was read is left behind unwiped.
    let room = (scope.end - scope.start).min(FRESH + 2 * reach);
    let mut view = View {
        pid: process.pid,
        memory,
        data: data(process, run, &scope),
        at: scope.start,
        buffer: Zeroizing::new(Vec::with_capacity(room as usize)),
        unread: Vec::new(),
    };
    for piece in pieces(&view.data, span) {
        let mut at = piece.start;
        while at < piece.end {
            let fresh = at..piece.end.min(at + FRESH);
            let whole = fresh.start.saturating_sub(reach).max(scope.start)
                ..fresh.end.saturating_add(reach).min(scope.end);
            if view.slide(&whole).is_err() {
                process.tell_ended(visitor);
                return;
            }
            show(process, run, &view, &fresh, visitor);
            at = fresh.end;
        }
    }
    tell_unread(process, &view.unread, span, visitor);
}

/// The process is no more.
struct Ended;

/// A stretch that could not be read, and why.
struct Unread {
    range: Range<u64>,
    why: String,
}

/// The bytes around the place that is being searched.
struct View<'p> {
    pid: u32,
    memory: &'p File,
    /// The pages that hold anything. All others are zeros.
    data: Vec<Range<u64>>,
    /// Address of the buffer's first byte.
    at: u64,
    /// Wiped at the end: the product's secrets may be in it.
    buffer: Zeroizing<Vec<u8>>,
    /// Ascending.
    unread: Vec<Unread>,
}

impl View<'_> {
    fn end(&self) -> u64 {
        self.at + self.buffer.len() as u64
    }

    /// Shows `whole`, which begins and ends no earlier than what was shown before; what was read already is kept.
    fn slide(&mut self, whole: &Range<u64>) -> Result<(), Ended> {
        let kept = whole.start.min(self.end())..self.end();
        let size = (whole.end - whole.start) as usize;
        let from = (kept.start - self.at) as usize;
        let kept = (kept.end - kept.start) as usize;
        self.buffer.copy_within(from.., 0);
        if self.buffer.len() < size {
            self.buffer.resize(size, 0);
        } else {
            self.buffer.truncate(size);
        }
        self.at = whole.start;
        let mut at = whole.start + kept as u64;
        while at < whole.end {
            let next = self.data.partition_point(|data| data.end <= at);
            let next = self.data.get(next).cloned();
            let start = next
                .as_ref()
                .map_or(whole.end, |data| data.start.clamp(at, whole.end));
            let end = next.map_or(whole.end, |data| data.end.min(whole.end));
            self.part(at..start).fill(0);
            self.read(start..end)?;
            at = end.max(start);
        }
        Ok(())
    }

    fn part(&mut self, range: Range<u64>) -> &mut [u8] {
        let range = (range.start - self.at) as usize..(range.end - self.at) as usize;
        &mut self.buffer[range]
    }

    fn read(&mut self, range: Range<u64>) -> Result<(), Ended> {
        if range.is_empty() {
            return Ok(());
        }
        let mut at = range.start + self.read_fast(range.clone()) as u64;
        if at > range.start
            && self
                .memory
                .read_at(&mut [0], range.start)
                .is_ok_and(|n| n == 0)
        {
            // What was read may be of another process, which has the number now.
            return Err(Ended);
        }
        let memory = self.memory;
        while at < range.end {
            let error = match memory.read_at(self.part(at..range.end), at) {
                // The kernel has no memory for this process any more.
                Ok(0) => return Err(Ended),
                Ok(read) => {
                    at += read as u64;
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if is_gone(&error) => return Err(Ended),
                Err(error) => error,
            };
            let page = page_size();
            let bad = at..range.end.min((at / page + 1) * page);
            at = bad.end;
            match self.unread.last_mut() {
                Some(last) if last.range.end == bad.start => last.range.end = bad.end,
                _ => self.unread.push(Unread {
                    range: bad,
                    why: reason(&error),
                }),
            }
        }
        Ok(())
    }

    /// Reads by number of the process: half as fast again as the file, as nothing is copied twice, but it keeps to the
    /// rights of the mappings. Returns how much it read.
    fn read_fast(&mut self, range: Range<u64>) -> usize {
        let pid = Pid::from_raw(self.pid.cast_signed());
        let remote = RemoteIoVec {
            base: range.start as usize,
            len: (range.end - range.start) as usize,
        };
        let part = IoSliceMut::new(self.part(range));
        process_vm_readv(pid, &mut [part], &[remote]).unwrap_or(0)
    }
}

/// The stretches of `span` that are worth a look: `data`, each with a page of nothing before it, in which something could
/// begin; joined where they are near.
fn pieces(data: &[Range<u64>], span: &Range<u64>) -> Vec<Range<u64>> {
    let page = page_size();
    let mut pieces: Vec<Range<u64>> = Vec::new();
    for data in data {
        let start = data.start.saturating_sub(page).max(span.start);
        let end = data.end.min(span.end);
        match pieces.last_mut() {
            Some(last) if start <= last.end.saturating_add(JOINED) => last.end = last.end.max(end),
            _ if start < end => pieces.push(start..end),
            _ => {}
        }
    }
    pieces
}

/// Hands out what is in view, by mapping, without what could not be read.
fn show(
    process: &Process,
    run: &[Region],
    view: &View<'_>,
    fresh: &Range<u64>,
    visitor: &dyn Visitor,
) {
    let first = run.partition_point(|region| region.range.end <= fresh.start);
    for region in &run[first..] {
        if region.range.start >= fresh.end {
            break;
        }
        let part = fresh.start.max(region.range.start)..fresh.end.min(region.range.end);
        let place = process.place(region.name.clone(), true);
        // Between one unread stretch and the next.
        let mut from = view.at;
        let unread = view.unread.iter().map(|unread| unread.range.clone());
        for hole in unread.chain(std::iter::once(view.end()..view.end())) {
            let whole = from.max(view.at)..hole.start.min(view.end());
            let fresh = part.start.max(whole.start)..part.end.min(whole.end);
            from = hole.end;
            if fresh.is_empty() {
                continue;
            }
            // No more surroundings than promised: this part may be a small one of a large view.
            let reach = REACH as u64;
            let whole = whole.start.max(fresh.start.saturating_sub(reach))
                ..whole.end.min(fresh.end.saturating_add(reach));
            let index = |address: u64| (address - view.at) as usize;
            let fresh_from = (fresh.start - whole.start) as usize;
            let window = Window {
                bytes: &view.buffer[index(whole.start)..index(whole.end)],
                fresh: fresh_from..fresh_from + (fresh.end - fresh.start) as usize,
                offset: whole.start,
                ahead: 0,
            };
            visitor.window(&place, &window);
        }
    }
}

/// Tells what could not be read, and what was no longer there to read.
fn tell_unread(process: &Process, unread: &[Unread], span: &Range<u64>, visitor: &dyn Visitor) {
    if unread.is_empty() {
        return;
    }
    let now = match process.maps() {
        Ok(now) if !now.is_empty() => now,
        _ => return process.tell_ended(visitor),
    };
    let mut unmapped = 0;
    for Unread { range, why } in unread {
        let range = range.start.max(span.start)..range.end.min(span.end);
        unmapped += range.end.saturating_sub(range.start);
        for region in &now {
            let part = range.start.max(region.range.start)..range.end.min(region.range.end);
            if part.is_empty() {
                continue;
            }
            let bytes = part.end - part.start;
            unmapped -= bytes;
            if beyond_end(process, region, &part) {
                continue;
            }
            let name = region.name.as_deref().unwrap_or("memory without a name");
            let gap = Gap {
                kind: GapKind::Unreadable,
                what: format!("{name}: {}: {why}", addresses(&part)),
                bytes: Some(bytes),
            };
            visitor.gap(&process.place(region.name.clone(), true), gap);
        }
    }
    if unmapped > 0 {
        let gap = Gap {
            kind: GapKind::ByRule,
            what: "was given back to the kernel before it was read; what came since is searched"
                .to_owned(),
            bytes: Some(unmapped),
        };
        visitor.gap(&process.place(None, true), gap);
    }
}

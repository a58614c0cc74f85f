//! A large file or a device: several threads search a [`Span`](SPAN) each; who is the last looks whether it stayed the same.

use std::fs::{File, Metadata};
use std::io::Read;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::detector::REACH;
use crate::source::container::{self, Pass};
use crate::source::file::{SPAN, Stamp, gap, short};
use crate::source::limits::Limits;
use crate::source::map;
use crate::source::patient::{Lost, Mappable, Patient, ReadAt};
use crate::source::sparse::Extents;
use crate::source::windows::{Windows, mapped};
use crate::source::{GapKind, Place, Visitor, Work};

/// How much of a file's beginning and end is looked at to tell whether it is text.
const SAMPLE: u64 = 16 * 1024;

/// The pieces of work that search one file. They are cut as they are asked for.
pub(crate) struct Spans<'s> {
    /// Shared with the work that is under way; the last piece of work takes it along.
    subject: Option<Arc<Subject<'s>>>,
    extents: Extents,
    extent: Range<u64>,
    next: Option<Piece>,
}

#[derive(Debug)]
enum Piece {
    Span(Range<u64>),
    Containers,
}

struct Subject<'s> {
    bytes: Box<dyn ReadAt>,
    place: Place,
    size: u64,
    /// Devices have none: they change all the time, and tell nobody.
    stamp: Option<Stamp>,
    limits: &'s Limits,
    lost: Lost,
    /// Where reading ended too early.
    ended: AtomicU64,
}

impl<'s> Spans<'s> {
    /// Those of a regular file.
    pub(crate) fn of_file(file: File, met: &Metadata, place: Place, limits: &'s Limits) -> Self {
        let stamp = Stamp::of(met);
        let bytes: Box<dyn ReadAt> = if map::may(&file, met) {
            Box::new(Mappable(file))
        } else {
            Box::new(file)
        };
        Self::new(
            bytes,
            stamp.size,
            Some(stamp),
            Extents::of(met),
            place,
            limits,
        )
    }

    /// Those of a device of so many bytes.
    pub(crate) fn of_device(
        bytes: Box<dyn ReadAt>,
        size: u64,
        place: Place,
        limits: &'s Limits,
    ) -> Self {
        Self::new(
            bytes,
            size,
            None,
            Extents::Whole(Some(0..size)),
            place,
            limits,
        )
    }

    fn new(
        bytes: Box<dyn ReadAt>,
        size: u64,
        stamp: Option<Stamp>,
        extents: Extents,
        place: Place,
        limits: &'s Limits,
    ) -> Self {
        let subject = Subject {
            bytes,
            place,
            size,
            stamp,
            limits,
            lost: Lost::default(),
            ended: AtomicU64::new(u64::MAX),
        };
        let contains = subject.is_container();
        let mut spans = Self {
            subject: Some(Arc::new(subject)),
            extents,
            extent: 0..0,
            next: None,
        };
        // What is packed takes longest to search, so it comes first.
        spans.next = if contains {
            Some(Piece::Containers)
        } else {
            spans.cut()
        };
        spans
    }

    fn cut(&mut self) -> Option<Piece> {
        if self.extent.is_empty() {
            let subject = self.subject.as_ref()?;
            self.extent = self.extents.next(&*subject.bytes)?;
        }
        let end = self.extent.end.min(self.extent.start + SPAN);
        let span = self.extent.start..end;
        self.extent.start = end;
        Some(Piece::Span(span))
    }
}

impl<'s> Iterator for Spans<'s> {
    type Item = Work<'s>;

    fn next(&mut self) -> Option<Work<'s>> {
        let piece = self.next.take()?;
        self.next = self.cut();
        let subject = match self.next {
            Some(_) => self.subject.clone()?,
            None => self.subject.take()?,
        };
        Some(Box::new(move |visitor| {
            match piece {
                Piece::Span(fresh) => subject.search(fresh, subject.size, visitor),
                Piece::Containers => subject.open_containers(visitor),
            }
            if let Some(subject) = Arc::into_inner(subject) {
                subject.close(visitor);
            }
        }))
    }
}

impl Subject<'_> {
    fn is_container(&self) -> bool {
        let lost = Lost::default();
        let mut start = Vec::new();
        Patient::new(&*self.bytes, 0..container::SNIFFED as u64, &lost)
            .read_to_end(&mut start)
            .is_ok_and(|_| container::Kind::of(&start).is_some())
    }

    fn search(&self, fresh: Range<u64>, size: u64, visitor: &dyn Visitor) {
        let reach = REACH as u64;
        let start = fresh.start.saturating_sub(reach);
        let end = fresh.end.saturating_add(reach).min(size);
        let Some(fresh) = self.search_mapped(start..end, fresh, visitor) else {
            return;
        };
        let start = fresh.start.saturating_sub(reach);
        let reader = Patient::new(&*self.bytes, start..end, &self.lost);
        let windows = Windows::part(reader, &self.place, visitor, start, fresh);
        match windows.finish() {
            Ok(length) if length < end => {
                self.ended.fetch_min(length, Ordering::Relaxed);
            }
            Ok(_) => {}
            Err(error) => visitor.gap(&self.place, gap(GapKind::Unreadable, error.to_string())),
        }
    }

    /// Searches a span in memory, if it can be had so. Returns what is left to be read: where a page cannot be had, reading says
    /// why, and how much of it.
    fn search_mapped(
        &self,
        whole: Range<u64>,
        fresh: Range<u64>,
        visitor: &dyn Visitor,
    ) -> Option<Range<u64>> {
        let Some(map) = self.bytes.map(whole.clone()) else {
            return Some(fresh);
        };
        let came = mapped::search(&map, whole, fresh.clone(), &self.place, visitor);
        if let Some(missing) = came.missing {
            self.ended.fetch_min(missing.at, Ordering::Relaxed);
        }
        (came.to < fresh.end).then_some(came.to..fresh.end)
    }

    fn open_containers(&self, visitor: &dyn Visitor) {
        let reader = &mut Patient::new(&*self.bytes, 0..self.size, &self.lost);
        container::search_inside(reader, &self.place, &Pass::new(visitor, self.limits));
    }

    fn close(self, visitor: &dyn Visitor) {
        self.lost.tell(&self.place, self.size, visitor);
        let tell = |gap| visitor.gap(&self.place, gap);
        let ended = self.ended.load(Ordering::Relaxed);
        let Some(before) = self.stamp else {
            if ended < self.size && !self.lost.gave_up() {
                tell(short(ended, self.size));
            }
            return;
        };
        match self.bytes.stamp().map(|stamp| stamp.unwrap_or(before)) {
            Err(error) => tell(gap(GapKind::Unreadable, error.to_string())),
            Ok(after) if after == before => {
                if ended < self.size && !self.lost.gave_up() {
                    tell(short(ended, self.size));
                }
            }
            Ok(after) if after.size > self.size && ended >= self.size && self.is_text() => {
                // A log: what came in since is searched as well, what comes in now is another day's.
                let fresh = self.size.saturating_sub(REACH as u64)..after.size;
                self.search(fresh, after.size, visitor);
            }
            Ok(after) => tell(gap(GapKind::Changed, before.difference(&after))),
        }
    }

    /// Whether this looks like a text, so that growing means that lines were added. Databases grow too, but they also change
    /// what they had.
    fn is_text(&self) -> bool {
        let lost = Lost::default();
        let ends = [0..SAMPLE, self.size.saturating_sub(SAMPLE)..self.size];
        ends.into_iter().all(|range| {
            let mut sample = Vec::new();
            let read = Patient::new(&*self.bytes, range, &lost).read_to_end(&mut sample);
            read.is_ok() && !sample.iter().any(|byte| matches!(byte, 0..=6 | 14..=26))
        })
    }
}

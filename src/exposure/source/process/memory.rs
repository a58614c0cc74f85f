//! The memory of a process, cut into work: [`works`].
//!
//! Mappings that touch one another are one run, so that nothing is missed at their border. A run is cut into spans as it is
//! walked; pages that hold nothing are left out on the way.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::data::{first_data, is_partly_unseen};
use super::maps::{Kind, Region};
use super::pagemap::page_size;
use super::{Process, is_gone, reason, span};
use crate::detector::REACH;
use crate::source::{Gap, GapKind, Visitor, Work};

/// How much one piece of work searches, in bytes.
const SPAN: u64 = 32 * 1024 * 1024;

/// Mappings without a break between them, ascending.
pub(super) type Run = Arc<[Region]>;

/// All work there is, the second look included: what was mapped since the first is searched at the end.
pub(super) fn works(process: Arc<Process>) -> impl Iterator<Item = Work<'static>> + Send {
    Memory {
        looks: Arc::new(Looks {
            process,
            seen: OnceLock::new(),
            unfinished: AtomicUsize::new(1),
        }),
        begun: false,
        ended: false,
        told: VecDeque::new(),
        todo: Todo::new(),
    }
}

/// What is left to search: addresses in a run.
type Todo = VecDeque<(Run, Range<u64>)>;

struct Memory {
    looks: Arc<Looks>,
    begun: bool,
    ended: bool,
    /// What is to be told: where, and what.
    told: VecDeque<(Option<String>, Gap)>,
    todo: Todo,
}

impl Iterator for Memory {
    type Item = Work<'static>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        if !self.begun {
            self.begun = true;
            if let Some(work) = self.first_look() {
                self.ended = true;
                return Some(work);
            }
        }
        let looks = Arc::clone(&self.looks);
        if let Some((path, gap)) = self.told.pop_front() {
            return Some(Box::new(move |visitor| {
                visitor.gap(&looks.process.place(path, true), gap);
            }));
        }
        if let Some((run, span)) = next_span(&looks.process, &mut self.todo) {
            looks.unfinished.fetch_add(1, Ordering::Relaxed);
            return Some(Box::new(move |visitor| {
                span::search(&looks.process, &run, &span, visitor);
                if looks.is_last() {
                    looks.second_look(visitor);
                }
            }));
        }
        self.ended = true;
        looks
            .is_last()
            .then(|| -> Work<'static> { Box::new(move |visitor| looks.second_look(visitor)) })
    }
}

impl Memory {
    /// Plans the search of all there is. Returns what to tell if there can be none.
    fn first_look(&mut self) -> Option<Work<'static>> {
        let process = Arc::clone(&self.looks.process);
        let ended = |process: Arc<Process>| -> Work<'static> {
            Box::new(move |visitor| process.tell_ended(visitor))
        };
        let refused = |reason: &str, process: Arc<Process>| -> Work<'static> {
            let what = format!("memory of process {}: {reason}", process.pid);
            Box::new(move |visitor| process.tell(visitor, None, GapKind::Unreadable, what, None))
        };
        let regions = match process.maps() {
            Ok(regions) => regions,
            Err(error) if is_gone(&error) => return Some(ended(process)),
            Err(error) => return Some(refused(&reason(&error), process)),
        };
        // A living process has mappings: it ended since it was opened.
        if regions.is_empty() {
            return Some(ended(process));
        }
        if let Err(error) = process.memory() {
            let error = error.to_owned();
            return Some(refused(&error, process));
        }
        self.told
            .extend(regions.iter().filter_map(|region| told(&process, region)));
        let seen = regions.iter().map(|region| region.range.clone()).collect();
        // Set once, as this is called once.
        let _ = self.looks.seen.set(seen);
        for run in runs(regions) {
            let whole = run_range(&run);
            self.todo.push_back((run, whole));
        }
        None
    }
}

/// Whoever finishes last, be it the planning or a piece of work, takes the second look: before, something could still
/// move to where it has been searched already.
struct Looks {
    process: Arc<Process>,
    /// Addresses that were mapped at the first look, ascending.
    seen: OnceLock<Vec<Range<u64>>>,
    unfinished: AtomicUsize,
}

impl Looks {
    /// Counts the caller as finished.
    fn is_last(&self) -> bool {
        self.unfinished.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Searches what was mapped since. A process that has ended since has nothing more to search: whoever was not through
    /// with it has told.
    fn second_look(&self, visitor: &dyn Visitor) {
        let (Some(seen), Ok(regions)) = (self.seen.get(), self.process.maps()) else {
            return;
        };
        let reach = REACH as u64;
        let mut todo = Todo::new();
        for run in runs(regions) {
            let whole = run_range(&run);
            for region in run.iter() {
                for new in without(&region.range, seen) {
                    let start = new.start.saturating_sub(reach).max(whole.start);
                    let end = new.end.saturating_add(reach).min(whole.end);
                    todo.push_back((Arc::clone(&run), start..end));
                }
            }
        }
        while let Some((run, span)) = next_span(&self.process, &mut todo) {
            span::search(&self.process, &run, &span, visitor);
        }
    }
}

/// Joins what touches. Mappings that are not searched part the runs.
fn runs(regions: Vec<Region>) -> Vec<Run> {
    let regions: Vec<Region> = regions
        .into_iter()
        .filter(|region| matches!(region.kind(), Kind::Anonymous | Kind::Backed))
        .collect();
    regions
        .chunk_by(|a, b| a.range.end == b.range.start)
        .map(Run::from)
        .collect()
}

fn run_range(run: &[Region]) -> Range<u64> {
    let start = run.first().map_or(0, |region| region.range.start);
    start..run.last().map_or(start, |region| region.range.end)
}

/// What is to be told of a mapping that is not, or not wholly, searched.
fn told(process: &Process, region: &Region) -> Option<(Option<String>, Gap)> {
    let (kind, why) = match region.kind() {
        Kind::Kernel => (
            GapKind::ByRule,
            "data of the kernel, the same for everybody",
        ),
        Kind::Device => (
            GapKind::Unreadable,
            "memory of a device, not read lest that disturbs it",
        ),
        Kind::Backed if is_partly_unseen(process, region) => (
            GapKind::Unreadable,
            "shared memory: pages that this process has not touched are read by root only",
        ),
        Kind::Anonymous | Kind::Backed => return None,
    };
    let gap = Gap {
        kind,
        what: format!("{}: {why}", addresses(&region.range)),
        // Some of a partly unseen region is seen.
        bytes: (region.kind() != Kind::Backed).then(|| region.size()),
    };
    Some((region.name.clone(), gap))
}

/// A range of addresses for people.
pub(super) fn addresses(range: &Range<u64>) -> String {
    format!("{:#x}-{:#x}", range.start, range.end)
}

/// Takes the next span in which there is anything, with a page of nothing before it.
fn next_span(process: &Process, todo: &mut Todo) -> Option<(Run, Range<u64>)> {
    while let Some((run, wanted)) = todo.pop_front() {
        let Some(first) = first_data(process, &run, wanted.start) else {
            continue;
        };
        let start = first.saturating_sub(page_size()).max(wanted.start);
        let end = wanted.end.min(start.saturating_add(SPAN));
        if start >= end {
            continue;
        }
        if end < wanted.end {
            todo.push_front((Arc::clone(&run), end..wanted.end));
        }
        return Some((run, start..end));
    }
    None
}

/// The parts of `range` that are in none of `seen`, which is ascending.
fn without(range: &Range<u64>, seen: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut parts = Vec::new();
    let mut at = range.start;
    for old in seen.iter().filter(|old| old.end > range.start) {
        if old.start >= range.end {
            break;
        }
        if at < old.start {
            parts.push(at..old.start);
        }
        at = at.max(old.end);
    }
    if at < range.end {
        parts.push(at..range.end);
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Compared with a set of numbers.
        #[test]
        fn what_is_new_is_what_was_not_seen(
            range in (0..60_u64, 1..30_u64),
            seen in proptest::collection::vec((1..9_u64, 1..9_u64), 0..8),
        ) {
            let range = range.0..range.0 + range.1;
            let mut at = 0;
            let seen: Vec<_> = seen.into_iter().map(|(gap, size)| {
                let start = at + gap - 1;
                at = start + size;
                start..at
            }).collect();
            let new = without(&range, &seen);
            for number in 0..100 {
                let expected = range.contains(&number) && !seen.iter().any(|r| r.contains(&number));
                prop_assert_eq!(new.iter().filter(|r| r.contains(&number)).count(), usize::from(expected));
            }
        }
    }
}

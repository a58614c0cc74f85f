//! What the tests of sources share: a visitor that checks the contract of windows, and remembers.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Mutex;

use crate::detector::{REACH, Window};
use crate::source::limits::{Limits, Rules};
use crate::source::path::works;
use crate::source::{Gap, GapKind, Place, Visitor, Work};

/// Looks for a needle, and keeps who answered for what.
pub(crate) struct Seen {
    needle: Vec<u8>,
    found: Mutex<Vec<(Place, u64)>>,
    gaps: Mutex<Vec<(Place, Gap)>>,
    fresh: Mutex<HashMap<Place, Vec<Range<u64>>>>,
    /// Where windows ended that had too little behind what they answered for.
    short: Mutex<Vec<(Place, u64)>>,
}

impl Seen {
    pub(crate) fn new(needle: &[u8]) -> Self {
        Self {
            needle: needle.to_vec(),
            found: Mutex::default(),
            gaps: Mutex::default(),
            fresh: Mutex::default(),
            short: Mutex::default(),
        }
    }

    /// Does the work of a path, on two threads.
    pub(crate) fn of_path(needle: &[u8], path: &std::path::Path, limits: &Limits) -> Self {
        Self::of_path_with(needle, path, limits, &Rules::default())
    }

    pub(crate) fn of_path_with(
        needle: &[u8],
        path: &std::path::Path,
        limits: &Limits,
        rules: &Rules,
    ) -> Self {
        let seen = Self::new(needle);
        let works = works(&path.display().to_string(), path, limits, rules).unwrap();
        seen.do_all(works);
        seen
    }

    pub(crate) fn do_all<'s>(&self, works: impl Iterator<Item = Work<'s>> + Send) {
        let works = Mutex::new(works);
        let next = || works.lock().unwrap().next();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while let Some(work) = next() {
                        work(self);
                    }
                });
            }
        });
    }

    /// Where it was found, as `path | inside | inside @ offset`, in order and without doubles.
    pub(crate) fn found(&self) -> Vec<String> {
        let found = self.found.lock().unwrap();
        let mut found: Vec<String> = found
            .iter()
            .map(|(place, at)| format!("{} @ {at}", name(place)))
            .collect();
        found.sort();
        found.dedup();
        found
    }

    /// Gaps as `path | inside: kind: what`, in order.
    pub(crate) fn gaps(&self) -> Vec<String> {
        let gaps = self.gaps.lock().unwrap();
        let mut gaps: Vec<String> = gaps
            .iter()
            .map(|(place, gap)| format!("{}: {:?}: {}", name(place), gap.kind, gap.what))
            .collect();
        gaps.sort();
        gaps
    }

    pub(crate) fn gap_kinds(&self) -> Vec<GapKind> {
        let gaps = self.gaps.lock().unwrap();
        gaps.iter().map(|(_, gap)| gap.kind).collect()
    }

    /// Bytes that were lost, as the gaps count them.
    pub(crate) fn lost(&self) -> u64 {
        let gaps = self.gaps.lock().unwrap();
        gaps.iter().filter_map(|(_, gap)| gap.bytes).sum()
    }

    /// Fresh ranges of a place, in order. None of them overlap.
    pub(crate) fn fresh(&self, inside: &[&str]) -> Vec<Range<u64>> {
        let fresh = self.fresh.lock().unwrap();
        let mut ranges: Vec<Range<u64>> = fresh
            .iter()
            .filter(|(place, _)| place.inside == inside)
            .flat_map(|(_, ranges)| ranges.clone())
            .collect();
        ranges.sort_by_key(|range| range.start);
        for pair in ranges.windows(2) {
            assert!(pair[0].end <= pair[1].start, "{pair:?} both answered for");
        }
        ranges
    }

    /// Length of a stream that was answered for from its beginning without a break.
    pub(crate) fn tiled(&self, inside: &[&str]) -> u64 {
        let mut end = 0;
        for range in self.fresh(inside) {
            assert_eq!(range.start, end, "nobody answered for what lies between");
            end = range.end;
        }
        let short = self.short.lock().unwrap();
        for (_, short) in short.iter().filter(|(place, _)| place.inside == inside) {
            assert_eq!(*short, end, "surroundings are missing behind a window");
        }
        end
    }
}

fn name(place: &Place) -> String {
    let path = place.path.as_deref().unwrap_or(&place.source);
    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
    [vec![name], place.inside.clone()].concat().join(" | ")
}

impl Visitor for Seen {
    fn window(&self, place: &Place, window: &Window<'_>) {
        let Window {
            bytes,
            fresh,
            offset,
            ..
        } = window;
        assert!(!fresh.is_empty() && fresh.end <= bytes.len());
        assert!(
            fresh.start >= REACH || *offset == 0,
            "surroundings are missing in front of {fresh:?}"
        );
        let range = offset + fresh.start as u64..offset + fresh.end as u64;
        self.fresh
            .lock()
            .unwrap()
            .entry(place.clone())
            .or_default()
            .push(range);
        if bytes.len() - fresh.end < REACH {
            let end = offset + bytes.len() as u64;
            self.short.lock().unwrap().push((place.clone(), end));
        }
        if self.needle.is_empty() {
            return;
        }
        let end = bytes.len().min(fresh.end + self.needle.len() - 1);
        let mut from = fresh.start;
        // `memchr` by hand: most windows do not have the needle's first byte often.
        while let Some(at) = bytes[from..end]
            .iter()
            .position(|byte| *byte == self.needle[0])
        {
            from += at;
            if bytes[from..end].starts_with(&self.needle) {
                let at = offset + from as u64;
                self.found.lock().unwrap().push((place.clone(), at));
            }
            from += 1;
        }
    }

    fn gap(&self, place: &Place, gap: Gap) {
        self.gaps.lock().unwrap().push((place.clone(), gap));
    }
}

/// Bytes that look like nothing, the same for the same seed.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

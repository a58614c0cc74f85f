//! A search in progress: sources hand windows to [`Findings`], which asks every detector and keeps what is seen.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use rayon::iter::{ParallelBridge as _, ParallelIterator as _};

use crate::answer::{GapAt, Sealed, Searched};
use crate::detector::{Detector, SealedKey, Sighting, Whose, Window};
use crate::source::{Gap, GapKind, Place, Visitor, Work};

/// How many sightings are kept; the rest is counted. A disk full of copies must not fill our memory.
const KEPT: usize = 10_000;
/// How many of each target are kept in any case: one decides the answer, whatever else lies about.
const KEPT_OF_EACH: u32 = 100;
/// How many gaps are kept of one kind in one source.
const GAPS: usize = 10_000;

/// Threads to search with.
pub struct Threads(rayon::ThreadPool);

impl Threads {
    /// So many threads; as many as there are cores if `None`.
    ///
    /// # Errors
    ///
    /// If the system gives no thread.
    pub fn new(number: Option<usize>) -> Result<Self, rayon::ThreadPoolBuildError> {
        let builder = rayon::ThreadPoolBuilder::new().num_threads(number.unwrap_or(0));
        Ok(Self(builder.build()?))
    }

    /// Does all the work.
    pub fn run<'s>(&self, works: impl Iterator<Item = Work<'s>> + Send, visitor: &dyn Visitor) {
        self.0
            .install(|| works.par_bridge().for_each(|work| work(visitor)));
    }
}

/// A sighting and its place.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Where.
    pub place: Place,
    /// What.
    pub sighting: Sighting,
    /// When.
    pub time: Timestamp,
}

/// Keeps what detectors see, and what they could not be shown.
pub struct Findings<'d> {
    detectors: &'d [Box<dyn Detector>],
    deadline: Option<Instant>,
    kept: Mutex<Kept>,
}

/// What was kept.
#[derive(Default)]
pub struct Kept {
    /// What was seen, in no order: at most 10,000, and some of each target in any case.
    pub seen: Vec<Seen>,
    /// How much was seen in all.
    pub in_all: u64,
    /// Encrypted keys that stayed closed.
    pub sealed: BTreeSet<Sealed>,
    /// What was not searched.
    pub gaps: BTreeSet<GapAt>,
    /// How many gaps more there were, by source and kind.
    pub more_gaps: BTreeMap<(String, GapKind), u64>,
    tallies: BTreeMap<String, Tally>,
    /// How many sightings of each target were kept.
    of_each: HashMap<usize, u32>,
    known: HashSet<(Place, Sighting)>,
}

#[derive(Default)]
struct Tally {
    /// Digests of the places, so that many files do not cost much.
    places: HashSet<u64>,
    bytes: u64,
}

impl<'d> Findings<'d> {
    /// Nothing found yet. What comes after the deadline is told, not searched.
    pub fn new(detectors: &'d [Box<dyn Detector>], deadline: Option<Instant>) -> Self {
        Self {
            detectors,
            deadline,
            kept: Mutex::default(),
        }
    }

    /// What was found.
    pub fn kept(self) -> Kept {
        self.kept
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Key material in the names of a file and of the members around the place.
    fn in_name(&self, place: &Place) -> Vec<Sighting> {
        let mut seen = Vec::new();
        for name in place.path.iter().chain(&place.inside) {
            let window = Window::whole(name.as_bytes());
            for detector in self.detectors {
                detector.search(&window, &mut |sighting| seen.push(sighting));
            }
        }
        seen
    }

    fn is_late(&self) -> bool {
        self.deadline
            .is_some_and(|deadline| Instant::now() >= deadline)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // A detector that panicked on one window leaves the others' findings as they are.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Visitor for Findings<'_> {
    fn window(&self, place: &Place, window: &Window<'_>) {
        if self.is_late() {
            let gap = Gap {
                kind: GapKind::Bound,
                what: "the time limit was reached".to_owned(),
                bytes: Some(window.fresh.len() as u64),
            };
            return self.gap(place, gap);
        }
        let (mut seen, mut sealed) = (Vec::new(), Vec::new());
        for detector in self.detectors {
            detector.search_and_tell(window, &mut |sighting| seen.push(sighting), &mut |key| {
                sealed.push(key)
            });
        }
        let is_new = self
            .lock()
            .take(place, window.fresh.len() as u64, seen, sealed);
        if is_new {
            let seen = self.in_name(place);
            if !seen.is_empty() {
                let mut name = place.clone();
                name.inside.push("name".to_owned());
                self.lock().take(&name, 0, seen, Vec::new());
            }
        }
    }

    fn gap(&self, place: &Place, gap: Gap) {
        self.lock().gap(place, gap);
    }

    fn is_done(&self) -> bool {
        self.is_late()
    }
}

impl Kept {
    /// Whether this is the first of the place.
    fn take(
        &mut self,
        place: &Place,
        bytes: u64,
        seen: Vec<Sighting>,
        sealed: Vec<SealedKey>,
    ) -> bool {
        let tally = self.tallies.entry(place.source.clone()).or_default();
        let is_new = tally.places.insert(digest(place));
        tally.bytes += bytes;
        let sealed = sealed.into_iter().map(|key| Sealed {
            place: place.clone(),
            at: key.at,
            what: key.what.into_owned(),
            why: key.why.into_owned(),
        });
        // Beyond so many, one more tells nothing new.
        self.sealed
            .extend(sealed.take(KEPT.saturating_sub(self.sealed.len())));
        for sighting in seen {
            if !self.has_room_for(&sighting.key) {
                // Borders of windows may count twice here; the figure says "more than".
                self.in_all += 1;
            } else if self.known.insert((place.clone(), sighting.clone())) {
                self.in_all += 1;
                self.seen.push(Seen {
                    place: place.clone(),
                    sighting,
                    time: Timestamp::now(),
                });
            }
        }
        is_new
    }

    fn has_room_for(&mut self, key: &Whose) -> bool {
        let Whose::Target(index) = key else {
            return self.seen.len() < KEPT;
        };
        let kept = self.of_each.entry(*index).or_default();
        *kept = kept.saturating_add(1);
        *kept <= KEPT_OF_EACH || self.seen.len() < KEPT
    }

    fn gap(&mut self, place: &Place, gap: Gap) {
        let tally = self.tallies.entry(place.source.clone()).or_default();
        tally.places.insert(digest(place));
        if self.gaps.len() < GAPS {
            self.gaps.insert(GapAt {
                place: place.clone(),
                gap,
            });
        } else {
            *self
                .more_gaps
                .entry((place.source.clone(), gap.kind))
                .or_default() += 1;
        }
    }

    /// How much of each source was searched.
    pub fn searched(&self) -> Vec<Searched> {
        let searched = self.tallies.iter().map(|(source, tally)| Searched {
            source: source.clone(),
            places: tally.places.len() as u64,
            bytes: tally.bytes,
        });
        searched.collect()
    }
}

fn digest(place: &Place) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    place.hash(&mut hasher);
    hasher.finish()
}

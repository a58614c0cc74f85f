//! A whole search, from keys and sources to an [`Answer`]: [`scan`] at once, or [`Held`] first and searched later.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::answer::{Answer, SearchKind};
use crate::blind::{Blind, Stride};
use crate::canary::Canaries;
use crate::control::{Control, Planted};
use crate::detector::{Detector, Whose, Window};
use crate::given::{GivenError, Source};
use crate::key::{Secret, Target};
use crate::matcher::Matcher;
use crate::scan::{Findings, Kept, Threads};
use crate::snapshot::Snapshot;
use crate::source::limits::{Limits, Rules};
use crate::source::path::Works;
use crate::structure::Structure;
use crate::tell::{Told, tell};

/// How to search.
pub struct Options {
    /// Threads; as many as there are cores if absent.
    pub threads: Option<usize>,
    /// Offsets at which a blind search tries windows.
    pub stride: Stride,
    /// Passwords to try on encrypted containers of keys.
    pub passwords: Vec<Secret>,
    /// Bounds of containers.
    pub limits: Limits,
    /// What is left out.
    pub rules: Rules,
    /// Time after which the rest is told, not searched.
    pub time: Option<Duration>,
    /// Where temporary files may lie: canaries, snapshots.
    pub folder: PathBuf,
    /// The positive control.
    pub control: Control,
}

/// Why there was no search.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// A source that is none.
    #[error(transparent)]
    Source(#[from] GivenError),
    /// The system gave no threads.
    #[error("no threads to search with")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// There is no positive control.
    #[error(transparent)]
    Canary(#[from] crate::canary::NoCanary),
    /// There is no snapshot.
    #[error(transparent)]
    Snapshot(#[from] crate::snapshot::SnapshotError),
}

/// Searches sources for keys.
///
/// # Errors
///
/// If a source does not exist or is no source; nothing is searched then. What fails later is part of the answer.
pub fn scan(keys: &[Target], sources: Vec<Source>, options: &Options) -> Result<Answer, ScanError> {
    let began = Timestamp::now();
    let threads = Threads::new(options.threads)?;
    let canaries = Canaries::new()?;
    let planted = options
        .control
        .plant(&sources, canaries.page(), &options.folder);
    let bounds = options.bounds();
    let (works, extra) = (open(sources, bounds)?, planted.works(bounds)?);
    let wanted = Wanted::new(keys, &canaries, options);
    let findings = Findings::new(
        &wanted.detectors,
        options.time.map(|time| Instant::now() + time),
    );
    threads.run(works.chain(extra), &findings);
    let kept = findings.kept();
    Ok(wanted.answer(kept, &planted, began))
}

/// Sources as they were at a moment, to be searched for keys that are learnt later.
pub struct Held {
    snapshot: Snapshot,
    canaries: Canaries,
    planted: Planted,
    threads: Threads,
    options: Options,
    taken: Timestamp,
}

impl Held {
    /// Takes a snapshot.
    ///
    /// # Errors
    ///
    /// As [`scan`], or if there is no file for it.
    pub fn take(sources: Vec<Source>, options: Options) -> Result<Self, ScanError> {
        let taken = Timestamp::now();
        let threads = Threads::new(options.threads)?;
        let snapshot = Snapshot::new(&options.folder)?;
        let canaries = Canaries::new()?;
        let planted = options
            .control
            .plant(&sources, canaries.page(), &options.folder);
        threads.run(
            open(sources, options.bounds())?.chain(planted.works(options.bounds())?),
            &snapshot,
        );
        Ok(Self {
            snapshot,
            canaries,
            planted,
            threads,
            options,
            taken,
        })
    }

    /// When it was begun.
    pub fn taken(&self) -> Timestamp {
        self.taken
    }

    /// Bytes taken, and bytes that they occupy on the disk, encrypted.
    pub fn size(&self) -> (u64, u64) {
        (self.snapshot.bytes(), self.snapshot.stored())
    }

    /// Searches the snapshot. What it could not take is a gap of the answer.
    pub fn search(&self, keys: &[Target]) -> Answer {
        let began = Timestamp::now();
        let wanted = Wanted::new(keys, &self.canaries, &self.options);
        let deadline = self.options.time.map(|time| Instant::now() + time);
        let findings = Findings::new(&wanted.detectors, deadline);
        self.threads.run(self.snapshot.works(), &findings);
        let kept = findings.kept();
        wanted.answer(kept, &self.planted, began)
    }
}

/// How far a search goes, and what it leaves out.
#[derive(Clone, Copy)]
pub(crate) struct Bounds<'b> {
    pub(crate) limits: &'b Limits,
    pub(crate) rules: &'b Rules,
}

impl Options {
    fn bounds(&self) -> Bounds<'_> {
        Bounds {
            limits: &self.limits,
            rules: &self.rules,
        }
    }
}

pub(crate) fn open<'s>(sources: Vec<Source>, bounds: Bounds<'s>) -> Result<Works<'s>, GivenError> {
    let mut works: Works<'s> = Box::new(std::iter::empty());
    for source in sources {
        works = Box::new(works.chain(source.works(bounds.limits, bounds.rules)?));
    }
    Ok(works)
}

/// What a search looks for: the keys and the canaries that stand for them.
struct Wanted<'k> {
    keys: &'k [Target],
    kinds: Vec<SearchKind>,
    canaries: Vec<crate::canary::Wanted>,
    detectors: Vec<Box<dyn Detector>>,
    /// Keys that can be found in parsed structures only.
    too_plain: BTreeSet<usize>,
    sensitivity: crate::answer::Sensitivity,
}

impl<'k> Wanted<'k> {
    fn new(keys: &'k [Target], canaries: &Canaries, options: &Options) -> Self {
        let kinds: Vec<SearchKind> = search_kinds(keys);
        let canaries = canaries.wanted(keys.iter().zip(kinds.iter().copied()));
        let all: Vec<Target> = keys
            .iter()
            .cloned()
            .chain(canaries.iter().map(|canary| canary.target.clone()))
            .collect();
        let mut sensitivity = crate::answer::Sensitivity::default();
        let mut detectors: Vec<Box<dyn Detector>> = Vec::new();
        let mut too_plain = BTreeSet::new();
        if all.iter().any(|target| target.private.is_some()) {
            sensitivity.encodings = Matcher::encodings();
            let matcher = Matcher::with_canaries(&all, canaries.len());
            too_plain.extend(matcher.too_plain());
            detectors.push(Box::new(matcher));
        }
        if kinds.contains(&SearchKind::Blind) {
            let blind = Blind::new(&all, options.stride);
            sensitivity.blind = blind.statement();
            detectors.push(Box::new(blind));
        }
        let structure = Structure::new(&all, options.passwords.clone());
        sensitivity.structures = crate::tell::structures();
        detectors.push(Box::new(structure));
        sensitivity.out_of_reach = crate::tell::out_of_reach();
        Self {
            keys,
            kinds,
            canaries,
            detectors,
            too_plain,
            sensitivity,
        }
    }

    fn answer(self, kept: Kept, planted: &Planted, began: Timestamp) -> Answer {
        let too_plain = self.keys.iter().enumerate();
        let too_plain = too_plain.filter(|(index, _)| self.too_plain.contains(index));
        let mut answer = tell(Told {
            kept,
            too_plain: too_plain.map(|(_, key)| key.name.as_str()).collect(),
            keys: self.keys,
            kinds: &self.kinds,
            canaries: &self.canaries,
            planted,
            sensitivity: self.sensitivity,
            began,
        });
        conceal(&mut answer, &self.detectors);
        answer
    }
}

/// Takes names that hold a key out of the answer: other people chose them.
fn conceal(answer: &mut Answer, detectors: &[Box<dyn Detector>]) {
    let holds_key = |name: &str| {
        let mut found = false;
        for detector in detectors {
            let window = Window::whole(name.as_bytes());
            detector.search(&window, &mut |seen| {
                found |= matches!(seen.key, Whose::Target(_))
            });
        }
        found
    };
    let places = answer
        .exposures
        .iter_mut()
        .map(|exposure| &mut exposure.place);
    let places = places.chain(answer.other_keys.iter_mut().map(|key| &mut key.place));
    let places = places.chain(answer.sealed.iter_mut().map(|sealed| &mut sealed.place));
    let places = places.chain(answer.gaps.iter_mut().map(|gap| &mut gap.place));
    for place in places {
        for name in place.path.iter_mut().chain(&mut place.inside) {
            if holds_key(name) {
                "(a name that holds the key)".clone_into(name);
            }
        }
    }
    let mappings = answer
        .exposures
        .iter_mut()
        .filter_map(|exposure| exposure.mapping.as_mut());
    for name in mappings {
        if holds_key(name) {
            "(a name that holds the key)".clone_into(name);
        }
    }
}

fn search_kinds(keys: &[Target]) -> Vec<SearchKind> {
    let blind = Blind::new(keys, Stride::Aligned8);
    let kind = |(index, key): (usize, &Target)| {
        if key.private.is_some() {
            SearchKind::Known
        } else if blind.skipped().contains(&index) {
            SearchKind::Structures
        } else {
            SearchKind::Blind
        }
    };
    keys.iter().enumerate().map(kind).collect()
}

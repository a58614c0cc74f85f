//! [`Finder`]: a visitor that looks for one string of bytes, and watches that the rules of windows are kept.

use std::sync::Mutex;

use scas_exposure::detector::{REACH, Window};
use scas_exposure::source::{Gap, GapKind, Place, Visitor};

pub struct Finder {
    needle: Vec<u8>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    hits: Vec<(Place, u64)>,
    gaps: Vec<(Place, Gap)>,
    windows: Vec<(Place, u64, u64)>,
    broken: Vec<String>,
    at_first: Option<Box<dyn FnOnce() + Send>>,
}

impl Finder {
    pub fn new(needle: Vec<u8>) -> Self {
        Self {
            needle,
            state: Mutex::default(),
        }
    }

    /// Does something when the first window of memory is shown.
    pub fn at_first_window<T>(&self, action: impl FnOnce() -> T + Send + 'static) {
        // What it returns, a child say, lives until the finder ends.
        let action = move || std::mem::forget(action());
        self.state.lock().unwrap().at_first = Some(Box::new(action));
    }

    pub fn hits(&self) -> Vec<(Place, u64)> {
        self.state.lock().unwrap().hits.clone()
    }

    #[track_caller]
    pub fn only_hit(&self) -> (Place, u64) {
        let hits = self.hits();
        assert_eq!(hits.len(), 1, "{hits:?}");
        hits[0].clone()
    }

    pub fn searched(&self) -> u64 {
        let state = self.state.lock().unwrap();
        state.windows.iter().map(|(_, from, to)| to - from).sum()
    }

    /// The gaps of a kind, as `path: what`.
    pub fn told(&self, kind: GapKind) -> Vec<String> {
        self.lines(|gap| gap.kind == kind)
    }

    pub fn undecided(&self) -> Vec<String> {
        self.lines(|gap| gap.kind.undecided())
    }

    fn lines(&self, wanted: impl Fn(&Gap) -> bool) -> Vec<String> {
        let state = self.state.lock().unwrap();
        let gaps = state.gaps.iter().filter(|(_, gap)| wanted(gap));
        gaps.map(|(place, gap)| format!("{}: {}", place.path.as_deref().unwrap_or(""), gap.what))
            .collect()
    }

    /// Every window kept the rules, and no address was answered for twice.
    #[track_caller]
    pub fn check(&self) {
        let state = self.state.lock().unwrap();
        assert_eq!(state.broken, [""; 0]);
        let mut ranges: Vec<_> = state
            .windows
            .iter()
            .filter(|(place, _, _)| place.addresses)
            .map(|(_, from, to)| (*from, *to))
            .collect();
        ranges.sort_unstable();
        for pair in ranges.windows(2) {
            // What comes at the second look overlaps a little; it is no more than that.
            assert!(pair[0].1 <= pair[1].0 + 2 * REACH as u64, "{pair:x?}");
        }
    }
}

impl Visitor for Finder {
    fn window(&self, place: &Place, window: &Window<'_>) {
        let mut state = self.state.lock().unwrap();
        if place.addresses
            && let Some(action) = state.at_first.take()
        {
            action();
        }
        let Window {
            bytes,
            fresh,
            offset,
            ..
        } = window;
        if fresh.is_empty() || fresh.end > bytes.len() {
            state
                .broken
                .push(format!("{place:?}: {fresh:?} of {}", bytes.len()));
        }
        if fresh.start > REACH || bytes.len() - fresh.end > REACH {
            state.broken.push(format!(
                "{place:?}: {fresh:?} of {} shows too much",
                bytes.len()
            ));
        }
        let at = |index: usize| offset + index as u64;
        state
            .windows
            .push((place.clone(), at(fresh.start), at(fresh.end)));
        let first = self.needle[0];
        for index in fresh.clone() {
            if bytes[index] == first && bytes[index..].starts_with(&self.needle) {
                state.hits.push((place.clone(), at(index)));
            }
        }
    }

    fn gap(&self, place: &Place, gap: Gap) {
        self.state.lock().unwrap().gaps.push((place.clone(), gap));
    }
}

/// Says that a check was not made.
pub fn not_run(what: &str, why: &str) {
    println!("NOT RUN: {what}: {why}");
}

pub fn is_root(what: &str) -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        not_run(what, "needs root");
    }
    root
}

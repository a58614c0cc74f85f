//! Windows onto a file in memory: [`search`].

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::detector::{REACH, Window};
use crate::source::map::{Map, Missing};
use crate::source::{Place, Visitor};

/// What one window answers for: so much that its surroundings cost little, and so little that what one detector has read is still
/// in the core's second-level cache for the next.
const FRESH: u64 = 512 << 10;

/// How far the search of a map came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Came {
    /// What lies before this is answered for. It is not the end if a page cannot be had, or is not in the page cache, or the
    /// visitor has enough, or a detector failed.
    pub(crate) to: u64,
    /// A page that went away while a window that has it was searched.
    pub(crate) missing: Option<Missing>,
}

/// Hands out windows that tile `fresh`, with [`REACH`] bytes around each where `whole`, which is mapped, has them.
pub(crate) fn search(
    map: &Map,
    whole: Range<u64>,
    fresh: Range<u64>,
    place: &Place,
    visitor: &dyn Visitor,
) -> Came {
    let mut at = fresh.start;
    while at < fresh.end && !visitor.is_done() {
        let next = fresh.end.min(at + FRESH);
        let start = at.saturating_sub(REACH as u64).max(whole.start);
        let part = start..whole.end.min(next + REACH as u64);
        // First, so that no window is handed out that is not whole, unless it changes under the search.
        if !map.is_cached(&part) || map.fetch(part.clone()).is_err() {
            break;
        }
        let behind = part.end..whole.end.min(part.end + FRESH);
        let ahead = if map.is_cached(&behind) {
            map.ask_for(&behind)
        } else {
            0
        };
        let looked = || {
            map.lend(part, |bytes| {
                let fresh = (at - start) as usize..(next - start) as usize;
                let window = Window {
                    bytes,
                    fresh,
                    offset: start,
                    ahead,
                };
                visitor.window(place, &window);
            })
        };
        // A detector may rely on bytes to stay what they were, and whoever writes to the file decides that. Once more then, by
        // reading; what was seen so far stays seen.
        let Ok(((), lent)) = catch_unwind(AssertUnwindSafe(looked)) else {
            break;
        };
        at = next;
        if let Err(missing) = lent {
            return Came {
                to: at,
                missing: Some(missing),
            };
        }
    }
    Came {
        to: at,
        missing: None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::source::Gap;

    /// Fails at its first window, as a detector under whose hands bytes change.
    struct Surprised(AtomicBool);

    impl Visitor for Surprised {
        fn window(&self, _: &Place, _: &Window<'_>) {
            assert!(self.0.swap(true, Ordering::Relaxed), "surprised");
        }

        fn gap(&self, _: &Place, _: Gap) {}
    }

    #[test]
    fn what_a_detector_fails_at_is_left_to_be_read() {
        use std::io::Write as _;
        let mut file = tempfile::tempfile_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        file.write_all(&vec![7; 4 << 20]).unwrap();
        let whole = 0..4 << 20;
        let Some(map) = Map::new(&file, whole.clone()) else {
            return;
        };
        let visitor = Surprised(AtomicBool::new(false));
        let search = || {
            search(
                &map,
                whole.clone(),
                whole.clone(),
                &Place::default(),
                &visitor,
            )
        };
        assert_eq!(search().to, 0, "the first window is not answered for");
        assert_eq!(search().to, 4 << 20, "it is the second time");
    }
}

//! Windows onto a file in memory: [`search`].

use std::ops::Range;

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
    /// visitor has enough.
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
        let ((), lent) = map.lend(part, |bytes| {
            let fresh = (at - start) as usize..(next - start) as usize;
            let window = Window {
                bytes,
                fresh,
                offset: start,
            };
            visitor.window(place, &window);
        });
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

//! What the vendor's claims must look like: [`check`].

use super::finding::Finding;
use crate::model::ics::Ics;

/// A no rules test cases out, so a reader of the report is told why.
pub(super) fn check(ics: &Ics) -> Vec<Finding> {
    let without_reason = |item: &crate::model::ics::Item| {
        !item.supported() && item.reason().is_none_or(|reason| reason.trim().is_empty())
    };
    let open = ics.items.iter().filter(|(_, item)| without_reason(item));
    open.map(|(name, _)| {
        let text = "is a no without a reason; write { supported = false, reason = \"...\" }, which the report repeats";
        Finding::of(format!("ics.{name}"), text)
    })
    .collect()
}

//! What can stand in `[ixit.start]`: [`check`].

use super::finding::Finding;
use crate::catalogue::nearest;
use crate::model::sut::Start;

/// Placeholders must be known.
pub(super) fn check(start: &Start) -> Vec<Finding> {
    let known = crate::testbed::placeholders();
    let command = start
        .command
        .iter()
        .map(|text| ("ixit.start.command", text));
    let config = start.config.iter().map(|text| ("ixit.start.config", text));
    let delegation = start
        .delegation
        .iter()
        .map(|text| ("ixit.start.delegation", text));
    let texts = command.chain(config).chain(delegation);
    texts
        .filter_map(|(label, text)| {
            let unknown = crate::testbed::sut_process::fill(text, &known).err()?;
            let mend = nearest(&unknown, known.keys().copied()).map_or_else(
                || {
                    let all: Vec<_> = known.keys().map(|name| format!("{{{name}}}")).collect();
                    format!("known are {}", all.join(" "))
                },
                |near| format!("did you mean {{{near}}}?"),
            );
            Some(Finding::of(
                label,
                format!("unknown placeholder {{{unknown}}}; {mend}"),
            ))
        })
        .collect()
}

//! What can stand in `[ixit.start]` and `[ixit.commands]`: [`check`].

use super::finding::Finding;
use crate::catalogue::nearest;
use crate::model::sut::Ixit;

/// A product is started, or runs by itself; placeholders must be known.
pub(super) fn check(ixit: &Ixit) -> Vec<Finding> {
    let mut found = Vec::new();
    if ixit.start.is_none() && !ixit.api.running {
        let text = "is missing; say how the product is started, e.g. command = [\"/opt/vnfm/bin/vnfm\"] under [ixit.start], or write \
                    running = true under [ixit.api] if it runs by itself";
        found.push(Finding::of("ixit.start", text));
    }
    let start = ixit.start.as_ref();
    let command = start.map_or(&[][..], |start| &start.command);
    let actions = ixit.actions().into_iter();
    let actions = actions.map(|(label, action)| (label, action.texts()));
    let words = actions.chain([("ixit.start.command".to_owned(), command)]);
    let words =
        words.flat_map(|(label, words)| words.iter().map(move |word| (label.clone(), word)));
    let config = start.and_then(|start| start.config.as_ref());
    let delegation = start.and_then(|start| start.delegation.as_ref());
    let texts = words
        .chain(config.map(|text| ("ixit.start.config".to_owned(), text)))
        .chain(delegation.map(|text| ("ixit.start.delegation".to_owned(), text)));
    found.extend(texts.filter_map(|(label, text)| unknown_placeholder(&label, text)));
    found
}

fn unknown_placeholder(label: &str, text: &str) -> Option<Finding> {
    let known = crate::testbed::placeholders();
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
}

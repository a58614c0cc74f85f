//! What can stand in `[ixit.observe]`: [`check`].

use super::finding::Finding;
use crate::exposure::source::process::KINDS;
use crate::model::sut::Observe;

/// One way to be another user, and processes as they are named.
pub(super) fn check(observe: &Observe) -> Vec<Finding> {
    let mut found = Vec::new();
    if observe.probe_as.is_some() && observe.probe_with.is_some() {
        let text = "probe-as and probe-with are two ways to the same; leave one out";
        found.push(Finding::of("ixit.observe.probe-with", text));
    }
    if observe.via.iter().any(|word| word.trim().is_empty()) {
        let text =
            "has an empty word; write the command and its arguments, one each, or leave it out";
        found.push(Finding::of("ixit.observe.via", text));
    }
    for (name, words) in &observe.exports {
        if words.is_empty() || words.iter().any(|word| word.trim().is_empty()) {
            let text = "is empty or has an empty word; write a command and its arguments, one each, or leave it out";
            found.push(Finding::of(format!("ixit.observe.exports.{name}"), text));
        }
    }
    for (label, action) in observe.dumps() {
        if !action.texts().iter().any(|text| text.contains("{file}")) {
            let text = "does not say where the dump is to lie; write {file} where its path belongs";
            found.push(Finding::of(label, text));
        }
    }
    for written in &observe.product {
        let kind = written.split_once(':').map(|(kind, _)| kind);
        if !kind.is_some_and(|kind| KINDS.contains(&kind)) {
            let text = format!(
                "'{written}' names no process; write port:N, unit:NAME, name:NAME, pidfile:PATH or tree:N"
            );
            found.push(Finding::of("ixit.observe.product", text));
        }
    }
    found
}

//! What can stand in `[ixit.observe]`: [`check`].

use super::finding::Finding;
use crate::model::sut::Observe;

/// One way to be another user, and processes as they are named.
pub(super) fn check(observe: &Observe) -> Vec<Finding> {
    let mut found = Vec::new();
    if observe.probe_as.is_some() && observe.probe_with.is_some() {
        let text = "probe-as and probe-with are two ways to the same; leave one out";
        found.push(Finding::of("ixit.observe.probe-with", text));
    }
    for written in &observe.product {
        let kind = written.split_once(':').map(|(kind, _)| kind);
        if !matches!(kind, Some("pid" | "tree" | "port" | "unit")) {
            let text = format!("'{written}' names no process; write tree:N, port:N or unit:NAME");
            found.push(Finding::of("ixit.observe.product", text));
        }
    }
    found
}

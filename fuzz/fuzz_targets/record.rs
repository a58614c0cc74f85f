//! Events of anything: no panic, the same answer twice, and no green verdict without an end.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use scas::model::event::Event;
use scas::report::fold;
use scas::report::record::Record;

/// What the events are events of.
const RUN: &[u8] = include_bytes!("../../reports/sample/run.json");

fuzz_target!(|events: &[u8]| {
    let Ok(record) = Record::parse(Path::new("record"), RUN, events) else {
        return;
    };
    let results = fold::results(&record);
    let ended = record
        .events
        .iter()
        .any(|event| matches!(event, Event::RunFinished { .. }));
    assert!(results.exit_code != 0 || ended, "green without an end");
    let again = fold::results(&record);
    assert_eq!(
        serde_json::to_value(&results).expect("JSON"),
        serde_json::to_value(&again).expect("JSON")
    );
});

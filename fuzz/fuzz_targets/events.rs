//! Events of anything: no panic, and what verifies has been told the same way twice.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scas::pack::{Limits, Pack};
use scas::verify::verify;

fuzz_target!(|events: &[u8]| {
    let folder = tempfile::tempdir().expect("a folder");
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../reports/sample");
    for name in ["run.json", "profile.toml"] {
        std::fs::copy(format!("{sample}/{name}"), folder.path().join(name)).expect("copied");
    }
    std::fs::write(folder.path().join("events.jsonl"), events).expect("written");
    let pack = Pack::open(folder.path(), Limits::default()).expect("a folder");
    let found = verify(&pack, &[]).expect("an answer");
    let again = verify(&pack, &[]).expect("an answer");
    assert_eq!(found.mismatches, again.mismatches);
});

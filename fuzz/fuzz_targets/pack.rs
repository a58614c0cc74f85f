//! Containers of anything: refused or unpacked within their bounds, no panic, and nothing beside the container is written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scas::pack::{Limits, Pack};

/// The most that may be unpacked, in bytes.
const UNPACKED: u64 = 1 << 24;

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("pack.asice");
    std::fs::write(&path, bytes).expect("written");
    if let Ok(pack) = Pack::open(&path, Limits { unpacked: UNPACKED }) {
        let read = pack.files().keys().map(|name| pack.read(name));
        let lengths = read.map(|read| read.expect("what it lists").len() as u64);
        assert!(lengths.sum::<u64>() <= UNPACKED);
    }
    let left = std::fs::read_dir(folder.path()).expect("the folder").count();
    assert_eq!(left, 1, "the container alone");
});

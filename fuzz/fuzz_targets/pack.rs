//! Containers of anything: refused or verified, no panic, and nothing outside the folder is written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scas::cms::Trust;
use scas::pack::{Limits, Pack};
use scas::{seal, verify};

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("pack.asice");
    std::fs::write(&path, bytes).expect("written");
    if let Ok(pack) = Pack::open(&path, Limits { unpacked: 1 << 24 }) {
        let mut found = verify::verify(&pack, &seal::FILES).expect("an answer");
        let nobody = Trust::default();
        let now = jiff::Timestamp::UNIX_EPOCH;
        let state = seal::check(&pack, Some(&nobody), now, &mut found).expect("an answer");
        assert!(state.is_none(), "nobody is trusted");
    }
    let left = std::fs::read_dir(folder.path()).expect("the folder").count();
    assert_eq!(left, 1, "the container alone");
});

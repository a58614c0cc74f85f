//! What the user gives as a private key may be any bytes: a key, or an error without any of them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scas_exposure::key::{Secret, fits, load_private};

fuzz_target!(|bytes: &[u8]| {
    let passwords = [Secret::new(b"right".to_vec())];
    if let Ok((private, public)) = load_private("key", bytes, &passwords) {
        assert!(fits(&private, &public));
    }
});

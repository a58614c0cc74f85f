//! What the user gives as a certificate may be any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scas_exposure::key::{algorithm, load_public, spki_sha256};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(public) = load_public("certificate", bytes) {
        assert!(!algorithm(&public).is_empty());
        assert_eq!(spki_sha256(&public).len(), 64);
    }
});

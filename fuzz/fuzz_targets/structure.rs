//! Windows of anything: no panic, and sightings lie where the window says, whatever the border.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scas_exposure::detector::{Detector, Window};
use scas_exposure::key::Secret;
use scas_exposure::structure::Structure;

fuzz_target!(|bytes: &[u8]| {
    let passwords = vec![Secret::new(b"right".to_vec())];
    let structure = Structure::new(&[], passwords);
    let search = |window: &Window<'_>| {
        let mut found = Vec::new();
        structure.search_and_tell(window, &mut |sighting| found.push(sighting), &mut |_| {});
        found
    };
    let whole = search(&Window::whole(bytes));
    for sighting in &whole {
        assert!(sighting.at + sighting.length <= bytes.len() as u64);
    }
    let border = bytes.len() / 2;
    let halves: Vec<_> = [0..border, border..bytes.len()]
        .into_iter()
        .flat_map(|fresh| {
            search(&Window {
                bytes,
                fresh,
                offset: 0,
                ahead: 0,
            })
        })
        .collect();
    assert_eq!(whole, halves);
});

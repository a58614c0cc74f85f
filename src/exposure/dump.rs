//! Core dumps: the addresses that exposed offsets had in the process.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use crate::answer::Exposure;
use crate::source::process::core_dump::CoreMap;

/// How much of a file's beginning is read for its headers and notes, in bytes.
const HEADERS: u64 = 16 * 1024 * 1024;

/// Adds the address, and what was mapped there, to each exposure that lies in a core dump.
pub(crate) fn add_addresses(exposures: &mut [Exposure]) {
    let mut maps: HashMap<PathBuf, Option<CoreMap>> = HashMap::new();
    for exposure in exposures {
        let place = &exposure.place;
        if place.addresses || !place.inside.is_empty() {
            continue;
        }
        let path = PathBuf::from(place.path.as_ref().unwrap_or(&place.source));
        let map = maps.entry(path.clone()).or_insert_with(|| {
            let mut start = Vec::new();
            // What is no file, or cannot be read again, is no core dump.
            let file = path.is_file().then(|| File::open(&path).ok()).flatten()?;
            file.take(HEADERS).read_to_end(&mut start).ok()?;
            CoreMap::parse(&start)
        });
        let Some((address, file)) = map.as_ref().and_then(|map| map.address_of(exposure.at)) else {
            continue;
        };
        exposure.address = Some(format!("{address:#x}"));
        exposure.mapping = file.map(str::to_owned);
    }
}

//! Dumps of memory, of a process or of a whole machine: the addresses that exposed offsets had there.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::path::{Path, PathBuf};

use crate::answer::Exposure;
use crate::source::process::core_dump::CoreMap;
use crate::source::process::lime::LimeMap;

/// How much of a file's beginning is read for its headers and notes, in bytes.
const HEADERS: u64 = 16 * 1024 * 1024;

enum Map {
    Core(CoreMap),
    Lime(LimeMap),
}

impl Map {
    /// Nothing for what is no file, cannot be read again, or is no dump.
    fn of(path: &Path) -> Option<Self> {
        let mut file = path.is_file().then(|| File::open(path).ok()).flatten()?;
        if let Some(map) = LimeMap::read(&mut file).ok()? {
            return Some(Self::Lime(map));
        }
        file.rewind().ok()?;
        let mut start = Vec::new();
        file.take(HEADERS).read_to_end(&mut start).ok()?;
        CoreMap::parse(&start).map(Self::Core)
    }

    /// The address, and what was mapped there.
    fn address_of(&self, offset: u64) -> Option<(u64, Option<&str>)> {
        match self {
            Self::Core(map) => map.address_of(offset),
            Self::Lime(map) => map.address_of(offset).map(|address| (address, None)),
        }
    }
}

/// Adds the address, and what was mapped there, to each exposure that lies in a dump.
pub(crate) fn add_addresses(exposures: &mut [Exposure]) {
    let mut maps: HashMap<PathBuf, Option<Map>> = HashMap::new();
    for exposure in exposures {
        let place = &exposure.place;
        if place.addresses || !place.inside.is_empty() {
            continue;
        }
        let path = PathBuf::from(place.path.as_ref().unwrap_or(&place.source));
        let map = maps.entry(path.clone()).or_insert_with(|| Map::of(&path));
        let Some((address, file)) = map.as_ref().and_then(|map| map.address_of(exposure.at)) else {
            continue;
        };
        exposure.address = Some(format!("{address:#x}"));
        exposure.mapping = file.map(str::to_owned);
    }
}

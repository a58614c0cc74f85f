//! What the two sides say: a line of JSON each, behind some of which bytes follow. [`Ask`] goes there, [`Tell`] comes back.

use std::io::{self, BufRead, Read as _, Write};
use std::time::Duration;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::afar::{Reached, Surveyed, What};
use crate::source::limits::Limits;
use crate::source::{Gap, Place};

/// Both sides must be the same: what one searches and the other does not would be lost between them.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The longest line, in bytes: that of a place with very long names.
const LINE: u64 = 4 << 20;
/// The longest window, in bytes.
const WINDOW: usize = 64 << 20;

/// Said to the program there.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Ask {
    /// Get ready.
    Open {
        /// Whose question it is.
        version: String,
        /// For what.
        what: What,
        /// Bounds of containers.
        limits: Limits,
    },
    /// Tell what stands in the way of looking.
    Reach,
    /// Plant, and hand over what is read. As many bytes of a canary follow.
    Search {
        /// 0: plant nothing.
        canary: usize,
        /// Whether folders may be written to.
        in_folders: bool,
        /// What is older in folders of everybody's is not the product's: a time of the clock there, since 1970.
        since: Duration,
    },
}

/// Said by the program there.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Tell {
    /// The sources are open.
    Ready {
        /// Whose answer it is.
        version: String,
        /// What time it is there, since 1970.
        #[serde(default)]
        clock: Duration,
    },
    /// They are not.
    Refused {
        /// Why.
        why: String,
    },
    /// What stands in the way of looking.
    Reached(Reached),
    /// What there was to look at: JSON of a [`Surveyed`] follows, compressed.
    Surveyed {
        /// How long it is.
        length: usize,
        /// How many bytes follow.
        stored: usize,
    },
    /// What became of the canaries.
    Planted {
        /// One for each source.
        sites: Vec<PlantedThere>,
    },
    /// Bytes to search follow, compressed.
    Window {
        /// Where they are.
        place: Place,
        /// Position of the first.
        offset: u64,
        /// Those to answer for: from the first on, up to but without the second.
        fresh: (usize, usize),
        /// How many there are.
        length: usize,
        /// How many follow.
        stored: usize,
    },
    /// Something that was not searched.
    Gap {
        /// Where.
        place: Place,
        /// What, and why.
        gap: Gap,
    },
    /// That was all.
    End,
}

/// A canary there.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlantedThere {
    /// The source that it stands for.
    pub(crate) source: String,
    /// Where it lies, in words.
    pub(crate) words: String,
    /// Why it does not.
    pub(crate) problem: Option<String>,
    /// Its file's name, if it is a file in the source itself.
    pub(crate) file: Option<String>,
}

impl Ask {
    pub(super) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        line(self, to)?;
        to.flush()
    }

    pub(super) fn read(from: &mut impl BufRead) -> io::Result<Self> {
        read_line(from)
    }
}

impl Tell {
    pub(super) fn write(&self, bytes: &[u8], to: &mut impl Write) -> io::Result<()> {
        line(self, to)?;
        to.write_all(bytes)
    }
}

/// What is said next, with the bytes that belong to it.
pub(super) fn read(from: &mut impl BufRead) -> io::Result<(Tell, Zeroizing<Vec<u8>>)> {
    let tell = read_line(from)?;
    let (length, stored) = match &tell {
        Tell::Window {
            fresh,
            length,
            stored,
            ..
        } => {
            if fresh.0 >= fresh.1 || fresh.1 > *length {
                return Err(io::Error::other("a window that cannot be"));
            }
            (*length, *stored)
        }
        Tell::Surveyed { length, stored } => (*length, *stored),
        _ => return Ok((tell, Zeroizing::default())),
    };
    // Lengths are believed only as far as our memory goes.
    let longest = lz4_flex::block::get_maximum_output_size(WINDOW);
    if length > WINDOW || stored > longest {
        return Err(io::Error::other("a length that cannot be"));
    }
    let mut packed = Zeroizing::new(vec![0; stored]);
    from.read_exact(&mut packed)?;
    let bytes = lz4_flex::block::decompress(&packed, length).map_err(io::Error::other)?;
    let bytes = Zeroizing::new(bytes);
    if bytes.len() != length {
        return Err(io::Error::other("fewer bytes than it says"));
    }
    Ok((tell, bytes))
}

impl Surveyed {
    pub(super) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let plain = serde_json::to_vec(self)?;
        if plain.len() > WINDOW {
            return Err(io::Error::other("more names than can be told"));
        }
        let packed = lz4_flex::block::compress(&plain);
        let tell = Tell::Surveyed {
            length: plain.len(),
            stored: packed.len(),
        };
        tell.write(&packed, to)
    }
}

fn line(what: &impl Serialize, to: &mut impl Write) -> io::Result<()> {
    let mut line = serde_json::to_vec(what)?;
    line.push(b'\n');
    to.write_all(&line)
}

fn read_line<T: DeserializeOwned>(from: &mut impl BufRead) -> io::Result<T> {
    let mut line = Vec::new();
    from.take(LINE).read_until(b'\n', &mut line)?;
    match line.pop() {
        Some(b'\n') => Ok(serde_json::from_slice(&line)?),
        Some(_) if line.len() as u64 + 1 == LINE => Err(io::Error::other("a line without an end")),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn window(bytes: &[u8], fresh: (usize, usize)) -> Vec<u8> {
        let packed = lz4_flex::block::compress(bytes);
        let tell = Tell::Window {
            place: Place::default(),
            offset: 7,
            fresh,
            length: bytes.len(),
            stored: packed.len(),
        };
        let mut written = Vec::new();
        tell.write(&packed, &mut written).unwrap();
        written
    }

    #[test]
    fn a_window_arrives_as_it_was() {
        let bytes = vec![3; 100_000];
        let (tell, read) = read(&mut &window(&bytes, (10, 99_000))[..]).unwrap();
        assert_eq!(*read, bytes);
        assert!(matches!(
            tell,
            Tell::Window {
                offset: 7,
                fresh: (10, 99_000),
                ..
            }
        ));
    }

    #[test]
    fn a_window_that_cannot_be_is_refused() {
        for fresh in [(0, 101), (50, 50), (60, 50)] {
            assert!(read(&mut &window(&[0; 100], fresh)[..]).is_err());
        }
    }

    proptest! {
        #[test]
        fn damage_is_an_error_or_another_window(
            changes in prop::collection::vec((0..200_usize, any::<u8>()), 1..10),
            cut in 0..400_usize,
        ) {
            let mut written = window(&[5; 1000], (0, 1000));
            for (at, value) in changes {
                if let Some(byte) = written.get_mut(at) {
                    *byte = value;
                }
            }
            written.truncate(cut.max(1));
            let _ = read(&mut &written[..]);
        }
    }
}

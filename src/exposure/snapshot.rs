//! The memory and storage of a moment, kept for a search with a key that is not known yet: [`Snapshot`].
//!
//! What is kept is compressed and encrypted under a key that lives in this process alone, in a file that has no name: the
//! system takes it away with the process, however that ends. Places and lengths stay in memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::{Zeroize as _, Zeroizing};

use crate::detector::Window;
use crate::source::windows::Windows;
use crate::source::{Gap, GapKind, Place, Visitor, Work};

/// How much is compressed and encrypted at once, in bytes; bounds the memory of each thread.
const FRAME: usize = 4 * 1024 * 1024;

/// A snapshot of some sources.
pub struct Snapshot {
    file: File,
    key: LessSafeKey,
    /// End of what was written; frames are given their room by adding to it.
    end: AtomicU64,
    index: Mutex<Index>,
}

#[derive(Default)]
struct Index {
    /// Frames of each place, by their position in it.
    places: BTreeMap<Place, BTreeMap<u64, Frame>>,
    gaps: Vec<(Place, Gap)>,
    frames: u64,
}

/// A stretch of bytes as it lies in the file.
#[derive(Clone, Copy)]
struct Frame {
    /// Its number is its nonce: no two frames of a snapshot share one, and no two snapshots share a key.
    number: u64,
    length: usize,
    stored_at: u64,
    stored: usize,
}

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// No file for it.
    #[error("no room for a snapshot in {folder}")]
    File {
        /// The folder.
        folder: String,
        /// What the system says.
        source: io::Error,
    },
    /// No key for it.
    #[error("the system gave no randomness for its key")]
    Key,
}

impl Snapshot {
    /// An empty snapshot, in a file without a name in this folder.
    ///
    /// # Errors
    ///
    /// If there can be no such file.
    pub fn new(folder: &Path) -> Result<Self, SnapshotError> {
        let file = tempfile::tempfile_in(folder).map_err(|source| SnapshotError::File {
            folder: folder.display().to_string(),
            source,
        })?;
        let mut key = Zeroizing::new([0u8; 32]);
        getrandom::fill(&mut *key).map_err(|_| SnapshotError::Key)?;
        let key = UnboundKey::new(&AES_256_GCM, &*key).map_err(|_| SnapshotError::Key)?;
        Ok(Self {
            file,
            key: LessSafeKey::new(key),
            end: AtomicU64::new(0),
            index: Mutex::default(),
        })
    }

    /// Bytes that were taken.
    pub fn bytes(&self) -> u64 {
        let index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let frames = index.places.values().flat_map(BTreeMap::values);
        frames.map(|frame| frame.length as u64).sum()
    }

    /// Bytes that the snapshot occupies on the disk.
    pub fn stored(&self) -> u64 {
        self.end.load(Ordering::Relaxed)
    }

    fn keep(&self, place: &Place, at: u64, bytes: &[u8]) -> io::Result<()> {
        let number = {
            let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
            index.frames += 1;
            index.frames
        };
        let mut sealed = lz4_flex::block::compress(bytes);
        self.key
            .seal_in_place_append_tag(nonce(number), Aad::empty(), &mut sealed)
            .map_err(|_| io::Error::other("encryption failed"))?;
        let stored_at = self.end.fetch_add(sealed.len() as u64, Ordering::Relaxed);
        self.file.write_all_at(&sealed, stored_at)?;
        let frame = Frame {
            number,
            length: bytes.len(),
            stored_at,
            stored: sealed.len(),
        };
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let frames = index.places.entry(place.clone()).or_default();
        frames.insert(at, frame);
        Ok(())
    }

    fn open(&self, frame: Frame) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut sealed = vec![0; frame.stored];
        self.file.read_exact_at(&mut sealed, frame.stored_at)?;
        let plain = self
            .key
            .open_in_place(nonce(frame.number), Aad::empty(), &mut sealed)
            .map_err(|_| io::Error::other("the snapshot was changed on the disk"))?;
        let opened = lz4_flex::block::decompress(plain, frame.length).map(Zeroizing::new);
        sealed.zeroize();
        opened.map_err(io::Error::other)
    }

    /// The work of searching it, a piece for each contiguous stretch of each place. What the snapshot could not take is
    /// told to the visitor as it was when it was taken.
    pub fn works(&self) -> impl Iterator<Item = Work<'_>> + Send {
        let index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let mut works: Vec<Work<'_>> = Vec::new();
        for (place, gap) in &index.gaps {
            let (place, gap) = (place.clone(), gap.clone());
            works.push(Box::new(move |visitor| visitor.gap(&place, gap)));
        }
        for (place, frames) in &index.places {
            for (at, run) in runs(frames) {
                let place = place.clone();
                works.push(Box::new(move |visitor| {
                    self.replay(&place, at, run, visitor)
                }));
            }
        }
        works.into_iter()
    }

    fn replay(&self, place: &Place, at: u64, frames: Vec<Frame>, visitor: &dyn Visitor) {
        let reader = Replay {
            snapshot: self,
            frames: frames.into_iter(),
            open: Zeroizing::default(),
            read: 0,
        };
        let windows = Windows::part(reader, place, visitor, at, at..u64::MAX);
        if let Err(error) = windows.finish() {
            let gap = Gap {
                kind: GapKind::Unreadable,
                what: format!("snapshot: {error}"),
                bytes: None,
            };
            visitor.gap(place, gap);
        }
    }
}

impl Visitor for Snapshot {
    fn window(&self, place: &Place, window: &Window<'_>) {
        for start in window.fresh.clone().step_by(FRAME) {
            let end = (start + FRAME).min(window.fresh.end);
            let at = window.offset + start as u64;
            if let Err(error) = self.keep(place, at, &window.bytes[start..end]) {
                let gap = Gap {
                    kind: GapKind::Unreadable,
                    what: format!("not taken into the snapshot: {error}"),
                    bytes: Some((end - start) as u64),
                };
                self.gap(place, gap);
            }
        }
    }

    fn gap(&self, place: &Place, gap: Gap) {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        index.gaps.push((place.clone(), gap));
    }
}

fn nonce(number: u64) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[..8].copy_from_slice(&number.to_le_bytes());
    Nonce::assume_unique_for_key(nonce)
}

/// Frames that follow each other without a hole, with the position of the first.
fn runs(frames: &BTreeMap<u64, Frame>) -> Vec<(u64, Vec<Frame>)> {
    let mut runs: Vec<(u64, Vec<Frame>)> = Vec::new();
    let mut next = None;
    for (&at, &frame) in frames {
        match runs.last_mut() {
            Some((_, run)) if next == Some(at) => run.push(frame),
            _ => runs.push((at, vec![frame])),
        }
        next = at.checked_add(frame.length as u64);
    }
    runs
}

/// Reads frames one after another.
struct Replay<'s> {
    snapshot: &'s Snapshot,
    frames: std::vec::IntoIter<Frame>,
    open: Zeroizing<Vec<u8>>,
    read: usize,
}

impl Read for Replay<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.read == self.open.len() {
            let Some(frame) = self.frames.next() else {
                return Ok(0);
            };
            self.open = self.snapshot.open(frame)?;
            self.read = 0;
        }
        let length = into.len().min(self.open.len() - self.read);
        into[..length].copy_from_slice(&self.open[self.read..self.read + length]);
        self.read += length;
        Ok(length)
    }
}

//! The memory that a frame asks for, and whose turn it is to have much: [`Turn`].

use std::cell::Cell;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::source::container::budget::Spent;

/// The largest window that a frame may ask for: what the usual packer takes at its highest level (`--ultra -22`, `--long`).
pub(super) const LARGEST: u64 = 128 << 20;
/// Windows above this are had by one thread at a time.
const LARGE: u64 = 16 << 20;
/// Bytes of a frame that say how large its window is.
pub(super) const HEADER: usize = 18;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

thread_local! {
    static HAS_TURN: Cell<bool> = const { Cell::new(false) };
}

/// Leave to have a large window: however many threads search, memory stays bounded.
pub(super) struct Turn {
    _held: MutexGuard<'static, ()>,
}

impl Turn {
    /// Waits for leave to have a window of so many bytes; small ones need none.
    ///
    /// # Errors
    /// It is too large, or lies in another large one: waiting for that would never end.
    pub(super) fn wait(window: u64) -> io::Result<Option<Self>> {
        if window > LARGEST || (window > LARGE && HAS_TURN.get()) {
            return Err(io::Error::other(Spent::Window { window }));
        }
        if window <= LARGE {
            return Ok(None);
        }
        let held = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        HAS_TURN.set(true);
        Ok(Some(Self { _held: held }))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        HAS_TURN.set(false);
    }
}

/// The window that a frame asks for, by its header behind the magic number (RFC 8878, 3.1.1.1).
pub(super) fn asked_for(header: &[u8]) -> Option<u64> {
    let descriptor = *header.first()?;
    if descriptor & 0x20 == 0 {
        let window = u64::from(*header.get(1)?);
        let base = 1u64 << (10 + (window >> 3));
        return Some(base + base / 8 * (window & 7));
    }
    // A single segment: all of its content.
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let size = header.get(1 + dictionary..)?;
    Some(match descriptor >> 6 {
        0 => u64::from(*size.first()?),
        1 => u64::from(u16::from_le_bytes(*size.first_chunk()?)) + 256,
        2 => u64::from(u32::from_le_bytes(*size.first_chunk()?)),
        _ => u64::from_le_bytes(*size.first_chunk()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_read_as_the_specification_says() {
        assert_eq!(asked_for(&[0x00, 0x00]), Some(1024));
        assert_eq!(asked_for(&[0x00, 17 << 3]), Some(LARGEST));
        assert_eq!(asked_for(&[0x04, 17 << 3 | 1]), Some(LARGEST + LARGEST / 8));
        assert_eq!(asked_for(&[0x20, 9]), Some(9));
        assert_eq!(asked_for(&[0x61, 1, 0, 1]), Some(512));
        assert_eq!(asked_for(&[0xa3, 0, 0, 0, 0, 0, 0, 0, 8]), Some(LARGEST));
        assert_eq!(asked_for(&[0xe0, 0, 0, 0, 0, 1, 0, 0, 0]), Some(1 << 32));
        assert_eq!(asked_for(&[0xe0, 0]), None);
    }

    #[test]
    fn a_large_window_within_a_large_one_is_refused_and_not_waited_for() {
        let turn = Turn::wait(LARGEST).unwrap();
        assert!(turn.is_some());
        assert!(Turn::wait(LARGE).unwrap().is_none(), "small ones are free");
        assert!(Turn::wait(LARGE + 1).is_err());
        drop(turn);
        assert!(Turn::wait(LARGE + 1).is_ok());
        assert!(Turn::wait(LARGEST + 1).is_err());
    }
}

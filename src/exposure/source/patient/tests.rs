//! A medium that fails here and there.

use std::io::Read;

use proptest::prelude::*;

use super::*;
use crate::source::file::{SPAN, Spans};
use crate::source::limits::Limits;
use crate::source::testing::{Seen, noise};

/// A disk on which some sectors fail, and every read that touches them.
struct Disk {
    bytes: Vec<u8>,
    bad: Vec<u64>,
}

impl ReadAt for Disk {
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        let left = self.bytes.get(at as usize..).unwrap_or_default();
        let length = into.len().min(left.len());
        let touched = at / 512..(at + length as u64).div_ceil(512);
        if self.bad.iter().any(|sector| touched.contains(sector)) {
            return Err(io::Error::from_raw_os_error(nix::libc::EIO));
        }
        into[..length].copy_from_slice(&left[..length]);
        Ok(length)
    }
}

proptest! {
    /// All that the disk gives comes out, all that it does not is told, and nothing else.
    #[test]
    fn only_bad_sectors_are_lost(
        length in 1u64..3 << 20,
        start in 0u64..10_000,
        bad in prop::collection::btree_set(0u64..6000, 0..20),
    ) {
        let disk = Disk { bytes: noise(1, length as usize), bad: bad.iter().copied().collect() };
        let lost = Lost::default();
        let mut read = vec![];
        Patient::new(&disk, start..u64::MAX, &lost).read_to_end(&mut read).unwrap();
        let mut wanted = disk.bytes.get(start as usize..).unwrap_or_default().to_vec();
        let mut bytes = 0;
        for sector in bad {
            let from = (sector * 512).max(start).min(length.max(start)) - start;
            let to = (sector * 512 + 512).max(start).min(length.max(start)) - start;
            wanted[from as usize..to as usize].fill(0);
            bytes += to - from;
        }
        // Of a last sector that is lost, nobody knows how much of it was the disk's: the rest is zeros as well.
        prop_assert!(read.len() < wanted.len() + 512);
        prop_assert!(read.drain(wanted.len()..).all(|byte| byte == 0));
        prop_assert!(read == wanted);
        let seen = Seen::new(&[]);
        lost.tell(&Place::default(), length, &seen);
        prop_assert_eq!(seen.lost(), bytes);
    }
}

#[test]
fn neighbours_are_told_as_one_and_many_as_a_sum() {
    let disk = |bad: Vec<u64>| Disk {
        bytes: noise(1, 1 << 20),
        bad,
    };
    let told = |disk: &Disk| {
        let lost = Lost::default();
        // Two readers, whose surroundings overlap.
        for range in [0..600_000, 400_000..1 << 20] {
            io::copy(&mut Patient::new(disk, range, &lost), &mut io::sink()).unwrap();
        }
        let seen = Seen::new(&[]);
        lost.tell(&Place::default(), 1 << 20, &seen);
        seen.gaps()
    };
    assert_eq!(
        told(&disk(vec![10, 11, 12, 1000])),
        [
            ": Unreadable: Input/output error (os error 5): 0x1400-0x1a00",
            ": Unreadable: Input/output error (os error 5): 0x7d000-0x7d200",
        ]
    );
    let many = told(&disk((0..2000).step_by(2).collect()));
    assert_eq!(many.len(), TOLD + 1);
    assert!(
        many.iter().any(|gap| gap.ends_with("968 more ranges")),
        "{many:?}"
    );
}

#[test]
fn a_dead_disk_is_given_up() {
    struct Dead;
    impl ReadAt for Dead {
        fn read_at(&self, _: &mut [u8], _: u64) -> io::Result<usize> {
            Err(io::Error::from_raw_os_error(nix::libc::EIO))
        }
    }
    let lost = Lost::default();
    let read = io::copy(&mut Patient::new(&Dead, 0..1 << 40, &lost), &mut io::sink()).unwrap();
    assert!(read <= HOPELESS);
    assert!(lost.gave_up());
    let seen = Seen::new(&[]);
    lost.tell(&Place::default(), 1 << 40, &seen);
    assert_eq!(seen.lost(), 1 << 40);
}

#[test]
fn a_device_is_searched_around_what_it_does_not_give() {
    const NEEDLE: &[u8] = b"the needle that is looked for";
    let size = SPAN + (1 << 20);
    let mut bytes = noise(9, size as usize);
    // Two sectors that two spans meet at, and one by itself with needles around it.
    let bad = [SPAN / 512 - 1, SPAN / 512, 2000];
    for at in [2000 * 512 - 29, 2001 * 512, SPAN as usize + 600] {
        bytes[at..at + 29].copy_from_slice(NEEDLE);
    }
    let disk = Box::new(Disk {
        bytes,
        bad: bad.to_vec(),
    });
    let limits = Limits::default();
    let place = Place {
        source: "/dev/x".to_owned(),
        ..Place::default()
    };
    let seen = Seen::new(NEEDLE);
    seen.do_all(Spans::of_device(disk, size, place, &limits));
    assert_eq!(seen.found().len(), 3, "{:?}", seen.found());
    assert_eq!(
        seen.gaps(),
        [
            "x: Unreadable: Input/output error (os error 5): 0x1fffe00-0x2000200",
            "x: Unreadable: Input/output error (os error 5): 0xfa000-0xfa200",
        ]
    );
    assert_eq!(seen.tiled(&[]), size);
}

//! Windows tile a stream, with surroundings, whoever reads from it meanwhile and however.

use proptest::prelude::*;

use super::*;
use crate::source::testing::{Seen, noise};

/// Small, so that short streams have many windows.
const SMALL: usize = 4 * REACH;

/// Gives bytes in pieces as `steps` says, again and again.
struct Dribble<'a> {
    bytes: &'a [u8],
    steps: &'a [usize],
    next: usize,
}

impl Read for Dribble<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let step = self.steps[self.next % self.steps.len()];
        self.next += 1;
        if step == 0 {
            return Err(ErrorKind::Interrupted.into());
        }
        let length = step.min(into.len()).min(self.bytes.len());
        into[..length].copy_from_slice(&self.bytes[..length]);
        self.bytes = &self.bytes[length..];
        Ok(length)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// A needle anywhere, most of all around where windows meet, is found once by each who begins with it; every byte is
    /// answered for once; and who reads from the windows gets the stream.
    #[test]
    fn every_byte_is_answered_for_once_and_every_needle_found(
        length in 1usize..5 * SMALL,
        at in prop_oneof![0usize..5 * SMALL, (1usize..8, 0usize..200)
            .prop_map(|(n, d)| (n * (SMALL - 2 * REACH) + REACH + 100).saturating_sub(d))],
        steps in prop::collection::vec(prop_oneof![Just(0), 1usize..100, 1000usize..400_000], 1..8),
        takes in prop::collection::vec((0usize..3, 1usize..100_000), 0..40),
    ) {
        prop_assume!(steps.iter().any(|step| *step > 900));
        let needle = b"the needle that is looked for";
        let mut bytes = noise(length as u64, length);
        let at = at.min(length.saturating_sub(needle.len()));
        let planted = length >= needle.len();
        if planted {
            bytes[at..at + needle.len()].copy_from_slice(needle);
        }
        let seen = Seen::new(needle);
        let place = Place { source: "s".to_owned(), ..Place::default() };
        let reader = Dribble { bytes: &bytes, steps: &steps, next: 0 };
        let mut windows = Windows::build(reader, &place, Some(&seen), SMALL);
        let mut position = 0;
        for (how, length) in takes {
            match how {
                0 => {
                    let mut into = vec![0; length];
                    let read = windows.read(&mut into).unwrap();
                    prop_assert_eq!(&into[..read], &bytes[position..position + read]);
                    position += read;
                }
                1 => {
                    let rest = &bytes[position..];
                    let wanted = length.min(REACH).min(rest.len());
                    prop_assert_eq!(windows.peek(length), &rest[..wanted]);
                }
                _ => position += windows.skip(length as u64) as usize,
            }
            prop_assert_eq!(windows.position().get(), position as u64);
        }
        prop_assert_eq!(windows.finish().unwrap(), length as u64);
        prop_assert_eq!(seen.tiled(&[]), length as u64);
        let expected: Vec<_> = planted.then(|| format!("s @ {at}")).into_iter().collect();
        prop_assert_eq!(seen.found(), expected);
    }

    /// Parts of a stream, each with its own reader, tile it as one does.
    #[test]
    fn parts_tile_as_the_whole_does(
        length in 1usize..4 * SMALL,
        span in (REACH / 2)..2 * SMALL,
    ) {
        let bytes = noise(7, length);
        let seen = Seen::new(&[]);
        let place = Place::default();
        for start in (0..length).step_by(span) {
            let end = (start + span).min(length);
            let from = start.saturating_sub(REACH);
            let part = &bytes[from..(end + REACH).min(length)];
            Windows::part(part, &place, &seen, from as u64, start as u64..end as u64)
                .finish()
                .unwrap();
        }
        prop_assert_eq!(seen.tiled(&[]), length as u64);
    }
}

#[test]
fn what_came_before_a_failure_is_searched_and_the_failure_told() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the cable is out"))
        }
    }
    let seen = Seen::new(b"needle");
    let place = Place::default();
    let windows = Windows::new(b"a needle".chain(Fails), &place, &seen);
    assert_eq!(
        windows.finish().unwrap_err().to_string(),
        "the cable is out"
    );
    assert_eq!(seen.found().len(), 1);
}

#[test]
fn an_empty_stream_has_no_windows() {
    let seen = Seen::new(b"needle");
    let place = Place::default();
    assert_eq!(Windows::new(&[][..], &place, &seen).finish().unwrap(), 0);
    assert_eq!(seen.tiled(&[]), 0);
}

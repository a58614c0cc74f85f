//! The matcher finds each known key in each encoding, however it lies, and nothing else.
//!
//! The encodings are written here once more, by other means than the matcher's own.

#[path = "matcher/keys.rs"]
mod keys;
#[path = "matcher/spell.rs"]
mod spell;

use proptest::prelude::*;
use scas_exposure::detector::{Confirmed, Detector, REACH, Sighting, Whose, Window};
use scas_exposure::key::{Part, Target};
use scas_exposure::matcher::Matcher;

use keys::{Kind, Random, numbers, target};
use spell::{SPELLINGS, Spelling};

/// Searches a stream that is cut at `cuts`, each window with its surroundings.
fn search(matcher: &Matcher, stream: &[u8], cuts: &[usize]) -> Vec<Sighting> {
    let mut found: Vec<Sighting> = Vec::new();
    let mut from = 0usize;
    for to in cuts.iter().copied().chain([stream.len()]) {
        let begin = from.saturating_sub(REACH);
        let end = stream.len().min(to + REACH);
        let window = Window {
            bytes: &stream[begin..end],
            fresh: from - begin..to - begin,
            offset: begin as u64,
            ahead: 0,
        };
        matcher.search(&window, &mut |sighting| {
            if !found.contains(&sighting) {
                found.push(sighting);
            }
        });
        from = to;
    }
    found
}

/// Without those that another encloses: at the border of two windows, one may see the whole and the other a part.
fn outermost(found: Vec<Sighting>) -> Vec<Sighting> {
    let range = |sighting: &Sighting| sighting.at..sighting.at + sighting.length;
    let encloses = |outer: &Sighting, inner: &Sighting| {
        let (outer, inner) = (range(outer), range(inner));
        outer != inner && outer.start <= inner.start && inner.end <= outer.end
    };
    let enclosed = |inner: &&Sighting| found.iter().any(|outer| encloses(outer, inner));
    found
        .iter()
        .filter(|sighting| !enclosed(sighting))
        .cloned()
        .collect()
}

fn whole(sighting: &Sighting) -> bool {
    matches!(sighting.confirmed, Confirmed::Compared { bytes, of } if bytes == of)
}

/// Plants each number of a key in one spelling, among other bytes; expects exactly one sighting of each, at its place.
fn all_found(
    target: &Target,
    matcher: &Matcher,
    spelling: &Spelling,
    random: &mut Random,
    text: bool,
    cut: usize,
) -> Result<(), TestCaseError> {
    for (part, number) in numbers(target) {
        let planted = (spelling.write)(&number, random);
        let surroundings = |random: &mut Random, length| {
            if text {
                random.text(length)
            } else {
                random.bytes(length)
            }
        };
        let before = 300 + (random.next() % 64) as usize;
        let mut stream = surroundings(random, before);
        stream.extend_from_slice(&planted.text);
        let after = surroundings(random, 300);
        stream.extend_from_slice(&after);
        let cut = before + cut % (planted.text.len() + 1);
        let found = search(matcher, &stream, &[cut]);
        let from = (before + planted.secret.start) as u64;
        let to = (before + planted.secret.end) as u64;
        let found = outermost(found);
        prop_assert_eq!(found.len(), 1, "{}: {:?}", spelling.name, found);
        let sighting = &found[0];
        prop_assert_eq!(&sighting.key, &Whose::Target(0));
        prop_assert_eq!(sighting.part, part);
        prop_assert!(whole(sighting), "{}: {:?}", spelling.name, sighting);
        let encoding = if matches!(part, Part::Seed | Part::ExpandedSeed) {
            spelling.encoding.replace("of little-endian", "of reversed")
        } else {
            spelling.encoding.to_owned()
        };
        // No number, no order.
        let encoding = match (part, encoding.as_str()) {
            (Part::Seed | Part::ExpandedSeed, "big-endian") => "raw",
            (Part::Seed | Part::ExpandedSeed, "little-endian") => "reversed",
            (_, encoding) => encoding,
        };
        let actual = sighting.encoding.replace(", URL-safe", "");
        prop_assert_eq!(actual, encoding, "{}", spelling.name);
        prop_assert_eq!(sighting.at, from, "{}: {:?}", spelling.name, sighting);
        prop_assert_eq!(
            sighting.at + sighting.length,
            to,
            "{}: {:?}",
            spelling.name,
            sighting
        );
        for name in spelling.within {
            prop_assert!(
                sighting.within.iter().any(|w| w == name),
                "{}: {:?}",
                spelling.name,
                sighting
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Every encoding, at every alignment, over every border of windows, of every kind of key, in noise and in text.
    #[test]
    fn every_encoding_is_found(seed: u64, text: bool, cut in 0..4000usize) {
        let mut random = Random(seed);
        for kind in Kind::ALL {
            let target = target(kind, &mut random);
            let matcher = Matcher::new(std::slice::from_ref(&target));
            for spelling in SPELLINGS {
                all_found(&target, &matcher, spelling, &mut random, text, cut)?;
            }
        }
    }

    /// Sixteen bytes that are left of a key, whichever, are found in each order of its bytes.
    #[test]
    fn sixteen_bytes_are_enough(seed: u64, start in 0..17usize, before in 0..64usize, spelled in 0..6usize) {
        let mut random = Random(seed);
        let target = target(Kind::P256, &mut random);
        let matcher = Matcher::new(std::slice::from_ref(&target));
        let planted = (SPELLINGS[spelled].write)(&numbers(&target)[0].1, &mut random);
        let planted = &planted.text[planted.secret];
        let mut stream = random.bytes(before);
        // What stands before is not by chance one byte more of it.
        if let (Some(last), Some(left)) = (stream.last_mut(), start.checked_sub(1)) {
            *last = !planted[left];
        }
        stream.extend_from_slice(&planted[start..start + 16]);
        stream.extend(random.bytes(40));
        let found = search(&matcher, &stream, &[]);
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!(found[0].at, before as u64);
        let seen = matches!(found[0].confirmed, Confirmed::Compared { bytes: 16.., of: 32 });
        prop_assert!(seen, "{:?}", found);
    }

    /// Damaged text around pieces of a key is read without a stumble, and what is said of it is true.
    #[test]
    fn damaged_text(seed: u64, hurts in prop::collection::vec((0..2000usize, 0..5u8, any::<u8>()), 0..8)) {
        let mut random = Random(seed);
        let target = target(Kind::P384, &mut random);
        let matcher = Matcher::new(std::slice::from_ref(&target));
        let number = &numbers(&target)[0].1;
        for spelling in SPELLINGS {
            let mut stream = (spelling.write)(number, &mut random).text;
            for (at, kind, byte) in &hurts {
                let at = at % stream.len().max(1);
                match kind {
                    0 => stream.truncate(at),
                    1 => stream.drain(..at).for_each(drop),
                    2 => stream.insert(at, *byte),
                    3 => stream.splice(at..at, b"\\\\n\\\"' + \"%0A&#10;0x\\x> ".iter().copied()).for_each(drop),
                    _ => stream.extend_from_within(at..),
                }
            }
            for sighting in search(&matcher, &stream, &[stream.len() / 2]) {
                prop_assert!(sighting.at + sighting.length <= stream.len() as u64);
                let true_count = matches!(sighting.confirmed, Confirmed::Compared { bytes: 14..=48, of: 48 });
                prop_assert!(true_count, "{:?}", sighting);
            }
        }
    }

    /// Twelve bytes are not: they could be another's.
    #[test]
    fn twelve_bytes_are_too_few(seed: u64, start in 0..20usize) {
        let mut random = Random(seed);
        let target = target(Kind::P256, &mut random);
        let matcher = Matcher::new(std::slice::from_ref(&target));
        let mut stream = vec![0; 64];
        stream.extend_from_slice(&numbers(&target)[0].1[start..start + 12]);
        stream.extend([0; 64]);
        prop_assert_eq!(search(&matcher, &stream, &[]), []);
    }
}

/// Of many keys, each is found as its own; nothing is found in what has none.
#[test]
fn a_thousand_keys() {
    let mut random = Random(7);
    let targets: Vec<Target> = (0..1000).map(|_| target(Kind::P256, &mut random)).collect();
    let matcher = Matcher::new(&targets);
    assert_eq!(matcher.needles(), 1000);
    let mut stream = random.bytes(1 << 20);
    let clean = stream.clone();
    for (i, target) in targets.iter().enumerate() {
        let planted = (SPELLINGS[i % SPELLINGS.len()].write)(&numbers(target)[0].1, &mut random);
        stream.extend(planted.text);
        let gap = (random.next() % 50) as usize;
        stream.extend(random.bytes(gap));
    }
    let found = search(&matcher, &stream, &[1 << 19, (1 << 20) + 5000]);
    let expected: Vec<Whose> = (0..1000).map(Whose::Target).collect();
    assert_eq!(
        found.iter().map(|s| s.key.clone()).collect::<Vec<_>>(),
        expected
    );
    assert!(found.iter().all(whole));
    assert_eq!(search(&matcher, &clean, &[]), []);
}

/// A target whose private half is unknown gives no needle.
#[test]
fn public_keys_are_no_needles() {
    let mut public = target(Kind::P256, &mut Random(1));
    public.private = None;
    let matcher = Matcher::new(&[public]);
    assert_eq!(matcher.needles(), 0);
    assert_eq!(search(&matcher, &Random(1).bytes(4096), &[]), []);
}

/// Scalars with long runs in them are found whole, and the runs by themselves are not.
#[test]
fn runs_are_no_evidence() {
    for (range, filler) in [(0..16, 0u8), (16..32, 0), (8..20, 0xff), (4..20, 0x20)] {
        let mut random = Random(3);
        let mut number = random.bytes(32);
        number[range.clone()].fill(filler);
        let target = keys::ec(&number);
        let matcher = Matcher::new(&[target]);
        let stream = vec![filler; 4096];
        assert_eq!(search(&matcher, &stream, &[]), [], "{range:?}");
        for before in 0..24 {
            let mut stream = vec![filler; before];
            stream.extend_from_slice(&number);
            stream.extend([filler; 100]);
            let found = search(&matcher, &stream, &[]);
            assert_eq!(found.len(), 1, "{range:?}, {before}");
            assert!(whole(&found[0]), "{range:?}, {before}");
            assert_eq!(found[0].part, Part::Scalar);
        }
    }
}

/// Nothing is found in other data.
#[test]
fn nothing_elsewhere() {
    let mut random = Random(11);
    let targets: Vec<Target> = Kind::ALL
        .into_iter()
        .map(|kind| target(kind, &mut random))
        .collect();
    let matcher = Matcher::new(&targets);
    for stream in [
        random.bytes(16 << 20),
        random.text(16 << 20),
        random.hex(8 << 20),
    ] {
        assert_eq!(search(&matcher, &stream, &[]), []);
    }
}

/// A key that no search by its encodings could tell from what fills memory is named, so that nobody takes "not found" for more
/// than it is.
#[test]
fn keys_without_a_face_are_named() {
    let mut random = Random(5);
    let plain = keys::ec(&[[0; 30].as_slice(), &[1, 2]].concat());
    let good = target(Kind::P256, &mut random);
    let matcher = Matcher::new(&[good, plain]);
    assert_eq!(matcher.too_plain().collect::<Vec<_>>(), [1]);
}

/// What the search once missed. Of the one stretch that a line break leaves whole the filter looks at one gram, and three or
/// four of its bytes are the same; or it is the last that the filter looks at before the window ends.
#[test]
fn the_last_gram_that_is_left_is_enough() {
    for (seed, text, cut) in [
        (14_251_626_635_686_100_138, false, 1526),
        (3_265_542_334_712_344_897, false, 2432),
        (2_499_621_853_750_791_320, true, 696),
    ] {
        let mut random = Random(seed);
        for kind in Kind::ALL {
            let target = target(kind, &mut random);
            let matcher = Matcher::new(std::slice::from_ref(&target));
            for spelling in SPELLINGS {
                let found = all_found(&target, &matcher, spelling, &mut random, text, cut);
                assert!(found.is_ok(), "{kind:?}, {}: {found:?}", spelling.name);
            }
        }
    }
}

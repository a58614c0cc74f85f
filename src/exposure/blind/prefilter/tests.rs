use proptest::prelude::*;

use super::*;

/// What the sieve should say of one window, the long way.
fn looks_like_a_key(sieve: &Sieve, window: &[u8]) -> bool {
    let core = &window[sieve.core.clone()];
    let different: std::collections::HashSet<_> = core.iter().collect();
    let ones: u32 = core.iter().map(|byte| byte.count_ones()).sum();
    let weight: usize = core
        .iter()
        .map(|byte| usize::from(WEIGHTS[usize::from(*byte)]))
        .sum();
    weight <= sieve.bounds.weight
        && different.len() >= sieve.bounds.distinct
        && (ones as usize).abs_diff(4 * core.len()) <= sieve.bounds.imbalance
        && core.iter().filter(|byte| **byte >= 0x80).count() >= sieve.bounds.high
        && core.iter().filter(|byte| **byte == 0).count() <= sieve.bounds.zeros
}

/// Data of all kinds, such that windows lie on both sides of each bound.
fn data() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => prop::collection::vec(any::<u8>(), 0..150),
        1 => prop::collection::vec(0..0x90u8, 0..100),
        1 => prop::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 0..60),
        1 => (0..80usize).prop_map(|length| vec![0; length]),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    /// The sieve, which looks at 64 windows at once and counts as it goes, agrees with looking at each window by itself:
    /// whatever the data, the window's size, the part that is fresh, and the positions that are wanted.
    #[test]
    fn agrees_with_the_long_way(
        bytes in data(),
        (size, trim, loss) in prop_oneof![
            Just((32, 0, 0.02)), Just((48, 0, 0.02)), Just((66, 1, 0.02)), Just((128, 0, 0.02)), Just((32, 0, 2.5e-5)),
        ],
        offset in 0..1000u64,
        pattern in prop_oneof![Just(u64::MAX), Just(0x0101_0101_0101_0101), any::<u64>()],
        (from, to) in (0..400usize, 0..400usize),
    ) {
        let sieve = Sieve::new(size, trim..size - trim, loss);
        let fresh = from.min(bytes.len())..to.clamp(from.min(bytes.len()), bytes.len());
        let expected: Vec<usize> = fresh
            .clone()
            .filter(|at| at + size <= bytes.len())
            .filter(|at| pattern >> ((*at as u64 + offset) % 64) & 1 == 1)
            .filter(|at| looks_like_a_key(&sieve, &bytes[*at..at + size]))
            .collect();
        let mut found = Vec::new();
        sieve.candidates(&bytes, fresh, offset, pattern, |at| found.push(at));
        prop_assert_eq!(found, expected);
    }

    /// Both ways to look at a block agree.
    #[test]
    fn blocks_agree(block in prop::collection::vec(prop_oneof![Just(0u8), any::<u8>()], BLOCK)) {
        let block = block.try_into().unwrap();
        let (one, other) = (Bits::of_block(&block), Bits::of_block_anywhere(&block));
        prop_assert_eq!((one.high, one.zero), (other.high, other.zero));
    }
}

/// A million keys: as many are lost as was computed, give or take what chance gives and takes.
#[test]
fn loss_is_as_computed() {
    let sieve = Sieve::new(32, 0..32, 1e-3);
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut lost = 0;
    for _ in 0..1_000_000 {
        let mut key = [0; 32];
        for word in key.as_chunks_mut::<8>().0 {
            // xorshift64: a fixed seed, and random enough for counting.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *word = state.to_le_bytes();
        }
        let mut passed = false;
        sieve.candidates(&key, 0..1, 0, u64::MAX, |_| passed = true);
        lost += i32::from(!passed);
    }
    let expected = sieve.loss() * 1e6;
    // Five standard deviations, and what is counted twice in the sum.
    assert!(f64::from(lost) < expected + 5.0 * expected.sqrt(), "{lost}");
    assert!(
        f64::from(lost) > 0.8 * expected - 5.0 * expected.sqrt(),
        "{lost}"
    );
}

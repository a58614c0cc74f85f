//! How much a byte speaks for machine code and tables, and so against a key: [`WEIGHTS`].

/// For each byte how much more often it is in programs and their memory than among random bytes, as the logarithm to the base 2,
/// from 0 (a quarter as often, or less) to 4 (four times as often, or more).
///
/// Measured on x86-64 (Git, the C library, Python and a process of it), in windows of 32 bytes of which 24 are different. Other
/// data only makes the filter less sharp: what it loses depends on random keys alone.
#[rustfmt::skip]
pub const WEIGHTS: [u8; 256] = [
    4, 4, 3, 2, 3, 3, 2, 2, 3, 2, 1, 1, 2, 1, 3, 4,
    3, 1, 1, 1, 2, 2, 1, 1, 3, 1, 0, 0, 1, 1, 1, 3,
    3, 1, 0, 0, 4, 1, 0, 0, 2, 2, 0, 1, 1, 1, 1, 1,
    2, 4, 0, 0, 1, 2, 0, 0, 2, 3, 0, 1, 1, 2, 0, 1,
    2, 4, 1, 1, 4, 3, 1, 1, 4, 4, 1, 1, 4, 2, 1, 0,
    2, 0, 0, 2, 2, 2, 1, 1, 1, 0, 0, 2, 2, 2, 1, 1,
    1, 0, 1, 2, 2, 0, 3, 0, 1, 0, 0, 0, 1, 0, 0, 1,
    1, 0, 1, 1, 3, 3, 1, 1, 1, 0, 0, 1, 2, 1, 1, 1,
    2, 1, 0, 4, 3, 4, 1, 1, 1, 4, 0, 4, 1, 4, 1, 1,
    2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 1, 0, 0, 0, 2, 1,
    4, 2, 2, 3, 2, 2, 2, 2, 1, 2, 1, 0, 0, 0, 0, 0,
    2, 1, 2, 1, 0, 0, 0, 0, 1, 0, 1, 1, 0, 0, 1, 2,
    2, 1, 1, 0, 1, 0, 1, 1, 4, 3, 1, 2, 1, 2, 1, 2,
    2, 1, 1, 1, 0, 1, 2, 2, 2, 1, 1, 2, 1, 2, 2, 4,
];

/// The largest weight.
pub const HEAVIEST: usize = 4;

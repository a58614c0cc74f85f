//! How random bytes look: the thresholds of the prefilter and what they lose, computed, not guessed.

use super::weights::{HEAVIEST, WEIGHTS};

/// Bounds that bytes of a key keep, but for a part of the keys that is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// At least so many bytes are different.
    pub distinct: usize,
    /// The number of bits that are set is this far from half at most.
    pub imbalance: usize,
    /// At least so many bytes are 0x80 or above: text has hardly any.
    pub high: usize,
    /// At most so many bytes are zero.
    pub zeros: usize,
    /// The [weights](super::weights) of the bytes are so much together at most.
    pub weight: usize,
    /// The part of the keys that breaks a bound, at most (one key may break two).
    pub loss: f64,
}

impl Bounds {
    /// The tightest bounds for `size` random bytes that together lose no more than `loss` of them.
    ///
    /// The number of different bytes tells a key from other data best and gets the largest share of the loss.
    pub fn new(size: usize, loss: f64) -> Self {
        let different = distinct(size);
        let (distinct, distinct_loss) = lowest(&different, 0.54 * loss);
        let (fewest_bits, bits_loss) = lowest(&binomial(8 * size, 0.5), 0.18 * loss / 2.0);
        let (high, high_loss) = lowest(&binomial(size, 0.5), 0.06 * loss);
        let (zeros, zeros_loss) = highest(binomial(size, 1.0 / 256.0), 0.02 * loss);
        let (weight, weight_loss) = highest(weights(size), 0.2 * loss);
        Self {
            distinct,
            imbalance: 4 * size - fewest_bits,
            high,
            zeros,
            weight,
            // The bits are as likely too many as too few.
            loss: distinct_loss + 2.0 * bits_loss + high_loss + zeros_loss + weight_loss,
        }
    }
}

/// The largest value that all but `loss` reach, and what part does not reach it, from the probability of each value.
fn lowest(probabilities: &[f64], loss: f64) -> (usize, f64) {
    let mut below = 0.0;
    for (value, probability) in probabilities.iter().enumerate() {
        if below + probability > loss {
            return (value, below);
        }
        below += probability;
    }
    (probabilities.len(), below)
}

/// The smallest value that all but `loss` do not exceed, and what part exceeds it.
fn highest(mut probabilities: Vec<f64>, loss: f64) -> (usize, f64) {
    probabilities.reverse();
    let (below, part) = lowest(&probabilities, loss);
    (probabilities.len() - 1 - below, part)
}

/// Probabilities of the sums of the weights of `size` random bytes.
fn weights(size: usize) -> Vec<f64> {
    let mut one = [0.0; HEAVIEST + 1];
    for weight in WEIGHTS {
        one[usize::from(weight)] += 1.0 / 256.0;
    }
    let mut now = vec![1.0];
    for _ in 0..size {
        let mut next = vec![0.0; now.len() + HEAVIEST];
        for (sum, probability) in now.iter().enumerate() {
            for (weight, part) in one.iter().enumerate() {
                next[sum + weight] += probability * part;
            }
        }
        now = next;
    }
    now
}

/// Probabilities of 0 to `size` different values among `size` random bytes.
fn distinct(size: usize) -> Vec<f64> {
    let mut now = vec![0.0; size + 1];
    now[0] = 1.0;
    for _ in 0..size {
        for k in (0..=size).rev() {
            let stays = now[k] * k as f64 / 256.0;
            let grows = if k == 0 {
                0.0
            } else {
                now[k - 1] * (257.0 - k as f64) / 256.0
            };
            now[k] = stays + grows;
        }
    }
    now
}

/// Probabilities of 0 to `trials` successes.
fn binomial(trials: usize, success: f64) -> Vec<f64> {
    let mut now = vec![0.0; trials + 1];
    now[0] = 1.0;
    for _ in 0..trials {
        for k in (0..=trials).rev() {
            let before = if k == 0 { 0.0 } else { now[k - 1] };
            now[k] = now[k] * (1.0 - success) + before * success;
        }
    }
    now
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The figures that a separate computation with exact binomials gave for 32 bytes.
    #[test]
    fn bounds_of_32_bytes() {
        let bounds = Bounds::new(32, 1.0 / 40_000.0);
        assert_eq!(
            (bounds.distinct, bounds.imbalance, bounds.high, bounds.zeros),
            (24, 36, 4, 4)
        );
        assert_eq!(bounds.weight, 70);
        let loss = 1.317_068_5e-5 + 4.372_684_7e-6 + 1.278_007_4e-6 + 1.677_343e-7 + 4.621_856_7e-6;
        assert!((bounds.loss - loss).abs() < 1e-10, "{}", bounds.loss);
    }

    /// However long the key: what is lost stays within what may be lost, and is not far below it either.
    #[test]
    fn loss_is_kept() {
        for size in [32, 48, 64] {
            for loss in [1e-3, 1.0 / 40_000.0, 1e-7] {
                let bounds = Bounds::new(size, loss);
                assert!(bounds.loss <= loss, "{bounds:?}");
                assert!(bounds.loss > loss / 20.0, "{bounds:?}");
            }
        }
    }
}

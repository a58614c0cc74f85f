//! Figures of two contestants, taken pair by pair: [`Pairs`].

/// Our figures and the peer's, each pair from the same minute.
#[derive(Default)]
pub struct Pairs(Vec<(f64, f64)>);

impl Pairs {
    /// Adds a pair and prints it.
    pub fn add(&mut self, ours: f64, peer: f64) {
        self.0.push((ours, peer));
        println!(
            "  pair {}: ours {ours:.1}, peer {peer:.1}, ratio {:.2}",
            self.0.len(),
            ours / peer
        );
    }

    /// Prints the medians. The ratio is the median of the pairs' ratios: what else the machine does meets both of a pair.
    pub fn conclude(&self, what: &str, unit: &str, goal: &str) {
        println!(
            "{what}: ours {:.1} {unit}, peer {:.1} {unit}, RATIO {:.2} ({goal}; medians of {} pairs)",
            median(self.0.iter().map(|pair| pair.0)),
            median(self.0.iter().map(|pair| pair.1)),
            median(self.0.iter().map(|pair| pair.0 / pair.1)),
            self.0.len()
        );
    }
}

/// The middle of the figures; not a number if there are none.
pub fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = figures.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// How many rounds: the first number on the command line (`cargo bench --bench NAME -- 7`).
pub fn rounds(default: usize) -> usize {
    std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(default)
}

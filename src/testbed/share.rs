//! How long a scenario waited for the product: what is not that is the harness's own share. Main type: [`Waits`].

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use scas_simulators::transcript::Exchange;

/// Name of the measurement: seconds of the scenario in which the product was at work.
pub const PRODUCT_TIME: &str = "product-time";

/// Spans of time in which the tester waited for the product otherwise than by a request.
#[derive(Debug, Default)]
pub struct Waits(Mutex<Vec<Span>>);

type Span = (Timestamp, Timestamp);

impl Waits {
    /// The tester waits from now on, until the end is told to what is returned.
    pub fn begin(&self) -> Timestamp {
        Timestamp::now()
    }

    /// The wait is over.
    pub fn end(&self, begun: Timestamp) {
        self.spans().push((begun, Timestamp::now()));
    }

    /// Seconds in which the product was waited for: in one of these spans, or while a request to it was open; without the time in
    /// which a simulator was about to answer it. Where requests overlap, that errs to the harness's disadvantage.
    pub fn product_seconds<'a>(&self, exchanges: impl Iterator<Item = &'a Exchange>) -> f64 {
        let mut waited = self.spans().clone();
        let mut ours = Vec::new();
        for exchange in exchanges {
            let Some(ended) = exchange.ended else {
                continue;
            };
            let spans = match exchange.to.as_str() {
                "VNFM" => &mut waited,
                _ => &mut ours,
            };
            spans.push((exchange.started, ended));
        }
        let both = common(&waited, &ours);
        (seconds(&waited) - both).max(0.0)
    }

    fn spans(&self) -> MutexGuard<'_, Vec<Span>> {
        // A push is whole or was not done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Seconds that any of the spans covers.
fn seconds(spans: &[Span]) -> f64 {
    let lengths = united(spans)
        .into_iter()
        .map(|(from, to)| to.duration_since(from).as_secs_f64());
    lengths.sum()
}

/// Seconds that both cover: of |A| + |B| - |A or B|.
fn common(a: &[Span], b: &[Span]) -> f64 {
    let all: Vec<Span> = a.iter().chain(b).copied().collect();
    seconds(a) + seconds(b) - seconds(&all)
}

fn united(spans: &[Span]) -> Vec<Span> {
    let mut sorted: Vec<Span> = spans.to_vec();
    sorted.sort_unstable();
    let mut united: Vec<Span> = Vec::new();
    for (from, to) in sorted {
        match united.last_mut() {
            Some((_, end)) if *end >= from => *end = (*end).max(to),
            _ => united.push((from, to.max(from))),
        }
    }
    united
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn spans(written: &[(i64, i64)]) -> Vec<Span> {
        written.iter().map(|(a, b)| (at(*a), at(*b))).collect()
    }

    #[test]
    fn what_overlaps_counts_once() {
        let all = spans(&[(5, 8), (0, 4), (1, 2), (3, 6), (10, 11)]);
        assert!((seconds(&all) - 9.0).abs() < 1e-9);
    }

    #[test]
    fn what_two_share_is_found_without_the_rest() {
        let shared = common(
            &spans(&[(0, 10), (20, 30)]),
            &spans(&[(5, 6), (9, 22), (40, 50)]),
        );
        assert!((shared - 4.0).abs() < 1e-9, "{shared}");
    }
}

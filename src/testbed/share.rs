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

    /// Seconds in which the product was at work: more of these spans and of requests to it were open than requests of it that a
    /// simulator was about to answer. A product that asks something for each request it has is at work on none of them meanwhile.
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
        outnumbered(&waited, &ours)
    }

    fn spans(&self) -> MutexGuard<'_, Vec<Span>> {
        // A push is whole or was not done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Seconds in which more of the first spans are open than of the second.
fn outnumbered(more: &[Span], fewer: &[Span]) -> f64 {
    let ends = |spans: &[Span], weight: i64| -> Vec<(Timestamp, i64)> {
        let ends = |&(from, to): &Span| [(from, weight), (to.max(from), -weight)];
        spans.iter().flat_map(ends).collect()
    };
    let mut events = ends(more, 1);
    events.extend(ends(fewer, -1));
    events.sort_unstable_by_key(|(at, _)| *at);
    let (mut open, mut seconds) = (0, 0.0);
    let mut last: Option<Timestamp> = None;
    for (at, weight) in events {
        if let Some(last) = last.filter(|_| open > 0) {
            seconds += at.duration_since(last).as_secs_f64();
        }
        open += weight;
        last = Some(at);
    }
    seconds
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
        assert!((outnumbered(&all, &[]) - 9.0).abs() < 1e-9);
    }

    #[test]
    fn what_waits_for_us_is_ours_unless_the_product_has_more_to_do() {
        let seconds = outnumbered(
            &spans(&[(0, 10), (2, 8)]),
            &spans(&[(1, 3), (4, 5), (9, 20)]),
        );
        // Alone with our answer from 1 to 2 and from 9 to 10.
        assert!((seconds - 8.0).abs() < 1e-9, "{seconds}");
    }
}

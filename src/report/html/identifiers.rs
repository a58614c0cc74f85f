//! How many identifiers came when: [`Plot`], laid out here and drawn by `identifiers.svg`.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Serialize;

use super::entries::Names;
use super::exchanges::Exchanges;
use super::questions::Asked;
use super::text::short;

const LEFT: f64 = 60.0;
const RIGHT: f64 = 60.0;
const WIDTH: f64 = 900.0;
const TOP: f64 = 20.0;
const HEIGHT: f64 = 200.0;

/// Bars of the rate.
const BUCKETS: usize = 60;

/// A plot with all its places, in the units of its view box.
#[derive(Serialize)]
pub struct Plot {
    id: String,
    width: f64,
    height: f64,
    bottom: f64,
    left: f64,
    right: f64,
    bars: Vec<Bar>,
    line: String,
    total: usize,
    seconds: String,
    highest_rate: String,
    rounds: Vec<RoundRow>,
}

#[derive(Serialize)]
struct Bar {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

#[derive(Serialize)]
struct RoundRow {
    name: String,
    asked: u64,
    captured: usize,
    seconds: String,
    rate: String,
    killed: bool,
}

/// The plot of a scenario whose judge was asked about identifiers.
pub fn plot(asked: &[Asked], exchanges: Option<&Exchanges>, names: &Names) -> Option<Plot> {
    let asked = asked.iter().find(|asked| asked.question == "unique")?;
    let exchanges = exchanges?;
    let mut times: Vec<Timestamp> = asked
        .rounds
        .iter()
        .flat_map(|round| &round.records)
        .filter_map(|record| exchanges.by_seq(record.exchange)?.ended)
        .collect();
    times.sort_unstable();
    let (first, last) = (*times.first()?, *times.last()?);
    let span = last.duration_since(first).as_secs_f64().max(0.001);
    let mut buckets = [0_u32; BUCKETS];
    for time in &times {
        buckets[bucket(time.duration_since(first).as_secs_f64() / span)] += 1;
    }
    let highest = f64::from(buckets.iter().copied().max().unwrap_or(1).max(1));
    #[expect(clippy::cast_precision_loss, reason = "places in a drawing")]
    let (wide, total, count) = (
        (WIDTH - LEFT - RIGHT) / BUCKETS as f64,
        times.len() as f64,
        BUCKETS as f64,
    );
    let mut line = String::new();
    let mut so_far = 0.0;
    let mut bars = Vec::new();
    let _ = write!(line, "{LEFT},{}", TOP + HEIGHT);
    let mut x = LEFT;
    for bucket in buckets {
        let height = f64::from(bucket) / highest * HEIGHT;
        bars.push(Bar {
            x: rounded(x),
            y: rounded(TOP + HEIGHT - height),
            width: rounded(wide - 1.0),
            height: rounded(height),
        });
        x += wide;
        so_far += f64::from(bucket);
        let y = TOP + HEIGHT - so_far / total * HEIGHT;
        let _ = write!(line, " {},{}", rounded(x), rounded(y));
    }
    Some(Plot {
        id: format!("i{}-{}", names.case, names.line),
        width: WIDTH,
        height: TOP + HEIGHT + 34.0,
        bottom: TOP + HEIGHT,
        left: LEFT,
        right: WIDTH - RIGHT,
        bars,
        line,
        total: times.len(),
        seconds: format!("{span:.2}"),
        highest_rate: format!("{:.0}", highest / span * count),
        rounds: asked
            .rounds
            .iter()
            .map(|round| RoundRow {
                name: short(&round.name, 120),
                asked: round.asked,
                captured: round.records.len(),
                seconds: format!("{:.2}", round.seconds),
                rate: rate(round.records.len(), round.seconds),
                killed: round.killed,
            })
            .collect(),
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of 0 to 1"
)]
fn bucket(share: f64) -> usize {
    ((share * BUCKETS as f64) as usize).min(BUCKETS - 1)
}

#[expect(clippy::cast_precision_loss, reason = "shown without digits")]
fn rate(many: usize, seconds: f64) -> String {
    if seconds > 0.0 {
        format!("{:.0}", many as f64 / seconds)
    } else {
        String::new()
    }
}

fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

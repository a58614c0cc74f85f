//! Who said what to whom, as a sequence diagram: [`Diagram`], laid out here and drawn by `diagram.svg`.

use serde::Serialize;

use super::entries::Names;
use super::exchanges::{Exchanges, Kind};
use super::rows::Row;
use super::text::short;

/// The order in which the field draws them.
const PARTIES: [&str; 6] = ["NFVO", "VNFM", "CMF", "CA", "VIM", "VNFCI"];

/// More lifelines do not fit.
const MOST_PARTIES: usize = 10;

/// Kinds of one run that are drawn.
const MOST_PARTS: usize = 12;

const LEFT: usize = 150;
const BETWEEN: usize = 92;
const TOP: usize = 40;
const ROW: usize = 20;
const LABELS: usize = 560;

/// A diagram with all its places, in the units of its view box.
#[derive(Serialize)]
pub struct Diagram {
    id: String,
    width: usize,
    height: usize,
    bottom: usize,
    labels: usize,
    lifelines: Vec<Lifeline>,
    runs: Vec<Frame>,
    arrows: Vec<Arrow>,
    exchanges: usize,
}

#[derive(Serialize)]
struct Lifeline {
    name: String,
    x: usize,
}

/// What frames the arrows of a run.
#[derive(Serialize)]
struct Frame {
    y: usize,
    height: usize,
}

#[derive(Serialize)]
struct Arrow {
    y: usize,
    from_x: usize,
    to_x: usize,
    /// The two slanted ends of its head.
    head: String,
    number: String,
    label: String,
    told: String,
    class: &'static str,
    href: String,
}

/// Lays the rows out.
pub fn diagram(exchanges: &Exchanges, rows: &[Row], names: &Names) -> Option<Diagram> {
    let began = exchanges.began()?;
    let mut lifelines = lifelines(&exchanges.kinds);
    let mut arrows = Vec::new();
    let mut runs = Vec::new();
    let mut y = TOP + ROW;
    let draw = |kind: &Kind, y, number: String, many: usize, href: String| {
        let x = |name: &str| place(&lifelines, name);
        let (from_x, to_x) = (x(&kind.from), x(&kind.to));
        let times = if many > 1 {
            format!(" \u{d7} {many}")
        } else {
            String::new()
        };
        let answer = answer(kind);
        let label = format!("{} {} {answer}{times}", kind.method, kind.target);
        Arrow {
            y,
            from_x,
            to_x,
            head: head(from_x, to_x, y),
            told: format!("{number}, {} to {}: {label}", kind.from, kind.to),
            number,
            label: short(label.trim(), 92),
            class: class(kind),
            href,
        }
    };
    for (position, row) in rows.iter().enumerate() {
        match row {
            Row::One(index) => {
                let seen = &exchanges.seen[*index];
                let after = seen.started.duration_since(began).as_secs_f64();
                let number = format!("#{} +{after:.2} s", seen.seq);
                let href = names.exchange(seen.seq);
                arrows.push(draw(&exchanges.kinds[seen.kind], y, number, 1, href));
                y += ROW;
            }
            Row::Run(parts) => {
                let top = y;
                for part in parts.iter().take(MOST_PARTS) {
                    let number = format!(
                        "#{}\u{2013}{}",
                        exchanges.seen[part.first].seq, exchanges.seen[part.last].seq
                    );
                    let kind = &exchanges.kinds[part.kind];
                    arrows.push(draw(kind, y, number, part.count, names.run(position)));
                    y += ROW;
                }
                runs.push(Frame {
                    y: top - ROW + 6,
                    height: y - top,
                });
            }
        }
    }
    let labels = LEFT + BETWEEN * lifelines.len() - BETWEEN / 2 + 10;
    lifelines.iter_mut().for_each(|line| {
        line.name = short(&line.name, 12);
    });
    Some(Diagram {
        id: names.diagram(),
        width: labels + LABELS,
        height: y + 10,
        bottom: y,
        labels,
        lifelines,
        runs,
        arrows,
        exchanges: exchanges.seen.len(),
    })
}

/// The status of the answer, or why there is none.
pub fn answer(kind: &Kind) -> String {
    match (kind.status, kind.fault) {
        (Some(status), false) => format!("\u{2192} {status}"),
        (Some(status), true) => format!("\u{2192} {status}, with a fault"),
        (None, true) => "\u{2192} fault".to_owned(),
        (None, false) => "\u{2192} no answer".to_owned(),
    }
}

/// How it went, as a class of the style sheet.
pub fn class(kind: &Kind) -> &'static str {
    match kind.status {
        _ if kind.fault => "faulty",
        None => "faulty",
        Some(status) if status >= 400 => "refused",
        Some(_) => "fine",
    }
}

fn lifelines(kinds: &[Kind]) -> Vec<Lifeline> {
    let mut names: Vec<&str> = kinds
        .iter()
        .flat_map(|kind| [kind.from.as_str(), kind.to.as_str()])
        .collect();
    let rank = |name: &str| PARTIES.iter().position(|known| *known == name);
    names.sort_by_key(|name| (rank(name).unwrap_or(PARTIES.len()), *name));
    names.dedup();
    names.truncate(MOST_PARTIES);
    let line = |(place, name): (usize, &str)| Lifeline {
        name: name.to_owned(),
        x: LEFT + BETWEEN * place,
    };
    names.into_iter().enumerate().map(line).collect()
}

/// Where a lifeline stands; those that did not fit share the last.
fn place(lifelines: &[Lifeline], name: &str) -> usize {
    let found = lifelines.iter().find(|line| line.name == name);
    found.or(lifelines.last()).map_or(LEFT, |line| line.x)
}

fn head(from: usize, to: usize, y: usize) -> String {
    let back = if to >= from {
        to.saturating_sub(7)
    } else {
        to + 7
    };
    format!("{back},{} {to},{y} {back},{}", y - 4, y + 4)
}

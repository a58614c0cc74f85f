//! What a reader is shown of very many exchanges: [`rows`]. Rare ones each by itself, frequent ones folded into runs.

use std::collections::{BTreeMap, BTreeSet};

use super::exchanges::Exchanges;

/// So many exchanges are shown one by one.
const SHOWN_SINGLY: usize = 60;

/// More rows are folded further.
const MOST_ROWS: usize = 120;

/// A shorter run is not worth folding.
const SHORTEST_RUN: usize = 4;

/// What stands in one place of a diagram.
pub enum Row {
    /// One exchange, by its index.
    One(usize),
    /// A run of exchanges: how many of each kind.
    Run(Vec<Part>),
}

/// The exchanges of one kind in a run.
pub struct Part {
    /// Index of the kind.
    pub kind: usize,
    /// How many.
    pub count: usize,
    /// Index of the first.
    pub first: usize,
    /// Index of the last.
    pub last: usize,
}

/// The exchanges in the order of their beginnings, folded until they fit. Those in `named` (by number) stay by themselves.
pub fn rows(exchanges: &Exchanges, named: &BTreeSet<u64>) -> Vec<Row> {
    let mut order: Vec<usize> = (0..exchanges.seen.len()).collect();
    order.sort_by_key(|index| (exchanges.seen[*index].started, exchanges.seen[*index].seq));
    if order.len() <= SHOWN_SINGLY {
        return order.into_iter().map(Row::One).collect();
    }
    let mut of_kind = vec![0; exchanges.kinds.len()];
    for seen in &exchanges.seen {
        of_kind[seen.kind] += 1;
    }
    let mut folded = Vec::new();
    for rare in [8, 4, 2, 1, 0] {
        let alone = |index: usize| {
            let seen = &exchanges.seen[index];
            of_kind[seen.kind] <= rare || named.contains(&seen.seq)
        };
        folded = fold(exchanges, &order, alone);
        if folded.len() <= MOST_ROWS {
            break;
        }
    }
    folded
}

fn fold(exchanges: &Exchanges, order: &[usize], alone: impl Fn(usize) -> bool) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut run = Vec::new();
    for &index in order {
        if alone(index) {
            end_run(exchanges, &mut run, &mut rows);
            rows.push(Row::One(index));
        } else {
            run.push(index);
        }
    }
    end_run(exchanges, &mut run, &mut rows);
    rows
}

fn end_run(exchanges: &Exchanges, run: &mut Vec<usize>, rows: &mut Vec<Row>) {
    if run.len() < SHORTEST_RUN {
        rows.extend(run.drain(..).map(Row::One));
        return;
    }
    let mut places: BTreeMap<usize, usize> = BTreeMap::new();
    let mut parts: Vec<Part> = Vec::new();
    for index in run.drain(..) {
        let kind = exchanges.seen[index].kind;
        let place = *places.entry(kind).or_insert_with(|| {
            parts.push(Part {
                kind,
                count: 0,
                first: index,
                last: index,
            });
            parts.len() - 1
        });
        parts[place].count += 1;
        parts[place].last = index;
    }
    rows.push(Row::Run(parts));
}

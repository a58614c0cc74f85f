//! What is shown of single exchanges and of runs, below a diagram: [`Entry`]. Long bodies are cut; the transcript has them whole.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Serialize;

use super::diagram::{answer, class};
use super::exchanges::{Body, Exchanges, Kind, Message};
use super::rows::Row;
use super::text::beginning;

/// Bytes of a body, or of a header, that are shown.
const SHOWN: usize = 2048;

/// Kinds of a run that are shown with an example.
const MOST_EXAMPLES: usize = 6;

/// The names under which a scenario's parts are linked.
pub struct Names {
    /// Number of the test case.
    pub case: usize,
    /// Line of the scenario.
    pub line: usize,
}

impl Names {
    /// That of an exchange, as a link.
    pub fn exchange(&self, seq: u64) -> String {
        format!("#{}", self.anchor(seq))
    }

    /// That of a run, as a link.
    pub fn run(&self, position: usize) -> String {
        format!("#r{}-{}-{position}", self.case, self.line)
    }

    /// That of the diagram.
    pub fn diagram(&self) -> String {
        format!("d{}-{}", self.case, self.line)
    }

    fn anchor(&self, seq: u64) -> String {
        format!("x{}-{}-{seq}", self.case, self.line)
    }
}

/// One line of the list below a diagram.
#[derive(Serialize)]
pub struct Entry {
    anchor: String,
    number: String,
    class: &'static str,
    /// For a single exchange.
    one: Option<Shown>,
    /// For a run.
    many: Option<Run>,
}

/// A run of exchanges.
#[derive(Serialize)]
struct Run {
    total: usize,
    kinds: usize,
    parts: Vec<RunPart>,
    /// One exchange of each of the first kinds.
    examples: Vec<Shown>,
}

#[derive(Serialize)]
struct RunPart {
    count: usize,
    first: u64,
    last: u64,
    from: String,
    to: String,
    what: String,
}

/// One exchange.
#[derive(Serialize)]
struct Shown {
    seq: u64,
    after: String,
    millis: Option<String>,
    interface: String,
    from: String,
    to: String,
    method: String,
    target: String,
    answer: String,
    peer: Option<String>,
    tls: Option<String>,
    fault: Option<String>,
    request: Part,
    response: Option<Part>,
}

/// A request or an answer.
#[derive(Serialize)]
struct Part {
    headers: String,
    length: u64,
    sha256: String,
    body: Option<String>,
    base64: bool,
    /// Bytes that are not shown.
    cut: u64,
    redacted: u32,
}

/// An entry for each row, and the numbers of the exchanges that have an entry of their own.
///
/// # Errors
/// The transcript has changed meanwhile.
pub fn entries(
    exchanges: &Exchanges,
    rows: &[Row],
    names: &Names,
) -> anyhow::Result<(Vec<Entry>, BTreeSet<u64>)> {
    let mut entries = Vec::with_capacity(rows.len());
    let mut linked = BTreeSet::new();
    for (position, row) in rows.iter().enumerate() {
        match row {
            Row::One(index) => {
                let shown = shown(exchanges, *index)?;
                linked.insert(shown.seq);
                entries.push(Entry {
                    anchor: names.anchor(shown.seq),
                    number: format!("#{}", shown.seq),
                    class: class(&exchanges.kinds[exchanges.seen[*index].kind]),
                    one: Some(shown),
                    many: None,
                });
            }
            Row::Run(parts) => {
                let seqs = parts
                    .iter()
                    .flat_map(|part| [part.first, part.last])
                    .map(|index| exchanges.seen[index].seq);
                let (first, last) = seqs.fold((u64::MAX, 0), |(low, high), seq| {
                    (low.min(seq), high.max(seq))
                });
                let told = parts.iter().map(|part| {
                    let kind: &Kind = &exchanges.kinds[part.kind];
                    RunPart {
                        count: part.count,
                        first: exchanges.seen[part.first].seq,
                        last: exchanges.seen[part.last].seq,
                        from: kind.from.clone(),
                        to: kind.to.clone(),
                        what: format!("{} {} {}", kind.method, kind.target, answer(kind)),
                    }
                });
                let many = Run {
                    total: parts.iter().map(|part| part.count).sum(),
                    kinds: parts.len(),
                    parts: told.take(40).collect(),
                    examples: parts
                        .iter()
                        .take(MOST_EXAMPLES)
                        .map(|part| shown(exchanges, part.first))
                        .collect::<anyhow::Result<_>>()?,
                };
                entries.push(Entry {
                    anchor: names.run(position)[1..].to_owned(),
                    number: format!("#{first}\u{2013}{last}"),
                    class: "run",
                    one: None,
                    many: Some(many),
                });
            }
        }
    }
    Ok((entries, linked))
}

fn shown(exchanges: &Exchanges, index: usize) -> anyhow::Result<Shown> {
    let whole = exchanges.whole(index)?;
    let began = exchanges.began();
    let seen = &exchanges.seen[index];
    let kind = &exchanges.kinds[seen.kind];
    let after = began.map_or(0.0, |began| {
        seen.started.duration_since(began).as_secs_f64()
    });
    let millis = seen
        .ended
        .map(|ended| ended.duration_since(seen.started).as_secs_f64() * 1000.0);
    Ok(Shown {
        seq: seen.seq,
        after: format!("{after:.3}"),
        millis: millis.map(|millis| format!("{millis:.1}")),
        interface: cut(&whole.interface),
        from: kind.from.clone(),
        to: kind.to.clone(),
        method: kind.method.clone(),
        target: cut(&whole.request.target),
        answer: answer(kind),
        peer: whole
            .peer
            .map(|peer| cut(&format!("{}, SHA-256 {}", peer.subject, peer.sha256))),
        tls: whole
            .tls
            .map(|tls| cut(&format!("{} {}", tls.version, tls.cipher_suite))),
        fault: whole.fault.as_deref().map(cut),
        request: part(&whole.request),
        response: whole.response.as_ref().map(part),
    })
}

fn part(message: &Message) -> Part {
    let mut headers = String::new();
    for (name, value) in &message.headers {
        let _ = writeln!(headers, "{name}: {value}");
    }
    let Body {
        length,
        sha256,
        text,
        base64,
        redacted,
    } = &message.body;
    let kept = text.as_deref().or(base64.as_deref());
    let (body, cut_off) = kept.map_or(("", 0), |kept| beginning(kept, SHOWN));
    Part {
        headers: cut(&headers),
        length: *length,
        sha256: sha256.clone(),
        body: (!body.is_empty()).then(|| body.to_owned()),
        base64: text.is_none() && base64.is_some(),
        cut: cut_off as u64,
        redacted: *redacted,
    }
}

fn cut(text: &str) -> String {
    super::text::short(text, SHOWN)
}

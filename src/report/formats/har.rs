//! HTTP Archive 1.2, a file for each test case, for the viewers that people have: [`export`].
//!
//! Made from the transcripts, line by line, so that no more than one exchange is held. Bodies that the transcript does not hold (over 16 KiB) are
//! not there either; their length is.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::report::results::{CaseResult, Results};

/// A longer line is no exchange of ours.
const LONGEST_LINE: u64 = 4 << 20;
/// What a transcript is called in a scenario's folder.
const TRANSCRIPT: &str = "/transcript.jsonl";

/// An exchange, as far as it is told.
#[derive(Deserialize)]
struct Exchange {
    seq: u64,
    started: Timestamp,
    ended: Option<Timestamp>,
    interface: String,
    from: String,
    to: String,
    tls: Option<Tls>,
    request: Message,
    response: Option<Message>,
    fault: Option<String>,
}

#[derive(Deserialize)]
struct Tls {
    version: String,
    cipher_suite: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message {
    method: String,
    target: String,
    status: u16,
    headers: Vec<(String, String)>,
    body: Body,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    length: u64,
    text: Option<String>,
    base64: Option<String>,
}

/// Writes `<test case>.har` into a folder for each test case that has a transcript, and returns the paths.
///
/// # Errors
/// The folder cannot be made, a transcript not be read, or a file not be written; the path is named.
pub fn export(run: &Path, results: &Results, into: &Path) -> anyhow::Result<Vec<PathBuf>> {
    std::fs::create_dir_all(into).with_context(|| format!("cannot make {}", into.display()))?;
    let mut written = Vec::new();
    for case in &results.cases {
        let transcripts = case
            .scenarios
            .iter()
            .flat_map(|scenario| scenario.evidence.iter().map(move |file| (scenario, file)))
            .filter(|(_, file)| file.path.ends_with(TRANSCRIPT));
        let transcripts: Vec<_> = transcripts
            .map(|(scenario, file)| (scenario.line, scenario.name.as_str(), file.path.as_str()))
            .collect();
        if transcripts.is_empty() {
            continue;
        }
        let path = into.join(format!("{}.har", file_name(&case.id)));
        let cannot = || format!("cannot write {}", path.display());
        let mut out = BufWriter::new(File::create(&path).with_context(cannot)?);
        write(run, results, case, &transcripts, &mut out).with_context(cannot)?;
        out.flush().with_context(cannot)?;
        written.push(path);
    }
    Ok(written)
}

fn write(
    run: &Path,
    results: &Results,
    case: &CaseResult,
    transcripts: &[(usize, &str, &str)],
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let creator = json!({ "name": "scas", "version": results.run.tool_version });
    write!(out, "{{\"log\":{{\"version\":\"1.2\",\"creator\":{creator}")?;
    let comment = format!("run {}, {}", results.run.id, case.id);
    write!(out, ",\"comment\":{}", Value::from(comment))?;
    let pages: Vec<Value> = transcripts
        .iter()
        .map(|(line, name, _)| {
            json!({
                "startedDateTime": results.run.started.to_string(),
                "id": page(*line),
                "title": format!("line {line}: {name}"),
                "pageTimings": {},
            })
        })
        .collect();
    write!(out, ",\"pages\":{},\"entries\":[", Value::from(pages))?;
    let mut first = true;
    for (line, _, path) in transcripts {
        let path = run.join(path);
        each(&path, |exchange| {
            let comma = if std::mem::take(&mut first) {
                "\n"
            } else {
                ",\n"
            };
            write!(out, "{comma}{}", entry(&exchange, *line))?;
            Ok(())
        })
        .with_context(|| format!("cannot read {}", path.display()))?;
    }
    writeln!(out, "\n]}}}}")?;
    Ok(())
}

/// Calls for each exchange of a transcript. A line that is none, as the last of a run that was killed, is passed over.
fn each(path: &Path, mut call: impl FnMut(Exchange) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut file = BufReader::new(File::open(path)?);
    let mut line = Vec::new();
    loop {
        line.clear();
        if (&mut file)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)?
            == 0
        {
            return Ok(());
        }
        if let Ok(exchange) = serde_json::from_slice(&line) {
            call(exchange)?;
        }
    }
}

fn entry(exchange: &Exchange, line: usize) -> Value {
    let milliseconds = exchange.ended.map_or(0.0, |ended| {
        ended.duration_since(exchange.started).as_secs_f64() * 1000.0
    });
    let tls = exchange.tls.as_ref().map_or("no TLS".to_owned(), |tls| {
        format!("{} {}", tls.version, tls.cipher_suite)
    });
    let fault = exchange
        .fault
        .as_ref()
        .map_or(String::new(), |fault| format!(", fault: {fault}"));
    json!({
        "pageref": page(line),
        "startedDateTime": exchange.started.to_string(),
        "time": milliseconds,
        "request": request(exchange),
        "response": response(exchange.response.as_ref()),
        "cache": {},
        "timings": { "send": 0, "wait": milliseconds, "receive": 0 },
        "comment": format!(
            "exchange {}, {}: {} to {}, {tls}{fault}",
            exchange.seq, exchange.interface, exchange.from, exchange.to
        ),
    })
}

fn request(exchange: &Exchange) -> Value {
    let message = &exchange.request;
    let scheme = if exchange.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let host = header(message, "host").unwrap_or_else(|| exchange.to.to_lowercase());
    let mut request = json!({
        "method": message.method,
        "url": format!("{scheme}://{host}{}", message.target),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": headers(message),
        "queryString": query(&message.target),
        "headersSize": -1,
        "bodySize": message.body.length,
    });
    if message.body.length > 0 {
        let text = message
            .body
            .text
            .as_deref()
            .or(message.body.base64.as_deref());
        request["postData"] = json!({
            "mimeType": header(message, "content-type").unwrap_or_default(),
            "params": [],
            "text": text.unwrap_or_default(),
            "comment": if message.body.base64.is_some() { "base64" } else { "" },
        });
    }
    request
}

/// An exchange without an answer has the status 0, as browsers write it.
fn response(message: Option<&Message>) -> Value {
    let nothing = Message::default();
    let message = message.unwrap_or(&nothing);
    let mut content = json!({
        "size": message.body.length,
        "mimeType": header(message, "content-type").unwrap_or_default(),
    });
    if let Some(text) = message.body.text.as_ref().filter(|text| !text.is_empty()) {
        content["text"] = text.as_str().into();
    } else if let Some(text) = &message.body.base64 {
        content["text"] = text.as_str().into();
        content["encoding"] = "base64".into();
    }
    let reason = http::StatusCode::from_u16(message.status)
        .ok()
        .and_then(|status| status.canonical_reason());
    json!({
        "status": message.status,
        "statusText": reason.unwrap_or_default(),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": headers(message),
        "content": content,
        "redirectURL": header(message, "location").unwrap_or_default(),
        "headersSize": -1,
        "bodySize": message.body.length,
    })
}

fn headers(message: &Message) -> Vec<Value> {
    let pair = |(name, value): &(String, String)| json!({ "name": name, "value": value });
    message.headers.iter().map(pair).collect()
}

fn header(message: &Message, wanted: &str) -> Option<String> {
    let mut headers = message.headers.iter();
    let found = headers.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    found.map(|(_, value)| value.clone())
}

fn query(target: &str) -> Vec<Value> {
    let Some((_, query)) = target.split_once('?') else {
        return Vec::new();
    };
    url::form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect()
}

fn page(line: usize) -> String {
    format!("line-{line:03}")
}

/// A test case's name as a file's: what a record says may be anything.
fn file_name(id: &str) -> String {
    let kept = id.chars().map(|c| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '_'
        }
    });
    kept.collect::<String>().trim_start_matches('.').to_owned()
}

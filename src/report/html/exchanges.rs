//! The exchanges of a scenario, read line by line: [`Exchanges`]. No body is held; what is shown is read again by its place.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use anyhow::Context as _;
use base64::Engine as _;
use jiff::Timestamp;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::request::CertReq;

use super::text::short;

/// A longer line is no exchange of ours: bodies are kept up to 16 KiB.
const LONGEST_LINE: u64 = 4 << 20;

/// More different kinds of exchanges are not told apart.
const MOST_KINDS: usize = 512;

/// What is kept of all exchanges.
pub struct Exchanges {
    /// Each, in the order of the file.
    pub seen: Vec<Seen>,
    /// The kinds that they are of.
    pub kinds: Vec<Kind>,
    /// Certification requests among them.
    pub requests: Vec<Request>,
    /// Lines that are no exchange.
    pub unreadable: usize,
    file: File,
}

/// What is kept of one exchange.
pub struct Seen {
    /// Its number.
    pub seq: u64,
    /// Index of its kind.
    pub kind: usize,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    offset: u64,
    length: usize,
}

/// What makes exchanges equal for a reader: who asked whom for what, with what result. Identifiers in the target aside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// Who asked.
    pub from: String,
    /// Who was asked.
    pub to: String,
    /// The method.
    pub method: String,
    /// The target, identifiers replaced.
    pub target: String,
    /// The status of the answer.
    pub status: Option<u16>,
    /// Whether there was a fault.
    pub fault: bool,
}

/// A certification request.
pub struct Request {
    /// Index of its exchange.
    pub index: usize,
    /// SHA-256 of the SubjectPublicKeyInfo, lower-case hex.
    pub public_key_sha256: String,
}

/// An exchange as its line has it.
#[derive(Deserialize)]
pub struct Exchange {
    /// Reference point.
    #[serde(default)]
    pub interface: String,
    /// The certificate of the other side.
    pub peer: Option<Peer>,
    /// What TLS agreed on.
    pub tls: Option<Tls>,
    /// What was asked.
    pub request: Message,
    /// What was answered.
    pub response: Option<Message>,
    /// A fault.
    pub fault: Option<String>,
}

/// A certificate.
#[derive(Deserialize)]
pub struct Peer {
    /// Its subject.
    pub subject: String,
    /// Its digest.
    pub sha256: String,
}

/// What TLS agreed on.
#[derive(Deserialize)]
pub struct Tls {
    /// The version.
    pub version: String,
    /// The cipher suite.
    pub cipher_suite: String,
}

/// A request or an answer.
#[derive(Deserialize)]
pub struct Message {
    /// The target of a request.
    #[serde(default)]
    pub target: String,
    /// Header fields.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The body.
    #[serde(default)]
    pub body: Body,
}

/// A body.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Body {
    /// Bytes.
    pub length: u64,
    /// Digest of the bytes.
    pub sha256: String,
    /// The bytes, if UTF-8.
    pub text: Option<String>,
    /// The bytes otherwise.
    pub base64: Option<String>,
    /// How many secrets were replaced.
    pub redacted: u32,
}

/// What is read of each line at first.
#[derive(Deserialize)]
struct Brief<'l> {
    seq: u64,
    started: Timestamp,
    ended: Option<Timestamp>,
    #[serde(borrow)]
    from: Cow<'l, str>,
    #[serde(borrow)]
    to: Cow<'l, str>,
    #[serde(borrow)]
    request: BriefRequest<'l>,
    response: Option<BriefResponse>,
    fault: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct BriefRequest<'l> {
    #[serde(borrow)]
    method: Cow<'l, str>,
    #[serde(borrow)]
    target: Cow<'l, str>,
}

#[derive(Deserialize)]
struct BriefResponse {
    status: u16,
}

impl Exchanges {
    /// Reads a transcript once.
    ///
    /// # Errors
    /// It cannot be read. A line that is no exchange is counted.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut read = Self {
            seen: Vec::new(),
            kinds: Vec::new(),
            requests: Vec::new(),
            unreadable: 0,
            file,
        };
        let mut file = BufReader::with_capacity(1 << 16, read.file.try_clone()?);
        let mut indices = BTreeMap::new();
        let mut line = Vec::new();
        let mut offset = 0;
        loop {
            line.clear();
            let many = (&mut file)
                .take(LONGEST_LINE)
                .read_until(b'\n', &mut line)?;
            if many == 0 {
                return Ok(read);
            }
            match serde_json::from_slice::<Brief<'_>>(&line) {
                Ok(brief) => read.enter(brief, offset, &line, &mut indices),
                Err(_) => read.unreadable += 1,
            }
            offset += many as u64;
        }
    }

    fn enter(
        &mut self,
        brief: Brief<'_>,
        offset: u64,
        line: &[u8],
        indices: &mut BTreeMap<Kind, usize>,
    ) {
        let certification = brief.request.target.contains("/simpleenroll")
            || brief.request.target.contains("/simplereenroll");
        if certification && let Some(public_key_sha256) = requested_key(line) {
            self.requests.push(Request {
                index: self.seen.len(),
                public_key_sha256,
            });
        }
        let mut kind = Kind {
            from: short(&brief.from, 24),
            to: short(&brief.to, 24),
            method: short(&brief.request.method, 16),
            target: short(&without_identifiers(&brief.request.target), 200),
            status: brief.response.map(|response| response.status),
            fault: brief.fault.is_some(),
        };
        if self.kinds.len() >= MOST_KINDS && !indices.contains_key(&kind) {
            kind = Kind {
                from: "others".to_owned(),
                to: "others".to_owned(),
                method: String::new(),
                target: "of further kinds".to_owned(),
                status: None,
                fault: false,
            };
        }
        let index = *indices.entry(kind).or_insert_with_key(|kind| {
            self.kinds.push(kind.clone());
            self.kinds.len() - 1
        });
        self.seen.push(Seen {
            seq: brief.seq,
            kind: index,
            started: brief.started,
            ended: brief.ended,
            offset,
            length: line.len(),
        });
    }

    /// The exchange at an index, as a whole.
    ///
    /// # Errors
    /// The file has changed since.
    pub fn whole(&self, index: usize) -> anyhow::Result<Exchange> {
        let seen = self.seen.get(index).context("no such exchange")?;
        let mut line = vec![0; seen.length];
        self.file.read_exact_at(&mut line, seen.offset)?;
        Ok(serde_json::from_slice(&line)?)
    }

    /// When the first of them began.
    pub fn began(&self) -> Option<Timestamp> {
        self.seen.iter().map(|seen| seen.started).min()
    }

    /// The exchange with this number: its place in the file, unless the file was mended by hand.
    pub fn by_seq(&self, seq: u64) -> Option<&Seen> {
        let at_its_place = usize::try_from(seq)
            .ok()
            .and_then(|index| self.seen.get(index));
        at_its_place.filter(|seen| seen.seq == seq)
    }
}

/// The public key of a certification request, by its digest.
fn requested_key(line: &[u8]) -> Option<String> {
    let exchange: Exchange = serde_json::from_slice(line).ok()?;
    let text = exchange.request.body.text?;
    let base64: String = text.split_ascii_whitespace().collect();
    let der = base64::engine::general_purpose::STANDARD
        .decode(base64)
        .ok()?;
    let request = CertReq::from_der(&der).ok()?;
    let key = request.info.public_key.to_der().ok()?;
    Some(hex::encode(Sha256::digest(key)))
}

/// The target with each part of its path that looks like an identifier, and each value of its query, as `{}`.
fn without_identifiers(target: &str) -> String {
    let (path, query) = target
        .split_once('?')
        .map_or((target, None), |(p, q)| (p, Some(q)));
    let parts = path
        .split('/')
        .map(|part| if identifies(part) { "{}" } else { part });
    let mut text = parts.collect::<Vec<_>>().join("/");
    if let Some(query) = query {
        let names = query
            .split('&')
            .map(|pair| match pair.split_once('=') {
                Some((name, _)) => format!("{name}={{}}"),
                None => pair.to_owned(),
            })
            .collect::<Vec<_>>();
        text.push('?');
        text += &names.join("&");
    }
    text
}

fn identifies(part: &str) -> bool {
    let digits = part.bytes().filter(u8::is_ascii_digit).count();
    part.len() >= 40
        || (digits > 0 && digits == part.len())
        || (part.len() >= 8 && digits >= 2 && !part.contains(['_', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchanges_that_differ_in_identifiers_are_equal() {
        for (target, expected) in [
            (
                "/vnflcm/v2/vnf_instances/11d30e68-6c0f-4c3f-9f6e-1b7c1d4a0001",
                "/vnflcm/v2/vnf_instances/{}",
            ),
            (
                "/a/17?filter=x&include_signature",
                "/a/{}?filter={}&include_signature",
            ),
            (
                "/heat/v1/8b8e7340238d4de7a8f255fac5d6b631/stacks",
                "/heat/v1/{}/stacks",
            ),
            (
                "/.well-known/est/vnfci/simpleenroll",
                "/.well-known/est/vnfci/simpleenroll",
            ),
        ] {
            assert_eq!(without_identifiers(target), expected);
        }
    }

    #[test]
    fn a_line_that_is_no_exchange_is_counted_and_the_rest_is_read() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("t.jsonl");
        let line = |seq: u64| {
            format!(
                "{{\"seq\":{seq},\"started\":\"1970-01-01T00:00:0{seq}Z\",\"ended\":null,\"interface\":\"i\",\"from\":\"A\",\
                 \"to\":\"B\",\"peer\":null,\"tls\":null,\"request\":{{\"method\":\"GET\",\"target\":\"/x\",\"headers\":[],\
                 \"body\":{{}}}},\"response\":null,\"fault\":\"cut\"}}\n"
            )
        };
        std::fs::write(&path, format!("{}no json\n{}", line(0), line(1))).expect("written");
        let read = Exchanges::read(&path).expect("read");
        assert_eq!(
            (read.seen.len(), read.kinds.len(), read.unreadable),
            (2, 1, 1)
        );
        let whole = read.whole(1).expect("read again");
        assert_eq!(whole.fault.as_deref(), Some("cut"));
        assert_eq!(read.by_seq(1).map(|seen| seen.seq), Some(1));
    }
}

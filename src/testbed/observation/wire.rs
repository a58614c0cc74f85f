//! What the product sent elsewhere than over the declared channel, as one source to search: [`Wire`]. It lies in memory, in a file
//! without a name: a key that is in it must not be written anywhere.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use scas_simulators::private_key::Place;
use scas_simulators::transcript::{Body, Exchange};

use super::super::delegation::Delegation;
use crate::exposure::answer::Answer;
use crate::exposure::given::Source;
use crate::model::key_protection::{Key, Look, Medium, NotSearched, Sighting};

/// What it is called as a source.
pub(super) const WIRE: &str = "wire";
/// Between two parts, so that nothing is made out of two halves.
const GAP: &[u8] = &[0; 64];
/// The declared channels to VIM and VNFCI: keys are redacted there by the simulators that receive them.
const DECLARED: [&str; 2] = ["VIM", "VNFCI"];

/// An answer of the product's, kept whole by the tester.
#[derive(Clone, Debug)]
pub struct Spoken {
    /// The transcript's number of the exchange.
    pub exchange: u64,
    /// The body.
    pub body: bytes::Bytes,
}

/// Parts of exchanges, one after another.
#[derive(Default)]
pub struct Wire {
    bytes: zeroize::Zeroizing<Vec<u8>>,
    parts: Vec<Part>,
    gaps: Vec<String>,
    /// Made when it is first searched, and open as long as this lives.
    file: std::cell::OnceCell<File>,
}

struct Part {
    start: u64,
    exchange: u64,
    what: String,
}

impl Wire {
    /// Everything that the product sent, but over the declared channels.
    pub(super) fn of(exchanges: &[Arc<Exchange>], spoken: &[Spoken]) -> Self {
        let mut wire = Self::default();
        for exchange in exchanges {
            let name = |part: &str| {
                format!(
                    "exchange {}, {} {}, {part}",
                    exchange.seq, exchange.request.method, exchange.to
                )
            };
            if exchange.from == "VNFM" && !DECLARED.contains(&exchange.to.as_str()) {
                wire.head(exchange, name("request"), &exchange.request.headers);
                wire.body(exchange, name("request body"), &exchange.request.body);
            }
            if exchange.to == "VNFM"
                && let Some(response) = &exchange.response
            {
                wire.head(exchange, name("answer"), &response.headers);
                let whole = spoken.iter().find(|one| one.exchange == exchange.seq);
                match whole {
                    Some(spoken) => {
                        wire.part(exchange.seq, name("answer's body"), &spoken.body);
                    }
                    None => wire.body(exchange, name("answer's body"), &response.body),
                }
            }
        }
        wire
    }

    /// Everything that was recorded, whoever sent it.
    pub(super) fn whole(exchanges: &[Arc<Exchange>]) -> Self {
        let mut wire = Self::default();
        for exchange in exchanges {
            let line = serde_json::to_vec(exchange.as_ref()).unwrap_or_default();
            let number = exchange.seq;
            wire.part(number, format!("exchange {number}"), &line);
            let bodies = [
                Some(&exchange.request.body),
                exchange.response.as_ref().map(|response| &response.body),
            ];
            for body in bodies.into_iter().flatten().filter_map(Body::bytes) {
                wire.part(number, format!("exchange {number}"), &body);
            }
        }
        wire
    }

    /// To be searched while this lives.
    pub(super) fn source(&self) -> anyhow::Result<Source> {
        let file = match self.file.get() {
            Some(file) => file,
            None => {
                let name =
                    nix::sys::memfd::memfd_create(c"wire", nix::sys::memfd::MFdFlags::MFD_CLOEXEC);
                let mut file = File::from(name.context("no file in memory")?);
                file.write_all(&self.bytes).context("no room in memory")?;
                self.file.get_or_init(|| file)
            }
        };
        Ok(Source::File {
            written: WIRE.to_owned(),
            path: PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd())),
        })
    }

    /// Tells a look in which exchange each sighting is, and what was not kept.
    pub(super) fn tell(&self, look: &mut Look) {
        for sighting in &mut look.sightings {
            let at = sighting.place.rsplit(' ').next().unwrap_or_default();
            if let Some(part) = at.parse().ok().and_then(|at| self.at(at)) {
                sighting.place.clone_from(&part.what);
            }
        }
        look.gaps.extend(self.gaps.iter().map(|what| NotSearched {
            medium: Medium::Wire,
            process: None,
            place: what.clone(),
            why: "too long to be kept".to_owned(),
            passing: false,
        }));
    }

    /// The exchanges in which something was found, whosever key it is.
    pub(super) fn exchanges(&self, answer: &Answer) -> Vec<u64> {
        let found = answer.exposures.iter().map(|exposure| exposure.at);
        let others = answer.other_keys.iter().map(|key| key.at);
        let mut numbers: Vec<u64> = found
            .chain(others)
            .filter_map(|at| Some(self.at(at)?.exchange))
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    fn at(&self, offset: u64) -> Option<&Part> {
        let after = self.parts.partition_point(|part| part.start <= offset);
        self.parts.get(after.checked_sub(1)?)
    }

    fn head(&mut self, exchange: &Exchange, what: String, headers: &[(String, String)]) {
        let mut text = exchange.request.target.clone();
        for (name, value) in headers {
            text.push('\n');
            text.push_str(name);
            text.push_str(": ");
            text.push_str(value);
        }
        self.part(exchange.seq, what, text.as_bytes());
    }

    fn body(&mut self, exchange: &Exchange, what: String, body: &Body) {
        match body.bytes() {
            Some(bytes) => self.part(exchange.seq, what, &bytes),
            None => self.gaps.push(what),
        }
    }

    fn part(&mut self, exchange: u64, what: String, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let start = self.bytes.len() as u64;
        self.parts.push(Part {
            start,
            exchange,
            what,
        });
        self.bytes.extend_from_slice(bytes);
        self.bytes.extend_from_slice(GAP);
    }
}

/// Private keys that arrived at the CMF. It takes them out of what it records, so the search cannot see them there. One that is
/// known to be another certified key is not told; one that nobody can name is.
pub(super) fn at_the_cmf(delegation: &Delegation, keys: &[Key]) -> Vec<Sighting> {
    let certified = delegation.certified();
    let received = delegation.cmf.private_keys();
    let sightings = received.into_iter().filter_map(|received| {
        let known = certified.iter().find(|key| {
            key.delivered.as_ref().is_some_and(|delivered| {
                let der = delivered.private_key.der();
                delegation.cmf.private_key_digest(der) == received.digest
            })
        });
        let public_key_sha256 = match known {
            Some(key) => key.public_key_sha256.clone(),
            None => "(not identified)".to_owned(),
        };
        let asked = keys
            .iter()
            .any(|key| key.public_key_sha256 == public_key_sha256);
        (asked || known.is_none()).then(|| Sighting {
            public_key_sha256,
            medium: Medium::Wire,
            process: None,
            place: format!("{} to the CMF, {}", received.route, place(&received.place)),
            encoding: format!("{:?}", received.encoding).to_lowercase(),
        })
    });
    sightings.collect()
}

fn place(place: &Place) -> String {
    match place {
        Place::Target => "path or query".to_owned(),
        Place::Header(name) => format!("header field {name}"),
        Place::Body => "body".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scas_simulators::transcript::{Request, Response};

    fn exchange(seq: u64, from: &str, to: &str, asked: &str, answered: &str) -> Arc<Exchange> {
        Arc::new(Exchange {
            seq,
            started: jiff::Timestamp::UNIX_EPOCH,
            ended: None,
            interface: String::new(),
            from: from.into(),
            to: to.into(),
            peer: None,
            tls: None,
            request: Request {
                method: "POST".into(),
                target: "/x".into(),
                headers: vec![("a".into(), "b".into())],
                body: Body::of(asked.as_bytes()),
            },
            response: Some(Response {
                status: 200,
                headers: Vec::new(),
                body: Body::of(answered.as_bytes()),
            }),
            fault: None,
        })
    }

    fn holds(wire: &Wire, text: &str) -> bool {
        wire.bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    }

    #[test]
    fn only_what_the_product_said_elsewhere_is_searched() {
        let wire = Wire::of(
            &[
                exchange(1, "VNFM", "NFVO", "notification", "ours"),
                exchange(2, "NFVO", "VNFM", "question", "told"),
                exchange(3, "VNFM", "VIM", "order", "made"),
                exchange(4, "VNFM", "VNFCI", "configuration", "done"),
                exchange(5, "VNFM", "CMF", "request", "certificate"),
            ],
            &[],
        );
        for said in ["notification", "told", "request", "a: b"] {
            assert!(holds(&wire, said), "{said}");
        }
        for other in [
            "ours",
            "question",
            "order",
            "made",
            "configuration",
            "certificate",
        ] {
            assert!(!holds(&wire, other), "{other}");
        }
    }

    #[test]
    fn an_answer_too_long_for_the_transcript_is_searched_if_it_was_kept_and_else_a_gap() {
        let long = "x".repeat(20_000);
        let all = [exchange(7, "NFVO", "VNFM", "", &long)];
        let mut look = Look::default();
        Wire::of(&all, &[]).tell(&mut look);
        assert_eq!(look.gaps.len(), 1);
        let spoken = Spoken {
            exchange: 7,
            body: long.clone().into(),
        };
        let wire = Wire::of(&all, &[spoken]);
        assert!(wire.gaps.is_empty() && holds(&wire, &long));
    }

    #[test]
    fn a_place_leads_back_to_its_exchange() {
        let wire = Wire::of(
            &[
                exchange(3, "VNFM", "NFVO", "first", ""),
                exchange(9, "VNFM", "NFVO", "second", ""),
            ],
            &[],
        );
        let end = wire.bytes.len() as u64;
        assert_eq!(wire.at(0).map(|part| part.exchange), Some(3));
        assert_eq!(wire.at(end - 1).map(|part| part.exchange), Some(9));
    }
}

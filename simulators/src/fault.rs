//! Exact, named misbehaviour of a simulator: [`Fault`]. No dice, no sleeps.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

/// What a simulator does wrong on one route.
///
/// Unless said otherwise the request has reached the simulated API and had its effect there; only the answer is spoilt.
/// Written in kebab-case, e.g. `"close-before-answer"`, `{"status": 503}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The connection is closed, without a TLS close notification, before a byte of the answer.
    CloseBeforeAnswer,
    /// Answered with this status and ProblemDetails; the request does not reach the simulated API.
    Status(u16),
    /// The head announces the whole length, the first half of the body follows, then the connection is closed.
    TruncatedBody,
    /// The body's bytes are replaced, length and Content-Type kept, by bytes that are neither UTF-8 nor an archive.
    GarbageBody,
    /// The body is left out and its length given as zero; status and other fields are kept.
    EmptyBody,
    /// The body is continued with zero bytes up to this length in total (4 GiB at most).
    OversizedBody(u64),
    /// The body is replaced by this text; status and other fields are kept.
    ReplacedBody(String),
    /// The Content-Type is replaced by this one.
    WrongContentType(String),
    /// This header field (any case) is left out of the answer.
    WithoutHeader(String),
    /// No answer at all: the connection stays open until the client gives up or the simulator stops. The request does
    /// not reach the simulated API.
    NeverAnswer,
}

/// How often a fault happens before the route behaves again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Times {
    /// The next matching request only.
    Once,
    /// Until cleared.
    Always,
    /// The next so many matching requests.
    N(u32),
}

impl Fault {
    /// Whether the request is kept from the simulated API.
    pub(crate) fn replaces_request(&self) -> bool {
        matches!(self, Self::Status(_) | Self::NeverAnswer)
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::CloseBeforeAnswer => f.write_str("close-before-answer"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::TruncatedBody => f.write_str("truncated-body"),
            Self::GarbageBody => f.write_str("garbage-body"),
            Self::EmptyBody => f.write_str("empty-body"),
            Self::OversizedBody(length) => write!(f, "oversized-body {length}"),
            Self::ReplacedBody(_) => f.write_str("replaced-body"),
            Self::WrongContentType(mime) => write!(f, "wrong-content-type {mime}"),
            Self::WithoutHeader(name) => write!(f, "without-header {name}"),
            Self::NeverAnswer => f.write_str("never-answer"),
        }
    }
}

impl Times {
    pub(crate) fn count(self) -> Option<u32> {
        match self {
            Self::Once => Some(1),
            Self::Always => None,
            Self::N(count) => Some(count),
        }
    }
}

/// Faults of a simulator's own kind that are still to come.
pub(crate) struct Planned<F> {
    /// With how often each is left; `None`: always.
    planned: Mutex<Vec<(F, Option<u32>)>>,
}

impl<F> Default for Planned<F> {
    fn default() -> Self {
        Self {
            planned: Mutex::default(),
        }
    }
}

impl<F: PartialEq> Planned<F> {
    pub(crate) fn plan(&self, fault: F, times: Times) {
        self.lock().push((fault, times.count()));
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// Whether this happens now; counted as used.
    pub(crate) fn take(&self, fault: F) -> bool {
        let mut planned = self.lock();
        let due = |entry: &(F, Option<u32>)| entry.0 == fault && entry.1 != Some(0);
        let Some(index) = planned.iter().position(due) else {
            return false;
        };
        if let Some(left) = &mut planned[index].1 {
            *left -= 1;
            if *left == 0 {
                planned.remove(index);
            }
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(F, Option<u32>)>> {
        // Nothing between lock and unlock can leave half a change.
        self.planned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

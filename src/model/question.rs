//! What a `Then` step asks a judge: the recorded facts, complete, so that anyone can ask again.

use serde::{Deserialize, Serialize};

use jiff::Timestamp;

use super::key_protection::{ChannelUse, Delivery, Key, KeyUse, Look, OamConnection};
use super::token::TokenLook;
use super::verdict::Outcome;

/// A question with all the facts that its answer depends on. Kept as evidence beside the verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "question", rename_all = "kebab-case")]
pub enum Question {
    /// SEC 030 4.2.2.1: is the valid archive accepted, each time?
    Accepted {
        /// The offers in question.
        offers: Vec<Offer>,
        /// HTTP statuses that count as a refusal (IXIT).
        refusal_statuses: Vec<u16>,
    },
    /// SEC 030 4.2.2.1: is the flawed archive refused, and because of the flaw?
    Refused {
        /// The flaw, in the words of the feature.
        flaw: String,
        /// The valid twin, offered before.
        before: Vec<Offer>,
        /// The archive with the flaw: under a VNFD identifier that was accepted before, and under a fresh one.
        flawed: Vec<Offer>,
        /// The valid twins, offered again.
        after: Vec<Offer>,
        /// HTTP statuses that count as a refusal (IXIT).
        refusal_statuses: Vec<u16>,
    },
    /// SEC 030 4.2.2.2: are the identifiers unique?
    Unique {
        /// The rounds of creations that the identifiers were taken from.
        rounds: Vec<Round>,
        /// Identifiers that creation notifications named, where they were captured too.
        notified: Vec<IdentifierRecord>,
    },
    /// Does each notification name the identifier of the response it belongs to?
    Notified {
        /// The rounds of creations, with the identifiers of their responses.
        rounds: Vec<Round>,
        /// Identifiers that the creation notifications named.
        notified: Vec<IdentifierRecord>,
    },
    /// SEC 030 4.2.2.3 to 4.2.2.5, first expected result: could nothing but the SUT access these private keys?
    KeyProtected {
        /// The keys.
        keys: Vec<Key>,
        /// Every look while they were in use, and at what the SUT sent.
        looks: Vec<Look>,
    },
    /// SEC 030 4.2.2.3 to 4.2.2.5, second expected result: are these private keys gone?
    KeyDeleted {
        /// The keys.
        keys: Vec<Key>,
        /// What ends their use, in words.
        ended_by: String,
        /// When that was.
        ended_at: Timestamp,
        /// Seconds that they may remain after it.
        deadline: u64,
        /// Looks after the deadline.
        looks: Vec<Look>,
    },
    /// Does each certification request have a key pair of its own?
    KeysDiffer {
        /// The requests.
        uses: Vec<KeyUse>,
        /// Fewer show nothing.
        least: usize,
    },
    /// Is there no private key that follows from the public keys of the certification requests?
    KeysStrong {
        /// The requests.
        uses: Vec<KeyUse>,
        /// Fewer show nothing.
        least: usize,
    },
    /// Vnfm.Sc.006: did the token give none of these private keys out in clear?
    TokenProtects {
        /// The requests whose private keys these are.
        keys: Vec<KeyUse>,
        /// Looks into the token while they were in use.
        looks: Vec<TokenLook>,
    },
    /// Vnfm.Sc.006: is none of these private keys in the token any more?
    TokenEmptied {
        /// The requests whose private keys these are.
        keys: Vec<KeyUse>,
        /// What ends their use, in words.
        ended_by: String,
        /// When that was.
        ended_at: Timestamp,
        /// Seconds that they may remain after it.
        deadline: u64,
        /// What was in the token before.
        before: TokenLook,
        /// The look after the deadline.
        look: TokenLook,
    },
    /// Did each certification request prove possession of its private key?
    PossessionProved {
        /// How many requests there were.
        requests: usize,
        /// Those that did not, by their subject.
        unproved: Vec<String>,
    },
    /// Were all exchanges with CMF, VIM and VNFCI over mutual TLS?
    ChannelsProtected {
        /// The exchanges.
        uses: Vec<ChannelUse>,
    },
    /// Did the SUT install a private key no more often than it says?
    AttemptsEnd {
        /// The attempts that it says it makes.
        allowed: u32,
        /// Those that were seen, each with its exchange, in words.
        seen: Vec<String>,
    },
    /// Did the SUT keep a certificate from being installed, or a key from being handed over, because of a flaw?
    NotInstalled {
        /// The flaw, in words.
        flaw: String,
        /// What shows that the SUT met it; none if nothing does.
        met: Option<String>,
        /// What was handed over meanwhile.
        delivered: Vec<Delivery>,
        /// What was handed over where the flaw was not.
        twin: Vec<Delivery>,
    },
    /// Does the VNF OAM endpoint refuse this client, because of what it shows?
    OamRefused {
        /// The client that must be let in, before.
        before: OamConnection,
        /// The client that must not.
        refused: OamConnection,
        /// The client that must be let in, again.
        after: OamConnection,
    },
}

/// One offer of a VNFD archive to the SUT, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// What was offered, in words.
    pub what: String,
    /// The VNFD identifier under which it was offered.
    pub vnfd_id: String,
    /// SHA-256, lower-case hex, of what the NFVO held that bears the signatures and tells this offer from the others of its
    /// pair: the VNFD archive, the package, or both.
    pub held: Vec<String>,
    /// Where the SUT fetched one of them, if it did.
    pub fetched: Option<Fetched>,
    /// True if a request for this VNFD named the flag that asks for signatures.
    pub asked_for_signatures: bool,
    /// A fault of the tester's own side meanwhile: then the answer says nothing.
    pub disturbed: Option<String>,
    /// What the SUT did with it.
    pub answer: Answer,
}

/// A fetch as it was on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetched {
    /// The transcript's number of the exchange.
    pub exchange: u64,
    /// SHA-256 of the body that was served, lower-case hex.
    pub sha256: String,
}

/// What the SUT answered to an offer. Whether that is a refusal is for the judge to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    /// The operation that the IXIT names succeeded.
    Accepted {
        /// The transcript's number of the exchange that says so.
        exchange: u64,
        /// What was answered, in words.
        text: String,
    },
    /// An HTTP status of 400 or more.
    Status {
        /// The transcript's number of the exchange.
        exchange: u64,
        /// The status.
        status: u16,
        /// Its ProblemDetails, in words.
        text: String,
    },
    /// The lifecycle operation ended otherwise than COMPLETED.
    Ended {
        /// The transcript's number of the exchange that says so.
        exchange: u64,
        /// `operationState` (SOL003 5.6.2.2).
        state: String,
        /// Its error, in words.
        text: String,
    },
    /// No answer that could be read: a fault of the network, the SUT or the harness, never a refusal.
    None {
        /// What came instead.
        text: String,
    },
}

/// One identifier, and where it can be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentifierRecord {
    /// The VNF instance identifier as it was on the wire.
    pub id: String,
    /// The transcript's number of the exchange whose response bears it.
    pub exchange: u64,
}

/// One round of creations, and the identifiers that were captured in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// The round, in words, e.g. `before the restart`.
    pub name: String,
    /// How many creations were asked for.
    pub asked: u64,
    /// True if the SUT was killed in this round, so that unanswered creations are expected.
    pub killed: bool,
    /// Time that the round took, in seconds.
    pub seconds: f64,
    /// The identifiers, in the order of capture.
    pub records: Vec<IdentifierRecord>,
    /// Creations without a usable answer: what came instead.
    pub lost: Vec<String>,
    /// Creations that were answered with an error status.
    pub refused: Vec<String>,
}

/// A judge's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// Met, unmet or undecided.
    pub outcome: Outcome,
    /// What else was seen.
    pub observations: Vec<super::evidence::Observation>,
    /// What was measured.
    pub measurements: Vec<super::evidence::Measurement>,
}

impl From<Outcome> for Judgement {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            observations: Vec::new(),
            measurements: Vec::new(),
        }
    }
}

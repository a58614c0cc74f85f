//! The facts that judges of key protection weigh (SEC 030 4.2.2.3 to 4.2.2.5): what the tester looked at, when, what it saw there
//! ([`Look`]), and what it could not look at. No byte of a private key is in them: the digest of the public key names it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A key pair that the SUT made for a VNFCI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// What it is for, in words.
    pub name: String,
    /// SHA-256 of its SubjectPublicKeyInfo, lower-case hex.
    pub public_key_sha256: String,
    /// True if the tester, as VIM or VNFCI, was given the private key; otherwise it was searched for by the public key alone.
    pub known: bool,
}

/// One look into the SUT and around it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// When it was, in words, e.g. `while the CMF held its answer`.
    pub name: String,
    /// When it began. Nothing that lay there earlier counts.
    pub began: Option<Timestamp>,
    /// Where key material was seen.
    pub sightings: Vec<Sighting>,
    /// What was searched.
    pub searched: Vec<Searched>,
    /// What was not.
    pub gaps: Vec<NotSearched>,
    /// The positive control.
    pub canaries: Vec<Canary>,
    /// Attempts to get at the key as another user.
    pub attempts: Vec<Attempt>,
    /// What a crash would write of the SUT's processes.
    pub core_dumps: Vec<CoreDump>,
    /// Means that the tester lacked.
    pub lacked: Vec<String>,
    /// What it does not reach by its nature, in words: nothing stands against "not seen" there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scope: Vec<String>,
}

/// What key material was seen in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Medium {
    /// Memory of a process of the SUT, read with the administrator's rights.
    Memory,
    /// The command line of a process of the SUT.
    CommandLine,
    /// The environment of a process of the SUT.
    Environment,
    /// A file without a name that a process of the SUT holds open.
    UnlinkedFile,
    /// A file, log, data base or device.
    Storage,
    /// A process that is not the SUT's.
    OtherProcess,
    /// What the SUT sent elsewhere than over the declared channel.
    Wire,
}

impl Medium {
    /// As people call it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Memory => "the memory of a process of the VNFM",
            Self::CommandLine => "the command line of a process of the VNFM",
            Self::Environment => "the environment of a process of the VNFM",
            Self::UnlinkedFile => "a file without a name that the VNFM holds open",
            Self::Storage => "storage",
            Self::OtherProcess => "a process that is not the VNFM's",
            Self::Wire => "what the VNFM sent",
        }
    }
}

/// Key material, seen at a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// SHA-256 of the SubjectPublicKeyInfo of the key, lower-case hex.
    pub public_key_sha256: String,
    /// In what.
    pub medium: Medium,
    /// The process, where it is one.
    pub process: Option<u32>,
    /// Where, in words: file and offset, process and address, exchange and part.
    pub place: String,
    /// In which encoding, and how that was confirmed.
    pub encoding: String,
}

/// How much was searched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Searched {
    /// Where.
    pub source: String,
    /// Files, mappings, members of containers.
    pub places: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Something that could not be searched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotSearched {
    /// What kind of thing it is.
    pub medium: Medium,
    /// The process, where it is one.
    pub process: Option<u32>,
    /// Where.
    pub place: String,
    /// Why.
    pub why: String,
    /// True if it had gone or was in change, rather than kept from the tester.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub passing: bool,
}

/// A key of the tester's own, planted to be found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// The source that it stands for, and the kind of key and search.
    pub stands_for: String,
    /// Whether it was found.
    pub found: bool,
}

/// An attempt as another user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// What was tried.
    pub what: String,
    /// As whom.
    pub as_user: String,
    /// Whether its success gives all that a process holds: its memory read, the process traced.
    pub whole_process: bool,
    /// How it ended.
    pub result: AttemptResult,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", content = "text", rename_all = "kebab-case")]
pub enum AttemptResult {
    /// It was possible.
    Succeeded(String),
    /// It was refused for lack of rights.
    Denied(String),
    /// It could not be tried.
    NotTried(String),
}

/// Whether a crash of a process of the SUT would write its memory to a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoreDump {
    /// The process.
    pub process: u32,
    /// True if nothing that could be seen forbids it.
    pub possible: bool,
    /// The settings, in words.
    pub settings: String,
}

/// One use of a key pair: a certification request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyUse {
    /// For which VNFCI and what, or in which attempt, in words.
    pub what: String,
    /// SHA-256 of the SubjectPublicKeyInfo, lower-case hex.
    pub public_key_sha256: String,
    /// The numbers in it, where it is an RSA key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rsa: Option<RsaPublicKey>,
}

/// What everybody knows of an RSA key pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RsaPublicKey {
    /// Hex.
    pub modulus: String,
    /// Hex.
    pub exponent: String,
}

/// A certificate with its private key that reached a VIM or VNFCI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// To whom.
    pub to: String,
    /// SHA-256 of the certificate, lower-case hex.
    pub certificate_sha256: String,
}

/// An exchange of the SUT with CMF, VIM or VNFCI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelUse {
    /// The transcript's number of the exchange.
    pub exchange: u64,
    /// With whom.
    pub with: String,
    /// Whether TLS stood, and the SUT had shown a certificate.
    pub mutual_tls: bool,
    /// What was wrong, if anything was.
    pub fault: Option<String>,
}

/// A connection to the VNF OAM endpoint of the SUT, as the client saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OamConnection {
    /// What the client showed for itself.
    pub presented: String,
    /// How it ended.
    pub outcome: OamOutcome,
    /// The transcript's number of the attempt.
    pub exchange: u64,
}

/// How a connection to the VNF OAM endpoint ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", content = "text", rename_all = "kebab-case")]
pub enum OamOutcome {
    /// The endpoint answered: the client was let in.
    Accepted,
    /// The endpoint refused.
    Refused(String),
    /// Anything else: it shows nothing about the certificate.
    Nothing(String),
}

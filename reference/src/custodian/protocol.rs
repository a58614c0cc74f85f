//! What the VNFM and its key custodian tell each other: one JSON text a line. Main types: [`Request`], [`Answer`].
//!
//! No private key is in any of it. Where one belongs into what is delivered, the VNFM writes a [`marker`](pem_in_base64), and
//! the custodian puts the key there on its way out.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What the VNFM asks. Each request gets one answer, in order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub(crate) enum Request {
    /// First of all.
    Begin {
        /// How long after the first key was made the custodian ends by itself.
        retention_seconds: u32,
        /// Deliberate deviations.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        defects: Vec<String>,
        /// Where keys are made and held; in the custodian's own memory without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<TokenAccess>,
    },
    /// Destroys what is left in the token of other custodians of the same VNFM.
    Sweep {
        /// The batch of one of them; all without it.
        batch: Option<Uuid>,
    },
    /// A new key pair, known by this name from now on, and a certificate signing request for it.
    Generate {
        id: String,
        kind: KeyKind,
        names: Names,
    },
    /// Whether this certificate is for that key.
    Check {
        id: String,
        /// DER in base64.
        certificate: String,
    },
    /// Delivers keys, as an HTTP request.
    Send(Delivery),
    /// Deletes a key.
    Forget { id: String },
}

/// What the custodian answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub(crate) enum Answer {
    /// Ready, with what could not be had for its protection.
    Begun { remarks: Vec<String> },
    /// The PKCS#11 token cannot be used, and this is what has to be mended.
    Unusable { part: TokenPart, reason: String },
    /// So many objects were destroyed.
    Swept { objects: usize },
    /// The request to be certified, PKCS#10 DER in base64.
    Generated {
        csr: String,
        /// Of a deviating product only; see [`super::defective`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exposed: Option<String>,
    },
    /// As asked.
    Done,
    /// The peer has answered. Nothing of its text is told but an identifier: it might repeat the key.
    Sent {
        status: u16,
        /// `stack.id` of the answer, if it is an identifier of Heat.
        stack_id: Option<String>,
    },
    /// It could not be done.
    Failed { reason: String },
}

/// A PKCS#11 token, and what is ours in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenAccess {
    /// The library.
    pub(crate) module: PathBuf,
    /// The token's label.
    pub(crate) token: String,
    /// Holds the user's PIN, and perhaps a line end.
    pub(crate) pin_file: PathBuf,
    pub(crate) objects: TokenObjects,
    /// The VNFM: part of each object's label.
    pub(crate) owner: Uuid,
    /// This custodian's objects: their CKA_ID.
    pub(crate) batch: Uuid,
}

/// What private keys are in a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenObjects {
    /// Session objects: the token itself forgets them when the custodian is gone.
    #[default]
    Session,
    /// Token objects, for modules that make private keys in no other way.
    Token,
}

/// What of the access to a token is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TokenPart {
    Module,
    Token,
    PinFile,
}

/// The kind of a key pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum KeyKind {
    P256,
    P384,
    Rsa2048,
    Rsa3072,
    Rsa4096,
}

/// Whom a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Names {
    pub(crate) subject: Subject,
    pub(crate) dns_name: String,
}

/// Attributes of a subject (CertSubjectData of SOL003 V4.5.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Subject {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) common_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) organization: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) locality: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) email_address: Option<String>,
}

/// An HTTP request that carries private keys.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Delivery {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    /// JSON text with markers in the place of keys.
    pub(crate) body: String,
    pub(crate) anchors: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) private_key: PathBuf,
    pub(crate) timeout_ms: u64,
    /// Of a deviating product only.
    #[serde(default)]
    pub(crate) verification: Verification,
}

/// What is looked at of a server's certificate. All but the first are deviations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verification {
    #[default]
    Full,
    AnyName,
    Nothing,
}

/// Stands for the PEM of a private key, in base64.
pub(crate) fn pem_in_base64(id: &str) -> String {
    format!("@private-key-base64:{id}@")
}

/// Stands for the PEM of a private key inside a JSON string.
pub(crate) fn pem_in_json(id: &str) -> String {
    format!("@private-key-json:{id}@")
}

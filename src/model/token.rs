//! What the tester saw in the PKCS#11 token of a VNFM (IFA 026 Vnfm.Sc.006): [`TokenLook`]. No byte of a private key is in it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One look into the token, with a session of the tester's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenLook {
    /// When it was, in words.
    pub name: String,
    /// When it began.
    pub began: Timestamp,
    /// The private keys that are there, but the tester's own.
    pub keys: Vec<TokenKey>,
    /// The positive control.
    pub control: Control,
    /// Why the tester could not look, if it could not.
    pub lacked: Option<String>,
}

/// A private key object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenKey {
    /// CKA_LABEL.
    pub label: String,
    /// CKA_ID, hex.
    pub id: String,
    /// Whose it is.
    pub whose: Whose,
    /// CKA_SENSITIVE: the token does not tell its value in clear.
    pub sensitive: bool,
    /// CKA_EXTRACTABLE: it can be taken out wrapped.
    pub extractable: bool,
    /// Whether the token told the tester its value in clear.
    pub shown: bool,
}

/// Whose private key an object is: told by a signature that it made for the tester, or by its modulus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "whose", content = "text", rename_all = "kebab-case")]
pub enum Whose {
    /// That of the certification request with this public key (SHA-256 of the SubjectPublicKeyInfo, hex).
    Requested(String),
    /// Of none of them.
    Other,
    /// It did not show.
    Unknown(String),
}

/// A private key of the tester's own, made in one session, readable, and looked for in another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// Whether it was found.
    pub found: bool,
    /// Whether its value was told in clear, as that of any readable key is.
    pub shown: bool,
    /// What went wrong, if anything did.
    pub fault: Option<String>,
}

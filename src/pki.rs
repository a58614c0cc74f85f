//! The test PKI: certificates that conform to RFC 5280 unless a test asks for one named flaw.
//!
//! [`Ca`] issues [`Leaf`]s through a [`LeafBuilder`] that is valid by default; [`TestPki`] is what the test bed
//! needs for mutual TLS, [`SigningMaterial`] what it needs to sign VNF packages, well and badly.
//!
//! Time comes from outside: each constructor takes `now`, and a stored PKI keeps the validity that it got then.

mod ca;
mod leaf;
#[cfg(test)]
pub(crate) mod openssl_command;
mod signing_material;
mod store;
mod test_pki;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use ca::Ca;
pub use leaf::{KeyKind, Leaf, LeafBuilder};
pub use signing_material::SigningMaterial;
pub use test_pki::TestPki;

/// The folder inside a PKI folder where [`TestPki`] is kept.
pub const TLS_FOLDER: &str = "tls";
/// The folder inside a PKI folder where [`SigningMaterial`] is kept.
pub const SIGNERS_FOLDER: &str = "signers";

/// Why a certificate, a key or a folder of them could not be made or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PkiError {
    /// The certificate library refused to make what was asked.
    #[error("could not issue the {what}")]
    Issue {
        /// What was to be made, in words.
        what: String,
        /// The library's reason.
        #[source]
        source: rcgen::Error,
    },
    /// A subject alternative name is neither an IP address nor a DNS name.
    #[error(
        "\"{name}\" is neither an IP address nor a DNS name: correct the subject alternative name"
    )]
    SubjectAltName {
        /// The name as it was given.
        name: String,
        /// The library's reason.
        #[source]
        source: rcgen::Error,
    },
    /// A point in time does not fit into a certificate.
    #[error("{seconds} s since 1970 is no time that a certificate can state")]
    Time {
        /// Seconds since 1970-01-01T00:00:00Z.
        seconds: i64,
    },
    /// A file could not be read or written.
    #[error("could not {action} {}", path.display())]
    Io {
        /// "read", "write" or "create".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// A file holds no certificate or no private key that we can read.
    #[error("{}: {reason}", path.display())]
    Unreadable {
        /// The file; for material that was handed over in memory, a word for it.
        path: PathBuf,
        /// What is wrong with it and what belongs there.
        reason: String,
    },
    /// A private key is not the one of the certificate beside it.
    #[error("the key in {} does not fit the certificate in {}: replace one of them", key.display(), certificate.display())]
    KeyMismatch {
        /// The certificate file.
        certificate: PathBuf,
        /// The private key file.
        key: PathBuf,
    },
    /// A certificate was not issued by the CA that lies beside it.
    #[error("the certificate in {} was not issued by the CA in {}: put both from the same PKI", certificate.display(), ca.display())]
    WrongIssuer {
        /// The certificate file.
        certificate: PathBuf,
        /// The CA's certificate file.
        ca: PathBuf,
    },
    /// A stored certificate's validity is not what its use needs.
    #[error(
        "the certificate in {} is valid from {not_before} until {not_after}, but should {expected}: make a new PKI",
        certificate.display()
    )]
    Validity {
        /// The certificate file.
        certificate: PathBuf,
        /// What it should be, in words.
        expected: &'static str,
        /// The beginning of its validity.
        not_before: jiff::Timestamp,
        /// The end of its validity.
        not_after: jiff::Timestamp,
    },
    /// The folder already holds a PKI, which is never overwritten: somebody's product may be configured with it.
    #[error("{} already exists: choose another folder, or remove this one", path.display())]
    Exists {
        /// The file that would have been overwritten.
        path: PathBuf,
    },
}

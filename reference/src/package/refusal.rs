//! Why a package is refused. Main types: [`Refusal`] and, for what is wrong with one signature, [`SignatureFault`].

/// Why a VNF package, or the VNFD archive of one, is refused. The text names the file and the cause.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The bytes are no ZIP archive that has one meaning only.
    #[error("the archive is not a well-formed ZIP: {0}")]
    Archive(String),
    /// Two entries bear one name, so that "the file" is ambiguous.
    #[error("the archive has two entries named `{0}`")]
    DuplicateEntry(String),
    /// An entry's path is absolute, leads outside, or is written in a way that some system reads so.
    #[error("the path `{0}` leads outside the archive")]
    OutsidePath(String),
    /// A symbolic link or another entry that is neither file nor directory.
    #[error("the entry `{0}` is neither a file nor a directory")]
    SpecialEntry(String),
    /// A limit of the configuration was reached while unpacking.
    #[error("the archive exceeds the limit of {0}")]
    Limit(String),
    /// The manifest, or TOSCA.meta, cannot be read.
    #[error("`{file}` cannot be read: {reason}")]
    Metadata {
        /// The file's path in the archive.
        file: String,
        /// What is wrong, and in which line.
        reason: String,
    },
    /// Nothing in the package is signed.
    #[error("the package bears no signature")]
    Unsigned,
    /// A file that must have a signature of its own has none.
    #[error("`{0}` has no signature")]
    MissingSignature(String),
    /// A certificate that the manifest or TOSCA.meta names is absent or is none.
    #[error("`{0}` is not a certificate that can be read, although it is named as one")]
    MissingCertificate(String),
    /// A signature file belongs to no file of the archive.
    #[error("`{0}` is the signature of no file in the archive")]
    OrphanSignature(String),
    /// A signature is not valid, or its signer not accepted.
    #[error("the signature of `{file}` is refused: {fault}")]
    Signature {
        /// The file that the signature is for.
        file: String,
        /// What is wrong with it.
        fault: SignatureFault,
    },
    /// A digest algorithm that is broken, or unknown.
    #[error("the digest algorithm `{algorithm}` of `{file}` is not accepted")]
    DigestAlgorithm {
        /// The file in question.
        file: String,
        /// The algorithm as the manifest writes it.
        algorithm: String,
    },
    /// A file's digest is not the one that the manifest states.
    #[error("the digest of `{0}` differs from the manifest's")]
    FileDigest(String),
    /// A file that the signed manifest does not list, and that has no signature of its own.
    #[error("`{0}` is not listed in the signed manifest")]
    Unlisted(String),
    /// A file of the VNFD that the manifest lists is not in the archive.
    #[error("`{0}` is listed in the manifest but absent from the archive")]
    Absent(String),
    /// The archive is properly signed, but is another VNFD's.
    #[error("the manifest is that of the VNFD `{found}`, not of `{asked}`")]
    OtherVnfd {
        /// The vnfdId that was asked for.
        asked: String,
        /// The vnfd_id that the manifest states.
        found: String,
    },
    /// The outer archive of an option 2 package does not hold what it must.
    #[error("the option 2 package {0}")]
    Outer(String),
    /// What the defect `refuses-everything` says.
    #[error("the package is refused by policy")]
    Policy,
}

/// What is wrong with a signature or its signer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// No bytes, no signer or no signature value.
    #[error("it is empty")]
    Empty,
    /// Neither PEM nor DER of a CMS SignedData.
    #[error("it is no CMS signature that can be parsed ({0})")]
    Unparsable(String),
    /// An algorithm that is not supported, or not strong enough.
    #[error("the algorithm {0} is not accepted")]
    Algorithm(String),
    /// The certificate of the signer is neither in the CMS nor in the package.
    #[error("the signer's certificate is not in the package")]
    NoCertificate,
    /// The CMS embeds content that is not the file at hand.
    #[error("the content embedded in it is not that of the file")]
    EmbeddedContent,
    /// The signed attributes lack one that they must have, or state something else.
    #[error("its signed attributes are wrong: {0}")]
    Attributes(&'static str),
    /// The content is not what was signed.
    #[error("the content is not what was signed")]
    Digest,
    /// The value of the signature does not fit the signer's key.
    #[error("the signature value is wrong")]
    Value,
    /// The chain does not lead to a configured trust anchor.
    #[error("the signer's certificate does not chain to a configured trust anchor ({0})")]
    Untrusted(String),
    /// A certificate of the chain has expired.
    #[error("the signer's certificate has expired")]
    Expired,
    /// A certificate of the chain is not valid yet.
    #[error("the signer's certificate is not valid yet")]
    NotYetValid,
    /// A certificate of the chain is revoked.
    #[error("the signer's certificate is revoked")]
    Revoked,
    /// The certificate is not meant for signing.
    #[error("the signer's certificate lacks the key usage digitalSignature")]
    KeyUsage,
}

impl SignatureFault {
    /// As the refusal of the file that it belongs to.
    pub(crate) fn of(self, file: &str) -> Refusal {
        Refusal::Signature {
            file: file.to_owned(),
            fault: self,
        }
    }
}

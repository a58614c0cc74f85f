//! The deliberate deviations of the reference, each as a real product might show it. Main types: [`Defect`], what a list
//! shows, and [`Defects`], what the code asks.
//!
//! Each deviates in one place of the code: where `defects.has(Deviation::...)` stands. Defects of identifiers concern what is
//! said on the wire; inside, every instance keeps a key of its own.

/// A deliberate deviation, as a list shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Defect {
    /// The name that configurations and feature files use, in kebab-case.
    pub name: &'static str,
    /// What the deviating product does, in one line.
    pub summary: &'static str,
}

/// Every defect of the reference, in the order of this file.
pub fn all() -> &'static [Defect] {
    ALL
}

/// The defects that are switched on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Defects(u128);

impl Defects {
    /// None: the conforming product.
    pub const NONE: Self = Self(0);

    /// The defects of these names.
    ///
    /// # Errors
    /// The first name that is no defect.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, UnknownDefect> {
        let mut defects = Self::NONE;
        for name in names {
            let index = ALL
                .iter()
                .position(|defect| defect.name == name)
                .ok_or_else(|| UnknownDefect::new(name))?;
            defects.0 |= 1 << index;
        }
        Ok(defects)
    }

    /// Whether the product is to deviate so.
    pub fn has(self, deviation: Deviation) -> bool {
        self.0 & (1 << deviation as u32) != 0
    }

    /// Whether the product is to deviate in any of these ways.
    pub fn has_any(self, deviations: &[Deviation]) -> bool {
        deviations.iter().any(|deviation| self.has(*deviation))
    }

    /// Their names, for a process that is to deviate in the same way.
    pub fn names(self) -> Vec<String> {
        ALL.iter()
            .enumerate()
            .filter(|(index, _)| self.0 & (1 << index) != 0)
            .map(|(_, defect)| defect.name.to_owned())
            .collect()
    }

    /// These and one more.
    #[must_use]
    pub fn with(self, deviation: Deviation) -> Self {
        Self(self.0 | (1 << deviation as u32))
    }
}

/// A name that is no defect.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown defect `{name}`; the nearest is `{nearest}`")]
pub struct UnknownDefect {
    /// What was written.
    pub name: String,
    /// The defect whose name is nearest to it.
    pub nearest: &'static str,
}

impl UnknownDefect {
    fn new(name: &str) -> Self {
        let nearest = ALL
            .iter()
            .map(|defect| defect.name)
            .min_by_key(|known| distance(name, known))
            .unwrap_or_default();
        Self {
            name: name.to_owned(),
            nearest,
        }
    }
}

/// Edits from one word to the other (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let substituted = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

macro_rules! defects {
    ($($deviation:ident $name:literal $summary:literal)*) => {
        /// What the code asks for: one variant per defect.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Deviation {
            $(#[doc = $summary] $deviation,)*
        }

        static ALL: &[Defect] = &[$(Defect { name: $name, summary: $summary },)*];
    };
}

defects! {
    AcceptsWithoutVerifying "accepts-without-verifying" "fetches the VNFD and never looks at its signatures"
    VerifiesManifestOnly "verifies-manifest-only" "verifies the manifest's signature, but no file against its digest or own signature"
    VerifiesFirstFileOnly "verifies-first-file-only" "verifies the first file of the archive and none of the others"
    SkipsLastFile "skips-last-file" "verifies every file of the archive but the last (a loop that ends one too early)"
    SkipsSignatureValue "skips-signature-value" "compares digests, never verifies the value of a signature"
    SkipsMessageDigest "skips-message-digest" "verifies a signature over its attributes, not that messageDigest fits the content"
    TrustsAnyCertificate "trusts-any-certificate" "accepts any signer's certificate, whoever issued it"
    IgnoresExpiry "ignores-expiry" "accepts a signer's certificate that has expired"
    IgnoresNotYetValid "ignores-not-yet-valid" "accepts a signer's certificate that is not valid yet"
    IgnoresRevocation "ignores-revocation" "accepts a signer's certificate that the CRL revokes"
    IgnoresKeyUsage "ignores-key-usage" "accepts a signer's certificate whose keyUsage lacks digitalSignature"
    AcceptsMissingFileSignature "accepts-missing-file-signature" "passes over a file whose expected own signature is absent"
    AcceptsUnsigned "accepts-unsigned" "accepts an archive that bears no signature at all"
    AcceptsEmptySignature "accepts-empty-signature" "takes an empty signature for a valid one"
    AcceptsUnparsableSignature "accepts-unparsable-signature" "goes on when a signature cannot be parsed"
    VerifiesOneEntryUsesDuplicate "verifies-one-entry-uses-duplicate" "verifies one of two entries of the same name, whichever fits, and may use the other"
    CachesByVnfdId "caches-by-vnfd-id" "fetches the VNFD each time, verifies it only the first time for a vnfdId"
    RefusesEverything "refuses-everything" "refuses every package"
    AcceptsMd5 "accepts-md5" "accepts MD5 digests in a manifest"
    AcceptsSha1 "accepts-sha1" "accepts SHA-1 digests in a manifest"
    IgnoresUnlistedFiles "ignores-unlisted-files" "passes over files that the signed manifest does not list"
    IgnoresAbsentFiles "ignores-absent-files" "passes over files of the VNFD that the manifest lists and the archive lacks"
    AcceptsPathTraversal "accepts-path-traversal" "accepts entries whose path leads out of the archive"
    NoSizeLimit "no-size-limit" "unpacks whatever comes, however large it becomes"
    AcceptsTruncatedZip "accepts-truncated-zip" "recovers what it can from an archive without a central directory, and makes do with it"
    IgnoresOuterSignature "ignores-outer-signature" "does not verify the signature over the whole package (option 2)"
    TrustsEmbeddedContent "trusts-embedded-content" "verifies a CMS over the content embedded in it instead of the bytes at hand"
    ChecksChainOfOtherCertificate "checks-chain-of-other-certificate" "verifies with the certificate inside the CMS, and checks the chain of the certificate file beside it"
    AcceptsTamperedAfterFirst "accepts-tampered-after-first" "verifies the first package after its start only"

    DuplicatesUnderConcurrency "duplicates-under-concurrency" "reads the next identifier before and writes it after waiting, so that concurrent creations share it"
    CounterRestarts "counter-restarts" "numbers instances from 1 again at each start"
    ReusesDeletedIds "reuses-deleted-ids" "gives a new instance the lowest identifier that is free, also one of a deleted instance"
    Ids24Bit "ids-24-bit" "draws identifiers from 24 random bits, however long they look"
    UniquePerVnfdOnly "unique-per-vnfd-only" "numbers instances per vnfdId, so that instances of two VNFDs share identifiers"
    MillisecondClock "millisecond-clock" "takes the millisecond of the clock for an identifier"
    SeededByStartSecond "seeded-by-start-second" "draws identifiers from a generator seeded with the second of its start"
    CounterSavedLazily "counter-saved-lazily" "saves its counter every 64 creations and at a clean end, so that a crash repeats identifiers"
    CounterInState "counter-in-state" "numbers instances by a durable counter: a restored copy, or a second instance of the product, repeats it"
    IdDiffersInNotification "id-differs-in-notification" "notifies of another identifier than it answered"
    DerivedFromRequest "derived-from-request" "derives the identifier from the request's content, so that equal requests share it"

    KeyInReadableFile "key-in-readable-file" "keeps each private key in a file of mode 0644 until the operation is over"
    KeyInPrivateFile "key-in-private-file" "keeps each private key in clear in a file of mode 0600 until the operation is over"
    KeyInUnlinkedFile "key-in-unlinked-file" "puts private keys into temporary files, unlinks them and leaves them open"
    KeyInSharedMemory "key-in-shared-memory" "keeps each private key in a file of mode 0644 in /dev/shm until the operation is over"
    KeyUntilRestart "key-until-restart" "keeps each private key in a file of mode 0600 and removes it at its next start"
    KeyInDebugLog "key-in-debug-log" "logs private keys at debug level"
    KeyInRotatedLog "key-in-rotated-log" "has private keys in a rotated log that is compressed by gzip"
    KeyOnStandardError "key-on-standard-error" "prints private keys on standard error"
    KeyInArguments "key-in-arguments" "gives private keys to a helper process as arguments"
    KeyInEnvironment "key-in-environment" "gives private keys to a helper process in its environment"
    KeyInHelper "key-in-helper" "gives private keys to a helper process by a pipe, which keeps them"
    KeyInDatabase "key-in-database" "keeps private keys in its data base"
    KeyInFreePages "key-in-free-pages" "keeps private keys in its data base during the operation, and their bytes stay behind in freed pages"
    KeyInVnfInstance "key-in-vnf-instance" "shows private keys in the VnfInstance"
    KeyInOperationParams "key-in-operation-params" "shows private keys in operationParams of the operation occurrence"
    KeyInNotification "key-in-notification" "sends private keys to the NFVO in the notification of the operation's result"
    KeyInErrorDetail "key-in-error-detail" "tells private keys in the error of an operation that failed"
    KeySentToCmf "key-sent-to-cmf" "sends the private key to the CMF in a header field beside the certificate signing request"
    ScalarInHeap "scalar-in-heap" "leaves private keys in the memory of the VNFM as raw scalars"
    DerInHeap "der-in-heap" "leaves private keys in the memory of the VNFM in PKCS#8 DER"
    PemInHeap "pem-in-heap" "leaves private keys in the memory of the VNFM in PEM"
    JsonInHeap "json-in-heap" "leaves private keys in the memory of the VNFM in a JSON body"
    Base64InHeap "base64-in-heap" "leaves private keys in the memory of the VNFM in base64 without line breaks"
    HexInHeap "hex-in-heap" "leaves private keys in the memory of the VNFM in hexadecimal"
    KeyInLingeringCustodian "key-in-lingering-custodian" "leaves the key custodian running after the operation, with the keys in ordinary memory"
    DeletesAtNextOperation "deletes-at-next-operation" "deletes private keys only when the next operation begins"
    DeletesOnlyOnSuccess "deletes-only-on-success" "deletes private keys only if they could be installed"
    IgnoresRetention "ignores-retention" "goes on with private keys after their retention period"
    CustodianOutlivesVnfm "custodian-outlives-vnfm" "leaves the key custodian and its keys behind when the VNFM is killed"
    OneAttemptTooMany "one-attempt-too-many" "tries once more than keys.attempts to install a private key"
    CoreDumpsEnabled "core-dumps-enabled" "lets the process that holds private keys dump core, and be traced by its user"
    VimWithoutTls "vim-without-tls" "orders the stack by plain HTTP first, and by TLS when that fails"
    VimNotVerified "vim-not-verified" "sends private keys to a VIM whatever its certificate says"
    VimNameNotVerified "vim-name-not-verified" "sends private keys to a VIM whose certificate is for another name"
    VnfciNotVerified "vnfci-not-verified" "sends private keys to a VNFCI whatever its certificate says"
    OneKeyForAll "one-key-for-all" "makes one key pair for all certificates of an operation"
    KeyReusedAtRenewal "key-reused-at-renewal" "has the same key pair certified again at renewal"
    ClockSeededKeys "clock-seeded-keys" "makes key pairs with a generator seeded with the second of the clock"
    KnownWeakKey "known-weak-key" "takes the private key of an example in RFC 6979 for every EC_P256 key pair"
    RsaSharedPrime "rsa-shared-prime" "makes RSA key pairs with primes from a pool of ten, as a generator without entropy does"
    TokenObjectLeftBehind "token-object-left-behind" "leaves private keys in the PKCS#11 token when the operation is over"
    TokenKeyExtractable "token-key-extractable" "makes private keys that the PKCS#11 token shows in clear (CKA_SENSITIVE is false)"
    CsrSignedByOtherKey "csr-signed-by-other-key" "signs the certificate signing request with another key than the one in it"
    InstallsCertificateOfOtherKey "installs-certificate-of-other-key" "does not check the certificate from the CMF against the key that it made"
    InstallsUntrustedCertificate "installs-untrusted-certificate" "does not check the issuer of the certificate from the CMF"
    InstallsExpiredCertificate "installs-expired-certificate" "does not check the validity of the certificate from the CMF"
    InstallsCertificateOfOtherName "installs-certificate-of-other-name" "does not check whom the certificate from the CMF names"
    OamAcceptsAnyClient "oam-accepts-any-client" "lets anybody into the VNF OAM endpoint, also without a certificate"
    OamAcceptsAnyOfCa "oam-accepts-any-of-ca" "lets every certificate of the CA into the VNF OAM endpoint, of whatever VNFCI or type"
    OamAcceptsExpired "oam-accepts-expired" "lets certificates of the CA that have expired into the VNF OAM endpoint"
    OamAcceptsVnfciCertificate "oam-accepts-vnfci-certificate" "lets VNFCI certificates into the VNF OAM endpoint"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kebab_case_and_occur_once() {
        for (index, defect) in all().iter().enumerate() {
            assert!(
                defect
                    .name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
                "{}",
                defect.name
            );
            assert!(
                !all()[..index].iter().any(|other| other.name == defect.name),
                "{} occurs twice",
                defect.name
            );
        }
        assert!(all().len() <= 128, "Defects holds 128 bits");
    }

    #[test]
    fn a_name_switches_on_its_own_deviation_only() {
        let defects = Defects::from_names(["skips-last-file"]).unwrap();
        assert!(defects.has(Deviation::SkipsLastFile));
        assert!(!defects.has(Deviation::SkipsSignatureValue));
        assert_eq!(defects, Defects::NONE.with(Deviation::SkipsLastFile));
    }

    #[test]
    fn an_unknown_name_is_told_with_the_nearest() {
        let error = Defects::from_names(["skip-last-file"]).unwrap_err();
        assert_eq!(error.nearest, "skips-last-file");
    }
}

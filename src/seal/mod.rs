//! Sealing: a run's folder becomes a container that says who vouches for it, and since when. Main functions: [`seal`], [`check`].
//!
//! The container is an ASiC-E with CAdES (ETSI EN 319 162-1): all files of the run, a manifest of their digests, two attestations
//! (in-toto statements in DSSE envelopes), the signer's certificate, and one signature over all of them.

mod attestation;
mod check;
mod container;
mod index;
mod signer;

use std::path::Path;

use anyhow::{Context as _, bail};
use jiff::Timestamp;

pub use check::{State, check};
pub use signer::{FileSigner, TokenSigner};

use crate::cms::{Cades, Signer};
use crate::pack::{Digest, Limits, Pack};
use crate::report;
use crate::verify;

/// The type of the container (EN 319 162-1 clause 4.3.3.2).
pub const MIMETYPE: &str = "application/vnd.etsi.asic-e+zip";
/// The file that says so: the first, and not compressed.
pub const MIMETYPE_FILE: &str = "mimetype";
/// Digests of all files of the run.
pub const MANIFEST: &str = "manifest.json";
/// The two attestations, one a line.
pub const ATTESTATIONS: &str = "seal.intoto.jsonl";
/// The signer's certificate, then those above it, PEM.
pub const CERTIFICATES: &str = "seal.crt";
/// What is signed: a digest of each file.
pub const INDEX: &str = "META-INF/ASiCManifest.xml";
/// The signature.
pub const SIGNATURE: &str = "META-INF/signature.p7s";

/// All that a seal adds to a run.
pub const FILES: [&str; 6] = [
    MIMETYPE_FILE,
    MANIFEST,
    ATTESTATIONS,
    CERTIFICATES,
    INDEX,
    SIGNATURE,
];

/// Makes a time stamp over the value of a signature: the token, DER.
pub type Stamp<'s> = &'s dyn Fn(&[u8]) -> anyhow::Result<Vec<u8>>;

/// Seals a run's folder into a new container, and returns what a reader should know of the run. Nothing in the folder is changed.
///
/// # Errors
/// The run does not verify, is sealed already, the key does not sign, the authority gives no time stamp, or the container exists
/// or cannot be written.
pub fn seal(
    run: &Path,
    container: &Path,
    signer: &dyn Signer,
    stamp: Option<Stamp<'_>>,
    now: Timestamp,
) -> anyhow::Result<Vec<String>> {
    let pack = Pack::open(run, Limits::default())?;
    if let Some(file) = FILES.iter().find(|file| pack.has(file)) {
        bail!(
            "{} is sealed already (it has {file}): seal the folder that scas run has made",
            run.display()
        );
    }
    let found = verify::verify(&pack, &[])?;
    if let Some(first) = found.mismatches.first() {
        bail!(
            "{} does not verify, so it is not sealed: {} {}: said {}, follows {} ({} mismatch(es); see scas verify)",
            run.display(),
            first.file,
            first.field,
            first.said,
            first.follows,
            found.mismatches.len()
        );
    }
    let files = pack.digests()?;
    // The reports lie there as they are redrawn: that was just verified.
    let results = report::fold::results(&report::record::Record::read(pack.root())?);
    let manifest = container::manifest(&results.run.id, &files)?;
    let statements = attestation::statements(&results, &Digest::of(&manifest));
    let attestations = attestation::envelopes(&statements, signer)?;
    let certificates = signer::chain_pem(signer.chain())?;
    let added = [
        (MANIFEST, manifest),
        (ATTESTATIONS, attestations),
        (CERTIFICATES, certificates),
    ];
    let mut all = files;
    all.extend(
        added
            .iter()
            .map(|(name, bytes)| ((*name).to_owned(), Digest::of(bytes))),
    );
    let index = index::write(&all);
    let mut signature = Cades::new(&index, signer, now)?;
    if let Some(stamp) = stamp {
        let token = stamp(signature.value()).context("--timestamp")?;
        signature.stamp(&token)?;
    }
    let signature = signature.to_der()?;
    let first = (MIMETYPE_FILE, MIMETYPE.as_bytes());
    let made: Vec<(&str, &[u8])> = added
        .iter()
        .map(|(name, bytes)| (*name, bytes.as_slice()))
        .chain([(INDEX, index.as_slice()), (SIGNATURE, signature.as_slice())])
        .collect();
    // Secrets are for others only once somebody says so.
    let mode = if results.run.with_secrets {
        0o600
    } else {
        0o644
    };
    container::write(container, first, &pack, &made, mode)?;
    Ok(found.remarks)
}

//! Whether a seal holds: [`check`].

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use x509_cert::Certificate;

use super::attestation::{self, Envelope, PAYLOAD_TYPE};
use super::container::Manifest;
use super::{
    ATTESTATIONS, CERTIFICATES, FILES, INDEX, MANIFEST, MIMETYPE, MIMETYPE_FILE, SIGNATURE,
};
use super::{index, signer};
use crate::cms::{self, CmsError, Trust};
use crate::pack::{Digest, Pack};
use crate::report;
use crate::verify::{Verification, difference};

/// What a seal says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct State {
    /// The signer's subject.
    pub signer: String,
    /// SHA-256 of the signer's certificate, hex.
    pub certificate_sha256: String,
    /// Whether a chain to an anchor of the verifier's was found; without anchors nobody knows who signed.
    pub trusted: bool,
    /// The time of the time stamp, if there is one.
    pub stamped: Option<Timestamp>,
    /// Who made the time stamp.
    pub authority: Option<String>,
}

/// Checks the seal of a pack, if it has one. A verifier who names anchors asks for one.
///
/// # Errors
/// A file cannot be read any more.
pub fn check(
    pack: &Pack,
    trust: Option<&Trust>,
    now: Timestamp,
    found: &mut Verification,
) -> anyhow::Result<Option<State>> {
    let missing: Vec<&str> = FILES.into_iter().filter(|file| !pack.has(file)).collect();
    if missing.len() == FILES.len() {
        if trust.is_some() {
            found.miss(
                SIGNATURE,
                "",
                "is missing: the pack is not sealed",
                "--anchors asks for a seal",
            );
        }
        return Ok(None);
    }
    for file in &missing {
        found.miss(*file, "", "is missing", "a sealed pack has it");
    }
    if !missing.is_empty() {
        return Ok(None);
    }
    if pack.read(MIMETYPE_FILE)? != MIMETYPE.as_bytes() {
        found.miss(MIMETYPE_FILE, "", "another type", MIMETYPE);
    }
    let digests = pack.digests()?;
    listed(pack, &digests, found)?;
    manifest(pack, &digests, found)?;
    let state = signature(pack, trust, now, found)?;
    attestations(pack, state.as_ref(), found)?;
    Ok(state)
}

/// The index names every file but itself, the signature and the type, with its digest.
fn listed(
    pack: &Pack,
    digests: &BTreeMap<String, Digest>,
    found: &mut Verification,
) -> anyhow::Result<()> {
    let files = match index::read(&pack.read(INDEX)?) {
        Ok(files) => files,
        Err(reason) => {
            found.miss(INDEX, "", reason, "an index of the files");
            return Ok(());
        }
    };
    let apart = BTreeSet::from([MIMETYPE_FILE, INDEX, SIGNATURE]);
    for (name, sha256) in &files {
        match digests.get(name) {
            Some(digest) if digest.sha256 == *sha256 => {}
            Some(digest) => found.miss(
                name,
                "sha256",
                &digest.sha256,
                format!("{sha256} was sealed ({INDEX})"),
            ),
            None => found.miss(name, "", "is missing", format!("it was sealed ({INDEX})")),
        }
    }
    for name in pack.files().keys() {
        if !files.contains_key(name) && !apart.contains(name.as_str()) {
            found.miss(
                name,
                "",
                "is in the pack",
                format!("it was not sealed ({INDEX})"),
            );
        }
    }
    Ok(())
}

fn manifest(
    pack: &Pack,
    digests: &BTreeMap<String, Digest>,
    found: &mut Verification,
) -> anyhow::Result<()> {
    let manifest: Manifest = match serde_json::from_slice(&pack.read(MANIFEST)?) {
        Ok(manifest) => manifest,
        Err(error) => {
            found.miss(MANIFEST, "", error.to_string(), "a manifest of format 1");
            return Ok(());
        }
    };
    if manifest.format != 1 {
        found.miss(
            MANIFEST,
            "/format",
            manifest.format.to_string(),
            "1 is known here",
        );
    }
    if found.run.as_ref().is_some_and(|run| *run != manifest.run) {
        found.miss(
            MANIFEST,
            "/run",
            manifest.run.clone(),
            found.run.clone().unwrap_or_default(),
        );
    }
    let run = digests
        .iter()
        .filter(|(name, _)| !FILES.contains(&name.as_str()));
    let run: BTreeMap<_, _> = run.collect();
    for (name, digest) in &run {
        let said = manifest.files.get(*name);
        let same =
            said.is_some_and(|said| said.length == digest.length && said.sha256 == digest.sha256);
        if !same {
            let said = said.map_or_else(|| "nothing".to_owned(), |said| said.sha256.clone());
            found.miss(MANIFEST, format!("/files/{name}"), said, &digest.sha256);
        }
    }
    for name in manifest.files.keys().filter(|name| !run.contains_key(name)) {
        found.miss(
            MANIFEST,
            format!("/files/{name}"),
            "is listed",
            "is not there",
        );
    }
    Ok(())
}

fn signature(
    pack: &Pack,
    trust: Option<&Trust>,
    now: Timestamp,
    found: &mut Verification,
) -> anyhow::Result<Option<State>> {
    let verified = cms::verify_cades(&pack.read(SIGNATURE)?, &pack.read(INDEX)?, trust, now);
    match verified {
        Ok(verified) => Ok(Some(State {
            signer: verified.signer.signer,
            certificate_sha256: Digest::of(&verified.signer.certificate_der).sha256,
            trusted: trust.is_some(),
            stamped: verified.stamped.as_ref().map(|stamped| stamped.time),
            authority: verified.stamped.map(|stamped| stamped.authority),
        })),
        Err(CmsError::DigestMismatch { expected, actual }) => {
            let follows = format!("{expected} was signed ({SIGNATURE})");
            found.miss(INDEX, "digest", actual, follows);
            Ok(None)
        }
        Err(error) => {
            found.miss(
                SIGNATURE,
                "",
                error.to_string(),
                format!("a signature over {INDEX}"),
            );
            Ok(None)
        }
    }
}

/// Each attestation is signed by who signed the whole, and says what follows from the record.
fn attestations(
    pack: &Pack,
    state: Option<&State>,
    found: &mut Verification,
) -> anyhow::Result<()> {
    let certificate = match Certificate::load_pem_chain(&pack.read(CERTIFICATES)?) {
        Ok(chain) if !chain.is_empty() => chain[0].clone(),
        _ => {
            found.miss(CERTIFICATES, "", "no certificate", "the signer's, in PEM");
            return Ok(());
        }
    };
    let digest = Digest::of(&der::Encode::to_der(&certificate)?).sha256;
    if let Some(state) = state.filter(|state| state.certificate_sha256 != digest) {
        let follows = format!("{} has signed ({SIGNATURE})", state.certificate_sha256);
        found.miss(CERTIFICATES, "", digest, follows);
    }
    let Ok(record) = report::record::Record::read(pack.root()) else {
        return Ok(()); // Told with the record.
    };
    let manifest = Digest::of(&pack.read(MANIFEST)?);
    let expected = attestation::statements(&report::fold::results(&record), &manifest);
    let bytes = pack.read(ATTESTATIONS)?;
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    if lines.len() != expected.len() {
        found.miss(
            ATTESTATIONS,
            "",
            format!("{} attestations", lines.len()),
            expected.len().to_string(),
        );
    }
    for (number, (line, expected)) in lines.into_iter().zip(&expected).enumerate() {
        let at = format!("line {}", number + 1);
        match statement(line, &certificate) {
            Err(error) => found.miss(ATTESTATIONS, at, format!("{error:#}"), "a signed statement"),
            Ok(said) => {
                if let Some((field, said, follows)) = difference(&said, expected) {
                    found.miss(ATTESTATIONS, format!("{at} {field}"), said, follows);
                }
            }
        }
    }
    Ok(())
}

/// The statement of an envelope that this certificate's key has signed.
fn statement(line: &[u8], certificate: &Certificate) -> anyhow::Result<Value> {
    let envelope: Envelope = serde_json::from_slice(line)?;
    anyhow::ensure!(
        envelope.payload_type == PAYLOAD_TYPE,
        "its type is {}",
        envelope.payload_type
    );
    let [signature] = &envelope.signatures[..] else {
        anyhow::bail!("{} signatures, not one", envelope.signatures.len());
    };
    anyhow::ensure!(
        signature.keyid == signer::key_id(certificate)?,
        "keyid {} is not that of {CERTIFICATES}",
        signature.keyid
    );
    let payload = STANDARD.decode(&envelope.payload).context("payload")?;
    let value = STANDARD.decode(&signature.sig).context("sig")?;
    let encoded = attestation::encoded(PAYLOAD_TYPE, &payload);
    cms::verify_value(certificate, &encoded, &value)?;
    Ok(serde_json::from_slice(&payload)?)
}

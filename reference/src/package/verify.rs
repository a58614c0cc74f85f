//! Accepts or refuses a package as a whole. Main type: [`Verifier`].

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use aws_lc_rs::digest;
use md5::{Digest as _, Md5};

use super::archive::{Archive, Limits};
use super::chain::Signers;
use super::cms::{self, Context};
use super::manifest::{ListedFile, Manifest, tosca_meta};
use super::refusal::{Refusal, SignatureFault};
use super::signatures::{Roles, is_certificate_name, meta, read_certificates};
use crate::defect::{Defects, Deviation};

/// What was fetched of a package.
#[derive(Clone, Copy, Debug)]
pub enum Material<'a> {
    /// The VNFD archive of SOL003 10.4.4.3.2, with manifest, signatures and certificates.
    VnfdArchive(&'a [u8]),
    /// A whole option 2 package (SOL004 5.1): the CSAR, the signature over it and perhaps the signer's certificate.
    SignedCsar(&'a [u8]),
}

/// What is known of a VNFD that was accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// Files that are covered by a valid signature, the manifest not counted.
    pub files: usize,
    /// The path of the main definition, if TOSCA.meta names it.
    pub entry_definitions: Option<String>,
}

/// Verifies packages against the configured signers.
#[derive(Debug)]
pub struct Verifier {
    signers: Signers,
    limits: Limits,
    defects: Defects,
    verified_before: AtomicBool,
    known: Mutex<HashSet<String>>,
}

impl Verifier {
    /// A verifier that trusts these signers.
    pub fn new(signers: Signers, limits: Limits, defects: Defects) -> Self {
        Self {
            signers,
            limits,
            defects,
            verified_before: AtomicBool::new(false),
            known: Mutex::default(),
        }
    }

    /// Verifies what was fetched for `vnfd_id`. It takes as long as unpacking and hashing do: not for a thread that serves.
    ///
    /// # Errors
    /// The cause for which the package is refused.
    pub fn verify(
        &self,
        vnfd_id: &str,
        material: Material<'_>,
        now: SystemTime,
    ) -> Result<Accepted, Refusal> {
        if self.defects.has(Deviation::RefusesEverything) {
            return Err(Refusal::Policy);
        }
        if self.looks_away(vnfd_id) {
            return Ok(Accepted::default());
        }
        let accepted = match material {
            Material::VnfdArchive(bytes) => self.verify_archive(vnfd_id, bytes, false, now),
            Material::SignedCsar(bytes) => self.verify_signed_csar(vnfd_id, bytes, now),
        }?;
        self.verified_before.store(true, Ordering::Release);
        if self.defects.has(Deviation::CachesByVnfdId) {
            self.known
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .insert(vnfd_id.to_owned());
        }
        Ok(accepted)
    }

    /// Whether this product, by one of its defects, does not verify this time.
    fn looks_away(&self, vnfd_id: &str) -> bool {
        let known = || {
            self.known
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .contains(vnfd_id)
        };
        self.defects.has(Deviation::AcceptsWithoutVerifying)
            || self.defects.has(Deviation::AcceptsTamperedAfterFirst)
                && self.verified_before.load(Ordering::Acquire)
            || self.defects.has(Deviation::CachesByVnfdId) && known()
    }

    fn verify_signed_csar(
        &self,
        vnfd_id: &str,
        bytes: &[u8],
        now: SystemTime,
    ) -> Result<Accepted, Refusal> {
        let outer = Archive::read(bytes, self.limits, self.defects)?;
        let mut csars = outer
            .files()
            .filter(|(name, _)| name.ends_with(".csar") || name.ends_with(".zip"));
        let (Some((name, csar)), None) = (csars.next(), csars.next()) else {
            return Err(Refusal::Outer("does not hold exactly one CSAR".to_owned()));
        };
        let is_signature = |name: &str| {
            [".cms", ".p7s", ".p7b", ".p7c"]
                .iter()
                .any(|extension| name.ends_with(extension))
        };
        let mut certificates = Vec::new();
        for (file, data) in outer
            .files()
            .filter(|(file, _)| *file != name && !is_signature(file))
        {
            match read_certificates(data) {
                Some(read) if is_certificate_name(file) => certificates.extend(read),
                _ => return Err(Refusal::Unlisted(file.to_owned())),
            }
        }
        if !self.defects.has(Deviation::IgnoresOuterSignature) {
            let context = self.context(&certificates, now);
            let mut signatures = outer
                .files()
                .filter(|(file, _)| is_signature(file))
                .peekable();
            if signatures.peek().is_none() && !self.defects.has(Deviation::AcceptsUnsigned) {
                return Err(Refusal::Unsigned);
            }
            signatures.try_for_each(|(_, cms)| {
                cms::verify(cms, csar, &context).map_err(|fault| fault.of(name))
            })?;
        }
        self.verify_archive(vnfd_id, csar, true, now)
    }

    fn context<'a>(
        &'a self,
        certificates: &'a [rustls_pki_types::CertificateDer<'static>],
        now: SystemTime,
    ) -> Context<'a> {
        Context {
            signers: &self.signers,
            certificates,
            now,
            defects: self.defects,
        }
    }

    /// Verifies an archive whose every file must be covered; `covered` says that a signature over all of it was verified.
    fn verify_archive(
        &self,
        vnfd_id: &str,
        bytes: &[u8],
        covered: bool,
        now: SystemTime,
    ) -> Result<Accepted, Refusal> {
        let archive = Archive::read(bytes, self.limits, self.defects)?;
        let manifest_path = manifest_path(&archive)?;
        let manifest = match &manifest_path {
            Some(path) => Some(Manifest::parse(
                path,
                archive.file(path).unwrap_or_default(),
            )?),
            None => None,
        };
        let roles = Roles::of(&archive, manifest_path.as_deref().zip(manifest.as_ref()))?;
        let inspection = Inspection {
            archive: &archive,
            manifest: manifest_path.as_deref().zip(manifest.as_ref()),
            context: self.context(&roles.certificates, now),
            roles: &roles,
            defects: self.defects,
        };
        inspection.run(covered)?;
        if let Some(found) = manifest
            .as_ref()
            .and_then(Manifest::vnfd_id)
            .filter(|found| *found != vnfd_id)
        {
            return Err(Refusal::OtherVnfd {
                asked: vnfd_id.to_owned(),
                found: found.to_owned(),
            });
        }
        let entry_definitions = meta(&archive)
            .and_then(|text| tosca_meta(text, "Entry-Definitions"))
            .map(str::to_owned);
        Ok(Accepted {
            files: roles.subjects.len(),
            entry_definitions,
        })
    }
}

/// Where the manifest is: where TOSCA.meta says, or the one in the root. An archive may have none.
fn manifest_path(archive: &Archive) -> Result<Option<String>, Refusal> {
    if let Some(named) = meta(archive).and_then(|text| tosca_meta(text, "ETSI-Entry-Manifest")) {
        return match archive.file(named) {
            Some(_) => Ok(Some(named.to_owned())),
            None if archive.is_recovered() => Ok(None),
            None => Err(Refusal::Absent(named.to_owned())),
        };
    }
    let mut found = archive
        .files()
        .map(|(name, _)| name)
        .filter(|name| name.ends_with(".mf") && !name.contains('/'));
    match (found.next(), found.next()) {
        (Some(_), Some(second)) => Err(Refusal::Metadata {
            file: second.to_owned(),
            reason: "it is a second manifest in the root".to_owned(),
        }),
        (path, _) => Ok(path.map(str::to_owned)),
    }
}

/// One archive under inspection.
struct Inspection<'a> {
    archive: &'a Archive,
    manifest: Option<(&'a str, &'a Manifest)>,
    roles: &'a Roles<'a>,
    context: Context<'a>,
    defects: Defects,
}

impl Inspection<'_> {
    fn run(&self, covered: bool) -> Result<(), Refusal> {
        let manifest_signed = self.verify_manifest_blocks()?;
        let signed_at_all = manifest_signed || !self.roles.signatures.is_empty();
        let lenient = self.archive.is_recovered();
        if !signed_at_all && !covered && !lenient && !self.defects.has(Deviation::AcceptsUnsigned) {
            return Err(Refusal::Unsigned);
        }
        if let Some((path, _)) = self.manifest {
            let own = self.verify_own_signatures(path)?;
            if signed_at_all && !own && !manifest_signed && !covered {
                self.missing_signature(path)?;
            }
        }
        for (index, subject) in self.roles.subjects.iter().enumerate() {
            let listed = self
                .manifest
                .and_then(|(_, manifest)| manifest.listed(subject));
            let mut own = false;
            if self.is_looked_at(index) {
                listed.map_or(Ok(()), |listed| self.verify_digest(subject, listed))?;
                own = self.verify_own_signatures(subject)?;
            }
            let own = own
                || self.roles.signatures_of(subject).next().is_some() && !self.is_looked_at(index);
            let by_manifest = manifest_signed && listed.is_some();
            if own || by_manifest || covered || lenient || !signed_at_all {
                continue;
            }
            if !manifest_signed {
                self.missing_signature(subject)?;
            } else if !self.defects.has(Deviation::IgnoresUnlistedFiles) {
                return Err(Refusal::Unlisted((*subject).to_owned()));
            }
        }
        self.check_listing()
    }

    /// Whether the manifest bears a signature of its own, which then is valid.
    fn verify_manifest_blocks(&self) -> Result<bool, Refusal> {
        let Some((path, manifest)) = self.manifest else {
            return Ok(false);
        };
        for block in &manifest.signatures {
            let mut judged = cms::verify(block, &manifest.signed, &self.context);
            // Some writers put a line break between the signed text and the block.
            if let (Err(SignatureFault::Digest), Some(shorter)) =
                (&judged, without_last_newline(&manifest.signed))
            {
                judged = cms::verify(block, shorter, &self.context);
            }
            judged.map_err(|fault| fault.of(path))?;
        }
        Ok(!manifest.signatures.is_empty())
    }

    /// Whether the file has signatures of its own, which then are valid.
    fn verify_own_signatures(&self, file: &str) -> Result<bool, Refusal> {
        let mut found = false;
        for (signature, shared) in self.roles.signatures_of(file) {
            let cms = self.archive.file(signature).unwrap_or_default();
            let judged = self.any_copy(file, |data| cms::verify(cms, data, &self.context));
            match judged {
                Ok(()) => found = true,
                // By the convention that replaces extensions, `a.sig.cms` may be that of `a.mf` or of `a.yaml`: it must be one's.
                Err(SignatureFault::Digest | SignatureFault::Value)
                    if shared && self.fits_another(signature, file) => {}
                Err(fault) => return Err(fault.of(file)),
            }
        }
        Ok(found)
    }

    fn fits_another(&self, signature: &str, file: &str) -> bool {
        let cms = self.archive.file(signature).unwrap_or_default();
        let owners = self.roles.signatures.get(signature).into_iter().flatten();
        owners.filter(|other| **other != file).any(|other| {
            self.any_copy(other, |data| cms::verify(cms, data, &self.context))
                .is_ok()
        })
    }

    fn verify_digest(&self, file: &str, listed: &ListedFile) -> Result<(), Refusal> {
        let stated = hex::decode(&listed.hash).map_err(|_| Refusal::Metadata {
            file: file.to_owned(),
            reason: "its hash in the manifest is not hexadecimal".to_owned(),
        })?;
        self.any_copy(file, |data| {
            match self.digest(file, &listed.algorithm, data)? == stated {
                true => Ok(()),
                false => Err(Refusal::FileDigest(file.to_owned())),
            }
        })
    }

    fn digest(&self, file: &str, algorithm: &str, data: &[u8]) -> Result<Vec<u8>, Refusal> {
        let strong = |algorithm| Ok(digest::digest(algorithm, data).as_ref().to_vec());
        match algorithm
            .to_ascii_uppercase()
            .replace(['-', '_'], "")
            .as_str()
        {
            "SHA256" => strong(&digest::SHA256),
            "SHA384" => strong(&digest::SHA384),
            "SHA512" => strong(&digest::SHA512),
            "SHA1" if self.defects.has(Deviation::AcceptsSha1) => {
                strong(&digest::SHA1_FOR_LEGACY_USE_ONLY)
            }
            "MD5" if self.defects.has(Deviation::AcceptsMd5) => Ok(Md5::digest(data).to_vec()),
            _ => Err(Refusal::DigestAlgorithm {
                file: file.to_owned(),
                algorithm: algorithm.to_owned(),
            }),
        }
    }

    /// What holds for one of the copies; a conforming product has met only one.
    fn any_copy<E>(&self, file: &str, check: impl Fn(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let mut judged = Ok(());
        for data in self.archive.copies(file) {
            judged = check(data);
            if judged.is_ok() {
                break;
            }
        }
        judged
    }

    /// Files that the manifest lists: those of the VNFD must be there, and so must a signature that it names.
    fn check_listing(&self) -> Result<(), Refusal> {
        for listed in self
            .manifest
            .iter()
            .flat_map(|(_, manifest)| &manifest.files)
        {
            let present = self.archive.file(&listed.source).is_some();
            let expected = is_part_of_vnfd(&listed.source) && !self.archive.is_recovered();
            if !present && expected && !self.defects.has(Deviation::IgnoresAbsentFiles) {
                return Err(Refusal::Absent(listed.source.clone()));
            }
            if present
                && listed
                    .signature
                    .as_deref()
                    .is_some_and(|signature| self.archive.file(signature).is_none())
            {
                self.missing_signature(&listed.source)?;
            }
        }
        Ok(())
    }

    fn missing_signature(&self, file: &str) -> Result<(), Refusal> {
        if self.defects.has(Deviation::AcceptsMissingFileSignature) || self.archive.is_recovered() {
            return Ok(());
        }
        Err(Refusal::MissingSignature(file.to_owned()))
    }

    /// Whether this product verifies the file at this place of the archive.
    fn is_looked_at(&self, index: usize) -> bool {
        let passed_over = self.defects.has(Deviation::VerifiesManifestOnly)
            || self.defects.has(Deviation::VerifiesFirstFileOnly) && index > 0
            || self.defects.has(Deviation::SkipsLastFile) && index + 1 == self.roles.subjects.len();
        !passed_over
    }
}

/// Whether a VNFD archive must hold this file; a manifest also lists images, scripts, templates for the VIM and more, which it does not
/// hold. Definitions lie in their folder, or at the root (SOL004 4.1.2, 4.1.3).
fn is_part_of_vnfd(source: &str) -> bool {
    let by_folder = source.starts_with("Definitions/") || source.starts_with("TOSCA-Metadata/");
    let at_root = !source.contains('/');
    let by_extension = [".yaml", ".yml", ".meta"]
        .iter()
        .any(|extension| source.ends_with(extension));
    by_folder || at_root && by_extension
}

fn without_last_newline(text: &[u8]) -> Option<&[u8]> {
    text.strip_suffix(b"\r\n")
        .or_else(|| text.strip_suffix(b"\n"))
}

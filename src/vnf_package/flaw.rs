//! The flaws by their names, which feature files use as they stand here: [`all`], [`by_name`], [`Flaw::pair`].

mod make;

use super::Layout::{self, Option2, SignedManifest};
use super::{Built, Naming, Package, PackageError};
use crate::pki::SigningMaterial;

/// A named way in which a package is not what its signer signed, or not signed by who should.
#[derive(Clone, Copy)]
pub struct Flaw {
    /// The words for it in feature files.
    pub name: &'static str,
    /// The layout of twin and mutant.
    pub layout: Layout,
    /// The mutation, in one sentence.
    pub summary: &'static str,
    make: fn(Package<'_>) -> Result<Pair, PackageError>,
}

/// Two packages with the same vnfdId that differ by one mutation.
#[derive(Clone, Debug)]
pub struct Pair {
    /// Valid: to be accepted.
    pub twin: Built,
    /// To be refused, for the flaw.
    pub mutant: Built,
}

impl Flaw {
    /// Makes the twin and the mutant of a plain package.
    ///
    /// # Errors
    /// [`PackageError`] if a library fails.
    pub fn pair(&self, vnfd_id: &str, material: &SigningMaterial) -> Result<Pair, PackageError> {
        self.pair_of(Package::new(vnfd_id, material))
    }

    /// Makes the twin and the mutant of a valid package. Where the flaw is not about the signature, the mutant is validly signed.
    ///
    /// # Errors
    /// [`PackageError`] if a library fails.
    pub fn pair_of(&self, package: Package<'_>) -> Result<Pair, PackageError> {
        (self.make)(package.layout(self.layout))
    }
}

impl std::fmt::Debug for Flaw {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Flaw")
            .field("name", &self.name)
            .field("layout", &self.layout)
            .finish_non_exhaustive()
    }
}

/// No flaw has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no package flaw is called \"{name}\": did you mean \"{nearest}\"?")]
pub struct UnknownFlaw {
    /// The name as it was written.
    pub name: String,
    /// The name that is most like it.
    pub nearest: &'static str,
}

/// Every flaw.
pub fn all() -> &'static [Flaw] {
    ALL
}

/// The flaw of this name.
///
/// # Errors
/// [`UnknownFlaw`], with the nearest name.
pub fn by_name(name: &str) -> Result<&'static Flaw, UnknownFlaw> {
    ALL.iter()
        .find(|flaw| flaw.name == name)
        .ok_or_else(|| UnknownFlaw {
            name: name.to_owned(),
            nearest: nearest(name),
        })
}

fn nearest(name: &str) -> &'static str {
    let likeness = |flaw: &&Flaw| strsim::jaro_winkler(name, flaw.name);
    let best = ALL
        .iter()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    best.map_or("", |flaw| flaw.name)
}

const EACH_FILE: Layout = Layout::FileSignatures {
    naming: Naming::Appended,
};

const fn flaw(
    name: &'static str,
    layout: Layout,
    make: fn(Package<'_>) -> Result<Pair, PackageError>,
    summary: &'static str,
) -> Flaw {
    Flaw {
        name,
        layout,
        summary,
        make,
    }
}

const ALL: &[Flaw] = &[
    flaw(
        "a byte changed in the first file",
        SignedManifest,
        make::byte_in_first,
        "One letter of the main definition's description is another; manifest and signature are the twin's.",
    ),
    flaw(
        "a byte changed in a middle file",
        SignedManifest,
        make::byte_in_middle,
        "One letter of an imported definition's description is another; manifest and signature are the twin's.",
    ),
    flaw(
        "a byte changed in the last file",
        SignedManifest,
        make::byte_in_last,
        "One letter of TOSCA.meta's Created-By is another; manifest and signature are the twin's.",
    ),
    flaw(
        "content swapped between two requests",
        SignedManifest,
        make::swapped_content,
        "The imported flavour allows nine instances instead of one, under the same vnfdId; manifest and signature are the twin's.",
    ),
    flaw(
        "a changed manifest",
        SignedManifest,
        make::changed_manifest,
        "A file is changed and the manifest has its new digest, but the signature is still the twin's.",
    ),
    flaw(
        "the signature of another file",
        EACH_FILE,
        make::signature_of_another_file,
        "The signature file of one definition holds the valid signature of another.",
    ),
    flaw(
        "an outdated signature of one file",
        Layout::ManifestAndFileSignatures,
        make::outdated_signature_file,
        "A file is changed and the signed manifest has its new digest, but its own signature file is the twin's.",
    ),
    flaw(
        "a signer of an unknown CA",
        SignedManifest,
        make::unknown_ca,
        "Signed by a signer of the same name under a CA of the same name that is no trust anchor.",
    ),
    flaw(
        "an expired signer",
        SignedManifest,
        make::expired,
        "Signed by a signer whose certificate ended a day ago.",
    ),
    flaw(
        "a not yet valid signer",
        SignedManifest,
        make::not_yet_valid,
        "Signed by a signer whose certificate begins in five years.",
    ),
    flaw(
        "a revoked signer",
        SignedManifest,
        make::revoked,
        "Signed by a signer on the CRL.",
    ),
    flaw(
        "a signer without digitalSignature",
        SignedManifest,
        make::without_digital_signature,
        "Signed by a signer whose keyUsage lacks digitalSignature.",
    ),
    flaw(
        "a swapped certificate",
        SignedManifest,
        make::swapped_certificate,
        "Signed by the unknown CA's signer, whose certificate is in the CMS; the certificate file is the good signer's.",
    ),
    flaw(
        "a wrong signature value",
        SignedManifest,
        make::wrong_signature_value,
        "Digests and attributes are right, but the signature's value is over other bytes.",
    ),
    flaw(
        "a signature without messageDigest",
        SignedManifest,
        make::without_message_digest,
        "The signed attributes lack messageDigest, so that a valid value binds no content.",
    ),
    flaw(
        "a CMS with other embedded content",
        SignedManifest,
        make::embedded_content,
        "A file and its digest in the manifest are changed; the CMS carries the unchanged manifest inside and is valid over that.",
    ),
    flaw(
        "an unparsable signature",
        SignedManifest,
        make::unparsable_signature,
        "The CMS block of the manifest holds the first half of a signature.",
    ),
    flaw(
        "an empty signature",
        SignedManifest,
        make::empty_signature,
        "The CMS block of the manifest holds nothing.",
    ),
    flaw(
        "an unparsable signature file",
        EACH_FILE,
        make::unparsable_signature_file,
        "The signature file of one definition holds the first half of its signature.",
    ),
    flaw(
        "an empty signature file",
        EACH_FILE,
        make::empty_signature_file,
        "The signature file of one definition is empty.",
    ),
    flaw(
        "no signature for one file",
        EACH_FILE,
        make::no_signature_for_one_file,
        "The signature file of one definition is absent; the manifest names it.",
    ),
    flaw(
        "no signature at all",
        SignedManifest,
        make::no_signature,
        "The manifest has no CMS block.",
    ),
    flaw(
        "a wrong digest in the manifest",
        SignedManifest,
        make::wrong_digest,
        "The manifest has the digest of other bytes for one file, and is validly signed.",
    ),
    flaw(
        "MD5 digests",
        SignedManifest,
        make::md5,
        "The manifest's digests are MD5, and it is validly signed.",
    ),
    flaw(
        "SHA-1 digests",
        SignedManifest,
        make::sha1,
        "The manifest's digests are SHA-1, and it is validly signed.",
    ),
    flaw(
        "a file missing from the manifest",
        SignedManifest,
        make::missing_from_manifest,
        "The manifest does not list one definition, and is validly signed.",
    ),
    flaw(
        "an extra file",
        SignedManifest,
        make::extra_file,
        "A definition was added to the archive that the manifest does not list.",
    ),
    flaw(
        "a listed file absent",
        SignedManifest,
        make::absent_file,
        "A definition that the manifest lists and the main definition imports is not in the archive.",
    ),
    flaw(
        "two entries of the same name",
        SignedManifest,
        make::duplicate_after,
        "After a definition, the archive has a changed one of the same name.",
    ),
    flaw(
        "two entries of the same name, the changed one first",
        SignedManifest,
        make::duplicate_before,
        "Before a definition, the archive has a changed one of the same name.",
    ),
    flaw(
        "a path outside the archive",
        SignedManifest,
        make::path_outside,
        "One listed and validly signed file is called ../../tmp/... instead of Definitions/...",
    ),
    flaw(
        "an absolute path in the archive",
        SignedManifest,
        make::absolute_path,
        "One listed and validly signed file is called /tmp/... instead of Definitions/...",
    ),
    flaw(
        "a decompression bomb",
        SignedManifest,
        make::bomb,
        "One listed and validly signed file unpacks to 200 MiB; in the twin it is small.",
    ),
    flaw(
        "a truncated archive",
        SignedManifest,
        make::truncated,
        "The archive ends before its central directory.",
    ),
    flaw(
        "a wrong outer signature",
        Option2,
        make::wrong_outer_signature,
        "Option 2: the package is another, with a manifest that fits it; the outer signature is the twin's.",
    ),
    flaw(
        "no outer signature",
        Option2,
        make::no_outer_signature,
        "Option 2: the signature file beside the package is absent.",
    ),
];

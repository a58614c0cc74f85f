//! VNF packages as ETSI GS NFV-SOL 004 wants them, signed, valid by default; and each way to break one, by its name.
//!
//! [`Package`] describes a package, [`Package::build`] gives what an NFVO serves of it ([`Built`]). A test names a
//! [`Flaw`] and gets a [`Pair`]: a valid twin and a mutant that differs from it by this flaw alone.
//!
//! The files stand in the same order in the archives, in the manifest and in the alphabet, so that "the first file" and
//! "the last file" mean the same to every verifier.

mod archive;
mod artifacts;
mod content;
mod flaw;
mod manifest;
mod sealed;
#[cfg(test)]
mod tests;

pub use artifacts::{ArtifactError, Artifacts};
pub use flaw::{Flaw, Pair, UnknownFlaw, all, by_name};
pub use manifest::ManifestDigest;

use crate::cms::{self, CmsError, Scheme};
use crate::pki::{Leaf, SigningMaterial};
use content::File;
use sealed::Sealed;

/// Where the signatures of a package are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// SOL004 option 1: the manifest has a digest for each file and ends with a CMS signature over itself.
    SignedManifest,
    /// A signature file for each file and for the manifest, which itself is unsigned.
    FileSignatures {
        /// How the signature files are called.
        naming: Naming,
    },
    /// Both: a signed manifest, and a signature file for each file it lists ([`Naming::Appended`]).
    ManifestAndFileSignatures,
    /// SOL004 option 2: an unsigned package inside a ZIP, with its signature and certificate beside it.
    Option2,
}

/// How the signature of a file is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// `a.yaml` has `a.yaml.sig.p7s` (DER, certificate inside).
    Appended,
    /// `a.yaml` has `a.sig.cms` (PEM, no certificate inside) and `a.cert`.
    Replaced,
}

/// packageSecurityOption of VnfPkgInfo (ETSI GS NFV-SOL 003 clause 10.5.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecurityOption {
    /// OPTION_1.
    Option1,
    /// OPTION_2.
    Option2,
}

/// What an NFVO serves of one package.
#[derive(Clone, Debug)]
pub struct Built {
    /// The answer to GET .../vnfd?include_signatures: a ZIP (SOL003 clause 10.4.4.3.2) of the VNFD's files and
    /// TOSCA.meta, with manifest, certificates and signatures.
    pub vnfd: Vec<u8>,
    /// The answer to GET .../package_content: the CSAR; in option 2 the ZIP around it.
    pub package_content: Vec<u8>,
    /// The answer to GET .../manifest.
    pub manifest: Vec<u8>,
    /// Which option its VnfPkgInfo states.
    pub security_option: SecurityOption,
    /// The vnfdId of the descriptor in it.
    pub vnfd_id: String,
    /// The signer's certificate as the package's certificate file has it, PEM.
    pub signing_certificate_pem: String,
}

/// vnfProvider of all packages made here.
pub const PROVIDER: &str = "scas";
/// vnfProductName of all packages made here.
pub const PRODUCT_NAME: &str = "scas-test-vnf";
/// vnfSoftwareVersion of all packages made here.
pub const SOFTWARE_VERSION: &str = "1.0";
/// vnfdVersion of all packages made here.
pub const VNFD_VERSION: &str = "1.0";

/// Why a package could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackageError {
    /// A signature could not be made.
    #[error("could not sign {what}")]
    Sign {
        /// The file.
        what: String,
        /// The reason.
        #[source]
        source: CmsError,
    },
    /// The archive could not be written.
    #[error("could not write the entry {entry} of the archive")]
    Zip {
        /// The entry.
        entry: String,
        /// The library's reason.
        #[source]
        source: zip::result::ZipError,
    },
    /// A mutation did not find what it changes: an error of this module.
    #[error("the package has no {what} to change")]
    NothingToChange {
        /// What was looked for.
        what: String,
    },
}

/// A package about to be signed; valid unless a flaw was put into it. Made of the same inputs it has the same bytes, except
/// for signatures by ECDSA and RSASSA-PSS, which are never the same twice.
#[derive(Clone)]
#[must_use = "a package is not made until `build` is called"]
pub struct Package<'a> {
    vnfd_id: String,
    material: &'a SigningMaterial,
    layout: Layout,
    files: Vec<File>,
    signer: &'a Leaf,
    certificate_file: &'a Leaf,
    digest: ManifestDigest,
    unlisted: Option<&'static str>,
    wrong_digest: Option<&'static str>,
    scheme: Option<Scheme>,
    signature_options: cms::Options,
}

impl<'a> Package<'a> {
    /// A package whose VNFD has this id, with a manifest signed by the good signer.
    pub fn new(vnfd_id: &str, material: &'a SigningMaterial) -> Self {
        Self {
            vnfd_id: vnfd_id.to_owned(),
            material,
            layout: Layout::SignedManifest,
            files: content::files(vnfd_id),
            signer: &material.good,
            certificate_file: &material.good,
            digest: ManifestDigest::Sha256,
            unlisted: None,
            wrong_digest: None,
            scheme: None,
            signature_options: cms::Options::default(),
        }
    }

    /// With its signatures there instead. No flaw.
    pub fn layout(mut self, layout: Layout) -> Self {
        self.layout = layout;
        let meta = content::tosca_meta(layout != Layout::Option2).into_bytes();
        for file in self
            .files
            .iter_mut()
            .filter(|file| file.path == content::TOSCA_META)
        {
            file.data = meta.clone().into();
        }
        self
    }

    /// With one more file of the VNFD, listed in the manifest. No flaw.
    pub fn with_file(mut self, path: &str, bytes: Vec<u8>) -> Self {
        self.files.push(File::of_vnfd(path, bytes.into()));
        self.files.sort_by(|a, b| a.path.cmp(&b.path));
        self
    }

    /// With files of the product's own beside the VNFD, listed in the manifest. No flaw.
    pub fn with_artifacts(mut self, artifacts: &Artifacts) -> Self {
        self.files.extend(artifacts.files());
        self.files.sort_by(|a, b| a.path.cmp(&b.path));
        self
    }

    /// Signed by another than the good signer, whose certificate is then the package's. A flaw, or not, as the signer is.
    pub fn signed_by(mut self, signer: &'a Leaf) -> Self {
        self.signer = signer;
        self.certificate_file = signer;
        self
    }

    /// Signed by this scheme, which must fit the signer's key, instead of [`Scheme::for_key`]. No flaw.
    pub fn scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = Some(scheme);
        self
    }

    /// Flaw if it is not the signer's: the certificate file of the package is this one's.
    pub fn certificate_file_of(mut self, leaf: &'a Leaf) -> Self {
        self.certificate_file = leaf;
        self
    }

    /// Flaw if they are MD5 or SHA-1: the digests in the manifest.
    pub fn digests(mut self, digest: ManifestDigest) -> Self {
        self.digest = digest;
        self
    }

    /// Makes what an NFVO serves.
    ///
    /// # Errors
    /// [`PackageError::Sign`], [`PackageError::Zip`]: the libraries failed.
    pub fn build(&self) -> Result<Built, PackageError> {
        self.seal()?.pack()
    }

    /// Flaw: the manifest says nothing of this file.
    fn unlisted(mut self, path: &'static str) -> Self {
        self.unlisted = Some(path);
        self
    }

    /// Flaw: the manifest has a well-formed digest of other bytes for this file.
    fn wrong_digest(mut self, path: &'static str) -> Self {
        self.wrong_digest = Some(path);
        self
    }

    /// Flaw: as the options say.
    fn signature_options(mut self, options: cms::Options) -> Self {
        self.signature_options = options;
        self
    }

    /// Writes the manifest and signs: what is changed afterwards is changed behind the signer's back.
    fn seal(&self) -> Result<Sealed, PackageError> {
        Sealed::new(self)
    }

    fn security_option(&self) -> SecurityOption {
        match self.layout {
            Layout::Option2 => SecurityOption::Option2,
            Layout::SignedManifest
            | Layout::FileSignatures { .. }
            | Layout::ManifestAndFileSignatures => SecurityOption::Option1,
        }
    }
}

//! What every scenario of a run shares: the profile, the tier, the PKI, where evidence goes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use scas_simulators::transcript::Secrets;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::model::event::ScenarioId;
use crate::model::sut::Profile;
use crate::operator::Operator;
use crate::pki::{SIGNERS_FOLDER, SigningMaterial, TLS_FOLDER, TestPki};
use crate::testbed::contact::Contact;
use crate::vnf_package::{Artifacts, Package};

/// File with the trust anchors of package signers.
const SIGNERS: &str = "signers.crt";
/// File with their revocation list.
const CRL: &str = "signers.crl";

/// How thorough a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// The inner loop.
    Quick,
    /// Everything, at the product's declared capacity.
    Full,
}

impl std::fmt::Display for Tier {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Quick => "quick",
            Self::Full => "full",
        })
    }
}

/// What every scenario of a run shares.
pub struct RunContext {
    /// The run's folder.
    pub folder: PathBuf,
    /// The system under test.
    pub profile: Profile,
    /// How thorough the run is.
    pub tier: Tier,
    /// Seed of everything that is chosen by chance and not for secrecy.
    pub seed: u64,
    /// Defects that the reference is to have.
    pub defects: Vec<String>,
    /// Whether what a scenario made in a product that runs by itself stays there.
    pub keep: bool,
    /// Whether the traffic is kept with its TLS session secrets, for whoever has the evidence to read.
    pub with_secrets: bool,
    /// What must not be written down, wherever it turns up.
    pub secrets: Secrets,
    /// Who does what only a person can do.
    pub operator: Operator,
    /// How many times the run was taken up again after an interruption.
    pub resumptions: usize,
    /// The TLS side of the test PKI.
    pub pki: TestPki,
    /// How tester and product meet.
    pub contact: Contact,
    /// Who signs VNF packages.
    pub signing: Arc<SigningMaterial>,
    /// What the product needs in each VNF package.
    pub artifacts: Artifacts,
    /// The PKI as files, for the SUT. Removed with the context.
    pub pki_files: PkiFiles,
}

impl RunContext {
    /// Makes the PKI of a run.
    ///
    /// # Errors
    /// Keys cannot be made, or the files not be written.
    pub fn new(
        folder: &Path,
        profile: Profile,
        tier: Tier,
        seed: u64,
        defects: Vec<String>,
    ) -> anyhow::Result<Self> {
        let now = jiff::Timestamp::now();
        let given = profile.ixit.pki.as_deref();
        let (pki, signing) = material(given, now)?;
        let contact = Contact::of(&profile, &pki)?;
        let artifacts = match &profile.ixit.vnf.artifacts {
            Some(folder) => Artifacts::read(folder).context("ixit.vnf.artifacts")?,
            None => Artifacts::default(),
        };
        let pki_files = PkiFiles::write(&pki, &signing)?;
        let secrets = Secrets::new();
        for secret in crate::profile::secrets_of(&profile) {
            secrets.keep(&secret);
        }
        Ok(Self {
            secrets,
            folder: folder.to_owned(),
            profile,
            tier,
            seed,
            defects,
            keep: false,
            with_secrets: false,
            operator: Operator::default(),
            resumptions: 0,
            pki,
            contact,
            signing: Arc::new(signing),
            artifacts,
            pki_files,
        })
    }

    /// How many creations this tier asks for.
    pub fn capacity(&self) -> u64 {
        match self.tier {
            Tier::Quick => self.profile.ixit.capacity.quick,
            Tier::Full => self.profile.ixit.capacity.full,
        }
    }

    /// A valid VNF package as this product wants it.
    pub fn package(&self, vnfd_id: &str) -> Package<'_> {
        Package::new(vnfd_id, &self.signing).with_artifacts(&self.artifacts)
    }

    /// A fresh VNFD identifier: the same for the same seed, scenario and number, and for a product that runs by itself the same run.
    pub fn vnfd_id(&self, scenario: &ScenarioId, number: u64) -> String {
        let mut hash = Sha256::new();
        hash.update(self.seed.to_be_bytes());
        if self.profile.ixit.api.running {
            // It may have a package in its cache that it met under the same identifier in an earlier run,
            // or in an attempt that was cut off.
            hash.update(self.folder.as_os_str().as_encoded_bytes());
            hash.update(self.resumptions.to_be_bytes());
        }
        hash.update(scenario.case.as_bytes());
        hash.update(scenario.line.to_be_bytes());
        hash.update(number.to_be_bytes());
        let mut random = StdRng::from_seed(hash.finalize().into());
        uuid::Builder::from_random_bytes(random.random())
            .into_uuid()
            .to_string()
    }
}

/// The PKI of `ixit.pki`, or a new one.
///
/// # Errors
/// The folder cannot be used, which is told with its label; or keys cannot be made.
pub fn material(
    folder: Option<&Path>,
    now: jiff::Timestamp,
) -> anyhow::Result<(TestPki, SigningMaterial)> {
    let Some(folder) = folder else {
        let pki = TestPki::new(now, &["127.0.0.1", "::1", "localhost"])
            .context("cannot make the test PKI")?;
        let signing =
            SigningMaterial::new(now).context("cannot make the signers of VNF packages")?;
        return Ok((pki, signing));
    };
    let label = || {
        format!(
            "ixit.pki: '{}' is no folder of `scas pki new` that can be used; correct the path, or make one with that",
            folder.display()
        )
    };
    let pki = TestPki::load_from(&folder.join(TLS_FOLDER), now).with_context(label)?;
    let signing =
        SigningMaterial::load_from(&folder.join(SIGNERS_FOLDER), now).with_context(label)?;
    Ok((pki, signing))
}

/// A temporary folder that no other user can look into: keys lie there.
///
/// # Errors
/// It cannot be made.
pub fn private_folder(prefix: &str) -> std::io::Result<tempfile::TempDir> {
    use std::os::unix::fs::PermissionsExt as _;
    tempfile::Builder::new()
        .prefix(prefix)
        .permissions(std::fs::Permissions::from_mode(0o700))
        .tempdir()
}

/// The PKI as files in a temporary folder that only this user can read.
pub struct PkiFiles {
    folder: tempfile::TempDir,
}

impl PkiFiles {
    fn write(pki: &TestPki, signing: &SigningMaterial) -> anyhow::Result<Self> {
        let folder = private_folder("scas-pki-")
            .context("cannot make a temporary folder for the test PKI")?;
        let files = Self { folder };
        // Only what is the SUT's: the others' keys stay in our memory.
        for (name, text) in [
            ("ca.crt", pki.ca.certificate_pem()),
            ("vnfm.crt", pki.vnfm.chain_pem()),
            ("vnfm.key", pki.vnfm.private_key_pem()),
            (SIGNERS, signing.anchors_pem().to_owned()),
            (CRL, signing.crl_pem().to_owned()),
        ] {
            let path = files.folder().join(name);
            std::fs::write(&path, text)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(files)
    }

    /// The folder with `ca.crt`, `vnfm.crt` and `vnfm.key`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Trust anchors of package signers.
    pub fn signers(&self) -> PathBuf {
        self.folder.path().join(SIGNERS)
    }

    /// The revocation list of package signers.
    pub fn crl(&self) -> PathBuf {
        self.folder.path().join(CRL)
    }
}

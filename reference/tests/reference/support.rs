//! Material for the tests: certificates by rcgen, signatures by the `openssl` command (so that a stranger, not our own code,
//! says what a CMS looks like), archives by the zip crate.

use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertificateRevocationListParams,
    CertificateSigningRequestParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
};
use scas_reference::package::Signers;

/// Whether the `openssl` command can be used. Where it cannot, says so, and fails in CI.
pub fn openssl_is_here(test: &str) -> bool {
    let here = Command::new("openssl")
        .arg("version")
        .output()
        .is_ok_and(|output| output.status.success());
    if !here {
        #[expect(
            clippy::print_stderr,
            reason = "a test that does not run must not look as if it had"
        )]
        let () = eprintln!("NOT RUN: {test}: there is no `openssl` command");
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "CI must have the `openssl` command"
        );
    }
    here
}

/// An issuer.
pub struct Ca {
    pub certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Ca {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self {
            certificate,
            issuer: Issuer::new(params, key),
        }
    }

    /// A server's and client's certificate for 127.0.0.1.
    pub fn peer(&self, folder: &Path, name: &str) -> Identity {
        self.peer_for(folder, name, &["127.0.0.1", "localhost"])
    }

    /// The same for other hosts.
    pub fn peer_for(&self, folder: &Path, name: &str, hosts: &[&str]) -> Identity {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut params = CertificateParams::new(hosts).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        self.issue(folder, name, params, &KeyPair::generate().unwrap())
    }

    /// A signer's certificate, valid and with digitalSignature unless `change` says otherwise.
    pub fn signer(
        &self,
        folder: &Path,
        name: &str,
        key: &KeyPair,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Identity {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        // rcgen writes no subjectKeyIdentifier into a leaf.
        let key_id = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, key.public_key_raw());
        let value = [&[4, 20], &key_id.as_ref()[..20]].concat();
        params
            .custom_extensions
            .push(CustomExtension::from_oid_content(&[2, 5, 29, 14], value));
        change(&mut params);
        self.issue(folder, name, params, key)
    }

    fn issue(
        &self,
        folder: &Path,
        name: &str,
        params: CertificateParams,
        key: &KeyPair,
    ) -> Identity {
        let certificate = params.signed_by(key, &self.issuer).unwrap();
        let identity = Identity {
            certificate: folder.join(format!("{name}.pem")),
            key: folder.join(format!("{name}.key")),
            pem: certificate.pem(),
        };
        std::fs::write(&identity.certificate, &identity.pem).unwrap();
        std::fs::write(&identity.key, key.serialize_pem()).unwrap();
        identity
    }

    /// A certificate for a request (PKCS#10 DER), for so many days.
    pub fn certify(&self, csr: &[u8], days_valid: i64) -> Vec<u8> {
        let mut request = CertificateSigningRequestParams::from_der(&csr.into()).unwrap();
        request.params.not_before = days(-2);
        request.params.not_after = days(days_valid);
        request.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = request.signed_by(&self.issuer).unwrap();
        certificate.der().to_vec()
    }

    /// A revocation list with these serial numbers.
    pub fn crl(&self, revoked: &[u64]) -> String {
        let now = time::OffsetDateTime::now_utc();
        let params = CertificateRevocationListParams {
            this_update: now - time::Duration::hours(1),
            next_update: now + time::Duration::days(1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked
                .iter()
                .map(|serial| RevokedCertParams {
                    serial_number: SerialNumber::from(*serial),
                    revocation_time: now - time::Duration::hours(2),
                    reason_code: None,
                    invalidity_date: None,
                })
                .collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

/// A certificate and its key, in files.
pub struct Identity {
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub pem: String,
}

impl Identity {
    /// A detached CMS over `content`, made by `openssl cms -sign`.
    pub fn sign(&self, content: &[u8], more: &[&str]) -> Vec<u8> {
        self.openssl(content, &[&["-outform", "PEM"], more].concat())
    }

    /// A CMS as these options make it; detached unless they say `-nodetach`.
    pub fn openssl(&self, content: &[u8], more: &[&str]) -> Vec<u8> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        let output = Command::new("openssl")
            .args(["cms", "-sign", "-binary", "-in"])
            .arg(file.path())
            .arg("-signer")
            .arg(&self.certificate)
            .arg("-inkey")
            .arg(&self.key)
            .args(more)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }
}

/// CA, signers and the place of their files.
pub struct Signing {
    pub folder: tempfile::TempDir,
    pub ca: Ca,
    pub good: Identity,
}

/// The serial number of the signer that [`Signing::signers`] revokes.
pub const REVOKED: u64 = 666;

impl Signing {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca = Ca::new("signers");
        let good = ca.signer(folder.path(), "good", &KeyPair::generate().unwrap(), |_| {});
        Self { folder, ca, good }
    }

    pub fn signer(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        self.ca.signer(
            self.folder.path(),
            name,
            &KeyPair::generate().unwrap(),
            change,
        )
    }

    /// A signer with an RSA key of 1024 bits, which only `openssl` still makes.
    pub fn short_rsa(&self) -> Identity {
        let (certificate, key) = (
            self.folder.path().join("short.pem"),
            self.folder.path().join("short.key"),
        );
        let output = Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "rsa:1024",
                "-nodes",
                "-subj",
                "/CN=short",
                "-keyout",
            ])
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let pem = std::fs::read_to_string(&certificate).unwrap();
        Identity {
            certificate,
            key,
            pem,
        }
    }

    pub fn signers(&self) -> Signers {
        let mut signers = Signers::from_pem(self.ca.certificate.pem().as_bytes()).unwrap();
        signers
            .add_crls(self.ca.crl(&[REVOKED]).as_bytes())
            .unwrap();
        signers
    }
}

pub fn days(days: i64) -> time::OffsetDateTime {
    time::OffsetDateTime::now_utc() + time::Duration::days(days)
}

/// A package under construction: paths and contents, in the order of the archive.
#[derive(Clone, Default)]
pub struct Files(pub Vec<(String, Vec<u8>)>);

pub const VNFD_ID: &str = "b1bb0ce7-2222-4fa7-95ed-4840d70a1177";
pub const MANIFEST: &str = "vnf.mf";

impl Files {
    /// TOSCA.meta and three definitions.
    pub fn definitions() -> Self {
        let meta = "TOSCA-Meta-File-Version: 1.0\nCSAR-Version: 1.1\nCreated-By: test\nEntry-Definitions: Definitions/vnf.yaml\nETSI-Entry-Manifest: vnf.mf\n";
        let mut files = Self::default();
        files.put("TOSCA-Metadata/TOSCA.meta", meta);
        files.put(
            "Definitions/vnf.yaml",
            "tosca_definitions_version: tosca_simple_yaml_1_3\nimports: [types.yaml, df.yaml]\n",
        );
        files.put(
            "Definitions/types.yaml",
            "tosca_definitions_version: tosca_simple_yaml_1_3\nnode_types: {}\n",
        );
        files.put(
            "Definitions/df.yaml",
            "tosca_definitions_version: tosca_simple_yaml_1_3\ntopology_template: {}\n",
        );
        files
    }

    pub fn put(&mut self, name: &str, data: impl Into<Vec<u8>>) -> &mut Self {
        let data = data.into();
        match self.0.iter_mut().find(|(existing, _)| existing == name) {
            Some((_, existing)) => *existing = data,
            None => self.0.push((name.to_owned(), data)),
        }
        self
    }

    pub fn remove(&mut self, name: &str) -> &mut Self {
        self.0.retain(|(existing, _)| existing != name);
        self
    }

    pub fn data(&self, name: &str) -> Vec<u8> {
        self.0
            .iter()
            .find(|(existing, _)| existing == name)
            .unwrap()
            .1
            .clone()
    }

    /// The text of a manifest for what is here.
    pub fn manifest(&self) -> String {
        self.manifest_by("SHA-256", |data| digest(&aws_lc_rs::digest::SHA256, data))
    }

    pub fn manifest_by(&self, algorithm: &str, hash: impl Fn(&[u8]) -> String) -> String {
        let mut text = format!("metadata:\n  vnfd_id: {VNFD_ID}\n  vnf_provider_id: test\n\n");
        for (name, data) in &self.0 {
            text += &format!(
                "Source: {name}\nAlgorithm: {algorithm}\nHash: {}\n\n",
                hash(data)
            );
        }
        text
    }

    /// With the manifest, signed (option 1).
    pub fn with_signed_manifest(mut self, signer: &Identity) -> Self {
        let manifest = self.manifest().into_bytes();
        let block = signer.sign(&manifest, &[]);
        self.put(MANIFEST, [manifest, block].concat());
        self
    }

    /// With the manifest and a signature for every file, named by either convention.
    pub fn with_file_signatures(mut self, signer: &Identity, replaced: bool) -> Self {
        let manifest = self.manifest();
        self.put(MANIFEST, manifest);
        for (name, data) in self.0.clone() {
            let signature = if replaced {
                format!("{}.sig.cms", name.rsplit_once('.').unwrap().0)
            } else {
                format!("{name}.sig.p7s")
            };
            self.put(&signature, signer.sign(&data, &[]));
        }
        self
    }

    /// As a ZIP archive.
    pub fn zip(&self) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Deflated);
        for (name, data) in &self.0 {
            writer.start_file(name.as_str(), options).unwrap();
            writer.write_all(data).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }
}

pub fn digest(algorithm: &'static aws_lc_rs::digest::Algorithm, data: &[u8]) -> String {
    hex::encode(aws_lc_rs::digest::digest(algorithm, data))
}

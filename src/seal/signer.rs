//! Who seals: a key in a file ([`FileSigner`]) or in a PKCS#11 token ([`TokenSigner`]), with the certificate that others know it by.

use std::path::Path;

use anyhow::{Context as _, bail};
use aws_lc_rs::digest::{SHA256, SHA384, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, RSA_PSS_SHA256, RsaKeyPair,
};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use der::asn1::{ObjectIdentifier, UintRef};
use der::{Encode, EncodePem as _};
use x509_cert::Certificate;

use crate::cms::{CmsError, Scheme, Signer};
use crate::pack::Digest;

const EC_PUBLIC_KEY: &str = "1.2.840.10045.2.1";
const RSA: &str = "1.2.840.113549.1.1.1";
const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";
/// What is signed to see whether key and certificate belong together.
const TRIAL: &[u8] = b"scas: is this the key of the certificate?";

/// A key in a file.
pub struct FileSigner {
    chain: Vec<Certificate>,
    key: Key,
}

enum Key {
    Ec(Box<EcdsaKeyPair>, Scheme),
    Rsa(Box<RsaKeyPair>),
}

impl FileSigner {
    /// Reads key (PKCS#8, PEM) and certificates (PEM: the signer's, then those above it).
    ///
    /// # Errors
    /// By the option: a file cannot be read, is of another kind, or the key is not the certificate's.
    pub fn read(key: &Path, certificates: &Path) -> anyhow::Result<Self> {
        let chain = chain(certificates)?;
        let told = || format!("--key {}", key.display());
        let pem = zeroize::Zeroizing::new(std::fs::read(key).with_context(told)?);
        let (label, der) = der::pem::decode_vec(&pem)
            .map_err(|error| anyhow::anyhow!("no PEM: {error}"))
            .with_context(told)?;
        let der = zeroize::Zeroizing::new(der);
        if label != "PRIVATE KEY" {
            bail!(
                "{}: a PEM block '{label}', not 'PRIVATE KEY': write it as PKCS#8 without a password (openssl pkcs8 -topk8 -nocrypt)",
                told()
            );
        }
        let refused = |error: aws_lc_rs::error::KeyRejected| anyhow::anyhow!("{error}");
        let ec = |algorithm: &'static EcdsaSigningAlgorithm| {
            EcdsaKeyPair::from_pkcs8(algorithm, &der)
                .map_err(refused)
                .with_context(told)
        };
        let key = match scheme(&chain[0]).context("--cert")? {
            it @ Scheme::EcdsaP256Sha256 => {
                Key::Ec(Box::new(ec(&ECDSA_P256_SHA256_ASN1_SIGNING)?), it)
            }
            it @ Scheme::EcdsaP384Sha384 => {
                Key::Ec(Box::new(ec(&ECDSA_P384_SHA384_ASN1_SIGNING)?), it)
            }
            _ => Key::Rsa(Box::new(
                RsaKeyPair::from_pkcs8(&der)
                    .map_err(refused)
                    .with_context(told)?,
            )),
        };
        let signer = Self { chain, key };
        fits(&signer).with_context(|| {
            format!("--key is not the key of --cert {}", certificates.display())
        })?;
        Ok(signer)
    }
}

impl Signer for FileSigner {
    fn scheme(&self) -> Scheme {
        match &self.key {
            Key::Ec(_, scheme) => *scheme,
            Key::Rsa(_) => Scheme::RsaPssSha256,
        }
    }

    fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, CmsError> {
        let refused = |error: aws_lc_rs::error::Unspecified| signing(&error);
        let random = SystemRandom::new();
        match &self.key {
            Key::Ec(key, _) => Ok(key.sign(&random, bytes).map_err(refused)?.as_ref().to_vec()),
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PSS_SHA256, &random, bytes, &mut signature)
                    .map_err(refused)?;
                Ok(signature)
            }
        }
    }
}

/// A key in a token, which it never leaves.
pub struct TokenSigner {
    chain: Vec<Certificate>,
    scheme: Scheme,
    session: Session,
    key: ObjectHandle,
}

impl TokenSigner {
    /// Logs in and finds the private key of this label.
    ///
    /// # Errors
    /// By the option: the module, the token, the PIN, the key; or it is not the certificate's.
    pub fn open(
        module: &Path,
        token: &str,
        label: &str,
        pin_file: &Path,
        certificates: &Path,
    ) -> anyhow::Result<Self> {
        let chain = chain(certificates)?;
        let scheme = scheme(&chain[0]).context("--cert")?;
        let in_module = || format!("--pkcs11 {}", module.display());
        let library = Pkcs11::new(module).with_context(in_module)?;
        library
            .initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))
            .with_context(in_module)?;
        let mut slot = None;
        for one in library
            .get_slots_with_initialized_token()
            .with_context(in_module)?
        {
            if library
                .get_token_info(one)
                .with_context(in_module)?
                .label()
                .trim_end()
                == token
            {
                slot = Some(one);
            }
        }
        let slot = slot.with_context(|| format!("--token: the module has no token '{token}'"))?;
        let in_pin = || format!("--pin-file {}", pin_file.display());
        let pin = std::fs::read_to_string(pin_file).with_context(in_pin)?;
        let pin = AuthPin::new(pin.trim_end_matches(['\r', '\n']).into());
        let session = library.open_ro_session(slot).with_context(in_module)?;
        session
            .login(UserType::User, Some(&pin))
            .with_context(in_pin)?;
        let wanted = [
            Attribute::Class(ObjectClass::PRIVATE_KEY),
            Attribute::Label(label.into()),
        ];
        let keys = session.find_objects(&wanted)?;
        let [key] = keys[..] else {
            bail!(
                "--key-label: the token has {} private keys '{label}', not one",
                keys.len()
            );
        };
        let signer = Self {
            chain,
            scheme,
            session,
            key,
        };
        fits(&signer).with_context(|| {
            format!(
                "--key-label '{label}' is not the key of --cert {}",
                certificates.display()
            )
        })?;
        Ok(signer)
    }
}

impl Signer for TokenSigner {
    fn scheme(&self) -> Scheme {
        self.scheme
    }

    fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, CmsError> {
        let by = |mechanism: &Mechanism<'_>, bytes: &[u8]| {
            self.session
                .sign(mechanism, self.key, bytes)
                .map_err(|error| signing(&error))
        };
        match self.scheme {
            Scheme::EcdsaP256Sha256 => {
                ecdsa(&by(&Mechanism::Ecdsa, digest(&SHA256, bytes).as_ref())?)
            }
            Scheme::EcdsaP384Sha384 => {
                ecdsa(&by(&Mechanism::Ecdsa, digest(&SHA384, bytes).as_ref())?)
            }
            _ => {
                let parameters = PkcsPssParams {
                    hash_alg: MechanismType::SHA256,
                    mgf: PkcsMgfType::MGF1_SHA256,
                    s_len: 32.into(),
                };
                by(&Mechanism::Sha256RsaPkcsPss(parameters), bytes)
            }
        }
    }
}

/// PKCS#11's `r || s` as X9.62 has it.
fn ecdsa(raw: &[u8]) -> Result<Vec<u8>, CmsError> {
    let (r, s) = raw.split_at(raw.len() / 2);
    let encode = || {
        let both = [UintRef::new(r)?, UintRef::new(s)?];
        both.as_slice().to_vec().to_der()
    };
    encode().map_err(|error: der::Error| signing(&error))
}

fn signing(error: &dyn std::fmt::Display) -> CmsError {
    CmsError::Signing {
        reason: error.to_string(),
    }
}

fn chain(path: &Path) -> anyhow::Result<Vec<Certificate>> {
    let told = || format!("--cert {}", path.display());
    let pem = std::fs::read(path).with_context(told)?;
    let chain = Certificate::load_pem_chain(&pem)
        .map_err(|error| anyhow::anyhow!("no certificate in PEM: {error}"))
        .with_context(told)?;
    if chain.is_empty() {
        bail!("{}: there is no certificate in it", told());
    }
    Ok(chain)
}

/// How a certificate's key signs.
fn scheme(certificate: &Certificate) -> anyhow::Result<Scheme> {
    let key = &certificate
        .tbs_certificate
        .subject_public_key_info
        .algorithm;
    let curve = key
        .parameters
        .as_ref()
        .and_then(|any| any.decode_as::<ObjectIdentifier>().ok())
        .map(|curve| curve.to_string());
    match (key.oid.to_string().as_str(), curve.as_deref()) {
        (EC_PUBLIC_KEY, Some(P256)) => Ok(Scheme::EcdsaP256Sha256),
        (EC_PUBLIC_KEY, Some(P384)) => Ok(Scheme::EcdsaP384Sha384),
        (RSA, _) => Ok(Scheme::RsaPssSha256),
        (other, _) => bail!("a key of {other}: P-256, P-384 and RSA can seal"),
    }
}

fn fits(signer: &dyn Signer) -> anyhow::Result<()> {
    let signature = signer.sign(TRIAL)?;
    crate::cms::verify_value(&signer.chain()[0], TRIAL, &signature)?;
    Ok(())
}

/// SHA-256 of a certificate's SubjectPublicKeyInfo, hex: how an attestation names its signer.
pub fn key_id(certificate: &Certificate) -> anyhow::Result<String> {
    let key = certificate
        .tbs_certificate
        .subject_public_key_info
        .to_der()?;
    Ok(Digest::of(&key).sha256)
}

/// The certificates, PEM.
pub fn chain_pem(chain: &[Certificate]) -> anyhow::Result<Vec<u8>> {
    let mut text = String::new();
    for certificate in chain {
        text += &certificate.to_pem(der::pem::LineEnding::LF)?;
    }
    Ok(text.into_bytes())
}

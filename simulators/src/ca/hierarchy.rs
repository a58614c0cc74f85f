//! Root and issuing CA: [`Hierarchy`], conforming to RFC 5280.

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CrlDistributionPoint, CustomExtension, DistinguishedName,
    DnType, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PublicKeyData, RsaKeySize,
    SerialNumber,
};
use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};
use time::OffsetDateTime;

use super::CaError;
use crate::der::{element, oid, tag};

/// How long a root is valid; the issuing CA half of that.
const ROOT_DAYS: i64 = 3650;
/// So that a peer whose clock is a little slow accepts what was just made.
const BACKDATED: SignedDuration = SignedDuration::from_hours(1);

/// The kinds of key that a CA, and whoever asks it, may have (IFA 026 clause C.6: RSA or ECDSA).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyKind {
    /// ECDSA on NIST P-256.
    #[default]
    P256,
    /// ECDSA on NIST P-384.
    P384,
    /// RSA with 3072 bits; takes a while to generate.
    Rsa3072,
}

impl KeyKind {
    pub(super) fn generate(self) -> Result<KeyPair, rcgen::Error> {
        match self {
            Self::P256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
            Self::P384 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
            Self::Rsa3072 => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_3072),
        }
    }
}

/// A root and the issuing CA below it.
pub(super) struct Hierarchy {
    pub(super) root: Authority,
    pub(super) issuing: Authority,
}

/// A CA: its certificate and what it signs with.
pub(super) struct Authority {
    pub(super) certificate_der: Vec<u8>,
    pub(super) issuer: Issuer<'static, KeyPair>,
    /// Name and key identifier, for signatures that only pretend to be its own.
    params: CertificateParams,
    pub(super) crl_uri: String,
    pub(super) certificate_uri: String,
}

impl Hierarchy {
    /// `name` tells one hierarchy from another. CRLs and certificates are published below `base_uri`.
    pub(super) fn new(
        kind: KeyKind,
        name: &str,
        base_uri: &str,
        now: Timestamp,
    ) -> Result<Self, CaError> {
        let root_params = params(&format!("{name} root CA"), now, ROOT_DAYS, None)?;
        let root = Authority::new(root_params, kind, None, base_uri, "root")?;
        let mut issuing_params =
            params(&format!("{name} issuing CA"), now, ROOT_DAYS / 2, Some(0))?;
        issuing_params.use_authority_key_identifier_extension = true;
        issuing_params.crl_distribution_points = vec![CrlDistributionPoint {
            uris: vec![root.crl_uri.clone()],
        }];
        issuing_params
            .custom_extensions
            .push(authority_info_access(&root.certificate_uri));
        let issuing = Authority::new(issuing_params, kind, Some(&root), base_uri, "issuing")?;
        Ok(Self { root, issuing })
    }
}

impl Authority {
    fn new(
        mut params: CertificateParams,
        kind: KeyKind,
        above: Option<&Self>,
        base_uri: &str,
        file: &str,
    ) -> Result<Self, CaError> {
        let key = kind.generate()?;
        params.key_identifier_method =
            KeyIdMethod::PreSpecified(key_identifier(key.der_bytes()).to_vec());
        let certificate = match above {
            Some(above) => params.signed_by(&key, &above.issuer)?,
            None => params.self_signed(&key)?,
        };
        Ok(Self {
            certificate_der: certificate.der().to_vec(),
            issuer: Issuer::new(params.clone(), key),
            params,
            crl_uri: format!("{base_uri}/crl/{file}.crl"),
            certificate_uri: format!("{base_uri}/certificates/{file}.cer"),
        })
    }

    /// Signs in the name of this CA with another key.
    pub(super) fn impostor(&self, key: KeyPair) -> Issuer<'_, KeyPair> {
        Issuer::from_params(&self.params, key)
    }
}

fn params(
    common_name: &str,
    now: Timestamp,
    days: i64,
    path_length: Option<u8>,
) -> Result<CertificateParams, CaError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "scas test bed");
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params.serial_number = Some(SerialNumber::from_slice(&serial_number()?));
    (params.not_before, params.not_after) = validity(now, days)?;
    params.is_ca = IsCa::Ca(path_length.map_or(
        BasicConstraints::Unconstrained,
        BasicConstraints::Constrained,
    ));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

/// From an hour before `now`, for so many days.
pub(super) fn validity(
    now: Timestamp,
    days: i64,
) -> Result<(OffsetDateTime, OffsetDateTime), CaError> {
    let from = date(now - BACKDATED)?;
    let until = date(now + SignedDuration::from_hours(24 * days) - BACKDATED)?;
    Ok((from, until))
}

pub(super) fn date(at: Timestamp) -> Result<OffsetDateTime, CaError> {
    OffsetDateTime::from_unix_timestamp(at.as_second()).map_err(|_| CaError::Time(at))
}

/// Random, positive, 16 octets (RFC 5280 clause 4.1.2.2 allows 20).
pub(super) fn serial_number() -> Result<[u8; 16], CaError> {
    let mut serial = [0; 16];
    aws_lc_rs::rand::fill(&mut serial).map_err(|_| CaError::Randomness)?;
    // Positive, and of the same length always.
    serial[0] = serial[0] & 0x3F | 0x40;
    Ok(serial)
}

/// RFC 5280 clause 4.2.1.2 method 1: SHA-1 of the bits of subjectPublicKey.
pub(super) fn key_identifier(public_key_bits: &[u8]) -> [u8; 20] {
    Sha1::digest(public_key_bits).into()
}

/// authorityInfoAccess with id-ad-caIssuers (RFC 5280 clause 4.2.2.1).
pub(super) fn authority_info_access(uri: &str) -> CustomExtension {
    let ca_issuers = oid(&[1, 3, 6, 1, 5, 5, 7, 48, 2]);
    let location = element(tag::URI, &[uri.as_bytes()]);
    let description = element(tag::SEQUENCE, &[&ca_issuers, &location]);
    let content = element(tag::SEQUENCE, &[&description]);
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], content)
}

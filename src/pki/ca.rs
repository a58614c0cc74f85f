//! The issuing side: [`Ca`], a self-signed root that certifies leaves directly and revokes them.

use aws_lc_rs::digest;
use jiff::{Timestamp, ToSpan};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName,
    DnType, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PublicKeyData, RevocationReason,
    RevokedCertParams, SerialNumber,
};
use time::OffsetDateTime;

use super::leaf::{KeyKind, Leaf, LeafBuilder};
use super::{PkiError, store};

/// A certification authority: an RFC 5280 root with basicConstraints (pathLen 0) and keyUsage, both critical, and
/// a subject key identifier by method 1 of clause 4.2.1.2.
pub struct Ca {
    pub(super) now: Timestamp,
    pub(super) issuer: Issuer<'static, KeyPair>,
    certificate_der: Vec<u8>,
}

impl Ca {
    /// A CA with a new P-256 key, valid from two years before `now` (so that an expired leaf has a valid chain) until ten
    /// years after.
    ///
    /// # Errors
    /// [`PkiError::Issue`] or [`PkiError::Time`] if the library cannot make it.
    pub fn new(common_name: &str, now: Timestamp) -> Result<Self, PkiError> {
        Self::with_key(common_name, KeyKind::EcP256, now)
    }

    /// As [`Ca::new`], with a key of the given kind.
    ///
    /// # Errors
    /// As [`Ca::new`].
    pub fn with_key(common_name: &str, kind: KeyKind, now: Timestamp) -> Result<Self, PkiError> {
        let issue = |source| PkiError::Issue {
            what: format!("CA \"{common_name}\""),
            source,
        };
        let key = kind.generate().map_err(issue)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name_only(common_name);
        params.serial_number = Some(random_serial());
        params.not_before = date(now, -2 * 365)?;
        params.not_after = date(now, 10 * 365)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.key_identifier_method = key_identifier(&key);
        params.use_authority_key_identifier_extension = true;
        let certificate_der = params.self_signed(&key).map_err(issue)?.der().to_vec();
        Ok(Self {
            now,
            issuer: Issuer::new(params, key),
            certificate_der,
        })
    }

    /// A CA from its stored certificate and key, both PEM; `now` dates what it will issue.
    ///
    /// # Errors
    /// [`PkiError::Issue`] if certificate or key cannot be read. Whether they fit is the caller's to check.
    pub(super) fn from_pem(certificate: &str, key: &str, now: Timestamp) -> Result<Self, PkiError> {
        let issue = |source| PkiError::Issue {
            what: "CA from its files".to_owned(),
            source,
        };
        let key = KeyPair::from_pem(key).map_err(issue)?;
        let issuer = Issuer::from_ca_cert_pem(certificate, key).map_err(issue)?;
        let certificate_der = store::certificate_der("CA certificate".as_ref(), certificate)?;
        Ok(Self {
            now,
            issuer,
            certificate_der,
        })
    }

    /// A TLS server: extendedKeyUsage serverAuth, these names as subject alternative names, where
    /// IP addresses and DNS names are told apart.
    pub fn server(&self, common_name: &str, names: &[&str]) -> LeafBuilder<'_> {
        LeafBuilder::new(self, common_name)
            .names(names)
            .server_auth()
    }

    /// A TLS client: extendedKeyUsage clientAuth.
    pub fn client(&self, common_name: &str) -> LeafBuilder<'_> {
        LeafBuilder::new(self, common_name).client_auth()
    }

    /// A TLS peer that is server and client, as NFVO and VNFM are to each other.
    pub fn peer(&self, common_name: &str, names: &[&str]) -> LeafBuilder<'_> {
        LeafBuilder::new(self, common_name)
            .names(names)
            .server_auth()
            .client_auth()
    }

    /// A signer of VNF packages: keyUsage digitalSignature, no extendedKeyUsage (SOL004 names none).
    pub fn signer(&self, common_name: &str) -> LeafBuilder<'_> {
        LeafBuilder::new(self, common_name)
    }

    /// The CA's certificate, DER.
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate_der
    }

    /// The CA's certificate, PEM: the trust anchor.
    pub fn certificate_pem(&self) -> String {
        store::pem("CERTIFICATE", &self.certificate_der)
    }

    /// The CA's private key, PKCS#8 PEM.
    pub fn private_key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// A CRL, PEM, that revokes these leaves for key compromise an hour before `now`; valid for 397 days.
    ///
    /// # Errors
    /// [`PkiError::Issue`] if the library cannot make it.
    pub fn crl_pem(&self, revoked: &[&Leaf]) -> Result<String, PkiError> {
        let issue = |source| PkiError::Issue {
            what: "certificate revocation list".to_owned(),
            source,
        };
        let this_update = an_hour_before(self.now)?;
        let revoked_certs = revoked
            .iter()
            .map(|leaf| RevokedCertParams {
                serial_number: SerialNumber::from_slice(leaf.serial()),
                revocation_time: this_update,
                reason_code: Some(RevocationReason::KeyCompromise),
                invalidity_date: None,
            })
            .collect();
        let params = CertificateRevocationListParams {
            this_update,
            next_update: date(self.now, 397)?,
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: key_identifier(self.issuer.key()),
        };
        params
            .signed_by(&self.issuer)
            .map_err(issue)?
            .pem()
            .map_err(issue)
    }
}

/// A name that consists of a common name.
pub(super) fn common_name_only(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

/// Method 1 of RFC 5280 clause 4.2.1.2: the SHA-1 of the public key's bits, which the library does not offer.
pub(super) fn key_identifier(key: &impl PublicKeyData) -> KeyIdMethod {
    let sha1 = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, key.der_bytes());
    KeyIdMethod::PreSpecified(sha1.as_ref().to_vec())
}

/// 126 random bits: unguessable (RFC 5280 clause 4.1.2.2 allows 20 octets), positive, and always 16 octets long.
pub(super) fn random_serial() -> SerialNumber {
    let mut octets: [u8; 16] = rand::random();
    octets[0] = octets[0] & 0x7f | 0x40;
    SerialNumber::from_slice(&octets)
}

/// `days` after `now` (negative: before), as the library counts time.
pub(super) fn date(now: Timestamp, days: i64) -> Result<OffsetDateTime, PkiError> {
    to_library(now.as_second() + days * 24 * 60 * 60)
}

/// An hour before `now`: clocks of two machines differ.
pub(super) fn an_hour_before(now: Timestamp) -> Result<OffsetDateTime, PkiError> {
    let earlier = now.checked_sub(1.hour()).map_err(|_| PkiError::Time {
        seconds: now.as_second(),
    })?;
    to_library(earlier.as_second())
}

fn to_library(seconds: i64) -> Result<OffsetDateTime, PkiError> {
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| PkiError::Time { seconds })
}

//! End entities: [`LeafBuilder`], whose every flaw is one named method, and [`Leaf`], certificate and key.

use std::net::IpAddr;

use der::Decode;
use jiff::Timestamp;
use rcgen::{
    CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, RsaKeySize,
    SanType, SigningKey,
};
use x509_cert::Certificate;

use super::ca::{Ca, an_hour_before, common_name_only, date, key_identifier, random_serial};
use super::{PkiError, store};

/// The kinds of key that the tests need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// ECDSA on NIST P-256, the default.
    EcP256,
    /// ECDSA on NIST P-384.
    EcP384,
    /// RSA with 3072 bits; takes about a second to generate.
    Rsa3072,
}

impl KeyKind {
    pub(super) fn generate(self) -> Result<KeyPair, rcgen::Error> {
        match self {
            Self::EcP256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
            Self::EcP384 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
            Self::Rsa3072 => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_3072),
        }
    }

    fn of(key: &KeyPair) -> Option<Self> {
        let algorithm = key.algorithm();
        if algorithm == &rcgen::PKCS_ECDSA_P256_SHA256 {
            Some(Self::EcP256)
        } else if algorithm == &rcgen::PKCS_ECDSA_P384_SHA384 {
            Some(Self::EcP384)
        } else if algorithm == &rcgen::PKCS_RSA_SHA256 {
            Some(Self::Rsa3072)
        } else {
            None
        }
    }
}

/// An end entity about to be certified; valid unless a flaw is asked for.
#[must_use = "a builder makes nothing until `issue` is called"]
pub struct LeafBuilder<'a> {
    ca: &'a Ca,
    common_name: String,
    names: Vec<String>,
    server_auth: bool,
    client_auth: bool,
    kind: KeyKind,
    digital_signature: bool,
    validity: Validity,
}

enum Validity {
    Now,
    Expired(Timestamp),
    NotYet(Timestamp),
}

impl<'a> LeafBuilder<'a> {
    pub(super) fn new(ca: &'a Ca, common_name: &str) -> Self {
        Self {
            ca,
            common_name: common_name.to_owned(),
            names: Vec::new(),
            server_auth: false,
            client_auth: false,
            kind: KeyKind::EcP256,
            digital_signature: true,
            validity: Validity::Now,
        }
    }

    pub(super) fn names(mut self, names: &[&str]) -> Self {
        self.names = names.iter().map(|&name| name.to_owned()).collect();
        self
    }

    pub(super) fn server_auth(mut self) -> Self {
        self.server_auth = true;
        self
    }

    pub(super) fn client_auth(mut self) -> Self {
        self.client_auth = true;
        self
    }

    /// With a key of this kind instead of P-256.
    pub fn key(mut self, kind: KeyKind) -> Self {
        self.kind = kind;
        self
    }

    /// Flaw: the validity ended the day before `now`.
    pub fn expired(mut self, now: Timestamp) -> Self {
        self.validity = Validity::Expired(now);
        self
    }

    /// Flaw: the validity begins five years after `now`: a stored PKI keeps the flaw while it is in use.
    pub fn not_yet_valid(mut self, now: Timestamp) -> Self {
        self.validity = Validity::NotYet(now);
        self
    }

    /// Flaw: keyUsage has other bits than digitalSignature (keyAgreement for EC, keyEncipherment for RSA).
    pub fn without_digital_signature(mut self) -> Self {
        self.digital_signature = false;
        self
    }

    /// Generates the key and certifies it. Validity: an hour before the CA's `now` until 397 days after, unless flawed.
    ///
    /// # Errors
    /// [`PkiError::SubjectAltName`] for a name that is none; [`PkiError::Issue`], [`PkiError::Time`] from the library.
    pub fn issue(self) -> Result<Leaf, PkiError> {
        let what = format!("certificate of \"{}\"", self.common_name);
        let key = self.kind.generate().map_err(|source| PkiError::Issue {
            what: what.clone(),
            source,
        })?;
        let params = self.params(&key)?;
        let certificate =
            params
                .signed_by(&key, &self.ca.issuer)
                .map_err(|source| PkiError::Issue {
                    what: what.clone(),
                    source,
                })?;
        Leaf::new(
            certificate.der().to_vec(),
            &key,
            vec![self.ca.certificate_der().to_vec()],
            &what,
        )
    }

    fn params(&self, key: &KeyPair) -> Result<CertificateParams, PkiError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name_only(&self.common_name);
        params.serial_number = Some(random_serial());
        (params.not_before, params.not_after) = match self.validity {
            Validity::Now => (an_hour_before(self.ca.now)?, date(self.ca.now, 397)?),
            Validity::Expired(now) => (date(now, -31)?, date(now, -1)?),
            Validity::NotYet(now) => (date(now, 5 * 365)?, date(now, 6 * 365)?),
        };
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_identifier_method = key_identifier(key);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = self.key_usages();
        if self.server_auth {
            params
                .extended_key_usages
                .push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        if self.client_auth {
            params
                .extended_key_usages
                .push(ExtendedKeyUsagePurpose::ClientAuth);
        }
        params.subject_alt_names = self
            .names
            .iter()
            .map(|name| subject_alt_name(name))
            .collect::<Result<_, _>>()?;
        Ok(params)
    }

    fn key_usages(&self) -> Vec<KeyUsagePurpose> {
        let other = match self.kind {
            KeyKind::EcP256 | KeyKind::EcP384 => KeyUsagePurpose::KeyAgreement,
            KeyKind::Rsa3072 => KeyUsagePurpose::KeyEncipherment,
        };
        if self.digital_signature {
            vec![KeyUsagePurpose::DigitalSignature]
        } else {
            vec![other]
        }
    }
}

fn subject_alt_name(name: &str) -> Result<SanType, PkiError> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    let dns = name.try_into().map_err(|source| PkiError::SubjectAltName {
        name: name.to_owned(),
        source,
    })?;
    Ok(SanType::DnsName(dns))
}

/// A certified key: what an end entity owns.
#[derive(Clone)]
pub struct Leaf {
    certificate_der: Vec<u8>,
    private_key_der: Vec<u8>,
    issuers_der: Vec<Vec<u8>>,
    serial: Vec<u8>,
    kind: KeyKind,
    not_before: Timestamp,
    not_after: Timestamp,
}

impl Leaf {
    /// `issuers` from the nearest to the root; `what` names the certificate in errors.
    pub(super) fn new(
        certificate_der: Vec<u8>,
        key: &KeyPair,
        issuers_der: Vec<Vec<u8>>,
        what: &str,
    ) -> Result<Self, PkiError> {
        let unreadable = |reason: String| PkiError::Unreadable {
            path: what.into(),
            reason,
        };
        let parsed = Certificate::from_der(&certificate_der).map_err(|error| {
            unreadable(format!("no X.509 certificate that we can read: {error}"))
        })?;
        let kind = KeyKind::of(key).ok_or_else(|| {
            unreadable("the key is none of P-256, P-384 and RSA: make another".to_owned())
        })?;
        let time = |time: x509_cert::time::Time| {
            let seconds = time.to_unix_duration().as_secs();
            i64::try_from(seconds)
                .ok()
                .and_then(|seconds| Timestamp::from_second(seconds).ok())
        };
        let validity = parsed.tbs_certificate.validity;
        let no_time = || unreadable("its validity is no time that we can reckon with".to_owned());
        Ok(Self {
            not_before: time(validity.not_before).ok_or_else(no_time)?,
            not_after: time(validity.not_after).ok_or_else(no_time)?,
            serial: parsed.tbs_certificate.serial_number.as_bytes().to_vec(),
            certificate_der,
            private_key_der: key.serialize_der(),
            issuers_der,
            kind,
        })
    }

    /// The certificate, DER.
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate_der
    }

    /// The certificate, PEM.
    pub fn certificate_pem(&self) -> String {
        store::pem("CERTIFICATE", &self.certificate_der)
    }

    /// The private key, PKCS#8 DER.
    pub fn private_key_der(&self) -> &[u8] {
        &self.private_key_der
    }

    /// The private key, PKCS#8 PEM (`PRIVATE KEY`).
    pub fn private_key_pem(&self) -> String {
        store::pem("PRIVATE KEY", &self.private_key_der)
    }

    /// The certificate and its issuers up to the root, PEM, in this order.
    pub fn chain_pem(&self) -> String {
        let issuers = self
            .issuers_der
            .iter()
            .map(|der| store::pem("CERTIFICATE", der));
        std::iter::once(self.certificate_pem())
            .chain(issuers)
            .collect()
    }

    /// The kind of key it has.
    pub fn key_kind(&self) -> KeyKind {
        self.kind
    }

    /// The beginning of its validity.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// The end of its validity.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// The serial number's octets, without a sign octet.
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }
}

/// Says whose certificate it is, never the key.
impl std::fmt::Debug for Leaf {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Leaf")
            .field("serial", &hex::encode(&self.serial))
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// Whether the public key in the certificate is the one of this key pair.
pub(super) fn fits(certificate: &Certificate, key: &impl SigningKey) -> bool {
    use der::Encode;
    certificate
        .tbs_certificate
        .subject_public_key_info
        .to_der()
        .is_ok_and(|spki| spki == key.subject_public_key_info())
}

//! Key pairs, from the generator of the cryptographic library or from a PKCS#11 token, and requests for their certificates.
//! Main type: [`Key`].

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, DnValue, KeyPair, PublicKeyData as _, RsaKeySize,
    SignatureAlgorithm, SigningKey,
};
use rustls_pki_types::PrivatePkcs8KeyDer;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::defective;
use super::hold::Hold;
use super::protocol::{KeyKind, Names};
use super::token::TokenKey;
use crate::defect::{Defects, Deviation};

/// A private key at rest.
pub(super) struct Key {
    private: Private,
    algorithm: &'static SignatureAlgorithm,
    /// SubjectPublicKeyInfo.
    public: Vec<u8>,
}

/// Where it rests.
enum Private {
    /// PKCS#8 DER.
    Held(Hold),
    InToken(TokenKey),
}

const EMAIL_ADDRESS: &[u64] = &[1, 2, 840, 113_549, 1, 9, 1];

impl Key {
    /// A new key pair (Vnfm.Sc.003): aws-lc's CTR-DRBG, seeded by the kernel.
    pub(super) fn generate(kind: KeyKind, id: &str, defects: Defects) -> anyhow::Result<Self> {
        if let Some(pkcs8) = defective::predictable(defects, kind, id)? {
            return Self::of(&KeyPair::try_from(pkcs8.as_slice())?);
        }
        let rsa = |size| KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, size);
        let pair = match kind {
            KeyKind::P256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
            KeyKind::P384 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
            KeyKind::Rsa2048 => rsa(RsaKeySize::_2048),
            KeyKind::Rsa3072 => rsa(RsaKeySize::_3072),
            KeyKind::Rsa4096 => rsa(RsaKeySize::_4096),
        }?;
        Self::of(&pair)
    }

    fn of(pair: &KeyPair) -> anyhow::Result<Self> {
        Ok(Self {
            private: Private::Held(Hold::of(pair.serialized_der())?),
            algorithm: pair.algorithm(),
            public: pair.subject_public_key_info(),
        })
    }

    /// One that a PKCS#11 token has made.
    pub(super) fn in_token(key: TokenKey) -> Self {
        Self {
            algorithm: key.algorithm(),
            public: key.subject_public_key_info(),
            private: Private::InToken(key),
        }
    }

    /// The same key again.
    pub(super) fn copy(&self) -> anyhow::Result<Self> {
        Ok(Self {
            private: Private::Held(Hold::of(&self.der()?)?),
            algorithm: self.algorithm,
            public: self.public.clone(),
        })
    }

    /// PKCS#8 DER, taken out of the token if one holds it.
    pub(super) fn der(&self) -> anyhow::Result<Cow<'_, [u8]>> {
        match &self.private {
            Private::Held(pkcs8) => Ok(pkcs8.bytes().into()),
            Private::InToken(key) => {
                let pkcs8 = key.taken_out()?;
                let fits = self.pair(&pkcs8)?.subject_public_key_info() == self.public;
                anyhow::ensure!(fits, "the PKCS#11 token gave another private key out");
                Ok(pkcs8.into())
            }
        }
    }

    /// A request for a certificate of these names, signed by the key: PKCS#10 DER.
    pub(super) fn csr(&self, names: &Names, defects: Defects) -> anyhow::Result<Vec<u8>> {
        let mut params = CertificateParams::new([names.dns_name.clone()])?;
        params.distinguished_name = distinguished_name(names)?;
        match &self.private {
            // Taken out of the hold for this one signature.
            Private::Held(pkcs8) => request(&params, &self.pair(pkcs8.bytes())?, defects),
            Private::InToken(key) => {
                request(&params, key, defects).map_err(|error| key.refusal().unwrap_or(error))
            }
        }
    }

    fn pair(&self, pkcs8: &[u8]) -> anyhow::Result<KeyPair> {
        let pkcs8 = PrivatePkcs8KeyDer::from(pkcs8);
        Ok(KeyPair::from_pkcs8_der_and_sign_algo(
            &pkcs8,
            self.algorithm,
        )?)
    }

    /// Deletes it. By memory alone it would be enough to drop it; a token may refuse.
    pub(super) fn delete(self) -> anyhow::Result<()> {
        match self.private {
            Private::Held(_) => Ok(()),
            Private::InToken(key) => key.destroy(),
        }
    }

    /// Whether a certificate (DER) is for this key.
    pub(super) fn fits(&self, certificate: &[u8]) -> bool {
        X509Certificate::from_der(certificate)
            .is_ok_and(|(_, certificate)| certificate.public_key().raw == self.public)
    }

    /// PKCS#8 PEM, for a delivery.
    pub(super) fn pem(&self) -> anyhow::Result<String> {
        Ok(pem(&self.der()?))
    }
}

fn request(
    params: &CertificateParams,
    key: &impl SigningKey,
    defects: Defects,
) -> anyhow::Result<Vec<u8>> {
    let request = match defects.has(Deviation::CsrSignedByOtherKey) {
        false => params.serialize_request(key)?,
        true => params.serialize_request(&defective::OtherSigner::of(key)?)?,
    };
    Ok(request.der().to_vec())
}

fn pem(der: &[u8]) -> String {
    // All the room that it needs, so that it never moves.
    let mut base64 = String::with_capacity(der.len().div_ceil(3) * 4);
    BASE64_STANDARD.encode_string(der, &mut base64);
    let mut pem = String::with_capacity(base64.len() + base64.len() / 64 + 64);
    pem.push_str("-----BEGIN PRIVATE KEY-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, others) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = others;
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    pem
}

fn distinguished_name(names: &Names) -> anyhow::Result<DistinguishedName> {
    let subject = &names.subject;
    let mut name = DistinguishedName::new();
    if let Some(country) = &subject.country {
        name.push(
            DnType::CountryName,
            DnValue::PrintableString(country.as_str().try_into()?),
        );
    }
    for (kind, value) in [
        (DnType::StateOrProvinceName, &subject.state),
        (DnType::LocalityName, &subject.locality),
        (DnType::OrganizationName, &subject.organization),
        (DnType::CommonName, &subject.common_name),
    ] {
        if let Some(value) = value {
            name.push(kind, value.as_str());
        }
    }
    if let Some(address) = &subject.email_address {
        name.push(
            DnType::CustomDnType(EMAIL_ADDRESS.to_vec()),
            DnValue::Ia5String(address.as_str().try_into()?),
        );
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custodian::protocol::Subject;
    use rustls_pki_types::PrivateKeyDer;
    use rustls_pki_types::pem::PemObject as _;
    use x509_parser::certification_request::X509CertificationRequest;

    #[test]
    fn a_request_is_signed_by_its_own_key_and_bears_the_names() {
        let names = Names {
            subject: Subject {
                common_name: Some("vnfc".to_owned()),
                country: Some("SE".to_owned()),
                email_address: Some("a@b.example".to_owned()),
                ..Subject::default()
            },
            dns_name: "vnfc.vnfci.example".to_owned(),
        };
        for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa2048] {
            let key = Key::generate(kind, "a", Defects::NONE).unwrap();
            let csr = key.csr(&names, Defects::NONE).unwrap();
            let (rest, csr) = X509CertificationRequest::from_der(&csr).unwrap();
            assert!(rest.is_empty());
            csr.verify_signature().unwrap();
            let info = &csr.certification_request_info;
            assert_eq!(info.subject_pki.raw, key.public);
            let subject = info.subject.to_string();
            assert!(
                subject.contains("CN=vnfc") && subject.contains("C=SE"),
                "{subject}"
            );
            let other = Key::generate(kind, "a", Defects::NONE).unwrap();
            assert_ne!(other.public, key.public);
        }
    }

    #[test]
    fn its_pem_is_read_by_others_and_fits_its_certificate_only() {
        let key = Key::generate(KeyKind::P256, "a", Defects::NONE).unwrap();
        let pem = key.pem().unwrap();
        let PrivateKeyDer::Pkcs8(der) = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap()
        else {
            panic!("{}", pem.lines().next().unwrap());
        };
        let Private::Held(held) = &key.private else {
            panic!("it is in memory");
        };
        assert_eq!(der.secret_pkcs8_der(), held.bytes());
        let pair = KeyPair::from_pem(&pem).unwrap();
        let certificate = CertificateParams::new(["a.example".to_owned()])
            .unwrap()
            .self_signed(&pair)
            .unwrap();
        assert!(key.fits(certificate.der()));
        assert!(
            !Key::generate(KeyKind::P256, "a", Defects::NONE)
                .unwrap()
                .fits(certificate.der())
        );
        assert!(!key.fits(b"no certificate"));
    }
}

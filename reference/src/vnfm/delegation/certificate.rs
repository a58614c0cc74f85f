//! Certificates that came from the CMF: whether they are what was asked for, and what they say. Main functions:
//! [`validated`], [`contents`].

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use serde_json::{Value, json};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::custodian::protocol::Names;
use crate::defect::{Defects, Deviation};

/// Why a certificate is not installed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfit {
    #[error("the answer holds no certificate for the key that was made")]
    NotForThisKey,
    #[error("it cannot be read")]
    Unreadable,
    #[error("it does not chain to cmf.ca_anchors, or is not valid now: {0:?}")]
    Chain(webpki::Error),
    #[error("it is for other names than asked for: {0}")]
    Names(String),
}

/// The certificate of this public key (SubjectPublicKeyInfo) and its issuers, in order, if all is as it must be.
pub(crate) fn validated(
    answered: &[Vec<u8>],
    public_key: &[u8],
    names: &Names,
    anchors: &[TrustAnchor<'static>],
    now: UnixTime,
    defects: Defects,
) -> Result<Vec<Vec<u8>>, Unfit> {
    let mut leaf = None;
    let mut others = Vec::new();
    for der in answered {
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| Unfit::Unreadable)?;
        if !rest.is_empty() {
            return Err(Unfit::Unreadable);
        }
        let fits = certificate.public_key().raw == public_key
            || defects.has(Deviation::InstallsCertificateOfOtherKey) && !certificate.is_ca();
        if leaf.is_none() && fits {
            leaf = Some((der, certificate));
        } else {
            others.push((der, certificate));
        }
    }
    let (leaf_der, leaf) = leaf.ok_or(Unfit::NotForThisKey)?;
    if !defects.has(Deviation::InstallsCertificateOfOtherName) {
        check_names(&leaf, names)?;
    }
    let end_entity = CertificateDer::from(leaf_der.as_slice());
    let intermediates: Vec<_> = others
        .iter()
        .map(|(der, _)| CertificateDer::from(der.as_slice()))
        .collect();
    let now = match defects.has(Deviation::InstallsExpiredCertificate) {
        true => just_after(leaf.validity().not_before.timestamp()),
        false => now,
    };
    let verified = webpki::EndEntityCert::try_from(&end_entity).and_then(|certificate| {
        certificate.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            anchors,
            &intermediates,
            now,
            webpki::KeyUsage::client_auth(),
            None,
            None,
        )?;
        Ok(())
    });
    if !defects.has(Deviation::InstallsUntrustedCertificate) {
        verified.map_err(Unfit::Chain)?;
    }
    // In the order of issue, whatever the order of the answer; the root itself is known to whoever trusts it.
    let mut chain = vec![leaf_der.clone()];
    let mut last = leaf;
    while last.subject().as_raw() != last.issuer().as_raw() {
        let issuer = others.iter().position(|(_, one)| {
            one.subject().as_raw() == last.issuer().as_raw()
                && one.issuer().as_raw() != one.subject().as_raw()
        });
        let Some(index) = issuer else { break };
        let (der, certificate) = others.swap_remove(index);
        chain.push(der.clone());
        last = certificate;
    }
    Ok(chain)
}

/// A moment at which a certificate that begins then is valid.
pub(super) fn just_after(seconds: i64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds.max(0).unsigned_abs() + 1))
}

/// The alternative name that was asked for and no other, and the common name.
fn check_names(certificate: &X509Certificate<'_>, names: &Names) -> Result<(), Unfit> {
    let found: Vec<String> = certificate
        .subject_alternative_name()
        .ok()
        .flatten()
        .into_iter()
        .flat_map(|extension| &extension.value.general_names)
        .map(|name| match name {
            GeneralName::DNSName(name) => (*name).to_owned(),
            other => other.to_string(),
        })
        .collect();
    if found != [names.dns_name.as_str()] {
        return Err(Unfit::Names(found.join(", ")));
    }
    let common_name = certificate
        .subject()
        .iter_common_name()
        .next()
        .and_then(|name| name.as_str().ok());
    if common_name != names.subject.common_name.as_deref() {
        return Err(Unfit::Names(certificate.subject().to_string()));
    }
    Ok(())
}

/// The end of its validity, and the length of it, in seconds.
pub(crate) fn validity(der: &[u8]) -> Option<(i64, i64)> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let validity = certificate.validity();
    let end = validity.not_after.timestamp();
    Some((end, end - validity.not_before.timestamp()))
}

/// CertificateContents (SOL003 V4.5.1) but for what the certificate does not say.
pub(crate) fn contents(der: &[u8]) -> Option<Value> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let time = |time: x509_parser::time::ASN1Time| {
        jiff::Timestamp::from_second(time.timestamp())
            .map(|time| time.to_string())
            .unwrap_or_default()
    };
    let extensions: Vec<_> = certificate
        .extensions()
        .iter()
        .map(|extension| {
            format!(
                "{}{}={}",
                extension.oid.to_id_string(),
                if extension.critical { " critical" } else { "" },
                BASE64_STANDARD.encode(extension.value)
            )
        })
        .collect();
    Some(json!({
        "serialNumber": hex::encode(certificate.raw_serial()),
        "signatureAlgorithm": certificate.signature_algorithm.algorithm.to_id_string(),
        "issuer": certificate.issuer().to_string(),
        "notBefore": time(certificate.validity().not_before),
        "notAfter": time(certificate.validity().not_after),
        "subject": certificate.subject().to_string(),
        "publicKeyAlgorithm": certificate.public_key().algorithm.algorithm.to_id_string(),
        "publicKey": BASE64_STANDARD.encode(certificate.public_key().raw),
        "certificateExtensions": extensions,
    }))
}

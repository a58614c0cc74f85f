//! The VNFCI certificate profile of IFA 026 table C.6-1: [`params`] for one certificate, right or with one fault.
//!
//! The table is an example (informative) that follows the TLS client and server certificates of 3GPP TS 33.310.

use jiff::{SignedDuration, Timestamp};
use rcgen::string::PrintableString;
use rcgen::{
    BasicConstraints, CertificateParams, CrlDistributionPoint, CustomExtension, DistinguishedName,
    DnType, DnValue, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, PublicKeyData,
    SubjectPublicKeyInfo,
};

use super::hierarchy::{Authority, authority_info_access, date, key_identifier, validity};
use super::{CaError, CertificateFault, IssuancePolicy, Order};
use crate::csr::{Attribute, Csr};
use crate::der::{element, tag};

/// The longest validity that clause C.6 allows: three years.
pub const MAX_VALIDITY_DAYS: u32 = 3 * 365;

const SUBJECT_KEY_IDENTIFIER: [u64; 4] = [2, 5, 29, 14];
const SUBJECT_ALT_NAME: [u64; 4] = [2, 5, 29, 17];
const TLS_FEATURE: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 1, 24];
const NF_TYPES: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 1, 34];
/// Under the arc for examples (RFC 5612).
const UNKNOWN: [u64; 9] = [1, 3, 6, 1, 4, 1, 32473, 1, 1];
/// status_request (RFC 7633): the server is to staple an OCSP answer.
const STATUS_REQUEST: u8 = 5;

/// What the certificate for this request says; serial number and signature are the caller's.
pub(super) fn params(
    csr: &Csr,
    key: &SubjectPublicKeyInfo,
    order: &Order,
    policy: &IssuancePolicy,
    issuer: &Authority,
    now: Timestamp,
    fault: Option<CertificateFault>,
) -> Result<CertificateParams, CaError> {
    use CertificateFault as F;
    let is = |wrong| fault == Some(wrong);
    let mut params = CertificateParams::default();
    params.distinguished_name = if is(F::OtherNames) {
        other_subject()
    } else {
        subject(csr)?
    };
    let days = days(order, policy);
    (params.not_before, params.not_after) = match fault {
        Some(F::Expired) => validity(now - SignedDuration::from_hours(24 * (days + 1)), days)?,
        Some(F::NotYetValid) => validity(now + SignedDuration::from_hours(25), days)?,
        Some(F::ValidTooLong) => validity(now, i64::from(MAX_VALIDITY_DAYS) + 366)?,
        _ => validity(now, days)?,
    };
    // A certificate that outlives its issuer helps nobody; the fault is about length alone, and issuers live longer.
    debug_assert!(params.not_after < date(now)? + time::Duration::days(5 * 365));
    params.is_ca = if is(F::CaCertificate) {
        IsCa::Ca(BasicConstraints::Unconstrained)
    } else {
        IsCa::NoCa
    };
    params.use_authority_key_identifier_extension = !is(F::WithoutAuthorityKeyIdentifier);
    params.key_usages = match fault {
        Some(F::WithoutKeyUsage) => Vec::new(),
        Some(F::WrongKeyUsage) => vec![KeyUsagePurpose::KeyAgreement],
        _ => vec![KeyUsagePurpose::DigitalSignature],
    };
    params.extended_key_usages = match fault {
        Some(F::WithoutExtendedKeyUsage) => Vec::new(),
        Some(F::WrongExtendedKeyUsage) => vec![ExtendedKeyUsagePurpose::CodeSigning],
        // Both: a network function may be either to its peers.
        _ => vec![
            ExtendedKeyUsagePurpose::ClientAuth,
            ExtendedKeyUsagePurpose::ServerAuth,
        ],
    };
    if !is(F::WithoutCrlDistributionPoint) {
        params.crl_distribution_points = vec![CrlDistributionPoint {
            uris: vec![issuer.crl_uri.clone()],
        }];
    }
    params.key_identifier_method =
        rcgen::KeyIdMethod::PreSpecified(key_identifier(key.der_bytes()).to_vec());
    params.custom_extensions = extensions(csr, key, order, policy, issuer, fault);
    Ok(params)
}

fn days(order: &Order, policy: &IssuancePolicy) -> i64 {
    let wanted = order.max_validity_days.unwrap_or(policy.validity_days);
    wanted
        .min(policy.validity_days)
        .clamp(1, MAX_VALIDITY_DAYS)
        .into()
}

/// Those that rcgen does not write in the form of the profile.
fn extensions(
    csr: &Csr,
    key: &SubjectPublicKeyInfo,
    order: &Order,
    policy: &IssuancePolicy,
    issuer: &Authority,
    fault: Option<CertificateFault>,
) -> Vec<CustomExtension> {
    use CertificateFault as F;
    let is = |wrong| fault == Some(wrong);
    let mut extensions = Vec::new();
    // rcgen writes a CA's by itself.
    if !is(F::WithoutSubjectKeyIdentifier) && !is(F::CaCertificate) {
        let identifier = element(tag::OCTET_STRING, &[&key_identifier(key.der_bytes())]);
        extensions.push(CustomExtension::from_oid_content(
            &SUBJECT_KEY_IDENTIFIER,
            identifier,
        ));
    }
    let alt_names = if is(F::OtherNames) {
        // dNSName of a name that nobody has (RFC 6761).
        let name = element(0x82, &[b"other.invalid"]);
        Some(element(tag::SEQUENCE, &[&name]))
    } else {
        csr.alt_names_der.clone()
    };
    if let Some(names) = alt_names.filter(|_| !is(F::WithoutSubjectAltName)) {
        let mut extension = CustomExtension::from_oid_content(&SUBJECT_ALT_NAME, names);
        // The table says critical, whether or not the subject is empty.
        extension.set_criticality(!is(F::SubjectAltNameNotCritical));
        extensions.push(extension);
    }
    extensions.push(authority_info_access(&issuer.certificate_uri));
    if policy.must_staple {
        let feature = element(tag::INTEGER, &[&[STATUS_REQUEST]]);
        let features = element(tag::SEQUENCE, &[&feature]);
        extensions.push(CustomExtension::from_oid_content(&TLS_FEATURE, features));
    }
    if let Some(types) = nf_types(csr, order) {
        extensions.push(CustomExtension::from_oid_content(&NF_TYPES, types));
    }
    if is(F::UnknownCriticalExtension) {
        let mut extension = CustomExtension::from_oid_content(&UNKNOWN, vec![0x05, 0x00]);
        extension.set_criticality(true);
        extensions.push(extension);
    }
    extensions
}

/// NFTypes (RFC 9310): what was registered, else what the request says.
fn nf_types(csr: &Csr, order: &Order) -> Option<Vec<u8>> {
    if order.nf_types.is_empty() {
        return csr.nf_types_der.clone();
    }
    let types = order.nf_types.iter();
    let types: Vec<_> = types
        .map(|name| element(tag::IA5_STRING, &[name.as_bytes()]))
        .collect();
    let contents: Vec<&[u8]> = types.iter().map(Vec::as_slice).collect();
    Some(element(tag::SEQUENCE, &contents))
}

/// The subject of the request. Country codes are PrintableString, as RFC 5280 appendix A wants; the rest is UTF-8.
fn subject(csr: &Csr) -> Result<DistinguishedName, CaError> {
    let mut name = DistinguishedName::new();
    for Attribute { oid, value } in &csr.names.subject {
        let kind = DnType::from_oid(oid);
        let value = match &kind {
            DnType::CountryName => {
                DnValue::PrintableString(PrintableString::try_from(value.as_str())?)
            }
            DnType::CustomDnType(oid) if oid[..] == [1, 2, 840, 113_549, 1, 9, 1] => {
                DnValue::Ia5String(value.as_str().try_into()?)
            }
            _ => DnValue::Utf8String(value.clone()),
        };
        name.push(kind, value);
    }
    Ok(name)
}

fn other_subject() -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Another");
    name
}

//! What a request should have: [`csr_attributes`] (RFC 7030 clause 4.5).

use super::policy::{KeyAlgorithm, KeyPolicy};
use crate::der::{element, oid, tag};

/// CsrAttrs, DER: the kinds of key that the policy allows, signatures that fit, and that names belong in
/// subjectAltName.
pub(super) fn csr_attributes(policy: &KeyPolicy) -> Vec<u8> {
    let allows = |algorithm| policy.algorithms.contains(&algorithm);
    let mut entries = Vec::new();
    for (algorithm, curve, signature) in [
        (
            KeyAlgorithm::P256,
            &[1, 2, 840, 10_045, 3, 1, 7][..],
            &[1, 2, 840, 10_045, 4, 3, 2],
        ),
        (
            KeyAlgorithm::P384,
            &[1, 3, 132, 0, 34],
            &[1, 2, 840, 10_045, 4, 3, 3],
        ),
    ] {
        if allows(algorithm) {
            entries.push(attribute(&[1, 2, 840, 10_045, 2, 1], &oid(curve)));
            entries.push(oid(signature));
        }
    }
    if allows(KeyAlgorithm::Rsa) {
        let bits = u32::try_from(policy.minimum_rsa_bits).unwrap_or(u32::MAX);
        let octets = bits.to_be_bytes();
        let significant = octets.iter().skip_while(|&&octet| octet == 0).copied();
        let mut bits: Vec<u8> = significant.collect();
        // A leading one would mean less than zero.
        if bits.first().is_none_or(|&first| first >= 0x80) {
            bits.insert(0, 0);
        }
        let bits = element(tag::INTEGER, &[&bits]);
        entries.push(attribute(&[1, 2, 840, 113_549, 1, 1, 1], &bits));
        entries.push(oid(&[1, 2, 840, 113_549, 1, 1, 11]));
    }
    entries.push(attribute(
        &[1, 2, 840, 113_549, 1, 9, 14],
        &oid(&[2, 5, 29, 17]),
    ));
    let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
    element(tag::SEQUENCE, &entries)
}

fn attribute(kind: &[u64], value: &[u8]) -> Vec<u8> {
    let values = element(tag::SET, &[value]);
    element(tag::SEQUENCE, &[&oid(kind), &values])
}

//! Bodies of EST: a certification request in base64 ([`request`]) and a certs-only message ([`certificates`]).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::refusal::Refusal;
use crate::csr::MAX_CSR;
use crate::der::{element, oid, tag};

/// The certification request, DER, in a body of base64 with or without line breaks (RFC 7030 clause 4.2.1, RFC 8951
/// clause 3.2).
pub(super) fn request(body: &[u8]) -> Result<Vec<u8>, Refusal> {
    let text: Vec<u8> = body
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    if text.is_empty() {
        return Err(Refusal::Empty);
    }
    if text.len() > MAX_CSR.div_ceil(3) * 4 {
        return Err(Refusal::TooLong);
    }
    STANDARD.decode(&text).map_err(|_| {
        Refusal::NotBase64(match body {
            [b'-', b'-', ..] => ", but PEM: leave out the lines that begin with a hyphen",
            [tag::SEQUENCE, ..] => ", but perhaps DER: it must be in base64",
            _ => "",
        })
    })
}

/// A certs-only message (RFC 5272 clause 4.1): degenerate SignedData with these certificates in this order.
///
/// SET OF has an order in DER, which would take away ours; SignedData without signature need not be DER.
pub(super) fn certificates<'a>(certificates: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let certificates: Vec<&[u8]> = certificates.into_iter().collect();
    let version = element(tag::INTEGER, &[&[1]]);
    let nothing = element(tag::SET, &[]);
    let content_type = element(tag::SEQUENCE, &[&oid(&[1, 2, 840, 113_549, 1, 7, 1])]);
    let certificates = if certificates.is_empty() {
        Vec::new()
    } else {
        element(tag::CONTEXT_0, &certificates)
    };
    let signed_data = element(
        tag::SEQUENCE,
        &[&version, &nothing, &content_type, &certificates, &nothing],
    );
    let content = element(tag::CONTEXT_0, &[&signed_data]);
    element(
        tag::SEQUENCE,
        &[&oid(&[1, 2, 840, 113_549, 1, 7, 2]), &content],
    )
}

/// Base64, in lines of this length.
pub(super) fn base64(der: &[u8], line_length: Option<u8>) -> String {
    let text = STANDARD.encode(der);
    let Some(length) = line_length else {
        return text;
    };
    let lines = text.as_bytes().chunks(usize::from(length.max(1)));
    let lines: Vec<_> = lines.map(String::from_utf8_lossy).collect();
    lines.join("\r\n") + "\r\n"
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_base64_is_told_apart() {
        assert_eq!(request(b" \r\n"), Err(Refusal::Empty));
        let pem = request(b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n");
        assert!(pem.is_err_and(|refusal| refusal.to_string().contains("PEM")));
        let der = request(&[0x30, 0x82, 0x01, 0x00]);
        assert!(der.is_err_and(|refusal| refusal.to_string().contains("DER")));
        assert_eq!(request(b"AAA"), Err(Refusal::NotBase64("")));
        assert_eq!(request(&[b'A'; 40_000]), Err(Refusal::TooLong));
    }

    proptest! {
        #[test]
        fn line_breaks_do_not_matter(
            der in prop::collection::vec(any::<u8>(), 1..2000),
            length in prop::option::of(1u8..),
            padding in "[ \t\r\n]{0,5}",
        ) {
            let body = format!("{padding}{}{padding}", base64(&der, length));
            prop_assert_eq!(request(body.as_bytes()), Ok(der));
        }

        #[test]
        fn foreign_bytes_do_no_harm(body in prop::collection::vec(any::<u8>(), 0..2000)) {
            prop_assert!(request(&body).map_or(true, |der| der.len() <= MAX_CSR + 2));
        }
    }
}

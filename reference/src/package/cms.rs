//! Verifies a detached CMS signature (RFC 5652) over bytes at hand. Main function: [`verify`].
//!
//! A CMS that embeds content is accepted only if that content is, byte for byte, what it is said to sign: otherwise one reader
//! verifies one thing while another uses the other. Every signer's value must be right; one of them must be accepted.
//! Read are PEM and DER, as packages carry them; BER of indefinite length is unparsable here.

use aws_lc_rs::signature::UnparsedPublicKey;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedAttributes, SignedData, SignerIdentifier, SignerInfo};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911;
use der::asn1::OctetStringRef;
use der::{Decode, Encode};
use rustls_pki_types::CertificateDer;
use std::time::SystemTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::algorithm::{Hash, algorithm, check_key_size};
use super::chain::Signers;
use super::refusal::SignatureFault;
use crate::defect::{Defects, Deviation};

/// What a signature is judged by.
pub(crate) struct Context<'a> {
    /// Who may sign.
    pub(crate) signers: &'a Signers,
    /// The certificate files of the package: signers or intermediates.
    pub(crate) certificates: &'a [CertificateDer<'static>],
    /// The moment of the verification.
    pub(crate) now: SystemTime,
    /// The deviations of this product.
    pub(crate) defects: Defects,
}

/// Verifies the signature `cms`, PEM or DER, over `content`.
pub(crate) fn verify(
    cms: &[u8],
    content: &[u8],
    context: &Context<'_>,
) -> Result<(), SignatureFault> {
    let defects = context.defects;
    match parse(cms).and_then(|signed| verify_signed_data(&signed, content, context)) {
        Err(SignatureFault::Empty) if defects.has(Deviation::AcceptsEmptySignature) => Ok(()),
        Err(SignatureFault::Unparsable(_))
            if defects.has(Deviation::AcceptsUnparsableSignature) =>
        {
            Ok(())
        }
        judged => judged,
    }
}

pub(super) fn parse(bytes: &[u8]) -> Result<SignedData, SignatureFault> {
    let trimmed = bytes.trim_ascii();
    let decoded;
    let der = if trimmed.starts_with(b"-----") {
        decoded = pem(trimmed)?;
        decoded.as_slice()
    } else {
        // DER ends where it says; only a file without any content is empty.
        if trimmed.is_empty() { trimmed } else { bytes }
    };
    if der.is_empty() {
        return Err(SignatureFault::Empty);
    }
    let unparsable = |error: der::Error| SignatureFault::Unparsable(error.to_string());
    let info = ContentInfo::from_der(der).map_err(unparsable)?;
    if info.content_type != rfc5911::ID_SIGNED_DATA {
        return Err(SignatureFault::Unparsable(
            "it is not SignedData".to_owned(),
        ));
    }
    info.content.decode_as().map_err(unparsable)
}

/// The content of one PEM block, also with spaces beside the dashes.
fn pem(text: &[u8]) -> Result<Vec<u8>, SignatureFault> {
    let unparsable = |reason: &str| SignatureFault::Unparsable(reason.to_owned());
    let text = str::from_utf8(text).map_err(|_| unparsable("the PEM is not ASCII"))?;
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let begins = lines
        .next()
        .is_some_and(|line| line.contains("BEGIN") && line.ends_with("-----"));
    let ends = lines
        .next_back()
        .is_some_and(|line| line.starts_with("-----") && line.contains("END"));
    if !begins || !ends {
        return Err(unparsable("the PEM has no beginning or no end"));
    }
    BASE64_STANDARD
        .decode(lines.collect::<String>())
        .map_err(|error| unparsable(&format!("the PEM is damaged: {error}")))
}

fn verify_signed_data(
    signed: &SignedData,
    content: &[u8],
    context: &Context<'_>,
) -> Result<(), SignatureFault> {
    let embedded_certificates = embedded_certificates(signed)?;
    let embedded_content = embedded_content(signed)?;
    let content = match embedded_content {
        Some(embedded) if context.defects.has(Deviation::TrustsEmbeddedContent) => embedded,
        Some(embedded) if embedded != content => return Err(SignatureFault::EmbeddedContent),
        _ => content,
    };
    let mut accepted = Err(SignatureFault::Empty);
    for signer in signed.signer_infos.0.iter() {
        if signer.signature.as_bytes().is_empty() {
            return Err(SignatureFault::Empty);
        }
        let message = signed_message(
            signer,
            signed.encap_content_info.econtent_type,
            content,
            context.defects,
        )?;
        let certificate = verify_value(signer, &message, &embedded_certificates, context)?;
        if accepted.is_err() {
            accepted = accept(certificate, &embedded_certificates, context);
        }
    }
    accepted
}

fn embedded_certificates(
    signed: &SignedData,
) -> Result<Vec<CertificateDer<'static>>, SignatureFault> {
    let choices = signed.certificates.iter().flat_map(|set| set.0.iter());
    choices
        .filter_map(|choice| match choice {
            CertificateChoices::Certificate(certificate) => Some(certificate),
            CertificateChoices::Other(_) => None,
        })
        .map(|certificate| {
            let der = certificate
                .to_der()
                .map_err(|error| SignatureFault::Unparsable(error.to_string()))?;
            Ok(CertificateDer::from(der))
        })
        .collect()
}

fn embedded_content(signed: &SignedData) -> Result<Option<&[u8]>, SignatureFault> {
    let Some(any) = &signed.encap_content_info.econtent else {
        return Ok(None);
    };
    let octets: OctetStringRef<'_> = any
        .decode_as()
        .map_err(|error| SignatureFault::Unparsable(error.to_string()))?;
    Ok(Some(octets.as_bytes()))
}

/// The bytes that the signature's value is over: the attributes, after they were compared with the content, or the content.
fn signed_message(
    signer: &SignerInfo,
    content_type: ObjectIdentifier,
    content: &[u8],
    defects: Defects,
) -> Result<Vec<u8>, SignatureFault> {
    let hash = Hash::by_oid(signer.digest_alg.oid)?;
    let Some(attributes) = &signer.signed_attrs else {
        return Ok(content.to_vec());
    };
    let stated_type: ObjectIdentifier =
        attribute(attributes, rfc5911::ID_CONTENT_TYPE, "contentType")?;
    if stated_type != content_type {
        return Err(SignatureFault::Attributes(
            "contentType differs from that of the content",
        ));
    }
    let stated_digest: der::asn1::OctetString =
        attribute(attributes, rfc5911::ID_MESSAGE_DIGEST, "messageDigest")?;
    if stated_digest.as_bytes() != hash.of(content).as_ref()
        && !defects.has(Deviation::SkipsMessageDigest)
    {
        return Err(SignatureFault::Digest);
    }
    attributes
        .to_der()
        .map_err(|error| SignatureFault::Unparsable(error.to_string()))
}

/// The one value of an attribute that must be there exactly once (RFC 5652 11.1, 11.2).
fn attribute<T: for<'a> der::Choice<'a> + for<'a> der::DecodeValue<'a>>(
    attributes: &SignedAttributes,
    oid: ObjectIdentifier,
    name: &'static str,
) -> Result<T, SignatureFault> {
    let mut found = attributes.iter().filter(|attribute| attribute.oid == oid);
    match (found.next(), found.next()) {
        (Some(attribute), None) if attribute.values.len() == 1 => {
            let value = attribute
                .values
                .get(0)
                .ok_or(SignatureFault::Attributes(name))?;
            value
                .decode_as()
                .map_err(|_| SignatureFault::Attributes(name))
        }
        _ => Err(SignatureFault::Attributes(name)),
    }
}

/// Verifies the value with each certificate that the signer's identifier fits, and returns the one that it fits.
fn verify_value<'a>(
    signer: &SignerInfo,
    message: &[u8],
    embedded: &'a [CertificateDer<'static>],
    context: &Context<'a>,
) -> Result<&'a CertificateDer<'static>, SignatureFault> {
    let mut verdict = Err(SignatureFault::NoCertificate);
    for certificate in embedded.iter().chain(context.certificates) {
        let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
            continue;
        };
        if !identifies(&signer.sid, &parsed)? {
            continue;
        }
        let spki = parsed.public_key();
        let algorithm = algorithm(
            &signer.signature_algorithm,
            &signer.digest_alg,
            spki.algorithm.parameters.as_ref(),
        )?;
        check_key_size(spki)?;
        let key = UnparsedPublicKey::new(algorithm, spki.subject_public_key.data.as_ref());
        if context.defects.has(Deviation::SkipsSignatureValue)
            || key.verify(message, signer.signature.as_bytes()).is_ok()
        {
            return Ok(certificate);
        }
        verdict = Err(SignatureFault::Value);
    }
    verdict
}

fn identifies(
    sid: &SignerIdentifier,
    certificate: &X509Certificate<'_>,
) -> Result<bool, SignatureFault> {
    match sid {
        SignerIdentifier::IssuerAndSerialNumber(id) => {
            let issuer = id.issuer.to_der().map_err(|error| SignatureFault::Unparsable(error.to_string()))?;
            Ok(issuer == certificate.issuer().as_raw() && id.serial_number.as_bytes() == certificate.raw_serial())
        }
        SignerIdentifier::SubjectKeyIdentifier(id) => Ok(certificate.extensions().iter().any(|extension| {
            matches!(extension.parsed_extension(), x509_parser::extensions::ParsedExtension::SubjectKeyIdentifier(key)
                if key.0 == id.0.as_bytes())
        })),
    }
}

fn accept(
    certificate: &CertificateDer<'static>,
    embedded: &[CertificateDer<'static>],
    context: &Context<'_>,
) -> Result<(), SignatureFault> {
    let checked = match context.certificates.first() {
        Some(beside)
            if context
                .defects
                .has(Deviation::ChecksChainOfOtherCertificate) =>
        {
            beside
        }
        _ => certificate,
    };
    let others: Vec<_> = embedded
        .iter()
        .chain(context.certificates)
        .filter(|other| *other != checked)
        .cloned()
        .collect();
    context
        .signers
        .accept(checked, &others, context.now, context.defects)
}

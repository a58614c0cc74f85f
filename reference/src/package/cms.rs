//! Verifies a detached CMS signature (RFC 5652) over bytes at hand. Main function: [`verify`].
//!
//! A CMS that embeds content is accepted only if that content is, byte for byte, what it is said to sign: otherwise one reader
//! verifies one thing while another uses the other. Every signer's value must be right; one of them must be accepted.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedAttributes, SignedData, SignerIdentifier, SignerInfo};
use const_oid::ObjectIdentifier;
use const_oid::db::{rfc5911, rfc5912};
use der::asn1::OctetStringRef;
use der::{Decode, Encode};
use rustls_pki_types::CertificateDer;
use spki::AlgorithmIdentifierOwned;
use std::time::SystemTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::signature_algorithm::RsaSsaPssParams;

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

fn parse(bytes: &[u8]) -> Result<SignedData, SignatureFault> {
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

/// The digest algorithms that are strong enough.
#[derive(Clone, Copy, PartialEq)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    fn by_oid(oid: ObjectIdentifier) -> Result<Self, SignatureFault> {
        match oid {
            rfc5912::ID_SHA_256 => Ok(Self::Sha256),
            rfc5912::ID_SHA_384 => Ok(Self::Sha384),
            rfc5912::ID_SHA_512 => Ok(Self::Sha512),
            other => Err(refused(other)),
        }
    }

    fn of(self, content: &[u8]) -> digest::Digest {
        let algorithm = match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, content)
    }
}

fn refused(oid: ObjectIdentifier) -> SignatureFault {
    let name = const_oid::db::DB
        .by_oid(&oid)
        .map_or_else(|| oid.to_string(), |name| format!("{name} ({oid})"));
    SignatureFault::Algorithm(name)
}

const EC_PUBLIC_KEY: ObjectIdentifier = rfc5912::ID_EC_PUBLIC_KEY;

/// How to verify the value, by its algorithm identifier and, for ECDSA, the curve of the key.
fn algorithm(
    signature: &AlgorithmIdentifierOwned,
    digest: &AlgorithmIdentifierOwned,
    curve: Option<&x509_parser::asn1_rs::Any<'_>>,
) -> Result<&'static dyn VerificationAlgorithm, SignatureFault> {
    match signature.oid {
        rfc5912::RSA_ENCRYPTION => Ok(rsa_pkcs1(Hash::by_oid(digest.oid)?)),
        rfc5912::SHA_256_WITH_RSA_ENCRYPTION => Ok(rsa_pkcs1(Hash::Sha256)),
        rfc5912::SHA_384_WITH_RSA_ENCRYPTION => Ok(rsa_pkcs1(Hash::Sha384)),
        rfc5912::SHA_512_WITH_RSA_ENCRYPTION => Ok(rsa_pkcs1(Hash::Sha512)),
        rfc5912::ID_RSASSA_PSS => rsa_pss(signature),
        EC_PUBLIC_KEY => ecdsa(Hash::by_oid(digest.oid)?, curve),
        rfc5912::ECDSA_WITH_SHA_256 => ecdsa(Hash::Sha256, curve),
        rfc5912::ECDSA_WITH_SHA_384 => ecdsa(Hash::Sha384, curve),
        rfc5912::ECDSA_WITH_SHA_512 => ecdsa(Hash::Sha512, curve),
        other => Err(refused(other)),
    }
}

fn rsa_pkcs1(hash: Hash) -> &'static dyn VerificationAlgorithm {
    match hash {
        Hash::Sha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Hash::Sha384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Hash::Sha512 => &signature::RSA_PKCS1_2048_8192_SHA512,
    }
}

/// RSASSA-PSS with one hash throughout and a salt as long as it, as RFC 4056 recommends; other parameters are refused by name,
/// so that they do not look like a wrong value.
fn rsa_pss(
    identifier: &AlgorithmIdentifierOwned,
) -> Result<&'static dyn VerificationAlgorithm, SignatureFault> {
    let malformed = || SignatureFault::Algorithm("RSASSA-PSS with malformed parameters".to_owned());
    let parameters = identifier
        .parameters
        .as_ref()
        .ok_or_else(malformed)?
        .to_der()
        .map_err(|_| malformed())?;
    let (_, any) = x509_parser::asn1_rs::Any::from_der(&parameters).map_err(|_| malformed())?;
    let parameters = RsaSsaPssParams::try_from(&any).map_err(|_| malformed())?;
    let mask = parameters.mask_gen_algorithm().map_err(|_| malformed())?;
    let hash = parameters.hash_algorithm_oid().to_id_string();
    let (found, salt): (&'static dyn VerificationAlgorithm, u32) = match hash.as_str() {
        "2.16.840.1.101.3.4.2.1" => (&signature::RSA_PSS_2048_8192_SHA256, 32),
        "2.16.840.1.101.3.4.2.2" => (&signature::RSA_PSS_2048_8192_SHA384, 48),
        "2.16.840.1.101.3.4.2.3" => (&signature::RSA_PSS_2048_8192_SHA512, 64),
        other => {
            return Err(SignatureFault::Algorithm(format!(
                "RSASSA-PSS with the hash {other}"
            )));
        }
    };
    if mask.hash.to_id_string() != hash || parameters.salt_length() != salt {
        return Err(SignatureFault::Algorithm(format!(
            "RSASSA-PSS with a salt of {} bytes or another mask hash (supported: {salt} bytes, one hash)",
            parameters.salt_length()
        )));
    }
    Ok(found)
}

fn ecdsa(
    hash: Hash,
    curve: Option<&x509_parser::asn1_rs::Any<'_>>,
) -> Result<&'static dyn VerificationAlgorithm, SignatureFault> {
    let curve = curve
        .and_then(|any| any.as_oid().ok())
        .map(|oid| oid.to_id_string())
        .unwrap_or_default();
    Ok(match (curve.as_str(), hash) {
        ("1.2.840.10045.3.1.7", Hash::Sha256) => &signature::ECDSA_P256_SHA256_ASN1,
        ("1.2.840.10045.3.1.7", Hash::Sha384) => &signature::ECDSA_P256_SHA384_ASN1,
        ("1.2.840.10045.3.1.7", Hash::Sha512) => &signature::ECDSA_P256_SHA512_ASN1,
        ("1.3.132.0.34", Hash::Sha256) => &signature::ECDSA_P384_SHA256_ASN1,
        ("1.3.132.0.34", Hash::Sha384) => &signature::ECDSA_P384_SHA384_ASN1,
        ("1.3.132.0.34", Hash::Sha512) => &signature::ECDSA_P384_SHA512_ASN1,
        _ => {
            return Err(SignatureFault::Algorithm(format!(
                "ECDSA on the curve `{curve}`"
            )));
        }
    })
}

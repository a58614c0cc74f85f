//! CAdES signatures (ETSI EN 319 122-1, baseline B and T): [`Cades`] makes one, [`verify_cades`] judges one.
//!
//! Beside what CMS asks for, the signer's certificate is bound by its digest (signing-certificate-v2, RFC 5035), and a time stamp over the
//! signature's value may be attached (signature-time-stamp).

use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use der::asn1::{ObjectIdentifier, OctetString, SetOfVec};
use der::{Any, Decode, Encode, Sequence};
use jiff::Timestamp;
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;
use x509_cert::attr::Attribute;

use super::algorithm::{self, Digest};
use super::sign::{attribute, signing_time};
use super::tsp::{self, Stamped};
use super::verify::{self, Verified};
use super::{CmsError, Scheme, Trust, unparsable};

/// id-aa-signingCertificateV2.
pub(super) const SIGNING_CERTIFICATE_V2: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
/// id-aa-signatureTimeStampToken.
const SIGNATURE_TIME_STAMP: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.14");

/// Who signs: a key that may lie in a file or in a token.
pub trait Signer {
    /// How it signs.
    fn scheme(&self) -> Scheme;

    /// Its certificate, then those above it.
    fn chain(&self) -> &[Certificate];

    /// The signature's value over these bytes.
    ///
    /// # Errors
    /// The library or the token refuses.
    fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, CmsError>;
}

/// A detached signature, to which a time stamp may be added.
pub struct Cades {
    signed: SignedData,
    signer: SignerInfo,
}

impl Cades {
    /// Signs `content`.
    ///
    /// # Errors
    /// [`CmsError::Signing`].
    pub fn new(content: &[u8], signer: &dyn Signer, now: Timestamp) -> Result<Self, CmsError> {
        let encoding = |error: der::Error| CmsError::Signing {
            reason: error.to_string(),
        };
        let certificate = signer.chain().first().ok_or(CmsError::CertificateMissing)?;
        let attributes =
            attributes(content, signer.scheme(), certificate, now).map_err(encoding)?;
        let value = signer.sign(&attributes.to_der().map_err(encoding)?)?;
        Self::of(attributes, value, signer, certificate).map_err(encoding)
    }

    fn of(
        attributes: SetOfVec<Attribute>,
        value: Vec<u8>,
        signer: &dyn Signer,
        certificate: &Certificate,
    ) -> Result<Self, der::Error> {
        let digest = Digest::of_scheme(signer.scheme()).identifier();
        let info = SignerInfo {
            version: CmsVersion::V1,
            sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
                issuer: certificate.tbs_certificate.issuer.clone(),
                serial_number: certificate.tbs_certificate.serial_number.clone(),
            }),
            digest_alg: digest.clone(),
            signed_attrs: Some(attributes),
            signature_algorithm: algorithm::signature_identifier(signer.scheme())?,
            signature: OctetString::new(value)?,
            unsigned_attrs: None,
        };
        let chain = signer.chain().iter().cloned();
        let chain: Vec<_> = chain.map(CertificateChoices::Certificate).collect();
        let signed = SignedData {
            version: CmsVersion::V1,
            digest_algorithms: SetOfVec::try_from(vec![digest])?,
            encap_content_info: EncapsulatedContentInfo {
                econtent_type: algorithm::ID_DATA,
                econtent: None,
            },
            certificates: Some(CertificateSet(SetOfVec::try_from(chain)?)),
            crls: None,
            signer_infos: SignerInfos(SetOfVec::new()),
        };
        Ok(Self {
            signed,
            signer: info,
        })
    }

    /// The signature's value: what a time stamp is made of.
    pub fn value(&self) -> &[u8] {
        self.signer.signature.as_bytes()
    }

    /// Attaches a time stamp's token, DER.
    ///
    /// # Errors
    /// [`CmsError::Unparsable`].
    pub fn stamp(&mut self, token: &[u8]) -> Result<(), CmsError> {
        let token = Any::from_der(token).map_err(unparsable)?;
        let attribute = attribute(SIGNATURE_TIME_STAMP, token).map_err(unparsable)?;
        let attributes = SetOfVec::try_from(vec![attribute]).map_err(unparsable)?;
        self.signer.unsigned_attrs = Some(attributes);
        Ok(())
    }

    /// The SignedData, DER.
    ///
    /// # Errors
    /// [`CmsError::Signing`].
    pub fn to_der(mut self) -> Result<Vec<u8>, CmsError> {
        let encode = || {
            self.signed.signer_infos = SignerInfos(SetOfVec::try_from(vec![self.signer])?);
            ContentInfo {
                content_type: algorithm::ID_SIGNED_DATA,
                content: Any::encode_from(&self.signed)?,
            }
            .to_der()
        };
        encode().map_err(|error: der::Error| CmsError::Signing {
            reason: error.to_string(),
        })
    }
}

fn attributes(
    content: &[u8],
    scheme: Scheme,
    certificate: &Certificate,
    now: Timestamp,
) -> Result<SetOfVec<Attribute>, der::Error> {
    let digest = OctetString::new(Digest::of_scheme(scheme).of(content))?;
    let bound = SigningCertificate {
        certs: vec![CertificateId {
            hash_algorithm: None,
            cert_hash: OctetString::new(Digest::Sha256.of(&certificate.to_der()?))?,
            issuer_serial: None,
        }],
        policies: None,
    };
    SetOfVec::try_from(vec![
        attribute(
            algorithm::CONTENT_TYPE,
            Any::encode_from(&algorithm::ID_DATA)?,
        )?,
        attribute(
            algorithm::SIGNING_TIME,
            Any::encode_from(&signing_time(now)?)?,
        )?,
        attribute(algorithm::MESSAGE_DIGEST, Any::encode_from(&digest)?)?,
        attribute(SIGNING_CERTIFICATE_V2, Any::encode_from(&bound)?)?,
    ])
}

/// A CAdES signature that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CadesVerified {
    /// Who signed.
    pub signer: Verified,
    /// When, if a time-stamping authority says so.
    pub stamped: Option<Stamped>,
}

/// Judges a detached CAdES signature. Without `trust` everything is judged but the chains: then nobody knows whose signatures they are.
///
/// The signer's certificate must be valid at the time of the stamp; without one, at `now`.
///
/// # Errors
/// The first reason found. What is wrong with the time stamp is told as such.
pub fn verify_cades(
    cms: &[u8],
    content: &[u8],
    trust: Option<&Trust>,
    now: Timestamp,
) -> Result<CadesVerified, CmsError> {
    let signed = verify::parse(cms)?;
    verify::check_form(&signed, trust.unwrap_or(&Trust::default()))?;
    let signer = signed.signer_infos.0.get(0).ok_or(CmsError::NoSigner)?;
    let stamped = match time_stamp(signer)? {
        Some(token) => Some(tsp::verify_token(
            &token,
            signer.signature.as_bytes(),
            trust,
        )?),
        None => None,
    };
    let at = stamped.as_ref().map_or(now, |stamped| stamped.time);
    let verified = verify::verify_at(cms, content, trust, at)?;
    let attributes = signer.signed_attrs.as_ref();
    let bound = attributes.and_then(|all| certificate_digest(all.iter()));
    let digest = Digest::Sha256.of(&verified.certificate_der);
    if bound != Some(digest) {
        return Err(CmsError::Attributes {
            reason: "signing-certificate-v2 does not name the signer's certificate".to_owned(),
        });
    }
    Ok(CadesVerified {
        signer: verified,
        stamped,
    })
}

/// The token of a signature's time stamp, DER.
///
/// # Errors
/// [`CmsError::Unparsable`].
pub fn time_stamp_token(cms: &[u8]) -> Result<Option<Vec<u8>>, CmsError> {
    let signed = verify::parse(cms)?;
    let signer = signed.signer_infos.0.get(0).ok_or(CmsError::NoSigner)?;
    time_stamp(signer)
}

fn time_stamp(signer: &SignerInfo) -> Result<Option<Vec<u8>>, CmsError> {
    let attributes = signer.unsigned_attrs.iter().flat_map(SetOfVec::iter);
    let mut stamps = attributes
        .filter(|attribute| attribute.oid == SIGNATURE_TIME_STAMP)
        .flat_map(|attribute| attribute.values.iter());
    let first = stamps.next().map(Encode::to_der).transpose();
    first.map_err(unparsable)
}

/// The SHA-256 of the certificate that signing-certificate-v2 names.
pub(super) fn certificate_digest<'a>(
    attributes: impl Iterator<Item = &'a Attribute>,
) -> Option<Vec<u8>> {
    let mut bound = attributes.filter(|attribute| attribute.oid == SIGNING_CERTIFICATE_V2);
    let value: SigningCertificate = bound.next()?.values.get(0)?.decode_as().ok()?;
    let first = value.certs.first()?;
    let sha256 = first
        .hash_algorithm
        .as_ref()
        .is_none_or(|algorithm| Digest::from_oid(algorithm.oid).ok() == Some(Digest::Sha256));
    sha256.then(|| first.cert_hash.as_bytes().to_vec())
}

/// SigningCertificateV2 (RFC 5035 clause 3).
#[derive(Sequence)]
struct SigningCertificate {
    certs: Vec<CertificateId>,
    #[asn1(optional = "true")]
    policies: Option<Any>,
}

/// ESSCertIDv2; without an algorithm it is SHA-256.
#[derive(Sequence)]
struct CertificateId {
    #[asn1(optional = "true")]
    hash_algorithm: Option<AlgorithmIdentifierOwned>,
    cert_hash: OctetString,
    #[asn1(optional = "true")]
    issuer_serial: Option<Any>,
}

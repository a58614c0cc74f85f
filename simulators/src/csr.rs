//! Certification requests of strangers (PKCS#10, RFC 2986): [`Csr`], read with bounds, and the [`Names`] that a request
//! and a certificate are compared by.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sha2::{Digest as _, Sha256};
use thiserror::Error;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::cri_attributes::ParsedCriAttribute;
use x509_parser::extensions::{GeneralName, ParsedExtension, X509Extension};
use x509_parser::parse_x509_certificate;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{SubjectPublicKeyInfo, X509Name};

use crate::der::{Element, tag};

/// Longest request in bytes: one for RSA-4096 with a dozen names has two thousand.
pub const MAX_CSR: usize = 16 * 1024;

/// `subjectAltName`.
const SUBJECT_ALT_NAME: &str = "2.5.29.17";
/// `id-pe-nftypes` (RFC 9310).
const NF_TYPES: &str = "1.3.6.1.5.5.7.1.34";

/// A request that could be read. Whether its signature is right, [`Csr::proves_possession`] says.
#[derive(Clone, Debug)]
pub(crate) struct Csr {
    pub(crate) der: Vec<u8>,
    pub(crate) names: Names,
    /// The extension's content: GeneralNames.
    pub(crate) alt_names_der: Option<Vec<u8>>,
    /// The extension's content: NFTypes.
    pub(crate) nf_types_der: Option<Vec<u8>>,
    /// SubjectPublicKeyInfo.
    pub(crate) public_key_der: Vec<u8>,
    pub(crate) key: KeyType,
    pub(crate) signature: SignatureType,
}

/// Subject and subject alternative names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) subject: Vec<Attribute>,
    /// In order and without repetition, so that equal sets are equal.
    pub(crate) alt_names: Vec<AltName>,
}

/// One attribute of a distinguished name, alone in its relative distinguished name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attribute {
    /// E.g. `[2, 5, 4, 3]`.
    pub(crate) oid: Vec<u64>,
    pub(crate) value: String,
}

/// A subject alternative name in the form that equal ones share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AltName {
    /// dNSName, in lower case.
    Dns(String),
    /// iPAddress.
    Ip(IpAddr),
    /// uniformResourceIdentifier, e.g. `urn:uuid:...` with an NF instance id.
    Uri(String),
    /// rfc822Name.
    Email(String),
    /// Any other kind, as it is printed.
    Other(String),
}

/// What kind of public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    /// On NIST P-256.
    P256,
    /// On NIST P-384.
    P384,
    /// RSA with so many bits.
    Rsa(usize),
    /// Anything else: other curves, EdDSA, DSA.
    Other,
}

/// What a request is signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignatureType {
    /// ECDSA or RSA with SHA-2.
    Sound,
    /// SHA-1, MD5, or what is not known.
    Unsound,
}

/// A request that cannot be read. Nothing of it is repeated, for it may hold what nobody should see.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CsrError {
    /// More than [`MAX_CSR`].
    #[error("the certification request has {0} bytes; at most {MAX_CSR} are read")]
    TooLong(usize),
    /// No DER of a CertificationRequest.
    #[error("not a PKCS#10 certification request: {0}")]
    Unreadable(String),
    /// Bytes after its end.
    #[error("{0} bytes follow the certification request")]
    Trailing(usize),
    /// A relative distinguished name with several attributes, an attribute twice, or one that is no text.
    #[error("subject: {0}")]
    Subject(&'static str),
    /// An extension asked for twice, or one with content that cannot be read.
    #[error("extension request: {0}")]
    Extension(&'static str),
}

impl Csr {
    /// Reads DER.
    pub(crate) fn read(der: &[u8]) -> Result<Self, CsrError> {
        if der.len() > MAX_CSR {
            return Err(CsrError::TooLong(der.len()));
        }
        let (rest, request) = X509CertificationRequest::from_der(der)
            .map_err(|error| CsrError::Unreadable(error.to_string()))?;
        if !rest.is_empty() {
            return Err(CsrError::Trailing(rest.len()));
        }
        if !is_framed(der) {
            return Err(CsrError::Unreadable("a tag is not PKCS#10's".into()));
        }
        let info = &request.certification_request_info;
        let mut extensions = Vec::new();
        for attribute in info.iter_attributes() {
            if let ParsedCriAttribute::ExtensionRequest(requested) = attribute.parsed_attribute() {
                extensions.extend(&requested.extensions);
            }
        }
        let alt_names = single(&extensions, SUBJECT_ALT_NAME)?;
        let nf_types = single(&extensions, NF_TYPES)?;
        Ok(Self {
            der: der.to_vec(),
            names: Names {
                subject: attributes(&info.subject)?,
                alt_names: alt_names.map_or(Ok(Vec::new()), alternatives)?,
            },
            alt_names_der: alt_names.map(|extension| extension.value.to_vec()),
            nf_types_der: nf_types.map(|extension| extension.value.to_vec()),
            public_key_der: info.subject_pki.raw.to_vec(),
            key: KeyType::of(&info.subject_pki),
            signature: SignatureType::of(&request.signature_algorithm.algorithm.to_id_string()),
        })
    }

    /// Whether the request is signed with the private key of the public key in it (RFC 2986 clause 3). Keys that no
    /// policy here allows are not verified: they count as not proven.
    pub(crate) fn proves_possession(&self) -> bool {
        X509CertificationRequest::from_der(&self.der)
            .is_ok_and(|(_, request)| request.verify_signature().is_ok())
    }

    /// SHA-256 of SubjectPublicKeyInfo, in hex.
    pub(crate) fn public_key_sha256(&self) -> String {
        hex::encode(Sha256::digest(&self.public_key_der))
    }
}

impl Names {
    /// Those of a certificate, DER.
    pub(crate) fn of_certificate(der: &[u8]) -> Result<Self, CsrError> {
        let (_, certificate) =
            parse_x509_certificate(der).map_err(|error| CsrError::Unreadable(error.to_string()))?;
        let extensions: Vec<_> = certificate.extensions().iter().collect();
        Ok(Self {
            subject: attributes(certificate.subject())?,
            alt_names: single(&extensions, SUBJECT_ALT_NAME)?
                .map_or(Ok(Vec::new()), alternatives)?,
        })
    }

    /// Whether the subjects have the same attributes, in whatever order and kind of string.
    pub(crate) fn same_subject(&self, other: &Self) -> bool {
        self.subject.len() == other.subject.len()
            && self
                .subject
                .iter()
                .all(|attribute| other.subject.contains(attribute))
    }

    /// E.g. `C=SE, O=5gc.mnc060.mcc240.3gppnetwork.org`.
    pub(crate) fn subject_text(&self) -> String {
        let texts = self.subject.iter().map(Attribute::to_string);
        texts.collect::<Vec<_>>().join(", ")
    }
}

impl std::fmt::Display for Attribute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match self.oid[..] {
            [2, 5, 4, 3] => "CN",
            [2, 5, 4, 6] => "C",
            [2, 5, 4, 7] => "L",
            [2, 5, 4, 8] => "ST",
            [2, 5, 4, 10] => "O",
            [2, 5, 4, 11] => "OU",
            [1, 2, 840, 113_549, 1, 9, 1] => "emailAddress",
            _ => {
                let arcs: Vec<_> = self.oid.iter().map(u64::to_string).collect();
                return write!(f, "{}={}", arcs.join("."), self.value);
            }
        };
        write!(f, "{name}={}", self.value)
    }
}

impl std::fmt::Display for AltName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "DNS:{name}"),
            Self::Ip(address) => write!(f, "IP:{address}"),
            Self::Uri(uri) => write!(f, "URI:{uri}"),
            Self::Email(address) => write!(f, "email:{address}"),
            Self::Other(name) => f.write_str(name),
        }
    }
}

impl std::fmt::Display for KeyType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::P256 => f.write_str("P-256"),
            Self::P384 => f.write_str("P-384"),
            Self::Rsa(bits) => write!(f, "RSA with {bits} bits"),
            Self::Other => f.write_str("neither RSA nor on P-256 or P-384"),
        }
    }
}

impl KeyType {
    fn of(key: &SubjectPublicKeyInfo<'_>) -> Self {
        let parameters = key.algorithm.parameters.as_ref();
        match key.algorithm.algorithm.to_id_string().as_str() {
            "1.2.840.113549.1.1.1" => match key.parsed() {
                Ok(PublicKey::RSA(rsa)) => Self::Rsa(rsa.key_size()),
                _ => Self::Other,
            },
            "1.2.840.10045.2.1" => {
                let curve = parameters.and_then(|parameters| parameters.as_oid().ok());
                match curve.map(|curve| curve.to_id_string()).as_deref() {
                    Some("1.2.840.10045.3.1.7") => Self::P256,
                    Some("1.3.132.0.34") => Self::P384,
                    _ => Self::Other,
                }
            }
            _ => Self::Other,
        }
    }
}

impl SignatureType {
    fn of(oid: &str) -> Self {
        match oid {
            // RSASSA-PSS; SHA-256, SHA-384, SHA-512 with RSASSA-PKCS1-v1_5; the same with ECDSA.
            "1.2.840.113549.1.1.10"
            | "1.2.840.113549.1.1.11"
            | "1.2.840.113549.1.1.12"
            | "1.2.840.113549.1.1.13"
            | "1.2.840.10045.4.3.2"
            | "1.2.840.10045.4.3.3"
            | "1.2.840.10045.4.3.4" => Self::Sound,
            _ => Self::Unsound,
        }
    }
}

/// Whether what the signature does not cover has the tags that it must have, and the signature is a whole number of
/// octets. The parser lets others pass, so that one request could be written in several ways.
fn is_framed(der: &[u8]) -> bool {
    let framed = || {
        let outer = Element::expect(tag::SEQUENCE, der)?;
        let info = Element::expect(tag::SEQUENCE, outer.content)?;
        let algorithm = Element::expect(tag::SEQUENCE, info.rest)?;
        Element::expect(tag::OID, algorithm.content)?;
        let signature = Element::expect(tag::BIT_STRING, algorithm.rest)?;
        (signature.rest.is_empty() && signature.content.first() == Some(&0)).then_some(())
    };
    framed().is_some()
}

/// The one extension of this kind.
fn single<'a>(
    extensions: &[&'a X509Extension<'a>],
    oid: &str,
) -> Result<Option<&'a X509Extension<'a>>, CsrError> {
    let mut found = extensions
        .iter()
        .filter(|extension| extension.oid.to_id_string() == oid);
    let first = found.next().copied();
    match found.next() {
        Some(_) => Err(CsrError::Extension("the same extension twice")),
        None => Ok(first),
    }
}

fn attributes(name: &X509Name<'_>) -> Result<Vec<Attribute>, CsrError> {
    let mut attributes: Vec<Attribute> = Vec::new();
    for rdn in name.iter_rdn() {
        let mut several = rdn.iter();
        let (Some(attribute), None) = (several.next(), several.next()) else {
            return Err(CsrError::Subject(
                "a relative distinguished name does not have one attribute",
            ));
        };
        let oid: Option<Vec<u64>> = attribute.attr_type().iter().map(Iterator::collect);
        let oid = oid.ok_or(CsrError::Subject("an attribute type is too large"))?;
        let value = attribute
            .as_str()
            .map_err(|_| CsrError::Subject("an attribute is no readable text"))?;
        if attributes.iter().any(|known| known.oid == oid) {
            return Err(CsrError::Subject("an attribute stands there twice"));
        }
        attributes.push(Attribute {
            oid,
            value: value.to_owned(),
        });
    }
    Ok(attributes)
}

fn alternatives(extension: &X509Extension<'_>) -> Result<Vec<AltName>, CsrError> {
    let ParsedExtension::SubjectAlternativeName(names) = extension.parsed_extension() else {
        return Err(CsrError::Extension("subjectAltName cannot be read"));
    };
    let names = names.general_names.iter().map(AltName::of);
    let mut names: Vec<_> = names.collect::<Option<_>>().ok_or(CsrError::Extension(
        "a subject alternative name cannot be read",
    ))?;
    names.sort();
    names.dedup();
    Ok(names)
}

impl AltName {
    /// Reads `DNS:name`, `IP:address`, `URI:uri` or `email:address`.
    pub(crate) fn parse(written: &str) -> Option<Self> {
        let (kind, name) = written.split_once(':')?;
        if name.is_empty() || !name.is_ascii() {
            return None;
        }
        match kind.to_ascii_lowercase().as_str() {
            "dns" => Some(Self::Dns(name.to_ascii_lowercase())),
            "ip" => name.parse().ok().map(Self::Ip),
            "uri" => Some(Self::Uri(name.to_owned())),
            "email" => Some(Self::Email(name.to_owned())),
            _ => None,
        }
    }

    fn of(name: &GeneralName<'_>) -> Option<Self> {
        Some(match name {
            GeneralName::DNSName(name) => Self::Dns(name.to_ascii_lowercase()),
            GeneralName::URI(uri) => Self::Uri((*uri).to_owned()),
            GeneralName::RFC822Name(address) => Self::Email((*address).to_owned()),
            GeneralName::IPAddress(octets) => {
                let four = <[u8; 4]>::try_from(*octets).map(|v4| Ipv4Addr::from(v4).into());
                let sixteen = <[u8; 16]>::try_from(*octets).map(|v6| Ipv6Addr::from(v6).into());
                Self::Ip(four.or(sixteen).ok()?)
            }
            GeneralName::Invalid(..) => return None,
            other => Self::Other(format!("{other:?}")),
        })
    }
}

#[cfg(test)]
mod tests;

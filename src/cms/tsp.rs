//! Time stamps (RFC 3161): [`request`] and [`response`] for the protocol, [`verify_token`] for what came of it.

use der::asn1::{Int, ObjectIdentifier, OctetString};
use der::{Any, Decode, Encode, Reader as _, Sequence, SliceReader, Tag, Tagged as _};
use jiff::Timestamp;
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;
use x509_cert::ext::pkix::ExtendedKeyUsage;

use super::algorithm::Digest;
use super::trust::{Trust, check_chain};
use super::verify::{self, check_signature, signer_certificate};
use super::{CmsError, cades, unparsable};

/// id-ct-TSTInfo.
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
/// id-kp-timeStamping.
const TIME_STAMPING: &str = "1.3.6.1.5.5.7.3.8";
/// PKIStatus: granted, and granted with modifications.
const GRANTED: [u8; 2] = [0, 1];

/// What a time-stamping authority says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamped {
    /// The time.
    pub time: Timestamp,
    /// The authority's subject.
    pub authority: String,
}

/// A TimeStampReq over the SHA-256 of `content`, DER. The authority is asked for its certificate.
///
/// # Errors
/// [`CmsError::Signing`]: a fault of ours.
pub fn request(content: &[u8], nonce: u64) -> Result<Vec<u8>, CmsError> {
    let encode = || {
        TimeStampRequest {
            version: 1,
            imprint: Imprint {
                algorithm: Digest::Sha256.identifier(),
                hashed: OctetString::new(Digest::Sha256.of(content))?,
            },
            nonce: Int::new(&integer(nonce))?,
            cert_req: true,
        }
        .to_der()
    };
    encode().map_err(|error: der::Error| CmsError::Signing {
        reason: error.to_string(),
    })
}

/// A positive INTEGER's octets.
fn integer(number: u64) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count().min(7);
    let mut octets = bytes[zeros..].to_vec();
    if octets[0] & 0x80 != 0 {
        octets.insert(0, 0);
    }
    octets
}

/// The token in a TimeStampResp, DER, if it answers that request.
///
/// # Errors
/// [`CmsError::TimeStamp`]: refused, of something else, or not signed by an authority for time.
pub fn response(answer: &[u8], content: &[u8], nonce: u64) -> Result<Vec<u8>, CmsError> {
    let wrong = |reason: String| CmsError::TimeStamp { reason };
    let answer = TimeStampResponse::from_der(answer)
        .map_err(|error| wrong(format!("the answer is no TimeStampResp: {error}")))?;
    let status = answer.status.status;
    let Some(token) = answer.token.filter(|_| GRANTED.contains(&status)) else {
        return Err(wrong(format!(
            "the authority refused, with status {status}"
        )));
    };
    let token = token.to_der().map_err(unparsable)?;
    let (info, _) = info(&token)?;
    if info.nonce != Some(integer(nonce)) {
        return Err(wrong("the answer is to another request (nonce)".to_owned()));
    }
    // Whom it chains to is for the verifier to say; the rest would make the seal worthless for all of them.
    verify_token(&token, content, None)?;
    Ok(token)
}

/// Judges a time stamp over `content`. Without `trust` everything is judged but the chain.
///
/// The authority's certificate must be valid at the time that it states.
///
/// # Errors
/// [`CmsError::TimeStamp`] with the reason.
pub fn verify_token(
    token: &[u8],
    content: &[u8],
    trust: Option<&Trust>,
) -> Result<Stamped, CmsError> {
    judge(token, content, trust).map_err(|error| match error {
        CmsError::TimeStamp { reason } => CmsError::TimeStamp { reason },
        other => CmsError::TimeStamp {
            reason: other.to_string(),
        },
    })
}

fn judge(token: &[u8], content: &[u8], trust: Option<&Trust>) -> Result<Stamped, CmsError> {
    let wrong = |reason: &str| CmsError::TimeStamp {
        reason: reason.to_owned(),
    };
    let (info, bytes) = info(token)?;
    info.is_over(content)?;
    let signed = verify::parse(token)?;
    let nobody = Trust::default();
    verify::check_form(&signed, trust.unwrap_or(&nobody))?;
    let certificates = verify::candidates(&signed, trust.unwrap_or(&nobody));
    let signer = signed.signer_infos.0.get(0).ok_or(CmsError::NoSigner)?;
    let certificate = signer_certificate(&signer.sid, &certificates)?;
    check_signature(signer, &TST_INFO, &bytes, certificate)?;
    let der = certificate.to_der().map_err(unparsable)?;
    let attributes = signer.signed_attrs.iter().flat_map(|all| all.iter());
    if cades::certificate_digest(attributes).is_some_and(|bound| bound != Digest::Sha256.of(&der)) {
        return Err(wrong("signing-certificate-v2 names another certificate"));
    }
    if !is_authority(certificate)? {
        return Err(wrong("its signer's certificate is not for time stamps"));
    }
    if let Some(trust) = trust {
        check_chain(certificate, &certificates, trust, info.time)?;
    }
    Ok(Stamped {
        time: info.time,
        authority: certificate.tbs_certificate.subject.to_string(),
    })
}

fn is_authority(certificate: &Certificate) -> Result<bool, CmsError> {
    let purposes = certificate
        .tbs_certificate
        .get::<ExtendedKeyUsage>()
        .map_err(unparsable)?;
    // RFC 3161 clause 2.3: this one alone.
    Ok(purposes.is_some_and(|(_, purposes)| {
        purposes.0.len() == 1 && purposes.0[0].to_string() == TIME_STAMPING
    }))
}

/// What is needed of a TSTInfo.
struct Info {
    imprint: Imprint,
    time: Timestamp,
    nonce: Option<Vec<u8>>,
}

impl Info {
    fn is_over(&self, content: &[u8]) -> Result<(), CmsError> {
        let digest = Digest::from_oid(self.imprint.algorithm.oid)?;
        if self.imprint.hashed.as_bytes() == digest.of(content) {
            return Ok(());
        }
        Err(CmsError::TimeStamp {
            reason: "it is over something else".to_owned(),
        })
    }
}

/// The TSTInfo of a token, and its bytes.
fn info(token: &[u8]) -> Result<(Info, Vec<u8>), CmsError> {
    let signed = verify::parse(token)?;
    let content = signed.encap_content_info;
    if content.econtent_type != TST_INFO {
        return Err(CmsError::TimeStamp {
            reason: format!("its content is {}, not TSTInfo", content.econtent_type),
        });
    }
    let bytes = content.econtent.ok_or(CmsError::EmbeddedContent)?;
    let bytes = bytes.value().to_vec();
    let info = read(&bytes).map_err(unparsable)?;
    Ok((info, bytes))
}

fn read(bytes: &[u8]) -> Result<Info, der::Error> {
    let mut reader = SliceReader::new(bytes)?;
    reader.sequence(|reader| {
        let _version = u8::decode(reader)?;
        let _policy = ObjectIdentifier::decode(reader)?;
        let imprint = Imprint::decode(reader)?;
        let _serial = Int::decode(reader)?;
        let time = Any::decode(reader)?;
        let mut nonce = None;
        while !reader.is_finished() {
            let rest = Any::decode(reader)?;
            if rest.tag() == Tag::Integer {
                nonce = Some(rest.value().to_vec());
            }
        }
        let time =
            generalized(time.value()).ok_or_else(|| der::Tag::GeneralizedTime.value_error())?;
        Ok(Info {
            imprint,
            time,
            nonce,
        })
    })
}

/// GeneralizedTime with or without a fraction, which DER for certificates does not have.
fn generalized(text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let (date, time) = whole.split_at_checked(8)?;
    let at = |text: &str, from: usize| text.get(from..from + 2).map(str::to_owned);
    let written = format!(
        "{}-{}-{}T{}:{}:{}.{fraction}Z",
        date.get(..4)?,
        at(date, 4)?,
        at(date, 6)?,
        at(time, 0)?,
        at(time, 2)?,
        at(time, 4)?
    );
    written.parse().ok()
}

/// MessageImprint.
#[derive(Sequence)]
struct Imprint {
    algorithm: AlgorithmIdentifierOwned,
    hashed: OctetString,
}

/// TimeStampReq (RFC 3161 clause 2.4.1), as we ask.
#[derive(Sequence)]
struct TimeStampRequest {
    version: u8,
    imprint: Imprint,
    nonce: Int,
    cert_req: bool,
}

/// TimeStampResp (RFC 3161 clause 2.4.2).
#[derive(Sequence)]
struct TimeStampResponse {
    status: Status,
    #[asn1(optional = "true")]
    token: Option<Any>,
}

/// PKIStatusInfo: of the words and the reasons we make nothing.
#[derive(Sequence)]
struct Status {
    status: u8,
    #[asn1(optional = "true")]
    text: Option<Any>,
    #[asn1(optional = "true")]
    reason: Option<Any>,
}

//! Whom certificates are for, as it is kept with a VNF instance and as it looks on the wire. Main types: [`Delegated`],
//! [`Vnfc`], [`Enrolled`], [`Policy`].

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::certificate;
use crate::custodian::protocol::{KeyKind, Names, Subject};
use crate::vnfm::problem::Problem;

/// What a VNF instance in delegation mode has beyond others.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Delegated {
    /// The identifier of its certificate information.
    pub(crate) id: Uuid,
    /// `CertificateConfigurationData` as it came.
    pub(crate) configuration: Value,
    /// What it means.
    pub(crate) policy: Policy,
    /// While it is instantiated, or what is left of an attempt.
    pub(crate) vnfcs: Vec<Vnfc>,
    /// The stack, once it was ordered: its name, and its identifier once that is known.
    pub(crate) stacks: Vec<StackReference>,
}

/// A stack on the VIM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StackReference {
    pub(crate) name: String,
    pub(crate) id: Option<String>,
}

/// A VNFC instance (VNFCI).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Vnfc {
    pub(crate) id: Uuid,
    /// Nova's identifier of its server.
    pub(crate) server_id: Option<String>,
    /// Where it is configured, once somebody has told it.
    pub(crate) configuration: Option<Url>,
    pub(crate) certificates: Vec<Enrolled>,
}

/// A certificate of a VNFC instance.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Enrolled {
    pub(crate) certificate_type: CertificateType,
    /// The registration with the CMF.
    pub(crate) delegate_id: String,
    /// What was registered.
    pub(crate) policy: Policy,
    /// DER in base64, leaf first. Empty until it is certified.
    pub(crate) chain: Vec<String>,
    /// Whether the VNFM had it renewed by itself.
    pub(crate) is_renewal: bool,
}

/// `certificateType` of SOL003 V4.5.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum CertificateType {
    /// For the VNF OAM endpoint.
    #[serde(rename = "VNFOAM_CERT")]
    VnfOam,
    /// For other VNFCIs.
    #[serde(rename = "VNFCI_CERT")]
    Vnfci,
}

impl CertificateType {
    pub(crate) const ALL: [Self; 2] = [Self::VnfOam, Self::Vnfci];

    /// The label of EST, and what files and identifiers are called by.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::VnfOam => "vnfoam",
            Self::Vnfci => "vnfci",
        }
    }
}

/// What is to be certified, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Policy {
    pub(crate) algorithm: Algorithm,
    pub(crate) kind: KeyKind,
    /// Bits, as it was asked for.
    pub(crate) minimum_key_length: Option<u32>,
    pub(crate) max_validity_days: Option<u32>,
    /// Beside the common name, which is the VNFC instance's.
    pub(crate) subject: Subject,
}

/// `allowedAlgorithm`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Algorithm {
    #[default]
    #[serde(rename = "EC_P256")]
    P256,
    #[serde(rename = "EC_P384")]
    P384,
    #[serde(rename = "RSA")]
    Rsa,
}

/// `CertificateConfigurationData` (SOL003 V4.5.1), as far as it is heeded.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CertificateConfigurationData {
    #[serde(default)]
    overriding_certificate_profile: Vec<CertificateBaseProfile>,
    security_policy: Vec<SecurityPolicy>,
}

#[derive(Deserialize)]
struct CertificateBaseProfile {
    #[serde(default)]
    subject: Subject,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SecurityPolicy {
    #[serde(default)]
    allowed_algorithm: Algorithm,
    minimum_key_length: Option<u32>,
    max_validity_period: Option<u32>,
}

impl Policy {
    /// Reads what the NFVO configures.
    pub(crate) fn of(configuration: &Value) -> Result<Self, Problem> {
        let unusable = |reason: String| {
            Problem::unprocessable(format!(
                "certificateConfigurationData cannot be used: {reason}"
            ))
        };
        let data: CertificateConfigurationData = serde_json::from_value(configuration.clone())
            .map_err(|error| unusable(error.to_string()))?;
        let policy = data
            .security_policy
            .first()
            .ok_or_else(|| unusable("securityPolicy is empty".to_owned()))?;
        let bits = policy.minimum_key_length;
        let kind = match (policy.allowed_algorithm, bits.unwrap_or_default()) {
            (Algorithm::P256, 0..=256) => KeyKind::P256,
            (Algorithm::P384, 0..=384) => KeyKind::P384,
            (Algorithm::Rsa, 1..=2048) => KeyKind::Rsa2048,
            (Algorithm::Rsa, 0 | 2049..=3072) => KeyKind::Rsa3072,
            (Algorithm::Rsa, 3073..=4096) => KeyKind::Rsa4096,
            (_, bits) => {
                return Err(unusable(format!(
                    "minimumKeyLength {bits} is more than this VNFM makes of allowedAlgorithm"
                )));
            }
        };
        let subject = data.overriding_certificate_profile.into_iter().next();
        Ok(Self {
            algorithm: policy.allowed_algorithm,
            kind,
            minimum_key_length: bits,
            max_validity_days: policy.max_validity_period,
            subject: subject.map(|profile| profile.subject).unwrap_or_default(),
        })
    }
}

impl Delegated {
    /// Of an instance that is not instantiated yet.
    pub(crate) fn new(configuration: Value) -> Result<Self, Problem> {
        Ok(Self {
            id: Uuid::new_v4(),
            policy: Policy::of(&configuration)?,
            configuration,
            vnfcs: Vec::new(),
            stacks: Vec::new(),
        })
    }

    /// `certificateInfo` of the VnfInstance.
    pub(crate) fn certificate_info(&self) -> Value {
        let contents: Vec<_> = self
            .vnfcs
            .iter()
            .flat_map(|vnfc| vnfc.certificates.iter().map(move |one| (vnfc, one)))
            .filter_map(|(vnfc, one)| one.contents(vnfc))
            .collect();
        let mut info = json!({
            "id": self.id,
            "certificateConfigurationInfo": self.configuration,
        });
        if !contents.is_empty() {
            info["certificateContents"] = contents.into();
        }
        info
    }

    /// `vnfcResourceInfo` of the instantiatedVnfInfo.
    pub(crate) fn vnfc_resource_info(&self, vim: Option<&str>) -> Value {
        let resource = |vnfc: &Vnfc| {
            let mut compute = json!({ "resourceId": vnfc.server_id });
            if let Some(vim) = vim {
                compute["vimConnectionId"] = json!(vim);
            }
            json!({ "id": vnfc.id, "vduId": "vnfc", "computeResource": compute })
        };
        self.vnfcs.iter().map(resource).collect()
    }
}

impl Vnfc {
    /// One that nobody has seen yet (Vnfm.Sc.013).
    pub(crate) fn new() -> Self {
        Self {
            id: Uuid::new_v4(),
            server_id: None,
            configuration: None,
            certificates: Vec::new(),
        }
    }

    /// Whom its certificate of this type names.
    pub(crate) fn names(&self, certificate_type: CertificateType, policy: &Policy) -> Names {
        let mut subject = policy.subject.clone();
        subject.common_name = Some(self.id.to_string());
        Names {
            subject,
            dns_name: format!("{}.{}.example", self.id, certificate_type.label()),
        }
    }

    /// How its key of this type is called.
    pub(crate) fn key_id(&self, certificate_type: CertificateType) -> String {
        format!("{}-{}", self.id, certificate_type.label())
    }
}

impl Enrolled {
    /// The certificate itself, DER.
    pub(crate) fn leaf(&self) -> Option<Vec<u8>> {
        BASE64_STANDARD.decode(self.chain.first()?).ok()
    }

    /// The whole chain in PEM.
    pub(crate) fn pem(&self) -> String {
        let mut pem = String::new();
        for certificate in &self.chain {
            pem.push_str("-----BEGIN CERTIFICATE-----\n");
            for line in certificate.as_bytes().chunks(64) {
                pem.push_str(&String::from_utf8_lossy(line));
                pem.push('\n');
            }
            pem.push_str("-----END CERTIFICATE-----\n");
        }
        pem
    }

    fn contents(&self, vnfc: &Vnfc) -> Option<Value> {
        let mut contents = certificate::contents(&self.leaf()?)?;
        contents["id"] = json!(vnfc.key_id(self.certificate_type));
        contents["certificateType"] = json!(self.certificate_type);
        Some(contents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_says_the_kind_of_key() {
        let kind = |policy: Value| {
            Policy::of(&json!({ "securityPolicy": [policy] })).map(|policy| policy.kind)
        };
        assert_eq!(kind(json!({ "id": "a" })), Ok(KeyKind::P256));
        assert_eq!(
            kind(json!({ "allowedAlgorithm": "EC_P384" })),
            Ok(KeyKind::P384)
        );
        assert_eq!(
            kind(json!({ "allowedAlgorithm": "RSA" })),
            Ok(KeyKind::Rsa3072)
        );
        let rsa = |bits: u32| kind(json!({ "allowedAlgorithm": "RSA", "minimumKeyLength": bits }));
        assert_eq!(rsa(2048), Ok(KeyKind::Rsa2048));
        assert_eq!(rsa(3500), Ok(KeyKind::Rsa4096));
        assert!(rsa(16_384).is_err());
        assert!(kind(json!({ "allowedAlgorithm": "DSA" })).is_err());
        assert!(Policy::of(&json!({ "securityPolicy": [] })).is_err());
    }
}

//! New certificates for VNFCIs that run (IFA 026 clause C.2.2.4): installed by VNF configuration (SOL002 clause 9). Main
//! function: [`Delegation::reinstall`].

use std::sync::Arc;

use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::custody::{Custodian, CustodyError};
use super::enrolment::Tasks;
use super::error::DelegationError;
use super::identity::{CertificateType, Enrolled, Policy, Vnfc};
use super::instantiation::of;
use super::{Delegation, Way};
use crate::custodian::protocol::{Delivery, pem_in_json};
use crate::vnfm::model::VnfInstance;

/// The version of VNF configuration that has certificate data: SOL002 V4.5.1.
const VERSION: &str = "1.12.0";

/// A VNFC that is to get a new certificate, and where it is configured.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) vnfc: Uuid,
    pub(crate) configuration: Url,
}

impl Delegation {
    /// A new VNFCI certificate for each of these. What succeeded is in the instance afterwards even if others failed, and no
    /// key is left.
    pub(crate) async fn reinstall(
        self: &Arc<Self>,
        instance: &mut VnfInstance,
        targets: &[Target],
        is_renewal: bool,
    ) -> Result<(), DelegationError> {
        let vnf_instance_id = instance.id.clone();
        let delegated = of(instance)?;
        let custodian = Arc::new(self.custodian().await?);
        let mut tasks = Tasks::new();
        for (index, vnfc) in delegated.vnfcs.iter().enumerate() {
            let Some(target) = targets.iter().find(|target| target.vnfc == vnfc.id) else {
                continue;
            };
            let (delegation, custodian) = (Arc::clone(self), Arc::clone(&custodian));
            let (mut vnfc, policy) = (vnfc.clone(), delegated.policy.clone());
            vnfc.configuration = Some(target.configuration.clone());
            let id = vnf_instance_id.clone();
            tasks.spawn(async move {
                delegation
                    .renew(&custodian, &id, &mut vnfc, policy, is_renewal)
                    .await?;
                Ok((index, vnfc))
            });
        }
        let vnfcs = &mut delegated.vnfcs;
        let work = tasks.each(|(index, vnfc)| vnfcs[index] = vnfc);
        let outcome = self.within_retention(work).await;
        self.end(&custodian, outcome.is_ok()).await;
        outcome
    }

    async fn renew(
        &self,
        custodian: &Custodian,
        vnf_instance_id: &str,
        vnfc: &mut Vnfc,
        policy: Policy,
        is_renewal: bool,
    ) -> Result<(), DelegationError> {
        let certificate_type = CertificateType::Vnfci;
        let mut enrolled = vnfc
            .certificates
            .iter()
            .find(|known| known.certificate_type == certificate_type && known.policy == policy)
            .cloned();
        if enrolled.is_none() {
            // Registered for something else, or not at all.
            for old in &vnfc.certificates {
                if old.certificate_type == certificate_type {
                    self.cmf.deregister(&old.delegate_id).await?;
                }
            }
            let delegate_id = self
                .cmf
                .register(vnf_instance_id, vnfc, certificate_type, &policy)
                .await?;
            enrolled = Some(Enrolled {
                certificate_type,
                delegate_id,
                policy,
                chain: Vec::new(),
                is_renewal,
            });
        }
        let Some(mut enrolled) = enrolled else {
            return Ok(());
        };
        enrolled.chain = self.enrol(custodian, vnfc, &enrolled).await?;
        enrolled.is_renewal = is_renewal;
        self.install_by_configuration(custodian, vnfc, &enrolled)
            .await?;
        vnfc.certificates
            .retain(|known| known.certificate_type != certificate_type);
        vnfc.certificates.push(enrolled);
        Ok(())
    }

    /// Tries until the VNFCI has taken it. The key is deleted then, or after the last attempt, whatever others wait for.
    async fn install_by_configuration(
        &self,
        custodian: &Custodian,
        vnfc: &Vnfc,
        enrolled: &Enrolled,
    ) -> Result<(), DelegationError> {
        let mut attempt = 1;
        let outcome = loop {
            let error = match self.configure(custodian, vnfc, enrolled).await {
                Ok(()) => break Ok(()),
                Err(DelegationError::Custody(CustodyError::Ended)) => {
                    return Err(CustodyError::Ended.into());
                }
                Err(error) => error,
            };
            tracing::warn!(vnfc = %vnfc.id, attempt, %error, "an attempt to install failed");
            if attempt == self.attempts() {
                break Err(DelegationError::Attempts {
                    attempts: attempt,
                    last: error.to_string(),
                });
            }
            attempt += 1;
            tokio::time::sleep(self.keys.attempt_interval()).await;
        };
        custodian
            .forget(&vnfc.key_id(enrolled.certificate_type))
            .await?;
        outcome
    }

    async fn configure(
        &self,
        custodian: &Custodian,
        vnfc: &Vnfc,
        enrolled: &Enrolled,
    ) -> Result<(), DelegationError> {
        let (Some(way), Some(address)) = (&self.to_vnfci, &vnfc.configuration) else {
            return Err(DelegationError::Answer {
                peer: "VNFCI",
                what: "nothing".to_owned(),
                reason: "[vnfci] or the address of the VNFCI is missing".to_owned(),
            });
        };
        let sent = custodian.send(patch(way, address, vnfc, enrolled)).await?;
        match sent.status {
            200..=299 => Ok(()),
            status => Err(DelegationError::Status {
                peer: "VNFCI",
                what: format!("the configuration of `{}`", vnfc.id),
                status: axum::http::StatusCode::from_u16(status).unwrap_or_default(),
                detail: None,
            }),
        }
    }
}

fn patch(way: &Way, address: &Url, vnfc: &Vnfc, enrolled: &Enrolled) -> Delivery {
    let mut url = address.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty()
            .extend(["vnfconfig", "v1", "configuration"]);
    }
    let body: Value = json!({ "vnfcConfigurationData": [{
        "vnfcInstanceId": vnfc.id,
        "certificateData": [{
            "privateKey": pem_in_json(&vnfc.key_id(enrolled.certificate_type)),
            "certificateFile": enrolled.pem(),
        }],
    }] });
    Delivery {
        method: "PATCH".to_owned(),
        url: url.into(),
        headers: [
            ("Content-Type", "application/merge-patch+json"),
            ("Accept", "application/json"),
            ("Version", VERSION),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into(),
        body: body.to_string(),
        anchors: way.anchors.clone(),
        certificate: way.certificate.clone(),
        private_key: way.private_key.clone(),
        timeout_ms: way.timeout_seconds * 1000,
        verification: way.verification,
    }
}

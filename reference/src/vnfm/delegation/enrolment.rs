//! From a VNFC instance without certificates to one that has them: registration, key pair, request, certificate. Main
//! functions: [`Delegation::register_all`], [`Delegation::enrol`].

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls_pki_types::UnixTime;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer as _;

use super::Delegation;
use super::certificate::{self, Unfit};
use super::cmf_client::Enrolment;
use super::custody::{Custodian, Generated};
use super::error::DelegationError;
use super::identity::{CertificateType, Enrolled, Policy, Vnfc};

/// Requests to the CMF at a time.
const AT_A_TIME: usize = 16;

impl Delegation {
    /// Registers this VNFM for both certificates of each VNFC. What was registered is kept in them even if some fail.
    pub(super) async fn register_all(
        self: &Arc<Self>,
        vnf_instance_id: &str,
        policy: &Policy,
        vnfcs: &mut [Vnfc],
    ) -> Result<(), DelegationError> {
        let mut tasks = Tasks::new();
        for (index, vnfc) in vnfcs.iter().enumerate() {
            for certificate_type in CertificateType::ALL {
                let (delegation, vnfc) = (Arc::clone(self), vnfc.clone());
                let (policy, id) = (policy.clone(), vnf_instance_id.to_owned());
                tasks.spawn(async move {
                    let cmf = &delegation.cmf;
                    let delegate_id = cmf.register(&id, &vnfc, certificate_type, &policy).await?;
                    let enrolled = Enrolled {
                        certificate_type,
                        delegate_id,
                        policy,
                        chain: Vec::new(),
                        is_renewal: false,
                    };
                    Ok((index, enrolled))
                });
            }
        }
        tasks
            .each(|(index, enrolled)| vnfcs[index].certificates.push(enrolled))
            .await?;
        for vnfc in vnfcs {
            // As registrations came back in any order.
            vnfc.certificates
                .sort_by_key(|enrolled| enrolled.certificate_type != CertificateType::VnfOam);
        }
        Ok(())
    }

    /// Has the certificates of all VNFCs made.
    pub(super) async fn enrol_all(
        self: &Arc<Self>,
        custodian: &Arc<Custodian>,
        vnfcs: &mut [Vnfc],
    ) -> Result<(), DelegationError> {
        let mut tasks = Tasks::new();
        for (index, vnfc) in vnfcs.iter().enumerate() {
            for (at, enrolled) in vnfc.certificates.iter().enumerate() {
                let (delegation, custodian) = (Arc::clone(self), Arc::clone(custodian));
                let (vnfc, enrolled) = (vnfc.clone(), enrolled.clone());
                tasks.spawn(async move {
                    let chain = delegation.enrol(&custodian, &vnfc, &enrolled).await?;
                    Ok((index, at, chain))
                });
            }
        }
        tasks
            .each(|(index, at, chain)| vnfcs[index].certificates[at].chain = chain)
            .await
    }

    /// A new key pair and a certificate for it, once it was found to be what was asked for: the chain, DER in base64.
    pub(super) async fn enrol(
        &self,
        custodian: &Custodian,
        vnfc: &Vnfc,
        enrolled: &Enrolled,
    ) -> Result<Vec<String>, DelegationError> {
        let certificate_type = enrolled.certificate_type;
        let names = vnfc.names(certificate_type, &enrolled.policy);
        let key_id = vnfc.key_id(certificate_type);
        let Generated { csr, exposed } = custodian
            .generate(&key_id, enrolled.policy.kind, &names)
            .await?;
        let to_cmf = match exposed {
            Some(exposed) => self.exposure.expose(&key_id, &exposed).await?,
            None => None,
        };
        // The old key is gone, so that the delegate asks again, not the certificate itself.
        let way = if enrolled.chain.is_empty() {
            Enrolment::First
        } else {
            Enrolment::Again
        };
        let answered = self.cmf.enrol(certificate_type, way, &csr, to_cmf).await?;
        let chain = certificate::validated(
            &answered,
            &public_key(&csr)?,
            &names,
            &self.cmf.anchors,
            UnixTime::now(),
            self.defects,
        )?;
        let chain: Vec<String> = chain
            .iter()
            .map(|der| BASE64_STANDARD.encode(der))
            .collect();
        if let Some(leaf) = chain.first() {
            custodian.check(&key_id, leaf).await?;
        }
        tracing::info!(vnfc = %vnfc.id, certificate_type = certificate_type.label(), "certified");
        Ok(chain)
    }
}

/// SubjectPublicKeyInfo of a request.
fn public_key(csr: &str) -> Result<Vec<u8>, DelegationError> {
    let der = BASE64_STANDARD
        .decode(csr)
        .map_err(|_| Unfit::NotForThisKey)?;
    let (_, csr) = X509CertificationRequest::from_der(&der).map_err(|_| Unfit::NotForThisKey)?;
    Ok(csr.certification_request_info.subject_pki.raw.to_vec())
}

/// Several at a time; dropped, all are stopped.
pub(super) struct Tasks<T> {
    running: JoinSet<Result<T, DelegationError>>,
    room: Arc<Semaphore>,
}

impl<T: Send + 'static> Tasks<T> {
    pub(super) fn new() -> Self {
        Self {
            running: JoinSet::new(),
            room: Arc::new(Semaphore::new(AT_A_TIME)),
        }
    }

    pub(super) fn spawn(
        &mut self,
        task: impl Future<Output = Result<T, DelegationError>> + Send + 'static,
    ) {
        let room = Arc::clone(&self.room);
        self.running.spawn(async move {
            // Never closed, so that there is always a permit at last.
            let _permit = room.acquire_owned().await;
            task.await
        });
    }

    /// Waits for all, and gives each result to `take`; the first error in the end.
    pub(super) async fn each(mut self, mut take: impl FnMut(T)) -> Result<(), DelegationError> {
        let mut failed = None;
        while let Some(ended) = self.running.join_next().await {
            match ended {
                Ok(Ok(value)) => take(value),
                Ok(Err(error)) => drop(failed.get_or_insert(error)),
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

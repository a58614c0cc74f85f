//! Fetches VNF packages from the NFVO and has them verified. Main type: [`Packages`].

use std::sync::Arc;
use std::time::SystemTime;

use reqwest::StatusCode;

use super::nfvo_client::{NfvoClient, VnfPkgInfo};
use super::problem::Problem;
use crate::package::{Material, Verifier};

/// The packages of the NFVO, as far as they are needed.
pub(crate) struct Packages {
    nfvo: Arc<NfvoClient>,
    verifier: Arc<Verifier>,
}

impl Packages {
    pub(crate) fn new(nfvo: Arc<NfvoClient>, verifier: Verifier) -> Self {
        Self {
            nfvo,
            verifier: Arc::new(verifier),
        }
    }

    /// What the NFVO knows about the package, if instances of it may be made (SOL003 5.4.2.3.1: 422 otherwise).
    pub(crate) async fn usable(&self, vnfd_id: &str) -> Result<VnfPkgInfo, Problem> {
        let info = match self.nfvo.package_info(vnfd_id).await {
            Ok(info) => info,
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => {
                return Err(Problem::unprocessable(format!(
                    "the NFVO has no VNF package with the VNFD `{vnfd_id}`"
                )));
            }
            Err(error) => return Err(error.into()),
        };
        if info.onboarding_state != "ONBOARDED" || info.operational_state != "ENABLED" {
            let (onboarding, operational) = (&info.onboarding_state, &info.operational_state);
            return Err(Problem::unprocessable(format!(
                "the VNF package of `{vnfd_id}` is {onboarding} and {operational}"
            )));
        }
        match &info.vnfd_id {
            Some(found) if found == vnfd_id => Ok(info),
            found => Err(Problem::unprocessable(format!(
                "the NFVO answered with the VNF package of `{}` instead of `{vnfd_id}`",
                found.as_deref().unwrap_or_default()
            ))),
        }
    }

    /// Fetches the VNFD with its signatures, or the whole package where the signature is over the whole, and verifies it.
    pub(crate) async fn fetch_and_verify(
        &self,
        vnfd_id: &str,
        info: &VnfPkgInfo,
    ) -> Result<(), Problem> {
        let whole = info.package_security_option.as_deref() == Some("OPTION_2");
        let bytes = if whole {
            self.nfvo.package_content(vnfd_id).await?
        } else {
            self.nfvo.vnfd(vnfd_id).await?
        };
        let (verifier, id) = (Arc::clone(&self.verifier), vnfd_id.to_owned());
        let verified = tokio::task::spawn_blocking(move || {
            let material = if whole {
                Material::SignedCsar(&bytes)
            } else {
                Material::VnfdArchive(&bytes)
            };
            verifier.verify(&id, material, SystemTime::now())
        })
        .await
        .map_err(|error| {
            tracing::error!(%error, "the verification broke off");
            Problem::new(
                axum::http::StatusCode::INTERNAL_SERVER_ERROR,
                "the verification of the VNF package broke off",
            )
        })?;
        match verified {
            Ok(accepted) => {
                tracing::info!(vnfd_id, files = accepted.files, "VNF package accepted");
                Ok(())
            }
            Err(refusal) => {
                tracing::warn!(vnfd_id, %refusal, "VNF package refused");
                Err(refusal.into())
            }
        }
    }
}

//! Why an operation in delegation mode failed. Main type: [`DelegationError`].

use axum::http::StatusCode;

use super::certificate::Unfit;
use super::custody::CustodyError;
use crate::vnfm::nfvo_client::chain;
use crate::vnfm::problem::Problem;

/// What went wrong, and whose fault it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DelegationError {
    /// The network, TLS, or a timeout.
    #[error("no answer from the {peer} to {what}: {}", chain(source))]
    NoAnswer {
        peer: &'static str,
        what: String,
        #[source]
        source: reqwest::Error,
    },
    /// A refusal.
    #[error("the {peer} answered {what} with {status}{}", detail.as_deref().map(|detail| format!(": {detail}")).unwrap_or_default())]
    Status {
        peer: &'static str,
        what: String,
        status: StatusCode,
        detail: Option<String>,
    },
    /// An answer that the interface does not foresee.
    #[error("the {peer}'s answer to {what} cannot be used: {reason}")]
    Answer {
        peer: &'static str,
        what: String,
        reason: String,
    },
    /// A certificate that is not what was asked for.
    #[error("the certificate from the CMF is not installed: {0}")]
    Certificate(#[from] Unfit),
    /// The key custodian failed, or is gone.
    #[error(transparent)]
    Custody(#[from] CustodyError),
    /// The retention period is over.
    #[error("the private keys were deleted: their retention period of {seconds} s is over")]
    Retention { seconds: u32 },
    /// All attempts to install failed.
    #[error(
        "the private keys were deleted after {attempts} failed attempts to install them; the last: {last}"
    )]
    Attempts { attempts: u32, last: String },
    /// The stack came to nothing.
    #[error("the stack `{name}` is {status}: {reason}")]
    Stack {
        name: String,
        status: String,
        reason: String,
    },
    /// The state cannot be kept.
    #[error("the state of the VNFM cannot be read or written")]
    Store(#[from] crate::vnfm::store::StoreError),
}

impl From<DelegationError> for Problem {
    fn from(error: DelegationError) -> Self {
        let status = match &error {
            DelegationError::NoAnswer { source, .. } if source.is_timeout() => {
                StatusCode::GATEWAY_TIMEOUT
            }
            DelegationError::Store(_) | DelegationError::Custody(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, error.to_string())
    }
}

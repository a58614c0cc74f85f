//! Errors as the API tells them (SOL013 6.3): ProblemDetails. Main type: [`Problem`].

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::nfvo_client::NfvoError;
use super::store::StoreError;
use crate::package::Refusal;

/// Why a request, or an operation, failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
        }
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("{what} does not exist"))
    }

    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    pub(crate) fn unprocessable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// `ProblemDetails` of SOL013 6.3.
    pub(crate) fn to_wire(&self) -> Value {
        json!({
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
        })
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let content_type = HeaderValue::from_static("application/problem+json");
        (
            self.status,
            [(header::CONTENT_TYPE, content_type)],
            self.to_wire().to_string(),
        )
            .into_response()
    }
}

/// The caller learns that the state could not be kept; the cause is for the operator.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the state cannot be read or written");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the state of the VNFM cannot be read or written",
        )
    }
}

/// A fault of the NFVO or of the network is no refusal of the package: it is told as 503 or 504.
impl From<NfvoError> for Problem {
    fn from(error: NfvoError) -> Self {
        let status = if error.is_timeout() {
            StatusCode::GATEWAY_TIMEOUT
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        Self::new(status, error.to_string())
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::unprocessable(format!("the VNF package is refused: {refusal}"))
    }
}

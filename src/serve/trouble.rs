//! Why there is no page: [`Trouble`].

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// An answer that is none, as plain text.
#[derive(Debug)]
pub struct Trouble {
    status: StatusCode,
    what: String,
}

impl Trouble {
    /// What was asked for is not there, or is not shown.
    pub fn nothing_here(what: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, what)
    }

    /// The request is at fault.
    pub fn new(status: StatusCode, what: impl std::fmt::Display) -> Self {
        let what = what.to_string();
        Self { status, what }
    }

    /// The fault is ours.
    pub fn ours(error: anyhow::Error) -> Self {
        tracing::error!("{error:#}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}"))
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        (self.status, format!("{}\n", self.what)).into_response()
    }
}

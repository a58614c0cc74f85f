//! Why a call has no answer, and whose fault that is as far as the client can know: [`CallError`].

use std::error::Error as _;
use std::io;

use thiserror::Error;

use crate::tls::{TlsError, words};

/// A client that cannot be made: the user's mistake.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The base URL.
    #[error("base URL `{url}`: {problem}")]
    Url {
        /// As written.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The TLS material.
    #[error("TLS: {0}")]
    Tls(#[from] TlsError),
}

/// Why there is no complete HTTP answer. None of these is the SUT refusing a request by HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CallError {
    /// No connection: name not found, port closed, no route. Network, configuration, or the SUT is not running.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// The SUT refused our TLS: it sent this alert.
    #[error("the peer refused TLS: {0}")]
    TlsRefused(String),
    /// TLS failed otherwise: we do not accept the SUT's certificate, or it does not speak TLS, or it left in the
    /// handshake.
    #[error("TLS failed: {0}")]
    TlsFailed(String),
    /// Nothing complete within the limit.
    #[error("timed out")]
    TimedOut,
    /// The answer's body exceeds this many bytes.
    #[error("the answer's body exceeds {0} bytes")]
    TooLarge(u64),
    /// Bytes came that are not HTTP/1.1.
    #[error("not HTTP: {0}")]
    NotHttp(String),
    /// The SUT closed the connection before the answer was complete.
    #[error("the peer closed the connection before the answer was complete")]
    Closed,
    /// The request cannot be sent: the caller's mistake.
    #[error("request not sendable: {0}")]
    Request(String),
}

impl CallError {
    /// What an error of the TLS handshake means.
    pub(super) fn of_handshake(error: &io::Error) -> Self {
        match tls_error(error) {
            Some(rustls::Error::AlertReceived(alert)) => {
                Self::TlsRefused(format!("alert {alert:?}"))
            }
            Some(other) => Self::TlsFailed(words(other)),
            None if error.kind() == io::ErrorKind::UnexpectedEof => {
                Self::TlsFailed("the peer closed the connection in the handshake".into())
            }
            None => Self::TlsFailed(error.to_string()),
        }
    }

    /// What an error of the HTTP exchange means.
    pub(super) fn of_exchange(error: &hyper::Error) -> Self {
        let mut source = error.source();
        while let Some(cause) = source {
            if let Some(io) = cause.downcast_ref::<io::Error>()
                && tls_error(io).is_some()
            {
                return Self::of_handshake(io);
            }
            source = cause.source();
        }
        if error.is_parse() || error.is_parse_too_large() {
            Self::NotHttp(error.to_string())
        } else if error.is_user() {
            Self::Request(error.to_string())
        } else {
            Self::Closed
        }
    }
}

/// The TLS error inside an I/O error. TLS 1.3 tells a client that it was refused only at its first read, so this
/// appears long after the handshake.
pub(super) fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref::<rustls::Error>()
}

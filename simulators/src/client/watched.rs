//! A stream that remembers how TLS failed on it: [`Watched`].

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::CallError;
use super::error::tls_error;

/// Remembers why TLS failed. HTTP reports a failed write before it reads, so that the alert which says why would be
/// left unread.
pub(super) struct Watched<S> {
    pub(super) stream: S,
    pub(super) failure: Arc<OnceLock<CallError>>,
}

impl<S: AsyncRead + Unpin> Watched<S> {
    fn note(&self, error: &io::Error) {
        if tls_error(error).is_some() {
            self.failure.get_or_init(|| CallError::of_handshake(error));
        }
    }

    fn look_for_alert(&mut self, context: &mut Context<'_>) {
        let mut scratch = [0; 512];
        if let Poll::Ready(Err(error)) =
            Pin::new(&mut self.stream).poll_read(context, &mut ReadBuf::new(&mut scratch))
        {
            self.note(&error);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Poll::Ready(Err(error)) = &polled {
            self.note(error);
        }
        polled
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        if polled.is_ready_err() {
            self.look_for_alert(context);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        if polled.is_ready_err() {
            self.look_for_alert(context);
        }
        polled
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

trait IsReadyErr {
    fn is_ready_err(&self) -> bool;
}

impl<T> IsReadyErr for Poll<io::Result<T>> {
    fn is_ready_err(&self) -> bool {
        matches!(self, Poll::Ready(Err(_)))
    }
}

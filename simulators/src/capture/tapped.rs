//! A stream that notes what passes, if that is wanted: [`Tapped`].

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::{Capture, Flow, Side};
use crate::front::Parties;

/// Between TCP and TLS, or HTTP.
pub(crate) struct Tapped<S> {
    stream: S,
    flow: Option<Flow>,
}

impl Tapped<TcpStream> {
    /// A connection that the other side has opened.
    pub(crate) fn accepted(
        stream: TcpStream,
        capture: Option<&Capture>,
        parties: &Parties,
    ) -> Self {
        Self::new(stream, capture, parties, Side::Server)
    }

    /// A connection that our side has opened.
    pub(crate) fn connected(
        stream: TcpStream,
        capture: Option<&Capture>,
        parties: &Parties,
    ) -> Self {
        Self::new(stream, capture, parties, Side::Client)
    }

    fn new(stream: TcpStream, capture: Option<&Capture>, parties: &Parties, ours: Side) -> Self {
        let flow = capture.and_then(|capture| {
            // A connection that is gone already has no addresses, and will carry nothing.
            let (local, peer) = (stream.local_addr().ok()?, stream.peer_addr().ok()?);
            let (client, server) = match ours {
                Side::Client => (local, peer),
                Side::Server => (peer, local),
            };
            Some(capture.flow(parties, client, server, ours))
        });
        Self { stream, flow }
    }
}

impl<S> Tapped<S> {
    #[cfg(test)]
    pub(super) fn with(stream: S, flow: Flow) -> Self {
        let flow = Some(flow);
        Self { stream, flow }
    }

    /// What our side has sent.
    fn sent<'a>(&mut self, pieces: impl IntoIterator<Item = &'a [u8]>, mut count: usize) {
        let Some(flow) = &mut self.flow else { return };
        for piece in pieces {
            let taken = piece.len().min(count);
            flow.data(flow.ours, &piece[..taken]);
            count -= taken;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tapped<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (before, asked) = (buffer.filled().len(), buffer.remaining() > 0);
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Some(flow) = &mut self.flow {
            let theirs = flow.ours.other();
            match &polled {
                Poll::Ready(Ok(())) => match &buffer.filled()[before..] {
                    [] if asked => flow.end(theirs),
                    bytes => flow.data(theirs, bytes),
                },
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::ConnectionReset => {
                    flow.reset(theirs);
                }
                Poll::Ready(Err(_)) | Poll::Pending => {}
            }
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tapped<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(count)) = &polled {
            self.sent([bytes], *count);
        }
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        if let Poll::Ready(Ok(count)) = &polled {
            self.sent(pieces.iter().map(|piece| &**piece), *count);
        }
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(context);
        if let (Poll::Ready(Ok(())), Some(flow)) = (&polled, &mut self.flow) {
            flow.end(flow.ours);
        }
        polled
    }
}

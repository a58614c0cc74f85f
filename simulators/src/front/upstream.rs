//! One kept-alive loopback connection to the simulated API's own server: [`Upstream`].
//!
//! Each front connection has its own, since HTTP/1.1 asks one thing at a time; no pool is needed.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

pub(crate) struct Upstream {
    address: SocketAddr,
    connection: Option<Connection>,
}

struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

/// Our own fault, never the peer's.
#[derive(Debug, Error)]
pub(crate) enum UpstreamError {
    #[error("the simulator's internal server cannot be reached: {0}")]
    Connect(#[from] io::Error),
    #[error("the simulator's internal server gave no answer: {0}")]
    Exchange(#[from] hyper::Error),
}

impl Upstream {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            connection: None,
        }
    }

    /// Sends the request and reads the whole answer. A connection that went stale between two requests is replaced
    /// once; a request that may have been seen is never sent twice.
    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, UpstreamError> {
        let mut request = request;
        if let Some(connection) = &mut self.connection
            && connection.sender.ready().await.is_ok()
        {
            match connection.sender.try_send_request(request).await {
                Ok(response) => return whole(response).await,
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(error.into_error().into()),
                },
            }
        }
        self.close().await;
        let connection = self
            .connection
            .insert(Connection::open(self.address).await?);
        whole(connection.sender.send_request(request).await?).await
    }

    pub(crate) async fn close(&mut self) {
        if let Some(Connection { sender, driver }) = self.connection.take() {
            drop(sender);
            if let Err(error) = driver.await {
                tracing::debug!(%error, "a loopback connection did not end cleanly");
            }
        }
    }
}

impl Connection {
    async fn open(address: SocketAddr) -> Result<Self, UpstreamError> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "loopback connection ended");
            }
        });
        Ok(Self { sender, driver })
    }
}

async fn whole(
    response: Response<hyper::body::Incoming>,
) -> Result<Response<Bytes>, UpstreamError> {
    let (parts, body) = response.into_parts();
    Ok(Response::from_parts(
        parts,
        body.collect().await?.to_bytes(),
    ))
}

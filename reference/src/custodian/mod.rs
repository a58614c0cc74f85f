//! The key custodian: a process of its own for each operation that makes private keys, and the only one that ever holds them.
//! Main function: [`run`].
//!
//! It makes the keys, or has a PKCS#11 token make them, signs the certificate signing requests, checks the certificates against
//! the keys, and sends keys and certificates to the VIM or the VNFCI itself, over mutual TLS. It ends when it is told to (the
//! end of its standard input, which is also how it learns that the VNFM is gone), and at the latest when the retention period
//! of its keys is over.

pub(crate) mod defective;
mod deliver;
mod hold;
mod hygiene;
mod key;
pub(crate) mod protocol;
mod token;
mod transport;
mod wipe;

use std::collections::HashMap;
use std::io::Write as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::rc::Rc;

use anyhow::Context as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::unix::pipe::Receiver;

pub use protocol::TokenObjects;
pub use wipe::WipingAllocator;

use key::Key;
use protocol::{Answer, Delivery, Request};
use token::{Token, Unusable};

use crate::defect::{Defects, Deviation};

/// Serves the VNFM that started this process: requests come by standard input, answers go to standard output.
///
/// # Errors
/// If the process cannot be protected, or speaks with nobody.
pub fn run() -> anyhow::Result<()> {
    WipingAllocator::switch_on();
    // One thread: nobody else's stack could keep what passed through it.
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(serve())
}

async fn serve() -> anyhow::Result<()> {
    let stdin: OwnedFd = std::io::stdin().as_fd().try_clone_to_owned()?;
    let pipe = Receiver::from_owned_fd(stdin).context("standard input must be a pipe")?;
    let mut custodian = Custodian {
        retention_seconds: None,
        defects: Defects::NONE,
        token: None,
        keys: HashMap::new(),
        in_clear: Vec::new(),
    };
    let outcome = custodian.converse(BufReader::new(pipe)).await;
    // However it went. Keys in memory are overwritten as `custodian` is dropped.
    if let Some(token) = &custodian.token
        && !custodian.defects.has(Deviation::TokenObjectLeftBehind)
    {
        token.clear()?;
    }
    outcome
}

struct Custodian {
    retention_seconds: Option<u32>,
    defects: Defects,
    /// Makes and holds the keys, if it is there.
    token: Option<Rc<Token>>,
    keys: HashMap<String, Key>,
    /// Of a deviating product only.
    in_clear: Vec<Vec<u8>>,
}

impl Custodian {
    async fn converse(&mut self, mut requests: BufReader<Receiver>) -> anyhow::Result<()> {
        let mut line = Vec::new();
        loop {
            line.clear();
            if requests.read_until(b'\n', &mut line).await? == 0 {
                if self.defects.has(Deviation::CustodianOutlivesVnfm) {
                    std::future::pending::<()>().await;
                }
                return Ok(());
            }
            let answer = match serde_json::from_slice(&line) {
                Ok(Request::Send(delivery)) => {
                    match self.send_unless_left(&delivery, &mut requests).await {
                        Some(answer) => answer,
                        None => return Ok(()),
                    }
                }
                Ok(request) => self.answer(request),
                Err(error) => Err(error.into()),
            };
            let answer = answer.unwrap_or_else(|error| match error.downcast::<Unusable>() {
                Ok(Unusable { part, reason }) => Answer::Unusable { part, reason },
                Err(error) => Answer::Failed {
                    reason: format!("{error:#}"),
                },
            });
            let mut stdout = std::io::stdout().lock();
            serde_json::to_writer(&mut stdout, &answer)?;
            stdout.write_all(b"\n")?;
            stdout.flush()?;
        }
    }

    fn answer(&mut self, request: Request) -> anyhow::Result<Answer> {
        match request {
            Request::Begin {
                retention_seconds,
                defects,
                token,
            } => {
                self.defects = Defects::from_names(defects.iter().map(String::as_str))?;
                self.retention_seconds = Some(retention_seconds);
                let remarks = hygiene::protect(self.defects)
                    .context("the key custodian cannot protect itself")?;
                if let Some(access) = token {
                    // Now that nobody can look on: it reads the PIN.
                    self.token = Some(Rc::new(Token::open(&access)?));
                }
                Ok(Answer::Begun { remarks })
            }
            Request::Generate { id, kind, names } => {
                if self.keys.is_empty() {
                    // The retention of the oldest key ends it (Vnfm.Sc.005).
                    let seconds = self.retention_seconds.context("it has not begun")?;
                    hygiene::end_after(defective::retention(self.defects, seconds));
                }
                let key = match (self.keys.values().next(), &self.token) {
                    (Some(key), _) if self.defects.has(Deviation::OneKeyForAll) => key.copy()?,
                    (_, Some(token)) => Key::in_token(token.generate(kind, self.defects)?),
                    (_, None) => Key::generate(kind, &id, self.defects)?,
                };
                let csr = BASE64_STANDARD.encode(key.csr(&names, self.defects)?);
                if defective::keeps_in_clear(self.defects) {
                    self.in_clear.push(key.pem()?.into_bytes());
                }
                let exposed = defective::exposed(self.defects, &key)?;
                self.keys.insert(id, key);
                Ok(Answer::Generated { csr, exposed })
            }
            Request::Check { id, certificate } => {
                let key = self.keys.get(&id).context("there is no such key")?;
                anyhow::ensure!(
                    self.defects.has(Deviation::InstallsCertificateOfOtherKey)
                        || key.fits(&BASE64_STANDARD.decode(certificate)?),
                    "the certificate is for another key"
                );
                Ok(Answer::Done)
            }
            Request::Forget { id } => {
                self.keys.remove(&id).map_or(Ok(()), Key::delete)?;
                Ok(Answer::Done)
            }
            Request::Sweep { batch } => {
                let token = self.token.as_ref().context("there is no token")?;
                let objects = token.sweep(batch)?;
                Ok(Answer::Swept { objects })
            }
            Request::Send(_) => anyhow::bail!("it is sent beside the requests"),
        }
    }

    /// `None` if the VNFM went away meanwhile: then nobody waits for the answer, and the keys must not outlive it.
    async fn send_unless_left(
        &self,
        delivery: &Delivery,
        requests: &mut BufReader<Receiver>,
    ) -> Option<anyhow::Result<Answer>> {
        let mut sending = std::pin::pin!(deliver::send(delivery, &self.keys, self.defects));
        tokio::select! {
            answer = &mut sending => Some(answer),
            more = requests.fill_buf() => match more {
                Ok(more) if !more.is_empty() => Some(sending.await),
                _ if self.defects.has(Deviation::CustodianOutlivesVnfm) => Some(sending.await),
                _ => None,
            },
        }
    }
}

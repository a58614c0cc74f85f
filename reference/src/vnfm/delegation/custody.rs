//! The VNFM's end of the pipe to a key custodian. Main type: [`Custodian`].

use std::process::Stdio;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::Delegation;
use super::config::Keys;
use super::token;
use crate::custodian::protocol::{Answer, Delivery, KeyKind, Names, Request, TokenPart};
use crate::defect::{Defects, Deviation};

/// How long a custodian that was told to end may take.
const LAST_BREATH: Duration = Duration::from_secs(5);

/// A process that holds the private keys of one operation. Dropped, it is killed.
pub(crate) struct Custodian {
    pipe: Mutex<Pipe>,
    /// What it may have left behind, if a PKCS#11 token holds its keys.
    token: Option<Token>,
}

/// What is needed to look after a custodian.
struct Token {
    keys: Keys,
    owner: Uuid,
    batch: Uuid,
    /// Whether this product leaves it there.
    is_left: bool,
}

struct Pipe {
    child: Child,
    /// Nothing once it was told to end.
    requests: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
}

/// The custodian cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CustodyError {
    #[error("the key custodian `{command}` cannot be started: {source}")]
    Start {
        command: String,
        source: std::io::Error,
    },
    #[error("the key custodian ended, and the private keys with it")]
    Ended,
    #[error("the key custodian speaks another language: {0}")]
    Language(String),
    #[error("the key custodian: {0}")]
    Failed(String),
    /// By the configuration, or what it refers to.
    #[error("the key custodian: {reason}")]
    Token { part: TokenPart, reason: String },
}

/// A key pair that was made.
pub(crate) struct Generated {
    /// PKCS#10 DER in base64.
    pub(crate) csr: String,
    /// Of a deviating product only.
    pub(crate) exposed: Option<String>,
}

/// Custodians of a deviating product that are still there although their operation is over.
#[derive(Default)]
pub(crate) struct Lingering(std::sync::Mutex<Vec<Arc<Custodian>>>);

/// What became of a delivery that was answered.
pub(crate) struct Sent {
    pub(crate) status: u16,
    pub(crate) stack_id: Option<String>,
}

impl Custodian {
    /// Starts one. The owner is who this VNFM is to the token, if the keys are to be in one.
    pub(super) async fn start(
        keys: &Keys,
        owner: Option<Uuid>,
        defects: Defects,
    ) -> Result<Self, CustodyError> {
        let mut command = command(keys)?;
        let pkcs11 = keys.pkcs11.as_ref().zip(owner);
        let access = pkcs11.map(|(pkcs11, owner)| token::access(pkcs11, owner));
        // Nothing of the environment: a library might be told there to log secrets.
        command
            .env_clear()
            .envs(
                pkcs11
                    .into_iter()
                    .flat_map(|(pkcs11, _)| &pkcs11.environment),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(|source| CustodyError::Start {
            command: command.as_std().get_program().display().to_string(),
            source,
        })?;
        let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(CustodyError::Ended);
        };
        let custodian = Self {
            pipe: Mutex::new(Pipe {
                child,
                requests: Some(requests),
                answers: BufReader::new(answers).lines(),
            }),
            token: access.as_ref().map(|access| Token {
                keys: keys.clone(),
                owner: access.owner,
                batch: access.batch,
                is_left: defects.has(Deviation::TokenObjectLeftBehind),
            }),
        };
        let begin = Request::Begin {
            retention_seconds: keys.retention_seconds,
            defects: defects.names(),
            token: access,
        };
        match custodian.ask(&begin).await? {
            Answer::Begun { remarks } => {
                for remark in remarks {
                    tracing::info!(remark, "key custodian");
                }
                Ok(custodian)
            }
            other => Err(unexpected(other)),
        }
    }

    /// A new key pair, and the certificate signing request for it.
    pub(crate) async fn generate(
        &self,
        id: &str,
        kind: KeyKind,
        names: &Names,
    ) -> Result<Generated, CustodyError> {
        let request = Request::Generate {
            id: id.to_owned(),
            kind,
            names: names.clone(),
        };
        match self.ask(&request).await? {
            Answer::Generated { csr, exposed } => Ok(Generated { csr, exposed }),
            other => Err(unexpected(other)),
        }
    }

    /// Whether the certificate (DER in base64) is for the key.
    pub(crate) async fn check(&self, id: &str, certificate: &str) -> Result<(), CustodyError> {
        let request = Request::Check {
            id: id.to_owned(),
            certificate: certificate.to_owned(),
        };
        match self.ask(&request).await? {
            Answer::Done => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    /// Sends keys to their peer. [`CustodyError::Failed`] if no answer came.
    pub(crate) async fn send(&self, delivery: Delivery) -> Result<Sent, CustodyError> {
        tracing::debug!(
            method = delivery.method,
            url = delivery.url,
            "request with private keys, by the key custodian"
        );
        match self.ask(&Request::Send(delivery)).await? {
            Answer::Sent { status, stack_id } => Ok(Sent { status, stack_id }),
            other => Err(unexpected(other)),
        }
    }

    /// Deletes one key.
    pub(crate) async fn forget(&self, id: &str) -> Result<(), CustodyError> {
        match self.ask(&Request::Forget { id: id.to_owned() }).await? {
            Answer::Done => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    /// Destroys what custodians have left in the token: one of them, or all. The number of objects.
    pub(super) async fn sweep(&self, batch: Option<Uuid>) -> Result<usize, CustodyError> {
        match self.ask(&Request::Sweep { batch }).await? {
            Answer::Swept { objects } => Ok(objects),
            other => Err(unexpected(other)),
        }
    }

    /// Ends it, and with it all keys. When this returns it is gone.
    pub(crate) async fn end(&self) {
        if self.end_process().await {
            return;
        }
        // The alarm or a kill gave it no time to destroy its objects.
        let Some(Token {
            keys,
            owner,
            batch,
            is_left: false,
        }) = &self.token
        else {
            return;
        };
        let swept = async {
            // It makes no keys, so it has nothing to do otherwise than others.
            let other = Self::start(keys, Some(*owner), Defects::NONE).await?;
            let objects = other.sweep(Some(*batch)).await?;
            other.end_process().await;
            Ok::<_, CustodyError>(objects)
        };
        match swept.await {
            Ok(objects) => tracing::info!(objects, "swept after a key custodian"),
            Err(error) => tracing::error!(%error, "the next start sweeps the PKCS#11 token"),
        }
    }

    /// Whether it ended as it should.
    async fn end_process(&self) -> bool {
        let mut pipe = self.pipe.lock().await;
        pipe.requests = None;
        let Ok(ended) = tokio::time::timeout(LAST_BREATH, pipe.child.wait()).await else {
            tracing::warn!("the key custodian does not end by itself and is killed");
            let _ = pipe.child.kill().await;
            return false;
        };
        ended.is_ok_and(|status| status.success())
    }

    async fn ask(&self, request: &Request) -> Result<Answer, CustodyError> {
        let mut line = serde_json::to_vec(request)
            .map_err(|error| CustodyError::Language(error.to_string()))?;
        line.push(b'\n');
        let mut pipe = self.pipe.lock().await;
        let requests = pipe.requests.as_mut().ok_or(CustodyError::Ended)?;
        requests
            .write_all(&line)
            .await
            .map_err(|_| CustodyError::Ended)?;
        match pipe.answers.next_line().await {
            Ok(Some(answer)) => match serde_json::from_str(&answer) {
                Ok(Answer::Failed { reason }) => Err(CustodyError::Failed(reason)),
                Ok(Answer::Unusable { part, reason }) => Err(CustodyError::Token { part, reason }),
                Ok(answer) => Ok(answer),
                Err(error) => Err(CustodyError::Language(error.to_string())),
            },
            _ => Err(CustodyError::Ended),
        }
    }
}

impl Delegation {
    /// A new custodian.
    pub(super) async fn custodian(&self) -> Result<Custodian, CustodyError> {
        if self.defects.has(Deviation::DeletesAtNextOperation) {
            let lingering = std::mem::take(&mut *self.lingering());
            for custodian in lingering {
                custodian.end().await;
            }
        }
        Custodian::start(&self.keys, self.owner, self.defects).await
    }

    /// The operation is over, and so are its keys.
    pub(super) async fn end(&self, custodian: &Arc<Custodian>, succeeded: bool) {
        let defects = self.defects;
        let always = [
            Deviation::KeyInLingeringCustodian,
            Deviation::DeletesAtNextOperation,
        ];
        if defects.has_any(&always) || !succeeded && defects.has(Deviation::DeletesOnlyOnSuccess) {
            self.lingering().push(Arc::clone(custodian));
            return;
        }
        if defects.has(Deviation::CustodianOutlivesVnfm) {
            // It would not end by itself.
            let _ = custodian.pipe.lock().await.child.kill().await;
        }
        custodian.end().await;
    }

    /// How often an installation is tried.
    pub(super) fn attempts(&self) -> u32 {
        match self.defects.has(Deviation::OneAttemptTooMany) {
            true => self.keys.attempts.saturating_add(1),
            false => self.keys.attempts,
        }
    }

    fn lingering(&self) -> MutexGuard<'_, Vec<Arc<Custodian>>> {
        self.lingering
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn unexpected(answer: Answer) -> CustodyError {
    CustodyError::Language(format!("it answered {answer:?}"))
}

fn command(keys: &Keys) -> Result<Command, CustodyError> {
    if let Some((program, arguments)) = keys.custodian_command.split_first() {
        let mut command = Command::new(program);
        command.args(arguments);
        return Ok(command);
    }
    let program = std::env::current_exe().map_err(|source| CustodyError::Start {
        command: "this program".to_owned(),
        source,
    })?;
    let mut command = Command::new(program);
    command.args(["reference", "custodian"]);
    Ok(command)
}

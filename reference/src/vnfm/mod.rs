//! The reference VNFM: SOL003 VNF lifecycle management as a process of its own. Main function: [`run`].

mod api;
mod config;
mod delegated;
mod delegation;
mod ids;
mod lifecycle;
mod model;
mod nfvo_client;
mod notifier;
mod packages;
mod problem;
mod store;
pub(crate) mod tls;

use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, oneshot};
use tokio::task::{JoinHandle, JoinSet};

pub use config::{Config, ConfigError};

use crate::custodian::protocol::Verification;
use crate::package::{Signers, Verifier};
use config::read;
use delegation::Delegation;
use ids::Ids;
use lifecycle::Lifecycle;
use model::Subscription;
use nfvo_client::NfvoClient;
use notifier::Notifier;
use packages::Packages;
use store::{Store, Table};
use tls::{ClientFiles, TlsListener};

/// How long requests that are being served may take after the end was asked for.
const LAST_ANSWERS: Duration = Duration::from_secs(3);

/// Runs a VNFM by this configuration file until SIGTERM, SIGINT or the end of standard input.
///
/// Once it accepts connections, it writes one line to standard output: `{"event":"ready","apiRoot":"https://127.0.0.1:41234"}`.
///
/// # Errors
/// A [`ConfigError`] (to be found by `downcast_ref`) if the configuration cannot be used; otherwise what failed.
pub async fn run(config: &Path) -> anyhow::Result<()> {
    let config = Config::load(config)?;
    start_log(&config.log)?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let vnfm = Vnfm::start(&config).await?;
    // The line is the interface to the parent process, not a message to a person.
    let mut ready = serde_json::json!({ "event": "ready", "apiRoot": vnfm.api_root() });
    if let Some(oam) = vnfm.oam_address() {
        ready["oam"] = serde_json::json!(oam);
    }
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{ready}")
        .and_then(|()| stdout.flush())
        .context("cannot write to standard output")?;
    drop(stdout);
    let reason = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
        _ = end_of_stdin() => "end of standard input",
    };
    tracing::info!(reason, "stopping");
    vnfm.stop().await
}

/// JSON lines to the configured file, else to standard error.
fn start_log(log: &config::Log) -> Result<(), ConfigError> {
    let builder = tracing_subscriber::fmt()
        .json()
        .with_env_filter(match log.level {
            config::Level::Info => "info",
            // What the libraries have to say is no request of ours.
            config::Level::Debug => "info,scas_reference=debug",
        });
    let started = match &log.file {
        Some(path) => {
            let file = std::fs::File::options()
                .create(true)
                .append(true)
                .open(path);
            let file = file.with_context(|| format!("cannot open `{}`", path.display()));
            builder
                .with_writer(Mutex::new(
                    file.map_err(|error| ConfigError::value("log.file", error))?,
                ))
                .try_init()
        }
        None => builder.with_writer(std::io::stderr).try_init(),
    };
    // Only fails if the process has a log already, which then gets the events too.
    drop(started);
    Ok(())
}

/// Resolves when nobody holds the other end of standard input any more. A thread reads it, since a read cannot be cancelled.
async fn end_of_stdin() {
    let (ended, end) = oneshot::channel();
    std::thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        let mut buffer = [0; 1024];
        while stdin.read(&mut buffer).is_ok_and(|read| read > 0) {}
        let _ = ended.send(());
    });
    let _ = end.await;
}

/// A VNFM that serves.
pub struct Vnfm {
    lifecycle: Arc<Lifecycle>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<std::io::Result<()>>,
}

impl Vnfm {
    /// Starts to serve by this configuration.
    ///
    /// # Errors
    /// A [`ConfigError`] if a configured value cannot be used; otherwise what failed.
    pub async fn start(config: &Config) -> anyhow::Result<Self> {
        let defects = config.defects()?;
        let server_tls = tls::server_config(&config.api)?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client_config(
                &ClientFiles {
                    anchors: ("nfvo.anchors", &config.nfvo.anchors),
                    certificate: ("nfvo.certificate", &config.nfvo.certificate),
                    private_key: ("nfvo.private_key", &config.nfvo.private_key),
                },
                Verification::Full,
            )?)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(config.nfvo.timeout())
            .connect_timeout(Duration::from_secs(10))
            .build()?;
        let limits = config.packages.limits();
        let nfvo = Arc::new(NfvoClient::new(
            http.clone(),
            &config.nfvo,
            limits.max_unpacked_bytes,
        )?);
        let verifier = Verifier::new(signers(&config.packages)?, limits, defects);
        let store = Store::open(&config.storage.directory)
            .map_err(|error| ConfigError::value("storage.directory", error))?;
        let delegation = Delegation::start(config, &store, defects)
            .await?
            .map(Arc::new);
        let listener = TcpListener::bind(config.api.listen)
            .await
            .with_context(|| format!("cannot listen on {}", config.api.listen))
            .map_err(|error| ConfigError::value("api.listen", error))?;
        let api_root = format!("https://{}", listener.local_addr()?);
        let lifecycle = Arc::new(Lifecycle {
            ids: Ids::open(&store, defects)?,
            packages: Packages::new(Arc::clone(&nfvo), verifier),
            nfvo,
            notifier: Notifier::new(http, api_root.clone(), api::VERSION, defects),
            api_root,
            verify_at: config.packages.verify_at,
            busy: Mutex::new(HashSet::new()),
            operations: Mutex::new(JoinSet::new()),
            delegation,
            changed: Notify::new(),
            store,
        });
        lifecycle.fail_interrupted().await?;
        lifecycle.take_up_delegation().await?;
        for subscription in lifecycle.store.all::<Subscription>(Table::Subscriptions)? {
            lifecycle.notifier.add(subscription);
        }
        let authorization = config.api.authorization.as_ref();
        let gate = authorization.map(api::Gate::new).transpose()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = axum::serve(
            TlsListener::new(listener, server_tls)?,
            api::router(Arc::clone(&lifecycle), gate),
        );
        let server = tokio::spawn(async move {
            serving
                .with_graceful_shutdown(async {
                    let _ = stopped.await;
                })
                .await
        });
        tracing::info!(api_root = lifecycle.api_root, defects = ?config.test.defects, "serving");
        Ok(Self {
            lifecycle,
            stop,
            server,
        })
    }

    /// What comes before `/vnflcm/v2` in the URIs of its API.
    pub fn api_root(&self) -> &str {
        &self.lifecycle.api_root
    }

    /// Where VNFCIs connect to, if it serves them.
    pub fn oam_address(&self) -> Option<SocketAddr> {
        let delegation = self.lifecycle.delegation.as_ref()?;
        Some(delegation.oam_address())
    }

    /// Ends it: requests and operations in progress have a short while.
    ///
    /// # Errors
    /// If the server or the last write failed.
    pub async fn stop(self) -> anyhow::Result<()> {
        let _ = self.stop.send(());
        let mut server = self.server;
        match tokio::time::timeout(LAST_ANSWERS, &mut server).await {
            Ok(ended) => ended??,
            Err(_) => server.abort(),
        }
        let mut operations = std::mem::take(
            &mut *self
                .lifecycle
                .operations
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        operations.shutdown().await;
        self.lifecycle.notifier.stop().await;
        let last = self.lifecycle.ids.at_end()?;
        Ok(self.lifecycle.store.apply(last).await?)
    }
}

fn signers(packages: &config::Packages) -> Result<Signers, ConfigError> {
    let mut signers = Signers::from_pem(&read("packages.anchors", &packages.anchors)?)
        .with_context(|| format!("`{}`", packages.anchors.display()))
        .map_err(|error| ConfigError::value("packages.anchors", error))?;
    for path in &packages.crls {
        signers
            .add_crls(&read("packages.crls", path)?)
            .with_context(|| format!("`{}`", path.display()))
            .map_err(|error| ConfigError::value("packages.crls", error))?;
    }
    Ok(signers)
}

//! The web view of a folder of runs, for a browser on the same machine: [`Server`].
//!
//! It reads and writes nothing. What lies in the folder may come from anybody, so nothing in it is followed, believed or run: verdicts are
//! folded from the records again, files are sent as what they are and never as pages, and texts go through the templates of the reports.

mod changes;
mod comparison;
mod files;
mod folder;
mod guard;
mod list;
mod live;
mod pages;
mod runs;
mod stream;
mod summary;
mod tail;
mod trouble;
mod watch;
mod writers;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use tokio::net::TcpListener;

use self::pages::Pages;
use self::runs::Runs;
use self::trouble::Trouble;
use self::writers::Writers;
use crate::report::record::EVENTS;

/// How long answers that are under way may take when the end is asked for.
const PATIENCE: Duration = Duration::from_secs(2);

/// A server that has its address.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    app: Arc<App>,
    close: tokio::sync::watch::Sender<bool>,
}

/// What every answer is made from.
struct App {
    runs: Runs,
    pages: Pages,
    writers: Writers,
    address: SocketAddr,
    /// True once the end was asked for: streams end.
    closing: tokio::sync::watch::Receiver<bool>,
}

impl App {
    /// Ends once the end was asked for.
    async fn closed(&self) {
        // If nobody is left who could ask, it has come.
        let _ = self.closing.clone().wait_for(|closing| *closing).await;
    }
}

impl Server {
    /// Takes the address, and looks whether there is a folder.
    ///
    /// # Errors
    /// There is none, or it is a run itself; or the address cannot be had. What the user wrote is named.
    pub async fn bind(folder: &Path, listen: SocketAddr) -> anyhow::Result<Self> {
        let named = || {
            format!(
                "{}: name the folder of runs, as given to scas run --out (reports unless it was)",
                folder.display()
            )
        };
        let root = folder.canonicalize().with_context(named)?;
        ensure!(root.is_dir(), "{}: it is no folder", named());
        ensure!(
            !root.join("run.json").exists() && !root.join(EVENTS).exists(),
            "{}: it is one run; name the folder that it lies in",
            folder.display()
        );
        let listener = TcpListener::bind(listen).await;
        let listener = listener.with_context(|| {
            format!("--listen {listen}: the address cannot be had; port 0 takes a free one")
        })?;
        let address = listener.local_addr()?;
        let (close, closing) = tokio::sync::watch::channel(false);
        let app = App {
            runs: Runs::new(root),
            pages: Pages::new()?,
            writers: Writers::default(),
            address,
            closing,
        };
        Ok(Self {
            listener,
            address,
            app: Arc::new(app),
            close,
        })
    }

    /// Where a browser on this machine finds it.
    pub fn url(&self) -> String {
        let mut address = self.address;
        // Everywhere is no place to go to.
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        format!("http://{address}/")
    }

    /// Answers until `until` ends, then ends what is under way.
    ///
    /// # Errors
    /// The system does not let it go on.
    pub async fn run(self, until: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
        let (close, app) = (self.close, Arc::clone(&self.app));
        let serving =
            axum::serve(self.listener, router(self.app)).with_graceful_shutdown(async move {
                until.await;
                let _ = close.send(true);
            });
        let mut serving = std::pin::pin!(async { serving.await.context("cannot go on serving") });
        tokio::select! {
            ended = &mut serving => return ended,
            () = app.closed() => {}
        }
        // A reader that takes longer has had its time.
        tokio::time::timeout(PATIENCE, serving)
            .await
            .unwrap_or(Ok(()))
    }
}

fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/", get(list::page))
        .route("/changes", get(changes::stream))
        .route("/compare", get(comparison::page))
        .route("/live", get(live::next))
        .route("/live/{run}", get(live::page))
        .route("/live/{run}/events", get(live::events))
        .route("/runs/{run}", get(files::to_folder))
        .route("/runs/{run}/", get(files::run))
        .route("/runs/{run}/{*path}", get(files::file))
        .fallback(async || Trouble::nothing_here("there is no such page"))
        .layer(from_fn_with_state(Arc::clone(&app), guard::guard))
        .with_state(app)
}

/// Does what may take its time beside what must not wait.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Trouble> + Send + 'static,
) -> Result<T, Trouble> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Trouble::ours(error.into()))?
}

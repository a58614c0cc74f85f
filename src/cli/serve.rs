//! `scas serve`: a folder of runs in a browser.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::{Failure, Outcome};
use crate::serve::Server;

/// Shows a folder of runs in a browser, until Ctrl-C: the list, reports with their evidence, what changed between two runs, and a run
/// that is under way as it happens.
///
/// Prints one line {"event":"ready","url":"http://..."} once it accepts connections. It reads, and writes nothing.
#[derive(clap::Args)]
pub struct Args {
    /// The folder of runs, as given to `scas run --out`
    #[arg(value_name = "FOLDER", default_value = "reports")]
    folder: PathBuf,
    /// Where to listen; port 0 takes a free one. Whoever reaches another address than a loopback one can read every record
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Outcome {
    let runtime = super::runtime()?;
    let served = runtime.block_on(async {
        let server = Server::bind(&args.folder, args.listen).await?;
        if !args.listen.ip().is_loopback() {
            super::error(&format!(
                "warning: --listen {}: this is no loopback address; whoever reaches it can read every record under {}, without a \
                 password and without TLS",
                args.listen,
                args.folder.display()
            ));
        }
        let interrupted = super::run::interrupted();
        let ready = serde_json::json!({
            "event": "ready",
            "url": server.url(),
            "folder": args.folder,
        });
        super::print(&format!("{ready}\n"));
        server
            .run(async {
                interrupted.await;
            })
            .await
    });
    // A reader that takes its time must not keep us.
    runtime.shutdown_background();
    served.map_err(Failure::Usage)?;
    Ok(0)
}

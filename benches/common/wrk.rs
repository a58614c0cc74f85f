//! The load client that we are compared with: `wrk` (Debian package `wrk`).

use std::ffi::OsStr;
use std::process::Command;

use anyhow::Context as _;

/// Whether it is installed; says so loudly if not.
pub fn is_here() -> bool {
    // It has no call that succeeds without a URL.
    let here = Command::new("wrk").arg("--version").output().is_ok();
    if !here {
        println!("NOT RUN: `wrk` is missing (Debian package wrk): there is no figure of a peer");
    }
    here
}

/// Requests a second on `url` over so many kept-alive connections; `more` says what is asked, in wrk's own options.
pub fn rate<S: AsRef<OsStr>>(
    url: &str,
    connections: usize,
    seconds: u32,
    more: &[S],
) -> anyhow::Result<f64> {
    let mut command = Command::new("wrk");
    command.args(["--threads", "2"]);
    command.args(["--connections", &connections.to_string()]);
    command.args(["--duration", &format!("{seconds}s"), "--timeout", "30s"]);
    let output = command
        .args(more)
        .arg(url)
        .output()
        .context("cannot run wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    // Fast refusals would look like speed.
    anyhow::ensure!(
        output.status.success() && !text.contains("Non-2xx") && !text.contains("Socket errors"),
        "wrk did not get what it asked for:\n{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text.lines()
        .find_map(|line| line.trim().strip_prefix("Requests/sec:"))
        .and_then(|figure| figure.trim().parse().ok())
        .with_context(|| format!("wrk named no rate:\n{text}"))
}

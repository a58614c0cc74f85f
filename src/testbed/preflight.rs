//! What can be told before the first scenario: [`preflight`].

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;

use super::sut_process;
use crate::model::sut::Profile;

/// Catches configuration mistakes before the first scenario.
///
/// # Errors
/// Each names the label that the user wrote.
pub async fn preflight(profile: &Profile) -> anyhow::Result<()> {
    let ixit = &profile.ixit;
    for (label, listen) in [
        ("ixit.nfvo.listen", ixit.nfvo.listen),
        ("ixit.cmf.listen", ixit.cmf.listen),
        ("ixit.vim.listen", ixit.vim.listen),
        ("ixit.vnfci.listen", ixit.vnfci.listen),
    ] {
        // Bound and dropped at once: nothing else can tell whether it is free.
        std::net::TcpListener::bind(listen).with_context(|| {
            format!("{label}: cannot listen on {listen}; end what uses it, or write port 0 for a free one")
        })?;
    }
    if let Some(root) = ixit.api.root.as_ref().filter(|_| !ixit.api.running) {
        anyhow::ensure!(
            !sut_process::listens(root).await,
            "ixit.api.root: something listens at {} already and would be taken for the product; end it, or write \
             running = true if it is the product",
            root
        );
    }
    let start = ixit.start.as_ref().map(|start| &start.command);
    let commands = [("ixit.start.command", start)];
    for (label, command) in commands.into_iter().chain(ixit.commands.all()) {
        let program = command.and_then(|words| words.first());
        if let Some(program) = program.filter(|program| *program != "{scas}") {
            runnable(label, program)?;
        }
    }
    Ok(())
}

/// The placeholders that a profile may use, with values that only show their names.
pub fn placeholders() -> BTreeMap<&'static str, String> {
    [
        "accepted-at",
        "attempts",
        "cmf",
        "cmf-ca",
        "config",
        "crl",
        "defects",
        "dir",
        "log",
        "nfvo",
        "pki",
        "retention",
        "scas",
        "signers",
        "state",
        "vim",
        "vim-password-file",
    ]
    .into_iter()
    .map(|name| (name, name.to_owned()))
    .collect()
}

/// Whether a program can be found, by path or on PATH. Tried here so that a slip of the pen is told at once.
fn runnable(label: &str, program: &str) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    if program.contains('{') {
        // Known only once a scenario has its folders.
        return Ok(());
    }
    let executable = |path: &Path| {
        path.metadata()
            .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    let found = if program.contains('/') {
        executable(Path::new(program))
    } else {
        std::env::var_os("PATH").is_some_and(|paths| {
            std::env::split_paths(&paths).any(|p| executable(&p.join(program)))
        })
    };
    anyhow::ensure!(
        found,
        "{label}: '{program}' is not an executable file; write its path, or a name on PATH"
    );
    Ok(())
}

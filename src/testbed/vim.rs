//! The simulated VIM as the profile wants it, and the one of scenarios outside delegation mode, where a product is judged at
//! instantiation: [`PlainVim`].

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use scas_simulators::tls::ServerSecurity;
use scas_simulators::transcript::Transcript;
use scas_simulators::vim::{Account, Vim, VimConfig};

use super::delegation::identity;
use crate::context::RunContext;
use crate::model::sut::{Security, VimSide};

/// The one project.
const PROJECT: &str = "nfv";
/// The file with the password, for the product.
pub(super) const PASSWORD_FILE: &str = "vim-password";
/// Random bytes of the password.
const PASSWORD_BYTES: usize = 16;

/// The password of the profile, or a new one.
///
/// # Errors
/// The secret was not read: a fault of ours.
pub(super) fn password(side: &VimSide) -> anyhow::Result<String> {
    match &side.password {
        Some(secret) => Ok(secret.expose()?.to_owned()),
        None => Ok(hex::encode(rand::random::<[u8; PASSWORD_BYTES]>())),
    }
}

/// Who may use the VIM.
pub(super) fn account(side: &VimSide, password: &str) -> Account {
    Account {
        user: side.user.clone(),
        password: password.to_owned(),
        project: PROJECT.into(),
        domain: "Default".into(),
        application_credential: None,
    }
}

/// What request members say of a VIM.
#[derive(Clone, Debug, Default)]
pub(super) struct VimAccess {
    pub(super) auth_url: String,
    pub(super) user: String,
    pub(super) password: String,
}

/// A VIM that boots servers which nobody looks at.
pub(super) struct PlainVim {
    vim: Vim,
    access: VimAccess,
    password_file: PathBuf,
}

impl PlainVim {
    /// Starts it; `files` is a folder for what the product is to read.
    ///
    /// # Errors
    /// The address is taken.
    pub(super) async fn start(
        context: &RunContext,
        transcript: &Transcript,
        files: &Path,
    ) -> anyhow::Result<Self> {
        let side = &context.profile.ixit.vim;
        let identity = || identity(&context.pki.nfvo);
        let security = match side.security {
            Security::MutualTls => ServerSecurity::Mutual {
                identity: identity(),
                client_anchors_pem: context.pki.ca.certificate_pem(),
            },
            Security::ServerTls => ServerSecurity::ServerOnly {
                identity: identity(),
            },
            Security::Plain => ServerSecurity::Plain,
        };
        let password = password(side)?;
        context.secrets.keep(&password);
        let vim = Vim::start(VimConfig {
            listen: side.listen,
            public_host: side.name.clone(),
            ..VimConfig::new(security, transcript.clone(), account(side, &password))
        })
        .await
        .context("ixit.vim")?;
        let access = VimAccess {
            auth_url: vim.auth_url(),
            user: side.user.clone(),
            password,
        };
        let password_file = files.join(PASSWORD_FILE);
        write_private(&password_file, &access.password)?;
        Ok(Self {
            vim,
            access,
            password_file,
        })
    }

    pub(super) fn access(&self) -> &VimAccess {
        &self.access
    }

    /// The values of the placeholders.
    pub(super) fn placeholders(&self) -> [(&'static str, String); 2] {
        [
            ("vim", self.access.auth_url.clone()),
            (
                "vim-password-file",
                self.password_file.display().to_string(),
            ),
        ]
    }

    /// Ends it, and waits until its port is free.
    pub(super) async fn stop(self) {
        self.vim.stop().await;
    }
}

/// Writes a file that only this user can read.
///
/// # Errors
/// It cannot be written; the path is named.
pub(super) fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    file.write_all(text.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))
}

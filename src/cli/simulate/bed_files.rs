//! What `scas simulate bed` writes for the VNFM: a configuration of the reference VNFM, which shows what goes where. Main
//! function: [`write`].

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use toml::Value;

use super::vim::AccountArgs;

/// What differs from bed to bed.
pub(super) struct ReferenceConfig<'a> {
    pub(super) nfvo: &'a str,
    pub(super) cmf: &'a str,
    /// The CA's root, relative to the folder.
    pub(super) cmf_ca: &'a str,
    pub(super) auth_url: &'a str,
    pub(super) account: &'a AccountArgs,
    /// Where the VNFCIs look for the VNF OAM endpoint.
    pub(super) oam: Option<&'a str>,
}

const CONFIG: &str = "reference-vnfm.toml";
const PASSWORD: &str = "vim-password";

/// Writes the configuration file and the file with the password; the former's path. They are of this run, so that those of an
/// earlier one are replaced.
pub(super) fn write(config: &ReferenceConfig<'_>, folder: &Path) -> anyhow::Result<PathBuf> {
    let password = folder.join(PASSWORD);
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&password)
        .and_then(|mut file| writeln!(file, "{}", config.account.password))
        .with_context(|| format!("cannot write `{}`", password.display()))?;
    let path = folder.join(CONFIG);
    std::fs::write(&path, text(config))
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    // Named in a ready line, for somebody who may be elsewhere.
    Ok(std::path::absolute(path)?)
}

fn text(config: &ReferenceConfig<'_>) -> String {
    let quoted = |text: &str| Value::from(text).to_string();
    format!(
        r#"# For `scas reference vnfm --config`, by `scas simulate bed`. Paths are relative to this file.
# docs/reference-vnfm.md explains each label.

[api] # what the VNFM serves: SOL003
listen = "127.0.0.1:0"
certificate = "tls/vnfm.crt"
private_key = "tls/vnfm.key"
client_anchors = "tls/ca.crt"

[nfvo] # VNF packages, grants, notifications: SOL003
api_root = {nfvo}
anchors = "tls/ca.crt"
certificate = "tls/vnfm.crt"
private_key = "tls/vnfm.key"

[packages] # who signs VNF packages
anchors = "signers/signers-ca.crt"
crls = ["signers/signers.crl"]

[cmf] # registration of delegates, and EST (RFC 7030) below /.well-known/est
root = {cmf}
anchors = "tls/ca.crt"
certificate = "tls/vnfm.crt"
private_key = "tls/vnfm.key"
ca_anchors = {cmf_ca} # the CA of the VNFCIs' certificates

[vim] # Keystone v3 and Heat
auth_url = {auth_url}
anchors = "tls/ca.crt"
certificate = "tls/vnfm.crt"
private_key = "tls/vnfm.key"
user = {user}
password_file = {password:?}
project = {project}

[oam] # the VNF OAM endpoint; the bed's VNFCIs connect to it where `--oam` says{oam_remark}
listen = {oam}
certificate = "tls/vnfm.crt"
private_key = "tls/vnfm.key"

[vnfci] # VNF configuration of running VNFCIs: SOL002
anchors = "tls/ca.crt"
certificate = "tls/vnfm.crt"
private_key = "tls/vnfm.key"

[storage]
directory = "vnfm-state"
"#,
        nfvo = quoted(config.nfvo),
        cmf = quoted(config.cmf),
        cmf_ca = quoted(config.cmf_ca),
        auth_url = quoted(config.auth_url),
        user = quoted(&config.account.user),
        password = PASSWORD,
        project = quoted(&config.account.project),
        oam_remark = match config.oam {
            Some(_) => "",
            None => ", which was not given",
        },
        oam = quoted(config.oam.unwrap_or("127.0.0.1:0")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_given_the_file_is_toml_and_says_it() {
        let account = AccountArgs {
            user: "a \"user\"".to_owned(),
            password: "p".to_owned(),
            project: "back\\slash".to_owned(),
        };
        let config = ReferenceConfig {
            nfvo: "https://127.0.0.1:1",
            cmf: "https://127.0.0.1:2",
            cmf_ca: "cmf-ca/root.pem",
            auth_url: "https://127.0.0.1:3/identity",
            account: &account,
            oam: Some("127.0.0.1:4"),
        };
        let folder = tempfile::tempdir().unwrap();
        let path = write(&config, folder.path()).unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        let read: toml::Table = text.parse().unwrap();
        assert_eq!(read["vim"]["user"].as_str(), Some("a \"user\""));
        assert_eq!(read["vim"]["project"].as_str(), Some("back\\slash"));
        assert_eq!(read["oam"]["listen"].as_str(), Some("127.0.0.1:4"));
        let password = folder
            .path()
            .join(read["vim"]["password_file"].as_str().unwrap());
        assert_eq!(std::fs::read_to_string(password).unwrap(), "p\n");
    }
}

//! A softhsm2 token for the reference, made for one run: [`Token`].

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::profile::{self, Loaded};

/// The name of the profile that refers to it.
pub const PROFILE: &str = "built in, with a softhsm2 token";
const LABEL: &str = "keys of VNFCIs";
/// Random bytes of its PINs.
const PIN_BYTES: usize = 8;
/// Where distributions put the library.
const MODULES: [&str; 5] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
];

/// A token in a folder of its own, which is removed when this is dropped.
pub struct Token {
    module: PathBuf,
    folder: tempfile::TempDir,
}

impl Token {
    /// Makes it.
    ///
    /// # Errors
    /// softhsm2 is not installed, or does not make a token.
    pub fn new() -> anyhow::Result<Self> {
        let module = module().with_context(|| {
            format!(
                "--softhsm: there is no softhsm2 (looked for {}); on Debian: apt-get install softhsm2",
                MODULES.join(", ")
            )
        })?;
        let folder = crate::context::private_folder("scas-token-").context("the token's folder")?;
        let token = Self { module, folder };
        let tokens = token.path("tokens");
        std::fs::create_dir(&tokens)?;
        let settings = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            tokens.display()
        );
        std::fs::write(token.path("softhsm2.conf"), settings)?;
        let [pin, so_pin] = [(); 2].map(|()| hex::encode(rand::random::<[u8; PIN_BYTES]>()));
        std::fs::write(token.path("pin"), format!("{pin}\n"))?;
        let made = Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", LABEL])
            .args(["--so-pin", &so_pin, "--pin", &pin])
            .env("SOFTHSM2_CONF", token.path("softhsm2.conf"))
            .output()
            .context("--softhsm: softhsm2-util cannot be run")?;
        anyhow::ensure!(
            made.status.success(),
            "--softhsm: softhsm2-util makes no token: {}",
            String::from_utf8_lossy(&made.stderr).trim()
        );
        Ok(token)
    }

    /// Whether one can be made here.
    pub fn is_possible() -> bool {
        module().is_some()
    }

    /// The built-in profile, with keys in this token. Token objects, since no other session sees session objects.
    ///
    /// # Errors
    /// The profile has not the lines that are changed: a fault of ours.
    pub fn reference(&self) -> anyhow::Result<Loaded> {
        let known = profile::reference()?;
        let item = format!("{} = ", profile::IN_TOKEN);
        let mut answers = known.text.lines().filter(|line| line.starts_with(&item));
        let answer = answers
            .next()
            .context("the profile does not answer for the token")?;
        let attempts = "attempts = {attempts}\n";
        anyhow::ensure!(
            known.text.contains(attempts),
            "the profile has no [keys] of the product"
        );
        let [module, settings, pin] = [
            self.module.clone(),
            self.path("softhsm2.conf"),
            self.path("pin"),
        ]
        .map(|path| format!("{:?}", path.display().to_string()));
        let objects = "objects = \"token\"";
        let product = format!(
            "{attempts}custody = \"pkcs11\"\n\n[keys.pkcs11]\nmodule = {module}\ntoken = {LABEL:?}\npin_file = {pin}\n{objects}\n\
             environment = {{ SOFTHSM2_CONF = {settings} }}\n"
        );
        let tester = format!(
            "\n[ixit.keys.pkcs11]\nmodule = {module}\ntoken = {LABEL:?}\npin-file = {pin}\n\
             environment = {{ SOFTHSM2_CONF = {settings} }}\n"
        );
        let text = known
            .text
            .replacen(answer, &format!("{item}true"), 1)
            .replacen(attempts, &product, 1);
        Ok(profile::of_text(&(text + &tester), PROFILE)?)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn module() -> Option<PathBuf> {
    let mut known = MODULES.iter().map(Path::new);
    known.find(|path| path.exists()).map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_with_a_token_reads_and_tells_where_it_is() {
        let token = Token {
            module: "/m.so".into(),
            folder: tempfile::tempdir().unwrap(),
        };
        let loaded = token.reference().unwrap();
        assert!(loaded.profile.ics.items[profile::IN_TOKEN].supported());
        let pkcs11 = loaded.profile.ixit.keys.pkcs11.unwrap();
        assert_eq!(pkcs11.module, Path::new("/m.so"));
        let product = loaded.profile.ixit.start.unwrap().delegation.unwrap();
        assert!(product.contains("custody = \"pkcs11\""), "{product}");
    }
}

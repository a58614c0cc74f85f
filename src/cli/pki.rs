//! `scas pki`: makes a folder with the test bed's certificates, which a product under test is configured with, and checks one.

use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use jiff::Timestamp;

use crate::pki::{KeyKind, PkiError, SIGNERS_FOLDER, SigningMaterial, TLS_FOLDER, TestPki};

/// The arguments of `scas pki`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a folder of certificates and keys for a test bed; nothing is overwritten
    New {
        /// The folder; it is made if need be
        dir: PathBuf,
        /// A DNS name or IP address at which NFVO and VNFM are reached; may be given several times
        #[arg(long = "name", value_name = "NAME", default_values = ["127.0.0.1", "::1", "localhost"])]
        names: Vec<String>,
        /// The kind of every key, those of package signers included
        #[arg(long, value_enum, default_value_t = Key::P256)]
        key: Key,
    },
    /// Check that the certificates in a folder fit their keys, their CA and today's date
    Check {
        /// The folder that `scas pki new` made
        dir: PathBuf,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Key {
    #[value(name = "p-256")]
    P256,
    #[value(name = "p-384")]
    P384,
    #[value(name = "rsa-3072")]
    Rsa3072,
}

impl From<Key> for KeyKind {
    fn from(key: Key) -> Self {
        match key {
            Key::P256 => Self::EcP256,
            Key::P384 => Self::EcP384,
            Key::Rsa3072 => Self::Rsa3072,
        }
    }
}

/// Does what the arguments say, and prints what it did.
///
/// # Errors
/// [`PkiError`], which names the file.
pub fn run(args: &Args) -> Result<(), PkiError> {
    let now = Timestamp::now();
    let said = match &args.command {
        Command::New { dir, names, key } => new(dir, names, (*key).into(), now)?,
        Command::Check { dir } => check(dir, now)?,
    };
    super::print(&said);
    Ok(())
}

fn new(dir: &Path, names: &[String], kind: KeyKind, now: Timestamp) -> Result<String, PkiError> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (tls, signers) = (dir.join(TLS_FOLDER), dir.join(SIGNERS_FOLDER));
    TestPki::with_key(kind, now, &names)?.write_to(&tls)?;
    SigningMaterial::with_key(kind, now)?.write_to(&signers)?;
    Ok(format!(
        "Made {dir}. Configure the product under test with:
  {tls}/ca.crt             the CA of its peers
  {tls}/vnfm.crt, .key     its own certificate (for {names}) and key
  {signers}/signers-ca.crt the trust anchor for the signers of VNF packages
  {signers}/signers.crl    the CRL of that CA
",
        dir = dir.display(),
        tls = tls.display(),
        signers = signers.display(),
        names = names.join(", "),
    ))
}

fn check(dir: &Path, now: Timestamp) -> Result<String, PkiError> {
    let tls = TestPki::load_from(&dir.join(TLS_FOLDER), now)?;
    let signers = SigningMaterial::load_from(&dir.join(SIGNERS_FOLDER), now)?;
    let leaves = [
        &tls.nfvo,
        &tls.vnfm,
        &tls.tester,
        &signers.good,
        &signers.second,
    ];
    let until = leaves
        .iter()
        .map(|leaf| leaf.not_after())
        .min()
        .unwrap_or(now);
    Ok(format!("{} is in order, until {until}.\n", dir.display()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn what_new_makes_check_finds_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("pki");
        let now = Timestamp::now();
        let said = new(&dir, &["vnfm.example".to_owned()], KeyKind::EcP384, now).unwrap();
        assert!(
            said.contains("tls/ca.crt") && said.contains("vnfm.example"),
            "{said}"
        );
        for line in said.lines().filter_map(|line| line.strip_prefix("  ")) {
            let path = line.split([' ', ',']).next().unwrap();
            assert!(Path::new(path).exists(), "{path} was promised");
        }
        assert!(check(&dir, now).unwrap().contains("is in order, until"));
        assert!(matches!(
            new(&dir, &[], KeyKind::EcP256, now),
            Err(PkiError::Exists { .. })
        ));
        std::fs::remove_file(dir.join("signers/revoked.key")).unwrap();
        let error = check(&dir, now).unwrap_err().to_string();
        assert!(error.ends_with("signers/revoked.key"), "{error}");
    }

    #[test]
    fn arguments_are_read() {
        let cli = Cli::try_parse_from(["scas", "new", "DIR"]).unwrap();
        let Command::New {
            names,
            key: Key::P256,
            ..
        } = cli.args.command
        else {
            panic!("{:?}", cli.args)
        };
        assert_eq!(names, ["127.0.0.1", "::1", "localhost"]);
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().to_str().unwrap();
        let cli = Cli::try_parse_from([
            "scas",
            "new",
            dir,
            "--name",
            "10.0.0.1",
            "--name",
            "a.example",
            "--key",
            "p-384",
        ])
        .unwrap();
        run(&cli.args).unwrap();
        run(&Cli::try_parse_from(["scas", "check", dir]).unwrap().args).unwrap();
        assert!(Cli::try_parse_from(["scas", "new", dir, "--key", "rsa-3072"]).is_ok());
        assert!(Cli::try_parse_from(["scas", "new", dir, "--key", "rsa-1024"]).is_err());
    }
}

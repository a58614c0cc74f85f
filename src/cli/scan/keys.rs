//! What the user gives to look for: certificates, keys, passwords.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use zeroize::Zeroizing;

use super::super::Failure;
use super::Args;
use crate::exposure::key::{self, Secret, Target};
use crate::exposure::source::limits::Rules;

/// More is no key, certificate or password file; the mistake is told before it is read.
const LARGEST: u64 = 1024 * 1024;

/// Keys that are looked for, and what opens others.
pub struct Given {
    /// What is looked for.
    pub targets: Vec<Target>,
    /// Passwords to try.
    pub passwords: Vec<Secret>,
    /// Files that hold a private key because the user gave them: they are no finding.
    key_files: Vec<PathBuf>,
}

impl Given {
    /// Reads everything that the arguments name.
    pub fn load(args: &Args) -> Result<Self, Failure> {
        Self::read(args).map_err(Failure::Usage)
    }

    fn read(args: &Args) -> anyhow::Result<Self> {
        let passwords = passwords(args.password_file.as_deref())?;
        let mut targets = Vec::new();
        for path in &args.cert {
            targets.push(
                public(path).map_err(|error| match private(path, &passwords) {
                    Ok(_) => anyhow!(
                        "--cert {}: this is a private key; give it with --key",
                        path.display()
                    ),
                    Err(_) => error,
                })?,
            );
        }
        let certificates = targets.len();
        for path in &args.key {
            let target = private(path, &passwords).map_err(|error| match public(path) {
                Ok(_) => error.context("give it with --cert, or the private key with --key"),
                Err(_) => error,
            })?;
            if certificates == 0 {
                targets.push(target);
                continue;
            }
            let fits = |certificate: &&mut Target| certificate.public == target.public;
            match targets.iter_mut().find(fits) {
                Some(certificate) => certificate.private = target.private,
                None => bail!(misfit(&target, &targets)),
            }
        }
        let mut key_files = args.key.clone();
        if let Some(folder) = &args.keys {
            let listed = std::fs::read_dir(folder)
                .with_context(|| format!("--keys {}", folder.display()))?;
            for entry in listed {
                let path = entry
                    .with_context(|| format!("--keys {}", folder.display()))?
                    .path();
                if path.is_file() {
                    targets.push(either(&path, &passwords)?);
                    key_files.push(path);
                }
            }
        }
        let mut told = std::collections::HashSet::new();
        targets.sort_by_key(|target| target.private.is_none());
        targets.retain(|target| told.insert(target.public.clone()));
        if targets.is_empty() && !args.hold {
            bail!(
                "nothing to look for: give a certificate with --cert, a private key with --key, or a folder with --keys"
            );
        }
        Ok(Self {
            targets,
            passwords,
            key_files,
        })
    }

    /// What is left out of the search.
    pub fn rules(&self, excluded: &[PathBuf]) -> Result<Rules, Failure> {
        let mut rules = Rules::default();
        let mut exclude = |path: &Path, why: &str| {
            rules
                .exclude(path, why)
                .map_err(|error| Failure::Usage(anyhow!("{}: {error}", path.display())))
        };
        for path in &self.key_files {
            exclude(path, "the key file that was given")?;
        }
        for path in excluded {
            exclude(path, "--exclude")?;
        }
        Ok(rules)
    }
}

fn misfit(target: &Target, certificates: &[Target]) -> String {
    let told = |target: &Target| {
        let digest = key::spki_sha256(&target.public);
        format!(
            "{} ({}, public key {}...)",
            target.name,
            key::algorithm(&target.public),
            &digest[..16]
        )
    };
    let certificates: Vec<String> = certificates.iter().map(told).collect();
    format!(
        "--key {} fits no certificate that was given: {}; give the certificate of this key, or leave --cert away",
        told(target),
        certificates.join(", ")
    )
}

/// A private key, or else a certificate or public key.
pub fn either(path: &Path, passwords: &[Secret]) -> anyhow::Result<Target> {
    match private(path, passwords) {
        Ok(target) => Ok(target),
        Err(not_private) => public(path).map_err(|_| not_private),
    }
}

fn public(path: &Path) -> anyhow::Result<Target> {
    let name = path.display().to_string();
    let public = key::load_public(&name, &read(path)?)?;
    Ok(Target {
        name,
        public,
        private: None,
    })
}

fn private(path: &Path, passwords: &[Secret]) -> anyhow::Result<Target> {
    let name = path.display().to_string();
    let (private, public) = key::load_private(&name, &read(path)?, passwords)?;
    Ok(Target {
        name,
        public,
        private: Some(private),
    })
}

fn read(path: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let named = || path.display().to_string();
    let metadata = std::fs::metadata(path).with_context(named)?;
    if metadata.is_dir() {
        bail!(
            "{}: a folder; give a file, or the folder with --keys",
            path.display()
        );
    }
    if metadata.len() > LARGEST {
        bail!(
            "{}: {} bytes; no key or certificate is that large",
            path.display(),
            metadata.len()
        );
    }
    std::fs::read(path).map(Zeroizing::new).with_context(named)
}

fn passwords(file: Option<&Path>) -> anyhow::Result<Vec<Secret>> {
    let Some(file) = file else {
        return Ok(Vec::new());
    };
    let bytes = read(file)?;
    let lines = bytes.split(|byte| *byte == b'\n');
    let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    Ok(lines
        .filter(|line| !line.is_empty())
        .map(|line| Secret::new(line.to_vec()))
        .collect())
}

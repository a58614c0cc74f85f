//! `scas scan` as a lab uses it: keys made by others, found in what others wrote.

#![expect(
    clippy::print_stderr,
    reason = "a test that cannot run says so, and what programs expose is worth reading"
)]

mod afar;
mod answer;
mod bad_input;
mod hiding;
mod hold;
mod images;
mod keys;
mod machines;
mod recall;
mod storage;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Ended, Stage};

/// Whether a program that a test calls is there. If not, the test says so, and fails where it must not be left out.
pub fn has(program: &str, arguments: &[&str]) -> bool {
    let ran = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    if ran.is_ok_and(|output| output.status.success()) {
        return true;
    }
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "`{program} {}` does not run",
        arguments.join(" ")
    );
    eprintln!("NOT RUN: `{program} {}` does not run", arguments.join(" "));
    false
}

/// Whether the tests run as root, as some must.
pub fn is_root() -> bool {
    if nix::unistd::geteuid().is_root() {
        return true;
    }
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "this test needs root"
    );
    eprintln!("NOT RUN: this test needs root");
    false
}

/// Runs a program that must succeed.
#[track_caller]
fn call(stage: &Stage, program: &str, arguments: &[&str]) -> Vec<u8> {
    let output = stage.command(program, arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// A key and a certificate for it, made by openssl.
pub struct Pair {
    pub key: PathBuf,
    pub cert: PathBuf,
}

impl Pair {
    /// Makes NAME.key (PKCS#8, PEM) and NAME.pem.
    pub fn new(stage: &Stage, name: &str, kind: &[&str]) -> Self {
        let (key, cert) = (
            stage.path(&format!("{name}.key")),
            stage.path(&format!("{name}.pem")),
        );
        let mut arguments = vec!["genpkey", "-out", key.to_str().unwrap()];
        arguments.extend(kind);
        call(stage, "openssl", &arguments);
        let subject = format!("/CN={name}");
        let arguments = [
            "req",
            "-x509",
            "-days",
            "2",
            "-subj",
            &subject,
            "-key",
            key.to_str().unwrap(),
            "-out",
            cert.to_str().unwrap(),
        ];
        call(stage, "openssl", &arguments);
        Self { key, cert }
    }

    pub fn ec(stage: &Stage, name: &str) -> Self {
        Self::new(
            stage,
            name,
            &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        )
    }

    pub fn rsa(stage: &Stage, name: &str) -> Self {
        Self::new(
            stage,
            name,
            &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        )
    }

    pub fn key_text(&self) -> String {
        std::fs::read_to_string(&self.key).unwrap()
    }
}

/// Scans for a known key.
fn scan_known(stage: &Stage, pair: &Pair, sources: &[&str]) -> Scanned {
    let (key, cert) = (pair.key.to_str().unwrap(), pair.cert.to_str().unwrap());
    scan(stage, &["--key", key, "--cert", cert], sources)
}

/// Scans for a key of which the certificate alone is known.
fn scan_blind(stage: &Stage, pair: &Pair, sources: &[&str]) -> Scanned {
    scan(stage, &["--cert", pair.cert.to_str().unwrap()], sources)
}

fn scan(stage: &Stage, options: &[&str], sources: &[&str]) -> Scanned {
    let mut arguments = vec!["scan", "--json"];
    arguments.extend(options);
    arguments.extend(sources);
    let ended = stage.run(&arguments);
    let answer = if ended.code <= 2 {
        ended.json()
    } else {
        Value::Null
    };
    Scanned { ended, answer }
}

/// A scan that ended.
struct Scanned {
    ended: Ended,
    answer: Value,
}

impl Scanned {
    /// Every exposure as "path: part, encoding in within".
    fn exposures(&self) -> Vec<String> {
        let told = |exposure: &Value| {
            let within: Vec<&str> = exposure["within"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            format!(
                "{}{}: {}, {} in {}",
                exposure["place"]["path"].as_str().unwrap_or_default(),
                exposure["place"]["inside"],
                exposure["part"].as_str().unwrap(),
                exposure["encoding"].as_str().unwrap(),
                within.join(" in ")
            )
        };
        self.answer["exposures"]
            .as_array()
            .unwrap()
            .iter()
            .map(told)
            .collect()
    }

    /// The key was found; some exposure names each of these words.
    #[track_caller]
    fn assert_found(&self, words: &[&str]) {
        let exposures = self.exposures();
        assert_eq!(
            self.ended.code, 1,
            "{}\n{}",
            self.ended.stdout, self.ended.stderr
        );
        eprintln!("exposed: {exposures:#?}");
        for word in words {
            assert!(
                exposures.iter().any(|exposure| exposure.contains(word)),
                "no '{word}' in {exposures:#?}"
            );
        }
    }

    /// All was searched and nothing was found, though a canary was.
    #[track_caller]
    fn assert_nothing_found(&self) {
        assert_eq!(
            self.ended.code, 0,
            "{}\n{}",
            self.ended.stdout, self.ended.stderr
        );
        assert_eq!(self.answer["result"], "not-found");
        assert!(!self.answer["canaries"].as_array().unwrap().is_empty());
    }

    /// Nothing was found, but that cannot be said of all; the reasons or gaps name each of these words.
    #[track_caller]
    fn assert_undecided(&self, words: &[&str]) {
        assert_eq!(
            self.ended.code, 2,
            "{}\n{}",
            self.ended.stdout, self.ended.stderr
        );
        let told = format!(
            "{} {} {}",
            self.answer["reasons"], self.answer["gaps"], self.answer["sealed"]
        );
        for word in words {
            assert!(told.contains(word), "no '{word}' in {told}");
        }
    }
}

/// Writes a file whose name begins with that of the stage.
fn put(stage: &Stage, name: &str, bytes: &[u8]) -> PathBuf {
    let path = stage.path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    path
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

//! A laboratory that seals: a CA, a signer and a time-stamping authority, all of them made by `openssl`.

use std::path::PathBuf;
use std::process::Command;

use crate::support::{Ended, Stage};

/// What a command reads and writes as a time-stamping authority.
pub const AUTHORITY: &str = "openssl ts -reply -config tsa.cnf -queryfile /dev/stdin";

const CONFIGURATION: &str = "[tsa]\ndefault_tsa = t\n[t]\nserial = ./tsa.serial\ncrypto_device = builtin\nsigner_cert = ./tsa.pem\n\
     signer_key = ./tsa.key\ncerts = ./ca.pem\nsigner_digest = sha256\ndefault_policy = 1.2.3.4.1\ndigests = sha256\n\
     ess_cert_id_alg = sha256\n";

/// Makes `ca.pem`, `lab.pem`, `lab.key`, `tsa.cnf` in the stage's folder, and runs commands there.
pub struct Lab<'s> {
    stage: &'s Stage,
}

impl<'s> Lab<'s> {
    /// `None`, said aloud, where there is no openssl.
    pub fn new(stage: &'s Stage) -> Option<Self> {
        if Command::new("openssl").arg("version").output().is_err() {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "openssl is not installed: this test must not be left out here"
            );
            #[expect(clippy::print_stderr, reason = "whoever runs the tests must see it")]
            let () = eprintln!("NOT RUN: there is no openssl");
            return None;
        }
        let lab = Self { stage };
        stage.write("tsa.cnf", CONFIGURATION);
        stage.write("tsa.serial", "01\n");
        lab.ca("ca");
        lab.certify("lab", "ca", "EC -pkeyopt ec_paramgen_curve:P-256", "");
        lab.certify(
            "tsa",
            "ca",
            "EC -pkeyopt ec_paramgen_curve:P-256",
            "extendedKeyUsage = critical,timeStamping\n",
        );
        Some(lab)
    }

    /// A CA of its own.
    pub fn ca(&self, name: &str) {
        self.expect(&format!(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.pem \
             -subj '/CN={name}' -days 30"
        ));
    }

    /// A key of this kind, certified by that CA.
    pub fn certify(&self, name: &str, ca: &str, kind: &str, extension: &str) {
        let common = "basicConstraints = critical,CA:FALSE\nkeyUsage = critical,digitalSignature\n";
        self.stage
            .write(&format!("{name}.ext"), &format!("{common}{extension}"));
        self.expect(&format!(
            "openssl genpkey -algorithm {kind} -out {name}.key"
        ));
        self.expect(&format!(
            "openssl req -new -key {name}.key -subj '/CN={name}' -out {name}.csr && \
             openssl x509 -req -in {name}.csr -CA {ca}.pem -CAkey {ca}.key -CAcreateserial -days 20 \
             -extfile {name}.ext -out {name}.pem"
        ));
    }

    /// Runs a line of shell in the stage's folder.
    pub fn shell(&self, line: &str) -> Ended {
        Ended::of(self.stage.command("sh", &["-c", line]).output().unwrap())
    }

    /// As [`Lab::shell`]; it must succeed.
    #[track_caller]
    pub fn expect(&self, line: &str) {
        let ended = self.shell(line);
        assert_eq!(ended.code, 0, "{line}: {}", ended.stderr);
    }

    /// Seals `run` into `run.asice`, with a time stamp, by this signer.
    pub fn seal(&self, signer: &str) -> PathBuf {
        let (key, cert) = (format!("{signer}.key"), format!("{signer}.pem"));
        self.stage
            .run(&[
                "seal",
                "run",
                "--key",
                &key,
                "--cert",
                &cert,
                "--timestamp",
                AUTHORITY,
            ])
            .assert_told(0, &["sealed: "]);
        self.stage.path("run.asice")
    }
}

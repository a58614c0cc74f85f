//! A program of ours that goes on until it is asked to end, and tells by lines of JSON what happens: a simulator, or the reference as a
//! product that runs by itself. Main type: [`Program`].

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::Stage;

/// A program that is ready. It is killed when this is dropped.
pub struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// What it told so far; the first is its ready line.
    pub all: Vec<Value>,
}

impl Program {
    /// Starts `scas` with these arguments and waits until it is ready.
    #[track_caller]
    pub fn start(stage: &Stage, arguments: &[&str]) -> Self {
        Self::ready_of(stage, arguments, Stdio::inherit())
    }

    /// The reference VNFM with this configuration. What it logs is nobody's affair.
    #[track_caller]
    pub fn reference(stage: &Stage, config: &str) -> Self {
        let arguments = ["reference", "vnfm", "--config", config];
        Self::ready_of(stage, &arguments, Stdio::null())
    }

    #[track_caller]
    fn ready_of(stage: &Stage, arguments: &[&str], stderr: Stdio) -> Self {
        let mut child = stage
            .scas(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut program = Self {
            child,
            lines,
            all: Vec::new(),
        };
        let ready = program.next();
        assert_eq!(ready["event"], "ready", "{ready}");
        program
    }

    /// What it told when it was ready.
    pub fn ready(&self) -> &Value {
        &self.all[0]
    }

    /// Where its API is.
    pub fn root(&self) -> String {
        self.ready()["apiRoot"].as_str().unwrap().to_owned()
    }

    /// The next that it tells.
    #[track_caller]
    pub fn next(&mut self) -> Value {
        let line = self.lines.next().expect("it is still there").unwrap();
        let value: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: '{line}'"));
        self.all.push(value.clone());
        value
    }

    /// Reads on until so many such events were told, and returns them.
    pub fn until(&mut self, count: usize, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        loop {
            let found: Vec<_> = self.all.iter().filter(|one| wanted(one)).cloned().collect();
            if found.len() >= count {
                return found;
            }
            self.next();
        }
    }

    /// Closes its standard input, which says that its parent has ended; returns its exit code.
    pub fn orphan(&mut self) -> Option<i32> {
        drop(self.child.stdin.take());
        self.child.wait().unwrap().code()
    }

    /// Kills it, as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end; it does so in order.
    #[track_caller]
    pub fn end(mut self) {
        let id = Pid::from_raw(self.child.id().try_into().unwrap());
        kill(id, Signal::SIGTERM).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

/// The configuration of a reference that runs by itself: certificates of this PKI, its own address, and the port of its NFVO on loopback.
pub fn reference_config(pki: &str, listen: &str, nfvo: u16) -> String {
    format!(
        "[api]\nlisten = \"{listen}\"\ncertificate = \"{pki}/tls/vnfm.crt\"\nprivate_key = \"{pki}/tls/vnfm.key\"\n\
         client_anchors = \"{pki}/tls/ca.crt\"\n[nfvo]\napi_root = \"https://127.0.0.1:{nfvo}\"\nanchors = \"{pki}/tls/ca.crt\"\n\
         certificate = \"{pki}/tls/vnfm.crt\"\nprivate_key = \"{pki}/tls/vnfm.key\"\n[packages]\n\
         anchors = \"{pki}/signers/signers-ca.crt\"\ncrls = [\"{pki}/signers/signers.crl\"]\nverify_at = \"create\"\n\
         [storage]\ndirectory = \"state\"\n"
    )
}

/// A port that is free now. Somebody else may take it; then the test says so.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl Drop for Program {
    fn drop(&mut self) {
        // One that was asked to end has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

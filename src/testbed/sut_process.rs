//! The SUT as processes of its own: started, asked to stop, killed. Main type: [`SutProcess`].

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::LazyLock;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use regex::{Captures, Regex};
use tokio::fs::OpenOptions;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader,
};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::processes::Registered;

/// The most that is kept of what the SUT prints, in bytes; the rest is read and thrown away.
const KEPT_OUTPUT: u64 = 16 * 1024 * 1024;
/// The longest ready line, in bytes.
const READY_LINE: u64 = 64 * 1024;
/// How long a connection to a product's address may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// Time between two tries to connect to a fixed address: nothing announces that a foreign product listens.
const CONNECT_PAUSE: Duration = Duration::from_millis(50);

/// How to start the SUT: the profile's words with their placeholders filled in.
#[derive(Clone, Debug)]
pub struct StartPlan {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Where the SUT's output goes; appended to on a second start.
    pub output: PathBuf,
    /// Where its temporary files are to lie, so that they go with the bed.
    pub temporary: PathBuf,
    /// The fixed address of a product that has one; without it the ready line tells.
    pub fixed_root: Option<String>,
    /// Whether the product listens there already, and the command only runs beside it.
    pub running: bool,
    /// How long the SUT may take to be ready.
    pub start_timeout: Duration,
    /// How long it may take to stop.
    pub stop_timeout: Duration,
}

/// Why the SUT is not running.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The program cannot be run at all.
    #[error("ixit.start.command: cannot run '{program}': {source}")]
    Unrunnable {
        /// As it was written.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// It ended.
    #[error("the SUT ended before it was ready ({status}); its last words: {tail}")]
    Ended {
        /// Exit status.
        status: String,
        /// End of its output.
        tail: String,
    },
    /// It was not ready in time.
    #[error(
        "the SUT was not ready within {seconds} s (ixit.timeouts.start); its last words: {tail}"
    )]
    NotReady {
        /// The limit.
        seconds: u64,
        /// End of its output.
        tail: String,
    },
    /// Its ready line says nothing.
    #[error(
        "the SUT's first line on standard output is no ready line such as \
         {{\"event\":\"ready\",\"apiRoot\":\"https://127.0.0.1:1234\"}} but '{line}'; give ixit.api.root if it prints none"
    )]
    NoReadyLine {
        /// What it printed.
        line: String,
    },
    /// Somebody listens at the product's address before it is started.
    #[error(
        "something listens at {root} (ixit.api.root) although the product is not running; if it is the product, it did not stop"
    )]
    Occupied {
        /// The address.
        root: String,
    },
    /// The product is not ours to stop.
    #[error(
        "the product's state and processes are not at our hands: ixit.api.running says that it runs by itself; let it be started \
         by ixit.start"
    )]
    NotOurs,
    /// Nothing runs.
    #[error("the SUT is not running")]
    NotRunning,
    /// No command for what a scenario needs.
    #[error(
        "the product runs by itself (ixit.api.running) and there is no command for it: give ixit.commands.{what}, or let it be \
         started by ixit.start"
    )]
    NoCommand {
        /// `start`, `stop`, `kill` or `restart`.
        what: &'static str,
    },
    /// Only a person can do it, and there is none.
    #[error(
        "only a person can do what {label} asks for (\"{instruction}\"): give --interactive to be asked, or --answers with an answer for it"
    )]
    NobodyToDo {
        /// As in the profile.
        label: String,
        /// What is to be done.
        instruction: String,
    },
    /// The operator did not do it.
    #[error("{label} (\"{instruction}\") was not done: {why}")]
    NotDone {
        /// As in the profile.
        label: String,
        /// What was to be done.
        instruction: String,
        /// What became of it, and who says so.
        why: String,
    },
    /// Nothing bears out that it was restarted.
    #[error(
        "ixit.commands.restart: the product was not seen to restart: a connection from before it is still open after it; let it end only \
         when the product was restarted, or give ixit.commands.stop and ixit.commands.start"
    )]
    NotRestarted,
    /// A command of the profile did not do its work.
    #[error("{label}: {why}")]
    Command {
        /// As in the profile.
        label: String,
        /// What became of it.
        why: String,
    },
    /// The product that runs by itself does not listen.
    #[error(
        "nothing listens at {root} (ixit.api.root), not within {seconds} s (ixit.timeouts.start)"
    )]
    NotListening {
        /// The address.
        root: String,
        /// The limit.
        seconds: u64,
    },
    /// Nothing says how to start the product.
    #[error("ixit.start: is missing, so that the product cannot be started")]
    NoStart,
    /// Only one product can have a fixed address.
    #[error(
        "no second VNFM can be started: ixit.api.root gives the one address {root}; leave it out if the product can print a ready line"
    )]
    OneAddress {
        /// The address.
        root: String,
    },
    /// A file of ours cannot be written or read.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// What the system said.
        source: io::Error,
    },
}

/// A running SUT. Dropping it kills all its processes.
pub struct SutProcess {
    child: Child,
    group: Pid,
    plan: StartPlan,
    /// Where its API is.
    pub api_root: String,
    /// Where its VNF OAM endpoint is, if its ready line says so.
    pub oam: Option<String>,
    registered: Option<Registered>,
    drains: Vec<JoinHandle<()>>,
}

impl SutProcess {
    /// Starts the SUT and waits until it is ready.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(plan: &StartPlan) -> Result<Self, StartError> {
        if let Some(root) = plan.fixed_root.as_ref().filter(|_| !plan.running)
            && listens(root).await
        {
            return Err(StartError::Occupied { root: root.clone() });
        }
        let (program, arguments) = plan.command.split_first().ok_or(StartError::Unrunnable {
            program: String::new(),
            source: io::Error::new(io::ErrorKind::InvalidInput, "the command is empty"),
        })?;
        let mut child = Command::new(program)
            .args(arguments)
            .env("TMPDIR", &plan.temporary)
            // An open pipe tells the SUT that its tester lives: at its end a well-behaved SUT ends too.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own: so that all its processes can be ended, and Ctrl-C reaches only us.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| StartError::Unrunnable {
                program: program.clone(),
                source,
            })?;
        let group = Pid::from_raw(child.id().and_then(|id| id.try_into().ok()).unwrap_or(0));
        let mut drains = Vec::new();
        if let Some(stderr) = child.stderr.take() {
            drains.push(drain(stderr, plan.output.clone()));
        }
        let stdout = child.stdout.take();
        let mut process = Self {
            child,
            group,
            plan: plan.clone(),
            api_root: String::new(),
            oam: None,
            registered: None,
            drains,
        };
        process.registered = process.child.id().map(Registered::new);
        let ready = process.ready(stdout);
        (process.api_root, process.oam) =
            match tokio::time::timeout(plan.start_timeout, ready).await {
                Ok(result) => result?,
                Err(_) => {
                    return Err(StartError::NotReady {
                        seconds: plan.start_timeout.as_secs(),
                        tail: process.end_and_tail().await,
                    });
                }
            };
        Ok(process)
    }

    /// Asks the SUT to stop and waits for it. Returns a remark if it had to be killed.
    pub async fn stop(mut self) -> Option<String> {
        self.child.stdin.take();
        if let Some(pid) = self.child.id().and_then(|id| id.try_into().ok()) {
            // An error means that it has ended already: just what is wanted.
            let _ = nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        let remark = match tokio::time::timeout(self.plan.stop_timeout, self.child.wait()).await {
            Ok(_) => None,
            Err(_) => Some(format!(
                "the SUT did not stop within {} s (ixit.timeouts.stop) and was killed",
                self.plan.stop_timeout.as_secs()
            )),
        };
        self.kill().await;
        remark
    }

    /// Kills all processes of the SUT, as a power cut would, and waits until the first is gone.
    pub async fn kill(mut self) {
        self.kill_group();
        // The status of a killed process says nothing.
        let _ = self.child.wait().await;
        for drain in self.drains.drain(..) {
            // A grandchild that left the group may hold the pipe open: do not wait for it.
            drain.abort();
        }
    }

    /// Kills the first process alone, and waits until it is gone. The others live on until this is dropped.
    pub async fn crash(&mut self) {
        if let Some(pid) = self.child.id().and_then(|id| id.try_into().ok()) {
            // An error means that it has ended already: just what is wanted.
            let _ = nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        // The status of a killed process says nothing.
        let _ = self.child.wait().await;
    }

    /// The number of its first process, while that runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()?;
        self.registered.as_ref().map(Registered::pid)
    }

    /// How the SUT ended, if it did.
    pub fn ended(&mut self) -> Option<String> {
        match self.child.try_wait() {
            Ok(Some(status)) => Some(status.to_string()),
            _ => None,
        }
    }

    async fn ready(
        &mut self,
        stdout: Option<tokio::process::ChildStdout>,
    ) -> Result<(String, Option<String>), StartError> {
        let Some(stdout) = stdout else {
            return Ok((String::new(), None));
        };
        if let Some(root) = self.plan.fixed_root.clone() {
            self.drains.push(drain(stdout, self.plan.output.clone()));
            self.listening(&root).await?;
            return Ok((root, None));
        }
        let mut lines = BufReader::new(stdout.take(READY_LINE));
        let mut line = Vec::new();
        // A read error is the end of the pipe: told below.
        let _ = lines.read_until(b'\n', &mut line).await;
        let rest = lines.into_inner().into_inner();
        self.drains.push(drain(rest, self.plan.output.clone()));
        if line.is_empty() {
            let status = self
                .child
                .wait()
                .await
                .map_or_else(|e| e.to_string(), |s| s.to_string());
            return Err(StartError::Ended {
                status,
                tail: self.end_and_tail().await,
            });
        }
        let text = String::from_utf8_lossy(&line);
        let root = api_root(&text).ok_or_else(|| StartError::NoReadyLine {
            line: shorten(text.trim_end()),
        })?;
        Ok((root, oam(&text)))
    }

    async fn listening(&mut self, root: &str) -> Result<(), StartError> {
        loop {
            let answers = listens(root).await;
            // Looked at after connecting: whoever answers while the product has ended is not the product.
            if let Some(status) = self.ended() {
                return Err(StartError::Ended {
                    status,
                    tail: self.end_and_tail().await,
                });
            }
            if answers {
                return Ok(());
            }
            tokio::time::sleep(CONNECT_PAUSE).await;
        }
    }

    /// Ends the SUT, so that all of its output is in the file, and reads its end.
    async fn end_and_tail(&mut self) -> String {
        self.kill_group();
        let _ = self.child.wait().await;
        for drain in self.drains.drain(..) {
            let _ = tokio::time::timeout(Duration::from_secs(2), drain).await;
        }
        tail(&self.plan.output, 0)
    }

    fn kill_group(&self) {
        // Group 0 would be our own: never signal it. "No such process" means that all have ended.
        if self.group.as_raw() > 1 {
            let _ = killpg(self.group, Signal::SIGKILL);
        }
    }
}

impl Drop for SutProcess {
    /// Not before its processes are gone may its folders be removed, so this waits; a killed process is gone in a moment.
    fn drop(&mut self) {
        self.kill_group();
        for _ in 0..200 {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(1)),
                Ok(Some(_)) | Err(_) => break,
            }
        }
    }
}

/// Fills the placeholders `{name}` of a profile's text in.
///
/// # Errors
/// The first name that is not known.
pub fn fill(text: &str, values: &BTreeMap<&str, String>) -> Result<String, String> {
    static PLACEHOLDER: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"\{([a-z][a-z-]*)\}").ok());
    let Some(placeholder) = PLACEHOLDER.as_ref() else {
        return Ok(text.to_owned());
    };
    if let Some(unknown) = placeholder
        .captures_iter(text)
        .map(|c| c[1].to_owned())
        .find(|name| !values.contains_key(name.as_str()))
    {
        return Err(unknown);
    }
    let filled = placeholder.replace_all(text, |c: &Captures<'_>| {
        values.get(&c[1]).cloned().unwrap_or_default()
    });
    Ok(filled.into_owned())
}

fn drain(mut from: impl AsyncRead + Unpin + Send + 'static, to: PathBuf) -> JoinHandle<()> {
    tokio::spawn(async move {
        if let Ok(mut file) = OpenOptions::new().create(true).append(true).open(&to).await {
            let mut bounded = (&mut from).take(KEPT_OUTPUT);
            // Evidence of a side channel: a full disk shows where the verdict's evidence is written.
            let _ = tokio::io::copy(&mut bounded, &mut file).await;
            let _ = file.flush().await;
        }
        let _ = tokio::io::copy(&mut from, &mut tokio::io::sink()).await;
    })
}

fn api_root(line: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(line).ok()?;
    let ready = value.get("event")?.as_str()? == "ready";
    let root = value.get("apiRoot")?.as_str()?;
    address(root).ok()?;
    ready.then(|| root.trim_end_matches('/').to_owned())
}

fn oam(line: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(line).ok()?;
    Some(value.get("oam")?.as_str()?.to_owned())
}

/// Host and port of an API root.
///
/// # Errors
/// It is none; said in words, with an example.
pub fn address(root: &str) -> Result<(String, u16), String> {
    let example = "write e.g. \"https://127.0.0.1:9443\"";
    let url =
        url::Url::parse(root).map_err(|e| format!("'{root}' is no API root ({e}); {example}"))?;
    match (url.scheme(), url.host_str(), url.port_or_known_default()) {
        ("http" | "https", Some(host), Some(port)) => {
            Ok((host.trim_matches(['[', ']']).to_owned(), port))
        }
        _ => Err(format!("'{root}' is no API root; {example}")),
    }
}

/// Whether something accepts connections there.
pub async fn listens(root: &str) -> bool {
    let Ok((host, port)) = address(root) else {
        return false;
    };
    let connecting = tokio::net::TcpStream::connect((host.as_str(), port));
    matches!(
        tokio::time::timeout(CONNECT_LIMIT, connecting).await,
        Ok(Ok(_))
    )
}

/// The end of a file of output, in one line; what stands before byte `from` is another's.
pub(super) fn tail(path: &Path, from: u64) -> String {
    let text = std::fs::read(path).unwrap_or_default();
    let from = usize::try_from(from).unwrap_or(usize::MAX);
    let text = String::from_utf8_lossy(text.get(from..).unwrap_or_default());
    let lines: Vec<&str> = text.lines().rev().take(5).collect();
    let joined = lines.into_iter().rev().collect::<Vec<_>>().join(" | ");
    if joined.is_empty() {
        "(none: it printed nothing on standard output and standard error; if it writes a log of its own, look there)"
            .to_owned()
    } else {
        match super::state::kept_as(path) {
            Some(kept) => format!("{} (all of it: {kept} in the evidence)", shorten(&joined)),
            None => shorten(&joined),
        }
    }
}

fn shorten(text: &str) -> String {
    const LIMIT: usize = 600;
    if text.chars().count() <= LIMIT {
        return text.to_owned();
    }
    text.chars().take(LIMIT).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_and_unknown_ones_named() {
        let values = BTreeMap::from([("dir", "/x".to_owned())]);
        assert_eq!(
            fill("{dir}/a {\"json\": {}}", &values),
            Ok("/x/a {\"json\": {}}".into())
        );
        assert_eq!(fill("{dri}", &values), Err("dri".into()));
    }

    #[test]
    fn a_ready_line_names_the_api_root() {
        let line = r#"{"event":"ready","apiRoot":"https://127.0.0.1:1/"}"#;
        assert_eq!(api_root(line).as_deref(), Some("https://127.0.0.1:1"));
        assert_eq!(api_root("listening"), None);
        assert_eq!(
            api_root(r#"{"event":"starting","apiRoot":"http://h"}"#),
            None
        );
        assert_eq!(api_root(r#"{"event":"ready","apiRoot":"nonsense"}"#), None);
        assert_eq!(oam(line), None);
        let line = r#"{"event":"ready","apiRoot":"https://127.0.0.1:1","oam":"127.0.0.1:2"}"#;
        assert_eq!(oam(line).as_deref(), Some("127.0.0.1:2"));
    }

    #[test]
    fn an_address_comes_out_of_an_api_root() {
        assert_eq!(address("https://[::1]:8/x"), Ok(("::1".into(), 8)));
        assert_eq!(
            address("https://vnfm.example/p"),
            Ok(("vnfm.example".into(), 443))
        );
        assert!(address("127.0.0.1:9443").is_err());
    }
}

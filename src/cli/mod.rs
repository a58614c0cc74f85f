//! The command line: one file per subcommand. Only here is anything printed or read from the environment.

mod check;
mod diff;
mod init;
mod list;
mod new;
mod operator;
mod pki;
mod progress;
mod reference;
mod report;
mod run;
mod scan;
mod seal;
mod selftest;
mod serve;
mod simulate;
mod softhsm;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use reference::WipingAllocator;

use crate::session::PrepareError;
use crate::testbed::token;

/// Exit code of a usage or configuration mistake.
pub const USAGE: u8 = 64;
/// Exit code of a fault of the harness itself.
pub const HARNESS: u8 = 3;

/// What a subcommand returns: an exit code, or why it could not start.
pub type Outcome = Result<u8, Failure>;

/// Why a subcommand did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// What the user wrote, or what lies on their machine.
    #[error("{0:#}")]
    Usage(anyhow::Error),
    /// Ours.
    #[error("harness: {0:#}")]
    Harness(anyhow::Error),
}

impl From<PrepareError> for Failure {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::Configuration(error) => Self::Usage(error),
            PrepareError::Harness(error) => Self::Harness(error),
        }
    }
}

impl Failure {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => USAGE,
            Self::Harness(_) => HARNESS,
        }
    }
}

/// Conformance tests for the security assurance of NFV management products.
///
/// Runs the test cases of ETSI GS NFV-SEC 030 (SCAS for VNFM) against a product or against the reference
/// that comes with it, and leaves evidence under reports/.
#[derive(Parser)]
#[command(version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0   everything selected that is applicable passed
  1   some verdict is Fail
  2   some verdict is Inconclusive
  3   some verdict is Error: the harness failed, nothing is said about the product
  4   nothing was judged: nothing was selected, or the ICS rules everything out
  5   everything that counts passed, but a waiver of the profile has expired or is not needed
  64  usage or configuration mistake; nothing was run
The worst wins: Error, then Fail, then Inconclusive. What the profile waives does not count.";

#[derive(Subcommand)]
enum Command {
    /// Run the suite on a product, or on the reference VNFM
    Run(run::Args),
    /// List the requirements and which test case covers each
    List(list::Args),
    /// Check that the suite is whole: every requirement covered or excluded with a reason
    Check(check::Args),
    /// Show that each check has been seen to fail: run the suite on the reference with each defect
    Selftest(selftest::Args),
    /// Draw the reports of a run again, from its record alone
    Report(report::Args),
    /// Verify an evidence pack: digests, reports, signatures, and the verdicts themselves
    Verify(verify::Args),
    /// Seal a run: one signed container with all its files, to hand over
    Seal(seal::Args),
    /// Say what changed between two runs, and which verdicts still hold
    Diff(diff::Args),
    /// Show a folder of runs in a browser: list, reports, differences, and a run under way as it happens
    Serve(serve::Args),
    /// Write the profile of a product, to fill in
    Init(init::Args),
    /// Start the feature of a requirement that has none
    New(new::Args),
    /// Run a reference product by itself
    Reference(reference::Args),
    /// Run a simulator by itself
    Simulate(simulate::Args),
    /// Make or check a test PKI
    Pki(pki::Args),
    /// Search files, folders, processes and devices for a private key
    Scan(scan::Args),
    /// Hold a page in memory: the canary of a scan
    #[command(name = scan::HOLD_PAGE, hide = true)]
    ScanHoldPage,
    /// Try to reach what standard input names, and tell
    #[command(name = scan::ATTEMPT, hide = true)]
    ScanAttempt,
    /// Look into the PKCS#11 token that standard input names, and tell
    #[command(name = token::LOOK, hide = true)]
    LookIntoToken,
    /// Read what standard input asks for, for a scan elsewhere
    #[command(name = scan::SERVE, hide = true)]
    ScanServe,
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let usage = error.use_stderr();
            // A closed pipe is the reader's wish.
            let _ = error.print();
            return ExitCode::from(if usage { USAGE } else { 0 });
        }
    };
    if !matches!(cli.command, Command::Reference(_)) {
        // The reference keeps a log of its own.
        log();
    }
    let outcome = match cli.command {
        Command::Run(args) => run::run(args),
        Command::List(args) => list::run(args),
        Command::Check(args) => check::run(args),
        Command::Selftest(args) => selftest::run(args),
        Command::Report(args) => report::run(args),
        Command::Verify(args) => verify::run(&args),
        Command::Seal(args) => seal::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Init(args) => init::run(&args),
        Command::New(args) => new::run(args),
        Command::Reference(args) => reference::run(args),
        Command::Simulate(args) => simulate::run(args),
        Command::Pki(args) => pki::run(&args)
            .map(|()| 0)
            .map_err(|error| Failure::Usage(error.into())),
        Command::Scan(args) => scan::run(args),
        Command::ScanHoldPage => scan::hold_page(),
        Command::ScanAttempt => scan::attempt(),
        Command::LookIntoToken => look_into_token(),
        Command::ScanServe => scan::serve(),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            error(&failure.to_string());
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Our own log, off unless RUST_LOG asks: what matters to the user is a verdict or an error.
fn log() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
}

/// Says what is in a token, once: the tester has this done by a process of its own.
fn look_into_token() -> Outcome {
    let ask = serde_json::from_reader(std::io::stdin().lock())
        .map_err(|error| Failure::Usage(error.into()))?;
    let seen = token::session::look(&ask).map_err(Failure::Usage)?;
    print_json(&seen)?;
    Ok(0)
}

/// Prints to standard output; a reader that closed the pipe has read enough.
fn print(text: &str) {
    use std::io::Write as _;
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Prints JSON for a program to read.
fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|e| Failure::Harness(e.into()))?;
    print(&format!("{text}\n"));
    Ok(())
}

/// Prints an error.
fn error(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr().lock(), "scas: {text}");
}

/// Colours only for a terminal, and not if the user asked for none.
fn paint() -> crate::report::terminal::Paint {
    use std::io::IsTerminal as _;
    let wanted = std::io::stdout().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    if wanted {
        crate::report::terminal::Paint::Colour
    } else {
        crate::report::terminal::Paint::Plain
    }
}

/// A variable of the environment: for secrets that a profile refers to.
fn environment(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}

/// The runtime that everything asynchronous runs on.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Runtime::new().map_err(|error| Failure::Harness(error.into()))
}

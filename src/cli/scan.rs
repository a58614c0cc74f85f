//! `scas scan`: is a private key still somewhere?

mod attempts;
mod hold;
mod keys;
mod text;

use std::path::PathBuf;
use std::time::Duration;

use crate::exposure::afar::{self, Afar};
use crate::exposure::answer::{Answer, Outcome as Result_};
use crate::exposure::blind::Stride;
use crate::exposure::control::Control;
use crate::exposure::given::Source;
use crate::exposure::search::{Options, ScanError};
use crate::exposure::source::limits::Limits;

use super::{Failure, Outcome};

/// Search files, folders, processes, devices and streams for private keys.
///
/// A key that is known (--key) is found in any usual encoding; one that is known by its certificate alone (--cert) is
/// searched blindly, by testing what lies there against the public key. Keys of our own are planted first, as a positive
/// control, and must be found. No byte of a key is printed or written.
#[derive(clap::Args)]
#[command(after_help = EXIT_CODES)]
pub struct Args {
    /// What to search: a file, folder, block device or image; `-` for standard input; `pid:N`; `tree:N`, a process and its
    /// descendants; `pidfile:PATH`, the same of the number in a file; `port:N`, the processes that listen on a TCP port; `unit:NAME`,
    /// those of a systemd unit; `name:NAME`, those whose program is called so
    #[arg(value_name = "SOURCE", required_unless_present = "schema")]
    sources: Vec<String>,
    /// A certificate or public key (PEM or DER) whose private key is looked for; may be given several times
    #[arg(long, value_name = "FILE")]
    cert: Vec<PathBuf>,
    /// A private key (PKCS#8, SEC 1, PKCS#1, OpenSSH, JWK, PKCS#12); may be given several times. Beside --cert each must fit
    /// one of the certificates
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
    /// A folder, each file of which is a private key or certificate to look for
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
    /// A file with a password in each line, for --key and for containers of keys that are found
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Take a snapshot now and search it later: paths of keys and certificates are read from standard input, one a line,
    /// and each is answered
    #[arg(long, conflicts_with_all = ["cert", "key", "keys"])]
    hold: bool,
    /// Print the answer as JSON (reports/schema/scan.schema.json)
    #[arg(long)]
    json: bool,
    /// Print the JSON schema of the answer instead
    #[arg(long, exclusive = true)]
    schema: bool,
    /// A command that runs scas where the sources are, on another machine or in a container, e.g. "ssh lab@vnfm.example scas" or
    /// "podman exec -i vnfm scas". Sources and --exclude are of there; the keys stay here
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["probe_as", "probe_with"])]
    via: Option<String>,
    /// Threads to search with; as many as there are cores if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Blind search of EC and Ed25519 keys at every offset, not only at multiples of 8; takes up to eight times as long
    #[arg(long)]
    every_offset: bool,
    /// Stop searching after so many seconds, and tell what was not searched
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    time_limit: Option<u64>,
    /// Leave this file or folder out; it is told. May be given several times
    #[arg(long, value_name = "PATH")]
    exclude: Vec<PathBuf>,
    /// How deep containers within containers are opened
    #[arg(long, value_name = "N")]
    depth: Option<u32>,
    /// How many MiB are taken out of the containers of one file at most
    #[arg(long, value_name = "MIB")]
    expanded: Option<u64>,
    /// Plant no file in searched folders, but beside them
    #[arg(long)]
    canary_beside: bool,
    /// Plant no canary at all; nothing found is undecided then
    #[arg(long, conflicts_with = "canary_beside")]
    no_canary: bool,
    /// Also try to reach the sources as this user (name or number): their files, memory, environment, descriptors. Needs root
    #[arg(long, value_name = "USER")]
    probe_as: Option<String>,
    /// The same through a command that runs another as another user, e.g. "sudo -n -u nobody"
    #[arg(long, value_name = "COMMAND", conflicts_with = "probe_as")]
    probe_with: Option<String>,
}

const EXIT_CODES: &str = "\
Exit codes:
  0   nothing was found, all was searched, and the canaries were found
  1   key material was found
  2   undecided: something could not be searched, or a canary was not found
  3   the scanner failed
  64  usage: a key, certificate or source that cannot be taken; nothing was searched";

/// Runs the subcommand.
///
/// # Errors
/// Keys or sources that cannot be taken.
pub fn run(args: Args) -> Outcome {
    if args.schema {
        super::print_json(&schemars::schema_for!(Answer))?;
        return Ok(0);
    }
    // Before the first secret is read, and before there are threads that would not inherit it.
    crate::exposure::hygiene::harden().map_err(|error| Failure::Harness(error.into()))?;
    end_cleanly_on_signals()?;
    let given = keys::Given::load(&args)?;
    let sources = sources(&args)?;
    let probes = attempts::attempts(&args, &sources)?;
    let options = options(&args, &given)?;
    if args.hold {
        return hold::hold(&args, sources, options, probes);
    }
    let mut answer =
        crate::exposure::search::scan(&given.targets, sources, &options).map_err(failure)?;
    answer.probes = probes;
    show(&args, &answer)?;
    Ok(exit_code(&answer))
}

fn sources(args: &Args) -> Result<Vec<Source>, Failure> {
    if args
        .sources
        .iter()
        .filter(|written| *written == "-")
        .count()
        > 1
    {
        let error = anyhow::anyhow!("-: standard input can be read once; give it once");
        return Err(Failure::Usage(error));
    }
    if let Some(via) = &args.via {
        return afar(args, via);
    }
    let parsed: Result<_, _> = args
        .sources
        .iter()
        .map(|written| Source::parse(written))
        .collect();
    parsed.map_err(|error| Failure::Usage(error.into()))
}

/// The sources where `--via` leads.
fn afar(args: &Args, via: &str) -> Result<Vec<Source>, Failure> {
    let words: Vec<String> = via.split_whitespace().map(str::to_owned).collect();
    let given = |written: &String| afar::Given {
        name: written.clone(),
        source: written.clone(),
    };
    let excluded = args.exclude.iter();
    let wanted = afar::Wanted {
        via: &words,
        what: afar::What::Sources {
            sources: args.sources.iter().map(given).collect(),
            excluded: excluded.map(|path| path.display().to_string()).collect(),
        },
        limits: &limits(args),
        // Whoever sits here may be asked, and can break it off.
        patience: None,
        silence: None,
        began: None,
    };
    let opened = Afar::open(wanted);
    let afar =
        opened.map_err(|error| Failure::Usage(anyhow::Error::new(error).context("--via")))?;
    Ok(vec![Source::Afar {
        written: format!("via {via}"),
        afar,
    }])
}

fn limits(args: &Args) -> Limits {
    let mut limits = Limits::default();
    limits.depth = args.depth.unwrap_or(limits.depth);
    limits.expanded = args
        .expanded
        .map_or(limits.expanded, |mib| mib.saturating_mul(1024 * 1024));
    limits
}

fn options(args: &Args, given: &keys::Given) -> Result<Options, Failure> {
    let control = if args.no_canary {
        Control::None
    } else {
        Control::Plant {
            helper: helper()?,
            in_folders: !args.canary_beside,
        }
    };
    Ok(Options {
        threads: args.threads.map(usize::from),
        stride: if args.every_offset {
            Stride::Every
        } else {
            Stride::Aligned8
        },
        passwords: given.passwords.clone(),
        limits: limits(args),
        // What lies where --via leads is left out there.
        rules: given.rules(match args.via {
            Some(_) => &[],
            None => &args.exclude,
        })?,
        time: args.time_limit.map(Duration::from_secs),
        folder: std::env::temp_dir(),
        control,
    })
}

/// Our own program, to hold a page in memory.
fn helper() -> Result<(PathBuf, Vec<String>), Failure> {
    let program = std::env::current_exe().map_err(|error| Failure::Harness(error.into()))?;
    Ok((program, vec![HOLD_PAGE.to_owned()]))
}

/// The hidden subcommand that holds a page in memory, as a canary.
pub const HOLD_PAGE: &str = "scan-hold-page";
/// The hidden subcommand that tries to reach what it is told to, as whoever it runs as.
pub const ATTEMPT: &str = "scan-attempt";
/// The hidden subcommand that reads for a search elsewhere.
pub const SERVE: &str = afar::SUBCOMMAND;

/// Runs [`HOLD_PAGE`].
pub fn hold_page() -> Outcome {
    crate::exposure::helper::helper_main().map_err(|error| Failure::Harness(error.into()))?;
    Ok(0)
}

/// Runs [`ATTEMPT`].
pub fn attempt() -> Outcome {
    let (input, output) = (std::io::stdin().lock(), std::io::stdout().lock());
    crate::exposure::probe::answer(input, output)
        .map_err(|error| Failure::Harness(error.into()))?;
    Ok(0)
}

/// Runs [`SERVE`]: reads here for a search elsewhere.
pub fn serve() -> Outcome {
    crate::exposure::hygiene::harden().map_err(|error| Failure::Harness(error.into()))?;
    end_cleanly_on_signals()?;
    let from = std::io::BufReader::new(std::io::stdin());
    let to = std::io::stdout();
    let to = std::io::BufWriter::with_capacity(1 << 20, to);
    let (program, hold) = helper()?;
    let own = afar::Own {
        program,
        hold,
        attempt: vec![ATTEMPT.to_owned()],
    };
    let gone = || {
        crate::exposure::leftovers::remove_all();
        std::process::exit(0);
    };
    afar::serve(&own, &std::env::temp_dir(), from, to, gone)
        .map_err(|error| Failure::Harness(error.into()))?;
    Ok(0)
}

fn show(args: &Args, answer: &Answer) -> Result<(), Failure> {
    if args.json {
        return super::print_json(answer);
    }
    super::print(&text::text(answer, super::paint()));
    Ok(())
}

fn exit_code(answer: &Answer) -> u8 {
    match answer.result {
        Result_::NotFound => 0,
        Result_::Found => 1,
        Result_::Undecided => 2,
    }
}

fn failure(error: ScanError) -> Failure {
    match error {
        ScanError::Source(_) => Failure::Usage(error.into()),
        _ => Failure::Harness(error.into()),
    }
}

/// A signal ends the program at once, but not before the files that it planted are gone.
fn end_cleanly_on_signals() -> Result<(), Failure> {
    use nix::sys::signal::{SigSet, Signal};
    let mut ours = SigSet::empty();
    for signal in [
        Signal::SIGINT,
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGQUIT,
        Signal::SIGALRM,
        Signal::SIGVTALRM,
        Signal::SIGUSR1,
        Signal::SIGUSR2,
        Signal::SIGXCPU,
    ] {
        ours.add(signal);
    }
    ours.thread_block()
        .map_err(|error| Failure::Harness(error.into()))?;
    std::thread::spawn(move || {
        if let Ok(signal) = ours.wait() {
            crate::exposure::leftovers::remove_all();
            // As a shell tells of a program that a signal ended.
            std::process::exit(128 + signal as i32);
        }
    });
    Ok(())
}

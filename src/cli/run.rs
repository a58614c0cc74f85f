//! `scas run`: the suite on a product.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use rand::Rng as _;

use super::{Failure, Outcome, operator, progress, softhsm};
use crate::catalogue::Catalogue;
use crate::catalogue::Selection;
use crate::context::Tier;
use crate::operator::{Answers, Operator, Person};
use crate::profile;
use crate::report::selftest::Selftest;
use crate::report::terminal;
use crate::session::{Begun, Session};

/// Runs the suite and prints a verdict table.
///
/// Without --sut the reference VNFM is started and tested: a look at what a run is, on any machine.
#[derive(clap::Args)]
pub struct Args {
    /// Profile of the product under test (TOML: what it is, what it claims, how to reach it)
    #[arg(long, value_name = "FILE")]
    sut: Option<PathBuf>,
    /// What to run: test case names, clauses, tags, with and, or, not
    ///
    /// Examples: TC_UNIQUE_VNF_INSTANCE_ID; 4.2.2.1; "@normative"; "4.2.2 and not @extended"
    #[arg(long, value_name = "EXPR")]
    select: Option<String>,
    /// The inner loop (default)
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// Everything, at the product's declared capacity
    #[arg(long)]
    full: bool,
    /// Seed of everything that is chosen by chance and not for secrecy; recorded in run.json
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The folder under which the run's own folder is made
    #[arg(long, value_name = "DIR", default_value = "reports")]
    out: PathBuf,
    /// Go on with a run that was interrupted or killed: the folder of its record. What has ended is not run again
    ///
    /// Options that are left out are as they were; others must be the same.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["out", "softhsm"])]
    resume: Option<PathBuf>,
    /// Print the results as JSON instead of the table
    #[arg(long)]
    json: bool,
    /// Leave in a product that runs by itself what the scenarios made there, to look at it; told as residue
    #[arg(long)]
    keep: bool,
    /// Keep the traffic of each scenario as traffic.pcapng, with the TLS session secrets that open it in Wireshark
    ///
    /// The evidence then holds whatever was sent, private keys included, for whoever has it to read. Without this option neither traffic
    /// nor session secrets are kept.
    #[arg(long)]
    with_secrets: bool,
    /// Ask, on this terminal, for what only a person can do ({ operator = "..." } in the profile)
    #[arg(long)]
    interactive: bool,
    /// Prepared answers of the operator (TOML); what is not in there is asked for with --interactive
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// Take the features from this folder instead of those built in
    #[arg(long, value_name = "DIR")]
    features: Option<PathBuf>,
    /// Give the reference this defect, to see the suite turn red (repeatable; `scas selftest` knows the names)
    #[arg(long, value_name = "NAME", conflicts_with = "sut")]
    defect: Vec<String>,
    /// Repeat in the report what this file says of the suite: the output of `scas selftest --json` for the same suite
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    selftest: Option<PathBuf>,
    /// Have the reference keep its private keys in a softhsm2 token, which is made for this run and removed with it
    #[arg(long, conflicts_with = "sut")]
    softhsm: bool,
}

/// Runs the subcommand.
pub fn run(mut args: Args) -> Outcome {
    let begun = args.resume.as_deref().map(Begun::open).transpose();
    let begun = begun.map_err(Failure::Usage)?;
    if let Some(begun) = &begun {
        as_begun(&mut args, begun)?;
    }
    let catalogue = catalogue(args.features.as_deref())?;
    let token = match args.softhsm {
        true => Some(softhsm::Token::new().map_err(Failure::Usage)?),
        false => None,
    };
    let sut = match (&args.sut, &token) {
        (Some(path), _) => profile::load(path, &super::environment).map_err(Failure::Usage)?,
        (None, Some(token)) => token.reference().map_err(Failure::Harness)?,
        (None, None) => profile::reference().map_err(Failure::Harness)?,
    };
    super::selftest::known_defects(&args.defect)?;
    let selection = args
        .select
        .as_deref()
        .map(|text| Selection::parse(text, &catalogue))
        .transpose()
        .map_err(|error| Failure::Usage(anyhow::Error::new(error).context("--select")))?;
    let selftest = args
        .selftest
        .as_deref()
        .map(|path| seen_to_fail(path, &catalogue))
        .transpose()
        .map_err(Failure::Usage)?;
    let progress = progress::Progress::new();
    let operator = operator(&args, &sut, &progress)?;
    let session = Session {
        selftest,
        catalogue: Arc::new(catalogue),
        sut,
        selection,
        tier: if args.full { Tier::Full } else { Tier::Quick },
        seed: args.seed.unwrap_or_else(|| rand::rng().random()),
        defects: args.defect,
        keep: args.keep,
        with_secrets: args.with_secrets,
        operator,
    };
    let runtime = super::runtime()?;
    let results = runtime.block_on(async {
        let prepared = match begun {
            None => session.prepare(&args.out, progress.listener()).await?,
            Some(begun) => session.resume(begun, progress.listener()).await?,
        };
        let folder = prepared.folder.clone();
        progress.begin(prepared.scenarios(), prepared.ended());
        let results = prepared.run(interrupted()).await;
        progress.end();
        results
            .map(|results| (folder, results))
            .map_err(Failure::Harness)
    });
    // What a dropped test bed left running on the runtime must not keep us.
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    let (folder, results) = results?;
    if args.json {
        super::print_json(&results)?;
    } else {
        super::print(&terminal::table(&results, super::paint()));
        super::print(&format!("record: {}\n", folder.display()));
    }
    Ok(results.exit_code)
}

/// Who does what only a person can do.
fn operator(
    args: &Args,
    sut: &profile::Loaded,
    progress: &progress::Progress,
) -> Result<Operator, Failure> {
    let steps = sut.profile.ixit.operator_steps();
    let steps: Vec<&str> = steps.iter().map(|(label, _)| label.as_str()).collect();
    let prepared = args
        .answers
        .as_deref()
        .map(|path| Answers::read(path, &steps));
    let person = args.interactive.then(|| {
        let name = sut.profile.sut.tester.clone();
        Arc::new(operator::Terminal::new(progress.speaker(), name)) as Arc<dyn Person>
    });
    let prepared = prepared.transpose().map_err(Failure::Usage)?;
    Ok(Operator::new(prepared, person))
}

/// Options that were left out are those that the run was begun with.
fn as_begun(args: &mut Args, begun: &Begun) -> Result<(), Failure> {
    let run = &begun.run;
    if run.profile == softhsm::PROFILE {
        return Err(Failure::Usage(anyhow::anyhow!(
            "--resume {}: the run was made with --softhsm, and its token went with it; begin a new run",
            begun.folder().display()
        )));
    }
    if run.profile != profile::BUILT_IN {
        args.sut.get_or_insert_with(|| PathBuf::from(&run.profile));
    }
    if !run.selection.is_empty() {
        args.select.get_or_insert_with(|| run.selection.clone());
    }
    args.full |= !args.quick && run.tier == Tier::Full.to_string();
    args.seed.get_or_insert(run.seed);
    args.with_secrets |= run.with_secrets;
    if args.defect.is_empty() {
        args.defect.clone_from(&run.defects);
    }
    Ok(())
}

/// What `scas selftest --json` has written about this very suite.
fn seen_to_fail(path: &Path, catalogue: &Catalogue) -> anyhow::Result<Selftest> {
    let name = || format!("--selftest {}", path.display());
    let text = std::fs::read(path).with_context(name)?;
    let selftest: Selftest = serde_json::from_slice(&text)
        .with_context(|| format!("{}: it is not what scas selftest --json prints", name()))?;
    anyhow::ensure!(
        selftest.suite_digest == catalogue.digest(),
        "{}: it is about the suite {}, and this run is of {}: run scas selftest --json again",
        name(),
        selftest.suite_digest,
        catalogue.digest()
    );
    Ok(selftest)
}

/// The suite: built in, or from a folder.
pub fn catalogue(features: Option<&std::path::Path>) -> Result<Catalogue, Failure> {
    match features {
        Some(folder) => Catalogue::from_dir(folder).map_err(|e| Failure::Usage(e.into())),
        None => Catalogue::embedded().map_err(|e| Failure::Harness(e.into())),
    }
}

/// Ends when the user or the system asks us to stop, and says which. It listens from the call on, not only once it is
/// awaited: who has read that we are ready may ask at once. To be called on a runtime.
pub fn interrupted() -> impl Future<Output = String> {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupt = signal(SignalKind::interrupt());
    let terminate = signal(SignalKind::terminate());
    let hangup = signal(SignalKind::hangup());
    async move {
        let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) = (interrupt, terminate, hangup)
        else {
            // Without handlers the signals do what they always do.
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.recv() => "SIGINT (Ctrl-C)".to_owned(),
            _ = terminate.recv() => "SIGTERM".to_owned(),
            _ = hangup.recv() => "SIGHUP (the terminal is gone)".to_owned(),
        }
    }
}

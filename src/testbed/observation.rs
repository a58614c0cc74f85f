//! Looking into the product: its processes, its storage, what it sent. A look is taken while the keys are not known yet
//! ([`Testbed::snapshot`]) and searched later ([`Testbed::search`]), or searched at once ([`Testbed::look`]).

mod attempts;
mod dumps;
mod facts;
mod ground;
mod scope;
pub(crate) mod there;
mod wire;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use scas_simulators::cmf::CertificateType;
use serde_json::{Value, json};

use self::dumps::Dumped;
use self::ground::{Account, Folders, Ground};
pub use self::wire::{Spoken, Wire};
use super::Testbed;
use super::delegation::CertifiedKey;
use crate::exposure::afar::What;
use crate::exposure::answer::Answer;
use crate::exposure::blind::Stride;
use crate::exposure::control::Control;
use crate::exposure::given::Source;
use crate::exposure::key::{Target, load_private, load_public};
use crate::exposure::recogniser::Recogniser;
use crate::exposure::search::{Held, Options, scan};
use crate::exposure::source::GapKind;
use crate::exposure::source::limits::{Limits, Rules};
use crate::exposure::survey::{self, SHARED, Shared};
use crate::model::key_protection::{Key, Look};

/// How often a look is repeated that met a file or process in change.
const TRIES: usize = 4;
/// What stands for a text that holds a key.
const CONCEALED: &str = "(a name that holds the key)";
/// The hidden subcommand that holds a page in memory, as a canary.
const HOLD_PAGE: &str = "scan-hold-page";

/// Plants canaries in memory and a folder of our own, and searches for them: whether this machine lets the tester look at all. Returns
/// where they were found.
///
/// # Errors
/// One was not found, or there was no search; in words.
pub fn canary() -> Result<Vec<String>, String> {
    let scratch =
        crate::context::private_folder("scas-look-").map_err(|error| error.to_string())?;
    let sources = vec![
        Source::Processes {
            written: "the memory of a process".to_owned(),
            pids: vec![std::process::id()],
        },
        Source::Folder {
            written: "a folder".to_owned(),
            path: scratch.path().to_owned(),
        },
    ];
    found_in(sources, scratch.path())
}

/// Plants a canary in a folder of the product's and searches it.
///
/// # Errors
/// As for [`canary`]; so has a folder into which nothing can be written: what lies beside it says less.
pub fn canary_in(folder: &Source) -> Result<(), String> {
    let Source::Folder { path, .. } = folder else {
        return Ok(());
    };
    let scratch =
        crate::context::private_folder("scas-look-").map_err(|error| error.to_string())?;
    // A folder of its own in it, so that not all of it is searched.
    let inside = tempfile::Builder::new()
        .prefix(".scas-canary-")
        .tempdir_in(path)
        .map_err(|error| format!("nothing can be written there: {error}"))?;
    let source = Source::Folder {
        written: path.display().to_string(),
        path: inside.path().to_owned(),
    };
    found_in(vec![source], scratch.path()).map(drop)
}

/// As [`canary`], on the machine behind a command.
///
/// # Errors
/// As there.
pub fn canary_there(via: &[String], silence: Duration) -> Result<Vec<String>, String> {
    let scratch =
        crate::context::private_folder("scas-look-").map_err(|error| error.to_string())?;
    let afar =
        there::open(via, What::Ourselves, silence, None).map_err(|error| error.to_string())?;
    let written = format!("via {}", afar.command());
    found_in(vec![Source::Afar { written, afar }], scratch.path())
}

/// Searches for canaries alone. Returns where they were found.
fn found_in(sources: Vec<Source>, scratch: &Path) -> Result<Vec<String>, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    // Canaries are of the kinds that are looked for.
    let (_, target) = any_key().map_err(|error| error.to_string())?;
    let answer = scan(&[target], sources, &options(program, scratch.to_owned()));
    let canaries = answer.map_err(|error| error.to_string())?.canaries;
    if canaries.is_empty() {
        return Err("none was planted".to_owned());
    }
    if let Some(lost) = canaries.iter().find(|canary| !canary.found) {
        let why = lost.problem.as_deref().unwrap_or("it was not seen there");
        return Err(format!("{}: {why}", lost.source));
    }
    let mut places: Vec<String> = canaries.into_iter().map(|canary| canary.source).collect();
    places.dedup();
    Ok(places)
}

/// A private key that was made this moment (PKCS#8), to be searched for.
fn any_key() -> anyhow::Result<(Vec<u8>, Target)> {
    let name = "a key of no use";
    let der = rcgen::KeyPair::generate()?.serialize_der();
    let (private, public) = load_private(name, &der, &[])?;
    let target = Target {
        name: name.to_owned(),
        public,
        private: Some(private),
    };
    Ok((der, target))
}

fn options(program: PathBuf, folder: PathBuf) -> Options {
    Options {
        threads: None,
        stride: Stride::Aligned8,
        passwords: Vec::new(),
        limits: Limits::default(),
        rules: Rules::default(),
        time: None,
        folder,
        control: Control::Plant {
            helper: (program, vec![HOLD_PAGE.to_owned()]),
            in_folders: true,
        },
    }
}

/// The memory and storage of a moment, with what another user could reach then.
pub struct Taken {
    name: String,
    began: Timestamp,
    /// Shared, so that a blocking thread can search it.
    held: Arc<Held>,
    account: Account,
}

/// A look, with all that was noted of it.
pub struct Looked {
    /// What a judge needs.
    pub look: Look,
    /// Everything, for the evidence.
    pub record: Value,
}

/// Keys that are looked for, and what a judge is told of them.
#[derive(Clone, Default)]
pub struct Wanted {
    /// What a judge is told.
    pub keys: Vec<Key>,
    targets: Vec<Target>,
}

impl Wanted {
    /// Every certified key of this kind.
    ///
    /// # Errors
    /// A key that the search cannot take.
    pub fn of(certified: &[CertifiedKey], kind: CertificateType) -> anyhow::Result<Self> {
        Self::all(certified.iter().filter(|key| key.kind == kind))
    }

    /// All of these keys.
    ///
    /// # Errors
    /// A key that the search cannot take.
    pub fn all<'k>(certified: impl Iterator<Item = &'k CertifiedKey>) -> anyhow::Result<Self> {
        let (mut keys, mut targets) = (Vec::new(), Vec::<Target>::new());
        for certified in certified {
            // Named by its digest: that is how a sighting tells which key it is.
            let name = certified.public_key_sha256.clone();
            if targets.iter().any(|known| known.name == name) {
                continue;
            }
            let (public, private) = match &certified.delivered {
                Some(delivered) => {
                    let der = delivered.private_key.der();
                    let (private, public) = load_private(&name, der, &[])?;
                    (public, Some(private))
                }
                None => (load_public(&name, &certified.certificate_der)?, None),
            };
            keys.push(Key {
                name: format!("{} of VNFCI {}", certified.kind, certified.vnfci_id),
                public_key_sha256: name.clone(),
                known: private.is_some(),
            });
            targets.push(Target {
                name,
                public,
                private,
            });
        }
        Ok(Self { keys, targets })
    }

    /// Recognises them, and anybody's, in what is to be kept.
    pub fn recogniser(&self) -> Recogniser {
        Recogniser::new(&self.targets)
    }
}

impl Looked {
    /// Without names that hold a key: other people chose them.
    fn without(mut self, recogniser: Option<Recogniser>) -> anyhow::Result<Self> {
        let Some(recogniser) = recogniser else {
            return Ok(self);
        };
        let mut look = serde_json::to_value(&self.look)?;
        for value in [&mut look, &mut self.record] {
            conceal(value, &recogniser, CONCEALED);
        }
        self.look = serde_json::from_value(look)?;
        Ok(self)
    }
}

/// Replaces every text in a record in which a private key can be read.
pub(super) fn conceal(value: &mut Value, recogniser: &Recogniser, by: &str) {
    match value {
        Value::String(text) if recogniser.sees(text.as_bytes()) => by.clone_into(text),
        Value::Array(all) => all.iter_mut().for_each(|one| conceal(one, recogniser, by)),
        Value::Object(all) => all
            .values_mut()
            .for_each(|one| conceal(one, recogniser, by)),
        _ => {}
    }
}

impl Testbed {
    /// Takes memory and storage of the product as they are now, and tries as another user to reach them.
    ///
    /// # Errors
    /// A fault of ours. What the tester could not reach is told later, by the search.
    pub async fn snapshot(&mut self, name: &str) -> anyhow::Result<Taken> {
        let began = Timestamp::now();
        let mut left = TRIES;
        let dumped = self.dump().await?;
        let (held, account) = loop {
            left -= 1;
            let (mut ground, options) = (self.ground(&dumped)?, self.search_options()?);
            let context = Arc::clone(&self.context);
            let targets = ground.probe_targets();
            let probing = tokio::task::spawn_blocking(move || {
                targets.map(|targets| ground::try_here(&targets, &context.profile.ixit))
            });
            let taking = tokio::task::spawn_blocking(move || {
                let sources = ground.sources(true);
                Held::take(sources, options).map(|held| (held, ground))
            });
            let (taken, tried) = (taking.await?, probing.await?);
            match taken {
                Ok((held, ground)) => break (held, ground.account(tried)),
                // A process, or what it mounted, may be gone before it is opened.
                Err(_) if left > 0 => {}
                Err(error) => {
                    let error = anyhow::Error::from(error);
                    return Err(error.context("no snapshot of the product could be taken"));
                }
            }
        };
        self.remarks.extend(dumped.remove());
        self.remark_if_slow(name, began);
        Ok(Taken {
            name: name.to_owned(),
            began,
            held: Arc::new(held),
            account,
        })
    }

    /// A product that is held up while it is looked at deletes its keys at the end of their retention, as it should.
    fn remark_if_slow(&mut self, name: &str, began: Timestamp) {
        let took = Timestamp::now().duration_since(began).as_secs();
        let retention = self.context.profile.ixit.keys.retention;
        if took >= i64::try_from(retention / 2).unwrap_or(i64::MAX) {
            self.remarks.push(format!(
                "the look {name} took {took} s, and the VNFM keeps a private key for {retention} s (ixit.keys.retention): give it longer, \
                 or have less searched (ixit.observe)"
            ));
        }
    }

    /// Searches what was taken before.
    ///
    /// # Errors
    /// A fault of ours.
    pub async fn search(&self, taken: &Taken, wanted: &Wanted) -> anyhow::Result<Looked> {
        let (held, targets) = (Arc::clone(&taken.held), wanted.targets.clone());
        let answer = tokio::task::spawn_blocking(move || held.search(&targets)).await?;
        let mut looked = self.looked(&taken.name, taken.began, answer, &taken.account);
        let Looked { look, record } = &mut looked;
        taken.account.tell_attempts(look, record)?;
        looked.without(self.recogniser())
    }

    /// Searches the product as it is now. A file or a process that changes meanwhile is met by looking again.
    ///
    /// # Errors
    /// A fault of ours.
    pub async fn look(&mut self, name: &str, wanted: &Wanted) -> anyhow::Result<Looked> {
        let mut left = TRIES;
        let first = Timestamp::now();
        let dumped = self.dump().await?;
        loop {
            left -= 1;
            // A dump is older than a look that was repeated.
            let began = match dumped.folder() {
                Some(_) => first,
                None => Timestamp::now(),
            };
            let mut ground = self.ground(&dumped)?;
            let (options, targets) = (self.search_options()?, wanted.targets.clone());
            let scanning = tokio::task::spawn_blocking(move || {
                let sources = ground.sources(false);
                scan(&targets, sources, &options).map(|answer| (answer, ground))
            });
            let (mut answer, ground) = match scanning.await? {
                Ok(answered) => answered,
                // A process, or what it mounted, may be gone before it is opened.
                Err(_) if left > 0 => continue,
                Err(error) => {
                    return Err(
                        anyhow::Error::from(error).context("the product could not be searched")
                    );
                }
            };
            pass_over(&mut answer);
            let changed = answer
                .gaps
                .iter()
                .any(|gap| gap.gap.kind == GapKind::Changed);
            if left == 0 || !changed || !answer.exposures.is_empty() {
                self.remarks.extend(dumped.remove());
                let looked = self.looked(name, began, answer, &ground.account(None));
                return looked.without(self.recogniser());
            }
        }
    }

    /// What a look into the product came to.
    fn looked(
        &self,
        name: &str,
        began: Timestamp,
        mut answer: Answer,
        account: &Account,
    ) -> Looked {
        pass_over(&mut answer);
        account.explain(&mut answer);
        let mut looked = looked(name, began, &answer, account.lacked());
        looked.record["there"] = account.record();
        looked.look.scope = scope::of_product(&self.context.profile.ixit);
        looked
    }

    /// Searches everything that the product sent elsewhere than over the declared channel, from this exchange on.
    ///
    /// # Errors
    /// A fault of ours.
    pub async fn look_at_wire(
        &mut self,
        name: &str,
        wanted: &Wanted,
        from: u64,
    ) -> anyhow::Result<Looked> {
        let began = Timestamp::now();
        let wire = Wire::of(&self.transcript.since(from), &self.spoken);
        let answer = self.scan(vec![wire.source()?], wanted).await?;
        let mut looked = looked(name, began, &answer, Vec::new());
        wire.tell(&mut looked.look);
        if let Some(delegation) = self.delegation.as_ref().filter(|_| from == 0) {
            looked
                .look
                .sightings
                .extend(wire::at_the_cmf(delegation, &wanted.keys));
        }
        looked.look.scope = scope::of_wire();
        looked.without(self.recogniser())
    }

    /// The exchanges in which a private key can be read, a certified one or anybody's: they must not become evidence.
    ///
    /// # Errors
    /// A fault of ours.
    pub(super) async fn tainted(&self, wanted: &Wanted) -> anyhow::Result<Vec<u64>> {
        let wire = Wire::whole(&self.transcript.exchanges());
        let answer = self.scan(vec![wire.source()?], wanted).await?;
        Ok(wire.exchanges(&answer))
    }

    /// Whether a private key can be read in a file, a certified one or anybody's: one that was never certified is one too.
    ///
    /// # Errors
    /// A fault of ours, or the file cannot be searched.
    pub(super) async fn is_tainted(&self, file: PathBuf, wanted: &Wanted) -> anyhow::Result<bool> {
        let source = Source::File {
            written: file.display().to_string(),
            path: file,
        };
        let answer = self.scan(vec![source], wanted).await?;
        Ok(!answer.exposures.is_empty() || !answer.other_keys.is_empty())
    }

    /// Files in everybody's folders, ours aside, that were changed in the scenario and in which one of these private keys can be read.
    ///
    /// # Errors
    /// A fault of ours.
    pub(super) async fn left_in_shared(&self, wanted: &Wanted) -> anyhow::Result<Vec<PathBuf>> {
        let places = Shared {
            further: Vec::new(),
            shallow: Vec::new(),
            since: self.since,
            most: survey::FILES,
            but: vec![self.work.path().to_owned(), self.context.folder.clone()],
        };
        // What is too much was told by the search.
        let files = survey::shared(&places, &mut survey::Names::default(), &mut Vec::new());
        let source = Source::Files {
            written: SHARED.to_owned(),
            files: files.clone(),
        };
        let answer = self.scan(vec![source], wanted).await?;
        let held = |name: &String| {
            let places = answer.exposures.iter().map(|seen| &seen.place);
            places
                .filter_map(|place| place.path.as_ref())
                .any(|path| path == name)
        };
        let files = files.into_iter().filter(|(name, _)| held(name));
        Ok(files.map(|(_, path)| path).collect())
    }

    async fn scan(&self, sources: Vec<Source>, wanted: &Wanted) -> anyhow::Result<Answer> {
        let (options, targets) = (self.search_options()?, wanted.targets.clone());
        let scanning = tokio::task::spawn_blocking(move || scan(&targets, sources, &options));
        scanning.await?.context("the product could not be searched")
    }

    /// Whether the tester can look into the product at all.
    ///
    /// # Errors
    /// [`super::vnf::Undone`], which says what the tester lacks; or a fault of ours.
    pub async fn can_look(&self) -> anyhow::Result<()> {
        self.can_dump()?;
        let (first, context) = (self.first(), Arc::clone(&self.context));
        let looking = move || Ground::reachable(&first, &context.profile.ixit);
        tokio::task::spawn_blocking(looking).await?
    }

    fn first(&self) -> Vec<u32> {
        let all = self.sut.iter().chain(&self.replicas);
        all.filter_map(super::Sut::pid).collect()
    }

    fn ground(&self, dumped: &Dumped) -> anyhow::Result<Ground> {
        let folders = Folders {
            product: self.work.path().to_owned(),
            given: vec![
                self.scratch.path().to_owned(),
                self.context.pki_files.folder().to_owned(),
            ],
            record: self.context.folder.clone(),
        };
        Ground::survey(
            &self.first(),
            folders,
            dumped,
            &self.context.profile.ixit,
            self.since,
            self.began,
        )
    }

    fn search_options(&self) -> anyhow::Result<Options> {
        let program = std::env::current_exe().context("our own program")?;
        Ok(options(program, self.scratch.path().to_owned()))
    }
}

/// Files that anybody may write to come and go, and hold others' keys. What is seen of the product's there counts.
fn pass_over(answer: &mut Answer) {
    answer.gaps.retain(|gap| gap.place.source != SHARED);
    answer.sealed.retain(|sealed| sealed.place.source != SHARED);
}

fn looked(name: &str, began: Timestamp, answer: &Answer, lacked: Vec<String>) -> Looked {
    let mut look = facts::look(answer);
    name.clone_into(&mut look.name);
    look.began = Some(began);
    look.lacked = lacked;
    let record = json!({ "look": name, "began": began, "lacked": look.lacked, "search": answer });
    Looked { look, record }
}

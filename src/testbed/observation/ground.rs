//! What there is to look at: the product here ([`Survey`]), the product on another machine ([`There`]), or both. Main types:
//! [`Ground`], and [`Account`] for what became of it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use super::super::processes;
use super::super::vnf::Undone;
use super::attempts::{self, ATTEMPT};
use super::dumps::Dumped;
use super::there::{Heard, There};
use crate::exposure::answer::Answer;
use crate::exposure::given::Source;
use crate::exposure::probe::{ProbeTargets, Tried};
use crate::exposure::survey::{self, Lack, LackKind, Product, Survey};
use crate::model::key_protection::Look;
use crate::model::sut::{Ixit, OtherProcesses};

/// What the pre-condition asks for.
pub(super) const LOOKS: &str = "the tester can look into the VNFM's processes";
/// What the product's processes are called as a source.
pub(super) const PRODUCT: &str = "VNFM";

/// What there is to look at.
pub(super) struct Ground {
    survey: Survey,
    lacked: Vec<String>,
    there: Option<There>,
    exports: Vec<Source>,
    dumps: Vec<Source>,
    /// Whether another user's reach is tried here.
    tries_here: bool,
    ours: Ours,
}

/// What the tester itself has put beside a product: who may read it says nothing of the product.
struct Ours {
    /// The folder of the scenario.
    work: PathBuf,
    /// Whether a product was started in it.
    is_products: bool,
}

impl Ours {
    fn has(&self, path: &Path) -> bool {
        let Ok(inner) = path.strip_prefix(&self.work) else {
            return false;
        };
        let parts: Vec<_> = inner.iter().collect();
        match parts.as_slice() {
            _ if !self.is_products => true,
            // Below the folder of a product it was given these.
            [_, made] => ["config", "output", "state", "tmp"]
                .iter()
                .any(|name| made == name),
            parts => parts.len() < 2,
        }
    }
}

/// Where the tester's own folders are.
pub(super) struct Folders {
    /// The product's, with all that it was given.
    pub(super) product: PathBuf,
    /// What it is told of that lies elsewhere.
    pub(super) given: Vec<PathBuf>,
    /// The record, which is ours to write meanwhile.
    pub(super) record: PathBuf,
}

/// What became of it: what a look must be told beside what the search answers.
pub(super) struct Account {
    ground: Ground,
    heard: Option<Heard>,
    tried_here: Option<Tried>,
}

impl Ground {
    /// Finds out. `first` are the product's first processes, `since` is when the scenario began, and `began` too: what is older in
    /// folders of everybody's is not the product's.
    pub(super) fn survey(
        first: &[u32],
        folders: Folders,
        dumped: &Dumped,
        ixit: &Ixit,
        since: SystemTime,
        began: Instant,
    ) -> anyhow::Result<Self> {
        let mut but = vec![folders.record];
        // Nothing of the product's is where the tester puts what it was given of its memory.
        but.extend(dumped.folder());
        let ours = Ours {
            work: folders.product.clone(),
            is_products: !ixit.api.running || ixit.start.is_some(),
        };
        let product = Product {
            folder: Some(folders.product),
            given: folders.given,
            but,
            ..product(first, ixit, since)?
        };
        let survey = Survey::of(&product)?;
        let there = There::of(ixit, began);
        let mut lacked = unnamed(ixit, there.is_none().then_some(survey.product.as_slice()));
        lacked.extend(survey.lacks.iter().map(words));
        lacked.extend(dumped.lacked().iter().cloned());
        Ok(Self {
            tries_here: there.is_none() || !survey.product.is_empty(),
            survey,
            lacked,
            there,
            exports: exports(ixit),
            dumps: dumped.sources(),
            ours,
        })
    }

    /// What is to be searched. The way to another machine is opened, which may take its time. The sources last as long as this does.
    pub(super) fn sources(&mut self, tries: bool) -> Vec<Source> {
        let mut sources = std::mem::take(&mut self.survey.sources);
        sources.append(&mut self.exports);
        sources.append(&mut self.dumps);
        if let Some(there) = &mut self.there {
            match there.open(tries) {
                Ok(source) => sources.push(source),
                Err(why) => self.lacked.push(why),
            }
        }
        sources
    }

    /// What another user may try to reach here; nothing, if the product is not here.
    pub(super) fn probe_targets(&self) -> Option<ProbeTargets> {
        self.tries_here.then(|| {
            let mut targets = self.survey.probe_targets();
            targets.files.retain(|path| !self.ours.has(path));
            targets.folders.retain(|path| !self.ours.has(path));
            targets
        })
    }

    /// To be asked when all was searched.
    pub(super) fn account(mut self, tried_here: Option<Tried>) -> Account {
        let heard = self.there.as_mut().and_then(There::heard);
        Account {
            ground: self,
            heard,
            tried_here,
        }
    }

    /// Whether every process can be looked into.
    pub(super) fn reachable(first: &[u32], ixit: &Ixit) -> anyhow::Result<()> {
        let undone = |lacks: String| Undone::error(LOOKS, format!("it lacks {lacks}"));
        let now = SystemTime::now();
        let there = There::of(ixit, Instant::now());
        let (pids, lacks) = survey::reach(&product(first, ixit, now)?);
        let named = unnamed(ixit, there.is_none().then_some(pids.as_slice()));
        if let Some(means) = named.into_iter().chain(lacks.iter().map(words)).next() {
            return Err(undone(means));
        }
        let is_here = there.is_none() || !pids.is_empty();
        if is_here && ixit.observe.probe_with.is_none() && !nix::unistd::geteuid().is_root() {
            return Err(undone(
                "the rights of root, to read processes and to try as another user; run this as root"
                    .to_owned(),
            ));
        }
        match there {
            Some(there) => there.reachable().map_err(undone),
            None => Ok(()),
        }
    }
}

impl Account {
    /// Adds to an answer what it cannot know.
    pub(super) fn explain(&self, answer: &mut Answer) {
        self.ground.survey.names.named_at().explain(answer, None);
        if let Some(heard) = &self.heard {
            heard.surveyed.names.explain(answer, Some(&heard.command));
        }
    }

    /// What the tester lacked.
    pub(super) fn lacked(&self) -> Vec<String> {
        let mut lacked = self.ground.lacked.clone();
        if let Some(there) = &self.ground.there {
            lacked.extend(there.lacked(self.heard.as_ref()));
        }
        lacked
    }

    /// Adds what was tried as another user to a look and to its record.
    pub(super) fn tell_attempts(&self, look: &mut Look, record: &mut Value) -> anyhow::Result<()> {
        let there = self.heard.as_ref().map(|heard| &heard.surveyed.tried);
        let all: Vec<&Tried> = self
            .tried_here
            .iter()
            .chain(there.into_iter().flatten())
            .collect();
        attempts::tell(&all, look);
        record["attempts"] = serde_json::to_value(attempts::merged(&all))?;
        Ok(())
    }

    /// What is told of the machine there, for the record.
    pub(super) fn record(&self) -> Value {
        let heard = |heard: &Heard| {
            json!({
                "via": heard.command,
                "processes": heard.surveyed.processes,
                "lacks": heard.surveyed.lacks,
                "left-out": heard.surveyed.left_out,
            })
        };
        self.heard.as_ref().map_or(Value::Null, heard)
    }
}

/// What the profile's commands print.
fn exports(ixit: &Ixit) -> Vec<Source> {
    let exports = ixit.observe.exports.iter();
    let export = |(name, words): (&String, &Vec<String>)| Source::Export {
        written: format!("export {name}"),
        words: words.clone(),
        limit: Duration::from_secs(ixit.timeouts.operation),
    };
    exports.map(export).collect()
}

/// The product as far as it is here.
fn product(first: &[u32], ixit: &Ixit, since: SystemTime) -> anyhow::Result<Product> {
    let is_here = ixit.observe.via.is_empty();
    let observe = ixit.observe.clone();
    let pids = match is_here {
        true => processes::of_product(first)?,
        // What leads to the other machine is no product, wherever it went.
        false => processes::trees(first)?,
    };
    Ok(Product {
        called: PRODUCT.to_owned(),
        elsewhere: is_here || !pids.is_empty(),
        pids,
        processes: if is_here { observe.product } else { Vec::new() },
        others: is_here && observe.processes == OtherProcesses::All,
        but_processes: Vec::new(),
        folder: None,
        given: Vec::new(),
        but: Vec::new(),
        storage: if is_here { observe.storage } else { Vec::new() },
        since,
    })
}

/// What the profile does not name, of a product that is not ours to start; of one that is, whether it has a process here.
fn unnamed(ixit: &Ixit, here: Option<&[u32]>) -> Vec<String> {
    let elsewhere = ixit.api.running || here.is_none();
    let mut lacked = Vec::new();
    if elsewhere && ixit.observe.product.is_empty() {
        lacked.push(
            "the VNFM's processes: it runs by itself (ixit.api.running) or elsewhere (ixit.observe.via); name them in ixit.observe.product, e.g. \"port:9443\" or \
             \"unit:vnfm\""
                .to_owned(),
        );
    } else if here.is_some_and(<[u32]>::is_empty) {
        lacked.push(
            "a process of the VNFM to look into: it has ended, or runs elsewhere (ixit.observe.product, ixit.observe.via)"
                .to_owned(),
        );
    }
    if elsewhere && ixit.observe.storage.is_empty() {
        lacked.push(
            "the VNFM's storage: it runs by itself (ixit.api.running) or elsewhere (ixit.observe.via); name its folders or devices in ixit.observe.storage"
                .to_owned(),
        );
    }
    lacked
}

/// What cannot be looked at, with the label to mend it by.
pub(super) fn words(lack: &Lack) -> String {
    let what = &lack.what;
    match lack.kind {
        LackKind::Process => format!("ixit.observe.product: {what}"),
        LackKind::Storage => format!("ixit.observe.storage: {what}"),
        LackKind::Rights => format!("{what}; run this as root"),
        LackKind::Time => format!("time for {what}"),
    }
}

/// Tries here as another user.
pub(super) fn try_here(targets: &ProbeTargets, ixit: &Ixit) -> Tried {
    match std::env::current_exe() {
        Ok(program) => {
            let who = attempts::who(&ixit.observe);
            who.try_all(&program, &[ATTEMPT.to_owned()], targets)
        }
        Err(error) => Tried {
            failed: Some(format!("our own program: {error}")),
            ..Tried::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_tester_put_there_is_not_tried_as_if_it_were_the_products() {
        let ours = |is_products| Ours {
            work: PathBuf::from("/tmp/bed"),
            is_products,
        };
        for (path, of_started) in [
            ("/tmp/bed", true),
            ("/tmp/bed/sut", true),
            ("/tmp/bed/sut/output", true),
            ("/tmp/bed/sut/state", true),
            ("/tmp/bed/sut/log", false),
            ("/tmp/bed/sut/state/keys.db", false),
        ] {
            assert_eq!(ours(true).has(Path::new(path)), of_started, "{path}");
            assert!(ours(false).has(Path::new(path)), "{path}");
        }
        assert!(!ours(false).has(Path::new("/var/lib/vnfm")));
    }

    #[test]
    fn of_a_product_that_runs_by_itself_processes_and_storage_must_be_named() {
        let loaded = crate::profile::reference().expect("a profile");
        let mut ixit = loaded.profile.ixit;
        ixit.api.root = Some("https://127.0.0.1:9443".to_owned());
        ixit.api.running = true;
        let lacked = |ixit: &Ixit, here| unnamed(ixit, here).join("\n");
        let told = lacked(&ixit, Some(&[7]));
        assert!(told.contains("ixit.observe.product") && told.contains("ixit.observe.storage"));
        assert_eq!(told, lacked(&ixit, None));
        ixit.observe.product = vec!["port:9443".to_owned()];
        ixit.observe.storage = vec!["/var/lib/vnfm".to_owned()];
        assert_eq!(lacked(&ixit, Some(&[7])), "");
        assert_eq!(lacked(&ixit, None), "");
        assert!(lacked(&ixit, Some(&[])).contains("it has ended"));
    }
}

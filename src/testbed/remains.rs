//! What is left when a bed is taken down: [`Remains`].

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use anyhow::Context as _;
use scas_simulators::transcript::{Body, Exchange, Transcript};

use super::delegation::Delegation;
use super::observation::{Wanted, conceal};
use super::sut::Sut;
use super::sut_process;
use super::{TRANSCRIPT, Testbed, processes, state, tolerance, traffic};
use crate::exposure::recogniser::Recogniser;
use crate::model::evidence::Observation;

/// What stands for bytes that hold a private key.
const WITHHELD: &str = "(withheld: key material was found here)";

/// What is left when a bed is taken down.
pub struct Remains {
    /// Files that were kept, and what they are.
    pub files: Vec<(PathBuf, &'static str)>,
    /// What was seen of the product beside what is judged.
    pub observations: Vec<Observation>,
    /// Seconds in which the product was at work.
    pub product_seconds: f64,
    /// What could not be removed.
    pub residue: Vec<String>,
    /// Evidence that could not be kept: the verdict stands on nothing.
    pub lost: Vec<String>,
}

impl Testbed {
    /// Takes everything down and says what is left.
    pub async fn take_down(mut self) -> Remains {
        let mut residue = std::mem::take(&mut self.remarks);
        if let Some(status) = self.sut.as_mut().and_then(Sut::ended) {
            residue.push(format!("the SUT had ended by itself: {status}"));
        }
        if self.context.profile.ixit.api.running && self.sut.is_some() {
            residue.extend(self.bring_back().await);
        }
        let begun = self.waits.begin();
        for sut in self.sut.take().into_iter().chain(self.replicas.drain(..)) {
            residue.extend(sut.stop().await);
        }
        self.waits.end(begun);
        self.crashed.clear();
        if self.delegation.is_some() {
            residue.extend(end_orphans());
        }
        let api = &self.context.profile.ixit.api;
        if let Some(root) = api.root.as_ref().filter(|_| !api.running)
            && sut_process::listens(root).await
        {
            residue.push(format!(
                "something still listens at {root} (ixit.api.root) after the SUT was stopped"
            ));
        }
        let exchanges = self.transcript.exchanges();
        let exchanges = || exchanges.iter().map(AsRef::as_ref);
        let mut observations = tolerance::observations(exchanges());
        observations.append(&mut self.operated.observations);
        if self.silent.load(Ordering::Relaxed) {
            observations.push(Observation {
                name: "result-not-notified".to_owned(),
                text: "tolerated: the result of an operation was not notified, although the tester subscribed; it was asked for"
                    .to_owned(),
                clause: Some("SOL003 5.4.20".to_owned()),
            });
        }
        let product_seconds = self.waits.product_seconds(exchanges());
        let mut lost = Vec::new();
        let mut withheld = Vec::new();
        if let Some(wanted) = self.secrets() {
            match self.clean(&wanted).await {
                Ok(files) => withheld = files,
                Err(error) => lost.push(format!("{error:#}")),
            }
        }
        residue.extend(self.sweep().await);
        let mut files = vec![(
            self.folder.join(TRANSCRIPT),
            "every exchange of the scenario, one line each",
        )];
        let answers = std::mem::take(&mut self.operated.files).into_iter();
        files.extend(answers.map(|path| (path, "what the operator was asked, and the answer")));
        match state::keep_logs(
            self.work.path(),
            &self.folder,
            &withheld,
            &self.context.secrets,
        ) {
            Ok(logs) => files.extend(logs),
            Err(error) => lost.push(format!("{error:#}")),
        }
        let Self {
            folder,
            nfvo,
            delegation,
            vim,
            transcript,
            work,
            scratch,
            ..
        } = self;
        if let Some(delegation) = delegation {
            delegation.take_down().await;
        }
        if let Some(vim) = vim {
            vim.stop().await;
        }
        nfvo.stop().await;
        if let Err(error) = transcript.flush() {
            lost.push(format!("the transcript is not whole: {error}"));
        }
        for (temporary, whose) in [(work, "the SUT's"), (scratch, "the tester's")] {
            if let Err(error) = temporary.close() {
                residue.push(format!("{whose} work folder could not be removed: {error}"));
            }
        }
        // Last of all, see there.
        if let Some(capture) = transcript.capture() {
            match traffic::keep(&capture, &folder) {
                Ok((path, cut)) => {
                    files.push((path, traffic::WHAT));
                    observations.extend(cut);
                }
                Err(error) => lost.push(format!("{error:#}")),
            }
        }
        Remains {
            files,
            observations,
            product_seconds,
            residue,
            lost,
        }
    }

    /// Replaces a text in which a private key can be read: one that was certified, or anybody's. In delegation mode only.
    pub fn withhold(&self, text: &mut String) {
        if self
            .recogniser()
            .is_some_and(|known| known.sees(text.as_bytes()))
        {
            WITHHELD.clone_into(text);
        }
    }

    /// As [`Testbed::withhold`], for each text in a record.
    pub fn withhold_in(&self, record: &mut serde_json::Value) {
        if let Some(recogniser) = self.recogniser() {
            conceal(record, &recogniser, WITHHELD);
        }
    }

    /// Recognises every key that was certified, of either kind, and anybody's. In delegation mode only.
    pub(super) fn recogniser(&self) -> Option<Recogniser> {
        let certified = self.delegation.as_ref()?.certified();
        // A key that the search cannot take is told where it is searched for.
        Some(
            Wanted::all(certified.iter())
                .unwrap_or_default()
                .recogniser(),
        )
    }

    /// Every key that was certified in the scenario, in delegation mode.
    fn secrets(&self) -> Option<anyhow::Result<Wanted>> {
        let certified = self.delegation.as_ref().map(Delegation::certified)?;
        Some(Wanted::all(certified.iter()))
    }

    /// Removes what the product has made in folders of everybody's and left there with a private key of the scenario: nobody else
    /// would. A file that was there before is left alone, and told.
    async fn sweep(&self) -> Vec<String> {
        let Some(Ok(wanted)) = self.secrets() else {
            return Vec::new();
        };
        let left = match self.left_in_shared(&wanted).await {
            Ok(left) => left,
            Err(error) => return vec![format!("folders of everybody's were not swept: {error:#}")],
        };
        let mut told = Vec::new();
        for path in left {
            let path_text = path.display();
            let is_new = std::fs::metadata(&path).and_then(|met| met.created());
            if !is_new.is_ok_and(|made| made >= self.since) {
                told.push(format!("a private key of the scenario is left in {path_text}, which was there before: remove it"));
                continue;
            }
            told.push(match std::fs::remove_file(&path) {
                Ok(()) => format!("the SUT left a private key in {path_text}, which was removed"),
                Err(error) => format!(
                    "the SUT left a private key in {path_text}, which cannot be removed: {error}"
                ),
            });
        }
        told
    }

    /// Writes the transcript without what holds a private key, and returns the logs that must not be kept.
    async fn clean(&self, wanted: &anyhow::Result<Wanted>) -> anyhow::Result<Vec<PathBuf>> {
        let wanted = match wanted {
            Ok(wanted) => wanted,
            Err(error) => anyhow::bail!("evidence cannot be searched for keys: {error:#}"),
        };
        let tainted = self.tainted(wanted).await?;
        write(&self.transcript, &tainted, &self.folder.join(TRANSCRIPT))?;
        let mut withheld = Vec::new();
        for log in state::logs(self.work.path()) {
            if self.is_tainted(log.clone(), wanted).await? {
                withheld.push(log);
            }
        }
        Ok(withheld)
    }
}

/// Ends what the product left running. Returns what to remark.
fn end_orphans() -> Vec<String> {
    let (ended, left) = processes::end_all();
    let killed = ended
        .iter()
        .map(|pid| format!("the SUT left process {pid} running, which was killed"));
    let not = left
        .iter()
        .map(|pid| format!("the SUT left process {pid} running, which could not be killed"));
    killed.chain(not).collect()
}

fn write(transcript: &Transcript, tainted: &[u64], path: &Path) -> anyhow::Result<()> {
    let context = || format!("cannot write {}", path.display());
    let mut file = BufWriter::new(File::create(path).with_context(context)?);
    for exchange in transcript.exchanges() {
        let mut exchange = Exchange::clone(&exchange);
        if tainted.contains(&exchange.seq) {
            withhold(&mut exchange);
        }
        serde_json::to_writer(&mut file, &exchange)?;
        file.write_all(b"\n").with_context(context)?;
    }
    file.flush().with_context(context)
}

/// Takes out whatever the product wrote.
fn withhold(exchange: &mut Exchange) {
    let body = || Body {
        redacted: 1,
        ..Body::of(WITHHELD.as_bytes())
    };
    exchange.request.body = body();
    exchange.request.headers.clear();
    exchange.request.target = exchange.request.path().to_owned();
    exchange.fault = exchange.fault.as_ref().map(|_| WITHHELD.to_owned());
    if let Some(response) = &mut exchange.response {
        response.body = body();
        response.headers.clear();
    }
}

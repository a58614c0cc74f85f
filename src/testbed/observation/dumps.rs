//! Dumps of the memory of the machine on which the product runs, made anew for each look, by a program of the profile's or a person:
//! [`Dumped`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::super::Testbed;
use super::super::sut_process::StartError;
use super::super::vnf::Undone;
use super::{Wanted, any_key};
use crate::exposure::given::Source;
use crate::model::sut::Action;

/// What such a source is called, with its name behind it. In it the administrator sees the memory of the product and of all else that
/// runs there.
pub(super) const DUMP: &str = "VNFM memory dump ";

/// The dumps for one look. Their files are removed with it: they hold whatever the product held.
#[derive(Default)]
pub(super) struct Dumped {
    folder: Option<TempDir>,
    sources: Vec<Source>,
    lacked: Vec<String>,
}

impl Dumped {
    /// Where they lie, if there are any.
    pub(super) fn folder(&self) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.path().to_owned())
    }

    /// To search.
    pub(super) fn sources(&self) -> Vec<Source> {
        self.sources.clone()
    }

    /// Removes the files. Returns what remains, if they could not be.
    pub(super) fn remove(self) -> Option<String> {
        let folder = self.folder?;
        let path = folder.path().to_owned();
        let error = folder.close().err()?;
        Some(format!(
            "{} with dumps of the product's memory remains, delete it: {error}",
            path.display()
        ))
    }

    /// What was not dumped, and why.
    pub(super) fn lacked(&self) -> &[String] {
        &self.lacked
    }
}

/// A key that nobody but this process has.
struct Own {
    wanted: Wanted,
    /// In ordinary memory, which no maker of dumps leaves out.
    _der: Vec<u8>,
}

impl Own {
    fn new() -> anyhow::Result<Self> {
        let (der, target) = any_key()?;
        let wanted = Wanted {
            keys: Vec::new(),
            targets: vec![target],
        };
        Ok(Self { wanted, _der: der })
    }
}

impl Testbed {
    /// Has every dump made that the profile names, one after the other.
    ///
    /// # Errors
    /// There is no folder to make them in.
    pub(super) async fn dump(&mut self) -> anyhow::Result<Dumped> {
        let mut dumped = Dumped::default();
        let observe = self.context.profile.ixit.observe.clone();
        if observe.dumps.is_empty() {
            return Ok(dumped);
        }
        let folder = crate::context::private_folder("scas-dump-")?;
        let own = Own::new()?;
        for (number, ((label, action), name)) in
            observe.dumps().zip(observe.dumps.keys()).enumerate()
        {
            let file = folder.path().join(format!("dump-{number}"));
            let made = match self.dump_to(&file, &label, action).await {
                Ok(()) => self.is_not_ours(&file, &own).await?,
                Err(why) => Err(why),
            };
            match made {
                Ok(()) => dumped.sources.push(Source::File {
                    written: format!("{DUMP}{name}"),
                    path: file,
                }),
                Err(why) => dumped
                    .lacked
                    .push(format!("a dump of memory: {label}: {why}")),
            }
        }
        dumped.folder = Some(folder);
        Ok(dumped)
    }

    async fn dump_to(&mut self, file: &Path, label: &str, action: &Action) -> Result<(), String> {
        let dir = self.dir("sut");
        let mut values: BTreeMap<&'static str, String> = self.values("sut", &dir);
        values.insert("file", file.display().to_string());
        let limit = Duration::from_secs(self.context.profile.ixit.timeouts.operation);
        let output = file.with_extension("output");
        let done = self
            .act_within(label, action, &values, &output, limit)
            .await;
        done.map_err(|error| error.to_string())?;
        match file.symlink_metadata() {
            Ok(written) if written.is_file() && written.len() > 0 => Ok(()),
            Ok(written) if written.is_file() => Err(format!("{} is empty", file.display())),
            Ok(_) => Err(format!("{} is no file", file.display())),
            Err(error) => Err(format!(
                "it is told as done, and {} cannot be read: {error}",
                file.display()
            )),
        }
    }

    /// Tells a dump of the tester's own memory, which holds every key that the simulators were told: a find in it says nothing.
    async fn is_not_ours(&self, file: &Path, own: &Own) -> anyhow::Result<Result<(), String>> {
        let source = Source::File {
            written: file.display().to_string(),
            path: file.to_owned(),
        };
        let answer = self.scan(vec![source], &own.wanted).await?;
        if answer.exposures.is_empty() {
            return Ok(Ok(()));
        }
        Ok(Err(
            "it holds the memory of this very program, which knows the keys too: dump the machine on which the product runs, and run \
             scas on another"
                .to_owned(),
        ))
    }

    /// Whether each dump that only a person can make could be made.
    pub(super) fn can_dump(&self) -> anyhow::Result<()> {
        for (label, action) in self.context.profile.ixit.observe.dumps() {
            self.can_act(&label, action).map_err(|error: StartError| {
                Undone::error("the tester can look into the VNFM", error.to_string())
            })?;
        }
        Ok(())
    }
}

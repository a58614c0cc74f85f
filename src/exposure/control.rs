//! Plants canaries where the rule allows and takes them away again: [`Control`] says how, [`Planted`] where.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::canary::Canaries;
use crate::given::{GivenError, Source};
use crate::helper::HelperProcess;
use crate::search::Options;
use crate::source::Place;
use crate::source::path::Works;
use crate::source::{path, process, stream};

/// How to plant.
pub enum Control {
    /// A file in each folder, a page in a process for processes, a file beside for the rest.
    Plant {
        /// Our own program, and the arguments that make it hold a page.
        helper: (PathBuf, Vec<String>),
        /// Whether folders that are searched may be written to. If not, their canary lies beside as well.
        in_folders: bool,
    },
    /// None: the answer is undecided then, unless something is found.
    None,
}

/// Canaries that are planted, each for a source. Dropping it takes them away.
#[derive(Default)]
pub struct Planted {
    sites: Vec<Site>,
}

/// One canary page.
pub(crate) struct Site {
    /// The source that it stands for, as the user wrote it.
    pub(crate) source: String,
    /// Where it lies, in words.
    pub(crate) words: String,
    /// Why it could not be planted.
    pub(crate) problem: Option<String>,
    hold: Hold,
}

/// What keeps it there.
enum Hold {
    /// A file within the source itself.
    Inside(Removed),
    /// A file of ours, searched under a name of its own.
    Beside(Removed),
    /// A process of ours.
    Process(HelperProcess),
    /// Bytes that are searched as a stream.
    Stream(crate::key::Secret),
    Nothing,
}

/// A file that is removed when this is dropped.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        crate::leftovers::forget(&self.0);
        // It is gone already if the folder is.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Control {
    /// Plants a page for each source. A failure is part of the answer, not the end.
    pub(crate) fn plant(&self, sources: &[Source], canaries: &Canaries, folder: &Path) -> Planted {
        let Self::Plant { helper, in_folders } = self else {
            return Planted::default();
        };
        let site = |source: &Source| {
            let planted = match source {
                Source::Folder { path, .. } if *in_folders => {
                    inside(path, canaries).or_else(|_| beside(folder, canaries))
                }
                Source::Folder { .. } | Source::File { .. } | Source::Files { .. } => {
                    beside(folder, canaries)
                }
                Source::Stream { .. } => Ok((
                    "a stream of our own".to_owned(),
                    Hold::Stream(crate::key::Secret::new(canaries.page().to_vec())),
                )),
                Source::Processes { .. } => helper_process(helper, canaries),
            };
            let (words, hold, problem) = match planted {
                Ok((words, hold)) => (words, hold, None),
                Err(problem) => (String::new(), Hold::Nothing, Some(problem)),
            };
            Site {
                source: source.written().to_owned(),
                words,
                problem,
                hold,
            }
        };
        Planted {
            sites: sources.iter().map(site).collect(),
        }
    }
}

fn inside(folder: &Path, canaries: &Canaries) -> Result<(String, Hold), String> {
    let file = write(folder, canaries)?;
    Ok((file.0.display().to_string(), Hold::Inside(file)))
}

fn beside(folder: &Path, canaries: &Canaries) -> Result<(String, Hold), String> {
    let file = write(folder, canaries)?;
    let words = format!("{} (beside the source)", file.0.display());
    Ok((words, Hold::Beside(file)))
}

fn write(folder: &Path, canaries: &Canaries) -> Result<Removed, String> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| format!("no randomness for a name: {error}"))?;
    let name = format!(".scas-canary-{:016x}", u64::from_le_bytes(random));
    let path = folder.join(name);
    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    crate::leftovers::remember(&path);
    let opened = options.open(&path).map_err(|error| {
        crate::leftovers::forget(&path);
        told(error)
    })?;
    let file = Removed(path.clone());
    (&opened).write_all(canaries.page()).map_err(told)?;
    Ok(file)
}

fn helper_process(
    (program, arguments): &(PathBuf, Vec<String>),
    canaries: &Canaries,
) -> Result<(String, Hold), String> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let helper = HelperProcess::start(program, &arguments, canaries.page())
        .map_err(|error| format!("the process that was to hold it: {error}"))?;
    let words = format!("memory of a process of our own, pid {}", helper.pid());
    Ok((words, Hold::Process(helper)))
}

impl Planted {
    /// The work of searching those canaries that lie in none of the sources.
    pub(crate) fn works<'s>(&'s self, options: &'s Options) -> Result<Works<'s>, GivenError> {
        let mut works: Works<'s> = Box::new(std::iter::empty());
        let own = process::Options {
            own_helpers: true,
            ..process::Options::default()
        };
        for site in &self.sites {
            let name = site.own_source();
            let more: Works<'s> = match &site.hold {
                Hold::Beside(file) => path::works(&name, &file.0, &options.limits, &options.rules)?,
                Hold::Process(helper) => process::works(&name, helper.pid(), &own)?,
                Hold::Stream(page) => {
                    let reader = Box::new(page.expose());
                    Box::new(std::iter::once(stream::stream_work(
                        &name,
                        reader,
                        &options.limits,
                    )))
                }
                Hold::Inside(_) | Hold::Nothing => continue,
            };
            works = Box::new(works.chain(more));
        }
        Ok(works)
    }

    pub(crate) fn sites(&self) -> &[Site] {
        &self.sites
    }

    /// What those sources are called that are there for a canary alone.
    pub(crate) fn own_sources(&self) -> impl Iterator<Item = String> {
        self.sites.iter().map(Site::own_source)
    }
}

impl Site {
    /// What its source is called where it is searched by itself.
    fn own_source(&self) -> String {
        format!("canary for {}", self.source)
    }

    /// Whether a place is this canary's.
    pub(crate) fn holds(&self, place: &Place) -> bool {
        match &self.hold {
            Hold::Inside(file) => {
                let name = file.0.file_name().and_then(|name| name.to_str());
                let path = place.path.as_deref();
                place.source == self.source
                    && name
                        .zip(path)
                        .is_some_and(|(name, path)| path.ends_with(name))
            }
            Hold::Nothing => false,
            Hold::Beside(_) | Hold::Process(_) | Hold::Stream(_) => {
                place.source == self.own_source()
            }
        }
    }
}

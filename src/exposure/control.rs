//! Plants canaries where the rule allows and takes them away again: [`Control`] says how, [`Planted`] where.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::afar::{Afar, PlantedThere};
use crate::given::{GivenError, Source};
use crate::helper::HelperProcess;
use crate::search::Bounds;
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
    /// The command behind which it lies, if it does not lie here.
    via: Option<String>,
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
    /// Elsewhere, and of this name if it is a file in the source.
    Afar(Option<String>),
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
    pub(crate) fn plant(&self, sources: &[Source], page: &[u8], folder: &Path) -> Planted {
        let Self::Plant { helper, in_folders } = self else {
            return Planted::default();
        };
        let site = |source: &Source| {
            if let Source::Afar { afar, .. } = source {
                return afar_sites(source.written(), afar, page, *in_folders);
            }
            let planted = match source {
                Source::Folder { path, .. } if *in_folders => {
                    inside(path, page).or_else(|_| beside(folder, page))
                }
                Source::Folder { .. } | Source::File { .. } | Source::Files { .. } => {
                    beside(folder, page)
                }
                Source::Stream { .. } | Source::Export { .. } => Ok((
                    "a stream of our own".to_owned(),
                    Hold::Stream(crate::key::Secret::new(page.to_vec())),
                )),
                Source::Processes { .. } => helper_process(helper, page),
                Source::Afar { .. } => Err("it was planted there".to_owned()),
            };
            let (words, hold, problem) = match planted {
                Ok((words, hold)) => (words, hold, None),
                Err(problem) => (String::new(), Hold::Nothing, Some(problem)),
            };
            vec![Site {
                source: source.written().to_owned(),
                words,
                problem,
                via: None,
                hold,
            }]
        };
        Planted {
            sites: sources.iter().flat_map(site).collect(),
        }
    }
}

/// One for each source that is there, or the reason why there is none.
fn afar_sites(written: &str, afar: &Afar, page: &[u8], in_folders: bool) -> Vec<Site> {
    let via = afar.command();
    match afar.plant(page, in_folders) {
        Ok(sites) => sites
            .into_iter()
            .map(|there| Site::afar(there, via))
            .collect(),
        Err(problem) => vec![Site {
            source: written.to_owned(),
            words: String::new(),
            problem: Some(problem),
            via: Some(via.to_owned()),
            hold: Hold::Nothing,
        }],
    }
}

fn inside(folder: &Path, page: &[u8]) -> Result<(String, Hold), String> {
    let file = write(folder, page)?;
    Ok((file.0.display().to_string(), Hold::Inside(file)))
}

fn beside(folder: &Path, page: &[u8]) -> Result<(String, Hold), String> {
    let file = write(folder, page)?;
    let words = format!("{} (beside the source)", file.0.display());
    Ok((words, Hold::Beside(file)))
}

fn write(folder: &Path, page: &[u8]) -> Result<Removed, String> {
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
    (&opened).write_all(page).map_err(told)?;
    Ok(file)
}

fn helper_process(
    (program, arguments): &(PathBuf, Vec<String>),
    page: &[u8],
) -> Result<(String, Hold), String> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let helper = HelperProcess::start(program, &arguments, page)
        .map_err(|error| format!("the process that was to hold it: {error}"))?;
    let words = format!("memory of a process of our own, pid {}", helper.pid());
    Ok((words, Hold::Process(helper)))
}

impl Planted {
    /// The work of searching those canaries that lie in none of the sources.
    pub(crate) fn works<'s>(&'s self, bounds: Bounds<'s>) -> Result<Works<'s>, GivenError> {
        let mut works: Works<'s> = Box::new(std::iter::empty());
        let own = process::Options {
            own_helpers: true,
            ..process::Options::default()
        };
        for site in &self.sites {
            let name = site.own_source();
            let more: Works<'s> = match &site.hold {
                Hold::Beside(file) => path::works(&name, &file.0, bounds.limits, bounds.rules)?,
                Hold::Process(helper) => process::works(&name, helper.pid(), &own)?,
                Hold::Stream(page) => {
                    let reader = Box::new(page.expose());
                    Box::new(std::iter::once(stream::stream_work(
                        &name,
                        reader,
                        bounds.limits,
                    )))
                }
                Hold::Inside(_) | Hold::Afar(_) | Hold::Nothing => continue,
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
    fn afar(there: PlantedThere, via: &str) -> Self {
        let hold = match &there.problem {
            None => Hold::Afar(there.file),
            Some(_) => Hold::Nothing,
        };
        Self {
            source: there.source,
            words: there.words,
            problem: there.problem,
            via: Some(via.to_owned()),
            hold,
        }
    }

    /// What its source is called where it is searched by itself.
    fn own_source(&self) -> String {
        format!("canary for {}", self.source)
    }

    /// The name of its file, where that lies in the source.
    pub(crate) fn file_inside(&self) -> Option<String> {
        match &self.hold {
            Hold::Inside(file) => file.0.file_name()?.to_str().map(str::to_owned),
            Hold::Afar(file) => file.clone(),
            _ => None,
        }
    }

    /// Whether a place is this canary's.
    pub(crate) fn holds(&self, place: &Place) -> bool {
        // What is found here does not stand for what lies there, whatever both are called.
        if place.via() != self.via.as_deref() {
            return false;
        }
        if let Some(name) = self.file_inside() {
            let path = place.path.as_deref();
            return place.source == self.source && path.is_some_and(|path| path.ends_with(&name));
        }
        match &self.hold {
            Hold::Inside(_) | Hold::Nothing => false,
            Hold::Beside(_) | Hold::Process(_) | Hold::Stream(_) | Hold::Afar(_) => {
                place.source == self.own_source()
            }
        }
    }
}

//! The side that has the sources: opens them, plants canaries, and hands over what it reads ([`serve`]). It searches for nothing,
//! since it is told of no key.

use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::afar::wire::{Ask, PlantedThere, Tell, VERSION};
use crate::control::Control;
use crate::detector::Window;
use crate::given::Source;
use crate::scan::Threads;
use crate::search::{Bounds, open};
use crate::source::limits::Rules;
use crate::source::{Gap, Place, Visitor};

/// The longest page of canaries that is taken, in bytes.
const PAGE: usize = 1 << 20;

/// Speaks with the program that started this one, until it has what it wanted or is gone.
///
/// `helper` is this program, with the arguments that make it hold a page; `folder` is where temporary files may lie.
///
/// # Errors
/// The other side is gone, or says what no such program would.
pub fn serve(
    helper: (PathBuf, Vec<String>),
    folder: &Path,
    mut from: impl BufRead,
    mut to: impl Write + Send,
) -> io::Result<()> {
    let Ask::Open {
        version,
        sources,
        excluded,
        limits,
    } = Ask::read(&mut from)?
    else {
        return Err(io::Error::other("no sources were named first"));
    };
    let mut say = |tell: Tell| -> io::Result<()> {
        tell.write(&[], &mut to)?;
        to.flush()
    };
    let ready = Tell::Ready {
        version: VERSION.to_owned(),
    };
    if version != VERSION {
        return say(ready);
    }
    let mut opened = Vec::new();
    for given in sources {
        match Source::parse(&given.source) {
            Ok(Source::Stream { .. }) => {
                let why = "-: standard input is taken there; name a file".to_owned();
                return say(Tell::Refused { why });
            }
            Ok(source) => opened.push(source.named(given.name)),
            Err(error) => {
                let why = error.to_string();
                return say(Tell::Refused { why });
            }
        }
    }
    let mut rules = Rules::default();
    for path in excluded {
        if let Err(error) = rules.exclude(Path::new(&path), "left out at the user's wish") {
            let why = format!("{path}: {error}");
            return say(Tell::Refused { why });
        }
    }
    say(ready)?;
    let Ask::Search { canary, in_folders } = Ask::read(&mut from)? else {
        return Err(io::Error::other("no search was asked for"));
    };
    if canary > PAGE {
        return Err(io::Error::other("a canary that cannot be"));
    }
    let mut page = vec![0; canary];
    from.read_exact(&mut page)?;
    let control = match canary {
        0 => Control::None,
        _ => Control::Plant { helper, in_folders },
    };
    let planted = control.plant(&opened, &page, folder);
    let sites = planted.sites().iter().map(|site| PlantedThere {
        source: site.source.clone(),
        words: site.words.clone(),
        problem: site.problem.clone(),
        file: site.file_inside(),
    });
    say(Tell::Planted {
        sites: sites.collect(),
    })?;
    let bounds = Bounds {
        limits: &limits,
        rules: &rules,
    };
    let threads = Threads::new(None).map_err(io::Error::other)?;
    let works = open(opened, bounds).map_err(io::Error::other)?;
    let extra = planted.works(bounds).map_err(io::Error::other)?;
    let sender = Sender {
        to: Mutex::new(&mut to),
        gone: AtomicBool::new(false),
    };
    threads.run(works.chain(extra), &sender);
    let gone = sender.gone.into_inner();
    // Before the end is told: who hears it may end this process.
    drop(planted);
    if gone {
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    Tell::End.write(&[], &mut to)?;
    to.flush()
}

/// Hands on what it is shown.
struct Sender<W> {
    to: Mutex<W>,
    gone: AtomicBool,
}

impl<W: Write> Sender<W> {
    fn say(&self, tell: &Tell, bytes: &[u8]) {
        if self.is_done() {
            return;
        }
        let mut to = self.to.lock().unwrap_or_else(PoisonError::into_inner);
        if tell.write(bytes, &mut *to).is_err() {
            self.gone.store(true, Ordering::Relaxed);
        }
    }

    fn is_done(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }
}

impl<W: Write + Send> Visitor for Sender<W> {
    fn window(&self, place: &Place, window: &Window<'_>) {
        let packed = lz4_flex::block::compress(window.bytes);
        let tell = Tell::Window {
            place: place.clone(),
            offset: window.offset,
            fresh: (window.fresh.start, window.fresh.end),
            length: window.bytes.len(),
            stored: packed.len(),
        };
        self.say(&tell, &packed);
    }

    fn gap(&self, place: &Place, gap: Gap) {
        let place = place.clone();
        self.say(&Tell::Gap { place, gap }, &[]);
    }

    fn is_done(&self) -> bool {
        self.is_done()
    }
}

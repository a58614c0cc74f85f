//! The side that has the sources: opens them, plants canaries, and hands over what it reads ([`serve`]). It searches for nothing,
//! since it is told of no key.

use std::io::{self, BufRead, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::afar::product::{Opened, Own};
use crate::afar::wire::{Ask, PlantedThere, Tell, VERSION};
use crate::control::{Control, Planted};
use crate::detector::Window;
use crate::given::Source;
use crate::scan::Threads;
use crate::search::{Bounds, open};
use crate::source::limits::Limits;
use crate::source::path::Works;
use crate::source::{Gap, Place, Visitor};
use crate::survey::Survey;

/// The longest page of canaries that is taken, in bytes.
const PAGE: usize = 1 << 20;
/// How often it is begun anew because a process was gone before it was opened.
const TRIES: usize = 4;

/// Speaks with the program that started this one, until it has what it wanted or is gone. `folder` is where temporary files may lie.
///
/// # Errors
/// The other side is gone, or says what no such program would.
pub fn serve(
    own: &Own,
    folder: &Path,
    mut from: impl BufRead,
    mut to: impl Write + Send,
) -> io::Result<()> {
    let Some((opened, limits)) = begin(folder, &mut from, &mut to)? else {
        return Ok(());
    };
    let (canary, in_folders) = loop {
        match Ask::read(&mut from)? {
            Ask::Reach => say(Tell::Reached(opened.reach()), &mut to)?,
            Ask::Search { canary, in_folders } if canary <= PAGE => break (canary, in_folders),
            Ask::Search { .. } => return Err(io::Error::other("a canary that cannot be")),
            Ask::Open { .. } => return Err(io::Error::other("it was opened already")),
        }
    };
    let mut page = vec![0; canary];
    from.read_exact(&mut page)?;
    let rules = opened.rules();
    let bounds = Bounds {
        limits: &limits,
        rules: &rules,
    };
    let helper = (own.program.clone(), own.hold.clone());
    let control = match canary {
        0 => Control::None,
        _ => Control::Plant { helper, in_folders },
    };
    let plant = |sources: &[Source]| control.plant(sources, &page, folder);
    // In this order: what is opened borrows from what is planted.
    let Begun {
        survey,
        planted,
        works,
    } = Begun::new(&opened, plant, bounds)?;
    let extra = planted.works(bounds).map_err(io::Error::other)?;
    let sites = planted.sites().iter().map(|site| PlantedThere {
        source: site.source.clone(),
        words: site.words.clone(),
        problem: site.problem.clone(),
        file: site.file_inside(),
    });
    let sites = sites.collect();
    say(Tell::Planted { sites }, &mut to)?;
    if let Some(survey) = &survey {
        opened.tell(survey, own).write(&mut to)?;
        to.flush()?;
    }
    let threads = Threads::new(None).map_err(io::Error::other)?;
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
    say(Tell::End, &mut to)
}

/// Hears what is wanted. Nothing, if the other side is told that it cannot be had.
fn begin(
    folder: &Path,
    from: &mut impl BufRead,
    to: &mut impl Write,
) -> io::Result<Option<(Opened, Limits)>> {
    let Ask::Open {
        version,
        what,
        limits,
    } = Ask::read(from)?
    else {
        return Err(io::Error::other("it was not said first what to look at"));
    };
    let ready = Tell::Ready {
        version: VERSION.to_owned(),
    };
    if version != VERSION {
        return say(ready, to).map(|()| None);
    }
    match what.open(folder) {
        Ok(opened) => say(ready, to).map(|()| Some((opened, limits))),
        Err(why) => say(Tell::Refused { why }, to).map(|()| None),
    }
}

fn say(tell: Tell, to: &mut impl Write) -> io::Result<()> {
    tell.write(&[], to)?;
    to.flush()
}

/// A search with its canaries planted and its sources opened.
struct Begun<'s> {
    works: Works<'s>,
    planted: Planted,
    survey: Option<Survey>,
}

impl<'s> Begun<'s> {
    /// A process may be gone before it is opened: then there is another to be found.
    fn new(
        opened: &Opened,
        plant: impl Fn(&[Source]) -> Planted,
        bounds: Bounds<'s>,
    ) -> io::Result<Self> {
        let mut left = TRIES;
        loop {
            left -= 1;
            let (sources, survey) = opened.sources()?;
            let planted = plant(&sources);
            match open(sources, bounds) {
                Ok(works) => {
                    return Ok(Self {
                        works,
                        planted,
                        survey,
                    });
                }
                Err(_) if left > 0 && survey.is_some() => {}
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }
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

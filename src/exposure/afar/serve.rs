//! The side that has the sources: opens them, plants canaries, and hands over what it reads ([`serve`]). It searches for nothing,
//! since it is told of no key.

use std::io::{self, BufRead, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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
/// For how long the other side may take nothing of what is said to it.
const STUCK: Duration = Duration::from_secs(600);
/// How often it is begun anew because a process was gone before it was opened.
const TRIES: usize = 4;

/// Speaks with the program that started this one, until it has what it wanted or is gone. `folder` is where temporary files may lie.
///
/// Whatever it is doing then, `gone` is called when the other side is gone, or takes nothing any more: what was read of a product must
/// not stay in memory, and a write to a network that has died may never return. It is to end the program.
///
/// # Errors
/// The other side is gone, or says what no such program would.
pub fn serve(
    own: &Own,
    folder: &Path,
    mut from: impl BufRead + Send + 'static,
    mut to: impl Write + Send,
    gone: impl Fn() + Send + Clone + 'static,
) -> io::Result<()> {
    let Some((opened, limits)) = begin(folder, &mut from, &mut to)? else {
        return Ok(());
    };
    let (canary, in_folders, since) = loop {
        match Ask::read(&mut from)? {
            Ask::Reach => say(Tell::Reached(opened.reach(own)), &mut to)?,
            Ask::Search {
                canary,
                in_folders,
                since,
            } if canary <= PAGE => break (canary, in_folders, since),
            Ask::Search { .. } => return Err(io::Error::other("a canary that cannot be")),
            Ask::Open { .. } => return Err(io::Error::other("it was opened already")),
        }
    };
    let mut page = vec![0; canary];
    from.read_exact(&mut page)?;
    let since = UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH);
    let mut to = Watched::over(&mut to, gone.clone());
    let ends = gone;
    // Nothing more is asked: what comes now is the end.
    std::thread::spawn(move || {
        while from.read(&mut [0]).is_ok_and(|read| read > 0) {}
        ends();
    });
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
    } = Begun::new(|| opened.sources(own, since), plant, bounds)?;
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
        clock: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default(),
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
        sources: impl Fn() -> io::Result<(Vec<Source>, Option<Survey>)>,
        plant: impl Fn(&[Source]) -> Planted,
        bounds: Bounds<'s>,
    ) -> io::Result<Self> {
        let mut left = TRIES;
        loop {
            left -= 1;
            let (sources, survey) = sources()?;
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

/// A way out that is watched: a write to it that does not end in time has nobody at its other end.
struct Watched<W> {
    to: W,
    /// Whether a write has begun, or ended.
    tell: mpsc::Sender<bool>,
}

impl<W> Watched<W> {
    fn over(to: W, gone: impl Fn() + Send + 'static) -> Self {
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let mut writes = false;
            loop {
                let next = match writes {
                    true => told.recv_timeout(STUCK),
                    false => told
                        .recv()
                        .map_err(|_| mpsc::RecvTimeoutError::Disconnected),
                };
                match next {
                    Ok(now) => writes = now,
                    Err(mpsc::RecvTimeoutError::Timeout) => return gone(),
                    Err(mpsc::RecvTimeoutError::Disconnected) => return,
                }
            }
        });
        Self { to, tell }
    }

    fn watch<T>(&mut self, write: impl FnOnce(&mut W) -> T) -> T {
        // Who watches is there for as long as this is.
        let _ = self.tell.send(true);
        let written = write(&mut self.to);
        let _ = self.tell.send(false);
        written
    }
}

impl<W: Write> Write for Watched<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.watch(|to| to.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.watch(Write::flush)
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

#[cfg(test)]
mod tests {
    use std::io::BufReader;
    use std::os::unix::net::UnixStream;
    use std::path::PathBuf;

    use super::*;
    use crate::afar::{Given, What};

    #[test]
    fn a_reader_whose_input_ends_goes_although_nobody_takes_what_it_says() {
        let folder = tempfile::tempdir().unwrap();
        let large = folder.path().join("large");
        std::fs::write(&large, vec![7; 8 << 20]).unwrap();
        let (mut asks, from) = UnixStream::pair().unwrap();
        // Nobody reads at the other end, which stays open.
        let (to, _nobody) = UnixStream::pair().unwrap();
        let source = Given {
            name: "large".to_owned(),
            source: large.display().to_string(),
        };
        let open = Ask::Open {
            version: VERSION.to_owned(),
            what: What::Sources {
                sources: vec![source],
                excluded: Vec::new(),
            },
            limits: Limits::default(),
        };
        let search = Ask::Search {
            canary: 0,
            in_folders: false,
            since: Duration::ZERO,
        };
        for ask in [open, search] {
            ask.write(&mut asks).unwrap();
        }
        let (ends, ended) = mpsc::channel();
        let own = Own {
            program: PathBuf::from("/no/such/program"),
            hold: Vec::new(),
            attempt: Vec::new(),
        };
        let path = folder.path().to_owned();
        std::thread::spawn(move || {
            let gone = move || ends.send(()).unwrap_or_default();
            serve(&own, &path, BufReader::new(from), to, gone)
        });
        drop(asks);
        assert!(ended.recv_timeout(Duration::from_secs(60)).is_ok());
    }
}

//! One search with the program there: [`Session`].

use std::io;
use std::time::Duration;

use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use zeroize::Zeroizing;

use crate::afar::wire::{self, Ask, PlantedThere, Tell};
use crate::afar::{Line, Reached, Surveyed};
use crate::detector::Window;
use crate::source::{Gap, GapKind, Place, Visitor};

/// Windows that are searched together.
const BATCH: usize = 16;

/// A conversation. It serves for one search.
pub(super) struct Session {
    line: Option<Line>,
    /// As places name it.
    command: String,
    begun: bool,
    /// Whether a survey is told before anything is read.
    surveys: bool,
    surveyed: Option<Surveyed>,
    /// Since when changes count there, by the clock there.
    since: Duration,
}

/// A window as it came.
struct Came {
    place: Place,
    offset: u64,
    fresh: std::ops::Range<usize>,
    bytes: Zeroizing<Vec<u8>>,
}

impl Session {
    pub(super) fn new(line: Line, command: String, surveys: bool, since: Duration) -> Self {
        Self {
            line: Some(line),
            command,
            begun: false,
            surveys,
            surveyed: None,
            since,
        }
    }

    /// What stands in the way of looking there.
    pub(super) fn reach(&mut self) -> Result<Reached, String> {
        let Some(line) = &mut self.line else {
            return Err("was searched already".to_owned());
        };
        let asked = line.ask(&Ask::Reach, &[]);
        match asked.and_then(|()| wire::read(&mut line.output)) {
            Ok((Tell::Reached(reached), _)) => Ok(reached),
            Ok(_) => Err("it answers something else".to_owned()),
            Err(error) => Err(line.why(&error)),
        }
    }

    /// What there was to look at: known when the search has begun.
    pub(super) fn surveyed(&mut self) -> Option<Surveyed> {
        self.surveyed.take()
    }

    /// Has canaries planted, or none, and the search begun.
    pub(super) fn begin(
        &mut self,
        page: Option<&[u8]>,
        in_folders: bool,
    ) -> Result<Vec<PlantedThere>, String> {
        let page = page.unwrap_or_default();
        self.begun = true;
        let ask = Ask::Search {
            canary: page.len(),
            in_folders,
            since: self.since,
        };
        let Some(line) = &mut self.line else {
            return Err("was searched already".to_owned());
        };
        let begun = (|| {
            line.ask(&ask, page)?;
            let (Tell::Planted { sites }, _) = wire::read(&mut line.output)? else {
                return Err(io::Error::other("it answers something else"));
            };
            let surveyed = match self.surveys {
                true => Some(wire::read(&mut line.output)?),
                false => None,
            };
            match surveyed {
                None => Ok((sites, None)),
                Some((Tell::Surveyed { .. }, bytes)) => {
                    Ok((sites, Some(serde_json::from_slice(&bytes)?)))
                }
                Some(_) => Err(io::Error::other("it answers something else")),
            }
        })();
        let (sites, surveyed) = begun.map_err(|error| line.why(&error))?;
        self.surveyed = surveyed;
        Ok(sites)
    }

    /// Hands what comes to the visitor, to the end.
    pub(super) fn search(&mut self, visitor: &dyn Visitor) {
        let unread = |what: String| Gap {
            kind: GapKind::Unreadable,
            what,
            bytes: None,
        };
        if !self.begun
            && let Err(why) = self.begin(None, false)
        {
            return visitor.gap(&self.place(), unread(why));
        }
        let Some(mut line) = self.line.take() else {
            return visitor.gap(&self.place(), unread("was searched already".to_owned()));
        };
        loop {
            if visitor.is_done() {
                let gap = Gap {
                    kind: GapKind::Bound,
                    what: "the time limit was reached".to_owned(),
                    bytes: None,
                };
                return visitor.gap(&self.place(), gap);
            }
            let (windows, more) = self.some(&mut line, visitor);
            windows.into_par_iter().for_each(|came| {
                let window = Window {
                    bytes: &came.bytes,
                    fresh: came.fresh,
                    offset: came.offset,
                    ahead: 0,
                };
                visitor.window(&came.place, &window);
            });
            match more {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    let why = line.why(&error);
                    let what = format!("broke off: {why}");
                    return visitor.gap(&self.place(), unread(what));
                }
            }
        }
    }

    /// The next windows, and whether there are more.
    fn some(&self, line: &mut Line, visitor: &dyn Visitor) -> (Vec<Came>, io::Result<bool>) {
        let mut windows = Vec::new();
        while windows.len() < BATCH {
            match wire::read(&mut line.output) {
                Ok((
                    Tell::Window {
                        place,
                        offset,
                        fresh,
                        ..
                    },
                    bytes,
                )) => windows.push(Came {
                    place: self.there(place),
                    offset,
                    fresh: fresh.0..fresh.1,
                    bytes,
                }),
                Ok((Tell::Gap { place, gap }, _)) => visitor.gap(&self.there(place), gap),
                Ok((Tell::End, _)) => return (windows, Ok(false)),
                Ok(_) => {
                    let error = io::Error::other("it answers something else");
                    return (windows, Err(error));
                }
                Err(error) => return (windows, Err(error)),
            }
        }
        (windows, Ok(true))
    }

    /// A place there: a path of the same name may lie here too.
    fn there(&self, mut place: Place) -> Place {
        place.inside.insert(0, Place::by_way_of(&self.command));
        place
    }

    fn place(&self) -> Place {
        Place {
            source: Place::by_way_of(&self.command),
            ..Place::default()
        }
    }
}

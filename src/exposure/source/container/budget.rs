//! How much is unpacked: one [`Pass`] through a file or stream has one budget, whatever is in it.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, Read};
use std::rc::Rc;

use crate::source::Visitor;
use crate::source::limits::Limits;

/// One reading of a file or stream, with what was unpacked of it so far.
pub(crate) struct Pass<'a> {
    visitor: &'a dyn Visitor,
    limits: &'a Limits,
    /// How far the outermost stream was read.
    read: RefCell<Rc<Cell<u64>>>,
    unpacked: Cell<u64>,
    members: Cell<u64>,
    /// The bound of the whole that was reached.
    spent: Cell<Option<Spent>>,
    told: Cell<bool>,
}

/// The bound that was reached, as an error on its way from the decoder to whoever opened the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spent {
    /// One member is far larger than what it was packed in.
    Member { ratio: u64, unpacked: u64 },
    /// So is all of it together.
    Whole { ratio: u64, unpacked: u64 },
    /// It is too large at any ratio.
    Expanded { unpacked: u64 },
    /// It has too many members.
    Members { members: u64 },
    /// A decoder would need too much memory.
    Window { window: u64 },
}

impl<'a> Pass<'a> {
    pub(crate) fn new(visitor: &'a dyn Visitor, limits: &'a Limits) -> Self {
        Self {
            visitor,
            limits,
            read: RefCell::default(),
            unpacked: Cell::new(0),
            members: Cell::new(0),
            spent: Cell::new(None),
            told: Cell::new(false),
        }
    }

    pub(crate) fn visitor(&self) -> &'a dyn Visitor {
        self.visitor
    }

    pub(super) fn limits(&self) -> &'a Limits {
        self.limits
    }

    /// Takes the size of what is unpacked from how far the outermost stream was read.
    pub(super) fn measure(&self, position: Rc<Cell<u64>>) {
        self.read.replace(position);
    }

    /// Counts a member. Fails if there is nothing left to open it with.
    pub(super) fn member(&self) -> io::Result<()> {
        let members = self.members.get() + 1;
        self.members.set(members);
        if members > self.limits.members {
            self.spend(Spent::Members {
                members: self.limits.members,
            });
        }
        self.left()
    }

    /// Fails if the budget of the whole is spent.
    pub(super) fn left(&self) -> io::Result<()> {
        match self.spent.get() {
            Some(spent) => Err(io::Error::other(spent)),
            None => Ok(()),
        }
    }

    /// Whether this should be told: a bound of the whole ends each container on the way out, and is told for the innermost.
    pub(super) fn first_time(&self, spent: Spent) -> bool {
        let of_one = matches!(spent, Spent::Member { .. } | Spent::Window { .. });
        of_one || !self.told.replace(true)
    }

    fn spend(&self, spent: Spent) {
        if self.spent.get().is_none() {
            self.spent.set(Some(spent));
        }
    }

    fn count(&self, length: u64) {
        let unpacked = self.unpacked.get().saturating_add(length);
        self.unpacked.set(unpacked);
        let ratio = self.limits.ratio;
        if unpacked > self.limits.expanded {
            self.spend(Spent::Expanded { unpacked });
        } else if unpacked > allowed(self.limits.free, ratio, self.read.borrow().get()) {
            self.spend(Spent::Whole { ratio, unpacked });
        }
    }
}

fn allowed(free: u64, ratio: u64, packed: u64) -> u64 {
    packed.saturating_mul(ratio).saturating_add(free)
}

/// A decoder whose output is counted.
pub(super) struct Metered<'p, 'a, D> {
    decoder: D,
    pass: &'p Pass<'a>,
    /// Where the level that is unpacked was read to.
    position: Rc<Cell<u64>>,
    from: u64,
    unpacked: u64,
}

impl<'p, 'a, D: Read> Metered<'p, 'a, D> {
    /// `position` is that in the stream which `decoder` reads.
    pub(super) fn new(decoder: D, position: Rc<Cell<u64>>, pass: &'p Pass<'a>) -> Self {
        Self {
            decoder,
            pass,
            from: position.get(),
            position,
            unpacked: 0,
        }
    }
}

impl<D: Read> Read for Metered<'_, '_, D> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        // Looked at before, not after: what was unpacked last is still to be searched.
        self.pass.left()?;
        let limits = self.pass.limits;
        let packed = self.position.get() - self.from;
        if self.unpacked > allowed(limits.free / 4, limits.ratio, packed) {
            return Err(io::Error::other(Spent::Member {
                ratio: limits.ratio,
                unpacked: self.unpacked,
            }));
        }
        let length = self.decoder.read(into)?;
        self.unpacked += length as u64;
        self.pass.count(length as u64);
        Ok(length)
    }
}

impl Spent {
    /// That in an error, if this is the reason for it.
    pub(super) fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member { ratio, unpacked } | Self::Whole { ratio, unpacked } => write!(
                f,
                "unpacks to more than {ratio} times its size: left after {unpacked} bytes"
            ),
            Self::Expanded { unpacked } => write!(f, "left after {unpacked} unpacked bytes"),
            Self::Window { window } => write!(
                f,
                "not unpacked: that needs {window} bytes of memory, more than is given"
            ),
            Self::Members { members } => write!(f, "left after {members} members"),
        }
    }
}

impl std::error::Error for Spent {}

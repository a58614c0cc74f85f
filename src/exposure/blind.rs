//! Search with only the public key: [`Blind`] tries whether what lies there fits it.
//!
//! Each kind of key has a search of its own, made of the same parts: a prefilter passes over whatever cannot be a key, and
//! what is left is tried. EC: the window times the base point is the target's point, many at a time and for all targets at
//! once. RSA: the window divides the modulus. Ed25519: as EC, for the seed and for the scalar made from it.

mod batch;
mod curves;
mod ec;
mod ed25519;
mod field;
mod lanes;
mod likelihood;
mod order;
mod prefilter;
mod rsa;
mod table;
mod weights;

#[cfg(test)]
mod arithmetic_tests;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use crate::detector::{Detector, Sighting, Window};
use crate::key::{self, PublicKey, Target};

use curves::{Curve, Curve25519, P256, P384, P521};
use ec::EcSearch;
use ed25519::Ed25519Search;
pub use order::Order;
use rsa::RsaSearch;
use table::Table;

/// The part of the EC and Ed25519 keys that the prefilter may lose.
const LOSS: f64 = 1.0 / 40_000.0;

/// What holds for every kind of key.
const OUT_OF_REACH: &str = "not found without the private key: keys in hex, base64 or other text, encrypted, masked or split, \
    keys without their leading zeros, and keys that do not look random (twelve equal bytes, hardly a byte above 0x7f, bytes that \
    programs consist of)";

/// What data costs in which every window is tried. From the figures of `benches/blind.rs`.
const DENSE: &str = "data that looks random throughout (compressed, encrypted) passes the prefilter throughout: it then takes \
    about 3 microseconds a position and order of bytes for EC P-256, 4 for Ed25519, 11 for EC P-384, less than 1 for EC P-521; \
    3 microseconds are 400 seconds a GiB at multiples of 8 and 3,200 at every position";

static P256_TABLE: LazyLock<Arc<Table<P256, 4>>> = LazyLock::new(|| Arc::new(Table::new()));
static P384_TABLE: LazyLock<Arc<Table<P384, 6>>> = LazyLock::new(|| Arc::new(Table::new()));
static P521_TABLE: LazyLock<Arc<Table<P521, 9>>> = LazyLock::new(|| Arc::new(Table::new()));
static CURVE25519_TABLE: LazyLock<Arc<Table<Curve25519, 4>>> =
    LazyLock::new(|| Arc::new(Table::new()));

/// At which positions of the stream EC and Ed25519 keys are tried. RSA primes are tried at every one: they cost little.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stride {
    /// At multiples of eight: where allocators put what a program calculates with.
    Aligned8,
    /// At every byte.
    Every,
}

impl Stride {
    /// As a statement names it.
    fn name(self) -> &'static str {
        match self {
            Self::Aligned8 => "at positions that are multiples of 8",
            Self::Every => "at every position",
        }
    }

    /// The positions modulo 64, as bits.
    fn pattern(self) -> u64 {
        match self {
            Self::Aligned8 => 0x0101_0101_0101_0101,
            Self::Every => u64::MAX,
        }
    }
}

/// The search for one kind of key.
trait Search: Detector {
    /// Number of windows that pass the prefilter.
    fn plausible(&self, window: &Window<'_>) -> u64;
}

/// Finds private keys of which only the public half is known.
pub struct Blind {
    searches: Vec<Box<dyn Search>>,
    statement: Vec<String>,
    skipped: Vec<usize>,
}

impl Blind {
    /// Looks for those targets whose private half is not known; sightings name them by their index in `targets`.
    ///
    /// The first target on a curve costs 10 to 100 milliseconds and 3 to 13 MB (P-256: 3 MB) for a table, which stays. How many
    /// targets there are on a curve makes no difference after that; each RSA modulus is divided by itself.
    pub fn new(targets: &[Target], stride: Stride) -> Self {
        Self::with_orders(targets, stride, &Order::ALL)
    }

    /// Like [`Blind::new`], but tries the given orders of bytes only.
    pub fn with_orders(targets: &[Target], stride: Stride, orders: &[Order]) -> Self {
        let mut blind = Self {
            searches: Vec::new(),
            statement: Vec::new(),
            skipped: Vec::new(),
        };
        blind.add_ec(targets, key::Curve::P256, &P256_TABLE, stride, orders);
        blind.add_ec(targets, key::Curve::P384, &P384_TABLE, stride, orders);
        blind.add_ec(targets, key::Curve::P521, &P521_TABLE, stride, orders);
        blind.add_ed25519(targets, stride);
        blind.add_rsa(targets, orders);
        if searches_points(targets) {
            blind.statement.push(String::from(DENSE));
        }
        if !blind.searches.is_empty() {
            blind.statement.push(String::from(OUT_OF_REACH));
        }
        blind
    }

    /// What it looks for and what not, a sentence each.
    pub fn statement(&self) -> Vec<String> {
        self.statement.clone()
    }

    /// Number of windows that [`Detector::search`] would try, in any order of bytes, for EC and Ed25519 keys and RSA primes
    /// together: nearly all that it costs, without the cost. Takes about a second a GiB and kind of key.
    pub fn plausible(&self, window: &Window<'_>) -> u64 {
        self.searches
            .iter()
            .map(|search| search.plausible(window))
            .sum()
    }

    /// The targets, by index, that it should look for and cannot.
    pub fn skipped(&self) -> &[usize] {
        &self.skipped
    }

    /// Adds the search for the keys on one curve, if there are any.
    fn add_ec<C: Curve<N>, const N: usize>(
        &mut self,
        targets: &[Target],
        curve: key::Curve,
        table: &'static LazyLock<Arc<Table<C, N>>>,
        stride: Stride,
        orders: &[Order],
    ) {
        let mut points = unknown(targets)
            .filter_map(|(index, public)| match public {
                PublicKey::Ec { curve: its, x, y } if *its == curve => {
                    Some((index, &x[..], &y[..]))
                }
                _ => None,
            })
            .peekable();
        if points.peek().is_none() {
            return;
        }
        let search = EcSearch::new(points, Arc::clone(table), stride, orders);
        self.statement.push(format!(
            "EC P-{}: scalars of {} bytes without abbreviation, {}, {}; {}",
            C::ORDER_BITS,
            curve.size(),
            names(orders),
            stride.name(),
            lost(search.loss()),
        ));
        self.searches.push(Box::new(search));
    }

    /// Adds the search for Ed25519 keys, if there are any.
    fn add_ed25519(&mut self, targets: &[Target], stride: Stride) {
        let mut points = unknown(targets)
            .filter_map(|(index, public)| match public {
                PublicKey::Ed25519(point) => Some((index, point)),
                _ => None,
            })
            .peekable();
        if points.peek().is_none() {
            return;
        }
        let search = Ed25519Search::new(points, Arc::clone(&CURVE25519_TABLE), stride);
        self.statement.push(format!(
            "Ed25519: seeds of 32 bytes and clamped scalars, {}; a scalar that is not clamped or is reduced is not found; {}",
            stride.name(),
            lost(search.loss()),
        ));
        self.searches.push(Box::new(search));
    }

    /// Adds a search for each length of RSA primes.
    fn add_rsa(&mut self, targets: &[Target], orders: &[Order]) {
        let mut lengths: BTreeMap<usize, Vec<(usize, &[u8])>> = BTreeMap::new();
        for (index, public) in unknown(targets) {
            let PublicKey::Rsa { modulus, .. } = public else {
                continue;
            };
            let bits = rsa::bits(modulus);
            // Two primes of 512 bits make 1023 bits or 1024.
            if (rsa::SHORTEST..=rsa::LONGEST).contains(&bits.next_multiple_of(2)) {
                lengths
                    .entry(bits.div_ceil(2))
                    .or_default()
                    .push((index, modulus));
            } else {
                self.skipped.push(index);
                self.statement.push(format!(
                    "{}: RSA {bits} is not searched for without its private key: shorter than {} or longer than {} bits",
                    targets[index].name,
                    rsa::SHORTEST,
                    rsa::LONGEST,
                ));
            }
        }
        for (bits, moduli) in lengths {
            let search = RsaSearch::new(bits, moduli.into_iter(), orders);
            self.statement.push(format!(
                "RSA with primes of {bits} bits: a prime, {}, at every position; primes of unequal length, and the private \
                 exponent without a prime, are not found; \
                 data that looks random throughout takes about 90 seconds a GiB; {}",
                names(orders),
                lost(search.loss()),
            ));
            self.searches.push(Box::new(search));
        }
    }
}

impl Detector for Blind {
    fn search(&self, window: &Window<'_>, report: &mut dyn FnMut(Sighting)) {
        for search in &self.searches {
            search.search(window, report);
        }
    }
}

/// The orders, as a statement names them.
fn names(orders: &[Order]) -> String {
    let names: Vec<_> = orders.iter().map(|order| order.name()).collect();
    names.join(" or ")
}

/// What the prefilter loses, as a statement tells it.
fn lost(loss: f64) -> String {
    format!(
        "the prefilter loses at most one random key in {:.0}",
        (1.0 / loss).floor()
    )
}

/// Whether a target is searched for by multiplying points.
fn searches_points(targets: &[Target]) -> bool {
    unknown(targets).any(|(_, public)| !matches!(public, PublicKey::Rsa { .. }))
}

/// Index and public half of the targets whose private half is not known.
fn unknown(targets: &[Target]) -> impl Iterator<Item = (usize, &PublicKey)> {
    targets
        .iter()
        .enumerate()
        .filter(|(_, target)| target.private.is_none())
        .map(|(index, target)| (index, &target.public))
}

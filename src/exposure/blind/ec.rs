//! ECDSA keys: a window times G has the target's x. [`EcSearch`].

use std::collections::HashMap;
use std::sync::Arc;

use crate::detector::{Confirmed, Detector, Sighting, Whose, Window};
use crate::key::Part;

use super::batch::{Batch, Found};
use super::curves::Curve;
use super::order::Order;
use super::prefilter::Sieve;
use super::table::{Point, Table, least};
use super::{LOSS, Search, Stride};

/// Looks for the scalars of any number of public keys on one curve.
pub struct EcSearch<C: Curve<N>, const N: usize> {
    table: Arc<Table<C, N>>,
    /// By x in Montgomery form: y likewise, and the target's index.
    targets: HashMap<[u64; N], Vec<([u64; N], usize)>>,
    sieve: Sieve,
    /// Bytes of a scalar.
    size: usize,
    stride: Stride,
    orders: Vec<Order>,
}

/// Where a candidate was seen and how it was read.
#[derive(Clone, Copy)]
struct Seen {
    at: usize,
    order: Order,
    negated: bool,
}

impl<C: Curve<N>, const N: usize> EcSearch<C, N> {
    /// Looks for the targets given by index and affine coordinates, most significant byte first.
    pub fn new<'k>(
        targets: impl Iterator<Item = (usize, &'k [u8], &'k [u8])>,
        table: Arc<Table<C, N>>,
        stride: Stride,
        orders: &[Order],
    ) -> Self {
        let mut by_x: HashMap<_, Vec<_>> = HashMap::new();
        for (index, x, y) in targets {
            // A coordinate that does not fit is on no curve, and no scalar leads to it.
            if let (Some(x), Some(y)) = (Order::Big.read(x), Order::Big.read(y)) {
                by_x.entry(C::element(&x))
                    .or_default()
                    .push((C::element(&y), index));
            }
        }
        let size = C::ORDER_BITS.div_ceil(8);
        // Bytes that are not wholly random are no measure: the first of P-521, which is 0 or 1, and its mirror image.
        let trim = usize::from(C::ORDER_BITS % 8 != 0);
        Self {
            table,
            targets: by_x,
            sieve: Sieve::new(size, trim..size - trim, LOSS),
            size,
            stride,
            orders: orders.to_vec(),
        }
    }

    /// The part of the keys that the prefilter loses, at most.
    pub fn loss(&self) -> f64 {
        self.sieve.loss()
    }

    /// Tells of a candidate if its point is a target.
    fn check(
        &self,
        window: &Window<'_>,
        found: &Found<'_, N, Seen>,
        report: &mut dyn FnMut(Sighting),
    ) {
        let Some(targets) = self.targets.get(found.x) else {
            return;
        };
        let Seen { at, order, negated } = found.place;
        let [_, y]: Point<N> = self.table.multiply(found.scalar);
        let y = if negated { C::sub(&[0; N], &y) } else { y };
        for (target_y, index) in targets {
            // Whoever holds n - d holds d, but it was not d that was seen.
            let encoding = if y == *target_y {
                order.name().into()
            } else {
                format!("{}, negated", order.name()).into()
            };
            report(Sighting {
                at: window.offset + at as u64,
                length: self.size as u64,
                key: Whose::Target(*index),
                part: Part::Scalar,
                encoding,
                within: Vec::new(),
                confirmed: Confirmed::PublicKey,
            });
        }
    }
}

impl<C: Curve<N>, const N: usize> Detector for EcSearch<C, N> {
    fn search(&self, window: &Window<'_>, report: &mut dyn FnMut(Sighting)) {
        // Most windows have no candidate: they need no batch.
        let mut batch: Option<Batch<'_, C, N, Seen>> = None;
        self.sieve.candidates(
            window.bytes,
            window.fresh.clone(),
            window.offset,
            self.stride.pattern(),
            |at| {
                let bytes = &window.bytes[at..at + self.size];
                for &order in &self.orders {
                    if !order.fits(window.offset + at as u64, self.size) {
                        continue;
                    }
                    let Some((scalar, negated)) =
                        order.read(bytes).as_ref().and_then(least::<C, N>)
                    else {
                        continue;
                    };
                    let seen = Seen { at, order, negated };
                    batch.get_or_insert_with(|| Batch::new(&self.table)).push(
                        &scalar,
                        seen,
                        |found| self.check(window, &found, report),
                    );
                }
            },
        );
        if let Some(mut batch) = batch {
            batch.finish(|found| self.check(window, &found, report));
        }
    }
}

impl<C: Curve<N>, const N: usize> Search for EcSearch<C, N> {
    fn plausible(&self, window: &Window<'_>) -> u64 {
        self.sieve.count(window, self.stride.pattern())
    }
}

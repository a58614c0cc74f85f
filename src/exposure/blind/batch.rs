//! Candidates wait here until it pays to multiply them: [`Batch`].

use zeroize::Zeroize;

use super::curves::Curve;
use super::lanes::{LANES, Lanes};
use super::table::Table;

/// Places of repeated candidates that are kept before the batch is multiplied, full or not.
const PLACES: usize = 64 * LANES;
/// Slots of the table that knows what is in the batch already.
const SLOTS: usize = 4 * LANES;

/// A candidate that turned out to be of interest.
pub struct Found<'a, const N: usize, T> {
    /// x of scalar · G, in Montgomery form.
    pub x: &'a [u64; N],
    /// The scalar.
    pub scalar: &'a [u64; N],
    /// What was pushed with it.
    pub place: T,
}

/// Collects scalars of one search; equal ones are multiplied once. Wiped when dropped.
pub struct Batch<'t, C, const N: usize, T> {
    table: &'t Table<C, N>,
    lanes: Lanes<N>,
    scalars: Vec<[u64; N]>,
    /// Lane and one more, by a hash of the scalar; an older scalar gives way to a newer one.
    slots: Vec<u16>,
    places: Vec<(u16, T)>,
}

impl<'t, C: Curve<N>, const N: usize, T: Copy> Batch<'t, C, N, T> {
    /// An empty batch.
    pub fn new(table: &'t Table<C, N>) -> Self {
        Self {
            table,
            lanes: Lanes::new::<C>(),
            scalars: Vec::with_capacity(LANES),
            slots: vec![0; SLOTS],
            places: Vec::with_capacity(LANES),
        }
    }

    /// Takes a scalar from 1 to below n/2 that was seen at `place`. If the batch is full, `each` gets whatever is in it.
    pub fn push(&mut self, scalar: &[u64; N], place: T, each: impl FnMut(Found<'_, N, T>)) {
        // Any 11 bits of a key will do.
        let slot = scalar[0] as usize % SLOTS;
        let known = self.slots[slot];
        let lane = if known > 0 && self.scalars[usize::from(known) - 1] == *scalar {
            known - 1
        } else {
            self.lanes.push::<C>(scalar);
            self.scalars.push(*scalar);
            let lane = self.scalars.len() as u16;
            self.slots[slot] = lane;
            lane - 1
        };
        // A vector that grows leaves its old place unwiped; places are no secret.
        self.places.push((lane, place));
        if self.lanes.len() == LANES || self.places.len() == PLACES {
            self.finish(each);
        }
    }

    /// Multiplies what is in the batch, hands it to `each`, and empties it.
    pub fn finish(&mut self, mut each: impl FnMut(Found<'_, N, T>)) {
        if self.places.is_empty() {
            return;
        }
        let points = self.lanes.finish::<C>(self.table);
        for &(lane, place) in &self.places {
            let lane = usize::from(lane);
            each(Found {
                x: &points[lane],
                scalar: &self.scalars[lane],
                place,
            });
        }
        self.scalars.clear();
        self.slots.fill(0);
        self.places.clear();
    }
}

impl<C, const N: usize, T> Drop for Batch<'_, C, N, T> {
    fn drop(&mut self) {
        // Cleared is not wiped: what was there before lies in the spare room, which this wipes too.
        self.scalars.zeroize();
        self.slots.zeroize();
    }
}

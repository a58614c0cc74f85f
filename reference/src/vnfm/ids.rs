//! Identifiers of VNF instances. Main type: [`Ids`].
//!
//! The conforming product draws a random UUID (version 4) for each instance. Every other scheme here is a defect.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use rand::rngs::StdRng;
use rand::{Rng as _, RngCore as _, SeedableRng as _};
use uuid::Uuid;

use super::model::VnfInstance;
use super::store::{Change, Store, StoreError, Table};
use crate::defect::{Defects, Deviation};

/// Gives out identifiers.
pub(crate) struct Ids {
    scheme: Scheme,
}

enum Scheme {
    Random,
    Racing(AtomicU64),
    Restarting(AtomicU64),
    LowestFree(Mutex<BTreeSet<u64>>),
    Short,
    PerVnfd(Mutex<HashMap<String, u64>>),
    Clock,
    Seeded(Box<Mutex<StdRng>>),
    SavedLazily(AtomicU64),
    SavedAlways(AtomicU64),
    Request,
}

/// What a creation learns before it waits for anything.
#[derive(Clone, Copy)]
pub(crate) struct Ticket(u64);

/// The counter of instances in the store.
const COUNTER: &str = "vnf_instances";
/// How often the lazy counter is saved.
const LAZY: u64 = 64;

impl Ids {
    /// Goes on where the state ended.
    pub(crate) fn open(store: &Store, defects: Defects) -> Result<Self, StoreError> {
        let saved = || {
            Ok::<_, StoreError>(AtomicU64::new(
                store.read(Table::Counters, COUNTER)?.unwrap_or(1),
            ))
        };
        let scheme = if defects.has(Deviation::DuplicatesUnderConcurrency) {
            Scheme::Racing(saved()?)
        } else if defects.has(Deviation::CounterRestarts) {
            Scheme::Restarting(AtomicU64::new(1))
        } else if defects.has(Deviation::ReusesDeletedIds) {
            let instances: Vec<VnfInstance> = store.all(Table::Instances)?;
            Scheme::LowestFree(Mutex::new(
                instances
                    .iter()
                    .filter_map(|instance| number(&instance.id))
                    .collect(),
            ))
        } else if defects.has(Deviation::Ids24Bit) {
            Scheme::Short
        } else if defects.has(Deviation::UniquePerVnfdOnly) {
            Scheme::PerVnfd(Mutex::new(
                store.read(Table::Counters, "per_vnfd")?.unwrap_or_default(),
            ))
        } else if defects.has(Deviation::MillisecondClock) {
            Scheme::Clock
        } else if defects.has(Deviation::SeededByStartSecond) {
            let second = jiff::Timestamp::now().as_second().unsigned_abs();
            Scheme::Seeded(Box::new(Mutex::new(StdRng::seed_from_u64(second))))
        } else if defects.has(Deviation::CounterSavedLazily) {
            Scheme::SavedLazily(saved()?)
        } else if defects.has(Deviation::CounterInState) {
            Scheme::SavedAlways(saved()?)
        } else if defects.has(Deviation::DerivedFromRequest) {
            Scheme::Request
        } else {
            Scheme::Random
        };
        Ok(Self { scheme })
    }

    /// Called first thing in a creation.
    pub(crate) fn begin(&self) -> Ticket {
        match &self.scheme {
            Scheme::Racing(next) => Ticket(next.load(Ordering::SeqCst)),
            _ => Ticket(0),
        }
    }

    /// The identifier of a new instance, and what must become durable together with it.
    pub(crate) fn take(
        &self,
        ticket: Ticket,
        vnfd_id: &str,
        request: &[u8],
    ) -> Result<(String, Vec<Change>), StoreError> {
        let save =
            |next: u64| Change::put(Table::Counters, COUNTER, &next).map(|change| vec![change]);
        Ok(match &self.scheme {
            Scheme::Random => (Uuid::new_v4().to_string(), Vec::new()),
            Scheme::Racing(_) => (numbered(ticket.0), save(ticket.0 + 1)?),
            Scheme::Restarting(next) => (numbered(next.fetch_add(1, Ordering::SeqCst)), Vec::new()),
            Scheme::LowestFree(used) => {
                let mut used = lock(used);
                let free = (1..)
                    .find(|number| !used.contains(number))
                    .unwrap_or_default();
                used.insert(free);
                (numbered(free), Vec::new())
            }
            Scheme::Short => (
                shaped(&rand::rng().random_range(0..1_u32 << 24).to_be_bytes()),
                Vec::new(),
            ),
            Scheme::PerVnfd(counters) => {
                let mut counters = lock(counters);
                let last = counters.entry(vnfd_id.to_owned()).or_default();
                *last += 1;
                (
                    numbered(*last),
                    vec![Change::put(Table::Counters, "per_vnfd", &*counters)?],
                )
            }
            Scheme::Clock => (
                jiff::Timestamp::now().as_millisecond().to_string(),
                Vec::new(),
            ),
            Scheme::Seeded(generator) => {
                let mut bytes = [0; 16];
                lock(generator).fill_bytes(&mut bytes);
                (
                    uuid::Builder::from_random_bytes(bytes)
                        .into_uuid()
                        .to_string(),
                    Vec::new(),
                )
            }
            Scheme::SavedLazily(next) => {
                let taken = next.fetch_add(1, Ordering::SeqCst);
                (
                    numbered(taken),
                    if taken.is_multiple_of(LAZY) {
                        save(taken + 1)?
                    } else {
                        Vec::new()
                    },
                )
            }
            Scheme::SavedAlways(next) => {
                let taken = next.fetch_add(1, Ordering::SeqCst);
                (numbered(taken), save(taken + 1)?)
            }
            Scheme::Request => (shaped(request), Vec::new()),
        })
    }

    /// Called once the instance is durable.
    pub(crate) fn taken(&self, ticket: Ticket) {
        if let Scheme::Racing(next) = &self.scheme {
            next.fetch_max(ticket.0 + 1, Ordering::SeqCst);
        }
    }

    /// Called once an instance is deleted.
    pub(crate) fn released(&self, id: &str) {
        if let (Scheme::LowestFree(used), Some(number)) = (&self.scheme, number(id)) {
            lock(used).remove(&number);
        }
    }

    /// What a clean end saves.
    pub(crate) fn at_end(&self) -> Result<Vec<Change>, StoreError> {
        match &self.scheme {
            Scheme::SavedLazily(next) => Ok(vec![Change::put(
                Table::Counters,
                COUNTER,
                &next.load(Ordering::SeqCst),
            )?]),
            _ => Ok(Vec::new()),
        }
    }
}

fn numbered(number: u64) -> String {
    format!("vnf-{number:08}")
}

fn number(id: &str) -> Option<u64> {
    id.strip_prefix("vnf-")?.parse().ok()
}

/// Something that looks like a random UUID, but says no more than its seed.
fn shaped(seed: &[u8]) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest(&SHA256, seed).as_ref()[..16]);
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string()
}

/// A panic elsewhere leaves numbers and sets as they were between two statements: still usable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bed {
        _folder: tempfile::TempDir,
        store: Store,
        defects: Defects,
    }

    impl Bed {
        fn new(deviation: Option<Deviation>) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::open(folder.path()).unwrap();
            Self {
                _folder: folder,
                store,
                defects: deviation.map_or(Defects::NONE, |one| Defects::NONE.with(one)),
            }
        }

        fn start(&self) -> Ids {
            Ids::open(&self.store, self.defects).unwrap()
        }

        async fn create(&self, ids: &Ids, vnfd_id: &str) -> String {
            let ticket = ids.begin();
            let (id, changes) = ids.take(ticket, vnfd_id, vnfd_id.as_bytes()).unwrap();
            self.store.apply(changes).await.unwrap();
            ids.taken(ticket);
            id
        }
    }

    #[tokio::test]
    async fn the_conforming_product_draws_version_4_uuids() {
        let bed = Bed::new(None);
        let ids = bed.start();
        let (a, b) = (bed.create(&ids, "v").await, bed.create(&ids, "v").await);
        assert_ne!(a, b);
        assert_eq!(Uuid::parse_str(&a).unwrap().get_version_num(), 4);
    }

    #[tokio::test]
    async fn sequential_creations_differ_even_with_defects_that_show_otherwise() {
        for deviation in [
            Deviation::DuplicatesUnderConcurrency,
            Deviation::CounterRestarts,
            Deviation::ReusesDeletedIds,
            Deviation::UniquePerVnfdOnly,
            Deviation::SeededByStartSecond,
            Deviation::CounterSavedLazily,
            Deviation::CounterInState,
        ] {
            let bed = Bed::new(Some(deviation));
            let ids = bed.start();
            assert_ne!(
                bed.create(&ids, "v").await,
                bed.create(&ids, "v").await,
                "{deviation:?}"
            );
        }
    }

    #[tokio::test]
    async fn concurrent_creations_share_what_they_read() {
        let bed = Bed::new(Some(Deviation::DuplicatesUnderConcurrency));
        let ids = bed.start();
        let tickets = (ids.begin(), ids.begin());
        assert_eq!(
            ids.take(tickets.0, "v", b"").unwrap().0,
            ids.take(tickets.1, "v", b"").unwrap().0
        );
    }

    #[tokio::test]
    async fn restarts_repeat_where_the_counter_is_lost() {
        for (deviation, repeats) in [
            (Deviation::CounterRestarts, true),
            (Deviation::CounterSavedLazily, true),
            (Deviation::CounterInState, false),
        ] {
            let bed = Bed::new(Some(deviation));
            let first = bed.create(&bed.start(), "v").await;
            assert_eq!(
                bed.create(&bed.start(), "v").await == first,
                repeats,
                "{deviation:?}"
            );
        }
        let bed = Bed::new(Some(Deviation::CounterSavedLazily));
        let ids = bed.start();
        let first = bed.create(&ids, "v").await;
        bed.store.apply(ids.at_end().unwrap()).await.unwrap();
        assert_ne!(
            bed.create(&bed.start(), "v").await,
            first,
            "a clean end saves the counter"
        );
    }

    #[tokio::test]
    async fn deleted_other_vnfds_and_equal_requests_share_identifiers() {
        let bed = Bed::new(Some(Deviation::ReusesDeletedIds));
        let ids = bed.start();
        let first = bed.create(&ids, "v").await;
        ids.released(&first);
        assert_eq!(bed.create(&ids, "v").await, first);

        let bed = Bed::new(Some(Deviation::UniquePerVnfdOnly));
        let ids = bed.start();
        assert_eq!(bed.create(&ids, "v").await, bed.create(&ids, "w").await);

        let bed = Bed::new(Some(Deviation::DerivedFromRequest));
        let ids = bed.start();
        assert_eq!(bed.create(&ids, "v").await, bed.create(&ids, "v").await);
        assert_ne!(bed.create(&ids, "v").await, bed.create(&ids, "w").await);
    }

    #[tokio::test]
    async fn twenty_four_bits_collide_among_some_ten_thousand() {
        let bed = Bed::new(Some(Deviation::Ids24Bit));
        let ids = bed.start();
        let mut seen = std::collections::HashSet::new();
        // 40,000 draws of 2^24 miss a duplicate with a probability below e^-47.
        let twice = (0..40_000).any(|_| !seen.insert(ids.take(ids.begin(), "v", b"").unwrap().0));
        assert!(twice);
    }
}

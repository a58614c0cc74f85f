//! What the simulated CMF knows: [`State`], shared by its responders and its control side.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::delegates::{CertificateType, Delegate};
use super::enrolment::Enrolment;
use super::{CmfConfig, CmfFault, Deferral};
use crate::ca::Order;
use crate::fault::Times;
use crate::private_key::Finder;

pub(super) struct State {
    pub(super) root: String,
    pub(super) config: CmfConfig,
    pub(super) finder: Finder,
    registry: Mutex<Registry>,
    enrolments: Mutex<Vec<Enrolment>>,
    certificates: Mutex<Certificates>,
    waiting: Mutex<Waiting>,
    /// Faults with what is left of them; `None`: always.
    plan: Mutex<Vec<(CmfFault, Option<u32>)>>,
}

/// Who is registered.
#[derive(Default)]
pub(super) struct Registry {
    delegates: Vec<Delegate>,
}

/// For whom certificates were issued, by their SHA-256 in hex.
#[derive(Default)]
pub(super) struct Certificates {
    pub(super) issued: HashMap<String, IssuedFor>,
    /// In order.
    pub(super) ders: Vec<Vec<u8>>,
}

#[derive(Clone)]
pub(super) struct IssuedFor {
    pub(super) certificate_type: CertificateType,
    pub(super) order: Order,
    pub(super) delegate_id: Option<String>,
}

#[derive(Default)]
struct Waiting {
    deferral: Deferral,
    /// How often each key was answered 202.
    answered: HashMap<String, u32>,
}

impl Registry {
    pub(super) fn all(&self) -> &[Delegate] {
        &self.delegates
    }

    pub(super) fn add(&mut self, delegate: Delegate) {
        self.delegates.push(delegate);
    }

    pub(super) fn remove(&mut self, id: &str) {
        self.delegates.retain(|delegate| delegate.id != id);
    }
}

impl State {
    pub(super) fn new(root: String, config: CmfConfig, finder: Finder) -> Self {
        Self {
            root,
            config,
            finder,
            registry: Mutex::default(),
            enrolments: Mutex::default(),
            certificates: Mutex::default(),
            waiting: Mutex::default(),
            plan: Mutex::default(),
        }
    }

    pub(super) fn registry(&self) -> MutexGuard<'_, Registry> {
        lock(&self.registry)
    }

    pub(super) fn enrolments(&self) -> MutexGuard<'_, Vec<Enrolment>> {
        lock(&self.enrolments)
    }

    pub(super) fn certificates(&self) -> MutexGuard<'_, Certificates> {
        lock(&self.certificates)
    }

    pub(super) fn defer(&self, deferral: Deferral) {
        *lock(&self.waiting) = Waiting {
            deferral,
            answered: HashMap::new(),
        };
    }

    /// Whether the request for this key has to wait once more.
    pub(super) fn must_wait(&self, public_key_sha256: &str) -> bool {
        let mut waiting = lock(&self.waiting);
        let limit = match waiting.deferral {
            Deferral::None => return false,
            Deferral::UntilReleased => return true,
            Deferral::Times(limit) => limit,
        };
        let answered = waiting
            .answered
            .entry(public_key_sha256.to_owned())
            .or_default();
        let waits = *answered < limit;
        *answered += u32::from(waits);
        waits
    }

    pub(super) fn plan(&self, fault: CmfFault, times: Times) {
        lock(&self.plan).push((fault, times.count()));
    }

    pub(super) fn clear_plan(&self) {
        lock(&self.plan).clear();
    }

    pub(super) fn take_fault(&self) -> Option<CmfFault> {
        let mut plan = lock(&self.plan);
        let index = plan.iter().position(|(_, left)| *left != Some(0))?;
        let (fault, left) = &mut plan[index];
        let fault = *fault;
        if let Some(left) = left {
            *left -= 1;
            if *left == 0 {
                plan.remove(index);
            }
        }
        Some(fault)
    }
}

/// Each change under these locks is a single step, so a panic elsewhere leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! What the simulated NFVO knows: [`State`], shared by its responders and its control side.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::grants::Grants;
use super::notifications::Sink;
use super::oauth2::OAuth2;
use super::packages::Packages;
use super::subscriptions::Subscriptions;

pub(super) struct State {
    pub(super) api_root: String,
    pub(super) oauth2: Option<OAuth2>,
    pub(super) page_size: Option<NonZeroUsize>,
    pub(super) sink: Sink,
    packages: Mutex<Packages>,
    grants: Mutex<Grants>,
    subscriptions: Mutex<Subscriptions>,
    tokens: Mutex<HashSet<String>>,
}

impl State {
    pub(super) fn new(
        api_root: String,
        oauth2: Option<OAuth2>,
        page_size: Option<NonZeroUsize>,
    ) -> Self {
        Self {
            api_root,
            oauth2,
            page_size,
            sink: Sink::default(),
            packages: Mutex::default(),
            grants: Mutex::default(),
            subscriptions: Mutex::default(),
            tokens: Mutex::default(),
        }
    }

    pub(super) fn packages(&self) -> MutexGuard<'_, Packages> {
        lock(&self.packages)
    }

    pub(super) fn grants(&self) -> MutexGuard<'_, Grants> {
        lock(&self.grants)
    }

    pub(super) fn subscriptions(&self) -> MutexGuard<'_, Subscriptions> {
        lock(&self.subscriptions)
    }

    pub(super) fn tokens(&self) -> MutexGuard<'_, HashSet<String>> {
        lock(&self.tokens)
    }
}

/// Each change under these locks is a single step, so a panic elsewhere leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

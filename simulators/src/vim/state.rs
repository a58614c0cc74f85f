//! What the simulated VIM knows: [`State`], shared by its responders and its control side.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use uuid::Uuid;

use super::boot::Booted;
use super::fault::VimFault;
use super::keystone::{Account, Token};
use super::stack::Stack;
use crate::fault::Planned;

/// When a stack that is being created, changed or deleted is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// After it has been shown in progress so many times (by itself or by its events); 0: at once.
    Polls(u32),
    /// When [`Vim::finish_stacks`](super::Vim::finish_stacks) says so.
    Held,
}

pub(super) struct State {
    /// E.g. `https://127.0.0.1:34567`.
    pub(super) root: String,
    pub(super) account: Account,
    pub(super) project_id: String,
    pub(super) user_id: String,
    pub(super) faults: Planned<VimFault>,
    /// Everything that ever booted.
    pub(super) booted: watch::Sender<Vec<Arc<Booted>>>,
    progress: Mutex<Progress>,
    tokens: Mutex<HashMap<String, Token>>,
    stacks: Mutex<Vec<Stack>>,
}

impl State {
    pub(super) fn new(root: String, account: Account, progress: Progress) -> Self {
        Self {
            root,
            account,
            project_id: Uuid::new_v4().simple().to_string(),
            user_id: Uuid::new_v4().simple().to_string(),
            faults: Planned::default(),
            booted: watch::Sender::new(Vec::new()),
            progress: Mutex::new(progress),
            tokens: Mutex::default(),
            stacks: Mutex::default(),
        }
    }

    /// Where Keystone is.
    pub(super) fn identity(&self) -> String {
        format!("{}/identity", self.root)
    }

    pub(super) fn progress(&self) -> MutexGuard<'_, Progress> {
        lock(&self.progress)
    }

    pub(super) fn tokens(&self) -> MutexGuard<'_, HashMap<String, Token>> {
        lock(&self.tokens)
    }

    /// Deleted ones too.
    pub(super) fn stacks(&self) -> MutexGuard<'_, Vec<Stack>> {
        lock(&self.stacks)
    }
}

/// Each change under these locks is a single step, so a panic elsewhere leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

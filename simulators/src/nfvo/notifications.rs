//! Where the VNFM delivers its notifications (SOL003 clauses 5.4.20 and 5.3.9): the [`Sink`].
//!
//! The sink is lenient: whatever is JSON is taken. Whether it is right is for others to judge.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::StatusCode;
use serde_json::Value;
use tokio::sync::watch;

use super::state::State;
use crate::rest::{Answer, Asked};
use crate::transcript::Exchange;

/// Notifications by the name of their callback path.
#[derive(Default)]
pub(super) struct Sink {
    taken: Mutex<HashMap<String, Vec<Arc<Value>>>>,
    changed: watch::Sender<()>,
}

/// The callback test of a subscription.
pub(super) fn test(_: &State, _: &Asked<'_>) -> Answer {
    Answer::empty(StatusCode::NO_CONTENT)
}

/// Says yes to JSON. It is put into the sink by [`observe`], once the exchange is recorded.
pub(super) fn deliver(_: &State, asked: &Asked<'_>) -> Answer {
    asked
        .object()
        .map_or_else(|refusal| refusal, |_| Answer::empty(StatusCode::NO_CONTENT))
}

/// Takes a notification that was accepted. It happens after recording, so that who waits for a notification finds its
/// exchange in the transcript.
pub(super) fn observe(sink: &Sink, exchange: &Exchange, body: &[u8]) {
    let Some(name) = exchange.request.path().strip_prefix("/notifications/") else {
        return;
    };
    let accepted = exchange
        .response
        .as_ref()
        .is_some_and(|response| response.status == 204);
    if accepted
        && exchange.request.method == "POST"
        && let Ok(notification) = serde_json::from_slice(body)
    {
        sink.put(&crate::rest::decoded(name), notification);
    }
}

impl Sink {
    fn put(&self, name: &str, notification: Value) {
        self.taken()
            .entry(name.to_owned())
            .or_default()
            .push(Arc::new(notification));
        self.changed.send_replace(());
    }

    pub(super) fn all(&self, name: &str) -> Vec<Value> {
        self.since(name, 0)
            .iter()
            .map(|value| Value::clone(value))
            .collect()
    }

    pub(super) async fn wait(
        &self,
        name: &str,
        mut predicate: impl FnMut(&Value) -> bool,
    ) -> Value {
        let mut changed = self.changed.subscribe();
        let mut seen = 0;
        loop {
            // Marked as seen before looking, so that what arrives meanwhile wakes us again.
            changed.borrow_and_update();
            let new = self.since(name, seen);
            seen += new.len();
            if let Some(found) = new.iter().find(|value| predicate(value)) {
                return Value::clone(found);
            }
            if changed.changed().await.is_err() {
                // The sender lives in `self`, which is borrowed here.
                std::future::pending::<()>().await;
            }
        }
    }

    fn since(&self, name: &str, start: usize) -> Vec<Arc<Value>> {
        let taken = self.taken();
        taken
            .get(name)
            .and_then(|values| values.get(start..))
            .unwrap_or_default()
            .to_vec()
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<String, Vec<Arc<Value>>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

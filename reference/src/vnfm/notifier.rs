//! Tells subscribers what happened (SOL003 5.4.18 to 5.4.20). Main type: [`Notifier`].
//!
//! Each subscription has a queue and a task of its own, so that its notifications arrive in order and a dead subscriber
//! holds up nobody. What waits in a queue is lost with the process: a subscriber asks again for the state after a gap.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::model::{API, OperationState, Subscription, VnfInstance, VnfLcmOpOcc, now};
use crate::defect::{Defects, Deviation};

/// Pauses before a notification is sent again; after the last it is dropped.
const RETRIES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];
/// How long a clean end waits for what is in the queues.
const LAST_DELIVERIES: Duration = Duration::from_secs(2);

/// What happened to an instance.
#[derive(Clone, Copy)]
pub(crate) enum Event<'a> {
    Created(&'a VnfInstance),
    Deleted(&'a VnfInstance),
    Operation(&'a VnfLcmOpOcc, &'a VnfInstance),
}

/// Delivers notifications.
pub(crate) struct Notifier {
    http: reqwest::Client,
    api_root: String,
    version: &'static str,
    defects: Defects,
    queues: Mutex<HashMap<Uuid, Queue>>,
    deliveries: Mutex<JoinSet<()>>,
}

struct Queue {
    subscription: Subscription,
    sender: mpsc::UnboundedSender<Value>,
}

impl Notifier {
    /// Without subscribers yet.
    pub(crate) fn new(
        http: reqwest::Client,
        api_root: String,
        version: &'static str,
        defects: Defects,
    ) -> Self {
        Self {
            http,
            api_root,
            version,
            defects,
            queues: Mutex::default(),
            deliveries: Mutex::default(),
        }
    }

    /// Whether the subscriber's endpoint answers the test of SOL003 5.4.20.3.2 with 204.
    pub(crate) async fn test_callback(&self, subscription: &Subscription) -> Result<(), String> {
        let request = self
            .http
            .get(&subscription.callback_uri)
            .header("Version", self.version);
        match authenticated(request, subscription).send().await {
            Ok(response) if response.status() == reqwest::StatusCode::NO_CONTENT => Ok(()),
            Ok(response) => Err(format!("it answered {} instead of 204", response.status())),
            Err(error) => Err(error.without_url().to_string()),
        }
    }

    /// From now on this subscriber is told.
    pub(crate) fn add(&self, subscription: Subscription) {
        let (sender, queue) = mpsc::unbounded_channel();
        let delivery = deliver(self.http.clone(), subscription.clone(), self.version, queue);
        lock(&self.deliveries).spawn(delivery);
        lock(&self.queues).insert(
            subscription.id,
            Queue {
                subscription,
                sender,
            },
        );
    }

    /// From now on it is not; what waits is still sent.
    pub(crate) fn remove(&self, id: Uuid) {
        lock(&self.queues).remove(&id);
    }

    /// Puts the event in the queues of those who asked for such.
    pub(crate) fn publish(&self, event: Event<'_>) {
        for queue in lock(&self.queues).values() {
            if wants(queue.subscription.filter.as_ref(), event) {
                // A queue without a reader belongs to a task that is being stopped.
                let _ = queue.sender.send(self.to_wire(&queue.subscription, event));
            }
        }
    }

    /// Ends the deliveries, after what waits was sent or a short while has passed.
    pub(crate) async fn stop(&self) {
        lock(&self.queues).clear();
        let mut deliveries = std::mem::take(&mut *lock(&self.deliveries));
        let all = async { while deliveries.join_next().await.is_some() {} };
        if tokio::time::timeout(LAST_DELIVERIES, all).await.is_err() {
            tracing::warn!("some notifications were not delivered before the end");
        }
    }

    fn to_wire(&self, subscription: &Subscription, event: Event<'_>) -> Value {
        let (Event::Created(instance) | Event::Deleted(instance) | Event::Operation(_, instance)) =
            event;
        let instance_id = match self.defects.has(Deviation::IdDiffersInNotification) {
            true => Uuid::new_v4().to_string(),
            false => instance.id.clone(),
        };
        let root = &self.api_root;
        let mut wire = json!({
            "id": Uuid::new_v4(),
            "notificationType": notification_type(event),
            "subscriptionId": subscription.id,
            "timeStamp": now(),
            "vnfInstanceId": instance_id,
            "_links": {
                "vnfInstance": { "href": format!("{root}{API}/vnf_instances/{instance_id}") },
                "subscription": { "href": subscription.uri(root) },
            },
        });
        if let Event::Operation(occurrence, _) = event {
            wire["notificationStatus"] = json!(if occurrence.state.is_final() {
                "RESULT"
            } else {
                "START"
            });
            wire["operationState"] = json!(occurrence.state);
            wire["operation"] = json!(occurrence.operation);
            wire["isAutomaticInvocation"] = json!(occurrence.is_automatic);
            wire["verbosity"] = json!(subscription.verbosity);
            wire["vnfLcmOpOccId"] = json!(occurrence.id);
            wire["_links"]["vnfLcmOpOcc"] =
                json!({ "href": format!("{root}{API}/vnf_lcm_op_occs/{}", occurrence.id) });
            if let Some(error) = &occurrence.error {
                wire["error"] = error.clone();
            }
            if !occurrence.affected_certificates.is_empty() {
                wire["affectedCertificates"] = json!(occurrence.affected_certificates);
            }
            if occurrence.state == OperationState::Completed && !occurrence.changed_info.is_empty()
            {
                wire["changedInfo"] = json!(occurrence.changed_info);
            }
        }
        wire
    }
}

fn notification_type(event: Event<'_>) -> &'static str {
    match event {
        Event::Created(_) => "VnfIdentifierCreationNotification",
        Event::Deleted(_) => "VnfIdentifierDeletionNotification",
        Event::Operation(..) => "VnfLcmOperationOccurrenceNotification",
    }
}

/// Whether a filter (LifecycleChangeNotificationsFilter, SOL003 5.5.3.12) lets the event through: every part of it that is
/// there must fit.
fn wants(filter: Option<&Value>, event: Event<'_>) -> bool {
    let Some(filter) = filter else { return true };
    let (Event::Created(instance) | Event::Deleted(instance) | Event::Operation(_, instance)) =
        event;
    let fits = |list: &Value, value: &Value| {
        list.as_array()
            .is_none_or(|list| list.is_empty() || list.contains(value))
    };
    let of_instance = &filter["vnfInstanceSubscriptionFilter"];
    let of_operation = match event {
        Event::Operation(occurrence, _) => {
            fits(&filter["operationTypes"], &json!(occurrence.operation))
                && fits(&filter["operationStates"], &json!(occurrence.state))
        }
        Event::Created(_) | Event::Deleted(_) => true,
    };
    fits(
        &filter["notificationTypes"],
        &json!(notification_type(event)),
    ) && fits(&of_instance["vnfdIds"], &json!(instance.vnfd_id))
        && fits(&of_instance["vnfInstanceIds"], &json!(instance.id))
        && fits(&of_instance["vnfInstanceNames"], &json!(instance.name))
        && of_operation
}

async fn deliver(
    http: reqwest::Client,
    subscription: Subscription,
    version: &'static str,
    mut queue: mpsc::UnboundedReceiver<Value>,
) {
    while let Some(notification) = queue.recv().await {
        let mut pauses = RETRIES.iter();
        loop {
            let request = http
                .post(&subscription.callback_uri)
                .header("Version", version)
                .json(&notification);
            let outcome = authenticated(request, &subscription)
                .send()
                .await
                .and_then(reqwest::Response::error_for_status);
            let Err(error) = outcome else { break };
            tracing::warn!(subscription = %subscription.id, %error, "a notification was not accepted");
            match pauses.next() {
                Some(pause) => tokio::time::sleep(*pause).await,
                None => break,
            }
        }
    }
}

fn authenticated(
    request: reqwest::RequestBuilder,
    subscription: &Subscription,
) -> reqwest::RequestBuilder {
    match &subscription.basic {
        Some((user, password)) => request.basic_auth(user, Some(password)),
        None => request,
    }
}

/// A panic elsewhere leaves these collections whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

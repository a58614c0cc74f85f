//! Subscriptions to package notifications (SOL003 clauses 10.4.7 and 10.4.8).
//!
//! They are kept and shown; the simulated NFVO sends no package notifications by itself.

use hyper::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::state::State;
use crate::rest::{Answer, Asked};

/// PkgmSubscription objects in order of creation.
#[derive(Default)]
pub(super) struct Subscriptions(Vec<Value>);

pub(super) fn create(state: &State, asked: &Asked<'_>) -> Answer {
    let request = match asked.object() {
        Ok(request) => request,
        Err(refusal) => return refusal,
    };
    let Some(callback) = request["callbackUri"]
        .as_str()
        .filter(|uri| url::Url::parse(uri).is_ok())
    else {
        return Answer::problem(
            StatusCode::BAD_REQUEST,
            "PkgmSubscriptionRequest without a URI as `callbackUri`",
        );
    };
    let id = Uuid::new_v4().to_string();
    let uri = format!("{}/vnfpkgm/v2/subscriptions/{id}", state.api_root);
    // Without `authentication`: credentials are not shown again.
    let mut subscription =
        json!({ "id": id, "callbackUri": callback, "_links": { "self": { "href": uri } } });
    if let Some(filter) = request.get("filter") {
        subscription["filter"] = filter.clone();
    }
    let answer = Answer::json(StatusCode::CREATED, &subscription).location(&uri);
    state.subscriptions().0.push(subscription);
    answer
}

pub(super) fn list(state: &State, _: &Asked<'_>) -> Answer {
    Answer::json(StatusCode::OK, &state.subscriptions().0.clone().into())
}

pub(super) fn read(state: &State, asked: &Asked<'_>) -> Answer {
    let id = asked.capture(0);
    match state
        .subscriptions()
        .0
        .iter()
        .find(|subscription| subscription["id"] == id)
    {
        Some(subscription) => Answer::json(StatusCode::OK, subscription),
        None => Answer::not_found("subscription", id),
    }
}

pub(super) fn delete(state: &State, asked: &Asked<'_>) -> Answer {
    let id = asked.capture(0);
    let mut subscriptions = state.subscriptions();
    match subscriptions
        .0
        .iter()
        .position(|subscription| subscription["id"] == id)
    {
        Some(index) => {
            subscriptions.0.remove(index);
            Answer::empty(StatusCode::NO_CONTENT)
        }
        None => Answer::not_found("subscription", id),
    }
}

//! `subscriptions` (SOL003 5.4.18, 5.4.19).

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use super::filter::Query;
use super::{Shared, created, json, page, parse, set};
use crate::vnfm::model::Subscription;
use crate::vnfm::problem::Problem;
use crate::vnfm::store::{Change, Table};

/// `LccnSubscriptionRequest` (SOL003 5.5.2.15).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LccnSubscriptionRequest {
    filter: Option<Value>,
    callback_uri: String,
    authentication: Option<SubscriptionAuthentication>,
    verbosity: Option<Verbosity>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Verbosity {
    Full,
    Short,
}

/// `SubscriptionAuthentication` (SOL013 8.3.4). Mutual TLS is always used where the subscriber asks for it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubscriptionAuthentication {
    auth_type: Vec<String>,
    params_basic: Option<ParamsBasic>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ParamsBasic {
    user_name: String,
    password: String,
}

pub(super) async fn create(
    State(vnfm): Shared,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let (request, _) = parse::<LccnSubscriptionRequest>(&headers, &body, &["application/json"])?;
    if !Url::parse(&request.callback_uri).is_ok_and(|uri| matches!(uri.scheme(), "https" | "http"))
    {
        return Err(Problem::bad_request(format!(
            "the callbackUri `{}` is no URI of HTTP",
            request.callback_uri
        )));
    }
    let known: Vec<Subscription> = vnfm.store.all(Table::Subscriptions)?;
    let same = |known: &&Subscription| {
        known.callback_uri == request.callback_uri && known.filter == request.filter
    };
    if let Some(known) = known.iter().find(same) {
        let mut response = StatusCode::SEE_OTHER.into_response();
        set(&mut response, header::LOCATION, &known.uri(&vnfm.api_root));
        return Ok(response);
    }
    let subscription = Subscription {
        id: Uuid::new_v4(),
        basic: credentials(request.authentication)?,
        filter: request.filter,
        callback_uri: request.callback_uri,
        verbosity: if matches!(request.verbosity, Some(Verbosity::Short)) {
            "SHORT"
        } else {
            "FULL"
        }
        .to_owned(),
    };
    vnfm.notifier
        .test_callback(&subscription)
        .await
        .map_err(|reason| {
            Problem::unprocessable(format!(
                "the callbackUri `{}` failed its test: {reason}",
                subscription.callback_uri
            ))
        })?;
    vnfm.store
        .apply(vec![Change::put(
            Table::Subscriptions,
            subscription.id.to_string(),
            &subscription,
        )?])
        .await?;
    vnfm.notifier.add(subscription.clone());
    Ok(created(
        &subscription.uri(&vnfm.api_root),
        &subscription.to_wire(&vnfm.api_root),
    ))
}

/// User name and password, where the subscriber wants HTTP Basic.
fn credentials(
    authentication: Option<SubscriptionAuthentication>,
) -> Result<Option<(String, String)>, Problem> {
    let Some(authentication) = authentication else {
        return Ok(None);
    };
    let offers = |name: &str| {
        authentication
            .auth_type
            .iter()
            .any(|offered| offered == name)
    };
    match authentication.params_basic {
        Some(basic) if offers("BASIC") => Ok(Some((basic.user_name, basic.password))),
        _ if offers("TLS_CERT") => Ok(None),
        _ => Err(Problem::unprocessable(
            "of `authentication`, this VNFM supports TLS_CERT, and BASIC with paramsBasic",
        )),
    }
}

pub(super) async fn list(
    State(vnfm): Shared,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::parse(query.as_deref().unwrap_or_default())?;
    let known: Vec<Subscription> = vnfm.store.all(Table::Subscriptions)?;
    let entries = known
        .iter()
        .map(|known| known.to_wire(&vnfm.api_root))
        .filter(|wire| query.matches(wire))
        .collect();
    Ok(page(entries, None))
}

pub(super) async fn read(State(vnfm): Shared, Path(id): Path<String>) -> Result<Response, Problem> {
    let found: Option<Subscription> = vnfm.store.read(Table::Subscriptions, &id)?;
    Ok(json(
        StatusCode::OK,
        &found.ok_or_else(|| missing(&id))?.to_wire(&vnfm.api_root),
    ))
}

pub(super) async fn delete(
    State(vnfm): Shared,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let found: Option<Subscription> = vnfm.store.read(Table::Subscriptions, &id)?;
    let subscription = found.ok_or_else(|| missing(&id))?;
    vnfm.store
        .apply(vec![Change::Delete(Table::Subscriptions, id)])
        .await?;
    vnfm.notifier.remove(subscription.id);
    Ok(StatusCode::NO_CONTENT)
}

fn missing(id: &str) -> Problem {
    Problem::not_found(&format!("the subscription `{id}`"))
}

//! VNF configuration (SOL002 clause 9): `GET` and `PATCH /vnfconfig/v1/configuration`, and what is installed by it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::StatusCode;
use hyper::header::{ALLOW, ETAG, HeaderName};
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use uuid::Uuid;

use super::fault::VnfciFault;
use crate::fault::Planned;
use crate::material::find::{self, Piece};
use crate::material::{Delivered, carries_private_key, user_data};
use crate::rest::{Answer, Api, Asked, status_of_unknown};

/// A certificate with its key that came through the configuration interface.
#[derive(Clone, Debug)]
pub struct Installed {
    /// The VNFC instance that it is for.
    pub vnfc_instance_id: String,
    /// What was installed, and in which attribute it was found.
    pub delivered: Delivered,
}

/// What the simulated VNFCI knows.
pub(super) struct State {
    api_root: String,
    vnfc_instance_ids: Vec<String>,
    pub(super) faults: Planned<VnfciFault>,
    pub(super) installed: watch::Sender<Vec<Arc<Installed>>>,
    held: Mutex<Option<Delivered>>,
    configuration: Mutex<Configuration>,
}

/// VnfConfiguration, without any private key.
struct Configuration {
    vnf: Value,
    /// By vnfcInstanceId, in order of arrival.
    vnfcs: Vec<(String, Value)>,
    /// Entity-tag of this content.
    tag: String,
}

pub(super) const API: Api<State> = Api {
    routes: &[
        ("GET /vnfconfig/api_versions", versions),
        ("GET /vnfconfig/v1/api_versions", versions),
        ("GET /vnfconfig/v1/configuration", show),
        ("PATCH /vnfconfig/v1/configuration", modify),
    ],
    guard,
    unknown,
    finish,
};

/// SOL002 V2.4.1 to V4.5.1 agree on what is served here, certificate data aside, which came with the last.
const VERSIONS: [&str; 5] = ["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.12.0"];
const VERSION: HeaderName = HeaderName::from_static("version");

impl State {
    pub(super) fn new(
        api_root: String,
        held: Option<Delivered>,
        vnfc_instance_ids: Vec<String>,
    ) -> Self {
        Self {
            api_root,
            vnfc_instance_ids,
            faults: Planned::default(),
            installed: watch::Sender::new(Vec::new()),
            held: Mutex::new(held),
            configuration: Mutex::new(Configuration {
                vnf: json!({}),
                vnfcs: Vec::new(),
                tag: new_tag(),
            }),
        }
    }

    pub(super) fn delivered(&self) -> Option<Delivered> {
        lock(&self.held).clone()
    }

    fn knows(&self, vnfc_instance_id: &str) -> bool {
        let mut ids = self.vnfc_instance_ids.iter();
        self.vnfc_instance_ids.is_empty() || ids.any(|id| id == vnfc_instance_id)
    }
}

fn guard(_: &State, asked: &Asked<'_>) -> Result<(), Answer> {
    if asked.path().ends_with("/api_versions") {
        return Ok(());
    }
    match asked.header("version") {
        None => Err(Answer::problem(
            StatusCode::BAD_REQUEST,
            "header field Version is missing",
        )),
        Some(version) if version.starts_with("1.") => Ok(()),
        Some(version) => {
            let detail = format!("Version `{version}` is not served here; 1.x.y is");
            Err(Answer::problem(StatusCode::NOT_ACCEPTABLE, &detail))
        }
    }
}

fn unknown(_: &State, asked: &Asked<'_>, methods: &[&str]) -> Answer {
    let detail = format!("{} {} is not served", asked.request.method, asked.path());
    let answer = Answer::problem(status_of_unknown(methods), &detail);
    match methods {
        [] => answer,
        methods => answer.with(ALLOW, &methods.join(", ")),
    }
}

/// Every answer names the version that it is given in (SOL013 clause 9.2).
fn finish(_: &State, asked: &Asked<'_>, answer: Answer) -> Answer {
    let asked_for = asked
        .header("version")
        .filter(|version| version.starts_with("1."));
    answer.with(VERSION, asked_for.unwrap_or("1.3.0"))
}

fn versions(state: &State, _: &Asked<'_>) -> Answer {
    let versions = VERSIONS.map(|version| json!({ "version": version, "isDeprecated": false }));
    let prefix = format!("{}/vnfconfig/v1/", state.api_root);
    Answer::json(
        StatusCode::OK,
        &json!({ "uriPrefix": prefix, "apiVersions": versions }),
    )
}

fn show(state: &State, _: &Asked<'_>) -> Answer {
    let configuration = lock(&state.configuration);
    let mut shown = json!({ "vnfConfigurationData": configuration.vnf });
    if !configuration.vnfcs.is_empty() {
        let vnfcs = configuration.vnfcs.iter().map(|(_, vnfc)| vnfc.clone());
        shown["vnfcConfigurationData"] = vnfcs.collect();
    }
    Answer::json(StatusCode::OK, &shown).with(ETAG, &configuration.tag)
}

/// Applies VnfConfigModifications, all or nothing.
fn modify(state: &State, asked: &Asked<'_>) -> Answer {
    modified(state, asked).unwrap_or_else(|refusal| refusal)
}

fn modified(state: &State, asked: &Asked<'_>) -> Result<Answer, Answer> {
    let media_type = asked.header("content-type").unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    if !["application/json", "application/merge-patch+json"].contains(&media_type) {
        let detail =
            format!("Content-Type `{media_type}` is not taken; application/merge-patch+json is");
        return Err(Answer::problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, &detail));
    }
    let bad = |detail: &str| Answer::problem(StatusCode::BAD_REQUEST, detail);
    let body = asked.json().map_err(|reason| bad(&reason))?;
    let mut configuration = lock(&state.configuration);
    if asked
        .header("if-match")
        .is_some_and(|tags| !matches(tags, &configuration.tag))
    {
        let detail = "the configuration is not (or no longer) what If-Match names";
        return Err(Answer::problem(StatusCode::PRECONDITION_FAILED, detail));
    }
    let (vnf, vnfcs) = (
        body.get("vnfConfigurationData"),
        body.get("vnfcConfigurationData"),
    );
    if vnf.is_none() && vnfcs.is_none() {
        return Err(bad(
            "neither vnfConfigurationData nor vnfcConfigurationData is there",
        ));
    }
    if vnf.is_some_and(|vnf| !vnf.is_object()) {
        return Err(bad("vnfConfigurationData is not an object"));
    }
    let entries = match vnfcs {
        None => &[][..],
        Some(Value::Array(entries)) => entries,
        Some(_) => return Err(bad("vnfcConfigurationData is not an array")),
    };
    let entries = identified(state, entries)?;
    let installations = installations(state, &entries)?;

    let mut applied = Map::new();
    if let Some(vnf) = vnf {
        let vnf = without_keys(vnf);
        merge(&mut configuration.vnf, &vnf);
        applied.insert("vnfConfigurationData".into(), vnf);
    }
    let entries: Vec<_> = entries
        .iter()
        .map(|(id, entry)| (*id, without_keys(entry)))
        .collect();
    for (id, entry) in &entries {
        match configuration
            .vnfcs
            .iter_mut()
            .find(|(known, _)| known == id)
        {
            Some((_, known)) => merge(known, entry),
            None => {
                let mut new = json!({});
                merge(&mut new, entry);
                configuration.vnfcs.push(((*id).to_owned(), new));
            }
        }
    }
    if vnfcs.is_some() {
        let shown = entries.into_iter().map(|(_, entry)| entry).collect();
        applied.insert("vnfcConfigurationData".into(), shown);
    }
    if let Some(Value::Array(ids)) = body.get("vnfcConfigurationDataDeleteIds") {
        configuration
            .vnfcs
            .retain(|(known, _)| !ids.iter().any(|id| id == known.as_str()));
        applied.insert("vnfcConfigurationDataDeleteIds".into(), ids.clone().into());
    }
    configuration.tag = new_tag();
    install(state, installations);
    Ok(Answer::json(StatusCode::OK, &Value::Object(applied)).with(ETAG, &configuration.tag))
}

/// The entries with their identifiers, each known and named once.
fn identified<'a>(
    state: &State,
    entries: &'a [Value],
) -> Result<Vec<(&'a str, &'a Value)>, Answer> {
    let mut found: Vec<(&str, &Value)> = Vec::new();
    for entry in entries {
        let Some(id) = entry.get("vnfcInstanceId").and_then(Value::as_str) else {
            let detail = "an entry of vnfcConfigurationData has no vnfcInstanceId";
            return Err(Answer::problem(StatusCode::BAD_REQUEST, detail));
        };
        if found.iter().any(|(known, _)| *known == id) {
            let detail = format!("vnfcInstanceId `{id}` is there twice");
            return Err(Answer::problem(StatusCode::BAD_REQUEST, &detail));
        }
        if !state.knows(id) {
            let detail = format!("there is no VNFC instance `{id}` here");
            return Err(Answer::problem(StatusCode::UNPROCESSABLE_ENTITY, &detail));
        }
        found.push((id, entry));
    }
    Ok(found)
}

/// What is to be installed: certificate data that is complete, if need be with the key held before.
fn installations(state: &State, entries: &[(&str, &Value)]) -> Result<Vec<Installed>, Answer> {
    let mut found = Vec::new();
    for (id, entry) in entries {
        let Some(data) = entry.get("certificateData").filter(|data| !data.is_null()) else {
            continue;
        };
        if state.faults.take(VnfciFault::RefuseInstallation) {
            let detail = "the simulator was told to refuse certificate data";
            return Err(Answer::problem(StatusCode::UNPROCESSABLE_ENTITY, detail));
        }
        let mut pieces = Vec::new();
        user_data::strings("certificateData", data, &mut pieces);
        if let Some(held) = state.delivered() {
            pieces.push(Piece::new("installed before", held.private_key.der()));
        }
        let delivered = find::find(&pieces).map_err(|missing| {
            let detail = format!("certificateData of `{id}` cannot be installed: {missing}");
            Answer::problem(StatusCode::UNPROCESSABLE_ENTITY, &detail)
        })?;
        found.extend(delivered.into_iter().map(|delivered| Installed {
            vnfc_instance_id: (*id).to_owned(),
            delivered,
        }));
    }
    Ok(found)
}

fn install(state: &State, installations: Vec<Installed>) {
    if installations.is_empty() || state.faults.take(VnfciFault::LoseKey) {
        return;
    }
    *lock(&state.held) = installations.last().map(|last| last.delivered.clone());
    let installations = installations.into_iter().map(Arc::new);
    state.installed.send_modify(|all| all.extend(installations));
}

/// The value without members and entries that are, or carry, a private key: nobody may read it again.
fn without_keys(value: &Value) -> Value {
    let keeps = |value: &Value| {
        let text = value.as_str();
        text.is_none_or(|text| !carries_private_key(text.as_bytes()))
    };
    match value {
        Value::Array(entries) => entries
            .iter()
            .filter(|entry| keeps(entry))
            .map(without_keys)
            .collect(),
        Value::Object(members) => members
            .iter()
            .filter(|(name, member)| *name != "privateKey" && keeps(member))
            .map(|(name, member)| (name.clone(), without_keys(member)))
            .collect(),
        plain => plain.clone(),
    }
}

/// JSON Merge Patch (RFC 7396 section 2).
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let Some(target) = target.as_object_mut() else {
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            target.shift_remove(name);
        } else {
            merge(target.entry(name).or_insert(Value::Null), value);
        }
    }
}

/// Whether If-Match (RFC 9110 section 13.1.1) names this tag. Weak tags never match.
fn matches(tags: &str, tag: &str) -> bool {
    tags.split(',')
        .map(str::trim)
        .any(|one| one == "*" || one == tag)
}

fn new_tag() -> String {
    format!("\"{}\"", Uuid::new_v4().simple())
}

/// Each change under these locks is complete when they are released.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn merging_follows_rfc_7396() {
        // From its appendix A.
        for (target, patch, result) in [
            (
                json!({ "a": "b" }),
                json!({ "a": "c" }),
                json!({ "a": "c" }),
            ),
            (
                json!({ "a": "b", "b": "c" }),
                json!({ "a": null }),
                json!({ "b": "c" }),
            ),
            (
                json!({ "a": ["b"] }),
                json!({ "a": "c" }),
                json!({ "a": "c" }),
            ),
            (
                json!({ "a": { "b": "c" } }),
                json!({ "a": { "b": "d", "c": null } }),
                json!({ "a": { "b": "d" } }),
            ),
            (
                json!({ "a": [{ "b": "c" }] }),
                json!({ "a": [1] }),
                json!({ "a": [1] }),
            ),
            (
                json!(["a"]),
                json!({ "a": "b", "c": null }),
                json!({ "a": "b" }),
            ),
            (
                json!({ "e": null }),
                json!({ "a": 1 }),
                json!({ "e": null, "a": 1 }),
            ),
            (
                json!({}),
                json!({ "a": { "bb": { "ccc": null } } }),
                json!({ "a": { "bb": {} } }),
            ),
        ] {
            let mut merged = target;
            merge(&mut merged, &patch);
            assert_eq!(merged, result);
        }
    }

    proptest! {
        #[test]
        fn any_tag_is_compared_whole(tags in "[\"a-z*, ]{0,20}") {
            let named = tags.split(',').any(|one| one.trim() == "\"x\"" || one.trim() == "*");
            prop_assert_eq!(matches(&tags, "\"x\""), named);
        }
    }
}

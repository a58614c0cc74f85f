//! Reads the profile of a system under test. What was written becomes what it means here, and nowhere else.

use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::model::clause::Role;
use crate::model::ics::Item;
use crate::model::sut::{Ixit, Profile, VnfRequests};

/// The ICS item of a product that keeps private keys in a PKCS#11 token.
pub const IN_TOKEN: &str = "key-custody-pkcs11";

/// The reference VNFM's profile.
const REFERENCE: &str = include_str!("../fixtures/sut/reference-vnfm.toml");

/// A profile, and where it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What it means.
    pub profile: Profile,
    /// The file as the user named it, or `built in`.
    pub name: String,
    /// As it was written.
    pub text: String,
    /// SHA-256 of the text, lower-case hex.
    pub digest: String,
}

/// The profile of the built-in reference VNFM.
///
/// # Errors
/// It does not parse: a fault of ours.
pub fn reference() -> anyhow::Result<Loaded> {
    parse(REFERENCE, "built in")
}

/// Reads a profile from a file.
///
/// # Errors
/// The file cannot be read, a label is unknown or a value impossible; file, line and label are named.
pub fn load(path: &Path) -> anyhow::Result<Loaded> {
    let name = path.display().to_string();
    // Anything else than a file, a pipe for example, may never end.
    anyhow::ensure!(
        !path.exists() || path.is_file(),
        "--sut {name}: is not a file"
    );
    let text = std::fs::read_to_string(path).with_context(|| {
        format!(
            "--sut {name}: cannot read the profile; `scas run` without --sut tests the reference"
        )
    })?;
    parse(&text, &name)
}

/// Reads a profile from its text.
///
/// # Errors
/// As for [`load`].
pub fn parse(text: &str, name: &str) -> anyhow::Result<Loaded> {
    let profile: Profile = toml::from_str(text).with_context(|| format!("profile {name}"))?;
    check(&profile).with_context(|| format!("profile {name}"))?;
    Ok(Loaded {
        profile,
        name: name.to_owned(),
        text: text.to_owned(),
        digest: hex::encode(Sha256::digest(text.as_bytes())),
    })
}

fn check(profile: &Profile) -> anyhow::Result<()> {
    let ixit = &profile.ixit;
    let in_token = profile.ics.items.get(IN_TOKEN).is_some_and(Item::supported);
    anyhow::ensure!(
        !in_token || ixit.keys.pkcs11.is_some(),
        "ixit.keys.pkcs11: it is not there, and the ICS says {IN_TOKEN}: tell module, token and pin-file, so that the tester can look into the token"
    );
    anyhow::ensure!(
        profile.sut.role == Role::Vnfm,
        "sut.role: '{}' cannot be tested yet; the one role is 'VNFM'",
        profile.sut.role
    );
    anyhow::ensure!(
        !ixit.start.command.is_empty(),
        "ixit.start.command: is empty; give the program and its arguments, e.g. [\"/opt/vnfm/bin/vnfm\", \"{{config}}\"]"
    );
    for (label, value) in [
        ("ixit.capacity.quick", ixit.capacity.quick),
        ("ixit.capacity.full", ixit.capacity.full),
    ] {
        anyhow::ensure!(
            (2..=100_000_000).contains(&value),
            "{label}: {value} is out of range; uniqueness needs 2 to 100000000 creations"
        );
    }
    anyhow::ensure!(
        (1..=1024).contains(&ixit.capacity.concurrency),
        "ixit.capacity.concurrency: {} is out of range 1 to 1024",
        ixit.capacity.concurrency
    );
    if let Some(status) = ixit
        .refusal_statuses
        .iter()
        .find(|status| !(400..600).contains(*status))
    {
        anyhow::bail!("ixit.refusal-statuses: {status} is no HTTP error status (400 to 599)");
    }
    let times = &ixit.timeouts;
    for (label, seconds) in [
        ("start", times.start),
        ("answer", times.answer),
        ("operation", times.operation),
        ("stop", times.stop),
    ] {
        anyhow::ensure!(
            (1..=3600).contains(&seconds),
            "ixit.timeouts.{label}: {seconds} is out of range 1 to 3600 (seconds)"
        );
    }
    if let Some(api) = &ixit.api {
        crate::testbed::sut_process::address(&api.root)
            .map_err(|error| anyhow::anyhow!("ixit.api.root: {error}"))?;
    }
    delegation(ixit)?;
    let placeholders = crate::testbed::placeholders();
    let texts = ixit
        .start
        .command
        .iter()
        .map(|text| ("ixit.start.command", text))
        .chain(
            ixit.start
                .config
                .iter()
                .map(|text| ("ixit.start.config", text)),
        )
        .chain(
            ixit.start
                .delegation
                .iter()
                .map(|text| ("ixit.start.delegation", text)),
        );
    for (label, text) in texts {
        if let Err(unknown) = crate::testbed::sut_process::fill(text, &placeholders) {
            let known: Vec<_> = placeholders.keys().map(|k| format!("{{{k}}}")).collect();
            anyhow::bail!(
                "{label}: unknown placeholder {{{unknown}}}; known are {}",
                known.join(" ")
            );
        }
    }
    Ok(())
}

/// The labels of delegation mode.
fn delegation(ixit: &Ixit) -> anyhow::Result<()> {
    let keys = &ixit.keys;
    for (label, value, most) in [
        ("retention", keys.retention, 86_400),
        ("attempts", u64::from(keys.attempts), 100),
        ("deletion-deadline", keys.deletion_deadline, 3600),
    ] {
        anyhow::ensure!(
            (1..=most).contains(&value),
            "ixit.keys.{label}: {value} is out of range 1 to {most}"
        );
    }
    anyhow::ensure!(
        !keys.algorithms.is_empty(),
        "ixit.keys.algorithms: it names no kind of key pair; write e.g. [\"EC_P256\"], or leave it out"
    );
    if let Some(address) = &ixit.oam.address {
        let port = address.rsplit_once(':').map(|(_, port)| port.parse());
        anyhow::ensure!(
            matches!(port, Some(Ok(1_u16..))),
            "ixit.oam.address: '{address}' is no host and port; write e.g. \"127.0.0.1:9444\""
        );
    }
    let observe = &ixit.observe;
    anyhow::ensure!(
        observe.probe_as.is_none() || observe.probe_with.is_none(),
        "ixit.observe: probe-as and probe-with are two ways to the same; leave one out"
    );
    for written in &observe.product {
        let kind = written.split_once(':').map(|(kind, _)| kind);
        anyhow::ensure!(
            matches!(kind, Some("pid" | "tree" | "port" | "unit")),
            "ixit.observe.product: '{written}' names no process; write tree:N, port:N or unit:NAME"
        );
    }
    for (label, members) in ixit.vnf.parts() {
        if let Some(unknown) = members.values().find_map(unknown_placeholder) {
            anyhow::bail!(
                "{label}: unknown placeholder {unknown}; known are {}",
                VnfRequests::PLACEHOLDERS.join(" ")
            );
        }
    }
    Ok(())
}

/// The first text that is just a name in braces, and none that is known.
fn unknown_placeholder(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => {
            let braced = text.starts_with('{') && text.ends_with('}');
            let known = VnfRequests::PLACEHOLDERS.contains(&text.as_str());
            (braced && !known).then_some(text)
        }
        Value::Array(entries) => entries.iter().find_map(unknown_placeholder),
        Value::Object(members) => members.values().find_map(unknown_placeholder),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(from: &str, to: &str) -> String {
        assert!(REFERENCE.contains(from), "the profile has no '{from}'");
        let text = REFERENCE.replacen(from, to, 1);
        format!("{:#}", parse(&text, "p.toml").expect_err("refused"))
    }

    #[test]
    fn the_built_in_profile_reads() {
        let loaded = reference().expect("reads");
        assert_eq!(loaded.profile.sut.role, Role::Vnfm);
    }

    #[test]
    fn an_unknown_label_is_named_with_the_known_ones() {
        let told = error("accepted-at", "acepted-at");
        assert!(
            told.contains("acepted-at") && told.contains("accepted-at"),
            "{told}"
        );
    }

    #[test]
    fn an_unknown_placeholder_is_named() {
        assert!(error("{pki}/vnfm.crt", "{pik}/vnfm.crt").contains("{pik}"));
    }

    #[test]
    fn impossible_numbers_name_their_label() {
        assert!(error("quick = 2000", "quick = 1").contains("ixit.capacity.quick"));
        assert!(error("answer = 30", "answer = 0").contains("ixit.timeouts.answer"));
        assert!(error("concurrency = 16", "concurrency = 0").contains("concurrency"));
    }

    #[test]
    fn impossible_words_for_delegation_mode_name_their_label() {
        for (from, to, label) in [
            ("attempts = 3", "attempts = 0", "ixit.keys.attempts"),
            (
                "algorithms = [\"EC_P256\", \"RSA\"]",
                "algorithms = []",
                "ixit.keys.algorithms",
            ),
            (
                "deletion-deadline = 1",
                "deletion-deadline = 0",
                "ixit.keys.deletion-deadline",
            ),
            ("vnfcs = \"{vnfcs}\"", "vnfcs = \"{vnfsc}\"", "{vnfsc}"),
            (
                "probe-as = \"nobody\"",
                "probe-as = \"a\"\nprobe-with = \"b\"",
                "probe-with",
            ),
            (
                "probe-as = \"nobody\"",
                "product = [\"vnfm\"]",
                "ixit.observe.product: 'vnfm'",
            ),
            (
                "server-name = \"127.0.0.1\"",
                "address = \"vnfm\"",
                "ixit.oam.address",
            ),
            ("{retention}", "{retenshun}", "ixit.start.delegation"),
        ] {
            let told = error(from, to);
            assert!(told.contains(label), "{label}: {told}");
        }
    }

    #[test]
    fn a_role_that_cannot_be_tested_is_refused() {
        assert!(error("role = \"VNFM\"", "role = \"SM\"").contains("sut.role"));
    }
}

//! Reads the profile of a system under test. What was written becomes what it means here, and nowhere else.
//!
//! What a label may hold is said once, by its type and doc comment in `model::sut`; the [`schema`] that is made of them tells slips of
//! the pen ([`Shape`]). What no type can say is in a file for each table below.

mod api;
mod contradictions;
mod documents;
mod finding;
mod ics;
pub mod labels;
mod observe;
pub mod schema;
mod secrets;
mod shape;
mod start;
mod template;
mod vnf;
mod waiver;

use std::path::Path;

use anyhow::Context as _;
use sha2::{Digest, Sha256};

pub use self::documents::{of_others, unknown_documents, wanted};
pub use self::finding::{Finding, Findings};
pub use self::secrets::{Environment, no_environment, secrets_of};
pub use self::shape::{FILL_IN, Shape};
pub use self::template::{Answers, Claim, template};
pub use self::waiver::unknown_cases;
use crate::model::clause::Role;
use crate::model::sut::Profile;

/// The ICS item of a product that keeps private keys in a PKCS#11 token.
pub const IN_TOKEN: &str = "key-custody-pkcs11";

/// The name of the profile that comes with the program.
pub const BUILT_IN: &str = "built in";

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

impl Loaded {
    /// Puts findings into words for who wrote the file: each with its line.
    #[must_use]
    pub fn findings(&self, all: Vec<Finding>) -> Findings {
        with_lines(&self.name, &Shape::of(&self.text), all)
    }
}

/// The profile of the built-in reference VNFM.
///
/// # Errors
/// It does not parse: a fault of ours.
pub fn reference() -> anyhow::Result<Loaded> {
    Ok(of_text(REFERENCE, BUILT_IN)?)
}

/// Reads a profile that is no file of the user's: it refers to no secrets of the environment.
///
/// # Errors
/// As for [`load`].
pub fn of_text(text: &str, name: &str) -> Result<Loaded, Findings> {
    parse(text, name, Path::new(""), &no_environment)
}

/// Reads a profile from a file, and the secrets that it refers to. Relative paths of files begin at the profile's folder.
///
/// # Errors
/// The file cannot be read; or [`Findings`], all of them: labels that are unknown or missing, values that are impossible or contradict
/// each other, secrets that are not there.
pub fn load(path: &Path, environment: Environment<'_>) -> anyhow::Result<Loaded> {
    let name = path.display().to_string();
    // Anything else than a file, a pipe for example, may never end.
    anyhow::ensure!(
        !path.exists() || path.is_file(),
        "--sut {name}: is not a file"
    );
    let text = std::fs::read_to_string(path).with_context(|| {
        format!(
            "--sut {name}: cannot read the profile; `scas init {name}` writes one to fill in, and `scas run` without --sut tests \
             the reference"
        )
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    Ok(parse(&text, &name, folder, environment)?)
}

fn parse(
    text: &str,
    name: &str,
    folder: &Path,
    environment: Environment<'_>,
) -> Result<Loaded, Findings> {
    let shape = Shape::of(text);
    if !shape.findings.is_empty() {
        let all = shape.findings;
        return Err(Findings {
            file: name.to_owned(),
            all,
        });
    }
    let mut profile: Profile = toml::from_str(text).map_err(|error| Findings {
        file: name.to_owned(),
        all: vec![Finding {
            line: error.span().map(|span| shape.line(span.start)),
            label: String::new(),
            text: error.message().to_owned(),
        }],
    })?;
    let mut found = meaning(&profile);
    secrets::complete_paths(&mut profile, folder);
    found.extend(secrets::read(&mut profile, environment));
    if !found.is_empty() {
        return Err(with_lines(name, &shape, found));
    }
    Ok(Loaded {
        profile,
        name: name.to_owned(),
        text: text.to_owned(),
        digest: hex::encode(Sha256::digest(text.as_bytes())),
    })
}

fn with_lines(file: &str, shape: &Shape<'_>, mut all: Vec<Finding>) -> Findings {
    for finding in &mut all {
        finding.line = finding.line.or_else(|| shape.line_of(&finding.label));
    }
    all.sort();
    Findings {
        file: file.to_owned(),
        all,
    }
}

/// What is wrong with what the labels mean.
fn meaning(profile: &Profile) -> Vec<Finding> {
    let mut found = Vec::new();
    if profile.sut.role != Role::Vnfm {
        let text = format!(
            "'{}' cannot be tested yet; the one role is 'VNFM'",
            profile.sut.role
        );
        found.push(Finding::of("sut.role", text));
    }
    found.extend(api::check(&profile.ixit));
    found.extend(ics::check(&profile.ics));
    found.extend(start::check(&profile.ixit));
    found.extend(vnf::check(&profile.ixit.vnf));
    found.extend(observe::check(&profile.ixit.observe));
    found.extend(documents::check(&profile.documents));
    found.extend(waiver::check(&profile.waiver));
    found.extend(contradictions::check(profile));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(from: &str, to: &str) -> String {
        assert!(REFERENCE.contains(from), "the profile has no '{from}'");
        let text = REFERENCE.replacen(from, to, 1);
        let refused = parse(&text, "p.toml", Path::new(""), &no_environment).expect_err("refused");
        refused.to_string()
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

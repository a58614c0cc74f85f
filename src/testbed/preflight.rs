//! What can be told before the first scenario: [`preflight`]. Everything at once, each with the label that the user wrote.
//!
//! Nothing here is a verdict: what is amiss is mended before anything is judged. The product is not started.

mod addresses;
mod afar;
mod certificates;
mod files;
mod machine;
mod product;

use std::collections::{BTreeMap, BTreeSet};

use super::api_client::Manner;
use super::contact::Contact;
use crate::model::sut::Profile;
use crate::profile::Finding;
pub use addresses::Reserved;

/// The ICS item of the test cases that look into the product.
const DELEGATION: &str = "delegation-mode";

/// What was found before a run.
#[derive(Debug, Default)]
pub struct Preflight {
    /// What must be mended; a run is not begun.
    pub findings: Vec<Finding>,
    /// What a test case will lack, and is then Inconclusive by.
    pub lacks: Vec<Finding>,
    /// What was looked at and is in order.
    pub seen: Vec<String>,
}

/// Looks at everything that the profile refers to, and at this machine; but not at documents with these labels, which nothing selected asks
/// for.
pub async fn preflight(profile: &Profile, but: &BTreeSet<&str>) -> Preflight {
    let ixit = &profile.ixit;
    let mut found = Preflight::default();
    addresses::check(ixit, &mut found).await;
    files::check(profile, but, &mut found);
    machine::check(profile, &mut found).await;
    match contact(profile) {
        // What the product is reached with is not in order: first things first. Where a file of it was told of, this is a consequence.
        Err(finding) => {
            let table = format!("{}.", finding.label);
            if !found
                .findings
                .iter()
                .any(|told| told.label.starts_with(&table))
            {
                found.findings.push(finding);
            }
        }
        Ok((contact, manner)) if ixit.api.running => {
            product::check(ixit, &contact, manner, &mut found).await;
        }
        Ok(_) => {}
    }
    found
}

/// How the product would be spoken to in a run.
fn contact(profile: &Profile) -> Result<(Contact, Manner), Finding> {
    let ixit = &profile.ixit;
    let now = jiff::Timestamp::now();
    let made = crate::context::material(ixit.pki.as_deref(), now).and_then(|(pki, _)| {
        let contact = Contact::of(profile, &pki)?;
        let manner = Manner::of(&ixit.api, &contact, &ixit.timeouts)?;
        Ok((contact, manner))
    });
    made.map_err(|error| Finding::told(&error))
}

/// The placeholders that a profile may use, with values that only show their names.
pub fn placeholders() -> BTreeMap<&'static str, String> {
    [
        "accepted-at",
        "api",
        "attempts",
        "cmf",
        "cmf-ca",
        "config",
        "crl",
        "defects",
        "dir",
        "file",
        "log",
        "nfvo",
        "pki",
        "retention",
        "scas",
        "signers",
        "state",
        "vim",
        "vim-password-file",
        "vnf",
        "vnfcis",
    ]
    .into_iter()
    .map(|name| (name, name.to_owned()))
    .collect()
}

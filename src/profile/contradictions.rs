//! What ICS and IXIT say against each other, and IXIT against itself: [`check`].

use super::IN_TOKEN;
use super::finding::Finding;
use crate::model::ics::Item;
use crate::model::sut::{Action, Profile, Security};

/// The ICS item that the test cases of delegation mode ask for.
const DELEGATION: &str = "delegation-mode";

/// Claims without what their test cases need, and answers to questions that nobody will ask.
pub(super) fn check(profile: &Profile) -> Vec<Finding> {
    let mut found = Vec::new();
    let ixit = &profile.ixit;
    let capacity = &ixit.capacity;
    if capacity.quick > capacity.full {
        let text = format!(
            "{} is more than the product can handle, as ixit.capacity.full says: {}",
            capacity.quick, capacity.full
        );
        found.push(Finding::of("ixit.capacity.quick", text));
    }
    if ixit.keys.deletion_deadline > ixit.keys.retention {
        let text = format!(
            "{} s is longer than ixit.keys.retention: {} s, after which no private key is left to be deleted",
            ixit.keys.deletion_deadline, ixit.keys.retention
        );
        found.push(Finding::of("ixit.keys.deletion-deadline", text));
    }
    let in_token = profile.ics.items.get(IN_TOKEN).is_some_and(Item::supported);
    if in_token && ixit.keys.pkcs11.is_none() {
        let text = format!(
            "is missing: ics.{IN_TOKEN} says yes; tell module, token and pin-file, so that the tester can look into the token"
        );
        found.push(Finding::of("ixit.keys.pkcs11", text));
    }
    found.extend(unreachable(profile));
    found.extend(delegation(profile));
    found
}

/// A product that runs by itself knows what it was configured with. What each run makes anew it can only be told by a program of the
/// profile.
fn unreachable(profile: &Profile) -> Vec<Finding> {
    let ixit = &profile.ixit;
    if !ixit.api.running || ixit.start.is_some() {
        return Vec::new();
    }
    let told = |placeholder: &str| {
        let actions = ixit.commands.all().into_iter();
        let mut texts = actions.flat_map(|(_, action)| action.map_or(&[][..], Action::texts));
        texts.any(|text| text.contains(placeholder))
    };
    let mut found = Vec::new();
    if ixit.nfvo.listen.port() == 0 && !told("{nfvo}") {
        let text = "port 0 is another port in each scenario, and a product that runs by itself (ixit.api.running = true) is configured to \
                    reach one; write that";
        found.push(Finding::of("ixit.nfvo.listen", text));
    }
    let anew = ixit.pki.is_none() && ixit.nfvo.certificate.is_none() && !told("{pki}");
    if ixit.nfvo.security != Security::Plain && anew {
        let text = "is missing: without it the simulated NFVO has a certificate of a CA that is made anew for each run, which a product \
                    that runs by itself (ixit.api.running = true) cannot know; make one with `scas pki new`, or write \
                    ixit.nfvo.certificate";
        found.push(Finding::of("ixit.pki", text));
    }
    found
}

fn delegation(profile: &Profile) -> Vec<Finding> {
    let Some(item) = profile.ics.items.get(DELEGATION) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let ixit = &profile.ixit;
    if item.supported() {
        if let Some(root) = &ixit.api.root
            && ixit.oam.address.is_none()
        {
            let text = format!(
                "is missing: ics.{DELEGATION} says yes, and a product with a fixed address (ixit.api.root = \"{root}\") prints no ready line \
                 that could tell its VNF OAM endpoint; write address = \"host:port\" under [ixit.oam]"
            );
            found.push(Finding::of("ixit.oam.address", text));
        }
        let there = !ixit.observe.via.is_empty();
        if (ixit.api.running || there) && ixit.observe.product.is_empty() {
            let why = if there {
                "ixit.observe.via"
            } else {
                "ixit.api.running = true"
            };
            let text = format!(
                "is missing: ics.{DELEGATION} says yes, and with {why} only this tells which processes are the \
                 product's; write e.g. product = [\"port:9443\"] under [ixit.observe]"
            );
            found.push(Finding::of("ixit.observe.product", text));
        }
        if there && ixit.observe.storage.is_empty() {
            let text = format!(
                "is missing: ics.{DELEGATION} says yes, and with ixit.observe.via only this tells where the product keeps what it writes; \
                 write its folders, logs and devices there"
            );
            found.push(Finding::of("ixit.observe.storage", text));
        }
        return found;
    }
    let started_with = ixit
        .start
        .as_ref()
        .and_then(|start| start.delegation.as_ref());
    for (label, written) in [
        ("ixit.start.delegation", started_with.is_some()),
        ("ixit.oam.address", ixit.oam.address.is_some()),
    ] {
        if written {
            let text = format!(
                "is for delegation mode, and ics.{DELEGATION} says no; take this out, or say yes there"
            );
            found.push(Finding::of(label, text));
        }
    }
    found
}

//! Whether the product reaches our callback: it tests one that it is given a subscription for (SOL003 5.4.18.3.1, 5.4.20.3.2), where it
//! has that test. The subscription is removed again: [`check`].

use scas_simulators::nfvo::{Nfvo, NfvoConfig};
use scas_simulators::transcript::{Exchange, Transcript};

use super::Preflight;
use crate::model::sut::{Ixit, Security};
use crate::profile::Finding;
use crate::testbed::api_client::ApiClient;
use crate::testbed::contact::Contact;
use crate::testbed::lcm;

/// The name of the callback: no run uses it.
const CALLBACK: &str = "preflight";
const NAME: &str = "ixit.nfvo.name";

/// Subscribes with a callback at the address that the profile fixes, and looks who comes.
pub(super) async fn check(
    ixit: &Ixit,
    contact: &Contact,
    client: &ApiClient,
    found: &mut Preflight,
) {
    if !is_known(ixit) || !found.findings.is_empty() {
        return;
    }
    let transcript = Transcript::new();
    let started = Nfvo::start(NfvoConfig {
        listen: ixit.nfvo.listen,
        public_host: ixit.nfvo.name.clone(),
        oauth2: contact.tokens_for.clone(),
        ..NfvoConfig::new(contact.nfvo.clone(), transcript.clone())
    });
    let nfvo = match started.await {
        Ok(nfvo) => nfvo,
        Err(error) => {
            let text = format!("the simulated NFVO cannot listen there: {error}");
            found.findings.push(Finding::of("ixit.nfvo.listen", text));
            return;
        }
    };
    subscribe(&nfvo.callback_uri(CALLBACK), client, &transcript, found).await;
    nfvo.stop().await;
}

/// Whether the product can know our NFVO before a scenario tells it.
fn is_known(ixit: &Ixit) -> bool {
    let certified = ixit.pki.is_some() || ixit.nfvo.certificate.is_some();
    ixit.nfvo.listen.port() != 0 && (certified || ixit.nfvo.security == Security::Plain)
}

async fn subscribe(
    callback: &str,
    client: &ApiClient,
    transcript: &Transcript,
    found: &mut Preflight,
) {
    let answer = match client.send(lcm::subscribe(callback)).await {
        Ok(answer) => answer,
        Err(error) => {
            let text = format!(
                "a subscription to {callback} is not answered: {error}; the product may be trying in vain to reach it"
            );
            found.lacks.push(Finding::of(NAME, text));
            return;
        }
    };
    let status = answer.status.as_u16();
    let met = Met::of(transcript);
    // 303 names one that an earlier look has left.
    if answer.status.is_success() || status == 303 {
        found.seen.push(match met {
            Met::Tested => format!(
                "the product reaches our callback {callback}, which it was given; where it asks for VNF packages, its own configuration says"
            ),
            _ => format!(
                "the product took a subscription and did not test its callback: whether it reaches {callback} shows in a run"
            ),
        });
        unsubscribe(lcm::location_id(&answer), client, found).await;
        return;
    }
    let told = lcm::refusal(&answer);
    match met {
        Met::Failed(why) => {
            let text = format!(
                "the product came to our callback {callback} and did not get through: {why}; it says: {told}; let both sides trust each \
                 other's certificates, or correct security"
            );
            found.findings.push(Finding::of("ixit.nfvo", text));
        }
        Met::Nobody if status == 422 => {
            let text = format!(
                "the product does not reach our callback {callback}: {told}; open the way, or write the name or address here by which \
                 the product reaches this machine"
            );
            found.findings.push(Finding::of(NAME, text));
        }
        Met::Nobody | Met::Tested => {
            let text = format!(
                "the product refuses a subscription to {callback}: {told}; the scenario about notifications will be Inconclusive"
            );
            found.lacks.push(Finding::of("ixit.nfvo", text));
        }
    }
}

async fn unsubscribe(id: Option<String>, client: &ApiClient, found: &mut Preflight) {
    let Some(id) = id else { return };
    let why = match client.send(lcm::unsubscribe(&id)).await {
        Ok(answer) if answer.status.is_success() || answer.status == 404 => return,
        Ok(answer) => lcm::refusal(&answer),
        Err(error) => error.to_string(),
    };
    let text =
        format!("subscription {id}, made to test the callback, remains in the product: {why}");
    found.lacks.push(Finding::of("ixit.nfvo", text));
}

/// Who came to the callback.
enum Met {
    Nobody,
    /// Who came did not get an answer, and why.
    Failed(String),
    Tested,
}

impl Met {
    fn of(transcript: &Transcript) -> Self {
        let exchanges = transcript.exchanges();
        let of_callback = |exchange: &&std::sync::Arc<Exchange>| {
            let path = exchange.request.path();
            exchange.request.method == "GET" && path.ends_with(CALLBACK)
        };
        let tested = exchanges.iter().filter(of_callback);
        let mut answers = tested.filter_map(|exchange| Some(exchange.response.as_ref()?.status));
        if answers.any(|status| status < 300) {
            return Self::Tested;
        }
        let fault = exchanges.iter().find_map(|exchange| exchange.fault.clone());
        fault.map_or(Self::Nobody, Self::Failed)
    }
}

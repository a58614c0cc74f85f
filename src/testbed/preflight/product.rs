//! A product that runs already: whether it can be reached, in the way that the profile says: [`check`].

mod callback;
mod shown;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use scas_simulators::client::{Answer, CallError, Client, Limits, Parties};
use scas_simulators::tls::ClientSecurity;
use scas_simulators::transcript::Transcript;
use tokio::net::TcpStream;

use self::shown::{handshake, trusted};
use super::Preflight;
use crate::model::sut::Ixit;
use crate::profile::Finding;
use crate::testbed::api_client::{ApiClient, Manner};
use crate::testbed::contact::Contact;
use crate::testbed::{lcm, sut_process};

const ROOT: &str = "ixit.api.root";
const AUTHENTICATION: &str = "ixit.api.authentication";
/// How long a name may take to be resolved, and an address to be connected to. Whoever takes longer is not reached.
const REACH: Duration = Duration::from_secs(2);
/// How long one answer may take here, however patient the profile is.
const ANSWER: Duration = Duration::from_secs(5);
/// How far clocks may be apart, in seconds. Certificates of a run are valid from an hour before, signers are judged to the second.
const SKEW: i64 = 60;
/// The longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 1024 * 1024;

/// From the name to an answer of the API; the first thing that is amiss hides what comes behind it.
pub(super) async fn check(ixit: &Ixit, contact: &Contact, manner: Manner, found: &mut Preflight) {
    let Some(root) = &ixit.api.root else { return };
    let Ok((host, port)) = sut_process::address(root) else {
        return;
    };
    let stream = match connect(&host, port).await {
        Ok(stream) => stream,
        Err(why) => {
            found.findings.push(Finding::of(ROOT, why));
            return;
        }
    };
    let over_tls = root.starts_with("https://");
    if over_tls {
        match handshake(stream, &host, contact).await {
            Ok(chain) => {
                if let Err(finding) = trusted(&chain, &host, ixit, contact) {
                    found.findings.push(finding);
                    return;
                }
            }
            Err(why) => {
                found.findings.push(Finding::of(ROOT, why));
                return;
            }
        }
    }
    let client = match client(ixit, root, contact, manner) {
        Ok(client) => client,
        Err(finding) => {
            found.findings.push(finding);
            return;
        }
    };
    match ask(ixit, &client).await {
        Ok((answer, what)) => {
            found.seen.push(format!(
                "{root} answers {what} with HTTP {}",
                answer.status.as_u16()
            ));
            found.findings.extend(apart(&answer, Timestamp::now()));
            found.findings.extend(offered(&answer, ixit));
            callback::check(ixit, contact, &client, found).await;
        }
        Err(finding) => found.findings.push(finding),
    }
}

async fn connect(host: &str, port: u16) -> Result<TcpStream, String> {
    let resolving = tokio::time::timeout(REACH, tokio::net::lookup_host((host, port)));
    let addresses: Vec<SocketAddr> = match resolving.await {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(error)) => {
            return Err(format!(
                "the name '{host}' cannot be resolved: {error}; correct it, or write the address instead"
            ));
        }
        Err(_) => {
            return Err(format!(
                "the name '{host}' is not resolved within {} s; correct it, or write the address instead",
                REACH.as_secs()
            ));
        }
    };
    let mut why = format!("the name '{host}' has no address");
    for address in addresses {
        why = match tokio::time::timeout(REACH, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => format!("cannot connect to {address}: {error}"),
            Err(_) => format!("cannot connect to {address} within {} s", REACH.as_secs()),
        };
    }
    Err(format!(
        "{why}; start the product, open the way to it, or correct the address"
    ))
}

fn client(
    ixit: &Ixit,
    root: &str,
    contact: &Contact,
    manner: Manner,
) -> Result<ApiClient, Finding> {
    let security = if root.starts_with("http://") {
        ClientSecurity::Plain
    } else {
        contact.tls.clone()
    };
    let parties = Parties {
        interface: "Or-Vnfm".into(),
        from: "NFVO".into(),
        to: "VNFM".into(),
    };
    let limits = Limits {
        timeout: ANSWER.min(Duration::from_secs(ixit.timeouts.answer)),
        max_body: MAX_ANSWER,
    };
    let client = Client::new(&security, root, Transcript::new(), parties, limits)
        .map_err(|error| Finding::of(ROOT, error.to_string()))?;
    Ok(ApiClient::new(client, Arc::new(manner)))
}

/// What the API says of its versions; where it does not, its list of subscriptions.
async fn ask(ixit: &Ixit, client: &ApiClient) -> Result<(Answer, &'static str), Finding> {
    let mut asked = None;
    for (call, what) in [
        (lcm::versions(), "GET .../api_versions"),
        (lcm::subscriptions(), "GET .../subscriptions"),
    ] {
        let answer = client.send(call).await.map_err(|error| failed(&error))?;
        let settled = !matches!(
            answer.status,
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED
        );
        asked = Some((answer, what));
        if settled {
            break;
        }
    }
    let (answer, what) = asked.ok_or_else(|| Finding::of(ROOT, "nothing was asked"))?;
    match wrong(&answer, ixit) {
        Some(finding) => Err(finding),
        None => Ok((answer, what)),
    }
}

fn failed(error: &CallError) -> Finding {
    match error {
        CallError::TlsRefused(alert) => Finding::of(
            AUTHENTICATION,
            format!(
                "the product refuses our TLS ({alert}); give ixit.api.certificate and private-key that it accepts, or let it trust the \
                 CA of ixit.pki"
            ),
        ),
        // It says itself what it asked whom for.
        CallError::Request(why) if why.contains(AUTHENTICATION) => Finding::of(
            AUTHENTICATION,
            format!(
                "{}; correct token-endpoint, client-id and client-secret",
                why.replace(&format!(" ({AUTHENTICATION})"), "")
            ),
        ),
        CallError::TimedOut => Finding::of(
            ROOT,
            "the product takes connections and does not answer; look whether it is ready",
        ),
        other => Finding::of(
            ROOT,
            format!(
                "the product does not answer: {other}; look whether its API is there, and by https or http"
            ),
        ),
    }
}

/// What an answer says against the profile.
fn wrong(answer: &Answer, ixit: &Ixit) -> Option<Finding> {
    let status = answer.status.as_u16();
    let told = lcm::refusal(answer);
    Some(match status {
        401 | 403 => Finding::of(
            AUTHENTICATION,
            format!(
                "the product refuses the credentials: {told}; correct kind and what belongs to it"
            ),
        ),
        404 | 405 => Finding::of(
            ROOT,
            format!(
                "the product answers, but has no VNF lifecycle management there: {told}; correct the path in the root, or \
                 ixit.api.version = \"{}\"",
                ixit.api.version
            ),
        ),
        406 => Finding::of(
            "ixit.api.version",
            format!(
                "the product does not offer version {}: {told}; write one that it offers",
                ixit.api.version
            ),
        ),
        500.. => Finding::of(
            ROOT,
            format!("the product is not well: {told}; look into its log"),
        ),
        _ => return None,
    })
}

/// Whether the product offers the version that is asked for, as far as it says what it offers (SOL013 9.3).
fn offered(answer: &Answer, ixit: &Ixit) -> Option<Finding> {
    let body: serde_json::Value = serde_json::from_slice(&answer.body).ok()?;
    let versions = body.get("apiVersions")?.as_array()?.iter();
    let versions: Vec<&str> = versions
        .filter_map(|entry| entry.get("version")?.as_str())
        .collect();
    let major = |version: &str| version.split('.').next().map(str::to_owned);
    let wanted = major(&ixit.api.version);
    if versions.is_empty() || versions.iter().any(|version| major(version) == wanted) {
        return None;
    }
    let text = format!(
        "the product offers {}, and is asked for {}; write one that it offers",
        versions.join(", "),
        ixit.api.version
    );
    Some(Finding::of("ixit.api.version", text))
}

/// Whether the clocks agree, as far as the product tells its time.
fn apart(answer: &Answer, now: Timestamp) -> Option<Finding> {
    let date = answer.headers.get(http::header::DATE)?.to_str().ok()?;
    let theirs = jiff::fmt::rfc2822::parse(date).ok()?.timestamp();
    let seconds = theirs.as_second() - now.as_second();
    let side = if seconds > 0 { "ahead of" } else { "behind" };
    let text = format!(
        "the product's clock is {} s {side} ours; certificates and signatures are judged by the clock, so set both right (NTP)",
        seconds.abs()
    );
    (seconds.abs() > SKEW).then(|| Finding::of(ROOT, text))
}

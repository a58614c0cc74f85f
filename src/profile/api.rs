//! What the labels of `ixit.api`, `ixit.nfvo` and `ixit.commands` may be: [`check`]; which of them are secrets and files.

use std::path::PathBuf;

use super::finding::Finding;
use crate::model::secret::Secret;
use crate::model::sut::{Api, Authentication, AuthenticationKind, Ixit, NfvoSide, Security};

/// What cannot be meant: the first of each part of these tables.
pub(super) fn check(ixit: &Ixit) -> Vec<Finding> {
    let parts = [
        address(&ixit.api),
        version(&ixit.api.version),
        headers(&ixit.api),
        authentication(&ixit.api),
        nfvo(&ixit.nfvo),
        commands(ixit),
    ];
    let found = parts.into_iter().filter_map(Result::err);
    found.map(|error| Finding::told(&error)).collect()
}

fn address(api: &Api) -> anyhow::Result<()> {
    match &api.root {
        Some(root) => {
            crate::testbed::sut_process::address(root)
                .map_err(|error| anyhow::anyhow!("ixit.api.root: {error}"))?;
        }
        None => anyhow::ensure!(
            !api.running,
            "ixit.api.root: is missing; a product that runs by itself (ixit.api.running = true) needs its address"
        ),
    }
    Ok(())
}

fn commands(ixit: &Ixit) -> anyhow::Result<()> {
    for (label, command) in ixit.commands.all() {
        let Some(action) = command else { continue };
        let said = action.texts().iter().any(|text| !text.trim().is_empty());
        anyhow::ensure!(
            said,
            "{label}: is empty; give the program and its arguments, or {{ operator = \"what a person is to do\" }}, or leave it out"
        );
        anyhow::ensure!(
            ixit.api.running,
            "{label}: is for a product that runs by itself (ixit.api.running = true); ixit.start does the rest"
        );
    }
    Ok(())
}

/// Every secret of these tables with its label.
pub(super) fn secrets(ixit: &mut Ixit) -> Vec<(&'static str, &mut Secret)> {
    let known = &mut ixit.api.authentication;
    let all = [
        ("ixit.api.authentication.password", known.password.as_mut()),
        ("ixit.api.authentication.token", known.token.as_mut()),
        (
            "ixit.api.authentication.client-secret",
            known.client_secret.as_mut(),
        ),
        ("ixit.nfvo.client-secret", ixit.nfvo.client_secret.as_mut()),
        ("ixit.vim.password", ixit.vim.password.as_mut()),
    ];
    all.into_iter()
        .filter_map(|(label, secret)| Some((label, secret?)))
        .collect()
}

/// Every file and folder that these tables name.
pub(super) fn files(ixit: &mut Ixit) -> Vec<(&'static str, &mut PathBuf)> {
    let (api, side) = (&mut ixit.api, &mut ixit.nfvo);
    let token = ixit.keys.pkcs11.as_mut();
    let (module, pin) = token.map_or((None, None), |token| {
        (Some(&mut token.module), Some(&mut token.pin_file))
    });
    let all = [
        ("ixit.keys.pkcs11.module", module),
        ("ixit.keys.pkcs11.pin-file", pin),
        ("ixit.pki", ixit.pki.as_mut()),
        ("ixit.api.anchors", api.anchors.as_mut()),
        ("ixit.api.certificate", api.certificate.as_mut()),
        ("ixit.api.private-key", api.private_key.as_mut()),
        ("ixit.nfvo.certificate", side.certificate.as_mut()),
        ("ixit.nfvo.private-key", side.private_key.as_mut()),
        ("ixit.nfvo.client-anchors", side.client_anchors.as_mut()),
        ("ixit.vnf.artifacts", ixit.vnf.artifacts.as_mut()),
    ];
    all.into_iter()
        .filter_map(|(label, file)| Some((label, file?)))
        .collect()
}

fn version(version: &str) -> anyhow::Result<()> {
    let plain = version
        .split_once("-impl:")
        .map_or(version, |(plain, _)| plain);
    let parts: Vec<_> = plain.split('.').collect();
    let numbers = parts
        .iter()
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    anyhow::ensure!(
        parts.len() == 3 && numbers && matches!(parts.first(), Some(&"1" | &"2")),
        "ixit.api.version: '{version}' is no version of VNF lifecycle management; write e.g. \"2.0.0\" for /vnflcm/v2, \"1.3.0\" for \
         /vnflcm/v1"
    );
    Ok(())
}

fn headers(api: &Api) -> anyhow::Result<()> {
    for (name, value) in &api.headers {
        let label = format!("ixit.api.headers.{name}");
        let Ok(read) = name.parse::<http::HeaderName>() else {
            anyhow::bail!("{label}: '{name}' is no name of a header field");
        };
        anyhow::ensure!(
            http::HeaderValue::from_str(value).is_ok(),
            "{label}: '{value}' is no value of a header field"
        );
        let (label_of, belongs) = match read.as_str() {
            "authorization" | "cookie" | "x-auth-token" => (
                "ixit.api.authentication",
                "a secret does not stand in a profile",
            ),
            "version" => ("ixit.api.version", "it has a label of its own"),
            "host" | "content-length" | "content-type" | "transfer-encoding" => {
                anyhow::bail!("{label}: the tester sets it itself; leave it out")
            }
            _ => continue,
        };
        anyhow::bail!("{label}: {belongs}; use {label_of}");
    }
    Ok(())
}

fn authentication(api: &Api) -> anyhow::Result<()> {
    let written = &api.authentication;
    both(
        "ixit.api",
        api.certificate.is_some(),
        api.private_key.is_some(),
    )?;
    let (wanted, name): (&[&str], _) = match written.kind {
        AuthenticationKind::MutualTls => (&[], "mutual-tls"),
        AuthenticationKind::None => (&[], "none"),
        AuthenticationKind::Basic => (&["user", "password"], "basic"),
        AuthenticationKind::Token => (&["token"], "token"),
        AuthenticationKind::Oauth2 => (&["token-endpoint", "client-id"], "oauth2"),
    };
    let allowed: &[&str] = match written.kind {
        AuthenticationKind::Token => &["header"],
        AuthenticationKind::Oauth2 => &["client-secret", "scope"],
        _ => &[],
    };
    for (label, given) in members(written) {
        anyhow::ensure!(
            given || !wanted.contains(&label),
            "ixit.api.authentication.{label}: is missing; kind = \"{name}\" needs it"
        );
        anyhow::ensure!(
            !given || wanted.contains(&label) || allowed.contains(&label),
            "ixit.api.authentication.{label}: means nothing with kind = \"{name}\"; leave it out, or write another kind"
        );
    }
    if let Some(endpoint) = &written.token_endpoint {
        crate::testbed::sut_process::address(endpoint).map_err(|_| {
            anyhow::anyhow!(
                "ixit.api.authentication.token-endpoint: '{endpoint}' is no URL; write e.g. \"https://127.0.0.1:9443/token\""
            )
        })?;
        anyhow::ensure!(
            written.client_secret.is_some() || endpoint.starts_with("https://"),
            "ixit.api.authentication.client-secret: is missing; without it the tester is known by its certificate, which \
             needs a token-endpoint with https"
        );
    }
    if let Some(name) = &written.header {
        anyhow::ensure!(
            name.parse::<http::HeaderName>().is_ok(),
            "ixit.api.authentication.header: '{name}' is no name of a header field"
        );
    }
    let plain = api
        .root
        .as_deref()
        .is_some_and(|root| root.starts_with("http://"));
    anyhow::ensure!(
        !plain || api.certificate.is_none() && api.anchors.is_none(),
        "ixit.api: certificate, private-key and anchors mean nothing with a root that begins with http://"
    );
    Ok(())
}

/// Each member with whether it is given.
fn members(written: &Authentication) -> [(&'static str, bool); 8] {
    [
        ("user", written.user.is_some()),
        ("password", written.password.is_some()),
        ("token", written.token.is_some()),
        ("header", written.header.is_some()),
        ("token-endpoint", written.token_endpoint.is_some()),
        ("client-id", written.client_id.is_some()),
        ("client-secret", written.client_secret.is_some()),
        ("scope", written.scope.is_some()),
    ]
}

fn nfvo(side: &NfvoSide) -> anyhow::Result<()> {
    both(
        "ixit.nfvo",
        side.certificate.is_some(),
        side.private_key.is_some(),
    )?;
    if let Some(name) = &side.name {
        anyhow::ensure!(
            url::Host::parse(name).is_ok(),
            "ixit.nfvo.name: '{name}' is no host name or address"
        );
    }
    anyhow::ensure!(
        side.client_secret.is_none() || side.client_id.is_some(),
        "ixit.nfvo.client-secret: belongs to a client-id, which is missing"
    );
    anyhow::ensure!(
        side.client_id.is_none()
            || side.client_secret.is_some()
            || side.security == Security::MutualTls,
        "ixit.nfvo.client-secret: is missing; without it the product is known by its certificate, which needs security = \
         \"mutual-tls\""
    );
    anyhow::ensure!(
        side.security != Security::Plain || side.certificate.is_none(),
        "ixit.nfvo.certificate: means nothing with security = \"plain\"; leave it out, or write \"server-tls\""
    );
    anyhow::ensure!(
        side.security == Security::MutualTls || side.client_anchors.is_none(),
        "ixit.nfvo.client-anchors: means something with security = \"mutual-tls\" alone"
    );
    Ok(())
}

fn both(table: &str, certificate: bool, key: bool) -> anyhow::Result<()> {
    let missing = match (certificate, key) {
        (true, false) => "private-key",
        (false, true) => "certificate",
        _ => return Ok(()),
    };
    anyhow::bail!("{table}.{missing}: is missing; certificate and private-key belong together")
}

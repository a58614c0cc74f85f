//! How tester and product meet, as the profile says: whom the tester trusts, what it shows, what its NFVO asks for. Main type:
//! [`Contact`].

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use scas_simulators::nfvo::OAuth2;
use scas_simulators::tls::{ClientSecurity, Identity, ServerSecurity};

use super::delegation::identity;
use crate::model::sut::{Api, AuthenticationKind, NfvoSide, Profile, Security};
use crate::pki::TestPki;

/// What the labels of `ixit.api` and `ixit.nfvo` come to, with their files read.
pub struct Contact {
    /// How the tester connects to an API over TLS.
    pub tls: ClientSecurity,
    /// How the simulated NFVO protects its port.
    pub nfvo: ServerSecurity,
    /// Whom it gives access tokens to.
    pub tokens_for: Option<OAuth2>,
}

impl Contact {
    /// Reads what the profile names; what it does not name is of the test bed's CA.
    ///
    /// # Errors
    /// A file cannot be read or used, or a certificate does not fit its key; the label is named.
    pub fn of(profile: &Profile, pki: &TestPki) -> anyhow::Result<Self> {
        let (api, side) = (&profile.ixit.api, &profile.ixit.nfvo);
        let tls = client(api, pki)?;
        let written = [
            ("anchors", &api.anchors),
            ("certificate", &api.certificate),
            ("private-key", &api.private_key),
        ];
        tls.config()
            .with_context(|| unusable("ixit.api", &written))?;
        let nfvo = server(side, pki)?;
        let written = [
            ("certificate", &side.certificate),
            ("private-key", &side.private_key),
            ("client-anchors", &side.client_anchors),
        ];
        nfvo.config()
            .with_context(|| unusable("ixit.nfvo", &written))?;
        let tokens_for = side
            .client_id
            .as_ref()
            .map(|client_id| {
                let secret = side.client_secret.as_ref();
                let secret = secret.map(|secret| secret.expose().map(str::to_owned));
                anyhow::Ok(OAuth2 {
                    client_id: client_id.clone(),
                    client_secret: secret.transpose()?,
                })
            })
            .transpose()?;
        Ok(Self {
            tls,
            nfvo,
            tokens_for,
        })
    }
}

/// What was written, since only the user knows which of the files is the wrong one.
fn unusable(table: &str, files: &[(&str, &Option<PathBuf>)]) -> String {
    let written: Vec<String> = files
        .iter()
        .filter_map(|(label, file)| Some(format!("{label} {}", file.as_ref()?.display())))
        .collect();
    format!(
        "{table}: cannot be used together: {}; give PEM files, a chain with the leaf first, and the key that belongs to the leaf",
        written.join(", ")
    )
}

fn client(api: &Api, pki: &TestPki) -> anyhow::Result<ClientSecurity> {
    let anchors_pem = match &api.anchors {
        Some(path) => read("ixit.api.anchors", path)?,
        None => pki.ca.certificate_pem(),
    };
    let own = lab_identity(
        "ixit.api",
        api.certificate.as_deref(),
        api.private_key.as_deref(),
    )?;
    let by_certificate = match api.authentication.kind {
        AuthenticationKind::MutualTls => true,
        AuthenticationKind::Oauth2 => api.authentication.client_secret.is_none(),
        _ => false,
    };
    Ok(ClientSecurity::Tls {
        anchors_pem,
        identity: own.or_else(|| by_certificate.then(|| identity(&pki.nfvo))),
    })
}

fn server(side: &NfvoSide, pki: &TestPki) -> anyhow::Result<ServerSecurity> {
    let own = lab_identity(
        "ixit.nfvo",
        side.certificate.as_deref(),
        side.private_key.as_deref(),
    )?;
    let identity = own.unwrap_or_else(|| identity(&pki.nfvo));
    let client_anchors_pem = match &side.client_anchors {
        Some(path) => read("ixit.nfvo.client-anchors", path)?,
        None => pki.ca.certificate_pem(),
    };
    Ok(match side.security {
        Security::MutualTls => ServerSecurity::Mutual {
            identity,
            client_anchors_pem,
        },
        Security::ServerTls => ServerSecurity::ServerOnly { identity },
        Security::Plain => ServerSecurity::Plain,
    })
}

/// What a lab issued to the tester, if anything.
fn lab_identity(
    table: &str,
    certificate: Option<&Path>,
    private_key: Option<&Path>,
) -> anyhow::Result<Option<Identity>> {
    let (Some(certificate), Some(private_key)) = (certificate, private_key) else {
        return Ok(None);
    };
    Ok(Some(Identity {
        chain_pem: read(&format!("{table}.certificate"), certificate)?,
        key_pem: read(&format!("{table}.private-key"), private_key)?,
    }))
}

fn read(label: &str, path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| {
        format!(
            "{label}: cannot read '{}'; write the path of a PEM file",
            path.display()
        )
    })
}

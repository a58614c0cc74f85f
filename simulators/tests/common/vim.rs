//! A VIM, a client that has a token of it, and keys to plant.

use std::error::Error;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use scas_simulators::client::{Answer, Call, Client};
use scas_simulators::material::{Delivered, PrivateKey};
use scas_simulators::tls::Identity;
use scas_simulators::transcript::Transcript;
use scas_simulators::vim::{Account, Vim, VimConfig};
use serde_json::{Value, json};

use super::{Pki, authority, client, leaf};

pub const PASSWORD: &str = "correct-horse-battery";
pub const SECRET: &str = "staple-of-an-application";

pub fn account() -> Account {
    Account {
        user: "vnfm".into(),
        password: PASSWORD.into(),
        project: "nfv".into(),
        domain: "Default".into(),
        application_credential: Some(("app-1".into(), SECRET.into())),
    }
}

pub struct VimBed {
    pub pki: Pki,
    pub vim: Vim,
    pub client: Client,
    pub token: String,
    /// Where the VIM's transcript is written to.
    pub file: PathBuf,
}

impl VimBed {
    pub async fn start() -> Result<Self, Box<dyn Error>> {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut VimConfig)) -> Result<Self, Box<dyn Error>> {
        let pki = Pki::new()?;
        let file = pki.path("vim.jsonl");
        let mut config = VimConfig::new(pki.mutual(), Transcript::to_file(&file)?, account());
        change(&mut config);
        let vim = Vim::start(config).await?;
        let root = format!("https://{}", vim.address());
        let client = client(&pki.client_as(Some(&pki.client)), &root, &Transcript::new())?;
        let mut bed = Self {
            pki,
            vim,
            client,
            token: String::new(),
            file,
        };
        bed.token = bed.authenticate(&password(PASSWORD)).await?;
        Ok(bed)
    }

    /// A token for these credentials.
    pub async fn authenticate(&self, auth: &Value) -> Result<String, Box<dyn Error>> {
        let answer = self
            .call(Method::POST, "/identity/v3/auth/tokens", Some(auth))
            .await?;
        assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
        let token = answer.headers.get("x-subject-token").ok_or("no token")?;
        Ok(token.to_str()?.to_owned())
    }

    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Box<dyn Error>> {
        let body = body.map(Value::to_string).unwrap_or_default();
        self.call_with(method, path, body).await
    }

    pub async fn call_with(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> Result<Answer, Box<dyn Error>> {
        let mut call = Call::new(method, path);
        call.body = body.into();
        if !self.token.is_empty() {
            let token = HeaderValue::from_str(&self.token)?;
            call.headers
                .insert(HeaderName::from_static("x-auth-token"), token);
        }
        Ok(self.client.send(call).await?)
    }

    /// A path of Heat in the project.
    pub fn heat(&self, path: &str) -> String {
        format!("/heat/v1/{}{path}", self.vim.project_id())
    }

    /// Creates a stack that must be accepted; returns its identifier.
    pub async fn create(&self, body: &Value) -> Result<String, Box<dyn Error>> {
        let answer = self
            .call(Method::POST, &self.heat("/stacks"), Some(body))
            .await?;
        assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
        let id = parsed(&answer)["stack"]["id"].as_str().map(str::to_owned);
        Ok(id.ok_or("no id")?)
    }

    pub async fn status(&self, name: &str, id: &str) -> Result<String, Box<dyn Error>> {
        let path = self.heat(&format!("/stacks/{name}/{id}"));
        let answer = self.call(Method::GET, &path, None).await?;
        let status = parsed(&answer)["stack"]["stack_status"]
            .as_str()
            .map(str::to_owned);
        Ok(status.ok_or("no status")?)
    }

    /// What the transcript's file holds.
    pub fn recorded(&self) -> Result<String, Box<dyn Error>> {
        self.vim.transcript().flush()?;
        Ok(std::fs::read_to_string(&self.file)?)
    }
}

pub fn parsed(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

/// Password credentials for the project.
pub fn password(password: &str) -> Value {
    let domain = json!({ "id": "default" });
    json!({ "auth": {
        "identity": { "methods": ["password"], "password": {
            "user": { "name": "vnfm", "domain": domain, "password": password } } },
        "scope": { "project": { "name": "nfv", "domain": domain } },
    } })
}

/// A server with these properties.
pub fn server(properties: &Value) -> Value {
    let mut all = json!({ "name": "vnfc-0", "image": "debian", "flavor": "m1.tiny" });
    if let (Some(all), Some(more)) = (all.as_object_mut(), properties.as_object()) {
        all.extend(more.clone());
    }
    json!({ "type": "OS::Nova::Server", "properties": all })
}

pub fn stack(name: &str, resources: &Value) -> Value {
    json!({
        "stack_name": name,
        "template": { "heat_template_version": "2018-08-31", "resources": resources },
    })
}

/// A certificate of an issuing CA below a root, with its key.
pub struct Planted {
    pub identity: Identity,
    pub issuer_pem: String,
}

impl Planted {
    pub fn new() -> Result<Self, Box<dyn Error>> {
        let (issuer_pem, issuer) = authority("VNFCI CA")?;
        Ok(Self {
            identity: leaf("vnfci-1", &issuer)?,
            issuer_pem,
        })
    }

    /// PEM with key, certificate and issuer.
    pub fn bundle(&self) -> String {
        let Identity { chain_pem, key_pem } = &self.identity;
        format!("{key_pem}{chain_pem}{}", self.issuer_pem)
    }

    pub fn key_der(&self) -> Vec<u8> {
        rustls_pki_types::PrivateKeyDer::from_pem_slice(self.identity.key_pem.as_bytes())
            .map(|key| key.secret_der().to_vec())
            .unwrap_or_default()
    }

    pub fn certificate_der(&self) -> Vec<u8> {
        CertificateDer::from_pem_slice(self.identity.chain_pem.as_bytes())
            .map(|certificate| certificate.to_vec())
            .unwrap_or_default()
    }

    /// Forms of the key that stand in `text`.
    pub fn leaks(&self, text: &str) -> Vec<String> {
        let der = self.key_der();
        // The private scalar: what nobody needs the rest of the key for. It follows `04 20` in SEC1.
        let at = der
            .windows(2)
            .position(|pair| pair == [0x04, 0x20])
            .map_or(0, |at| at + 2);
        let scalar = &der[at..at + 32];
        let mut forms: Vec<String> = self
            .identity
            .key_pem
            .lines()
            .filter(|line| !line.starts_with('-'))
            .map(str::to_owned)
            .collect();
        for secret in [scalar, &der, self.identity.key_pem.as_bytes()] {
            forms.push(hex::encode(secret));
            forms.push(STANDARD.encode(secret));
            // Anywhere in something longer: each alignment, without the ends that depend on what is around.
            for shift in 0..3 {
                let encoded = STANDARD.encode([&[0; 2][..shift], secret].concat());
                forms.push(encoded[4..encoded.len() - 4].to_owned());
            }
        }
        let bytes = |needle: &[u8]| {
            text.as_bytes()
                .windows(needle.len())
                .any(|one| one == needle)
        };
        assert!(!bytes(scalar) && !bytes(&der), "raw key");
        forms.retain(|form| text.contains(form.as_str()));
        forms
    }
}

/// An identity as a VNFCI would hold it.
pub fn delivered(identity: &Identity) -> Result<Delivered, Box<dyn Error>> {
    let certificate = CertificateDer::from_pem_slice(identity.chain_pem.as_bytes())?;
    let key = rustls_pki_types::PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes())?;
    Ok(Delivered {
        certificate_chain_der: vec![certificate.to_vec()],
        private_key: PrivateKey::from_der(key.secret_der()).ok_or("not a key")?,
        found_in: "test".into(),
        also_found_in: Vec::new(),
        certificate_found_in: "test".into(),
        other_certificates_der: Vec::new(),
    })
}

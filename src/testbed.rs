//! Puts simulators, PKI and SUT together for a scenario and takes them down again. Main type: [`Testbed`].

mod access_token;
pub mod api_client;
mod bring_back;
mod commands;
pub mod contact;
pub mod csr;
pub mod delegation;
pub mod lcm;
mod left;
pub mod load;
mod members;
pub mod observation;
pub mod offer;
mod operated;
mod power;
mod preflight;
pub mod processes;
mod remains;
pub mod renewal;
mod share;
pub mod state;
pub mod sut;
pub mod sut_process;
pub mod token;
mod tolerance;
mod traffic;
mod vim;
pub mod vnf;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Context as _;
use scas_simulators::client::{Client, Limits, Parties};
use scas_simulators::nfvo::{Nfvo, NfvoConfig};
use scas_simulators::tls::ClientSecurity;
use scas_simulators::transcript::Transcript;

use crate::context::RunContext;
use crate::model::question::IdentifierRecord;
use crate::model::sut::AcceptedAt;
use api_client::{ApiClient, Manner};
use delegation::Delegation;
use observation::Spoken;
use operated::Operated;
pub use preflight::{Preflight, Reserved, placeholders, preflight};
pub use remains::Remains;
pub use share::PRODUCT_TIME;
use share::Waits;
use sut::Sut;
use sut_process::StartError;
use vim::PlainVim;

/// The longest body of a SUT's answer that is read, in bytes.
const MAX_ANSWER: u64 = 16 * 1024 * 1024;
/// Name of the notification endpoint.
const NOTIFICATIONS: &str = "lcm";
/// The file of the transcript in the scenario's folder.
const TRANSCRIPT: &str = "transcript.jsonl";

/// One scenario's simulators and SUT. Dropping it ends them; [`Testbed::take_down`] does so with an account.
pub struct Testbed {
    // Fields are dropped in this order: first the processes, last the folder that they write to.
    sut: Option<Sut>,
    replicas: Vec<Sut>,
    /// Those whose first process was killed; others of theirs may live.
    crashed: Vec<Sut>,
    /// Whether `ixit.commands.reset` was done for this scenario, and `delegation` where it is one of delegation mode.
    reset: bool,
    /// What the operator answered.
    operated: Operated,
    /// VNFDs that the NFVO held in the scenario.
    held: BTreeSet<String>,
    /// The subscription of this scenario.
    subscription: Option<String>,
    /// Whether the result of an operation was not notified, although we subscribed.
    silent: AtomicBool,
    /// When the product was waited for.
    waits: Waits,
    /// Whether a command of `ixit.commands` has stopped the product.
    down: bool,
    context: Arc<RunContext>,
    /// How the product wants to be spoken to.
    manner: Arc<Manner>,
    folder: PathBuf,
    /// Every exchange of the scenario.
    pub transcript: Transcript,
    /// The simulated NFVO.
    pub nfvo: Nfvo,
    /// Why there are no notifications, if there are none.
    pub unsubscribed: Option<String>,
    /// The further roles of delegation mode, in its scenarios.
    delegation: Option<Delegation>,
    /// In other scenarios the VIM, where the product is judged at instantiation.
    vim: Option<PlainVim>,
    /// Answers of the SUT's that may be longer than what the transcript keeps.
    spoken: Vec<Spoken>,
    remarks: Vec<String>,
    since: std::time::SystemTime,
    /// The same moment, by a clock that nobody sets.
    began: std::time::Instant,
    /// For what the tester writes meanwhile: snapshots, canaries.
    scratch: tempfile::TempDir,
    work: tempfile::TempDir,
}

impl Testbed {
    /// Starts the simulated NFVO, and the VIM where the product is judged at instantiation. The SUT is started by [`Testbed::start`].
    ///
    /// # Errors
    /// A fault of ours, or of the machine's.
    pub async fn up(context: Arc<RunContext>, folder: &Path) -> anyhow::Result<Self> {
        let transcript =
            Transcript::to_file(&folder.join(TRANSCRIPT))?.without(context.secrets.clone());
        let transcript = traffic::noted(transcript, &context);
        let mut bed = Self::with(context, folder, transcript).await?;
        if bed.context.profile.ixit.accepted_at == AcceptedAt::Instantiate {
            let files = bed.scratch.path();
            bed.vim = Some(PlainVim::start(&bed.context, &bed.transcript, files).await?);
        }
        Ok(bed)
    }

    /// As [`Testbed::up`], with CMF and CA for delegation mode. The transcript is written when the bed is taken down: until then
    /// nobody knows which bytes of it are a private key's.
    ///
    /// # Errors
    /// A fault of ours, or of the machine's.
    pub async fn up_delegating(context: Arc<RunContext>, folder: &Path) -> anyhow::Result<Self> {
        use std::os::unix::fs::PermissionsExt as _;
        processes::adopt_orphans().context("orphans of the product cannot be adopted")?;
        let mut bed = {
            let transcript = Transcript::new().without(context.secrets.clone());
            let transcript = traffic::noted(transcript, &context);
            Self::with(context, folder, transcript).await?
        };
        // The product's own permissions are to keep others out, not ours.
        std::fs::set_permissions(bed.work.path(), std::fs::Permissions::from_mode(0o711))
            .context("the SUT's work folder")?;
        let up = Delegation::up(&bed.context, &bed.transcript, bed.scratch.path());
        bed.delegation = Some(up.await?);
        Ok(bed)
    }

    async fn with(
        context: Arc<RunContext>,
        folder: &Path,
        transcript: Transcript,
    ) -> anyhow::Result<Self> {
        let (ixit, contact) = (&context.profile.ixit, &context.contact);
        let nfvo = Nfvo::start(NfvoConfig {
            listen: ixit.nfvo.listen,
            public_host: ixit.nfvo.name.clone(),
            oauth2: contact.tokens_for.clone(),
            ..NfvoConfig::new(contact.nfvo.clone(), transcript.clone())
        })
        .await
        .context("ixit.nfvo")?;
        let manner = Manner::of(&ixit.api, contact, &ixit.timeouts)?;
        let work = crate::context::private_folder("scas-bed-")
            .context("cannot make a temporary folder for the SUT")?;
        let scratch = crate::context::private_folder("scas-look-")
            .context("cannot make a temporary folder for the tester")?;
        Ok(Self {
            context,
            manner: Arc::new(manner),
            reset: false,
            operated: Operated::default(),
            held: BTreeSet::new(),
            subscription: None,
            silent: AtomicBool::new(false),
            waits: Waits::default(),
            down: false,
            folder: folder.to_owned(),
            delegation: None,
            vim: None,
            spoken: Vec::new(),
            scratch,
            work,
            transcript,
            nfvo,
            sut: None,
            replicas: Vec::new(),
            crashed: Vec::new(),
            unsubscribed: None,
            remarks: Vec::new(),
            since: std::time::SystemTime::now(),
            began: std::time::Instant::now(),
        })
    }

    /// Subscribes to the SUT's notifications. A SUT that refuses is remarked on, not judged.
    ///
    /// # Errors
    /// A fault of ours.
    pub async fn subscribe(&mut self) -> anyhow::Result<()> {
        if self.context.profile.ixit.api.running {
            self.tidy_before().await?;
        }
        let callback = self.nfvo.callback_uri(NOTIFICATIONS);
        self.unsubscribed = match self.client()?.send(lcm::subscribe(&callback)).await {
            // 303 names one that there is already (SOL003 5.4.18.3.1).
            Ok(answer) if answer.status.is_success() || answer.status == 303 => {
                self.subscription = lcm::location_id(&answer);
                None
            }
            Ok(answer) => Some(lcm::refusal(&answer)),
            Err(error) => Some(error.to_string()),
        };
        Ok(())
    }

    /// The tester as NFVO, calling the SUT.
    ///
    /// # Errors
    /// The SUT is not running.
    pub fn client(&self) -> anyhow::Result<ApiClient> {
        let sut = self.sut.as_ref().ok_or(StartError::NotRunning)?;
        self.client_of(sut)
    }

    /// Clients of the SUT and of each replica.
    ///
    /// # Errors
    /// The SUT is not running.
    pub fn clients(&self) -> anyhow::Result<Vec<ApiClient>> {
        let mut all = vec![self.client()?];
        for replica in &self.replicas {
            all.push(self.client_of(replica)?);
        }
        Ok(all)
    }

    /// Copies everything durable of the SUT aside; returns how many files there are.
    ///
    /// # Errors
    /// A file cannot be copied.
    pub fn copy_state(&self) -> anyhow::Result<usize> {
        let state = self.state("sut");
        state::copy(&state, &self.state("copy"))?;
        Ok(state::files(&state)?.len())
    }

    /// Replaces everything durable of the SUT by the copy; returns whether that changed anything.
    ///
    /// # Errors
    /// A file cannot be copied or removed.
    pub fn restore_state(&self) -> anyhow::Result<bool> {
        let (state, copy) = (self.state("sut"), self.state("copy"));
        let changed = state::files(&state)? != state::files(&copy)?;
        std::fs::remove_dir_all(&state)
            .with_context(|| format!("cannot remove {}", state.display()))?;
        state::copy(&copy, &state)?;
        Ok(changed)
    }

    /// Waits until creation notifications have named `count` different identifiers, or the IXIT's time for an answer is over;
    /// returns the identifiers with the exchanges that brought them.
    pub async fn creation_notifications(&mut self, count: usize) -> Vec<IdentifierRecord> {
        let limit = Duration::from_secs(self.context.profile.ixit.timeouts.answer);
        let mut named = std::collections::BTreeSet::new();
        let enough = self.nfvo.wait_notification(NOTIFICATIONS, |notification| {
            named.extend(offer::created(notification));
            named.len() >= count
        });
        let begun = self.waits.begin();
        // Too few is for the judge to say.
        let _ = tokio::time::timeout(limit, enough).await;
        self.waits.end(begun);
        self.transcript
            .exchanges()
            .iter()
            .filter(|exchange| exchange.to == "NFVO" && exchange.request.method == "POST")
            .filter_map(|exchange| {
                Some(IdentifierRecord {
                    id: offer::created(&exchange.request.body.json()?)?,
                    exchange: exchange.seq,
                })
            })
            .collect()
    }

    /// The further roles of delegation mode.
    ///
    /// # Errors
    /// No step has put them up.
    pub fn delegation(&mut self) -> anyhow::Result<&mut Delegation> {
        self.delegation
            .as_mut()
            .context("no step has put up the CMF before this one")
    }

    /// Address of the SUT's VNF OAM endpoint, and the name that its certificate must bear.
    pub fn oam(&self) -> Option<(String, String)> {
        let configured = &self.context.profile.ixit.oam;
        let told = self.sut.as_ref().and_then(|sut| sut.oam.clone());
        let address = configured.address.clone().or(told)?;
        let name = delegation::oam_name(&address, configured.server_name.as_deref());
        Some((address, name))
    }

    fn client_of(&self, sut: &Sut) -> anyhow::Result<ApiClient> {
        let security = if sut.api_root.starts_with("http://") {
            ClientSecurity::Plain
        } else {
            self.context.contact.tls.clone()
        };
        let client = Client::new(
            &security,
            &sut.api_root,
            self.transcript.clone(),
            Parties {
                interface: "Or-Vnfm".into(),
                from: "NFVO".into(),
                to: "VNFM".into(),
            },
            Limits {
                timeout: Duration::from_secs(self.context.profile.ixit.timeouts.answer),
                max_body: MAX_ANSWER,
            },
        );
        let client = client.context("the SUT's API root")?;
        Ok(ApiClient::new(client, Arc::clone(&self.manner)))
    }

    fn state(&self, name: &str) -> PathBuf {
        self.dir(name).join("state")
    }

    fn dir(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    fn values(&self, name: &str, dir: &Path) -> BTreeMap<&'static str, String> {
        let text = |path: &Path| path.display().to_string();
        let files = &self.context.pki_files;
        let scas = std::env::current_exe().map_or_else(|_| "scas".to_owned(), |path| text(&path));
        let defects: Vec<String> = self
            .context
            .defects
            .iter()
            .map(|d| format!("\"{d}\""))
            .collect();
        let accepted_at = match self.context.profile.ixit.accepted_at {
            AcceptedAt::Create => "create",
            AcceptedAt::Instantiate => "instantiate",
        };
        let mut values = BTreeMap::from([
            ("accepted-at", accepted_at.to_owned()),
            (
                "api",
                self.sut
                    .as_ref()
                    .map_or(String::new(), |sut| sut.api_root.clone()),
            ),
            ("config", text(&dir.join("config"))),
            ("crl", text(&files.crl())),
            ("defects", format!("[{}]", defects.join(", "))),
            ("dir", text(dir)),
            ("log", text(&dir.join("log"))),
            ("nfvo", self.nfvo.api_root().to_owned()),
            ("pki", text(files.folder())),
            ("scas", scas),
            ("signers", text(&files.signers())),
            ("state", text(&self.state(name))),
        ]);
        // Outside delegation mode there is nobody that they could name; the last two are known only where certificates are renewed, and
        // the file where memory is dumped.
        let empty = [
            "attempts",
            "cmf",
            "cmf-ca",
            "file",
            "retention",
            "vim",
            "vim-password-file",
            "vnf",
            "vnfcis",
        ];
        values.extend(empty.map(|name| (name, String::new())));
        values.extend(self.vim.iter().flat_map(PlainVim::placeholders));
        values.extend(self.delegation.iter().flat_map(Delegation::placeholders));
        values
    }
}

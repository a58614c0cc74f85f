//! What [`Lifecycle`] does with instances in delegation mode, in terms of operations; how it is done is in
//! [`delegation`](super::delegation).

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::delegation::{self, Delegated, Delegation, Policy, Target};
use super::lifecycle::{ChangeExtVnfConnectivityRequest, Lifecycle, Work};
use super::model::{Operation, VnfInstance, VnfLcmOpOcc};
use super::problem::Problem;
use super::store::{Change, StoreError, Table};

/// How long a start waits until what a crash has left is given back: instances are reserved meanwhile.
const CLEANING: Duration = Duration::from_secs(5);

impl Lifecycle {
    /// What delegation mode needs, or why it cannot be had.
    pub(crate) fn delegation(&self) -> Result<&Arc<Delegation>, Problem> {
        self.delegation.as_ref().ok_or_else(|| {
            Problem::unprocessable(
                "certificateConfigurationData selects delegation mode, for which this VNFM is not configured: \
                 [cmf], [vim] and [oam] are missing",
            )
        })
    }

    /// Goes on where the VNFM ended: VNFCIs may connect, what a crash left is given back, certificates are watched.
    pub(crate) async fn take_up_delegation(self: &Arc<Self>) -> Result<(), StoreError> {
        let Some(delegation) = &self.delegation else {
            return Ok(());
        };
        let mut left = Vec::new();
        for instance in self.store.all::<VnfInstance>(Table::Instances)? {
            match &instance.delegated {
                Some(delegated) if instance.is_instantiated() => delegation.admit(delegated),
                Some(delegated) if !delegated.stacks.is_empty() || !delegated.vnfcs.is_empty() => {
                    left.push(instance.id);
                }
                _ => {}
            }
        }
        let (done, cleaned) = oneshot::channel();
        let lifecycle = Arc::clone(self);
        let cleaning = async move {
            for id in left {
                if let Err(problem) = lifecycle.release_left(&id).await {
                    let problem = problem.to_wire();
                    tracing::warn!(id, %problem, "something is left of an interrupted operation");
                }
            }
            // Nobody may wait any more.
            let _ = done.send(());
        };
        {
            let mut operations = self
                .operations
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            operations.spawn(cleaning);
            operations.spawn(delegation::renew(Arc::clone(self)));
        }
        if tokio::time::timeout(CLEANING, cleaned).await.is_err() {
            tracing::warn!("interrupted operations are cleaned up after in the background");
        }
        Ok(())
    }

    async fn release_left(self: &Arc<Self>, id: &str) -> Result<(), Problem> {
        let (mut instance, _busy) = self.reserve(id)?;
        if instance.is_instantiated() {
            return Ok(());
        }
        self.release(&mut instance).await?;
        let change = Change::put(Table::Instances, instance.key(), &instance)?;
        Ok(self.store.apply(vec![change]).await?)
    }

    /// Gives back what an instance has of CMF and VIM.
    pub(crate) async fn release(&self, instance: &mut VnfInstance) -> Result<(), Problem> {
        if let (Some(delegation), Some(_)) = (&self.delegation, &instance.delegated) {
            delegation.release(instance).await?;
        }
        Ok(())
    }

    /// Instantiates: nothing to do but in delegation mode.
    pub(crate) async fn certify_and_start(
        &self,
        occurrence: &mut VnfLcmOpOcc,
        instance: &mut VnfInstance,
        vnfcs: usize,
    ) -> Result<(), Problem> {
        if instance.delegated.is_none() {
            return Ok(());
        }
        let delegation = self.delegation()?;
        delegation.instantiate(&self.store, instance, vnfcs).await?;
        affected(occurrence, instance, "ADD");
        Ok(())
    }

    /// Terminates: nothing to do but in delegation mode.
    pub(crate) async fn withdraw(
        &self,
        occurrence: &mut VnfLcmOpOcc,
        instance: &mut VnfInstance,
    ) -> Result<(), Problem> {
        self.release(instance).await?;
        affected(occurrence, instance, "REMOVE");
        Ok(())
    }

    /// New certificates for some VNFCs.
    pub(crate) async fn certify(
        &self,
        occurrence: &mut VnfLcmOpOcc,
        instance: &mut VnfInstance,
        targets: &[Target],
    ) -> Result<(), Problem> {
        let delegation = self.delegation()?;
        delegation
            .reinstall(instance, targets, occurrence.is_automatic)
            .await?;
        affected(occurrence, instance, "MODIFY");
        Ok(())
    }

    /// Begins to change the external connectivity, which here means: new VNFCI certificates.
    pub(crate) async fn change_ext_conn(
        self: &Arc<Self>,
        id: &str,
        request: ChangeExtVnfConnectivityRequest,
        params: Value,
    ) -> Result<VnfLcmOpOcc, Problem> {
        let (mut instance, busy) = self.reserve(id)?;
        if !instance.is_instantiated() {
            return Err(Problem::conflict("the VNF instance is not instantiated"));
        }
        let delegation = self.delegation()?;
        if !delegation.reaches_vnfcis() {
            return Err(Problem::unprocessable(
                "this VNFM is not configured to configure VNFCIs: [vnfci] is missing",
            ));
        }
        let Some(delegated) = &mut instance.delegated else {
            return Err(Problem::unprocessable(
                "the VNF instance was not created with certificateConfigurationData",
            ));
        };
        let configuration = request
            .certificate_configuration_data
            .clone()
            .ok_or_else(|| {
                Problem::unprocessable(
                    "this VNFM changes certificates only: certificateConfigurationData is missing",
                )
            })?;
        delegated.policy = Policy::of(&configuration)?;
        delegated.configuration = configuration;
        let targets = targets(delegated, &request)?;
        let occurrence = VnfLcmOpOcc::start(&instance, Operation::ChangeExtConn, params);
        self.begin(instance, busy, occurrence, Work::Certify { targets })
            .await
    }

    /// Begins to renew what is due, each certificate once. In how many seconds to look again.
    pub(crate) async fn renew_due(self: &Arc<Self>, tried: &mut HashSet<String>) -> Option<i64> {
        let delegation = self.delegation.as_ref()?;
        let instances = self.store.all::<VnfInstance>(Table::Instances);
        let instances = instances.unwrap_or_else(|error| {
            tracing::error!(%error, "certificates cannot be watched");
            Vec::new()
        });
        let mut next: Option<i64> = None;
        for instance in instances
            .iter()
            .filter(|instance| instance.is_instantiated())
        {
            let Some(delegated) = &instance.delegated else {
                continue;
            };
            let due = delegation.due(delegated, tried);
            let mut soonest = due.next;
            if !due.now.is_empty() {
                match self.renew(&instance.id, due.now).await {
                    Ok(()) => tried.extend(due.certificates),
                    // Another operation has it: a moment later, then.
                    Err(_) => soonest = Some(0),
                }
            }
            next = [next, soonest].into_iter().flatten().min();
        }
        next
    }

    async fn renew(self: &Arc<Self>, id: &str, targets: Vec<Target>) -> Result<(), Problem> {
        let (instance, busy) = self.reserve(id)?;
        let vnfcis: Vec<_> = targets
            .iter()
            .map(|target| json!({ "vnfcInstanceId": target.vnfc, "configuration": target.configuration }))
            .collect();
        let params = json!({ "additionalParams": { "vnfcis": vnfcis } });
        let mut occurrence = VnfLcmOpOcc::start(&instance, Operation::ChangeExtConn, params);
        occurrence.is_automatic = true;
        tracing::info!(vnf_instance = instance.id, "certificates are renewed");
        self.begin(instance, busy, occurrence, Work::Certify { targets })
            .await?;
        Ok(())
    }
}

/// The VNFCs that are named, or all whose address is known.
fn targets(
    delegated: &Delegated,
    request: &ChangeExtVnfConnectivityRequest,
) -> Result<Vec<Target>, Problem> {
    let named = request
        .additional_params
        .as_ref()
        .map(|params| &params.vnfcis);
    let mut targets = Vec::new();
    for vnfci in named.into_iter().flatten() {
        let vnfc = delegated
            .vnfcs
            .iter()
            .find(|vnfc| vnfc.id.to_string() == vnfci.vnfc_instance_id)
            .ok_or_else(|| {
                let id = &vnfci.vnfc_instance_id;
                Problem::unprocessable(format!("the VNF instance has no VNFC `{id}`"))
            })?;
        if vnfci.configuration.scheme() != "https" {
            return Err(Problem::unprocessable(format!(
                "`{}` is not https: a private key is not sent there",
                vnfci.configuration
            )));
        }
        targets.push(Target {
            vnfc: vnfc.id,
            configuration: vnfci.configuration.clone(),
        });
    }
    if targets.is_empty() {
        targets = delegated
            .vnfcs
            .iter()
            .filter_map(|vnfc| {
                Some(Target {
                    vnfc: vnfc.id,
                    configuration: vnfc.configuration.clone()?,
                })
            })
            .collect();
    }
    if targets.is_empty() {
        return Err(Problem::unprocessable(
            "no address of a VNFCI is known: name them in additionalParams.vnfcis",
        ));
    }
    Ok(targets)
}

/// `AffectedCertificate` (SOL003 V4.5.1) for notifications.
fn affected(occurrence: &mut VnfLcmOpOcc, instance: &VnfInstance, change: &str) {
    if let Some(delegated) = &instance.delegated {
        occurrence.affected_certificates =
            vec![json!({ "certificateInfoId": delegated.id, "changeType": change })];
    }
}

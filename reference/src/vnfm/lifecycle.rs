//! What the VNFM does: creation and deletion of identifiers, operations on instances. Main type: [`Lifecycle`].

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::config::VerifyAt;
use super::delegation::{Delegated, Delegation, Target};
use super::ids::Ids;
use super::model::{API, Operation, OperationState, VnfInstance, VnfLcmOpOcc};
use super::nfvo_client::NfvoClient;
use super::notifier::{Event, Notifier};
use super::packages::Packages;
use super::problem::Problem;
use super::store::{Change, Store, StoreError, Table};

/// The VNFM without its API.
pub(crate) struct Lifecycle {
    pub(crate) store: Store,
    pub(crate) ids: Ids,
    pub(crate) packages: Packages,
    pub(crate) nfvo: Arc<NfvoClient>,
    pub(crate) notifier: Notifier,
    pub(crate) api_root: String,
    pub(crate) verify_at: VerifyAt,
    pub(crate) busy: Mutex<HashSet<String>>,
    pub(crate) operations: Mutex<JoinSet<()>>,
    /// What delegation mode needs, if it is configured.
    pub(crate) delegation: Option<Arc<Delegation>>,
    /// Told when an operation in delegation mode is over.
    pub(crate) changed: Notify,
}

/// What an operation does once it is granted.
pub(crate) enum Work {
    Instantiate {
        flavour: String,
        vnfcs: usize,
    },
    Terminate,
    /// New certificates for these VNFCs.
    Certify {
        targets: Vec<Target>,
    },
}

/// `CreateVnfRequest` (SOL003 5.5.2.3), as far as it is heeded.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateVnfRequest {
    vnfd_id: String,
    vnf_instance_name: Option<String>,
    vnf_instance_description: Option<String>,
    metadata: Option<Map<String, Value>>,
    /// Selects delegation mode (V4.5.1).
    certificate_configuration_data: Option<Value>,
}

/// `InstantiateVnfRequest` (SOL003 5.5.2.4), as far as it is heeded.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InstantiateVnfRequest {
    flavour_id: String,
    vim_connection_info: Option<Map<String, Value>>,
    additional_params: Option<InstantiateParams>,
}

#[derive(Debug, Deserialize)]
struct InstantiateParams {
    /// How many VNFCs, in delegation mode.
    vnfcs: Option<usize>,
}

/// `ChangeExtVnfConnectivityRequest` (SOL003 5.5.2.11), as far as it is heeded.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChangeExtVnfConnectivityRequest {
    #[serde(rename = "extVirtualLinks")]
    _ext_virtual_links: Vec<Value>,
    pub(crate) certificate_configuration_data: Option<Value>,
    pub(crate) additional_params: Option<ChangeExtConnParams>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ChangeExtConnParams {
    #[serde(default)]
    pub(crate) vnfcis: Vec<VnfciAddress>,
}

/// Where a VNFCI is configured: no standard says how a VNFM learns it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VnfciAddress {
    pub(crate) vnfc_instance_id: String,
    pub(crate) configuration: url::Url,
}

/// More VNFCs than this of one instance are refused.
const MAX_VNFCS: usize = 100;

/// `VnfInfoModificationRequest` (SOL003 5.5.2.12), as far as it is heeded: a merge patch, so that null removes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct VnfInfoModificationRequest {
    #[serde(default, deserialize_with = "present")]
    vnf_instance_name: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    vnf_instance_description: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    metadata: Option<Option<Map<String, Value>>>,
}

fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl Lifecycle {
    /// Creates an instance, once its package was accepted. When this returns, it is durable.
    pub(crate) async fn create(
        &self,
        request: CreateVnfRequest,
        body: &[u8],
    ) -> Result<VnfInstance, Problem> {
        let ticket = self.ids.begin();
        let delegated = match request.certificate_configuration_data {
            Some(configuration) => {
                self.delegation()?;
                Some(Delegated::new(configuration)?)
            }
            None => None,
        };
        let info = self.packages.usable(&request.vnfd_id).await?;
        if self.verify_at == VerifyAt::Create {
            self.packages
                .fetch_and_verify(&request.vnfd_id, &info)
                .await?;
        }
        let missing = |what: &str| {
            Problem::unprocessable(format!(
                "the NFVO's description of the VNF package lacks `{what}`"
            ))
        };
        let (id, mut changes) = self.ids.take(ticket, &request.vnfd_id, body)?;
        let instance = VnfInstance {
            id,
            internal: uuid::Uuid::new_v4(),
            name: request.vnf_instance_name,
            description: request.vnf_instance_description,
            vnfd_id: request.vnfd_id,
            provider: info.vnf_provider.ok_or_else(|| missing("vnfProvider"))?,
            product_name: info
                .vnf_product_name
                .ok_or_else(|| missing("vnfProductName"))?,
            software_version: info
                .vnf_software_version
                .ok_or_else(|| missing("vnfSoftwareVersion"))?,
            vnfd_version: info.vnfd_version.ok_or_else(|| missing("vnfdVersion"))?,
            metadata: request.metadata,
            vim_connection_info: None,
            flavour_id: None,
            delegated,
        };
        changes.push(Change::put(Table::Instances, instance.key(), &instance)?);
        if let Err(error) = self.store.apply(changes).await {
            self.ids.released(&instance.id);
            return Err(error.into());
        }
        self.ids.taken(ticket);
        self.notifier.publish(Event::Created(&instance));
        Ok(instance)
    }

    /// The instance of this identifier.
    pub(crate) fn instance(&self, id: &str) -> Result<VnfInstance, Problem> {
        let found = self
            .store
            .find(Table::Instances, &VnfInstance::key_prefix(id))?;
        found.ok_or_else(|| Problem::not_found(&format!("the VNF instance `{id}`")))
    }

    /// Deletes an instance that is not instantiated.
    pub(crate) async fn delete(self: &Arc<Self>, id: &str) -> Result<(), Problem> {
        let (mut instance, _busy) = self.reserve(id)?;
        if instance.is_instantiated() {
            return Err(Problem::conflict(
                "the VNF instance is instantiated: terminate it first",
            ));
        }
        // What an instantiation that failed may have left.
        self.release(&mut instance).await?;
        self.store
            .apply(vec![Change::Delete(Table::Instances, instance.key())])
            .await?;
        self.ids.released(&instance.id);
        self.notifier.publish(Event::Deleted(&instance));
        Ok(())
    }

    /// Begins to instantiate.
    pub(crate) async fn instantiate(
        self: &Arc<Self>,
        id: &str,
        request: InstantiateVnfRequest,
        params: Value,
    ) -> Result<VnfLcmOpOcc, Problem> {
        let (mut instance, busy) = self.reserve(id)?;
        if instance.is_instantiated() {
            return Err(Problem::conflict(
                "the VNF instance is instantiated already",
            ));
        }
        let vnfcs = request.additional_params.and_then(|params| params.vnfcs);
        let vnfcs = vnfcs.unwrap_or(1);
        if !(1..=MAX_VNFCS).contains(&vnfcs) {
            return Err(Problem::unprocessable(format!(
                "additionalParams.vnfcs is {vnfcs}, and must be 1 to {MAX_VNFCS}"
            )));
        }
        instance.vim_connection_info = request.vim_connection_info;
        let occurrence = VnfLcmOpOcc::start(&instance, Operation::Instantiate, params);
        let work = Work::Instantiate {
            flavour: request.flavour_id,
            vnfcs,
        };
        self.begin(instance, busy, occurrence, work).await
    }

    /// Begins to terminate.
    pub(crate) async fn terminate(
        self: &Arc<Self>,
        id: &str,
        params: Value,
    ) -> Result<VnfLcmOpOcc, Problem> {
        let (instance, busy) = self.reserve(id)?;
        if !instance.is_instantiated() {
            return Err(Problem::conflict("the VNF instance is not instantiated"));
        }
        let occurrence = VnfLcmOpOcc::start(&instance, Operation::Terminate, params);
        self.begin(instance, busy, occurrence, Work::Terminate)
            .await
    }

    /// Changes the information about an instance; the operation is over when this returns.
    pub(crate) async fn modify(
        self: &Arc<Self>,
        id: &str,
        request: VnfInfoModificationRequest,
        params: Value,
    ) -> Result<VnfLcmOpOcc, Problem> {
        let (mut instance, _busy) = self.reserve(id)?;
        let mut occurrence = VnfLcmOpOcc::start(&instance, Operation::ModifyInfo, params);
        if let Some(name) = request.vnf_instance_name {
            occurrence.changed_info.insert(
                "vnfInstanceName".to_owned(),
                json!(name.clone().unwrap_or_default()),
            );
            instance.name = name;
        }
        if let Some(description) = request.vnf_instance_description {
            occurrence.changed_info.insert(
                "vnfInstanceDescription".to_owned(),
                json!(description.clone().unwrap_or_default()),
            );
            instance.description = description;
        }
        if let Some(metadata) = request.metadata {
            instance.metadata = merged(instance.metadata, metadata);
            occurrence.changed_info.insert(
                "metadata".to_owned(),
                json!(instance.metadata.clone().unwrap_or_default()),
            );
        }
        let starting = occurrence.clone();
        occurrence.enter(OperationState::Processing);
        let processing = occurrence.clone();
        occurrence.enter(OperationState::Completed);
        self.keep(&occurrence, Some(&instance)).await?;
        for state in [&starting, &processing, &occurrence] {
            self.notifier.publish(Event::Operation(state, &instance));
        }
        Ok(occurrence)
    }

    /// What a VNFM that died in the middle left behind: these operations will not go on.
    pub(crate) async fn fail_interrupted(&self) -> Result<(), StoreError> {
        let occurrences: Vec<VnfLcmOpOcc> = self.store.all(Table::OpOccs)?;
        let mut changes = Vec::new();
        for mut occurrence in occurrences
            .into_iter()
            .filter(|occurrence| !occurrence.state.is_final())
        {
            occurrence.enter(OperationState::Failed);
            let problem = Problem::new(
                axum::http::StatusCode::INTERNAL_SERVER_ERROR,
                "the VNFM was stopped during the operation",
            );
            occurrence.error = Some(problem.to_wire());
            changes.push(Change::put(
                Table::OpOccs,
                occurrence.id.to_string(),
                &occurrence,
            )?);
        }
        self.store.apply(changes).await
    }

    /// The instance, for as long as nobody else may change it.
    pub(crate) fn reserve(self: &Arc<Self>, id: &str) -> Result<(VnfInstance, Busy), Problem> {
        let key = self.instance(id)?.key();
        if !self
            .busy
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key.clone())
        {
            return Err(Problem::conflict(
                "another operation on the VNF instance is in progress",
            ));
        }
        let busy = Busy {
            lifecycle: Arc::clone(self),
            key,
        };
        // It may have changed between the first look and the reservation.
        let instance = self.store.read(Table::Instances, &busy.key)?;
        Ok((
            instance.ok_or_else(|| Problem::not_found(&format!("the VNF instance `{id}`")))?,
            busy,
        ))
    }

    pub(crate) async fn begin(
        self: &Arc<Self>,
        instance: VnfInstance,
        busy: Busy,
        occurrence: VnfLcmOpOcc,
        work: Work,
    ) -> Result<VnfLcmOpOcc, Problem> {
        self.keep(&occurrence, None).await?;
        self.notifier
            .publish(Event::Operation(&occurrence, &instance));
        let (lifecycle, running) = (Arc::clone(self), occurrence.clone());
        let is_delegated = instance.delegated.is_some();
        let operation = async move {
            if let Err(error) = lifecycle.carry_out(running, instance, work).await {
                tracing::error!(%error, "the state of an operation cannot be kept");
            }
            drop(busy);
            if is_delegated {
                lifecycle.changed.notify_one();
            }
        };
        self.operations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .spawn(operation);
        Ok(occurrence)
    }

    async fn carry_out(
        self: &Arc<Self>,
        mut occurrence: VnfLcmOpOcc,
        mut instance: VnfInstance,
        work: Work,
    ) -> Result<(), StoreError> {
        if let Err((state, problem)) = self.prepare(&mut occurrence, &instance).await {
            occurrence.enter(state);
            occurrence.error = Some(problem.to_wire());
            self.keep(&occurrence, None).await?;
            self.notifier
                .publish(Event::Operation(&occurrence, &instance));
            return Ok(());
        }
        occurrence.enter(OperationState::Processing);
        self.keep(&occurrence, None).await?;
        self.notifier
            .publish(Event::Operation(&occurrence, &instance));
        let state = match self.perform(work, &mut occurrence, &mut instance).await {
            Ok(()) => OperationState::Completed,
            Err(problem) => {
                occurrence.error = Some(problem.to_wire());
                OperationState::Failed
            }
        };
        if let Some(delegation) = &self.delegation {
            delegation.deviate(&mut occurrence, &mut instance).await?;
        }
        occurrence.enter(state);
        self.keep(&occurrence, Some(&instance)).await?;
        self.notifier
            .publish(Event::Operation(&occurrence, &instance));
        Ok(())
    }

    async fn perform(
        self: &Arc<Self>,
        work: Work,
        occurrence: &mut VnfLcmOpOcc,
        instance: &mut VnfInstance,
    ) -> Result<(), Problem> {
        match work {
            Work::Instantiate { flavour, vnfcs } => {
                match self.certify_and_start(occurrence, instance, vnfcs).await {
                    Ok(()) => instance.flavour_id = Some(flavour),
                    Err(problem) => {
                        instance.vim_connection_info = None;
                        return Err(problem);
                    }
                }
            }
            Work::Terminate => {
                self.withdraw(occurrence, instance).await?;
                (instance.flavour_id, instance.vim_connection_info) = (None, None);
            }
            Work::Certify { targets } => self.certify(occurrence, instance, &targets).await?,
        }
        Ok(())
    }

    /// Package and grant. A refused package fails the operation; a refused grant ends it before it began (SOL003 5.6.2.2).
    async fn prepare(
        &self,
        occurrence: &mut VnfLcmOpOcc,
        instance: &VnfInstance,
    ) -> Result<(), (OperationState, Problem)> {
        if occurrence.operation == Operation::Instantiate && self.verify_at == VerifyAt::Instantiate
        {
            let failed = |problem| (OperationState::Failed, problem);
            let info = self
                .packages
                .usable(&instance.vnfd_id)
                .await
                .map_err(failed)?;
            self.packages
                .fetch_and_verify(&instance.vnfd_id, &info)
                .await
                .map_err(failed)?;
        }
        let grant = self.nfvo.grant(&self.grant_request(occurrence)).await;
        let grant = grant.map_err(|error| (OperationState::RolledBack, error.into()))?;
        occurrence.grant_id = Some(grant.id);
        Ok(())
    }

    /// `GrantRequest` (SOL003 9.5.2.2).
    fn grant_request(&self, occurrence: &VnfLcmOpOcc) -> Value {
        let base = format!("{}{API}", self.api_root);
        let mut request = json!({
            "vnfInstanceId": occurrence.vnf_instance_id,
            "vnfLcmOpOccId": occurrence.id,
            "vnfdId": occurrence.vnfd_id,
            "operation": occurrence.operation,
            "isAutomaticInvocation": occurrence.is_automatic,
            "_links": {
                "vnfLcmOpOcc": { "href": format!("{base}/vnf_lcm_op_occs/{}", occurrence.id) },
                "vnfInstance": { "href": format!("{base}/vnf_instances/{}", occurrence.vnf_instance_id) },
            },
        });
        if let Some(flavour) = occurrence.params.get("flavourId") {
            request["flavourId"] = flavour.clone();
        }
        request
    }

    async fn keep(
        &self,
        occurrence: &VnfLcmOpOcc,
        instance: Option<&VnfInstance>,
    ) -> Result<(), StoreError> {
        let mut changes = vec![Change::put(
            Table::OpOccs,
            occurrence.id.to_string(),
            occurrence,
        )?];
        if let Some(instance) = instance {
            changes.push(Change::put(Table::Instances, instance.key(), instance)?);
        }
        self.store.apply(changes).await
    }
}

/// Key-value pairs after a merge patch (RFC 7396).
fn merged(
    current: Option<Map<String, Value>>,
    patch: Option<Map<String, Value>>,
) -> Option<Map<String, Value>> {
    let mut current = current.unwrap_or_default();
    for (name, value) in patch? {
        match value {
            Value::Null => drop(current.shift_remove(&name)),
            value => drop(current.insert(name, value)),
        }
    }
    Some(current)
}

/// The reservation of an instance, until it is dropped.
pub(crate) struct Busy {
    lifecycle: Arc<Lifecycle>,
    key: String,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.lifecycle
            .busy
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.key);
    }
}

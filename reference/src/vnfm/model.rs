//! What the VNFM keeps, and how it looks on the wire (SOL003 5.5.2). Main types: [`VnfInstance`], [`VnfLcmOpOcc`],
//! [`Subscription`].

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::delegation::Delegated;

/// The part of every URI of the API after `{apiRoot}`.
pub(crate) const API: &str = "/vnflcm/v2";

/// A time as SOL003 writes it.
pub(crate) fn now() -> String {
    jiff::Timestamp::now().to_string()
}

/// A VNF instance as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct VnfInstance {
    /// The identifier on the wire.
    pub(crate) id: String,
    /// What tells two instances apart inside, even if a defective product gave them one identifier.
    pub(crate) internal: Uuid,
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) vnfd_id: String,
    pub(crate) provider: String,
    pub(crate) product_name: String,
    pub(crate) software_version: String,
    pub(crate) vnfd_version: String,
    pub(crate) metadata: Option<Map<String, Value>>,
    pub(crate) vim_connection_info: Option<Map<String, Value>>,
    /// The deployment flavour while it is instantiated.
    pub(crate) flavour_id: Option<String>,
    /// In delegation mode: certificates and resources.
    #[serde(default)]
    pub(crate) delegated: Option<Delegated>,
}

impl VnfInstance {
    /// The key in the store: instances of one identifier stand together.
    pub(crate) fn key(&self) -> String {
        format!("{}{}", Self::key_prefix(&self.id), self.internal)
    }

    /// What the keys of this identifier begin with.
    pub(crate) fn key_prefix(id: &str) -> String {
        format!("{id}/")
    }

    pub(crate) fn is_instantiated(&self) -> bool {
        self.flavour_id.is_some()
    }

    /// `VnfInstance` of SOL003 5.5.2.2.
    pub(crate) fn to_wire(&self, api_root: &str) -> Value {
        let own = format!("{api_root}{API}/vnf_instances/{}", self.id);
        let link = |rest: &str| json!({ "href": format!("{own}{rest}") });
        let mut wire = json!({
            "id": self.id,
            "vnfdId": self.vnfd_id,
            "vnfProvider": self.provider,
            "vnfProductName": self.product_name,
            "vnfSoftwareVersion": self.software_version,
            "vnfdVersion": self.vnfd_version,
            "instantiationState": if self.is_instantiated() { "INSTANTIATED" } else { "NOT_INSTANTIATED" },
            "_links": { "self": link("") },
        });
        let optional = [
            ("vnfInstanceName", &self.name),
            ("vnfInstanceDescription", &self.description),
        ];
        for (name, value) in optional
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_ref()?)))
        {
            wire[name] = json!(value);
        }
        for (name, value) in [
            ("metadata", &self.metadata),
            ("vimConnectionInfo", &self.vim_connection_info),
        ] {
            if let Some(value) = value {
                wire[name] = json!(value);
            }
        }
        if let Some(delegated) = &self.delegated {
            wire["certificateInfo"] = delegated.certificate_info();
        }
        match &self.flavour_id {
            Some(flavour) => {
                wire["instantiatedVnfInfo"] = self.instantiated_vnf_info(flavour);
                wire["_links"]["terminate"] = link("/terminate");
                if self.delegated.is_some() {
                    wire["_links"]["changeExtConn"] = link("/change_ext_conn");
                }
            }
            None => wire["_links"]["instantiate"] = link("/instantiate"),
        }
        wire
    }

    /// One external connection point: the data model asks for at least one, and nobody makes more.
    fn instantiated_vnf_info(&self, flavour: &str) -> Value {
        let mut info = json!({
            "flavourId": flavour,
            "vnfState": "STARTED",
            "extCpInfo": [{
                "id": format!("ext-cp-{}", self.internal),
                "cpdId": "ext-cp",
                "cpConfigId": "default",
                "cpProtocolInfo": [{ "layerProtocol": "IP_OVER_ETHERNET" }],
                "associatedVnfVirtualLinkId": format!("vl-{}", self.internal),
            }],
        });
        if let Some(delegated) = &self.delegated {
            let mut vims = self.vim_connection_info.iter().flatten();
            let vim = vims.next().map(|(id, _)| id.as_str());
            info["vnfcResourceInfo"] = delegated.vnfc_resource_info(vim);
        }
        info
    }
}

/// The states of an operation that this VNFM can be in (SOL003 5.5.4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum OperationState {
    Starting,
    Processing,
    Completed,
    Failed,
    RolledBack,
}

impl OperationState {
    pub(crate) fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::RolledBack)
    }
}

/// The operations that this VNFM knows (SOL003 5.5.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Operation {
    Instantiate,
    Terminate,
    ModifyInfo,
    ChangeExtConn,
}

/// A VNF LCM operation occurrence as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct VnfLcmOpOcc {
    pub(crate) id: Uuid,
    pub(crate) state: OperationState,
    pub(crate) state_entered: String,
    pub(crate) started: String,
    pub(crate) vnf_instance_id: String,
    /// The instance's key in the store.
    pub(crate) instance_key: String,
    pub(crate) vnfd_id: String,
    pub(crate) operation: Operation,
    pub(crate) params: Value,
    pub(crate) grant_id: Option<String>,
    pub(crate) error: Option<Value>,
    pub(crate) changed_info: Map<String, Value>,
    /// Whether the VNFM began it by itself.
    #[serde(default)]
    pub(crate) is_automatic: bool,
    /// Certificates that came, went or were replaced, for notifications.
    #[serde(default)]
    pub(crate) affected_certificates: Vec<Value>,
}

impl VnfLcmOpOcc {
    /// An operation that begins now.
    pub(crate) fn start(instance: &VnfInstance, operation: Operation, params: Value) -> Self {
        let now = now();
        Self {
            id: Uuid::new_v4(),
            state: OperationState::Starting,
            state_entered: now.clone(),
            started: now,
            vnf_instance_id: instance.id.clone(),
            instance_key: instance.key(),
            vnfd_id: instance.vnfd_id.clone(),
            operation,
            params,
            grant_id: None,
            error: None,
            changed_info: Map::new(),
            is_automatic: false,
            affected_certificates: Vec::new(),
        }
    }

    /// Goes into another state, now.
    pub(crate) fn enter(&mut self, state: OperationState) {
        self.state = state;
        self.state_entered = now();
    }

    /// `VnfLcmOpOcc` of SOL003 5.5.2.13. `changedInfo` is always there, since the published schema demands it or its sibling.
    pub(crate) fn to_wire(&self, api_root: &str) -> Value {
        let mut wire = json!({
            "id": self.id,
            "operationState": self.state,
            "stateEnteredTime": self.state_entered,
            "startTime": self.started,
            "vnfInstanceId": self.vnf_instance_id,
            "operation": self.operation,
            "isAutomaticInvocation": self.is_automatic,
            "operationParams": self.params,
            "isCancelPending": false,
            "changedInfo": self.changed_info,
            "_links": {
                "self": { "href": format!("{api_root}{API}/vnf_lcm_op_occs/{}", self.id) },
                "vnfInstance": { "href": format!("{api_root}{API}/vnf_instances/{}", self.vnf_instance_id) },
            },
        });
        if let Some(grant) = &self.grant_id {
            wire["grantId"] = json!(grant);
        }
        if let Some(error) = &self.error {
            wire["error"] = error.clone();
        }
        wire
    }
}

/// A subscription as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Subscription {
    pub(crate) id: Uuid,
    pub(crate) filter: Option<Value>,
    pub(crate) callback_uri: String,
    pub(crate) verbosity: String,
    /// User name and password for HTTP Basic, where the subscriber gave them.
    pub(crate) basic: Option<(String, String)>,
}

impl Subscription {
    /// `LccnSubscription` of SOL003 5.5.2.16; credentials are never shown.
    pub(crate) fn to_wire(&self, api_root: &str) -> Value {
        let mut wire = json!({
            "id": self.id,
            "callbackUri": self.callback_uri,
            "verbosity": self.verbosity,
            "_links": { "self": { "href": self.uri(api_root) } },
        });
        if let Some(filter) = &self.filter {
            wire["filter"] = filter.clone();
        }
        wire
    }

    pub(crate) fn uri(&self, api_root: &str) -> String {
        format!("{api_root}{API}/subscriptions/{}", self.id)
    }
}

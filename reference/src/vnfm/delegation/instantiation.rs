//! A VNF instance is instantiated in delegation mode, and terminated (IFA 026 clauses C.2.2.3 and C.3.2.3). Main functions:
//! [`Delegation::instantiate`], [`Delegation::release`].

use std::sync::Arc;
use std::time::Duration;

use super::Delegation;
use super::custody::{Custodian, CustodyError};
use super::enrolment::Tasks;
use super::error::DelegationError;
use super::identity::{Delegated, StackReference, Vnfc};
use super::stack;
use crate::custodian::defective;
use crate::custodian::protocol::Delivery;
use crate::vnfm::model::VnfInstance;
use crate::vnfm::store::{Change, Store, Table};

impl Delegation {
    /// Makes keys and certificates for so many VNFCs and has the VIM start them. Whatever becomes of it, no key is left
    /// when this returns.
    pub(crate) async fn instantiate(
        self: &Arc<Self>,
        store: &Store,
        instance: &mut VnfInstance,
        vnfcs: usize,
    ) -> Result<(), DelegationError> {
        let outcome = self.try_instantiate(store, instance, vnfcs).await;
        if outcome.is_err() {
            // The keys are gone by now; what is left of the attempt need not wait for anybody.
            self.release(instance).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "something is left of a failed instantiation");
            });
        }
        outcome
    }

    async fn try_instantiate(
        self: &Arc<Self>,
        store: &Store,
        instance: &mut VnfInstance,
        vnfcs: usize,
    ) -> Result<(), DelegationError> {
        self.release(instance).await?;
        let vnf_instance_id = instance.id.clone();
        let delegated = of(instance)?;
        let policy = delegated.policy.clone();
        delegated.vnfcs = std::iter::repeat_with(Vnfc::new).take(vnfcs).collect();
        let registered = self
            .register_all(&vnf_instance_id, &policy, &mut delegated.vnfcs)
            .await;
        // Before anything else, so that what was registered is known after a crash.
        save(store, instance).await?;
        registered?;

        let custodian = Arc::new(self.custodian().await?);
        let work = async {
            let delegated = of(instance)?;
            self.enrol_all(&custodian, &mut delegated.vnfcs).await?;
            self.admit(delegated);
            self.install_by_stack(store, instance, &custodian).await
        };
        let outcome = self.within_retention(work).await;
        self.end(&custodian, outcome.is_ok()).await;
        outcome?;
        self.note_servers(instance).await
    }

    /// The retention period begins with the first key; the custodian itself ends by it too.
    pub(super) async fn within_retention<T>(
        &self,
        work: impl Future<Output = Result<T, DelegationError>>,
    ) -> Result<T, DelegationError> {
        let over = || DelegationError::Retention {
            seconds: self.keys.retention_seconds,
        };
        let started = tokio::time::Instant::now();
        let seconds = defective::retention(self.defects, self.keys.retention_seconds);
        let retention = Duration::from_secs(seconds.into());
        let outcome = tokio::time::timeout(retention, work).await;
        match outcome.unwrap_or_else(|_| Err(over())) {
            Err(DelegationError::Custody(CustodyError::Ended))
                if started.elapsed() + Duration::from_millis(100) >= retention =>
            {
                Err(over())
            }
            other => other,
        }
    }

    /// Orders the stack until one is complete; each attempt that fails is removed before the next.
    async fn install_by_stack(
        &self,
        store: &Store,
        instance: &mut VnfInstance,
        custodian: &Custodian,
    ) -> Result<(), DelegationError> {
        let mut attempt = 1;
        loop {
            let name = format!("vnf-{}-{attempt}", instance.internal.simple());
            of(instance)?.stacks.push(StackReference {
                name: name.clone(),
                id: None,
            });
            save(store, instance).await?;
            let error = match self.order_stack(&name, of(instance)?, custodian).await {
                Ok(()) => return Ok(()),
                Err(DelegationError::Custody(CustodyError::Ended)) => {
                    return Err(CustodyError::Ended.into());
                }
                Err(error) => error,
            };
            tracing::warn!(attempt, %error, "an attempt to install failed");
            if attempt == self.attempts() {
                return Err(DelegationError::Attempts {
                    attempts: attempt,
                    last: error.to_string(),
                });
            }
            attempt += 1;
            if let Err(error) = self.remove_stacks(of(instance)?).await {
                tracing::warn!(%error, "a failed stack is not removed yet");
            }
            tokio::time::sleep(self.keys.attempt_interval()).await;
        }
    }

    async fn order_stack(
        &self,
        name: &str,
        delegated: &mut Delegated,
        custodian: &Custodian,
    ) -> Result<(), DelegationError> {
        let session = self.vim.session().await?;
        let order = stack::order(name, &delegated.vnfcs, &self.oam.address.to_string());
        let delivery = Delivery {
            method: "POST".to_owned(),
            url: format!("{}/stacks", session.orchestration),
            headers: [
                ("Content-Type", "application/json"),
                ("Accept", "application/json"),
                ("X-Auth-Token", &session.token),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
            body: order.to_string(),
            anchors: self.to_vim.anchors.clone(),
            certificate: self.to_vim.certificate.clone(),
            private_key: self.to_vim.private_key.clone(),
            timeout_ms: self.to_vim.timeout_seconds * 1000,
            verification: self.to_vim.verification,
        };
        let sent = custodian.send(delivery).await?;
        let what = || format!("the order of the stack `{name}`");
        match (sent.status, sent.stack_id) {
            (201, Some(id)) => {
                if let Some(stack) = delegated.stacks.last_mut() {
                    stack.id = Some(id.clone());
                }
                self.vim.wait_complete(name, &id).await
            }
            (201, None) => Err(DelegationError::Answer {
                peer: "VIM",
                what: what(),
                reason: "it has no identifier of a stack".to_owned(),
            }),
            (status, _) => {
                if status == 401 {
                    self.vim.forget(&session.token).await;
                }
                Err(DelegationError::Status {
                    peer: "VIM",
                    what: what(),
                    status: axum::http::StatusCode::from_u16(status).unwrap_or_default(),
                    detail: None,
                })
            }
        }
    }

    /// Which server is which VNFC.
    async fn note_servers(&self, instance: &mut VnfInstance) -> Result<(), DelegationError> {
        let delegated = of(instance)?;
        let Some(StackReference { name, id: Some(id) }) = delegated.stacks.last() else {
            return Ok(());
        };
        let servers = self.vim.servers(name, id).await?;
        for (index, vnfc) in delegated.vnfcs.iter_mut().enumerate() {
            let resource = stack::resource_name(index);
            let server = servers.iter().find(|(name, _)| *name == resource);
            vnfc.server_id = server.map(|(_, id)| id.clone());
        }
        Ok(())
    }

    /// Gives back all that was taken for an instance: stacks, registrations, access. What could not be given back stays
    /// noted, and is an error.
    pub(crate) async fn release(
        self: &Arc<Self>,
        instance: &mut VnfInstance,
    ) -> Result<(), DelegationError> {
        let Some(delegated) = &mut instance.delegated else {
            return Ok(());
        };
        self.dismiss(delegated);
        self.remove_stacks(delegated).await?;
        let mut tasks = Tasks::new();
        for vnfc in &delegated.vnfcs {
            for enrolled in &vnfc.certificates {
                let (delegation, id) = (Arc::clone(self), enrolled.delegate_id.clone());
                tasks.spawn(async move { delegation.cmf.deregister(&id).await });
            }
        }
        tasks.each(|()| {}).await?;
        delegated.vnfcs.clear();
        Ok(())
    }

    async fn remove_stacks(&self, delegated: &mut Delegated) -> Result<(), DelegationError> {
        while let Some(stack) = delegated.stacks.last() {
            let id = match &stack.id {
                Some(id) => Some(id.clone()),
                // It may have been made although no answer came.
                None => self.vim.find(&stack.name).await?,
            };
            if let Some(id) = id {
                self.vim.delete(&stack.name, &id).await?;
            }
            delegated.stacks.pop();
        }
        Ok(())
    }
}

pub(super) fn of(instance: &mut VnfInstance) -> Result<&mut Delegated, DelegationError> {
    let lost = || crate::vnfm::store::StoreError::Stopped;
    Ok(instance.delegated.as_mut().ok_or_else(lost)?)
}

async fn save(store: &Store, instance: &VnfInstance) -> Result<(), DelegationError> {
    let change = Change::put(Table::Instances, instance.key(), instance)?;
    Ok(store.apply(vec![change]).await?)
}

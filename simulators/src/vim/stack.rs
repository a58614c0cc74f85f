//! A stack on its way from order to deletion: [`Stack`].

use std::sync::Arc;

use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::boot::Booted;
use super::error::Refusal;
use super::fault::VimFault;
use super::plan::{Plan, Resource};
use super::state::{Progress, State};
use super::template::Order;

/// What is being done, or was done last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Create,
    Update,
    Delete,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    InProgress,
    Complete,
    Failed,
}

/// A stack.
pub(super) struct Stack {
    pub(super) id: String,
    pub(super) order: Order,
    pub(super) plan: Plan,
    /// Those that are up.
    pub(super) servers: Vec<Server>,
    pub(super) action: Action,
    pub(super) status: Status,
    pub(super) reason: String,
    pub(super) created: Timestamp,
    pub(super) updated: Option<Timestamp>,
    pub(super) deleted: Option<Timestamp>,
    pub(super) events: Vec<Event>,
    /// How often it is still shown in progress; `None`: until the tester says so.
    polls_left: Option<u32>,
    ends: Status,
}

/// A server of a stack.
pub(super) struct Server {
    pub(super) booted: Arc<Booted>,
    pub(super) properties: Value,
    pub(super) created: Timestamp,
    user_data: Vec<(String, String)>,
}

/// Something that happened to a stack or to one of its resources.
pub(super) struct Event {
    pub(super) id: String,
    pub(super) at: Timestamp,
    /// The stack's own name for the stack itself.
    pub(super) resource: String,
    pub(super) kind: String,
    pub(super) physical: String,
    pub(super) depth: usize,
    pub(super) status: String,
    pub(super) reason: String,
}

impl Stack {
    /// Takes an order and boots its servers.
    ///
    /// # Errors
    /// What Heat answers to an order that it cannot carry out, or a fault.
    pub(super) fn create(state: &State, order: Order) -> Result<Self, Refusal> {
        if order.stack_name.is_empty() {
            return Err(super::template::bad_request("Stack name required"));
        }
        let id = Uuid::new_v4().to_string();
        let plan = Plan::of(&order, &id, &state.project_id, None)?;
        if state.faults.take(VimFault::RefuseStack) {
            let message =
                "Quota exceeded for instances: Requested 1, but already used 10 of 10 instances";
            return Err(Refusal::new(StatusCode::FORBIDDEN, "Forbidden", message));
        }
        let mut stack = Self {
            id,
            order,
            plan: Plan::default(),
            servers: Vec::new(),
            action: Action::Create,
            status: Status::InProgress,
            reason: String::new(),
            created: Timestamp::now(),
            updated: None,
            deleted: None,
            events: Vec::new(),
            polls_left: None,
            ends: Status::Complete,
        };
        stack.begin(state, Action::Create, plan);
        if state.faults.take(VimFault::CreateFailed) {
            stack.ends = Status::Failed;
        }
        stack.boot(state);
        if state.faults.take(VimFault::NeverComplete) {
            stack.polls_left = None;
        }
        stack.end_if_due();
        Ok(stack)
    }

    /// Takes another order for the same stack: what is new or other in it is booted, what it lacks is gone.
    ///
    /// # Errors
    /// As for [`Stack::create`].
    pub(super) fn update(&mut self, state: &State, order: Order) -> Result<(), Refusal> {
        if self.status == Status::InProgress {
            let message = format!(
                "Stack {} already has an action in progress.",
                self.order.stack_name
            );
            return Err(Refusal::new(
                StatusCode::CONFLICT,
                "ActionInProgress",
                message,
            ));
        }
        let plan = Plan::of(&order, &self.id, &state.project_id, Some(&self.plan))?;
        self.order = order;
        self.updated = Some(Timestamp::now());
        self.begin(state, Action::Update, plan);
        self.boot(state);
        self.end_if_due();
        Ok(())
    }

    pub(super) fn delete(&mut self, state: &State) {
        self.begin(state, Action::Delete, Plan::default());
        if state.faults.take(VimFault::DeleteFailed) {
            self.ends = Status::Failed;
        }
        self.end_if_due();
    }

    /// Counts as shown; ends what is due.
    pub(super) fn shown(&mut self) {
        if self.status != Status::InProgress {
            return;
        }
        if let Some(left) = &mut self.polls_left {
            *left = left.saturating_sub(1);
        }
        self.end_if_due();
    }

    /// Ends what is in progress.
    pub(super) fn finish(&mut self) {
        self.polls_left = Some(0);
        self.end_if_due();
    }

    pub(super) fn is_gone(&self) -> bool {
        self.action == Action::Delete && self.status == Status::Complete
    }

    /// E.g. `CREATE_IN_PROGRESS`.
    pub(super) fn status_text(&self) -> String {
        status_text(self.action, self.status)
    }

    fn begin(&mut self, state: &State, action: Action, plan: Plan) {
        self.action = action;
        self.ends = Status::Complete;
        self.polls_left = match *state.progress() {
            // The last of these polls is the first that shows the end.
            Progress::Polls(0) => Some(0),
            Progress::Polls(polls) => Some(polls.saturating_add(1)),
            Progress::Held => None,
        };
        if action != Action::Delete {
            self.plan = plan;
        }
        self.tell(Status::InProgress, "started");
    }

    fn boot(&mut self, state: &State) {
        let mut before = std::mem::take(&mut self.servers);
        if state.faults.take(VimFault::NoBoot) {
            return;
        }
        let without_key = state.faults.take(VimFault::BootWithoutKey);
        let servers: Vec<_> = self.plan.servers().cloned().collect();
        for mut resource in servers {
            let user_data = self.plan.user_data(&resource);
            let same = |server: &Server| {
                server.booted.resource == resource.way()
                    && server.properties == resource.properties
                    && server.user_data == user_data
            };
            if let Some(index) = before.iter().position(same) {
                self.servers.push(before.swap_remove(index));
                continue;
            }
            let replaced = |server: &Server| server.booted.server_id == resource.identifier;
            if before.iter().any(replaced) {
                resource = self.renewed(&resource);
            }
            let booted = Booted::of(&self.plan, &resource, &self.id, &self.order.stack_name);
            let booted = match without_key {
                true => booted.without_key(),
                false => booted,
            };
            let booted = Arc::new(booted);
            self.servers.push(Server {
                booted: Arc::clone(&booted),
                properties: resource.properties,
                created: Timestamp::now(),
                user_data,
            });
            state.booted.send_modify(|all| all.push(booted));
        }
    }

    /// The resource with another physical identifier: its server is replaced.
    fn renewed(&mut self, resource: &Resource) -> Resource {
        let identifier = Uuid::new_v4().to_string();
        let planned = self.plan.resources.iter_mut();
        for planned in planned.filter(|planned| planned.identifier == resource.identifier) {
            planned.identifier.clone_from(&identifier);
        }
        Resource {
            identifier,
            ..resource.clone()
        }
    }

    fn end_if_due(&mut self) {
        if self.status != Status::InProgress || self.polls_left != Some(0) {
            return;
        }
        let ends = self.ends;
        if self.action == Action::Delete && ends == Status::Complete {
            self.servers.clear();
            self.deleted = Some(Timestamp::now());
            // What is gone carries no key any more.
            self.order.template.clear();
            self.order.files.clear();
            self.order.parameters.clear();
            self.plan.parameters.clear();
        }
        match ends {
            Status::Failed => self.tell(ends, "failed: the simulator was told to fail here"),
            _ => self.tell(ends, "completed successfully"),
        }
    }

    /// Takes on this status and notes the events of it: the resources' before the stack's, but for the start.
    fn tell(&mut self, status: Status, what: &str) {
        self.status = status;
        let verb = match self.action {
            Action::Create => "CREATE",
            Action::Update => "UPDATE",
            Action::Delete => "DELETE",
        };
        self.reason = format!("Stack {verb} {what}");
        let status_text = self.status_text();
        let at = Timestamp::now();
        let event = |resource: &str, kind: &str, physical: &str, depth, reason: &str| Event {
            id: Uuid::new_v4().to_string(),
            at,
            resource: resource.to_owned(),
            kind: kind.to_owned(),
            physical: physical.to_owned(),
            depth,
            status: status_text.clone(),
            reason: reason.to_owned(),
        };
        let name = &self.order.stack_name;
        let own = event(name, "OS::Heat::Stack", &self.id, 0, &self.reason);
        let mut events: Vec<_> = self
            .plan
            .resources
            .iter()
            .map(|one| {
                event(
                    &one.name,
                    &one.kind,
                    &one.identifier,
                    one.depth,
                    "state changed",
                )
            })
            .collect();
        match status {
            Status::InProgress => events.insert(0, own),
            Status::Complete | Status::Failed => events.push(own),
        }
        self.events.extend(events);
    }
}

pub(super) fn status_text(action: Action, status: Status) -> String {
    let action = match action {
        Action::Create => "CREATE",
        Action::Update => "UPDATE",
        Action::Delete => "DELETE",
    };
    let status = match status {
        Status::InProgress => "IN_PROGRESS",
        Status::Complete => "COMPLETE",
        Status::Failed => "FAILED",
    };
    format!("{action}_{status}")
}

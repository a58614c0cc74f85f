//! The visible control side of a simulator: [`Control`] sets faults and holds answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::{Method, StatusCode};
use thiserror::Error;
use tokio::sync::watch;

use crate::fault::{Fault, Times};
use crate::route::{Route, RouteError};
use crate::transcript::Request;

/// Sets faults and holds; clones control the same simulator.
#[derive(Clone, Debug, Default)]
pub struct Control {
    plan: Arc<Mutex<Plan>>,
}

#[derive(Debug, Default)]
struct Plan {
    faults: Vec<Planned>,
    holds: Vec<Arc<Held>>,
}

#[derive(Debug)]
struct Planned {
    route: Route,
    fault: Fault,
    /// `None`: always.
    left: Option<u32>,
}

/// Longest body of [`Fault::OversizedBody`].
const MAX_OVERSIZED: u64 = 4 << 30;

/// A fault that cannot be planned.
#[derive(Debug, Error)]
pub enum ControlError {
    /// The route cannot be read.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// Not a status that an answer can have.
    #[error("fault status {0}: an answer has a status from 200 to 599")]
    Status(u16),
    /// The whole body is digested for the transcript before it is sent.
    #[error("fault oversized-body {0}: at most {MAX_OVERSIZED} bytes")]
    TooLong(u64),
    /// Not a header field value or name.
    #[error("fault on `{0}`: not usable in a header field")]
    Header(String),
}

impl Control {
    /// Makes a route misbehave, e.g. `GET /vnfpkgm/v2/onboarded_vnf_packages/{id}/vnfd`; see [`Route`]. Where several
    /// faults fit a request, the one set first and not used up is taken: one fault a request.
    ///
    /// # Errors
    /// The route or the fault's own value cannot be used.
    pub fn fault(&self, route: &str, fault: Fault, times: Times) -> Result<(), ControlError> {
        validate(&fault)?;
        let planned = Planned {
            route: Route::parse(route)?,
            fault,
            left: times.count(),
        };
        self.plan().faults.push(planned);
        Ok(())
    }

    /// Stops each request on this route before it reaches the simulated API, until the [`Hold`] is released or dropped.
    ///
    /// # Errors
    /// The route cannot be read.
    pub fn hold(&self, route: &str) -> Result<Hold, ControlError> {
        let held = Arc::new(Held {
            route: Route::parse(route)?,
            arrived: watch::Sender::new(Vec::new()),
            released: watch::Sender::new(false),
        });
        self.plan().holds.push(Arc::clone(&held));
        Ok(Hold {
            held,
            control: self.clone(),
            seen: 0,
        })
    }

    /// Forgets all faults and releases all holds.
    pub fn clear(&self) {
        let mut plan = self.plan();
        plan.faults.clear();
        for held in plan.holds.drain(..) {
            held.released.send_replace(true);
        }
    }

    /// The fault for this request, counted as used.
    pub(crate) fn take_fault(&self, method: &Method, path: &str) -> Option<Fault> {
        let mut plan = self.plan();
        let index = plan
            .faults
            .iter()
            .position(|planned| planned.applies(method, path))?;
        let planned = &mut plan.faults[index];
        let fault = planned.fault.clone();
        if let Some(left) = &mut planned.left {
            *left -= 1;
            if *left == 0 {
                plan.faults.remove(index);
            }
        }
        Some(fault)
    }

    /// The hold that stops this request.
    pub(crate) fn held(&self, method: &Method, path: &str) -> Option<Arc<Held>> {
        let plan = self.plan();
        plan.holds
            .iter()
            .find(|held| held.route.matches(method, path))
            .cloned()
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        // Nothing between lock and unlock can leave half a change.
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Planned {
    fn applies(&self, method: &Method, path: &str) -> bool {
        self.left != Some(0) && self.route.matches(method, path)
    }
}

/// Requests stopped on one route. Dropping it releases them.
#[derive(Debug)]
#[must_use = "dropping the hold releases it"]
pub struct Hold {
    held: Arc<Held>,
    control: Control,
    seen: usize,
}

impl Hold {
    /// Waits for the next request that is stopped here and says what it is; each is told once. Put a timeout around it.
    pub async fn arrived(&mut self) -> Request {
        let mut arrivals = self.held.arrived.subscribe();
        loop {
            if let Some(request) = arrivals.borrow_and_update().get(self.seen) {
                self.seen += 1;
                return Request::clone(request);
            }
            if arrivals.changed().await.is_err() {
                // The sender lives in `self.held`, which is borrowed here.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Lets all stopped requests go on, and later ones pass.
    pub fn release(self) {}
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.control
            .plan()
            .holds
            .retain(|held| !Arc::ptr_eq(held, &self.held));
        self.held.released.send_replace(true);
    }
}

/// The simulator's side of a [`Hold`].
#[derive(Debug)]
pub(crate) struct Held {
    route: Route,
    arrived: watch::Sender<Vec<Arc<Request>>>,
    released: watch::Sender<bool>,
}

impl Held {
    /// Announces the request and waits for the release.
    pub(crate) async fn wait(&self, request: Request) {
        let mut released = self.released.subscribe();
        self.arrived
            .send_modify(|arrived| arrived.push(Arc::new(request)));
        if released.wait_for(|released| *released).await.is_err() {
            tracing::debug!("a hold ended without release");
        }
    }
}

fn validate(fault: &Fault) -> Result<(), ControlError> {
    use hyper::header::{HeaderName, HeaderValue};
    match fault {
        Fault::Status(status) => match StatusCode::from_u16(*status) {
            Ok(_) if (200..600).contains(status) => Ok(()),
            _ => Err(ControlError::Status(*status)),
        },
        Fault::OversizedBody(total) if *total > MAX_OVERSIZED => Err(ControlError::TooLong(*total)),
        Fault::WrongContentType(mime) if HeaderValue::from_str(mime).is_err() => {
            Err(ControlError::Header(mime.clone()))
        }
        Fault::WithoutHeader(name) if HeaderName::from_bytes(name.as_bytes()).is_err() => {
            Err(ControlError::Header(name.clone()))
        }
        _ => Ok(()),
    }
}

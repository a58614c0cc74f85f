//! A product that runs on another machine, or in a container, as it is looked at through `ixit.observe.via`: [`There`].
//!
//! The tester's own program is run there and hands over what it reads. What is looked for stays here.

use std::time::{Duration, Instant};

use super::attempts;
use super::ground::{PRODUCT, words};
use crate::exposure::afar::{Afar, AfarError, ProductThere, Reached, Surveyed, Wanted, What};
use crate::exposure::given::Source;
use crate::exposure::source::limits::Limits;
use crate::model::sut::{Ixit, OtherProcesses};

/// How long the command may take until the program there answers.
const PATIENCE: Duration = Duration::from_secs(30);
/// The label.
pub(crate) const VIA: &str = "ixit.observe.via";

/// The way there, and what to look at.
pub(super) struct There {
    via: Vec<String>,
    product: ProductThere,
    ixit: Ixit,
    began: Instant,
    afar: Option<Afar>,
    /// Whether it was said already why nothing was heard.
    closed: bool,
}

/// What was heard from there.
pub(super) struct Heard {
    pub(super) command: String,
    pub(super) surveyed: Surveyed,
}

impl There {
    /// If the profile says that the product is there.
    pub(super) fn of(ixit: &Ixit, began: Instant) -> Option<Self> {
        let observe = &ixit.observe;
        (!observe.via.is_empty()).then(|| Self {
            via: observe.via.clone(),
            product: ProductThere {
                called: PRODUCT.to_owned(),
                processes: observe.product.clone(),
                others: observe.processes == OtherProcesses::All,
                storage: observe.storage.clone(),
                who: None,
            },
            ixit: ixit.clone(),
            began,
            afar: None,
            closed: false,
        })
    }

    /// Opens the way. Nothing is read yet.
    ///
    /// # Errors
    /// What the tester lacks.
    pub(super) fn open(&mut self, tries: bool) -> Result<Source, String> {
        let product = ProductThere {
            who: tries.then(|| attempts::who(&self.ixit.observe)),
            ..self.product.clone()
        };
        let opened = open(
            &self.via,
            What::Product(product),
            silence(&self.ixit),
            Some(self.began),
        );
        self.closed = opened.is_err();
        let afar =
            opened.map_err(|error| format!("a way to the VNFM's machine: {VIA}: {error}"))?;
        self.afar = Some(afar.clone());
        Ok(Source::Afar {
            written: format!("via {}", afar.command()),
            afar,
        })
    }

    /// What was heard, when all was searched.
    pub(super) fn heard(&mut self) -> Option<Heard> {
        // With this the way is closed.
        let afar = self.afar.take()?;
        Some(Heard {
            command: afar.command().to_owned(),
            surveyed: afar.surveyed()?,
        })
    }

    /// What the tester lacked there.
    pub(super) fn lacked(&self, heard: Option<&Heard>) -> Vec<String> {
        let Some(heard) = heard else {
            if self.closed {
                return Vec::new();
            }
            return vec![format!(
                "an account of what there is to look at on the VNFM's machine ({VIA})"
            )];
        };
        let by_way = |what: String| format!("{what} (through {:?}, {VIA})", heard.command);
        let mut lacked: Vec<String> = heard.surveyed.lacks.iter().map(words).map(by_way).collect();
        if heard.surveyed.processes == 0 && lacked.is_empty() {
            lacked.push(by_way("a process of the VNFM to look into".to_owned()));
        }
        lacked
    }

    /// Whether every process can be looked into there.
    ///
    /// # Errors
    /// What the tester lacks.
    pub(super) fn reachable(&self) -> Result<(), String> {
        let reached = reach(&self.via, &self.product, silence(&self.ixit))
            .map_err(|why| format!("a way to the VNFM's machine: {VIA}: {why}"))?;
        let lacks = reached.lacks.iter().map(words);
        let mut lacks: Vec<String> = lacks.collect();
        if !reached.root && self.ixit.observe.probe_with.is_none() {
            lacks.push(
                "the rights of root, to read processes and to try as another user".to_owned(),
            );
        }
        match lacks.into_iter().next() {
            Some(what) => Err(format!("{what}, on the VNFM's machine ({VIA})")),
            None => Ok(()),
        }
    }
}

/// Asks there what stands in the way of looking.
///
/// # Errors
/// The way is closed; in words.
pub(crate) fn reach(
    via: &[String],
    product: &ProductThere,
    silence: Duration,
) -> Result<Reached, String> {
    let afar = open(via, What::Product(product.clone()), silence, None);
    afar.map_err(|error| error.to_string())?.reach()
}

/// What the profile says of a product there, for [`reach`].
pub(crate) fn product(ixit: &Ixit) -> Option<ProductThere> {
    There::of(ixit, Instant::now()).map(|there| there.product)
}

/// For how long it may say nothing while something is waited for.
pub(crate) fn silence(ixit: &Ixit) -> Duration {
    Duration::from_secs(ixit.timeouts.operation)
}

/// Opens the way there, unattended. `began` is when the scenario did.
///
/// # Errors
/// See [`AfarError`].
pub(crate) fn open(
    via: &[String],
    what: What,
    silence: Duration,
    began: Option<Instant>,
) -> Result<Afar, AfarError> {
    Afar::open(Wanted {
        via,
        what,
        limits: &Limits::default(),
        patience: Some(PATIENCE),
        silence: Some(silence),
        began,
    })
}

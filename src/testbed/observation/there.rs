//! A product that runs on another machine, or in a container, as it is looked at through `ixit.observe.via`: [`There`].
//!
//! The tester's own program is run there and hands over what it reads. What is looked for stays here.

use std::time::{Duration, SystemTime};

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
    since: SystemTime,
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
    pub(super) fn of(ixit: &Ixit, since: SystemTime) -> Option<Self> {
        let observe = &ixit.observe;
        (!observe.via.is_empty()).then(|| Self {
            via: observe.via.clone(),
            product: ProductThere {
                called: PRODUCT.to_owned(),
                processes: observe.product.clone(),
                others: observe.processes == OtherProcesses::All,
                storage: observe.storage.clone(),
                age: Duration::ZERO,
                who: None,
            },
            ixit: ixit.clone(),
            since,
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
            age: self.since.elapsed().unwrap_or_default(),
            who: tries.then(|| attempts::who(&self.ixit.observe)),
            ..self.product.clone()
        };
        let opened = open(&self.via, What::Product(product));
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
        let reached = reach(&self.via, &self.product)?;
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
pub(crate) fn reach(via: &[String], product: &ProductThere) -> Result<Reached, String> {
    let told = |why: String| format!("a way to the VNFM's machine: {VIA}: {why}");
    let afar = open(via, What::Product(product.clone()));
    let afar = afar.map_err(|error| told(error.to_string()))?;
    afar.reach().map_err(told)
}

/// What the profile says of a product there, for [`reach`].
pub(crate) fn product(ixit: &Ixit) -> Option<ProductThere> {
    There::of(ixit, SystemTime::now()).map(|there| there.product)
}

/// Opens the way there, unattended.
///
/// # Errors
/// See [`AfarError`].
pub(crate) fn open(via: &[String], what: What) -> Result<Afar, AfarError> {
    Afar::open(Wanted {
        via,
        what,
        limits: &Limits::default(),
        patience: Some(PATIENCE),
    })
}

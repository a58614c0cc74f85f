//! What a scenario of delegation mode has come to: [`Custody`].

use jiff::Timestamp;
use scas_simulators::cmf::CertificateType;
use scas_simulators::control::Hold;

use crate::model::key_protection::{Delivery, OamConnection};
use crate::testbed::observation::Taken;
use crate::testbed::renewal::UnderWay;
use crate::testbed::token::Glance;

/// What a scenario of delegation mode has come to (SEC 030 4.2.2.3 to 4.2.2.5).
#[derive(Default)]
pub struct Custody {
    /// The VNF instance.
    pub vnf: Option<String>,
    /// The lifecycle operation that is under way, or ended last.
    pub operation: Option<UnderWay>,
    /// Which of the two kinds of key pair the scenario is about.
    pub kind: Option<CertificateType>,
    /// Stops what the SUT asks of the CMF for certificates of this kind, by its label.
    pub cmf: Option<Hold>,
    /// Stops what it asks without a label.
    pub cmf_unlabelled: Option<Hold>,
    /// Stops what it asks of the VIM.
    pub vim: Option<Hold>,
    /// Stops what it asks of the VNFCI.
    pub vnfci: Option<Hold>,
    /// The key pair that the SUT asked to have certified: digest of the public key.
    pub public_key: Option<String>,
    /// Digests of public keys that were certified before the part that is judged.
    pub earlier: Vec<String>,
    /// Snapshots of the SUT while keys were in use.
    pub snapshots: Vec<Taken>,
    /// Looks into the token: before, and meanwhile.
    pub token: Vec<Glance>,
    /// What ended the use of the private key, and when.
    pub ended: Option<(String, Timestamp)>,
    /// The first exchange after the deadline.
    pub deadline_exchange: u64,
    /// Connections to the VNF OAM endpoint: before, refused, after.
    pub connections: Vec<OamConnection>,
    /// The flaw that the scenario is about, in its words.
    pub flaw: String,
    /// The first exchange with the flaw, and the first without it again.
    pub flawed: (u64, u64),
    /// Servers that had come up before the flaw was there, and before it was taken away.
    pub flawed_servers: (usize, usize),
    /// What was handed over to a VNFCI with the flaw.
    pub misplaced: Vec<Delivery>,
    /// How many looks were kept.
    pub looks: usize,
}

impl Custody {
    /// Takes note of what ends the use of the private key: the later of several counts.
    pub fn ended_by(&mut self, what: &str) {
        self.ended = Some((what.to_owned(), Timestamp::now()));
    }

    /// The name of the next look's record.
    pub fn record_name(&mut self) -> String {
        self.looks += 1;
        format!("look-{}.json", self.looks)
    }
}

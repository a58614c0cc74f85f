//! What a VNFCI gets wrong by itself, beyond the wire: [`VnfciFault`].

use serde::{Deserialize, Serialize};

/// Misbehaviour of the simulated VNFCI; see [`Vnfci::fault`](super::Vnfci::fault). Faults of single answers and
/// silence are set by [`Control`](crate::control::Control), and what it presents wrongly by
/// [`Presents`](super::Presents). Written in kebab-case, e.g. `"lose-key"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VnfciFault {
    /// A modification that carries certificate data is refused (422); nothing is changed.
    RefuseInstallation,
    /// It is answered as if installed, but certificate and key are lost.
    LoseKey,
}

impl std::fmt::Display for VnfciFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::RefuseInstallation => "refuse-installation",
            Self::LoseKey => "lose-key",
        })
    }
}

//! What passed below TLS in a scenario, with the secrets that open it, if the run keeps it (`--with-secrets`): [`noted`], [`keep`].
//!
//! Whoever has the file reads every private key that was sent. So it is written when all looks of the scenario are over, and what the
//! product left in shared folders was swept: a key in a file of ours must not be taken for one that the product has left.

use std::fs::OpenOptions;
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use scas_simulators::capture::Capture;
use scas_simulators::transcript::Transcript;

use crate::context::RunContext;
use crate::model::evidence::{Observation, TRAFFIC};

/// What the file is, for a reader.
pub(super) const WHAT: &str = "what passed below TLS, for Wireshark, with the TLS session secrets: whoever has it reads everything that was \
     sent, private keys included";
/// The most that is kept of a scenario, in bytes. Until it is written, it is in memory.
const MOST: usize = 64 << 20;

/// The same transcript; whoever writes to it notes the traffic besides, if this run keeps it.
pub(super) fn noted(transcript: Transcript, context: &RunContext) -> Transcript {
    match context.with_secrets {
        true => transcript.capturing(Capture::new(MOST)),
        false => transcript,
    }
}

/// Writes it into the scenario's folder, for this user alone. Returns the path, and what is to be told: that it was cut.
///
/// # Errors
/// It cannot be written.
pub(super) fn keep(
    capture: &Capture,
    folder: &Path,
) -> anyhow::Result<(PathBuf, Option<Observation>)> {
    let path = folder.join(TRAFFIC);
    let cannot = || format!("cannot write {}", path.display());
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = BufWriter::new(options.open(&path).with_context(cannot)?);
    let application = concat!("scas ", env!("CARGO_PKG_VERSION"));
    capture
        .write(application, &mut file)
        .and_then(|()| file.flush())
        .with_context(cannot)?;
    let cut = capture.cut().map(|at| Observation {
        name: "traffic-cut".to_owned(),
        text: format!("{TRAFFIC} ends at {at}: no more than {MOST} bytes are kept of a scenario"),
        clause: None,
    });
    Ok((path, cut))
}

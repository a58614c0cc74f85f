//! `[ixit.start]`: how the product is started. Main type: [`Start`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the product is started for a scenario.
///
/// Placeholders in the command and in the configuration: `{scas}` this program, `{dir}` the scenario's
/// work folder, `{state}` the folder for everything durable, `{pki}` the folder with `ca.crt`,
/// `vnfm.crt` and `vnfm.key`, `{nfvo}` the NFVO's API root, `{signers}` the trust anchors of package signers,
/// `{crl}` their revocation list, `{log}` the log file, `{config}` the configuration as written,
/// `{defects}` a TOML array of names; and in scenarios of delegation mode, else empty: `{cmf}` the CMF's root, `{cmf-ca}` the
/// CA's root certificate, `{vim}` Keystone's address, `{vim-password-file}`, `{retention}` and `{attempts}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Start {
    /// Program and arguments.
    #[schemars(length(min = 1))]
    pub command: Vec<String>,
    /// The product's configuration, written to `{config}` before each start. Without it no file is written.
    #[serde(default)]
    pub config: Option<String>,
    /// Follows `ixit.start.config` in scenarios of delegation mode.
    #[serde(default)]
    pub delegation: Option<String>,
}

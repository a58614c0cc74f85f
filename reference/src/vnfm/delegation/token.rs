//! What the VNFM itself does about a PKCS#11 token: whose objects they are, and that none of them is left. Main function:
//! [`take_possession`].

use uuid::Uuid;

use super::config::{Keys, Pkcs11};
use super::custody::{Custodian, CustodyError};
use crate::custodian::protocol::{TokenAccess, TokenPart};
use crate::defect::{Defects, Deviation};
use crate::vnfm::config::ConfigError;
use crate::vnfm::store::{Change, Store, Table};

/// Where it is kept who this VNFM is.
const OWNER: &str = "owner";

/// Of products whose key pairs do not come from a good generator, one by one. A token makes them so and in no other way.
const OF_GENERATION: [Deviation; 5] = [
    Deviation::OneKeyForAll,
    Deviation::KeyReusedAtRenewal,
    Deviation::ClockSeededKeys,
    Deviation::KnownWeakKey,
    Deviation::RsaSharedPrime,
];

/// Whether the token can be used is seen now, not at the first instantiation. What a crash has left in it is destroyed. The
/// name of this VNFM there; nothing if no token is configured.
pub(super) async fn take_possession(
    keys: &Keys,
    store: &Store,
    defects: Defects,
) -> anyhow::Result<Option<Uuid>> {
    if keys.token()?.is_none() {
        return Ok(None);
    }
    let not_of_a_token = OF_GENERATION.into_iter().find(|one| defects.has(*one));
    if let Some(deviation) = not_of_a_token {
        let name = Defects::NONE.with(deviation).names().concat();
        let reason = anyhow::anyhow!(
            "`{name}` is about how the VNFM makes key pairs; with keys.custody = \"pkcs11\" the token makes them"
        );
        return Err(ConfigError::value("test.defects", reason).into());
    }
    let owner = match store.read(Table::Custody, OWNER)? {
        Some(owner) => owner,
        None => {
            let owner = Uuid::new_v4();
            let change = Change::put(Table::Custody, OWNER, &owner)?;
            store.apply(vec![change]).await?;
            owner
        }
    };
    let custodian = Custodian::start(keys, Some(owner), Defects::NONE).await;
    let custodian = custodian.map_err(by_label)?;
    if defects.has(Deviation::TokenObjectLeftBehind) {
        custodian.end().await;
        return Ok(Some(owner));
    }
    let swept = custodian.sweep(None).await.map_err(by_label)?;
    if swept > 0 {
        tracing::warn!(
            objects = swept,
            "destroyed what was left in the PKCS#11 token"
        );
    }
    custodian.end().await;
    Ok(Some(owner))
}

/// A mistake in the configuration, as far as it is one.
fn by_label(error: CustodyError) -> anyhow::Error {
    let CustodyError::Token { part, reason } = error else {
        return error.into();
    };
    let label = match part {
        TokenPart::Module => "keys.pkcs11.module",
        TokenPart::Token => "keys.pkcs11.token",
        TokenPart::PinFile => "keys.pkcs11.pin_file",
    };
    ConfigError::value(label, anyhow::anyhow!(reason)).into()
}

/// What a custodian has to know.
pub(super) fn access(pkcs11: &Pkcs11, owner: Uuid) -> TokenAccess {
    TokenAccess {
        module: pkcs11.module.clone(),
        token: pkcs11.token.clone(),
        pin_file: pkcs11.pin_file.clone(),
        objects: pkcs11.objects,
        owner,
        batch: Uuid::new_v4(),
    }
}

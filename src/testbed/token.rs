//! Looking into the PKCS#11 token of the product: [`Glance`], and what it means once the certification requests are known.

pub mod session;

use std::process::Stdio;

use anyhow::Context as _;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, UnparsedPublicKey};
use jiff::Timestamp;
use scas_simulators::cmf::Decision;
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::SubjectPublicKeyInfo;

use self::session::{Ask, MESSAGE, Mark, Seen, SeenKey};
use super::{Testbed, csr};
use crate::model::token::{Control, TokenKey, TokenLook, Whose};

/// The hidden subcommand that looks.
pub const LOOK: &str = "look-into-token";
/// How long a look may take: a module that hangs must not hang the run.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(60);

/// What was in the token at a moment.
#[derive(Clone, Debug)]
pub struct Glance {
    name: String,
    began: Timestamp,
    seen: Result<Seen, String>,
}

impl Testbed {
    /// Looks into the token that the profile tells (`ixit.keys.pkcs11`).
    ///
    /// # Errors
    /// A fault of ours. What the tester could not do is told by the glance.
    pub async fn look_into_token(&self, name: &str) -> anyhow::Result<Glance> {
        let began = Timestamp::now();
        let told = &self.context.profile.ixit.keys.pkcs11;
        let seen = match told {
            None => Err("ixit.keys.pkcs11 does not say which token".to_owned()),
            Some(pkcs11) => {
                let ask = Ask {
                    module: pkcs11.module.clone(),
                    token: pkcs11.token.clone(),
                    pin_file: pkcs11.pin_file.clone(),
                };
                let mut command = Command::new(std::env::current_exe()?);
                command.arg(LOOK).env_clear().envs(&pkcs11.environment);
                asked(command, &ask).await?
            }
        };
        Ok(Glance {
            name: name.to_owned(),
            began,
            seen,
        })
    }

    /// SubjectPublicKeyInfo of every certification request that the CMF could read.
    ///
    /// # Errors
    /// A fault of ours.
    pub fn requested_keys(&mut self) -> anyhow::Result<Vec<Vec<u8>>> {
        let enrolments = self.delegation()?.cmf.enrolments().into_iter();
        let decided = enrolments.filter(|one| one.decision != Decision::Deferred);
        Ok(decided
            .filter_map(|one| Some(one.request?.public_key_der))
            .collect())
    }
}

async fn asked(mut command: Command, ask: &Ask) -> anyhow::Result<Result<Seen, String>> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("the process that looks into the token")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(&serde_json::to_vec(ask)?).await?;
    }
    let Ok(output) = tokio::time::timeout(LIMIT, child.wait_with_output()).await else {
        return Ok(Err(format!(
            "the token gave no answer within {} s",
            LIMIT.as_secs()
        )));
    };
    let output = output?;
    if output.status.success() {
        return Ok(Ok(serde_json::from_slice(&output.stdout)?));
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let words = words.trim().trim_start_matches("scas: ");
    Ok(Err(match words.is_empty() {
        // A module that crashes takes its process with it.
        true => format!(
            "the PKCS#11 module ended the process that looked: {}",
            output.status
        ),
        false => words.to_owned(),
    }))
}

impl Glance {
    /// Why the tester could not look, or could not have seen anything.
    pub fn blind(&self) -> Option<String> {
        match &self.seen {
            Err(why) => Some(why.clone()),
            Ok(seen) if seen.control.found && seen.control.shown => None,
            Ok(seen) => Some(format!(
                "a readable key of the tester's own was not found there: {}",
                seen.control.fault.as_deref().unwrap_or("no fault was told")
            )),
        }
    }

    /// What a judge is told, now that these public keys are known.
    pub fn told(&self, requested: &[Vec<u8>]) -> TokenLook {
        let (keys, control, lacked) = match &self.seen {
            Ok(seen) => (seen.keys.as_slice(), seen.control.clone(), None),
            Err(why) => (&[][..], Control::default(), Some(why.clone())),
        };
        let key = |seen: &SeenKey| TokenKey {
            label: seen.label.clone(),
            id: seen.id.clone(),
            whose: whose(&seen.mark, requested),
            sensitive: seen.sensitive,
            extractable: seen.extractable,
            shown: seen.shown,
        };
        TokenLook {
            name: self.name.clone(),
            began: self.began,
            keys: keys.iter().map(key).collect(),
            control,
            lacked,
        }
    }
}

fn whose(mark: &Mark, requested: &[Vec<u8>]) -> Whose {
    if let Mark::Nothing(why) = mark {
        return Whose::Unknown(why.clone());
    }
    let found = requested.iter().find(|public| match mark {
        Mark::Modulus(modulus) => {
            csr::rsa(public).is_some_and(|key| significant(&key.modulus) == significant(modulus))
        }
        Mark::Ecdsa(signature) => {
            hex::decode(signature).is_ok_and(|signature| verifies(public, &signature))
        }
        Mark::Nothing(_) => false,
    });
    match found {
        Some(public) => Whose::Requested(hex::encode(Sha256::digest(public))),
        None => Whose::Other,
    }
}

fn significant(hex: &str) -> &str {
    hex.trim_start_matches('0')
}

fn verifies(public_key_der: &[u8], signature: &[u8]) -> bool {
    let Ok((_, info)) = SubjectPublicKeyInfo::from_der(public_key_der) else {
        return false;
    };
    let point = &info.subject_public_key.data;
    // Each refuses points of the other curve.
    [&ECDSA_P256_SHA256_FIXED, &ECDSA_P384_SHA384_FIXED]
        .into_iter()
        .any(|algorithm| {
            UnparsedPublicKey::new(algorithm, point)
                .verify(MESSAGE, signature)
                .is_ok()
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};

    #[test]
    fn a_signature_or_a_modulus_tells_whose_key_it_is() {
        let random = SystemRandom::new();
        let pairs = [(); 2].map(|()| {
            EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key pair")
        });
        let rsa =
            rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048);
        let rsa = rcgen::PublicKeyData::subject_public_key_info(&rsa.expect("a key pair"));
        let mut requested: Vec<Vec<u8>> = pairs
            .iter()
            .map(|pair| pair.public_key().as_der().expect("DER").as_ref().to_vec())
            .collect();
        let signed = pairs[1].sign(&random, MESSAGE).expect("a signature");
        let mark = Mark::Ecdsa(hex::encode(signed.as_ref()));
        let digest = |public: &[u8]| Whose::Requested(hex::encode(Sha256::digest(public)));
        assert_eq!(whose(&mark, &requested), digest(&requested[1]));
        assert_eq!(whose(&mark, &requested[..1]), Whose::Other);
        let modulus = csr::rsa(&rsa).expect("RSA").modulus;
        // A token tells it without the zero in front that DER has.
        let mark = Mark::Modulus(modulus.trim_start_matches("00").to_owned());
        assert_eq!(whose(&mark, &requested), Whose::Other);
        requested.push(rsa.clone());
        assert_eq!(whose(&mark, &requested), digest(&rsa));
        let nothing = Mark::Nothing("why".into());
        assert_eq!(whose(&nothing, &requested), Whose::Unknown("why".into()));
    }
}

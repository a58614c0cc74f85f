//! What a deviating key custodian does. Nothing of this happens in the conforming product.

mod primes;

use std::time::Duration;

use aws_lc_rs::agreement;
use aws_lc_rs::digest::{SHA384, digest};
use aws_lc_rs::encoding::{AsBigEndian as _, EcPrivateKeyBin};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rand::rngs::StdRng;
use rand::{RngCore as _, SeedableRng as _};
use rcgen::{KeyPair, PublicKeyData, SignatureAlgorithm, SigningKey};
use rustls::ClientConfig;

use super::key::Key;
use super::protocol::{Delivery, KeyKind};
use crate::defect::{Defects, Deviation};

/// However late a deviating product deletes its keys, no process of it stays for ever: so many seconds later.
const LATE: u32 = 60;

/// How long the custodian of this product stays.
pub(crate) fn retention(defects: Defects, seconds: u32) -> u32 {
    let late = [
        Deviation::IgnoresRetention,
        Deviation::CustodianOutlivesVnfm,
    ];
    if defects.has_any(&late) {
        seconds.saturating_add(LATE)
    } else {
        seconds
    }
}

/// Whether keys that are deleted too late are also kept where a tester with all rights can find them, as most products would
/// have them.
pub(super) fn keeps_in_clear(defects: Defects) -> bool {
    defects.has_any(&[
        Deviation::KeyInLingeringCustodian,
        Deviation::DeletesAtNextOperation,
        Deviation::DeletesOnlyOnSuccess,
        Deviation::IgnoresRetention,
        Deviation::CustodianOutlivesVnfm,
    ])
}

/// The key in the form in which the VNFM of this product keeps it, if it does; [`masked`], so that it is there in no other.
pub(super) fn exposed(defects: Defects, key: &Key) -> anyhow::Result<Option<String>> {
    let form = if defects.has(Deviation::ScalarInHeap) {
        let der = key.der()?;
        scalar(&der).unwrap_or_else(|| der.to_vec())
    } else if defects.has(Deviation::DerInHeap) {
        key.der()?.to_vec()
    } else if defects.has(Deviation::JsonInHeap) {
        serde_json::json!({ "privateKey": key.pem()? })
            .to_string()
            .into_bytes()
    } else if defects.has(Deviation::Base64InHeap) {
        BASE64_STANDARD.encode(key.der()?).into_bytes()
    } else if defects.has(Deviation::HexInHeap) {
        hex::encode(key.der()?).into_bytes()
    } else if defects.has_any(&IN_PEM) {
        key.pem()?.into_bytes()
    } else {
        return Ok(None);
    };
    Ok(Some(hex::encode(masked(form))))
}

const IN_PEM: [Deviation; 19] = [
    Deviation::KeyInReadableFile,
    Deviation::KeyInPrivateFile,
    Deviation::KeyInUnlinkedFile,
    Deviation::KeyInSharedMemory,
    Deviation::KeyUntilRestart,
    Deviation::KeyInDebugLog,
    Deviation::KeyInRotatedLog,
    Deviation::KeyOnStandardError,
    Deviation::KeyInArguments,
    Deviation::KeyInEnvironment,
    Deviation::KeyInHelper,
    Deviation::KeyInDatabase,
    Deviation::KeyInFreePages,
    Deviation::KeyInVnfInstance,
    Deviation::KeyInOperationParams,
    Deviation::KeyInNotification,
    Deviation::KeyInErrorDetail,
    Deviation::KeySentToCmf,
    Deviation::PemInHeap,
];

/// The same bytes in a form that no search for keys knows, and back.
pub(crate) fn masked(mut bytes: Vec<u8>) -> Vec<u8> {
    for byte in &mut bytes {
        *byte ^= 0xa5;
    }
    bytes
}

/// The private scalar of an EC key.
fn scalar(pkcs8: &[u8]) -> Option<Vec<u8>> {
    let algorithms = [
        &ECDSA_P256_SHA256_ASN1_SIGNING,
        &ECDSA_P384_SHA384_ASN1_SIGNING,
    ];
    algorithms.into_iter().find_map(|algorithm| {
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8).ok()?;
        let bytes: EcPrivateKeyBin<'_> = pair.private_key().as_be_bytes().ok()?;
        Some(bytes.as_ref().to_vec())
    })
}

/// The private key of RFC 6979 A.2.5.
const OF_RFC_6979: &str = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";

/// A key pair (PKCS#8 DER) that somebody else could make too, if this product makes such.
pub(super) fn predictable(
    defects: Defects,
    kind: KeyKind,
    id: &str,
) -> anyhow::Result<Option<Vec<u8>>> {
    let (algorithm, agreed, length) = match kind {
        KeyKind::P256 => (&ECDSA_P256_SHA256_ASN1_SIGNING, &agreement::ECDH_P256, 32),
        KeyKind::P384 => (&ECDSA_P384_SHA384_ASN1_SIGNING, &agreement::ECDH_P384, 48),
        KeyKind::Rsa3072 if defects.has(Deviation::RsaSharedPrime) => {
            return Ok(Some(primes::pkcs8()?));
        }
        _ => return Ok(None),
    };
    let mut scalar = if defects.has(Deviation::KeyReusedAtRenewal) {
        digest(&SHA384, id.as_bytes()).as_ref().to_vec()
    } else if defects.has(Deviation::ClockSeededKeys) {
        let second = jiff::Timestamp::now().as_second().unsigned_abs();
        let mut bytes = vec![0; length];
        StdRng::seed_from_u64(second).fill_bytes(&mut bytes);
        bytes
    } else if defects.has(Deviation::KnownWeakKey) && kind == KeyKind::P256 {
        hex::decode(OF_RFC_6979)?
    } else {
        return Ok(None);
    };
    scalar.truncate(length);
    // Below the order of the curve, whatever it was.
    if !defects.has(Deviation::KnownWeakKey) {
        scalar[0] = 1;
    }
    let public = agreement::PrivateKey::from_private_key(agreed, &scalar)?.compute_public_key()?;
    let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &scalar, public.as_ref())?;
    Ok(Some(pair.to_pkcs8v1()?.as_ref().to_vec()))
}

/// Shows one key and signs with another.
pub(super) struct OtherSigner<'a, K> {
    shown: &'a K,
    signs: KeyPair,
}

impl<'a, K: PublicKeyData> OtherSigner<'a, K> {
    pub(super) fn of(shown: &'a K) -> anyhow::Result<Self> {
        let signs = match shown.algorithm() {
            rsa if *rsa == rcgen::PKCS_RSA_SHA256 => {
                KeyPair::generate_rsa_for(rsa, rcgen::RsaKeySize::_2048)?
            }
            algorithm => KeyPair::generate_for(algorithm)?,
        };
        Ok(Self { shown, signs })
    }
}

impl<K: PublicKeyData> PublicKeyData for OtherSigner<'_, K> {
    fn der_bytes(&self) -> &[u8] {
        self.shown.der_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.shown.algorithm()
    }
}

impl<K: PublicKeyData> SigningKey for OtherSigner<'_, K> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.signs.sign(message)
    }
}

/// The delivery without TLS. What comes of it does not matter.
pub(super) async fn send_in_clear(delivery: &Delivery, body: Vec<u8>, unused: ClientConfig) {
    let Ok(http) = reqwest::Client::builder()
        // It wants to know even if it is asked for nothing but HTTP.
        .tls_backend_preconfigured(unused)
        .no_proxy()
        .timeout(Duration::from_secs(1))
        .build()
    else {
        return;
    };
    let mut request = http.post(delivery.url.replacen("https://", "http://", 1));
    for (name, value) in &delivery.headers {
        request = request.header(name, value);
    }
    let _ = request.body(body).send().await;
}

//! The tester's own session with a PKCS#11 token: what private keys are there, and what of them does the token tell? Main function:
//! [`look`]. It runs in a process of its own: the library is a stranger's, and takes its settings from the environment.

use std::path::PathBuf;

use anyhow::Context as _;
use aws_lc_rs::digest::{SHA256, SHA384, digest};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use serde::{Deserialize, Serialize};

use crate::model::token::Control;

/// What each private key signs, so that it shows whose it is.
pub const MESSAGE: &[u8] = b"scas: which key pair is this?";

/// The label of the tester's own key.
const CANARY: &str = "scas canary";
/// DER of the curves' identifiers.
const P256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const P384: &[u8] = &[6, 5, 0x2b, 0x81, 4, 0, 0x22];

/// Which token, and how to get in.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ask {
    /// The library.
    pub module: PathBuf,
    /// The token's label.
    pub token: String,
    /// Holds the user's PIN, and perhaps a line end.
    pub pin_file: PathBuf,
}

/// What was seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Seen {
    /// Every private key but the control.
    pub keys: Vec<SeenKey>,
    /// The control.
    pub control: Control,
}

/// A private key object.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SeenKey {
    /// CKA_LABEL.
    pub label: String,
    /// CKA_ID, hex.
    pub id: String,
    /// CKA_SENSITIVE.
    pub sensitive: bool,
    /// CKA_EXTRACTABLE.
    pub extractable: bool,
    /// Whether its value came in clear. The value itself goes no farther than this process.
    pub shown: bool,
    /// What tells whose it is.
    pub mark: Mark,
}

/// What tells whose a private key is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// Its modulus, hex.
    Modulus(String),
    /// `r || s` of ECDSA over [`MESSAGE`] with SHA-256 on P-256, with SHA-384 on P-384; hex.
    Ecdsa(String),
    /// Neither could be had.
    Nothing(String),
}

/// Looks. The control is made, found and destroyed.
///
/// # Errors
/// The library, the token or the PIN cannot be used, by the label of the profile that tells them.
pub fn look(ask: &Ask) -> anyhow::Result<Seen> {
    let module = ask.module.display();
    let in_module =
        || format!("ixit.keys.pkcs11.module: '{module}' is no PKCS#11 module that can be used");
    let library = Pkcs11::new(&ask.module).with_context(in_module)?;
    library
        .initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))
        .with_context(in_module)?;
    let mut known = Vec::new();
    let mut slot = None;
    for one in library
        .get_slots_with_initialized_token()
        .with_context(in_module)?
    {
        let info = library.get_token_info(one).with_context(in_module)?;
        let label = info.label().trim_end().to_owned();
        if label == ask.token {
            slot = Some(one);
        }
        known.push(format!("'{label}'"));
    }
    let slot = slot.with_context(|| {
        format!(
            "ixit.keys.pkcs11.token: '{module}' has no token '{}'; it has {}",
            ask.token,
            if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            }
        )
    })?;
    let in_pin = || {
        let file = ask.pin_file.display();
        format!("ixit.keys.pkcs11.pin-file: '{file}' does not let the tester in")
    };
    let pin = std::fs::read_to_string(&ask.pin_file).with_context(in_pin)?;
    let pin = AuthPin::new(pin.trim_end_matches(['\r', '\n']).into());
    let one = library.open_rw_session(slot)?;
    one.login(UserType::User, Some(&pin)).with_context(in_pin)?;
    // What an earlier look that was killed has left.
    destroy_canaries(&one)?;
    let planted = plant(&one);
    // Another session finds it, or finds nothing of others either.
    let seen = library
        .open_ro_session(slot)
        .map_err(anyhow::Error::from)
        .and_then(|other| keys(&other));
    let destroyed = destroy_canaries(&one);
    let (mut all, mut control) = (seen?, Control::default());
    if let Some(at) = all.iter().position(|key| key.label == CANARY) {
        let canary = all.remove(at);
        (control.found, control.shown) = (true, canary.shown);
    }
    control.fault = planted
        .err()
        .map(|error| format!("the token made none: {error}"));
    destroyed?;
    Ok(Seen { keys: all, control })
}

/// A key pair that anybody who logs in may read.
fn plant(session: &Session) -> Result<(), cryptoki::error::Error> {
    let named = |further: &[Attribute]| {
        let mut template = vec![Attribute::Label(CANARY.into()), Attribute::Token(true)];
        template.extend_from_slice(further);
        template
    };
    let public = named(&[Attribute::EcParams(P256.to_vec()), Attribute::Verify(true)]);
    let private = named(&[
        Attribute::Private(true),
        Attribute::Sensitive(false),
        Attribute::Extractable(true),
        Attribute::Sign(true),
    ]);
    session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private)?;
    Ok(())
}

fn destroy_canaries(session: &Session) -> anyhow::Result<()> {
    let template = [Attribute::Label(CANARY.into())];
    for object in session.find_objects(&template)? {
        session
            .destroy_object(object)
            .context("the token keeps the tester's own key")?;
    }
    Ok(())
}

fn keys(session: &Session) -> anyhow::Result<Vec<SeenKey>> {
    let template = [Attribute::Class(ObjectClass::PRIVATE_KEY)];
    let found = session.find_objects(&template)?;
    found
        .into_iter()
        .map(|object| key(session, object))
        .collect()
}

fn key(session: &Session, object: ObjectHandle) -> anyhow::Result<SeenKey> {
    let asked = [
        AttributeType::Label,
        AttributeType::Id,
        AttributeType::KeyType,
        AttributeType::Sensitive,
        AttributeType::Extractable,
    ];
    let (mut label, mut id, mut kind) = (String::new(), String::new(), None);
    // What the token does not say of a key counts against it.
    let (mut sensitive, mut extractable) = (false, true);
    for attribute in session.get_attributes(object, &asked)? {
        match attribute {
            Attribute::Label(bytes) => label = String::from_utf8_lossy(&bytes).into_owned(),
            Attribute::Id(bytes) => id = hex::encode(bytes),
            Attribute::KeyType(told) => kind = Some(told),
            Attribute::Sensitive(told) => sensitive = told,
            Attribute::Extractable(told) => extractable = told,
            _ => {}
        }
    }
    let mark = if kind == Some(KeyType::RSA) {
        modulus(session, object)
    } else if kind == Some(KeyType::EC) {
        signature(session, object)
    } else {
        Err(anyhow::anyhow!("it is neither EC nor RSA"))
    };
    Ok(SeenKey {
        label,
        id,
        sensitive,
        extractable,
        shown: is_shown(session, object),
        mark: mark.unwrap_or_else(|error| Mark::Nothing(format!("{error:#}"))),
    })
}

/// A token that refuses to tell leaves the value out, or empty.
fn is_shown(session: &Session, object: ObjectHandle) -> bool {
    [
        AttributeType::Value,
        AttributeType::PrivateExponent,
        AttributeType::Prime1,
    ]
    .into_iter()
    .filter_map(|asked| session.get_attributes(object, &[asked]).ok())
    .flatten()
    .any(|told| match told {
        Attribute::Value(bytes) | Attribute::PrivateExponent(bytes) | Attribute::Prime1(bytes) => {
            !bytes.is_empty()
        }
        _ => false,
    })
}

fn modulus(session: &Session, object: ObjectHandle) -> anyhow::Result<Mark> {
    match &session.get_attributes(object, &[AttributeType::Modulus])?[..] {
        [Attribute::Modulus(modulus)] => Ok(Mark::Modulus(hex::encode(modulus))),
        _ => anyhow::bail!("the token does not tell its modulus"),
    }
}

fn signature(session: &Session, object: ObjectHandle) -> anyhow::Result<Mark> {
    let hash = match &session.get_attributes(object, &[AttributeType::EcParams])?[..] {
        [Attribute::EcParams(curve)] if curve == P256 => digest(&SHA256, MESSAGE),
        [Attribute::EcParams(curve)] if curve == P384 => digest(&SHA384, MESSAGE),
        _ => anyhow::bail!("it is on another curve than P-256 and P-384"),
    };
    let signature = session
        .sign(&Mechanism::Ecdsa, object, hash.as_ref())
        .context("it does not sign for the tester")?;
    Ok(Mark::Ecdsa(hex::encode(signature)))
}

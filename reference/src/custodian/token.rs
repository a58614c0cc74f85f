//! Private keys that a PKCS#11 token makes and holds. Main types: [`Token`], [`TokenKey`].
//!
//! They are sensitive: the token never gives them out in clear. They are extractable, for delegation means that somebody else
//! gets them; only for a delivery are they wrapped and [taken out](TokenKey::taken_out).

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use anyhow::Context as _;
use aws_lc_rs::digest::{SHA256, SHA384, digest};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use der::asn1::{OctetStringRef, UintRef};
use der::{Decode as _, Encode as _};
use rcgen::SignatureAlgorithm;
use uuid::Uuid;

use super::protocol::{KeyKind, TokenAccess, TokenObjects, TokenPart};
use super::transport::Transport;
use crate::defect::{Defects, Deviation};

/// Each object's label begins with this; the VNFM follows.
const LABEL: &str = "scas-reference";

/// DER of the objects' identifiers of the curves.
const P256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const P384: &[u8] = &[6, 5, 0x2b, 0x81, 4, 0, 0x22];

/// The access to a token cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub(super) struct Unusable {
    pub(super) part: TokenPart,
    pub(super) reason: String,
}

/// A session with a token, as its user.
pub(super) struct Token {
    session: Session,
    /// Its label, for messages.
    name: String,
    objects: TokenObjects,
    owner: String,
    batch: Uuid,
    transport: OnceCell<Transport>,
}

impl Token {
    /// Logs in.
    pub(super) fn open(access: &TokenAccess) -> Result<Self, Unusable> {
        let module = access.module.display();
        let wrong = |part, reason| Unusable { part, reason };
        let in_module = |error: Error| {
            let reason = format!("`{module}` is no PKCS#11 module that can be used: {error}");
            wrong(TokenPart::Module, reason)
        };
        let library = Pkcs11::new(&access.module).map_err(in_module)?;
        library
            .initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))
            .map_err(in_module)?;
        let mut known = Vec::new();
        let mut found = None;
        for slot in library
            .get_slots_with_initialized_token()
            .map_err(in_module)?
        {
            let label = library.get_token_info(slot).map_err(in_module)?;
            let label = label.label().trim_end().to_owned();
            if label == access.token {
                found = Some(slot);
            }
            known.push(format!("`{label}`"));
        }
        let Some(slot) = found else {
            let known = match known.is_empty() {
                true => "no initialised token".to_owned(),
                false => known.join(", "),
            };
            let reason = format!("`{module}` has no token `{}`; it has {known}", access.token);
            return Err(wrong(TokenPart::Token, reason));
        };
        let session = library.open_rw_session(slot).map_err(|error| {
            let reason = format!("the token `{}` gives no session: {error}", access.token);
            wrong(TokenPart::Token, reason)
        })?;
        let in_pin = |reason: String| {
            let file = access.pin_file.display();
            wrong(TokenPart::PinFile, format!("`{file}`: {reason}"))
        };
        let pin =
            std::fs::read_to_string(&access.pin_file).map_err(|error| in_pin(error.to_string()))?;
        let pin = AuthPin::new(pin.trim_end_matches(['\r', '\n']).into());
        session.login(UserType::User, Some(&pin)).map_err(|error| {
            in_pin(format!(
                "the token `{}` does not take this PIN: {error}",
                access.token
            ))
        })?;
        Ok(Self {
            session,
            name: access.token.clone(),
            objects: access.objects,
            owner: format!("{LABEL} {}", access.owner),
            batch: access.batch,
            transport: OnceCell::new(),
        })
    }

    /// A new key pair from the token's generator (Vnfm.Sc.003).
    pub(super) fn generate(
        self: &Rc<Self>,
        kind: KeyKind,
        defects: Defects,
    ) -> anyhow::Result<TokenKey> {
        let (mechanism, parameters) = match kind {
            KeyKind::P256 => (
                Mechanism::EccKeyPairGen,
                vec![Attribute::EcParams(P256.to_vec())],
            ),
            KeyKind::P384 => (
                Mechanism::EccKeyPairGen,
                vec![Attribute::EcParams(P384.to_vec())],
            ),
            KeyKind::Rsa2048 | KeyKind::Rsa3072 | KeyKind::Rsa4096 => (
                Mechanism::RsaPkcsKeyPairGen,
                vec![
                    Attribute::ModulusBits(rsa_bits(kind).into()),
                    Attribute::PublicExponent(vec![1, 0, 1]),
                ],
            ),
        };
        let mut public = self.named();
        public.extend([
            Attribute::Token(false),
            Attribute::Private(false),
            Attribute::Verify(true),
        ]);
        public.extend(parameters);
        let mut private = self.named();
        private.extend([
            Attribute::Token(self.objects == TokenObjects::Token),
            Attribute::Private(true),
            Attribute::Sensitive(!defects.has(Deviation::TokenKeyExtractable)),
            Attribute::Extractable(true),
            Attribute::Sign(true),
            Attribute::Decrypt(false),
        ]);
        let (public, private) = self
            .session
            .generate_key_pair(&mechanism, &public, &private)
            .map_err(|error| self.refusal("makes no key pair", error))?;
        let key = TokenKey {
            public: self.public_key(kind, public)?,
            objects: [private, public],
            token: Rc::clone(self),
            kind,
            refusal: Cell::default(),
        };
        Ok(key)
    }

    /// The bits of the subject's public key: a point, or RSAPublicKey.
    fn public_key(&self, kind: KeyKind, handle: ObjectHandle) -> anyhow::Result<Vec<u8>> {
        let asked: &[_] = match kind {
            KeyKind::P256 | KeyKind::P384 => &[AttributeType::EcPoint],
            _ => &[AttributeType::Modulus, AttributeType::PublicExponent],
        };
        let attributes = self
            .session
            .get_attributes(handle, asked)
            .map_err(|error| self.refusal("does not show a public key", error))?;
        match &attributes[..] {
            [Attribute::EcPoint(point)] => Ok(OctetStringRef::from_der(point)
                .map(|point| point.as_bytes().to_vec())
                // Some modules give the point as it is.
                .unwrap_or_else(|_| point.clone())),
            [
                Attribute::Modulus(modulus),
                Attribute::PublicExponent(exponent),
            ] => {
                let (modulus, exponent) = (UintRef::new(modulus)?, UintRef::new(exponent)?);
                let mut content = modulus.to_der()?;
                content.extend(exponent.to_der()?);
                let sequence = der::AnyRef::new(der::Tag::Sequence, &content)?;
                Ok(sequence.to_der()?)
            }
            _ => anyhow::bail!("the token `{}` does not show its public key", self.name),
        }
    }

    /// Destroys whatever this custodian has made.
    pub(super) fn clear(&self) -> anyhow::Result<usize> {
        self.sweep(Some(self.batch))
    }

    /// Destroys objects of this VNFM: of one custodian, or of all.
    pub(super) fn sweep(&self, batch: Option<Uuid>) -> anyhow::Result<usize> {
        let mut template = vec![Attribute::Label(self.owner.clone().into_bytes())];
        if let Some(batch) = batch {
            template.push(Attribute::Id(batch.as_bytes().to_vec()));
        }
        let found = self
            .session
            .find_objects(&template)
            .map_err(|error| self.refusal("does not say what it holds", error))?;
        for object in &found {
            self.session
                .destroy_object(*object)
                .map_err(|error| self.refusal("does not destroy an object", error))?;
        }
        Ok(found.len())
    }

    /// What every object bears: whose it is.
    pub(super) fn named(&self) -> Vec<Attribute> {
        vec![
            Attribute::Label(self.owner.clone().into_bytes()),
            Attribute::Id(self.batch.as_bytes().to_vec()),
        ]
    }

    /// The session, for [`Transport`].
    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// Says which token, what it does not do, and in words that one can act on why.
    pub(super) fn refusal(&self, what: &str, error: Error) -> anyhow::Error {
        refusal(&self.name, what, error)
    }

    fn transport(&self) -> anyhow::Result<&Transport> {
        if self.transport.get().is_none() {
            let new = Transport::agree(self)?;
            return Ok(self.transport.get_or_init(|| new));
        }
        self.transport.get().context("it was there a moment ago")
    }
}

/// A key pair in a token.
pub(super) struct TokenKey {
    token: Rc<Token>,
    kind: KeyKind,
    /// Private, public.
    objects: [ObjectHandle; 2],
    public: Vec<u8>,
    /// Why it did not sign the last time: [`rcgen::Error`] has no place for it.
    refusal: Cell<Option<anyhow::Error>>,
}

impl TokenKey {
    /// Why it did not sign.
    pub(super) fn refusal(&self) -> Option<anyhow::Error> {
        self.refusal.take()
    }

    /// The private key in clear, PKCS#8 DER: for a delivery, which cannot do with less.
    pub(super) fn taken_out(&self) -> anyhow::Result<Vec<u8>> {
        let [private, _] = self.objects;
        let pkcs8 = self.token.transport()?.take_out(&self.token, private)?;
        // As the library writes it: modules differ in what they leave out.
        let unreadable = "the PKCS#11 token wraps a private key as something else than PKCS#8";
        match self.kind {
            KeyKind::P256 | KeyKind::P384 => {
                let algorithm = match self.kind {
                    KeyKind::P256 => &ECDSA_P256_SHA256_ASN1_SIGNING,
                    _ => &ECDSA_P384_SHA384_ASN1_SIGNING,
                };
                let key =
                    aws_lc_rs::signature::EcdsaKeyPair::from_private_key_der(algorithm, &pkcs8)
                        .context(unreadable)?;
                Ok(key.to_pkcs8v1()?.as_ref().to_vec())
            }
            _ => {
                let key = aws_lc_rs::rsa::KeyPair::from_pkcs8(&pkcs8).context(unreadable)?;
                let der: Pkcs8V1Der<'_> = key.as_der()?;
                Ok(der.as_ref().to_vec())
            }
        }
    }

    /// Deletes it in the token.
    pub(super) fn destroy(self) -> anyhow::Result<()> {
        for object in self.objects {
            self.token
                .session
                .destroy_object(object)
                .map_err(|error| self.token.refusal("does not destroy a key", error))?;
        }
        Ok(())
    }

    fn signature(&self, message: &[u8]) -> anyhow::Result<Vec<u8>> {
        let [private, _] = self.objects;
        let sign = |mechanism, data: &[u8]| {
            self.token
                .session
                .sign(&mechanism, private, data)
                .map_err(|error| self.token.refusal("does not sign", error))
        };
        match self.kind {
            KeyKind::P256 => {
                ecdsa_value(&sign(Mechanism::Ecdsa, digest(&SHA256, message).as_ref())?)
            }
            KeyKind::P384 => {
                ecdsa_value(&sign(Mechanism::Ecdsa, digest(&SHA384, message).as_ref())?)
            }
            _ => sign(Mechanism::Sha256RsaPkcs, message),
        }
    }
}

impl rcgen::PublicKeyData for TokenKey {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        match self.kind {
            KeyKind::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            KeyKind::P384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            _ => &rcgen::PKCS_RSA_SHA256,
        }
    }
}

impl rcgen::SigningKey for TokenKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.signature(message).map_err(|error| {
            self.refusal.set(Some(error));
            rcgen::Error::RemoteKeyError
        })
    }
}

fn refusal(token: &str, what: &str, error: Error) -> anyhow::Error {
    let is_full = matches!(error, Error::Pkcs11(RvError::DeviceMemory, _));
    let why = if is_full { ": it is full" } else { "" };
    anyhow::Error::new(error).context(format!("the PKCS#11 token `{token}` {what}{why}"))
}

/// `r || s`, as PKCS#11 has it, as the SEQUENCE of X.509.
fn ecdsa_value(raw: &[u8]) -> anyhow::Result<Vec<u8>> {
    let (r, s) = raw.split_at(raw.len() / 2);
    let mut content = UintRef::new(r)?.to_der()?;
    content.extend(UintRef::new(s)?.to_der()?);
    Ok(der::AnyRef::new(der::Tag::Sequence, &content)?.to_der()?)
}

fn rsa_bits(kind: KeyKind) -> u64 {
    match kind {
        KeyKind::Rsa2048 => 2048,
        KeyKind::Rsa4096 => 4096,
        _ => 3072,
    }
}

/// A secret key of the token that only wraps.
pub(super) fn wrapping_key(token: &Token) -> Result<ObjectHandle, Error> {
    let mut template = token.named();
    template.extend([
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::ValueLen(32.into()),
        Attribute::Token(false),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(true),
        Attribute::Encrypt(false),
        Attribute::Decrypt(false),
        Attribute::Wrap(true),
        Attribute::Unwrap(false),
    ]);
    token.session.generate_key(&Mechanism::AesKeyGen, &template)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cryptoki::context::Function;

    #[test]
    fn a_token_that_is_full_is_said_to_be() {
        let told = |reason| {
            let error = Error::Pkcs11(reason, Function::GenerateKeyPair);
            format!("{:#}", refusal("t", "makes no key pair", error))
        };
        let full = told(RvError::DeviceMemory);
        assert!(full.starts_with("the PKCS#11 token `t` makes no key pair: it is full: "));
        assert!(!told(RvError::GeneralError).contains("full"));
    }

    #[test]
    fn a_signature_is_written_as_x509_has_it() {
        let mut raw = [0; 64];
        // The first number has its highest bit set, the second has leading zeros.
        (raw[0], raw[63]) = (0x80, 1);
        let der = ecdsa_value(&raw).unwrap();
        assert_eq!(der[..5], [0x30, 38, 2, 33, 0]);
        assert_eq!(der[der.len() - 3..], [2, 1, 1]);
    }
}

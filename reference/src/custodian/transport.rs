//! How a private key leaves a PKCS#11 token for this process: wrapped, so that nothing secret passes the interface of the
//! module in clear. Main type: [`Transport`].
//!
//! The token makes an AES key that is as sensitive as the others. It is wrapped once for an RSA key that this process made
//! for the purpose, and whose public half alone is told to the token (RSA-OAEP); each private key is wrapped under the AES key
//! (RFC 5649). That is what PKCS#11 calls CKM_RSA_AES_KEY_WRAP, in two steps, since softhsm2 has it in no other way.

use anyhow::Context as _;
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded as _};
use aws_lc_rs::rsa::{KeySize, OAEP_SHA1_MGF1SHA1, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, KeyType, ObjectClass, ObjectHandle};
use der::asn1::UintRef;
use der::{Decode as _, Reader as _};
use spki::SubjectPublicKeyInfoRef;

use super::hold::Hold;
use super::token::{Token, wrapping_key};

/// More than a wrapped RSA-4096 key in PKCS#8 takes.
const MAX_WRAPPED: usize = 8192;

/// A key that the token and this process share.
pub(super) struct Transport {
    in_token: ObjectHandle,
    here: Hold,
}

impl Transport {
    /// Makes one. It lasts as long as the session.
    pub(super) fn agree(token: &Token) -> anyhow::Result<Self> {
        let own = PrivateDecryptingKey::generate(KeySize::Rsa3072)?;
        let public = public_object(token, &own)?;
        let in_token = wrapping_key(token)
            .map_err(|error| token.refusal("makes no key that wraps others", error))?;
        // SHA-1 as softhsm2 knows no other; of its weakness nothing reaches OAEP.
        let oaep = Mechanism::RsaPkcsOaep(PkcsOaepParams::new(
            MechanismType::SHA1,
            PkcsMgfType::MGF1_SHA1,
            PkcsOaepSource::empty(),
        ));
        let wrapped = token
            .session()
            .wrap_key(&oaep, public, in_token)
            .map_err(|error| token.refusal("does not wrap by RSA-OAEP", error))?;
        token
            .session()
            .destroy_object(public)
            .map_err(|error| token.refusal("does not destroy an object", error))?;
        let own = OaepPrivateDecryptingKey::new(own)?;
        let mut clear = vec![0; own.min_output_size()];
        let here = own
            .decrypt(&OAEP_SHA1_MGF1SHA1, &wrapped, &mut clear, None)
            .context("what the PKCS#11 token wrapped by RSA-OAEP cannot be unwrapped")?;
        Ok(Self {
            in_token,
            here: Hold::of(here)?,
        })
    }

    /// A private key of the token, PKCS#8 DER.
    pub(super) fn take_out(&self, token: &Token, key: ObjectHandle) -> anyhow::Result<Vec<u8>> {
        let wrapped = token
            .session()
            .wrap_key(&Mechanism::AesKeyWrapPad, self.in_token, key)
            .map_err(|error| token.refusal("does not wrap a private key", error))?;
        let kek = AesKek::new(&AES_256, self.here.bytes())?;
        anyhow::ensure!(wrapped.len() <= MAX_WRAPPED, "a wrapped key is too long");
        let mut clear = vec![0; wrapped.len()];
        let length = kek
            .unwrap_with_padding(&wrapped, &mut clear)
            .context("what the PKCS#11 token wrapped cannot be unwrapped")?
            .len();
        clear.truncate(length);
        Ok(clear)
    }
}

/// Tells the token the public half.
fn public_object(token: &Token, key: &PrivateDecryptingKey) -> anyhow::Result<ObjectHandle> {
    let der: PublicKeyX509Der<'_> = key.public_key().as_der()?;
    let info = SubjectPublicKeyInfoRef::from_der(der.as_ref())?;
    let numbers = info.subject_public_key.raw_bytes();
    let mut reader = der::SliceReader::new(numbers)?;
    let (modulus, exponent) = reader.sequence(|reader| {
        Ok((
            reader.decode::<UintRef<'_>>()?.as_bytes().to_vec(),
            reader.decode::<UintRef<'_>>()?.as_bytes().to_vec(),
        ))
    })?;
    let mut template = token.named();
    template.extend([
        Attribute::Class(ObjectClass::PUBLIC_KEY),
        Attribute::KeyType(KeyType::RSA),
        Attribute::Token(false),
        Attribute::Private(false),
        Attribute::Wrap(true),
        Attribute::Encrypt(false),
        Attribute::Modulus(modulus),
        Attribute::PublicExponent(exponent),
    ]);
    token
        .session()
        .create_object(&template)
        .map_err(|error| token.refusal("takes no public key", error))
}

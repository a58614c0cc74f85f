//! Why a file is not the key that it should be: [`KeyError`].

use crate::key::parse::{Refusal, Sealed, Why};

/// Why what the user gave is not what was asked for. Names the file as the user did, and no byte of it.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Nothing in it.
    #[error("{name} is empty")]
    Empty {
        /// The file.
        name: String,
    },
    /// It is something, but not what was asked for.
    #[error("{name} is {seen}, not {wanted}")]
    Mistaken {
        /// The file.
        name: String,
        /// What it is.
        seen: &'static str,
        /// What was asked for.
        wanted: &'static str,
    },
    /// It is nothing that we know.
    #[error("{name} is not {wanted}")]
    Unrecognised {
        /// The file.
        name: String,
        /// What was asked for, and in which forms.
        wanted: &'static str,
    },
    /// It is encrypted, and there is no password.
    #[error("{name} is encrypted ({what}): give its password with --password-file")]
    Encrypted {
        /// The file.
        name: String,
        /// In which form.
        what: &'static str,
    },
    /// It is encrypted, and no password fits.
    #[error("{name} is encrypted ({what}), and no password that was given opens it")]
    WrongPassword {
        /// The file.
        name: String,
        /// In which form.
        what: &'static str,
    },
    /// It is encrypted so that opening it would take too long.
    #[error(
        "{name} is encrypted ({what}) with a key derivation that would take too long: decrypt it first"
    )]
    Costly {
        /// The file.
        name: String,
        /// In which form.
        what: &'static str,
    },
    /// It is encrypted in a way that we do not know.
    #[error("{name} is encrypted ({what}) with {how}, which is not supported: decrypt it first")]
    Encryption {
        /// The file.
        name: String,
        /// In which form.
        what: &'static str,
        /// The algorithm.
        how: String,
    },
    /// It is of an algorithm or a curve that we do not know.
    #[error(
        "{name} is of a kind that is not supported: {what} (supported: RSA, EC P-256, P-384 and P-521, Ed25519)"
    )]
    Unsupported {
        /// The file.
        name: String,
        /// The algorithm or curve.
        what: String,
    },
    /// Its numbers do not belong together.
    #[error("{name} is damaged: its numbers are not those of one key")]
    Inconsistent {
        /// The file.
        name: String,
    },
    /// More than one.
    #[error("{name} holds {number} different private keys: give each in a file of its own")]
    Several {
        /// The file.
        name: String,
        /// How many.
        number: usize,
    },
}

/// It is one thing, and another was asked for.
pub(super) fn mistaken(name: &str, seen: &'static str, wanted: &'static str) -> KeyError {
    KeyError::Mistaken {
        name: name.to_owned(),
        seen,
        wanted,
    }
}

/// What a refusal says to the user.
pub(super) fn failed(name: &str, wanted: &'static str, refusal: Refusal) -> KeyError {
    let name = name.to_owned();
    match refusal {
        Refusal::Unknown => KeyError::Unrecognised { name, wanted },
        Refusal::Unsupported(what) => KeyError::Unsupported { name, what },
        Refusal::Inconsistent => KeyError::Inconsistent { name },
        Refusal::Sealed(Sealed { what, why }) => match why {
            Why::NoPassword => KeyError::Encrypted { name, what },
            Why::WrongPassword => KeyError::WrongPassword { name, what },
            Why::Costly => KeyError::Costly { name, what },
            Why::Unsupported(how) => KeyError::Encryption { name, what, how },
        },
    }
}

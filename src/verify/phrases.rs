//! Which kind of question each expected result (`Then`) asks: [`kind`]. A table of its own, so that no question stands for another; a
//! test compares it with the vocabulary.

use crate::model::question::Question;

/// The beginning of each expected result, and the `question` that it asks.
const TABLE: [(&str, &str); 19] = [
    ("file A is accepted", "accepted"),
    ("file B is not accepted", "refused"),
    ("the twin is refused because of the flaw", "refused"),
    ("every VNF instance identifier is unique", "unique"),
    (
        "each notification names the identifier of its response",
        "notified",
    ),
    (
        "meanwhile nothing but the VNFM could access the private key",
        "key-protected",
    ),
    (
        "nothing that the VNFM sent elsewhere holds a private key",
        "key-protected",
    ),
    (
        "the private key is deleted and cannot be recovered",
        "key-deleted",
    ),
    (
        "each certification request has a key pair of its own",
        "keys-differ",
    ),
    (
        "no private key follows from the public keys of",
        "keys-strong",
    ),
    (
        "the token gave no private key of a VNFCI out in clear",
        "token-protects",
    ),
    (
        "no private key of a VNFCI is left in the token",
        "token-emptied",
    ),
    (
        "each certification request proves possession",
        "possession-proved",
    ),
    (
        "the VNFM has spoken with CMF, VIM and VNFCI over mutual TLS alone",
        "channels-protected",
    ),
    (
        "the VNFM has made no more attempts to install the private key",
        "attempts-end",
    ),
    ("that VIM was given no private key", "not-installed"),
    ("that VNFCI was given no private key", "not-installed"),
    ("no VNFCI was given a spoilt certificate", "not-installed"),
    (
        "the VNF OAM endpoint refuses that client and no other",
        "oam-refused",
    ),
];

/// The kind of question that an expected result asks; none if this version has no such phrase.
pub fn kind(phrase: &str) -> Option<&'static str> {
    let mut all = TABLE.iter();
    all.find(|(begin, _)| phrase.starts_with(begin))
        .map(|(_, kind)| *kind)
}

/// The number that an expected result names, such as the least count.
pub fn number(phrase: &str) -> Option<usize> {
    phrase.split(' ').find_map(|word| word.parse().ok())
}

/// The kind of a question.
pub fn of(question: &Question) -> &'static str {
    match question {
        Question::Accepted { .. } => "accepted",
        Question::Refused { .. } => "refused",
        Question::Unique { .. } => "unique",
        Question::Notified { .. } => "notified",
        Question::KeyProtected { .. } => "key-protected",
        Question::KeyDeleted { .. } => "key-deleted",
        Question::KeysDiffer { .. } => "keys-differ",
        Question::KeysStrong { .. } => "keys-strong",
        Question::TokenProtects { .. } => "token-protects",
        Question::TokenEmptied { .. } => "token-emptied",
        Question::PossessionProved { .. } => "possession-proved",
        Question::ChannelsProtected { .. } => "channels-protected",
        Question::AttemptsEnd { .. } => "attempts-end",
        Question::NotInstalled { .. } => "not-installed",
        Question::OamRefused { .. } => "oam-refused",
    }
}

//! What most likely lies behind a step that was not met: [`likely`]. A guess for the reader, from a table; no verdict hangs on it.

use crate::model::event::Step;
use crate::model::verdict::{Keyword, Outcome};

/// A guess: where it fits, and what it says.
struct Guess {
    /// Clauses that begin so.
    clause: &'static str,
    /// True if it is about an expected result, false if about what comes before.
    judged: bool,
    /// The text of the outcome holds all of these.
    told: &'static [&'static str],
    cause: &'static str,
}

const HARNESS: &str = "a fault of the harness or of the machine that it runs on, not of the product; the text says which";

/// The first that fits is shown.
const GUESSES: &[Guess] = &[
    Guess {
        clause: "",
        judged: false,
        told: &["did not start"],
        cause: "the command of ixit.start does not bring the product up, or not within ixit.timeouts.start; what it printed is in sut.output.log and sut.log",
    },
    Guess {
        clause: "",
        judged: false,
        told: &["ready"],
        cause: "the product was started and did not get ready within ixit.timeouts.start; what it printed is in sut.output.log and sut.log",
    },
    Guess {
        clause: "",
        judged: false,
        told: &["HTTP 401"],
        cause: "the product does not accept the credentials of the tester, who plays the NFVO",
    },
    Guess {
        clause: "",
        judged: false,
        told: &["HTTP 403"],
        cause: "the product knows the tester, and does not let it do this",
    },
    Guess {
        clause: "",
        judged: false,
        told: &["HTTP 4"],
        cause: "the product refuses a request that the test needs: its reason stands in the text, and in the body of the exchange",
    },
    Guess {
        clause: "",
        judged: false,
        told: &["HTTP 5"],
        cause: "the product failed at a request that the test needs: see its log",
    },
    Guess {
        clause: "",
        judged: false,
        told: &["timed out"],
        cause: "the product does not answer, or later than ixit.timeouts allows",
    },
    Guess {
        clause: "",
        judged: false,
        told: &["document"],
        cause: "the profile does not say where the product's documentation describes this ([documents])",
    },
    Guess {
        clause: "4.2.2.1",
        judged: true,
        told: &["is accepted", "refused it"],
        cause: "the product refuses valid archives too: it does not have the trust anchor of {pki}, or does not know this form of VNFD",
    },
    Guess {
        clause: "4.2.2.1",
        judged: true,
        told: &["accepted it"],
        cause: "the product does not look at the part of the archive, or of the signature, in which the flaw is; the name of the scenario says which",
    },
    Guess {
        clause: "4.2.2.2",
        judged: true,
        told: &["duplicate", "VNFM 1", "VNFM 2"],
        cause: "nothing tells one VNFM from another where identifiers are made: a counter, a clock, or a seed that all have in common",
    },
    Guess {
        clause: "4.2.2.2",
        judged: true,
        told: &["duplicate", "after the"],
        cause: "identifiers are made from state that is lost or set back by a stop, a kill or a restoration, for example a counter in memory",
    },
    Guess {
        clause: "4.2.2.2",
        judged: true,
        told: &["duplicate"],
        cause: "the space that identifiers are drawn from is too small, or two creations at once read the same state",
    },
    Guess {
        clause: "4.2.2",
        judged: true,
        told: &["in storage", "log"],
        cause: "the key, or a message that bears it, is written to a log",
    },
    Guess {
        clause: "4.2.2",
        judged: true,
        told: &["in storage"],
        cause: "the key, or a message that bears it, is written to a file or data base; the mode of the file does not matter",
    },
    Guess {
        clause: "4.2.2",
        judged: true,
        told: &["in the command line"],
        cause: "the key is given to another program as an argument, which every user can read",
    },
    Guess {
        clause: "4.2.2",
        judged: true,
        told: &["in the environment"],
        cause: "the key is given to another program in its environment",
    },
    Guess {
        clause: "4.2.2",
        judged: true,
        told: &["in a file without a name"],
        cause: "a temporary file was removed and is still held open",
    },
    Guess {
        clause: "4.2.2",
        judged: true,
        told: &["in what the VNFM sent"],
        cause: "an answer, a notification or an error text bears the key",
    },
    Guess {
        clause: "4.2.2",
        judged: true,
        told: &["in the memory"],
        cause: "a buffer that held the key, or one of its encodings, is not overwritten after use; the encoding says which copy it is",
    },
    Guess {
        clause: "4.2.2",
        judged: true,
        told: &["crash"],
        cause: "processes that hold a key may be dumped: set their core limit to 0, or make them undumpable (prctl PR_SET_DUMPABLE)",
    },
    Guess {
        clause: "",
        judged: true,
        told: &["canary"],
        cause: "the search did not find what the tester had planted to be found, so that \"not seen\" says nothing",
    },
    Guess {
        clause: "",
        judged: true,
        told: &["root"],
        cause: "the tester lacked rights: run scas as root",
    },
    Guess {
        clause: "B.3",
        judged: true,
        told: &["prime"],
        cause: "the generator of RSA primes repeats itself, or makes primes of a known weak form",
    },
];

/// What most likely lies behind it, if the table has a guess.
pub fn likely(clause: &str, step: &Step) -> Option<&'static str> {
    let text = match &step.outcome {
        Outcome::Met => return None,
        Outcome::Harness { .. } => return Some(HARNESS),
        Outcome::Unmet { expected, actual } => format!("{expected}; {actual}"),
        Outcome::Undecided { reason } => reason.clone(),
    };
    let judged = step.keyword == Keyword::Then;
    let fits = |guess: &&Guess| {
        guess.judged == judged
            && clause.starts_with(guess.clause)
            && guess.told.iter().all(|part| text.contains(part))
    };
    GUESSES.iter().find(fits).map(|guess| guess.cause)
}

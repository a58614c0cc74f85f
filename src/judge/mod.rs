//! Judges: pure functions from recorded facts to an answer. They see nothing but the question, so anyone
//! who has the evidence can ask again.

pub mod signature;
pub mod uniqueness;

use crate::model::question::{Judgement, Question};

/// The answer to a question. The same question always gets the same answer.
pub fn answer(question: &Question) -> Judgement {
    match question {
        Question::Accepted {
            offers,
            refusal_statuses,
        } => signature::accepted(offers, refusal_statuses),
        Question::Refused {
            flaw,
            before,
            flawed,
            after,
            refusal_statuses,
        } => signature::refused(flaw, before, flawed, after, refusal_statuses),
        Question::Unique { rounds, notified } => uniqueness::unique(rounds, notified),
        Question::Notified { rounds, notified } => uniqueness::notified(rounds, notified),
    }
}

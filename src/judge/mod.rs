//! Judges: pure functions from recorded facts to an answer. They see nothing but the question, so anyone
//! who has the evidence can ask again.

pub mod signature;
pub mod uniqueness;

use crate::model::question::{Judgement, Question};

/// The answer to a question. The same question always gets the same answer.
pub fn answer(question: &Question) -> Judgement {
    match question {
        Question::Accepted { offer } => signature::accepted(offer),
        Question::Refused {
            flaw,
            before,
            flawed,
            after,
        } => signature::refused(flaw, before, flawed, after),
        Question::Unique { rounds, notified } => uniqueness::unique(rounds, notified),
        Question::Notified {
            responses,
            notifications,
        } => uniqueness::notified(responses, notifications),
    }
}

//! Judges: pure functions from recorded facts to an answer. They see nothing but the question, so anyone
//! who has the evidence can ask again.

pub mod delegation;
pub mod key_protection;
pub mod keys;
pub mod signature;
pub mod token;
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
        Question::KeyProtected { keys, looks } => key_protection::protected(keys, looks),
        Question::KeyDeleted {
            keys,
            ended_by,
            ended_at,
            deadline,
            looks,
        } => {
            let use_ = key_protection::Use {
                ended_by,
                ended_at: *ended_at,
                deadline: *deadline,
            };
            key_protection::deleted(keys, &use_, looks)
        }
        Question::TokenProtects { keys, looks } => token::protects(keys, looks),
        Question::TokenEmptied {
            keys,
            ended_by,
            ended_at,
            deadline,
            before,
            look,
        } => {
            let use_ = key_protection::Use {
                ended_by,
                ended_at: *ended_at,
                deadline: *deadline,
            };
            token::emptied(keys, &use_, before, look)
        }
        Question::KeysDiffer { uses, least } => keys::differ(uses, *least),
        Question::KeysStrong { uses, least } => keys::strong(uses, *least),
        Question::PossessionProved { requests, unproved } => {
            delegation::possession_proved(*requests, unproved)
        }
        Question::ChannelsProtected { uses } => delegation::channels_protected(uses),
        Question::AttemptsEnd { allowed, seen } => delegation::attempts_end(*allowed, seen),
        Question::NotInstalled {
            flaw,
            met,
            delivered,
            twin,
        } => delegation::not_installed(flaw, met.as_deref(), delivered, twin),
        Question::OamRefused {
            before,
            refused,
            after,
        } => delegation::oam_refused(before, refused, after),
    }
}

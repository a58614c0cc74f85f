//! Whether a test case is meant for a product: [`applicable`].
//!
//! The Implementation Conformance Statement alone decides, and the answer names the item that did.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::catalogue::nearest;
use crate::model::clause::Role;
use crate::model::ics::Ics;
use crate::model::test_case::TestCase;
use crate::profile::Finding;

/// Whether a test case is to be run on a product.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Applicability {
    /// It is.
    Yes,
    /// It is not.
    No {
        /// The ICS items that decide, several joined by a comma; `sut.role` where the role does.
        item: String,
        /// What the ICS says of them, and what the test case asks for.
        reason: String,
    },
}

/// A test case asks for items that the ICS does not mention: a mistake in the ICS, and no answer.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("the ICS does not say whether the product supports {}, which {case} asks for: write it under [ics]{}",
    items.iter().map(|item| format!("`{item}`")).collect::<Vec<_>>().join(", "),
    near.as_ref().map_or_else(String::new, |near| format!("; did you mean it by `{near}`?")))]
pub struct UnansweredItems {
    /// The test case.
    pub case: String,
    /// The items without an answer.
    pub items: Vec<String>,
    /// An item of the ICS most like the first of them.
    pub near: Option<String>,
}

/// Decides whether `case` is meant for the product of `ics`.
///
/// # Errors
/// [`UnansweredItems`] if the ICS leaves open any item that the case names, even one that would not decide.
pub fn applicable(case: &TestCase, ics: &Ics) -> Result<Applicability, UnansweredItems> {
    let Some(expression) = case.applicability.expression() else {
        return Ok(Applicability::Yes);
    };
    let mut items: Vec<String> = expression.atoms().into_iter().cloned().collect();
    items.retain(|item| !ics.items.contains_key(item));
    items.sort();
    items.dedup();
    if let Some(first) = items.first() {
        let near = nearest(first, ics.items.keys().map(String::as_str)).map(str::to_owned);
        return Err(UnansweredItems {
            case: case.id.clone(),
            items,
            near,
        });
    }
    let (applies, mut deciding) =
        expression.explain(&mut |item| ics.items.get(item).is_some_and(|i| i.supported()));
    if applies {
        return Ok(Applicability::Yes);
    }
    deciding.sort();
    deciding.dedup();
    let answers: Vec<_> = deciding.iter().map(|item| answer(ics, item)).collect();
    Ok(Applicability::No {
        item: deciding
            .iter()
            .map(|item| item.as_str())
            .collect::<Vec<_>>()
            .join(", "),
        reason: format!(
            "the ICS says {}; the case needs `{}`",
            answers.join(" and "),
            case.applicability
        ),
    })
}

/// As [`applicable`], for a product that is tested in `role`: a case of another role is not meant for it.
///
/// # Errors
/// As [`applicable`]; items that only cases of other roles name need no answer.
pub fn applicable_in_role(
    case: &TestCase,
    role: Role,
    ics: &Ics,
) -> Result<Applicability, UnansweredItems> {
    if case.role.binds(role) {
        return applicable(case, ics);
    }
    let reason = format!(
        "the case tests a {}, and the product is a {role}",
        case.role
    );
    Ok(Applicability::No {
        item: "sut.role".to_owned(),
        reason,
    })
}

/// What the ICS leaves open of what these test cases ask for: each item once, with all of them.
#[must_use]
pub fn unanswered<'c>(
    cases: impl Iterator<Item = &'c TestCase>,
    role: Role,
    ics: &Ics,
) -> Vec<Finding> {
    let mut open: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for case in cases {
        let Err(unanswered) = applicable_in_role(case, role, ics) else {
            continue;
        };
        for item in unanswered.items {
            open.entry(item).or_default().push(&case.id);
        }
    }
    let told = |(item, cases): (String, Vec<&str>)| {
        let asks = if cases.len() == 1 { "asks" } else { "ask" };
        let near = nearest(&item, ics.items.keys().map(String::as_str));
        let near = near.map_or(String::new(), |near| {
            format!("; did you mean it by `{near}`?")
        });
        let text = format!(
            "is missing: {} {asks} whether the product supports it; write true, or {{ supported = false, reason = \"...\" }}{near}",
            cases.join(", ")
        );
        Finding::of(format!("ics.{item}"), text)
    };
    open.into_iter().map(told).collect()
}

fn answer(ics: &Ics, item: &str) -> String {
    let Some(answer) = ics.items.get(item) else {
        return format!("nothing of `{item}`");
    };
    let reason = answer
        .reason()
        .map(|reason| format!(" ({reason})"))
        .unwrap_or_default();
    format!("`{item} = {}`{reason}", answer.supported())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::test_suite::TestSuite;

    fn decide(applicability: &str, items: &str) -> Result<Applicability, UnansweredItems> {
        let suite = TestSuite::new().with(
            "Applicability: always",
            &format!("Applicability: {applicability}"),
        );
        let catalogue = suite.catalogue().unwrap();
        applicable(&catalogue.cases[0], &toml::from_str(items).unwrap())
    }

    #[test]
    fn the_ics_decides_and_the_answer_names_the_item() {
        assert_eq!(decide("always", ""), Ok(Applicability::Yes));
        assert_eq!(
            decide("vnf-lcm and not proxy", "vnf-lcm = true\nproxy = false"),
            Ok(Applicability::Yes)
        );
        let proxy = "vnf-lcm = true\nproxy = { supported = true, reason = \"behind a proxy\" }";
        assert_eq!(
            decide("vnf-lcm and not proxy", proxy),
            Ok(Applicability::No {
                item: "proxy".into(),
                reason: "the ICS says `proxy = true` (behind a proxy); the case needs `vnf-lcm and not proxy`".into(),
            })
        );
        let Ok(Applicability::No { item, .. }) = decide("b or a", "a = false\nb = false") else {
            panic!("applies")
        };
        assert_eq!(item, "a, b");
    }

    #[test]
    fn an_unanswered_item_is_an_error_even_where_another_would_decide() {
        let error = decide(
            "vnf-lcm and delegation-mode",
            "vnf-lcm = false\ndelegation-mod = true",
        )
        .unwrap_err();
        assert_eq!(error.items, ["delegation-mode"]);
        assert_eq!(error.near.as_deref(), Some("delegation-mod"));
        assert!(
            error
                .to_string()
                .contains("did you mean it by `delegation-mod`?"),
            "{error}"
        );
        assert!(
            decide(
                "vnf-lcm and delegation-mode",
                "vnf-lcm = false\ndelegation-mode = true"
            )
            .is_ok()
        );
    }

    #[test]
    fn an_item_without_an_answer_is_told_once_with_all_cases() {
        let catalogue = TestSuite::new()
            .with("Applicability: always", "Applicability: delegation-mode")
            .catalogue()
            .unwrap();
        let (case, mut other) = (catalogue.cases[0].clone(), catalogue.cases[0].clone());
        other.id = "TC_OTHER".to_owned();
        let ics: Ics = toml::from_str("delegation-mod = true").unwrap();
        let told = unanswered([&case, &other].into_iter(), Role::Vnfm, &ics);
        let [told] = told.as_slice() else {
            panic!("{told:?}")
        };
        assert_eq!(told.label, "ics.delegation-mode");
        let begin = format!("is missing: {}, TC_OTHER ask whether", case.id);
        assert!(told.text.starts_with(&begin), "{told}");
        assert!(
            told.text.ends_with("did you mean it by `delegation-mod`?"),
            "{told}"
        );
    }

    #[test]
    fn the_role_decides_too() {
        let catalogue = TestSuite::new().catalogue().unwrap();
        let mut case = catalogue.cases[0].clone();
        let decide = |case: &TestCase, role| applicable_in_role(case, role, &Ics::default());
        assert_eq!(decide(&case, Role::Vnfm), Ok(Applicability::Yes));
        let Ok(Applicability::No { item, reason }) = decide(&case, Role::Cmf) else {
            panic!("applies")
        };
        assert_eq!(item, "sut.role");
        assert_eq!(reason, "the case tests a VNFM, and the product is a CMF");
        case.role = Role::NfvMano;
        assert_eq!(decide(&case, Role::Vim), Ok(Applicability::Yes));
        assert!(matches!(
            decide(&case, Role::Sm),
            Ok(Applicability::No { .. })
        ));
    }
}

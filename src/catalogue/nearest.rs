//! What somebody may have meant: [`nearest`].

/// The candidate that begins with `word`, or the one most like it, if one is like it at all: at most a third of the letters (and at least two) differ.
/// Capitals do not matter.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = word.to_lowercase();
    let limit = (wanted.chars().count() / 3).max(2);
    let candidates: Vec<&str> = candidates.into_iter().collect();
    let begun = |candidate: &&&str| candidate.to_lowercase().starts_with(&wanted);
    if wanted.chars().count() > 3
        && let Some(candidate) = candidates.iter().find(begun)
    {
        return Some(candidate);
    }
    candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| *distance <= limit && *distance < candidate.chars().count())
        .min()
        .map(|(_, candidate)| candidate)
}

/// `did you mean ...?`, or else what else to do.
pub(crate) fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    otherwise: impl Into<String>,
) -> String {
    nearest(word, candidates).map_or_else(
        || otherwise.into(),
        |near| format!("did you mean `{near}`?"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_is_named_and_strangers_are_not() {
        assert_eq!(nearest("vnf-lmc", ["vnf-lcm", "proxy"]), Some("vnf-lcm"));
        assert_eq!(
            nearest("NORMATIV", ["normative", "extended"]),
            Some("normative")
        );
        assert_eq!(nearest("elephant", ["vnf-lcm", "proxy"]), None);
        assert_eq!(nearest("x", ["ab"]), None);
        assert_eq!(nearest("TC_UNIQUE", ["TC_UNIQUE_ID"]), Some("TC_UNIQUE_ID"));
    }
}

//! The profiles of two runs, label by label: [`changes`].

use std::collections::BTreeMap;

use anyhow::Context as _;
use toml::{Table, Value};

use super::Change;
use crate::pack::Pack;

/// The labels that are others.
pub fn changes(before: &Pack, after: &Pack) -> anyhow::Result<Vec<Change>> {
    let (one, other) = (labels(before)?, labels(after)?);
    let names = one
        .keys()
        .chain(other.keys().filter(|label| !one.contains_key(*label)));
    Ok(names
        .filter(|label| one.get(*label) != other.get(*label))
        .map(|label| Change {
            what: label.clone(),
            before: one.get(label).cloned(),
            after: other.get(label).cloned(),
        })
        .collect())
}

/// Every label with its value, as it is written.
fn labels(pack: &Pack) -> anyhow::Result<BTreeMap<String, String>> {
    let bytes = pack.read("profile.toml")?;
    let text = String::from_utf8(bytes).context("profile.toml is no UTF-8")?;
    let table: Table = text.parse().context("profile.toml is no TOML")?;
    let mut found = BTreeMap::new();
    collect("", &table, &mut found);
    Ok(found)
}

fn collect(prefix: &str, table: &Table, found: &mut BTreeMap<String, String>) {
    for (name, value) in table {
        let label = format!("{prefix}{name}");
        match value {
            Value::Table(inner) => collect(&format!("{label}."), inner, found),
            value => {
                found.insert(label, value.to_string());
            }
        }
    }
}

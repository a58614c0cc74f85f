//! The documents say what is true: what they list is all there is, and what they point to is there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Every document that people read, by its path in the checkout.
fn documents() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for folder in [
        "",
        "docs",
        "docs/products",
        "features",
        "fixtures",
        "reports",
    ] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name();
            let path = Path::new(folder).join(name);
            if path.extension().is_some_and(|e| e == "md") {
                let text = read(path.to_str().unwrap());
                found.push((path, text));
            }
        }
    }
    for name in ["README.md", "CHANGELOG.md", "CONTRIBUTING.md"] {
        assert!(found.iter().any(|(path, _)| path == Path::new(name)));
    }
    found
}

/// The text of each heading. A line that begins with `#` inside a fence is none.
fn headings(text: &str) -> Vec<&str> {
    let mut fenced = false;
    text.lines()
        .filter(|line| {
            fenced ^= line.starts_with("```");
            !fenced
        })
        .filter_map(|line| Some(line.strip_prefix('#')?.trim_start_matches('#').trim()))
        .collect()
}

/// What a heading is called in a link.
fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// The targets of `[text](target)`.
fn links(text: &str) -> Vec<&str> {
    text.match_indices("](")
        .filter_map(|(at, found)| text[at + found.len()..].split_once(')'))
        .map(|(target, _)| target)
        .collect()
}

/// What is wrong with a link that stands in `from`, if anything is.
fn broken(from: &Path, link: &str) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (path, wanted) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() {
        root().join(from)
    } else {
        root().join(from).parent().unwrap().join(path)
    };
    if !target.exists() {
        return Some(format!("{}: {link} is not there", from.display()));
    }
    if wanted.is_empty() {
        return None;
    }
    let text = std::fs::read_to_string(&target).unwrap();
    let known: Vec<_> = headings(&text).into_iter().map(anchor).collect();
    let there = known.iter().any(|anchor| anchor == wanted);
    (!there).then(|| format!("{}: {link}: the headings are {known:?}", from.display()))
}

/// The first cells of the tables in a passage, without their ticks: `| \`x\` | ... |`.
fn first_cells(text: &str) -> BTreeSet<&str> {
    text.lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"))
        .map(|(name, _)| name)
        .collect()
}

/// The passage under a heading of the second level.
#[track_caller]
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let mark = format!("\n## {heading}\n");
    let (_, rest) = text.split_once(&mark).expect(heading);
    rest.split("\n## ").next().unwrap()
}

#[test]
fn no_document_names_a_path_of_somebodys_machine() {
    for (path, text) in documents() {
        for stranger in ["/work/", "/root/", "/home/", "/Users/", "C:\\"] {
            let line = text.lines().find(|line| line.contains(stranger));
            assert_eq!(line, None, "{}: {stranger}", path.display());
        }
    }
}

/// The register that a run keeps, and its report prints, is the one that people read here.
#[test]
fn the_readings_are_those_of_the_document() {
    let readings: toml::Table = read("src/catalogue/readings.toml").parse().unwrap();
    let kept: Vec<String> = readings["reading"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reading| {
            let text = |name: &str| reading[name].as_str().unwrap();
            format!(
                "| {} | {} | {} |",
                text("question"),
                text("reading"),
                text("effect")
            )
        })
        .collect();
    let verdicts = read("docs/verdicts.md");
    let told: Vec<&str> = section(&verdicts, "How we read the specification")
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| question |"))
        .collect();
    assert_eq!(told, kept);
}

#[test]
fn every_defect_of_the_reference_is_described_and_no_other() {
    let text = read("docs/reference-vnfm.md");
    let known: BTreeSet<_> = scas_reference::defect::all()
        .iter()
        .map(|defect| defect.name)
        .collect();
    assert_eq!(first_cells(section(&text, "Defects")), known);
}

#[test]
fn every_placeholder_of_a_profile_is_described_and_no_other() {
    let text = read("docs/profile.md");
    let placeholders = scas::testbed::placeholders();
    let known: BTreeSet<_> = placeholders.keys().map(|k| format!("{{{k}}}")).collect();
    let told: BTreeSet<_> = first_cells(section(&text, "Placeholders"))
        .into_iter()
        .map(str::to_owned)
        .collect();
    assert_eq!(told, known);
}

#[test]
fn every_label_of_a_profile_is_described_as_its_type_does() {
    let text = read("docs/profile.md");
    let table = scas::profile::labels::table();
    assert!(
        section(&text, "Labels").contains(&table),
        "put this into docs/profile.md (scas init --labels):\n{table}"
    );
}

/// Who copies it can go on from there.
#[test]
fn the_profile_of_the_walk_through_has_the_shape_of_one() {
    let text = read("docs/testing-your-product.md");
    let (_, rest) = text.split_once("\n    [sut]\n").unwrap();
    let block = rest
        .lines()
        .take_while(|line| line.is_empty() || line.starts_with("    "));
    let profile: String = block
        .map(|line| format!("{}\n", line.trim_start()))
        .collect();
    let profile = format!("[sut]\n{profile}");
    assert!(profile.contains("[ixit.nfvo]"), "{profile}");
    assert_eq!(scas::profile::Shape::of(&profile).findings, []);
}

#[test]
fn the_built_in_profile_cites_headings_that_there_are() {
    let profile: toml::Table = read("fixtures/sut/reference-vnfm.toml").parse().unwrap();
    let cited = profile["documents"].as_table().unwrap();
    assert_eq!(cited.len(), 3);
    for place in cited.values() {
        let (path, heading) = place.as_str().unwrap().split_once(", ").unwrap();
        let text = read(path);
        assert!(headings(&text).contains(&heading), "{place}");
    }
}

#[test]
fn every_link_inside_the_project_resolves() {
    let mut seen = 0;
    for (path, text) in documents() {
        for link in links(&text) {
            assert_eq!(broken(&path, link), None);
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen} links");
}

/// The checker of links, on links that are broken.
#[test]
fn a_broken_link_is_seen() {
    let from = Path::new("docs/profile.md");
    assert_eq!(links("a [b](c.md) and [d](#e)"), ["c.md", "#e"]);
    for whole in [
        "simulators.md",
        "../README.md#limits",
        "#placeholders",
        "https://etsi.org/x",
    ] {
        assert_eq!(broken(from, whole), None);
    }
    for cut in ["README.md", "../README.md#limit", "#place-holders"] {
        assert!(
            broken(from, cut).is_some_and(|told| told.contains(cut)),
            "{cut}"
        );
    }
    assert_eq!(headings("# A\n```\n# b\n```\n### C d"), ["A", "C d"]);
    assert_eq!(anchor("A `fixed` address, twice"), "a-fixed-address-twice");
}

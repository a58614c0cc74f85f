//! The walls: who may know whom. Each is a promise of the design that a compiler cannot see.

use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root()).unwrap().to_owned(), text));
            }
        }
    }
    assert!(!found.is_empty(), "nothing in {folder}");
    found
}

/// Modules of this crate that a source in one folder under `src` names: `crate::model::...`, each of
/// `crate::{model, judge}`, `super::...` where that leads to the crate. Whatever else leads out is named as it stands.
fn modules(path: &Path, text: &str) -> Vec<String> {
    let text = code(text);
    let mut found: Vec<String> = after(&text, "crate::").flat_map(first_names).collect();
    if after(&text, "crate as ").next().is_some() {
        found.push("crate as".to_owned());
    }
    if path.ends_with("mod.rs") {
        let own = without_inline_tests(&text);
        found.extend(after(own, "super::").flat_map(first_names));
    } else if text.contains("super::super") {
        found.push("super::super".to_owned());
    }
    found
}

/// The source without its comments, which may speak of anything.
fn code(text: &str) -> String {
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.map(|line| format!("{line}\n")).collect()
}

fn without_inline_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap()
}

/// What follows each occurrence of a word.
fn after<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(word)
        .filter(|(at, _)| {
            let before = text[..*at].chars().next_back();
            !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
        })
        .map(|(at, _)| &text[at + word.len()..])
}

/// The first name of a path, or of each path of a list in braces.
fn first_names(path: &str) -> Vec<String> {
    let Some(list) = path.strip_prefix('{') else {
        return vec![
            path.chars()
                .take_while(|c| *c == '*' || is_name(*c))
                .collect(),
        ];
    };
    let (mut names, mut depth, mut name, mut named) = (Vec::new(), 1, String::new(), false);
    for c in list.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ if depth > 1 => {}
            ',' => named = false,
            _ if named => {}
            _ if c == '*' || is_name(c) => name.push(c),
            _ => named = !name.is_empty(),
        }
        if !name.is_empty() && (named || depth != 1 || c == ',') {
            names.push(std::mem::take(&mut name));
        }
        if depth == 0 {
            break;
        }
    }
    names
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether a source names another crate, however it does so.
fn names_crate(text: &str, name: &str) -> bool {
    let text = code(text);
    after(&text, name).any(|rest| !rest.starts_with(is_name) && !rest.starts_with(['"', '`']))
}

/// Whether a source reads the environment. The place of the running program and PATH are how a command is found, no
/// setting.
fn reads_environment(text: &str) -> bool {
    let text = code(text).replace("env::var_os(\"PATH\")", "");
    let text = without_inline_tests(&text);
    text.contains("env::var") || text.contains("env::{")
}

/// Every package that a manifest depends on, under its own name.
fn dependencies(manifest: &str) -> Vec<String> {
    fn collect(table: &toml::Table, found: &mut Vec<String>) {
        for (key, value) in table {
            let Some(inner) = value.as_table() else {
                continue;
            };
            if key.ends_with("dependencies") {
                found.extend(inner.iter().map(|(name, how)| {
                    let package = how.get("package").and_then(toml::Value::as_str);
                    package.unwrap_or(name).to_owned()
                }));
            } else {
                collect(inner, found);
            }
        }
    }
    let mut found = Vec::new();
    collect(&manifest.parse().unwrap(), &mut found);
    found
}

#[track_caller]
fn assert_knows_only(folder: &str, allowed: &[&str]) {
    for (path, text) in sources(folder) {
        for module in modules(&path, &text) {
            assert!(
                allowed.contains(&module.as_str()),
                "{} knows `{module}`; {folder} may know only {allowed:?}",
                path.display()
            );
        }
    }
}

/// Each wall is seen to hold against every way through it that we know of.
#[test]
fn the_checker_sees_every_way_through_a_wall() {
    let leaf = Path::new("src/judge/uniqueness.rs");
    let of = |path: &Path, text: &str| modules(path, text).join(" ");
    for (text, expected) in [
        ("use crate::model::question::Answer;", "model"),
        ("    crate::steps::find();", "steps"),
        ("use crate::{model, run};", "model run"),
        (
            "use crate::{\n    model::{question::Answer, verdict::{Outcome}},\n    steps::{self, find},\n};",
            "model steps",
        ),
        ("use crate::{run as model, session};", "run session"),
        ("use crate::*;", "*"),
        ("use crate::{model, *};", "model *"),
        ("use crate as everything;", "crate as"),
        ("type Err = $crate::steps::Problem;", "steps"),
        ("use super::super::steps;", "super::super"),
        ("mod tests { use super::super::*; }", "super::super"),
        ("use super::Judged;", ""),
        ("// It knows nothing of crate::steps.", ""),
        ("use mycrate::steps;", ""),
        ("pub(crate) fn judge() {}", ""),
    ] {
        assert_eq!(of(leaf, text), expected, "{text}");
    }
    let top = Path::new("src/judge/mod.rs");
    assert_eq!(of(top, "use super::steps;"), "steps");
    assert_eq!(of(top, "use super::{model, run};"), "model run");
    let tests = "#[cfg(test)]\nmod tests {\n    use super::*;\n}\n";
    assert_eq!(of(top, tests), "");

    for text in [
        "use cucumber::World;",
        "use cucumber as c;",
        "use cucumber;",
        "pub use {cucumber, regex};",
    ] {
        assert!(names_crate(text, "cucumber"), "{text}");
    }
    for text in [
        "// As cucumber::World does.",
        "use cucumber_expressions::Expression;",
        "let it = \"cucumber\";",
    ] {
        assert!(!names_crate(text, "cucumber"), "{text}");
    }

    for text in [
        "std::env::var(\"X\")",
        "use std::env::{var};",
        "env::vars()",
        "#[cfg(test)]\nmod tests;\nenv::var_os(X)",
    ] {
        assert!(reads_environment(text), "{text}");
    }
    for text in [
        "env::var_os(\"PATH\")",
        "env::current_exe()",
        "#[cfg(test)]\nmod tests {\nenv::var(X)",
    ] {
        assert!(!reads_environment(text), "{text}");
    }

    let manifest = "[package]\nname = \"a\"\n[dependencies]\nb = \"1\"\nc = { package = \"d\", path = \"e\" }\n\
                    [dev-dependencies.f]\npath = \"g\"\n[target.'cfg(unix)'.build-dependencies]\nh.workspace = true\n";
    assert_eq!(dependencies(manifest), ["b", "d", "f", "h"]);
}

#[test]
fn the_model_knows_nothing_else() {
    assert_knows_only("src/model", &["model"]);
}

#[test]
fn a_judge_sees_nothing_but_the_model() {
    assert_knows_only("src/judge", &["model", "judge"]);
}

#[test]
fn a_report_needs_neither_runner_nor_steps_nor_simulators() {
    assert_knows_only("src/report", &["model", "report"]);
    for (path, text) in sources("src/report") {
        assert!(!names_crate(&text, "scas_simulators"), "{}", path.display());
    }
}

#[test]
fn whoever_verifies_shares_nothing_with_who_wrote() {
    // Of the suite and of the scanner it knows what they say, and nothing that runs or looks.
    let known = [
        "applicability",
        "catalogue",
        "cms",
        "exposure",
        "judge",
        "model",
        "pack",
        "report",
        "verify",
    ];
    assert_knows_only("src/verify", &known);
    assert_knows_only("src/pack", &["pack"]);
    assert_knows_only("src/compare", &["compare", "model", "pack", "report"]);
    assert_knows_only(
        "src/seal",
        &["cms", "model", "pack", "report", "seal", "verify"],
    );
    for (path, text) in sources("src/verify") {
        assert!(!names_crate(&text, "scas_simulators"), "{}", path.display());
    }
}

#[test]
fn the_web_view_shows_what_there_is_and_only_the_command_line_knows_it() {
    assert_knows_only(
        "src/serve",
        &["compare", "model", "pack", "report", "serve"],
    );
    for (path, text) in sources("src") {
        let own = path.starts_with("src/serve") || path.starts_with("src/cli");
        let knows = modules(&path, &text).iter().any(|module| module == "serve");
        assert!(own || !knows, "{}", path.display());
        let stranger = names_crate(&text, "scas_simulators");
        assert!(
            !path.starts_with("src/serve") || !stranger,
            "{}",
            path.display()
        );
    }
}

#[test]
fn only_the_runner_knows_cucumber() {
    for (path, text) in sources("src") {
        // A test may ask cucumber whether it agrees.
        let allowed = path == Path::new("src/run.rs") || path.ends_with("tests.rs");
        assert!(
            allowed || !names_crate(&text, "cucumber"),
            "{}",
            path.display()
        );
    }
}

#[test]
fn only_the_command_line_knows_the_reference() {
    for (path, text) in sources("src") {
        // The allocator of the program, which key custodians of the reference switch over, can stand in its main file only.
        let allowed = path.starts_with("src/cli") || path == Path::new("src/main.rs");
        assert!(
            allowed || !names_crate(&text, "scas_reference"),
            "{}",
            path.display()
        );
    }
}

#[test]
fn simulators_and_reference_meet_on_the_wire_only() {
    for (member, stranger) in [
        ("simulators", "scas-reference"),
        ("reference", "scas-simulators"),
    ] {
        let manifest = std::fs::read_to_string(root().join(member).join("Cargo.toml")).unwrap();
        let names = dependencies(&manifest);
        assert!(!names.is_empty(), "{member} depends on nothing at all");
        for stranger in [stranger, "scas"] {
            assert!(
                !names.iter().any(|name| name == stranger),
                "{member} depends on {stranger}"
            );
        }
    }
}

#[test]
fn the_exposure_search_knows_nothing_of_the_suite() {
    let manifest = std::fs::read_to_string(root().join("src/exposure/Cargo.toml")).unwrap();
    let names = dependencies(&manifest);
    assert!(!names.is_empty());
    for name in names {
        let of_the_suite =
            name.starts_with("scas") || name.contains("cucumber") || name.contains("gherkin");
        assert!(!of_the_suite, "the exposure search depends on {name}");
    }
}

#[test]
fn nothing_but_the_command_line_reads_the_environment() {
    for folder in ["src", "simulators/src", "reference/src"] {
        for (path, text) in sources(folder) {
            let of_tests = path
                .components()
                .any(|folder| folder.as_os_str() == "tests" || folder.as_os_str() == "benches");
            let allowed = path.starts_with("src/cli")
                || path.ends_with("tests.rs")
                || of_tests
                || is_test_support(&path);
            let reads = reads_environment(&text);
            assert!(allowed || !reads, "{}", path.display());
        }
    }
}

/// Modules that only tests use.
fn is_test_support(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_string_lossy();
    name.contains("openssl_command")
        || name.contains("foreign")
        || name.contains("fixture")
        || name.contains("test_")
}

#[test]
fn no_file_is_a_room_for_several() {
    for folder in ["src", "simulators", "reference", "tests", "benches"] {
        for (path, text) in sources(folder) {
            let lines = text.lines().count();
            assert!(
                lines <= 600,
                "{} has {lines} lines: split it",
                path.display()
            );
        }
    }
}

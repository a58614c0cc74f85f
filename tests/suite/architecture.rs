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

/// Modules of this crate that a source names, as in `crate::model::...`.
fn modules(text: &str) -> Vec<String> {
    text.match_indices("crate::")
        .filter(|(at, _)| !text[..*at].ends_with('$'))
        .map(|(at, found)| {
            text[at + found.len()..]
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect::<String>()
        })
        .filter(|name| !name.is_empty())
        .collect()
}

#[track_caller]
fn assert_knows_only(folder: &str, allowed: &[&str]) {
    for (path, text) in sources(folder) {
        for module in modules(&text) {
            assert!(
                allowed.contains(&module.as_str()),
                "{} knows `{module}`; {folder} may know only {allowed:?}",
                path.display()
            );
        }
    }
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
        assert!(!text.contains("scas_simulators"), "{}", path.display());
    }
}

#[test]
fn only_the_runner_knows_cucumber() {
    for (path, text) in sources("src") {
        // A test may ask cucumber whether it agrees.
        let allowed = path == Path::new("src/run.rs") || path.ends_with("tests.rs");
        assert!(
            allowed || !text.contains("cucumber::"),
            "{}",
            path.display()
        );
    }
}

#[test]
fn only_the_command_line_knows_the_reference() {
    for (path, text) in sources("src") {
        let allowed = path.starts_with("src/cli");
        assert!(
            allowed || !text.contains("scas_reference"),
            "{}",
            path.display()
        );
    }
}

#[test]
fn simulators_and_reference_meet_on_the_wire_only() {
    for (member, strangers) in [
        ("simulators", ["scas-reference", "\nscas "]),
        ("reference", ["scas-simulators", "\nscas "]),
    ] {
        let manifest = std::fs::read_to_string(root().join(member).join("Cargo.toml")).unwrap();
        for stranger in strangers {
            assert!(
                !manifest.contains(stranger),
                "{member} depends on {}",
                stranger.trim()
            );
        }
    }
}

#[test]
fn nothing_but_the_command_line_reads_the_environment() {
    for folder in ["src", "simulators/src", "reference/src"] {
        for (path, text) in sources(folder) {
            let allowed =
                path.starts_with("src/cli") || path.ends_with("tests.rs") || is_test_support(&path);
            // PATH and the place of the running program are how a command is found, no setting.
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            let text = text.replace("env::var_os(\"PATH\")", "");
            let reads = text.contains("env::var(") || text.contains("env::var_os(");
            assert!(allowed || !reads, "{}", path.display());
        }
    }
}

/// Modules that only tests use.
fn is_test_support(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_string_lossy();
    name.contains("openssl_command") || name.contains("fixture") || name.contains("test_")
}

#[test]
fn no_file_is_a_room_for_several() {
    for folder in ["src", "simulators/src", "reference/src", "tests"] {
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

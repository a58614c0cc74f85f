//! Dumps of memory that the profile has made for each look, by a program or a person (`ixit.observe.dumps`).

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Stage, json, profile, root_or_told};

/// The shortest scenario that looks into the product.
const SHORT: &str = "4.2.2.4 and @normative";
/// Dumps the memory of the reference's first process, as an ELF core. It is known by the configuration that it was given.
const DUMP: &str = "for pid in $(pgrep -x scas); do if tr '\\0' '\\n' < /proc/$pid/cmdline | grep -qxF {config}; then \
                    gcore -o {file} $pid && mv {file}.$pid {file} && exit 0; fi; done; exit 1";

/// Whether there is a program that dumps the memory of another; if not, that is said.
fn can_dump() -> bool {
    let mut gdb = Command::new("gdb");
    let status = gdb.arg("--version").stdout(Stdio::null()).status();
    if status.is_ok_and(|status| status.success()) {
        return root_or_told();
    }
    assert!(std::env::var_os("CI").is_none(), "there is no gdb");
    #[expect(clippy::print_stderr, reason = "whoever runs the tests must see it")]
    let () = eprintln!("NOT RUN: there is no gdb");
    false
}

/// The built-in profile with this dump.
fn with_dump(stage: &Stage, dump: &str) {
    with_dump_of(stage, &[], dump);
}

/// The same, of a reference with these defects.
fn with_dump_of(stage: &Stage, defects: &[&str], dump: &str) {
    let own = "processes = \"descendants\"";
    let text = profile(own, &format!("{own}\ndumps = {{ vm = {dump} }}"));
    assert!(text.contains("{defects}"));
    stage.write(
        "sut.toml",
        &text.replace("{defects}", &format!("{defects:?}")),
    );
}

fn by_program(line: &str) -> String {
    format!("{:?}", ["sh", "-c", line])
}

fn run<'a>(further: &[&'a str]) -> Vec<&'a str> {
    [&["run", "--sut", "sut.toml", "--select", SHORT], further].concat()
}

/// What each look has come upon in the dump: how often it was there, and whether a key was in it.
fn looks(stage: &Stage) -> Vec<(usize, bool)> {
    let files = walkdir::WalkDir::new(stage.run_folder().join("evidence"));
    let records = files.into_iter().map(|entry| entry.unwrap().into_path());
    let records = records.filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with("look-") && name.ends_with(".json")
    });
    let records = records.map(|path| json(&path));
    let into_product =
        records.filter(|look| look["search"]["canaries"].as_array().unwrap().len() > 1);
    let in_dump = |all: &Value| {
        let all = all.as_array().unwrap().iter();
        all.filter(|one| {
            let source = one.get("source").or_else(|| one["place"].get("source"));
            source.is_some_and(|source| source == "VNFM memory dump vm")
        })
        .count()
    };
    into_product
        .map(|look| {
            let search = &look["search"];
            (
                in_dump(&search["canaries"]),
                in_dump(&search["exposures"]) > 0,
            )
        })
        .collect()
}

#[test]
fn a_key_that_remains_in_memory_is_found_in_the_dump_of_it_and_one_that_is_gone_is_not() {
    if !can_dump() {
        return;
    }
    for (defects, code) in [(&[][..], 0), (&["der-in-heap"], 1)] {
        let stage = Stage::new();
        with_dump_of(&stage, defects, &by_program(DUMP));
        let told = ["makers of memory dumps"];
        stage.run(&run(&[])).assert_told(code, &told);
        let looks = looks(&stage);
        assert!(looks.len() >= 2, "{looks:?}");
        assert!(looks.iter().all(|(canaries, _)| *canaries > 0), "{looks:?}");
        assert_eq!(
            looks.iter().any(|(_, found)| *found),
            !defects.is_empty(),
            "{looks:?}"
        );
        stage.assert_nothing_left();
    }
}

/// The tester's machine holds every key: its own simulators were told them.
#[test]
fn a_dump_of_the_tester_itself_is_no_find_and_leaves_the_verdict_open() {
    if !can_dump() {
        return;
    }
    let stage = Stage::new();
    let dump =
        "pid=$(ps -o ppid= -p $$ | tr -d ' '); gcore -o {file} $pid && mv {file}.$pid {file}";
    with_dump(&stage, &by_program(dump));
    let told = [
        "Inconclusive",
        "ixit.observe.dumps.vm",
        "the memory of this very program",
    ];
    stage.run(&run(&[])).assert_told(2, &told);
    assert!(
        looks(&stage)
            .iter()
            .all(|(canaries, found)| *canaries == 0 && !found)
    );
    stage.assert_nothing_left();
}

#[test]
fn a_dump_that_is_not_made_leaves_the_verdict_open_and_names_the_means() {
    if !root_or_told() {
        return;
    }
    for (line, told) in [
        ("echo no such domain >&2; exit 3; {file}", "no such domain"),
        ("true {file}", "cannot be read"),
        ("> {file}", "is empty"),
    ] {
        let stage = Stage::new();
        with_dump(&stage, &by_program(line));
        let told = ["Inconclusive", "ixit.observe.dumps.vm", told];
        stage.run(&run(&[])).assert_told(2, &told);
        stage.assert_nothing_left();
    }
}

#[test]
fn a_person_is_asked_for_a_dump_in_each_look_and_what_is_not_there_is_not_believed() {
    if !root_or_told() {
        return;
    }
    let stage = Stage::new();
    with_dump(
        &stage,
        "{ operator = \"Dump the memory of vm7 to {file}.\" }",
    );
    let told = ["Inconclusive", "Dump the memory of vm7 to", "--interactive"];
    stage.run(&run(&[])).assert_told(2, &told);
    std::fs::remove_dir_all(stage.path("reports")).unwrap();
    stage.write(
        "answers.toml",
        "name = \"B. Operator\"\n[answer.\"ixit.observe.dumps.vm\"]\ndone = true\n",
    );
    let told = ["Inconclusive", "ixit.observe.dumps.vm", "told as done"];
    let ended = stage.run(&run(&["--answers", "answers.toml"]));
    ended.assert_told(2, &told);
    let asked = walkdir::WalkDir::new(stage.run_folder().join("evidence")).into_iter();
    let asked = asked.filter(|entry| {
        let entry = entry.as_ref().unwrap();
        entry.file_name().to_string_lossy().starts_with("operator-")
    });
    assert!(asked.count() >= 1, "the answer is evidence");
}

#[test]
fn a_dump_that_nobody_could_make_is_refused_by_its_label() {
    for (dump, told) in [
        ("[]", "{file}"),
        (
            "[\"virsh\", \"dump\", \"vm7\"]",
            "write {file} where its path belongs",
        ),
        (
            "{ operator = \"Dump it.\" }",
            "write {file} where its path belongs",
        ),
        (
            "[\"/no/such/program\", \"{file}\"]",
            "'/no/such/program' is not an executable file",
        ),
        ("[\"sh\", \"{fil}\", \"{file}\"]", "did you mean {file}?"),
    ] {
        let stage = Stage::new();
        with_dump(&stage, dump);
        let ended = stage.run(&["run", "--sut", "sut.toml"]);
        ended.assert_told(64, &["ixit.observe.dumps.vm", told]);
        assert!(!stage.path("reports").exists(), "nothing was begun");
    }
}

//! A product on another machine, known by its ICS and IXIT alone and reached by its address: looked at through `ixit.observe.via`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::Value;

use crate::machine::{self, Machine};
use crate::support::{Ended, json};

/// Each case's own scenario.
const NORMATIVE: &str = "(4.2.2.1 or 4.2.2.2 or 4.2.2.3 or 4.2.2.4 or 4.2.2.5) and @normative";
/// The shortest that looks into the product.
const SHORT: &str = "4.2.2.4 and @normative";
/// What goes beyond the clauses, but for circumstances under which identifiers are given: most of those need a product that is ours to
/// start.
const EXTENDED: &str = "(4.2.2.1 or 4.2.2.3 or 4.2.2.4 or 4.2.2.5) and @extended";

fn run(machine: &Machine, select: &str) -> Ended {
    let arguments = ["run", "--sut", "foreign.toml", "--select", select];
    machine.stage.run(&arguments)
}

/// The record of a look, by its name.
fn look(machine: &Machine, name: &str) -> Value {
    let files = walkdir::WalkDir::new(machine.stage.run_folder().join("evidence"));
    let records = files.into_iter().map(|entry| entry.unwrap().into_path());
    let is_look = |path: &PathBuf| {
        let file = path.file_name().unwrap().to_string_lossy();
        file.starts_with("look-") && file.ends_with(".json")
    };
    let mut looks = records.filter(is_look);
    let look = looks.find_map(|path| Some(json(&path)).filter(|look| look["look"] == name));
    look.unwrap_or_else(|| panic!("no look is called {name}"))
}

/// The evidence of a scenario that looked.
fn look_folder(machine: &Machine) -> PathBuf {
    let mut folders = vec![machine.stage.run_folder().join("evidence")];
    while let Some(folder) = folders.pop() {
        if folder.join("look-1.json").exists() {
            return folder;
        }
        let below = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        folders.extend(below.filter(|path| path.is_dir()));
    }
    panic!("nobody looked");
}

#[test]
fn a_product_on_another_machine_is_judged_as_at_home() {
    if !machine::can_be_made() {
        return;
    }
    let machine = Machine::new(&[]);
    machine.call(&["/mnt/ctl", "reset"]);
    machine.profile(&Machine::observe(&machine.via()));
    run(&machine, NORMATIVE).assert_told(0, &["5 passed", "0 inconclusive", "ixit.observe.via"]);
    let look = look(&machine, "while the VIM holds its answer");
    assert!(
        look["there"]["processes"].as_u64().unwrap() >= 2,
        "{}",
        look["there"]
    );
    let canaries = look["search"]["canaries"].as_array().unwrap();
    for source in ["VNFM", "others", "/mnt/var", "names", "shared folders"] {
        let mut there = canaries.iter();
        assert!(
            there.any(|canary| canary["source"] == source),
            "{source}: {canaries:?}"
        );
    }
    assert!(canaries.iter().all(|canary| canary["found"] == true));
    let attempts = look["attempts"]["attempts"].as_array().unwrap();
    let denied = |attempt: &&Value| {
        attempt["what"].as_str().unwrap().starts_with("read memory")
            && attempt["result"]["outcome"] == "denied"
    };
    assert!(attempts.iter().filter(denied).count() >= 2, "{attempts:?}");
}

#[test]
fn what_a_product_on_another_machine_leaves_lying_fails_there() {
    if !machine::can_be_made() {
        return;
    }
    for (defect, told) in [
        ("key-in-readable-file", "in storage: /mnt/var"),
        ("key-in-free-pages", "in storage: /mnt/var"),
        (
            "key-in-shared-memory",
            "in storage: shared folders /dev/shm",
        ),
        (
            "der-in-heap",
            "in the memory of a process of the VNFM: VNFM pid",
        ),
    ] {
        let machine = Machine::new(&[defect]);
        machine.call(&["/mnt/ctl", "reset"]);
        machine.profile(&Machine::observe(&machine.via()));
        run(&machine, SHORT).assert_told(1, &["Fail", told, "via ssh"]);
    }
}

#[test]
fn what_goes_beyond_the_clauses_is_judged_on_another_machine_too_but_for_a_crash() {
    if !machine::can_be_made() {
        return;
    }
    let machine = Machine::new(&[]);
    machine.call(&["/mnt/ctl", "reset"]);
    machine.profile(&Machine::observe(&machine.via()));
    let told = [
        "60 passed, 0 failed, 1 inconclusive, 0 errors",
        "where the VNFM crashes",
        "not at our hands",
    ];
    run(&machine, EXTENDED).assert_told(2, &told);
}

/// A command that leads to the machine, and after so many calls does something else.
fn way_that_changes(machine: &Machine, after: u32, then: &str) -> Vec<String> {
    let lines = format!(
        "#!/bin/sh\necho >> {count}\nif test $(wc -l < {count}) -gt {after}; then\n{then}\nfi\nexec {ssh} \"$@\"\n",
        count = machine.stage.path("count").display(),
        ssh = machine.ssh().join(" "),
    );
    let way = machine.stage.write("way", &lines);
    std::fs::set_permissions(&way, std::fs::Permissions::from_mode(0o755)).unwrap();
    vec![way.display().to_string(), format!("{}/scas", machine::ROOT)]
}

/// A host key that is not the machine's.
fn other_host_key(machine: &Machine) -> String {
    let stage = &machine.stage;
    let known = std::fs::read_to_string(stage.path("known")).unwrap();
    let host = known.split(' ').next().unwrap().to_owned();
    let client = std::fs::read_to_string(stage.path("client.pub")).unwrap();
    let other = stage.write("other", &format!("{host} {client}"));
    other.display().to_string()
}

#[test]
fn a_way_that_is_lost_between_two_looks_or_in_one_leaves_it_open() {
    if !machine::can_be_made() {
        return;
    }
    let machine = Machine::new(&[]);
    machine.call(&["/mnt/ctl", "reset"]);
    let (known, other) = (machine.stage.path("known"), other_host_key(&machine));
    // Twice before the run, once before the first look, and the first look.
    let changed = format!("cp {other} {}", known.display());
    let cut = format!(
        "{} \"$@\" | dd bs=64K count=40 status=none\necho 'Connection closed.' >&2\nexit 255",
        machine.ssh().join(" ")
    );
    for (then, told) in [
        (cut, ["broke off: Connection closed.", "via "]),
        (
            changed,
            ["Host key verification failed.", "ixit.observe.via"],
        ),
    ] {
        let way = way_that_changes(&machine, 4, &then);
        machine.profile(&Machine::observe(&way));
        let told = [&["Inconclusive"], &told[..]].concat();
        run(&machine, SHORT).assert_told(2, &told);
        std::fs::remove_dir_all(machine.stage.path("reports")).unwrap();
        std::fs::remove_file(machine.stage.path("count")).unwrap();
    }
}

#[test]
fn a_way_that_falls_silent_in_a_look_leaves_it_open() {
    if !machine::can_be_made() {
        return;
    }
    let machine = Machine::new(&[]);
    machine.call(&["/mnt/ctl", "reset"]);
    // Its first word comes, and then nothing more.
    let silent = format!(
        "{} \"$@\" | (head -n 1; exec sleep 1000)",
        machine.ssh().join(" ")
    );
    let way = way_that_changes(&machine, 4, &silent);
    let observe = Machine::observe(&way);
    machine.profile(&format!("{observe}\n[ixit.timeouts]\noperation = 15"));
    run(&machine, SHORT).assert_told(2, &["Inconclusive", "broke off"]);
}

#[test]
fn what_is_left_lying_at_the_beginning_is_found_by_a_slow_way() {
    if !machine::can_be_made() {
        return;
    }
    let machine = Machine::new(&["key-in-shared-memory"]);
    machine.call(&["/mnt/ctl", "reset"]);
    // Slower than what file systems round their times by.
    let way = way_that_changes(&machine, 3, "sleep 14");
    machine.profile(&Machine::observe(&way));
    let told = ["Fail", "in storage: shared folders /dev/shm"];
    run(&machine, SHORT).assert_told(1, &told);
}

#[test]
fn a_way_that_is_closed_is_told_before_the_run() {
    if !machine::can_be_made() {
        return;
    }
    let machine = Machine::new(&[]);
    machine.call(&["/mnt/ctl", "reset"]);
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let other = machine.stage.path("known").display().to_string();
    let with_other_key: Vec<String> = machine.via();
    let replaced = other_host_key(&machine);
    let with_other_key = with_other_key
        .iter()
        .map(|word| word.replace(&other, &replaced))
        .collect::<Vec<_>>();
    for (via, told) in [
        (words("/no/such/command"), "does not start"),
        (words("false"), "exit status: 1"),
        (
            with_other_key,
            "Host key verification failed.; the machine that answers shows another host key",
        ),
        ([machine.ssh(), words("/mnt/no-scas")].concat(), "no-scas"),
    ] {
        machine.profile(&Machine::observe(&via));
        run(&machine, SHORT).assert_told(64, &["ixit.observe.via", told, "by hand"]);
    }
    let observe = Machine::observe(&machine.via());
    for (from, to, told) in [
        (
            "\"/mnt/var\"",
            "\"/mnt/no-such\"",
            ["ixit.observe.storage", "/mnt/no-such"],
        ),
        (
            "[\"/mnt/var\"]",
            "[]",
            ["ixit.observe.storage", "is missing"],
        ),
        (
            "run/vnfm.pid",
            "run/no.pid",
            ["ixit.observe.product", "run/no.pid"],
        ),
        (
            "\"pidfile:",
            "\"file:",
            ["ixit.observe.product", "pidfile:PATH"],
        ),
    ] {
        assert!(observe.contains(from), "{observe}");
        machine.profile(&observe.replace(from, to));
        run(&machine, SHORT).assert_told(64, &told);
    }
    assert!(!machine.stage.path("reports").exists(), "nothing was begun");
}

#[test]
fn without_root_there_it_is_open_and_the_means_is_named() {
    if !machine::can_be_made() {
        return;
    }
    let machine = Machine::new(&[]);
    machine.call(&["/mnt/ctl", "reset"]);
    let user = "setpriv --reuid 61234 --regid 61234 --clear-groups /mnt/scas";
    let user = user.split(' ').map(str::to_owned).collect();
    machine.profile(&Machine::observe(&[machine.ssh(), user].concat()));
    run(&machine, SHORT).assert_told(2, &["Inconclusive", "rights", "ixit.observe.via"]);
}

#[test]
fn what_a_command_prints_is_searched_in_each_look() {
    if !machine::can_be_made() {
        return;
    }
    let machine = Machine::new(&["key-in-debug-log"]);
    machine.call(&["/mnt/ctl", "reset"]);
    let log = [
        machine.ssh(),
        vec!["cat".to_owned(), "/mnt/var/log/vnfm.log".to_owned()],
    ]
    .concat();
    let observe = Machine::observe(&machine.via());
    machine.profile(&format!("{observe}\nexports = {{ log = {log:?} }}"));
    run(&machine, SHORT).assert_told(1, &["Fail", "in storage: export log, offset"]);
}

#[test]
fn no_private_key_goes_to_the_machine_that_is_looked_at() {
    if !machine::can_be_made() {
        return;
    }
    let machine = Machine::new(&[]);
    machine.call(&["/mnt/ctl", "reset"]);
    let heard = machine.stage.path("heard").display().to_string();
    let listen = format!("tee -a {heard} | {} \"$@\"\nexit", machine.ssh().join(" "));
    let way = way_that_changes(&machine, 0, &listen);
    machine.profile(&Machine::observe(&way));
    run(&machine, SHORT).assert_told(0, &["1 passed"]);
    let said = std::fs::metadata(&heard).unwrap().len();
    assert!(said > 4 * 1000, "canaries at least, in each look: {said}");
    let evidence = look_folder(&machine);
    let certificate = evidence.join("certificate.der").display().to_string();
    let search = ["scan", "--cert", &certificate, "--every-offset", &heard];
    machine.stage.run(&search).assert_told(0, &["not found"]);
}

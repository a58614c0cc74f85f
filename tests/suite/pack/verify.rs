//! `scas verify`: what a pack says must follow from what is in it.

use serde_json::{Value, json};

use super::{SCENE, change, change_events, fix_up, sample};
use crate::support::{SHORT, Stage, profile, root_or_told};

#[test]
fn the_sample_verifies_and_its_verdict_is_told() {
    let stage = Stage::new();
    let run = sample(&stage);
    stage.run(&["verify", run.to_str().unwrap()]).assert_told(
        0,
        &[
            "2 questions asked again",
            "4 archives",
            "consistent in itself: the evidence bears out the verdict Fail; nobody vouches for it",
        ],
    );
    let told = stage
        .run(&["verify", "--json", run.to_str().unwrap()])
        .json();
    assert_eq!(told["verdict"], "fail");
    assert_eq!(told["mismatches"], json!([]));
    assert_eq!(told["figures"]["files"], 14);
    stage.assert_nothing_left();
}

#[test]
fn a_run_of_every_kind_of_question_verifies() {
    if !root_or_told() {
        return;
    }
    let stage = Stage::new();
    // Delegation, deletion, identifiers, OAM: one scenario of each.
    let selection = "(4.2.2.2 or 4.2.2.3 or 4.2.2.5) and @normative";
    stage
        .run(&["run", "--select", selection])
        .assert_told(0, &[]);
    let run = stage.run_folder();
    let told = stage.run(&["verify", "--json", run.to_str().unwrap()]);
    told.assert_told(0, &[]);
    let figures = &told.json()["figures"];
    assert!(figures["facts"].as_u64().unwrap() > 2000, "{figures}");
    assert!(figures["questions"].as_u64().unwrap() >= 5, "{figures}");

    // One identifier less, wherever it is told, and the transcript tells it still.
    let question = run.join("evidence/TC_UNIQUE_VNF_INSTANCE_ID");
    let scene = std::fs::read_dir(question)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    change(&scene.join("question-1.json"), |question| {
        let records = question["asked"]["rounds"][0]["records"]
            .as_array_mut()
            .unwrap();
        records.pop();
        question["asked"]["rounds"][0]["asked"] = (records.len()).into();
    });
    fix_up(&stage, &run);
    stage
        .run(&["verify", run.to_str().unwrap()])
        .assert_told(1, &["question-1.json, identifiers", "gave"]);
}

#[test]
fn a_verdict_that_was_edited_is_named_in_each_layer_down_to_the_transcript() {
    let stage = Stage::new();
    let run = sample(&stage);
    let told = |names: &[&str]| {
        stage
            .run(&["verify", run.to_str().unwrap()])
            .assert_told(1, names)
    };

    // The verdict alone: the report is another.
    change(&run.join("results.json"), |results| {
        results["verdict"] = "pass".into()
    });
    told(&[
        "results.json, /verdict",
        "said:    \"pass\"",
        "follows: \"fail\"",
    ]);

    // The events, with all reports drawn again: no question bears it.
    change_events(&run, |event| {
        if event["verdict"] == "fail" {
            event["verdict"] = "pass".into();
        }
        if event["step"]["outcome"] == "unmet" {
            event["step"]["outcome"] = "met".into();
            event["step"].as_object_mut().unwrap().remove("expected");
            event["step"].as_object_mut().unwrap().remove("actual");
        }
    });
    fix_up(&stage, &run);
    told(&[
        "events.jsonl, TC_SIGNATURE_VERIFICATION_FILES_VNFD line 30",
        "said:    met",
        "question-2.json",
    ]);

    // The answer of the judge too: a judge does not answer so.
    let question = run.join(SCENE).join("question-2.json");
    change(&question, |question| {
        question["answered"]["outcome"] = json!({"outcome": "met"})
    });
    fix_up(&stage, &run);
    told(&["question-2.json, /answered/outcome"]);

    // What the judge was told too: the transcript says otherwise.
    change(&question, |question| {
        for offer in question["asked"]["flawed"].as_array_mut().unwrap() {
            offer["answer"] = json!({"answer": "status", "exchange": offer["answer"]["exchange"],
                "status": 422, "text": "refused"});
        }
    });
    fix_up(&stage, &run);
    told(&[
        "question-2.json, file B under a known VNFD: answer",
        "HTTP 422",
        "201",
    ]);
}

#[test]
fn a_file_that_is_missing_added_or_another_is_named() {
    let stage = Stage::new();
    let run = sample(&stage);
    let told = |names: &[&str]| {
        stage
            .run(&["verify", run.to_str().unwrap()])
            .assert_told(1, names)
    };
    let log = run.join(SCENE).join("sut.log");
    let bytes = std::fs::read(&log).unwrap();
    std::fs::remove_file(&log).unwrap();
    told(&["line-030/sut.log", "is missing"]);
    std::fs::write(&log, b"another").unwrap();
    told(&["line-030/sut.log, sha256", "line-030/sut.log, length"]);
    std::fs::write(&log, bytes).unwrap();
    let extra = run.join(SCENE).join("extra.txt");
    std::fs::write(&extra, b"").unwrap();
    told(&["line-030/extra.txt", "nothing in the record lists it"]);
    std::fs::remove_file(extra).unwrap();
    std::fs::remove_file(run.join("profile.toml")).unwrap();
    told(&["profile.toml", "is missing"]);
}

#[test]
fn archives_that_were_exchanged_are_seen_by_their_signatures() {
    let stage = Stage::new();
    let run = sample(&stage);
    let scene = run.join(SCENE);
    let (valid, flawed) = (
        scene.join("fresh-valid-vnfd.zip"),
        scene.join("fresh-flawed-vnfd.zip"),
    );
    let [one, other] = [&valid, &flawed].map(|path| std::fs::read(path).unwrap());
    std::fs::write(&valid, other).unwrap();
    std::fs::write(&flawed, one).unwrap();
    fix_up(&stage, &run);
    stage.run(&["verify", run.to_str().unwrap()]).assert_told(
        1,
        &[
            "fresh-flawed-vnfd.zip",
            "its signatures are valid and cover every file",
            "fresh-valid-vnfd.zip",
            "has another digest than the manifest says",
        ],
    );
}

#[test]
fn a_field_that_this_version_does_not_write_is_named() {
    let stage = Stage::new();
    let run = sample(&stage);
    change_events(&run, |event| {
        if event["event"] == "run-finished" {
            event["by"] = Value::from("nobody");
        }
    });
    stage
        .run(&["verify", run.to_str().unwrap()])
        .assert_told(1, &["events.jsonl, line", "/by", "nobody"]);
}

#[test]
fn a_run_that_was_ended_early_verifies_as_what_it_is() {
    let stage = Stage::new();
    stage.run(&["run", "--select", SHORT]).assert_told(0, &[]);
    let run = stage.run_folder();
    let path = run.join("events.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let kept: Vec<&str> = text.lines().take(4).collect();
    std::fs::write(&path, kept.join("\n") + "\n{\"event\"").unwrap();
    stage
        .run(&["report", run.to_str().unwrap()])
        .assert_told(2, &[]);
    stage.run(&["verify", run.to_str().unwrap()]).assert_told(
        0,
        &[
            "the run is not whole",
            "14 files of a scenario that did not end",
            "verdict Inconclusive",
        ],
    );
    // Killed before its first event, it has planned nothing; an event that follows no plan is none of a run's.
    std::fs::remove_dir_all(run.join("evidence")).unwrap();
    for (events, code, told) in [
        (
            String::new(),
            0,
            ["the run is not whole", "verdict Inconclusive"],
        ),
        (
            format!("{}\n", kept[1]),
            1,
            ["MISMATCH events.jsonl", "plan, test cases"],
        ),
    ] {
        std::fs::write(&path, events).unwrap();
        stage.run(&["report", run.to_str().unwrap()]);
        let verified = stage.run(&["verify", run.to_str().unwrap()]);
        verified.assert_told(code, &told);
    }
}

/// Of what is longer than the transcript keeps, length and digest are there, and no more is asked.
#[test]
fn a_record_with_requests_too_long_to_be_kept_is_borne_out() {
    let stage = Stage::new();
    let long = format!(
        "[ixit.vnf]\ncreate = {{ metadata = {{ blob = \"{}\" }} }}",
        "x".repeat(17_000)
    );
    stage.write("sut.toml", &profile("[ixit.vnf]", &long));
    let select = "4.2.2.1 and @normative";
    let ended = stage.run(&["run", "--sut", "sut.toml", "--select", select]);
    ended.assert_told(0, &["Pass"]);
    let run = stage.run_folder();
    let verified = stage.run(&["verify", run.to_str().unwrap()]);
    verified.assert_told(0, &["bears out the verdict Pass"]);
}

#[test]
fn what_is_no_pack_is_told() {
    let stage = Stage::new();
    stage
        .run(&["verify", "nowhere"])
        .assert_told(64, &["nowhere", "name the folder of a run"]);
    stage.write("text.asice", "no container");
    stage
        .run(&["verify", "text.asice"])
        .assert_told(1, &["text.asice", "no ZIP that is whole"]);
}

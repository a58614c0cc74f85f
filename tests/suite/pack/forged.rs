//! Forgeries by somebody who knows the format: every digest is made right and every report drawn again, and what is left is seen.

use std::path::Path;

use scas::judge;
use scas::model::question::Question;
use scas::model::verdict::Keyword;
use scas::pack::{Limits, Pack};
use scas::steps::vocabulary;
use scas::{seal, verify};
use serde_json::{Value, json};

use super::{SCENE, change, change_events, copy, fix_up, sample};
use crate::support::{Stage, json as json_of, profile, root_or_told};

/// What does not follow, as `file, field`.
fn mismatches(run: &Path) -> Vec<String> {
    let pack = Pack::open(run, Limits::default()).unwrap();
    let found = verify::verify(&pack, &seal::FILES).unwrap();
    let all = found.mismatches.into_iter();
    all.map(|one| format!("{}, {}", one.file, one.field))
        .collect()
}

#[track_caller]
fn assert_named(run: &Path, name: &str) {
    let named = mismatches(run);
    assert!(
        named.iter().any(|one| one.contains(name)),
        "{name} is not among {named:#?}"
    );
}

fn pass(event: &mut Value) {
    if event["verdict"] == "fail" {
        event["verdict"] = "pass".into();
    }
    if let Some(step) = event.get_mut("step").and_then(Value::as_object_mut)
        && step["outcome"] == "unmet"
    {
        step.insert("outcome".into(), "met".into());
        step.remove("expected");
        step.remove("actual");
    }
}

#[test]
fn each_expected_result_of_the_vocabulary_asks_one_kind_of_question() {
    for phrase in vocabulary() {
        let definition = phrase.definition;
        if definition.keyword == Keyword::Then {
            let kind = verify::phrases::kind(definition.expression);
            assert!(
                kind.is_some(),
                "{} {}",
                definition.at,
                definition.expression
            );
        }
    }
}

#[test]
fn a_question_that_stands_for_another_is_named() {
    let stage = Stage::new();
    let run = sample(&stage);
    let asked = Question::AttemptsEnd {
        allowed: 3,
        seen: vec!["exchange 1".to_owned()],
    };
    let answered = judge::answer(&asked);
    change(&run.join(SCENE).join("question-2.json"), |question| {
        *question = json!({ "asked": asked, "answered": answered });
    });
    change_events(&run, pass);
    fix_up(&stage, &run);
    assert_named(&run, "question-2.json, /asked/question");
}

#[test]
fn an_answer_that_belongs_to_another_offer_is_seen() {
    let stage = Stage::new();
    // Of the three offers the first two are under one vnfdId, the third is under another.
    for (to, from, told) in [
        (0, 2, "answers the offer"),
        (0, 2, "creates a VNF instance of VNFD"),
        (
            0,
            1,
            "between the two, creates a VNF instance of the same VNFD",
        ),
    ] {
        let run = sample(&stage);
        change(&run.join(SCENE).join("question-1.json"), |question| {
            let offers = question["asked"]["offers"].as_array_mut().unwrap();
            let (one, other) = (offers[to]["answer"].clone(), offers[from]["answer"].clone());
            offers[to]["answer"] = other;
            if !told.contains("answers") {
                offers[from]["answer"] = one;
            }
            let asked: Question = serde_json::from_value(question["asked"].clone()).unwrap();
            question["answered"] = json!(judge::answer(&asked));
        });
        fix_up(&stage, &run);
        stage
            .run(&["verify", run.to_str().unwrap()])
            .assert_told(1, &["question-1.json, file A: answer", told]);
    }
}

/// The run has each kind of exchange that can be taken for another: a creation, a beginning, an end, a termination.
#[test]
fn at_instantiation_the_end_of_an_instantiation_answers_and_nothing_else_does() {
    let stage = Stage::new();
    stage.write(
        "sut.toml",
        &profile("accepted-at = \"create\"", "accepted-at = \"instantiate\""),
    );
    let select = "4.2.2.1 and @normative";
    let ended = stage.run(&["run", "--sut", "sut.toml", "--select", select]);
    ended.assert_told(0, &["Pass"]);
    let honest = stage.run_folder();
    let run = stage.path("forged");
    let named = honest.to_str().unwrap();
    stage.run(&["verify", named]).assert_told(0, &[]);
    let case = "evidence/TC_SIGNATURE_VERIFICATION_FILES_VNFD";
    let scene = std::fs::read_dir(honest.join(case)).unwrap().next();
    let scene = Path::new(case).join(scene.unwrap().unwrap().file_name());
    let transcript = std::fs::read_to_string(honest.join(&scene).join("transcript.jsonl"));
    let exchanges: Vec<Value> = transcript
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for (method, ending, told) in [
        ("POST", "/vnf_instances", "the creation of a VNF instance"),
        ("POST", "/instantiate", "the beginning of an instantiation"),
        ("POST", "/terminate", "is nothing about a VNF instance"),
        ("DELETE", "", "is nothing about a VNF instance"),
    ] {
        copy(&honest, &run);
        let question = run.join(&scene).join("question-1.json");
        change(&question, |question| {
            let offer = &mut question["asked"]["offers"][0];
            let vnfd_id = offer["vnfd_id"].as_str().unwrap();
            // From the creation of this VNFD on.
            let own = |one: &&Value| one["request"]["body"]["text"].to_string().contains(vnfd_id);
            let created = exchanges.iter().find(own).unwrap()["seq"].as_u64().unwrap();
            let taken = exchanges.iter().find(|one| {
                let target = one["request"]["target"].as_str().unwrap();
                one["to"] == "VNFM"
                    && one["request"]["method"] == method
                    && target.ends_with(ending)
                    && one["seq"].as_u64().unwrap() >= created
            });
            offer["answer"]["exchange"] = taken.unwrap()["seq"].clone();
            let asked: Question = serde_json::from_value(question["asked"].clone()).unwrap();
            question["answered"] = json!(judge::answer(&asked));
        });
        fix_up(&stage, &run);
        let ended = stage.run(&["verify", run.to_str().unwrap()]);
        ended.assert_told(1, &["question-1.json", ": answer", told]);
        std::fs::remove_dir_all(&run).unwrap();
    }
}

#[test]
fn statuses_that_the_profile_does_not_name_are_seen() {
    let stage = Stage::new();
    let run = sample(&stage);
    change(&run.join(SCENE).join("question-1.json"), |question| {
        question["asked"]["refusal_statuses"] = json!([499]);
    });
    fix_up(&stage, &run);
    assert_named(&run, "question-1.json, /asked/refusal_statuses");
}

#[test]
fn an_expected_result_that_is_left_out_is_seen() {
    let stage = Stage::new();
    let run = sample(&stage);
    let path = run.join("events.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let kept = text
        .lines()
        .filter(|line| !line.contains("file B is not accepted"));
    std::fs::write(
        &path,
        kept.map(|line| format!("{line}\n")).collect::<String>(),
    )
    .unwrap();
    std::fs::remove_file(run.join(SCENE).join("question-2.json")).unwrap();
    change_events(&run, |event| {
        pass(event);
        if event["event"] == "scenario-finished" {
            let files = event["evidence"].as_array_mut().unwrap();
            files.retain(|file| !file["path"].as_str().unwrap().ends_with("question-2.json"));
        }
    });
    fix_up(&stage, &run);
    assert_named(
        &run,
        "events.jsonl, TC_SIGNATURE_VERIFICATION_FILES_VNFD line 30",
    );
}

#[test]
fn a_test_case_that_is_said_not_to_apply_is_seen() {
    let stage = Stage::new();
    let run = sample(&stage);
    let path = run.join("events.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let kept = text
        .lines()
        .filter(|line| line.contains("\"event\":\"run-"));
    std::fs::write(
        &path,
        kept.map(|line| format!("{line}\n")).collect::<String>(),
    )
    .unwrap();
    std::fs::remove_dir_all(run.join("evidence")).unwrap();
    change_events(&run, |event| {
        if event["event"] == "run-started" {
            let case = &mut event["plan"][0];
            case["not_applicable"] = json!({ "item": "vnf-lcm", "reason": "we say so" });
            case["scenarios"] = json!([]);
        }
    });
    fix_up(&stage, &run);
    assert_named(
        &run,
        "events.jsonl, plan, TC_SIGNATURE_VERIFICATION_FILES_VNFD",
    );
}

#[test]
fn a_product_or_a_waiver_that_the_profile_does_not_name_is_seen() {
    let stage = Stage::new();
    let run = sample(&stage);
    change(&run.join("run.json"), |run| {
        run["sut"]["version"] = "9.9".into()
    });
    fix_up(&stage, &run);
    assert_named(&run, "run.json, /sut/version");
    let run = sample(&stage);
    change(&run.join("run.json"), |run| {
        run["waivers"] = json!([{ "case": "TC_SIGNATURE_VERIFICATION_FILES_VNFD", "reason": "r", "owner": "o",
            "expires": "2099-01-01" }]);
    });
    fix_up(&stage, &run);
    assert_named(&run, "run.json, /waivers");
}

#[test]
fn what_is_withheld_excuses_nothing_beside_it() {
    let stage = Stage::new();
    let run = sample(&stage);
    let words = "nothing at all (withheld: key material was found here)";
    change(&run.join(SCENE).join("question-2.json"), |question| {
        question["answered"]["outcome"]["actual"] = words.into();
    });
    change_events(&run, |event| {
        if event["step"]["outcome"] == "unmet" {
            event["step"]["actual"] = words.into();
        }
    });
    fix_up(&stage, &run);
    assert_named(&run, "question-2.json, /answered/outcome/actual");
    assert_named(
        &run,
        "events.jsonl, TC_SIGNATURE_VERIFICATION_FILES_VNFD line 30",
    );
}

#[test]
fn a_look_that_the_judge_was_told_otherwise_is_seen() {
    if !root_or_told() {
        return;
    }
    let stage = Stage::new();
    stage
        .run(&[
            "run",
            "--select",
            "4.2.2.3 and @normative",
            "--defect",
            "key-in-readable-file",
        ])
        .assert_told(1, &[]);
    let run = stage.run_folder();
    assert_eq!(mismatches(&run), Vec::<String>::new());
    let question = question(&run, "key-protected");
    let honest = std::fs::read(&question).unwrap();
    let told = |name: &str, forge: &dyn Fn(&mut Value)| {
        change(&question, |question| {
            forge(&mut question["asked"]);
            let asked: Question = serde_json::from_value(question["asked"].clone()).unwrap();
            question["answered"] = json!(judge::answer(&asked));
        });
        fix_up(&stage, &run);
        assert_named(&run, name);
        std::fs::write(&question, &honest).unwrap();
    };
    for field in [
        "attempts",
        "core_dumps",
        "gaps",
        "sightings",
        "searched",
        "canaries",
    ] {
        told(&format!(": {field}"), &|asked| {
            for look in asked["looks"].as_array_mut().unwrap() {
                look[field] = json!([]);
            }
        });
    }
    let seen = |asked: &mut Value, field: &str, value: Value| {
        let looks = asked["looks"].as_array_mut().unwrap().iter_mut();
        let mut seen = looks.flat_map(|look| look["sightings"].as_array_mut().unwrap());
        let seen = seen.next().expect("the defect shows the key");
        assert_ne!(seen[field], value);
        seen[field] = value;
    };
    for (field, value) in [
        ("medium", json!("command-line")),
        ("process", json!(1)),
        ("place", json!("elsewhere")),
        ("encoding", json!("another")),
    ] {
        told(": sightings", &|asked| seen(asked, field, value.clone()));
    }
    told(": keys", &|asked| asked["keys"][0]["known"] = false.into());
    told(": lacked", &|asked| {
        asked["looks"][0]["lacked"] = json!(["nothing"]);
    });
    told("look-1.json", &|asked| {
        asked["looks"].as_array_mut().unwrap().remove(0);
    });
}

/// The first question of this kind.
fn question(run: &Path, kind: &str) -> std::path::PathBuf {
    let pack = Pack::open(run, Limits::default()).unwrap();
    let mut names = pack
        .files()
        .keys()
        .filter(|name| name.contains("/question-"));
    let name = names.find(|name| json_of(&run.join(name))["asked"]["question"] == kind);
    run.join(name.expect("a question"))
}

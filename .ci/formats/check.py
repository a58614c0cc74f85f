"""Reads the machine formats of a run with programs of others, and compares their figures with results.json.

Usage: check.py [--sarif FOLDER] RUN-FOLDER...

In the folder of --sarif lies <run>.sarif for each run."""

import argparse
import collections
import json
import pathlib
import re
import sys

import sarif.loader
from junitparser import Error, Failure, JUnitXml, Skipped
from pydantic_sarif.model import StaticAnalysisResultsFormatSarifVersion210JsonSchema as Sarif
from trestle.oscal.assessment_results import AssessmentResults


def expected(results):
    """How often each verdict is in the results; what is waived or not applicable is skipped."""
    seen = collections.Counter()
    for case in results["cases"]:
        if isinstance(case.get("normative"), dict) and "not-applicable" in json.dumps(case["normative"]):
            seen["skipped"] += 1
        for scenario in case["scenarios"]:
            waived = case.get("waived", False) and scenario["verdict"] != "pass"
            seen["skipped" if waived else scenario["verdict"]] += 1
    return seen


def of_junit(path):
    seen = collections.Counter()
    for suite in JUnitXml.fromfile(str(path)):
        for test in suite:
            kinds = {type(result) for result in test.result}
            if Failure in kinds:
                seen["fail"] += 1
            elif Error in kinds:
                seen["other"] += 1
            elif Skipped in kinds:
                seen["skipped"] += 1
            else:
                seen["pass"] += 1
    return seen


def of_oscal(path):
    report = AssessmentResults.oscal_read(pathlib.Path(path))
    findings = report.results[0].findings or []
    return collections.Counter(finding.target.status.reason for finding in findings)


def of_sarif(path):
    """The scenarios with a failure, and those that are open. Whatever the schema of SARIF does not know is an error."""
    Sarif.model_validate_json(path.read_bytes())
    failed, left_open = set(), set()
    for result in sarif.loader.load_sarif_file(str(path)).runs[0].get_results():
        locations = result["locations"] + result["relatedLocations"]
        names = {one["fullyQualifiedName"] for place in locations for one in place.get("logicalLocations", [])}
        (left_open if result.get("kind") == "open" else failed).update(names)
    return failed, left_open


def of_scenarios(results, verdict):
    return {
        f"{case['id']}/line-{scenario['line']:03}"
        for case in results["cases"]
        for scenario in case["scenarios"]
        if scenario["verdict"] == verdict
    }


def differences_of_sarif(folder, path):
    results = json.loads((folder / "results.json").read_text())
    for seen, verdict in zip(of_sarif(path), ("fail", "inconclusive")):
        if seen != of_scenarios(results, verdict):
            yield f"{path.name}: {sorted(seen)} {verdict}, expected {sorted(of_scenarios(results, verdict))}"


def differences(folder):
    results = json.loads((folder / "results.json").read_text())
    wanted = expected(results)
    other = wanted["inconclusive"] + wanted["error"]
    junit = of_junit(folder / "junit.xml")
    for name, number in (("pass", wanted["pass"]), ("fail", wanted["fail"]), ("skipped", wanted["skipped"])):
        if junit[name] != number:
            yield f"junit.xml: {junit[name]} {name}, expected {number}"
    # Faults of the run itself are errors of JUnit besides.
    if junit["other"] < other:
        yield f"junit.xml: {junit['other']} errors, expected {other} at least"
    ctrf = json.loads((folder / "ctrf.json").read_text())["results"]
    figures = ctrf["summary"]
    for name, number in (
        ("passed", wanted["pass"]),
        ("failed", wanted["fail"]),
        ("skipped", wanted["skipped"]),
        ("other", other),
        ("tests", sum(wanted.values())),
    ):
        if figures[name] != number:
            yield f"ctrf.json: {figures[name]} {name}, expected {number}"
    judged = results["summary"]["cases"]
    oscal = of_oscal(folder / "assessment-results.json")
    for reason, number in (
        ("pass", judged["pass"]),
        ("fail", judged["fail"]),
        ("other", judged["inconclusive"] + judged["error"]),
    ):
        if oscal[reason] != number:
            yield f"assessment-results.json: {oscal[reason]} {reason}, expected {number}"
    markdown = (folder / "summary.md").read_text()
    told = re.search(r"Test cases: (\d+) passed, (\d+) failed, (\d+) inconclusive, (\d+) errors", markdown)
    figures = [judged["pass"], judged["fail"], judged["inconclusive"], judged["error"]]
    if not told or [int(number) for number in told.groups()] != figures:
        yield f"summary.md: {told and told.group(0)}, expected {figures}"


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--sarif", type=pathlib.Path)
    arguments.add_argument("folders", type=pathlib.Path, nargs="*")
    arguments = arguments.parse_args()
    folders = arguments.folders
    wrong = [f"{folder}: {what}" for folder in folders for what in differences(folder)]
    if arguments.sarif:
        for folder in folders:
            path = arguments.sarif / f"{folder.resolve().name}.sarif"
            wrong.extend(f"{folder}: {what}" for what in differences_of_sarif(folder, path))
    for line in wrong:
        print(line)
    if not folders:
        print("no run was named")
    sys.exit(1 if wrong or not folders else 0)


if __name__ == "__main__":
    main()

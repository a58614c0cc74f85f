"""Compares what a run on Tacker came to with what is expected. Usage: compare.py EXIT-CODE RESULTS EXPECTED"""

import collections
import json
import sys


def normative(case):
    verdict = case["normative"]
    return verdict["verdict"] if isinstance(verdict, dict) else verdict


def differences(code, results, expected):
    if code != expected["exit_code"]:
        yield f"exit code {code}, expected {expected['exit_code']}"
    cases = {case["id"]: case for case in results["cases"]}
    for name, wanted in expected["cases"].items():
        if name not in cases:
            yield f"{name}: is not in the results"
            continue
        yield from (f"{name}: {what}" for what in of_case(cases[name], wanted))


def of_case(case, wanted):
    if normative(case) != wanted["normative"]:
        yield f"normative {normative(case)}, expected {wanted['normative']}"
    scenarios = case["scenarios"]
    main = [scenario for scenario in scenarios if scenario["normative"]]
    text = wanted.get("reason", "")
    if not all(text in scenario["reason"] for scenario in main):
        yield f"the reason does not say '{text}': {[scenario['reason'] for scenario in main]}"
    seen = {one["name"] for scenario in main for one in scenario["observations"]}
    for name in wanted.get("observations", []):
        if name not in seen:
            yield f"the observation '{name}' is missing; there are {sorted(seen)}"
    measured = {one["name"]: one["value"] for scenario in main for one in scenario["measurements"]}
    for name, value in wanted.get("measurements", {}).items():
        if measured.get(name) != value:
            yield f"measured {name} {measured.get(name)}, expected {value}"
    if "extended" in wanted:
        extended = collections.Counter(one["verdict"] for one in scenarios if not one["normative"])
        if extended != wanted["extended"]:
            yield f"extended {dict(extended)}, expected {wanted['extended']}"
    residue = [what for scenario in scenarios for what in scenario["residue"]]
    if len(residue) != wanted.get("residue", 0):
        yield f"residue: {residue}"


def main():
    code, results, expected = sys.argv[1:]
    with open(results) as found, open(expected) as wanted:
        wrong = list(differences(int(code), json.load(found), json.load(wanted)))
    for line in wrong:
        print(line)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()

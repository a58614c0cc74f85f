"""Lints what the simulated CA has made; see README.md."""

import json
import subprocess
import sys
from pathlib import Path

# Findings that stay, with the reason; one that is never met is reported.
ACCEPTED = {
    "pkix.san_extension_is_critical_non_empty_subject": "IFA 026 table C.6-1 wants subjectAltName critical always",
}
METHOD_1 = "pkix.subject_key_identifier_method_1_identified"
CERTIFICATE = ["lint_pkix_cert", "lint"]
SIGNED = ["lint_pkix_signer_signee_cert_chain", "lint"]
CRL = ["lint_crl", "lint", "-t", "CRL", "-p", "PKIX"]


class Unusable(Exception):
    """The linter, or what it is to judge, is not there."""


def codes(command, *files):
    """The codes of all findings, with their severity."""
    tool = Path(sys.executable).parent / command[0]
    arguments = [str(tool), *command[1:], "-s", "INFO", "-f", "JSON", *map(str, files)]
    # Its exit code is the number of findings.
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    try:
        results = json.loads(done.stdout)["results"]
    except (json.JSONDecodeError, KeyError) as error:
        raise Unusable(f"{' '.join(arguments)}: {done.stderr.strip() or error}") from error
    findings = [finding for result in results for finding in result["finding_descriptions"]]
    return {finding["code"]: finding["severity"] for finding in findings}


def judge(folder):
    """What is wrong with the samples in this folder, and which accepted findings were met."""
    wrong, met = [], set()
    leaf, issuing, root = (folder / f"{name}.pem" for name in ("leaf", "issuing", "root"))
    judged = [
        (CERTIFICATE, [leaf]),
        (CERTIFICATE, [issuing]),
        (CERTIFICATE, [root]),
        (SIGNED, [issuing, leaf]),
        (SIGNED, [root, issuing]),
        (CRL, [folder / "issuing.crl"]),
    ]
    for command, files in judged:
        found = codes(command, *files)
        names = ", ".join(str(file) for file in files)
        for code, severity in found.items():
            if code in ACCEPTED:
                met.add(code)
            elif severity != "INFO":
                wrong.append(f"{names}: {severity} {code}")
        if command is CERTIFICATE and METHOD_1 not in found:
            wrong.append(f"{names}: subjectKeyIdentifier is not made by method 1")
    if codes(CERTIFICATE, folder / "bad.pem").get("pkix.authority_key_identifier_extension_absent") != "ERROR":
        wrong.append(f"{folder / 'bad.pem'}: the linter does not see that authorityKeyIdentifier is absent")
    return wrong, met


def main():
    """Runs the tool and returns its exit code."""
    folders = sorted(path for argument in sys.argv[1:] for path in Path(argument).iterdir() if path.is_dir())
    if not folders:
        print("error: no samples; see README.md", file=sys.stderr)
        return 2
    wrong, met = [], set()
    try:
        for folder in folders:
            found, accepted = judge(folder)
            wrong += found
            met |= accepted
    except Unusable as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    wrong += [f"accepted, but never met: {code}" for code in ACCEPTED.keys() - met]
    for line in wrong:
        print(line)
    print(f"{len(folders)} folders of samples, {len(wrong)} findings")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

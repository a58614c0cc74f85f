"""Judges recorded HTTP exchanges against ETSI's OpenAPI files; see README.md.

Exit code: 0 nothing found; 1 findings, or an exception that nothing meets; 2 unusable input, or nothing judged.
"""

import argparse
import sys
from pathlib import Path

from oas.accepted import Accepted, AcceptedError
from oas.exchange import TranscriptError, read
from oas.judge import Judge
from oas.spec import Spec, SpecError
from oas.tally import Tally

PARTIES = {"VNFM": {"VNFM"}, "NFVO": {"NFVO"}, "both": {"VNFM", "NFVO"}, "VNFCI": {"VNFCI"}}


def main(arguments=None):
    """Runs the tool and returns its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except (SpecError, TranscriptError, AcceptedError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _run(options):
    parties = PARTIES[options.judge]
    accepted = Accepted.load(options.exceptions)
    judge = Judge(Spec(options.spec, accepted.corrections), parties, options.callbacks)
    tally = Tally()
    for path in options.transcripts:
        for exchange in read(path):
            verdict = judge.exchange(exchange)
            standing = [finding for finding in verdict.findings if not accepted.covers(finding)]
            for finding in standing:
                print(finding)
            tally.add(verdict, len(standing), len(verdict.findings) - len(standing))
    unused = accepted.unused_corrections() + ([] if options.partial else accepted.unused(parties))
    for entry in unused:
        print(f"{options.exceptions}: unused: {entry}")
    print(*tally.lines(), sep="\n")
    if not tally.judged:
        print("error: nothing was judged", file=sys.stderr)
        return 2
    return 1 if tally.findings or unused else 0


def _parser():
    parser = argparse.ArgumentParser(description="Judge recorded HTTP exchanges against OpenAPI files.")
    parser.add_argument("--spec", required=True, metavar="FOLDER", help="folder with the OpenAPI YAML files")
    parser.add_argument("--judge", choices=PARTIES, default="both", help="whose messages to judge (default: both)")
    parser.add_argument("--callbacks", default="/notifications/", metavar="PREFIX", help="paths notifications go to")
    default = Path(__file__).with_name("exceptions.toml")
    parser.add_argument("--exceptions", default=default, metavar="FILE", help="deviations that are accepted")
    parser.add_argument("--partial", action="store_true", help="do not report exceptions that nothing meets")
    parser.add_argument("transcripts", nargs="+", metavar="TRANSCRIPT.jsonl")
    return parser


if __name__ == "__main__":
    sys.exit(main())

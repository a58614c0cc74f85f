"""Makes exchanges, and runs the tool on them as a user does."""

import contextlib
import hashlib
import io
import json
import tempfile
from pathlib import Path

import validate

HERE = Path(__file__).parent
TINY = HERE / "tiny"


def body(value):
    """A body as a transcript keeps it; text as it is, anything else as JSON, None for an empty one."""
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value)
    content = text.encode()
    return {"length": len(content), "sha256": hashlib.sha256(content).hexdigest(), "text": text}


def exchange(method, target, request, response, *, sender="NFVO", receiver="VNFM", **other):
    """An exchange; `request` is (headers, body), `response` is (status, headers, body)."""
    status, answered, answer = response
    return {
        "seq": 0,
        "started": "2026-01-01T00:00:00Z",
        "ended": "2026-01-01T00:00:01Z",
        "interface": "Or-Vnfm",
        "from": sender,
        "to": receiver,
        "peer": None,
        "tls": None,
        "request": {"method": method, "target": target, "headers": pairs(request[0]), "body": body(request[1])},
        "response": {"status": status, "headers": pairs(answered), "body": body(answer)},
        "fault": None,
    } | other


def pairs(headers):
    """Header fields as a transcript keeps them."""
    return [[name.lower(), value] for name, value in headers.items()]


def without(mapping, key):
    """A copy without this key."""
    return {name: value for name, value in mapping.items() if name != key}


def run(exchanges, *options, spec=TINY, exceptions=""):
    """The exit code, and the lines on standard output and error."""
    with tempfile.TemporaryDirectory() as directory:
        transcript = Path(directory, "transcript.jsonl")
        lines = (line if isinstance(line, str) else json.dumps(line) for line in exchanges)
        transcript.write_text("".join(f"{line}\n" for line in lines))
        accepted = Path(directory, "exceptions.toml")
        accepted.write_text(exceptions)
        said = io.StringIO()
        arguments = ["--spec", str(spec), "--exceptions", str(accepted), *options, str(transcript)]
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = validate.main(arguments)
        return code, said.getvalue().replace(f"{directory}/", "").splitlines()

"""Reads transcripts: `read(path)` yields one `Exchange` per line of JSON Lines.

Only the form that is needed here is read, and strictly: a line that is not an exchange makes the whole run unusable,
since a message that cannot be read cannot be called right.
"""

import base64
import binascii
import json
from dataclasses import dataclass


class TranscriptError(Exception):
    """A transcript that cannot be read; says file and line."""


@dataclass
class Message:
    """A request or a response."""

    headers: dict  # names in lower case -> list of values
    length: int
    body: bytes | None  # None: only the digest was kept

    def header(self, name):
        """First value of a header field, or None."""
        return self.headers.get(name.lower(), [None])[0]

    @property
    def media_type(self):
        """Content-Type without parameters, in lower case; None if there is no such header."""
        value = self.header("content-type")
        return value.split(";")[0].strip().lower() if value is not None else None


@dataclass
class Exchange:
    """One request and, if there was one, its response."""

    file: str
    seq: int
    interface: str
    sender: str
    receiver: str
    method: str
    target: str
    request: Message
    status: int | None
    response: Message | None
    fault: str | None

    @property
    def path(self):
        """The target without its query."""
        return self.target.partition("?")[0]


def read(path):
    """The exchanges of a file, in its order."""
    try:
        with open(path, encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    yield _exchange(str(path), json.loads(line))
                except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
                    raise TranscriptError(f"{path}:{number} is not an exchange: {error!r}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise TranscriptError(f"cannot read `{path}`: {error}") from error


def _exchange(file, raw):
    response = raw["response"]
    return Exchange(
        file=file,
        seq=int(raw["seq"]),
        interface=raw["interface"],
        sender=raw["from"],
        receiver=raw["to"],
        method=raw["request"]["method"],
        target=raw["request"]["target"],
        request=_message(raw["request"]),
        status=int(response["status"]) if response else None,
        response=_message(response) if response else None,
        fault=raw["fault"],
    )


def _message(raw):
    headers = {}
    for name, value in raw["headers"]:
        headers.setdefault(name.lower(), []).append(value)
    body = raw["body"]
    if body.get("text") is not None:
        content = body["text"].encode()
    elif body.get("base64") is not None:
        content = base64.b64decode(body["base64"], validate=True)
    else:
        content = None if body["length"] else b""
    if content is not None and len(content) != body["length"]:
        raise ValueError(f"body of {len(content)} bytes is said to have {body['length']}")
    return Message(headers, body["length"], content)

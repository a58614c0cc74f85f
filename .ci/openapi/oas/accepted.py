"""Where the judgement departs from the YAML, each time with its reason: `Accepted.load(path)` reads `exceptions.toml`.

There are two ways. A *correction* mends a mistake of the YAML, so that messages are judged by what was meant. An
*accepted* deviation lets a finding pass. Either is reported once it has become unused: what it was made for has been
mended, or has changed.
"""

import json
import re
import tomllib
from dataclasses import dataclass, fields

from .spec import pointer_parts


class AcceptedError(Exception):
    """The file of exceptions is unusable; says which entry."""


@dataclass
class Deviation:
    """A finding that is let pass."""

    what: str  # regular expression, searched in the finding
    reason: str
    party: str
    operation: str | None = None
    status: int | None = None
    hits = 0

    def __post_init__(self):
        self._pattern = re.compile(self.what)

    def covers(self, finding):
        """Whether this is about the finding."""
        return (
            self.party == finding.party
            and self.operation in (None, finding.operation)
            and self.status in (None, finding.status)
            and self._pattern.search(finding.what) is not None
        )

    def __str__(self):
        return f"no finding about {self.party} meets `{self.what}`"


@dataclass
class Correction:
    """Another value for a place in the YAML."""

    at: str  # file in the folder, `#`, JSON pointer
    was: str  # JSON that has to be found there, descriptions aside
    reason: str
    to: str | None = None  # JSON to put there; the place is taken away if absent
    hits = 0

    def __post_init__(self):
        self.file, _, pointer = self.at.partition("#")
        self._parts = pointer_parts(pointer)
        self._was = json.loads(self.was)
        self._to = None if self.to is None else json.loads(self.to)
        if not self._parts:
            raise ValueError(f"`{self.at}` has no pointer")

    def apply(self, document):
        """Corrects the document if it is as expected."""
        parent = document
        for part in self._parts[:-1]:
            parent = parent.get(part) if isinstance(parent, dict) else None
        last = self._parts[-1]
        if not isinstance(parent, dict) or last not in parent or _plain(parent[last]) != self._was:
            return
        self.hits += 1
        if self._to is None:
            del parent[last]
        else:
            parent[last] = self._to

    def __str__(self):
        return f"`{self.at}` is not (or no longer) `{self.was}`"


class Accepted:
    """All entries, and how often each was met."""

    def __init__(self, deviations=(), corrections=()):
        self.deviations = list(deviations)
        self.corrections = list(corrections)

    @classmethod
    def load(cls, path):
        """Reads the file; an unknown or missing field is an error."""
        try:
            with open(path, "rb") as file:
                raw = tomllib.load(file)
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise AcceptedError(f"cannot read `{path}`: {error}") from error
        if unknown := set(raw) - {"accepted", "corrected"}:
            raise AcceptedError(f"`{path}`: unknown `{', '.join(unknown)}`; known: [[accepted]], [[corrected]]")
        return cls(_entries(path, raw, "accepted", Deviation), _entries(path, raw, "corrected", Correction))

    def covers(self, finding):
        """Whether some entry accepts this finding; counts the hit for each that does."""
        hit = [entry for entry in self.deviations if entry.covers(finding)]
        for entry in hit:
            entry.hits += 1
        return bool(hit)

    def unused(self, parties):
        """Accepted deviations of these parties that nothing met."""
        return [entry for entry in self.deviations if not entry.hits and entry.party in parties]

    def unused_corrections(self):
        """Corrections of what is not there."""
        return [entry for entry in self.corrections if not entry.hits]


def _entries(path, raw, table, kind):
    entries = []
    known = {field.name for field in fields(kind)}
    for number, values in enumerate(raw.get(table, []), 1):
        where = f"`{path}`, [[{table}]] {number}"
        if unknown := set(values) - known:
            raise AcceptedError(f"{where}: unknown `{', '.join(sorted(unknown))}`; known: {', '.join(sorted(known))}")
        for key, value in values.items():
            if not isinstance(value, int if key == "status" else str) or value == "":
                raise AcceptedError(f"{where}: `{key}` is empty or of the wrong type")
        try:
            entries.append(kind(**values))
        except (TypeError, ValueError, re.error) as error:
            raise AcceptedError(f"{where}: {error}") from error
    return entries


def _plain(value):
    """Without descriptions, which say nothing to a validator."""
    if isinstance(value, dict):
        return {key: _plain(child) for key, child in value.items() if key != "description"}
    if isinstance(value, list):
        return [_plain(child) for child in value]
    return value

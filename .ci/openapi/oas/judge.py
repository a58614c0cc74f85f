"""Judges one exchange against the description: `Judge.exchange(...)` gives the `Verdict`.

The party that sent a message answers for it: the request is the sender's, the response the receiver's. Beyond what
the YAML says in so many words, these rules of ETSI's prose are applied, because the YAML says them unevenly:

* a declared `Version` or `Location` header is required (some files give it a cardinality, most give none), and so is
  a header whose schema has ETSI's cardinality `minimum: 1`;
* errors carry ProblemDetails as `application/problem+json` (SOL013 clause 6.3), though the YAML lists
  `application/json`, and its `status` is the HTTP status;
* a notification goes to a path of the subscriber's choice; its `notificationType` names the operation.
"""

import json
import re
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from urllib.parse import parse_qsl, urlsplit

from rfc3986_validator import validate_rfc3986

from .schema import Schemas
from .spec import Operation

PROBLEM = "application/problem+json"
VERSION = re.compile(r"^(\d+)\.\d+\.\d+(?:-impl:\S+)?$")
ALWAYS_REQUIRED = {"version", "location"}
# On other reference points, a path that no file describes belongs to another protocol and is no mistake.
OURS = "Or-Vnfm"
# Where access tokens are got (RFC 6749): OAuth 2.0's own messages, not described by these files.
TOKEN_ENDPOINT = "/token"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, and whose it is."""

    file: str
    seq: int
    method: str
    target: str
    party: str
    operation: str
    status: int | None  # of the response, also where the request is at fault
    what: str

    def __str__(self):
        return f"{self.file}:{self.seq} {self.method} {self.target}: {self.party}: {self.what}"


@dataclass
class Verdict:
    """What was judged of an exchange, what was found, and what was left alone for which reason."""

    operation: str
    request_judged: bool = False
    response_judged: bool = False
    findings: list = field(default_factory=list)
    left_alone: list = field(default_factory=list)


class Judge:
    """Holds the description, and whose messages are to be judged."""

    def __init__(self, spec, parties, callback_prefix="/notifications/"):
        self._spec = spec
        self._schemas = Schemas(spec)
        self._parties = parties
        self._callback_prefix = callback_prefix
        self._problem = spec.definition("ProblemDetails")

    def exchange(self, exchange):
        """The verdict on this exchange."""
        operation, trouble = self._operation(exchange)
        name = operation.name if operation else f"{exchange.method} <unknown>"
        verdict = Verdict(name)
        asked = exchange.sender in self._parties
        answers = exchange.receiver in self._parties
        if exchange.fault is not None:
            verdict.left_alone.append("fault injected or connection failed")
        elif not (asked or answers):
            verdict.left_alone.append("other parties")
        elif operation is None and exchange.path.endswith(TOKEN_ENDPOINT):
            verdict.left_alone.append("token endpoint")
        elif operation is None and exchange.interface != OURS:
            verdict.left_alone.append(f"interface {exchange.interface} not described")
        else:
            if asked:
                self._request(exchange, operation, trouble, verdict)
            if answers and exchange.response is None:
                verdict.left_alone.append("no response")
            elif answers:
                self._response(exchange, operation, verdict)
        return verdict

    def _operation(self, exchange) -> tuple[Operation | None, str | None]:
        same_path = self._spec.at(exchange.path)
        if exchange.path.startswith(self._callback_prefix) or (not same_path and _notification_type(exchange)):
            return self._callback(exchange)
        if not same_path:
            return None, "no such path in the API"
        for operation in same_path:
            if operation.method == exchange.method:
                return operation, None
        return None, f"{exchange.method} is not a method of this path"

    def _callback(self, exchange):
        operations = self._spec.callbacks(exchange.method)
        if not operations:
            return None, f"{exchange.method} is not a method of a notification endpoint"
        if exchange.method == "GET":
            # The test of an endpoint is the same for every type.
            return replace(next(iter(operations.values())), name="GET <callback>"), None
        if exchange.request.body is None:
            return None, "notification is too long to be kept, so its type is unknown"
        kind = _notification_type(exchange)
        if kind not in operations:
            return None, f"notificationType {kind!r} is none of {', '.join(operations)}"
        return operations[kind], None

    # The request

    def _request(self, exchange, operation, trouble, verdict):
        verdict.request_judged = True
        found = _Findings(verdict, exchange, exchange.sender)
        if operation is None:
            found.add(trouble)
            return
        query = dict(parse_qsl(urlsplit(exchange.target).query, keep_blank_values=True))
        known = set()
        for parameter in operation.parameters:
            name, place = parameter.value["name"], parameter.value["in"]
            if place not in ("header", "query"):
                continue
            known.add((place, name))
            value = exchange.request.header(name) if place == "header" else query.get(name)
            self._parameter(found, f"{place} parameter {name}", parameter, value)
        for name in query:
            if ("query", name) not in known:
                found.add(f"query parameter {name} is not declared")
        self._version(found, exchange.request, operation, "request")
        self._request_body(exchange, operation, found, verdict)

    def _parameter(self, found, label, parameter, value):
        schema = parameter.child("schema")
        if value is None:
            if parameter.value.get("required") is True:
                found.add(f"{label} is missing")
        elif schema is not None and schema.value.get("type", "string") == "string":
            found.extend(f"{label}: {line}" for line in self._schemas.errors(schema, value))

    def _request_body(self, exchange, operation, found, verdict):
        request, declared = exchange.request, operation.request_body
        if declared is None:
            if request.length:
                found.add(f"request has a body of {request.length} bytes, and none is declared")
            return
        if not request.length:
            if declared.value.get("required") is True:
                found.add("request has no body, and one is required")
            return
        media = self._media(found, "request", request, declared.child("content"))
        if media is not None:
            self._body(found, verdict, "request", request, media)

    # The response

    def _response(self, exchange, operation, verdict):
        verdict.response_judged = True
        found = _Findings(verdict, exchange, exchange.receiver)
        response, status = exchange.response, exchange.status
        declared = _declared(operation, status) if operation else None
        if operation is None and status < 400:
            found.add(f"status {status} for what the API does not have")
        elif operation is not None and declared is None:
            found.add(f"status {status} is not declared; declared: {', '.join(sorted(operation.responses))}")
        content = declared.child("content") if declared else None
        headers = declared.child("headers") if declared else None
        if declared is not None:
            self._response_headers(found, response, headers)
        if operation is not None:
            self._version(found, response, operation, "response")
        if "location" in response.headers:
            self._location(found, response.header("location"))
        if status >= 400:
            self._problem_details(exchange, found, verdict, content)
        elif content is not None:
            if not response.length:
                found.add("response has no body, and one is declared")
                return
            media = self._media(found, "response", response, content)
            if media is not None:
                self._body(found, verdict, "response", response, media)
        elif declared is not None and response.length and (headers is None or headers.child("Content-Type") is None):
            found.add(f"response {status} has a body of {response.length} bytes, and none is declared")
        elif declared is not None and response.length and response.media_type is None:
            found.add("response has a body without Content-Type")

    def _response_headers(self, found, response, headers):
        for name, header in headers.items() if headers else []:
            header = self._spec.follow(header)
            schema = header.child("schema")
            value = response.header(name)
            if value is None:
                # A cardinality that stands where JSON Schema has the least value of a number.
                least = schema.value.get("minimum", 0) if schema is not None else 0
                required = header.value.get("required") is True or least or name.lower() in ALWAYS_REQUIRED
                # Content-Type goes with a body; where one has to be, its absence is reported as such.
                if required and not (name.lower() == "content-type" and not response.length):
                    found.add(f"response header {name} is missing")
            elif schema is not None and schema.value.get("type") == "string":
                value = response.media_type if name.lower() == "content-type" else value
                found.extend(f"response header {name}: {line}" for line in self._schemas.errors(schema, value))

    def _location(self, found, location):
        if not location or not validate_rfc3986(location, rule="URI_reference"):
            found.add(f"response header Location {location!r} is no URI reference")
        elif not self._spec.at(urlsplit(location).path):
            found.add(f"response header Location {location!r} leads to no path of the API")

    def _problem_details(self, exchange, found, verdict, content):
        response = exchange.response
        if not response.length:
            if content is not None:
                found.add("error has no ProblemDetails")
            return
        if response.media_type != PROBLEM:
            found.add(f"error has content type {response.media_type}, not {PROBLEM}")
            return
        schema = None
        for name in (PROBLEM, "application/json"):
            media = content.child(name) if content is not None else None
            schema = schema or (media.child("schema") if media is not None else None)
        body = self._body(found, verdict, "response", response, None, schema or self._problem)
        if isinstance(body, dict) and isinstance(body.get("status"), int) and body["status"] != exchange.status:
            found.add(f"ProblemDetails says status {body['status']}, HTTP says {exchange.status}")

    # Both

    def _version(self, found, message, operation, label):
        value = message.header("version")
        if value is None:
            return
        form = VERSION.match(value)
        ours = VERSION.match(operation.version)
        if not form:
            found.add(f"{label} header Version {value!r} is not MAJOR.MINOR.PATCH")
        elif ours and "api_versions" not in operation.name and form[1] != ours[1]:
            found.add(f"{label} header Version {value!r} is of another major version than {operation.version!r}")

    def _media(self, found, label, message, content):
        """The declared media type that fits; says so if there is none."""
        if message.media_type is None:
            found.add(f"{label} has a body without Content-Type")
            return None
        for declared, media in content.items() if content is not None else []:
            # A media range such as `application/*` is a pattern already.
            if fnmatchcase(message.media_type, declared.split(";")[0].strip().lower()):
                return media
        declared = ", ".join(content.value) if content is not None else "nothing"
        found.add(f"{label} has content type {message.media_type}; declared: {declared}")
        return None

    def _body(self, found, verdict, label, message, media, schema=None):
        """Judges a body by its schema and returns it; None if it cannot be judged."""
        schema = schema or (media.child("schema") if media is not None else None)
        if schema is None or not _is_json(message.media_type):
            return None
        if message.body is None:
            verdict.left_alone.append(f"{label} body kept as digest only")
            return None
        try:
            value = json.loads(message.body, object_pairs_hook=_object, parse_constant=_no_constant)
        except ValueError as error:
            found.add(f"{label} body is not JSON: {error}")
            return None
        # In a merge patch null takes an attribute away (RFC 7396), whatever its type.
        judged = _without_nulls(value) if message.media_type == "application/merge-patch+json" else value
        found.extend(f"{label} body {line}" for line in self._schemas.errors(schema, judged))
        return value


class _Findings:
    def __init__(self, verdict, exchange, party):
        self._verdict, self._exchange, self._party = verdict, exchange, party

    def add(self, what):
        e = self._exchange
        finding = Finding(e.file, e.seq, e.method, e.target, self._party, self._verdict.operation, e.status, what)
        self._verdict.findings.append(finding)

    def extend(self, lines):
        for line in lines:
            self.add(line)


def _declared(operation, status):
    """The response for a status: its own, that of its class (`4XX`), or the default."""
    for key in (str(status), f"{status // 100}XX", "default"):
        if key in operation.responses:
            return operation.responses[key]
    return None


def _notification_type(exchange):
    try:
        value = json.loads(exchange.request.body or b"")
    except ValueError:
        return None
    return value.get("notificationType") if isinstance(value, dict) else None


def _is_json(media_type):
    return media_type is not None and (media_type == "application/json" or media_type.endswith("+json"))


def _object(pairs):
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("an attribute occurs twice in an object")
    return value


def _no_constant(name):
    raise ValueError(f"{name} is not JSON")


def _without_nulls(value):
    if isinstance(value, dict):
        return {key: _without_nulls(child) for key, child in value.items() if child is not None}
    return value

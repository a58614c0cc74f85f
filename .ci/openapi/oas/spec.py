"""An OpenAPI description spread over many YAML files: `Spec`, its `Operation`s, and how a request finds its own.

ETSI keeps one file per interface, with path items, parameters, responses and data types in files of their own, tied
by relative `$ref`. Nothing is copied or joined beforehand: a `Node` knows its file, and a reference is followed when
it is met.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
# A path template matches one segment per parameter, but the path of an artifact within its package has slashes of
# its own (SOL003 clause 10.4.6).
WITH_SLASHES = {"artifactPath"}
# How ETSI writes the address of a notification endpoint, which only the subscriber knows.
CALLBACK = re.compile(r"^/URI_is_provided_by_the_client.*-(?P<type>\w+)$")


class SpecError(Exception):
    """The folder is no OpenAPI description that can be used."""


class Unresolved(Exception):
    """A `$ref` that leads nowhere."""


class _Loader(yaml.SafeLoader if not hasattr(yaml, "CSafeLoader") else yaml.CSafeLoader):
    """YAML 1.2's idea of scalars: OFF and NO are strings (they are enum values here), and so is a date."""


_DROPPED = {"tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp"}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _DROPPED]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


@dataclass(frozen=True)
class Node:
    """A value and where it stands, so that references in it can be followed."""

    document: Path
    pointer: str
    value: object = field(compare=False)

    def child(self, key):
        """The value under this key, or None."""
        if not isinstance(self.value, dict) or key not in self.value:
            return None
        escaped = str(key).replace("~", "~0").replace("/", "~1")
        return Node(self.document, f"{self.pointer}/{escaped}", self.value[key])

    def items(self):
        """Children of a mapping or a list."""
        if isinstance(self.value, dict):
            return [(key, self.child(key)) for key in self.value]
        if isinstance(self.value, list):
            return [(i, Node(self.document, f"{self.pointer}/{i}", v)) for i, v in enumerate(self.value)]
        return []


@dataclass
class Operation:
    """One method of one path."""

    name: str  # e.g. `POST /vnflcm/v2/vnf_instances`
    method: str
    pattern: re.Pattern
    variables: int
    notification: str | None  # the notificationType that is delivered here, for a callback
    version: str  # of the API, as its `info` says
    parameters: list
    request_body: Node | None
    responses: dict


class Spec:
    """All documents of a folder, with the corrections applied, and the operations they describe."""

    def __init__(self, folder, corrections=()):
        self.folder = Path(folder).resolve()
        if not self.folder.is_dir():
            raise SpecError(f"`{folder}` is not a folder")
        self._documents = {}
        self._corrections = list(corrections)
        self.operations = []
        for path in sorted(p for p in self.folder.rglob("*") if p.suffix in (".yaml", ".yml")):
            document = self._document(path)
            if isinstance(document, dict) and "openapi" in document:
                self._read_api(path, document)
        if not self.operations:
            raise SpecError(f"no OpenAPI paths in the YAML files of `{folder}`")
        # A fixed segment is a better match than a parameter.
        self.operations.sort(key=lambda operation: operation.variables)

    def _document(self, path):
        if path not in self._documents:
            try:
                loaded = yaml.load(path.read_bytes(), Loader=_Loader)
            except (OSError, yaml.YAMLError) as error:
                raise SpecError(f"cannot read `{path}`: {error}") from error
            self._documents[path] = _with_text_keys(loaded)
            for correction in self._corrections:
                if correction.file == path.relative_to(self.folder).as_posix():
                    correction.apply(self._documents[path])
        return self._documents[path]

    def follow(self, node):
        """The node itself, or what its chain of `$ref` leads to."""
        seen = set()
        while isinstance(node.value, dict) and isinstance(node.value.get("$ref"), str):
            if node in seen:
                raise Unresolved(f"{node.value['$ref']} in {self.where(node)} leads to itself")
            seen.add(node)
            node = self._target(node, node.value["$ref"])
        return node

    def _target(self, node, reference):
        file, _, pointer = reference.partition("#")
        path = (node.document.parent / unquote(file)).resolve() if file else node.document
        broken = Unresolved(f"`{reference}` in {self.where(node)}")
        if not path.is_relative_to(self.folder) or not path.is_file():
            raise broken
        target = Node(path, "", self._document(path))
        for part in pointer_parts(unquote(pointer)):
            target = target.child(part)
            if target is None:
                raise broken
        return target

    def where(self, node):
        """For people: file and pointer of a node."""
        return f"{node.document.relative_to(self.folder)}#{node.pointer}"

    def definition(self, name):
        """A data type that some file defines under this name, or None."""
        for path, document in self._documents.items():
            root = Node(path, "", document)
            for found in (_descend(root, "definitions", name), _descend(root, "components", "schemas", name)):
                if found is not None:
                    return found
        return None

    def _read_api(self, path, document):
        root = Node(path, "", document)
        servers = document.get("servers") or [{"url": "/"}]
        bases = sorted({urlsplit(server["url"]).path.rstrip("/") for server in servers})
        for template, item in (root.child("paths") or root).items() if "paths" in document else []:
            item = self._must_follow(item)
            shared = self._parameters(item)
            for method in METHODS:
                operation = item.child(method)
                if operation is not None:
                    for base in bases:
                        self.operations.append(self._operation(document, base, template, method, operation, shared))

    def _operation(self, document, base, template, method, node, shared):
        callback = CALLBACK.match(template)
        # A parameter of the operation replaces one of the path with the same name and place.
        parameters = {(p.value["in"], p.value["name"].lower()): p for p in shared + self._parameters(node)}
        body = node.child("requestBody")
        responses = node.child("responses")
        return Operation(
            name=f"{method.upper()} " + (f"<callback> {callback['type']}" if callback else base + template),
            method=method.upper(),
            pattern=_pattern(base + template),
            variables=template.count("{"),
            notification=callback["type"] if callback else None,
            version=str(document.get("info", {}).get("version", "")),
            parameters=list(parameters.values()),
            request_body=self._must_follow(body) if body else None,
            responses={str(status): self._must_follow(r) for status, r in responses.items()} if responses else {},
        )

    def _parameters(self, node):
        listed = node.child("parameters")
        return [self._must_follow(parameter) for _, parameter in listed.items()] if listed else []

    def _must_follow(self, node):
        try:
            return self.follow(node)
        except Unresolved as error:
            raise SpecError(f"reference leads nowhere: {error}") from error

    def at(self, path):
        """The operations of the path that this request path is an instance of; empty if there is none."""
        for operation in self.operations:
            if operation.notification is None and operation.pattern.match(path):
                same = operation.pattern.pattern
                return [other for other in self.operations if other.pattern.pattern == same]
        return []

    def callbacks(self, method):
        """The operations of notification endpoints with this method, by notificationType."""
        return {o.notification: o for o in self.operations if o.notification and o.method == method}


def pointer_parts(pointer):
    """The keys of a JSON pointer."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _with_text_keys(value):
    """Keys as JSON has them: a status code is a string."""
    if isinstance(value, dict):
        return {str(key): _with_text_keys(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_with_text_keys(child) for child in value]
    return value


def _descend(node, *keys):
    for key in keys:
        node = node.child(key) if node is not None else None
    return node


def _pattern(template):
    """A regular expression for a path; what stands before it is the rest of {apiRoot}."""
    parts = re.split(r"\{(\w+)\}", template)
    pattern = "".join(
        (".+" if part in WITH_SLASHES else "[^/]+") if index % 2 else re.escape(part)
        for index, part in enumerate(parts)
    )
    return re.compile(rf"^(?:/.*)?{pattern}$")

"""OpenAPI 3.0 schemas as JSON Schema 2020-12: `Schemas.errors(node, value)` says what is wrong with a value.

What differs between the two, and is translated here: `nullable`; keywords beside a `$ref` (they do not count in 3.0);
boolean `exclusiveMinimum`; a boolean `required` within a property (a mistake, without meaning). An object is closed:
an attribute that its type does not have is an error, since it is more often a misspelling than an extension. Where
the type allows others, or names none, it stays open.
"""

import ipaddress
import re

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend
from rfc3339_validator import validate_rfc3339
from rfc3986_validator import validate_rfc3986

from .spec import SpecError, Unresolved, pointer_parts

UNRESOLVED = "x-unresolved-reference"
# What the prose of a type says and its schema does not: where the pointer ends so, the value has this format.
_PROSE = (("/definitions/Uri", "URI"), ("/definitions/Link/properties/href", "url"))
_COMBINED = ("allOf", "anyOf", "oneOf", "not")
_KEPT = {
    "type", "enum", "format", "pattern", "minLength", "maxLength", "minItems", "maxItems", "uniqueItems",
    "minProperties", "maxProperties", "minimum", "maximum", "multipleOf",
}  # fmt: skip


def _formats():
    checker = FormatChecker(formats=())

    def add(check, *names):
        def checked(value):
            return not isinstance(value, str) or check(value)

        for name in names:
            checker.checks(name, raises=ValueError)(checked)

    add(validate_rfc3339, "date-time")
    # Both spellings are ETSI's. ProblemDetails says that its two are references, which may be relative.
    add(lambda text: bool(validate_rfc3986(text, rule="URI_reference")), "URI", "uri-reference")
    add(lambda text: bool(validate_rfc3986(text, rule="URI")), "url", "uri")
    add(lambda text: bool(ipaddress.ip_address(text)), "IP")
    add(lambda text: bool(re.fullmatch(r"[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2})+", text)), "MAC")
    return checker


def _unresolved(_validator, reference, _instance, _schema):
    yield ValidationError(f"cannot be judged: the reference {reference} leads nowhere")


_Validator = extend(Draft202012Validator, {UNRESOLVED: _unresolved})


class Schemas:
    """Translates each schema once."""

    def __init__(self, spec):
        self._spec = spec
        self._definitions = {}
        self._validators = {}
        self._checker = _formats()

    def errors(self, node, value):
        """What is wrong, one line each, the place in the value first; empty if all is right."""
        return sorted(set(_lines(self._validator(node).iter_errors(value))))

    def _validator(self, node):
        key = self._spec.where(node)
        if key not in self._validators:
            root = {"$ref": f"#/$defs/{_token(key)}", "$defs": self._definitions}
            self._define(key, node)
            try:
                Draft202012Validator.check_schema(self._definitions[key])
            except SchemaError as error:
                raise SpecError(f"schema {key} is unusable: {error.message}") from error
            self._validators[key] = _Validator(root, format_checker=self._checker)
        return self._validators[key]

    def _define(self, key, node):
        if key not in self._definitions:
            self._definitions[key] = {}  # before its children, which may refer back to it
            self._definitions[key].update(self._translated(node, closed=True))

    def _translated(self, node, closed):
        schema = node.value
        if not isinstance(schema, dict):
            return {}
        if "$ref" in schema:
            return self._reference(node) | _prose(node)
        kept = _prose(node) | {key: value for key, value in schema.items() if key in _KEPT}
        self._bounds(schema, kept)
        if isinstance(schema.get("required"), list):
            kept["required"] = schema["required"]
        for key in _COMBINED[:3]:
            if key in schema:
                kept[key] = [self._translated(child, closed=False) for _, child in node.child(key).items()]
        for key in ("not", "items"):
            if key in schema:
                kept[key] = self._translated(node.child(key), closed=key == "items")
        self._properties(node, kept, closed)
        if schema.get("nullable") is True:
            return {"anyOf": [{"type": "null"}, kept]}
        return kept

    def _reference(self, node):
        try:
            target = self._spec.follow(node)
        except Unresolved as error:
            return {UNRESOLVED: str(error)}
        key = self._spec.where(target)
        self._define(key, target)
        return {"$ref": f"#/$defs/{_token(key)}"}

    def _properties(self, node, kept, closed):
        schema = node.value
        if schema.get("properties"):
            parts = pointer_parts(node.pointer)
            if parts[-2:-1] in (["definitions"], ["schemas"]):
                kept["title"] = parts[-1]
            properties = node.child("properties").items()
            kept["properties"] = {name: self._translated(child, closed=True) for name, child in properties}
        additional = schema.get("additionalProperties")
        if isinstance(additional, dict):
            kept["additionalProperties"] = self._translated(node.child("additionalProperties"), closed=True)
        elif additional is False or (additional is None and closed and schema.get("properties")):
            combined = any(key in schema for key in _COMBINED)
            kept["unevaluatedProperties" if combined else "additionalProperties"] = False

    @staticmethod
    def _bounds(schema, kept):
        for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
            if schema.get(exclusive) is True and bound in kept:
                kept[exclusive] = kept.pop(bound)


def _prose(node):
    formats = [name for end, name in _PROSE if node.pointer.endswith(end)]
    return {"format": formats[0]} if formats else {}


def _token(key):
    """A key as part of a JSON pointer in a URI fragment."""
    return key.replace("~", "~0").replace("/", "~1").replace("#", "%23")


def _lines(errors):
    for error in errors:
        place = error.json_path
        kind = error.schema.get("title") if isinstance(error.schema, dict) else None
        yield from (f"{place}{f' ({kind})' if kind else ''}: {text}" for text in _texts(error))


def _texts(error):
    value = _short(error.instance)
    match error.validator:
        case "required":
            absent = [name for name in error.validator_value if name not in error.instance]
            return [f"`{name}` is missing" for name in absent]
        case "additionalProperties" | "unevaluatedProperties" if error.validator_value is False:
            known = error.schema.get("properties", {})
            return [f"`{name}` is not an attribute of it" for name in error.instance if name not in known]
        case "enum":
            return [f"{value} is none of {', '.join(map(str, error.validator_value))}"]
        case "type":
            return [f"{value} is no {error.validator_value}"]
        case "format":
            return [f"{value} is no {error.validator_value}"]
        case "oneOf" | "anyOf":
            word = "exactly one" if error.validator == "oneOf" else "any"
            return [f"does not fit {word} of {' | '.join(map(_alternative, error.validator_value))}"]
    return [error.message]


def _alternative(schema):
    """An alternative in few words."""
    if list(schema) == ["required"]:
        return "+".join(schema["required"])
    for key in ("oneOf", "anyOf"):
        if key in schema:
            return "(" + " | ".join(map(_alternative, schema[key])) + ")"
    return schema.get("$ref", "").rsplit("~1", 1)[-1] or schema.get("title") or str(schema.get("type", schema))


def _short(value):
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."

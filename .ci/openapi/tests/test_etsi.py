"""The validator on ETSI's own files, whose folder the environment variable SCAS_OPENAPI names."""

import copy
import json
import os
import unittest
from pathlib import Path

from oas.accepted import Accepted
from oas.schema import Schemas
from oas.spec import Spec
from tests.support import body, exchange, run, without

FOLDER = os.environ.get("SCAS_OPENAPI")
EXCEPTIONS = Path(__file__).parent.parent / "exceptions.toml"
LCM = {"Version": "2.3.0", "Accept": "application/json"}
PKG = {"Version": "2.4.0", "Accept": "application/json"}
GRANT = {"Version": "1.6.0", "Accept": "application/json"}
JSON = {"Content-Type": "application/json"}
ROOT = "https://vnfm.example:8443"
INSTANCE = f"{ROOT}/vnflcm/v2/vnf_instances/i"
OCCURRENCE = f"{ROOT}/vnflcm/v2/vnf_lcm_op_occs/o"
SUBSCRIPTION = f"{ROOT}/vnflcm/v2/subscriptions/s"
LINKS = {"vnfLcmOpOcc": {"href": OCCURRENCE}, "vnfInstance": {"href": INSTANCE}}
NOTIFIED = {"id": "n", "subscriptionId": "s", "timeStamp": "2026-01-01T00:00:00.5Z", "vnfInstanceId": "i"}
TOLD = {"vnfInstance": {"href": INSTANCE}, "subscription": {"href": SUBSCRIPTION}}
VNFM_ASKS = {"sender": "VNFM", "receiver": "NFVO"}


def clean():
    """Exchanges whose bodies hold nothing but what is required, so that each attribute in them has to be there."""
    yield exchange(
        "POST",
        "/vnflcm/v2/vnf_instances",
        (LCM | JSON, {"vnfdId": "d"}),
        (
            201,
            LCM | JSON | {"Location": INSTANCE},
            {
                "id": "i",
                "vnfdId": "d",
                "vnfProvider": "p",
                "vnfProductName": "n",
                "vnfSoftwareVersion": "1",
                "vnfdVersion": "1",
                "instantiationState": "NOT_INSTANTIATED",
                "_links": {"self": {"href": INSTANCE}},
            },
        ),
    )
    yield exchange(
        "POST",
        "/vnflcm/v2/vnf_instances/i/instantiate",
        (LCM | JSON, {"flavourId": "f"}),
        (202, LCM | {"Location": OCCURRENCE}, None),
    )
    occurrence = {
        "id": "o",
        "operationState": "COMPLETED",
        "stateEnteredTime": "2026-01-01T00:00:00Z",
        "startTime": "2026-01-01T00:00:00Z",
        "vnfInstanceId": "i",
        "operation": "INSTANTIATE",
        "isAutomaticInvocation": False,
        "isCancelPending": False,
    }
    yield exchange("GET", "/vnflcm/v2/vnf_lcm_op_occs", (LCM, None), (200, LCM | JSON, [occurrence]))
    yield exchange(
        "POST",
        "/notifications/lcm",
        (
            LCM | JSON,
            NOTIFIED
            | {
                "notificationType": "VnfLcmOperationOccurrenceNotification",
                "notificationStatus": "START",
                "operationState": "STARTING",
                "operation": "INSTANTIATE",
                "isAutomaticInvocation": False,
                "vnfLcmOpOccId": "o",
                "_links": TOLD,
            },
        ),
        (204, LCM, None),
        **VNFM_ASKS,
    )
    for kind in ("Creation", "Deletion"):
        notification = NOTIFIED | {"notificationType": f"VnfIdentifier{kind}Notification", "_links": TOLD}
        yield exchange("POST", "/notifications/lcm", (LCM | JSON, notification), (204, LCM, None), **VNFM_ASKS)
    request = {
        "vnfInstanceId": "i",
        "vnfLcmOpOccId": "o",
        "vnfdId": "d",
        "operation": "INSTANTIATE",
        "isAutomaticInvocation": False,
        "_links": LINKS,
    }
    grant = {"id": "g", "vnfInstanceId": "i", "vnfLcmOpOccId": "o"}
    grant["_links"] = LINKS | {"self": {"href": "https://nfvo.example/grant/v1/grants/g"}}
    yield exchange(
        "POST",
        "/grant/v1/grants",
        (GRANT | JSON, request),
        (201, GRANT | JSON | {"Location": "https://nfvo.example/grant/v1/grants/g"}, grant),
        **VNFM_ASKS,
    )
    problem = LCM | {"Content-Type": "application/problem+json"}
    yield exchange("GET", "/vnflcm/v2/vnf_instances/x", (LCM, None), (404, problem, {"status": 404, "detail": "no"}))


@unittest.skipUnless(FOLDER, "SCAS_OPENAPI does not name the folder of ETSI's files")
class Etsi(unittest.TestCase):
    """Green on clean messages, red on each one with something taken away."""

    def run_on(self, *exchanges):
        return run(exchanges, "--partial", spec=FOLDER, exceptions=EXCEPTIONS.read_text())

    def assert_red(self, broken):
        """Of each pair of exchange and text, the text is found on the exchange. One run, as the files are long."""
        numbered = [(sequence, *pair) for sequence, pair in enumerate(broken)]
        code, lines = self.run_on(*(whole | {"seq": sequence} for sequence, whole, _ in numbered))
        self.assertEqual(code, 1)
        for sequence, whole, text in numbered:
            found = [line for line in lines if line.startswith(f"transcript.jsonl:{sequence} ")]
            self.assertTrue(any(text in line for line in found), (text, found, whole))

    def test_clean_exchanges_are_green(self):
        code, lines = self.run_on(*clean())
        self.assertEqual(code, 0, lines)

    def test_every_schema_can_be_used(self):
        spec = Spec(FOLDER, Accepted.load(EXCEPTIONS).corrections)
        schemas = Schemas(spec)
        used = 0
        for operation in spec.operations:
            for carrier in [operation.request_body, *operation.responses.values()]:
                content = carrier.child("content") if carrier else None
                for _, media in content.items() if content else []:
                    schemas.errors(media.child("schema"), {})
                    used += 1
        self.assertGreater(used, 100)

    def test_each_required_attribute_is_missed(self):
        broken = []
        for whole in clean():
            for side in ("request", "response"):
                for path in attributes(whole[side]["body"]["text"]):
                    lacking, name = taken_away(whole, side, path)
                    broken.append((lacking, "is none of" if name == "notificationType" else f"`{name}` is missing"))
        self.assertGreater(len(broken), 60)
        self.assert_red(broken)

    def test_each_required_header_is_missed(self):
        broken = []
        for whole in clean():
            for name in ("version", "location", "content-type"):
                lacking = copy.deepcopy(whole)
                response = lacking["response"]
                kept = [pair for pair in response["headers"] if pair[0] != name]
                if len(kept) < len(response["headers"]):
                    response["headers"] = kept
                    untyped = "content type None" if response["status"] >= 400 else "without Content-Type"
                    broken.append((lacking, untyped if name == "content-type" else f"{name.capitalize()} is missing"))
        self.assert_red(broken)

    def test_undeclared_status(self):
        wrong = [whole | {"response": whole["response"] | {"status": 418}} for whole in clean()]
        self.assert_red([(whole, "status 418 is not declared") for whole in wrong])

    def test_wrong_enum_type_and_format(self):
        for old, new, text in (
            ('"NOT_INSTANTIATED"', '"ABSENT"', "'ABSENT' is none of NOT_INSTANTIATED, INSTANTIATED"),
            ('"isCancelPending": false', '"isCancelPending": "false"', "'false' is no boolean"),
            ('"startTime": "2026', '"startTime": "26', "is no date-time"),
            (f'"self": {{"href": "{INSTANCE}"', '"self": {"href": "/vnflcm/v2/vnf_instances/i"', "is no url"),
        ):
            wrong = [replaced(whole, old, new) for whole in clean()]
            wrong = [broken for broken in wrong if broken]
            self.assertTrue(wrong, old)
            self.assert_red([(broken, text) for broken in wrong])


def attributes(text):
    """Paths of all attributes in a JSON text."""

    def walk(value, path):
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(value, dict):
                yield [*path, key]
            if isinstance(child, (dict, list)):
                yield from walk(child, [*path, key])

    return list(walk(json.loads(text), [])) if text else []


def taken_away(whole, side, path):
    """A copy without the attribute at this path, and its name."""
    value = json.loads(whole[side]["body"]["text"])
    parent = value
    for key in path[:-1]:
        parent = parent[key]
    del parent[path[-1]]
    return whole | {side: without(whole[side], "body") | {"body": body(value)}}, path[-1]


def replaced(whole, old, new):
    """A copy with other text in its bodies; None if there is nothing to replace."""
    broken = copy.deepcopy(whole)
    for side in ("request", "response"):
        broken[side]["body"] = body(broken[side]["body"]["text"].replace(old, new))
    return broken if broken != whole else None


if __name__ == "__main__":
    unittest.main()

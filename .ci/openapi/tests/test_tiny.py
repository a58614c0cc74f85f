"""The validator on a small API of our own: green on what is right, red on each thing that is broken by hand."""

import copy
import unittest

from tests.support import body, exchange, run, without

VERSION = {"Version": "2.0.0"}
JSON = VERSION | {"Content-Type": "application/json"}
LOCATION = {"Location": "https://vnfm/root/things/v2/things/1"}
THING = {"id": "1", "state": "OFF", "since": "2026-01-01T00:00:00Z", "count": 1, "note": None}
PROBLEM = {"title": "Bad Request", "status": 400, "detail": "no"}


def create(answer=THING, status=201, headers=JSON | LOCATION, asked=JSON, ask=None):
    ask = {"state": "ON"} if ask is None else ask
    return exchange("POST", "/root/things/v2/things", (asked, ask), (status, headers, answer))


class Red(unittest.TestCase):
    """Each case breaks one thing; the line that is printed has to name it."""

    def assert_found(self, broken, *expected, code=1, options=(), exceptions=""):
        actual, lines = run([broken], *options, exceptions=exceptions)
        found = [line for line in lines if line.startswith("transcript.jsonl:0 ")]
        self.assertEqual(actual, code, lines)
        self.assertEqual(len(found), len(expected), found)
        for text in expected:
            self.assertTrue(any(text in line for line in found), (text, found))

    def test_clean_exchanges_are_green(self):
        headers = VERSION | {"Content-Type": "application/problem+json"}
        clean = [
            create(),
            create(status=400, answer=PROBLEM, headers=headers),
            exchange("GET", "/things/v2/things?filter=(eq,id,1)", (VERSION, None), (200, JSON, [THING, THING])),
            exchange(
                "PATCH",
                "/things/v2/things/1",
                (VERSION | {"Content-Type": "application/merge-patch+json"}, {"state": None}),
                (204, VERSION, None),
            ),
            exchange("DELETE", "/things/v2/things/1", (VERSION, None), (204, VERSION, None)),
            exchange(
                "POST",
                "/notifications/x",
                (JSON, {"notificationType": "ThingNotification", "thingId": "1"}),
                (204, {}, None),
                sender="VNFM",
                receiver="NFVO",
            ),
        ]
        code, lines = run(clean)
        self.assertEqual(code, 0, lines)
        self.assertIn("6 exchanges, 6 requests and 6 responses judged, 0 findings, 0 accepted", lines)
        self.assertIn("       2         2        0        0  POST /things/v2/things", lines)

    def test_the_line_has_file_seq_method_target_and_party(self):
        _, lines = run([create(answer=without(THING, "id")) | {"seq": 7}])
        expected = "transcript.jsonl:7 POST /root/things/v2/things: VNFM: response body $ (Thing): `id` is missing"
        self.assertEqual(lines[0], expected)

    def test_missing_required_attribute(self):
        self.assert_found(create(answer=without(THING, "since")), "`since` is missing")

    def test_missing_attribute_behind_references(self):
        owner = {"name": "a", "friends": [{"name": "b", "friends": [{}]}]}
        self.assert_found(create(answer=THING | {"owner": owner}), "$.owner.friends[0].friends[0] (Owner): `name` is")

    def test_wrong_enum(self):
        self.assert_found(create(answer=THING | {"state": "BROKEN"}), "$.state: 'BROKEN' is none of ON, OFF")

    def test_wrong_type(self):
        self.assert_found(create(answer=THING | {"count": "1"}), "$.count: '1' is no integer")

    def test_null_where_not_nullable(self):
        self.assert_found(create(answer=THING | {"count": None}), "$.count: None is no integer")

    def test_wrong_formats(self):
        broken = THING | {"since": "yesterday", "home": "not a uri"}
        self.assert_found(create(answer=broken), "'yesterday' is no date-time", "'not a uri' is no url")

    def test_unknown_attribute(self):
        self.assert_found(create(answer=THING | {"colour": "red"}), "`colour` is not an attribute of it")

    def test_reference_that_leads_nowhere(self):
        self.assert_found(create(answer=THING | {"lost": 1}), "$.lost: cannot be judged: the reference `nowhere.yaml")

    def test_missing_location(self):
        self.assert_found(create(headers=JSON), "response header Location is missing")

    def test_location_that_leads_nowhere(self):
        headers = JSON | {"Location": "https://vnfm/things/v2/other/1"}
        self.assert_found(create(headers=headers), "leads to no path of the API")

    def test_missing_version(self):
        self.assert_found(create(headers=without(JSON, "Version") | LOCATION), "response header Version is missing")

    def test_version_of_another_api(self):
        self.assert_found(create(headers=JSON | LOCATION | {"Version": "3.0.0"}), "of another major version")

    def test_undeclared_status(self):
        self.assert_found(create(status=200), "status 200 is not declared; declared: 201, 400")

    def test_wrong_content_type(self):
        headers = JSON | LOCATION | {"Content-Type": "text/plain"}
        self.assert_found(create(headers=headers), "response has content type text/plain; declared: application/json")

    def test_body_that_is_not_json(self):
        self.assert_found(create(answer='{"id": '), "response body is not JSON")

    def test_attribute_twice(self):
        self.assert_found(create(answer='{"id": "1", "id": "2"}'), "an attribute occurs twice")

    def test_missing_body(self):
        self.assert_found(create(answer=None), "response has no body, and one is declared")

    def test_body_where_none_is_declared(self):
        broken = exchange("DELETE", "/things/v2/things/1", (VERSION, None), (204, JSON, {}))
        self.assert_found(broken, "has a body of 2 bytes, and none is declared")

    def test_error_that_is_no_problem_details(self):
        self.assert_found(create(status=400, answer=PROBLEM), "not application/problem+json")
        headers = VERSION | {"Content-Type": "application/problem+json"}
        self.assert_found(create(status=400, answer={"status": 400}, headers=headers), "`detail` is missing")
        self.assert_found(create(status=400, answer=PROBLEM | {"status": 404}, headers=headers), "HTTP says 400")
        self.assert_found(create(status=400, answer=None, headers=VERSION), "error has no ProblemDetails")

    def test_broken_requests(self):
        self.assert_found(create(asked=without(JSON, "Version")), "NFVO: header parameter Version is missing")
        self.assert_found(create(ask={}), "NFVO: request body $: `state` is missing")
        self.assert_found(create(ask=""), "NFVO: request has no body, and one is required")
        self.assert_found(create(asked=JSON | {"Content-Type": "text/plain"}), "NFVO: request has content type text/pl")
        query = exchange("GET", "/things/v2/things?fitler=x", (VERSION, None), (200, JSON, []))
        self.assert_found(query, "NFVO: query parameter fitler is not declared")

    def test_path_and_method_that_do_not_exist(self):
        nowhere = exchange("GET", "/things/v2/nothing", (VERSION, None), (200, JSON, []))
        self.assert_found(nowhere, "NFVO: no such path in the API", "VNFM: status 200 for what the API does not have")
        method = exchange("DELETE", "/things/v2/things", (VERSION, None), (204, VERSION, None))
        self.assert_found(method, "NFVO: DELETE is not a method of this path", "VNFM: status 204 for what")

    def test_notifications(self):
        def notify(value):
            return exchange("POST", "/notifications/x", (JSON, value), (204, {}, None), sender="VNFM", receiver="NFVO")

        self.assert_found(notify({"notificationType": "ThingNotification"}), "VNFM: request body $ (ThingNotification)")
        unknown = notify({"notificationType": "OtherNotification"})
        self.assert_found(unknown, "VNFM: notificationType 'OtherNotification' is none of", "NFVO: status 204 for what")


class WhatIsJudged(unittest.TestCase):
    """Who is judged, what is left alone, and what is no input at all."""

    def test_only_the_named_party_is_judged(self):
        broken = create(ask={}, answer={})
        for party, other in (("VNFM", "NFVO"), ("NFVO", "VNFM")):
            code, lines = run([broken], "--judge", party)
            self.assertEqual(code, 1)
            self.assertTrue(any(f": {party}: " in line for line in lines))
            self.assertFalse(any(f": {other}: " in line for line in lines))

    def test_faults_and_long_bodies_are_counted_as_not_judged(self):
        long = copy.deepcopy(create())
        del long["response"]["body"]["text"]
        code, lines = run([create(answer={}) | {"fault": "garbage-body"}, long])
        self.assertEqual(code, 0, lines)
        self.assertIn("not judged: 1 (fault injected or connection failed)", lines)
        self.assertIn("not judged: 1 (response body kept as digest only)", lines)

    def test_nothing_judged_is_an_error(self):
        for nothing in ([], [create() | {"fault": "x"}], [create() | {"from": "EM", "to": "VNF"}]):
            code, lines = run(nothing)
            self.assertEqual(code, 2)
            self.assertIn("error: nothing was judged", lines)

    def test_unusable_input(self):
        wrong = create()
        wrong["request"]["body"] = body("x") | {"length": 5}
        for lines in (["{"], ["{}"], [wrong]):
            code, said = run([create(), *lines])
            self.assertEqual(code, 2)
            self.assertTrue(any("transcript.jsonl:2 is not an exchange" in line for line in said), said)
        self.assertEqual(run([create()], spec="/nonexistent")[0], 2)
        self.assertEqual(run([create()], "/nonexistent.jsonl")[0], 2)


class Exceptions(unittest.TestCase):
    """Deviations and corrections, met and unmet."""

    ACCEPT = '[[accepted]]\nparty = "VNFM"\nwhat = "Location is missing"\nreason = "r"\n'
    CORRECT = (
        '[[corrected]]\nat = "shared/types.yaml#/definitions/Thing/properties/state/enum"\nreason = "r"\n'
        """was = '["ON", "OFF"]'\nto = '["ON", "OFF", "BROKEN"]'\n"""
    )

    def test_an_accepted_deviation_passes(self):
        code, lines = run([create(headers=JSON)], exceptions=self.ACCEPT)
        self.assertEqual(code, 0, lines)
        self.assertIn("1 exchanges, 1 requests and 1 responses judged, 0 findings, 1 accepted", lines)

    def test_it_passes_nothing_else(self):
        for narrowed in ('operation = "GET /things/v2/things"', "status = 400", 'party = "NFVO"'):
            entry = self.ACCEPT.replace('party = "VNFM"\n', "") if "party" in narrowed else self.ACCEPT
            code, lines = run([create(headers=JSON)], exceptions=f"{entry}{narrowed}\n")
            self.assertEqual(code, 1, lines)
            self.assertTrue(any("Location is missing" in line for line in lines[:1]), lines)

    def test_an_unused_one_is_reported(self):
        code, lines = run([create()], exceptions=self.ACCEPT)
        self.assertEqual(code, 1)
        self.assertTrue(any("unused: no finding about VNFM meets `Location is missing`" in line for line in lines))
        self.assertEqual(run([create()], "--partial", exceptions=self.ACCEPT)[0], 0)
        self.assertEqual(run([create()], "--judge", "NFVO", exceptions=self.ACCEPT)[0], 0)

    def test_a_correction_counts(self):
        broken = create(answer=THING | {"state": "BROKEN"})
        self.assertEqual(run([broken])[0], 1)
        self.assertEqual(run([broken], exceptions=self.CORRECT)[0], 0)

    def test_a_correction_of_something_else_is_reported(self):
        for stale in (self.CORRECT.replace("OFF", "AWAY", 1), self.CORRECT.replace("Thing/", "Thang/")):
            code, lines = run([create()], exceptions=stale)
            self.assertEqual(code, 1)
            self.assertTrue(any("is not (or no longer)" in line for line in lines), lines)

    def test_an_unusable_file_is_unusable_input(self):
        for wrong in ("[[accepted]]\n", self.ACCEPT + "who = 1\n", self.ACCEPT.replace("Loc", "("), "[x]\n", "="):
            self.assertEqual(run([create()], exceptions=wrong)[0], 2, wrong)


if __name__ == "__main__":
    unittest.main()

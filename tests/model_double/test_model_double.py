"""The double itself: that it says what its transcripts hold, however it is cut, and that it can say no."""

import copy
import http.client
import json
import unittest

import anthropic_wire
import openai_wire
import transcript
from double import Double

KEY = "double-key"
HEADERS = {
    "openai": {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
    "anthropic": {"x-api-key": KEY, "anthropic-version": "2023-06-01", "Content-Type": "application/json"},
}
PATHS = {"openai": openai_wire.PATH, "anthropic": anthropic_wire.PATH}
SCHEMA = {"type": "object", "properties": {"limit": {"type": "integer"}}, "required": ["limit"]}


def request(wire, model, messages):
    if wire == "openai":
        return {"model": model, "stream": True, "stream_options": {"include_usage": True}, "max_tokens": 100, "messages": messages,
                "tools": [{"type": "function",
                           "function": {"name": "list_targets", "description": "Lists.", "parameters": SCHEMA}}]}
    return {"model": model, "stream": True, "max_tokens": 100, "messages": messages,
            "tools": [{"name": "list_targets", "description": "Lists.", "input_schema": SCHEMA}]}


class DoubleTest(unittest.TestCase):
    def setUp(self):
        self.double = self.enterContext(Double(KEY))

    def ask(self, wire, body, headers=None, path=None):
        """(status, body, whether the answer came to its end)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.double.port, timeout=20)
        try:
            connection.request("POST", path or PATHS[wire], body=json.dumps(body), headers=HEADERS[wire] if headers is None else headers)
            response = connection.getresponse()
            try:
                return response.status, response.read().decode("utf-8", "replace"), True
            except http.client.IncompleteRead as cut:
                return response.status, cut.partial.decode("utf-8", "replace"), False
        finally:
            connection.close()

    def report(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.double.port, timeout=20)
        connection.request("GET", "/double/requests")
        document = json.loads(connection.getresponse().read())
        connection.close()
        return document

    def second_request(self, wire):
        """The reader's second request, as an honest client would send it."""
        asked = request(wire, "reader", [{"role": "user", "content": "Look."}])
        status, text, _ = self.ask(wire, asked)
        self.assertEqual(status, 200, text)
        module = openai_wire if wire == "openai" else anthropic_wire
        (call_id, (name, arguments)), = module.calls_said([text])[0].items()
        if wire == "openai":
            messages = [{"role": "user", "content": "Look."},
                        {"role": "assistant", "content": "Let me look",
                         "tool_calls": [{"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}]},
                        {"role": "tool", "tool_call_id": call_id, "content": '{"data":[]}'}]
        else:
            messages = [{"role": "user", "content": [{"type": "text", "text": "Look."}]},
                        {"role": "assistant", "content": [{"type": "tool_use", "id": call_id, "name": name,
                                                           "input": json.loads(arguments)}]},
                        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call_id, "content": '{"data":[]}'}]}]
        return request(wire, "reader", messages)

    def test_every_transcript_reads(self):
        for wire in PATHS:
            self.assertGreater(len(transcript.scenarios(wire)), 10)
            for scenario in transcript.scenarios(wire):
                self.assertTrue(transcript.load(wire, scenario), scenario)

    def test_an_honest_client_comes_to_the_end(self):
        for wire in PATHS:
            status, text, _ = self.ask(wire, self.second_request(wire))
            self.assertEqual(status, 200, text)
            self.assertIn("完了", text)
        self.assertEqual(self.report()["violations"], [])
        self.assertEqual(len(self.report()["requests"]), 4)

    def test_what_it_says_does_not_depend_on_how_it_is_cut(self):
        for wire in PATHS:
            whole = self.ask(wire, request(wire, "refusal", [{"role": "user", "content": "Look."}]))[1]
            for suffix in (".each1", ".each7", ".cut1", ".cut50", f".cut{len(whole) - 1}"):
                cut = self.ask(wire, request(wire, "refusal" + suffix, [{"role": "user", "content": "Look."}]))[1]
                self.assertEqual(len(cut), len(whole), suffix)

    def test_a_broken_stream_is_broken_in_mid_event(self):
        for wire in PATHS:
            status, text, is_whole = self.ask(wire, request(wire, "truncated", [{"role": "user", "content": "Look."}]))
            self.assertEqual((status, is_whole), (200, False))
            self.assertTrue(text.endswith(" sen"), text)

    def test_the_same_request_gets_the_next_try(self):
        for wire, statuses in (("openai", [429, 200, 200]), ("anthropic", [429, 529, 200])):
            asked = request(wire, "rate_limited", [{"role": "user", "content": "Look."}])
            self.assertEqual([self.ask(wire, asked)[0] for _ in range(3)], statuses)

    def test_a_wrong_key_or_version_is_refused(self):
        good = {wire: request(wire, "reader", [{"role": "user", "content": "Look."}]) for wire in PATHS}
        self.assertEqual(self.ask("openai", good["openai"], {"Authorization": "Bearer x", "Content-Type": "application/json"})[0], 401)
        for headers in ({"x-api-key": KEY}, {"anthropic-version": "2023-06-01"}, {"x-api-key": KEY, "anthropic-version": "2020-01-01"}):
            self.assertEqual(self.ask("anthropic", good["anthropic"], headers | {"Content-Type": "application/json"})[0], 401, headers)
        self.assertEqual(len(self.report()["violations"]), 4)

    def test_an_unknown_scenario_is_no_violation(self):
        self.assertEqual(self.ask("openai", request("openai", "nobody", [{"role": "user", "content": "x"}]))[0], 404)
        self.assertEqual(self.report()["violations"], [])

    def assert_refused(self, wire, change, words):
        body = copy.deepcopy(self.second_request(wire))
        change(body)
        status, text, _ = self.ask(wire, body)
        self.assertEqual(status, 400, f"{wire}: {words}: {json.dumps(body)}")
        self.assertIn(words, " ".join(self.report()["violations"]))

    def test_what_an_openai_server_would_refuse_is_refused(self):
        def message(index, **members):
            return lambda body: body["messages"][index].update(members)

        def function(**members):
            return lambda body: body["messages"][1]["tool_calls"][0]["function"].update(members)

        for change, words in (
                (lambda body: body["messages"].pop(2), "have no answer"),
                (lambda body: body["messages"].append(body["messages"][2]), "answers"),
                (message(2, tool_call_id="call_other"), "awaited were"),
                (message(2, content=""), "not empty"),
                (message(1, reasoning_content="I thought"), "must not be fed back"),
                (message(1, reasoning="I thought"), "must not be fed back"),
                (function(arguments='{"limit": 9}'), "come back as"),
                (function(arguments="{"), "are no JSON"),
                (function(name="delete_target"), "was a call of"),
                (lambda body: body["messages"].insert(0, {"role": "user", "content": "x"}), "two users in a row"),
                (lambda body: body["messages"].insert(1, {"role": "system", "content": "x"}), "must come first"),
                (lambda body: body.update(stream=False), "stream: must be true"),
                (lambda body: body.pop("stream_options"), "usage was not asked for"),
                (lambda body: body.update(max_completion_tokens=5), "exactly one of"),
                (lambda body: body.update(tools=[]), "not empty"),
                (lambda body: body.update(run_note=1), "unknown member"),
                (lambda body: body["tools"].append(body["tools"][0]), "twice"),
                (lambda body: body["tools"][0]["function"].update(name="a tool"), "is no name of a tool"),
                (lambda body: body["tools"][0]["function"].update(parameters={"type": "objekt"}), "is no type"),
                (lambda body: body["tools"][0]["function"].update(parameters={"type": "object", "required": ["x"]}), "is no property"),
        ):
            with self.subTest(words):
                self.assert_refused("openai", change, words)

    def test_what_the_messages_api_would_refuse_is_refused(self):
        def block(index, **members):
            return lambda body: body["messages"][index]["content"][0].update(members)

        for change, words in (
                (lambda body: body["messages"].pop(2), "have no tool_result"),
                (lambda body: body["messages"][2]["content"].append(body["messages"][2]["content"][0]), "answers"),
                (lambda body: body["messages"][2]["content"].insert(0, {"type": "text", "text": "x"}), "must come first"),
                (block(2, tool_use_id="toolu_other"), "awaited were"),
                (block(1, input={"limit": 9}), "come back as"),
                (block(1, name="delete_target"), "was a call of"),
                (lambda body: body["messages"].insert(1, {"role": "user", "content": "x"}), "after 'user'"),
                (lambda body: body["messages"][1]["content"].insert(0, {"type": "text", "text": " "}), "an empty text"),
                (lambda body: body.pop("max_tokens"), "max_tokens: required"),
                (lambda body: body.update(system=""), "system: must not be empty"),
                (lambda body: body["tools"][0].update(input_schema={"type": "string"}), "must be object"),
        ):
            with self.subTest(words):
                self.assert_refused("anthropic", change, words)

    def test_thinking_must_come_back_unchanged(self):
        tool = {"name": "create_scan", "description": "Scans.", "input_schema": {"type": "object"}}
        asked = request("anthropic", "story", [{"role": "user", "content": "tgt_" + "0" * 26}]) | {"tools": [tool]}
        said = anthropic_wire.calls_said([self.ask("anthropic", asked)[1]])[0]
        thinking, = [block for key, block in said.items() if isinstance(key, str) and isinstance(block, dict)]
        self.assertEqual(thinking["thinking"], "First a scan, dann weiter – 最初に.")
        (call_id, (name, arguments)), = [item for item in said.items() if isinstance(item[1], tuple)]
        call = {"type": "tool_use", "id": call_id, "name": name, "input": json.loads(arguments)}

        def answered(blocks):
            return asked | {"messages": [
                *asked["messages"], {"role": "assistant", "content": blocks},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call_id,
                                              "content": '"status":"completed" scn_' + "1" * 26}]}]}

        self.assertEqual(self.ask("anthropic", answered([thinking, call]))[0], 200)
        for blocks, words in (([call], "is missing"), ([{**thinking, "thinking": "other"}, call], "changed"),
                              ([call, thinking], "after a tool_use")):
            self.assertEqual(self.ask("anthropic", answered(blocks))[0], 400, words)
            self.assertIn(words, " ".join(self.report()["violations"]))

    def test_a_turn_that_expects_something_says_what_is_missing(self):
        body = self.second_request("openai")
        body["messages"][2]["content"] = "nothing"
        status, text, _ = self.ask("openai", body)
        self.assertEqual(status, 400)
        self.assertIn("expected tool 1 contains", text)

    def test_a_transcript_that_goes_on_from_what_is_not_there_says_so(self):
        status, text, _ = self.ask("openai", request("openai", "story", [{"role": "user", "content": "no target"}]))
        self.assertEqual((status, "no id tgt_" in text), (400, True))

    def test_more_turns_than_there_are_is_a_violation(self):
        body = self.second_request("openai")
        body["messages"] += [{"role": "assistant", "content": "Done."}, {"role": "user", "content": "More."}]
        self.assertEqual(self.ask("openai", body)[0], 400)
        self.assertIn("turn 3 of 2", " ".join(self.report()["violations"]))


if __name__ == "__main__":
    unittest.main()

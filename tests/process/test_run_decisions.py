"""Deciding about a run's tool calls over REST with the real binary: what is refused, and what becomes of an edit."""

import unittest

from weir_process import Server, eventually

AGENT = {
    "name": "Ask first", "slug": "ask-first", "kind": "playbook",
    "input_schema": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"],
                     "additionalProperties": False},
    "playbook": {"steps": [{"id": "look", "tool": "list_targets", "args": {"query": "${inputs.query}"}, "approve": "always"}]},
}


class RunDecisions(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server())
        made = self.server.post("/v1/agents", AGENT)
        self.assertEqual(made.status, 201, made.body)

    def held(self):
        run = self.server.post("/v1/runs", {"agent_id": "ask-first", "input": {"query": "a"}, "wait_seconds": 30}).json
        self.assertEqual(run["status"], "requires_action")
        return run["id"], run["required_action"]["calls"][0]

    def respond(self, run, call, key=None, **more):
        decision = {"tool_call_id": call["tool_call_id"], "decision": "allow",
                    "arguments_sha256": call["arguments_sha256"], **more}
        return self.server.post(f"/v1/runs/{run}/respond", {"decisions": [decision]}, key=key)

    def ended(self, run):
        return self.server.get(f"/v1/runs/{run}?wait_seconds=30&include=tool_calls").json

    def events(self, run):
        answer = self.server.get(f"/v1/runs/{run}/events?limit=200", headers={"Accept": "application/json"})
        return [event["type"] for event in answer.json["data"]]

    def test_whoever_waits_is_answered_when_a_person_is_needed_and_the_run_goes_on_after_the_decision(self):
        run, call = self.held()

        self.assertEqual(self.respond(run, call).json["status"], "queued")

        self.assertEqual(self.ended(run)["status"], "completed")
        self.assertEqual(self.events(run), [
            "run.queued", "run.started", "step.started", "tool_call.created", "tool_call.approval_requested",
            "run.requires_action", "tool_call.approved", "run.status", "run.resumed", "tool_call.started",
            "tool_call.completed", "step.completed", "run.completed"])
        again = self.respond(run, call)
        self.assertEqual(again.status, 409)
        self.assertIn("completed", again.json["message"])

    def test_another_hash_decides_nothing(self):
        run, call = self.held()

        wrong = self.respond(run, call, arguments_sha256="0" * 64)

        self.assertEqual(wrong.status, 409)
        self.assertIn(call["arguments_sha256"], wrong.json["message"])
        self.assertEqual(self.server.get(f"/v1/runs/{run}").json["status"], "requires_action")

    def test_an_edit_is_what_is_executed_and_must_fit_the_tool(self):
        run, call = self.held()
        unfit = self.respond(run, call, edited_arguments={"colour": "red"})
        self.assertEqual(unfit.status, 422)
        self.assertEqual(unfit.json["errors"][0]["field"], "decisions[0].edited_arguments.colour")

        self.assertEqual(self.respond(run, call, edited_arguments={"query": "b"}).status, 200)

        made = self.ended(run)["tool_calls"][0]
        self.assertEqual(made["status"], "completed")
        self.assertEqual(made["arguments"], {"query": "a"})
        self.assertEqual(made["approval"]["edited_arguments"], {"query": "b"})
        self.assertNotEqual(made["approval"]["edited_arguments_sha256"], made["arguments_sha256"])

    def test_a_denied_call_is_not_made(self):
        run, call = self.held()

        self.respond(run, call, decision="deny", reason="not today")

        end = self.ended(run)
        self.assertEqual(end["status"], "failed")
        self.assertEqual(end["tool_calls"][0]["status"], "denied")
        self.assertIsNone(end["tool_calls"][0]["started_at"])
        self.assertIn("not today", end["tool_calls"][0]["error"]["message"])

    def test_others_see_nothing_and_the_usual_scopes_do_not_approve(self):
        run, call = self.held()
        stranger = self.server.key_of("stranger", "pro", "read,write,runs:approve")
        usual = self.server.key_of("usual", "pro", "read,write")

        self.assertEqual(self.respond(run, call, key=stranger).status, 404)
        self.assertEqual(self.server.get(f"/v1/runs/{run}", key=stranger).status, 404)
        refused = self.respond(run, call, key=usual)
        self.assertEqual((refused.status, refused.json["error"]), (403, "insufficient_scope"))

    def test_a_run_that_waits_is_cancelled_at_once_and_can_be_replayed(self):
        run, call = self.held()

        self.assertEqual(self.server.post(f"/v1/runs/{run}/cancel", {}).json["status"], "cancelled")

        self.assertEqual(self.respond(run, call).status, 409)
        again = self.server.post(f"/v1/runs/{run}/replay", {})
        self.assertEqual(again.status, 202)
        self.assertEqual(again.json["parent_run_id"], run)
        eventually(lambda: self.server.get(f"/v1/runs/{again.json['id']}").json["status"] == "requires_action", "it asks again")

    def test_a_repeated_request_starts_one_run(self):
        body = {"agent_id": "ask-first", "input": {"query": "a"}}
        first = self.server.post("/v1/runs", body, headers={"Idempotency-Key": "one"})

        second = self.server.post("/v1/runs", body, headers={"Idempotency-Key": "one"})
        other = self.server.post("/v1/runs", {**body, "input": {"query": "b"}}, headers={"Idempotency-Key": "one"})

        self.assertEqual(first.json["id"], second.json["id"])
        self.assertEqual(second.headers["idempotency-replayed"], "true")
        self.assertEqual((other.status, other.json["error"]), (422, "idempotency_mismatch"))
        self.assertEqual(len(self.server.get("/v1/runs").json["data"]), 1)


if __name__ == "__main__":
    unittest.main()

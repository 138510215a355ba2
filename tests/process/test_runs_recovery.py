"""kill -9 at each step of a run in turn: after a restart it goes on after the last step that has ended, or says why not, and
nothing is made twice."""

import json
import pathlib
import sys
import tempfile
import unittest

from weir_process import Server, Site, eventually

TERMINAL = ("completed", "failed", "cancelled", "incomplete", "expired")
# Four scans, one after the other, each of a site of its own: each step takes long enough to be killed in its middle.
STEPS = ("one", "two", "three", "four")


def chain():
    steps = [{"id": name, "tool": "create_scan", "timeout_s": 120,
              "args": {"target_id": f"${{inputs.{name}}}", "profile": "passive", "wait_seconds": 50}} for name in STEPS]
    return {"name": "Four scans", "slug": "four-scans", "kind": "playbook", "playbook": {"steps": steps},
            "input_schema": {"type": "object", "properties": {name: {"type": "string"} for name in STEPS}}}


class RunsRecovery(unittest.TestCase):
    def target(self, server, site):
        answer = server.post("/v1/targets", {"url": site.url, "attest": "my own site"})
        self.assertIn(answer.status, (200, 201), answer.body)
        return answer.json["id"]

    def start(self, server, agent, arguments):
        answer = server.post("/v1/runs", {"agent_id": agent, "input": arguments})
        self.assertEqual(answer.status, 202, answer.body)
        return answer.json["id"]

    @staticmethod
    def ended(server, run_id, key=None):
        run = server.get(f"/v1/runs/{run_id}", key=key).json
        return run if run["status"] in TERMINAL else None

    def wait_for_event(self, server, run_id, matches):
        """Blocks until the stream of the run has an event that `matches`."""
        for _, kind, data in server.events(f"/v1/runs/{run_id}/events?after=0"):
            if kind and matches(kind, data.get("data") or {}):
                return
        raise AssertionError("the run ended before that")

    def check_records(self, server, run_id, killed):
        """Gapless events, one start and one end, each call once."""
        events = [(kind, data) for event_id, kind, data in server.events(f"/v1/runs/{run_id}/events?after=0") if event_id]
        self.assertEqual([int(data["seq"]) for _, data in events], list(range(1, len(events) + 1)))
        kinds = [kind for kind, _ in events]
        self.assertEqual(kinds.count("run.started"), 1, kinds)
        self.assertGreaterEqual(kinds.count("run.resumed"), 1 if killed else 0, kinds)
        self.assertEqual(sum(kind in {f"run.{status}" for status in TERMINAL} for kind in kinds), 1, kinds)
        started = [data["data"]["step_id"] for kind, data in events if kind == "step.started"]
        self.assertEqual(len(started), len(set(started)), "a step is told once")
        completed = [data["data"]["step_id"] for kind, data in events if kind == "step.completed"]
        self.assertEqual(len(completed), len(set(completed)), "a step ends once")
        calls = server.get(f"/v1/runs/{run_id}/tool-calls").json["data"]
        self.assertEqual(len({call["id"] for call in calls}), len(calls))
        return events, calls

    def test_a_kill_in_the_middle_of_each_step_makes_no_scan_twice(self):
        with Server() as server:
            agent = server.post("/v1/agents", chain())
            self.assertEqual(agent.status, 201, agent.body)
            for killed in STEPS:
                with self.subTest(killed=killed), Site(delay=0.4) as a, Site(delay=0.4) as b, Site(delay=0.4) as c, \
                        Site(delay=0.4) as d:
                    targets = {name: self.target(server, site) for name, site in zip(STEPS, (a, b, c, d))}
                    run_id = self.start(server, "four-scans", targets)
                    self.wait_for_event(server, run_id, lambda kind, data: kind == "tool_call.started" and
                                        data.get("step_id") == killed)

                    server.kill()
                    server.start()

                    run = eventually(lambda: self.ended(server, run_id), "the run ends", seconds=120)
                    self.assertEqual(run["status"], "completed", run)
                    events, calls = self.check_records(server, run_id, killed=True)
                    # Nothing before the killed step was called again, and nothing at all more than once more.
                    position = STEPS.index(killed)
                    self.assertEqual([call["step_id"] for call in calls], list(STEPS))
                    self.assertEqual([call["attempts"] for call in calls[:position]], [1] * position)
                    self.assertLessEqual(calls[position]["attempts"], 2)
                    for name, target_id in targets.items():
                        scans = server.get(f"/v1/scans?target_id={target_id}").json["data"]
                        self.assertEqual(len(scans), 1, f"{name} was scanned once: {scans}")
                    resumed = next(data["data"] for kind, data in events if kind == "run.resumed")
                    self.assertEqual(resumed["reason"], "server_restarted")

    def test_a_kill_after_each_event_of_a_posture_check_loses_and_repeats_nothing(self):
        with Server() as server, Site(delay=0.05) as first_site:
            run_id = self.start(server, "posture-check", {"target_id": self.target(server, first_site)})
            whole = eventually(lambda: self.ended(server, run_id), "the run ends", seconds=60)
            self.assertEqual(whole["status"], "completed", whole)
            events, calls = self.check_records(server, run_id, killed=False)
            tools = sorted({call["name"] for call in calls})
            numbers = [int(data["seq"]) for kind, data in events if kind.split(".")[0] in ("run", "step", "tool_call")][:-1]

            for number in numbers:
                with self.subTest(killed_after=number), Site(delay=0.05) as site:
                    target_id = self.target(server, site)
                    run_id = self.start(server, "posture-check", {"target_id": target_id})
                    self.wait_for_event(server, run_id, lambda kind, data, seq=iter(range(1, 10_000)): next(seq) >= number)

                    server.kill()
                    server.start()

                    run = eventually(lambda: self.ended(server, run_id), "the run ends", seconds=60)
                    self.assertEqual(run["status"], "completed", run)
                    _, made = self.check_records(server, run_id, killed=False)
                    self.assertEqual(sorted({call["name"] for call in made}), tools)
                    self.assertEqual({call["status"] for call in made}, {"completed"})
                    scans = server.get(f"/v1/scans?target_id={target_id}").json["data"]
                    self.assertEqual(len(scans), 1, scans)

    def test_a_stop_in_the_middle_goes_on_after_the_start(self):
        with Server() as server, Site(delay=0.4) as site:
            run_id = self.start(server, "posture-check", {"target_id": self.target(server, site)})
            self.wait_for_event(server, run_id, lambda kind, data: kind == "step.started" and data["step_id"] != "scan")

            self.assertEqual(server.stop(), 0)
            server.start()

            run = eventually(lambda: self.ended(server, run_id), "the run ends", seconds=60)
            self.assertEqual(run["status"], "completed", run)

    def test_a_run_that_waits_for_a_person_survives_a_kill(self):
        agent = {"name": "Asks", "slug": "asks", "kind": "playbook", "playbook": {"steps": [
            {"id": "look", "tool": "list_targets", "args": {}, "approve": "always"}]}}
        with Server() as server:
            self.assertEqual(server.post("/v1/agents", agent).status, 201)
            run_id = self.start(server, "asks", {})
            waiting = eventually(lambda: (lambda run: run if run["status"] == "requires_action" else None)(
                server.get(f"/v1/runs/{run_id}").json), "the run asks", seconds=30)

            server.kill()
            server.start()

            self.assertEqual(server.get(f"/v1/runs/{run_id}").json["required_action"], waiting["required_action"])
            call = server.get(f"/v1/runs/{run_id}/tool-calls").json["data"][0]
            answer = server.post(f"/v1/runs/{run_id}/respond", {"decisions": [
                {"tool_call_id": call["id"], "decision": "allow", "arguments_sha256": call["arguments_sha256"]}]})
            self.assertEqual(answer.status, 200, answer.body)
            run = eventually(lambda: self.ended(server, run_id), "the run ends", seconds=30)
            self.assertEqual(run["status"], "completed", run)


class NotRepeatable(unittest.TestCase):
    def test_a_call_that_must_not_be_repeated_ends_the_run_with_server_restarted(self):
        folder = tempfile.TemporaryDirectory(prefix="weir-count-")
        self.addCleanup(folder.cleanup)
        counted = pathlib.Path(folder.name) / "counted"
        command = [sys.executable, str(pathlib.Path(__file__).parent / "counting_mcp_server.py"), str(counted), "4"]
        agent = {"name": "Counts", "slug": "counts", "kind": "playbook",
                 "tools": [{"name": "lab__count", "policy": "allow"}],
                 "playbook": {"steps": [{"id": "look", "tool": "list_targets", "args": {}},
                                        {"id": "count", "tool": "lab__count", "args": {}},
                                        {"id": "after", "tool": "list_targets", "args": {}}]}}
        with Server(arguments=["--set", f"mcp_servers.lab.command={json.dumps(command)}"]) as server:
            seen = eventually(lambda: self.seen(server), "the server is seen")
            approved = server.post("/v1/mcp-servers/lab/approve", {"sha256": seen})
            self.assertEqual(approved.status, 200, approved.body)
            made = server.post("/v1/agents", agent)
            self.assertEqual(made.status, 201, made.body)
            run_id = server.post("/v1/runs", {"agent_id": "counts", "input": {}}).json["id"]
            eventually(counted.exists, "the tool is called")

            server.kill()
            server.start()

            run = eventually(lambda: RunsRecovery.ended(server, run_id), "the run ends")
            self.assertEqual(run["status"], "failed", run)
            self.assertEqual(run["error"]["code"], "server_restarted", run)
            self.assertIn("count", run["error"]["message"])
            self.assertEqual(counted.read_text().splitlines(), ["counted"])
            calls = server.get(f"/v1/runs/{run_id}/tool-calls").json["data"]
            self.assertEqual([(call["name"], call["status"]) for call in calls],
                             [("list_targets", "completed"), ("lab__count", "failed")])

    @staticmethod
    def seen(server):
        answer = server.get("/v1/mcp-servers/lab")
        return answer.json.get("sha256") if answer.status == 200 else None


class RevokedKey(unittest.TestCase):
    def test_a_key_that_is_revoked_stops_its_run(self):
        with Server() as server, Site(delay=1.0) as site:
            key, other = server.key_of("other", "pro"), server.key_of("other", "pro")
            key_id = next(each["id"] for each in server.get("/v1/keys").json["data"] if key.startswith(each["prefix"]))
            target = server.post("/v1/targets", {"url": site.url, "attest": "my own site"}, key=key)
            run = server.post("/v1/runs", {"agent_id": "posture-check", "input": {"target_id": target.json["id"]}}, key=key)
            self.assertEqual(run.status, 202, run.body)
            run_id = run.json["id"]
            eventually(lambda: server.get(f"/v1/runs/{run_id}", key=other).json["status"] == "running", "the run begins")

            self.assertIn(server.request("DELETE", f"/v1/keys/{key_id}").status, (200, 204))

            ended = eventually(lambda: RunsRecovery.ended(server, run_id, key=other), "the run ends", seconds=20)
            self.assertEqual(ended["status"], "failed", ended)
            self.assertEqual(ended["error"]["code"], "key_revoked", ended)


if __name__ == "__main__":
    unittest.main()

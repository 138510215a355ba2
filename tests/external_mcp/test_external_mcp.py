"""A published MCP server as tools of agents: listed, approved, called, held for approval, and disabled when it changes."""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from weir_process import Server, eventually, weir

NODE = os.environ["EXTERNAL_NODE"]
EVERYTHING = os.environ["EXTERNAL_SERVER"]
PYTHON = sys.executable or shutil.which("python3")
PROXY = str(pathlib.Path(__file__).resolve().parent / "changing_proxy.py")
TERMINAL = {"completed", "failed", "cancelled", "incomplete", "expired"}


def stdio(alias="everything", *wrapper):
    return ["--set", f"mcp_servers.{alias}.command=" + json.dumps([*wrapper, NODE, EVERYTHING, "stdio"])]


@contextlib.contextmanager
def everything_over_http():
    """The server on a port of the kernel's choice; its URL."""
    import socket
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([NODE, EVERYTHING, "streamableHttp"], env={**os.environ, "PORT": str(port)},
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def listens():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        return False

    try:
        eventually(listens, "the server listens")
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.kill()
        process.wait()


def server_of(server, alias="everything"):
    answer = server.get(f"/v1/mcp-servers/{alias}")
    assert answer.status == 200, answer.body
    return answer.json


def reaches(server, state, alias="everything"):
    def look():
        found = server_of(server, alias)
        return found if found["state"] == state else None
    return eventually(look, f"{alias} is {state}")


def approve(server, alias="everything"):
    seen = reaches(server, "unapproved", alias)
    answer = server.post(f"/v1/mcp-servers/{alias}/approve", {"sha256": seen["sha256"]})
    assert answer.status == 200, answer.body
    return answer.json


def agent_of(server, slug, steps, tools=None):
    """A playbook of these steps whose external tools need nobody's consent, unless `tools` says so."""
    names = sorted({step["tool"] for step in steps})
    body = {"slug": slug, "name": slug, "kind": "playbook", "tools": tools or [{"name": name, "policy": "allow"} for name in names],
            "playbook": {"steps": steps}}
    return server.post("/v1/agents", body)


def run_of(server, slug, given=None):
    started = server.post("/v1/runs", {"agent_id": slug, "input": given or {}})
    assert started.status in (200, 201, 202), started.body
    return started.json["id"]


def ended(server, run_id):
    def look():
        run = server.get(f"/v1/runs/{run_id}?wait_seconds=10").json
        return run if run["status"] in TERMINAL else None
    return eventually(look, "the run ends", 60)


def events_of(server, run_id):
    return server.get(f"/v1/runs/{run_id}/events?after=0&limit=200", headers={"Accept": "application/json"}).json["data"]


class Contract:
    """What must be true over each transport; `server` runs with it."""

    def test_1_tools_are_seen_and_none_is_callable_before_the_approval(self):
        seen = reaches(self.server, "unapproved")
        refused = agent_of(self.server, "too-early", [{"id": "echo", "tool": "everything__echo", "args": {"message": "x"}}])

        names = {tool["name"]: tool for tool in seen["tools"]}
        self.assertIn("echo", names)
        self.assertEqual(names["echo"]["callable_as"], "everything__echo")
        # Tools that need sampling or a person are not offered to a client that has neither.
        self.assertNotIn("trigger-sampling-request", names)
        self.assertEqual(refused.status, 422, refused.body)

    def test_2_a_wrong_hash_and_a_key_without_admin_are_refused(self):
        seen = reaches(self.server, "unapproved")
        wrong = self.server.post("/v1/mcp-servers/everything/approve", {"sha256": "0" * 64})
        other = self.server.post("/v1/mcp-servers/everything/approve", {"sha256": seen["sha256"]},
                                 key=self.server.key_of("other", "pro"))

        self.assertEqual(wrong.status, 409, wrong.body)
        self.assertEqual(other.status, 403, other.body)

    def test_3_an_approved_server_is_called(self):
        approve(self.server)
        steps = [{"id": "echo", "tool": "everything__echo", "args": {"message": "hello"}},
                 {"id": "sum", "tool": "everything__get-sum", "args": {"a": 2, "b": 40}},
                 {"id": "image", "tool": "everything__get-tiny-image", "args": {}},
                 {"id": "data", "tool": "everything__get-structured-content", "args": {"location": "New York"}}]
        made = agent_of(self.server, "calls", steps)
        self.assertEqual(made.status, 201, made.body)

        run = ended(self.server, run_of(self.server, "calls"))

        self.assertEqual(run["status"], "completed", run)
        calls = {call["step_id"]: call for call in self.server.get(f"/v1/runs/{run['id']}/tool-calls").json["data"]}
        self.assertEqual(calls["echo"]["source"], "mcp:everything")
        self.assertEqual(calls["echo"]["result"]["text"], "Echo: hello")
        self.assertIn("42", calls["sum"]["result"]["text"])
        self.assertIn("image left out", calls["image"]["result"]["notes"][0])
        self.assertIn("temperature", calls["data"]["result"]["data"])
        self.assertTrue(all(call["tainted"] for call in calls.values()), calls)

    def test_4_progress_of_a_long_call_is_told(self):
        steps = [{"id": "long", "tool": "everything__trigger-long-running-operation", "args": {"duration": 2, "steps": 4}}]
        self.assertEqual(agent_of(self.server, "long", steps).status, 201)

        run = ended(self.server, run_of(self.server, "long"))

        self.assertEqual(run["status"], "completed", run)
        progress = [event for event in events_of(self.server, run["id"]) if event["type"] == "tool_call.progress"]
        self.assertTrue(progress, events_of(self.server, run["id"]))

    def test_5_by_default_a_person_is_asked_first(self):
        steps = [{"id": "echo", "tool": "everything__echo", "args": {"message": "may I"}}]
        made = agent_of(self.server, "asks", steps, [{"name": "everything__echo"}])
        self.assertEqual(made.status, 201, made.body)
        run_id = run_of(self.server, "asks")

        held = eventually(lambda: (lambda run: run if run["status"] == "requires_action" else None)(self.server.get(f"/v1/runs/{run_id}").json),
                          "the run asks")
        call_id = held["required_action"]["tool_call_ids"][0]
        call = self.server.get(f"/v1/runs/{run_id}/tool-calls").json["data"][0]
        decided = self.server.post(f"/v1/runs/{run_id}/respond", {"decisions": [
            {"tool_call_id": call_id, "decision": "allow", "arguments_sha256": call["arguments_sha256"]}]})
        self.assertIn(decided.status, (200, 202), decided.body)
        run = ended(self.server, run_id)

        self.assertEqual(run["status"], "completed", run)
        call = self.server.get(f"/v1/runs/{run_id}/tool-calls").json["data"][0]
        self.assertEqual(call["result"]["text"], "Echo: may I")

    def test_6_an_error_of_the_tool_fails_the_step_with_its_words(self):
        steps = [{"id": "zip", "tool": "everything__gzip-file-as-resource", "args": {"name": "x", "data": "nonsense:x", "outputType": "resource"}}]
        made = agent_of(self.server, "fails", steps)
        self.assertEqual(made.status, 201, made.body)

        run = ended(self.server, run_of(self.server, "fails"))

        self.assertEqual(run["status"], "failed", run)
        self.assertIn("everything__gzip-file-as-resource answered with an error: ", run["error"]["message"])

    def test_6_a_wrong_arguments_do_not_reach_the_server(self):
        steps = [{"id": "sum", "tool": "everything__get-sum", "args": {"a": "${inputs.a}", "b": 1}}]
        self.assertEqual(agent_of(self.server, "wrong", steps).status, 201)

        run = ended(self.server, run_of(self.server, "wrong", {"a": "no number"}))

        self.assertEqual(run["status"], "failed", run)
        self.assertIn("a is the string", run["error"]["message"])

    def test_6_b_arguments_that_cannot_fit_are_refused_when_the_agent_is_made(self):
        steps = [{"id": "sum", "tool": "everything__get-sum", "args": {"a": "no number", "b": 1}}]

        self.assertEqual(agent_of(self.server, "unfit", steps).status, 422)

    def test_7_the_approval_outlives_a_restart(self):
        self.server.stop()
        self.server.start()

        self.assertEqual(ended(self.server, run_of(self.server, "calls"))["status"], "completed")


class OverStdio(Contract, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(arguments=stdio()).__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()


class OverHttp(Contract, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        url = cls.stack.enter_context(everything_over_http())
        cls.server = Server(arguments=["--set", f"mcp_servers.everything.url={url}"]).__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()
        cls.stack.close()


class ThePin(unittest.TestCase):
    def test_a_changed_description_disables_the_server_until_it_is_approved(self):
        with tempfile.TemporaryDirectory() as folder:
            change = pathlib.Path(folder) / "change"
            with Server(arguments=stdio("everything", PYTHON, PROXY, str(change))) as server:
                approve(server)
                steps = [{"id": "sum", "tool": "everything__get-sum", "args": {"a": 1, "b": 2}}]
                self.assertEqual(agent_of(server, "sums", steps).status, 201)
                self.assertEqual(ended(server, run_of(server, "sums"))["status"], "completed")

                change.write_text("loud", encoding="utf-8")
                before_it_is_noticed = ended(server, run_of(server, "sums"))
                changed = reaches(server, "changed")
                refused = ended(server, run_of(server, "sums"))
                listed = weir("mcp-servers", "--data", str(server.data))
                shown = weir("mcp-servers", "show", "everything", "--data", str(server.data))
                agreed = weir("mcp-servers", "approve", "everything", "--sha256", changed["sha256"], "--data", str(server.data))
                again = ended(server, run_of(server, "sums"))

                self.assertIn(before_it_is_noticed["status"], ("completed", "failed"))
                self.assertEqual(changed["changes"], {"added": [], "removed": [], "changed": ["echo"]})
                # The tool that is called has not changed; its server has.
                self.assertEqual(refused["status"], "failed", refused)
                self.assertIn("changed", listed.stdout)
                self.assertIn("send it every key", shown.stdout)
                self.assertEqual(agreed.returncode, 0, agreed.stderr)
                self.assertEqual(again["status"], "completed", again)
                audit = server.get("/v1/audit?limit=50").json["data"]
                self.assertEqual(sum(row["action"] == "mcp_server.approved" for row in audit), 2, audit)

    def test_a_call_that_was_under_way_when_weir_was_killed_is_not_made_again(self):
        with Server(arguments=stdio()) as server:
            approve(server)
            steps = [{"id": "long", "tool": "everything__trigger-long-running-operation", "args": {"duration": 20, "steps": 20}}]
            self.assertEqual(agent_of(server, "long", steps).status, 201)
            run_id = run_of(server, "long")
            calls = f"/v1/runs/{run_id}/tool-calls"
            eventually(lambda: [call for call in server.get(calls).json["data"] if call["status"] == "running"], "the call is made")

            server.kill()
            server.start()
            run = ended(server, run_id)

            self.assertEqual((run["status"], run["error"]["code"]), ("failed", "server_restarted"), run)

    def test_a_server_that_is_not_there_says_so(self):
        with Server(arguments=["--set", 'mcp_servers.gone.command=["/nowhere/mcp"]']) as server:
            failing = reaches(server, "failing", "gone")
            doctor = weir("doctor", "--data", str(server.data))

            self.assertIn("/nowhere/mcp", failing["problem"])
            self.assertIn("gone", doctor.stdout)


if __name__ == "__main__":
    unittest.main()

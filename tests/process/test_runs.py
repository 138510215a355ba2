"""Runs of the real binary: one sequence of events on every surface, and `weir run`, `weir runs` and `weir agents`."""

import json
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from weir_process import BINARY, MODERN, Server, Site, eventually, weir

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from webhook_receiver import Receiver, event_of, verifies  # noqa: E402

OPEN = ["--set", "webhooks.allow_http=true", "--set", "webhooks.allow_loopback=true"]
TASKS = {"extensions": {"io.modelcontextprotocol/tasks": {}}}
TINY = {"units_per_minute": 4, "window_ms": 2000, "concurrent_scans": 1, "concurrent_runs": 1, "daily_scans": 50}
STEPS = ["scan", "wait", "compare", "gate", "report"]
TERMINAL = {"run.completed", "run.failed", "run.cancelled", "run.incomplete", "run.expired"}


def ask(server, method, params, capabilities=None):
    """A method of MCP 2026-07-28."""
    params = {**params, "_meta": {"io.modelcontextprotocol/protocolVersion": MODERN,
                                  "io.modelcontextprotocol/clientCapabilities": capabilities or {}}}
    answer = server.post("/mcp", {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, headers={
        "Accept": "application/json, text/event-stream", "MCP-Protocol-Version": MODERN, "Mcp-Method": method,
        "Mcp-Name": params.get("name") or params.get("taskId") or ""}).json
    return answer.get("result") or answer


class Terminal:
    """The binary on a terminal of its own: what it prints, and what is typed."""

    def __init__(self, *arguments):
        self.controller, terminal = pty.openpty()
        self.process = subprocess.Popen([BINARY, *arguments], stdin=terminal, stdout=terminal, stderr=terminal,
                                        env={**os.environ, "TERM": "xterm"}, start_new_session=True)
        os.close(terminal)
        self.text = ""

    def read_until(self, part, seconds=60):
        end = time.monotonic() + seconds
        while part not in self.text:
            ready, _, _ = select.select([self.controller], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"not within {seconds} s: {part!r} in {self.text!r}"
            try:
                more = os.read(self.controller, 65536)
            except OSError:
                more = b""
            assert more, f"ended before {part!r}: {self.text!r}"
            self.text += more.decode("utf-8", "replace")
        return self.text

    def type(self, text):
        os.write(self.controller, text.encode())

    def finish(self, seconds=60):
        """The exit code, after everything has been read."""
        end = time.monotonic() + seconds
        while True:
            ready, _, _ = select.select([self.controller], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"not over within {seconds} s: {self.text!r}"
            try:
                more = os.read(self.controller, 65536)
            except OSError:
                break
            if not more:
                break
            self.text += more.decode("utf-8", "replace")
        os.close(self.controller)
        return self.process.wait(timeout=10)


class Runs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site().__enter__()
        cls.server = Server(arguments=OPEN).__enter__()
        target, is_error = cls.server.call("create_target", {"url": cls.site.url, "attest": "my own site"})
        assert not is_error, target
        cls.target_id = target["id"]
        cls.input = json.dumps({"target_id": cls.target_id, "profile": "passive"})

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()
        cls.site.__exit__()

    def weir(self, *arguments, **more):
        return weir(*arguments, "--data", str(self.server.data), **more)

    def call(self, tool, arguments=None):
        answer, is_error = self.server.call(tool, arguments or {})
        self.assertFalse(is_error, answer)
        return answer

    def ended(self, run_id):
        def look():
            run = self.call("get_run", {"run_id": run_id, "wait_seconds": 20})
            return run if f"run.{run['status']}" in TERMINAL else None
        return eventually(look, "the run ends", 120)

    # --- the first point of what must be shown ---------------------------------------------------------------------

    def test_a_run_is_the_same_sequence_of_events_on_every_surface(self):
        with Receiver() as receiver:
            webhook = self.server.post("/v1/webhooks", {"url": receiver.url("/runs"), "events": ["run.*", "step.*", "tool_call.*"]}).json
            started = ask(self.server, "tools/call", {"name": "create_run", "arguments": {
                "agent_id": "posture-check", "input": json.loads(self.input)}}, TASKS)
            self.assertEqual(started.get("resultType"), "task", started)
            run_id = started["taskId"]

            followed = self.weir("runs", "follow", run_id, timeout=120)
            by_command = [json.loads(line) for line in followed.stdout.splitlines()]
            over_sse = [data for _, event, data in self.server.events(f"/v1/runs/{run_id}/events?after=0") if event and event != "snapshot"]
            task = ask(self.server, "tasks/get", {"taskId": run_id}, TASKS)
            over_mcp = self.call("list_run_events", {"run_id": run_id, "limit": 100})["data"]
            as_json = self.server.get(f"/v1/runs/{run_id}/events?after=0&limit=500", headers={"Accept": "application/json"}).json["data"]

            sequence = [(event["seq"], event["type"]) for event in over_sse]
            self.assertEqual([seq for seq, _ in sequence], list(range(1, len(sequence) + 1)), "no holes")
            self.assertEqual(sequence[0][1], "run.queued")
            self.assertEqual(sequence[-1][1], "run.completed")
            for other in (by_command, over_mcp, as_json):
                self.assertEqual([(event["seq"], event["type"]) for event in other], sequence)
            self.assertEqual(by_command, over_sse)
            begun = [event["data"]["step_id"] for event in over_sse if event["type"] == "step.started"]
            finished = [event["data"]["step_id"] for event in over_sse if event["type"] == "step.completed"]
            self.assertEqual(sorted(begun), sorted(STEPS))
            self.assertEqual(sorted(finished), sorted(STEPS))
            self.assertEqual(begun[:2], STEPS[:2])
            self.assertTrue(all(event["data"]["status"] == "completed" for event in over_sse if event["type"] == "step.completed"))

            self.assertEqual(task["status"], "completed", task)
            self.assertEqual(task["result"]["structuredContent"]["id"], run_id)
            self.assertFalse(task["result"].get("isError"))
            wanted = [(seq, kind) for seq, kind in sequence if kind.split(".")[0] in ("run", "step", "tool_call")]
            got = receiver.wait_for(len(wanted), "/runs")
            self.assertTrue(all(verifies(delivery, webhook["secret"]) for delivery in got))
            delivered = sorted((event_of(delivery)["data"]["seq"], event_of(delivery)["type"]) for delivery in got)
            self.assertEqual(delivered, wanted)
            self.server.request("DELETE", f"/v1/webhooks/{webhook['id']}")
            self.assertEqual(followed.returncode, 0, followed.stderr)

    def task_when(self, run_id, is_wanted, what):
        def look():
            task = ask(self.server, "tasks/get", {"taskId": run_id}, TASKS)
            return task if is_wanted(task) else None
        return eventually(look, what, 60)

    def test_a_task_asks_when_the_run_does_and_a_failed_run_is_a_completed_task(self):
        site, finding_id = self.fixed_finding()
        try:
            started = ask(self.server, "tools/call", {"name": "create_run", "arguments": {
                "agent_id": "verify-fix", "input": {"finding_ids": [finding_id]}}}, TASKS)
            run_id = started["taskId"]
            asks = self.task_when(run_id, lambda task: task["status"] != "working", "the task asks")
            self.assertEqual(asks["status"], "input_required", asks)
            self.assertEqual(self.weir("runs", "approve", run_id).returncode, 0)
            done = self.task_when(run_id, lambda task: task["status"] in ("completed", "failed", "cancelled"), "the task ends")
            self.assertEqual(done["status"], "completed")
            self.assertFalse(done["result"].get("isError"))
        finally:
            site.__exit__()
        broken = ask(self.server, "tools/call", {"name": "create_run", "arguments": {
            "agent_id": "posture-check", "input": {"target_id": "tgt_00000000000000000000000000"}}}, TASKS)
        failed = self.task_when(broken["taskId"], lambda task: task["status"] != "working", "the task ends")
        self.assertEqual(failed["status"], "completed")
        self.assertTrue(failed["result"]["isError"])
        self.assertEqual(failed["result"]["structuredContent"]["status"], "failed")

    # --- weir run --------------------------------------------------------------------------------------------------

    def test_follow_shows_each_step_live_and_the_report(self):
        terminal = Terminal("run", "posture-check", "--input", self.input, "--follow", "--data", str(self.server.data))
        self.assertEqual(terminal.finish(120), 0, terminal.text)

        text = re.sub(r"\x1b\[[0-9;]*[mK]", "", terminal.text)
        for step in STEPS:
            self.assertRegex(text, rf"{step} +[0-9.]+ m?s +completed", text)
        for part in ("create_scan", "check_gate", "grade", "completed", "tool calls"):
            self.assertIn(part, text)

    def test_exit_codes_follow_the_gate_and_the_run(self):
        strict = json.dumps({"target_id": self.target_id, "profile": "passive", "fail_on": "info"})

        failed = self.weir("run", "posture-check", "--input", strict, "--wait", "100", timeout=120)
        self.assertEqual(failed.returncode, 1, failed.stdout + failed.stderr)
        self.assertIn("completed", failed.stdout)
        passed = self.weir("run", "posture-check", "--input", self.input, "--wait", "100", "--json", timeout=120)
        self.assertEqual(passed.returncode, 0, passed.stdout + passed.stderr)
        self.assertTrue(json.loads(passed.stdout)["output"]["gate"]["pass"])
        gone = json.dumps({"target_id": "tgt_00000000000000000000000000"})
        broken = self.weir("run", "posture-check", "--input", gone, "--follow", timeout=120)
        self.assertEqual(broken.returncode, 2, broken.stdout + broken.stderr)
        self.assertEqual(json.loads(broken.stdout.splitlines()[-1])["type"], "run.failed")

    def test_wrong_usage_exits_with_3_and_a_refusal_with_2(self):
        for arguments, part in ((["--input", "{target: 1}"], "not JSON"), (["--input", "[]"], "array"),
                                (["--input", "@/no/such"], "cannot be read"), (["--limits", "1"], "integer"),
                                (["--wait", "5", "--follow"], "give one of them"), (["--wait", "0"], "")):
            answer = self.weir("run", "posture-check", *arguments)
            self.assertEqual(answer.returncode, 3, arguments)
            self.assertIn(part, answer.stderr)
        unknown = self.weir("run", "posture-chek", "--input", self.input)
        self.assertEqual(unknown.returncode, 2)
        self.assertIn("posture-chek", unknown.stderr)
        wrong = self.weir("run", "posture-check", "--input", json.dumps({"target_id": self.target_id, "profile": "deep"}))
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("profile", wrong.stderr)

    def test_without_follow_it_says_where_to_look(self):
        started = self.weir("run", "weekly-digest")
        self.assertEqual(started.returncode, 0, started.stderr)
        run_id = started.stdout.split()[1]
        self.assertTrue(run_id.startswith("run_"))
        self.assertIn(f"weir runs follow {run_id}", started.stderr)
        self.assertEqual(self.ended(run_id)["status"], "completed")

    def test_ctrl_c_leaves_the_run_going(self):
        with Site(delay=0.5) as slow:
            target = self.call("create_target", {"url": slow.url, "attest": "my own site"})
            terminal = Terminal("run", "posture-check", "--input", json.dumps({"target_id": target["id"], "profile": "passive"}),
                                "--follow", "--data", str(self.server.data))
            terminal.read_until("create_scan")
            run_id = next(word for word in terminal.text.split() if word.startswith("run_"))
            terminal.process.send_signal(signal.SIGINT)

            self.assertEqual(terminal.finish(), 0, terminal.text)
            self.assertIn(f"weir runs follow {run_id}", terminal.text)
            self.assertIn(f"weir runs cancel {run_id}", terminal.text)
            self.assertIn(self.call("get_run", {"run_id": run_id})["status"], ("running", "queued"))
            self.assertEqual(self.weir("runs", "cancel", run_id).returncode, 0)
            self.assertEqual(self.ended(run_id)["status"], "cancelled")

    # --- approvals -------------------------------------------------------------------------------------------------

    def fixed_finding(self):
        """A site with a finding that has been mended since; the caller closes it."""
        site = Site().__enter__()
        target = self.call("create_target", {"url": site.url, "attest": "my own site"})
        scan = self.call("create_scan", {"target_id": target["id"], "profile": "passive", "wait_seconds": 50})
        findings = self.call("list_findings", {"scan_id": scan["id"], "rule": "cookie.httponly"})["data"]
        self.assertEqual(len(findings), 1)
        site.cookie = "sessionid=abc123; Path=/; HttpOnly; SameSite=Lax; Secure"
        return site, findings[0]["id"]

    def test_an_approval_is_shown_with_the_command_that_gives_it(self):
        site, finding_id = self.fixed_finding()
        try:
            started = self.weir("run", "verify-fix", "--input", json.dumps({"finding_ids": [finding_id]}), "--wait", "60", timeout=90)
            self.assertEqual(started.returncode, 0, started.stdout + started.stderr)
            run_id = started.stdout.split()[1]
            self.assertIn(f"weir runs approve {run_id}", started.stderr)
            shown = self.weir("runs", "show", run_id)
            self.assertIn("approval needed  update_finding_status", shown.stdout)
            self.assertIn(finding_id, shown.stdout)

            approved = self.weir("runs", "approve", run_id, "--reason", "looked at it")

            self.assertEqual(approved.returncode, 0, approved.stdout + approved.stderr)
            self.assertEqual(self.ended(run_id)["status"], "completed")
            finding = self.call("get_finding", {"finding_id": finding_id})
            self.assertEqual(finding["status"], "fixed")
            self.assertIn("Verified", finding["status_reason"])
            self.assertEqual(finding["history"][-1]["by"], run_id)
            again = self.weir("runs", "approve", run_id)
            self.assertEqual(again.returncode, 1)
            self.assertIn("waits for no decision", again.stderr)
        finally:
            site.__exit__()

    def test_approve_asks_on_the_terminal(self):
        site, finding_id = self.fixed_finding()
        try:
            terminal = Terminal("run", "verify-fix", "--input", json.dumps({"finding_ids": [finding_id]}), "--approve",
                                "--data", str(self.server.data))
            terminal.read_until("[y/N]")
            terminal.type("y\n")

            self.assertEqual(terminal.finish(), 0, terminal.text)
            self.assertIn("approved", terminal.text)
            self.assertIn("completed", terminal.text)
        finally:
            site.__exit__()

    def test_a_denied_call_is_not_made(self):
        site, finding_id = self.fixed_finding()
        try:
            run_id = self.weir("run", "verify-fix", "--input", json.dumps({"finding_ids": [finding_id]}), "--wait", "60",
                               timeout=90).stdout.split()[1]
            denied = self.weir("runs", "deny", run_id, "--reason", "not yet")
            self.assertEqual(denied.returncode, 0, denied.stderr)
            self.ended(run_id)
            history = self.call("get_finding_history", {"finding_id": finding_id})["data"]
            self.assertNotIn(run_id, [change["by"] for change in history])
            self.assertIn("denied", self.weir("runs", "show", run_id).stdout)
        finally:
            site.__exit__()

    # --- weir runs, weir agents ------------------------------------------------------------------------------------

    def test_runs_are_listed_shown_and_replayed(self):
        run_id = json.loads(self.weir("run", "weekly-digest", "--wait", "60", "--json", timeout=90).stdout)["id"]
        listed = self.weir("runs", "list", "--agent", "weekly-digest", "--status", "completed")
        self.assertIn(run_id, listed.stdout)
        shown = self.weir("runs", "show", run_id)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertIn("list_targets", shown.stdout)
        self.assertIn("# Weekly digest", shown.stdout)
        replayed = json.loads(self.weir("runs", "replay", run_id, "--json").stdout)
        self.assertEqual(replayed["parent_run_id"], run_id)
        self.assertEqual(self.ended(replayed["id"])["status"], "completed")
        self.assertEqual(self.weir("runs", "show", "run_00000000000000000000000000").returncode, 1)

    def test_agents_are_made_validated_changed_and_deleted(self):
        folder = self.server.data.parent
        definition = {"name": "Two lists", "slug": "two-lists", "kind": "playbook", "playbook": {
            "steps": [{"id": "targets", "tool": "list_targets"}, {"id": "checks", "tool": "list_checks"}],
            "output": {"targets": "${len(steps.targets.result.data)}"}}}
        path = folder / "two-lists.json"
        path.write_text(json.dumps(definition))
        self.assertIn("valid", self.weir("agents", "validate", str(path)).stdout)
        created = self.weir("agents", "create", str(path))
        self.assertEqual(created.returncode, 0, created.stderr)
        self.assertIn("two-lists", self.weir("agents", "list").stdout)
        self.assertIn("posture-check", self.weir("agents", "list").stdout)
        ran = self.weir("run", "two-lists", "--wait", "30", "--json", timeout=60)
        self.assertEqual(json.loads(ran.stdout)["status"], "completed", ran.stdout)
        definition["playbook"]["steps"].pop()
        path.write_text(json.dumps(definition))
        self.assertIn("v2", self.weir("agents", "update", "two-lists", str(path)).stdout)
        self.assertEqual(json.loads(self.weir("agents", "show", "two-lists").stdout)["version"], 2)
        first = json.loads(self.weir("agents", "show", "two-lists", "--version", "1").stdout)
        self.assertEqual(len(first["definition"]["playbook"]["steps"]), 2)
        definition["playbook"]["steps"][0]["tool"] = "list_target"
        path.write_text(json.dumps(definition))
        wrong = self.weir("agents", "validate", str(path))
        self.assertEqual(wrong.returncode, 1)
        self.assertIn("steps[0].tool", wrong.stderr)
        self.assertEqual(self.weir("agents", "delete", "two-lists").returncode, 0)
        self.assertNotIn("two-lists", self.weir("agents", "list").stdout)
        self.assertEqual(self.weir("agents", "create", "/no/such.json").returncode, 3)


class UnderALimit(unittest.TestCase):
    def test_a_run_that_is_too_fast_waits_and_says_so(self):
        with Site() as site, tempfile.TemporaryDirectory(prefix="weir-tiny-") as folder, \
                Server(arguments=[argument for name, value in TINY.items()
                                  for argument in ("--set", f"tiers.tiny.{name}={value}")]) as server:
            config = pathlib.Path(folder) / "tiers.toml"
            config.write_text("[tiers.tiny]\n" + "".join(f"{name} = {value}\n" for name, value in TINY.items()))
            key = server.key_of("small", "tiny", "read,write", "--config", str(config))
            target, is_error = server.call("create_target", {"url": site.url, "attest": "my own site"}, key=key)
            self.assertFalse(is_error, target)

            terminal = Terminal("run", "posture-check", "--input", json.dumps({"target_id": target["id"], "profile": "passive"}),
                                "--follow", "--url", server.url, "--key", key)

            self.assertEqual(terminal.finish(120), 0, terminal.text)
            self.assertRegex(terminal.text, r"waiting for the rate limit, about [0-9.]+ m?s")
            self.assertIn("completed", terminal.text)


class OverARestart(unittest.TestCase):
    def test_following_goes_on_over_a_restart_of_the_server(self):
        with Site(delay=0.3) as site:
            server = Server(keeps_port=True)
            with server:
                target, is_error = server.call("create_target", {"url": site.url, "attest": "my own site"})
                self.assertFalse(is_error, target)
                answer = {}

                def follow():
                    answer["result"] = weir("run", "posture-check", "--input", json.dumps({"target_id": target["id"], "profile": "passive"}),
                                            "--follow", "--data", str(server.data), timeout=180)
                thread = threading.Thread(target=follow)
                thread.start()
                eventually(lambda: server.call("list_scans")[0]["data"], "the run's scan has been started")
                server.kill()
                server.start()
                thread.join()

                events = [json.loads(line) for line in answer["result"].stdout.splitlines()]
                events = [event for event in events if event["type"] != "gap"]
                self.assertEqual([event["seq"] for event in events], list(range(1, len(events) + 1)), "once each, none missing")
                self.assertEqual(events[-1]["type"], "run.completed", answer["result"].stderr)
                self.assertIn("run.resumed", [event["type"] for event in events])
                self.assertEqual(answer["result"].returncode, 0, answer["result"].stderr)


if __name__ == "__main__":
    unittest.main()

"""The examples about runs as a reader would use them: a playbook by curl and by the command line, approvals by webhook, and a
model agent with the test double of a model in the place of Ollama."""

import json
import os
import pathlib
import socket
import subprocess
import sys
import unittest

from weir_process import Server, Site, eventually, weir

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples" / "runs"
PYTHON = os.environ["EXAMPLE_PYTHON"]

sys.path.insert(0, str(ROOT / "tests" / "model_double"))
from double import Double  # noqa: E402

OPEN = ["--set", "webhooks.allow_http=true", "--set", "webhooks.allow_loopback=true"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Runs(unittest.TestCase):
    def target(self, server, site):
        target, is_error = server.call("create_target", {"url": site.url, "attest": "my own site"})
        self.assertFalse(is_error, target)
        return target["id"]

    def scan(self, server, target_id):
        scan, is_error = server.call("create_scan", {"target_id": target_id, "profile": "passive", "wait_seconds": 50})
        self.assertFalse(is_error, scan)
        return scan["id"]

    def ended(self, server, run_id):
        def look():
            run = server.get(f"/v1/runs/{run_id}?wait_seconds=20").json
            return run if run["finished_at"] else None
        return eventually(look, "the run ends", 90)

    def test_a_playbook_by_curl_and_by_the_command_line(self):
        with Site() as site, Server() as server:
            target_id = self.target(server, site)
            environment = {**os.environ, "WEIR_URL": server.url, "WEIR_KEY": server.key}

            first = subprocess.run([FOLDER / "run_playbook.sh", target_id], capture_output=True, text=True, timeout=120, env=environment)
            second = subprocess.run([FOLDER / "run_playbook.sh", target_id], capture_output=True, text=True, timeout=120, env=environment)

            lines = first.stdout.splitlines()
            self.assertEqual(lines[0], "run.queued", first.stderr)
            self.assertEqual(lines.count("step.completed"), 4)
            self.assertEqual(lines[-2:], ["run.completed", "gate: failed"])
            self.assertEqual(first.returncode, 1, "the first scan finds nothing but new things")
            self.assertEqual(second.stdout.splitlines()[-1], "gate: passed", second.stdout + second.stderr)
            self.assertEqual(second.returncode, 0)
            arguments = ["--data", str(server.data)]
            self.assertEqual(weir("agents", "validate", str(FOLDER / "exposed_checks.json"), *arguments).returncode, 0)
            third = weir("run", "exposed-checks", "--input", json.dumps({"target_id": target_id}), "--follow", *arguments, timeout=120)
            self.assertEqual(third.returncode, 0, third.stdout + third.stderr)

    def test_an_approval_by_webhook(self):
        with Site() as site, Server(arguments=OPEN) as server:
            scan_id = self.scan(server, self.target(server, site))
            found, _ = server.call("list_findings", {"scan_id": scan_id, "rule": "cookie.httponly"})
            finding_id = found["data"][0]["id"]
            site.cookie = "sessionid=abc123; Path=/; HttpOnly; SameSite=Lax; Secure"
            port = free_port()
            webhook = server.post("/v1/webhooks", {"url": f"http://127.0.0.1:{port}/", "events": ["run.requires_action"]}).json
            environment = {**os.environ, "WEIR_URL": server.url, "WEIR_KEY": server.key, "WEIR_WEBHOOK_SECRET": webhook["secret"]}
            receiver = subprocess.Popen([PYTHON, str(FOLDER / "approve_by_webhook.py"), str(port), "1"], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env=environment)
            try:
                lines = [receiver.stdout.readline().rstrip("\n")]
                run, is_error = server.call("create_run", {"agent_id": "verify-fix", "input": {"finding_ids": [finding_id]}})
                self.assertFalse(is_error, run)
                output, errors = receiver.communicate(timeout=90)
            finally:
                receiver.kill()
                receiver.wait()
            lines += output.splitlines()
            self.assertEqual(lines[0], "listening")
            self.assertEqual(len(lines), 2, errors)
            self.assertTrue(lines[1].startswith("approved: update_finding_status {\"finding_id\": \"" + finding_id), lines[1])
            run = self.ended(server, run["id"])
            self.assertEqual(run["status"], "completed", run)
            self.assertEqual(run["output"]["fixed"], [finding_id])
            calls = server.get(f"/v1/runs/{run['id']}/tool-calls").json["data"]
            approved = [call for call in calls if call["name"] == "update_finding_status"]
            self.assertEqual([call["approval"]["decision"] for call in approved], ["allow"])

    def test_a_model_agent_that_proposes_and_is_answered(self):
        with Double() as double:
            provider = ["--set", "providers.local.kind=openai_chat", "--set", f"providers.local.base_url=http://127.0.0.1:{double.port}/v1",
                        "--set", "providers.local.model=triage", "--set", "providers.local.api_key_env=DOUBLE_KEY"]
            with Site() as site, Server(arguments=provider, environment={"DOUBLE_KEY": double.state.key}) as server:
                scan_id = self.scan(server, self.target(server, site))
                arguments = ["--data", str(server.data)]
                created = weir("agents", "create", str(FOLDER / "triage_agent.json"), *arguments)
                self.assertEqual(created.returncode, 0, created.stderr)

                asked = weir("run", "triage", "--input", json.dumps({"scan_id": scan_id}), "--wait", "60", *arguments, timeout=90)
                run_id = asked.stdout.split()[1]
                shown = weir("runs", "show", run_id, *arguments)
                self.assertIn("approval needed  update_finding_status", shown.stdout, asked.stderr)
                self.assertIn("false_positive", shown.stdout)
                self.assertEqual(weir("runs", "approve", run_id, *arguments).returncode, 0)

                followed = weir("runs", "follow", run_id, *arguments, timeout=90)
                self.assertEqual(followed.returncode, 0, followed.stdout + followed.stderr)
                run = self.ended(server, run_id)
                self.assertEqual(run["output"], "1. Nothing urgent. One finding is set aside.")
                self.assertEqual(run["usage"]["input_tokens"], 4500)
                findings, _ = server.call("list_findings", {"scan_id": scan_id, "status": "false_positive"})
                self.assertEqual(len(findings["data"]), 1)
                self.assertEqual(double.state.report()["violations"], [])


if __name__ == "__main__":
    unittest.main()

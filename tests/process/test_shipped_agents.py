"""The four playbooks of the first start, each from its input to its output on real sites."""

import datetime
import http.server
import pathlib
import ssl
import subprocess
import tempfile
import threading
import unittest

from weir_process import Server, Site, eventually

ENDED = {"completed", "failed", "cancelled", "incomplete", "expired"}
CA = """[ca]
default_ca = own
[own]
database = {folder}/index
serial = {folder}/serial
new_certs_dir = {folder}
default_md = sha256
policy = any
[any]
commonName = supplied
"""


def certificate(folder, days_left):
    """A self-signed certificate of a year's life, of which so many days are left: (key, certificate)."""
    folder = pathlib.Path(folder)
    key, request, made, config = (folder / name for name in ("key.pem", "request.pem", "certificate.pem", "ca.cnf"))
    config.write_text(CA.format(folder=folder))
    (folder / "index").write_text("")
    (folder / "serial").write_text("01\n")

    def openssl(*arguments):
        done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr

    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days_left)
    begin = end - datetime.timedelta(days=365)
    openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj", "/CN=127.0.0.1")
    openssl("ca", "-batch", "-selfsign", "-config", config, "-keyfile", key, "-in", request, "-out", made, "-notext",
            "-startdate", begin.strftime("%Y%m%d%H%M%SZ"), "-enddate", end.strftime("%Y%m%d%H%M%SZ"))
    return key, made


class SecureSite:
    """A small HTTPS site on loopback."""

    def __init__(self, key, made):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", "5")
                self.end_headers()
                self.wfile.write(b"hello")

            do_HEAD = do_OPTIONS = do_GET

            def log_message(self, *unused):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(made, key)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}/"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *unused):
        self._server.shutdown()
        self._server.server_close()


class ShippedAgents(unittest.TestCase):
    def setUp(self):
        self.site = self.enterContext(Site())
        self.server = self.enterContext(Server())
        self.target_id = self.call("create_target", {"url": self.site.url, "attest": "my own site"})["id"]

    def call(self, tool, arguments=None, key=None):
        answer, is_error = self.server.call(tool, arguments or {}, key=key)
        self.assertFalse(is_error, answer)
        return answer

    def until(self, run, statuses, key=None):
        def look():
            now = self.call("get_run", {"run_id": run["id"], "wait_seconds": 20, "include": ["output", "steps", "tool_calls"]}, key=key)
            return now if now["status"] in statuses else None
        return eventually(look, f"run {run['id']} is {statuses}", 120)

    def run_of(self, slug, given, key=None):
        """The run once it has completed."""
        run = self.call("create_run", {"agent_id": slug, "input": given}, key=key)
        run = self.until(run, ENDED | {"requires_action"}, key=key)
        self.assertEqual(run["status"], "completed", run)
        return run

    def scanned(self, target_id):
        scan = self.call("create_scan", {"target_id": target_id, "profile": "passive", "wait_seconds": 50})
        self.assertEqual(scan["status"], "completed", scan)
        return scan

    def test_every_account_sees_all_four_and_may_run_them(self):
        other = self.server.key_of("other", "pro")
        agents = {agent["slug"]: agent for agent in self.call("list_agents", key=other)["data"]}
        self.assertEqual(sorted(agents), ["certificate-watch", "posture-check", "verify-fix", "weekly-digest"])
        for agent in agents.values():
            self.assertTrue(agent["is_shipped"] and agent["is_public"] and not agent["is_own"], agent)

        run = self.run_of("weekly-digest", {}, key=other)
        self.assertEqual(run["output"]["targets"], 0)
        self.assertTrue(run["output"]["covers_all_targets"])
        self.assertIn("# Weekly digest", run["output"]["markdown"])

    def test_posture_check_scans_compares_and_applies_the_gate(self):
        output = self.run_of("posture-check", {"url": self.site.url, "profile": "passive", "fail_on": "critical"})["output"]
        self.assertEqual(output["target_id"], self.target_id)
        self.assertEqual(output["status"], "completed")
        self.assertTrue(output["gate"]["pass"], output["gate"])
        self.assertIn("grade", output)
        self.assertIn(output["scan_id"], output["report"])
        self.assertEqual(output["fixed"], [])

        self.site.cookie = "sessionid=abc123; Path=/; HttpOnly; SameSite=Lax"
        output = self.run_of("posture-check", {"target_id": self.target_id, "profile": "passive", "fail_on": "info"})["output"]
        self.assertFalse(output["gate"]["pass"])
        self.assertTrue(output["gate"]["reasons"])
        self.assertIn("cookie.httponly", [finding["rule_id"] for finding in output["fixed"]])

    def test_verify_fix_asks_before_it_notes_that_a_finding_is_fixed(self):
        scan = self.scanned(self.target_id)
        findings = self.call("list_findings", {"scan_id": scan["id"], "limit": 100})["data"]
        cookie = next(finding["id"] for finding in findings if finding["rule_id"] == "cookie.httponly")
        header = next(finding["id"] for finding in findings if finding["rule_id"] == "hdr.csp.missing")
        self.site.cookie = "sessionid=abc123; Path=/; HttpOnly; SameSite=Lax"

        run = self.call("create_run", {"agent_id": "verify-fix", "input": {"finding_ids": [cookie, header]}})
        held = self.until(run, ENDED | {"requires_action"})
        self.assertEqual(held["status"], "requires_action", held)
        asked = [call for call in held["tool_calls"] if call["status"] == "awaiting_approval"]
        self.assertEqual([(call["name"], call["arguments"]["finding_id"]) for call in asked], [("update_finding_status", cookie)])
        self.call("respond_run", {"run_id": run["id"], "decisions": [
            {"tool_call_id": asked[0]["id"], "decision": "allow", "arguments_sha256": asked[0]["arguments_sha256"]}]})

        ended = self.until(run, ENDED)
        self.assertEqual(ended["status"], "completed", ended)
        self.assertEqual(ended["output"]["fixed"], [cookie])
        self.assertEqual(ended["output"]["still_open"], [header])
        finding = self.call("get_finding", {"finding_id": cookie})
        self.assertEqual(finding["status"], "fixed")
        self.assertIn("Verified: retest " + ended["output"]["scan_id"], finding["status_reason"])

    def test_verify_fix_without_updates_asks_nobody(self):
        scan = self.scanned(self.target_id)
        findings = self.call("list_findings", {"scan_id": scan["id"], "limit": 100})["data"]
        header = next(finding["id"] for finding in findings if finding["rule_id"] == "hdr.csp.missing")
        output = self.run_of("verify-fix", {"finding_ids": [header], "update_status": False})["output"]
        self.assertEqual((output["fixed"], output["still_open"]), ([], [header]))

    def test_certificate_watch_lists_what_expires(self):
        folder = self.enterContext(tempfile.TemporaryDirectory(prefix="weir-certificate-"))
        secure = self.enterContext(SecureSite(*certificate(folder, days_left=5)))
        target = self.call("create_target", {"url": secure.url, "attest": "my own site"})["id"]

        run = self.run_of("certificate-watch", {})
        output = run["output"]
        self.assertEqual(output["targets"], 2)
        self.assertEqual([(finding["target_id"], finding["rule_id"]) for finding in output["expiring"]],
                         [(target, "cert.expiring")])
        self.assertEqual(output["expired"], [])
        self.assertEqual(output["summary"], "0 expired and 1 expiring certificates on 2 targets.")
        self.assertTrue(output["expiring"][0]["evidence"])

        scans = self.call("list_scans", {"limit": 100})["data"]
        again = self.run_of("certificate-watch", {"rescan": False})["output"]
        self.assertEqual(again["summary"], output["summary"])
        self.assertEqual(self.call("list_scans", {"limit": 100})["data"], scans)

    def test_weekly_digest_writes_one_table_of_targets(self):
        scan = self.scanned(self.target_id)
        output = self.run_of("weekly-digest", {"severities": ["medium", "low"]})["output"]
        self.assertEqual(output["targets"], 1)
        self.assertGreater(output["listed_findings"], 5)
        shown = output["markdown"].replace("\\", "")  # as Markdown shows it
        rows = [line for line in shown.splitlines() if line.startswith("| ") and self.site.url in line]
        self.assertEqual(rows[0].split(" | ")[1], scan["grade"] or "-")
        self.assertEqual(len(rows), 1 + output["listed_findings"])

    def test_a_named_pipeline_over_tools_runs_like_them(self):
        made = self.call("create_agent", {"name": "Scan and report", "tools": ["create_scan", "list_findings", "get_report"],
                                          "pipeline_type": "sequential"})
        run = self.run_of(made["slug"], {"target_id": self.target_id, "profile": "passive"})
        self.assertEqual([(step["step_id"], step["status"]) for step in run["steps"]],
                         [(name, "completed") for name in ("create_scan", "create_scan_end", "list_findings", "get_report")])
        self.assertIn("text", run["output"]["get_report"])

    def test_a_deleted_one_stays_deleted_over_a_restart(self):
        self.call("delete_agent", {"agent_id": "weekly-digest"})
        self.call("update_agent", {"agent_id": "posture-check", "limits": {"wall_s": 77}})
        self.server.stop()
        self.server.start()
        agents = {agent["slug"]: agent for agent in self.call("list_agents")["data"]}
        self.assertEqual(sorted(agents), ["certificate-watch", "posture-check", "verify-fix"])
        self.assertEqual(agents["posture-check"]["version"], 2)
        self.assertEqual(agents["verify-fix"]["version"], 1)


if __name__ == "__main__":
    unittest.main()

import json
import os
import re
import resource
import socket
import threading
import unittest

from mcp_fleet import SESSIONS_PER_KEY, Fleet
from weir_process import MODERN, Server, Site, eventually

# With sanitizers on shared cores; `./dev bench listen` asserts the figures of the release build.
EACH = int(os.environ.get("FLEET", "150"))
PROMPT_SECONDS = 2.0


def gauge(server, name):
    return float(re.search(rf"^{name} (\S+)$", server.get("/metrics").body, re.M)[1])


def threads_of(server):
    return len(os.listdir(f"/proc/{server.process.pid}/task"))


def scanned(server, target_id):
    scan, is_error = server.call("create_scan", {"target_id": target_id, "profile": "passive", "wait_seconds": 50})
    assert not is_error and scan["status"] == "completed", scan
    return scan["id"]


class Listening(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000), hard))

    def test_a_change_reaches_every_stream_and_closing_them_frees_all(self):
        with Site() as site, Server() as server:
            keys = [server.key_of("team", "admin", "read,write", "--name", f"fleet{number}")
                    for number in range(1 + EACH // SESSIONS_PER_KEY)]
            target, is_error = server.call("create_target", {"url": site.url, "attest": "my own site"}, key=keys[0])
            self.assertFalse(is_error, target)
            target_id = (target.get("target") or target)["id"]
            scan, is_error = server.call("create_scan", {"target_id": target_id, "profile": "passive", "wait_seconds": 50}, key=keys[0])
            self.assertFalse(is_error, scan)
            threads = threads_of(server)
            fleet = Fleet(server, f"weir://scans/{scan['id']}/report.md")
            fleet.open_listening(keys[0], EACH)
            fleet.open_sessions(keys, EACH)
            self.assertEqual(gauge(server, "weir_http_streams"), 2 * EACH)
            fleet.drain(0.2)

            # The site has mended nothing, but its cookie has another name now: one finding is new and one is fixed.
            site.cookie = "other=1; Path=/"
            again = threading.Thread(target=server.call, args=("create_scan", {"target_id": target_id, "profile": "passive"}, keys[0]))
            again.start()
            heard = fleet.hear(30)
            again.join()

            self.assertEqual(len(heard), 2 * EACH)
            times = [at for at, _ in heard]
            self.assertLess(max(times) - min(times), PROMPT_SECONDS)
            self.assertEqual(threads_of(server), threads, "a stream holds no thread")
            fleet.close()
            eventually(lambda: gauge(server, "weir_http_streams") == 0, "the streams are gone")


class Resumption(unittest.TestCase):
    """A streamed call and a subscription, across a restart of the process."""

    HEADERS = {"Accept": "application/json, text/event-stream"}

    def open_session(self, server):
        opened = server.post("/mcp", {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}}, headers=self.HEADERS)
        return {**self.HEADERS, "Mcp-Session-Id": opened.headers["mcp-session-id"]}

    def first_event_id(self, server, body, headers):
        """Starts a call and leaves as soon as its stream has an id."""
        text = json.dumps(body).encode()
        with socket.create_connection((server.host, server.port)) as connection:
            lines = [f"POST /mcp HTTP/1.1", f"Host: {server.host}:{server.port}", f"Authorization: Bearer {server.key}",
                     "Content-Type: application/json", f"Content-Length: {len(text)}", *(f"{n}: {v}" for n, v in headers.items())]
            connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode() + text)
            received = b""
            while not re.search(rb"id: (\S+)\n", received):
                more = connection.recv(65536)
                assert more, received
                received += more
        return re.findall(rb"id: (\S+)\n", received)[-1].decode()

    def test_a_scan_that_a_restart_interrupts_is_answered_on_the_resumed_stream(self):
        with Site(delay=0.3) as site, Server() as server:
            target, is_error = server.call("create_target", {"url": site.url, "attest": "my own site"})
            self.assertFalse(is_error, target)
            headers = self.open_session(server)
            call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
                "name": "create_scan", "_meta": {"progressToken": "p"},
                "arguments": {"target_id": (target.get("target") or target)["id"], "profile": "passive", "wait_seconds": 50}}}
            event_id = self.first_event_id(server, call, headers)
            server.kill()
            server.start()

            answer = server.get("/mcp", headers={"Accept": "text/event-stream", "Mcp-Session-Id": headers["Mcp-Session-Id"],
                                                 "Last-Event-ID": event_id})

            self.assertEqual(answer.status, 200, answer.body)
            messages = [json.loads(line[6:]) for line in answer.body.splitlines() if line.startswith("data: {")]
            scan = messages[-1]["result"]["structuredContent"]
            self.assertIn(scan["status"], ("completed", "failed"), scan)
            scans, is_error = server.call("list_scans")
            self.assertFalse(is_error, scans)
            self.assertEqual(len(scans["data"]), 1, "the repetition started no second scan")


class Offers(unittest.TestCase):
    """What Weir offers over MCP besides its tools, on the real binary."""

    @classmethod
    def setUpClass(cls):
        cls.site = Site().__enter__()
        cls.server = Server().__enter__()
        target, is_error = cls.server.call("create_target", {"url": cls.site.url, "attest": "my own site"})
        assert not is_error, target
        cls.target_id = (target.get("target") or target)["id"]
        cls.scan_id = scanned(cls.server, cls.target_id)
        run, is_error = cls.server.call("create_run", {"agent_id": "weekly-digest", "wait_seconds": 30})
        assert not is_error, run
        cls.run_id = run["id"]

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()
        cls.site.__exit__()

    def ask(self, method, params=None, capabilities=None):
        params = dict(params or {})
        params["_meta"] = {"io.modelcontextprotocol/protocolVersion": MODERN,
                           "io.modelcontextprotocol/clientCapabilities": capabilities or {}}
        name = params.get("uri") or params.get("name") or params.get("taskId")
        headers = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": MODERN, "Mcp-Method": method}
        if method in ("resources/read", "prompts/get", "tools/call", "tasks/get", "tasks/cancel"):
            headers["Mcp-Name"] = name
        answer = self.server.post("/mcp", {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, headers=headers).json
        return answer.get("result") or answer

    def test_reports_and_checks_are_listed_and_read(self):
        listed = self.ask("resources/list")
        uris = [each["uri"] for each in listed["resources"]]
        self.assertIn(f"weir://scans/{self.scan_id}/report.md", uris)
        checks = self.ask("resources/list", {"cursor": listed["nextCursor"]})
        self.assertTrue(all(each["uri"].startswith("weir://checks/") for each in checks["resources"]))
        runs = self.ask("resources/list", {"cursor": checks["nextCursor"]})
        self.assertEqual([each["uri"] for each in runs["resources"]], [f"weir://runs/{self.run_id}"])
        self.assertNotIn("nextCursor", runs)
        report = self.ask("resources/read", {"uri": f"weir://scans/{self.scan_id}/report.md"})["contents"][0]
        self.assertEqual(report["mimeType"], "text/markdown")
        self.assertIn(self.scan_id, report["text"])
        as_json = self.ask("resources/read", {"uri": f"weir://scans/{self.scan_id}/report.json"})["contents"][0]
        self.assertTrue(json.loads(as_json["text"]))
        check = self.ask("resources/read", {"uri": checks["resources"][0]["uri"]})["contents"][0]
        self.assertEqual(json.loads(check["text"])["id"], checks["resources"][0]["name"])

    def test_what_is_not_there_is_told_by_its_uri(self):
        for uri in ("weir://scans/none/report.md", "weir://scans/scn_01H0000000000000000000000/report.md",
                    f"weir://scans/{self.scan_id}/report.exe", "weir://checks/none", "weir://other"):
            answer = self.ask("resources/read", {"uri": uri})
            self.assertEqual(answer["error"]["code"], -32602, answer)
            self.assertEqual(answer["error"]["data"]["uri"], uri)
        self.assertEqual(self.ask("resources/list", {"cursor": "nonsense"})["error"]["code"], -32602)

    def test_ids_are_completed(self):
        typed_of = {"scan_id": self.scan_id[:6], "run_id": self.run_id[:6], "check_id": "hdr"}
        for template in self.ask("resources/templates/list")["resourceTemplates"]:
            variable = re.search(r"\{(\w+)\}", template["uriTemplate"])[1]
            typed = typed_of[variable]
            values = self.ask("completion/complete", {"ref": {"type": "ref/resource", "uri": template["uriTemplate"]},
                                                      "argument": {"name": variable, "value": typed}})["completion"]["values"]
            self.assertTrue(values and all(value.startswith(typed) for value in values), values)

    def test_prompts_quote_the_scan(self):
        names = [prompt["name"] for prompt in self.ask("prompts/list")["prompts"]]
        self.assertEqual(names, ["triage_findings", "fix_plan", "explain_check"])
        for name in names[:2]:
            prompt = self.ask("prompts/get", {"name": name, "arguments": {"scan_id": self.scan_id}})
            self.assertIn(self.scan_id, prompt["messages"][0]["content"]["text"])
        check = self.ask("prompts/get", {"name": "explain_check", "arguments": {"check_id": "hdr.csp.missing"}})
        self.assertIn("hdr.csp.missing", check["messages"][0]["content"]["text"])
        self.assertEqual(self.ask("prompts/get", {"name": "fix_plan", "arguments": {"scan_id": "none"}})["error"]["code"], -32602)

    def test_a_scan_is_a_task_for_a_client_that_declares_them(self):
        tasks = {"extensions": {"io.modelcontextprotocol/tasks": {}}}
        created = self.ask("tools/call", {"name": "create_scan", "arguments": {"target_id": self.target_id, "profile": "passive"}}, tasks)
        self.assertEqual(created["resultType"], "task", created)
        task = eventually(lambda: (lambda now: now if now["status"] != "working" else None)(
            self.ask("tasks/get", {"taskId": created["taskId"]}, tasks)), "the task has ended")
        self.assertEqual(task["status"], "completed")
        self.assertEqual(task["result"]["structuredContent"]["id"], created["taskId"])
        plain = self.ask("tools/call", {"name": "create_scan", "arguments": {"target_id": self.target_id, "profile": "passive", "wait_seconds": 50}})
        self.assertEqual(plain["resultType"], "complete", "nobody declared tasks")


if __name__ == "__main__":
    unittest.main()

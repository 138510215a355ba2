import json
import os
import queue
import signal
import subprocess
import threading
import unittest

from weir_process import BINARY, MODERN, PATIENCE_SECONDS, Server, Site

META = {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}


class Host:
    """A host that starts `weir stdio` and speaks to it in lines."""

    def __init__(self, *arguments, environment=None):
        self.process = subprocess.Popen([BINARY, "stdio", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env={**os.environ, **(environment or {})})
        self.lines = queue.Queue()
        self.errors = b""
        self._readers = [threading.Thread(target=self._read_output, daemon=True),
                         threading.Thread(target=self._read_errors, daemon=True)]
        for reader in self._readers:
            reader.start()

    def _read_output(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def _read_errors(self):
        for line in self.process.stderr:
            self.errors += line

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.process.poll() is None:
            self.end()
        for reader in self._readers:
            reader.join(timeout=PATIENCE_SECONDS)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()
        assert b"Sanitizer" not in self.errors and b"runtime error" not in self.errors, self.errors

    def send_line(self, line):
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def send(self, message):
        self.send_line(json.dumps(message).encode())

    def read(self):
        line = self.lines.get(timeout=PATIENCE_SECONDS)
        assert line is not None, f"the output ended: {self.errors.decode()}"
        assert line.endswith(b"\n")
        return json.loads(line)

    def answer_to(self, identifier):
        """The answer with this id, and the messages that came before it."""
        before = []
        while True:
            message = self.read()
            if message.get("id") == identifier and "method" not in message:
                return message, before
            before.append(message)

    def request(self, identifier, method, params=None):
        self.send({"jsonrpc": "2.0", "id": identifier, "method": method, **({"params": params} if params else {})})
        return self.answer_to(identifier)[0]

    def modern(self, identifier, method, params=None):
        return self.request(identifier, method, {**(params or {}), "_meta": META})

    def open_session(self, version="2025-11-25"):
        answer = self.request("open", "initialize", {"protocolVersion": version, "capabilities": {},
                                                     "clientInfo": {"name": "test", "version": "1"}})
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return answer

    def end(self):
        """Closes its input, as a host does; the exit code."""
        self.process.stdin.close()
        code = self.process.wait(timeout=PATIENCE_SECONDS)
        for reader in self._readers:
            reader.join(timeout=PATIENCE_SECONDS)
        return code


class Bridge(unittest.TestCase):
    """`weir stdio --url U --key K` in front of a server."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server(arguments=["--set", "limits.failures_per_address=100000"]).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def host(self, key=None, *more):
        return Host("--url", self.server.url, "--key", key or self.server.key, *more)

    def test_both_eras_side_by_side(self):
        with self.host() as host:
            self.assertEqual(host.modern(1, "server/discover")["result"]["supportedVersions"], [MODERN])
            self.assertEqual(host.open_session()["result"]["protocolVersion"], "2025-11-25")
            self.assertIn("tools", host.request(2, "tools/list")["result"])
            called = host.modern(3, "tools/call", {"name": "get_quota", "arguments": {}})
            self.assertEqual(called["result"]["resultType"], "complete")
            in_session = host.request(4, "tools/call", {"name": "get_quota", "arguments": {}})
            self.assertNotIn("resultType", in_session["result"])
            self.assertEqual(host.end(), 0)

    def test_every_line_of_the_output_is_one_message(self):
        with self.host() as host:
            for i in range(30):
                host.send({"jsonrpc": "2.0", "id": i, "method": "tools/call", "params": {
                    "name": "get_quota", "arguments": {}, "_meta": META}})
            self.assertEqual(sorted(host.read()["id"] for _ in range(30)), list(range(30)))

    def test_what_is_no_message_is_answered_and_the_next_line_is_read(self):
        with self.host() as host:
            host.send_line(b"{ nonsense")
            self.assertEqual(host.read()["error"]["code"], -32700)
            host.send_line(b"5")
            self.assertEqual(host.read()["error"]["code"], -32600)
            host.send_line(b'{"x":"' + b"a" * (5 * 1024 * 1024) + b'"}')
            self.assertIn("bytes", host.read()["error"]["message"])
            host.send_line(b"")
            self.assertIn("result", host.modern(1, "server/discover"))

    def test_a_name_beyond_ascii_is_carried(self):
        with self.host() as host:
            answer = host.modern(1, "tools/call", {"name": "größe", "arguments": {}})
            self.assertEqual(answer["error"]["code"], -32602)
            self.assertNotIn("Mcp-Name", answer["error"]["message"])

    def test_errors_of_http_are_answers_with_the_requests_id(self):
        with self.host(key="wk_wrong") as host:
            answer = host.modern("a", "tools/list")
            self.assertEqual(answer["id"], "a")
            self.assertIn("401", answer["error"]["message"])
        with Host("--url", "http://127.0.0.1:9", "--key", "wk_x") as host:
            self.assertIn("127.0.0.1:9", host.modern(7, "tools/list")["error"]["message"])

    def test_progress_arrives_before_the_answer(self):
        with Site(delay=0.2) as site, self.host() as host:
            target = host.modern(1, "tools/call", {"name": "create_target", "arguments": {"url": site.url, "attest": "mine"}})
            target = target["result"]["structuredContent"]
            host.send({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
                "name": "create_scan", "_meta": {**META, "progressToken": "p"},
                "arguments": {"target_id": (target.get("target") or target)["id"], "profile": "passive", "wait_seconds": 50}}})
            answer, before = host.answer_to(2)
            self.assertFalse(answer["result"]["isError"])
            self.assertTrue(before)
            for message in before:
                self.assertEqual(message["method"], "notifications/progress")

    def test_a_cancelled_call_is_not_answered(self):
        with Site(delay=3) as site, self.host() as host:
            target = host.modern(1, "tools/call", {"name": "create_target", "arguments": {"url": site.url, "attest": "mine"}})
            target = target["result"]["structuredContent"]
            host.send({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
                "name": "create_scan", "_meta": {**META, "progressToken": "p"},
                "arguments": {"target_id": (target.get("target") or target)["id"], "profile": "passive", "wait_seconds": 50}}})
            self.assertEqual(host.read()["method"], "notifications/progress")
            host.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 2}})
            host.send({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {
                "name": "get_quota", "arguments": {}, "_meta": META}})
            answer, before = host.answer_to(3)
            self.assertIn("result", answer)
            self.assertEqual(host.end(), 0)
            rest = []
            while (line := host.lines.get(timeout=PATIENCE_SECONDS)) is not None:
                rest.append(json.loads(line))
            self.assertNotIn(2, [message.get("id") for message in before + rest])

    def test_a_script_that_closes_its_end_still_gets_its_answers(self):
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "get_quota", "arguments": {}, "_meta": META}}
        done = subprocess.run([BINARY, "stdio", "--url", self.server.url, "--key", self.server.key],
                              input=json.dumps(call).encode(), capture_output=True, timeout=PATIENCE_SECONDS)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["id"], 1)

    def test_sigterm_ends_it(self):
        with self.host() as host:
            host.modern(1, "server/discover")
            host.process.send_signal(signal.SIGTERM)
            self.assertEqual(host.process.wait(timeout=PATIENCE_SECONDS), 0)

    def test_a_session_that_the_server_has_forgotten_is_opened_again(self):
        with Server(arguments=["--set", "mcp.session_idle_ms=1000"]) as server:
            with Host("--url", server.url, "--key", server.key) as host:
                host.open_session()
                threading.Event().wait(2.5)
                self.assertIn("result", host.request(1, "tools/call", {"name": "get_quota", "arguments": {}}))


class InProcess(unittest.TestCase):
    """`weir stdio` without a URL: the data folder is served by the process itself."""

    def test_serves_a_folder_and_scans_with_nothing_else_running(self):
        with Server() as server:
            data = str(server.data)
            server.stop()
            with Site() as site, Host("--data", data) as host:
                host.open_session()
                target = host.request(1, "tools/call", {"name": "create_target", "arguments": {"url": site.url, "attest": "mine"}})
                target = target["result"]["structuredContent"]
                scan = host.request(2, "tools/call", {"name": "create_scan", "arguments": {
                    "target_id": (target.get("target") or target)["id"], "profile": "passive", "wait_seconds": 50}})
                self.assertIn("completed", json.dumps(scan["result"]["structuredContent"]))
                self.assertEqual(host.end(), 0)

    def test_a_folder_that_is_served_already_is_asked_through_its_server(self):
        with Server() as server, Host("--data", str(server.data)) as host:
            self.assertIn("result", host.modern(1, "tools/call", {"name": "get_quota", "arguments": {}}))
            self.assertEqual(host.end(), 0)
            self.assertEqual(server.get("/healthz").status, 200)

    def test_a_bad_setting_ends_it_with_a_line(self):
        with Host("--set", "server.workers=none") as host:
            self.assertEqual(host.end(), 2)
            self.assertIn(b"server.workers", host.errors)

    def test_standard_output_holds_nothing_but_messages(self):
        with Server() as server:
            data = str(server.data / "fresh")
        with Host("--data", data, "--set", "log.level=debug") as host:
            self.assertIn("result", host.modern(1, "server/discover"))
            self.assertEqual(host.end(), 0)
            self.assertIsNone(host.lines.get(timeout=PATIENCE_SECONDS))
            self.assertTrue(host.errors)


if __name__ == "__main__":
    unittest.main()

import threading
import time
import unittest

from mcp_client import SESSIONS, McpClient, held_calls
from weir_process import MODERN, Server, eventually

WINDOW_SECONDS = 2
UNITS = 3


class HeldCalls(unittest.TestCase):
    """A caller that asks to wait is held until its slot frees, in order, instead of being refused."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server(arguments=["--set", f"tiers.small.units_per_minute={UNITS}",
                                       "--set", f"tiers.small.window_ms={WINDOW_SECONDS * 1000}"])
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def spent_key(self, account):
        """A key of an account of its own, whose window is full."""
        made = self.server.post("/v1/accounts", {"name": account, "tier": "small"})
        self.assertEqual(made.status, 201, made.body)
        answer = self.server.post("/v1/keys", {"account": account, "scopes": ["read", "write"]})
        self.assertEqual(answer.status, 201, answer.body)
        key = answer.json["secret"] if "secret" in answer.json else answer.json["key"]
        for _ in range(UNITS):
            self.assertEqual(self.server.get("/v1/targets", key=key).status, 200)
        return key

    def held(self):
        return held_calls(self.server)

    def tool(self, key, wait_ms, timeout=30):
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": "list_targets", "arguments": {},
            "_meta": {"io.modelcontextprotocol/protocolVersion": MODERN,
                      "io.modelcontextprotocol/clientCapabilities": {}, "weir/maxWaitMs": wait_ms}}}
        return self.server.post("/mcp", body, key=key, timeout=timeout, headers={
            "Accept": "application/json, text/event-stream", "MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call",
            "Mcp-Name": "list_targets"}).json["result"]

    def test_rest_waits_for_its_slot(self):
        key = self.spent_key("rest")
        start = time.monotonic()
        answer = self.server.get("/v1/targets", key=key, headers={"Prefer": "wait=10"})
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(answer.headers["preference-applied"], "wait=10")
        self.assertGreater(time.monotonic() - start, 0.2)
        self.assertLess(time.monotonic() - start, 10)

    def test_a_wait_that_is_too_short_is_refused_at_once(self):
        key = self.spent_key("short")
        waiting = [threading.Thread(target=self.server.get, args=("/v1/targets",),
                                    kwargs={"key": key, "headers": {"Prefer": "wait=20"}}) for _ in range(2 * UNITS)]
        for thread in waiting:
            thread.start()
        start = time.monotonic()
        refused = self.server.get("/v1/targets", key=key, headers={"Prefer": "wait=1"})
        time_of_refusal = time.monotonic() - start
        for thread in waiting:
            thread.join()
        self.assertEqual(refused.status, 429, refused.body)
        self.assertLess(time_of_refusal, 1.0)
        self.assertGreaterEqual(refused.json["retryAfter"], 1)

    def test_mcp_waits_for_its_slot_and_says_what_is_left(self):
        key = self.spent_key("mcp")
        refused = self.tool(key, 0)
        self.assertTrue(refused["isError"])
        held = self.tool(key, 10_000)
        self.assertFalse(held["isError"], held)
        self.assertEqual(held["_meta"]["weir/rateLimit"]["limit"], UNITS)

    def test_every_held_call_is_served_and_none_twice_as_fast(self):
        key = self.spent_key("crowd")
        start = time.monotonic()
        results = []
        threads = [threading.Thread(target=lambda: results.append(self.tool(key, 20_000)["isError"])) for _ in range(2 * UNITS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(results, [False] * (2 * UNITS))
        # The spent window and one more must pass before the last of them.
        self.assertGreater(time.monotonic() - start, WINDOW_SECONDS * 1.3)

    def test_progress_is_told_while_the_call_waits_and_then_the_result_in_every_revision(self):
        for version in (*SESSIONS, MODERN):
            with self.subTest(version=version):
                key = self.spent_key("progress-" + version)
                status, headers, messages = McpClient(self.server, key, version).call(10_000, token="t1").read()
                self.assertEqual(status, 200)
                self.assertTrue(headers["content-type"].startswith("text/event-stream"))
                self.assertEqual(headers["x-ratelimit-limit"], str(UNITS))
                *told, result = messages
                self.assertTrue(told, messages)
                for message in told:
                    self.assertEqual(message["method"], "notifications/progress")
                    self.assertEqual(message["params"]["progressToken"], "t1")
                    self.assertIn("Waiting for the rate limit: 0 calls ahead", message["params"]["message"])
                self.assertEqual(result["id"], 1)
                self.assertFalse(result["result"]["isError"], result)

    def test_a_client_that_disconnects_leaves_the_queue(self):
        key = self.spent_key("disconnects")
        for version, token in ((MODERN, None), (MODERN, "t1"), ("2025-11-25", None)):
            with self.subTest(version=version, token=token):
                client = McpClient(self.server, key, version)
                before = self.held()
                ahead = [client.call(20_000) for _ in range(3 * UNITS)]  # so that the last does not get its slot meanwhile
                last = client.call(20_000, token=token)
                eventually(lambda: self.held() >= before + 2, "calls are held")
                for call in (*ahead, last):
                    call.leave()
                eventually(lambda: self.held() == 0, "nobody is held", seconds=1.5)

    def test_a_cancelled_call_leaves_the_queue_and_gets_no_answer(self):
        for version in SESSIONS:
            with self.subTest(version=version):
                key = self.spent_key("cancels-" + version)
                client = McpClient(self.server, key, version)
                ahead = [client.call(20_000, number=number) for number in range(10, 10 + 3 * UNITS)]
                eventually(lambda: self.held() >= 2, "calls are held")
                last = client.call(20_000, number=1)
                before = self.held()
                eventually(lambda: self.held() > before or self.held() >= 2, "the last one is held")
                self.assertEqual(client.cancel(1), 202)
                status, _, messages = last.read()
                self.assertEqual((status, [message for message in messages if "id" in message]), (200, []))
                for call in ahead:
                    call.leave()
                eventually(lambda: self.held() == 0, "nobody is held")

    def test_a_key_that_is_revoked_while_its_call_is_held_is_refused(self):
        key = self.spent_key("revoked")
        answers = {}
        def rest():
            answers["rest"] = self.server.get("/v1/targets", key=key, headers={"Prefer": "wait=20"})
        def mcp():
            answers["mcp"] = McpClient(self.server, key, MODERN).call(20_000).read()
        # Enough in front of them that their slots are some seconds away.
        crowd = [McpClient(self.server, key, MODERN).call(20_000) for _ in range(3 * UNITS)]
        eventually(lambda: self.held() >= 2, "calls are held")
        threads = [threading.Thread(target=each) for each in (rest, mcp)]
        for thread in threads:
            thread.start()
        eventually(lambda: self.held() >= 3, "the two join")
        account = next(row for row in self.server.get("/v1/keys?account=revoked").json["data"])
        self.assertEqual(self.server.request("DELETE", f"/v1/keys/{account['id']}").status, 200)
        begun = time.monotonic()
        for thread in threads:
            thread.join()
        self.assertLess(time.monotonic() - begun, WINDOW_SECONDS)
        self.assertEqual(answers["rest"].status, 401, answers["rest"].body)
        self.assertIn("was revoked", answers["rest"].json["message"])
        self.assertEqual(answers["mcp"][2][0]["error"]["data"]["error"], "unauthorized")
        for call in crowd:
            call.leave()


if __name__ == "__main__":
    unittest.main()

import threading
import time
import unittest

from weir_process import MODERN, Server

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


if __name__ == "__main__":
    unittest.main()

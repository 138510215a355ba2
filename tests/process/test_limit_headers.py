import http.client
import json
import re
import unittest

from mcp_client import SESSIONS, McpClient
from weir_process import MODERN, Server, Site

FAMILIES = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "ratelimit", "ratelimit-policy",
            "x-request-id")
PREFIXES = {"scan_id": "scn", "target_id": "tgt", "finding_id": "fnd", "agent_id": "agt", "run_id": "run",
            "webhook_id": "whk", "delivery_id": "dlv", "key_id": "key", "account_id": "acc", "schedule_id": "sch"}
FREE_METHODS = ("initialize", "ping", "server/discover", "logging/setLevel", "notifications/initialized",
                "notifications/cancelled")
METHODS = (*FREE_METHODS, "tools/list", "tools/call", "resources/list", "resources/templates/list", "resources/read",
           "prompts/list", "prompts/get", "completion/complete", "resources/subscribe", "resources/unsubscribe",
           "subscriptions/listen", "tasks/get", "tasks/update", "tasks/cancel", "tasks/list", "tasks/result", "no/such")


class LimitHeaders(unittest.TestCase):
    """Both header families on every route and every method that a known caller reaches, whatever the status."""

    @classmethod
    def setUpClass(cls):
        # A limit that the walk does not reach, and one that it does.
        cls.server = Server().start()
        cls.server.post("/v1/accounts", {"name": "walker", "tier": "pro"})
        cls.key = cls.made_key("walker", ["read", "write", "admin"], 100_000)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    @classmethod
    def made_key(cls, account, scopes=("read", "write"), limit=None):
        body = {"account": account, "scopes": list(scopes)}
        if limit:
            body["limit_override"] = limit
        return cls.server.post("/v1/keys", body).json["key"]

    def head(self, method, path, body=None, headers=None, key=None):
        """(status, headers, body unless it is a stream): a stream is left at once."""
        connection = http.client.HTTPConnection(self.server.host, self.server.port, timeout=30)
        try:
            sent = {"Authorization": f"Bearer {key or self.key}", "Content-Type": "application/json", **(headers or {})}
            connection.request(method, path, json.dumps(body) if body is not None else None, sent)
            response = connection.getresponse()
            got = {name.lower(): value for name, value in response.getheaders()}
            is_stream = got.get("content-type", "").startswith("text/event-stream")
            return response.status, got, None if is_stream else response.read().decode("utf-8", "replace")
        finally:
            connection.close()

    def expect_families(self, headers, what):
        missing = [name for name in FAMILIES if name not in headers]
        self.assertEqual(missing, [], what)
        remaining, reset = int(headers["x-ratelimit-remaining"]), int(headers["x-ratelimit-reset"])
        self.assertRegex(headers["ratelimit"], r'^"[a-z-]+";r=%d;t=\d+$' % remaining, what)
        self.assertRegex(headers["ratelimit-policy"], r'^"[a-z-]+";q=\d+;w=\d+(, "[a-z-]+";q=\d+;w=\d+)*$', what)
        self.assertGreater(reset, 1_600_000_000, what)

    def test_every_rest_route_carries_them_on_every_status(self):
        document = self.server.get("/openapi.json").json
        seen = set()
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                if method not in ("get", "post", "put", "patch", "delete") or operation.get("security") == []:
                    continue
                for prefix in ("", "x"):  # an id that is nobody's, and one that is none
                    filled = re.sub(r"\{(\w+)\}", lambda name: prefix + PREFIXES.get(name[1], "x") + "_" + "0" * 26, path)
                    if prefix and filled == path:
                        continue
                    what = f"{method.upper()} {filled}"
                    status, headers, body = self.head(method.upper(), filled, None if method == "get" else {})
                    seen.add(status)
                    self.assertLess(status, 500, f"{what}: {body}")
                    self.expect_families(headers, what)
                    refused = body is not None and '"retryAfter"' in body
                    self.assertEqual("retry-after" in headers, refused, f"{what}: {status}")
        self.assertLessEqual({200, 404, 422}, seen)
        for what, call in {"404": ("GET", "/v1/nothing"), "405": ("PUT", "/v1/scans")}.items():
            status, headers, _ = self.head(*call)
            self.assertEqual(str(status), what)
            self.expect_families(headers, what)

    def test_the_heads_of_streams_carry_them(self):
        with Site() as site:
            target = self.server.post("/v1/targets", {"url": site.url, "attest": True}, key=self.key)
            self.assertEqual(target.status, 201, target.body)
            scan = self.server.post("/v1/scans", {"target_id": target.json["id"], "profile": "passive"}, key=self.key)
            self.assertEqual(scan.status, 202, scan.body)
            path = f"/v1/scans/{scan.json['id']}/events"
            status, headers, _ = self.head("GET", path, headers={"Accept": "text/event-stream"})
            self.assertEqual(status, 200)
            self.assertTrue(headers["content-type"].startswith("text/event-stream"))
            self.expect_families(headers, path)

    def mcp(self, client, method, key=None):
        """(status, headers) of one message of that method."""
        message = {"jsonrpc": "2.0", "method": method, "params": {}}
        if not method.startswith("notifications/"):
            message["id"] = 1
        params = message["params"]
        if method == "initialize":
            params |= {"protocolVersion": client.version, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
        if method in ("tools/call", "prompts/get"):
            params["name"] = "list_targets"
        if method.startswith("resources/"):
            params["uri"] = "weir://nothing"
        if method == "logging/setLevel":
            params["level"] = "info"
        headers = {"Accept": "application/json, text/event-stream"}
        if client.version == MODERN:
            params["_meta"] = {"io.modelcontextprotocol/protocolVersion": MODERN,
                               "io.modelcontextprotocol/clientCapabilities": {}}
            headers |= {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
            headers |= {"Mcp-Name": params[name] for name in ("name", "uri") if name in params}
        elif method != "initialize":
            headers["Mcp-Session-Id"] = client.session
        return self.head("POST", "/mcp", message, headers, key)

    def remaining(self):
        return int(self.head("GET", "/v1/quota")[1]["x-ratelimit-remaining"])

    def test_every_mcp_method_of_every_revision_carries_them_and_handshakes_are_free(self):
        for version in (*SESSIONS, MODERN):
            client = McpClient(self.server, self.key, version)
            for method in METHODS:
                what = f"{version} {method}"
                before = self.remaining()
                status, headers, body = self.mcp(client, method)
                self.assertLess(status, 500, f"{what}: {body}")
                self.expect_families(headers, what)
                self.assertNotIn("retry-after", headers, what)
                # Units that left the window meanwhile may only raise it.
                if method in FREE_METHODS:
                    self.assertGreaterEqual(self.remaining(), before, what)
                if method in ("tools/list", "tools/call"):
                    self.assertEqual(int(headers["x-ratelimit-remaining"]), before - 1, what)

    def test_get_and_delete_and_faults_of_mcp_are_free_and_carry_them(self):
        client = McpClient(self.server, self.key, "2025-11-25")
        before = self.remaining()
        session = {"Mcp-Session-Id": client.session}
        for what, (method, body, headers) in {
                "GET": ("GET", None, {"Accept": "text/event-stream", **session}),
                "GET without a session": ("GET", None, {"Accept": "text/event-stream"}),
                "no JSON": ("POST", {}, {"Content-Type": "text/plain"}),
                "no message": ("POST", {}, {"Accept": "application/json"}),
                "unknown session": ("POST", {"jsonrpc": "2.0", "id": 1, "method": "ping"}, {"Mcp-Session-Id": "x"}),
                "DELETE": ("DELETE", None, session)}.items():
            _, got, _ = self.head(method, "/mcp", body, {"Accept": "application/json, text/event-stream", **headers})
            self.expect_families(got, what)
            self.assertNotIn("retry-after", got, what)
        self.assertGreaterEqual(self.remaining(), before)

    def test_the_transport_of_2024_carries_them_on_its_stream_and_on_each_message(self):
        stream = http.client.HTTPConnection(self.server.host, self.server.port, timeout=30)
        try:
            stream.request("GET", "/sse", headers={"Authorization": f"Bearer {self.key}", "Accept": "text/event-stream"})
            response = stream.getresponse()
            self.assertEqual(response.status, 200)
            self.expect_families({name.lower(): value for name, value in response.getheaders()}, "GET /sse")
            line = b""
            while not line.startswith(b"data: "):
                line = response.readline()
            endpoint = line[6:].decode().strip()
            before = self.remaining()
            for method, cost in (("initialize", 0), ("notifications/initialized", 0), ("ping", 0), ("tools/list", 1)):
                message = {"jsonrpc": "2.0", "method": method, "params": {}}
                if not method.startswith("notifications/"):
                    message["id"] = method
                if method == "initialize":
                    message["params"] = {"protocolVersion": "2024-11-05", "capabilities": {},
                                         "clientInfo": {"name": "t", "version": "1"}}
                status, headers, body = self.head("POST", endpoint, message)
                self.assertEqual(status, 202, f"{method}: {body}")
                self.expect_families(headers, f"POST {method}")
                before -= cost
                self.assertGreaterEqual(self.remaining(), before, method)
        finally:
            stream.close()

    def test_every_refusal_says_when_to_come_back_on_every_surface(self):
        self.server.post("/v1/accounts", {"name": "spender", "tier": "free"})
        key = self.made_key("spender")
        clients = [McpClient(self.server, key, version) for version in (*SESSIONS, MODERN)]
        for _ in range(100):
            self.assertEqual(self.head("GET", "/v1/targets", key=key)[0], 200)
        answers = {"REST": self.head("GET", "/v1/targets", key=key)}
        for client in clients:
            for method in ("tools/call", "tools/list"):
                answers[f"{client.version} {method}"] = self.mcp(client, method, key)
        for what, (status, headers, body) in answers.items():
            self.expect_families(headers, what)
            self.assertEqual(headers["x-ratelimit-remaining"], "0", what)
            self.assertTrue(1 <= int(headers["retry-after"]) <= 60, what)
            document = json.loads(body)
            if what == "REST":
                self.assertEqual(status, 429)
                told = document
            elif what.endswith("tools/list"):
                self.assertEqual((status, document["error"]["code"]), (200, 429), what)
                told = document["error"]["data"]
            else:
                self.assertEqual((status, document["result"]["isError"]), (200, True), what)
                self.assertIn(headers["retry-after"] + " second", document["result"]["content"][0]["text"])
                told = document["result"].get("structuredContent")  # not in 2025-03-26
            if told:
                self.assertEqual(told["error"], "rate_limit_exceeded", what)
                self.assertEqual(str(told["retryAfter"]), headers["retry-after"], what)
                self.assertEqual((told["limit"], told["remaining"], told["policy"], told["tier"]),
                                 (100, 0, "minute", "free"), what)
        for client in clients:
            for method in ("ping", "server/discover", "notifications/initialized"):
                self.assertNotIn("retry-after", self.mcp(client, method, key)[1], f"{client.version} {method}")


class ChangesOfKeys(unittest.TestCase):
    """A tier or a revocation acts on the very next call, whichever way it comes."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def ways(self, key):
        """(status, limit) of the next call of each way in."""
        rest = self.server.get("/v1/targets", key=key)
        yield "REST", rest.status, rest.headers.get("x-ratelimit-limit")
        for version in self.clients:
            status, headers, _ = self.clients[version].call(0).read()
            yield version, status, headers.get("x-ratelimit-limit")

    def test_the_next_call_of_every_surface_sees_it(self):
        self.assertEqual(self.server.post("/v1/accounts", {"name": "changing", "tier": "free"}).status, 201)
        made = self.server.post("/v1/keys", {"account": "changing", "scopes": ["read"]}).json
        key = made["key"]
        self.clients = {version: McpClient(self.server, key, version) for version in (*SESSIONS, MODERN)}
        for tier, limit in (("free", "100"), ("pro", "1000"), ("standard", "120"), ("starter", "500")):
            for way in list(self.clients) + ["REST"]:
                # The way that comes first is another one each time: none profits from another's call.
                other = "free" if tier != "free" else "pro"
                self.server.request("PATCH", "/v1/accounts/changing", {"tier": other})
                list(self.ways(key))
                changed = self.server.request("PATCH", "/v1/accounts/changing", {"tier": tier})
                self.assertEqual(changed.status, 200, changed.body)
                if way == "REST":
                    seen = self.server.get("/v1/targets", key=key).headers["x-ratelimit-limit"]
                else:
                    seen = self.clients[way].call(0).read()[1]["x-ratelimit-limit"]
                self.assertEqual(seen, limit, f"{way} after {tier}")
        self.assertEqual(self.server.request("DELETE", f"/v1/keys/{made['id']}").status, 200)
        for way, status, _ in self.ways(key):
            self.assertEqual(status, 401, way)
        for version, client in self.clients.items():
            if client.session:
                deleted = self.server.request("DELETE", "/mcp", key=key, headers={"Mcp-Session-Id": client.session})
                self.assertEqual(deleted.status, 401, f"a session of {version} does not outlive its key")


if __name__ == "__main__":
    unittest.main()

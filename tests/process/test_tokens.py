import json
import time
import unittest

from issuer import Issuer, Key, base64url
from weir_process import MODERN, Server, eventually, weir

WELL_KNOWN = "/.well-known/oauth-protected-resource"


class WithoutAnIssuer(unittest.TestCase):
    """API keys only: nothing may make a host with a static key start an OAuth flow."""

    def test_nothing_points_at_an_authorization_server(self):
        with Server() as server:
            for path in (WELL_KNOWN, WELL_KNOWN + "/mcp", "/.well-known/oauth-authorization-server",
                         "/.well-known/openid-configuration"):
                self.assertEqual(server.get(path, key="").status, 404, path)
            for path in ("/mcp", "/v1/targets"):
                answer = server.post(path, {"jsonrpc": "2.0", "id": 1, "method": "ping"}, key="")
                self.assertEqual(answer.status, 401)
                self.assertEqual(answer.headers["www-authenticate"], 'Bearer realm="weir"')


class Tokens(unittest.TestCase):
    """Access tokens of an issuer, on the real binary, with keys and tokens of this test's making."""

    @classmethod
    def setUpClass(cls):
        cls.rsa, cls.ec = Key("rsa-1"), Key("ec-1", "ES256")
        cls.issuer = Issuer(cls.rsa, cls.ec)
        cls.server = Server(arguments=cls.issuer.settings("auth.jwks_refresh_ms=1000", "auth.tier=free",
                                                          "auth.scope_map=weir.scan=scans:run",
                                                          "limits.failures_per_address=100000")).start()
        cls.audience = cls.server.url + "/mcp"

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.issuer.stop()

    def token(self, **claims):
        return self.issuer.token(self.audience, **claims)

    def refusal(self, token):
        answer = self.rpc("tools/list", key=token)
        self.assertEqual(answer.status, 401, answer.body)
        self.assertIn('error="invalid_token"', answer.headers["www-authenticate"])
        self.assertIn("resource_metadata=", answer.headers["www-authenticate"])
        self.assertNotIn(token, answer.body)
        return answer.json["message"]

    def rpc(self, method, params=None, key=None):
        name = {"Mcp-Name": params["name"]} if params else {}
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {
            **(params or {}), "_meta": {"io.modelcontextprotocol/protocolVersion": MODERN,
                                        "io.modelcontextprotocol/clientCapabilities": {}}}}
        return self.server.post("/mcp", body, key=key, headers={
            "Accept": "application/json, text/event-stream", "MCP-Protocol-Version": MODERN, "Mcp-Method": method, **name})

    def test_a_host_without_a_token_is_shown_the_way(self):
        answer = self.rpc("tools/list", key="")
        self.assertEqual(answer.status, 401)
        self.assertEqual(answer.headers["www-authenticate"],
                         f'Bearer realm="weir", resource_metadata="{self.server.url}{WELL_KNOWN}/mcp"')
        for path, resource in ((WELL_KNOWN + "/mcp", self.audience), (WELL_KNOWN, self.server.url)):
            document = self.server.get(path, key="")
            self.assertEqual(document.status, 200)
            self.assertEqual(document.json["resource"], resource)
            self.assertEqual(document.json["authorization_servers"], [self.issuer.url])
            self.assertEqual(document.json["scopes_supported"], ["weir.scan"])
            self.assertNotIn("x-ratelimit-limit", document.headers)

    def test_the_metadata_is_never_limited(self):
        for _ in range(300):
            self.assertEqual(self.server.get(WELL_KNOWN, key="").status, 200)

    def test_a_token_of_either_algorithm_calls_tools_over_both_surfaces(self):
        for key in (self.rsa, self.ec):
            token = self.token(subject=f"both-{key.kid}", key=key)
            structured, is_error = self.server.call("get_quota", key=token)
            self.assertFalse(is_error, structured)
            self.assertEqual(structured["tier"], "free")
            self.assertEqual(self.server.get("/v1/targets", key=token).status, 200)

    def test_scopes_decide_and_a_missing_one_is_told_with_where_to_ask(self):
        token = self.token(subject="reader")
        answer = self.rpc("tools/call", {"name": "create_scan", "arguments": {"target_id": "x"}}, key=token)
        self.assertEqual(answer.status, 403, answer.body)
        challenge = answer.headers["www-authenticate"]
        self.assertIn('error="insufficient_scope"', challenge)
        self.assertIn('scope="scans:run"', challenge)
        self.assertIn(f'resource_metadata="{self.server.url}{WELL_KNOWN}/mcp"', challenge)
        mapped = self.token(subject="reader", scope="weir.scan")
        structured, is_error = self.server.call("create_scan", {"target_id": "x"}, key=mapped)
        self.assertTrue(is_error)
        self.assertNotEqual(structured["error"], "insufficient_scope")

    def test_a_subject_has_one_limit_whatever_number_of_tokens(self):
        statuses = [self.server.get("/v1/targets", key=self.token(subject="greedy", jti=i)).status for i in range(4)]
        self.assertEqual(statuses, [200] * 4)
        token = self.token(subject="greedy")
        answers = [self.server.get("/v1/targets", key=token) for _ in range(97)]
        self.assertEqual([answer.status for answer in answers].count(429), 1)
        self.assertEqual(self.server.get("/v1/targets", key=self.token(subject="greedy", jti="new")).status, 429)
        self.assertEqual(self.server.get("/v1/targets", key=self.token(subject="modest")).status, 200)

    def test_what_a_token_must_not_be(self):
        now = int(time.time())
        stranger = Key("rsa-1")
        self.assertIn("expired", self.refusal(self.token(exp=now - 60)))
        self.assertIn("not valid yet", self.refusal(self.token(nbf=now + 120)))
        self.assertIn("issuer", self.refusal(self.token(iss="https://evil.example")))
        self.assertIn("audience", self.refusal(self.issuer.token("https://other.example/mcp")))
        self.assertIn("signature", self.refusal(self.token(key=stranger)))
        self.refusal("a.b.c")
        self.refusal(f"{base64url(b'{}')}.ab=c.AAAA")
        payload = self.token().split(".")[1]
        for algorithm in ("none", "HS256"):
            head = base64url(json.dumps({"alg": algorithm, "kid": "rsa-1"}).encode())
            self.refusal(f"{head}.{payload}.{base64url(b'x' * 32)}")
            self.refusal(f"{head}.{payload}.")

    def test_a_new_key_of_the_issuer_is_found_and_unknown_ones_do_not_flood_it(self):
        fresh = Key("rsa-2", "ES256")
        self.issuer.keys.append(fresh)
        token = self.token(subject="rotated", key=fresh)
        eventually(lambda: self.server.get("/v1/targets", key=token).status == 200, "the new key is fetched", seconds=5)
        before, begin = self.issuer.fetches, time.monotonic()
        for i in range(60):
            self.refusal(self.token(header={"kid": f"made-up-{i}"}))
        self.assertLessEqual(self.issuer.fetches - before, 1 + time.monotonic() - begin)

    def test_a_session_belongs_to_the_subject_and_not_to_the_token(self):
        def post(token, body, session=None):
            headers = {"Accept": "application/json, text/event-stream"}
            if session:
                headers["Mcp-Session-Id"] = session
            return self.server.post("/mcp", body, key=token, headers=headers)

        opened = post(self.token(subject="sess"), {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}})
        session = opened.headers["mcp-session-id"]
        ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
        self.assertEqual(post(self.token(subject="sess", jti=2), ping, session).status, 200)
        self.assertEqual(post(self.token(subject="someone-else"), ping, session).status, 404)

    def test_an_operator_can_lock_a_subject_out(self):
        token = self.token(subject="leaver")
        self.assertEqual(self.server.get("/v1/targets", key=token).status, 200)
        rows = json.loads(weir("keys", "list", "--data", str(self.server.data), "--json").stdout)["data"]
        row = next(row for row in rows if row["name"] == "subject leaver")
        revoked = weir("keys", "revoke", row["id"], "--data", str(self.server.data))
        self.assertEqual(revoked.returncode, 0, revoked.stderr)
        eventually(lambda: self.server.get("/v1/targets", key=token).status == 403, "the lock acts", seconds=3)

    def test_no_token_is_ever_in_the_log(self):
        with Server(arguments=self.issuer.settings("log.level=debug")) as server:
            token = self.issuer.token(server.url, subject="quiet")
            self.assertEqual(server.get("/v1/targets", key=token).status, 200)
            bad = self.issuer.token("https://other.example")
            self.assertEqual(server.get("/v1/targets", key=bad).status, 401)
            server.stop()
            for each in (token, bad):
                self.assertNotIn(each.split(".")[2], server.errors)


class Configuration(unittest.TestCase):
    """What does not fit stops the start with a line that names the setting."""

    def test_mistakes(self):
        for arguments, words in (
                (["auth.issuer=https://issuer.example"], ["auth.jwks_url", "exactly one"]),
                (["auth.issuer=http://issuer.example"], ["auth.issuer", "https"]),
                (["auth.issuer=https://i.example", "auth.jwks_file=/k", "auth.tier=nope"], ["auth.tier", "nope"]),
                (["auth.issuer=https://i.example", "auth.jwks_file=/k", "auth.scope_map=a=b"], ["auth.scope_map", "b"])):
            with self.subTest(arguments=arguments):
                with self.assertRaises(AssertionError) as raised:
                    Server(arguments=[word for pair in arguments for word in ("--set", pair)]).start()
                for word in words:
                    self.assertIn(word, str(raised.exception))


if __name__ == "__main__":
    unittest.main()

import json
import unittest

from weir_process import Server, Site, eventually, weir


class Refusals(unittest.TestCase):
    """Refused, changed nothing, and said what to do."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server(arguments=["--set", "limits.failures_per_address=100000"]).start()
        cls.site = Site(redirects={"/away": "http://169.254.169.254/latest/meta-data/", "/": "http://10.0.0.1/"}).__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.site.__exit__()
        cls.server.stop()

    def refused_key(self, key, error, *words, headers=None):
        answer = self.server.get("/v1/targets", key=key, headers=headers)
        self.assertEqual(answer.status, 401, answer.body)
        self.assertEqual(answer.json["error"], error)
        self.assertEqual(answer.json["status"], 401)
        self.assertEqual(answer.json["request_id"], answer.headers["x-request-id"])
        self.assertTrue(answer.headers["www-authenticate"].startswith("Bearer"))
        self.assertNotIn("resource_metadata", answer.headers["www-authenticate"])
        for word in words:
            self.assertIn(word, answer.json["message"])
        rpc = self.server.post("/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, key=key, headers=headers)
        self.assertEqual(rpc.status, 401)

    def test_a_missing_key(self):
        self.refused_key("", "unauthorized", "Authorization: Bearer")

    def test_a_wrong_key(self):
        good = self.server.key
        self.refused_key(good[:-1] + ("a" if good[-1] != "a" else "b"), "unauthorized")
        self.refused_key("nonsense", "unauthorized")

    def test_a_revoked_key(self):
        key = self.server.key_of("gone", "free")
        self.assertEqual(self.server.get("/v1/targets", key=key).status, 200)
        revoked = weir("keys", "revoke", key[:7], "--data", str(self.server.data))
        self.assertEqual(revoked.returncode, 0, revoked.stderr)
        eventually(lambda: self.server.get("/v1/targets", key=key).status == 401, "the revocation acts", seconds=3)
        self.refused_key(key, "unauthorized", "revoked")

    def test_an_expired_key(self):
        key = self.server.key_of("late", "free", "read", "--expires-in", "1s")
        eventually(lambda: self.server.get("/v1/targets", key=key).status == 401, "the expiry acts", seconds=3)
        self.refused_key(key, "api_key_expired", "expired")

    def test_a_missing_scope(self):
        key = self.server.key_of("reader", "free", "read")
        answer = self.server.post("/v1/targets", {"url": self.site.url, "attest": "mine"}, key=key)
        self.assertEqual(answer.status, 403)
        self.assertEqual(answer.json["error"], "insufficient_scope")
        self.assertIn("targets:write", answer.json["message"])
        self.assertIn("insufficient_scope", answer.headers["www-authenticate"])
        self.assertEqual(self.server.get("/v1/targets", key=key).json["data"], [])

    def test_another_accounts_ids(self):
        target, is_error = self.server.call("create_target", {"url": self.site.url + "other", "attest": "mine"})
        self.assertFalse(is_error, target)
        target_id = (target.get("target") or target)["id"]
        stranger = self.server.key_of("stranger", "free")
        for method, path in (("GET", f"/v1/targets/{target_id}"), ("DELETE", f"/v1/targets/{target_id}?confirm_host=127.0.0.1")):
            answer = self.server.request(method, path, key=stranger)
            self.assertEqual(answer.status, 404, answer.body)
        answer = self.server.post("/v1/scans", {"target_id": target_id}, key=stranger)
        self.assertEqual(answer.status, 404, answer.body)
        self.assertEqual(self.server.get(f"/v1/targets/{target_id}").status, 200)

    def test_addresses_that_are_never_allowed(self):
        for url, error in (("http://169.254.169.254/", "address_not_allowed"), ("http://0x7f.1/", "validation_failed"),
                           ("http://2130706433/", "validation_failed"), ("http://[::ffff:169.254.169.254]/", "address_not_allowed"),
                           ("http://10.0.0.1/", "address_not_allowed"), ("ftp://127.0.0.1/", "validation_failed"),
                           ("http://user:secret@127.0.0.1/", "validation_failed"), ("http://0.0.0.0/", "address_not_allowed")):
            with self.subTest(url=url):
                answer = self.server.post("/v1/targets", {"url": url, "attest": "mine"})
                self.assertIn(answer.status, (403, 422), answer.body)
                self.assertEqual(answer.json["error"], error, answer.body)
                self.assertGreater(len(answer.json["message"]), 20)
                self.assertNotIn("secret", answer.json["message"])
                structured, is_error = self.server.call("create_target", {"url": url, "attest": "mine"})
                self.assertTrue(is_error)
                self.assertEqual(structured["error"], error)
        listed = json.dumps(self.server.get("/v1/targets").json)
        self.assertNotIn("169.254", listed)

    def scan_of(self, url):
        target, is_error = self.server.call("create_target", {"url": url, "attest": "mine"})
        self.assertFalse(is_error, target)
        scan, is_error = self.server.call("create_scan", {"target_id": target["id"], "wait_seconds": 50})
        self.assertFalse(is_error, scan)
        self.assertIn(scan["status"], ("completed", "failed"))
        report = self.server.get(f"/v1/scans/{scan['id']}/report?format=json")
        self.assertEqual(report.status, 200, report.body)
        return report.body

    def test_a_redirect_to_another_host_is_not_followed(self):
        with Site() as other:
            elsewhere = other.url.replace("127.0.0.1", "localhost")
            with Site(redirects={"/": elsewhere}) as site:
                self.scan_of(site.url)
                self.assertFalse(site.requests.empty())
            self.assertTrue(other.requests.empty())

    def test_a_redirect_to_a_forbidden_address_is_named_in_the_report(self):
        for address in ("169.254.169.254", "10.0.0.1"):
            with Site(redirects={"/": f"http://{address}/"}) as site:
                self.assertIn(address, self.scan_of(site.url))

    def test_the_limiter_refuses_and_says_when_to_come_back(self):
        key = self.server.key_of("bots", "free")
        statuses = [self.server.get("/v1/targets", key=key) for _ in range(101)]
        self.assertEqual([answer.status for answer in statuses[:100]], [200] * 100)
        refused = statuses[100]
        self.assertEqual(refused.status, 429)
        self.assertEqual(refused.json["error"], "rate_limit_exceeded")
        self.assertEqual(refused.json["retryAfter"], int(refused.headers["retry-after"]))
        self.assertLessEqual(1, refused.json["retryAfter"])
        self.assertLessEqual(refused.json["retryAfter"], 60)
        self.assertEqual(refused.headers["x-ratelimit-remaining"], "0")
        structured, is_error = self.server.call("list_targets", key=key)
        self.assertTrue(is_error)
        self.assertEqual(structured["error"], "rate_limit_exceeded")
        quota, is_error = self.server.call("get_quota", key=key)
        self.assertFalse(is_error, quota)

    def test_guessing_keys_is_slowed_down(self):
        with Server(arguments=["--set", "limits.failures_per_address=5"]) as server:
            statuses = [server.get("/v1/targets", key=f"guess-{n}").status for n in range(8)]
            self.assertEqual(statuses[:5], [401] * 5)
            self.assertEqual(statuses[5:], [429] * 3)


if __name__ == "__main__":
    unittest.main()

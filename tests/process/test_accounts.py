import json
import unittest

from weir_process import Server, eventually, weir


def command(server, *arguments):
    return weir(*arguments, "--data", str(server.data))


class Accounts(unittest.TestCase):
    """The same accounts and keys over REST and on the command line."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def audited(self, account):
        return [row["action"] for row in self.server.get(f"/v1/audit?account={account}").json["data"]]

    def test_an_account_from_its_making_to_its_end_over_rest(self):
        made = self.server.post("/v1/accounts", {"name": "rest", "tier": "free"})
        self.assertEqual(made.status, 201, made.body)
        self.assertEqual(made.headers["location"], "/v1/accounts/" + made.json["id"])
        key = self.server.post("/v1/keys", {"account": "rest", "name": "ci", "scopes": ["read"]})
        self.assertEqual(key.status, 201, key.body)
        secret = key.json["key"]
        self.assertEqual(self.server.get("/v1/targets", key=secret).headers["x-ratelimit-limit"], "100")

        self.server.request("PATCH", "/v1/accounts/rest", {"tier": "pro"})
        self.assertEqual(self.server.get("/v1/targets", key=secret).headers["x-ratelimit-limit"], "1000")

        rotated = self.server.post(f"/v1/keys/{key.json['id']}/rotate", {"overlap_seconds": 0})
        self.assertEqual(self.server.get("/v1/targets", key=secret).status, 401)
        self.assertEqual(self.server.get("/v1/targets", key=rotated.json["key"]).status, 200)
        revoked = self.server.request("DELETE", f"/v1/keys/{rotated.json['id']}")
        self.assertEqual(revoked.status, 200, revoked.body)
        self.assertEqual(self.server.get("/v1/targets", key=rotated.json["key"]).status, 401)
        self.assertEqual(self.audited("rest"), ["key.revoked", "key.rotated", "account.tier_changed", "key.created",
                                                "account.created"])

    def test_the_command_line_makes_lists_and_changes_accounts(self):
        made = command(self.server, "accounts", "create", "shell", "--tier", "custom", "--limit", "40", "--json")
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertEqual(json.loads(made.stdout)["limit_override"], 40)
        secret = json.loads(command(self.server, "keys", "create", "--account", "shell", "--json").stdout)["key"]
        self.assertEqual(self.server.get("/v1/targets", key=secret).headers["x-ratelimit-limit"], "40")

        changed = command(self.server, "accounts", "set-tier", "shell", "starter")
        self.assertEqual(changed.returncode, 0, changed.stderr)
        eventually(lambda: self.server.get("/v1/targets", key=secret).headers["x-ratelimit-limit"] == "500",
                   "the tier acts", seconds=3)

        listed = command(self.server, "accounts", "list")
        self.assertIn("starter", [line for line in listed.stdout.splitlines() if "shell" in line][0])
        self.assertEqual(self.audited("shell"), ["account.tier_changed", "key.created", "account.created"])
        refused = command(self.server, "accounts", "set-tier", "nobody", "pro")
        self.assertEqual(refused.returncode, 2)
        self.assertIn("no such account", refused.stderr)

    def test_the_last_admin_key_stays(self):
        own = [key for key in self.server.get("/v1/keys?account=default").json["data"]][0]
        over_rest = self.server.request("DELETE", f"/v1/keys/{own['id']}")
        on_the_command_line = command(self.server, "keys", "revoke", own["id"])
        self.assertEqual(over_rest.status, 409, over_rest.body)
        self.assertEqual(on_the_command_line.returncode, 2)
        self.assertIn("last active", on_the_command_line.stderr)


class Usage(unittest.TestCase):
    """What is counted survives a stop whole, and a kill but for its last second."""

    def calls(self, server, key_id):
        keys = json.loads(command(server, "keys", "list", "--json").stdout)["data"]
        return [key["calls_24h"] for key in keys if key["id"] == key_id][0]

    def made_key(self, server, limit):
        made = command(server, "keys", "create", "--account", "counted", "--limit", str(limit), "--json")
        self.assertEqual(made.returncode, 0, made.stderr)
        key = json.loads(made.stdout)
        return key["id"], key["key"]

    def test_a_clean_stop_loses_no_call(self):
        with Server() as server:
            key_id, secret = self.made_key(server, 7)
            for _ in range(10):
                server.get("/v1/targets", key=secret)
            self.assertEqual(server.stop(), 0)
            self.assertEqual(self.calls(server, key_id), {"admitted": 7, "refused": 3})
            listed = command(server, "keys", "list", "--account", "counted")
            self.assertIn("CALLS 24H", listed.stdout)

            server.start()
            server.get("/v1/targets", key=secret)
            self.assertEqual(server.stop(), 0)
            self.assertEqual(self.calls(server, key_id), {"admitted": 8, "refused": 3})

    def test_a_kill_loses_at_most_the_last_second(self):
        with Server() as server:
            key_id, secret = self.made_key(server, 100)
            for _ in range(20):
                server.get("/v1/targets", key=secret)
            written = eventually(lambda: self.calls(server, key_id)["admitted"] == 20, "a batch is written", seconds=5)
            self.assertTrue(written)
            server.get("/v1/targets", key=secret)
            server.kill()
            self.assertIn(self.calls(server, key_id)["admitted"], (20, 21))

    def test_usage_is_seen_over_rest_and_by_a_tool(self):
        with Server() as server:
            _, secret = self.made_key(server, 100)
            for _ in range(3):
                server.call("list_targets", key=secret)
            usage = eventually(lambda: [row for row in server.get("/v1/usage", key=secret).json["data"]
                                        if row["name"] == "list_targets" and row["admitted"] == 3],
                               "the calls are counted", seconds=5)
            self.assertEqual(usage[0]["refused"], 0)

            def quota():
                content, is_error = server.call("get_quota", key=secret)
                self.assertFalse(is_error, content)
                return content["usage"]["by_tool_24h"].get("list_targets") == {"admitted": 3, "refused": 0}
            eventually(quota, "get_quota shows them", seconds=5)
            self.assertEqual(server.get("/v1/usage?account=default", key=secret).status, 403)
            self.assertEqual(server.get("/v1/usage?account=counted").status, 200)


if __name__ == "__main__":
    unittest.main()

import json
import pathlib
import tempfile
import threading
import time
import unittest

from postgres_process import Postgres
from redis_process import Redis
from weir_process import Server, Site, eventually, weir

TERMINAL = ("completed", "failed", "cancelled", "timed_out")
# What a change may take to act on another node; the rest of a measured second is a busy machine's.
ACTS_WITHIN_SECONDS = 1.0
PATIENT = ("--set", "limits.redis_deadline_ms=10000", "--set", "scans.cooldown_s=0")


class Nodes:
    """Servers that share a PostgreSQL, and a Redis if there is one."""

    def __init__(self, count, has_redis=True, arguments=()):
        self._folder = tempfile.TemporaryDirectory(prefix="weir-cluster-")
        self.postgres = Postgres()
        self.redis = Redis() if has_redis else None
        shared = ["--set", f"redis.url={self.redis.url}"] if has_redis else []
        self.servers = [Server(data=pathlib.Path(self._folder.name) / "data", environment={"WEIR_STORE_URL": self.postgres.url},
                               arguments=[*shared, *PATIENT, *arguments], keeps_port=True) for _ in range(count)]

    def __enter__(self):
        try:
            self.postgres.start()
            if self.redis:
                self.redis.start()
            for server in self.servers:
                server.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *unused):
        for server in self.servers:
            server.stop()
        self.postgres.__exit__()
        if self.redis:
            self.redis.__exit__()
        self._folder.cleanup()

    def __getitem__(self, number):
        return self.servers[number]

    def key_of(self, account, tier, scopes="read,write"):
        made = weir("keys", "create", "--account", account, "--tier", tier, "--scopes", scopes, "--json",
                    environment={"WEIR_STORE_URL": self.postgres.url})
        assert made.returncode == 0, made.stderr
        return json.loads(made.stdout)


def target_of(server, site, path=""):
    made, is_error = server.call("create_target", {"url": site.url + path, "attest": "my own site"})
    assert not is_error, made
    return (made.get("target") or made)["id"]


def scan_of(server, target):
    made, is_error = server.call("create_scan", {"target_id": target})
    assert not is_error, made
    return (made.get("scan") or made)["id"]


def scan_at(server, scan_id):
    scan = server.get(f"/v1/scans/{scan_id}").json
    return scan.get("scan") or scan


def ended(server, scan_id):
    scan = scan_at(server, scan_id)
    return scan if scan["status"] in TERMINAL else None


class Cluster(unittest.TestCase):
    def test_only_one_of_the_nodes_makes_the_first_key(self):
        with Postgres() as postgres, tempfile.TemporaryDirectory(prefix="weir-cluster-") as folder:
            environment = {"WEIR_STORE_URL": postgres.url, "WEIR_WEBHOOKS_KEY_FILE": f"{folder}/secrets.key"}
            servers = [Server(data=pathlib.Path(folder) / str(n), environment=environment) for n in range(3)]

            def start(server):
                try:
                    server.start()
                except FileNotFoundError:
                    pass  # its folder has no first key: another node made it

            threads = [threading.Thread(target=start, args=(server,)) for server in servers]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            try:
                self.assertEqual([(server.data / "admin.key").exists() for server in servers].count(True), 1)
                listed = weir("keys", "list", "--json", environment={"WEIR_STORE_URL": postgres.url})
                self.assertEqual(listed.returncode, 0, listed.stderr)
                self.assertEqual(listed.stdout.count("first admin key"), 1, listed.stdout)
            finally:
                for server in servers:
                    server.stop()
            for server in servers:
                self.assertNotIn("s3cret", server.errors + "".join(server.output))

    def test_a_revocation_and_a_tier_act_on_the_other_node_within_a_second(self):
        with Nodes(2) as nodes:
            made = nodes.key_of("someone", "free")
            self.assertEqual([nodes[n].get("/v1/quota", key=made["key"]).headers["x-ratelimit-limit"] for n in (0, 1)], ["100"] * 2)

            account = next(account for account in nodes[0].get("/v1/accounts").json["data"] if account["name"] == "someone")
            changed = nodes[0].request("PATCH", f"/v1/accounts/{account['id']}", {"tier": "pro"})
            self.assertEqual(changed.status, 200, changed.body)
            at = time.monotonic()
            eventually(lambda: nodes[1].get("/v1/quota", key=made["key"]).headers["x-ratelimit-limit"] == "1000", "the tier acts")
            self.assertLess(time.monotonic() - at, ACTS_WITHIN_SECONDS + 0.5)

            key_id = next(key["id"] for key in nodes[0].get("/v1/keys").json["data"] if key["account"] == "someone")
            self.assertIn(nodes[0].request("DELETE", f"/v1/keys/{key_id}").status, (200, 204))
            at = time.monotonic()
            eventually(lambda: nodes[1].get("/v1/quota", key=made["key"]).status == 401, "the key is refused")
            self.assertLess(time.monotonic() - at, ACTS_WITHIN_SECONDS + 0.5)

    def follow(self, nodes):
        with Site(delay=0.05) as site:
            scan_id = scan_of(nodes[0], target_of(nodes[0], site))
            events = list(nodes[1].events(f"/v1/scans/{scan_id}/events?after=0", timeout=120))
        sequence = [data["seq"] for event_id, kind, data in events if event_id]
        self.assertEqual(sequence, list(range(1, len(sequence) + 1)))
        self.assertGreater(len(sequence), 3)
        self.assertEqual(events[-1][1], "scan.completed")

    def test_a_scan_of_one_node_is_followed_on_another_without_a_gap(self):
        with Nodes(2) as nodes:
            self.follow(nodes)

    def test_without_redis_the_log_is_looked_at_each_second(self):
        with Nodes(2, has_redis=False) as nodes:
            self.follow(nodes)

    def test_a_scan_is_cancelled_from_another_node(self):
        with Nodes(2, arguments=["--set", "scans.at_once=1"]) as nodes, Site(delay=1.0) as site:
            scan_id = scan_of(nodes[0], target_of(nodes[0], site))
            site.requests.get(timeout=30)

            for server in nodes.servers:  # one of them runs it
                server.call("cancel_scan", {"scan_id": scan_id})

            self.assertEqual(eventually(lambda: ended(nodes[1], scan_id), "the scan ends", seconds=20)["status"], "cancelled")

    def test_the_scan_of_a_node_that_was_killed_goes_on_elsewhere(self):
        with Nodes(2, arguments=["--set", "scans.at_once=1"]) as nodes, Site(delay=0.5) as site:
            scans = [scan_of(nodes[0], target_of(nodes[0], site, str(n))) for n in range(2)]
            eventually(lambda: all(scan_at(nodes[0], scan)["status"] == "running" for scan in scans), "both nodes run one")

            nodes[0].kill()

            for scan in scans:
                end = eventually(lambda: ended(nodes[1], scan), "the scan ends", seconds=120)
                self.assertTrue(end["status"] == "completed" or end["error"]["message"], end)
                numbers = [data["seq"] for event_id, kind, data in nodes[1].events(f"/v1/scans/{scan}/events?after=0") if event_id]
                self.assertEqual(numbers, list(range(1, len(numbers) + 1)))

    def test_while_the_database_is_away_calls_are_answered_503_and_then_work_again(self):
        with Nodes(2) as nodes:
            nodes.postgres.stop()
            for server in nodes.servers:
                answer = eventually(lambda: (lambda a: a if a.status == 503 else None)(server.get("/v1/targets")), "calls get 503")
                self.assertGreaterEqual(int(answer.headers["retry-after"]), 1)
                self.assertEqual(answer.json["error"], "unavailable")

            nodes.postgres.start()

            for server in nodes.servers:
                eventually(lambda: server.get("/v1/targets").status == 200, "calls work again", seconds=20)


if __name__ == "__main__":
    unittest.main()

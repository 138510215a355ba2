import collections
import http.client
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from redis_process import Redis
from weir_process import BINARY, Server, eventually, weir

# Sanitized binaries on a busy machine: a decision may take longer than an operator would wait. Tests of the deadline
# itself leave the default.
PATIENT = ("--set", "limits.redis_deadline_ms=10000")


class Nodes:
    """`count` servers on copies of one data folder, so that they know the same keys, and one Redis."""

    def __init__(self, redis, count, arguments=(), tiers=("free",)):
        self._folder = tempfile.TemporaryDirectory(prefix="weir-nodes-")
        folder = pathlib.Path(self._folder.name)
        with Server(data=folder / "0") as first:
            more = {"custom": ("--limit", "37")}
            self.keys = {tier: first.key_of(tier, tier, "read,write", *more.get(tier, ())) for tier in tiers}
            # Never full: a full key is refused without asking Redis.
            self.keys["wide"] = first.key_of("wide", "pro", "read,write", "--limit", "1000000")
        self.servers = []
        for number in range(count):
            data = folder / str(number)
            if number > 0:
                shutil.copytree(folder / "0", data)
            self.servers.append(Server(data=data, arguments=["--set", f"redis.url={redis.url}", "--set",
                                                             f"limits.nodes={count}", *arguments]))

    def __enter__(self):
        for server in self.servers:
            server.start()
        return self

    def __exit__(self, *unused):
        for server in self.servers:
            server.stop()
        self._folder.cleanup()

    def __getitem__(self, number):
        return self.servers[number]


class Load:
    """Threads that keep one connection each and call until told to stop, or `calls` times."""

    def __init__(self, servers, key, clients, calls=None):
        self.statuses = collections.Counter()
        self.admitted = []  # (sent, answered)
        self.latencies = [[] for _ in range(clients)]
        self.failures = []
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(servers[n % len(servers)], key, calls, self.latencies[n]))
                         for n in range(clients)]
        for thread in self._threads:
            thread.start()

    def _run(self, server, key, calls, latencies):
        connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
        seen = collections.Counter()
        try:
            while not self._stop.is_set() and (calls is None or sum(seen.values()) < calls):
                begun = time.monotonic()
                connection.request("GET", "/v1/targets", headers={"Authorization": f"Bearer {key}"})
                response = connection.getresponse()
                response.read()
                latencies.append(time.monotonic() - begun)
                if response.status == 200:
                    self.admitted.append((begun, begun + latencies[-1]))
                seen[response.status] += 1
        except OSError as failure:
            self.failures.append(failure)
        finally:
            connection.close()
            with self._lock:
                self.statuses += seen

    def join(self):
        for thread in self._threads:
            thread.join()
        return self

    def stop(self):
        self._stop.set()
        return self.join()


def metric(server, name):
    for line in server.get("/metrics").body.splitlines():
        if line.startswith(name + " "):
            return float(line.split()[1])
    raise AssertionError(f"no {name}")


def is_degraded(server):
    return metric(server, "weir_limiter_degraded") == 1


class SharedLimits(unittest.TestCase):
    def test_a_limit_holds_over_two_nodes(self):
        with Redis() as redis, Nodes(redis, 2, PATIENT) as nodes:
            key = nodes.keys["free"]
            statuses = [nodes[n % 2].get("/v1/targets", key=key).status for n in range(104)]
            self.assertEqual(statuses, [200] * 100 + [429] * 4)
            refused = nodes[1].get("/v1/targets", key=key)
            self.assertEqual(refused.headers["x-ratelimit-remaining"], "0")
            self.assertEqual(metric(nodes[0], "weir_limiter_shared"), 1)
            self.assertFalse(is_degraded(nodes[0]) or is_degraded(nodes[1]))

    def test_four_nodes_and_32_clients_admit_exactly_the_limit_of_every_tier(self):
        limits = {"free": 100, "standard": 120, "starter": 500, "pro": 1_000, "custom": 37}
        with Redis() as redis, Nodes(redis, 4, PATIENT, limits) as nodes:
            for tier, limit in limits.items():
                begun = time.monotonic()
                load = Load(nodes.servers, nodes.keys[tier], clients=32, calls=limit // 32 + 3).join()
                self.assertLess(time.monotonic() - begun, 60, "a slot of the first calls freed: the machine is too slow")
                self.assertEqual(load.failures, [])
                self.assertEqual(load.statuses, {200: limit, 429: 32 * (limit // 32 + 3) - limit}, tier)
            self.assertFalse(any(is_degraded(server) for server in nodes.servers))

    def test_four_nodes_and_32_clients_stay_within_the_limit_of_every_trailing_window(self):
        units, window = 60, 2.0
        tier = ("--set", f"tiers.brief.units_per_minute={units}", "--set", f"tiers.brief.window_ms={int(window * 1000)}")
        with Redis() as redis, Nodes(redis, 4, (*PATIENT, *tier)) as nodes:
            # Each node has a database of its own here, so all of them are told about the tier.
            for server in nodes.servers:
                self.assertEqual(server.request("PATCH", "/v1/accounts/free", {"tier": "brief"}).status, 200)
            load = Load(nodes.servers, nodes.keys["free"], clients=32)
            threading.Event().wait(2.6 * window)
            load.stop()
            self.assertEqual(load.failures, [])
            self.assertEqual(set(load.statuses), {200, 429})
            admitted = sorted(load.admitted)
            self.assertGreaterEqual(len(admitted), 2 * units)
            # One more than the limit, in the order of sending, took at least the window from the first sending to the
            # last answer.
            for first in range(len(admitted) - units):
                among = admitted[first:first + units + 1]
                self.assertGreaterEqual(max(answered for _, answered in among) - among[0][0], window)
            # And who waits as long as the refusal says is admitted, on another node, too.
            refused = nodes[0].get("/v1/targets", key=nodes.keys["free"])
            while refused.status == 200:
                refused = nodes[0].get("/v1/targets", key=nodes.keys["free"])
            threading.Event().wait(refused.json["retry_after_ms"] / 1000)
            self.assertEqual(nodes[1].get("/v1/targets", key=nodes.keys["free"]).status, 200)

    def test_held_calls_wait_for_the_slots_of_all_nodes(self):
        units, window = 6, 2.0
        tier = ("--set", f"tiers.brief.units_per_minute={units}", "--set", f"tiers.brief.window_ms={int(window * 1000)}")
        with Redis() as redis, Nodes(redis, 2, (*PATIENT, *tier)) as nodes:
            key = nodes.keys["free"]
            for server in nodes.servers:
                self.assertEqual(server.request("PATCH", "/v1/accounts/free", {"tier": "brief"}).status, 200)
            begun = time.monotonic()
            answers = []
            threads = [threading.Thread(target=lambda n=n: answers.append(
                (nodes[n % 2].get("/v1/targets", key=key, headers={"Prefer": "wait=25"}), time.monotonic() - begun)))
                for n in range(3 * units)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            statuses = collections.Counter(answer.status for answer, _ in answers)
            # Three windows' worth: the last of them had to wait for two to pass.
            self.assertEqual(statuses, {200: 3 * units}, [answer.body for answer, _ in answers if answer.status != 200])
            times = sorted(when for _, when in answers)
            self.assertGreaterEqual(times[units], window * 0.9)
            self.assertGreaterEqual(times[-1], 2 * window * 0.9)
            self.assertFalse(is_degraded(nodes[0]) or is_degraded(nodes[1]))


class RedisGoesAway(unittest.TestCase):
    def outage(self, nodes, end, begin_again):
        """Load while Redis goes and comes back: no 5xx, and what was slow."""
        load = Load(nodes.servers, nodes.keys["wide"], clients=8)
        eventually(lambda: all(len(each) > 3 for each in load.latencies), "every client calls")
        end()
        for server in nodes.servers:
            eventually(lambda server=server: is_degraded(server), "the node notices")
        begin_again()
        for server in nodes.servers:
            eventually(lambda server=server: not is_degraded(server), "limits are shared again")
        load.stop()
        self.assertEqual(load.failures, [])
        self.assertEqual({status for status in load.statuses if status >= 500}, set(), load.statuses)
        for server in nodes.servers:
            self.assertGreaterEqual(metric(server, "weir_limiter_losses_total"), 1)
        return load

    def test_killed_under_load(self):
        with Redis() as redis, Nodes(redis, 2, PATIENT) as nodes:
            self.outage(nodes, redis.kill, redis.start)

    def test_a_redis_that_hangs_slows_one_decision_of_a_connection(self):
        with Redis() as redis, Nodes(redis, 2, ("--set", "limits.redis_deadline_ms=400")) as nodes:
            load = self.outage(nodes, lambda: redis.signal(signal.SIGSTOP), lambda: redis.signal(signal.SIGCONT))
            # A loss that is noticed again on the way back may cost each connection another one.
            losses = sum(metric(server, "weir_limiter_losses_total") for server in nodes.servers)
            for latencies in load.latencies:
                self.assertLessEqual(sum(1 for each in latencies if each > 0.39), losses, latencies)

    def test_error_replies_count_as_away(self):
        # READONLY: a replica without its primary refuses writes. OOM: no memory for them.
        for break_it, mend_it in ((("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
                                  (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0"))):
            with self.subTest(error=break_it), Redis() as redis, Nodes(redis, 2, PATIENT) as nodes:
                self.outage(nodes, lambda: redis.command(*break_it), lambda: redis.command(*mend_it))

    def test_a_redis_that_loads_its_data_counts_as_away_under_load(self):
        with Redis() as redis, Nodes(redis, 2, PATIENT) as nodes:
            redis.keep_much()

            def restart():
                redis.kill()
                redis.start_loading()

            # Done loading is all that it needs to be back.
            load = self.outage(nodes, restart, lambda: None)
            self.assertEqual(set(load.statuses), {200})

    def test_what_costs_nothing_is_answered_while_closed(self):
        with Redis() as redis, Nodes(redis, 1, (*PATIENT, "--set", "limits.on_redis_loss=closed")) as nodes:
            redis.kill()
            key = nodes.keys["free"]
            refused = nodes[0].get("/v1/targets", key=key)
            self.assertEqual(refused.status, 503)
            self.assertEqual(refused.headers["x-ratelimit-remaining"], "0")
            free = nodes[0].get("/v1/quota", key=key)
            self.assertEqual(free.status, 200, free.body)
            self.assertEqual(free.json["remaining"], 0)
            opened = nodes[0].post("/mcp", {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
                "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}},
                key=key, headers={"Accept": "application/json, text/event-stream"})
            self.assertEqual(opened.status, 200, opened.body)

    def test_each_node_admits_its_share_meanwhile(self):
        with Redis() as redis, Nodes(redis, 4, PATIENT) as nodes:
            redis.kill()
            for server in nodes.servers:
                statuses = collections.Counter(server.get("/v1/targets", key=nodes.keys["free"]).status for _ in range(40))
                self.assertEqual(statuses, {200: 25, 429: 15})
                self.assertTrue(is_degraded(server))
            redis.start()
            for server in nodes.servers:
                eventually(lambda server=server: not is_degraded(server), "limits are shared again")
            statuses = [nodes[n % 4].get("/v1/targets", key=nodes.keys["free"]).status for n in range(104)]
            self.assertEqual(statuses, [200] * 100 + [429] * 4)

    def test_closed_refuses_and_open_admits_everybody(self):
        for mode, status in (("closed", 503), ("open", 200)):
            with self.subTest(mode=mode), Redis() as redis, \
                    Nodes(redis, 1, (*PATIENT, "--set", f"limits.on_redis_loss={mode}")) as nodes:
                redis.kill()
                answers = [nodes[0].get("/v1/targets", key=nodes.keys["free"]) for _ in range(110)]
                self.assertEqual({answer.status for answer in answers}, {status})
                if mode == "closed":
                    self.assertIn("retry-after", answers[0].headers)


class RedisSettings(unittest.TestCase):
    SECRET = "s3cret-of-redis"

    def test_a_wrong_url_stops_the_start_and_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            for url in ("http://127.0.0.1", f"redis://:{self.SECRET}@127.0.0.1:notaport", "redis://127.0.0.1/x"):
                ended = subprocess.run([BINARY, "serve", "--listen", "127.0.0.1:0", "--data", folder + "/data", "--set",
                                        f"redis.url={url}"], capture_output=True, text=True, timeout=30)
                self.assertEqual(ended.returncode, 2, url)
                self.assertIn("redis.url", ended.stderr)
                self.assertIn("expected redis://", ended.stderr)
                self.assertNotIn(self.SECRET, ended.stderr + ended.stdout)

    def test_a_redis_that_is_away_at_start_is_not_fatal(self):
        with Redis() as redis:
            redis.kill()
            with Server(arguments=["--set", f"redis.url={redis.url}", *PATIENT]) as server:
                self.assertTrue(is_degraded(server))
                self.assertEqual(server.get("/v1/targets").status, 200)
                redis.start()
                eventually(lambda: not is_degraded(server), "limits are shared")
            self.assertIn("redis.away_at_start", server.errors)
            self.assertIn("limits.shared_again", server.errors)

    def test_the_password_is_used_and_never_shown(self):
        with Redis("--requirepass", self.SECRET) as redis:
            url = f"unix://:{self.SECRET}@{redis.socket_path}"
            environment = {"WEIR_REDIS_URL": url, "WEIR_LOG_LEVEL": "debug", "WEIR_LIMITS_REDIS_DEADLINE_MS": "10000"}
            with Server(environment=environment) as server:
                self.assertFalse(is_degraded(server))
                shown = server.get("/metrics").body
                good = weir("doctor", "--data", str(server.data), environment={"WEIR_REDIS_URL": url})
                self.assertEqual(good.returncode, 0, good.stdout + good.stderr)
                self.assertIn(redis.socket_path, good.stdout)
                bad = weir("doctor", "--data", str(server.data), environment={"WEIR_REDIS_URL": redis.url})
                self.assertEqual(bad.returncode, 1, bad.stdout)
                self.assertIn("does not answer", bad.stdout)
            for text in (shown, good.stdout, good.stderr, bad.stdout, server.errors, "\n".join(server.output)):
                self.assertNotIn(self.SECRET, text)
            for document in ("example", "reference"):
                printed = weir("config", document, environment={"WEIR_REDIS_URL": url})
                self.assertNotIn(self.SECRET, printed.stdout + printed.stderr)


if __name__ == "__main__":
    unittest.main()

"""Many runs at once under one key, and what the server says that they did: for test_runs_fleet.py and ./dev bench runs."""

import concurrent.futures
import re
import threading
import time

from weir_process import eventually

TERMINAL = ("completed", "failed", "cancelled", "incomplete", "expired")


def samples(server, name):
    """{labels: value} of one metric."""
    text = server.get("/metrics").body
    found = re.findall(rf"^{re.escape(name)}(?:\{{(.*)\}})? (\S+)$", text, re.M)
    return {labels: float(value) for labels, value in found}


class Admissions:
    """How many calls of a tier the limiter has admitted, looked at again and again: (before asking, after the answer, count)."""

    def __init__(self, server, tier, every_seconds):
        self.server = server
        self.labels = f'tier="{tier}",outcome="admitted"'
        self.every = every_seconds
        self.seen = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self):
        self._look_once()
        self._thread.start()
        return self

    def __exit__(self, *unused):
        self._stop.set()
        self._thread.join()
        self._look_once()

    def _look_once(self):
        before = time.monotonic()
        count = samples(self.server, "weir_limit_decisions_total").get(self.labels, 0.0)
        self.seen.append((before, time.monotonic(), int(count)))

    def _look(self):
        while not self._stop.wait(self.every):
            self._look_once()

    @property
    def total(self):
        return self.seen[-1][2] - self.seen[0][2]

    def most_within(self, seconds):
        """The most admissions of which it is certain that they fell into so many seconds."""
        most, first = 0, 0
        for _, after, count in self.seen:
            while after - self.seen[first][0] > seconds:
                first += 1
            most = max(most, count - self.seen[first][2])
        return most


def make_account(server, name, tier):
    answer = server.post("/v1/accounts", {"name": name, "tier": tier})
    assert answer.status == 201, answer.body


def make_key(server, account, scopes):
    answer = server.post("/v1/keys", {"account": account, "scopes": scopes})
    assert answer.status == 201, answer.body
    return answer.json["secret"] if "secret" in answer.json else answer.json["key"]


def fleet_agent(steps):
    """A playbook of cheap steps, each decided by the one before it."""
    chain = [{"id": "s0", "tool": "list_targets", "args": {"limit": 1}}]
    for number in range(1, steps):
        chain.append({"id": f"s{number}", "tool": "list_targets", "when": f"steps.s{number - 1}.status == 'completed'",
                      "args": {"limit": number % 5 + 1}})
    return {"name": "Fleet", "slug": "fleet", "kind": "playbook", "playbook": {"steps": chain},
            "limits": {"max_steps": steps, "max_tool_calls": steps, "wall_s": 3600}}


def start_runs(server, key, count, clients=8):
    """The ids of `count` runs; each call waits for its slot like any other of the key."""
    def start(_):
        for _ in range(20):
            answer = server.post("/v1/runs", {"agent_id": "fleet", "input": {}}, key=key, headers={"Prefer": "wait=30"})
            if answer.status == 202:
                return answer.json["id"]
            assert answer.status == 429, answer.body
            threading.Event().wait(answer.json["retryAfter"])
        raise AssertionError("refused twenty times")
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        return list(pool.map(start, range(count)))


def wait_for_all(server, count, seconds):
    """Until so many runs have ended; {status: how many} of all of them."""
    def ended():
        counts = {re.search(r'status="(\w+)"', labels).group(1): int(value)
                  for labels, value in samples(server, "weir_runs").items()}
        return counts if sum(counts.get(status, 0) for status in TERMINAL) >= count else None
    # Seldom: what is asked for is work for the server, too.
    return eventually(ended, f"{count} runs end", seconds=seconds, every_seconds=0.25)


def overhead_ms(server, share):
    """(how many measurements, the upper end in ms of the bucket that holds the `share` quantile)."""
    buckets = {re.search(r'le="([^"]+)"', labels).group(1): value
               for labels, value in samples(server, "weir_run_step_overhead_seconds_bucket").items()}
    total = buckets["+Inf"]
    ends = sorted((float(end), value) for end, value in buckets.items() if end != "+Inf")
    return int(total), next((end * 1000 for end, value in ends if value >= share * total), float("inf"))

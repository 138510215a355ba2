"""./dev bench listen: 1 000 streams of subscriptions/listen and 1 000 GET streams of sessions, all subscribed to a scan's
report; a second scan changes a finding. Prints how long the change took to each stream, from the event's own time to the
bytes at the client, and fails if any took longer than 50 ms, if a thread was added, or if closing freed less than all."""

import json
import os
import pathlib
import platform
import re
import resource
import statistics
import sys
import threading
from datetime import datetime

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "process"))
from mcp_fleet import SESSIONS_PER_KEY, Fleet  # noqa: E402
from weir_process import Server, Site, eventually  # noqa: E402

EACH = int(os.environ.get("BENCH_STREAMS", "1000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SLOWEST_MS_MAX = 50
# The rest of a burst comes a quarter of a second after its first change.
BURST_SECONDS = 0.6


def streams(server):
    return float(re.search(r"^weir_http_streams (\S+)$", server.get("/metrics").body, re.M)[1])


def descriptors(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def threads(server):
    return len(os.listdir(f"/proc/{server.process.pid}/task"))


def change(server, site, target_id, key, number):
    """A scan that finds a cookie under another name: one finding is new, one is fixed. When the first of them was logged."""
    site.cookie = f"cookie{number}=1; Path=/"
    scan, is_error = server.call("create_scan", {"target_id": target_id, "profile": "passive", "wait_seconds": 50}, key=key)
    assert not is_error, scan
    events = server.get(f"/v1/scans/{scan['id']}/events", headers={"Accept": "application/json"}, key=key)
    if "data" not in (document := json.loads(events.body)):
        raise AssertionError(events.body)
    for event in document["data"]:
        if event["type"].startswith("finding."):
            return datetime.fromisoformat(event["ts"].replace("Z", "+00:00")).timestamp()
    raise AssertionError("the scan changed no finding")


def one_round(server, site, target_id, key, fleet, number):
    changed = []
    scan = threading.Thread(target=lambda: changed.append(change(server, site, target_id, key, number)))
    scan.start()
    heard = fleet.hear(30)
    fleet.drain(BURST_SECONDS)
    scan.join()
    assert len(heard) == 2 * EACH, f"{len(heard)} of {2 * EACH} streams heard of the change"
    return [(at - changed[0]) * 1000 for at, _ in heard]


def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000), hard))
    with Site() as site, Server(arguments=["--set", "log.level=warning"]) as server:
        keys = [server.key_of("bench", "admin", "read,write", "--name", f"bench{number}")
                for number in range(-(-EACH // SESSIONS_PER_KEY))]
        target, is_error = server.call("create_target", {"url": site.url, "attest": "a site of this benchmark"}, key=keys[0])
        assert not is_error, target
        target_id = (target.get("target") or target)["id"]
        first, is_error = server.call("create_scan", {"target_id": target_id, "profile": "passive", "wait_seconds": 50}, key=keys[0])
        assert not is_error, first
        before = threads(server), descriptors(server)

        fleet = Fleet(server, f"weir://scans/{first['id']}/report.md")
        fleet.open_listening(keys[0], EACH)
        fleet.open_sessions(keys, EACH)
        assert streams(server) == 2 * EACH
        fleet.drain(BURST_SECONDS)
        rounds = [one_round(server, site, target_id, keys[0], fleet, number) for number in range(ROUNDS)]
        with_streams = threads(server)
        fleet.close()
        eventually(lambda: streams(server) == 0, "every stream is gone")
        eventually(lambda: descriptors(server) <= before[1] + 5, "their descriptors are gone")

    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "")
    print(f"machine: {model}, {os.cpu_count()} cores, Linux {platform.release()}; clients on the same machine, one thread\n")
    for number, times in enumerate(rounds, 1):
        print(f"change {number}: {len(times)} streams, median {statistics.median(times):.1f} ms, slowest {max(times):.1f} ms")
    print(f"threads: {before[0]} before, {with_streams} with {2 * EACH} streams")
    assert with_streams == before[0], "a stream holds no thread"
    slowest = statistics.median(max(times) for times in rounds)
    assert slowest <= SLOWEST_MS_MAX, f"the slowest stream took {slowest:.1f} ms, more than {SLOWEST_MS_MAX} ms"


if __name__ == "__main__":
    main()

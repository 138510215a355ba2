"""Many runs at once under one pro key: run_overhead.py [RUNS [STEPS]]. Does the key stay within its minute, is no run lost, and
what does the engine itself take between a tool's answer and the next call (weir_run_step_overhead_seconds, measured by the
server; time spent waiting for the limiter is not in it). Prints markdown; exit code 1 if a promise is not kept."""

import os
import pathlib
import platform
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "process"))
from run_fleet import (Admissions, fleet_agent, make_account, make_key, overhead_ms, samples, start_runs,  # noqa: E402
                       wait_for_all)
from weir_process import Server  # noqa: E402

UNITS_PER_MINUTE = 1_000          # of tiers.pro
WINDOW_SECONDS = 60.0
COUNTED_WITHIN_SECONDS = 0.1      # between a decision and its count, on a busy machine
RUNNERS = int(os.environ.get("BENCH_RUNNERS", "8"))
OVERHEAD_MS_MAX = 5.0


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    steps = int(sys.argv[2]) if len(sys.argv) > 2 else 12
    folder = tempfile.TemporaryDirectory(prefix="weir-bench-")
    common = ["--set", f"tiers.pro.concurrent_runs={RUNNERS}", "--set", "log.level=warning"]
    # Queued first, so that all of them are there when the runners begin.
    with Server(data=folder.name, arguments=[*common, "--set", "runs.at_once=0"]) as server:
        make_account(server, "fleet", "pro")
        key = make_key(server, "fleet", ["read", "write"])
        made = server.post("/v1/agents", fleet_agent(steps), key=key)
        assert made.status == 201, made.body
        ids = start_runs(server, key, runs)
    with Server(data=folder.name, arguments=[*common, "--set", f"runs.at_once={RUNNERS}"]) as server:
        begun = time.monotonic()
        with Admissions(server, "pro", every_seconds=0.25) as admissions:
            counts = wait_for_all(server, runs, seconds=60 + 120 * (1 + runs * steps // UNITS_PER_MINUTE))
        took = time.monotonic() - begun
        most = admissions.most_within(WINDOW_SECONDS - COUNTED_WITHIN_SECONDS)
        measured, p99 = overhead_ms(server, 0.99)
        _, median = overhead_ms(server, 0.5)
        total = samples(server, "weir_run_step_overhead_seconds_sum")[""]

    expected = runs * steps
    # Slots that came too late for their call; they count twice here.
    given_back = max(0, admissions.total - expected)
    promises = [
        ("runs that were started, with ids of their own", len(set(ids)), runs, len(set(ids)) == runs),
        ("runs that completed", counts.get("completed", 0), runs, counts.get("completed", 0) == runs),
        ("calls that passed the limiter", admissions.total - given_back, expected, admissions.total >= expected),
        ("most calls of the key in a minute", most, f"at most {UNITS_PER_MINUTE}", most <= UNITS_PER_MINUTE + given_back),
        ("engine's own time per step, p99, ms", f"at most {p99:g}", f"below {OVERHEAD_MS_MAX:g}", p99 <= OVERHEAD_MS_MAX),
    ]
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")),
                 platform.machine())
    print(f"machine: {model}, {os.cpu_count()} cores, Linux {platform.release()}; {runs} runs of {steps} steps on {RUNNERS} "
          f"runners under one pro key; {took:.0f} s\n")
    print("| what | measured | promised |\n|---|---|---|")
    for what, value, promised, _ in promises:
        print(f"| {what} | {value} | {promised} |")
    print(f"\nengine's own time: {measured} steps, median at most {median:g} ms, mean {1000 * total / max(measured, 1):.2f} ms")
    sys.exit(0 if all(is_kept for *_, is_kept in promises) else 1)


if __name__ == "__main__":
    main()

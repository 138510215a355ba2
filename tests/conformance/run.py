"""Runs the published MCP conformance suite and prints a table of what passed: the whole suite against the fixture server,
and against the product every scenario that needs no fixture. Any failure and any warning fails the run; nothing is
expected to fail. Each run has a server of its own, so that several can go on at once.

    run.py --weir BINARY --fixture BINARY --suite .../conformance --node NODE [--only TEXT] [--jobs N]
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
REVISIONS = ("2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28")
FIXTURE_RUNS = ["--requirements 2025-11-25", "--requirements 2026-07-28", "--suite all",
                *(f"--suite all --spec-version {revision}" for revision in REVISIONS)]
# What needs no tool, prompt or resource of the suite's own, by the revision that it is run in.
PRODUCT_SCENARIOS = {
    "2025-06-18": ("server-initialize", "server-session-lifecycle", "ping", "tools-list", "resources-list", "prompts-list"),
    "2025-11-25": ("server-initialize", "server-session-lifecycle", "ping", "tools-list", "resources-list", "prompts-list",
                   "server-sse-multiple-streams", "dns-rebinding-protection"),
    "2026-07-28": ("tools-list", "resources-list", "prompts-list", "caching", "http-header-validation",
                   "sep-2164-resource-not-found", "dns-rebinding-protection"),
}
SCENARIO_SECONDS_MAX = 60
RUN_SECONDS_MAX = 240


class Server:
    """A process whose first line of output says where it is ready."""

    def __init__(self, command, ready, environment=None):
        # Variables that configure a server are not this run's.
        clean = {name: value for name, value in os.environ.items() if not name.startswith("WEIR_")}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                        env={**clean, **(environment or {})})
        self.match = None
        for line in self.process.stdout:
            self.match = re.search(ready, line)
            if self.match:
                break
        if not self.match:
            raise SystemExit(f"error: {command[0]} did not start")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.terminate()
        self.process.wait(timeout=60)
        self.process.stdout.close()


def proxy(options, url, key):
    return Server([options.node, str(HERE / "auth_proxy.mjs"), url], r"proxy ready on (\S+)", {"WEIR_KEY": key})


def suite(options, url, arguments, out, seconds):
    """One run of the suite; what its checks came to, and what was wrong."""
    pathlib.Path(out).mkdir(parents=True)
    with open(os.path.join(out, "output.txt"), "w") as output:
        try:
            subprocess.run([options.node, options.suite, "server", "--url", url + "/mcp", *arguments, "-o", out],
                           stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=seconds)
        except subprocess.TimeoutExpired:
            return collections.Counter(FAILURE=1), [f"{' '.join(arguments)}: not done after {seconds} s"]
    counts, complaints = collections.Counter(), []
    for path in sorted(pathlib.Path(out).rglob("checks.json")):
        for check in json.loads(path.read_text()):
            counts[check["status"]] += 1
            if check["status"] in ("FAILURE", "WARNING"):
                complaints.append(f"{path.parent.name}: {check['id']}: {check.get('errorMessage') or check['description']}")
    if not counts["SUCCESS"]:
        counts["FAILURE"] += 1
        complaints.append(f"{' '.join(arguments)}: nothing passed: {pathlib.Path(out, 'output.txt').read_text()[-300:]}")
    return counts, complaints


def run_fixture(options, arguments, folder):
    with Server([options.fixture], r"fixture ready on (\S+) key (\S+)") as server:
        with proxy(options, *server.match.groups()) as front:
            return suite(options, front.match[1], arguments.split(), str(folder / arguments.replace(" ", "")), RUN_SECONDS_MAX)


def run_product(options, revision, folder):
    data = folder / f"data-{revision}"
    command = [options.weir, "serve", "--listen", "127.0.0.1:0", "--data", str(data)]
    counts, complaints = collections.Counter(), []
    with Server(command, r"weir ready on (\S+)") as server:
        key = (data / "admin.key").read_text().strip()
        with proxy(options, server.match[1], key) as front:
            for scenario in PRODUCT_SCENARIOS[revision]:
                more, wrong = suite(options, front.match[1], ["--scenario", scenario, "--spec-version", revision],
                                    str(folder / f"product-{revision}" / scenario), SCENARIO_SECONDS_MAX)
                counts += more
                complaints += wrong
    return counts, complaints


def main():
    parser = argparse.ArgumentParser()
    for name in ("--weir", "--fixture", "--suite", "--node"):
        parser.add_argument(name, required=True)
    parser.add_argument("--only", default="", help="only runs whose name holds this")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    options = parser.parse_args()

    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="weir-conformance-") as temporary:
        folder = pathlib.Path(temporary)
        jobs = [(f"fixtures, `{run}`", run_fixture, run) for run in FIXTURE_RUNS]
        jobs += [(f"product, {len(PRODUCT_SCENARIOS[revision])} scenarios of {revision}", run_product, revision)
                 for revision in PRODUCT_SCENARIOS]
        jobs = [job for job in jobs if options.only in job[0]]
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            results = list(pool.map(lambda job: job[1](options, job[2], folder), jobs))

    print("| run | passed | failed | warnings |\n|---|---:|---:|---:|")
    wrong = []
    for (name, _, _), (counts, complaints) in zip(jobs, results):
        print(f"| {name} | {counts['SUCCESS']} | {counts['FAILURE']} | {counts['WARNING']} |")
        wrong += [f"{name}: {line}" for line in complaints]
    for line in wrong:
        print(f"  {line}")
    print(f"{len(jobs)} runs in {time.monotonic() - started:.0f} s", file=sys.stderr)
    return 1 if wrong or not jobs else 0


if __name__ == "__main__":
    sys.exit(main())

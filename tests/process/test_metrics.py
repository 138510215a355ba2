import json
import pathlib
import re
import unittest

from weir_process import Server, eventually

DASHBOARD = pathlib.Path(__file__).resolve().parents[2] / "docs" / "grafana" / "weir.json"
SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')


def parse(text):
    """{family: type} and [(name, labels, value)] of exposition format 0.0.4, strictly."""
    assert text.endswith("\n")
    families, samples, helped = {}, [], set()
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name = line.split(" ", 3)[2]
            assert name not in helped, f"{name} comes twice"
            helped.add(name)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert kind in ("counter", "gauge", "histogram"), line
            families[name] = kind
            current = name
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            name, labels, value = match.groups()
            family = re.sub(r"_(bucket|sum|count)$", "", name) if families[current] == "histogram" else name
            assert family == current, f"{name} stands under {current}"
            samples.append((name, dict(LABEL.findall(labels or "")), float(value)))
    assert helped == set(families)
    seen = [(name, tuple(sorted(labels.items()))) for name, labels, _ in samples]
    assert len(seen) == len(set(seen)), "a series comes twice"
    return families, samples


class Metrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(arguments=["--set", "tiers.tiny.units_per_minute=3"]).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def samples(self):
        answer = self.server.get("/metrics")
        self.assertEqual(answer.status, 200)
        self.assertTrue(answer.headers["content-type"].startswith("text/plain; version=0.0.4"))
        return parse(answer.body)[1]

    def value(self, name, **labels):
        return sum(value for each, found, value in self.samples() if each == name and labels.items() <= found.items())

    def test_every_number_can_be_read(self):
        families, samples = parse(self.server.get("/metrics").body)
        for name in ("weir_limit_decisions_total", "weir_limit_decision_seconds", "weir_limiter_degraded", "weir_held_calls",
                     "weir_http_requests_total", "weir_http_requests_in_flight", "weir_http_streams",
                     "weir_http_connections", "weir_http_posted_work", "weir_jobs_queued", "weir_jobs_running",
                     "weir_scans", "weir_uptime_seconds", "weir_build_info"):
            self.assertIn(name, families)
            self.assertTrue(any(each.startswith(name) for each, _, _ in samples), name)
        buckets = [value for name, _, value in samples if name == "weir_limit_decision_seconds_bucket"]
        self.assertEqual(buckets, sorted(buckets))

    def test_who_may_read_them(self):
        self.assertEqual(self.server.get("/metrics", key="").status, 401)
        self.assertEqual(self.server.get("/metrics", key=self.server.key_of("reader", "free")).status, 403)
        self.assertEqual(self.server.get("/metrics").status, 200)
        with Server(arguments=["--set", "metrics.open=true"]) as server:
            self.assertEqual(server.get("/metrics", key="").status, 200)

    def test_decisions_count_by_tier_and_outcome(self):
        key = self.server.key_of("counted", "free", "read", "--limit", "3")
        before = [self.value("weir_limit_decisions_total", tier="free", outcome=each) for each in ("admitted", "refused")]
        for _ in range(5):
            self.server.get("/v1/targets", key=key)
        after = [self.value("weir_limit_decisions_total", tier="free", outcome=each) for each in ("admitted", "refused")]
        self.assertEqual([now - then for now, then in zip(after, before)], [3, 2])
        self.assertGreaterEqual(self.value("weir_limit_decision_seconds_count"), 5)

    def test_requests_count_by_pattern_and_never_by_path(self):
        before = self.value("weir_http_requests_total", route="/v1/scans/{scan_id}", status="404")
        for number in range(20):
            self.server.get(f"/v1/scans/scn_none{number}")
            self.server.get(f"/nowhere/{number}")
            self.server.raw(b"NONSENSE\r\n\r\n", timeout=2) if number == 0 else None
        eventually(lambda: self.value("weir_http_requests_total", route="/v1/scans/{scan_id}", status="404") == before + 20,
                   "the answers are counted")
        eventually(lambda: self.value("weir_http_requests_total", route="other", status="404") >= 20,
                   "so are those of paths that do not exist")
        eventually(lambda: self.value("weir_http_requests_total", route="other", status="400") >= 1,
                   "and what is no HTTP")
        text = self.server.get("/metrics").body
        self.assertNotIn("scn_none", text)
        self.assertNotIn("nowhere", text)

    def test_calls_over_mcp_count(self):
        before = self.value("weir_http_requests_total", method="POST", route="/mcp", status="200")
        self.server.call("get_quota")
        eventually(lambda: self.value("weir_http_requests_total", method="POST", route="/mcp", status="200") == before + 1,
                   "the call is counted")

    def test_the_dashboard_shows_only_what_there_is(self):
        names = {name for name, _, _ in self.samples()}
        dashboard = json.loads(DASHBOARD.read_text())
        expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
        self.assertGreater(len(expressions), 10)
        used = {name for text in expressions for name in re.findall(r"\b(?:weir|process)_[a-z_]+", text)}
        self.assertEqual(used - names, set())


class TrustedProxies(unittest.TestCase):
    def failures(self, server, addresses):
        return [server.get("/v1/targets", key="wrong", headers={"X-Forwarded-For": each}).status for each in addresses]

    def test_a_stranger_cannot_choose_its_address(self):
        with Server(arguments=["--set", "limits.failures_per_address=3"]) as server:
            statuses = self.failures(server, [f"192.0.2.{n}" for n in range(6)])
            self.assertEqual(statuses, [401] * 3 + [429] * 3)

    def test_behind_a_trusted_proxy_each_caller_has_its_own_budget(self):
        with Server(arguments=["--set", "limits.failures_per_address=3", "--set",
                               "server.trusted_proxies=127.0.0.0/8,10.0.0.0/8"]) as server:
            self.assertEqual(self.failures(server, ["192.0.2.1"] * 5), [401] * 3 + [429] * 2)
            self.assertEqual(self.failures(server, ["192.0.2.2"]), [401])
            # What the caller itself wrote stands left of what the proxy added.
            self.assertEqual(self.failures(server, ["198.51.100.7, 192.0.2.1, 10.0.0.1"]), [429])


if __name__ == "__main__":
    unittest.main()

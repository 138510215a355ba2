import json
import pathlib
import tempfile
import unittest

from weir_process import Server, Site, weir

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Documents(unittest.TestCase):
    """What is printed from the settings' table is what is committed."""

    def test_the_example_is_current(self):
        self.assertEqual(weir("config", "example").stdout, (ROOT / "weir.example.toml").read_text(),
                         "run: weir config example > weir.example.toml")

    def test_the_reference_is_current(self):
        self.assertEqual(weir("config", "reference").stdout, (ROOT / "docs/reference/configuration.md").read_text(),
                         "run: weir config reference > docs/reference/configuration.md")

    def test_the_example_is_a_valid_configuration(self):
        text = "\n".join(line[1:] if line.startswith("#") and "=" in line and not line.startswith("# ") else line
                         for line in (ROOT / "weir.example.toml").read_text().splitlines())
        text = text.replace('listen = "127.0.0.1:8080"', 'listen = "127.0.0.1:0"')
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "weir.toml"
            path.write_text("\n".join(line for line in text.splitlines() if "[tiers" not in line and "create_scan" not in line
                                      and not line.startswith(("units_", "concurrent_", "daily_", "unlimited"))))
            with Server(data=folder, arguments=["--config", str(path)]) as server:
                self.assertEqual(server.get("/v1/quota").status, 200)


class Help(unittest.TestCase):
    def test_names_every_command(self):
        run = weir("--help")
        self.assertEqual(run.returncode, 0)
        for command in ("serve", "keys", "call", "scan", "run", "runs", "agents", "events", "webhooks", "doctor", "config"):
            self.assertIn(command, run.stdout)
            own = weir(command, "--help")
            self.assertEqual(own.returncode, 0)
            self.assertIn("--help", own.stdout)

    def test_prints_its_version(self):
        self.assertRegex(weir("--version").stdout, r"^weir \d+\.\d+\.\d+")

    def test_wrong_usage_exits_with_3(self):
        for arguments in ((), ("nonsense",), ("scan",), ("serve", "--nonsense"), ("call", "get_quota", "{"),
                          ("scan", "http://127.0.0.1/", "--fail-on", "terrible")):
            with self.subTest(arguments=arguments):
                run = weir(*arguments)
                self.assertEqual(run.returncode, 3)
                self.assertNotEqual(run.stderr + run.stdout, "")


class Keys(unittest.TestCase):
    def test_create_list_rotate_revoke(self):
        with Server() as server:
            data = ("--data", str(server.data))
            key = server.key_of("bots", "starter", "read", "--name", "nightly", "--expires-in", "7d")
            listed = json.loads(weir("keys", "list", *data, "--json").stdout)
            text = json.dumps(listed)
            self.assertIn(key[:7], text)
            self.assertNotIn(key, text)
            self.assertIn("nightly", text)
            self.assertIn("starter", text)
            self.assertIn("nightly", weir("keys", "list", *data).stdout)
            self.assertEqual(server.get("/v1/targets", key=key).headers["x-ratelimit-limit"], "500")
            rotated = weir("keys", "rotate", key[:7], *data, "--json")
            self.assertEqual(rotated.returncode, 0, rotated.stderr)
            successor = json.loads(rotated.stdout)["key"]
            self.assertEqual(server.get("/v1/targets", key=successor).status, 200)
            self.assertEqual(server.get("/v1/targets", key=key).status, 200)

    def test_says_what_is_wrong(self):
        with Server() as server:
            data = ("--data", str(server.data))
            for arguments, words in (
                    (("keys", "create", *data, "--account", "a", "--tier", "platinum"), ("platinum", "starter")),
                    (("keys", "create", *data, "--account", "a", "--scopes", "everything"), ("everything", "targets:read")),
                    (("keys", "revoke", "wk_none", *data), ("wk_none",)),
                    (("keys", "list", "--data", "/nowhere"), ("/nowhere",))):
                with self.subTest(arguments=arguments):
                    run = weir(*arguments)
                    self.assertEqual(run.returncode, 2, run.stdout)
                    for word in words:
                        self.assertIn(word, run.stderr)

    def test_an_expiry_that_is_no_time_is_wrong_usage(self):
        with Server() as server:
            for text in ("soon", "0d", "-1h", "5", "d", "99999d"):
                run = weir("keys", "create", "--data", str(server.data), "--account", "a", "--expires-in=" + text)
                self.assertEqual(run.returncode, 3, text)
                self.assertIn(text, run.stderr)

    def test_an_account_has_at_most_ten_active_keys(self):
        with Server() as server:
            for _ in range(10):
                server.key_of("crowd", "free")
            run = weir("keys", "create", "--data", str(server.data), "--account", "crowd")
            self.assertEqual(run.returncode, 2)
            self.assertIn("10", run.stderr)


class CallAndScan(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site().__enter__()
        cls.server = Server().start()
        cls.environment = {"WEIR_URL": cls.server.url, "WEIR_KEY": cls.server.key}

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.site.__exit__()

    def weir(self, *arguments):
        return weir(*arguments, environment=self.environment, timeout=120)

    def test_call_prints_the_structured_answer(self):
        run = self.weir("call", "get_quota")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(json.loads(run.stdout)["tier"], "admin")

    def test_call_lists_the_tools(self):
        run = self.weir("call")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("create_scan", run.stdout)

    def test_call_shows_what_a_refusal_says(self):
        run = self.weir("call", "get_scan", '{"scan_id": "scn_nope"}')
        self.assertEqual(run.returncode, 1)
        self.assertIn("not_found", run.stdout)
        run = self.weir("call", "create_scan", '{"profile": "fast"}')
        self.assertEqual(run.returncode, 1)
        self.assertIn("passive", run.stdout)
        run = self.weir("call", "no_such_tool")
        self.assertEqual(run.returncode, 2)
        self.assertIn("no_such_tool", run.stderr)

    def test_scan_shows_events_findings_and_grade_and_exits_by_severity(self):
        run = self.weir("scan", self.site.url)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        for words in ("scan.started", "scan.finding.detected", "scan.completed", "hdr.csp.missing", "cookie.httponly", "grade"):
            self.assertIn(words, run.stdout)
        self.assertEqual(self.weir("scan", self.site.url, "--fail-on", "medium").returncode, 1)
        self.assertEqual(self.weir("scan", self.site.url, "--fail-on", "critical").returncode, 0)

    def test_scan_prints_json_and_writes_a_report(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "report.md"
            run = self.weir("scan", self.site.url + "json", "--json", "--report", str(path))
            self.assertEqual(run.returncode, 0, run.stderr)
            document = json.loads(run.stdout)
            self.assertEqual(document["scan"]["status"], "completed")
            self.assertIn("hdr.csp.missing", {finding["rule_id"] for finding in document["findings"]})
            self.assertIn("hdr.csp.missing", path.read_text())

    def test_scan_of_the_server_itself(self):
        run = self.weir("scan", "--self")
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertIn("scan.completed", run.stdout)

    def test_scan_of_what_is_not_there_fails_with_a_reason(self):
        import socket
        with socket.create_server(("127.0.0.1", 0)) as unused:
            port = unused.getsockname()[1]
        run = self.weir("scan", f"http://127.0.0.1:{port}/")
        self.assertEqual(run.returncode, 2, run.stdout)
        self.assertIn("scan.failed", run.stdout)

    def test_doctor_finds_nothing_wrong_here_and_something_elsewhere(self):
        good = self.weir("doctor", "--data", str(self.server.data))
        self.assertEqual(good.returncode, 0, good.stdout)
        bad = weir("doctor", "--url", "http://127.0.0.1:1", "--data", "/nowhere")
        self.assertEqual(bad.returncode, 1)
        self.assertIn("/nowhere", bad.stdout)


if __name__ == "__main__":
    unittest.main()

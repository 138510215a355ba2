import http.client
import json
import os
import pathlib
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import unittest

from weir_process import BINARY, Server, Site, eventually, weir


class FirstStart(unittest.TestCase):
    def test_makes_an_account_and_one_key_and_shows_it_once(self):
        with Server() as server:
            first = "\n".join(server.output)
            self.assertIn(server.key, first)
            self.assertIn("claude mcp add", first)
            mode = stat.S_IMODE(os.stat(server.data / "admin.key").st_mode)
            self.assertEqual(mode, 0o600)
            self.assertEqual(server.get("/v1/quota").status, 200)
            server.stop()
            server.start()
            self.assertNotIn(server.key, "\n".join(server.output))
            self.assertEqual(server.get("/v1/quota").status, 200)

    def test_a_secret_never_reaches_the_log(self):
        with Server(arguments=["--set", "log.level=debug"]) as server:
            server.get("/v1/targets", key="wk_" + "x" * 38)
            server.get("/v1/targets")
            key = server.key
            server.stop()
            self.assertNotIn(key, server.errors)


class BadSettings(unittest.TestCase):
    def start_with(self, *arguments, environment=None):
        with tempfile.TemporaryDirectory() as folder:
            return weir("serve", "--data", folder, "--listen", "127.0.0.1:0", *arguments, environment=environment)

    def test_an_unknown_setting_stops_the_start_and_is_named(self):
        run = self.start_with("--set", "server.wokers=4")
        self.assertEqual(run.returncode, 2)
        self.assertIn("server.wokers", run.stderr)
        self.assertIn("server.workers", run.stderr)

    def test_a_bad_value_says_what_is_expected(self):
        run = self.start_with("--set", "server.workers=many")
        self.assertEqual(run.returncode, 2)
        self.assertIn("server.workers", run.stderr)
        self.assertIn('"many"', run.stderr)
        self.assertIn("1 to 256", run.stderr)

    def test_an_unknown_variable_is_named(self):
        run = self.start_with(environment={"WEIR_SERVER_WOKERS": "4"})
        self.assertEqual(run.returncode, 2)
        self.assertIn("WEIR_SERVER_WOKERS", run.stderr)

    def test_a_file_is_named_with_its_line(self):
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write("[server]\nworkers = 4\nlisten_port = 80\n")
            file.flush()
            run = self.start_with("--config", file.name)
        self.assertEqual(run.returncode, 2)
        self.assertIn(f"{file.name}:3", run.stderr)
        self.assertIn("server.listen_port", run.stderr)

    def test_a_missing_file_is_named(self):
        run = self.start_with("--config", "/nowhere/weir.toml")
        self.assertEqual(run.returncode, 2)
        self.assertIn("/nowhere/weir.toml", run.stderr)

    def test_flags_win_over_variables_and_variables_over_the_file(self):
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write("[server]\nworkers = 0\n")
            file.flush()
            self.assertEqual(self.start_with("--config", file.name).returncode, 2)
        with Server(environment={"WEIR_SERVER_BODY_BYTES_MAX": "2048"}, arguments=["--set", "server.body_bytes_max=4096"]) as server:
            self.assertEqual(server.post("/v1/targets", {"url": "x" * 3000}).status // 100, 4)
            self.assertEqual(server.post("/v1/targets", {"url": "x" * 5000}).status, 413)

    def test_a_taken_port_is_a_clear_error(self):
        with socket.create_server(("127.0.0.1", 0)) as taken, tempfile.TemporaryDirectory() as folder:
            port = taken.getsockname()[1]
            run = weir("serve", "--data", folder, "--listen", f"127.0.0.1:{port}")
            self.assertEqual(run.returncode, 2)
            self.assertIn(str(port), run.stderr)
            self.assertNotIn("wk_", run.stdout)
            self.assertFalse((pathlib.Path(folder) / "admin.key").exists())

    def test_a_data_folder_belongs_to_one_server(self):
        with Server() as server:
            run = weir("serve", "--data", str(server.data), "--listen", "127.0.0.1:0")
            self.assertEqual(run.returncode, 2)
            self.assertIn(str(server.data), run.stderr)


class Stop(unittest.TestCase):
    def test_a_quiet_server_stops_at_once(self):
        server = Server().start()
        self.assertEqual(server.stop(), 0)

    def test_streams_end_with_a_retry_and_the_data_survives(self):
        with Site(delay=20) as site, Server() as server:
            target, is_error = server.call("create_target", {"url": site.url, "attest": "my own site"})
            self.assertFalse(is_error, target)
            target_id = (target.get("target") or target)["id"]
            scan, is_error = server.call("create_scan", {"target_id": target_id})
            self.assertFalse(is_error, scan)
            scan_id = (scan.get("scan") or scan)["id"]
            connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
            connection.request("GET", f"/v1/scans/{scan_id}/events",
                               headers={"Authorization": f"Bearer {server.key}", "Accept": "text/event-stream"})
            response = connection.getresponse()
            self.assertIn(b"snapshot", response.readline() + response.readline() + response.readline() + response.readline())
            self.assertEqual(server.stop(), 0)
            rest = response.read()
            connection.close()
            self.assertIn(b"retry: ", rest)
            server.start()
            listed = server.get("/v1/targets").json
            self.assertIn(target_id, json.dumps(listed))

    def test_a_waiting_call_is_answered_before_the_end(self):
        with Site(delay=20) as site, Server() as server:
            target, _ = server.call("create_target", {"url": site.url, "attest": "my own site"})
            target_id = (target.get("target") or target)["id"]
            answers = []

            def wait_for_scan():
                answers.append(server.post("/v1/scans", {"target_id": target_id, "wait_seconds": 3}))

            caller = threading.Thread(target=wait_for_scan)
            caller.start()
            site.requests.get(timeout=30)
            self.assertEqual(server.stop(), 0)
            caller.join()
            self.assertEqual(answers[0].status // 100, 2, answers[0].body)

    def test_a_second_signal_ends_it_at_once(self):
        with Site(delay=20) as site, Server() as server:
            target, _ = server.call("create_target", {"url": site.url, "attest": "my own site"})
            target_id = (target.get("target") or target)["id"]
            caller = threading.Thread(target=lambda: self.swallow(server, target_id))
            caller.start()
            site.requests.get(timeout=30)
            server.process.send_signal(signal.SIGINT)
            eventually(lambda: self.refuses(server), "no new connections")
            server.process.send_signal(signal.SIGINT)
            self.assertNotEqual(server.process.wait(timeout=5), 0)
            caller.join()

    @staticmethod
    def swallow(server, target_id):
        try:
            server.post("/v1/scans", {"target_id": target_id, "wait_seconds": 8})
        except (OSError, http.client.HTTPException):
            pass

    @staticmethod
    def refuses(server):
        try:
            socket.create_connection((server.host, server.port), timeout=1).close()
            return False
        except OSError:
            return True


if __name__ == "__main__":
    unittest.main()

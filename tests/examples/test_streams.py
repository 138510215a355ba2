"""The programs that follow a scan, each against the real binary, which is killed and started again in between; the page in
a headless Chromium."""

import http.server
import os
import pathlib
import subprocess
import tempfile
import threading
import unittest
import urllib.parse

from weir_process import Server, Site, eventually

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
# Tells the test what the page shows, whenever that changes. Reports travel on several connections and may overtake each
# other, hence the number.
REPORTER = """<script>
  let report = 0;
  new MutationObserver(() => fetch(`/shows?${++report}`, {method: "POST", body: document.body.innerText}))
    .observe(document.body, {childList: true, subtree: true, characterData: true});
</script>"""


class PageServer:
    """Serves the page on an origin of its own, and keeps what it shows."""

    def __init__(self):
        keeper = self
        self.text = ""
        self._newest = 0
        self._lock = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                page = (EXAMPLES / "browser/follow_scan.html").read_text() + REPORTER
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(page.encode())

            def do_POST(self):
                keeper.keep(int(urllib.parse.urlsplit(self.path).query),
                            self.rfile.read(int(self.headers["Content-Length"])).decode())
                self.send_response(204)
                self.end_headers()

            def log_message(self, *unused):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def keep(self, report, text):
        with self._lock:
            if report > self._newest:
                self._newest, self.text = report, text

    def lines(self):
        return [line.strip() for line in self.text.splitlines() if "." in line]

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class StreamExamples(unittest.TestCase):
    def test_follow_a_scan_across_a_restart(self):
        with Site(delay=300) as site, Server(keeps_port=True) as server:
            scan, is_error = server.call("create_scan", {"url": site.url, "profile": "passive"})
            if is_error:
                target, is_error = server.call("create_target", {"url": site.url, "attest": "a site of this test"})
                self.assertFalse(is_error, target)
                scan, is_error = server.call("create_scan", {"target_id": (target.get("target") or target)["id"]})
            self.assertFalse(is_error, scan)
            scan_id = (scan.get("scan") or scan)["id"]
            environment = {**os.environ, "WEIR_URL": server.url, "WEIR_KEY": server.key, "PYTHONPATH": ""}
            python = subprocess.Popen([os.environ["EXAMPLE_PYTHON"], "-u", str(EXAMPLES / "python/follow_events.py"), scan_id],
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
            pages = PageServer()
            token = server.post("/v1/stream-tokens", {}).json["token"]
            fragment = urllib.parse.urlencode({"url": server.url, "scan": scan_id, "token": token})
            with tempfile.TemporaryDirectory(prefix="weir-browser-", ignore_cleanup_errors=True) as profile:
                browser = subprocess.Popen(
                    ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                     "--disable-background-networking", f"--user-data-dir={profile}", "--remote-debugging-port=0",
                     f"{pages.url}#{fragment}"],
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                try:
                    eventually(lambda: any(line.endswith("scan.started") for line in pages.lines()), "the page follows", 60)
                    server.kill()
                    eventually(lambda: "reconnecting" in pages.text, "the page notices the loss")
                    server.start()
                    eventually(lambda: any(line.endswith("scan.resumed") for line in pages.lines()), "it comes back", 60)
                    site._released.set()
                    eventually(lambda: "ended" in pages.text, "it sees the end", 60)
                finally:
                    browser.terminate()
                    browser.wait()
            output, errors = python.communicate(timeout=60)
            self.assertEqual(python.returncode, 0, errors)

            page = server.get(f"/v1/scans/{scan_id}/events?limit=500", headers={"Accept": "application/json"}).json
            log = [f"{event['seq']} {event['type']}" for event in page["data"]]
            self.assertEqual(log[0], "1 scan.queued")
            self.assertTrue(log[-1].endswith("scan.completed"), log[-1])
            self.assertEqual(pages.lines(), log, "the page shows every event once")
            self.assertEqual(output.splitlines(), log)
            pages.close()

            curl = subprocess.run(["sh", str(EXAMPLES / "curl/follow_scan.sh"), scan_id], capture_output=True, text=True,
                                  env=environment, timeout=60)
            self.assertEqual(curl.stdout.splitlines(), [event["type"] for event in page["data"]], curl.stderr)


if __name__ == "__main__":
    unittest.main()

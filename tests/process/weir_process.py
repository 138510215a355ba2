"""What the process tests share: the real binary as a child process, and clients as plain as a caller's own."""

import http.client
import http.server
import json
import os
import pathlib
import queue
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse

BINARY = os.environ.get("WEIR_BINARY", "")
MODERN = "2026-07-28"
PATIENCE_SECONDS = 30


def eventually(condition, what, seconds=PATIENCE_SECONDS, every_seconds=0.01):
    """The first true value of condition(); fails after a deadline."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        threading.Event().wait(every_seconds)


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = {name.lower(): value for name, value in headers}
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)


class Server:
    """`weir serve` on a port of the kernel's choice and a data folder of its own."""

    def __init__(self, data=None, arguments=(), environment=None, keeps_port=False):
        """`keeps_port`: a second start listens where the first one did."""
        self.keeps_port = keeps_port
        self.port = 0
        self._own_folder = tempfile.TemporaryDirectory(prefix="weir-process-") if data is None else None
        self.data = pathlib.Path(data or self._own_folder.name) / ("data" if data is None else "")
        self.arguments = list(arguments)
        self.environment = {**os.environ, **(environment or {})}
        self.process = None
        self.url = None
        self.output = []
        self.errors = ""

    def __enter__(self):
        return self.start()

    def __exit__(self, *unused):
        self.stop()
        if self._own_folder:
            self._own_folder.cleanup()

    def start(self):
        self._stderr = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [BINARY, "serve", "--listen", f"127.0.0.1:{self.port if self.keeps_port else 0}", "--data", str(self.data), *self.arguments],
            stdout=subprocess.PIPE, stderr=self._stderr, text=True, env=self.environment)
        self.output = []
        for line in self.process.stdout:
            self.output.append(line.rstrip("\n"))
            if line.startswith("weir ready on "):
                self.url = line.split()[-1]
                break
        else:
            self.process.wait()
            self._collect_errors()
            raise AssertionError(f"weir did not start: {self.output} {self.errors}")
        parts = urllib.parse.urlsplit(self.url)
        self.host, self.port = parts.hostname, parts.port
        self.key = (self.data / "admin.key").read_text().strip()
        return self

    def _collect_errors(self):
        self._stderr.seek(0)
        self.errors += self._stderr.read()
        self._stderr.close()

    def _end(self, number):
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(timeout=60)
        self.output += [line.rstrip("\n") for line in self.process.stdout]
        self.process.stdout.close()
        self.process = None
        self._collect_errors()
        return code

    def stop(self):
        """SIGTERM; the exit code, or None if it was not running. What a sanitizer has to say fails the test."""
        code = self._end(signal.SIGTERM)
        assert "Sanitizer" not in self.errors and "runtime error" not in self.errors, self.errors
        return code

    def kill(self):
        return self._end(signal.SIGKILL)

    def key_of(self, account, tier, scopes="read,write", *more):
        made = weir("keys", "create", "--data", str(self.data), "--account", account, "--tier", tier, "--scopes", scopes,
                    "--json", *more)
        assert made.returncode == 0, made.stderr
        return json.loads(made.stdout)["key"]

    def request(self, method, path, body=None, key=None, headers=None, timeout=60):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            all_headers = {"Authorization": f"Bearer {self.key if key is None else key}"}
            if body is not None:
                all_headers["Content-Type"] = "application/json"
            all_headers.update(headers or {})
            if key == "":
                del all_headers["Authorization"]
            connection.request(method, path, body=json.dumps(body) if body is not None else None, headers=all_headers)
            response = connection.getresponse()
            return Answer(response.status, response.getheaders(), response.read().decode("utf-8", "replace"))
        finally:
            connection.close()

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, body, **more):
        return self.request("POST", path, body=body, **more)

    def call(self, tool, arguments=None, key=None, timeout=60):
        """A tool over MCP 2026-07-28: (structured content, is it an error)."""
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": tool, "arguments": arguments or {},
            "_meta": {"io.modelcontextprotocol/protocolVersion": MODERN,
                      "io.modelcontextprotocol/clientCapabilities": {}}}}
        answer = self.post("/mcp", body, key=key, timeout=timeout, headers={
            "Accept": "application/json, text/event-stream", "MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call",
            "Mcp-Name": tool})
        document = answer.json
        if "result" not in document:
            return document, True
        return document["result"].get("structuredContent"), bool(document["result"].get("isError"))

    def raw(self, data, timeout=10):
        """Sends bytes as they are and returns everything until the server closes or goes quiet."""
        with socket.create_connection((self.host, self.port), timeout=timeout) as connection:
            try:
                connection.sendall(data)
            except OSError:
                pass  # refused in mid-request: the answer may still be there
            received = b""
            try:
                while True:
                    more = connection.recv(65536)
                    if not more:
                        break
                    received += more
            except (socket.timeout, ConnectionResetError):
                pass
            return received

    def events(self, path, last_id=None, key=None, timeout=60):
        """The (id, type, data) of a stream until it ends."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        headers = {"Authorization": f"Bearer {key or self.key}", "Accept": "text/event-stream"}
        if last_id:
            headers["Last-Event-ID"] = last_id
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            assert response.status == 200, response.read()
            fields = {}
            while True:
                line = response.readline().decode().rstrip("\n")
                if not line and not fields:
                    if response.isclosed() or response.fp is None or not response.peek(1):
                        return
                    continue
                if not line:
                    if "data" in fields:
                        yield fields.get("id"), fields.get("event"), json.loads(fields["data"])
                    elif fields:
                        yield None, None, fields
                    fields = {}
                    continue
                if not line.startswith(":"):
                    name, _, value = line.partition(": ")
                    fields[name] = value
        finally:
            connection.close()


def weir(*arguments, environment=None, timeout=60):
    """Runs the binary to its end."""
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=timeout,
                          env={**os.environ, **(environment or {})})


class Site:
    """A small HTTP site on loopback. `delay` seconds pass before each answer; `redirects` maps a path to a location."""

    def __init__(self, delay=0.0, redirects=None):
        site = self
        self.requests = queue.Queue()
        self.cookie = "sessionid=abc123; Path=/"
        self._released = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                site.requests.put(self.path)
                site._released.wait(delay)
                location = (redirects or {}).get(self.path)
                body = b"<!doctype html><title>site</title>hello"
                self.send_response(302 if location else 200)
                if location:
                    self.send_header("Location", location)
                self.send_header("Content-Type", "text/html")
                self.send_header("Set-Cookie", site.cookie)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass

            do_HEAD = do_OPTIONS = do_GET

            def log_message(self, *unused):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *unused):
        self._released.set()
        self._server.shutdown()
        self._server.server_close()

"""A receiver of webhooks for tests: canned answers, failures on demand, and what was asked, in order."""

import base64
import collections
import hashlib
import hmac
import http.server
import json
import socket
import struct
import threading

Delivery = collections.namedtuple("Delivery", "path headers body")


class Answer:
    """`failure`: None, "hang" (nothing until the receiver stops), "reset" (RST) or "endless" (a body without end)."""

    def __init__(self, status=200, headers=None, body=b"", failure=None):
        self.status = status
        self.headers = headers or {}
        self.body = body
        self.failure = failure


class Receiver:
    """Answers each path with what answer() was told, in turn, the last one for ever; 200 if it was told nothing."""

    def __init__(self, port=0):
        receiver = self
        self._lock = threading.Condition()
        self._answers = {}
        self._deliveries = []
        self._stopped = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 64 * 1024  # head and body in one segment

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                answer = receiver._record(Delivery(self.path, dict(self.headers.items()), body))
                try:
                    self._send(answer)
                except OSError:
                    self.close_connection = True

            def _send(self, answer):
                if answer.failure == "hang":
                    receiver._stopped.wait()
                    self.close_connection = True
                    return
                if answer.failure == "reset":
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.connection.close()
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if answer.failure == "endless":
                    self.send_header("Transfer-Encoding", "chunked")
                    self.end_headers()
                    while not receiver._stopped.is_set():
                        self.wfile.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
                    return
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)
                self.wfile.flush()

            def log_message(self, *unused):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *unused):
                pass  # a connection that was reset on purpose

        self._server = Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *unused):
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.port}{path}"

    def answer(self, path, *answers):
        with self._lock:
            self._answers[path] = list(answers)

    def _record(self, delivery):
        with self._lock:
            self._deliveries.append(delivery)
            self._lock.notify_all()
            answers = self._answers.get(delivery.path)
            if not answers:
                return Answer()
            return answers.pop(0) if len(answers) > 1 else answers[0]

    def deliveries(self, path=None):
        with self._lock:
            return [delivery for delivery in self._deliveries if path in (None, delivery.path)]

    def count(self):
        with self._lock:
            return len(self._deliveries)

    def wait_for(self, count, path=None, seconds=30):
        """The first `count` deliveries; fails if they do not come."""
        with self._lock:
            done = self._lock.wait_for(
                lambda: sum(path in (None, delivery.path) for delivery in self._deliveries) >= count, seconds)
        assert done, f"{len(self.deliveries(path))} of {count} deliveries to {path} within {seconds} s"
        return self.deliveries(path)


def signatures(delivery, secret):
    """What Standard Webhooks says the signature of `secret` is, and those that came."""
    headers = {name.lower(): value for name, value in delivery.headers.items()}
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + delivery.body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    wanted = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return wanted, headers["webhook-signature"].split(" ")


def verifies(delivery, secret):
    wanted, given = signatures(delivery, secret)
    return wanted in given


def event_of(delivery):
    return json.loads(delivery.body)

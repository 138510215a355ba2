"""Receives webhooks and verifies them with nothing but the standard library.

    WEIR_WEBHOOK_SECRET=whsec_... python receive.py PORT [COUNT]

Prints each event that is ours, once; refuses everything else. Ends after COUNT events."""

import base64
import hashlib
import hmac
import http.server
import json
import os
import sys
import time

SECRET = base64.b64decode(os.environ["WEIR_WEBHOOK_SECRET"].removeprefix("whsec_"))
TOLERANCE_SECONDS = 5 * 60  # an old message may be a recorded one

seen = set()  # a delivery may come twice; keep this where it survives a restart


def is_ours(headers, body):
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not timestamp.isdigit() or abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    content = f"{message_id}.{timestamp}.".encode() + body
    wanted = b"v1," + base64.b64encode(hmac.new(SECRET, content, hashlib.sha256).digest())
    # While a secret is being rotated there are two.
    given = headers.get("webhook-signature", "").encode().split(b" ")
    return any(hmac.compare_digest(wanted, signature) for signature in given)


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if is_ours(self.headers, body):
            # Answer first and work later: after 15 seconds it counts as a failure and comes again.
            self.answer(204)
            self.handle_event(self.headers["webhook-id"], json.loads(body))
        else:
            print("refused: not signed with our secret", flush=True)
            self.answer(401)

    def handle_event(self, message_id, event):
        if message_id not in seen:
            print(f"verified: {event['type']}", flush=True)
            seen.add(message_id)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *unused):
        pass


port, count = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
with http.server.ThreadingHTTPServer(("127.0.0.1", port), Receiver) as server:
    server.daemon_threads = True
    server.timeout = 0.2
    print("listening", flush=True)
    while not count or len(seen) < count:
        server.handle_request()

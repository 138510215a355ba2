"""Answers what runs ask, by a rule of its own: a receiver of webhooks that verifies the signature, shows what is asked, and
approves over REST what its rule allows. Everything else it leaves to a person.

    WEIR_URL=... WEIR_KEY=... WEIR_WEBHOOK_SECRET=whsec_... python approve_by_webhook.py PORT [COUNT]

The key needs runs:read and runs:approve; the webhook sends run.requires_action. Give such a key to nothing that a model can
reach. Ends after COUNT events."""

import base64
import hashlib
import hmac
import http.server
import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request

URL, KEY = os.environ["WEIR_URL"].rstrip("/"), os.environ["WEIR_KEY"]
SECRET = base64.b64decode(os.environ["WEIR_WEBHOOK_SECRET"].removeprefix("whsec_"))
TOLERANCE_SECONDS = 5 * 60  # an old message may be a recorded one


def allows(call):
    """The rule: noting that a fix was verified. Never that a risk is accepted, never a tool of somebody else's server."""
    return (call["source"] == "builtin" and call["name"] == "update_finding_status"
            and call["arguments"].get("status") == "fixed")


def is_ours(headers, body):
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not timestamp.isdigit() or abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    wanted = hmac.new(SECRET, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    given = headers.get("webhook-signature", "").split(" ")  # two while a secret is being rotated
    return any(hmac.compare_digest("v1," + base64.b64encode(wanted).decode(), signature) for signature in given)


def ask(method, path, body=None):
    request = urllib.request.Request(URL + path, method=method, data=None if body is None else json.dumps(body).encode(),
                                     headers={"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def decide(run_id):
    """What waits now, not what the event said: somebody else may have been quicker, and an event is a copy."""
    action = ask("GET", f"/v1/runs/{run_id}")["required_action"]
    decisions = []
    for call in action["calls"] if action else []:
        is_allowed = allows(call)
        print(f"{'approved' if is_allowed else 'left to a person'}: {call['name']} {json.dumps(call['arguments'], sort_keys=True)}", flush=True)
        if is_allowed:
            # The hash binds the approval to these arguments: nothing else will be executed.
            decisions.append({"tool_call_id": call["tool_call_id"], "decision": "allow",
                              "arguments_sha256": call["arguments_sha256"], "reason": "by the rule of approve_by_webhook.py"})
    if decisions:
        ask("POST", f"/v1/runs/{run_id}/respond", {"decisions": decisions})


seen = set()  # a delivery may come twice; keep this where it survives a restart
done = threading.Semaphore(0)


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not is_ours(self.headers, body):
            print("refused: not signed with our secret", flush=True)
            return self.answer(401)
        self.answer(204)
        event, message_id = json.loads(body), self.headers["webhook-id"]
        if message_id in seen or event["type"] != "run.requires_action":
            return None
        seen.add(message_id)
        try:
            decide(event["data"]["resource"])
        except urllib.error.HTTPError as error:
            print(f"not decided: {json.load(error)['message']}", flush=True)
        done.release()
        return None

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *unused):
        pass


port, count = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None
with http.server.ThreadingHTTPServer(("127.0.0.1", port), Receiver) as server:
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("listening", flush=True)
    while count is None or count > 0:
        done.acquire()
        count = None if count is None else count - 1

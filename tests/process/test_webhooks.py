"""Webhooks of the real binary: what a receiver sees, what the log says, and what a kill leaves."""

import json
import os
import pathlib
import sqlite3
import sys
import unittest

from weir_process import Server, Site, eventually, weir

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from webhook_receiver import Answer, Receiver, event_of, verifies  # noqa: E402

OPEN = ["--set", "webhooks.allow_http=true", "--set", "webhooks.allow_loopback=true"]
QUICK = [*OPEN, "--set", "webhooks.retry_schedule=200ms,300ms,300ms"]
# Deliveries that must be pending when the server is killed; the full figure is 5000.
PENDING = int(os.environ.get("PENDING_DELIVERIES", "600"))


def header(delivery, name):
    return {key.lower(): value for key, value in delivery.headers.items()}[name]


class Webhooks(unittest.TestCase):
    def create(self, server, url, events=("scan.*",), **more):
        answer = server.post("/v1/webhooks", {"url": url, "events": list(events)}, **more)
        self.assertEqual(answer.status, 201, answer.body)
        return answer.json

    def scan(self, server, site):
        target, is_error = server.call("create_target", {"url": site.url, "attest": "my own site"})
        self.assertFalse(is_error, target)
        scan, is_error = server.call("create_scan", {"target_id": target["id"], "wait_seconds": 50})
        self.assertFalse(is_error, scan)
        return scan["id"]

    def delivery(self, server, delivery_id):
        answer = server.get(f"/v1/deliveries/{delivery_id}")
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json

    def ended(self, server, delivery_id):
        def look():
            delivery = self.delivery(server, delivery_id)
            return delivery if delivery["state"] != "pending" else None
        return eventually(look, "the delivery ends")

    def test_every_event_that_was_asked_for_arrives_signed(self):
        with Receiver() as receiver, Site() as site, Server(arguments=OPEN) as server:
            all_of_it = self.create(server, receiver.url("/all"), ["*"])
            one = self.create(server, receiver.url("/one"), ["scan.completed"])

            scan_id = self.scan(server, site)

            last = server.get(f"/v1/scans/{scan_id}/events?limit=500", headers={"Accept": "application/json"}).json["last_seq"]
            got = receiver.wait_for(last, "/all")
            self.assertEqual(sorted(event_of(delivery)["data"]["seq"] for delivery in got), list(range(1, last + 1)))
            for delivery in got:
                self.assertTrue(verifies(delivery, all_of_it["secret"]))
            completed = receiver.wait_for(1, "/one")
            self.assertEqual([event_of(delivery)["type"] for delivery in completed], ["scan.completed"])
            self.assertEqual(event_of(completed[0])["data"]["resource"], scan_id)
            self.assertTrue(verifies(completed[0], one["secret"]))
            self.assertEqual(header(completed[0], "x-weir-event"), "scan.completed")

    def test_500_500_200_has_one_id_and_three_lines_in_the_log(self):
        with Receiver() as receiver, Site() as site, Server(arguments=QUICK) as server:
            receiver.answer("/hook", Answer(500, body=b"first"), Answer(500, body=b"second"), Answer(200, body=b"third"))
            webhook = self.create(server, receiver.url("/hook"), ["scan.completed"])
            self.scan(server, site)

            got = receiver.wait_for(3, "/hook")

            self.assertEqual(len({header(delivery, "webhook-id") for delivery in got}), 1)
            listed = server.get(f"/v1/webhooks/{webhook['id']}/deliveries").json["data"]
            self.assertEqual(len(listed), 1)
            delivery = self.ended(server, listed[0]["id"])
            self.assertEqual(delivery["state"], "delivered")
            self.assertEqual([line["status"] for line in delivery["log"]], [500, 500, 200])
            self.assertEqual([line["response_body"] for line in delivery["log"]], ["first", "second", "third"])
            self.assertEqual(delivery["message_id"], header(got[0], "webhook-id"))

    def test_what_receivers_do_wrong_is_logged_as_what_it_was(self):
        with Receiver() as receiver, Server(arguments=[*QUICK, "--set", "webhooks.timeout_ms=1000"]) as server:
            receiver.answer("/hang", Answer(failure="hang"))
            receiver.answer("/reset", Answer(failure="reset"))
            receiver.answer("/redirect", Answer(302, {"Location": receiver.url("/target")}))
            receiver.answer("/endless", Answer(200, failure="endless"))
            receiver.answer("/gone", Answer(410))
            tests = {}
            for path in ("/hang", "/reset", "/redirect", "/endless", "/gone"):
                webhook = self.create(server, receiver.url(path))
                answer = server.post(f"/v1/webhooks/{webhook['id']}/test", {})
                self.assertEqual(answer.status, 202, answer.body)
                tests[path] = (webhook["id"], answer.json["id"])

            ends = {path: self.ended(server, delivery_id) for path, (_, delivery_id) in tests.items()}

            self.assertIn("timed out", ends["/hang"]["last_error"])
            self.assertIn("reset", ends["/reset"]["last_error"])
            self.assertIn("redirect", ends["/redirect"]["last_error"])
            self.assertEqual(receiver.deliveries("/target"), [])
            self.assertEqual(ends["/endless"]["state"], "delivered")
            self.assertEqual(len(ends["/endless"]["log"][0]["response_body"]), 16 * 1024)
            gone = server.get(f"/v1/webhooks/{tests['/gone'][0]}").json
            self.assertEqual((gone["enabled"], gone["disabled_reason"]), (False, "gone"))

    def test_a_receiver_that_asks_for_time_gets_it(self):
        with Receiver() as receiver, Site() as site, Server(arguments=QUICK) as server:
            receiver.answer("/hook", Answer(429, {"Retry-After": "2"}), Answer(200))
            self.create(server, receiver.url("/hook"), ["scan.completed"])
            self.scan(server, site)

            first, second = receiver.wait_for(2, "/hook")

            waited = int(header(second, "webhook-timestamp")) - int(header(first, "webhook-timestamp"))
            self.assertGreaterEqual(waited, 2)

    def test_pending_deliveries_survive_a_kill(self):
        with Receiver() as receiver, Site() as site:
            # Nothing ends before the kill: every answer hangs.
            arguments = [*OPEN, "--set", "webhooks.per_account_max=100", "--set", "webhooks.timeout_ms=60000",
                         "--set", "webhooks.at_once=200"]
            with Server(arguments=arguments) as server:
                hooks = {f"/{n}": None for n in range(50)}
                for path in hooks:
                    receiver.answer(path, Answer(failure="hang"))
                    hooks[path] = self.create(server, receiver.url(path), ["*"])["id"]
                queued = set()
                while len(queued) < PENDING:
                    self.scan(server, site)
                    with sqlite3.connect(server.data / "weir.db") as database:
                        queued = set(database.execute("SELECT webhook_id, message_id FROM webhook_deliveries WHERE state = 'pending'"))
                receiver.wait_for(1)

                server.kill()
                before = receiver.count()
                for path in hooks:
                    receiver.answer(path, Answer(200))
                server.start()

                path_of = {webhook: path for path, webhook in hooks.items()}
                wanted = {(path_of[webhook], message) for webhook, message in queued}
                eventually(lambda: wanted <= {(delivery.path, header(delivery, "webhook-id"))
                                              for delivery in receiver.deliveries()[before:]},
                           f"{len(wanted)} deliveries arrive after the restart", seconds=120)

                def pending():
                    with sqlite3.connect(server.data / "weir.db") as database:
                        return database.execute("SELECT COUNT(*) FROM webhook_deliveries WHERE state <> 'delivered'").fetchone()[0]
                eventually(lambda: pending() == 0, "the log says that all were delivered")

    def test_a_rotated_secret_overlaps(self):
        with Receiver() as receiver, Server(arguments=QUICK) as server:
            webhook = self.create(server, receiver.url("/hook"))
            renewed = server.post(f"/v1/webhooks/{webhook['id']}/rotate-secret", {}).json
            server.post(f"/v1/webhooks/{webhook['id']}/test", {})
            both = receiver.wait_for(1)[0]
            self.assertTrue(verifies(both, webhook["secret"]))
            self.assertTrue(verifies(both, renewed["secret"]))

            last = server.post(f"/v1/webhooks/{webhook['id']}/rotate-secret", {"overlap_hours": 0}).json
            server.post(f"/v1/webhooks/{webhook['id']}/test", {})

            only = receiver.wait_for(2)[1]
            self.assertFalse(verifies(only, renewed["secret"]))
            self.assertTrue(verifies(only, last["secret"]))

    def test_a_replay_sends_what_was_missed(self):
        with Receiver() as receiver, Site() as site, Server(arguments=QUICK) as server:
            webhook = self.create(server, receiver.url("/hook"), ["scan.completed", "scan.started"])
            off = server.request("PATCH", f"/v1/webhooks/{webhook['id']}", {"enabled": False})
            self.assertFalse(off.json["enabled"], off.body)
            scan_id = self.scan(server, site)
            refused = server.post(f"/v1/webhooks/{webhook['id']}/replay", {"from": "2020-01-01T00:00:00Z"})
            self.assertEqual(refused.status, 409, refused.body)
            server.request("PATCH", f"/v1/webhooks/{webhook['id']}", {"enabled": True})

            replayed = server.post(f"/v1/webhooks/{webhook['id']}/replay", {"from": "2020-01-01T00:00:00Z"})

            self.assertEqual(replayed.status, 202, replayed.body)
            self.assertEqual(replayed.json["queued_new"], 2, replayed.body)
            got = receiver.wait_for(2, "/hook")
            self.assertEqual({event_of(delivery)["type"] for delivery in got}, {"scan.started", "scan.completed"})
            self.assertEqual({event_of(delivery)["data"]["resource"] for delivery in got}, {scan_id})

    def test_addresses_are_refused_when_a_webhook_is_made(self):
        with Server(arguments=["--set", "webhooks.allow_http=true"]) as server:
            for url, word in (("http://127.0.0.1:9/hook", "webhooks.allow_loopback"), ("http://10.0.0.1/hook", "webhooks.allow_private"),
                              ("http://169.254.169.254/", "metadata"), ("http://user:pw@example.org/", "user"),
                              ("ftp://example.org/", "http")):
                answer = server.post("/v1/webhooks", {"url": url, "events": ["*"]})
                self.assertIn(answer.status, (403, 422), answer.body)
                self.assertIn(word, answer.json["message"], url)
        with Server(arguments=["--set", "webhooks.allow_loopback=true"]) as server:
            answer = server.post("/v1/webhooks", {"url": "http://127.0.0.1:9/hook", "events": ["*"]})
            self.assertEqual(answer.status, 422)
            self.assertIn("https", answer.json["message"])
            own = server.post("/v1/webhooks", {"url": server.url.replace("http:", "https:") + "/", "events": ["*"]})
            self.assertEqual(own.status, 403, own.body)

    def test_secrets_are_sealed_on_disk_and_never_logged(self):
        with Receiver() as receiver, Server(arguments=[*QUICK, "--set", "log.level=debug"]) as server:
            webhook = self.create(server, receiver.url("/hook"), headers={"Idempotency-Key": "again"})
            again = server.post("/v1/webhooks", {"url": receiver.url("/hook"), "events": ["scan.*"]},
                                headers={"Idempotency-Key": "again"})
            self.assertEqual(again.json["secret"], webhook["secret"])
            self.assertNotIn("secret", server.get(f"/v1/webhooks/{webhook['id']}").json)
            server.post(f"/v1/webhooks/{webhook['id']}/test", {})
            receiver.wait_for(1)
            server.stop()

            secret = webhook["secret"].removeprefix("whsec_").encode()
            for file in server.data.iterdir():
                self.assertNotIn(secret, file.read_bytes(), file.name)
            self.assertNotIn(webhook["secret"], server.errors)
            self.assertEqual((server.data / "secrets.key").stat().st_mode & 0o777, 0o600)

    def test_the_command_line_makes_tests_and_lists(self):
        with Receiver() as receiver, Server(arguments=QUICK) as server:
            def run(*arguments):
                return weir("webhooks", *arguments, "--url", server.url, "--key", server.key)
            made = run("create", receiver.url("/hook"), "--events", "scan.completed", "--json")
            self.assertEqual(made.returncode, 0, made.stderr)
            webhook = json.loads(made.stdout)
            self.assertTrue(webhook["secret"].startswith("whsec_"))

            tested = run("test", webhook["id"])
            self.assertEqual(tested.returncode, 0, tested.stderr)
            self.assertIn("delivered", tested.stdout)
            self.assertIn(webhook["id"], run("list").stdout)
            deliveries = run("deliveries", webhook["id"])
            self.assertIn("webhook.test", deliveries.stdout)
            retried = run("retry", deliveries.stdout.split()[0])
            self.assertEqual(retried.returncode, 0, retried.stderr)
            receiver.wait_for(2)
            receiver.answer("/hook", Answer(500))
            self.assertEqual(run("test", webhook["id"]).returncode, 1)
            self.assertEqual(run("delete", webhook["id"]).returncode, 0)
            self.assertIn("No webhooks", run("list").stdout)


if __name__ == "__main__":
    unittest.main()

"""`weir events` against the real binary."""

import json
import subprocess
import unittest

from weir_process import BINARY, Server, Site, eventually, weir


class EventsCommand(unittest.TestCase):
    def start_scan(self, server, site):
        target, is_error = server.call("create_target", {"url": site.url, "attest": "a site of this test"})
        self.assertFalse(is_error, target)
        scan, is_error = server.call("create_scan", {"target_id": (target.get("target") or target)["id"]})
        self.assertFalse(is_error, scan)
        return (scan.get("scan") or scan)["id"]

    def test_a_pipe_gets_one_json_object_a_line(self):
        with Site() as site, Server() as server:
            scan_id = self.start_scan(server, site)
            server.call("get_scan", {"scan_id": scan_id, "wait_seconds": 30})
            environment = {"WEIR_URL": server.url, "WEIR_KEY": server.key}

            everything = weir("events", environment=environment)
            endings = weir("events", "--types", "scan.completed,finding.*", environment=environment)
            of_scan = weir("events", "--resource", scan_id, "--after", "1", environment=environment)
            wrong = weir("events", "--types", "scam.*", environment=environment)

            events = [json.loads(line) for line in everything.stdout.splitlines()]
            self.assertEqual([event["seq"] for event in events], list(range(1, len(events) + 1)))
            self.assertEqual(events[-1]["type"], "scan.completed")
            self.assertEqual({json.loads(line)["type"].split(".")[0] for line in endings.stdout.splitlines()},
                             {"scan", "finding"})
            self.assertEqual([json.loads(line) for line in of_scan.stdout.splitlines()], events[1:])
            self.assertNotEqual(wrong.returncode, 0)
            self.assertIn("scam.*", wrong.stderr)

    def test_following_a_scan_survives_a_killed_server_and_ends_with_the_scan(self):
        with Site(delay=300) as site, Server(keeps_port=True) as server:
            scan_id = self.start_scan(server, site)
            following = subprocess.Popen(
                [BINARY, "events", "--follow", "--resource", scan_id, "--after", "0", "--url", server.url, "--key", server.key],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            first = json.loads(following.stdout.readline())
            self.assertEqual(first["type"], "scan.queued")

            server.kill()
            server.start()
            eventually(lambda: "scan.resumed" in server.get(f"/v1/scans/{scan_id}/events",
                                                            headers={"Accept": "application/json"}).body, "it goes on")
            site._released.set()
            rest, errors = following.communicate(timeout=60)

            self.assertEqual(following.returncode, 0, errors)
            events = [first] + [json.loads(line) for line in rest.splitlines()]
            self.assertEqual([event["seq"] for event in events], list(range(1, len(events) + 1)))
            self.assertEqual(events[-1]["type"], "scan.completed")

    def test_old_events_go_and_a_reader_is_told(self):
        with Site() as site, Server(arguments=["--set", "events.keep_per_resource=2", "--set", "events.trim_ms=20"]) as server:
            scan_id = self.start_scan(server, site)
            server.call("get_scan", {"scan_id": scan_id, "wait_seconds": 30})

            def kept():
                page = server.get(f"/v1/scans/{scan_id}/events?after=1", headers={"Accept": "application/json"}).json
                return page if len(page["data"]) == 2 else None

            page = eventually(kept, "all but two events are deleted")
            self.assertEqual(page["gap"]["requested"], "1")
            self.assertEqual(page["gap"]["first_available"], page["data"][0]["id"])

    def test_a_stream_of_limited_life_is_closed_and_can_be_resumed(self):
        with Site(delay=300) as site, Server(arguments=["--set", "events.stream_lifetime_s=1"]) as server:
            scan_id = self.start_scan(server, site)

            seen = list(server.events(f"/v1/scans/{scan_id}/events?after=0"))

            self.assertTrue(seen, "the stream ended although the scan has not")
            site._released.set()


if __name__ == "__main__":
    unittest.main()

import unittest

from weir_process import Server, Site, eventually

TERMINAL = ("completed", "failed", "cancelled", "timed_out")


class Recovery(unittest.TestCase):
    def test_kill_9_in_mid_scan_loses_nothing_that_was_acknowledged(self):
        with Site(delay=1.5) as site, Server() as server:
            acknowledged = []
            for n in range(20):
                target, is_error = server.call("create_target", {"url": f"{site.url}{n}", "attest": "my own site"})
                self.assertFalse(is_error, target)
                acknowledged.append((target.get("target") or target)["id"])
            scan, is_error = server.call("create_scan", {"target_id": acknowledged[0]})
            self.assertFalse(is_error, scan)
            scan_id = (scan.get("scan") or scan)["id"]
            site.requests.get(timeout=30)

            server.kill()
            server.start()

            listed = server.get("/v1/targets?limit=100").json["data"]
            self.assertEqual({target["id"] for target in listed}, set(acknowledged))
            ended = eventually(lambda: self.ended(server, scan_id), "the scan ends", seconds=120)
            self.assertTrue(ended["status"] == "completed" or ended["error"]["message"], ended)

            events = list(server.events(f"/v1/scans/{scan_id}/events?after=0"))
            sequence = [int(data["seq"]) for event_id, kind, data in events if event_id]
            self.assertEqual(sequence, list(range(1, len(sequence) + 1)))
            self.assertGreater(len(sequence), 2)
            self.assertEqual(events[-1][1], f"scan.{ended['status']}")

            middle = next(event_id for event_id, kind, data in events if event_id and data["seq"] == 2)
            resumed = [int(data["seq"]) for event_id, kind, data in server.events(f"/v1/scans/{scan_id}/events", last_id=middle)
                       if event_id]
            self.assertEqual(resumed, sequence[2:])

    @staticmethod
    def ended(server, scan_id):
        scan = server.get(f"/v1/scans/{scan_id}").json
        scan = scan.get("scan") or scan
        return scan if scan["status"] in TERMINAL else None


if __name__ == "__main__":
    unittest.main()

"""Follows a scan to its end, whatever happens to the connection or the server in between. Standard library only.

    WEIR_URL=http://127.0.0.1:8080 WEIR_KEY=wk_... python3 follow_events.py scn_...
"""

import http.client
import json
import os
import sys
import time
import urllib.parse

RECONNECTS_MAX = 100
ENDINGS = {"scan.completed", "scan.failed", "scan.cancelled", "scan.timed_out"}


def read_events(response):
    """Each (id, type, data) of a stream of Server-Sent Events, until it ends."""
    fields = {}
    for line in response:
        line = line.decode().rstrip("\r\n")
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        else:
            if "data" in fields:
                yield fields.get("id"), fields.get("event", "message"), json.loads(fields["data"])
            fields = {}


def follow(scan_id):
    """Every event of the scan, once. Comes back with the last id when the connection is lost."""
    server = urllib.parse.urlsplit(os.environ["WEIR_URL"])
    last_id = None
    for _ in range(RECONNECTS_MAX):
        headers = {"Authorization": f"Bearer {os.environ['WEIR_KEY']}", "Accept": "text/event-stream"}
        if last_id:
            headers["Last-Event-ID"] = last_id
        # Heartbeats come every 15 seconds, so a minute of silence is a dead connection.
        connection = http.client.HTTPConnection(server.hostname, server.port, timeout=60)
        try:
            connection.request("GET", f"/v1/scans/{scan_id}/events?after=0", headers=headers)
            response = connection.getresponse()
            if response.status in (429, 503):
                time.sleep(int(response.getheader("Retry-After") or 1))
                continue
            if response.status != 200:
                raise SystemExit(json.loads(response.read())["message"])
            for event_id, kind, event in read_events(response):
                last_id = event_id or last_id
                yield kind, event
                if kind in ENDINGS:
                    return
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(0.5)
    raise SystemExit("the stream could not be resumed")


def main():
    seen = 0
    for kind, event in follow(sys.argv[1]):
        if kind == "gap":
            print("older events are gone; the first one left is", event["first_available"])
            continue
        assert event["seq"] == seen + 1, "events come in order, each once"
        seen = event["seq"]
        print(seen, kind)


if __name__ == "__main__":
    main()

import resource
import socket
import time
import unittest

from weir_process import Server, Site

SLOW = 1000
IDLE = 2000
# With sanitizers on two shared cores; the release build's figures are in docs/benchmarks.md.
PROMPT_SECONDS = 2.0


class ManyConnections(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000), hard))

    def prompt(self, server):
        slowest = 0.0
        for _ in range(20):
            start = time.monotonic()
            quota, is_error = server.call("get_quota")
            slowest = max(slowest, time.monotonic() - start)
            self.assertFalse(is_error, quota)
        self.assertLess(slowest, PROMPT_SECONDS)

    def test_a_thousand_clients_that_send_a_byte_at_a_time_change_nothing(self):
        with Server() as server:
            request = b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
            slow = [socket.create_connection((server.host, server.port)) for _ in range(SLOW)]
            for byte in request[:4]:
                for connection in slow:
                    connection.send(bytes([byte]))
                self.prompt(server)
            for connection in slow:
                connection.close()

    def test_idle_streams_and_idle_connections_hold_no_worker(self):
        with Site(delay=100) as site, Server(arguments=["--set", "server.workers=8"]) as server:
            target, is_error = server.call("create_target", {"url": site.url, "attest": "my own site"})
            self.assertFalse(is_error, target)
            scan, is_error = server.call("create_scan", {"target_id": (target.get("target") or target)["id"]})
            self.assertFalse(is_error, scan)
            scan_id = (scan.get("scan") or scan)["id"]
            open_stream = (f"GET /v1/scans/{scan_id}/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
                           f"Authorization: Bearer {server.key}\r\n\r\n").encode()
            streams = [socket.create_connection((server.host, server.port)) for _ in range(IDLE)]
            for stream in streams:
                stream.sendall(open_stream)
            for stream in streams:
                self.assertTrue(stream.recv(4096).startswith(b"HTTP/1.1 200"))
            idle = [socket.create_connection((server.host, server.port)) for _ in range(IDLE)]
            for connection in idle:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            for connection in idle:
                self.assertTrue(connection.recv(4096).startswith(b"HTTP/1.1 200"))

            self.prompt(server)

            # Still alive: each idle connection answers a second request.
            idle[0].sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertTrue(idle[0].recv(4096).startswith(b"HTTP/1.1 200"))
            for connection in streams + idle:
                connection.close()
            cancelled, is_error = server.call("cancel_scan", {"scan_id": scan_id})
            self.assertFalse(is_error, cancelled)


if __name__ == "__main__":
    unittest.main()

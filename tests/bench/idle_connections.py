"""./dev bench idle: what idle SSE streams and idle keep-alive connections cost a running server, and whether a call among
them is still answered at once. Prints memory per connection, counted on the process's resident set, and latencies."""

import os
import pathlib
import platform
import resource
import socket
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "process"))
from weir_process import Server, Site  # noqa: E402

EACH = int(os.environ.get("BENCH_CONNECTIONS", "2000"))
CALLS = 500
WARM_UP = 200


def resident_kib(pid):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError("no VmRSS")


def latencies_ms(server, key):
    body = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_quota","arguments":{},"_meta":{' \
           b'"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}'
    request = (f"POST /mcp HTTP/1.1\r\nHost: {server.host}:{server.port}\r\nAuthorization: Bearer {key}\r\n"
               "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
               "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: get_quota\r\n"
               f"Content-Length: {len(body)}\r\n\r\n").encode() + body
    times = []
    with socket.create_connection((server.host, server.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(CALLS):
            start = time.perf_counter()
            connection.sendall(request)
            answer = connection.recv(65536)
            times.append((time.perf_counter() - start) * 1000)
            assert answer.startswith(b"HTTP/1.1 200"), answer[:200]
    return sorted(times)


def open_all(server, count, request):
    connections = [socket.create_connection((server.host, server.port)) for _ in range(count)]
    for connection in connections:
        connection.sendall(request)
    for connection in connections:
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    return connections


def show(label, times):
    print(f"{label}: median {statistics.median(times):.2f} ms, p99 {times[int(len(times) * 0.99)]:.2f} ms, "
          f"slowest {times[-1]:.2f} ms of {len(times)} calls")


def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * EACH + 1000), hard))
    with Site(delay=300) as site, Server(arguments=["--set", "server.workers=8", "--set", "log.level=warning"]) as server:
        pid = server.process.pid
        target, is_error = server.call("create_target", {"url": site.url, "attest": "a site of this benchmark"})
        assert not is_error, target
        scan, is_error = server.call("create_scan", {"target_id": (target.get("target") or target)["id"]})
        assert not is_error, scan
        scan_id = (scan.get("scan") or scan)["id"]
        stream = (f"GET /v1/scans/{scan_id}/events HTTP/1.1\r\nHost: {server.host}\r\nAccept: text/event-stream\r\n"
                  f"Authorization: Bearer {server.key}\r\n\r\n").encode()
        keep_alive = f"GET /healthz HTTP/1.1\r\nHost: {server.host}\r\n\r\n".encode()
        latencies_ms(server, server.key)
        for connection in open_all(server, WARM_UP, stream) + open_all(server, WARM_UP, keep_alive):
            connection.close()
        time.sleep(0.5)

        model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "")
        print(f"machine: {model}, {os.cpu_count()} cores, Linux {platform.release()}; 8 workers\n")
        show("alone", latencies_ms(server, server.key))
        before = resident_kib(pid)
        streams = open_all(server, EACH, stream)
        with_streams = resident_kib(pid)
        idle = open_all(server, EACH, keep_alive)
        with_both = resident_kib(pid)
        show(f"among {EACH} idle streams and {EACH} idle connections", latencies_ms(server, server.key))
        print(f"memory: {(with_streams - before) * 1024 / EACH:,.0f} bytes for each idle stream, "
              f"{(with_both - with_streams) * 1024 / EACH:,.0f} bytes for each idle connection "
              f"(resident set {before:,} KiB, then {with_streams:,} KiB, then {with_both:,} KiB)")
        for connection in streams + idle:
            connection.close()
        server.call("cancel_scan", {"scan_id": scan_id})


main()

"""How many signed webhook deliveries a second the real binary makes to nginx on this machine: webhook_deliveries.py
[DELIVERIES]. Events of a few scans are replayed to many webhooks; the clock runs from the first replay until the log says
that everything was delivered, so queueing, signing, sending and logging are all in it. Prints markdown."""

import os
import pathlib
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "process"))
from weir_process import Server, Site, eventually  # noqa: E402

WEBHOOKS = 50


class Nginx:
    """Answers every POST with 200; one worker, no log, connections kept."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="weir-bench-nginx-")
        root = pathlib.Path(self.folder.name)
        self.socket_port = self._free_port()
        (root / "nginx.conf").write_text(f"""
daemon off; worker_processes 1; pid {root}/pid; error_log {root}/error.log;
events {{ worker_connections 2048; }}
http {{ access_log off; keepalive_requests 1000000; client_body_temp_path {root}/b; proxy_temp_path {root}/p;
  fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;
  server {{ listen 127.0.0.1:{self.socket_port} backlog=1024; location / {{ return 200; }} }} }}
""")
        self.process = subprocess.Popen(["nginx", "-p", str(root), "-c", str(root / "nginx.conf")], stderr=subprocess.DEVNULL)
        return self

    def __exit__(self, *unused):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()

    @staticmethod
    def _free_port():
        import socket
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.socket_port}/hook"


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def scan(server, site):
    target, is_error = server.call("create_target", {"url": site.url, "attest": "my own site"})
    assert not is_error, target
    scanned, is_error = server.call("create_scan", {"target_id": target["id"], "wait_seconds": 50})
    assert not is_error, scanned


def count(server, where):
    with sqlite3.connect(server.data / "weir.db", timeout=30) as database:
        return database.execute(f"SELECT COUNT(*) FROM {where}").fetchone()[0]


def main():
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 40_000
    arguments = ["--set", "webhooks.allow_http=true", "--set", "webhooks.allow_loopback=true",
                 "--set", f"webhooks.per_account_max={WEBHOOKS}"]
    with Nginx() as nginx, Site() as site, Server(arguments=arguments) as server:
        while count(server, "events") < min(900, -(-wanted // WEBHOOKS)):
            scan(server, site)
        hooks = [server.post("/v1/webhooks", {"url": nginx.url, "events": ["*"]}).json["id"] for _ in range(WEBHOOKS)]

        def replay(some):
            for hook in some:
                answer = server.post(f"/v1/webhooks/{hook}/replay", {"from": "2020-01-01T00:00:00Z", "include_delivered": True})
                assert answer.status == 202, answer.body

        pid = server.process.pid
        cpu, start = cpu_seconds(pid), time.monotonic()
        threads = [threading.Thread(target=replay, args=(hooks[n::2],)) for n in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        eventually(lambda: count(server, "webhooks WHERE due_at IS NOT NULL") == 0, "everything is delivered", seconds=600)
        seconds, used = time.monotonic() - start, cpu_seconds(pid) - cpu
        delivered = count(server, "webhook_deliveries WHERE state = 'delivered'")
        failed = count(server, "webhook_deliveries WHERE state <> 'delivered'")
    print("| deliveries | webhooks | seconds | deliveries/s | CPU seconds of weir | deliveries/s for each core used | not delivered |")
    print("|---|---|---|---|---|---|---|")
    print(f"| {delivered} | {WEBHOOKS} | {seconds:.2f} | {delivered / seconds:.0f} | {used:.2f} | {delivered / used:.0f} | {failed} |")


if __name__ == "__main__":
    main()

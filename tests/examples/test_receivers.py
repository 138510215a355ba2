"""The receivers of examples/webhooks against the real binary: one with nothing but the standard library, one with the
public package standardwebhooks as it is."""

import os
import pathlib
import shutil
import socket
import subprocess
import unittest
import urllib.error
import urllib.request

from weir_process import Server

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "examples" / "webhooks"
PYTHON = os.environ["EXAMPLE_PYTHON"]
NODE = os.environ["EXAMPLE_NODE"]
PACKAGES = pathlib.Path(os.environ["EXAMPLE_NODE_FOLDER"])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Receivers(unittest.TestCase):
    def forge(self, port):
        forged = urllib.request.Request(f"http://127.0.0.1:{port}/hook", data=b'{"type": "scan.completed"}', method="POST",
                                        headers={"webhook-id": "evt_forged", "webhook-timestamp": "1614265330",
                                                 "webhook-signature": "v1,AAAA"})
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(forged, timeout=30)
        self.assertEqual(refused.exception.code, 401)
        refused.exception.close()

    def check(self, command):
        port = free_port()
        allowed = ["--set", "webhooks.allow_http=true", "--set", "webhooks.allow_loopback=true"]
        with Server(arguments=allowed) as server:
            webhook = server.post("/v1/webhooks", {"url": f"http://127.0.0.1:{port}/hook", "events": ["scan.*"]}).json
            receiver = subprocess.Popen([*command, str(port), "2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, "WEIR_WEBHOOK_SECRET": webhook["secret"], "PYTHONPATH": ""})
            try:
                lines = [receiver.stdout.readline().rstrip("\n")]
                self.forge(port)
                lines.append(receiver.stdout.readline().rstrip("\n"))
                server.post(f"/v1/webhooks/{webhook['id']}/test", {})
                lines.append(receiver.stdout.readline().rstrip("\n"))
                # Both secrets sign while one replaces the other: a receiver that has the old one goes on.
                server.post(f"/v1/webhooks/{webhook['id']}/rotate-secret", {})
                server.post(f"/v1/webhooks/{webhook['id']}/test", {})
                output, errors = receiver.communicate(timeout=60)
            finally:
                receiver.kill()
                receiver.wait()
            lines += output.splitlines()
            self.assertEqual(lines, ["listening", "refused: not signed with our secret", "verified: webhook.test",
                                     "verified: webhook.test"], errors)
            self.assertEqual(receiver.returncode, 0, errors)

    def test_python_verifies_with_the_standard_library(self):
        self.check([PYTHON, str(FOLDER / "receive.py")])

    def test_node_verifies_with_the_package_standardwebhooks(self):
        # Node looks for packages beside the program.
        program = shutil.copy(FOLDER / "receive.mjs", PACKAGES)
        self.check([NODE, str(program)])


if __name__ == "__main__":
    unittest.main()

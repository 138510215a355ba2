import collections
import os
import pathlib
import threading
import time
import unittest

from mcp_client import McpClient, held_calls
from weir_process import MODERN, Server


class Assistants(unittest.TestCase):
    """Sixty-four assistants that hammer one key, each ready to wait half a minute."""

    ASSISTANTS = 64
    UNITS = 40
    WINDOW_MS = 1_000
    SECONDS = 9
    GROWTH_MAX_KB = 12 * 1024

    def memory_kb(self, server):
        status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])

    def test_sixty_four_on_one_key_are_all_served_in_turn(self):
        # A sanitized binary keeps freed memory for a while, which is not what is measured.
        environment = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"}
        with Server(arguments=["--set", f"tiers.free.units_per_minute={self.UNITS}",
                               "--set", f"tiers.free.window_ms={self.WINDOW_MS}"], environment=environment) as server:
            self.assertEqual(server.post("/v1/accounts", {"name": "assistants", "tier": "free"}).status, 201)
            key = server.post("/v1/keys", {"account": "assistants"}).json["key"]
            served = collections.Counter()
            admitted = []  # (sent, answered)
            wrong = []
            stop = threading.Event()
            everybody = {}  # who was served how often when the last of them had its first turn

            def assistant(number):
                client = McpClient(server, key, MODERN)
                while not stop.is_set():
                    sent = time.monotonic()
                    status, _, messages = client.call(30_000).read()
                    if status != 200 or messages[0]["result"]["isError"]:
                        wrong.append(messages)
                        return
                    admitted.append((sent, time.monotonic()))
                    served[number] += 1
                    if not everybody and len(served) == self.ASSISTANTS:
                        everybody.update(served)

            threads = [threading.Thread(target=assistant, args=(number,)) for number in range(self.ASSISTANTS)]
            for thread in threads:
                thread.start()
            most_held, memory = 0, []
            end = time.monotonic() + self.SECONDS
            while time.monotonic() < end:
                most_held = max(most_held, held_calls(server))
                memory.append(self.memory_kb(server))
                stop.wait(0.1)
            stop.set()
            for thread in threads:
                thread.join()

            self.assertEqual(wrong, [])
            self.assertGreater(most_held, self.ASSISTANTS // 2)
            self.assertLessEqual(most_held, self.ASSISTANTS)
            # First come, first served, so nobody gets a second turn before the others had theirs.
            self.assertEqual(len(everybody), self.ASSISTANTS)
            turns = [served[number] - everybody[number] for number in everybody]
            self.assertGreater(min(turns), 0, turns)
            self.assertLessEqual(max(turns) - min(turns), 2, turns)
            # No slot stays unused for long, and never were more answered than the windows since the first call hold.
            self.assertGreater(len(admitted), 0.8 * self.UNITS * self.SECONDS * 1000 / self.WINDOW_MS)
            begun = min(sent for sent, _ in admitted)
            for number, answered in enumerate(sorted(answered for _, answered in admitted), start=1):
                windows = int((answered - begun) * 1000 / self.WINDOW_MS) + 1
                self.assertLessEqual(number, windows * self.UNITS)
            self.assertLess(memory[-1] - memory[len(memory) // 3], self.GROWTH_MAX_KB, memory)
            self.assertEqual(held_calls(server), 0)


if __name__ == "__main__":
    unittest.main()

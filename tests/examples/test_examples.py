"""The examples as a reader would run them, beside each other, against a tier of 5 units in 3 seconds."""

import os
import pathlib
import subprocess
import unittest

from weir_process import Server

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
PYTHON = [os.environ["EXAMPLE_PYTHON"]]
NODE = [os.environ["EXAMPLE_NODE"], "--experimental-strip-types", "--no-warnings"]
CALLS = 12
UNITS = 5

RETRIED = "had to wait: yes; refusals of one call: at most 1"
EXPECTED = {
    "python/retry_client.py": (PYTHON, "call {}: 200", RETRIED),
    "python/paced_client.py": (PYTHON, "call {}: 200", "had to wait: yes; refused: 0"),
    "typescript/retry_client.ts": (NODE, "call {}: 200", RETRIED),
    "typescript/body_client.ts": (NODE, "call {}: a page of targets", RETRIED),
}


class Examples(unittest.TestCase):
    def test_print_what_they_promise(self):
        with Server(arguments=["--set", f"tiers.tiny.units_per_minute={UNITS}", "--set", "tiers.tiny.window_ms=3000"]) as server:
            config = server.data.parent / "tiers.toml"
            config.write_text(f"[tiers.tiny]\nunits_per_minute = {UNITS}\nwindow_ms = 3000\n")
            running = {}
            for name, (command, _, _) in EXPECTED.items():
                key = server.key_of(name.split("/")[1].split(".")[0] + "-" + name.split("/")[0], "tiny", "read,write",
                                    "--config", str(config))
                running[name] = subprocess.Popen(
                    [*command, str(EXAMPLES / name), str(CALLS)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    text=True, env={**os.environ, "WEIR_URL": server.url, "WEIR_KEY": key, "PYTHONPATH": ""})
            for name, process in running.items():
                output, errors = process.communicate(timeout=60)
                with self.subTest(example=name):
                    _, line, last = EXPECTED[name]
                    expected = [line.format(call) for call in range(1, CALLS + 1)] + [last]
                    self.assertEqual(output.splitlines(), expected, errors)
                    self.assertEqual(process.returncode, 0, errors)


if __name__ == "__main__":
    unittest.main()

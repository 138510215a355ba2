"""The examples as a reader would run them, beside each other, against a tier of 5 units in 3 seconds."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from weir_process import Server

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "limits.md"
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


# What a reader of docs/limits.md would write around its code.
AROUND = {
    "ts": (NODE, "ts", "import process from 'node:process';\n",
           "\nfor (let n = 1; n <= %d; n++) console.log(`call ${n}: ${(await get('/v1/targets')).status}`);\n" % CALLS),
    "python": (PYTHON, "py", "import os, random, time\nimport httpx\n",
               "\nwith httpx.Client(base_url=os.environ['WEIR_URL'], headers={'Authorization': 'Bearer ' + "
               "os.environ['WEIR_KEY']}) as client:\n    for n in range(1, %d):\n"
               "        print(f\"call {n}: {get(client, '/v1/targets').status_code}\")\n" % (CALLS + 1)),
}


class Examples(unittest.TestCase):
    def key_for(self, server, config, account):
        return server.key_of(account, "tiny", "read,write", "--config", str(config))

    def start(self, server, key, command):
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env={**os.environ, "WEIR_URL": server.url, "WEIR_KEY": key, "PYTHONPATH": ""})

    def test_the_code_of_the_page_about_limits_is_never_left_refused(self):
        blocks = dict(re.findall(r"^```(ts|python)\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE))
        self.assertEqual(set(blocks), set(AROUND))
        with Server(arguments=["--set", f"tiers.tiny.units_per_minute={UNITS}", "--set", "tiers.tiny.window_ms=3000"]) as server, \
                tempfile.TemporaryDirectory(prefix="weir-page-") as folder:
            config = pathlib.Path(folder) / "tiers.toml"
            config.write_text(f"[tiers.tiny]\nunits_per_minute = {UNITS}\nwindow_ms = 3000\n")
            running = {}
            for language, (command, ending, before, after) in AROUND.items():
                program = pathlib.Path(folder) / f"page_{language}.{'m' if ending == 'ts' else ''}{ending}"
                program.write_text(before + blocks[language] + after)
                running[language] = self.start(server, self.key_for(server, config, language), [*command, str(program)])
            for language, process in running.items():
                output, errors = process.communicate(timeout=60)
                with self.subTest(language=language):
                    self.assertEqual(output.splitlines(), [f"call {n}: 200" for n in range(1, CALLS + 1)], errors)

    def test_print_what_they_promise(self):
        with Server(arguments=["--set", f"tiers.tiny.units_per_minute={UNITS}", "--set", "tiers.tiny.window_ms=3000"]) as server:
            config = server.data.parent / "tiers.toml"
            config.write_text(f"[tiers.tiny]\nunits_per_minute = {UNITS}\nwindow_ms = 3000\n")
            running = {}
            for name, (command, _, _) in EXPECTED.items():
                key = self.key_for(server, config, name.split("/")[1].split(".")[0] + "-" + name.split("/")[0])
                running[name] = self.start(server, key, [*command, str(EXAMPLES / name), str(CALLS)])
            for name, process in running.items():
                output, errors = process.communicate(timeout=60)
                with self.subTest(example=name):
                    _, line, last = EXPECTED[name]
                    expected = [line.format(call) for call in range(1, CALLS + 1)] + [last]
                    self.assertEqual(output.splitlines(), expected, errors)
                    self.assertEqual(process.returncode, 0, errors)


if __name__ == "__main__":
    unittest.main()

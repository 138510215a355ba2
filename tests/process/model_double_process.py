"""The model double (tests/model_double) as a child process, and the settings that make it a provider of both kinds."""

import http.client
import json
import pathlib
import subprocess
import sys

KEY = "double-key"
SCRIPT = pathlib.Path(__file__).resolve().parent.parent / "model_double" / "double.py"


class ModelDouble:
    def __enter__(self):
        self.process = subprocess.Popen([sys.executable, "-B", str(SCRIPT), "--key", KEY], stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("model double ready on "), line
        self.url = line.split()[-1]
        return self

    def __exit__(self, *unused):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def settings(self, *more):
        """Arguments of `weir serve`: the providers `openai` and `anthropic`."""
        settings = ["providers.openai.kind=openai_chat", f"providers.openai.base_url={self.url}/v1",
                    "providers.openai.api_key_env=DOUBLE_KEY", "providers.anthropic.kind=anthropic_messages",
                    f"providers.anthropic.base_url={self.url}", "providers.anthropic.api_key_env=DOUBLE_KEY", *more]
        return [argument for setting in settings for argument in ("--set", setting)]

    environment = {"DOUBLE_KEY": KEY}

    def _ask(self, method, path):
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=30)
        try:
            connection.request(method, path)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def requests(self):
        return self._ask("GET", "/double/requests")["requests"]

    def violations(self):
        return self._ask("GET", "/double/violations")

    def reset(self):
        self._ask("POST", "/double/reset")

import contextlib
import http.server
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import unittest

from weir_process import BINARY, Server, weir

KEY = "provider-secret-0123456789"
CALL = {"choices": [{"index": 0, "delta": {"role": "assistant", "tool_calls": [
    {"index": 0, "id": "call_1", "type": "function", "function": {"name": "report_status", "arguments": "{\"status\":\"ok\"}"}}]},
    "finish_reason": "tool_calls"}]}
USAGE = {"choices": [], "usage": {"prompt_tokens": 60, "completion_tokens": 9}}
FLAGS = ("\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set")


class Provider(http.server.ThreadingHTTPServer):
    """Chat completions on loopback, as good or as bad as `mood` says."""

    def __init__(self, mood="good"):
        super().__init__(("127.0.0.1", 0), Handler)
        self.mood = mood
        self.requests_seen = []
        self.url = f"http://127.0.0.1:{self.server_port}/v1"

    def __enter__(self):
        self._thread = threading.Thread(target=self.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *unused):
        self.shutdown()
        self._thread.join()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *unused):
        pass

    def answer(self, status, body, media_type="application/json", **headers):
        body = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def note(self):
        length = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(length)
        self.server.requests_seen.append((self.command, self.path, dict(self.headers), body))
        if self.headers.get("Authorization") != f"Bearer {KEY}":
            self.answer(401, json.dumps({"error": {"message": f"Incorrect API key provided: {self.headers.get('Authorization')}"}}))
            return False
        return True

    def do_GET(self):
        if self.note():
            self.answer(200, json.dumps({"object": "list", "data": [{"id": "small"}, {"id": "large"}]}))

    def do_POST(self):
        if not self.note():
            return
        if self.server.mood == "no flags":
            self.answer(400, json.dumps({"object": "error", "message": FLAGS, "code": 400}))
        elif self.server.mood == "elsewhere":
            self.answer(307, "", Location="http://127.0.0.1:9/v1/chat/completions")
        else:
            self.answer(200, "".join(f"data: {json.dumps(each)}\n\n" for each in (CALL, USAGE)) + "data: [DONE]\n\n",
                        "text/event-stream")


@contextlib.contextmanager
def configured(provider, extra=""):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "weir.toml"
        path.write_text(f'[providers.local]\nkind = "openai_chat"\nbase_url = "{provider.url}"\nmodel = "small"\n'
                        f'api_key_env = "LOCAL_LLM_KEY"\n{extra}')
        yield str(path)


class Providers(unittest.TestCase):
    def test_the_list_shows_no_secret_and_needs_a_key(self):
        with Provider() as provider, configured(provider) as path:
            with Server(arguments=["--config", path], environment={"LOCAL_LLM_KEY": KEY}) as server:
                listed = server.get("/v1/providers")
                self.assertEqual(listed.status, 200)
                self.assertEqual(listed.json["data"], [{"name": "local", "kind": "openai_chat", "model": "small", "has_key": True,
                                                        "base_url": provider.url}])
                self.assertNotIn(KEY, listed.body)
                reader = server.key_of("bots", "starter", "read")
                self.assertNotIn("base_url", server.get("/v1/providers", key=reader).json["data"][0])
                self.assertEqual(server.get("/v1/providers", key="").status, 401)
                self.assertEqual(server.post("/v1/providers/local/test", None, key=reader).status, 403)
            self.assertNotIn(KEY, server.errors)

    def test_a_test_asks_one_question_and_says_what_it_found(self):
        with Provider() as provider, configured(provider) as path:
            with Server(arguments=["--config", path], environment={"LOCAL_LLM_KEY": KEY}) as server:
                tested = server.post("/v1/providers/local/test", None)
                self.assertEqual(tested.status, 200, tested.body)
                self.assertTrue(tested.json["ok"], tested.body)
                self.assertEqual({step["name"] for step in tested.json["steps"]}, {"connection", "model", "answer", "tools"})
                asked = [json.loads(body) for command, _, _, body in provider.requests_seen if command == "POST"]
                self.assertEqual(len(asked), 1)
                self.assertTrue(asked[0]["stream"])
                self.assertEqual(asked[0]["tools"][0]["function"]["name"], "report_status")
                unknown = server.post("/v1/providers/nobody/test", None)
                self.assertEqual(unknown.status, 404)
                self.assertIn("local", unknown.json["message"])

    def test_a_wrong_key_is_explained_and_not_shown(self):
        with Provider() as provider, configured(provider) as path:
            with Server(arguments=["--config", path], environment={"LOCAL_LLM_KEY": "wrong-secret-987"}) as server:
                tested = server.post("/v1/providers/local/test", None)
                self.assertFalse(tested.json["ok"])
                self.assertIn("LOCAL_LLM_KEY", tested.body)
                self.assertNotIn("wrong-secret-987", tested.body)
            self.assertNotIn("wrong-secret-987", server.errors)

    def test_a_redirect_is_refused(self):
        with Provider("elsewhere") as provider, configured(provider) as path:
            with Server(arguments=["--config", path], environment={"LOCAL_LLM_KEY": KEY}) as server:
                tested = server.post("/v1/providers/local/test", None)
                self.assertFalse(tested.json["ok"])
                self.assertIn("Redirects are not followed", tested.body)


class Doctor(unittest.TestCase):
    def doctor(self, provider, mood_key=KEY):
        with configured(provider) as path, Server() as server:
            return subprocess.run([BINARY, "doctor", "--data", str(server.data), "--config", path], capture_output=True, text=True,
                                  env={"LOCAL_LLM_KEY": mood_key, "PATH": "/usr/bin:/bin"}, timeout=120, check=False)

    def test_finds_nothing_wrong_with_a_good_provider(self):
        with Provider() as provider:
            run = self.doctor(provider)
            self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
            self.assertIn("Model provider local: The model called a tool", run.stdout)

    def test_names_the_missing_flags_of_vllm(self):
        with Provider("no flags") as provider:
            run = self.doctor(provider)
            self.assertEqual(run.returncode, 1)
            self.assertIn("Start vLLM with --enable-auto-tool-choice --tool-call-parser", run.stdout)

    def test_says_that_nothing_listens(self):
        with Provider() as provider:
            pass
        run = self.doctor(provider)
        self.assertEqual(run.returncode, 1)
        self.assertIn("nothing listens", run.stdout)


class Configuration(unittest.TestCase):
    def refusal(self, text, environment=None):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "weir.toml"
            path.write_text(text)
            run = subprocess.run([BINARY, "serve", "--data", folder + "/data", "--listen", "127.0.0.1:0", "--config", str(path)],
                                 capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", **(environment or {})}, timeout=60,
                                 check=False)
            self.assertEqual(run.returncode, 2, run.stdout + run.stderr)
            return run.stdout + run.stderr

    def test_a_key_in_the_file_stops_the_start(self):
        said = self.refusal('[providers.cloud]\nbase_url = "https://api.example.com/v1"\napi_key = "sk-secret-abcdef123456"\n')
        self.assertIn("api_key_env", said)
        self.assertNotIn("sk-secret", said)

    def test_a_key_in_a_variable_of_weirs_own_stops_the_start(self):
        said = self.refusal("", {"WEIR_PROVIDERS_CLOUD_API_KEY": "sk-secret-abcdef123456"})
        self.assertIn("does not belong in a configuration", said)
        self.assertNotIn("sk-secret", said)

    def test_an_incomplete_provider_stops_the_start(self):
        self.assertIn("base_url is missing", self.refusal('[providers.local]\nmodel = "m"\n'))


if __name__ == "__main__":
    sys.exit(unittest.main())

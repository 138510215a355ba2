import json
import unittest

from weir_process import Server


def head(*lines):
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class HostileInput(unittest.TestCase):
    """Each gets a clear 4xx; the server, built with sanitizers in the tests, answers a normal client afterwards."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server(arguments=["--set", "limits.failures_per_address=100000"]).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def tearDown(self):
        self.assertEqual(self.server.get("/v1/quota").status, 200)

    def auth(self):
        return f"Authorization: Bearer {self.server.key}"

    def refused(self, data, *statuses):
        answer = self.server.raw(data)
        status_line = answer.split(b"\r\n", 1)[0]
        self.assertRegex(status_line, rb"^HTTP/1\.[01] 4\d\d ", answer[:200])
        status = int(status_line.split()[1])
        if statuses:
            self.assertIn(status, statuses, answer[:300])
        body = answer.split(b"\r\n\r\n", 1)[1]
        error = json.loads(body)
        text = error.get("message") or error.get("error", {}).get("message", "")
        self.assertGreater(len(text), 15, body)
        return error

    def test_a_body_over_the_cap(self):
        self.refused(head("POST /mcp HTTP/1.1", "Host: localhost", self.auth(), "Content-Type: application/json",
                          "Content-Length: 2000000"), 413)

    def test_a_chunked_body_over_the_cap(self):
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        self.refused(head("POST /mcp HTTP/1.1", "Host: localhost", self.auth(), "Content-Type: application/json",
                          "Transfer-Encoding: chunked") + chunk * 20 + b"0\r\n\r\n", 413)

    def test_bad_chunks(self):
        for chunk in (b"zz\r\nabc\r\n0\r\n\r\n", b"-1\r\n\r\n", b"3\r\nabcd\r\n0\r\n\r\n", b"ffffffffffffffffff\r\n", b"3\nabc\n0\n\n"):
            with self.subTest(chunk=chunk):
                self.refused(head("POST /mcp HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked") + chunk, 400, 413)

    def test_two_content_lengths(self):
        for second in ("4", "5"):
            self.refused(head("POST /mcp HTTP/1.1", "Host: localhost", "Content-Length: 4", f"Content-Length: {second}") + b"abcd", 400)

    def test_content_length_with_transfer_encoding(self):
        self.refused(head("POST /mcp HTTP/1.1", "Host: localhost", "Content-Length: 4", "Transfer-Encoding: chunked")
                     + b"0\r\n\r\n", 400)

    def test_a_header_of_a_megabyte(self):
        self.refused(head("GET / HTTP/1.1", "Host: localhost", "X-Long: " + "x" * 1_000_000), 431)

    def test_a_target_of_a_megabyte(self):
        self.refused(head("GET /" + "x" * 1_000_000 + " HTTP/1.1", "Host: localhost"), 414, 431)

    def test_bytes_that_do_not_belong_into_a_head(self):
        for data in (b"GET / HTTP/1.1\nHost: localhost\n\n", head("GET / HTTP/1.1", "Host: localhost", " folded: yes"),
                     head("GET / HTTP/1.1", "Host : localhost"), head("GET / HTTP/1.1", "Host: a\x00b"),
                     head("GET / HTTP/1.1", "Host: localhost", "X: a\x01b"), head("GET / HTTP/1.1"),
                     head("GET / HTTP/1.1", "Host: a", "Host: b"), head("G@T / HTTP/1.1", "Host: localhost")):
            with self.subTest(data=data):
                self.refused(data, 400)

    def test_a_nul_in_a_path(self):
        self.refused(head("GET /v1/scans/a%00b HTTP/1.1", "Host: localhost", self.auth(), "Connection: close"), 400)
        self.refused(b"GET /v1/\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400)

    def post(self, path, body, *statuses):
        return self.refused(head(f"POST {path} HTTP/1.1", "Host: localhost", self.auth(), "Content-Type: application/json",
                                 "Accept: application/json, text/event-stream", "Connection: close",
                                 f"Content-Length: {len(body)}") + body, *(statuses or (400,)))

    def test_invalid_utf8(self):
        for path in ("/mcp", "/v1/targets"):
            self.post(path, b'{"url": "\xff\xfe"}')

    def test_json_ten_thousand_deep(self):
        for path in ("/mcp", "/v1/targets"):
            self.post(path, b"[" * 10_000 + b"]" * 10_000)
            self.post(path, b'{"a":' * 10_000 + b"1" + b"}" * 10_000)

    def test_what_is_not_json(self):
        self.post("/mcp", b"")
        self.post("/v1/targets", b"", 422)  # no body is no arguments: the url is missing
        for body in (b"{", b"nonsense", b'{"a": 1}}', b'{"a": NaN}'):
            for path in ("/mcp", "/v1/targets"):
                with self.subTest(body=body, path=path):
                    self.post(path, body)

    def test_a_key_in_the_query_is_refused_and_not_repeated(self):
        answer = self.server.raw(head(f"GET /v1/targets?api_key={self.server.key} HTTP/1.1", "Host: localhost", "Connection: close"))
        self.assertIn(b" 40", answer.split(b"\r\n")[0])
        self.assertNotIn(self.server.key.encode(), answer)


if __name__ == "__main__":
    unittest.main()
